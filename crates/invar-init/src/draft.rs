//! What a manifest will say, and the text of it.
mod valid;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::ops::Range;

use invar_maintscript::BASE;
use invar_project::{IMAGE_KEYS, Manifest, ManifestSources};
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Value};

/// A manifest to be: each field is a key of it, and empty where the manifest says nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// The Debian suite.
    pub suite: Option<String>,
    /// Debian packages of the image.
    pub packages: BTreeSet<String>,
    /// Whether the image has a shell.
    pub shell: bool,
    /// The project's extras: names, or all.
    pub extras: Option<Value>,
    /// The project's dependency groups.
    pub groups: BTreeSet<String>,
    /// Patterns of the files that the image gets.
    pub include: Option<Value>,
    /// Patterns of the files that the image does not get.
    pub exclude: BTreeSet<String>,
    /// Keys of the image table, in the order of the manifest's documentation.
    pub image: Keys,
    /// Keys of the table of each additional image, by its key.
    pub images: BTreeMap<String, Keys>,
    /// Keys of the table `python`.
    pub python: Keys,
    /// Keys of the table of each override, by Python package.
    pub overrides: BTreeMap<String, Keys>,
    /// Keys of the table of the author's own shell.
    pub dev_shell: Keys,
    /// Build steps.
    pub steps: Vec<DraftStep>,
    /// Whether `packages` has what Python packages need at run time.
    pub has_needs: bool,
    /// The Debian packages that were there when Python packages were built from source, as far as they serve that: none
    /// where there was no compiler. `None` where nothing is known of it.
    pub build_packages: Option<BTreeSet<String>>,
    /// The project's files that decide what this says, other than the one that was named: those that a flake imports.
    pub read: BTreeSet<String>,
    /// What could not be carried over, in the order of its lines.
    pub notes: Vec<Note>,
    /// What was not pinned and is now.
    pub pins: Vec<Pin>,
}

/// A table's keys, each with its value, in the order in which they are written.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Keys(Vec<(String, Value)>);

/// A build step.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftStep {
    /// Its keys, of which the first is its name.
    pub keys: Keys,
}

/// The file that something was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Source {
    /// The file's name, as messages show it.
    pub file: &'static str,
    /// The line, from 1; 0 where it is about the whole file.
    pub line: usize,
}

/// A line that could not be carried over, or only with a thought of the author's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Where it is.
    pub source: Source,
    /// The file that the line is in, if that is another one, which is imported.
    pub file: Option<String>,
    /// What is there, shortened to one line.
    pub text: String,
    /// Why it was left, and what to do.
    pub why: String,
}

/// Something that could change from one build to the next, and what holds it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// What it is, such as `base image`.
    pub what: String,
    /// How it was named before.
    pub before: String,
    /// What names it now.
    pub after: String,
}

/// Keys of inner tables that come before the others.
const FIRST: [&str; 5] = ["program", "as", "args", "path", "text"];

/// The longest piece of a source line that a note shows, in characters.
const LONGEST: usize = 100;

/// The longest reason that a note gives, in characters: it may hold what a flake throws.
const LONGEST_WHY: usize = 600;

/// How many notes a draft has; the last one says that there are more.
const MOST_NOTES: usize = 1000;

impl Keys {
    /// Sets `key`, in its old place where it is there already.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }

    /// The value of `key`.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Removes `key`.
    pub fn remove(&mut self, key: &str) {
        self.0.retain(|(name, _)| name != key);
    }

    /// All keys with their values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets `name` in the table `key`.
    pub fn set_in(&mut self, key: &str, name: &str, value: impl Into<Value>) {
        if let Some(Value::Table(table)) = self.get_mut(key) {
            table.insert(name.to_owned(), value.into());
            return;
        }
        self.set(key, toml::Table::from_iter([(name.to_owned(), value.into())]));
    }

    /// Adds `value` to the list `key`, unless it has it.
    pub fn add(&mut self, key: &str, value: impl Into<Value>) {
        let value = value.into();
        if let Some(Value::Array(list)) = self.get_mut(key) {
            if !list.contains(&value) {
                list.push(value);
            }
            return;
        }
        self.set(key, vec![value]);
    }

    fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.0.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

impl Note {
    /// A note about `text`, of which the first characters are kept.
    pub fn new(source: Source, text: &str, why: impl Into<String>) -> Self {
        Self { source, file: None, text: one_line(text, LONGEST), why: one_line(&why.into(), LONGEST_WHY) }
    }

    /// The note as a sentence.
    pub fn sentence(&self) -> String {
        let Source { file, line } = self.source;
        // Also what a file is called may have line feeds.
        let file = one_line(self.file.as_deref().unwrap_or(file), LONGEST_WHY);
        let place = if line == 0 { file } else { format!("{file}:{line}") };
        match self.text.as_str() {
            "" => format!("{place}: {}", self.why),
            text => format!("{place}: {text}: {}", self.why),
        }
    }
}

impl Draft {
    /// Whether the manifest would say nothing at all.
    pub fn is_empty(&self) -> bool {
        *self == Self { pins: self.pins.clone(), read: self.read.clone(), ..Self::default() }
    }

    /// Adds a note.
    pub fn note(&mut self, source: Source, text: &str, why: impl Into<String>) {
        self.add_note(Note::new(source, text, why));
    }

    /// Adds a note, unless it is there already or there are too many.
    pub(crate) fn add_note(&mut self, note: Note) {
        if self.notes.len() == MOST_NOTES {
            let why = "more could not be converted and is not listed";
            self.notes.push(Note::new(Source { file: note.source.file, line: 0 }, "", why));
        }
        if self.notes.len() < MOST_NOTES && !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Adds something that is pinned now.
    pub fn pin(&mut self, what: &str, before: impl Into<String>, after: impl Into<String>) {
        let pin = Pin {
            what: one_line(what, LONGEST),
            before: one_line(&before.into(), LONGEST_WHY),
            after: one_line(&after.into(), LONGEST_WHY),
        };
        if !self.pins.contains(&pin) {
            self.pins.push(pin);
        }
    }

    /// Takes out of the image table what a manifest may not say, such as a name with spaces, and notes it.
    pub fn keep_valid(&mut self, source: Source) {
        for (key, value) in self.image.0.clone() {
            let mut alone = Keys::default();
            alone.set(&key, value.clone());
            // The name has to come from somewhere, and is read in another way where it is asked about.
            let name = if key == "name" { "" } else { "name = \"any\"\n" };
            let mut text = format!("[image]\n{name}");
            keys(&mut text, &alone);
            let sources = ManifestSources { pyproject: None, invar_toml: Some(("", &text)) };
            if let Err(error) = Manifest::parse(&sources) {
                let why = error.findings().first().map(|finding| finding.problem.to_string());
                self.note(source, &format!("{key} = {}", inline(&value)), why.unwrap_or_default());
                self.image.remove(&key);
            }
        }
    }

    /// The manifest as TOML, with `prefix` (such as `tool.invar`, or nothing) before each table's name. It ends with a
    /// line feed.
    pub fn to_toml(&self, prefix: &str) -> String {
        let mut text = String::new();
        for note in &self.notes {
            // Infallible: it writes to memory, here and below.
            let _ = writeln!(text, "# {}", note.sentence());
        }
        let mut top = Keys::default();
        if let Some(suite) = &self.suite {
            top.set("suite", suite.as_str());
        }
        // What every image has need not be asked for.
        let packages: BTreeSet<String> =
            self.packages.iter().filter(|name| !BASE.contains(&name.as_str())).cloned().collect();
        if !packages.is_empty() {
            top.set("packages", strings(&packages));
        }
        // Where the author's shell is a table, it says this, too.
        if self.shell && self.dev_shell.is_empty() {
            top.set("shell", true);
        }
        if let Some(extras) = &self.extras {
            top.set("extras", extras.clone());
        }
        if !self.groups.is_empty() {
            top.set("groups", strings(&self.groups));
        }
        if let Some(include) = &self.include {
            top.set("include", include.clone());
        }
        if !self.exclude.is_empty() {
            top.set("exclude", strings(&self.exclude));
        }
        let mut shell = self.dev_shell.clone();
        if self.shell && !shell.is_empty() {
            shell.set("image", true);
        }
        let name = |inner: &str| match (prefix, inner) {
            (prefix, "") => prefix.to_owned(),
            ("", inner) => inner.to_owned(),
            (prefix, inner) => format!("{prefix}.{inner}"),
        };
        // The table itself shows that the project uses Invar, even where it says nothing.
        table(&mut text, &name(""), &top, !prefix.is_empty());
        let mut image = self.image.clone();
        image.0.sort_by_key(|(key, _)| IMAGE_KEYS.iter().position(|known| known == key));
        table(&mut text, &name("image"), &image, false);
        for (key_of, keys) in &self.images {
            table(&mut text, &name(&format!("images.{}", key(key_of))), keys, true);
        }
        table(&mut text, &name("python"), &self.python, false);
        for (package, keys) in &self.overrides {
            table(&mut text, &name(&format!("python.overrides.{}", key(package))), keys, false);
        }
        table(&mut text, &name("shell"), &shell, false);
        for step in &self.steps {
            let _ = writeln!(text, "\n[[{}]]", name("step"));
            keys(&mut text, &step.keys);
        }
        text
    }
}

/// The text of a manifest whose keys are at the top level, as [`Draft::to_toml`] writes it without a prefix, with
/// `prefix` before each table's name instead. What is no manifest stays as it is.
pub fn nested(manifest: &str, prefix: &str) -> String {
    let Ok(table) = DeTable::parse(manifest) else { return manifest.to_owned() };
    // What looks like a table's name within a text of several lines is none.
    let mut texts = Vec::new();
    for (_, value) in table.get_ref() {
        add_texts(value, &mut texts);
    }
    let is_text = |place: usize| texts.iter().any(|text| text.contains(&place));
    let (mut nested, mut place, mut begun) = (String::new(), 0, false);
    for line in manifest.split_inclusive('\n') {
        let is_comment = !begun && line.starts_with('#');
        if !is_comment && !begun {
            begun = true;
            nested.push_str(&format!("[{prefix}]\n"));
        }
        match (line.strip_prefix("[["), line.strip_prefix('[')) {
            (Some(name), _) if !is_text(place) => nested.push_str(&format!("[[{prefix}.{name}")),
            (_, Some(name)) if !is_text(place) => nested.push_str(&format!("[{prefix}.{name}")),
            _ => nested.push_str(line),
        }
        place += line.len();
    }
    if !begun {
        nested.push_str(&format!("[{prefix}]\n"));
    }
    nested
}

/// Where in the manifest the texts in `value` are.
fn add_texts(value: &Spanned<DeValue<'_>>, texts: &mut Vec<Range<usize>>) {
    match value.get_ref() {
        DeValue::String(_) => texts.push(value.span()),
        DeValue::Array(list) => list.iter().for_each(|value| add_texts(value, texts)),
        DeValue::Table(table) => table.iter().for_each(|(_, value)| add_texts(value, texts)),
        _ => {}
    }
}

fn strings(texts: &BTreeSet<String>) -> Value {
    Value::Array(texts.iter().map(|text| Value::String(text.clone())).collect())
}

fn table(text: &mut String, name: &str, content: &Keys, always: bool) {
    if content.is_empty() && !always {
        return;
    }
    if !name.is_empty() {
        let _ = writeln!(text, "[{name}]");
    }
    keys(text, content);
}

fn keys(text: &mut String, keys: &Keys) {
    for (name, value) in &keys.0 {
        let _ = writeln!(text, "{} = {}", key(name), inline(value));
    }
}

/// A key, quoted where TOML asks for it.
fn key(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        // A key is on one line, whatever is in it.
        let mut text = String::from("\"");
        for character in name.chars() {
            match character {
                '"' | '\\' => text.extend(['\\', character]),
                '\n' => text.push_str("\\n"),
                '\t' => text.push_str("\\t"),
                character if character.is_control() => {
                    // Infallible: it writes to memory.
                    let _ = write!(text, "\\u{:04X}", u32::from(character));
                }
                character => text.push(character),
            }
        }
        text + "\""
    }
}

/// `text` on one line of at most `longest` characters, without what would change how a terminal or an editor shows the
/// rest: control characters, and those that turn the direction of writing.
fn one_line(text: &str, longest: usize) -> String {
    let is_shown = |character: &char| {
        let turns =
            matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        !turns && !character.is_control()
    };
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let word = word.chars().filter(is_shown);
        for character in (!line.is_empty()).then_some(' ').into_iter().chain(word) {
            if length + 1 == longest {
                line.push('…');
                return line;
            }
            line.push(character);
            length += 1;
        }
    }
    line
}

/// A value on one line, except for texts that have several.
fn inline(value: &Value) -> String {
    match value {
        Value::Array(list) => {
            let list: Vec<String> = list.iter().map(inline).collect();
            format!("[{}]", list.join(", "))
        }
        Value::Table(table) if table.is_empty() => "{}".to_owned(),
        Value::Table(table) => {
            // What something is about comes first, as its author would write it.
            let first = |name: &str| FIRST.iter().position(|known| *known == name).unwrap_or(FIRST.len());
            let mut pairs: Vec<(&String, &Value)> = table.iter().collect();
            pairs.sort_by_key(|(name, _)| first(name));
            let pairs: Vec<String> =
                pairs.iter().map(|(name, value)| format!("{} = {}", key(name), inline(value))).collect();
            format!("{{ {} }}", pairs.join(", "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_is_written_as_its_author_would() {
        let mut draft = Draft::default();
        draft.packages.extend(["fortunes-min".to_owned(), "fortune-mod".to_owned()]);
        draft.image.set("command", vec!["python", "main.py"]);
        draft.image.set_in("env", "FORTUNE_EXEC", "/usr/games/fortune");
        draft.image.add("ports", 8000);
        draft.image.add("ports", 8000);
        draft.overrides.entry("psycopg2".to_owned()).or_default().set("packages", vec!["gcc", "libpq-dev"]);
        let expected = "\
            [tool.invar]\n\
            packages = [\"fortune-mod\", \"fortunes-min\"]\n\
            [tool.invar.image]\n\
            command = [\"python\", \"main.py\"]\n\
            env = { FORTUNE_EXEC = \"/usr/games/fortune\" }\n\
            ports = [8000]\n\
            [tool.invar.python.overrides.psycopg2]\n\
            packages = [\"gcc\", \"libpq-dev\"]\n";
        assert_eq!(draft.to_toml("tool.invar"), expected);
        assert!(toml::from_str::<toml::Table>(&draft.to_toml("")).is_ok());
    }

    #[test]
    fn what_is_quoted_stays_what_it_is() {
        let mut draft = Draft::default();
        draft.image.set_in("env", "A B", "say \"x\"\\\n\u{7}");
        let source = Source { file: "Dockerfile", line: 3 };
        draft.note(source, "RUN x \\\n\u{1b}[31m y", "left out");
        let text = draft.to_toml("tool.invar");
        assert!(text.starts_with("# Dockerfile:3: RUN x \\ [31m y: left out\n"), "{text}");
        let read: toml::Table = toml::from_str(&text).expect("it is TOML");
        assert_eq!(read["tool"]["invar"]["image"]["env"]["A B"].as_str(), Some("say \"x\"\\\n\u{7}"));
    }

    #[test]
    fn a_manifest_can_be_put_into_a_table() {
        let mut drafts = vec![Draft::default()];
        let mut draft = Draft::default();
        draft.packages.insert("hello".to_owned());
        drafts.push(draft.clone());
        draft.note(Source { file: "flake.nix", line: 3 }, "x", "y");
        draft.dev_shell.set("hook", "if\n[image]\n[[ -d x ]]\nfi\n");
        draft.image.set("command", vec!["sh", "-c", "a\n[b]\n"]);
        draft.overrides.entry("a.b".to_owned()).or_default().set("packages", vec!["gcc"]);
        let mut step = Keys::default();
        step.set("name", "assets");
        draft.steps.push(DraftStep { keys: step });
        drafts.push(draft.clone());
        drafts.push(Draft { image: draft.image, ..Draft::default() });
        for draft in drafts {
            assert_eq!(nested(&draft.to_toml(""), "tool.invar"), draft.to_toml("tool.invar"));
        }
    }

    #[test]
    fn what_a_manifest_may_not_say_is_noted() {
        let mut draft = Draft::default();
        draft.image.set("name", "Not A Name");
        draft.image.set("tag", "1.0");
        draft.image.set("ports", vec![99_999]);
        draft.image.set("command", vec!["a"]);
        draft.keep_valid(Source { file: "flake.nix", line: 0 });
        let kept: Vec<&str> = draft.image.0.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(kept, ["tag", "command"]);
        assert_eq!(draft.notes.len(), 2);
    }

    #[test]
    fn the_authors_shell_says_whether_the_image_has_one() {
        let mut draft = Draft { shell: true, ..Draft::default() };
        assert_eq!(draft.to_toml("tool.invar"), "[tool.invar]\nshell = true\n");
        draft.dev_shell.set("packages", vec!["git"]);
        let expected = "[tool.invar]\n[tool.invar.shell]\npackages = [\"git\"]\nimage = true\n";
        assert_eq!(draft.to_toml("tool.invar"), expected);
    }
}
