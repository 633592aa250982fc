//! The audit of an image: what is in it that another build would not have.
use std::collections::BTreeMap;

use invar_project::{LONGEST_SECRET, Secret};

use crate::finding::Finding;
use crate::report::Report;
use crate::rule::{Level, Rule};

/// What the audit asks of an image. The caller reads it; see [`ImageFacts::wants`] for the files whose beginnings
/// matter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFacts {
    /// Whether it can say anything of itself: a root file system cannot.
    pub has_configuration: bool,
    /// Annotations and labels.
    pub labels: BTreeMap<String, String>,
    /// When it was created, in seconds since 1970, where it says so.
    pub created: Option<i64>,
    /// What a container sees: files, by their paths without a slash in front.
    pub files: BTreeMap<String, ImageFile>,
}

/// A file of an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageFile {
    /// When it was modified, in seconds since 1970.
    pub modified: i64,
    /// Its length in bytes.
    pub size: u64,
    /// Its beginning, where it was wanted.
    pub start: Vec<u8>,
}

/// A day, in seconds. What is modified in the day before the image was created belongs to its build.
const DAY: i64 = 24 * 60 * 60;

/// Where accounts have the day of their last change.
const SHADOW: &str = "etc/shadow";

const NAME: &str = "org.opencontainers.image.base.name";
const DIGEST: &str = "org.opencontainers.image.base.digest";

/// Caches and records, by where they are, with what they are; behind a slash, in whatever folder.
const CACHES: [(&str, &str); 27] = [
    ("var/lib/apt/lists/", "apt's package lists"),
    ("var/cache/apt/", "apt's cache"),
    ("var/cache/apk/", "apk's cache"),
    ("var/cache/dnf/", "dnf's cache"),
    ("var/cache/yum/", "yum's cache"),
    ("var/lib/dnf/history", "dnf's history"),
    ("var/cache/ldconfig/", "the linker's cache, with times"),
    ("var/cache/debconf/", "debconf's cache"),
    ("var/cache/fontconfig/", "the font cache, with times"),
    ("var/cache/man/", "the index of manual pages"),
    ("var/log/apt/", "apt's log"),
    ("var/log/dpkg.log", "dpkg's log"),
    ("var/log/alternatives.log", "the log of update-alternatives"),
    ("var/log/fontconfig.log", "the font log"),
    ("/.cache/pip/", "pip's cache"),
    ("/.cache/uv/", "uv's cache"),
    ("/.cache/pypoetry/", "Poetry's cache"),
    ("/.npm/_cacache/", "npm's cache"),
    ("/.npm/_logs/", "npm's log"),
    ("/.cache/yarn/", "Yarn's cache"),
    ("/.cache/composer/", "Composer's cache"),
    ("/.cargo/registry/cache/", "cargo's cache"),
    ("/.cache/go-build/", "Go's cache"),
    ("/pkg/mod/cache/download/", "Go's module cache"),
    ("opt/conda/pkgs/", "conda's package cache"),
    ("/.wget-hsts", "wget's list of servers, with times"),
    ("/.python_history", "Python's history"),
];

/// What one machine alone should have, by where it is.
const IDENTITY: [(&str, &str); 7] = [
    ("etc/machine-id", "the machine ID"),
    ("var/lib/dbus/machine-id", "D-Bus's machine ID"),
    ("var/lib/systemd/random-seed", "systemd's random seed"),
    ("var/lib/urandom/random-seed", "the random seed"),
    ("etc/ssl/private/ssl-cert-snakeoil.key", "a private key"),
    ("etc/hostid", "the host ID"),
    ("etc/ssh/ssh_host_", "an SSH host key"),
];

/// Where packages are installed: what looks like a secret there is an example, and what is large is theirs.
const INSTALLED: [&str; 9] =
    ["bin/", "boot/", "etc/ssl/", "lib/", "lib64/", "nix/store/", "sbin/", "usr/", "var/lib/"];
const INSTALLED_ANYWHERE: [&str; 4] = ["/dist-packages/", "/node_modules/", "/site-packages/", "/pkg/mod/"];

/// From which size on a file is large, in bytes.
const LARGE: u64 = 50_000_000;

/// Whether the file at `path` belongs to no package.
fn is_own(path: &str) -> bool {
    !INSTALLED.iter().any(|folder| path.starts_with(folder))
        && !INSTALLED_ANYWHERE.iter().any(|folder| format!("/{path}").contains(folder))
}

impl ImageFacts {
    /// How many bytes of the beginning of the file at `path` the audit looks at.
    pub fn wants(path: &str) -> u64 {
        if path.ends_with(".pyc") {
            16
        } else if path.ends_with("machine-id") {
            64
        } else if path == SHADOW {
            64 << 10
        } else if is_own(path) && Secret::may_be_in_content(path) {
            LONGEST_SECRET
        } else {
            0
        }
    }
}

/// Audits an image, which people know as `name`.
pub fn audit_image(name: &str, image: &ImageFacts) -> Report {
    let mut findings = Vec::new();
    base(image, &mut findings);
    times(image, &mut findings);
    accounts(image, &mut findings);
    bytecode(image, &mut findings);
    caches(image, &mut findings);
    identity(image, &mut findings);
    secrets(image, &mut findings);
    large_files(image, &mut findings);
    Report { name: name.to_owned(), text: String::new(), findings, ignored: 0 }
}

fn base(image: &ImageFacts, findings: &mut Vec<Finding>) {
    if !image.has_configuration {
        return;
    }
    let label = |name: &str| image.labels.get(name).map(String::as_str).filter(|value| !value.is_empty());
    match (label(NAME), label(DIGEST)) {
        (_, Some(_)) => {}
        (Some(base), None) if base == "scratch" || base.contains("@sha256:") => {}
        (Some(base), None) => {
            let message = format!("the image names its base `{base}` without a digest");
            findings.push(Finding::of_all(Rule::ImageBaseNotPinned, message));
        }
        // Files of one time throughout were written again; nothing of another image is under them.
        (None, None) if has_one_time(image) => {}
        (None, None) => {
            let message = "the image does not record its base image";
            findings.push(Finding::of_all(Rule::ImageBaseUnknown, message));
        }
    }
}

fn has_one_time(image: &ImageFacts) -> bool {
    let mut times = image.files.values().map(|file| file.modified);
    let first = times.next();
    image.files.len() > 1 && times.all(|time| Some(time) == first)
}

fn times(image: &ImageFacts, findings: &mut Vec<Finding>) {
    let Some(created) = image.created else { return };
    let younger: Vec<&String> =
        image.files.iter().filter(|(_, file)| file.modified > created).map(|(path, _)| path).collect();
    if let Some(first) = younger.first() {
        let message =
            format!("{} modified after the image was created, the first is `/{first}`", files(younger.len()));
        findings.push(Finding::of_all(Rule::ImageFileTimes, message));
        return;
    }
    let with_it = image
        .files
        .iter()
        .filter(|(_, file)| file.modified > created.saturating_sub(DAY) && file.modified <= created);
    let with_it: Vec<(&String, i64)> = with_it.map(|(path, file)| (path, file.modified)).collect();
    // One time for all is a constant, not a clock.
    let one_time = with_it.windows(2).all(|pair| pair[0].1 == pair[1].1);
    if let Some((first, _)) = with_it.first().filter(|_| !one_time) {
        let message = format!(
            "{} modified in the day before the image was created, the first is `/{first}`",
            files(with_it.len())
        );
        findings.push(Finding::of_all(Rule::ImageFileTimes, message));
    }
}

/// Accounts that were created, or had their password set, on the day of the build or later: `/etc/shadow` keeps that
/// day.
fn accounts(image: &ImageFacts, findings: &mut Vec<Finding>) {
    let Some((created, file)) = image.created.zip(image.files.get(SHADOW)) else { return };
    let first_day = (created.saturating_sub(DAY)).div_euclid(DAY);
    let text = String::from_utf8_lossy(&file.start);
    let mut changed = text.lines().filter_map(|line| {
        // shadow(5): name, password, and the days since 1970 at the last change.
        let mut fields = line.split(':');
        let (name, day) = (fields.next()?, fields.nth(1)?.parse::<i64>().ok()?);
        (day >= first_day).then_some(name)
    });
    if let Some(first) = changed.next() {
        let count = 1 + changed.count();
        let accounts = if count == 1 { "1 account has".to_owned() } else { format!("{count} accounts have") };
        let message = format!("{accounts} the build date in `/{SHADOW}`, the first is `{first}`");
        findings.push(Finding::of_all(Rule::ImageAccountDates, message));
    }
}

fn bytecode(image: &ImageFacts, findings: &mut Vec<Finding>) {
    // PEP 552: a magic number that ends in CR LF, then flags; 0 means that a time follows.
    let has_time = |file: &ImageFile| {
        file.start.get(2..4) == Some(b"\r\n")
            && file.start.get(4..8) == Some(&[0; 4])
            && file.start.len() >= 16
    };
    let timed: Vec<&String> = image
        .files
        .iter()
        .filter(|(path, file)| path.ends_with(".pyc") && has_time(file))
        .map(|(path, _)| path)
        .collect();
    if let Some(first) = timed.first() {
        let message =
            format!("{} compiled with the time of the source, the first is `/{first}`", files(timed.len()));
        findings.push(Finding::of_all(Rule::ImageBytecodeTimes, message));
    }
}

fn caches(image: &ImageFacts, findings: &mut Vec<Finding>) {
    for (place, what) in CACHES {
        let is_in = |path: &str| {
            if place.starts_with('/') { format!("/{path}").contains(place) } else { path.starts_with(place) }
        };
        // apt's own folders stay, with a lock file in them.
        let counts = |path: &str, file: &ImageFile| is_in(path) && file.size > 0 && !path.ends_with("/lock");
        let found: Vec<(&String, u64)> = image
            .files
            .iter()
            .filter(|(path, file)| counts(path, file))
            .map(|(path, file)| (path, file.size))
            .collect();
        if let Some((first, _)) = found.first() {
            let bytes: u64 =
                found.iter().map(|(_, size)| size).fold(0, |all, size| all.saturating_add(*size));
            let message =
                format!("{what}: {bytes} bytes in {}, the first is `/{first}`", counted(found.len()));
            let level = if place.contains("log") { Level::Note } else { Level::Warning };
            findings.push(Finding::of_all(Rule::ImagePackageCache, message).at_level(level));
        }
    }
}

fn identity(image: &ImageFacts, findings: &mut Vec<Finding>) {
    for (place, what) in IDENTITY {
        let is_it = |path: &str, file: &ImageFile| {
            let is_empty_id =
                path.ends_with("machine-id") && (file.size == 0 || file.start.starts_with(b"uninitialized"));
            (if place.ends_with('_') {
                path.starts_with(place) && path.ends_with("_key")
            } else {
                path == place
            }) && file.size > 0
                && !is_empty_id
        };
        let mut found = image.files.iter().filter(|(path, file)| is_it(path, file));
        if let Some((path, _)) = found.next() {
            let more = found.count();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            let message = format!("{what} is in the image: `/{path}`{more}");
            findings.push(Finding::of_all(Rule::ImageMachineIdentity, message));
        }
    }
}

fn secrets(image: &ImageFacts, findings: &mut Vec<Finding>) {
    let mut found: BTreeMap<Secret, Vec<&str>> = BTreeMap::new();
    let known: Vec<&str> = IDENTITY.iter().map(|(place, _)| *place).collect();
    for (path, file) in image.files.iter().filter(|(path, file)| file.size > 0 && is_own(path)) {
        if known.iter().any(|place| path.starts_with(place)) {
            continue;
        }
        // What is longer is neither a key nor credentials.
        let is_short = file.size <= LONGEST_SECRET && Secret::may_be_in_content(path);
        let in_content = || is_short.then(|| Secret::in_content(path, &file.start)).flatten();
        if let Some(kind) = Secret::in_name(path).or_else(in_content) {
            found.entry(kind).or_default().push(path);
        }
    }
    for (kind, paths) in found {
        let more = paths.len() - 1;
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let message = format!("what looks like {kind} is in the image: `/{}`{more}", paths[0]);
        findings.push(Finding::of_all(Rule::ImageSecret, message));
    }
}

fn large_files(image: &ImageFacts, findings: &mut Vec<Finding>) {
    let large = image.files.iter().filter(|(path, file)| file.size > LARGE && is_own(path));
    let mut large: Vec<(&String, u64)> = large.map(|(path, file)| (path, file.size)).collect();
    large.sort_by(|(one, size), (two, other)| other.cmp(size).then_with(|| one.cmp(two)));
    if let Some((path, size)) = large.first() {
        let message = format!(
            "{} larger than {} MB, the largest is `/{path}` with {} MB",
            files(large.len()),
            LARGE / 1_000_000,
            size / 1_000_000
        );
        findings.push(Finding::of_all(Rule::ImageLargeFile, message));
    }
}

fn files(count: usize) -> String {
    format!("{} {}", counted(count), if count == 1 { "is" } else { "are" })
}

fn counted(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{count} files") }
}
