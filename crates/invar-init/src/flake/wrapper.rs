//! `makeWrapper` and its like: what a program of the flake runs in the end.
use rnix::SyntaxNode;

use crate::flake::Reader;
use crate::flake::nix::{Call, Piece, Value, attribute, value};
use crate::nixpkgs::counterpart;

/// Begins and ends the number of a value within a script. No script has these characters.
const MARK: char = '\u{1}';

/// What a program that a flake makes stands for.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// The command that it runs.
    pub command: Vec<String>,
    /// The variables that it sets.
    pub env: Vec<(String, String)>,
}

/// A script, with what is computed in it as marks.
struct Script {
    text: String,
    values: Vec<Value>,
}

impl Reader<'_> {
    /// The program `name` of the derivation `call`, if its script has a wrapper for it.
    pub(super) fn wrapped(&mut self, call: &Call, name: &str) -> Option<Program> {
        let script = script(call)?;
        for words in script.commands() {
            let (command, rest) = words.split_first()?;
            let (target, place, options) = match (command.as_str(), rest) {
                ("makeWrapper" | "makeBinaryWrapper", [target, place, options @ ..]) => {
                    (target, place, options)
                }
                ("wrapProgram", [place, options @ ..]) => (place, place, options),
                _ => continue,
            };
            if place.rsplit('/').next() == Some(name) {
                return Some(self.program(&script, target, options, &call.node));
            }
        }
        None
    }

    fn program(&mut self, script: &Script, target: &str, options: &[String], node: &SyntaxNode) -> Program {
        let mut program = Program::default();
        program.command.extend(self.word(script, target, node));
        let mut options = options.iter();
        while let Some(option) = options.next() {
            let mut next = || options.next().map(String::as_str).unwrap_or_default();
            match option.as_str() {
                "--set" | "--set-default" => {
                    let (name, content) = (next(), next());
                    if let Some(content) = self.word(script, content, node) {
                        program.env.push((name.to_owned(), content));
                    }
                }
                "--add-flags" | "--append-flags" => {
                    let flags = next();
                    for flag in flags.split_whitespace() {
                        program.command.extend(self.word(script, flag, node));
                    }
                }
                "--add-flag" | "--append-flag" => {
                    let flag = next();
                    program.command.extend(self.word(script, flag, node));
                }
                "--prefix" | "--suffix" => {
                    let (variable, _, content) = (next(), next(), next());
                    self.prefixed(script, variable, content, node);
                }
                "--chdir" => {
                    let folder = next();
                    if let Some(folder) = self.word(script, folder, node) {
                        self.draft.image.set("workdir", folder);
                    }
                }
                "--inherit-argv0" => {}
                other => {
                    let why = format!("{other} of the wrapper has no counterpart here");
                    self.note(node, &why);
                }
            }
        }
        program
    }

    /// Programs that are put on `PATH` are in the image; other variables have to be set by hand.
    fn prefixed(&mut self, script: &Script, variable: &str, content: &str, node: &SyntaxNode) {
        let packages: Vec<String> = script.marked(content).flat_map(packages_in).collect();
        for package in &packages {
            self.add_package(package, node);
        }
        if variable != "PATH" || packages.is_empty() {
            let why = format!("what the wrapper adds to {variable} is to be set in `env`, if it is needed");
            self.note(node, &why);
        }
    }

    /// A word of a script as the image has it. `None`, with a note, where it has to be computed.
    fn word(&mut self, script: &Script, word: &str, node: &SyntaxNode) -> Option<String> {
        let mut pieces = Vec::new();
        for (number, part) in word.split(MARK).enumerate() {
            if number % 2 == 0 {
                pieces.push(Piece::Literal(part.to_owned()));
            } else if let Some(value) = part.parse().ok().and_then(|index: usize| script.values.get(index)) {
                pieces.push(Piece::Value(Box::new(value.clone())));
            }
        }
        let text = self.text(&Value::Text(pieces));
        if text.is_none() {
            self.note(node, "the wrapper has a word that has to be computed");
        }
        // What was installed beside the program is the project's own file.
        text.map(|text| match text.strip_prefix("$out/").or_else(|| text.strip_prefix("${out}/")) {
            Some(inside) => inside.rsplit('/').next().unwrap_or(inside).to_owned(),
            None => text,
        })
    }

    /// A text as the image has it: packages' programs where Debian has them, the environment at its place.
    pub(super) fn text(&mut self, value: &Value) -> Option<String> {
        let Value::Text(pieces) = value else { return None };
        let mut text = String::new();
        let mut pieces = pieces.iter().peekable();
        while let Some(piece) = pieces.next() {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Value(inner) => {
                    // A package is nothing without the path in it, which comes next.
                    let rest = match pieces.peek() {
                        Some(Piece::Literal(rest)) => rest.clone(),
                        _ => String::new(),
                    };
                    let (place, used) = self.place(inner, &rest)?;
                    text.push_str(&place);
                    if used > 0 {
                        pieces.next();
                        text.push_str(&rest[used..]);
                    }
                }
            }
        }
        Some(text)
    }

    /// Where the image has what `value` stands for when `rest` follows it, and how much of `rest` that includes.
    fn place(&mut self, held: &Value, rest: &str) -> Option<(String, usize)> {
        let end = rest
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ':' | ';'))
            .unwrap_or(rest.len());
        let inside = &rest[..end];
        match held {
            Value::Text(_) => Some((self.text(held)?, 0)),
            Value::Package(package) => {
                let counterpart = counterpart(package)?;
                self.draft.packages.extend(counterpart.packages().map(str::to_owned));
                Some((counterpart.place(inside)?, end))
            }
            Value::Call(call) if call.function == "mkVirtualEnv" => {
                self.environment(call);
                // Programs of the environment come first on the image's PATH.
                match inside.strip_prefix("/bin/") {
                    Some(program) => Some((program.to_owned(), end)),
                    None => Some((format!("/app/.venv{inside}"), end)),
                }
            }
            Value::Call(call) if call.function == "getExe" => match call.arguments.first().map(value)? {
                Value::Package(package) => {
                    let counterpart = counterpart(&package)?;
                    self.draft.packages.extend(counterpart.packages().map(str::to_owned));
                    Some((counterpart.main_program(), 0))
                }
                _ => None,
            },
            Value::Path(path) if path == "./." => Some((format!("/app{inside}"), end)),
            Value::Path(path) => Some((format!("/app/{}", path.trim_start_matches("./")), 0)),
            _ => None,
        }
    }
}

/// The packages that a value names, such as those of `lib.makeBinPath [ pkgs.git ]`.
fn packages_in(held: &Value) -> Vec<String> {
    match held {
        Value::Package(package) => vec![package.clone()],
        Value::List(list) => list.iter().flat_map(packages_in).collect(),
        Value::Call(call) if call.function == "makeBinPath" => {
            call.arguments.first().map(|list| packages_in(&value(list))).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}

/// The script of a derivation: one of its phases, or the text of a written program.
fn script(call: &Call) -> Option<Script> {
    let values = match call.function.as_str() {
        "runCommand" | "writeShellScriptBin" | "writeScriptBin" => vec![value(call.arguments.last()?)],
        _ => {
            let Value::Set(set) = value(call.arguments.first()?) else { return None };
            let phases =
                ["buildPhase", "buildCommand", "installPhase", "postInstall", "fixupPhase", "postFixup"];
            let extra = ["postBuild", "text"];
            phases.iter().chain(&extra).filter_map(|phase| Some(value(&attribute(&set, phase)?))).collect()
        }
    };
    let mut script = Script { text: String::new(), values: Vec::new() };
    for value in values {
        let Value::Text(pieces) = value else { continue };
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => script.text.extend(literal.chars().filter(|c| *c != MARK)),
                Piece::Value(inner) => {
                    script.text.push_str(&format!("{MARK}{}{MARK}", script.values.len()));
                    script.values.push(*inner);
                }
            }
        }
        script.text.push('\n');
    }
    Some(script)
}

impl Script {
    /// The words of each command.
    fn commands(&self) -> Vec<Vec<String>> {
        let joined = self.text.replace("\\\n", " ");
        joined
            .lines()
            .flat_map(|line| line.split("&&"))
            .map(words)
            .filter(|words| !words.is_empty())
            .collect()
    }

    /// The values in `word`.
    fn marked<'a>(&'a self, word: &'a str) -> impl Iterator<Item = &'a Value> {
        let numbers = word.split(MARK).skip(1).step_by(2);
        numbers.filter_map(|number| self.values.get(number.parse::<usize>().ok()?))
    }
}

/// The words of a command, without their quotes.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (Some(open), _) if open == character => quote = None,
            (None, '#') if word.is_none() => break,
            (None, _) if character.is_whitespace() => words.extend(word.take()),
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(characters.next()),
            _ => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    words
}
