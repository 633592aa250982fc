//! Rust source as tokens: as much as is needed to find modules, imports and paths.

/// What a piece of source is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Token {
    /// A name or keyword, without `r#`.
    Word(String),
    /// `::`
    Colons,
    /// The content of a string literal.
    Text(String),
    /// Any other character that is not white space: operators, brackets, digits.
    Sign(char),
}

/// A token with the line that it begins on.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The token.
    pub token: Token,
    /// The line, from 1.
    pub line: usize,
}

impl Placed {
    /// Whether this is that word.
    pub fn is_word(&self, word: &str) -> bool {
        matches!(&self.token, Token::Word(own) if own == word)
    }

    /// Whether this is that sign.
    pub fn is_sign(&self, sign: char) -> bool {
        self.token == Token::Sign(sign)
    }

    /// The word, if it is one.
    pub fn word(&self) -> Option<&str> {
        if let Token::Word(word) = &self.token { Some(word) } else { None }
    }
}

/// The tokens of a source, without comments, lifetimes and character literals.
pub fn tokens(source: &str) -> Vec<Placed> {
    let mut lexer = Lexer { characters: source.chars().collect(), at: 0, line: 1, tokens: Vec::new() };
    while lexer.step() {}
    lexer.tokens
}

struct Lexer {
    characters: Vec<char>,
    at: usize,
    line: usize,
    tokens: Vec<Placed>,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    fn take(&mut self) -> Option<char> {
        let next = self.peek(0)?;
        self.at += 1;
        self.line += usize::from(next == '\n');
        Some(next)
    }

    fn push(&mut self, token: Token, line: usize) {
        self.tokens.push(Placed { token, line });
    }

    /// Reads one token or one piece that is none; false at the end.
    fn step(&mut self) -> bool {
        let line = self.line;
        let Some(first) = self.peek(0) else { return false };
        match (first, self.peek(1)) {
            ('/', Some('/')) => {
                while self.peek(0).is_some_and(|next| next != '\n') && self.take().is_some() {}
            }
            ('/', Some('*')) => self.block_comment(),
            (':', Some(':')) => {
                self.at += 2;
                self.push(Token::Colons, line);
            }
            ('"', _) => self.text(),
            ('\'', _) => self.quote(),
            _ if first.is_alphabetic() || first == '_' => self.word(),
            _ if first.is_ascii_digit() => {
                while self.peek(0).is_some_and(|next| next.is_alphanumeric() || next == '_') {
                    self.at += 1;
                }
                self.push(Token::Sign('0'), line);
            }
            _ => {
                self.take();
                if !first.is_whitespace() {
                    self.push(Token::Sign(first), line);
                }
            }
        }
        true
    }

    /// Comments nest.
    fn block_comment(&mut self) {
        let mut depth = 0_usize;
        loop {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => {
                    depth += 1;
                    self.at += 2;
                }
                (Some('*'), Some('/')) => {
                    depth -= 1;
                    self.at += 2;
                }
                (None, _) => return,
                _ => _ = self.take(),
            }
            if depth == 0 {
                return;
            }
        }
    }

    /// A word, a raw identifier, or the prefix of a literal.
    fn word(&mut self) {
        let line = self.line;
        let mut word = String::new();
        while let Some(next) = self.peek(0).filter(|next| next.is_alphanumeric() || *next == '_') {
            word.push(next);
            self.at += 1;
        }
        let hashes = (0..).take_while(|ahead| self.peek(*ahead) == Some('#')).count();
        match (word.as_str(), self.peek(hashes)) {
            ("r" | "br" | "cr", Some('"')) => {
                self.at += hashes;
                self.raw_text(hashes);
            }
            ("b" | "c", Some('"')) if hashes == 0 => self.text(),
            ("b", Some('\'')) if hashes == 0 => self.quote(),
            ("r", Some(next)) if hashes == 1 && (next.is_alphabetic() || next == '_') => {
                self.at += 1;
                self.word();
            }
            _ => self.push(Token::Word(word), line),
        }
    }

    /// A string literal, from its opening quote on.
    fn text(&mut self) {
        let line = self.line;
        let mut text = String::new();
        self.take();
        while let Some(next) = self.take().filter(|next| *next != '"') {
            text.push(if next == '\\' { self.take().unwrap_or(next) } else { next });
        }
        self.push(Token::Text(text), line);
    }

    fn raw_text(&mut self, hashes: usize) {
        let line = self.line;
        let mut text = String::new();
        self.take();
        while let Some(next) = self.take() {
            if next == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                self.at += hashes;
                break;
            }
            text.push(next);
        }
        self.push(Token::Text(text), line);
    }

    /// A lifetime or a character literal: `'a` is the one, `'a'` and `'\n'` are the other.
    fn quote(&mut self) {
        self.take();
        match (self.peek(0), self.peek(1)) {
            (Some('\\'), _) => {
                self.at += 2;
                while self.take().is_some_and(|next| next != '\'') {}
            }
            (Some(_), Some('\'')) => {
                self.take();
                self.take();
            }
            _ => {
                while self.peek(0).is_some_and(|next| next.is_alphanumeric() || next == '_') {
                    self.at += 1;
                }
            }
        }
    }
}
