use std::io::{Cursor, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use zip::write::SimpleFileOptions;

/// A Python wheel in the making.
#[derive(Debug, Clone)]
pub struct Wheel {
    name: String,
    version: String,
    tag: String,
    files: Vec<(String, Vec<u8>)>,
    record: Option<String>,
}

impl Wheel {
    /// A pure wheel (`py3-none-any`) that holds its metadata only.
    pub fn new(name: &str, version: &str) -> Self {
        let tag = "py3-none-any".into();
        Self { name: name.into(), version: version.into(), tag, files: Vec::new(), record: None }
    }

    /// Sets the compatibility tag.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        self.tag = tag.into();
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn file(mut self, path: &str, content: &str) -> Self {
        self.files.push((path.into(), content.into()));
        self
    }

    /// Sets the content of `RECORD`, instead of a correct one.
    #[must_use]
    pub fn record(mut self, record: &str) -> Self {
        self.record = Some(record.into());
        self
    }

    /// The distribution's name as given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The file name.
    pub fn filename(&self) -> String {
        format!("{}-{}-{}.whl", self.name.replace('-', "_"), self.version, self.tag)
    }

    /// The bytes of the wheel.
    pub fn build(&self) -> Vec<u8> {
        let info = format!("{}-{}.dist-info", self.name.replace('-', "_"), self.version);
        let mut files = self.files.clone();
        files.push((
            format!("{info}/METADATA"),
            format!("Metadata-Version: 2.1\nName: {}\nVersion: {}\n", self.name, self.version).into(),
        ));
        files.push((
            format!("{info}/WHEEL"),
            format!("Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {}\n", self.tag).into(),
        ));
        let mut record = String::new();
        for (path, content) in &files {
            record.push_str(&format!("{path},sha256={},{}\n", base64(content), content.len()));
        }
        record.push_str(&format!("{info}/RECORD,,\n"));
        files.push((format!("{info}/RECORD"), self.record.clone().unwrap_or(record).into()));

        let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (path, content) in &files {
            zip.start_file(path, SimpleFileOptions::default().unix_permissions(0o644)).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap().into_inner()
    }
}

/// The sha256 of `content` in the URL-safe base64 without padding that `RECORD` uses.
fn base64(content: &[u8]) -> String {
    use sha2::{Digest as _, Sha256};
    URL_SAFE_NO_PAD.encode(Sha256::digest(content))
}
