//! An image: its name, what is in it, and how it is started.
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use invar_flake::phase::{Interpreter, PhaseStart, Put, Unread};
use invar_flake::{Data, Datum, Image, ImageConfig, Thing};
use invar_nix::{Place, SymbolId};
use toml::Value;

use crate::flake::overrides::flat;
use crate::flake::place::ENVIRONMENT;
use crate::flake::reader::Reader;
use crate::nixpkgs::counterpart;

/// Attributes that say how Nix makes the image: cuts layers, dates files, packs. Invar has decided this once and for all.
const WITHOUT_MEANING: [&str; 12] = [
    "keepContentsDirlinks",
    "compressor",
    "diskSize",
    "buildVMMemorySize",
    "includeStorePaths",
    "includeNixDB",
    "meta",
    "passthru",
    "initializeNixDatabase",
    "layeringPipeline",
    "maxLayers",
    "version",
];

/// Programs that add accounts.
const ACCOUNTS: [&str; 4] = ["groupadd", "useradd", "addgroup", "adduser"];

impl Reader<'_> {
    /// Reads an image.
    pub(super) fn image(&mut self, image: &Image) {
        if let Some(name) = &image.name {
            self.image_text("name", name);
        }
        if let Some(tag) = &image.tag {
            self.image_text("tag", tag);
        }
        if let Some(contents) = &image.contents {
            self.contents(contents, None);
        }
        for layer in image.layers.iter().flat_map(flat) {
            self.layer(&layer, 0);
        }
        if let Some(base) = image.from_image.as_ref().filter(|base| base.value != Data::Null) {
            let why =
                "images start from Debian packages: what of this base is needed is to be named in `packages`";
            self.note(base.place.as_ref(), "", why);
        }
        self.config(&image.config);
        self.lay_all();
        self.root_commands(image);
        if let Some(perms) = image.perms.as_ref().filter(|perms| !perms.items().is_empty()) {
            self.note(
                perms.place.as_ref(),
                "",
                "files belong to root, with the modes that they have; `user` owns `directories`",
            );
        }
        for (name, datum) in &image.owner {
            let is_root = matches!(&datum.value, Data::Int(0)) || datum.text() == Some("root");
            if !is_root {
                self.note(
                    datum.place.as_ref(),
                    name,
                    "files belong to root; `user` owns what is in `directories`",
                );
            }
        }
        if let Some(architecture) = &image.architecture {
            match architecture.text() {
                Some("amd64") => {}
                Some("arm64") => self.draft.image.set("platforms", vec!["linux/arm64"]),
                _ => self.note(architecture.place.as_ref(), "", "this platform is not known"),
            }
        }
        for (name, datum) in &image.other {
            if !WITHOUT_MEANING.contains(&name.as_str()) && datum.value != Data::Null {
                self.note(datum.place.as_ref(), "", &format!("{name} of an image has no counterpart here"));
            }
        }
    }

    /// The text of a datum as the image has it; what is wrong with it is noted.
    fn told(&mut self, datum: &Datum) -> Option<String> {
        let result = match &datum.value {
            Data::Text(text) => self.resolve(&text.clone()),
            Data::Int(number) => Ok(number.to_string()),
            Data::Path(_) | Data::Thing(_) => match self.flake.variable(datum) {
                Some(text) => self.resolve(&text),
                None => Err("this is not known".to_owned()),
            },
            Data::Null => return None,
            Data::Unreadable(unreadable) => Err(unreadable.why.clone()),
            _ => Err("this is not a text".to_owned()),
        };
        match result {
            Ok(text) => Some(text),
            Err(why) => {
                self.note(datum.place.as_ref(), "", &why);
                None
            }
        }
    }

    fn image_text(&mut self, key: &str, datum: &Datum) {
        if let Some(text) = self.told(datum) {
            self.draft.image.set(key, text);
        }
    }

    /// What is laid over the root.
    fn contents(&mut self, contents: &Datum, only: Option<&Vec<String>>) {
        for item in flat(contents) {
            let place = item.place.clone().or_else(|| contents.place.clone());
            let result = match (&item.value, item.thing()) {
                (_, Some(symbol)) => self.root_thing(symbol, only, place.as_ref()),
                (Data::Path(path), _) => {
                    self.root_path(&path.clone(), None);
                    Ok(())
                }
                (Data::Text(text), _) => match self.flake.pieces(text).first() {
                    Some(invar_flake::Piece::Thing(symbol)) => self.root_thing(*symbol, only, place.as_ref()),
                    _ => Err("this part of the image is not known".to_owned()),
                },
                (Data::Unreadable(unreadable), _) => Err(unreadable.why.clone()),
                _ => Err("this part of the image is not known".to_owned()),
            };
            if let Err(why) = result {
                let name = item.thing().map(|symbol| self.name_of(symbol)).unwrap_or_default();
                self.note(place.as_ref(), &name, &why);
            }
        }
    }

    /// What is in a directory of the project, in the root; of it only what is selected.
    fn root_path(&mut self, path: &str, selected: Option<&[String]>) {
        let start = if path.is_empty() { String::new() } else { format!("{path}/") };
        let paths: Vec<String> = match selected {
            Some(selected) => selected.to_vec(),
            None => {
                let inside = self.files.range(start.clone()..).map(|(path, _)| path.as_str());
                let inside = inside.take_while(|path| path.starts_with(&start));
                let names: BTreeSet<&str> =
                    inside.filter_map(|path| path[start.len()..].split('/').next()).collect();
                names.into_iter().map(|name| format!("{start}{name}")).collect()
            }
        };
        for path in paths {
            let place = path.strip_prefix(&start).unwrap_or(&path);
            self.steps.copy("files", &path, &format!("/{place}"), false);
        }
    }

    fn root_thing(
        &mut self,
        symbol: SymbolId,
        only: Option<&Vec<String>>,
        place: Option<&Place>,
    ) -> Result<(), String> {
        match &*Rc::clone(&self.flake.thing(symbol)) {
            Thing::Package(package) => {
                let name = package.name();
                let last = package.path.last().map(String::as_str).unwrap_or_default();
                if matches!(last, "bash" | "bashInteractive" | "bashNonInteractive" | "busybox" | "dash") {
                    self.draft.shell = true;
                    if last != "dash" && last != "busybox" {
                        self.draft.packages.insert("bash".to_owned());
                    }
                    return Ok(());
                }
                self.root_packages.insert(name);
                self.locate(symbol, "/bin").map(|_| ())
            }
            Thing::ImagePart(part) => {
                self.image_part(part, place);
                Ok(())
            }
            Thing::Environment(_) | Thing::Application { .. } | Thing::PythonPackage(_) => {
                self.has_root_environment = true;
                self.locate(symbol, "").map(|_| ())
            }
            Thing::Interpreter(_) | Thing::InterpreterEnvironment { .. } => {
                self.locate(symbol, "").map(|_| ())
            }
            Thing::Derivation(derivation)
                if derivation.function == "buildEnv" || derivation.function == "symlinkJoin" =>
            {
                let shown: Vec<String> = derivation
                    .items("pathsToLink")
                    .iter()
                    .filter_map(|item| item.text().map(str::to_owned))
                    .collect();
                let only = if shown.is_empty() || shown.iter().any(|path| path == "/") {
                    only.cloned()
                } else {
                    Some(shown)
                };
                // Without commands of its own it is nothing but what is joined in it.
                if derivation.text("postBuild").is_none_or(str::is_empty) {
                    let paths = derivation.get("paths").cloned();
                    if let Some(paths) = paths {
                        self.contents(&paths, only.as_ref());
                    }
                    return Ok(());
                }
                self.lay(symbol, derivation, "/", only);
                Ok(())
            }
            Thing::Derivation(derivation) => {
                if matches!(derivation.function.as_str(), "buildPythonApplication" | "buildPythonPackage") {
                    self.has_root_environment = true;
                    self.add_python_derivation(symbol, derivation);
                    return Ok(());
                }
                match self.unbuildable(derivation) {
                    Some(why) => Err(why),
                    None => {
                        self.lay(symbol, derivation, "/", only.cloned());
                        Ok(())
                    }
                }
            }
            Thing::Output { of, .. } => self.root_thing(*of, only, place),
            Thing::Path(path) => {
                self.root_path(path, None);
                Ok(())
            }
            Thing::Source { root, files, .. } => {
                match &root.value {
                    Data::Path(path) => {
                        if files.is_none() {
                            self.note(place, "", "which files a filter leaves out is not known: all of the directory are taken");
                        }
                        self.root_path(path, files.as_deref());
                        Ok(())
                    }
                    _ => Err("which files these are is not known".to_owned()),
                }
            }
            Thing::Joined(parts) => {
                parts.iter().for_each(|part| self.contents(part, only));
                Ok(())
            }
            Thing::Choice { condition, .. } => Err(format!("it depends on {condition}, which is not known")),
            Thing::Call { function, .. } => {
                Err(format!("what pkgs.{} gives is not known", function.join(".")))
            }
            Thing::Unknown(description) => Err(format!("{description} is not known")),
            _ => Err("this part of the image is not known".to_owned()),
        }
    }

    /// Ready-made parts of `dockerTools`.
    fn image_part(&mut self, part: &str, place: Option<&Place>) {
        match part {
            // Debian's base has the accounts.
            "fakeNss" => {}
            "caCertificates" => _ = self.draft.packages.insert("ca-certificates".to_owned()),
            "binSh" => self.draft.shell = true,
            "usrBinEnv" => _ = self.draft.packages.insert("coreutils".to_owned()),
            other => self.note(place, other, "this part of dockerTools is not known"),
        }
    }

    /// A layer of nix2container.
    fn layer(&mut self, layer: &Datum, depth: usize) {
        let Some(symbol) = layer.thing() else {
            if layer.value != Data::Null {
                self.note(layer.place.as_ref(), "", "this layer is not known");
            }
            return;
        };
        let thing = self.flake.thing(symbol);
        let Thing::Layer { attributes } = &*thing else {
            self.note(layer.place.as_ref(), "", "this layer is not known");
            return;
        };
        for (name, datum) in attributes {
            match name.as_str() {
                // What these need is in the image because something else in it refers to them.
                "copyToRoot" | "contents" => self.contents(datum, None),
                "deps" => self.layer_packages(datum),
                "layers" if depth < 8 => flat(datum).iter().for_each(|inner| self.layer(inner, depth + 1)),
                "reproducible" | "maxLayers" | "ignore" | "metadata" => {}
                "perms" if datum.items().is_empty() => {}
                "perms" => {
                    self.note(
                        datum.place.as_ref(),
                        "",
                        "files belong to root, with the modes that they have",
                    );
                }
                other => self.note(
                    datum.place.as_ref(),
                    "",
                    &format!("{other} of a layer has no counterpart here"),
                ),
            }
        }
    }

    /// Packages that a layer is made of: they are in the image, but not in its root.
    fn layer_packages(&mut self, datum: &Datum) {
        for item in flat(datum) {
            let result = match item.thing() {
                Some(symbol) => self.locate(symbol, "/bin").map(|_| ()),
                None => self
                    .flake
                    .variable(&item)
                    .map_or(Err("it is not known".to_owned()), |text| self.resolve(&text).map(|_| ())),
            };
            if let Err(why) = result {
                self.note(item.place.as_ref().or(datum.place.as_ref()), "", &why);
            }
        }
    }

    fn config(&mut self, config: &ImageConfig) {
        if let Some(datum) = config.unreadable.as_ref().filter(|datum| datum.value != Data::Null) {
            let why = match &datum.value {
                Data::Unreadable(unreadable) => unreadable.why.clone(),
                _ => "the configuration is not known".to_owned(),
            };
            self.note(datum.place.as_ref(), "config", &why);
        }
        for (key, datum) in [("entrypoint", &config.entrypoint), ("command", &config.command)] {
            if let Some(datum) = datum {
                self.command(key, datum);
            }
        }
        if let Some(environment) = &config.environment {
            self.variables(environment);
        }
        for (name, datum) in set_or_list(config.exposed_ports.as_ref()) {
            match name.strip_suffix("/tcp").unwrap_or(&name).parse::<i64>() {
                Ok(port) => self.draft.image.add("ports", port),
                Err(_) if name.is_empty() => self.note(datum.place.as_ref(), "", "this port is not known"),
                Err(_) => self.draft.image.add("ports", name.as_str()),
            }
        }
        for (name, _) in set_or_list(config.volumes.as_ref()) {
            self.draft.image.add("volumes", name);
        }
        for (name, datum) in config.labels.as_ref().and_then(Datum::attributes).into_iter().flatten() {
            if let Some(text) = self.told(datum) {
                self.draft.image.set_in("labels", name, text);
            }
        }
        let texts = [
            ("user", &config.user),
            ("workdir", &config.working_directory),
            ("stop-signal", &config.stop_signal),
        ];
        for (key, datum) in texts {
            if let Some(datum) = datum
                && datum.text() != Some("")
            {
                self.image_text(key, datum);
            }
        }
        if let Some(check) = &config.healthcheck {
            self.health_check(check);
        }
        for (name, datum) in &config.other {
            self.note(
                datum.place.as_ref(),
                "",
                &format!("{name} of the configuration has no counterpart here"),
            );
        }
    }

    /// The program that is started, and its arguments.
    fn command(&mut self, key: &str, datum: &Datum) {
        let mut words = Vec::new();
        for item in flat(datum) {
            let place = item.place.clone().or_else(|| datum.place.clone());
            match self.told(&Datum { place, ..item }) {
                Some(word) => words.push(word),
                // Half a command is none.
                None => return,
            }
        }
        if let Some(first) = words.first_mut() {
            // What a command of the image is called when it is looked up in `PATH`.
            *first = self.command_word(first);
        }
        if !words.is_empty() {
            let words: Vec<Value> = words.into_iter().map(Value::from).collect();
            self.draft.image.set(key, Value::Array(words));
        }
    }

    /// The first word of a command, as the image has it.
    fn command_word(&mut self, word: &str) -> String {
        if let Some(name) = word.strip_prefix(ENVIRONMENT).and_then(|rest| rest.strip_prefix("/bin/")) {
            return name.to_owned();
        }
        self.lay_all();
        // A program of the root comes before one of the environment that is called the same.
        if !word.contains('/') && self.steps.has(&format!("/bin/{word}")) {
            return format!("/bin/{word}");
        }
        let Some(name) = word.strip_prefix("/bin/").filter(|name| !name.contains('/')) else {
            return word.to_owned();
        };
        if self.steps.has(word) {
            return word.to_owned();
        }
        let own = self.root_packages.iter().find(|package| {
            package.rsplit('.').next() == Some(name)
                || counterpart(package).is_some_and(|found| found.has(name))
        });
        match own.and_then(|package| counterpart(package)) {
            Some(found) => found.program(name),
            // A program of the environment, which is in the root there.
            None if self.has_root_environment && !matches!(name, "sh" | "bash") => name.to_owned(),
            None => word.to_owned(),
        }
    }

    fn variables(&mut self, environment: &Datum) {
        for item in flat(environment) {
            let place = item.place.clone().or_else(|| environment.place.clone());
            let Some(text) = item.text().map(str::to_owned) else {
                let why = match &item.value {
                    Data::Unreadable(unreadable) => unreadable.why.clone(),
                    _ => "this variable is not known".to_owned(),
                };
                self.note(place.as_ref(), "", &why);
                continue;
            };
            let Some((name, value)) = text.split_once('=') else {
                self.note(place.as_ref(), &text, "a variable is NAME=value");
                continue;
            };
            match self.variable(name, value) {
                Ok(Some(value)) => {
                    // The image's own PATH has the environment's programs and Debian's: others come before it.
                    if name == "PATH"
                        && let Some(own) = value.as_str()
                    {
                        let path = format!(
                            "{own}:/app/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
                        );
                        self.draft.image.set_in("env", name, path);
                    } else {
                        self.draft.image.set_in("env", name, value);
                    }
                }
                Ok(None) => {}
                Err(why) => self.note(place.as_ref(), name, &why),
            }
        }
    }

    fn health_check(&mut self, check: &Datum) {
        let Some(fields) = check.attributes() else {
            self.note(check.place.as_ref(), "", "this health check is not known");
            return;
        };
        let mut table = toml::Table::new();
        for (name, datum) in fields {
            match name.to_ascii_lowercase().as_str() {
                "test" => {
                    let words: Option<Vec<String>> = flat(datum).iter().map(|item| self.told(item)).collect();
                    let Some(words) = words else { return };
                    let words: Vec<Value> = match words.split_first() {
                        Some((first, rest)) if first == "CMD" => {
                            rest.iter().map(|word| word.as_str().into()).collect()
                        }
                        Some((first, rest)) if first == "CMD-SHELL" => {
                            self.draft.shell = true;
                            let script = rest.join(" ");
                            ["/bin/sh", "-c", &script].map(Value::from).to_vec()
                        }
                        _ => {
                            self.note(datum.place.as_ref(), "", "this health check is not known");
                            return;
                        }
                    };
                    table.insert("command".to_owned(), words.into());
                }
                "interval" => self.duration(&mut table, "interval", datum),
                "timeout" => self.duration(&mut table, "timeout", datum),
                "startperiod" => self.duration(&mut table, "start-period", datum),
                "retries" => match datum.value {
                    Data::Int(number) => _ = table.insert("retries".to_owned(), number.into()),
                    _ => self.note(datum.place.as_ref(), "", "this number is not known"),
                },
                _ => self.note(
                    datum.place.as_ref(),
                    "",
                    &format!("{name} of a health check has no counterpart here"),
                ),
            }
        }
        if table.contains_key("command") {
            self.draft.image.set("health-check", table);
        }
    }

    /// A time in nanoseconds.
    fn duration(&mut self, table: &mut toml::Table, key: &str, datum: &Datum) {
        match datum.value {
            Data::Int(nanoseconds) if nanoseconds > 0 && nanoseconds % 1_000_000_000 == 0 => {
                table.insert(key.to_owned(), format!("{}s", nanoseconds / 1_000_000_000).into());
            }
            Data::Int(nanoseconds) if nanoseconds > 0 => {
                table.insert(key.to_owned(), format!("{}ms", nanoseconds / 1_000_000).into());
            }
            _ => self.note(datum.place.as_ref(), "", "this time is not known"),
        }
    }

    /// Commands over the files of the root.
    fn root_commands(&mut self, image: &Image) {
        let is_root = image.enable_fakechroot.as_ref().and_then(Datum::boolean).unwrap_or(false);
        let all = [
            ("extraCommands", &image.extra_commands, "/image"),
            ("fakeRootCommands", &image.fake_root_commands, if is_root { "/" } else { "/image" }),
            ("runAsRoot", &image.run_as_root, "/"),
        ];
        for (name, datum, output) in all {
            let Some(datum) = datum.as_ref().filter(|datum| datum.value != Data::Null) else { continue };
            let Some(text) = datum.text().map(str::to_owned) else {
                let why = match &datum.value {
                    Data::Unreadable(unreadable) => unreadable.why.clone(),
                    _ => "its text depends on something that is not known".to_owned(),
                };
                self.note(datum.place.as_ref(), name, &why);
                continue;
            };
            self.root_command(name, &text, datum, output);
        }
    }

    fn root_command(&mut self, name: &str, text: &str, datum: &Datum, output: &str) {
        let mut interpreter = Interpreter::new(PhaseStart {
            variables: Default::default(),
            arrays: Default::default(),
            output: output.to_owned(),
            directory: output.to_owned(),
            sources: vec![(invar_flake::PROJECT.to_owned(), String::new())],
            files: self.files,
        });
        interpreter.run(name, text);
        let mut found = invar_flake::DerivationTree { tree: interpreter.finish(), ..Default::default() };
        if let Some(place) = &datum.place {
            found.places.insert(name.to_owned(), place.clone());
        }
        let owned: Vec<String> = found.tree.owners.iter().map(|owner| owner.path.clone()).collect();
        // Directories that are made for the image's own user, or for everyone.
        for (path, entry) in &found.tree.entries {
            let is_tmp = path == "tmp" || path == "var/tmp";
            if entry.put == Put::Directory
                && !is_tmp
                && (owned.contains(path) || entry.mode.is_some_and(|mode| mode & 0o002 != 0))
            {
                self.draft.image.add("directories", format!("/{path}"));
            }
        }
        let user = self.draft.image.get("user").and_then(Value::as_str).map(str::to_owned);
        let numbers = accounts(&found.tree.unread);
        let number = |name: &str| numbers.get(name).cloned().unwrap_or_else(|| name.to_owned());
        let first = |owner: &str| number(owner.split(':').next().unwrap_or_default());
        let is_users = |owner: &str| user.as_deref().is_some_and(|user| first(user) == first(owner));
        let directories: Vec<String> = match self.draft.image.get("directories") {
            Some(Value::Array(list)) => {
                list.iter().filter_map(|path| path.as_str().map(str::to_owned)).collect()
            }
            _ => Vec::new(),
        };
        found
            .tree
            .owners
            .retain(|owner| !is_users(&owner.owner) || !directories.contains(&format!("/{}", owner.path)));
        // Accounts with numbers need no entry in a file.
        let numbers = accounts(&found.tree.unread);
        if let Some(user) = &user {
            let (name, group) = user.split_once(':').unwrap_or((user, ""));
            if let Some(number) = numbers.get(name) {
                let group = numbers.get(group).map_or(group, String::as_str);
                let group = if group.is_empty() { number } else { group };
                self.draft.image.set("user", format!("{number}:{group}"));
            }
        }
        let is_known = |unread: &Unread| {
            let words: Vec<&str> = unread.command.split_whitespace().collect();
            let program = words.first().copied().unwrap_or_default();
            ACCOUNTS.contains(&program) && words.last().is_some_and(|name| numbers.contains_key(*name))
        };
        found.tree.unread.retain(|unread| !is_known(unread));
        self.lay_commands(&found, name);
    }
}

/// The numbers of the accounts that commands add, by their names.
fn accounts(unread: &[Unread]) -> BTreeMap<String, String> {
    let mut numbers = BTreeMap::new();
    for Unread { command, .. } in unread {
        let words: Vec<&str> = command.split_whitespace().collect();
        let Some((program, rest)) = words.split_first() else { continue };
        if !ACCOUNTS.contains(program) {
            continue;
        }
        let option = |names: &[&str]| {
            let at = rest.iter().position(|word| names.contains(word))?;
            rest.get(at + 1).filter(|number| number.chars().all(|c| c.is_ascii_digit()))
        };
        let names: &[&str] = if program.contains("group") { &["-g", "--gid"] } else { &["-u", "--uid"] };
        if let (Some(number), Some(name)) = (option(names), rest.last()) {
            numbers.entry((*name).to_owned()).or_insert_with(|| (*number).to_owned());
        }
    }
    numbers
}

/// The names of a set, or the texts of a list.
fn set_or_list(datum: Option<&Datum>) -> Vec<(String, Datum)> {
    let Some(datum) = datum else { return Vec::new() };
    match datum.attributes() {
        Some(set) => set.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        None => {
            flat(datum).into_iter().map(|item| (item.text().unwrap_or_default().to_owned(), item)).collect()
        }
    }
}
