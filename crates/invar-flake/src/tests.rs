//! Flakes of the shapes that public ones have, written for these tests.
mod support;

use support::{error, read, show};

use crate::{FlakeValue, OutputKind, Purpose};

const TALK: &str = include_str!("tests/talk.nix");
const TALK_FILES: [(&str, &str); 3] = [
    ("uv.lock", include_str!("tests/talk_uv.lock")),
    ("pyproject.toml", "[project]\nname = \"wise-owl\"\nversion = \"0.2.0\"\n"),
    ("server.py", ""),
];

#[test]
fn a_service_with_image_app_and_shell() {
    let shown = read(TALK, &TALK_FILES, show);
    insta::assert_snapshot!(shown);
}

#[test]
fn modules_of_flake_parts_with_an_image_of_nix2container() {
    let files = [
        ("nix/service.nix", include_str!("tests/service.nix")),
        ("nix/package.nix", include_str!("tests/package.nix")),
        ("src/serve.py", ""),
        ("README.md", ""),
    ];
    insta::assert_snapshot!(read(include_str!("tests/parts.nix"), &files, show));
}

#[test]
fn images_of_all_kinds_and_what_is_in_them() {
    let pyproject = "[project]\nname = \"the-app\"\nversion = \"3\"\ndependencies = [\"Flask>=3\", \"zope.interface\"]\n\
                     [project.optional-dependencies]\nweb = [\"uvicorn[standard]\"]\n\
                     [build-system]\nrequires = [\"hatchling\"]\n";
    let files =
        [("pyproject.toml", pyproject), ("src/main.py", ""), ("config/a", ""), ("web/package.json", "{}")];
    insta::assert_snapshot!(read(include_str!("tests/images.nix"), &files, show));
}

#[test]
fn what_cannot_be_read_says_why() {
    for (text, name, expected) in [
        ("1", "x", "flake.nix: no `outputs`: the file is not a set of attributes"),
        ("{ }", "x", "flake.nix: no `outputs`: the attribute is missing"),
        (
            "{ outputs = { self }: { packages.x86_64-linux.a = 1; }; }",
            "x",
            "flake.nix: no output `x` for x86_64-linux (it has packages.a)",
        ),
        ("{ outputs = { self }: throw \"no\"; }", "x", "flake.nix:1:23: no"),
        (
            "{ outputs = { self }: {\n packages.x86_64-linux.x = builtins.getEnv \"HOME\" + 1; }; }",
            "x",
            "output `x`: flake.nix:2:28: builtins.getEnv \"HOME\" is not reproducible: each machine has another environment",
        ),
    ] {
        assert_eq!(error(text, name), expected);
    }
}

#[test]
fn hostile_flakes_end() {
    for (text, expected) in [
        // A set without an end: what is beyond a depth is left out.
        ("let f = x: { a = f x; b = f x; }; in f 1", "the value has too many parts"),
        ("let f = x: f (x + 1); in f 1", "the evaluation needs more than"),
        ("let f = x: [ x ] ++ f (x + 1); in f 1", "the evaluation needs more than"),
        ("builtins.genList (x: builtins.genList (y: y) 100000) 100000", "the value has too many parts"),
        ("let a = a; in a", "infinite recursion"),
        ("import ./flake.nix", "value"),
        (
            "builtins.foldl' (a: b: a + a) \"x\" (builtins.genList (x: x) 64)",
            "the evaluation needs more than",
        ),
    ] {
        let text = format!("{{ outputs = {{ self }}: {{ packages.x86_64-linux.x = {text}; }}; }}");
        let found = error(&text, "x");
        assert!(found.contains(expected), "{text}\n{}", &found[..found.len().min(500)]);
    }
}

#[test]
fn selections_of_files() {
    let files = [
        "flake.nix",
        "README.md",
        "src/a.py",
        "src/a.txt",
        "src/sub/b.py",
        "src/sub/.hidden",
        "tests/t.py",
        ".git/x",
        "b.py~",
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|path| (*path, "")).collect();
    for (source, expected) in [
        (
            "lib.fileset.toSource { root = ./.; fileset = ./src; }",
            "src/a.py src/a.txt src/sub/.hidden src/sub/b.py",
        ),
        (
            "lib.fileset.toSource { root = ./.; fileset = lib.fileset.unions [ ./README.md ./src/sub (lib.fileset.maybeMissing ./no) ]; }",
            "README.md src/sub/.hidden src/sub/b.py",
        ),
        (
            "lib.fileset.toSource { root = ./src; fileset = lib.fileset.difference ./src (lib.fileset.fileFilter (file: file.hasExt \"py\") ./src); }",
            "src/a.txt src/sub/.hidden",
        ),
        (
            "lib.fileset.toSource { root = ./.; fileset = lib.fileset.intersection ./src (lib.fileset.fileFilter (f: f.name == \"b.py\") ./.); }",
            "src/sub/b.py",
        ),
        (
            "lib.cleanSource ./.",
            "README.md flake.nix src/a.py src/a.txt src/sub/.hidden src/sub/b.py tests/t.py",
        ),
        (
            "lib.cleanSourceWith { src = lib.cleanSource ./.; filter = path: type: type == \"directory\" || lib.hasSuffix \".py\" path; }",
            "src/a.py src/sub/b.py tests/t.py",
        ),
        ("lib.sourceByRegex ./. [ \"src\" \"src/.*py\" \"README.md\" ]", "README.md src/a.py"),
        ("lib.sources.sourceFilesBySuffices ./src [ \".txt\" ]", "src/a.txt"),
        ("lib.fileset.toSource { root = ./.; fileset = ./no; }", "-"),
        (
            "lib.cleanSourceWith { src = self; filter = path: _: !(lib.hasInfix \"src\" path); }",
            ".git/x README.md b.py~ flake.nix tests/t.py",
        ),
    ] {
        let text = format!(
            "{{ outputs = {{ self, nixpkgs }}: let inherit (nixpkgs) lib; in {{ packages.x86_64-linux.x = {source}; }}; }}"
        );
        let found =
            read(&text, &files, |flake| match flake.output("x", Purpose::Build).map(|output| output.kind) {
                Ok(OutputKind::Thing(thing)) => match *thing {
                    FlakeValue::Source { files, .. } => files.map_or("-".to_owned(), |files| files.join(" ")),
                    other => format!("{other:?}"),
                },
                other => format!("{other:?}"),
            });
        assert_eq!(found, expected, "{source}");
    }
}
