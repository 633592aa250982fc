//! What a failed build may be missing: headers and programs, and the Debian packages that have them.
use invar_project::Platform;

/// For a build that needs more memory than it may use.
pub(crate) const MORE_MEMORY: &str = "if it needs more, give --build-memory or INVAR_BUILD_MEMORY";
/// For a build that needs more room than it may use.
pub(crate) const MORE_DISK: &str = "if it needs more, give --build-disk or INVAR_BUILD_DISK";

/// Headers and the packages that have them, by name.
const HEADERS: [(&str, &str); 44] = [
    ("Python.h", "python3-dev"),
    ("alsa/asoundlib.h", "libasound2-dev"),
    ("archive.h", "libarchive-dev"),
    ("blkid/blkid.h", "libblkid-dev"),
    ("bzlib.h", "libbz2-dev"),
    ("cairo.h", "libcairo2-dev"),
    ("curl/curl.h", "libcurl4-openssl-dev"),
    ("db.h", "libdb-dev"),
    ("expat.h", "libexpat1-dev"),
    ("ffi.h", "libffi-dev"),
    ("freetype2/ft2build.h", "libfreetype-dev"),
    ("ft2build.h", "libfreetype-dev"),
    ("gdal.h", "libgdal-dev"),
    ("geos_c.h", "libgeos-dev"),
    ("girepository.h", "libgirepository1.0-dev"),
    ("glib.h", "libglib2.0-dev"),
    ("gmp.h", "libgmp-dev"),
    ("graphviz/cgraph.h", "libgraphviz-dev"),
    ("gssapi/gssapi.h", "libkrb5-dev"),
    ("hdf5.h", "libhdf5-dev"),
    ("jpeglib.h", "libjpeg-dev"),
    ("lber.h", "libldap-dev"),
    ("ldap.h", "libldap-dev"),
    ("libpq-fe.h", "libpq-dev"),
    ("libxml/xmlversion.h", "libxml2-dev"),
    ("libxslt/xslt.h", "libxslt1-dev"),
    ("lz4.h", "liblz4-dev"),
    ("lzma.h", "liblzma-dev"),
    ("magic.h", "libmagic-dev"),
    ("mysql.h", "default-libmysqlclient-dev"),
    ("openssl/opensslv.h", "libssl-dev"),
    ("openssl/ssl.h", "libssl-dev"),
    ("pcap.h", "libpcap-dev"),
    ("png.h", "libpng-dev"),
    ("portaudio.h", "portaudio19-dev"),
    ("proj.h", "libproj-dev"),
    ("sasl/sasl.h", "libsasl2-dev"),
    ("snappy.h", "libsnappy-dev"),
    ("sodium.h", "libsodium-dev"),
    ("sql.h", "unixodbc-dev"),
    ("sqlite3.h", "libsqlite3-dev"),
    ("stdio.h", "libc6-dev"),
    ("yaml.h", "libyaml-dev"),
    ("zlib.h", "zlib1g-dev"),
];

/// Programs that are not in a package of their own name.
const PROGRAMS: [(&str, &str); 22] = [
    ("aarch64-linux-gnu-gcc", "gcc"),
    ("c++", "g++"),
    ("cc", "gcc"),
    ("cc1plus", "g++"),
    ("clang++", "clang"),
    ("f77", "gfortran"),
    ("f95", "gfortran"),
    ("gcc-ar", "gcc"),
    ("go", "golang-go"),
    ("javac", "default-jdk-headless"),
    ("ld", "binutils"),
    ("mysql_config", "default-libmysqlclient-dev"),
    ("msgfmt", "gettext"),
    ("ninja", "ninja-build"),
    ("node", "nodejs"),
    ("npx", "npm"),
    ("pg_config", "libpq-dev"),
    ("pkg-config", "pkgconf"),
    ("protoc", "protobuf-compiler"),
    ("x86_64-linux-gnu-g++", "g++"),
    ("x86_64-linux-gnu-gcc", "gcc"),
    ("xslt-config", "libxslt1-dev"),
];

/// Programs in packages of their own name that builds ask for.
const SAME_NAME: [&str; 17] = [
    "autoconf", "automake", "bison", "cargo", "clang", "cmake", "curl", "flex", "g++", "gcc", "gfortran",
    "git", "make", "meson", "patch", "rustc", "swig",
];

/// What the last lines of a failed build say is missing, and which package has it.
pub(crate) fn hint(lines: &[String], _: Platform) -> Option<String> {
    lines.iter().find_map(|line| resource(line).map(str::to_owned)).or_else(|| missing(lines))
}

/// What was used up, as the C library's messages and shells say it.
fn resource(line: &str) -> Option<&'static str> {
    if line.contains("No space left on device") {
        return Some("the disk is full: make room, or name another place with --store; /tmp holds 8 GiB");
    }
    if line.contains("File size limit exceeded") || line.contains("File too large") {
        return Some(MORE_DISK);
    }
    if line.contains("Cannot fork") || line.contains("fork: Resource temporarily unavailable") {
        return Some("a build may have 4096 processes and threads at once");
    }
    None
}

fn missing(lines: &[String]) -> Option<String> {
    lines.iter().find_map(|line| {
        let (what, package) = missing_header(line).or_else(|| missing_program(line))?;
        Some(match package {
            Some(package) => {
                format!("{what} is in the Debian package {package}: add it to the `packages` of this build")
            }
            None => format!(
                "{what} is missing: add the Debian package that has it to the `packages` of this build \
                 (`apt-file search {what}` finds it)"
            ),
        })
    })
}

type Found = (String, Option<&'static str>);

/// gcc: `x.c:1:10: fatal error: Python.h: No such file or directory`; clang: `fatal error: 'Python.h' file not found`.
fn missing_header(line: &str) -> Option<Found> {
    let (_, rest) = line.split_once("fatal error: ")?;
    let name = rest
        .strip_suffix(": No such file or directory")
        .or_else(|| rest.strip_prefix('\'')?.split_once('\'').map(|(name, _)| name))?;
    let known = HEADERS.iter().find(|(header, _)| *header == name);
    Some((name.to_owned(), known.map(|(_, package)| *package)))
}

/// The ways in which shells, make, Python, CMake, setuptools and Rust's compiler say that a program is not there.
fn missing_program(line: &str) -> Option<Found> {
    let quoted = |rest: &str| {
        let end = rest.find(['\'', '"', '`', '’'])?;
        Some(rest[..end].to_owned())
    };
    let name = if let Some(rest) =
        line.strip_suffix(": not found").or_else(|| line.strip_suffix(": command not found"))
    {
        rest.rsplit([' ', ':']).next().map(str::to_owned)
    } else if let Some((_, rest)) = line.split_once("No such file or directory: '") {
        quoted(rest)
    } else if let Some((_, rest)) = line.split_once("error: linker `") {
        line.contains("not found").then(|| quoted(rest)).flatten()
    } else if let Some((_, rest)) = line.split_once("error: command '") {
        line.ends_with("No such file or directory").then(|| quoted(rest)).flatten()
    } else if let Some((_, rest)) = line.split_once("cannot execute '") {
        // gcc without g++: "fatal error: cannot execute 'cc1plus'".
        quoted(rest)
    } else if let Some((before, _)) = line.split_once(": No such file or directory") {
        // make: "make: gcc: No such file or directory".
        line.starts_with("make").then(|| before.rsplit(": ").next().map(str::to_owned)).flatten()
    } else if let Some((before, _)) = line.split_once(" executable not found") {
        // psycopg2: "Error: pg_config executable not found."
        before.rsplit(' ').next().map(str::to_owned)
    } else {
        None
    }?;
    let name = name.rsplit('/').next().unwrap_or(&name).to_owned();
    if name.is_empty() || name.contains(char::is_whitespace) {
        return None;
    }
    let known = PROGRAMS.iter().find(|(program, _)| *program == name).map(|(_, package)| *package);
    let package = known.or_else(|| SAME_NAME.iter().find(|program| **program == name).copied());
    Some((name, package))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let check = |line: &str, expected: &str| {
            let hint = hint(&[String::new(), line.to_owned()], Platform::LinuxAmd64).unwrap_or_default();
            assert!(hint.starts_with(expected), "{line}: {hint}");
        };
        check(
            "src/x.c:3:10: fatal error: libpq-fe.h: No such file or directory",
            "libpq-fe.h is in the Debian package libpq-dev",
        );
        check("./x.h:1:10: fatal error: 'ffi.h' file not found", "ffi.h is in the Debian package libffi-dev");
        check("a.c:1:1: fatal error: odd/thing.h: No such file or directory", "odd/thing.h is missing");
        check("/bin/sh: 1: cmake: not found", "cmake is in the Debian package cmake");
        check("bash: line 1: gcc: command not found", "gcc is in the Debian package gcc");
        check("error: linker `cc` not found", "cc is in the Debian package gcc");
        check(
            "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory",
            "x86_64-linux-gnu-gcc is in the Debian package gcc",
        );
        check(
            "FileNotFoundError: [Errno 2] No such file or directory: 'cargo'",
            "cargo is in the Debian package cargo",
        );
        check("make: gcc: No such file or directory", "gcc is in the Debian package gcc");
        check("Error: pg_config executable not found.", "pg_config is in the Debian package libpq-dev");
        check("dd: error writing 'x': No space left on device", "the disk is full");
        check("/bin/sh: 1: Cannot fork", "a build may have");
        check("bash: fork: retry: Resource temporarily unavailable", "");
        check("bash: fork: Resource temporarily unavailable", "a build may have");
        check("all is well", "");
        check("FileNotFoundError: [Errno 2] No such file or directory: 'a b'", "");
    }
}
