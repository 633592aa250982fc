//! The folder that a Dockerfile's build is given, as far as `invar audit` asks for it.
use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use invar_audit::{Ignore, IgnoreFile, Report, Surroundings};
use invar_dockerfile::{InstructionKind, Source, parse};

/// The longest file that is inspected, in bytes.
const LONGEST: u64 = 1 << 20;

/// How many folders above a Dockerfile are tried.
const HIGHEST: usize = 8;

/// The folder that a build is given.
#[derive(Debug)]
pub struct Context {
    folder: Option<PathBuf>,
    ignore: Ignore,
    contexts: BTreeSet<String>,
}

impl Context {
    /// For a Dockerfile that came alone.
    pub fn unknown() -> Self {
        Self { folder: None, ignore: Ignore::Unknown, contexts: BTreeSet::new() }
    }

    /// The folder, where it is known. A Dockerfile may have an ignore file of its own.
    pub fn of(folder: &Path, dockerfile: Option<&Path>) -> Self {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let own = dockerfile.map(|path| {
            let mut name = path.as_os_str().to_owned();
            name.push(".dockerignore");
            PathBuf::from(name)
        });
        let shared = [".containerignore", ".dockerignore"].map(|name| folder.join(name));
        let text = own.iter().chain(&shared).find_map(|path| text(path));
        let ignore = text.map_or(Ignore::Missing, |text| Ignore::Text(IgnoreFile::parse(&text)));
        Self { folder: Some(folder.to_owned()), ignore, contexts: BTreeSet::new() }
    }

    /// The same, for a build that is given further contexts of these names.
    pub fn with(self, contexts: BTreeSet<String>) -> Self {
        Self { contexts, ..self }
    }

    /// The folder that was named; otherwise the nearest one, from the Dockerfile's own upward to the current one, that
    /// holds what the Dockerfile copies.
    pub fn find(dockerfile: &Path, file: &[u8], named: Option<&Path>) -> Self {
        if let Some(folder) = named {
            return Self::of(folder, Some(dockerfile));
        }
        let own = dockerfile.parent().unwrap_or(Path::new(""));
        let sources = sources(file);
        let holds = |folder: &&Path| sources.iter().all(|source| folder.join(source).exists());
        let nearest = own.ancestors().take(HIGHEST).find(holds).unwrap_or(own);
        Self::of(nearest, Some(dockerfile))
    }

    /// The text of a file in the folder. What climbs out of the folder is not read.
    pub fn read(&self, path: &str) -> Option<String> {
        let folder = fs::canonicalize(self.folder.as_deref()?).ok()?;
        let path = fs::canonicalize(folder.join(path)).ok()?;
        if path.starts_with(&folder) { text(&path) } else { None }
    }

    /// The report of a file in the folder, with a name that people find it by.
    pub fn named(&self, report: Report) -> Report {
        let folder = self.folder.as_deref().filter(|folder| *folder != Path::new("."));
        let name = folder.map(|folder| folder.join(&report.name).display().to_string());
        Report { name: name.unwrap_or_else(|| report.name.clone()), ..report }
    }

    /// The same, as the audit asks for it.
    pub fn surroundings<'a>(&self, read: &'a dyn Fn(&str) -> Option<String>) -> Surroundings<'a> {
        Surroundings { read, ignore: self.ignore.clone(), contexts: self.contexts.clone() }
    }
}

/// Paths, without patterns and names to be replaced, that the file copies from its folder.
fn sources(file: &[u8]) -> Vec<String> {
    let Ok(parsed) = parse(file) else { return Vec::new() };
    let mut sources = Vec::new();
    for instruction in &parsed.instructions {
        let (InstructionKind::Copy(transfer) | InstructionKind::Add(transfer)) = &instruction.kind else {
            continue;
        };
        if instruction.flag("from").is_some() {
            continue;
        }
        for source in &transfer.sources {
            let Source::Path(word) = source else { continue };
            let path = word.text.trim_start_matches('/');
            if !path.contains(['*', '?', '[', '$', ':', '"', '\'']) && !path.contains("..") {
                sources.push(path.to_owned());
            }
        }
    }
    sources
}

fn text(path: &Path) -> Option<String> {
    // To open a pipe would wait for its other end.
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut bytes = Vec::new();
    fs::File::open(path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    String::from_utf8(bytes).ok()
}
