//! What builds print when something is missing.
use super::*;

#[test]
fn what_is_missing_is_recognised() {
    #[track_caller]
    fn check(line: &str, expected: &str) {
        let found = Missing::in_line(line).map(|found| format!("{found:?}")).unwrap_or_default();
        assert_eq!(found, expected, "{line}");
    }
    check("src/x.c:3:10: fatal error: libpq-fe.h: No such file or directory", "Header(\"libpq-fe.h\")");
    check("./x.h:1:10: fatal error: 'a/ffi.h' file not found", "Header(\"a/ffi.h\")");
    check("/bin/sh: 1: cmake: not found", "Program(\"cmake\")");
    check("bash: line 1: gcc: command not found", "Program(\"gcc\")");
    check("error: linker `cc` not found", "Program(\"cc\")");
    check(
        "error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory",
        "Program(\"x86_64-linux-gnu-gcc\")",
    );
    check("FileNotFoundError: [Errno 2] No such file or directory: 'cargo'", "Program(\"cargo\")");
    check("FileNotFoundError: [Errno 2] No such file or directory: '/usr/bin/swig'", "Program(\"swig\")");
    check("FileNotFoundError: [Errno 2] No such file or directory: 'README.md'", "");
    check("FileNotFoundError: [Errno 2] No such file or directory: 'a/b'", "");
    check("FileNotFoundError: [Errno 2] No such file or directory: 'a b'", "");
    check("make: gcc: No such file or directory", "Program(\"gcc\")");
    check("Error: pg_config executable not found.", "Program(\"pg_config\")");
    check(
        "gcc: fatal error: cannot execute 'cc1plus': execvp: No such file or directory",
        "Program(\"cc1plus\")",
    );
    check("../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc']]", "Program(\"cc\")");
    check("error: can't find Rust compiler", "Program(\"rustc\")");
    check("Rust not found, installing into a temporary directory", "Program(\"cargo\")");
    check("  Caused by: rustc, the rust compiler, is not installed or not in PATH.", "Program(\"cargo\")");
    check(
        "  error occurred: failed to find tool \"c++\": No such file or directory (os error 2)",
        "Program(\"c++\")",
    );
    check(
        "  requires the `pkg-config` utility to find OpenSSL but unfortunately `pkg-config`",
        "Program(\"pkg-config\")",
    );
    check("  The pkg-config command could not be found.", "Program(\"pkg-config\")");
    check(
        "  Could not find directory of OpenSSL installation, and this `-sys` crate cannot",
        "Module(\"openssl\")",
    );
    check("Package 'libpq', required by 'virtual:world', not found", "Module(\"libpq\")");
    check("Package gtk+-3.0 was not found in the pkg-config search path.", "Module(\"gtk+-3.0\")");
    check("Package 'xyz' not found", "Module(\"xyz\")");
    check("No package 'xyz' found", "Module(\"xyz\")");
    check(
        "meson.build:5:8: ERROR: Dependency \"openblas\" not found, tried pkgconfig",
        "Module(\"openblas\")",
    );
    check(
        "  The system library `openssl` required by crate `openssl-sys` was not found.",
        "Module(\"openssl\")",
    );
    check("/usr/bin/ld: cannot find -lpq: No such file or directory", "Library(\"pq\")");
    check("/usr/bin/ld: cannot find -lstdc++", "Library(\"stdc++\")");
    check("ld.lld: error: unable to find library -lz", "Library(\"z\")");
    check("  Could NOT find ZLIB (missing: ZLIB_LIBRARY ZLIB_INCLUDE_DIR)", "CMake(\"ZLIB\")");
    check("-- Could NOT find ZLIB (missing: ZLIB_LIBRARY)", "");
    check(
        "  By not providing \"FindEigen3.cmake\" in CMAKE_MODULE_PATH this project has",
        "CMake(\"Eigen3\")",
    );
    check("all is well", "");
    check("x.c:1:1: fatal error: ../../etc/passwd: No such file or directory", "");
    check("x.c:1:1: fatal error: a\u{1b}[31m.h: No such file or directory", "");
    check(&format!("x.c:1:1: fatal error: {}: No such file or directory", "a".repeat(300)), "");
}

#[test]
fn files_serve_by_where_they_are() {
    #[track_caller]
    fn check(missing: &Missing, path: &str, expected: Option<u32>) {
        assert_eq!(missing.rank(path), expected, "{missing:?} {path}");
    }
    let header = Missing::Header("a/b.h".to_owned());
    check(&header, "usr/include/a/b.h", Some(0));
    check(&header, "usr/include/x86_64-linux-gnu/a/b.h", Some(1));
    check(&header, "usr/include/thing-2/a/b.h", Some(2));
    check(&header, "usr/src/linux/a/b.h", Some(3));
    check(&header, "usr/include/xa/b.h", None);
    check(&header, "usr/include/b.h", None);
    let program = Missing::Program("swig".to_owned());
    check(&program, "usr/bin/swig", Some(0));
    check(&program, "usr/share/swig", None);
    let library = Missing::Library("pq".to_owned());
    check(&library, "usr/lib/x86_64-linux-gnu/libpq.so", Some(0));
    check(&library, "usr/lib/x86_64-linux-gnu/libpq.a", Some(1));
    check(&library, "usr/lib/postgresql/libpq.so", Some(2));
    check(&library, "usr/lib/x86_64-linux-gnu/libpq.so.5", None);
    let module = Missing::Module("libpq".to_owned());
    check(&module, "usr/lib/x86_64-linux-gnu/pkgconfig/libpq.pc", Some(0));
    check(&module, "opt/x/pkgconfig/libpq.pc", Some(1));
    check(&module, "usr/share/doc/libpq.pc", None);
    let cmake = Missing::CMake("ZLIB".to_owned());
    check(&cmake, "usr/lib/cmake/zlib/ZLIBConfig.cmake", Some(0));
    check(&cmake, "usr/share/cmake/zlib/zlib-config.cmake", Some(0));
    check(&cmake, "usr/lib/x86_64-linux-gnu/pkgconfig/zlib.pc", Some(1));
    check(&cmake, "usr/include/zlib.h", Some(4));
    check(&cmake, "usr/share/cmake-3.31/Modules/FindZLIB.cmake", None);
}

#[test]
fn the_common_ones_are_known() {
    for (line, package) in [
        ("a.c:1:1: fatal error: libpq-fe.h: No such file or directory", Some("libpq-dev")),
        ("make: gcc: No such file or directory", Some("gcc")),
        ("Error: pg_config executable not found.", Some("libpq-dev")),
        ("/usr/bin/ld: cannot find -lssl", Some("libssl-dev")),
        ("No package 'libffi' found", Some("libffi-dev")),
        ("a.c:1:1: fatal error: odd/thing.h: No such file or directory", None),
    ] {
        assert_eq!(Missing::in_line(line).and_then(|found| found.known()), package, "{line}");
    }
}
