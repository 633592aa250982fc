mod images;
mod python;
mod steps;

use insta::assert_snapshot;
use invar_python::{FieldError, Requirement, UvSettings};
use proptest::prelude::*;

use super::reader::KeyProblem;
use super::*;
use crate::Platform;

const PROJECT: &str = "[project]\nname = \"Fortune.Cat\"\nversion = \"1.0\"\n";

fn parse(pyproject: Option<&str>, invar_toml: Option<&str>) -> Result<Manifest, ManifestError> {
    Manifest::parse(&ManifestSources {
        pyproject: pyproject.map(|text| ("pyproject.toml", text)),
        invar_toml: invar_toml.map(|text| ("invar.toml", text)),
    })
}

/// A manifest with `[tool.invar]` and these keys in it.
fn with(keys: &str) -> Result<Manifest, ManifestError> {
    parse(Some(&format!("{PROJECT}\n[tool.invar]\n{keys}")), None)
}

#[track_caller]
fn good(keys: &str) -> Manifest {
    with(keys).unwrap_or_else(|error| panic!("{}", error.render(false)))
}

/// What is found wrong with these keys, rendered.
#[track_caller]
fn bad(keys: &str) -> String {
    with(keys).unwrap_err().render(false)
}

/// The messages for these keys, without their places.
#[track_caller]
fn messages(keys: &str) -> Vec<String> {
    let error = with(keys).unwrap_err();
    error.findings().iter().map(|finding| finding.problem.to_string()).collect()
}

#[test]
fn a_project_alone_is_a_manifest() {
    let manifest = parse(Some(PROJECT), None).unwrap();
    assert_eq!(manifest.image.reference(), "fortune-cat:1.0");
    assert_eq!(manifest.image.workdir.to_string(), "/app");
    assert_eq!(manifest.image.platforms, [Platform::LinuxAmd64]);
    assert_eq!(manifest.extras, Extras::Named(Vec::new()));
    assert!(!manifest.project.unwrap().is_package());
    assert_eq!(good(""), parse(Some(PROJECT), None).unwrap());
    assert_eq!(parse(Some(PROJECT), Some("")).unwrap(), good(""));
}

#[test]
fn a_project_without_a_version_is_latest() {
    let manifest = parse(Some("[project]\nname = \"a\"\ndynamic = [\"version\"]\n"), None).unwrap();
    assert_eq!(manifest.image.reference(), "a:latest");
}

#[test]
fn an_image_needs_no_python() {
    let manifest = parse(None, Some("packages = [\"fortune-mod\"]\n[image]\nname = \"x\"\n")).unwrap();
    assert_eq!((manifest.project, manifest.image.reference().as_str()), (None, "x:latest"));
}

#[test]
fn every_key_is_read() {
    let keys = r#"
        suite = "trixie"
        packages = ["libpq5", "tini=0.19.0-3+b4"]
        base = ["base-files", "libc-bin"]
        shell = true
        docs = true
        extras = ["Web", "cli"]
        groups = ["prod"]
        include = ["src", "./assets/**/*.css"]
        exclude = ["**/tests"]
        mirror = { debian = "https://mirror.example/debian/", security = "https://mirror.example/debian-security" }
        snapshot = 2026-09-12T10:00:00+02:00
        keyring = "keys/debian.gpg"
        index = "https://index.example/simple"

        [tool.invar.image]
        name = "registry.example/team/app"
        tag = "v1"
        entrypoint = ["tini", "--"]
        command = ["python", "-m", "app"]
        env = { PORT = "8000", EMPTY = "" }
        user = 1000
        workdir = "/srv/app"
        ports = [8000, "53/udp"]
        volumes = ["/data"]
        directories = ["/data", "/home/app/"]
        stop-signal = "INT"
        platforms = ["linux/arm64", "linux/amd64"]
        health-check = { command = ["true"], interval = "30s", timeout = "1m30s", start-period = "500ms", retries = 3 }

        [tool.invar.image.labels]
        "org.opencontainers.image.source" = "https://code.example"

        [tool.invar.image.annotations]
        note = "x"

        [project.optional-dependencies]
        web = ["flask>=3"]
        CLI = []

        [dependency-groups]
        prod = ["gunicorn"]
    "#;
    let manifest = good(keys);
    let words = |items: &[&dyn std::fmt::Display]| {
        items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(
        words(&[&manifest.suite.unwrap(), &manifest.snapshot.unwrap()]),
        "trixie 2026-09-12T08:00:00Z"
    );
    assert_eq!(manifest.packages[1].to_string(), "tini=0.19.0-3+b4");
    assert_eq!(manifest.base.unwrap().len(), 2);
    assert!(manifest.shell && manifest.docs);
    assert_eq!(format!("{:?}", manifest.extras), r#"Named(["web", "cli"])"#);
    assert_eq!(format!("{:?}", manifest.groups), r#"["prod"]"#);
    assert_eq!(format!("{:?}", manifest.include), r#"Some(["src", "assets/**/*.css"])"#);
    assert_eq!(format!("{:?}", manifest.exclude), r#"["**/tests"]"#);
    let mirror = manifest.mirror.unwrap();
    assert_eq!(mirror.debian.unwrap().as_str(), "https://mirror.example/debian");
    assert_eq!(mirror.security.unwrap().as_str(), "https://mirror.example/debian-security");
    assert_eq!(manifest.keyring.unwrap().to_str(), Some("keys/debian.gpg"));
    assert_eq!(manifest.index.unwrap().as_str(), "https://index.example/simple");
    let image = manifest.image;
    assert_eq!(image.reference(), "registry.example/team/app:v1");
    assert_eq!(image.entrypoint.unwrap(), ["tini", "--"]);
    assert_eq!(image.command.unwrap(), ["python", "-m", "app"]);
    assert_eq!(format!("{:?}", image.env), r#"{"EMPTY": "", "PORT": "8000"}"#);
    assert_eq!(words(&[&image.user.unwrap(), &image.workdir]), "1000 /srv/app");
    assert_eq!(words(&[&image.ports[0], &image.ports[1], &image.volumes[0]]), "8000/tcp 53/udp /data");
    assert_eq!(words(&[&image.directories[0], &image.directories[1]]), "/data /home/app");
    assert_eq!(image.stop_signal.unwrap().as_str(), "SIGINT");
    assert_eq!(image.platforms, [Platform::LinuxArm64, Platform::LinuxAmd64]);
    assert_eq!(
        format!("{:?} {:?}", image.labels, image.annotations),
        r#"{"org.opencontainers.image.source": "https://code.example"} {"note": "x"}"#
    );
    let check = image.health_check.unwrap();
    assert_eq!(
        words(&[&check.interval.unwrap(), &check.timeout.unwrap(), &check.start_period.unwrap()]),
        "30s 1m30s 500ms"
    );
    assert_eq!((check.command, check.retries), (vec!["true".to_owned()], Some(3)));
}

#[test]
fn all_extras() {
    assert_eq!(good("extras = \"all\"").extras, Extras::All);
}

#[test]
fn an_unknown_key_is_shown_with_the_one_that_was_meant() {
    assert_snapshot!(bad("package = [\"libpq5\"]\nworkdir = \"/srv\"\nfrobnicate = 1\n"), @r##"
    error: unknown key `package` in [tool.invar]
     --> pyproject.toml:6:1
      |
    6 | package = ["libpq5"]
      | ^^^^^^^
      |
      = help: did you mean `packages`?

    error: unknown key `workdir` in [tool.invar]
     --> pyproject.toml:7:1
      |
    7 | workdir = "/srv"
      | ^^^^^^^
      |
      = help: `workdir` belongs to the `image` table

    error: unknown key `frobnicate` in [tool.invar]
     --> pyproject.toml:8:1
      |
    8 | frobnicate = 1
      | ^^^^^^^^^^
      |
      = help: known keys: base, configure, debconf, docs, exclude, extras, groups, image, images, include, include-secrets, index, keyring, mirror, packages, python, shell, snapshot, step, suite
    "##);
}

#[test]
fn several_findings_come_together() {
    assert_snapshot!(bad(r#"
suite = "stable"
packages = ["libpq5", "libxml2:arm64", "libpq5"]
shell = "yes"

[tool.invar.image]
command = "python -m app"
ports = ["8080:80"]
env = { PORT = 8000 }
health-check = { interval = "30" }
"#), @r##"
    error: `tool.invar.suite`: "stable" is not a codename: it refers to a different suite after each Debian release
     --> pyproject.toml:7:9
      |
    7 | suite = "stable"
      |         ^^^^^^^^
      |
      = help: write a codename, such as "trixie" (Debian 13) or "bookworm" (Debian 12)

    error: `tool.invar.packages`: "libxml2:arm64" names an architecture
     --> pyproject.toml:8:23
      |
    8 | packages = ["libpq5", "libxml2:arm64", "libpq5"]
      |                       ^^^^^^^^^^^^^^^
      |
      = help: omit the architecture: it follows from the image's platforms

    error: `tool.invar.packages` lists libpq5 twice
     --> pyproject.toml:8:40
      |
    8 | packages = ["libpq5", "libxml2:arm64", "libpq5"]
      |             -------- first here        ^^^^^^^^

    error: `tool.invar.shell` must be true, false or a table, not a string
     --> pyproject.toml:9:9
      |
    9 | shell = "yes"
      |         ^^^^^

    error: `tool.invar.image.command` must be an array of arguments, not a string
      --> pyproject.toml:12:11
       |
    12 | command = "python -m app"
       |           ^^^^^^^^^^^^^^^
       |
       = help: no shell splits the string into words; write ["python", "-m", "app"]

    error: `tool.invar.image.ports`: "8080:80" maps a port of the host
      --> pyproject.toml:13:10
       |
    13 | ports = ["8080:80"]
       |          ^^^^^^^^^
       |
       = help: write "80"; the host port is chosen when the container starts

    error: `tool.invar.image.env.PORT` must be a string, not an integer
      --> pyproject.toml:14:16
       |
    14 | env = { PORT = 8000 }
       |                ^^^^
       |
       = help: quote it

    error: `tool.invar.image.health-check.command` is missing
      --> pyproject.toml:15:1
       |
    15 | health-check = { interval = "30" }
       | ^^^^^^^^^^^^

    error: `tool.invar.image.health-check.interval`: "30" is not a duration: expected numbers with units, as in "30s", "500ms" or "1m30s"
      --> pyproject.toml:15:29
       |
    15 | health-check = { interval = "30" }
       |                             ^^^^
       |
       = help: add a unit: "30s"
    "##);
}

#[test]
fn both_manifests_are_too_many() {
    let error =
        parse(Some(&format!("{PROJECT}[tool.invar]\nshell = true\n")), Some("shell = true\n")).unwrap_err();
    assert_snapshot!(error.render(false), @r##"
    error: [tool.invar] and invar.toml both configure this project
     --> pyproject.toml:4:7
      |
    4 | [tool.invar]
      |       ^^^^^
      |
      = help: merge them into one file; in invar.toml the keys are at the top level
    "##);
}

#[test]
fn no_manifest_is_too_few() {
    assert_snapshot!(parse(None, None).unwrap_err().render(false), @r##"
    error: no pyproject.toml or invar.toml in this directory
     |
     = help: create a pyproject.toml with `uv init`, or an invar.toml for an image without Python
    "##);
}

#[test]
fn an_image_has_a_name() {
    assert_snapshot!(parse(None, Some("shell = true\n")).unwrap_err().render(false), @r##"
    error: the image has no name
    --> invar.toml
     = help: name it: `name = "…"` in the image table
    "##);
    assert_snapshot!(parse(None, Some("[image]\ntag = \"x\"\n")).unwrap_err().render(false), @r##"
    error: the image has no name
     --> invar.toml:1:2
      |
    1 | [image]
      |  ^^^^^
      |
      = help: name it: `name = "…"` in the image table
    "##);
}

#[test]
fn what_is_not_toml_is_shown() {
    assert_snapshot!(parse(Some("[project]\nname = \"a\nversion = 1\n"), None).unwrap_err().render(false), @r##"
    error: invalid TOML: invalid basic string, expected `"`
     --> pyproject.toml:2:10
      |
    2 | name = "a
      |          ^
    "##);
    assert_snapshot!(parse(Some(PROJECT), Some("shell = true\r\nshell = false\r\n")).unwrap_err().render(false), @r##"
    error: invalid TOML: duplicate key
     --> invar.toml:2:1
      |
    2 | shell = false
      | ^^^^^
    "##);
}

#[test]
fn groups_that_include_themselves() {
    let text = format!(
        "{PROJECT}[dependency-groups]\na = [{{ include-group = \"b\" }}]\nb = [\"x\", {{ include-group = \"A\" }}]\n\
         c = [{{ include-group = \"d\" }}]\nd = [{{ include = \"a\" }}]\ntset = []\n[tool.invar]\ngroups = [\"test\"]\n"
    );
    assert_snapshot!(parse(Some(&text), None).unwrap_err().render(false), @r##"
    error: the dependency group "a" includes itself: a > b > a
     --> pyproject.toml:6:29
      |
    6 | b = ["x", { include-group = "A" }]
      |                             ^^^

    error: unknown key `include` in [dependency-groups.d]
     --> pyproject.toml:8:8
      |
    8 | d = [{ include = "a" }]
      |        ^^^^^^^
      |
      = help: known keys: include-group

    error: the project has no dependency group "test"
      --> pyproject.toml:11:11
       |
    11 | groups = ["test"]
       |           ^^^^^^
       |
       = help: did you mean "tset"?
    "##);
}

#[test]
fn colours_are_only_added_on_request() {
    let error = with("x = 1").unwrap_err();
    assert!(error.render(true).contains('\u{1b}'));
    assert!(!error.render(false).contains('\u{1b}'));
    assert_eq!(error.to_string(), "pyproject.toml:6:1: unknown key `x` in [tool.invar]");
    assert_eq!(error.position(&error.findings()[0]), Some((6, 1)));
}

#[test]
fn values_are_checked_where_they_stand() {
    #[track_caller]
    fn check(keys: &str, message: &str) {
        assert_eq!(messages(keys), [message], "{keys}");
    }
    check("suite = 13", "`tool.invar.suite` must be a string, not an integer");
    check("suite = \"trixie-updates\"", "`tool.invar.suite`: \"trixie-updates\" is a part of a suite");
    check("packages = \"x\"", "`tool.invar.packages` must be an array, not a string");
    check("packages = [1]", "`tool.invar.packages` must be a string, not an integer");
    check("base = [\"aa\", \"aa\"]", "`tool.invar.base` lists aa twice");
    check("extras = true", "`tool.invar.extras` must be an array of extras, or \"all\", not true");
    check("extras = [\"web\"]", "the project has no extra \"web\"");
    check("groups = [\"dev\"]", "the project has no dependency group \"dev\"");
    check(
        "exclude = [\"/x\"]",
        "`tool.invar.exclude`: \"/x\" starts with \"/\", but patterns are relative to the project",
    );
    check("mirror = { main = \"x\" }", "unknown key `main` in [tool.invar.mirror]");
    check(
        "mirror = { debian = \"mirror.example\" }",
        "`tool.invar.mirror.debian`: \"mirror.example\" is not a URL that Invar can fetch from: \
         it does not start with \"https://\" or \"http://\"",
    );
    check(
        "snapshot = 2026-09-12",
        "`tool.invar.snapshot`: \"2026-09-12\" is not a time: expected, for example, \"2026-09-12T08:00:00Z\"",
    );
    check("keyring = \"\"", "`tool.invar.keyring`: the string is empty");
    check("keyring = \"a\\u0000\"", "`tool.invar.keyring`: \"a\\0\" has a NUL byte");
    check("image = []", "`tool.invar.image` must be a table, not an array");
    check("image.entrypoint = [\"\"]", "`tool.invar.image.entrypoint`: the string is empty");
    check(
        "image.env.\"A=B\" = \"\"",
        "`tool.invar.image.env`: \"A=B\" is not the name of an environment variable: \
         expected letters, digits, \"_\", \".\" and \"-\", not starting with a digit",
    );
    check("image.env.A.B = \"\"", "`tool.invar.image.env.A` must be a string, not a table");
    check("image.env.A = \"\\u0000\"", "`tool.invar.image.env.A`: \"\\0\" has a NUL byte");
    check(
        "image.labels.\"a b\" = \"\"",
        "`tool.invar.image.labels`: \"a b\" is not a label's name: \
         expected 1 to 255 visible ASCII characters",
    );
    check("image.user = -1", "`tool.invar.image.user`: -1 is out of range: expected 0 to 4294967294");
    check("image.ports = [0]", "`tool.invar.image.ports`: 0 is out of range: expected 1 to 65535");
    check("image.ports = [80, \"80/tcp\"]", "`tool.invar.image.ports` lists 80/tcp twice");
    check(
        "image.workdir = \"/\"",
        "`tool.invar.image.workdir`: \"/\" is not an absolute path inside the image: \
         it is the root directory",
    );
    check(
        "image.volumes = [\"data\"]",
        "`tool.invar.image.volumes`: \"data\" is not an absolute path inside the image: \
         it does not start with \"/\"",
    );
    check("image.volumes = [\"/data\", \"/data/\"]", "`tool.invar.image.volumes` lists /data twice");
    check("image.directories = [\"/data\", \"/data/\"]", "`tool.invar.image.directories` lists /data twice");
    check(
        "image.stop-signal = 99",
        "`tool.invar.image.stop-signal`: \"99\" is not a signal: \
         expected a name such as \"SIGTERM\" or \"SIGRTMIN+3\", or 1 to 31",
    );
    check("image.platforms = []", "`tool.invar.image.platforms`: the array is empty");
    check(
        "image.platforms = [\"linux/amd64\", \"linux/amd64\"]",
        "`tool.invar.image.platforms` lists linux/amd64 twice",
    );
    check("image.health-check = {}", "`tool.invar.image.health-check.command` is missing");
    check("image.health-check.command = []", "`tool.invar.image.health-check.command`: the array is empty");
    check(
        "image.health-check = { command = [\"x\"], retries = 0 }",
        "`tool.invar.image.health-check.retries`: 0 is out of range: expected 1 to 1000",
    );
    check(
        "image.name = \"App\"",
        "`tool.invar.image.name`: \"App\" is not an image name: \
         expected lower-case letters, digits and single separators, as in \"team/app\"",
    );
    check("image.tag = 1.0", "`tool.invar.image.tag` must be a string, not a floating-point number");
}

#[test]
fn the_parts_of_a_project_are_checked() {
    let check = |text: &str, messages: &[&str]| {
        let error = parse(Some(text), None).unwrap_err();
        let found: Vec<String> = error.findings().iter().map(|finding| finding.problem.to_string()).collect();
        assert_eq!(found, messages, "{text}");
    };
    check("[project]\nversion = \"1\"\n[tool.invar]\nextras = [\"x\"]\n", &["`project.name` is missing"]);
    check(
        "[project]\nname = \"-\"\n",
        &["`project.name`: \"-\" is not the name of a distribution: expected letters, digits, \
        \"-\", \"_\" and \".\", starting and ending with a letter or digit"],
    );
    check(
        "[project]\nname = \"a\"\nversion = \"x\"\n",
        &["`project.version`: \"x\" is not a Python version"],
    );
    check(
        "[project]\nname = \"a\"\nrequires-python = \"3.13\"\n",
        &[
            "`project.requires-python`: \"3.13\" is not a version specifier: expected, for example, \">=3.11,<3.14\"",
        ],
    );
    check("project = 1\n", &["`project` must be a table, not an integer"]);
    check("[tool]\ninvar = 1\n", &["`tool.invar` must be a table, not an integer"]);
    check(
        "[project]\nname = \"a\"\n[dependency-groups]\nA-b = []\na_b = []\n",
        &["`dependency-groups` lists a-b twice"],
    );
    let error = parse(Some("[project]\nname = \"a\"\ndependencies = [\"x >\"]\n"), None).unwrap_err();
    assert!(matches!(
        &error.findings()[0].problem,
        Problem::Project(ProjectProblem::Key(invar_toml::KeyProblem::BadValue {
            error: FieldError::Requirement(_),
            ..
        }))
    ));
}

#[test]
fn a_project_is_read() {
    let text = r#"
        [project]
        name = "a"
        version = "1.2"
        requires-python = ">=3.13"
        dependencies = ["flask>=3; python_version < '3.15'"]
        [project.optional-dependencies]
        Web_X = ["gunicorn"]
        [project.scripts]
        a = "a:main"
        [dependency-groups]
        dev = ["pytest", { include-group = "Lint" }, "ruff"]
        lint = ["ruff", "mypy"]
        [build-system]
        requires = ["hatchling"]
        [tool.uv]
        package = false
        [tool.uv.workspace]
        members = ["x"]
        [tool.other]
        anything = 1
    "#;
    let project = parse(Some(text), None).unwrap().project.unwrap();
    let words = |list: &[Requirement]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" | ");
    assert_eq!(words(&project.dependencies), "flask>=3 ; python_version < '3.15'");
    assert_eq!(words(&project.optional_dependencies["web-x"]), "gunicorn");
    assert_eq!(words(&project.groups["dev"]), "pytest | ruff | mypy");
    assert_eq!(project.requires_python.as_ref().unwrap().to_string(), ">=3.13");
    assert!(project.build_system.is_some() && !project.is_package() && project.uv.is_workspace);
}

#[test]
fn groups_that_multiply_are_bounded() {
    let mut text = format!("{PROJECT}[dependency-groups]\n");
    for number in 0..64 {
        let next = number + 1;
        text += &format!(
            "g{number:02} = [{{ include-group = \"g{next:02}\" }}, {{ include-group = \"g{next:02}\" }}]\n"
        );
    }
    text += "g64 = [\"x\"]\n";
    let error = parse(Some(&text), None).unwrap_err();
    assert_eq!(
        error.findings()[0].problem,
        Problem::Project(ProjectProblem::GroupTooLarge { name: "g64".into() })
    );
    assert_eq!(error.findings().len(), 1);
}

#[test]
fn a_manifest_has_an_end() {
    let error = parse(Some(&"#".repeat(LONGEST + 1)), None).unwrap_err();
    assert!(matches!(error.findings()[0].problem, Problem::TooLong { .. }));
    assert!(
        error
            .render(false)
            .starts_with("error: the file has 4194305 bytes; the limit for a manifest is 4194304")
    );
}

/// The schema is built from the types, the reader is written by hand: they must know the same keys.
#[test]
fn the_schema_and_the_reader_know_the_same_keys() {
    let schema = schema();
    let properties = |schema: &serde_json::Value| -> Vec<String> {
        schema["properties"].as_object().unwrap().keys().cloned().collect()
    };
    let known = |keys: &str| -> Vec<String> {
        match &with(keys).unwrap_err().findings()[0].problem {
            Problem::Key(KeyProblem::UnknownKey { known, .. }) => {
                known.iter().map(|key| (*key).to_owned()).collect()
            }
            other => panic!("{other}"),
        }
    };
    assert_eq!(properties(&schema), known("zzz = 1"));
    assert_eq!(properties(&schema["$defs"]["Image"]), known("image.zzz = 1"));
    assert_eq!(properties(&schema["$defs"]["Mirror"]), known("mirror.zzz = 1"));
    assert_eq!(
        properties(&schema["$defs"]["HealthCheck"]),
        known("image.health-check = { command = [\"x\"], zzz = 1 }")
    );
    assert_eq!(properties(&schema["$defs"]["Python"]), known("python.zzz = 1"));
    assert_eq!(properties(&schema["$defs"]["Override"]), known("python.overrides.x.zzz = 1"));
    assert_eq!(properties(&schema["$defs"]["DevShell"]), known("shell.zzz = 1"));
    assert_eq!(properties(&schema["$defs"]["ImageOverride"]), known("images.x.zzz = 1"));
    let step = |keys: &str| known(&format!("step = [{{ name = \"a\", wrap.program = \"/a\", {keys} }}]"));
    assert_eq!(properties(&schema["$defs"]["Step"]), step("zzz = 1"));
    assert_eq!(properties(&schema["$defs"]["Wrap"]), step("wrap.zzz = 1"));
    assert_eq!(
        properties(&schema["$defs"]["StepFetch"]),
        known(
            "step = [{ name = \"a\", run = \"x\", outputs.a = \"/a\", fetch = [{ url = \"http://a/b\", zzz = 1 }] }]"
        )
    );
    let mut keys = image::KEYS.map(str::to_owned).to_vec();
    keys.sort();
    assert_eq!(properties(&schema["$defs"]["Image"]), keys);
}

/// Pinned: the schema that editors use is checked in.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment to write what it would compare"
)]
fn the_schema_is_checked_in() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/invar.schema.json");
    let schema = schema();
    if std::env::var_os("INVAR_BLESS").is_some() {
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        std::fs::write(path, text).unwrap();
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let found: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    assert!(
        found == schema,
        "docs/invar.schema.json is not the schema of the manifest; if the change is intended, write it with\n\
         INVAR_BLESS=1 cargo test -p invar-project schema"
    );
}

/// Pinned: the reference that people read is checked in, and has every table that the schema has.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment to write what it would compare"
)]
fn the_reference_is_checked_in() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/manifest.md");
    let page = crate::reference();
    if std::env::var_os("INVAR_BLESS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    let found = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, page, "docs/manifest.md is out of date: INVAR_BLESS=1 cargo test -p invar-project");
    let schema = schema();
    let tables = schema["$defs"].as_object().unwrap().values();
    let count = tables.filter(|table| table["properties"].is_object()).count();
    assert_eq!(page.matches("\n## `").count(), count + 1, "a table of the schema is not in the reference");
}

#[test]
fn every_key_of_the_schema_is_described() {
    let schema = schema();
    let types = schema["$defs"].as_object().unwrap().values();
    for table in types.chain([&schema]).filter(|table| table["properties"].is_object()) {
        for (key, value) in table["properties"].as_object().unwrap() {
            assert!(value["description"].is_string(), "{key} has no description");
        }
    }
    assert!(schema["required"].is_null(), "every key may be left out");
    let text = schema.to_string();
    assert!(!text.contains("null"), "TOML has no null");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,80}|([a-z.\\[\\]={}\", \n]|image|tool|invar|env|packages){0,60}") {
        for file in [(Some(text.as_str()), None), (None, Some(text.as_str()))] {
            if let Err(error) = parse(file.0, file.1) {
                prop_assert!(!error.findings().is_empty());
                prop_assert!(!error.render(false).is_empty());
                let _ = error.to_string();
            }
        }
    }

    #[test]
    fn no_value_makes_the_reader_panic(
        key in prop::sample::select(vec!["suite", "packages", "base", "shell", "extras", "groups", "include", "mirror",
            "snapshot", "keyring", "index", "image", "image.name", "image.tag", "image.command", "image.env", "image.user",
            "image.ports", "image.stop-signal", "image.health-check", "image.platforms", "image.health-check.retries",
            "configure", "debconf", "python", "python.prefer", "python.overrides", "python.overrides.x.patches",
            "python.overrides.x.config-settings", "python.overrides.x.build-requires", "step", "step.name", "shell.groups",
            "shell.hook", "images", "images.x", "images.x.base", "images.x.steps", "images.x.command"]),
        value in "\"[a-z0-9:/=.-]{0,8}\"|[0-9]{1,25}|-[0-9]{1,3}|\\[\"?[a-z/]{0,3}\"?\\]|true|1\\.5|\\{a = 1\\}|1979-05-27"
    ) {
        if let Err(error) = with(&format!("{key} = {value}
")) {
            prop_assert!(!error.render(false).is_empty());
        }
    }
}

#[test]
fn users_have_numbers_of_their_own() {
    let manifest = good(
        "[tool.invar.image]\nuser = \"app\"\nusers = { app = 1000, job = { uid = 1001, gid = 50, group = \"staff\", home = \
         \"/srv/job\", shell = \"/bin/sh\" } }\n",
    );
    let image = &manifest.image;
    let (name, account) = image.own_account().expect("it is there");
    assert_eq!((name.as_str(), account.gid(), account.home(name).as_str()), ("app", 1000, "/home/app"));
    let (name, account) = image.users.last_key_value().expect("it is there");
    assert_eq!((name.as_str(), account.gid(), account.home(name).as_str()), ("job", 50, "/srv/job"));
    let check = |users: &str, expected: &str| {
        assert_eq!(messages(&format!("[tool.invar.image]\nusers = {users}\n")), [expected], "{users}");
    };
    check("{ app = 1, job = 1 }", "`tool.invar.image.users.job` has the number 1, which is app's");
    check("{ app = { gid = 1 } }", "`tool.invar.image.users.app.uid` is missing");
    check("{ app = \"x\" }", "`tool.invar.image.users.app` must be a number or a table, not a string");
    check("{ app = { uid = 1, x = 1 } }", "unknown key `x` in [tool.invar.image.users.app]");
    check(
        "{ App = 1 }",
        "`tool.invar.image.users`: \"App\" is not a name for a user or group: expected up to 32 lower-case letters, digits, \
         \"_\" and \"-\", starting with a letter or \"_\"",
    );
    for bad in ["{ app = 0 }", "{ app = 4294967295 }", "{ root = 1 }", "{ app = { uid = 1, home = \"x\" } }"]
    {
        assert_eq!(messages(&format!("[tool.invar.image]\nusers = {bad}\n")).len(), 1, "{bad}");
    }
}
