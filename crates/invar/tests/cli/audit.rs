//! `invar audit`: what is found, in every form, and with which exit code.
use std::fs;

use invar_audit::manual;
use serde_json::Value;

use crate::support::{Context, repository};

const DOCKERFILE: &str = "FROM python:3.13\nRUN pip install \\\n    flask\nCOPY . .\n";
const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The rules that a run with `--json` found, with their lines.
fn rules(context: &Context, arguments: &[&str]) -> Vec<String> {
    let ran = context.run(&[&["audit", "--json", "--fail-on=never"], arguments].concat());
    let value: Value = serde_json::from_str(&ran.success()).expect("it prints JSON");
    let files = value["files"].as_array().expect("a list");
    let findings = files.iter().flat_map(|file| file["findings"].as_array().expect("a list"));
    findings
        .map(|finding| format!("{}:{}", finding["line"], finding["rule"].as_str().expect("a name")))
        .collect()
}

#[test]
fn findings_show_their_lines() {
    let context = Context::new();
    context.write("Dockerfile", DOCKERFILE);
    let ran = context.run(&["audit"]);
    assert_eq!(ran.code, 9, "{}", ran.stderr);
    let expected = "\
error[python-not-locked]: `flask` without a version
 --> Dockerfile:2:5
  |
2 | RUN pip install \\
  |     ^^^^^^^^^^^
  |
  = note: Without hashes, the index decides: the newest version of unpinned packages and of all dependencies, and \
          any file of a pinned version. A release of a dependency breaks an unchanged build, and a replaced \
          file goes unnoticed.
  = help: Install from a lock: `uv sync --locked`, or `pip install --require-hashes -r requirements.txt` with a file \
          from `uv export` or `pip-compile --generate-hashes`.
";
    assert!(ran.stdout.contains(expected), "{}", ran.stdout);
    assert_eq!(ran.stderr, "2 errors, 1 warning, 2 notes in Dockerfile\n");
    assert_eq!(context.run(&["audit", "--quiet"]).stderr, "");
}

#[test]
fn a_finding_has_the_keys_that_programs_read() {
    let context = Context::new();
    context.write("Dockerfile", DOCKERFILE);
    let ran = context.run(&["audit", "--json", "--fail-on=never"]);
    let value: Value = serde_json::from_str(&ran.success()).expect("it prints JSON");
    let finding = value["files"][0]["findings"][0].as_object().expect("an object");
    let keys: Vec<&str> = finding.keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "column",
            "end-column",
            "end-line",
            "fix",
            "impact",
            "level",
            "line",
            "message",
            "reason",
            "related-lines",
            "rule"
        ]
    );
    assert!(finding["related-lines"].is_array() && finding["reason"].is_string(), "{value}");
}

#[test]
fn exit_codes_are_for_pipelines() {
    let context = Context::new();
    let code = |text: &str, level: &str| {
        context.write("Dockerfile", text.replace("DIGEST", DIGEST));
        context.run(&["audit", &format!("--fail-on={level}")]).code
    };
    let clean = "FROM a@DIGEST\nENV SOURCE_DATE_EPOCH=0\n";
    assert_eq!(code(clean, "note"), 0);
    assert_eq!(code("FROM a@DIGEST\n", "note"), 9);
    assert_eq!(code("FROM a@DIGEST\n", "warning"), 0);
    assert_eq!(code("FROM a@DIGEST\nCOPY . .\n", "warning"), 9);
    assert_eq!(code("FROM a@DIGEST\nCOPY . .\n", "error"), 0);
    assert_eq!(code("FROM a\n", "error"), 9);
    assert_eq!(code("FROM a\n", "never"), 0);
    assert_eq!(code("# invar: ignore=base-not-pinned,file-times\nFROM a\n", "note"), 0);
}

#[test]
fn a_folder_shows_what_it_has() {
    let context = Context::new();
    context.write("compose.yaml", "services:\n  a:\n    image: x\n  b:\n    build: web\n  c:\n    build:\n      dockerfile_inline: |\n        FROM y\n");
    context.write("web/Dockerfile", "FROM z\n");
    context.write("flake.nix", "{ inputs.a.url = \"b\"; outputs = { self, a }: { }; }");
    context.write("prod.Dockerfile", "FROM w\n");
    context.write("Dockerfile.dockerignore", "*");
    let ran = context.run(&["audit"]);
    let places = ["compose.yaml:3", "web/Dockerfile:1", "compose.yaml:9", "flake.nix:1", "prod.Dockerfile:1"];
    for place in places {
        assert!(ran.stdout.contains(&format!("--> {place}")), "{place}\n{}", ran.stdout);
    }
    context.write("flake.lock", r#"{"version": 7, "root": "r", "nodes": {"r": {"inputs": {"a": "a"}}, "a": {"locked": {"narHash": "x"}}}}"#);
    assert_eq!(rules(&context, &["flake.nix"]), Vec::<String>::new());
    let empty = Context::new();
    let told = empty.run(&["audit"]).failure(2);
    assert!(told.contains("no Dockerfile, compose file or flake in ."), "{told}");
}

#[test]
fn compose_files_are_followed() {
    let context = Context::new();
    let main = "include: [../shared/db.yaml]\nservices:\n  a:\n    extends: {file: ../shared/db.yaml, service: base}\n    \
                build: {dockerfile: ../a.Dockerfile, additional_contexts: {b: ../b}}\n";
    context.write("p/compose.yaml", main);
    context.write("shared/db.yaml", "services:\n  base:\n    build: src\n  db:\n    image: db:1\n");
    context.write("shared/a.Dockerfile", "FROM b\nCOPY . .\n");
    context.write("shared/src/Dockerfile", "FROM c\n");
    let ran = context.run(&["audit", "p/compose.yaml"]);
    for place in ["shared/db.yaml:5:12", "shared/a.Dockerfile:2:6", "shared/src/Dockerfile:1:6"] {
        assert!(ran.stdout.contains(&format!("--> {place}")), "{place}\n{}", ran.stdout);
    }
    let expected = "2 errors, 1 warning, 2 notes in p/compose.yaml, shared/db.yaml, shared/a.Dockerfile, shared/src/Dockerfile";
    assert_eq!(ran.stderr, format!("{expected}\n"));
    context.write("shared/.dockerignore", ".git");
    context.write("shared/src/.dockerignore", "");
    assert!(
        context.run(&["audit", "p/compose.yaml"]).stderr.starts_with("2 errors, 1 warning"),
        "of the context only"
    );
    context.write("p/compose.yaml", "services: {a: {build: 'https://h.test/x.git'}}\n");
    let ran = context.run(&["audit", "p/compose.yaml"]);
    let note =
        "note: p/compose.yaml: the build context of the service a, https://h.test/x.git, is not checked\n";
    assert!(ran.stderr.starts_with(note), "{}", ran.stderr);
    // Only plain files of a sensible length are read.
    let check = |path: &str, expected: &str| {
        context.write("p/compose.yaml", format!("\ninclude: [{path}]\n"));
        let told = context.run(&["audit", "p/compose.yaml"]).failure(2);
        assert!(told.contains(expected) && told.contains("p/compose.yaml:2:11"), "{told}");
    };
    check("../gone.yaml", "gone.yaml: no such file");
    check("../shared", "shared: it is not a regular file");
    check("/dev/zero", "/dev/zero: it is not a regular file");
    context.write("long.yaml", " ".repeat(5 << 20));
    check("../long.yaml", "long.yaml: it has more than 4194304 bytes");
    context.write("bad.yaml", b"\xff");
    check("../bad.yaml", "bad.yaml: it is not UTF-8 text");
    let pipe = context.path().join("pipe.yaml");
    crate::support::Ran::of(std::process::Command::new("mkfifo").arg(&pipe)).success();
    check("../pipe.yaml", "pipe.yaml: it is not a regular file");
    context.write("p/compose.yaml", "services: {a: {build: {dockerfile: ../pipe.yaml}}}\n");
    context.write("p/.dockerignore", "");
    assert!(context.run(&["audit", "p/compose.yaml"]).failure(2).contains("it is not a regular file"));
}

#[test]
fn scripts_that_are_run_are_told_with_their_own_lines() {
    let context = Context::new();
    context.write(
        "app/Dockerfile",
        format!("FROM a@{DIGEST}\nENV SOURCE_DATE_EPOCH=0\nCOPY tools /t\nRUN /t/setup.sh\n"),
    );
    context.write("app/tools/setup.sh", "#!/bin/sh\nset -e\n\nnpm install\n");
    context.write(
        "app/two.Dockerfile",
        format!("FROM b@{DIGEST}\nENV SOURCE_DATE_EPOCH=0\nCOPY tools /t\nRUN /t/setup.sh\n"),
    );
    context.write("compose.yaml", "services: {a: {build: {context: app, dockerfile_inline: \"FROM a\\nCOPY tools/setup.sh .\\nRUN sh setup.sh\"}}}\n");
    let ran = context.run(&["audit", "app"]);
    assert_eq!(ran.code, 9);
    assert!(ran.stdout.contains("--> app/tools/setup.sh:4:1\n"), "{}", ran.stdout);
    assert_eq!(
        ran.stderr, "1 error in app/Dockerfile, app/tools/setup.sh, app/two.Dockerfile\n",
        "it is told once"
    );
    let ran = context.run(&["audit", "compose.yaml"]);
    assert!(ran.stdout.contains("--> app/tools/setup.sh:4:1\n"), "{}", ran.stdout);
    // What a link leads out to is not read.
    context.write("out.sh", "#!/bin/sh\nnpm install\n");
    fs::remove_file(context.path().join("app/tools/setup.sh")).expect("it is there");
    std::os::unix::fs::symlink("../../out.sh", context.path().join("app/tools/setup.sh")).expect("a link");
    assert_eq!(context.run(&["audit", "app"]).code, 0);
}

#[test]
fn the_folder_of_the_build_is_found() {
    let context = Context::new();
    let text = format!(
        "FROM a@{DIGEST}\nENV SOURCE_DATE_EPOCH=0\nCOPY src /src\nCOPY . .\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n"
    );
    context.write("docker/Dockerfile", &text);
    context.write("requirements.txt", "a==1 --hash=sha256:00\n");
    context.write("src/x", "");
    assert_eq!(rules(&context, &["docker/Dockerfile"]), ["4:copy-without-ignore"]);
    context.write(".dockerignore", ".git");
    assert_eq!(rules(&context, &["docker/Dockerfile"]), Vec::<String>::new());
    context.write("docker/Dockerfile.dockerignore", "x");
    assert_eq!(
        rules(&context, &["docker/Dockerfile"]),
        ["4:copy-without-ignore"],
        "its own ignore file counts first"
    );
    assert_eq!(
        rules(&context, &["docker/Dockerfile", "--context", "docker"]),
        ["4:copy-without-ignore", "6:python-not-locked"]
    );
    // What is outside the folder is not read.
    context.write("outside.txt", "a==1 --hash=sha256:00\n");
    std::os::unix::fs::symlink("../outside.txt", context.path().join("docker/requirements.txt"))
        .expect("a link");
    assert_eq!(
        rules(&context, &["docker/Dockerfile", "--context", "docker"]),
        ["4:copy-without-ignore", "6:python-not-locked"]
    );
}

#[test]
fn build_arguments_can_be_given() {
    let context = Context::new();
    context.write("Dockerfile", "ARG BASE\nFROM $BASE\nENV SOURCE_DATE_EPOCH=0\n");
    assert_eq!(rules(&context, &[]), ["2:base-from-outside"]);
    assert_eq!(rules(&context, &["--build-arg", &format!("BASE=a@{DIGEST}")]), Vec::<String>::new());
    assert!(
        context.run(&["audit", "--build-arg", "BASE"]).failure(2).contains("write --build-arg NAME=VALUE")
    );
}

#[test]
fn what_cannot_be_audited_is_told_with_its_line() {
    let context = Context::new();
    let check = |name: &str, text: &[u8], expected: &str| {
        context.write(name, text);
        let told = context.run(&["audit", name]).failure(2);
        assert!(told.contains(expected), "{name}: {told}");
    };
    check(
        "Dockerfile",
        b"FROM a\nCOPPY x y\n",
        "unknown instruction COPPY; did you mean COPY?\n --> Dockerfile:2:1",
    );
    check("Dockerfile", b"FROM a\nRUN \xff\n", "this byte is not UTF-8\n --> Dockerfile:2:5");
    check("compose.yaml", b"services: [\n", "compose.yaml:2:1");
    check("compose.yaml", b"a: \xff\n", "compose.yaml:1: this is not UTF-8 text");
    check("compose.yaml", b"services: {a: {build: gone}}\n", "gone/Dockerfile");
    check("x.nix", b"{ a = ; }", "this is not Nix");
    check("x.tar", b"\0\0\0", "x.tar");
    context.run(&["audit", "gone"]).failure(2);
}

#[test]
fn sarif_has_the_structure_that_the_standard_asks_for() {
    let context = Context::new();
    context.write("a b/Dockerfile", "FROM a:1 AS x\nFROM a:1\nRUN pip install é\n");
    let ran = context.run(&["audit", "--sarif", "a b/Dockerfile"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (9, ""));
    let log: Value = serde_json::from_str(&ran.stdout).expect("it prints JSON");
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "invar audit");
    let rules = driver["rules"].as_array().expect("a list");
    let results = run["results"].as_array().expect("a list");
    assert_eq!(results.len(), 4);
    for result in results {
        let index = result["ruleIndex"].as_u64().expect("a number") as usize;
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning", "note"].contains(&result["level"].as_str().expect("a text")));
        assert!(!result["message"]["text"].as_str().expect("a text").is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b/Dockerfile");
        assert!(place["region"]["startLine"].as_u64() >= Some(1));
    }
    let pip = results.iter().find(|result| result["ruleId"] == "python-not-locked").expect("it is found");
    let region = &pip["locations"][0]["physicalLocation"]["region"];
    // Columns count characters: the accent is two bytes, and one column.
    assert_eq!((&region["startColumn"], &region["endColumn"]), (&5.into(), &18.into()));
    let base = results.iter().find(|result| result["ruleId"] == "base-not-pinned").expect("it is found");
    assert_eq!(base["relatedLocations"][0]["physicalLocation"]["region"]["startLine"], 2);
}

#[test]
fn images_are_looked_into() {
    let context = Context::new();
    let root = context.path().join("root");
    let write = |path: &str, content: &[u8]| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("the folder can be made");
        fs::write(path, content).expect("the file can be written");
    };
    write("etc/machine-id", b"0123456789abcdef0123456789abcdef\n");
    write("etc/ssh/ssh_host_rsa_key", b"x");
    write("etc/ssh/ssh_host_rsa_key.pub", b"x");
    write("var/lib/apt/lists/x_InRelease", b"x");
    write("var/lib/apt/lists/lock", b"");
    write("app/a.pyc", b"\xf3\x0d\x0d\x0a\0\0\0\0\x01\x02\x03\x04\0\0\0\0code");
    write("app/b.pyc", b"\xf3\x0d\x0d\x0a\x01\0\0\0\x01\x02\x03\x04\0\0\0\0code");
    let archive = context.path().join("root.tar");
    let tar = crate::support::Ran::of(
        std::process::Command::new("tar")
            .args(["--mtime=@1", "-C"])
            .arg(&root)
            .arg("-cf")
            .arg(&archive)
            .arg("."),
    );
    tar.success();
    let expected = [
        "null:image-bytecode-times",
        "null:image-package-cache",
        "null:image-machine-identity",
        "null:image-machine-identity",
    ];
    assert_eq!(rules(&context, &["root.tar"]), expected);
    let ran = context.run(&["audit", "root.tar"]);
    assert!(
        ran.stdout.contains("1 file is compiled with the time of the source, the first is `/app/a.pyc`"),
        "{}",
        ran.stdout
    );
}

#[test]
fn the_manual_is_what_the_rules_say() {
    let path = repository().join("docs/audit.md");
    let found = fs::read_to_string(&path).unwrap_or_default();
    let (begin, end) = ("<!-- rules: begin -->\n", "<!-- rules: end -->");
    let (before, rest) = found.split_once(begin).expect("the page has a place for the rules");
    let (_, after) = rest.split_once(end).expect("the place has an end");
    let expected = format!("{before}{begin}\n{}\n{end}{after}", manual());
    #[expect(clippy::disallowed_methods, reason = "a person asks the test to write the file")]
    if std::env::var_os("INVAR_BLESS").is_some() {
        fs::write(&path, &expected).expect("the page can be written");
        return;
    }
    assert_eq!(found, expected, "docs/audit.md is out of date: run with INVAR_BLESS=1");
}
