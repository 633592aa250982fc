//! A crate's modules, with what each imports, names and defines. What is compiled for tests alone is left out.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::lexer::{Placed, Token, tokens};

/// A module's names from the crate's root on; the root itself has none.
pub type Name = Vec<String>;

/// A `use` of one name, or of all names.
#[derive(Debug)]
pub struct Import {
    /// The path, with `crate`, `self` and `super` as they were written.
    pub path: Vec<String>,
    /// The name that the module gets by it; `None` for `*`.
    pub alias: Option<String>,
    /// The line.
    pub line: usize,
}

/// A path in code.
#[derive(Debug)]
pub struct Mention {
    /// The path as written.
    pub path: Vec<String>,
    /// The line.
    pub line: usize,
}

/// One module.
#[derive(Debug, Default)]
pub struct Module {
    /// The file that it is in, as a reader would name it.
    pub file: String,
    /// Names of the modules below it.
    pub children: BTreeSet<String>,
    /// Its imports, also those inside functions.
    pub imports: Vec<Import>,
    /// Its paths of two and more names.
    pub mentions: Vec<Mention>,
    /// What it defines.
    pub items: BTreeSet<String>,
}

/// All modules of a crate.
pub type Modules = BTreeMap<Name, Module>;

/// The modules of the crate that begins with this file.
pub fn read_crate(root: &Path) -> Modules {
    let folder = root.parent().expect("a file is in a directory");
    let mut modules = Modules::new();
    let mut pending = vec![(Name::new(), root.to_owned())];
    while let Some((name, path)) = pending.pop() {
        let source = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        let file = path.strip_prefix(folder).expect("modules are below the root").display().to_string();
        for declared in read_module(&mut modules, &name, &file, &source) {
            let stem = declared.iter().fold(folder.to_owned(), |stem, part| stem.join(part));
            let flat = stem.with_extension("rs");
            let path = if flat.is_file() { flat } else { stem.join("mod.rs") };
            pending.push((declared, path));
        }
    }
    modules
}

/// Reads a file's module and those that are in it; gives the names of those that have a file of their own.
pub fn read_module(modules: &mut Modules, name: &[String], file: &str, source: &str) -> Vec<Name> {
    let tokens = tokens(source);
    let mut reader = Reader { tokens: &tokens, at: 0, file, modules, declared: Vec::new() };
    reader.body(name);
    reader.declared
}

struct Reader<'a> {
    tokens: &'a [Placed],
    at: usize,
    file: &'a str,
    modules: &'a mut Modules,
    declared: Vec<Name>,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<&Placed> {
        self.tokens.get(self.at + ahead)
    }

    fn sign(&self, ahead: usize, sign: char) -> bool {
        self.peek(ahead).is_some_and(|next| next.is_sign(sign))
    }

    fn colons(&self, ahead: usize) -> bool {
        self.peek(ahead).is_some_and(|next| next.token == Token::Colons)
    }

    /// Reads a module's content up to its end: the end of the file, or the bracket that closes it.
    fn body(&mut self, name: &[String]) {
        let mut module = Module { file: self.file.to_owned(), ..Module::default() };
        let mut depth = 0_usize;
        while let Some(next) = self.peek(0) {
            let line = next.line;
            match &next.token {
                Token::Sign('#') => self.attribute(&mut module),
                Token::Sign('{') => {
                    depth += 1;
                    self.at += 1;
                }
                Token::Sign('}') => {
                    self.at += 1;
                    match depth.checked_sub(1) {
                        Some(less) => depth = less,
                        None => break,
                    }
                }
                Token::Word(word) => {
                    let word = word.clone();
                    self.word(&word, line, depth, name, &mut module);
                }
                _ => self.at += 1,
            }
        }
        self.modules.insert(name.to_vec(), module);
    }

    fn word(&mut self, word: &str, line: usize, depth: usize, name: &[String], module: &mut Module) {
        let following = self.peek(1).and_then(Placed::word).map(ToOwned::to_owned);
        match (word, following) {
            ("mod", Some(child)) if self.sign(2, ';') || self.sign(2, '{') => {
                let below = name.iter().cloned().chain([child.clone()]).collect::<Name>();
                module.children.insert(child);
                let inline = self.sign(2, '{');
                self.at += 3;
                if inline {
                    self.body(&below);
                } else {
                    self.declared.push(below);
                }
            }
            ("use", _) if !self.sign(1, '<') => {
                self.at += 1;
                self.use_tree(&mut Vec::new(), module);
            }
            ("pub", _) if self.sign(1, '(') => {
                while self.peek(0).is_some() && !self.sign(0, ')') {
                    self.at += 1;
                }
            }
            (
                "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" | "macro_rules",
                Some(item),
            ) if depth == 0 => {
                module.items.insert(item);
                self.at += 1;
            }
            _ => self.path(line, module),
        }
    }

    /// Reads a path, and keeps it if it has several names and does not go on from a value or from outside.
    fn path(&mut self, line: usize, module: &mut Module) {
        let before = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        let outside = before.is_some_and(|token| token.token == Token::Colons);
        let mut path = Vec::new();
        while let Some(word) = self.peek(0).and_then(Placed::word) {
            path.push(word.to_owned());
            self.at += 1;
            if !self.colons(0) {
                break;
            }
            self.at += 1;
        }
        if path.len() > 1 && !outside {
            module.mentions.push(Mention { path, line });
        }
    }

    /// Reads one tree of a `use`, below the names that lead to it.
    fn use_tree(&mut self, above: &mut Vec<String>, module: &mut Module) {
        let length = above.len();
        while let Some(next) = self.peek(0).cloned() {
            self.at += 1;
            match next.token {
                Token::Word(word) => {
                    above.push(word);
                    if self.colons(0) {
                        continue;
                    }
                    let mut path = above.clone();
                    // `a::{self}` names `a`; a lone `self` stays what it is.
                    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
                        path.pop();
                    }
                    let mut alias = path.last().cloned();
                    if self.peek(0).is_some_and(|next| next.is_word("as")) {
                        alias = self.peek(1).and_then(Placed::word).map(ToOwned::to_owned);
                        self.at += 2;
                    }
                    module.imports.push(Import {
                        path,
                        alias: alias.or(Some("_".to_owned())),
                        line: next.line,
                    });
                    break;
                }
                Token::Sign('*') => {
                    module.imports.push(Import { path: above.clone(), alias: None, line: next.line });
                    break;
                }
                Token::Sign('{') => {
                    while self.peek(0).is_some() && !self.sign(0, '}') {
                        self.use_tree(above, module);
                        if self.sign(0, ',') {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    break;
                }
                Token::Sign('}' | ';') => break,
                _ => {}
            }
        }
        above.truncate(length);
    }

    /// Reads an attribute. One that leaves its item to tests takes the item with it; the paths of others count, also
    /// those that serde is given as text.
    fn attribute(&mut self, module: &mut Module) {
        self.at += 1;
        let whole_module = self.sign(0, '!');
        self.at += usize::from(whole_module);
        if !self.sign(0, '[') {
            return;
        }
        let start = self.at;
        self.group();
        let attribute = self.tokens.get(start..self.at).unwrap_or_default();
        if for_tests(attribute) {
            if whole_module {
                self.at = self.tokens.len();
            } else {
                self.item();
            }
            return;
        }
        for token in attribute {
            let Token::Text(text) = &token.token else { continue };
            let path: Vec<String> = text.split("::").map(ToOwned::to_owned).collect();
            let name =
                |part: &String| part.chars().all(|c| c.is_alphanumeric() || c == '_') && !part.is_empty();
            if path.len() > 1 && path.iter().all(name) {
                module.mentions.push(Mention { path, line: token.line });
            }
        }
        // The paths inside it are read like those of code.
        self.at = start;
    }

    /// Passes over one group of brackets.
    fn group(&mut self) {
        let mut depth = 0_usize;
        while let Some(next) = self.peek(0) {
            match next.token {
                Token::Sign('(' | '[' | '{') => depth += 1,
                Token::Sign(')' | ']' | '}') => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return;
            }
        }
    }

    /// Passes over one item, statement, field or variant, with its attributes.
    fn item(&mut self) {
        let mut braced = false;
        let mut comma_ends = true;
        while let Some(next) = self.peek(0).cloned() {
            match &next.token {
                Token::Sign('{') => {
                    self.group();
                    if braced {
                        return;
                    }
                }
                Token::Sign('(' | '[') => self.group(),
                Token::Sign('}' | ')' | ']') => return,
                Token::Sign(';') => {
                    self.at += 1;
                    return;
                }
                Token::Sign(',') if comma_ends => {
                    self.at += 1;
                    return;
                }
                Token::Word(word) => {
                    let body =
                        ["fn", "mod", "impl", "struct", "enum", "union", "trait"].contains(&word.as_str());
                    braced = braced || body;
                    let item = ["use", "const", "static", "type", "let"].contains(&word.as_str());
                    comma_ends = comma_ends && !body && !item;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
    }
}

/// Whether what has this attribute is compiled for tests alone.
fn for_tests(attribute: &[Placed]) -> bool {
    let has = |word: &str| attribute.iter().any(|token| token.is_word(word));
    let first = attribute.get(1).and_then(Placed::word);
    first == Some("test") || first == Some("cfg") && has("test") && !has("not") && !has("any")
}
