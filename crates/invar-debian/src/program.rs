//! The grammar of a shell script, as far as maintainer scripts use it (POSIX.1-2017, Shell Command Language, section
//! 2.9 "Shell Commands").
//!
//! Words stay as they are in the script; nothing is expanded. Redirections, comments and here-documents are dropped.
use std::iter::Peekable;
use std::ops::Range;
use std::rc::Rc;
use std::vec::IntoIter;

use crate::shell::{Token, tokens};

/// How deep commands may be nested: no script comes near.
const DEEPEST: usize = 60;

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Command {
    /// Words, the first of which may be assignments. There may be none, where only a redirection is.
    Simple(Vec<String>),
    /// `a | b`: more than one.
    Pipeline(Vec<Command>),
    /// `a && b`, `a || b`: whether the second is run if the first succeeds.
    Then(Box<Command>, bool, Box<Command>),
    /// `! a`.
    Not(Box<Command>),
    /// Pairs of a condition and what is run if it succeeds, and what is run otherwise.
    If(Vec<(Vec<Command>, Vec<Command>)>, Vec<Command>),
    /// The name, the words (`None` for the arguments), and the body.
    For(String, Option<Vec<String>>, Vec<Command>),
    /// The word, and for each branch its patterns and what is run.
    Case(String, Vec<(Vec<String>, Vec<Command>)>),
    /// `while` and `until`: the condition and the body.
    Loop(Vec<Command>, Vec<Command>),
    /// `{ …; }`.
    Group(Vec<Command>),
    /// `( … )`.
    Subshell(Vec<Command>),
    /// A function's definition.
    Function(String, Rc<[Command]>),
}

/// A script that is not one, or that is nested too deeply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAProgram;

/// The commands of `script`.
///
/// # Errors
/// [`NotAProgram`]
pub(crate) fn program(script: &str) -> Result<Vec<Command>, NotAProgram> {
    let mut parser = Parser { lexemes: lexemes(script).into_iter().peekable(), depth: 0 };
    let commands = parser.list()?;
    if parser.lexemes.peek().is_some() { Err(NotAProgram) } else { Ok(commands) }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Lexeme {
    Word(String),
    Operator(&'static str),
}

const OPERATORS: [&str; 9] = ["&&", "||", ";;", ";", "&", "|", "(", ")", "\n"];

/// The words and operators; neighboring separators make one operator.
fn lexemes(script: &str) -> Vec<Lexeme> {
    let mut lexemes = Vec::new();
    let tokens: Vec<(Token, Range<usize>)> = tokens(script);
    let mut index = 0;
    while let Some((token, place)) = tokens.get(index) {
        index += 1;
        match token {
            Token::Word { .. } => {
                let text = &script[place.clone()];
                let number = text.bytes().all(|byte| byte.is_ascii_digit());
                let redirects = tokens
                    .get(index)
                    .is_some_and(|(next, at)| *next == Token::Redirect && at.start == place.end);
                if !(number && redirects) {
                    lexemes.push(Lexeme::Word(text.to_owned()));
                }
            }
            Token::Redirect => {
                if matches!(tokens.get(index), Some((Token::Word { .. }, _))) {
                    index += 1;
                }
            }
            Token::Separator => {
                let operator = OPERATORS.into_iter().find(|it| script[place.start..].starts_with(it));
                let Some(operator) = operator else { continue };
                // Of `&&`, the second character is a token of its own.
                let end = place.start + operator.len();
                while tokens.get(index).is_some_and(|(_, next)| next.start < end) {
                    index += 1;
                }
                lexemes.push(Lexeme::Operator(operator));
            }
            Token::Comment | Token::HereDocument => {}
        }
    }
    lexemes
}

struct Parser {
    lexemes: Peekable<IntoIter<Lexeme>>,
    depth: usize,
}

/// Words that end a list where a command could start.
const CLOSING: [&str; 9] = ["then", "elif", "else", "fi", "do", "done", "esac", "}", "in"];

impl Parser {
    fn is_operator(&mut self, operator: &str) -> bool {
        matches!(self.lexemes.peek(), Some(Lexeme::Operator(next)) if *next == operator)
    }

    fn take_operator(&mut self, operator: &str) -> bool {
        self.is_operator(operator) && self.lexemes.next().is_some()
    }

    fn is_word(&mut self, word: &str) -> bool {
        matches!(self.lexemes.peek(), Some(Lexeme::Word(next)) if next == word)
    }

    fn take_word(&mut self, word: &str) -> bool {
        self.is_word(word) && self.lexemes.next().is_some()
    }

    fn expect_word(&mut self, word: &str) -> Result<(), NotAProgram> {
        if self.take_word(word) { Ok(()) } else { Err(NotAProgram) }
    }

    fn any_word(&mut self) -> Result<String, NotAProgram> {
        match self.lexemes.next() {
            Some(Lexeme::Word(word)) => Ok(word),
            _ => Err(NotAProgram),
        }
    }

    fn lines(&mut self) {
        while self.take_operator("\n") {}
    }

    /// Commands up to a word or an operator that closes what they are in, or the end.
    fn list(&mut self) -> Result<Vec<Command>, NotAProgram> {
        let mut commands = Vec::new();
        loop {
            while self.take_operator("\n") || self.take_operator(";") || self.take_operator("&") {}
            match self.lexemes.peek() {
                None | Some(Lexeme::Operator(")" | ";;")) => return Ok(commands),
                Some(Lexeme::Word(word)) if CLOSING.contains(&word.as_str()) => return Ok(commands),
                _ => commands.push(self.and_or()?),
            }
        }
    }

    fn and_or(&mut self) -> Result<Command, NotAProgram> {
        let mut left = self.pipeline()?;
        // Each makes the command one level deeper.
        for _ in 0..DEEPEST {
            let succeeded = match () {
                () if self.take_operator("&&") => true,
                () if self.take_operator("||") => false,
                () => return Ok(left),
            };
            self.lines();
            left = Command::Then(Box::new(left), succeeded, Box::new(self.pipeline()?));
        }
        Err(NotAProgram)
    }

    fn pipeline(&mut self) -> Result<Command, NotAProgram> {
        let mut negated = false;
        while self.take_word("!") {
            negated = !negated;
        }
        let mut commands = vec![self.command()?];
        while self.take_operator("|") {
            self.lines();
            commands.push(self.command()?);
        }
        let command = match commands.len() {
            1 => commands.remove(0),
            _ => Command::Pipeline(commands),
        };
        Ok(if negated { Command::Not(Box::new(command)) } else { command })
    }

    fn command(&mut self) -> Result<Command, NotAProgram> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(NotAProgram);
        }
        let command = self.command_here();
        self.depth -= 1;
        command
    }

    fn command_here(&mut self) -> Result<Command, NotAProgram> {
        if self.take_operator("(") {
            let body = self.list()?;
            return if self.take_operator(")") { Ok(Command::Subshell(body)) } else { Err(NotAProgram) };
        }
        let Some(Lexeme::Word(first)) = self.lexemes.peek().cloned() else { return self.simple(Vec::new()) };
        match first.as_str() {
            "if" => self.conditional(),
            "for" => self.for_loop(),
            "case" => self.case(),
            "while" | "until" => {
                self.lexemes.next();
                let condition = self.list()?;
                Ok(Command::Loop(condition, self.body()?))
            }
            "{" => {
                self.lexemes.next();
                let body = self.list()?;
                self.expect_word("}")?;
                Ok(Command::Group(body))
            }
            "function" => {
                self.lexemes.next();
                let name = self.any_word()?;
                if self.take_operator("(") && !self.take_operator(")") {
                    return Err(NotAProgram);
                }
                self.function(name)
            }
            _ => {
                self.lexemes.next();
                if self.take_operator("(") {
                    return if self.take_operator(")") { self.function(first) } else { Err(NotAProgram) };
                }
                self.simple(vec![first])
            }
        }
    }

    fn simple(&mut self, mut words: Vec<String>) -> Result<Command, NotAProgram> {
        while let Some(Lexeme::Word(_)) = self.lexemes.peek() {
            words.push(self.any_word()?);
        }
        // A list does not call this before an operator that ends it, and an operator alone is no command.
        match self.lexemes.peek() {
            Some(Lexeme::Operator("(")) => Err(NotAProgram),
            Some(Lexeme::Operator("&&" | "||" | "|")) if words.is_empty() => Err(NotAProgram),
            _ => Ok(Command::Simple(words)),
        }
    }

    fn function(&mut self, name: String) -> Result<Command, NotAProgram> {
        self.lines();
        let body = match self.command()? {
            Command::Group(body) => body,
            command => vec![command],
        };
        Ok(Command::Function(name, body.into()))
    }

    fn conditional(&mut self) -> Result<Command, NotAProgram> {
        let mut branches = Vec::new();
        while self.take_word(if branches.is_empty() { "if" } else { "elif" }) {
            let condition = self.list()?;
            self.expect_word("then")?;
            branches.push((condition, self.list()?));
        }
        let otherwise = if self.take_word("else") { self.list()? } else { Vec::new() };
        self.expect_word("fi")?;
        Ok(Command::If(branches, otherwise))
    }

    fn for_loop(&mut self) -> Result<Command, NotAProgram> {
        self.lexemes.next();
        let name = self.any_word()?;
        self.lines();
        let mut words = None;
        if self.take_word("in") {
            let list = words.insert(Vec::new());
            while let Some(Lexeme::Word(_)) = self.lexemes.peek() {
                list.push(self.any_word()?);
            }
        }
        while self.take_operator(";") || self.take_operator("\n") {}
        Ok(Command::For(name, words, self.body()?))
    }

    fn body(&mut self) -> Result<Vec<Command>, NotAProgram> {
        self.expect_word("do")?;
        let body = self.list()?;
        self.expect_word("done")?;
        Ok(body)
    }

    fn case(&mut self) -> Result<Command, NotAProgram> {
        self.lexemes.next();
        let word = self.any_word()?;
        self.lines();
        self.expect_word("in")?;
        let mut branches = Vec::new();
        loop {
            self.lines();
            if self.take_word("esac") {
                return Ok(Command::Case(word, branches));
            }
            self.take_operator("(");
            let mut patterns = vec![self.any_word()?];
            while self.take_operator("|") {
                patterns.push(self.any_word()?);
            }
            if !self.take_operator(")") {
                return Err(NotAProgram);
            }
            branches.push((patterns, self.list()?));
            if !self.take_operator(";;") {
                self.lines();
                self.expect_word("esac")?;
                return Ok(Command::Case(word, branches));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(script: &str, expected: &str) {
        let shown = program(script).map(|commands| commands.iter().map(short).collect::<Vec<_>>().join("; "));
        assert_eq!(shown.as_deref().unwrap_or("no program"), expected, "{script:?}");
    }

    fn shorts(commands: &[Command]) -> String {
        commands.iter().map(short).collect::<Vec<_>>().join("; ")
    }

    fn short(command: &Command) -> String {
        match command {
            Command::Simple(words) => words.join(" "),
            Command::Pipeline(commands) => commands.iter().map(short).collect::<Vec<_>>().join(" | "),
            Command::Then(left, succeeded, right) => {
                format!("({} {} {})", short(left), if *succeeded { "&&" } else { "||" }, short(right))
            }
            Command::Not(command) => format!("!{}", short(command)),
            Command::If(branches, otherwise) => {
                let branches = branches.iter().map(|(if_, then)| format!("{}?{}", shorts(if_), shorts(then)));
                format!("if[{}:{}]", branches.collect::<Vec<_>>().join(":"), shorts(otherwise))
            }
            Command::For(name, words, body) => {
                format!("for[{name} {}:{}]", words.clone().unwrap_or_default().join(" "), shorts(body))
            }
            Command::Case(word, branches) => {
                let branches = branches
                    .iter()
                    .map(|(patterns, body)| format!("{})", patterns.join("|")) + &shorts(body));
                format!("case[{word} {}]", branches.collect::<Vec<_>>().join(" "))
            }
            Command::Loop(condition, body) => format!("loop[{}:{}]", shorts(condition), shorts(body)),
            Command::Group(body) => format!("{{{}}}", shorts(body)),
            Command::Subshell(body) => format!("({})", shorts(body)),
            Command::Function(name, body) => format!("{name}(){{{}}}", shorts(body)),
        }
    }

    #[test]
    fn commands_are_nested() {
        check("a b && c || d >x 2>&1\n", "((a b && c) || d)");
        check("! a | b; c &\nd", "!a | b; c; d");
        check("if a; then b; elif c\nthen d; else e; fi", "if[a?b:c?d:e]");
        check("for x in a b; do c $x; done", "for[x a b:c $x]");
        check("for x\ndo c\ndone", "for[x :c]");
        check("case $1 in a|b) c;; (d) e; f;; *) g\nesac", "case[$1 a|b)c d)e; f *)g]");
        check("case x in a) ;; esac", "case[x a)]");
        check("while a; do b; done; until c; do d; done", "loop[a:b]; loop[c:d]");
        check("{ a; b; }; (c; d)", "{a; b}; (c; d)");
        check("f() { a; }\ng ()\n{\nb\n}\nf x", "f(){a}; g(){b}; f x");
        check("cat <<EOF\nif\nEOF\na # if", "cat; a");
        check("echo fi", "echo fi");
        check("a; ; b", "a; b");
    }

    #[test]
    fn what_is_no_program_is_none() {
        for script in
            ["if a; then b", "case x in", "for x in a; b", "a )", "done", "{ a;", "f( a", "&& a", "( a"]
        {
            check(script, "no program");
        }
        check(&"( ".repeat(100_000), "no program");
        check(&"if ".repeat(100_000), "no program");
    }

    proptest! {
        #[test]
        fn nothing_panics(script in "[a-c(){}|&;<>!$\"'\n ]{0,40}|(if|then|fi|case|in|esac|for|do|done|a|\\)|;;|;|\n| ){0,30}") {
            let _ = program(&script);
        }
    }
}
