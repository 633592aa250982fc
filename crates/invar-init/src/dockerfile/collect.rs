//! `manage.py collectstatic`: a step gathers what Django serves.
use std::collections::BTreeMap;

use invar_dockerfile::{Scope, ShellCommand};

use crate::dockerfile::Reader;
use crate::dockerfile::place::{PROJECT, is_tool, joined};
use crate::dockerfile::runner::without_runner;
use crate::dockerfile::script::quoted;
use crate::draft::{DraftStep, Keys};

/// A command that gathers files.
#[derive(Debug)]
pub(super) struct FileCollection {
    /// The command, as a shell of the step runs it.
    line: String,
    /// The project's folders that are created before it, in the image.
    made: Vec<String>,
    /// The folder it is run in, in the image.
    workdir: String,
    /// Variables of the Dockerfile.
    env: BTreeMap<String, String>,
    /// The folder that it fills, in the image.
    root: String,
}

impl Reader<'_> {
    /// Remembers `command`, whose words with all names replaced are `words`, if it is one that gathers files and the
    /// project's settings determine into which folder; returns whether it is.
    pub(super) fn collects(&mut self, command: &ShellCommand, words: &[String], scope: &Scope) -> bool {
        let words = without_runner(words.to_vec());
        let Some(program) = words.iter().take(2).find(|word| word.ends_with("manage.py")) else {
            return false;
        };
        if !words.iter().any(|word| word == "collectstatic") || !command.redirects.is_empty() {
            return false;
        }
        let directory = program.rsplit_once('/').map_or(".", |(directory, _)| directory);
        let base = self.places.seen_from_here(directory);
        let settings = words.windows(2).find(|pair| pair[0] == "--settings").map(|pair| pair[1].as_str());
        let settings = settings.or_else(|| words.iter().find_map(|word| word.strip_prefix("--settings=")));
        let Some(root) = static_root(self.context.files, settings) else { return false };
        let root = if root.starts_with('/') { self.places.in_image(&root) } else { joined(&base, &root) };
        // Paths of its own are given as they are, and only what the project has can be in the image's place.
        let mut line = String::new();
        for assignment in &command.assignments {
            let value = assignment.value.expand(scope).ok().filter(|value| value.missing.is_empty());
            let Some(value) = value else { return false };
            line.push_str(&format!("{}={} ", assignment.name, quoted(&self.places.in_image(&value.text))));
        }
        let words: Vec<String> = words.iter().map(|word| quoted(&self.places.in_image(word))).collect();
        line.push_str(&words.join(" "));
        let known = scope.env().filter_map(|(name, value)| Some((name, value.text.as_deref()?)));
        let env = known
            .filter(|(name, _)| {
                !is_tool(name) && !["PATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"].contains(name)
            })
            .map(|(name, value)| (name.to_owned(), self.places.in_image(value)))
            .collect();
        let workdir = self.places.seen_from_here(".");
        let made = self.accounts.made.iter().filter(|path| self.places.is_project(path));
        let made = made.map(|path| quoted(&self.places.in_image(path))).collect();
        self.collects.push(FileCollection { line, made, workdir, env, root });
        true
    }

    /// Whether files are gathered at `path`, or are among them.
    pub(super) fn is_collected(&self, path: &str) -> bool {
        let path = self.places.in_image(path);
        self.collects.iter().any(|collect| path == collect.root)
    }

    /// The steps that gather files, from the project's and from what the steps so far have made.
    pub(super) fn collect_files(&mut self) {
        for FileCollection { line, made, workdir, env, root } in std::mem::take(&mut self.collects) {
            let mut inputs: Vec<String> = match &self.draft.include {
                Some(toml::Value::Array(list)) => {
                    let files = crate::dockerfile::files::Files(self.context.files);
                    let patterns = list.iter().filter_map(|value| value.as_str());
                    let all = |path: &str| {
                        if files.is_directory(path) { format!("{path}/**") } else { path.to_owned() }
                    };
                    patterns.map(all).collect()
                }
                _ => vec!["**".to_owned()],
            };
            let steps = self.draft.steps.iter().filter_map(|step| step.keys.get("name")?.as_str());
            inputs.extend(steps.map(str::to_owned));
            let mut keys = Keys::default();
            keys.set("name", self.step_name("collectstatic"));
            keys.set("environment", true);
            keys.set("inputs", inputs);
            // Settings say where things are from where they are themselves, so they are put where the image has them.
            let made =
                if made.is_empty() { String::new() } else { format!("mkdir -p {} && ", made.join(" ")) };
            keys.set("run", format!("cp -R . {PROJECT} && {made}cd {workdir} && {line}"));
            if !env.is_empty() {
                keys.set(
                    "env",
                    env.into_iter().map(|(name, value)| (name, value.into())).collect::<toml::Table>(),
                );
            }
            keys.set_in("outputs", &root, root.clone());
            self.draft.steps.push(DraftStep { keys });
        }
    }
}

/// What Django's settings say of the folder that files are gathered in: absolute, or from the folder of `manage.py`.
///
/// Those of the module `settings` are looked at first, then those nearest to the project's folder.
fn static_root(files: &BTreeMap<String, Option<String>>, settings: Option<&str>) -> Option<String> {
    let module = settings.map(|module| format!("{}.py", module.replace('.', "/")));
    let texts = files.iter().filter_map(|(path, text)| Some((path, text.as_deref()?)));
    let mut texts: Vec<(&String, &str)> = texts.filter(|(path, _)| path.ends_with(".py")).collect();
    let is_first = |path: &str| module.as_ref().is_some_and(|module| path.ends_with(module));
    texts.sort_by_key(|(path, _)| (!is_first(path), path.matches('/').count()));
    texts.into_iter().find_map(|(_, text)| assigned(text, "STATIC_ROOT"))
}

/// The path that `name` is assigned in Python's `text`: the texts of the expression that are no names of variables,
/// joined.
fn assigned(text: &str, name: &str) -> Option<String> {
    let mut lines = text.lines();
    let value = lines.by_ref().find_map(|line| {
        let rest = line.trim().strip_prefix(name)?;
        let rest =
            rest.trim_start().strip_prefix(':').map_or(rest, |typed| typed.trim_start_matches(|c| c != '='));
        rest.trim_start().strip_prefix('=').filter(|value| !value.starts_with('='))
    })?;
    // An expression goes on while a bracket is open.
    let open = |text: &str| text.matches(['(', '[']).count() > text.matches([')', ']']).count();
    let mut value = value.to_owned();
    for line in lines.take(8) {
        if !open(&value) {
            break;
        }
        value.push_str(line);
    }
    let mut parts: Vec<&str> = Vec::new();
    let mut rest = value.as_str();
    while let Some((at, quote)) = rest.find(['"', '\'', '#']).map(|at| (at, &rest[at..=at])) {
        if quote == "#" {
            break;
        }
        let (part, after) = rest[at + 1..].split_once(quote)?;
        rest = after;
        let is_variable = !part.is_empty()
            && part.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
        if !part.is_empty() && !is_variable {
            parts.push(part);
        }
    }
    // What follows an absolute path is in it; what comes before it is something else.
    let start = parts.iter().rposition(|part| part.starts_with('/')).unwrap_or(0);
    let path = parts.get(start..)?.join("/");
    let is_path = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    (!path.is_empty() && path.chars().all(is_path)).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_tell_where_files_are_gathered() {
        let check = |line: &str, expected: Option<&str>| {
            assert_eq!(
                assigned(&format!("A = 1\n{line}\nB = 'x'\n"), "STATIC_ROOT").as_deref(),
                expected,
                "{line}"
            );
        };
        check("STATIC_ROOT = BASE_DIR / \"staticfiles\"", Some("staticfiles"));
        check(
            "    STATIC_ROOT: Path = BASE_DIR / 'public' / 'static'  # served by nginx's \"static\"",
            Some("public/static"),
        );
        check("STATIC_ROOT = os.path.join(\n    BASE_DIR,\n    \"build\",\n)", Some("build"));
        check("STATIC_ROOT = env('STATIC_ROOT', default='/srv/static')", Some("/srv/static"));
        check(
            "STATIC_ROOT = os.environ.get(\"STATIC_ROOT\", os.path.join('/var/www', 'static'))",
            Some("/var/www/static"),
        );
        check("STATIC_ROOT = folder", None);
        check("STATIC_ROOT == 'x'", None);
        check("STATIC_ROOT = f'{HERE}/x'", None);
        check("STATIC_ROOTS = 'x'", None);
    }

    #[test]
    fn the_settings_that_are_named_come_first() {
        let list =
            [("site/settings.py", "a"), ("site/settings_production.py", "b"), ("app/deep/x/conf.py", "c")];
        let files =
            list.iter().map(|(path, root)| ((*path).to_owned(), Some(format!("STATIC_ROOT = \"{root}\"\n"))));
        let files = files.collect();
        assert_eq!(static_root(&files, None).as_deref(), Some("a"));
        assert_eq!(static_root(&files, Some("site.settings_production")).as_deref(), Some("b"));
        assert_eq!(static_root(&BTreeMap::new(), None), None);
    }
}
