//! Flakes of the shapes that public ones have, written for these tests.
mod support;

use support::{error, read, show};

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
