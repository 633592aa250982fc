use invar_python::PythonRequest;

use super::*;

/// A package with wheels for CPythons on amd64, and with a source if `sdist` says so.
fn package(name: &str, pythons: &[&str], sdist: bool) -> String {
    let hash = format!("hash = \"sha256:{}\"", "0".repeat(64));
    let wheel = |tag: &&str| {
        format!(
            "{{ url = \"https://index.example/{name}-1-{tag}-{tag}-manylinux_2_17_x86_64.whl\", {hash} }}"
        )
    };
    let wheels: Vec<String> = pythons.iter().map(wheel).collect();
    let sdist = match sdist {
        true => format!("sdist = {{ url = \"https://index.example/{name}-1.tar.gz\", {hash} }}\n"),
        false => String::new(),
    };
    format!(
        "[[package]]\nname = \"{name}\"\nversion = \"1\"\nsource = {{ registry = \"https://index.example/simple\" }}\n\
         {sdist}wheels = [{}]\n",
        wheels.join(", ")
    )
}

/// What is chosen, in words: the suite, the sentence, and what is compiled.
#[track_caller]
fn check(requires: &str, file: &str, packages: &[String], expected: &str) {
    let names: Vec<String> = (0..packages.len()).map(|index| format!("{{ name = \"p{index}\" }}")).collect();
    let lock = format!(
        "version = 1\nrequires-python = \">=3\"\n[[package]]\nname = \"demo\"\nsource = {{ virtual = \".\" }}\n\
         dependencies = [{}]\n{}",
        names.join(", "),
        packages.concat()
    );
    let lock = UvLock::parse(&lock).unwrap();
    let requires: VersionSpecifiers = requires.parse().unwrap();
    let request = PythonRequest::first_of(file);
    let file = request.map(|request| VersionFile { name: ".python-version".to_owned(), request });
    let wish = PythonWish {
        requires: Some(&requires),
        file: file.as_ref(),
        uv_lock: Some(&lock),
        name: "demo",
        selection: Selection { extras: [].into(), all_extras: false, groups: [].into(), project: true },
        policy: SourcePolicy::default(),
        platforms: vec![Platform::LinuxAmd64],
    };
    let found = match PythonChoice::new(&wish) {
        Err(error) => match error.wider() {
            Some((requires, release)) => format!("{error}\n{requires} for {}", release.suite),
            None => error.to_string(),
        },
        Ok(choice) => {
            let mut lines = vec![choice.release().suite.to_owned()];
            lines.extend(choice.sentence());
            lines.extend(choice.compiled());
            if choice.offer().error.is_some() {
                lines
                    .push(format!("not installable; {:?} is", choice.with_all_packages().map(|it| it.suite)));
            }
            lines.join("\n")
        }
    };
    assert_eq!(found, expected);
}

#[test]
fn the_newest_release_is_chosen_where_everything_fits() {
    check(">=3.11", "", &[], "trixie");
    check(">=3.11", "3.13.2", &[], "trixie");
    check(">=3.11", "any", &[package("p0", &["cp311", "cp312", "cp313"], true)], "trixie");
    // What nobody has compiled is compiled anywhere.
    check(">=3.11", "", &[package("p0", &[], true)], "trixie");
}

#[test]
fn a_version_file_chooses_among_what_is_possible() {
    check(
        ">=3.11",
        "3.11",
        &[],
        "bookworm\nusing Python 3.11 of Debian bookworm: .python-version asks for Python 3.11",
    );
    check(
        ">=3.11",
        "3.12.4",
        &[],
        "trixie\nusing Python 3.13 of Debian trixie: .python-version asks for Python 3.12.4, which no Debian suite has",
    );
    check(
        ">=3.12",
        "3.11",
        &[],
        "trixie\nusing Python 3.13 of Debian trixie: .python-version asks for Python 3.11, but requires-python = \
         \">=3.12\" excludes it",
    );
    check(
        ">=3.11",
        "3.14",
        &[],
        "trixie\nusing Python 3.13 of Debian trixie: .python-version asks for Python 3.14, which only Debian forky has, \
         still in development (suite = \"forky\")",
    );
    check(
        ">=3.11",
        "pypy@3.11",
        &[],
        "trixie\nusing Python 3.13 of Debian trixie: .python-version asks for pypy@3.11, but Debian's Python is CPython",
    );
    check(
        ">=3.11",
        "3.13",
        &[package("p0", &["cp311"], false)],
        "bookworm\nusing Python 3.11 of Debian bookworm: uv.lock has neither a wheel for Python 3.13 nor a source of p0 1; \
         .python-version asks for Python 3.13, but uv.lock has neither a wheel for Python 3.13 nor a source of p0 1",
    );
    // It may be compiled for what is asked for.
    check(
        ">=3.11",
        "3.13",
        &[package("p0", &["cp311"], true)],
        "trixie\np0 1 has no wheel for Python 3.13, so it is built from source; for Python 3.11 there are wheels of all \
         packages: suite = \"bookworm\"",
    );
}

#[test]
fn wheels_choose_among_what_is_allowed() {
    check(
        ">=3.8",
        "",
        &[package("p0", &["cp311"], false), package("p1", &["cp311", "cp313"], true)],
        "bookworm\nusing Python 3.11 of Debian bookworm: uv.lock has neither a wheel for Python 3.13 nor a source of p0 1",
    );
    check(
        ">=3.8",
        "",
        &[package("p0", &["cp311"], true), package("p1", &["cp311"], true)],
        "bookworm\nusing Python 3.11 of Debian bookworm: uv.lock has no wheel of p0 1 and p1 1 for Python 3.13",
    );
    check(
        ">=3.12",
        "",
        &[package("p0", &["cp311"], true)],
        "trixie\np0 1 has no wheel for Python 3.13, so it is built from source",
    );
    check(
        ">=3.11",
        "",
        &[package("p0", &["cp312"], false), package("p1", &["cp313"], false)],
        "trixie\nnot installable; None is",
    );
    check(
        ">=3.11",
        "",
        &[package("p0", &["cp314"], false)],
        "forky\nusing Python 3.14 of Debian forky: uv.lock has neither a wheel for Python 3.13 nor a source of p0 1",
    );
}

#[test]
fn requires_python_is_a_bound() {
    check(
        ">=3.11,<3.13",
        "",
        &[],
        "bookworm\nusing Python 3.11 of Debian bookworm: pyproject.toml has requires-python = \">=3.11, <3.13\"",
    );
    check(
        ">=3.14",
        "3.14",
        &[],
        "forky\nusing Python 3.14 of Debian forky: .python-version asks for Python 3.14",
    );
    check(
        ">=3.14",
        "",
        &[],
        "forky\nusing Python 3.14 of Debian forky: pyproject.toml has requires-python = \">=3.14\", and no stable release \
         of Debian has such a Python",
    );
    let have = |requires: &str| {
        format!(
            "no Debian suite has a Python that satisfies requires-python = \"{requires}\"; trixie has Python 3.13, bookworm \
             has Python 3.11, forky has Python 3.14"
        )
    };
    check(">=3.12,<3.13", "", &[], &format!("{}\n>=3.12 for trixie", have(">=3.12, <3.13")));
    check("==3.10.*", "", &[], &format!("{}\n>=3.10 for trixie", have("==3.10.*")));
    check("~=3.12.1", "", &[], &format!("{}\n>=3.12.1 for trixie", have("~=3.12.1")));
    check("==3.11.9", "", &[], &format!("{}\n>=3.11.9 for trixie", have("==3.11.9")));
    check("<3.10", "", &[], &have("<3.10"));
    check(">=3.15", "", &[], &have(">=3.15"));
}
