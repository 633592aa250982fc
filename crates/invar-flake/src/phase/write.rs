//! Commands that write texts, and change them.
use invar_dockerfile::ShellCommand;

use super::FileContent;
use super::arguments::Arguments;
use super::files::{PathContent, is_within};
use super::interpreter::{Interpreter, Outcome, Status};

/// Bytes of a text that a command may write.
pub(super) const TEXT: usize = 1 << 20;

impl Interpreter<'_> {
    /// The file that the command's output goes to, and whether it is added to what is there.
    pub(super) fn output_file(&self, command: &ShellCommand) -> Option<Result<(String, bool), String>> {
        let mut redirects = command.redirects.iter().rev();
        let redirect = redirects.find(|redirect| {
            matches!(redirect.operator, ">" | ">>" | ">|" | "&>" | "&>>")
                && redirect.descriptor.is_none_or(|number| number == 1)
        })?;
        match self.expander().one(&redirect.target) {
            Ok(target) if target.starts_with("/dev/") => None,
            Ok(target) => Some(Ok((self.path(&target), redirect.operator.ends_with(">>")))),
            Err(unknown) => Some(Err(format!("{unknown} is unknown"))),
        }
    }

    /// Puts what the command prints into a file.
    pub(super) fn write(
        &mut self,
        command: &ShellCommand,
        words: &[String],
        (path, appends): &(String, bool),
    ) -> Outcome {
        let printed = match words.first().map(String::as_str) {
            // A file that is printed is copied.
            Some("cat") if !appends && words.len() == 2 && !words[1].starts_with('-') => {
                let from = self.path(&words[1]);
                if let PathContent::Put(put, _) = self.files.find(&from) {
                    self.place(path, put, None);
                    return Outcome::DONE;
                }
                None
            }
            _ => self.printed(command),
        };
        let Some(text) = printed else {
            let why = "what it writes is unknown";
            self.unknown_targets(command, why);
            return Outcome::unread(why);
        };
        self.put_text(path, &text, *appends)
    }

    fn put_text(&mut self, path: &str, text: &str, appends: bool) -> Outcome {
        let (old, mode) = match self.files.find(path) {
            PathContent::Put(FileContent::Text { content }, mode) => (Some(content), mode),
            PathContent::Put(FileContent::Project { from }, mode) => {
                (self.files.project_text(&from).map(str::to_owned), mode)
            }
            PathContent::Missing => (Some(String::new()), None),
            PathContent::Put(_, mode) => (None, mode),
        };
        let content = match (appends, old) {
            (false, _) if text.len() <= TEXT => text.to_owned(),
            (true, Some(old)) if old.len() + text.len() <= TEXT => old + text,
            (appends, _) => {
                let why = if appends { "what it is added to is unknown" } else { "the text is too long" };
                let put = FileContent::Unknown { command: format!(">> {path}"), why: why.to_owned() };
                self.place(path, put, mode);
                return Outcome::unread(why);
            }
        };
        self.place(path, FileContent::Text { content }, mode);
        Outcome::DONE
    }

    /// What a command prints, where that is known.
    pub(super) fn printed(&self, command: &ShellCommand) -> Option<String> {
        let words = self.expand(&command.words).ok()?;
        let (program, rest) = words.split_first()?;
        match program.as_str() {
            "echo" => {
                let mut rest = rest;
                let (mut newline, mut escapes) = (true, false);
                while let Some((first, others)) =
                    rest.split_first().filter(|(first, _)| is_echo_option(first))
                {
                    newline &= !first.contains('n');
                    escapes |= first.contains('e');
                    rest = others;
                }
                let text = rest.join(" ");
                let text = if escapes { unescape(&text) } else { text };
                Some(if newline { text + "\n" } else { text })
            }
            "printf" => {
                let (format, values) = rest.split_first()?;
                let (format, values) = match (format.as_str(), values.split_first()) {
                    ("--", Some((format, values))) => (format, values),
                    _ => (format, values),
                };
                printf(format, values)
            }
            "cat" if rest.iter().all(|word| word == "-") => {
                let redirect =
                    command.redirects.iter().rev().find(|redirect| redirect.operator.starts_with("<<"))?;
                match &redirect.content {
                    Some(content) if redirect.target.quoted => Some(content.as_str().to_owned()),
                    Some(content) => self.expander().names_in(content.as_str()).ok(),
                    None => self.expander().one(&redirect.target).ok().map(|text| text + "\n"),
                }
            }
            "cat" => {
                let mut all = String::new();
                for word in rest {
                    if all.len() > TEXT {
                        return None;
                    }
                    match self.files.find(&self.path(word)) {
                        PathContent::Put(FileContent::Text { content }, _) => all.push_str(&content),
                        PathContent::Put(FileContent::Project { from }, _) => {
                            all.push_str(self.files.project_text(&from)?)
                        }
                        _ => return None,
                    }
                }
                Some(all)
            }
            _ => None,
        }
    }

    /// `... | tee FILE`, with the text that comes through the pipe.
    pub(super) fn tee(&mut self, command: &ShellCommand, text: &str) -> Status {
        let Ok(words) = self.expand(&command.words) else { return Status::Open };
        let arguments = Arguments::of(words.get(1..).unwrap_or_default(), &[]);
        for word in &arguments.operands {
            let path = self.path(word);
            let Outcome { problem, .. } = self.put_text(&path, text, arguments.has(&["a", "append"]));
            if let Some(why) = problem {
                let source = self.source_of(command);
                self.report(&source, why);
            }
        }
        Status::Success
    }

    /// `sed`, which changes files only with `-i`.
    pub(super) fn sed(&mut self, words: &[String]) -> Outcome {
        let in_place = words.iter().any(|word| word.starts_with("-i") || word.starts_with("--in-place"));
        if !in_place {
            return Outcome::DONE;
        }
        let has_script =
            words.iter().any(|word| matches!(word.as_str(), "-e" | "-f" | "--expression" | "--file"));
        let arguments = Arguments::of(words, &["e", "f", "expression", "file"]);
        let files = arguments.operands.get(usize::from(!has_script)..).unwrap_or_default().to_vec();
        self.changed(&files, "sed")
    }

    /// Files whose text a command changes in a way that is not followed.
    pub(super) fn changed(&mut self, words: &[String], program: &str) -> Outcome {
        let why = format!("{program} changes its text");
        for word in words {
            let path = self.path(word);
            if matches!(
                self.files.find(&path),
                PathContent::Put(FileContent::Directory, _) | PathContent::Missing
            ) {
                continue;
            }
            let put = FileContent::Unknown { command: format!("{program} {word}"), why: why.clone() };
            self.place(&path, put, None);
        }
        Outcome::unread(why)
    }

    pub(super) fn substitute_in_place(&mut self, words: &[String]) -> Outcome {
        let first_flag = words.iter().position(|word| word.starts_with("--")).unwrap_or(words.len());
        let (files, flags) = words.split_at(first_flag);
        let mut problem = None;
        for word in files {
            let path = self.path(word);
            problem = problem.or(self.substituted(&path, &path, flags, word));
        }
        problem.map_or(Outcome::DONE, Outcome::unread)
    }

    pub(super) fn substitute(&mut self, program: &str, words: &[String]) -> Outcome {
        match words {
            [from, to, flags @ ..] if program == "substitute" => {
                let (from, to) = (self.path(from), self.path(to));
                self.substituted(&from, &to, flags, from.as_str()).map_or(Outcome::DONE, Outcome::unread)
            }
            [_, to, ..] => {
                let path = self.path(to);
                let why = "it puts variables of the build into the text".to_owned();
                let put = FileContent::Unknown { command: words.join(" "), why: why.clone() };
                self.place(&path, put, None);
                Outcome::unread(why)
            }
            _ => Outcome::unread("it has no target"),
        }
    }

    /// Puts the text of `from` with its substitutions at `to`. Gives why that cannot be done.
    fn substituted(&mut self, from: &str, to: &str, flags: &[String], name: &str) -> Option<String> {
        let (text, mode) = match self.files.find(from) {
            PathContent::Put(FileContent::Text { content }, mode) => (Some(content), mode),
            PathContent::Put(FileContent::Project { from }, mode) => {
                (self.files.project_text(&from).map(str::to_owned), mode)
            }
            PathContent::Put(_, mode) => (None, mode),
            PathContent::Missing => return Some(format!("`{name}` does not exist")),
        };
        let replaced = text.ok_or_else(|| format!("the text of `{name}` is unknown"));
        let replaced = replaced.and_then(|text| self.replace_all(text, flags));
        match replaced {
            Ok(content) => {
                self.place(to, FileContent::Text { content }, mode);
                None
            }
            Err(why) => {
                // A file that only the build sees is of no consequence until it is copied.
                let put = FileContent::Unknown { command: format!("substitute {name}"), why: why.clone() };
                self.place(to, put, mode);
                is_within(to, &self.output).then_some(why)
            }
        }
    }

    fn replace_all(&self, mut text: String, flags: &[String]) -> Result<String, String> {
        let mut words = flags.iter();
        while let Some(flag) = words.next() {
            let (pattern, value) = match flag.as_str() {
                "--replace" | "--replace-fail" | "--replace-warn" | "--replace-quiet" => {
                    let (Some(pattern), Some(value)) = (words.next(), words.next()) else {
                        return Err(format!("{flag} lacks a text"));
                    };
                    (pattern.clone(), value.clone())
                }
                "--subst-var" => {
                    let name = words.next().cloned().unwrap_or_default();
                    let value = self.variables.get(&name).ok_or_else(|| format!("${name} is unknown"))?;
                    (format!("@{name}@"), value.to_owned())
                }
                "--subst-var-by" => {
                    let (Some(name), Some(value)) = (words.next(), words.next()) else {
                        return Err(format!("{flag} lacks a text"));
                    };
                    (format!("@{name}@"), value.clone())
                }
                other => return Err(format!("{other} is unknown")),
            };
            let count = if pattern.is_empty() { 0 } else { text.matches(&pattern).count() };
            if text.len() + count * value.len() > TEXT {
                return Err("the text becomes too long".to_owned());
            }
            if count > 0 {
                text = text.replace(&pattern, &value);
            }
        }
        Ok(text)
    }
}

fn is_echo_option(word: &str) -> bool {
    word.strip_prefix('-')
        .is_some_and(|letters| !letters.is_empty() && letters.chars().all(|c| "neE".contains(c)))
}

/// A text whose `\n`, `\t` and `\\` are what they stand for.
fn unescape(text: &str) -> String {
    let mut out = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('n') => out.push('\n'),
                Some('t') => out.push('\t'),
                Some('r') => out.push('\r'),
                Some('\\') | None => out.push('\\'),
                Some(other) => out.extend(['\\', other]),
            },
            character => out.push(character),
        }
    }
    out
}

/// What `printf` prints, for formats with nothing but `%s`, `%d` and `%%`.
fn printf(format: &str, values: &[String]) -> Option<String> {
    let format = unescape(format);
    let mut values = values.iter().peekable();
    let mut out = String::new();
    loop {
        let before = values.len();
        let mut characters = format.chars();
        while let Some(character) = characters.next() {
            match character {
                '%' => match characters.next()? {
                    '%' => out.push('%'),
                    's' | 'd' => out.push_str(values.next().map_or("", String::as_str)),
                    'b' => out.push_str(&unescape(values.next().map_or("", String::as_str))),
                    _ => return None,
                },
                character => out.push(character),
            }
        }
        if out.len() > TEXT {
            return None;
        }
        if values.len() == 0 || values.len() == before {
            return Some(out);
        }
    }
}
