//! What a failed build may be missing, and the Debian packages that have it.
//!
//! What builds miss most often is in a table. The rest is looked up in the archive's index of files: besides locking,
//! this is the only use of the network for something that no lock names. It happens after a failure only, decides
//! nothing, and where it fails nothing is said of it.
mod contents;
mod known;
mod missing;
mod version;

use std::fmt;

use invar_debian::PackageName;
use invar_python::{DistributionName, need};
use invar_realise::Event;

use self::contents::look_up;
use self::known::known;
use self::missing::Missing;
use crate::context::BuildContext;
use crate::executor::RootTree;

/// For a build that needs more memory than it may use.
pub const MORE_MEMORY: &str = "to allow more, set --build-memory or INVAR_BUILD_MEMORY";
/// For a build that needs more room than it may use.
pub const MORE_DISK: &str = "to allow more, set --build-disk or INVAR_BUILD_DISK";

/// How many of the last lines of a build are looked at: what an earlier one misses, the build has got over.
pub const LINES: usize = 200;

/// How many missing things are told of.
const MOST: usize = 3;

/// The Debian package that is known to have the program `name`.
pub fn known_program(name: &str) -> Option<&'static str> {
    known("program", name)
}

/// The Debian packages that have the program `name`, the best first, by the archive's index of files; none where it cannot be
/// had.
pub fn packages_with_program(context: &BuildContext<'_>, name: &str) -> Vec<PackageName> {
    let missing = Missing::Program(name.to_owned());
    if context.sources.fetcher.is_offline() || !missing.is_plain() {
        return Vec::new();
    }
    context.sources.reporter.event(&Event::LookingUp { files: &[missing.words()] });
    look_up(context, &[&missing]).and_then(|found| found.into_iter().next()).unwrap_or_default()
}

/// The Debian package of `suite` that is known to have the library `name`, as a program names it: `libGL.so.1`.
pub fn known_library(name: &str, suite: &str) -> Option<String> {
    known("shared", name).map(|package| in_suite(package, suite))
}

/// What the package that trixie has as `package` is called in `suite`: before trixie, no name said how wide times are.
pub fn in_suite(package: &str, suite: &str) -> String {
    match BEFORE_TIME64.contains(&suite) {
        true => package.replace("t64", ""),
        false => package.to_owned(),
    }
}

/// The suites from before Debian's libraries got times of 64 bits.
const BEFORE_TIME64: [&str; 3] = ["bookworm", "bullseye", "buster"];

/// Whose `packages` of the manifest a build finds. It is written as messages call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PackagesOf {
    /// A step's, by its name.
    Step(String),
    /// Those of a Python package's override.
    Python(DistributionName),
}

impl fmt::Display for PackagesOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(name) => write!(f, "step {name}"),
            Self::Python(name) => write!(f, "tool.invar.python.overrides.{name}"),
        }
    }
}

/// What may help a build that ended with `lines`. `of` is whose `packages` of the manifest it gets, and `roots` are the
/// trees that it found as its root.
pub fn hint(
    context: &BuildContext<'_>,
    lines: &[String],
    of: Option<&PackagesOf>,
    roots: &[RootTree<'_>],
) -> Option<String> {
    if let Some(sentence) = lines.iter().find_map(|line| resource(line)) {
        return Some(sentence.to_owned());
    }
    // Before what is missing: these tools also complain that there is no git, and with it they fail all the same.
    if let Some(PackagesOf::Python(name)) = of
        && let Some(sentence) = version::hint(lines, name)
    {
        return Some(sentence);
    }
    let missing = missing_things(lines);
    let usual = of.map(|of| usual(of, roots)).unwrap_or_default();
    let Some(sentence) = usual_sentence(&usual, of) else { return packages_for(context, &missing, of) };
    // The rest is looked for when these are there and it fails all the same.
    let others = missing.iter().filter_map(|missing| Some((missing, missing.known()?)));
    let others = others.filter(|(_, package)| !usual.contains(package));
    let others = others.map(|(missing, package)| self::sentence(missing, &[package], of));
    Some([sentence].into_iter().chain(others).collect::<Vec<String>>().join("\n"))
}

/// The Debian packages with which a Python package is known to be built and which are not there.
fn usual(of: &PackagesOf, roots: &[RootTree<'_>]) -> Vec<&'static str> {
    let PackagesOf::Python(name) = of else { return Vec::new() };
    let is_there = |package: &&str| roots.iter().any(|root| root.has(&format!("{RECORDS}/{package}")));
    need(name.as_str())
        .map(|need| need.build().filter(|package| !is_there(package)).collect())
        .unwrap_or_default()
}

/// Where a root has a record of each of its packages.
const RECORDS: &str = "var/lib/dpkg/status.d";

/// All at once, where each failure would tell of one.
fn usual_sentence(usual: &[&str], of: Option<&PackagesOf>) -> Option<String> {
    let (last, others) = usual.split_last()?;
    let names = match others {
        [] => (*last).to_owned(),
        others => format!("{} and {last}", others.join(", ")),
    };
    let (plural, them) = if others.is_empty() { ("", "it") } else { ("s", "them") };
    let of = of?;
    Some(format!("it usually needs the Debian package{plural} {names}: add {them} to `packages` of {of}"))
}

/// How cargo says that a crate wants a newer compiler.
const OLD_RUST: [(&str, &str); 2] = [("requires rustc ", " or newer"), ("feature `edition", "` is required")];

/// What was used up, as the C library's messages and shells say it, and what no package mends.
fn resource(line: &str) -> Option<&'static str> {
    if line.contains("No space left on device") {
        return Some(
            "the disk is full: free some space, or pass another directory with --store; /tmp holds 8 GiB",
        );
    }
    if line.contains("File size limit exceeded") || line.contains("File too large") {
        return Some(MORE_DISK);
    }
    if OLD_RUST
        .iter()
        .any(|(before, after)| line.split_once(before).is_some_and(|(_, rest)| rest.contains(after)))
    {
        return Some("its crates need a newer Rust: use its wheel, an earlier version, or a newer `suite`");
    }
    if line.contains("Cannot fork") || line.contains("fork: Resource temporarily unavailable") {
        return Some("the limit of a build is 4096 processes and threads");
    }
    None
}

/// Which packages have what is missing.
fn packages_for(context: &BuildContext<'_>, missing: &[Missing], of: Option<&PackagesOf>) -> Option<String> {
    let unknown: Vec<&Missing> = missing.iter().filter(|missing| missing.known().is_none()).collect();
    let mut found = Vec::new();
    if !context.sources.fetcher.is_offline() && !unknown.is_empty() {
        let names: Vec<String> = unknown.iter().map(|missing| missing.words()).collect();
        context.sources.reporter.event(&Event::LookingUp { files: &names });
        found = look_up(context, &unknown).unwrap_or_default();
    }
    let mut found = found.into_iter();
    let sentences: Vec<String> = missing
        .iter()
        .map(|missing| match missing.known() {
            Some(package) => sentence(missing, &[package], of),
            None => {
                let packages: Vec<PackageName> = found.next().unwrap_or_default();
                let packages: Vec<&str> = packages.iter().map(PackageName::as_str).collect();
                sentence(missing, &packages, of)
            }
        })
        .collect();
    (!sentences.is_empty()).then(|| sentences.join("\n"))
}

/// What is missing, the last first: that is where the build gave up.
fn missing_things(lines: &[String]) -> Vec<Missing> {
    let mut all = Vec::new();
    for missing in lines.iter().rev().filter_map(|line| Missing::in_line(line)) {
        if !all.contains(&missing) && all.len() < MOST {
            all.push(missing);
        }
    }
    all
}

fn sentence(missing: &Missing, packages: &[&str], of: Option<&PackagesOf>) -> String {
    let what = missing.words();
    let place = of.map(|of| format!(" to `packages` of {of}")).unwrap_or_default();
    match packages {
        [] => {
            let search = missing.search();
            format!(
                "{what} is missing: add the Debian package that has it{place} (`apt-file search {search}` finds it)"
            )
        }
        [package] => format!("{what} is in the Debian package {package}: add it{place}"),
        [package, others @ ..] => {
            let others = others.join(" and ");
            format!("{what} is in the Debian package {package} (and in {others}): add it{place}")
        }
    }
}

#[cfg(test)]
mod tests {
    use invar_tree::{ImagePath, MemoryTree, Mode, Origin, Owner, Sink as _};

    use super::*;

    #[test]
    fn the_last_of_what_is_missing_comes_first() {
        let lines = [
            "checking",
            "make: gcc: No such file or directory",
            "x.c:1:1: fatal error: odd.h: No such file or directory",
            "x.c:1:1: fatal error: odd.h: No such file or directory",
            "stopped",
        ];
        let missing = missing_things(&lines.map(str::to_owned));
        assert_eq!(missing.iter().map(Missing::name).collect::<Vec<_>>(), ["odd.h", "gcc"]);
        assert_eq!(missing_things(&[]), []);
    }

    #[test]
    fn a_compiler_that_is_too_old_is_told_of() {
        let check = |line: &str, expected: bool| {
            assert_eq!(resource(line).is_some_and(|hint| hint.contains("newer Rust")), expected, "{line}");
        };
        check("error: package `home v0.5.12` cannot be built because it requires rustc 1.88 or newer", true);
        check("  feature `edition2024` is required", true);
        check("this crate requires rustc", false);
    }

    #[test]
    fn what_a_package_is_built_with_is_told_at_once() {
        let of = PackagesOf::Python("lxml".parse().expect("it is a name"));
        let told = |there: &[&str]| {
            let mut root = MemoryTree::new(Origin::Source);
            for package in there {
                let path = ImagePath::parse(&format!("{RECORDS}/{package}")).expect("it is a path");
                root.file(path, Mode::FILE, Owner::ROOT, &mut &b""[..]).expect("memory takes it");
            }
            let usual = usual(&of, &[RootTree::Loose { tree: root.tree(), contents: &root }]);
            usual_sentence(&usual, Some(&of)).unwrap_or_default()
        };
        let place = "to `packages` of tool.invar.python.overrides.lxml";
        let all = "it usually needs the Debian packages gcc, libc6-dev, libxml2-dev and libxslt1-dev";
        assert_eq!(told(&[]), format!("{all}: add them {place}"));
        assert_eq!(
            told(&["gcc", "libc6-dev", "libxml2-dev"]),
            format!("it usually needs the Debian package libxslt1-dev: add it {place}")
        );
        assert_eq!(told(&["gcc", "libc6-dev", "libxml2-dev", "libxslt1-dev"]), "");
        assert_eq!(usual(&PackagesOf::Step("lxml".to_owned()), &[]), [""; 0]);
    }

    #[test]
    fn sentences_say_what_to_do() {
        let step = PackagesOf::Step("a".to_owned());
        let missing = Missing::in_line("No package 'odd' found").expect("it is missing");
        assert_eq!(
            sentence(&missing, &[], Some(&step)),
            "odd.pc is missing: add the Debian package that has it to `packages` of step a (`apt-file search \
             /odd.pc` finds it)"
        );
        assert_eq!(
            sentence(&missing, &["odd-dev"], Some(&step)),
            "odd.pc is in the Debian package odd-dev: add it to `packages` of step a"
        );
        assert_eq!(
            sentence(&missing, &["odd-dev", "odd2-dev", "odd3"], None),
            "odd.pc is in the Debian package odd-dev (and in odd2-dev and odd3): add it"
        );
    }
}
