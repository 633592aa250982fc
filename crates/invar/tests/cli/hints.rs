//! A failed build says which package has what it did not find.
use invar_testkit::Fault;

use crate::support::tools::Tools;

/// A project with the one step `bad`, which prints `says` and fails.
fn project(says: &str) -> Tools {
    let project = Tools::new(&manifest(says));
    project.lock();
    project
}

fn manifest(says: &str) -> String {
    format!(
        "[image]\nname = \"hinted\"\n[[step]]\nname = \"bad\"\nrun = '''echo \"{says}\"; exit 3'''\n\
         outputs = {{ x = \"/x\" }}\n"
    )
}

/// What a build says that prints `says` and fails.
fn failure(project: &Tools, says: &str, options: &[&str]) -> String {
    project.write_manifest(&manifest(says));
    let mut arguments = vec!["build", "--locked"];
    arguments.extend(options);
    arguments.push("project");
    let message = project.run(&arguments).failure(1);
    for expected in ["step bad failed with exit code 3", "the full log is"] {
        assert!(message.contains(expected), "{expected:?} is not in:\n{message}");
    }
    message
}

/// How many indexes of files the server was asked for.
fn asked(project: &Tools) -> usize {
    let of_contents = |path: &&String| path.contains("main/by-hash") || path.contains("Contents-");
    project.server.requests().iter().filter(of_contents).count()
}

const HEADER: &str = "x.c:1:10: fatal error: odd/thing.h: No such file or directory";

#[test]
fn a_missing_file_is_looked_up_in_the_locked_suite() {
    let project = project(HEADER);
    // What is known needs no look, and neither does a failure that misses nothing.
    let message = failure(&project, "x.c:1:1: fatal error: libpq-fe.h: No such file or directory", &[]);
    let known = "help: libpq-fe.h is in the Debian package libpq-dev: add it to `packages` of step bad";
    assert!(message.contains(known), "{message}");
    assert!(!failure(&project, "it does not work", &[]).contains("hint:"));
    let message = failure(&project, HEADER, &["--offline"]);
    assert!(message.contains("help: odd/thing.h is missing"), "{message}");
    assert!(message.contains("`apt-file search /odd/thing.h` finds it"), "{message}");
    assert_eq!(asked(&project), 0);

    // The index is fetched once, and only its locked state is believed.
    project.server.fault("debian/dists/trixie/InRelease", Fault::NotFound);
    let of_odd = "is in the Debian package odd-dev: add it to `packages` of step bad";
    for (says, what) in [
        (HEADER, "odd/thing.h"),
        ("/usr/bin/ld: cannot find -lodd: No such file or directory", "libodd.so"),
        ("No package 'odd' found", "odd.pc"),
        ("  Could NOT find Odd (missing: ODD_LIBRARY)", "Odd (for CMake)"),
    ] {
        let message = failure(&project, says, &[]);
        assert!(message.contains(&format!("help: {what} {of_odd}")), "{message}");
        assert_eq!(asked(&project), 1, "{:?}", project.server.requests());
    }
    // Packages for all architectures are in an index of their own.
    let message = failure(&project, "sh: 1: odd-config: not found", &[]);
    assert!(message.contains("help: odd-config is in the Debian package odd-tools"), "{message}");
    assert_eq!(asked(&project), 2);
    let message = failure(&project, "sh: 1: no-such-program: not found", &[]);
    assert!(message.contains("help: no-such-program is missing"), "{message}");
    assert_eq!(asked(&project), 2);
}

#[test]
fn an_index_that_cannot_be_had_hides_nothing() {
    let project = project(HEADER);
    let indexes: Vec<String> = project
        .served()
        .into_iter()
        .filter(|path| path.contains("main/by-hash") || path.contains("Contents-"))
        .collect();
    assert!(indexes.len() >= 4, "{indexes:?}");
    for fault in [Fault::NotFound, Fault::FlipBitAt(30)] {
        for path in &indexes {
            project.server.fault(path, fault.clone());
        }
        let message = failure(&project, HEADER, &[]);
        assert!(message.contains("help: odd/thing.h is missing"), "{message}");
        assert!(!message.contains("Contents"), "{message}");
    }
    project.server.behave();
    assert!(failure(&project, HEADER, &[]).contains("odd-dev"));
}
