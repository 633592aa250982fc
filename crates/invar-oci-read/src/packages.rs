//! Which packages an image says that it has: dpkg's records, in one file (`var/lib/dpkg/status`) or one for each
//! package (`var/lib/dpkg/status.d`, as distroless images and Invar's own have it), and what Python installers leave in
//! `*.dist-info` (Python packaging specifications, "Recording installed projects").
//!
//! These are claims of the image about itself. Nothing here believes that a file is what its package shipped.
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use invar_debian::Paragraph;
use invar_python::{DistributionName, Requirement};
use invar_tree::ImagePath;

/// A package that an image says it has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// What kind it is.
    pub kind: PackageKind,
    /// Its name; Python's are normalized.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Debian: its architecture.
    pub architecture: Option<String>,
    /// Debian: the source package, where that has another name.
    pub source: Option<String>,
    /// Where it came from, where the image says so: Python's `direct_url.json`.
    pub url: Option<String>,
    /// The packages that it depends on, by name: Debian's `Depends` and `Pre-Depends`, Python's `Requires-Dist` without
    /// markers.
    pub depends: Vec<String>,
    /// The record that names it.
    pub record: ImagePath,
}

/// What kind of package it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PackageKind {
    /// A Debian binary package.
    Debian,
    /// A Python distribution.
    Python,
}

impl fmt::Display for PackageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debian => "Debian",
            Self::Python => "Python",
        })
    }
}

impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            PackageKind::Debian => write!(f, "Debian package {} {}", self.name, self.version),
            PackageKind::Python => write!(f, "Python package {} {}", self.name, self.version),
        }
    }
}

/// The packages of an image, and the files that they say are theirs.
#[derive(Debug, Clone, Default)]
pub struct Packages {
    all: Vec<Arc<Package>>,
    owners: BTreeMap<ImagePath, Arc<Package>>,
}

/// The largest record that is read, in bytes: a status file of a desktop system has about 10 MiB.
const LARGEST: u64 = 64 << 20;

/// How many bytes of the file at `path` [`Packages::of`] wants to see: all of a record, nothing of anything else.
pub fn is_record(path: &ImagePath, size: u64) -> u64 {
    let text = path.as_str();
    let dpkg = text == "var/lib/dpkg/status"
        || text.strip_prefix("var/lib/dpkg/status.d/").is_some_and(|name| !name.ends_with(".md5sums"))
        || (text.starts_with("var/lib/dpkg/info/") && text.ends_with(".list"));
    let python = || {
        let (directory, name) = text.rsplit_once('/')?;
        let named = matches!(name, "METADATA" | "RECORD" | "direct_url.json");
        (directory.ends_with(".dist-info") && named).then_some(())
    };
    if (dpkg || python().is_some()) && size <= LARGEST { size } else { 0 }
}

impl Packages {
    /// What `records`, the contents of all files that [`is_record`] names, say. What is malformed is passed over: an
    /// image may hold anything, and says nothing by it.
    pub fn of(records: &BTreeMap<ImagePath, Vec<u8>>) -> Self {
        let mut packages = Self::default();
        for (path, bytes) in records {
            let text = String::from_utf8_lossy(bytes);
            if path.as_str() == "var/lib/dpkg/status" || path.is_within("var/lib/dpkg/status.d") {
                packages.take_dpkg(path, &text);
            } else if path.name() == "METADATA" {
                packages.take_python(path, &text, records);
            }
        }
        packages.take_lists(records);
        packages.all.sort();
        packages.all.dedup();
        packages
    }

    /// All packages, by kind and name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Package>> {
        self.all.iter()
    }

    /// The package that says that the file at `path` is its own. Of a compiled Python file it is that of the source.
    pub fn owner(&self, path: &ImagePath) -> Option<&Arc<Package>> {
        let owner = |path: &str| self.owners.get(path);
        let usual = || {
            // A list made before directories of the root became links to those of /usr.
            let text = path.as_str();
            owner(text.strip_prefix("usr/")?).or_else(|| owner(&format!("usr/{text}")))
        };
        owner(path.as_str()).or_else(usual).or_else(|| owner(&source_of_compiled(path)?))
    }

    /// The packages of this name.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Arc<Package>> {
        let python = normalized(name);
        self.all.iter().filter(move |package| match package.kind {
            PackageKind::Debian => package.name == name,
            PackageKind::Python => package.name == python,
        })
    }

    /// The files that `package` says are its own.
    pub fn files<'a>(&'a self, package: &'a Package) -> impl Iterator<Item = &'a ImagePath> {
        self.owners.iter().filter(move |(_, owner)| ***owner == *package).map(|(path, _)| path)
    }

    fn take_dpkg(&mut self, path: &ImagePath, text: &str) {
        // One by one, so that one malformed paragraph does not hide all others.
        for paragraph in text.split("\n\n") {
            let Ok(found) = Paragraph::parse_all(paragraph) else { continue };
            for paragraph in found {
                let field = |name: &str| paragraph.get(name).map(str::to_owned);
                let (Some(name), Some(version)) = (field("Package"), field("Version")) else { continue };
                let gone = field("Status").is_some_and(|status| !status.ends_with(" installed"));
                if gone {
                    continue;
                }
                let depends = ["Pre-Depends", "Depends"].iter().filter_map(|name| paragraph.get(name));
                let depends = depends.flat_map(|field| field.split([',', '|'])).map(debian_name);
                let package = Arc::new(Package {
                    kind: PackageKind::Debian,
                    name,
                    version,
                    architecture: field("Architecture"),
                    source: field("Source").map(|source| debian_name(&source)),
                    url: None,
                    depends: depends.collect(),
                    record: path.clone(),
                });
                if path.is_within("var/lib/dpkg/status.d") {
                    self.owners.insert(path.clone(), Arc::clone(&package));
                    if let Ok(sums) = ImagePath::parse(&format!("{}.md5sums", path.as_str())) {
                        self.owners.insert(sums, Arc::clone(&package));
                    }
                }
                self.all.push(package);
            }
        }
    }

    fn take_lists(&mut self, records: &BTreeMap<ImagePath, Vec<u8>>) {
        let by_name: BTreeMap<String, Arc<Package>> = self
            .all
            .iter()
            .filter(|package| package.kind == PackageKind::Debian)
            .map(|package| (package.name.clone(), Arc::clone(package)))
            .collect();
        for (path, bytes) in records {
            let Some(name) =
                path.name().strip_suffix(".list").filter(|_| path.is_within("var/lib/dpkg/info"))
            else {
                continue;
            };
            let Some(package) = by_name.get(name.split(':').next().unwrap_or(name)) else { continue };
            let files = String::from_utf8_lossy(bytes);
            let files = files.lines().filter_map(|line| ImagePath::parse(line.trim_start_matches('/')).ok());
            for file in files.chain([path.clone()]) {
                // Directories are shared by many; who owns a file is who lists it first.
                self.owners.entry(file).or_insert_with(|| Arc::clone(package));
            }
        }
    }

    fn take_python(&mut self, path: &ImagePath, text: &str, records: &BTreeMap<ImagePath, Vec<u8>>) {
        // The header ends at the first empty line; what follows is prose.
        let header = text.split("\n\n").next().unwrap_or(text);
        let (Some(name), Some(version)) = (fields(header, "Name").next(), fields(header, "Version").next())
        else {
            return;
        };
        let Some(directory) = path.parent() else { return };
        let beside = |name: &str| records.get(&directory.join(name).ok()?);
        let url = beside("direct_url.json").and_then(|bytes| {
            let value: serde_json::Value = serde_json::from_slice(bytes).ok()?;
            Some(value.get("url")?.as_str()?.to_owned())
        });
        let required = fields(header, "Requires-Dist").filter(|text| !text.contains("extra =="));
        let package = Arc::new(Package {
            kind: PackageKind::Python,
            name: normalized(name),
            version: version.to_owned(),
            architecture: None,
            source: None,
            url,
            depends: required.filter_map(Requirement::name_in).map(|name| name.to_string()).collect(),
            record: path.clone(),
        });
        let site = directory.parent().map(|parent| parent.as_str().to_owned()).unwrap_or_default();
        let listed =
            beside("RECORD").map(|bytes| String::from_utf8_lossy(bytes).into_owned()).unwrap_or_default();
        for line in listed.lines() {
            if let Some(file) = recorded(line).and_then(|file| below(&site, &file)) {
                self.owners.insert(file, Arc::clone(&package));
            }
        }
        // RECORD lists itself, and uv and pip list what they add; images that lost it still have the folder.
        self.owners.insert(path.clone(), Arc::clone(&package));
        self.all.push(package);
    }
}

/// The values of the header's fields `name`, without continued lines.
fn fields<'a>(header: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    header.lines().filter_map(move |line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// The path in a line of RECORD: the first field of a line of CSV (RFC 4180).
fn recorded(line: &str) -> Option<String> {
    match line.strip_prefix('"') {
        None => Some(line.split(',').next()?.to_owned()),
        Some(quoted) => {
            let mut path = String::new();
            let mut rest = quoted.chars().peekable();
            while let Some(character) = rest.next() {
                match character {
                    '"' if rest.peek() == Some(&'"') => path.extend(rest.next()),
                    '"' => return Some(path),
                    other => path.push(other),
                }
            }
            None
        }
    }
}

/// `path` below the folder `site`, from which it may climb with `..`.
fn below(site: &str, path: &str) -> Option<ImagePath> {
    if let Some(absolute) = path.strip_prefix('/') {
        return ImagePath::parse(absolute).ok();
    }
    let mut names: Vec<&str> = site.split('/').filter(|name| !name.is_empty()).collect();
    for name in path.split('/') {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()?),
            name => names.push(name),
        }
    }
    ImagePath::parse(&names.join("/")).ok()
}

/// `a/__pycache__/b.cpython-313.pyc` is compiled from `a/b.py` (PEP 3147).
fn source_of_compiled(path: &ImagePath) -> Option<String> {
    let (directory, name) = path.as_str().rsplit_once("/__pycache__/")?;
    let module = name.strip_suffix(".pyc")?.split('.').next()?;
    Some(format!("{directory}/{module}.py"))
}

/// The name at the beginning of a relation.
fn debian_name(text: &str) -> String {
    let text = text.trim();
    text.split(|character: char| character.is_whitespace() || "(:[<".contains(character))
        .next()
        .unwrap_or(text)
        .to_owned()
}

/// A Python distribution's name in the form that all spellings share, or a text that is not a name as it is.
fn normalized(name: &str) -> String {
    name.parse::<DistributionName>().map_or_else(|_| name.to_owned(), |name| name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str) -> ImagePath {
        ImagePath::parse(path).unwrap()
    }

    fn records(files: &[(&str, &str)]) -> BTreeMap<ImagePath, Vec<u8>> {
        files.iter().map(|(name, text)| (path(name), text.as_bytes().to_vec())).collect()
    }

    #[test]
    fn dpkg_s_records_name_packages_and_their_files() {
        let status = "Package: hello\nStatus: install ok installed\nVersion: 2.10-5\nArchitecture: amd64\n\
                      Depends: libc6 (>= 2.34), hello-data | other:any\n\nPackage: gone\n\
                      Status: deinstall ok config-files\nVersion: 1\n\nnonsense\n\nPackage: base\nVersion: 1\n";
        let packages = Packages::of(&records(&[
            ("var/lib/dpkg/status", status),
            ("var/lib/dpkg/info/hello:amd64.list", "/.\n/usr\n/usr/bin\n/usr/bin/hello\n"),
            ("var/lib/dpkg/status.d/words", "Package: words\nVersion: 3\n"),
        ]));
        let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["base", "hello", "words"]);
        assert_eq!(packages.owner(&path("usr/bin/hello")).unwrap().name, "hello");
        assert_eq!(packages.owner(&path("bin/hello")).map(|owner| owner.name.as_str()), None);
        assert_eq!(packages.named("hello").next().unwrap().depends, ["libc6", "hello-data", "other"]);
        assert_eq!(packages.owner(&path("var/lib/dpkg/status.d/words.md5sums")).unwrap().name, "words");
    }

    #[test]
    fn records_name_distributions_and_their_files() {
        let site = "app/.venv/lib/python3.13/site-packages";
        let metadata = "Metadata-Version: 2.1\nName: Numbers_of.Old\nVersion: 1.2\nRequires-Dist: words>=1\n\
                        Requires-Dist: rare; extra == 'x'\n\nName: prose\n";
        let record = "numbers/__init__.py,sha256=x,1\n../../../bin/numbers,,\n\"with,comma \"\"x\"\".py\",,\n\
                      ../../../../../../etc/passwd,,\n";
        let packages = Packages::of(&records(&[
            (&format!("{site}/n-1.2.dist-info/METADATA"), metadata),
            (&format!("{site}/n-1.2.dist-info/RECORD"), record),
            (&format!("{site}/n-1.2.dist-info/direct_url.json"), r#"{"url":"https://example.com/n.whl"}"#),
        ]));
        let package = packages.named("numbers-of-old").next().unwrap();
        assert_eq!(
            (package.version.as_str(), package.depends.as_slice()),
            ("1.2", &["words".to_owned()][..])
        );
        assert_eq!(package.url.as_deref(), Some("https://example.com/n.whl"));
        let owns = |text: &str| packages.owner(&path(text)).is_some();
        assert!(owns(&format!("{site}/numbers/__init__.py")));
        assert!(owns(&format!("{site}/numbers/__pycache__/__init__.cpython-313.pyc")));
        assert!(owns("app/.venv/bin/numbers") && owns(&format!("{site}/with,comma \"x\".py")));
        assert!(!owns("etc/passwd") && !owns(&format!("{site}/other.py")));
    }
}
