//! Commands over the files of an image's root: `extraCommands`, `fakeRootCommands`, `runAsRoot`.
use std::collections::BTreeMap;

use invar_flake::phase::{FileContent, Interpreter, PhaseStart, UnknownCommand};
use invar_flake::{Data, Datum, Image};
use toml::Value;

use crate::flake::reader::Reader;

/// Programs that add accounts.
const ACCOUNTS: [&str; 4] = ["groupadd", "useradd", "addgroup", "adduser"];

impl Reader<'_> {
    /// Commands over the files of the root.
    pub(super) fn root_commands(&mut self, image: &Image) {
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
                    _ => "its text depends on an unknown value".to_owned(),
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
        // Directories that are created for the image's own user, or for everyone.
        for (path, entry) in &found.tree.entries {
            let is_tmp = path == "tmp" || path == "var/tmp";
            if entry.put == FileContent::Directory
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
                if let Some(home) = home(&found.tree.unread, name) {
                    self.draft.image.add("directories", home.as_str());
                    self.draft.image.set_in("env", "HOME", home);
                }
            }
        }
        // The image's own user, with what its commands name: its group.
        let own = user.as_deref().unwrap_or_default().split(':').next().unwrap_or_default();
        let of_user: Vec<String> = (found.tree.unread.iter())
            .filter(|unread| ACCOUNTS.iter().any(|program| unread.command.starts_with(program)))
            .filter(|unread| !own.is_empty() && unread.command.split_whitespace().any(|word| word == own))
            .flat_map(|unread| unread.command.split_whitespace().map(str::to_owned))
            .collect();
        let is_known = |unread: &UnknownCommand| {
            let words: Vec<&str> = unread.command.split_whitespace().collect();
            let (Some(program), Some(name)) = (words.first(), words.last()) else { return false };
            let has_number = words.iter().any(|word| word.parse::<u32>().is_ok());
            ACCOUNTS.contains(program)
                && numbers.contains_key(*name)
                && (has_number || of_user.iter().any(|word| word == name))
        };
        found.tree.unread.retain(|unread| !is_known(unread));
        self.lay_commands(&found, name);
    }
}

/// The numbers of the accounts that commands add, by their names.
fn accounts(unread: &[UnknownCommand]) -> BTreeMap<String, String> {
    let mut numbers = BTreeMap::new();
    for UnknownCommand { command, .. } in unread {
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
        let Some(name) = rest.last().filter(|name| !name.starts_with('-')) else { continue };
        let is_system = rest.iter().any(|word| matches!(*word, "-r" | "-S" | "--system"));
        // The first number that the programs choose by themselves.
        let number = option(names).copied().unwrap_or(if is_system { "999" } else { "1000" });
        numbers.entry((*name).to_owned()).or_insert_with(|| number.to_owned());
    }
    numbers
}

/// The home of the account `name`, if the commands make it.
fn home(unread: &[UnknownCommand], name: &str) -> Option<String> {
    let words = unread.iter().map(|unread| unread.command.split_whitespace().collect::<Vec<_>>());
    let words =
        words.into_iter().find(|words| words.first() == Some(&"useradd") && words.last() == Some(&name))?;
    let makes = words.iter().any(|word| match word.strip_prefix('-') {
        Some(letters) if !letters.starts_with('-') => letters.contains('m'),
        _ => *word == "--create-home",
    });
    let given = words.iter().position(|word| matches!(*word, "-d" | "--home" | "--home-dir"));
    let given = given.and_then(|at| words.get(at + 1)).map(|home| (*home).to_owned());
    makes.then(|| given.unwrap_or_else(|| format!("/home/{name}")))
}
