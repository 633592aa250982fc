//! What Debian's archive has, asked for through apt: from the mirror that this machine's own apt uses, checked by apt with
//! Debian's keys, and kept apart from what apt has.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

/// Files of which apt is asked to fetch an index next to the packages: which package has which file.
const CONTENTS: &str = "\
Acquire::IndexTargets::deb::Contents-deb {
  MetaKey \"$(COMPONENT)/Contents-$(ARCHITECTURE)\";
  ShortDescription \"Contents-$(ARCHITECTURE)\";
  Description \"$(RELEASE)/$(COMPONENT) $(ARCHITECTURE) Contents\";
  KeepCompressed \"true\";
};
Acquire::Languages \"none\";
";

/// Directories of programs.
const PROGRAM_DIRECTORIES: [&str; 3] = ["bin", "sbin", "games"];

/// The packages of one suite, for amd64.
pub struct Archive {
    /// Names, each with the packages that it depends on: the first of each alternative.
    packages: BTreeMap<String, Vec<String>>,
    /// Names that packages provide, each with those packages.
    provided: BTreeMap<String, BTreeSet<String>>,
    /// Programs, and other files that were asked for, by package: paths without the first slash.
    files: BTreeMap<String, BTreeSet<String>>,
}

impl Archive {
    /// Fetches the indexes of `codename` into `folder`; files of `others`, absolute, are kept beside programs.
    ///
    /// # Errors
    /// What apt said.
    pub fn fetch(codename: &str, folder: &Path, others: &BTreeSet<&str>) -> Result<Self, String> {
        let mut said = Vec::new();
        // A mirror that is being updated may have an alias whose parts belong together.
        for suite in [codename, "stable", "oldstable"] {
            match fetch_suite(suite, codename, &folder.join(suite)) {
                Ok(targets) => return Self::read(&targets, others),
                Err(error) => said.push(format!("{suite}: {error}")),
            }
        }
        Err(format!("{codename} cannot be had: {}", said.join("; ")))
    }

    fn read(targets: &[Target], others: &BTreeSet<&str>) -> Result<Self, String> {
        let (packages, provided, files) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let mut archive = Self { packages, provided, files };
        for target in targets {
            let text = text(&target.file)?;
            match target.kind.as_str() {
                "Packages" => archive.add_packages(&text),
                _ => archive.add_contents(&text, others),
            }
        }
        if archive.packages.len() < 10_000 || archive.files.len() < 10_000 {
            return Err(format!(
                "only {} packages and files of {}",
                archive.packages.len(),
                archive.files.len()
            ));
        }
        Ok(archive)
    }

    fn add_packages(&mut self, text: &str) {
        for stanza in text.split("\n\n") {
            let field =
                |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            let Some(name) = field("Package") else { continue };
            let depends = ["Depends", "Pre-Depends"].into_iter().filter_map(field);
            let depends = depends.flat_map(|list| list.split(',')).filter_map(|alternatives| {
                let first = alternatives.split('|').next()?.trim();
                Some(first.split([' ', ':', '(']).next()?.to_owned())
            });
            self.packages.insert(name.to_owned(), depends.collect());
            let provided = field("Provides").into_iter().flat_map(|list| list.split(','));
            for provided in
                provided.filter_map(|text| text.split([' ', ':', '(']).find(|name| !name.is_empty()))
            {
                self.provided.entry(provided.to_owned()).or_default().insert(name.to_owned());
            }
        }
    }

    fn add_contents(&mut self, text: &str, others: &BTreeSet<&str>) {
        for line in text.lines() {
            let Some((path, owners)) = line.rsplit_once([' ', '\t']) else { continue };
            let path = path.trim_end();
            let directory = path.rsplit('/').nth(1).unwrap_or_default();
            if !PROGRAM_DIRECTORIES.contains(&directory) && !others.contains(format!("/{path}").as_str()) {
                continue;
            }
            for owner in owners.split(',') {
                let name = owner.rsplit('/').next().unwrap_or(owner);
                self.files.entry(name.to_owned()).or_default().insert(path.to_owned());
            }
        }
    }

    /// Whether there is a package of this name.
    pub fn has(&self, package: &str) -> bool {
        self.packages.contains_key(package)
    }

    /// The names of packages, and those that exactly one package provides.
    pub fn names(&self) -> BTreeSet<&str> {
        let single = self.provided.iter().filter(|(_, packages)| packages.len() == 1).map(|(name, _)| name);
        self.packages.keys().chain(single).map(String::as_str).collect()
    }

    /// How many packages there are.
    pub fn len(&self) -> usize {
        self.packages.len()
    }

    /// Whether `path`, absolute, is there if `packages` are installed with all that they depend on; also if it is linked
    /// there when they are configured, as `nc` is to `nc.openbsd`.
    pub fn has_file(&self, packages: &[&str], path: &str) -> bool {
        let path = path.trim_start_matches('/');
        let merged = path.strip_prefix("usr/").unwrap_or(path);
        let installed = self.closure(packages);
        let files = || installed.iter().filter_map(|name| self.files.get(*name)).flatten();
        // Before the directories were merged, programs were below the root.
        if files().any(|file| file == path || file == merged) {
            return true;
        }
        let name = path.rsplit('/').next().unwrap_or(path);
        let other = |file: &String| {
            let rest = file.rsplit('/').next().and_then(|last| last.strip_prefix(name));
            rest.is_some_and(|rest| {
                rest.is_empty() || rest.starts_with(['.', '-']) || starts_with_digit(rest)
            })
        };
        files().any(other)
    }

    fn closure<'a>(&'a self, packages: &[&'a str]) -> BTreeSet<&'a str> {
        let mut found = BTreeSet::new();
        let mut open: Vec<&str> = packages.to_vec();
        while let Some(name) = open.pop() {
            if let Some(depends) = self.packages.get(name).filter(|_| found.insert(name)) {
                open.extend(depends.iter().map(String::as_str));
            }
        }
        found
    }
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

/// An index that apt has fetched.
struct Target {
    kind: String,
    file: String,
}

/// Fetches the indexes of `suite` into `folder`, and checks that it is `codename`.
fn fetch_suite(suite: &str, codename: &str, folder: &Path) -> Result<Vec<Target>, String> {
    let mirror = mirror()?;
    let write = |name: &str, content: &str| {
        fs::write(folder.join(name), content).map_err(|error| format!("{}: {error}", folder.display()))
    };
    for name in ["lists/partial", "cache/archives/partial", "sources"] {
        fs::create_dir_all(folder.join(name)).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let place = folder.display();
    write(
        "sources/archive.sources",
        &format!(
            "Types: deb\nURIs: {mirror}\nSuites: {suite}\nComponents: main\nArchitectures: amd64\n\
             Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
        ),
    )?;
    write(
        "apt.conf",
        &format!(
            "Dir::Etc::SourceList \"/dev/null\";\nDir::Etc::SourceParts \"{place}/sources\";\n\
             Dir::State::Lists \"{place}/lists\";\nDir::Cache \"{place}/cache\";\n{CONTENTS}"
        ),
    )?;
    let apt = |program: &str| {
        let mut command = Command::new(program);
        command.env("APT_CONFIG", folder.join("apt.conf"));
        command
    };
    output(apt("apt-get").args(["update", "-q"]))?;
    let format = "$(CREATED_BY)\t$(CODENAME)\t$(FILENAME)";
    let listed = output(apt("apt-get").args(["indextargets", "--format", format]))?;
    let mut targets = Vec::new();
    for line in listed.lines() {
        let &[kind, is, file] = line.split('\t').collect::<Vec<_>>().as_slice() else { continue };
        if is != codename {
            return Err(format!("it is {is}"));
        }
        if matches!(kind, "Packages" | "Contents-deb") {
            targets.push(Target { kind: kind.to_owned(), file: file.to_owned() });
        }
    }
    match targets.iter().filter(|target| target.kind == "Contents-deb").count() {
        0 => Err("apt has fetched no index of files".to_owned()),
        _ => Ok(targets),
    }
}

/// The mirror of Debian that this machine's apt is configured with.
fn mirror() -> Result<String, String> {
    let format = "$(LABEL)\t$(REPO_URI)";
    let listed = output(Command::new("apt-get").args(["indextargets", "--format", format]))?;
    let mirror = listed.lines().find_map(|line| line.strip_prefix("Debian\t"));
    mirror.map(str::to_owned).ok_or_else(|| "apt has no lists of Debian: run `apt-get update`".to_owned())
}

/// The text of a file that apt keeps compressed.
fn text(file: &str) -> Result<String, String> {
    let mut command = Command::new("/usr/lib/apt/apt-helper");
    let read = command.args(["cat-file", file]).stderr(Stdio::null()).output();
    let read = read.map_err(|error| format!("apt-helper: {error}"))?;
    match read.status.success() {
        true => Ok(String::from_utf8_lossy(&read.stdout).into_owned()),
        false => Err(format!("apt-helper cannot read {file}")),
    }
}

fn output(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said.lines().filter(|line| line.starts_with("E:")).collect();
    Err(format!("{} ended with {}: {}", command.get_program().display(), output.status, said.join(" ")))
}
