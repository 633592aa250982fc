//! The page that a Python package index has for a distribution, as far as its files are concerned.
//!
//! * HTML (PEP 503): each `<a href="…">` is a file. The last part of its URL, without escapes, is the file's name;
//!   behind `#` is a hash, which is not used: the lock has its own. A `<base href="…">` says what relative URLs
//!   start from, which is otherwise the page itself. `<!-- … -->` is skipped. Nothing else of HTML matters here.
//! * JSON (PEP 691), where the first byte that is no white space is `{`: each object in the list `files` has a
//!   `filename` and a `url`.
//!
//! URLs may be relative (RFC 3986, section 5.2). They must lead to http or https, and from https never to http: an
//! index must not choose what is read on this machine, or who can see what is downloaded.
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use invar_fetch::{Failure, follow};
use invar_formats::url::file_name;
use invar_tree::Digest;
use serde::Deserialize;

/// A page has no more files than this; others are passed over. The largest have some ten thousand.
const MOST_FILES: usize = 200_000;

/// The files of a distribution.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// What relative URLs start from.
    base: String,
    /// File names and their URLs as the page has them; resolved when needed, so that a long base and many short
    /// URLs do not make more of them than was received.
    files: Vec<(String, String)>,
}

#[derive(Deserialize)]
struct Listing {
    files: Vec<ListedFile>,
}

#[derive(Deserialize)]
struct ListedFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

impl Page {
    /// Reads the page that came from `url`.
    ///
    /// # Errors
    /// [`Failure::Protocol`] for JSON of another shape. Any text is HTML, if only of no use.
    pub(super) fn parse(url: &str, bytes: &[u8]) -> Result<Self, Failure> {
        let mut page = Self { base: url.to_owned(), files: Vec::new() };
        if bytes.trim_ascii_start().starts_with(b"{") {
            let listing: Listing = serde_json::from_slice(bytes).map_err(|error| {
                let error = format!("it is not a list of files (PEP 691): {error}");
                Failure::Protocol { error: io::Error::other(error) }
            })?;
            for ListedFile { filename, url, hashes } in listing.files {
                let url = match hashes.get("sha256") {
                    Some(hex) if !url.contains('#') => format!("{url}#sha256={hex}"),
                    _ => url,
                };
                page.add(filename, &url);
            }
        } else {
            page.read_html(&String::from_utf8_lossy(bytes));
        }
        Ok(page)
    }

    fn read_html(&mut self, text: &str) {
        let mut has_base = false;
        for (tag, href) in (Tags { rest: text }) {
            match tag.to_ascii_lowercase().as_str() {
                "a" => {
                    if let Some(name) = file_name(href.trim()) {
                        self.add(name, &href);
                    }
                }
                // The first one counts, for all of the page.
                "base" if !has_base => {
                    if let Ok(base) = resolve(&self.base, &href) {
                        (self.base, has_base) = (base, true);
                    }
                }
                _ => {}
            }
        }
    }

    fn add(&mut self, name: String, url: &str) {
        let wanted = [".whl", ".tar.gz", ".zip"].iter().any(|ending| name.ends_with(ending));
        if wanted && self.files.len() < MOST_FILES {
            self.files.push((name, url.to_owned()));
        }
    }

    /// The names and URLs of the files that have one of `digests`, as far as the page says so in their URLs
    /// (PEP 503: `#sha256=…`; the list of PEP 691 is brought into this form).
    pub(super) fn with_digests(&self, digests: &[Digest]) -> Vec<(String, String, Digest)> {
        let of = |(name, url): &(String, String)| {
            let (_, fragment) = url.split_once('#')?;
            let hex = fragment.split('&').find_map(|part| part.strip_prefix("sha256="))?;
            let digest = Digest::from_hex(hex).ok().filter(|digest| digests.contains(digest))?;
            Some((name.clone(), resolve(&self.base, url).ok()?, digest))
        };
        self.files.iter().filter_map(of).collect()
    }

    /// The URL of the file `name`.
    ///
    /// # Errors
    /// [`Failure::NoFile`] where it is not on the page; [`Failure::Redirect`] and [`Failure::Downgrade`] where it must
    /// not be fetched from there.
    pub(super) fn find(&self, name: &str) -> Result<String, Failure> {
        let Some((_, url)) = self.files.iter().find(|(listed, _)| listed == name) else {
            return Err(Failure::NoFile { path: PathBuf::from(name) });
        };
        resolve(&self.base, url)
    }
}

/// What `reference` on a page at `base` means. White space around it and line breaks in it are dropped, as browsers do.
fn resolve(base: &str, reference: &str) -> Result<String, Failure> {
    let reference: Vec<u8> = reference.trim().bytes().filter(|byte| !b"\t\r\n".contains(byte)).collect();
    follow(base, &reference)
}

/// The tags of an HTML page that have an `href`: the tag's name, and the `href` without entities.
struct Tags<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Tags<'a> {
    type Item = (&'a str, Cow<'a, str>);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.rest = &self.rest[self.rest.find('<')? + 1..];
            if let Some(comment) = self.rest.strip_prefix("!--") {
                self.rest = &comment[comment.find("-->")?..];
                continue;
            }
            let tag = self.take_while(|character| character.is_ascii_alphanumeric());
            if tag.is_empty() {
                continue;
            }
            let mut href = None;
            while let Some((name, value)) = self.attribute() {
                if name.eq_ignore_ascii_case("href") {
                    href.get_or_insert(value);
                }
            }
            if let Some(href) = href {
                return Some((tag, unescape(href)));
            }
        }
    }
}

impl<'a> Tags<'a> {
    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let (taken, rest) =
            self.rest.split_at(self.rest.find(|next| !belongs(next)).unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }

    /// The next attribute of the tag, and its value without quotes; `None` at the tag's end.
    fn attribute(&mut self) -> Option<(&'a str, &'a str)> {
        self.take_while(|next| next.is_ascii_whitespace() || next == '/');
        if self.rest.is_empty() || self.rest.starts_with('>') {
            return None;
        }
        // An equals sign at the beginning is part of the name, so that each call takes something.
        let start = self.rest;
        self.rest = self.rest.strip_prefix('=').unwrap_or(self.rest);
        self.take_while(|next| !next.is_ascii_whitespace() && !matches!(next, '=' | '/' | '>'));
        let name = &start[..start.len() - self.rest.len()];
        self.take_while(|next| next.is_ascii_whitespace());
        let Some(rest) = self.rest.strip_prefix('=') else { return Some((name, "")) };
        self.rest = rest;
        self.take_while(|next| next.is_ascii_whitespace());
        let Some(quote) = self.rest.chars().next().filter(|quote| matches!(quote, '"' | '\'')) else {
            return Some((name, self.take_while(|next| !next.is_ascii_whitespace() && next != '>')));
        };
        self.rest = &self.rest[1..];
        let value = self.take_while(|next| next != quote);
        self.rest = self.rest.strip_prefix(quote).unwrap_or_default();
        Some((name, value))
    }
}

/// Replaces the entities that a URL can need. Others stay as they are: `&lang=en` is no entity.
fn unescape(text: &str) -> Cow<'_, str> {
    /// The longest entity between `&` and `;`: `#x10FFFF`.
    const LONGEST: usize = 8;
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut unescaped = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find('&') {
        unescaped.push_str(&rest[..start]);
        rest = &rest[start..];
        let end = rest.bytes().take(LONGEST + 2).position(|byte| byte == b';');
        match end.and_then(|end| Some((end, entity(&rest[1..end])?))) {
            Some((end, character)) => {
                unescaped.push(character);
                rest = &rest[end + 1..];
            }
            None => {
                unescaped.push('&');
                rest = &rest[1..];
            }
        }
    }
    unescaped.push_str(rest);
    Cow::Owned(unescaped)
}

fn entity(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => number.parse(),
        };
        return char::from_u32(code.ok()?);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
