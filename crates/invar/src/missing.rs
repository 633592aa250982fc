//! What a program that failed lacks: a module of Python, and what has it.
use std::collections::BTreeMap;
use std::io::Write as _;

use invar_checkout::{ProjectFiles, source_files};
use invar_project::STABLE;
use invar_python::{
    OptionalPackage, OptionalPart, debian_package, known_distribution, module_not_found, optional_part_with,
    reached_imports, removed_module, started_files,
};

/// How much of what a program writes to standard error is remembered, in bytes.
const TAIL: usize = 16 << 10;

/// The longest file of a project that is looked into, in bytes, and how many.
const LONGEST: u64 = 256 << 10;
const MOST: usize = 2000;

/// The end of what a program wrote to standard error.
#[derive(Debug, Default)]
pub struct ErrorTail(Vec<u8>);

impl ErrorTail {
    /// Writes `bytes` to this process's standard error, and remembers them.
    pub fn pass_on(&mut self, bytes: &[u8]) {
        // Nobody may read it any more; that is no reason to end the program.
        let mut errors = std::io::stderr().lock();
        let _ = errors.write_all(bytes).and_then(|()| errors.flush());
        self.0.extend_from_slice(bytes);
        if self.0.len() > 2 * TAIL {
            self.0.drain(..self.0.len() - TAIL);
        }
    }

    /// What is remembered, as text without colors.
    pub fn text(&self) -> String {
        without_colors(&String::from_utf8_lossy(&self.0))
    }
}

/// `text` without the sequences that set colors (ECMA-48, SGR): Python writes them where FORCE_COLOR is set.
fn without_colors(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !(c.is_ascii_digit() || c == ';')).unwrap_or(part.len());
        plain.push_str(part[end..].strip_prefix('m').unwrap_or(&part[end..]));
    }
    plain
}

/// A program of an image that failed.
pub struct Missing<'a> {
    /// The project of the image.
    pub files: &'a ProjectFiles,
    /// What was started.
    pub command: &'a [String],
}

impl Missing<'_> {
    /// Which module is missing and what has it, as a sentence. `errors` is the end of what the program wrote to standard
    /// error; without it, its source says what it imports.
    pub fn explain(&self, errors: Option<&str>) -> Option<String> {
        if let Some(sentence) = self.uninstalled_script() {
            return Some(sentence);
        }
        if let Some(errors) = errors {
            let module = module_not_found(errors)?;
            return self.source_of(module, true);
        }
        let texts = self.texts();
        let none = BTreeMap::new();
        let project = self.files.manifest.project.as_ref();
        let scripts = project.map_or(&none, |project| &project.scripts);
        let started = started_files(self.command, scripts, &texts);
        reached_imports(&started, &texts).into_iter().find_map(|(_, import)| {
            let inner = import.names.iter().map(|name| format!("{}.{name}", import.module));
            inner.chain([import.module.clone()]).find_map(|module| self.source_of(&module, false))
        })
    }

    /// That the program is a script that the project does not install.
    fn uninstalled_script(&self) -> Option<String> {
        let project = self.files.manifest.project.as_ref().filter(|project| !project.is_package())?;
        let program = self.command.first()?;
        let target = project.scripts.get(program)?;
        Some(format!(
            "`{program}` ({target}) of [project.scripts] is not installed, because the project is not a package: add a \
             [build-system], or `package = true` to [tool.uv]"
        ))
    }

    /// What has `module`; where it is only known that it is imported, without a guess.
    fn source_of(&self, module: &str, is_missing: bool) -> Option<String> {
        let files = self.files;
        let manifest = &files.manifest;
        let project = manifest.project.as_ref()?;
        let interpreter = files.lock.as_ref()?.interpreter.as_ref()?;
        let minor = u32::try_from(*interpreter.version.release().get(1)?).ok()?;
        let place = files.place_of_settings();
        if let Some(package) = debian_package(module, minor) {
            let is_there = manifest.packages.iter().any(|request| request.name.as_str() == package);
            return (!is_there).then(|| {
                format!("the module {module} is in the Debian package {package}: add packages = [\"{package}\"] to {place}")
            });
        }
        let optional = files
            .uv_lock
            .as_ref()
            .and_then(|lock| optional_part_with(lock, project.name.as_str(), module, is_missing));
        if let Some(OptionalPackage { name: package, part, .. }) = optional {
            let (kind, name, key, is_there) = match &part {
                OptionalPart::Extra(extra) => {
                    let is_there = match &manifest.extras {
                        invar_project::Extras::All => true,
                        invar_project::Extras::Named(names) => names.contains(extra),
                    };
                    ("extra", extra.to_string(), "extras", is_there)
                }
                OptionalPart::Group(group) => {
                    ("dependency group", group.to_string(), "groups", manifest.groups.contains(group))
                }
            };
            if !is_there {
                return Some(format!(
                    "the module {module} comes with {package}, which is in the project's {kind} {name}: add {key} = \
                     [\"{name}\"] to {place}"
                ));
            }
        }
        if !is_missing {
            return None;
        }
        let top = module.split('.').next().unwrap_or(module);
        if ["", ".py"].iter().any(|ending| files.folder.join(format!("src/{top}{ending}")).exists())
            && !project.is_package()
        {
            return Some(format!(
                "the module {module} is in src, where Python does not look: add a [build-system] to pyproject.toml, or \
                 image.env = {{ PYTHONPATH = \"/app/src\" }} to {place}"
            ));
        }
        if let Some((last, package)) = removed_module(module, minor) {
            let add = package.map(|package| format!("`uv add {package}`"));
            let older = STABLE.iter().find(|release| release.series().1 <= last);
            let older =
                older.map(|release| format!("suite = \"{}\" for Python {}", release.suite, release.python));
            let both: Vec<String> = add.into_iter().chain(older).collect();
            return Some(format!(
                "Python 3.{minor} no longer has the module {module}: {}",
                both.join(", or ")
            ));
        }
        let package = known_distribution(module)?;
        Some(format!("the module {module} is in the Python package {package}: `uv add {package}`"))
    }

    /// The project's Python files with their texts.
    fn texts(&self) -> BTreeMap<String, Option<String>> {
        let folder = &self.files.folder;
        let paths = source_files(folder).unwrap_or_default();
        let paths = paths.into_iter().filter(|path| path.ends_with(".py")).take(MOST);
        let text = |path: &str| {
            let path = folder.join(path);
            let is_short = std::fs::metadata(&path).is_ok_and(|found| found.len() <= LONGEST);
            is_short.then(|| std::fs::read_to_string(path).ok()).flatten()
        };
        paths.map(|path| (path.clone(), text(&path))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_is_remembered() {
        let mut tail = ErrorTail(vec![b'x'; 2 * TAIL]);
        tail.pass_on(b"\n");
        assert_eq!(tail.0.len(), TAIL);
        assert!(tail.text().ends_with("x\n"));
        let colored =
            ErrorTail(b"\x1b[1;35mModuleNotFoundError\x1b[0m: \x1b[35mNo module named 'a'\x1b[0m\n".to_vec());
        assert_eq!(colored.text(), "ModuleNotFoundError: No module named 'a'\n");
        assert_eq!(module_not_found(&colored.text()), Some("a"));
    }
}
