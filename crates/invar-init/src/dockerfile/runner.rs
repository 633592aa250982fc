//! `uv run` and similar in front of a command: an image has the environment's programs on its path, and no runner.
use invar_dockerfile::{ShellWord, Text, split_commands};

/// Programs that run another in an environment by `run`.
const RUNNERS: [&str; 6] = ["hatch", "pdm", "pipenv", "poetry", "rye", "uv"];

/// Options of `uv run`, and of uv before it, that take a word of their own.
const WITH_VALUE: [&str; 38] = [
    "--cache-dir",
    "--color",
    "--config-file",
    "--config-setting",
    "--default-index",
    "--directory",
    "--env-file",
    "--exclude-newer",
    "--extra",
    "--extra-index-url",
    "--find-links",
    "--fork-strategy",
    "--group",
    "--index",
    "--index-strategy",
    "--index-url",
    "--keyring-provider",
    "--link-mode",
    "--no-extra",
    "--no-group",
    "--only-group",
    "--package",
    "--prerelease",
    "--project",
    "--python",
    "--python-platform",
    "--refresh-package",
    "--reinstall-package",
    "--resolution",
    "--upgrade-package",
    "--with",
    "--with-editable",
    "--with-requirements",
    "-C",
    "-P",
    "-f",
    "-i",
    "-p",
];

/// Programs that start the one that is named after them.
const STARTERS: [&str; 9] =
    ["catatonit", "command", "dumb-init", "env", "exec", "nice", "nohup", "time", "tini"];

/// Programs that start the one that is named after a word of theirs.
const STARTERS_WITH_WORD: [&str; 4] = ["gosu", "setpriv", "su-exec", "timeout"];

/// What is in front of a command.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Runner {
    /// Its options, each with its value, if it has one.
    pub options: Vec<(String, Option<String>)>,
    /// The word that it starts at, and that of the command.
    at: usize,
    end: usize,
    /// What is put in its place.
    instead: &'static [&'static str],
}

impl Runner {
    /// The runner among `words`; none if there is none.
    pub fn of(words: &[String]) -> Option<Self> {
        let name = |word: &str| word.rsplit('/').next().unwrap_or(word).to_owned();
        let is_start = |at: usize| {
            let before = |count: usize| at.checked_sub(count).map(|at| name(&words[at]));
            at == 0
                || before(1).is_some_and(|word| {
                    word == "--" || word.contains('=') || STARTERS.contains(&word.as_str())
                })
                || before(2).is_some_and(|word| STARTERS_WITH_WORD.contains(&word.as_str()))
        };
        let at =
            (0..words.len()).find(|at| RUNNERS.contains(&name(&words[*at]).as_str()) && is_start(*at))?;
        let is_uv = name(&words[at]) == "uv";
        let mut runner = Self { at, ..Self::default() };
        let mut next = at + 1;
        // What uv is told before it is told to run.
        while is_uv && runner.option(words, &mut next) {}
        if words.get(next).map(String::as_str) != Some("run") {
            return None;
        }
        next += 1;
        loop {
            match words.get(next).map(String::as_str) {
                Some("--") => {
                    next += 1;
                    break;
                }
                Some("-m" | "--module") if is_uv => {
                    next += 1;
                    runner.instead = &["python", "-m"];
                    break;
                }
                Some("-s" | "--script" | "--gui-script") if is_uv => {
                    next += 1;
                    runner.instead = &["python"];
                    break;
                }
                Some(_) if runner.option(words, &mut next) => {}
                // `uv run main.py` runs it with the environment's Python.
                Some(script) if script.ends_with(".py") => {
                    runner.instead = &["python"];
                    break;
                }
                _ => break,
            }
        }
        runner.end = next;
        Some(runner)
    }

    /// Reads one option at `next` and goes past it.
    fn option(&mut self, words: &[String], next: &mut usize) -> bool {
        let Some(word) =
            words.get(*next).filter(|word| word.starts_with('-') && word.len() > 2 || is_short(word))
        else {
            return false;
        };
        *next += 1;
        match word.split_once('=') {
            Some((name, value)) => self.options.push((name.to_owned(), Some(value.to_owned()))),
            None if WITH_VALUE.contains(&word.as_str()) || word == "-w" => {
                self.options.push((word.clone(), words.get(*next).cloned()));
                *next += 1;
            }
            None => self.options.push((word.clone(), None)),
        }
        true
    }

    /// The values of the option `name`.
    pub fn values<'r>(&'r self, name: &'r str) -> impl Iterator<Item = &'r str> {
        self.options
            .iter()
            .filter(move |(option, _)| option == name)
            .filter_map(|(_, value)| value.as_deref())
    }

    /// `words` without it.
    pub fn removed_from(&self, words: &[String]) -> Vec<String> {
        let instead = self.instead.iter().map(|word| (*word).to_owned());
        let rest = words.iter().skip(self.end.min(words.len())).cloned();
        words.iter().take(self.at).cloned().chain(instead).chain(rest).collect()
    }
}

/// Whether `word` is an option of one letter.
fn is_short(word: &str) -> bool {
    word.len() == 2 && word.starts_with('-') && word != "--" && word != "-m" && word != "-s"
}

/// The words after `uv run`, `poetry run` and similar, with their options.
pub(super) fn without_runner(words: Vec<String>) -> Vec<String> {
    Runner::of(&words).map(|runner| runner.removed_from(&words)).unwrap_or(words)
}

/// A piece of a line that starts a runner, or that makes a shell use an environment: what is there, and what has to
/// be there instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RunnerText {
    /// The runner; of a line that is for the shell itself, one without options.
    pub runner: Runner,
    /// Where it is, from its first word up to the command.
    start: usize,
    end: usize,
    /// Whether it is a command of its own.
    is_whole: bool,
}

impl RunnerText {
    /// What is to be there, in a script of several lines.
    fn instead(&self) -> String {
        match self.is_whole {
            true => ":".to_owned(),
            false => self.runner.instead.iter().map(|word| format!("{word} ")).collect(),
        }
    }
}

/// Whether `words` make a shell use an environment, which an image does on its own.
pub(super) fn is_activation(words: &[&str]) -> bool {
    matches!(words, ["." | "source", path] if path.ends_with("bin/activate"))
}

/// The runners of the lines of a shell's text, in their order.
pub(super) fn runners_in(text: &str) -> Vec<RunnerText> {
    let script = split_commands(&Text::new(text, 0), &[]);
    let mut found: Vec<RunnerText> = Vec::new();
    for command in script.all() {
        // A word that is unknown as a whole is none of those that are looked for.
        let words: Vec<String> =
            command.words.iter().map(|word: &ShellWord| word.as_str().to_owned()).collect();
        let plain: Vec<&str> = words.iter().map(String::as_str).collect();
        if is_activation(&plain) && command.span.start < command.span.end {
            let (start, end) = (command.span.start, command.span.end);
            found.push(RunnerText { runner: Runner::default(), start, end, is_whole: true });
            continue;
        }
        let Some(runner) = Runner::of(&words) else { continue };
        let Some(first) = command.words.get(runner.at) else { continue };
        let Some(last) = command.words.get(runner.end) else { continue };
        let (start, end) = (first.span.start, last.span.start);
        if start < end && text.get(start..end).is_some() {
            found.push(RunnerText { runner, start, end, is_whole: false });
        }
    }
    found.sort_by_key(|found| found.start);
    found.dedup_by(|next, first| next.start < first.end);
    found
}

/// The lines of a shell without their runners.
pub(super) fn lines_without_runner(text: &str) -> String {
    let mut lines = text.to_owned();
    for found in runners_in(text).iter().rev() {
        let mut instead = found.instead();
        let mut end = found.end;
        // What comes after it needs no word in its place.
        let rest = text[end..].trim_start();
        if let Some(rest) =
            rest.strip_prefix("&&").or_else(|| rest.strip_prefix(';').filter(|_| !rest.starts_with(";;")))
            && found.is_whole
        {
            instead.clear();
            end = text.len() - rest.trim_start().len();
        }
        lines.replace_range(found.start..end, &instead);
    }
    lines
}

/// `line` without what makes a shell use an environment; a line without such a command as it is.
pub(super) fn without_activation(line: &str) -> String {
    match runners_in(line).iter().all(|found| found.is_whole) {
        true => lines_without_runner(line),
        // The runners are removed, and what they are told is read, when all of the line is.
        false => line.to_owned(),
    }
}

/// What `sed` has to do to take the runners out of `texts`: each with the options that it has there.
pub(super) fn sed_without_runner<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let mut replaced: Vec<(String, String)> = Vec::new();
    for text in texts {
        for found in runners_in(text) {
            let pair = (text[found.start..found.end].to_owned(), found.instead());
            if !pair.0.contains('\n') && !replaced.contains(&pair) {
                replaced.push(pair);
            }
        }
    }
    // A longer one may start with a shorter one.
    replaced.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
    let escaped = |text: &str| {
        text.chars().fold(String::new(), |mut escaped, c| {
            if r"\/.*[]^$&".contains(c) {
                escaped.push('\\');
            }
            escaped.push(c);
            escaped
        })
    };
    let commands: Vec<String> = replaced
        .iter()
        .map(|(text, instead)| format!("s/{}/{}/g", escaped(text), escaped(instead)))
        .collect();
    commands.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runners_and_their_options_are_left_out() {
        let check = |line: &str, expected: &str| {
            let words = line.split(' ').map(str::to_owned).collect();
            assert_eq!(without_runner(words).join(" "), expected);
        };
        check("uv run python main.py", "python main.py");
        check("/bin/uv --quiet run --no-dev --extra x --group=y main.py -v", "python main.py -v");
        check("uv run -m http.server -p 1", "python -m http.server -p 1");
        check("uv run --script a b", "python a b");
        check("uv run -p 3.13 -- -x", "-x");
        check("tini -s -- uv run x", "tini -s -- x");
        check("gosu me uv run x", "gosu me x");
        check("env A=b uv run x", "env A=b x");
        check("poetry run x --y", "x --y");
        check("uv sync", "uv sync");
        check("echo uv run x", "echo uv run x");
        check("uv run", "");
    }

    #[test]
    fn options_are_told() {
        let words: Vec<String> =
            "uv --directory /x run --extra a --extra=b y".split(' ').map(str::to_owned).collect();
        let runner = Runner::of(&words).expect("there is one");
        assert_eq!(runner.values("--extra").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(runner.values("--directory").collect::<Vec<_>>(), ["/x"]);
    }

    #[test]
    fn lines_keep_the_rest() {
        let check = |line: &str, expected: &str| assert_eq!(lines_without_runner(line), expected);
        check("uv run a && exec uv run --no-sync 'b c' $D | x", "a && exec 'b c' $D | x");
        check("uv run -m a; X=$(uv run --x b.py)", "python -m a; X=$(python b.py)");
        check("sh -c 'uv run a'", "sh -c 'a'");
        check("echo \"uv run a\"", "echo \"uv run a\"");
        check(". /v/bin/activate && exec a", "exec a");
        check("x; source .venv/bin/activate", "x; :");
    }

    #[test]
    fn sed_is_told_no_more_than_it_needs() {
        let check = |text: &str, expected: &str| assert_eq!(sed_without_runner([text].into_iter()), expected);
        check("exec uv run x", "s/uv run //g");
        check("uv run -m x && uv run y", "s/uv run -m /python -m /g; s/uv run //g");
        check("uv run --no-sync --extra a x", "s/uv run --no-sync --extra a //g");
        check("source /v/bin/activate\nuv run x", r"s/source \/v\/bin\/activate/:/g; s/uv run //g");
        check("/bin/uv run x.py", r"s/\/bin\/uv run /python /g");
    }
}
