//! `RECORD`: the list of a distribution's files.
//!
//! ```text
//! row  = path "," [ algorithm "=" base64 ] "," [ size ]
//! ```
//!
//! Comma-separated values with `"` around a field where needed, doubled inside. Paths have `/` between names and are
//! relative to the folder that holds `.dist-info`; base64 is the URL-safe alphabet without `=`. The row of `RECORD`
//! itself has neither hash nor size, nor do its signatures `RECORD.jws` and `RECORD.p7s`, which need not be listed.
//!
//! Read: line ends are LF or CRLF; `=` after a hash and `/` or `./` before a path are let pass, rows for files that
//! the archive lacks and repeated rows are dropped, as `uv` does. Every file must have a right hash by sha256 or
//! better, which neither `uv` nor pip asks for; older `uv_build` (0.7) writes it in hexadecimal digits, which says the
//! same. Written: LF, sorted by path in the order of the bytes, as `uv` does.
//!
//! Source: "Recording installed projects" (PEP 376, PEP 627), "Binary distribution format" (PEP 427).
use std::collections::BTreeMap;
use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::RecordError;

/// A row to write.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    path: String,
    hash: String,
    size: String,
}

impl Row {
    /// The row of a file whose content is at hand.
    pub(super) fn of(path: String, content: &[u8]) -> Self {
        let hash = format!("sha256={}", base64(&Sha256::digest(content)));
        Self { path, hash, size: content.len().to_string() }
    }

    /// The row of `RECORD` itself.
    pub(super) fn bare(path: String) -> Self {
        Self { path, hash: String::new(), size: String::new() }
    }
}

/// The bytes of a `RECORD`.
pub(super) fn write(mut rows: Vec<Row>) -> String {
    rows.sort_unstable();
    let mut text = String::new();
    for Row { path, hash, size } in rows {
        if path.contains(['"', ',', '\n', '\r']) {
            text.push_str(&format!("\"{}\"", path.replace('"', "\"\"")));
        } else {
            text.push_str(&path);
        }
        text.push_str(&format!(",{hash},{size}\n"));
    }
    text
}

/// A `RECORD` as a wheel has it.
#[derive(Debug)]
pub(super) struct Record(BTreeMap<String, Listed>);

/// What a row says.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Listed {
    Bare,
    Hashed(Entry),
}

/// What a row with a hash says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    algorithm: String,
    hash: String,
    size: Option<u64>,
}

/// A hash in the making, by the algorithm that the row names.
pub(super) enum HashState {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl HashState {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(state) => state.update(bytes),
            Self::Sha384(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    fn finish(self) -> String {
        match self {
            Self::Sha256(state) => base64(&state.finalize()),
            Self::Sha384(state) => base64(&state.finalize()),
            Self::Sha512(state) => base64(&state.finalize()),
        }
    }
}

impl Entry {
    pub(super) fn hash_state(&self) -> HashState {
        match self.algorithm.as_str() {
            "sha512" => HashState::Sha512(Sha512::new()),
            "sha384" => HashState::Sha384(Sha384::new()),
            _ => HashState::Sha256(Sha256::new()),
        }
    }

    pub(super) fn check(&self, path: &str, state: HashState, size: u64) -> Result<(), RecordError> {
        let path = path.to_owned();
        if let Some(expected) = self.size
            && expected != size
        {
            return Err(RecordError::Size { path, expected, found: size });
        }
        let found = state.finish();
        if found != self.hash && hexadecimal(&found) != self.hash {
            let algorithm = &self.algorithm;
            let expected = format!("{algorithm}={}", self.hash);
            return Err(RecordError::Hash { path, expected, found: format!("{algorithm}={found}") });
        }
        Ok(())
    }

    /// The row of the file where it is installed unchanged.
    pub(super) fn row(&self, path: String, size: u64) -> Row {
        Row { path, hash: format!("{}={}", self.algorithm, self.hash), size: size.to_string() }
    }
}

impl Record {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let text = std::str::from_utf8(bytes)
            .map_err(|_| RecordError::Row { line: 1, reason: "it is not UTF-8" })?;
        let mut entries = BTreeMap::new();
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let rows = Rows { rest, line: 1 }.all()?;
        for (line, fields) in rows {
            let error = |reason| RecordError::Row { line, reason };
            let (path, hash, size) = match &fields[..] {
                [empty] if empty.is_empty() => continue,
                [path, hash, size] => (path, hash, size),
                _ => return Err(error("expected three fields: path, hash, size")),
            };
            let parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
            let path = parts.collect::<Vec<_>>().join("/");
            let size = match size.as_str() {
                "" => None,
                size => Some(size.parse().map_err(|_| error("the size is not a number"))?),
            };
            let listed = match hash.split_once('=') {
                None if hash.is_empty() => Listed::Bare,
                None => return Err(error("the hash is not \"algorithm=digest\"")),
                Some((algorithm, hash)) => Listed::Hashed(Entry {
                    algorithm: algorithm.to_ascii_lowercase(),
                    hash: hash.trim_end_matches('=').to_owned(),
                    size,
                }),
            };
            if let Some(before) = entries.insert(path.clone(), listed.clone())
                && before != listed
            {
                return Err(RecordError::Contradiction { path });
            }
        }
        Ok(Self(entries))
    }

    /// What is listed for a file of the archive; nothing for a signature of `RECORD`.
    pub(super) fn entry(&self, path: &str) -> Result<Option<&Entry>, RecordError> {
        let signature = path.ends_with(".dist-info/RECORD.jws") || path.ends_with(".dist-info/RECORD.p7s");
        match self.0.get(path) {
            Some(Listed::Hashed(entry)) => match entry.algorithm.as_str() {
                "sha256" | "sha384" | "sha512" => Ok(Some(entry)),
                algorithm => {
                    Err(RecordError::Algorithm { path: path.to_owned(), algorithm: algorithm.to_owned() })
                }
            },
            None | Some(Listed::Bare) if signature => Ok(None),
            None => Err(RecordError::Unlisted { path: path.to_owned() }),
            Some(Listed::Bare) => Err(RecordError::Unhashed { path: path.to_owned() }),
        }
    }
}

/// The rows of comma-separated values.
struct Rows<'a> {
    rest: &'a str,
    line: usize,
}

impl Rows<'_> {
    fn all(mut self) -> Result<Vec<(usize, Vec<String>)>, RecordError> {
        let mut rows = Vec::new();
        while !self.rest.is_empty() {
            let line = self.line;
            rows.push((line, self.row()?));
        }
        Ok(rows)
    }

    fn row(&mut self) -> Result<Vec<String>, RecordError> {
        let mut fields = Vec::new();
        loop {
            fields.push(self.field()?);
            if let Some(rest) = self.rest.strip_prefix(',') {
                // Three are expected; more are not kept.
                if fields.len() > 3 {
                    return Err(RecordError::Row {
                        line: self.line,
                        reason: "it has more than three fields",
                    });
                }
                self.rest = rest;
                continue;
            }
            let rest = self.rest.strip_prefix('\r').unwrap_or(self.rest);
            return match rest.strip_prefix('\n') {
                Some(rest) => {
                    self.rest = rest;
                    self.line += 1;
                    Ok(fields)
                }
                None if rest.is_empty() => {
                    self.rest = "";
                    Ok(fields)
                }
                None => Err(RecordError::Row {
                    line: self.line,
                    reason: "something follows a field's closing quote",
                }),
            };
        }
    }

    fn field(&mut self) -> Result<String, RecordError> {
        let Some(quoted) = self.rest.strip_prefix('"') else {
            let end = self.rest.find([',', '\n', '\r']).unwrap_or(self.rest.len());
            let (field, rest) = self.rest.split_at(end);
            self.rest = rest;
            return Ok(field.to_owned());
        };
        let mut field = String::new();
        let mut rest = quoted;
        loop {
            let Some((part, after)) = rest.split_once('"') else {
                return Err(RecordError::Row { line: self.line, reason: "a quoted field does not end" });
            };
            field.push_str(part);
            match after.strip_prefix('"') {
                Some(after) => {
                    field.push('"');
                    rest = after;
                }
                None => {
                    self.line += field.matches('\n').count();
                    self.rest = after;
                    return Ok(field);
                }
            }
        }
    }
}

/// A reader that keeps the row of what went through it.
pub(super) struct Counted<T> {
    content: T,
    state: Sha256,
    size: u64,
}

impl<T: Read> Counted<T> {
    pub(super) fn new(content: T) -> Self {
        Self { content, state: Sha256::new(), size: 0 }
    }

    pub(super) fn row(self, path: String) -> Row {
        let hash = format!("sha256={}", base64(&self.state.finalize()));
        Row { path, hash, size: self.size.to_string() }
    }
}

impl<T: Read> Read for Counted<T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.content.read(buffer)?;
        self.state.update(&buffer[..count]);
        self.size += count as u64;
        Ok(count)
    }
}

/// The URL-safe alphabet without padding (RFC 4648, section 5).
fn base64(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes that `hash` stands for, in hexadecimal digits.
fn hexadecimal(hash: &str) -> String {
    let bytes = URL_SAFE_NO_PAD.decode(hash).expect("it was encoded here");
    invar_tree::hex(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        for (text, expected) in
            [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(text.as_bytes()), expected);
        }
        assert_eq!(base64(&[0xfb, 0xff]), "-_8");
    }

    #[test]
    fn rows_are_read_and_written() {
        let record = Record::parse(
            b"/a.py,sha256=abc=,3\r\n\"b,\"\"c\"\"\nd.py\",sha512=x,\n./e,,\n\nx.dist-info/RECORD,,\n",
        )
        .unwrap();
        let entry = record.entry("a.py").unwrap().unwrap();
        assert_eq!((entry.hash.as_str(), entry.size), ("abc", Some(3)));
        assert!(record.entry("b,\"c\"\nd.py").unwrap().is_some());
        assert_eq!(record.entry("e"), Err(RecordError::Unhashed { path: "e".into() }));
        assert_eq!(record.entry("f"), Err(RecordError::Unlisted { path: "f".into() }));
        let rows = vec![Row::bare("z".into()), Row::of("a,\"b".into(), b"in"), Row::of("B".into(), b"")];
        assert_eq!(
            write(rows),
            "B,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n\
             \"a,\"\"b\",sha256=WClnU00PkJ0Za5f55pITQnd66oe0b6Ut8WU4nbH7jM8,2\nz,,\n"
        );
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = Record::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn malformed_rows_are_refused() {
        refused("a,b\n", "three fields");
        refused("a,,,\n", "fields");
        refused("a,sha256=x,many\n", "not a number");
        refused("a,x,1\n", "algorithm=digest");
        refused("\"a,,", "does not end");
        refused("\"a\"b,,", "closing quote");
        refused("a,sha256=x,1\n./a,sha256=y,1\n", "differ");
        assert!(Record::parse(b"\xff").is_err());
        let weak = Record::parse(b"a,md5=x,1").unwrap();
        assert!(matches!(weak.entry("a"), Err(RecordError::Algorithm { .. })));
    }
}
