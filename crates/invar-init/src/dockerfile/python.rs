//! Commands that install Python packages: which of the project's extras and groups they choose.
use invar_dockerfile::{Instruction, Scope};

use crate::dockerfile::{DockerfileError, Reader};

impl Reader<'_> {
    /// Python packages come from `uv.lock`, whatever installed them.
    pub(super) fn python(
        &mut self,
        words: &[&str],
        instruction: &Instruction,
        scope: &Scope,
    ) -> Result<(), DockerfileError> {
        let names = self.python_packages(words);
        if !self.context.has_project {
            let line = self.source(instruction).line;
            return Err(DockerfileError::NoProject { line, text: words.join(" ") });
        }
        let shown: Vec<&str> = words.iter().copied().filter(|word| !word.contains("://")).collect();
        let locked = words.iter().any(|word| ["--locked", "--frozen", "--require-hashes"].contains(word));
        let before = format!("{}{}", shown.join(" "), if locked { "" } else { " (unpinned)" });
        self.draft.pin("Python packages", before, "uv.lock, pinned by sha256");
        if syncs_default_groups(words, scope) {
            self.draft.groups.extend(self.context.default_groups.iter().cloned());
        }
        self.choose(words, instruction);
        if !names.is_empty() {
            let why = format!("if {} is not in uv.lock, add it with `uv add`", names.join(", "));
            self.note(instruction, &why);
        }
        Ok(())
    }

    /// The extras and groups that a command names.
    pub(super) fn choose(&mut self, words: &[&str], instruction: &Instruction) {
        for group in groups(words) {
            match self.context.groups.contains(&group) {
                true => _ = self.draft.groups.insert(group),
                false => self.note(instruction, &format!("the project has no dependency group {group}")),
            }
        }
        if words.contains(&"--all-groups") {
            self.draft.groups.extend(self.context.groups.iter().cloned());
        }
        if words.iter().any(|word| word.starts_with("--only-group")) {
            let why = "the image also contains the project's dependencies: a group cannot be installed alone";
            self.note(instruction, why);
        }
        for extra in extras(words) {
            if !self.context.extras.contains(&extra) {
                self.note(instruction, &format!("the project has no extra {extra}"));
                continue;
            }
            let mut list = match &self.draft.extras {
                Some(toml::Value::Array(list)) => list.clone(),
                Some(_) => continue,
                None => Vec::new(),
            };
            let extra = toml::Value::String(extra);
            if !list.contains(&extra) {
                list.push(extra);
            }
            self.draft.extras = Some(toml::Value::Array(list));
        }
        if words.contains(&"--all-extras") {
            self.draft.extras = Some("all".into());
        }
    }

    /// The packages that a command names itself, without tools that only install others.
    fn python_packages(&self, words: &[&str]) -> Vec<String> {
        let verb = words.iter().position(|word| matches!(*word, "install" | "add"));
        let Some(verb) = verb.filter(|_| {
            words.iter().any(|word| word.ends_with("pip") || word.ends_with("pip3") || *word == "add")
        }) else {
            return Vec::new();
        };
        let tools = [
            "pip",
            "uv",
            "setuptools",
            "wheel",
            "poetry",
            "pipenv",
            "pdm",
            "virtualenv",
            "poetry-core",
            "poetry-plugin-export",
        ];
        let with_value = [
            "--abi",
            "--build-constraint",
            "--cert",
            "--config-settings",
            "--default-index",
            "--default-timeout",
            "--extra",
            "--group",
            "--implementation",
            "--index",
            "--index-strategy",
            "--link-mode",
            "--log",
            "--override",
            "--platform",
            "--prerelease",
            "--proxy",
            "--python-platform",
            "--python-version",
            "--resolution",
            "--retries",
            "--src",
            "--timeout",
            "--torch-backend",
            "--trusted-host",
            "--upgrade-strategy",
            "-C",
            "-b",
            "-p",
            "-r",
            "--requirement",
            "-c",
            "--constraint",
            "-i",
            "--index-url",
            "--extra-index-url",
            "--prefix",
            "--target",
            "-t",
            "--find-links",
            "-f",
            "--cache-dir",
            "--python",
            "--root",
            "--no-binary",
            "--only-binary",
            "--progress-bar",
        ];
        let mut names = Vec::new();
        let mut rest = words[verb + 1..].iter();
        while let Some(word) = rest.next() {
            match *word {
                option if with_value.contains(&option) => {
                    rest.next();
                }
                option if option.starts_with('-') => {}
                path if path.starts_with(['.', '/']) || path.ends_with(".whl") || path.contains("://") => {}
                name => {
                    let end = name
                        .find(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c))
                        .unwrap_or(name.len());
                    if !tools.contains(&&name[..end]) && end > 0 {
                        names.push(name[..end].to_owned());
                    }
                }
            }
        }
        names
    }
}

/// Whether a command installs Python packages, or what does.
pub(super) fn installs_python(program: &str, rest: &[&str]) -> bool {
    let first = rest.iter().find(|word| !word.starts_with('-')).copied().unwrap_or_default();
    match program {
        "pip" | "pip3" | "pipx" => true,
        "uv" => ["sync", "pip", "venv", "python", "lock", "tool", "export", "build", "add", "cache"]
            .contains(&first),
        "poetry" | "pipenv" | "pdm" | "conda" | "mamba" | "virtualenv" => true,
        "python" | "python3" => {
            rest.first() == Some(&"-m")
                && rest
                    .get(1)
                    .is_some_and(|module| ["pip", "venv", "uv", "pipx", "ensurepip"].contains(module))
        }
        _ => false,
    }
}

/// Whether a command is a `uv sync` that also installs the groups that uv installs on its own.
fn syncs_default_groups(words: &[&str], scope: &Scope) -> bool {
    let without = ["--no-dev", "--no-default-groups", "--only-group", "--only-dev"];
    let is_uv = words.first().is_some_and(|program| program.rsplit('/').next() == Some("uv"));
    let is_off = scope.text("UV_NO_DEV").is_some_and(|value| !["", "0", "false"].contains(&value));
    let has_option = |word: &&str| without.contains(&word.split('=').next().unwrap_or(word));
    is_uv && words.contains(&"sync") && !is_off && !words.iter().any(has_option)
}

/// The values of an option that can be there several times.
fn options(words: &[&str], name: &str) -> Vec<String> {
    let mut values = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if *word == name {
            values.extend(words.get(index + 1).map(|value| (*value).to_owned()));
        } else if let Some(value) = word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) {
            values.push(value.to_owned());
        }
    }
    values
}

/// The dependency groups that uv, Poetry, PDM or pip are told to install.
fn groups(words: &[&str]) -> Vec<String> {
    let mut groups = options(words, "--group");
    groups.extend(options(words, "--only-group"));
    let poetry = words.first().is_some_and(|program| program.ends_with("poetry"));
    if poetry {
        groups.extend(options(words, "--with"));
        groups.extend(options(words, "--only"));
    }
    // Poetry takes several in one word; its `main` is the project's own dependencies.
    let groups = groups.iter().flat_map(|groups| groups.split(',')).map(|group| group.trim().to_owned());
    let is_main = |group: &str| group.is_empty() || poetry && group == "main";
    groups.filter(|group| !is_main(group)).collect()
}

/// The project's extras that a command installs: named by an option, or `.[a,b]` after the project's folder.
fn extras(words: &[&str]) -> Vec<String> {
    let mut extras = options(words, "--extra");
    extras.extend(options(words, "--extras"));
    extras.extend(options(words, "-E"));
    for word in words {
        let Some((path, list)) = word.strip_suffix(']').and_then(|word| word.split_once('[')) else {
            continue;
        };
        if path.starts_with(['.', '/']) || path.ends_with(".whl") {
            extras.push(list.to_owned());
        }
    }
    let extras = extras.iter().flat_map(|extras| extras.split([',', ' ']));
    extras.filter(|extra| !extra.is_empty()).map(str::to_owned).collect()
}
