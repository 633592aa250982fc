//! An image: its name, what is in it, and how it is started.
mod commands;
mod root;

use invar_flake::{Data, Datum, Image, ImageConfig};
use invar_tree::SEARCH_PATH;
use toml::Value;

use crate::flake::overrides::flat;
use crate::flake::place::ENVIRONMENT;
use crate::flake::reader::Reader;
use crate::nixpkgs::counterpart;

/// Attributes that say how Nix makes the image: cuts layers, dates files, packs. Invar has decided this once and for
/// all.
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
            let why = "images start from Debian packages: add what you need of this base to `packages`";
            self.note(base.place.as_ref(), "", why);
        }
        self.config(&image.config);
        self.lay_all();
        self.root_commands(image);
        if let Some(perms) = image.perms.as_ref().filter(|perms| !perms.items().is_empty()) {
            self.note(
                perms.place.as_ref(),
                "",
                "files belong to root and keep their modes; `user` owns `directories`",
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
                _ => self.note(architecture.place.as_ref(), "", "this platform is not supported"),
            }
        }
        for (name, datum) in &image.other {
            if !WITHOUT_MEANING.contains(&name.as_str()) && datum.value != Data::Null {
                self.note(
                    datum.place.as_ref(),
                    "",
                    &format!("{name} of an image has no equivalent in Invar"),
                );
            }
        }
    }

    /// The text of a datum as the image has it; what is wrong with it is noted.
    fn told(&mut self, datum: &Datum) -> Option<String> {
        let result = match &datum.value {
            Data::Text(text) => self.at(datum.place.as_ref(), |reader| reader.resolve(text)),
            Data::Int(number) => Ok(number.to_string()),
            Data::Path(_) | Data::Thing(_) => match self.flake.variable(datum) {
                Some(text) => self.resolve(&text),
                None => Err("this is unknown".to_owned()),
            },
            Data::Null => return None,
            Data::Unreadable(unreadable) => Err(unreadable.why.clone()),
            _ => Err("this is not a string".to_owned()),
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

    fn config(&mut self, config: &ImageConfig) {
        if let Some(datum) = config.unreadable.as_ref().filter(|datum| datum.value != Data::Null) {
            let why = match &datum.value {
                Data::Unreadable(unreadable) => unreadable.why.clone(),
                _ => "the configuration is unknown".to_owned(),
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
                Err(_) if name.is_empty() => self.note(datum.place.as_ref(), "", "this port is unknown"),
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
                &format!("{name} of the configuration has no equivalent in Invar"),
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
                // Half a command is not a command.
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
                    _ => "this variable is unknown".to_owned(),
                };
                self.note(place.as_ref(), "", &why);
                continue;
            };
            let Some((name, value)) = text.split_once('=') else {
                self.note(place.as_ref(), &text, "write variables as NAME=value");
                continue;
            };
            match self.variable(name, value) {
                Ok(Some(value)) => {
                    // The image's own PATH has the environment's programs and Debian's: others come before it.
                    if name == "PATH"
                        && let Some(own) = value.as_str()
                    {
                        let path = format!("{own}:/app/.venv/bin:{SEARCH_PATH}");
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
            self.note(check.place.as_ref(), "", "this health check is unknown");
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
                            self.note(datum.place.as_ref(), "", "this health check is unknown");
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
                    _ => self.note(datum.place.as_ref(), "", "this number is unknown"),
                },
                _ => self.note(
                    datum.place.as_ref(),
                    "",
                    &format!("{name} of a health check has no equivalent in Invar"),
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
            _ => self.note(datum.place.as_ref(), "", "this duration is unknown"),
        }
    }
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
