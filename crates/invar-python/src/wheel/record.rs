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
//! the archive lacks and what follows the third field are dropped, and of several rows for a file the last one counts,
//! as `uv` does. Older `uv_build` (0.7) writes hashes in hexadecimal digits, which says the same.
//!
//! Neither `uv` nor pip compares rows with files, so published wheels have wrong ones, and the hash of the wheel as a
//! whole covers its files anyway: a row that does not fit is a [`RecordFault`], which people see and which stops
//! nothing, and the new `RECORD` has a right one. Written: LF, sorted by path in the order of the bytes, as `uv` does.
//!
//! Source: "Recording installed projects" (PEP 376, PEP 627), "Binary distribution format" (PEP 427).
use std::collections::BTreeMap;
use std::io::{self, Read};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::{RecordError, RecordFault};

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
pub(super) struct Entry {
    /// Empty where the hash does not say.
    algorithm: String,
    hash: String,
    size: Option<u64>,
}

/// A hash in the making, by one of the algorithms that a row may name.
enum HashState {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl HashState {
    /// By `algorithm` if it is one that is trusted, else by sha256.
    fn by(algorithm: &str) -> Self {
        match algorithm {
            "sha512" => Self::Sha512(Sha512::new()),
            "sha384" => Self::Sha384(Sha384::new()),
            _ => Self::Sha256(Sha256::new()),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(state) => state.update(bytes),
            Self::Sha384(state) => state.update(bytes),
            Self::Sha512(state) => state.update(bytes),
        }
    }

    fn finish(self) -> (&'static str, String) {
        match self {
            Self::Sha256(state) => ("sha256", base64(&state.finalize())),
            Self::Sha384(state) => ("sha384", base64(&state.finalize())),
            Self::Sha512(state) => ("sha512", base64(&state.finalize())),
        }
    }
}

/// What a file is.
#[derive(Debug)]
pub(super) struct Found {
    algorithm: &'static str,
    hash: String,
    size: u64,
}

impl Found {
    /// The row of the file at `path`.
    pub(super) fn row(self, path: String) -> Row {
        Row { path, hash: format!("{}={}", self.algorithm, self.hash), size: self.size.to_string() }
    }
}

impl Entry {
    /// The row of the file where it is installed unchanged, if it fits what was `found`.
    pub(super) fn row(&self, path: String, found: &Found) -> Row {
        Row { path, hash: format!("{}={}", self.algorithm, self.hash), size: found.size.to_string() }
    }
}

impl Record {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let text =
            std::str::from_utf8(bytes).map_err(|_| RecordError { line: 1, reason: "it is not UTF-8" })?;
        let mut entries = BTreeMap::new();
        let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
        let rows = Rows { rest, line: 1 }.all()?;
        for (line, fields) in rows {
            let error = |reason| RecordError { line, reason };
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
                None => Listed::Hashed(Entry { algorithm: String::new(), hash: hash.clone(), size }),
                Some((algorithm, hash)) => Listed::Hashed(Entry {
                    algorithm: algorithm.to_ascii_lowercase(),
                    hash: hash.trim_end_matches('=').to_owned(),
                    size,
                }),
            };
            entries.insert(path, listed);
        }
        Ok(Self(entries))
    }

    /// A reader that finds out what the file at `path` in the archive is, as its row has it.
    pub(super) fn measured<T: Read>(&self, path: &str, content: T) -> Counted<T> {
        let algorithm = match self.0.get(path) {
            Some(Listed::Hashed(entry)) => entry.algorithm.as_str(),
            None | Some(Listed::Bare) => "",
        };
        Counted { content, state: HashState::by(algorithm), size: 0 }
    }

    /// The row of a file of the archive, if it fits; nothing for a signature of `RECORD` that is not listed.
    pub(super) fn check(&self, path: &str, found: &Found) -> Result<Option<&Entry>, RecordFault> {
        let signature = path.ends_with(".dist-info/RECORD.jws") || path.ends_with(".dist-info/RECORD.p7s");
        let entry = match self.0.get(path) {
            Some(Listed::Hashed(entry)) => entry,
            None | Some(Listed::Bare) if signature => return Ok(None),
            None => return Err(RecordFault::Unlisted),
            Some(Listed::Bare) => return Err(RecordFault::Unhashed),
        };
        if !["sha256", "sha384", "sha512"].contains(&entry.algorithm.as_str()) {
            return Err(RecordFault::Algorithm);
        }
        if entry.size.is_some_and(|size| size != found.size) {
            return Err(RecordFault::Size);
        }
        if found.hash != entry.hash && hexadecimal(&found.hash) != entry.hash {
            return Err(RecordFault::Hash);
        }
        Ok(Some(entry))
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
                fields.truncate(3);
                self.rest = rest;
                continue;
            }
            let rest = self.rest.strip_prefix('\r').unwrap_or(self.rest);
            return match rest.strip_prefix('\n') {
                Some(rest) => {
                    self.rest = rest;
                    self.line += 1;
                    fields.truncate(3);
                    Ok(fields)
                }
                None if rest.is_empty() => {
                    self.rest = "";
                    fields.truncate(3);
                    Ok(fields)
                }
                None => {
                    Err(RecordError { line: self.line, reason: "something follows a field's closing quote" })
                }
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
                return Err(RecordError { line: self.line, reason: "a quoted field does not end" });
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

/// A reader that finds out what goes through it.
pub(super) struct Counted<T> {
    content: T,
    state: HashState,
    size: u64,
}

impl<T: Read> Counted<T> {
    pub(super) fn new(content: T) -> Self {
        Self { content, state: HashState::by("sha256"), size: 0 }
    }

    pub(super) fn finish(self) -> (T, Found) {
        let (algorithm, hash) = self.state.finish();
        (self.content, Found { algorithm, hash, size: self.size })
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

    fn found(record: &Record, path: &str, content: &[u8]) -> Found {
        let mut counted = record.measured(path, content);
        io::copy(&mut counted, &mut io::sink()).unwrap();
        counted.finish().1
    }

    #[test]
    fn rows_are_read_and_written() {
        let text = b"/a.py,sha256=uU0nuZNNPgilLlLX2n2r-sSE7-N6U4DukIj3rOLvzek=,11\r\n\"b,\"\"c\"\"\nd.py\",sha512=x,\n./e,,\n\n\
            g,,,and,more\nx.dist-info/RECORD,,\n";
        let record = Record::parse(text).unwrap();
        let found = found(&record, "a.py", b"hello world");
        let row = record.check("a.py", &found).unwrap().unwrap().row("z".into(), &found);
        assert_eq!(write(vec![row]), "z,sha256=uU0nuZNNPgilLlLX2n2r-sSE7-N6U4DukIj3rOLvzek,11\n");
        assert_eq!(record.check("b,\"c\"\nd.py", &found), Err(RecordFault::Hash));
        assert_eq!(record.check("e", &found), Err(RecordFault::Unhashed));
        assert_eq!(record.check("g", &found), Err(RecordFault::Unhashed));
        assert_eq!(record.check("f", &found), Err(RecordFault::Unlisted));
        let rows = vec![Row::bare("z".into()), Row::of("a,\"b".into(), b"in"), Row::of("B".into(), b"")];
        assert_eq!(
            write(rows),
            "B,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0\n\
             \"a,\"\"b\",sha256=WClnU00PkJ0Za5f55pITQnd66oe0b6Ut8WU4nbH7jM8,2\nz,,\n"
        );
    }

    #[test]
    fn a_row_that_does_not_fit_says_why() {
        let hash = "uU0nuZNNPgilLlLX2n2r-sSE7-N6U4DukIj3rOLvzek";
        for (row, expected) in [
            (format!("a,sha256={hash},12"), RecordFault::Size),
            (format!("a,sha256={},11", hash.to_lowercase()), RecordFault::Hash),
            (format!("a,sha512={hash},11"), RecordFault::Hash),
            ("a,md5=x,11".to_owned(), RecordFault::Algorithm),
            (format!("a,{hash},11"), RecordFault::Algorithm),
            // The last row for a file counts.
            (format!("a,sha256={hash},11\n./a,sha256=y,11"), RecordFault::Hash),
        ] {
            let record = Record::parse(row.as_bytes()).unwrap();
            let found = found(&record, "a", b"hello world");
            assert_eq!(record.check("a", &found), Err(expected), "{row}");
        }
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        let error = Record::parse(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn malformed_rows_are_refused() {
        refused("a,b\n", "three fields");
        refused("a,sha256=x,many\n", "not a number");
        refused("\"a,,", "does not end");
        refused("\"a\"b,,", "closing quote");
        assert!(Record::parse(b"\xff").is_err());
    }
}
