//! Programs that are wrapped: what a launcher of the image does for them.
use std::collections::BTreeMap;

use invar_flake::phase::{EnvChange, FirstArgument, Wrapper};
use invar_nix::Position;
use toml::{Table, Value};

use super::text::is_of_shell;
use super::{DerivationLayout, is_interpreter, same};
use crate::flake::place::ENVIRONMENT;
use crate::flake::reader::Reader;
use crate::nixpkgs::counterpart;
use crate::project::normalize;

impl Reader<'_> {
    pub(super) fn lay_wrapper(
        &mut self,
        wrapper: &Wrapper,
        place: &str,
        laying: &DerivationLayout,
        written: Option<&Position>,
    ) {
        match self.wrap_table(wrapper, place, laying, written) {
            Ok(wrap) => {
                let only_starts = wrap.keys().all(|key| matches!(key.as_str(), "program" | "as"));
                match wrap.get("program").and_then(Value::as_str) {
                    Some(program) if only_starts && !is_interpreter(program) => {
                        if !same(program, place) {
                            self.steps.link(&laying.step, place, program);
                        }
                    }
                    _ => self.steps.wrap(&laying.step, wrap),
                }
            }
            Err(why) => self.note(written, &format!("wrapper of {}", wrapper.program), &why),
        }
    }

    fn wrap_table(
        &mut self,
        wrapper: &Wrapper,
        place: &str,
        laying: &DerivationLayout,
        written: Option<&Position>,
    ) -> Result<Table, String> {
        let mut table = Table::new();
        let program = laying.aside.get(&wrapper.program).unwrap_or(&wrapper.program).clone();
        let program =
            if program.contains('/') { self.resolve(&program)? } else { self.program_named(&program)? };
        table.insert("program".to_owned(), program.clone().into());
        if !same(&program, place) {
            table.insert("as".to_owned(), place.into());
        }
        let mut lists: BTreeMap<(&str, String), (Vec<String>, String)> = BTreeMap::new();
        for (key, words) in [("args", &wrapper.before), ("args-after", &wrapper.after)] {
            let mut resolved = Vec::new();
            for word in words {
                resolved.push(Value::from(self.resolve(word)?));
            }
            if !resolved.is_empty() {
                table.insert(key.to_owned(), resolved.into());
            }
        }
        for change in &wrapper.environment {
            match change {
                EnvChange::Set { name, value } | EnvChange::Default { name, value } => {
                    let key = if matches!(change, EnvChange::Set { .. }) { "env" } else { "env-default" };
                    match self.variable(name, value) {
                        Ok(Some(value)) => set_in(&mut table, key, name, value),
                        Ok(None) => {}
                        Err(why) => self.note(written, &format!("{name}={value}"), &why),
                    }
                }
                EnvChange::Unset { name } => {
                    let unset = table.entry("unset").or_insert_with(|| Value::Array(Vec::new()));
                    if let Value::Array(names) = unset {
                        names.push(name.as_str().into());
                    }
                }
                EnvChange::Prefix { name, separator, value }
                | EnvChange::Suffix { name, separator, value } => {
                    let is_prefix = matches!(change, EnvChange::Prefix { .. });
                    let key = if is_prefix { "prefix" } else { "suffix" };
                    let values = match separator.as_str() {
                        ":" => self.resolve_list(value, ':'),
                        _ => self.resolve(value).map(|value| vec![value]),
                    };
                    match values {
                        Ok(values) if values.is_empty() => {}
                        Ok(values) => {
                            let (list, known) = lists
                                .entry((key, name.clone()))
                                .or_insert_with(|| (Vec::new(), separator.clone()));
                            if known == separator {
                                let at = if is_prefix { 0 } else { list.len() };
                                list.splice(at..at, values);
                            }
                        }
                        Err(why) => self.note(written, &format!("{name}: {value}"), &why),
                    }
                }
            }
        }
        for ((key, name), (values, separator)) in lists {
            let values: Value = values.into_iter().map(Value::from).collect::<Vec<_>>().into();
            let value = if separator == ":" {
                values
            } else {
                Table::from_iter([("values".to_owned(), values), ("separator".to_owned(), separator.into())])
                    .into()
            };
            set_in(&mut table, key, &name, value);
        }
        if let Some(directory) = &wrapper.directory {
            let directory = self.resolve(directory)?;
            if directory.starts_with('/') {
                table.insert("workdir".to_owned(), directory.into());
            } else {
                self.note(
                    written,
                    &format!("cd {directory}"),
                    "the directory depends on where the program is started",
                );
            }
        }
        match &wrapper.first_argument {
            FirstArgument::Program => {}
            // Python looks for its environment next to the path that it was started by, and scripts do not see that.
            _ if is_interpreter(&program) => {}
            FirstArgument::Text(name) => _ = table.insert("argv0".to_owned(), name.as_str().into()),
            FirstArgument::Inherited => _ = table.insert("inherit-argv0".to_owned(), true.into()),
        }
        for line in &wrapper.shell {
            self.note(written, line, "this needs a shell: the launcher is created without it");
        }
        Ok(table)
    }

    /// The value of a variable; none where it only names directories that are inspected anyway.
    pub(in crate::flake) fn variable(&mut self, name: &str, value: &str) -> Result<Option<Value>, String> {
        if !Self::is_searched(name) {
            return self.resolve(value).map(|value| Some(value.into()));
        }
        let directories = self.resolve_list(value, ':')?;
        Ok((!directories.is_empty()).then(|| directories.join(":").into()))
    }

    /// Whether a script that only starts one program can do without a shell: it cannot if the shell has the program
    /// itself, or finds it in a package that is called something else.
    pub(super) fn is_launcher(&mut self, wrapper: &Wrapper, written: Option<&Position>) -> bool {
        let name = wrapper.program.as_str();
        if name.contains('/') {
            return true;
        }
        let is_shells = is_of_shell(name);
        let found = if is_shells { Ok(String::new()) } else { self.program_named(name) };
        let has_path = wrapper.environment.iter().any(|change| match change {
            EnvChange::Set { name, .. } | EnvChange::Prefix { name, .. } | EnvChange::Suffix { name, .. } => {
                name == "PATH"
            }
            EnvChange::Default { .. } | EnvChange::Unset { .. } => false,
        });
        match found {
            Ok(_) => !is_shells,
            Err(why) => {
                if !has_path {
                    self.note(written, name, &why);
                }
                false
            }
        }
    }

    /// Where the program `name` is that is looked for in `PATH`.
    pub(in crate::flake) fn program_named(&mut self, name: &str) -> Result<String, String> {
        let is_python = name.starts_with("python") || self.project.scripts.contains(name);
        if is_python || self.project.locked.contains_key(&normalize(name)) {
            self.environment.is_used = true;
            return Ok(format!("{ENVIRONMENT}/bin/{name}"));
        }
        if matches!(name, "sh" | "bash") {
            self.draft.shell = true;
            return Ok(format!("/bin/{name}"));
        }
        match counterpart(name) {
            Some(found) => {
                self.add_packages(found, "/bin");
                Ok(found.program(name))
            }
            None => Err(format!("the source of the program {name} is unknown")),
        }
    }
}

fn set_in(table: &mut Table, key: &str, name: &str, value: impl Into<Value>) {
    let inner = table.entry(key).or_insert_with(|| Value::Table(Table::new()));
    if let Value::Table(inner) = inner {
        inner.insert(name.to_owned(), value.into());
    }
}
