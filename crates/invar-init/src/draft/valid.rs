//! A draft without what a manifest may not say.
use invar_project::{Manifest, ManifestSources};

use super::{Draft, Keys, Source, inline};

/// How many parts are taken out before the rest is left to whoever reads it.
const MOST: usize = 64;

/// How many steps a manifest may have.
const MOST_STEPS: usize = 1000;

/// A part of a draft that can be taken out.
#[derive(Debug, Clone)]
enum DraftPart {
    Suite,
    Package(String),
    Extras,
    Groups,
    Include,
    Exclude,
    Image(String),
    Further(String),
    Python(String),
    Override(String, String),
    Shell(String),
    Step(usize),
}

impl Draft {
    /// Takes out what is refused when the manifest is read together with the `pyproject.toml` that it is written into:
    /// extras that the project does not have, steps that put two things at one place. Each becomes a note.
    pub fn keep_parsed(&mut self, source: Source, pyproject: Option<&str>) {
        if self.steps.len() > MOST_STEPS {
            let why =
                format!("{} steps are too many: only the first {MOST_STEPS} are listed", self.steps.len());
            self.steps.truncate(MOST_STEPS);
            self.note(source, "", why);
        }
        // What is wrong with the project itself is reported where that is read.
        let base = pyproject.filter(|text| Self::default().problems(Some(text)).is_empty());
        for _ in 0..MOST {
            let problems = self.problems(base);
            let Some(problem) = problems.first() else { return };
            let culprit = self.parts().into_iter().find_map(|part| {
                let mut without = self.clone();
                let text = without.take(&part);
                (!without.problems(base).contains(problem)).then_some((text, without))
            });
            let Some((text, without)) = culprit else { return };
            *self = without;
            self.note(source, &text, problem.as_str());
        }
    }

    /// What is wrong with the manifest.
    fn problems(&self, pyproject: Option<&str>) -> Vec<String> {
        let result = match pyproject {
            Some(text) => {
                let text = format!("{text}\n\n{}", self.to_toml("tool.invar"));
                Manifest::parse(&ManifestSources { pyproject: Some(("", &text)), invar_toml: None })
            }
            None => {
                let mut named = self.clone();
                if named.image.get("name").is_none() {
                    named.image.set("name", "any");
                }
                // What only a project with `pyproject.toml` can have is not asked about without one.
                named.extras = None;
                named.groups.clear();
                named.dev_shell.remove("groups");
                let text = named.to_toml("");
                Manifest::parse(&ManifestSources { pyproject: None, invar_toml: Some(("", &text)) })
            }
        };
        match result {
            Ok(_) => Vec::new(),
            Err(error) => error.findings().iter().map(|finding| finding.problem.to_string()).collect(),
        }
    }

    /// All parts, those first without which least is lost.
    fn parts(&self) -> Vec<DraftPart> {
        let names = |keys: &Keys| keys.0.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>();
        let mut parts: Vec<DraftPart> = self.packages.iter().cloned().map(DraftPart::Package).collect();
        parts.extend(names(&self.image).into_iter().map(DraftPart::Image));
        parts.extend(names(&self.python).into_iter().map(DraftPart::Python));
        parts.extend(names(&self.dev_shell).into_iter().map(DraftPart::Shell));
        for (package, keys) in &self.overrides {
            parts.extend(names(keys).into_iter().map(|key| DraftPart::Override(package.clone(), key)));
        }
        parts.extend((0..self.steps.len()).rev().map(DraftPart::Step));
        parts.extend(self.images.keys().cloned().map(DraftPart::Further));
        parts.extend([
            DraftPart::Extras,
            DraftPart::Groups,
            DraftPart::Include,
            DraftPart::Exclude,
            DraftPart::Suite,
        ]);
        parts
    }

    /// Takes a part out, and gives it as it would have been written.
    fn take(&mut self, part: &DraftPart) -> String {
        let key = |keys: &mut Keys, name: &str| {
            let value = keys.get(name).map(inline).unwrap_or_default();
            keys.remove(name);
            format!("{name} = {value}")
        };
        match part {
            DraftPart::Suite => format!("suite = {:?}", self.suite.take().unwrap_or_default()),
            DraftPart::Package(name) => {
                self.packages.remove(name);
                format!("packages = [{name:?}]")
            }
            DraftPart::Extras => {
                format!("extras = {}", self.extras.take().as_ref().map(inline).unwrap_or_default())
            }
            DraftPart::Groups => format!("groups = {:?}", std::mem::take(&mut self.groups)),
            DraftPart::Include => {
                format!("include = {}", self.include.take().as_ref().map(inline).unwrap_or_default())
            }
            DraftPart::Exclude => format!("exclude = {:?}", std::mem::take(&mut self.exclude)),
            DraftPart::Image(name) => key(&mut self.image, name),
            DraftPart::Further(name) => {
                self.images.remove(name);
                format!("images.{name}")
            }
            DraftPart::Python(name) => format!("python.{}", key(&mut self.python, name)),
            DraftPart::Override(package, name) => {
                let keys = self.overrides.entry(package.clone()).or_default();
                let text = key(keys, name);
                if keys.is_empty() {
                    self.overrides.remove(package);
                }
                format!("python.overrides.{package}.{text}")
            }
            DraftPart::Shell(name) => format!("shell.{}", key(&mut self.dev_shell, name)),
            DraftPart::Step(at) => {
                let step = self.steps.remove(*at);
                let keys: Vec<String> =
                    step.keys.0.iter().map(|(key, value)| format!("{key} = {}", inline(value))).collect();
                keys.join(", ")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use toml::Value;

    use super::*;
    use crate::DraftStep;

    #[test]
    fn what_the_project_does_not_have_is_noted() {
        let mut draft = Draft::default();
        draft.packages.extend(["jq".to_owned(), "Not A Package".to_owned()]);
        draft.extras = Some(Value::Array(vec!["pg".into()]));
        draft.groups.insert("prod".to_owned());
        draft.image.set("command", vec!["a"]);
        draft.overrides.entry("x".to_owned()).or_default().set("prefer", "no");
        draft.dev_shell.set("hook", "echo");
        for name in ["one", "two"] {
            let mut keys = Keys::default();
            keys.set("name", name);
            keys.set("links", toml::Table::from_iter([("/bin/x".to_owned(), Value::from("/usr/bin/jq"))]));
            draft.steps.push(DraftStep { keys });
        }
        let pyproject = "[project]\nname = \"a\"\nversion = \"1\"\n[dependency-groups]\nprod = []\n";
        let source = Source { file: "flake.nix", line: 0 };
        draft.keep_parsed(source, Some(pyproject));
        let text = draft.to_toml("tool.invar");
        let kept = "[tool.invar]\npackages = [\"jq\"]\ngroups = [\"prod\"]\n[tool.invar.image]\ncommand = [\"a\"]\n\
            [tool.invar.shell]\nhook = \"echo\"\n\n[[tool.invar.step]]\nname = \"one\"\nlinks = { \"/bin/x\" = \"/usr/bin/jq\" }\n";
        assert!(text.ends_with(kept), "{text}");
        assert_eq!(draft.notes.len(), 4, "{text}");
        let whole = format!("{pyproject}{text}");
        let sources = ManifestSources { pyproject: Some(("", &whole)), invar_toml: None };
        assert!(Manifest::parse(&sources).is_ok());
    }

    #[test]
    fn a_project_that_is_wrong_itself_changes_nothing() {
        let mut draft = Draft::default();
        draft.packages.insert("jq".to_owned());
        let before = draft.clone();
        draft.keep_parsed(Source { file: "flake.nix", line: 0 }, Some("[project"));
        assert_eq!(draft, before);
    }
}
