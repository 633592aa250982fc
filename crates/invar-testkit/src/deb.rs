use std::io::Write as _;

/// A Debian binary package in the making.
#[derive(Debug, Clone)]
pub struct Deb {
    name: String,
    version: String,
    architecture: String,
    fields: Vec<(String, String)>,
    entries: Vec<(String, Entry)>,
    scripts: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
enum Entry {
    File { content: Vec<u8>, mode: u32 },
    Link { target: String },
}

impl Deb {
    /// A package of architecture `amd64` with a copyright file and nothing else.
    pub fn new(name: &str, version: &str) -> Self {
        let copyright = format!("usr/share/doc/{name}/copyright");
        Self {
            name: name.into(),
            version: version.into(),
            architecture: "amd64".into(),
            fields: Vec::new(),
            entries: Vec::new(),
            scripts: Vec::new(),
        }
        .file(&copyright, "public domain\n")
    }

    /// Sets the architecture.
    #[must_use]
    pub fn architecture(mut self, architecture: &str) -> Self {
        self.architecture = architecture.into();
        self
    }

    /// Adds a control field, such as `Depends`.
    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.into(), value.into()));
        self
    }

    /// Adds a file with mode `0644`.
    #[must_use]
    pub fn file(mut self, path: &str, content: &str) -> Self {
        self.entries.push((path.into(), Entry::File { content: content.into(), mode: 0o644 }));
        self
    }

    /// Adds a file with mode `0755`.
    #[must_use]
    pub fn program(mut self, path: &str, content: &str) -> Self {
        self.entries.push((path.into(), Entry::File { content: content.into(), mode: 0o755 }));
        self
    }

    /// Adds a file with mode `0755` that is no text.
    #[must_use]
    pub fn binary(mut self, path: &str, content: Vec<u8>) -> Self {
        self.entries.push((path.into(), Entry::File { content, mode: 0o755 }));
        self
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn link(mut self, path: &str, target: &str) -> Self {
        self.entries.push((path.into(), Entry::Link { target: target.into() }));
        self
    }

    /// Makes its folder of documents a link to that of `other`.
    #[must_use]
    pub fn documents_of(mut self, other: &str) -> Self {
        let own = format!("usr/share/doc/{}", self.name);
        let inside = format!("{own}/");
        self.entries.retain(|(path, _)| !path.starts_with(&inside));
        self.link(&own, other)
    }

    /// Adds a maintainer script, such as `postinst`.
    #[must_use]
    pub fn script(mut self, name: &str, text: &str) -> Self {
        self.scripts.push((name.into(), text.into()));
        self
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The architecture.
    pub fn arch(&self) -> &str {
        &self.architecture
    }

    /// The paths of its files.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(path, _)| path.as_str())
    }

    /// The file's place in the archive.
    pub fn filename(&self) -> String {
        let Self { name, version, architecture, .. } = self;
        format!("pool/main/{}/{name}/{name}_{version}_{architecture}.deb", &name[..1])
    }

    /// The control paragraph, without a blank line at the end.
    pub fn control(&self) -> String {
        let Self { name, version, architecture, .. } = self;
        let mut text = format!("Package: {name}\nVersion: {version}\nArchitecture: {architecture}\n");
        text.push_str("Maintainer: Nobody <nobody@example>\n");
        for (name, value) in &self.fields {
            text.push_str(&format!("{name}: {value}\n"));
        }
        text + "Description: for a test\n"
    }

    /// The bytes of the `.deb`.
    pub fn build(&self) -> Vec<u8> {
        self.build_renaming("", "")
    }

    /// The bytes of the `.deb`, with the file `from` named `to`, even where that is a name no careful writer writes.
    pub fn build_renaming(&self, from: &str, to: &str) -> Vec<u8> {
        let mut control = vec![("./control".to_owned(), self.control().into_bytes(), 0o644)];
        for (name, text) in &self.scripts {
            control.push((format!("./{name}"), text.clone().into_bytes(), 0o755));
        }
        let mut archive = tar::Builder::new(Vec::new());
        for (path, content, mode) in &control {
            append_file(&mut archive, path, content, *mode);
        }
        let control = archive.into_inner().unwrap();

        let mut archive = tar::Builder::new(Vec::new());
        for (path, entry) in &self.entries {
            match entry {
                Entry::File { content, mode } if path == from => {
                    let mut header = header(content.len(), *mode);
                    header.as_old_mut().name[..to.len()].copy_from_slice(to.as_bytes());
                    header.set_cksum();
                    archive.append(&header, content.as_slice()).unwrap();
                }
                Entry::File { content, mode } => {
                    append_file(&mut archive, &format!("./{path}"), content, *mode)
                }
                Entry::Link { target } => {
                    let mut header = header(0, 0o777);
                    header.set_entry_type(tar::EntryType::Symlink);
                    archive.append_link(&mut header, format!("./{path}"), target).unwrap();
                }
            }
        }
        let data = archive.into_inner().unwrap();

        let mut deb = b"!<arch>\n".to_vec();
        append_member(&mut deb, "debian-binary", b"2.0\n");
        append_member(&mut deb, "control.tar.xz", &xz(&control));
        append_member(&mut deb, "data.tar.xz", &xz(&data));
        deb
    }
}

fn header(size: usize, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_size(size as u64);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(1_700_000_000);
    header
}

fn append_file(archive: &mut tar::Builder<Vec<u8>>, path: &str, content: &[u8], mode: u32) {
    archive.append_data(&mut header(content.len(), mode), path, content).unwrap();
}

fn append_member(ar: &mut Vec<u8>, name: &str, content: &[u8]) {
    writeln!(ar, "{name:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`", 0, 0, 0, "100644", content.len()).unwrap();
    ar.extend_from_slice(content);
    if content.len() % 2 == 1 {
        ar.push(b'\n');
    }
}

/// `bytes`, compressed with gzip.
pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// `bytes`, compressed with xz.
pub(crate) fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 1);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
