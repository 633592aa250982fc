//! Scripts that a Dockerfile copies and runs.
use std::cell::Cell;
use std::collections::BTreeSet;

use invar_audit::{DockerfileAudit, Ignore, IgnoreFile, Surroundings, audit_dockerfile};
use invar_dockerfile::BuildArguments;

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn audit(text: &str, files: &[(&str, &str)]) -> DockerfileAudit {
    let content =
        |path: &str| files.iter().find(|(name, _)| *name == path).map(|(_, content)| (*content).to_owned());
    let ignore = IgnoreFile::parse(&content(".dockerignore").unwrap_or_else(|| ".git".to_owned()));
    let around = Surroundings { read: &content, ignore: Ignore::Text(ignore), contexts: BTreeSet::new() };
    audit_dockerfile("Dockerfile", text.as_bytes(), &BuildArguments::default(), &around)
        .unwrap_or_else(|error| panic!("{error} in {text}"))
}

/// What is found below `FROM image@digest` and `ENV`, by file, line and rule; the Dockerfile's name is left out.
fn found(text: &str, files: &[(&str, &str)]) -> Vec<String> {
    let audited = audit(&format!("FROM a@{DIGEST}\nENV SOURCE_DATE_EPOCH=0\n{text}"), files);
    let named = |name: &str, report: &invar_audit::Report| {
        let line = |finding| report.line(finding).unwrap_or(0);
        let all = report.findings.iter();
        all.map(|finding| format!("{name}{}:{}", line(finding), finding.rule.name())).collect::<Vec<_>>()
    };
    let mut all = named("", &audited.report);
    for script in &audited.scripts {
        all.extend(named(&format!("{}:", script.name), script));
    }
    all
}

#[track_caller]
fn check(text: &str, files: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(found(text, files), expected, "{text}");
}

const SETUP: &str = "#!/bin/sh\nset -eu\n# All that is needed.\ninstall_all() {\n    apt-get update\n    apt-get install -y \\\n        curl\n}\n\
                     if [ -z \"${X:-}\" ]; then\n  install_all\nfi\n";

#[test]
fn a_script_is_found_where_it_was_brought() {
    let expected = ["setup.sh:6:apt-not-pinned"];
    let at = |text: &str| check(text, &[("setup.sh", SETUP)], &expected);
    at("COPY setup.sh .\nRUN ./setup.sh\n");
    at("COPY setup.sh /\nRUN sh setup.sh\n");
    at("WORKDIR /app\nCOPY . .\nRUN bash -eux /app/setup.sh\n");
    at("WORKDIR /app\nWORKDIR sub\nADD ./setup.sh /app/sub/x\nRUN chmod +x x && sudo ./x 1 2\n");
    at("COPY . /app\nRUN cd /app && . ./setup.sh\n");
    at("COPY [\"a\", \"setup.sh\", \"/b/\"]\nRUN [\"/b/setup.sh\"]\n");
    at("COPY *.sh /usr/local/bin/\nRUN setup.sh\n");
    at("ARG D=/opt\nCOPY setup.sh $D/\nRUN ${D}/setup.sh\n");
    at("RUN --mount=type=bind,target=/src /src/setup.sh\n");
    at("WORKDIR /w\nRUN --mount=source=setup.sh,target=s.sh bash s.sh\n");
    at(&format!("COPY setup.sh /a/\nFROM b@{DIGEST} AS c\nCOPY --from=0 /a /b\nFROM c\nRUN /b/setup.sh\n"));
}

#[test]
fn what_is_not_the_script_is_not_read() {
    let nothing = |text: &str, files: &[(&str, &str)]| check(text, files, &[]);
    let setup = [("setup.sh", SETUP)];
    nothing("RUN ./setup.sh\n", &setup);
    nothing("COPY other.sh .\nRUN ./setup.sh\n", &setup);
    nothing("COPY setup.sh /a/\nRUN /b/setup.sh\n", &setup);
    nothing(
        "COPY --from=image@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef setup.sh .\nRUN ./setup.sh\n",
        &setup,
    );
    nothing("COPY setup.sh .\nRUN $X/setup.sh\n", &setup);
    nothing("COPY setup.sh .\nENTRYPOINT [\"./setup.sh\"]\n", &setup);
    nothing("COPY setup.sh .\nRUN cat setup.sh\n", &setup);
    nothing("RUN --mount=target=/src true\nRUN /src/setup.sh\n", &setup);
    nothing("COPY . .\nRUN ./setup.sh\n", &[("setup.sh", SETUP), (".dockerignore", ".git\n*.sh\n")]);
    let python = SETUP.replace("#!/bin/sh", "#!/usr/bin/env python3");
    nothing("COPY x.py .\nRUN ./x.py\n", &[("x.py", &python)]);
    nothing("COPY x .\nRUN ./x\n", &[("x", "apt-get install a\n")]);
    check("COPY x .\nRUN sh x\n", &[("x", "apt-get install a\n")], &["x:1:apt-not-pinned"]);
}

#[test]
fn the_last_that_was_brought_counts() {
    let files = [
        ("a.sh", "#!/bin/sh\ncurl https://h.test/x | sh\n"),
        ("b.sh", "#!/bin/bash\ngit clone https://h.test/x\n"),
    ];
    check("COPY a.sh /x\nCOPY b.sh /x\nRUN /x\n", &files, &["b.sh:2:git-not-pinned"]);
}

#[test]
fn what_the_script_does_is_told_instead_of_its_name() {
    let script = [("install.sh", "#!/bin/sh\necho ready\n")];
    check("RUN ./install.sh\n", &script, &["3:network-in-run"]);
    check("COPY install.sh .\nRUN ./install.sh\n", &script, &[]);
    let audited = audit("FROM a\nCOPY install.sh .\nRUN ./install.sh\n", &script);
    assert_eq!(audited.scripts[0].name, "install.sh", "it is named, though nothing was found");
    let long = format!("#!/bin/sh\n{}", "#\n".repeat(40_000));
    check("COPY install.sh .\nRUN ./install.sh\n", &[("install.sh", &long)], &["4:network-in-run"]);
    let many = format!("#!/bin/sh\n{}", "apt-get install x\n".repeat(1_200));
    check("COPY install.sh .\nRUN ./install.sh\n", &[("install.sh", &many)], &["4:network-in-run"]);
}

#[test]
fn the_script_and_the_dockerfile_know_of_each_other() {
    // A checksum after the script, a lock before it, a snapshot in it, a variable around it.
    check(
        "COPY get.sh .\nRUN ./get.sh && echo '00  x.tar' | sha256sum -c -\n",
        &[("get.sh", "#!/bin/sh\ncurl -o x.tar https://h.test/x.tar\n")],
        &[],
    );
    let lock = [("s.sh", "#!/bin/sh\npoetry install\n"), ("poetry.lock", "")];
    check("COPY s.sh .\nRUN ./s.sh\n", &lock, &["s.sh:2:python-without-lock"]);
    check("COPY s.sh poetry.lock ./\nRUN ./s.sh\n", &lock, &[]);
    let snapshot =
        [("s.sh", "#!/bin/sh\necho deb https://h.test/20260101T000000Z x > /etc/apt/sources.list\n")];
    check("COPY s.sh .\nRUN ./s.sh\nRUN apt-get install a\n", &snapshot, &[]);
    check("COPY s.sh .\nRUN apt-get install a\nRUN ./s.sh\n", &snapshot, &["4:apt-not-pinned"]);
    let version = [("s.sh", "#!/bin/sh\npip install --no-compile a==$V --hash=sha256:00\nuv sync\n")];
    check("COPY s.sh .\nRUN ./s.sh\n", &version, &["s.sh:2:python-not-locked", "s.sh:3:uv-without-lock"]);
    check("COPY s.sh .\nENV UV_LOCKED=1 PIP_REQUIRE_HASHES=1\nRUN ./s.sh\n", &version, &[]);
    let clock = [("s.sh", "#!/bin/sh\nstart=$(date)\nexport built=$(date)\n[ \"$start\" ]\n")];
    check("COPY s.sh .\nRUN ./s.sh\n", &clock, &["s.sh:3:clock-in-build"]);
}

#[test]
fn scripts_run_scripts() {
    let files = [
        ("bin/a.sh", "#!/bin/sh\ncd bin\nsh ./b.sh\n"),
        ("bin/b.sh", "npm install\n/c.sh\n./a.sh\n"),
        ("c.sh", "#!/usr/bin/env bash\ngem install x\n"),
    ];
    check(
        "COPY . .\nRUN bin/a.sh\nRUN bin/a.sh\n",
        &files,
        &["bin/b.sh:1:node-without-lock", "c.sh:2:ruby-not-pinned"],
    );
    // One that is in the Dockerfile has its lines.
    let text = "COPY <<EOF /a.sh\n#!/bin/sh\necho\nnpm install\nEOF\nRUN sh /a.sh\n";
    check(text, &[], &["6:node-without-lock"]);
}

#[test]
fn comments_excuse() {
    let text = "#!/bin/sh\n# invar: ignore=apt-not-pinned\napt-get install a\n# invar: ignore=git-not-pinned\ntrue\n";
    check("COPY s.sh .\nRUN ./s.sh\n", &[("s.sh", text)], &["s.sh:4:unused-ignore"]);
}

#[test]
fn hostile_scripts_end() {
    let asked = Cell::new(0);
    // Every script runs itself, two others and many more that nobody has.
    let read = |path: &str| {
        asked.set(asked.get() + 1);
        Some(format!("#!/bin/sh\n./{path}\n./{path}a\n./{path}b\n./a\n{}", "x1;x2;x3\n".repeat(20)))
    };
    let around = || Surroundings { read: &read, ignore: Ignore::Missing, contexts: BTreeSet::new() };
    let look = |text: &str| {
        audit_dockerfile("D", text.as_bytes(), &BuildArguments::default(), &around()).expect("it ends")
    };
    let audited = look("FROM a\nCOPY . .\nRUN ./x\n");
    assert!(audited.scripts.len() <= 50, "{}", audited.scripts.len());
    let audited = look(&format!(
        "FROM a\nCOPY . .\n{}",
        (0..900).map(|number| format!("RUN ./s{number}\n")).collect::<String>()
    ));
    assert!(audited.scripts.len() <= 50, "{}", audited.scripts.len());
    // Stages that copy all of each other, many times.
    let mut text = String::from("FROM a\n");
    for stage in 0..20 {
        text.push_str(&format!("FROM a\n{}", format!("COPY --from={stage} / /\n").repeat(100)));
    }
    asked.set(0);
    look(&format!("{text}{}", "RUN ./x\n".repeat(200)));
    assert!(asked.get() <= 2_000, "{}", asked.get());
}
