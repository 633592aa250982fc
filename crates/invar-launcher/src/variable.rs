//! Variables whose values depend on what the caller has in them.
use std::collections::{BTreeMap, BTreeSet};

use crate::{Launcher, Values};

/// A variable that is changed, and not just set.
#[derive(Debug)]
pub(crate) struct Variable {
    /// Its name and `=`.
    pub name: String,
    /// The whole variable where the caller has none.
    pub absent: String,
    /// What is done to what the caller has; `None` where that is handed on as it is.
    pub change: Option<Change>,
}

/// What is put around the value of a variable.
#[derive(Debug)]
pub(crate) struct Change {
    /// The name, `=`, and what comes before the value.
    pub start: String,
    /// What comes after the value.
    pub end: String,
    /// The whole variable where the value is empty.
    pub empty: String,
}

impl Variable {
    /// Its texts.
    pub fn texts(&self) -> impl Iterator<Item = &String> {
        let change = self.change.iter().flat_map(|change| [&change.start, &change.end, &change.empty]);
        [&self.name, &self.absent].into_iter().chain(change)
    }
}

/// What is put around one value.
struct Affixes<'a> {
    /// The folders of `prefix_path`, where the variable is `PATH`.
    folders: &'a [String],
    before: Option<&'a Values>,
    after: Option<&'a Values>,
}

impl Affixes<'_> {
    fn of<'a>(launcher: &'a Launcher, name: &str) -> Affixes<'a> {
        let folders = if name == "PATH" { launcher.prefix_path.as_slice() } else { &[] };
        Affixes { folders, before: launcher.prefixes.get(name), after: launcher.suffixes.get(name) }
    }

    fn is_nothing(&self) -> bool {
        self.before().is_empty() && self.after().is_empty()
    }

    fn before(&self) -> String {
        let values = self.before.map(|before| before.values.join(&before.separator)).unwrap_or_default();
        let folders = self.folders.join(":");
        if folders.is_empty() || values.is_empty() {
            folders + &values
        } else {
            format!("{folders}:{values}")
        }
    }

    fn after(&self) -> String {
        self.after.map(|after| after.values.join(&after.separator)).unwrap_or_default()
    }

    /// What comes before a value, with the separator.
    fn start(&self) -> String {
        match self.before() {
            none if none.is_empty() => none,
            before => before + self.before.map_or(":", |before| before.separator.as_str()),
        }
    }

    /// What comes after a value or the values before it, with the separator.
    fn end(&self) -> String {
        match self.after() {
            none if none.is_empty() => none,
            after => self.after.map(|after| after.separator.clone()).unwrap_or_default() + &after,
        }
    }

    /// The values around `value`.
    fn around(&self, value: &str) -> String {
        if !value.is_empty() {
            return format!("{}{value}{}", self.start(), self.end());
        }
        match self.before() {
            none if none.is_empty() => self.after(),
            before => before + &self.end(),
        }
    }
}

/// Whether the variable `name` is among those that [`variables`] is about.
pub(crate) fn is_changed(launcher: &Launcher, name: &str) -> bool {
    let Launcher { defaults, prefixes, suffixes, .. } = launcher;
    defaults.contains_key(name) || prefixes.contains_key(name) || suffixes.contains_key(name)
}

/// The variables that `launcher` changes. What is known of them beforehand is put into `set`.
pub(crate) fn variables(launcher: &Launcher, set: &mut BTreeMap<String, String>) -> Vec<Variable> {
    let Launcher { defaults, prefixes, suffixes, unset, .. } = launcher;
    let names: BTreeSet<&String> = defaults.keys().chain(prefixes.keys()).chain(suffixes.keys()).collect();
    let mut variables = Vec::new();
    for name in names {
        let around = Affixes::of(launcher, name);
        let default = defaults.get(name).map(String::as_str);
        if let Some(value) = set.get_mut(name) {
            *value = around.around(value);
        } else if default.is_none() && around.is_nothing() {
            // Nothing is to be done.
        } else if unset.contains(name) {
            set.insert(name.clone(), around.around(default.unwrap_or_default()));
        } else {
            let whole = |value: &str| format!("{name}={value}");
            let change = (!around.is_nothing()).then(|| Change {
                start: whole(&around.start()),
                end: around.end(),
                empty: whole(&around.around("")),
            });
            let absent = whole(&around.around(default.unwrap_or_default()));
            variables.push(Variable { name: whole(""), absent, change });
        }
    }
    variables
}
