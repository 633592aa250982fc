//! The writer of `invar.lock`; the form is in the documentation of the module above.
use std::fmt::{self, Write};

use super::{
    DerivedLock, FORMAT_VERSION, InvarLock, LockFile, LockedBuild, LockedBuildSource, LockedBuildWheel,
    LockedOmission, LockedPackage, LockedSuite, Request, ScriptVerdict,
};

impl fmt::Display for LockFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(lock) => lock.fmt(f),
            Self::Derived(all) => {
                beginning(f)?;
                all.iter().try_for_each(|one| derived(f, one))
            }
        }
    }
}

impl fmt::Display for InvarLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        beginning(f)?;
        Content(self).fmt(f)
    }
}

/// The lines that every lock begins with.
fn beginning(f: &mut fmt::Formatter<'_>) -> fmt::Result {
    writeln!(f, "# Written by `invar lock`; do not edit. Belongs into version control.")?;
    writeln!(f, "format-version = {FORMAT_VERSION}")
}

/// A derived manifest and its lock.
fn derived(f: &mut fmt::Formatter<'_>, DerivedLock { manifest, lock }: &DerivedLock) -> fmt::Result {
    writeln!(f, "\n[[derived]]")?;
    text(f, "file", &manifest.source.file)?;
    if let Some(output) = &manifest.source.output {
        text(f, "output", output)?;
    }
    list(f, "purposes", manifest.purposes.iter())?;
    if let Some(project) = &manifest.project {
        text(f, "project-sha256", &project.hex())?;
    }
    if let Some(digest) = &manifest.uv_lock {
        text(f, "uv-lock-sha256", &digest.hex())?;
    }
    lines(f, "manifest", &manifest.text)?;
    for (path, digest) in &manifest.files {
        writeln!(f, "\n[[derived.read]]")?;
        text(f, "path", path)?;
        text(f, "sha256", &digest.hex())?;
    }
    writeln!(f, "\n[derived.lock]")?;
    for line in Content(lock).to_string().lines() {
        // Only a table's header begins a line with a bracket: items of lists are indented, and texts have no line feed.
        match (line.strip_prefix("[["), line.strip_prefix('[')) {
            (Some(table), _) => writeln!(f, "[[derived.lock.{table}")?,
            (None, Some(table)) => writeln!(f, "[derived.lock.{table}")?,
            (None, None) => writeln!(f, "{line}")?,
        }
    }
    Ok(())
}

/// What a lock says below its first lines.
struct Content<'a>(&'a InvarLock);

impl fmt::Display for Content<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(lock) = *self;
        text(f, "created", &lock.created)?;
        request(f, &lock.request)?;
        if let Some(interpreter) = &lock.interpreter {
            writeln!(f, "\n[interpreter]")?;
            text(f, "package", &interpreter.package)?;
            text(f, "version", &interpreter.version)?;
            text(f, "path", &interpreter.path)?;
        }
        for (name, locked) in &lock.suites {
            suite(f, name.as_str(), locked)?;
        }
        for (url, fetch) in &lock.fetches {
            writeln!(f, "\n[[fetch]]")?;
            text(f, "url", url)?;
            writeln!(f, "size = {}", fetch.size)?;
            text(f, "sha256", &fetch.sha256.hex())?;
        }
        for (name, platform) in &lock.platforms {
            writeln!(f, "\n[[platform]]")?;
            text(f, "name", name)?;
            for (name, locked) in &platform.packages {
                package(f, name.as_str(), locked)?;
            }
            for (name, locked) in &platform.omitted {
                omission(f, name.as_str(), locked)?;
            }
            for (name, locked) in &platform.tools {
                writeln!(f, "\n[[platform.tool]]")?;
                package_keys(f, name.as_str(), locked)?;
            }
            for (name, locked) in &platform.roots {
                writeln!(f, "\n[[platform.root]]")?;
                text(f, "name", name)?;
                long_list(f, "request", locked.request.iter())?;
                long_list(f, "packages", locked.packages.iter())?;
            }
            for (name, locked) in &platform.builds {
                build(f, name.as_str(), locked)?;
            }
            for (file, locked) in &platform.build_wheels {
                build_wheel(f, file, locked)?;
            }
            for (file, locked) in &platform.build_sources {
                build_source(f, file, locked)?;
            }
        }
        Ok(())
    }
}

fn request(f: &mut fmt::Formatter<'_>, request: &Request) -> fmt::Result {
    writeln!(f, "\n[request]")?;
    if let Some(suite) = &request.suite {
        text(f, "suite", suite)?;
    }
    long_list(f, "packages", request.packages.iter())?;
    if let Some(base) = &request.base {
        long_list(f, "base", base.iter())?;
    }
    writeln!(f, "shell = {}", request.shell)?;
    writeln!(f, "docs = {}", request.docs)?;
    list(f, "platforms", request.platforms.iter())?;
    if let Some(requires_python) = &request.requires_python {
        text(f, "requires-python", requires_python)?;
    }
    if let Some(snapshot) = &request.snapshot {
        text(f, "snapshot", snapshot)?;
    }
    Ok(())
}

fn suite(f: &mut fmt::Formatter<'_>, name: &str, suite: &LockedSuite) -> fmt::Result {
    writeln!(f, "\n[[suite]]")?;
    text(f, "name", &name)?;
    text(f, "archive", &suite.archive)?;
    text(f, "date", &suite.date)?;
    if let Some(valid_until) = &suite.valid_until {
        text(f, "valid-until", valid_until)?;
    }
    text(f, "inrelease-sha256", &suite.sha256.hex())?;
    long_list(f, "signed-by", suite.signed_by.iter())
}

fn package(f: &mut fmt::Formatter<'_>, name: &str, package: &LockedPackage) -> fmt::Result {
    writeln!(f, "\n[[platform.package]]")?;
    package_keys(f, name, package)?;
    if let Some(scripts) = &package.scripts {
        match scripts.verdict {
            // The one value of a lock that asks its reader for something.
            ScriptVerdict::Unknown => {
                writeln!(
                    f,
                    "scripts = \"unknown\" # LOOK: no handler does what these maintainer scripts do"
                )?;
            }
            verdict => text(f, "scripts", &verdict)?,
        }
        text(f, "scripts-sha256", &scripts.sha256.hex())?;
    }
    Ok(())
}

/// The keys that packages of the image and tools have in common.
fn package_keys(f: &mut fmt::Formatter<'_>, name: &str, package: &LockedPackage) -> fmt::Result {
    text(f, "name", &name)?;
    text(f, "version", &package.version)?;
    text(f, "architecture", &package.architecture)?;
    text(f, "suite", &package.suite)?;
    text(f, "file", &package.file)?;
    writeln!(f, "size = {}", package.size)?;
    text(f, "sha256", &package.sha256.hex())?;
    text(f, "because", &package.because)
}

fn omission(f: &mut fmt::Formatter<'_>, name: &str, omission: &LockedOmission) -> fmt::Result {
    writeln!(f, "\n[[platform.omitted]]")?;
    text(f, "name", &name)?;
    list(f, "needed-by", omission.needed_by.iter())?;
    text(f, "reason", &omission.reason)
}

fn build(f: &mut fmt::Formatter<'_>, name: &str, build: &LockedBuild) -> fmt::Result {
    writeln!(f, "\n[[platform.build]]")?;
    text(f, "name", &name)?;
    if let Some(version) = &build.version {
        text(f, "version", version)?;
    }
    if let Some(source) = &build.source {
        text(f, "source-sha256", &source.hex())?;
    }
    if let Some(commit) = &build.commit {
        text(f, "commit", commit)?;
    }
    build_needs(f, build)
}

/// What a build asks for and gets.
fn build_needs(f: &mut fmt::Formatter<'_>, build: &LockedBuild) -> fmt::Result {
    long_list(f, "requires", build.requires.iter())?;
    long_list(f, "wheels", build.wheels.iter())?;
    if build.sources.is_empty() { Ok(()) } else { long_list(f, "sources", build.sources.iter()) }
}

fn build_source(f: &mut fmt::Formatter<'_>, file: &str, source: &LockedBuildSource) -> fmt::Result {
    writeln!(f, "\n[[platform.build-source]]")?;
    text(f, "file", &file)?;
    text(f, "name", &source.name)?;
    if let Some(version) = &source.build.version {
        text(f, "version", version)?;
    }
    text(f, "url", &source.url)?;
    if let Some(size) = source.size {
        writeln!(f, "size = {size}")?;
    }
    text(f, "sha256", &source.sha256.hex())?;
    build_needs(f, &source.build)
}

fn build_wheel(f: &mut fmt::Formatter<'_>, file: &str, wheel: &LockedBuildWheel) -> fmt::Result {
    writeln!(f, "\n[[platform.build-wheel]]")?;
    text(f, "file", &file)?;
    text(f, "url", &wheel.url)?;
    if let Some(size) = wheel.size {
        writeln!(f, "size = {size}")?;
    }
    text(f, "sha256", &wheel.sha256.hex())
}

/// `key = "value"`, as a basic string (TOML 1.0, "String").
fn text(f: &mut fmt::Formatter<'_>, key: &str, value: &dyn fmt::Display) -> fmt::Result {
    write!(f, "{key} = ")?;
    quoted(f, value)?;
    writeln!(f)
}

/// A text of several lines, as a multi-line basic string (TOML 1.0, "String").
fn lines(f: &mut fmt::Formatter<'_>, key: &str, value: &str) -> fmt::Result {
    // A line feed right after the opening quotes is not part of the text.
    writeln!(f, "{key} = \"\"\"")?;
    let mut quotes = 0;
    for character in value.chars() {
        quotes = if character == '"' { quotes + 1 } else { 0 };
        match character {
            // Three in a row would end it.
            '"' if quotes == 3 => {
                quotes = 0;
                f.write_str("\\\"")?;
            }
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_char('\n')?,
            control if control.is_control() => write!(f, "\\u{:04X}", u32::from(control))?,
            other => f.write_char(other)?,
        }
    }
    // A last quote would run into the closing ones.
    f.write_str(if quotes > 0 { "\\\n\"\"\"\n" } else { "\"\"\"\n" })
}

/// A list on one line.
fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    key: &str,
    items: impl Iterator<Item = T>,
) -> fmt::Result {
    write!(f, "{key} = [")?;
    for (index, item) in items.enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        quoted(f, &item)?;
    }
    writeln!(f, "]")
}

/// A list with a line for each item, so that a diff shows which one came or went.
fn long_list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    key: &str,
    items: impl ExactSizeIterator<Item = T>,
) -> fmt::Result {
    if items.len() == 0 {
        return writeln!(f, "{key} = []");
    }
    writeln!(f, "{key} = [")?;
    for item in items {
        f.write_str("    ")?;
        quoted(f, &item)?;
        writeln!(f, ",")?;
    }
    writeln!(f, "]")
}

fn quoted(f: &mut fmt::Formatter<'_>, value: &dyn fmt::Display) -> fmt::Result {
    f.write_char('"')?;
    for character in value.to_string().chars() {
        match character {
            '"' | '\\' => write!(f, "\\{character}")?,
            control if control.is_control() => write!(f, "\\u{:04X}", u32::from(control))?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}
