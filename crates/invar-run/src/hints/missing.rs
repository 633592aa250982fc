//! What the output of a failed build says is missing.
#[cfg(test)]
mod tests;

use super::known::known;

/// The longest name that is taken from a log.
const LONGEST_NAME: usize = 200;

/// Something that a build did not find.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Missing {
    /// A header, as it is included: `libxml/xmlversion.h`.
    Header(String),
    /// A program, by its name.
    Program(String),
    /// A module of pkg-config: `libpq`.
    Module(String),
    /// A library, by the name that a linker gets after `-l`.
    Library(String),
    /// What CMake's `find_package` was asked for: `ZLIB`.
    CMake(String),
}

impl Missing {
    /// What `line` says is missing.
    pub fn in_line(line: &str) -> Option<Self> {
        let line = line.trim_end();
        let found = header(line).map(Self::Header);
        let found = found.or_else(|| library(line).map(Self::Library));
        let found = found.or_else(|| module(line).map(Self::Module));
        let found = found.or_else(|| cmake(line).map(Self::CMake));
        found.or_else(|| program(line).map(Self::Program)).filter(|found| is_name(found.name()))
    }

    /// Its name, as the build has it.
    pub fn name(&self) -> &str {
        match self {
            Self::Header(name)
            | Self::Program(name)
            | Self::Module(name)
            | Self::Library(name)
            | Self::CMake(name) => name,
        }
    }

    /// Whether its name may be that of a file in an archive.
    pub fn is_plain(&self) -> bool {
        is_name(self.name())
    }

    /// What a message calls it.
    pub fn words(&self) -> String {
        match self {
            Self::Header(name) | Self::Program(name) => name.clone(),
            Self::Module(name) => format!("{name}.pc"),
            Self::Library(name) => format!("lib{name}.so"),
            Self::CMake(name) => format!("{name} (for CMake)"),
        }
    }

    /// What to search for in the names of files.
    pub fn search(&self) -> String {
        match self {
            Self::Header(name) => format!("/{name}"),
            Self::Program(name) => format!("bin/{name}"),
            Self::Module(name) => format!("/{name}.pc"),
            Self::Library(name) => format!("/lib{name}.so"),
            Self::CMake(name) => format!("{name}Config.cmake"),
        }
    }

    /// The package that is known to have it.
    pub fn known(&self) -> Option<&'static str> {
        let kind = match self {
            Self::Header(_) => "header",
            Self::Program(_) => "program",
            Self::Module(_) => "module",
            Self::Library(_) => "library",
            Self::CMake(_) => return None,
        };
        known(kind, self.name())
    }

    /// How well the file at `path` of an archive would serve, the lowest number best; `None` if it is another file.
    pub fn rank(&self, path: &str) -> Option<u32> {
        let (folder, file) = path.rsplit_once('/')?;
        match self {
            Self::Header(name) => {
                let folder = path.strip_suffix(name.as_str())?.strip_suffix('/')?;
                match folder {
                    "usr/include" => Some(0),
                    // Debian's folders for one architecture, which compilers look into without being told.
                    _ if is_of_architecture(folder, "usr/include/") => Some(1),
                    _ if folder.starts_with("usr/include/") || folder.ends_with("/include") => Some(2),
                    _ => Some(3),
                }
            }
            Self::Program(name) => {
                let place = ["usr/bin", "bin", "usr/sbin", "sbin", "usr/games"];
                let place = place.iter().position(|place| *place == folder).filter(|_| file == name)?;
                u32::try_from(place).ok()
            }
            Self::Module(name) => {
                let is_it = file.strip_suffix(".pc") == Some(name) && folder.ends_with("/pkgconfig");
                is_it.then(|| if is_library_folder(folder.trim_end_matches("/pkgconfig")) { 0 } else { 1 })
            }
            Self::Library(name) => {
                let stem = file.strip_prefix("lib")?.strip_prefix(name.as_str())?;
                let kind = [".so", ".a"].iter().position(|ending| *ending == stem)?;
                let folder = if is_library_folder(folder) { 0 } else { 2 };
                u32::try_from(kind).ok().map(|kind| kind + folder)
            }
            Self::CMake(name) => {
                let is_config = |stem: &str, ending: &str| {
                    file.strip_suffix(ending).is_some_and(|found| found.eq_ignore_ascii_case(stem))
                };
                if is_config(name, "Config.cmake") || is_config(name, "-config.cmake") {
                    return Some(0);
                }
                // CMake's own modules look for the library itself, which is mostly called so in small letters.
                let small = name.to_ascii_lowercase();
                let others = [Self::Module(small.clone()), Self::Library(small.clone())];
                let header = Self::Header(format!("{small}.h"));
                let direct = others.iter().find_map(|other| other.rank(path)).map(|rank| rank + 1);
                direct.or_else(|| header.rank(path).filter(|rank| *rank < 2).map(|rank| rank + 4))
            }
        }
    }
}

/// Whether `folder` is `before` and one name with two hyphens, as `x86_64-linux-gnu`.
fn is_of_architecture(folder: &str, before: &str) -> bool {
    folder.strip_prefix(before).is_some_and(|name| {
        !name.contains('/') && name.ends_with("-linux-gnu") && name.matches('-').count() == 2
    })
}

fn is_library_folder(folder: &str) -> bool {
    matches!(folder, "usr/lib" | "usr/share" | "lib")
        || is_of_architecture(folder, "usr/lib/")
        || is_of_architecture(folder, "lib/")
}

/// Whether `name` may be the name of a file that a package has, or of a part of its path.
fn is_name(name: &str) -> bool {
    let plain = |character: char| character.is_ascii_alphanumeric() || "+-._/".contains(character);
    !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name.chars().all(plain)
        && !name.starts_with(['/', '-', '.'])
        && !name.split('/').any(|part| part == ".." || part.is_empty())
}

/// The text up to the next quotation mark.
fn quoted(text: &str) -> Option<String> {
    let text = text.strip_prefix(['\'', '"', '`', '‘']).unwrap_or(text);
    Some(text[..text.find(['\'', '"', '`', '’'])?].to_owned())
}

/// The first word, without a mark after it.
fn word(text: &str) -> Option<String> {
    let word = text.split_whitespace().next()?.trim_matches(['\'', '"', '`', ':', ',', ';', '.']);
    Some(word.to_owned())
}

/// gcc: `x.c:1:10: fatal error: Python.h: No such file or directory`; clang: `fatal error: 'Python.h' file not found`.
fn header(line: &str) -> Option<String> {
    let (_, rest) = line.split_once("fatal error: ")?;
    if let Some(name) = rest.strip_suffix(": No such file or directory") {
        // "cannot execute 'cc1plus': execvp" is said of programs.
        return Some(name.to_owned()).filter(|name| !name.contains(' '));
    }
    rest.strip_prefix('\'')?.split_once("' file not found").map(|(name, _)| name.to_owned())
}

/// ld: `/usr/bin/ld: cannot find -lpq: No such file or directory`; lld: `unable to find library -lpq`.
fn library(line: &str) -> Option<String> {
    let phrases = ["cannot find -l", "unable to find library -l", "library not found for -l"];
    phrases.iter().find_map(|phrase| word(line.split_once(phrase)?.1))
}

/// The ways in which pkg-config, pkgconf, meson and Rust's pkg-config say that a module is not there.
fn module(line: &str) -> Option<String> {
    if let Some((_, rest)) = line.split_once("Package ") {
        let said = ["was not found in the pkg-config search path", "not found"];
        if rest.contains(said[0]) {
            return word(rest);
        }
        // "Package 'libpq', required by 'virtual:world', not found".
        if rest.starts_with('\'') && rest.ends_with(said[1]) {
            return quoted(rest);
        }
    }
    if let Some((_, rest)) = line.split_once("No package '") {
        return rest.contains("' found").then(|| quoted(rest)).flatten();
    }
    if let Some((_, rest)) = line.split_once("ERROR: Dependency ") {
        return rest.contains("not found").then(|| quoted(rest)).flatten();
    }
    if line.contains("Could not find directory of OpenSSL installation") {
        // Rust's openssl-sys.
        return Some("openssl".to_owned());
    }
    let (_, rest) = line.split_once("The system library `")?;
    rest.contains("was not found").then(|| quoted(rest)).flatten()
}

/// CMake: `  Could NOT find ZLIB (missing: ZLIB_LIBRARY)`, and `By not providing "FindX.cmake" in CMAKE_MODULE_PATH`.
/// With hyphens before it, it is a remark about something that need not be there.
fn cmake(line: &str) -> Option<String> {
    if line.starts_with("--") {
        return None;
    }
    if let Some((_, rest)) = line.split_once("Could NOT find ") {
        return word(rest);
    }
    let (_, rest) = line.split_once("By not providing \"Find")?;
    rest.split_once(".cmake\"").map(|(name, _)| name.to_owned())
}

/// maturin without Rust: it asks for a package that would download it, or for the programs themselves. Debian's cargo
/// brings the compiler.
const NO_CARGO: [&str; 3] = [
    "Rust not found, installing into a temporary directory",
    "rustc, the rust compiler, is not installed",
    "Cargo, the Rust package manager, is not installed",
];

/// Rust's openssl-sys and pkg-config.
const NO_PKG_CONFIG: [&str; 2] =
    ["requires the `pkg-config` utility to find", "pkg-config command could not be found"];

/// The ways in which shells, make, Python, CMake, setuptools and Rust's compiler say that a program is not there.
fn program(line: &str) -> Option<String> {
    let name = if let Some(rest) =
        line.strip_suffix(": not found").or_else(|| line.strip_suffix(": command not found"))
    {
        rest.rsplit([' ', ':']).next().map(str::to_owned)
    } else if let Some((_, rest)) = line.split_once("No such file or directory: '") {
        // Python says the same of files, which have an ending or are named with their folder.
        quoted(rest).filter(|name| is_program(name))
    } else if let Some((_, rest)) = line.split_once("error: linker `") {
        line.contains("not found").then(|| quoted(rest)).flatten()
    } else if let Some((_, rest)) = line.split_once("error: command '") {
        line.ends_with("No such file or directory").then(|| quoted(rest)).flatten()
    } else if let Some((_, rest)) = line.split_once("cannot execute '") {
        // gcc without g++: "fatal error: cannot execute 'cc1plus'".
        quoted(rest)
    } else if let Some((_, rest)) = line.split_once("failed to find tool ") {
        // Rust's cc: "failed to find tool "c++": No such file or directory (os error 2)".
        quoted(rest)
    } else if let Some((before, _)) = line.split_once(": No such file or directory") {
        // make: "make: gcc: No such file or directory".
        line.starts_with("make").then(|| before.rsplit(": ").next().map(str::to_owned)).flatten()
    } else if let Some((before, _)) = line.split_once(" executable not found") {
        // psycopg2: "Error: pg_config executable not found."
        before.rsplit(' ').next().map(str::to_owned)
    } else if let Some((_, rest)) = line.split_once("error: can't find Rust compiler") {
        // setuptools-rust.
        rest.is_empty().then(|| "rustc".to_owned())
    } else if NO_CARGO.iter().any(|phrase| line.contains(phrase)) {
        Some("cargo".to_owned())
    } else if NO_PKG_CONFIG.iter().any(|phrase| line.contains(phrase)) {
        Some("pkg-config".to_owned())
    } else if let Some((_, rest)) = line.split_once("Unknown compiler(s): [[") {
        // meson: "ERROR: Unknown compiler(s): [['cc'], ['gcc'], …]".
        quoted(rest)
    } else {
        None
    }?;
    let name = name.rsplit('/').next().unwrap_or(&name).to_owned();
    (!name.contains(char::is_whitespace)).then_some(name)
}

/// Whether what Python could not open may have been a program rather than a file.
fn is_program(name: &str) -> bool {
    const ENDINGS: [&str; 12] =
        ["c", "cfg", "h", "in", "ini", "json", "md", "py", "rst", "toml", "txt", "yaml"];
    match name.rsplit_once('/') {
        Some((folder, _)) => folder.ends_with("bin"),
        None => !name.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending)),
    }
}
