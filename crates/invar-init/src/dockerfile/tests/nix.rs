//! Dockerfiles around Nix.
use std::collections::{BTreeMap, BTreeSet};

use invar_project::STABLE;

use super::files;
use crate::dockerfile::nix::DockerfileFlake;
use crate::{DockerfileContext, Draft, read_dockerfile};

/// A flake whose packages put nothing anywhere.
const FLAKE: &str = r#"{
  outputs = { nixpkgs, ... }: let pkgs = import nixpkgs { system = "x86_64-linux"; }; in {
    packages.x86_64-linux.default = pkgs.runCommand "app" { } "mkdir $out";
    packages.x86_64-linux.a = pkgs.runCommand "a" { } "mkdir $out";
    devShells.x86_64-linux.default = pkgs.mkShell { packages = [ pkgs.tree ]; };
  };
}"#;

fn read(dockerfile: &str, flake: Option<&str>) -> Draft {
    let (files, none) = (files(&[("main.py", ""), ("flake.nix", "")]), BTreeSet::new());
    let context = DockerfileContext {
        directory: "/home/me/shop/backend",
        files: &files,
        release: Some(STABLE[0]),
        executable: &none,
        has_project: true,
        is_package: false,
        groups: &none,
        default_groups: &none,
        extras: &none,
        target: None,
        flake: flake.map(|text| DockerfileFlake { text, lock: None, pyproject: None }),
    };
    read_dockerfile(dockerfile, &context, Draft::default()).expect("the Dockerfile can be read")
}

/// What a Dockerfile with `build` in a stage, and `last` in the last one, gives.
fn around(build: &str, last: &str) -> String {
    let text = format!(
        "FROM nixos/nix:latest AS builder\nCOPY . /tmp/build\nWORKDIR /tmp/build\n{build}\nFROM scratch\nWORKDIR /x\n{last}\n"
    );
    let text = read(&text, Some(FLAKE)).to_toml("tool.invar");
    text.split("\n[tool.invar.shell]").next().unwrap_or_default().trim_end().to_owned()
}

const CLOSURE: &str = "RUN mkdir /tmp/c\nRUN cp -R $(nix-store -qR result/) /tmp/c";

#[test]
fn an_output_is_where_it_is_copied_to() {
    let copy = "COPY --from=builder /tmp/c /nix/store\nCOPY --from=builder /tmp/build/result /x\nENTRYPOINT [\"/x/bin/app\"]";
    let expected = "[tool.invar]\n[tool.invar.image]\nentrypoint = [\"app\"]\nworkdir = \"/x\"";
    for build in [
        "nix --extra-experimental-features \"nix-command flakes\" --option filter-syscalls false build",
        "nix build . --print-build-logs",
        "nix build .#default --impure",
    ] {
        assert_eq!(around(&format!("RUN {build}\n{CLOSURE}"), copy), expected, "{build}");
    }
    // Through other folders.
    let out = "RUN nix build .#a -o /out/r\nRUN mkdir -p /root && cp -rL /out/r/bin /root/bin && cp -a /out/r/share/x /root/";
    let copy = "COPY --from=builder /nix /nix\nCOPY --from=builder /root/ /usr/local/\nCMD [\"/usr/local/bin/app\", \"/usr/local/x\"]";
    assert_eq!(
        around(out, copy),
        "# Dockerfile:4: /usr/local/x: share/x of the package belongs here, but the flake does not build it: add a step that \
         does\n[tool.invar]\n[tool.invar.image]\ncommand = [\"app\", \"/usr/local/x\"]\nworkdir = \"/x\""
    );
    let paper = "RUN nix build .#a --no-link --print-out-paths > /p\nRUN O=$(cat /p) && mkdir -p /m/bin && ln -s \"$O/bin/app\" /m/bin/app";
    let copy = "COPY --from=builder /m /usr\nENTRYPOINT [\"/usr/bin/app\"]";
    assert_eq!(
        around(paper, copy),
        "[tool.invar]\n[tool.invar.image]\nentrypoint = [\"app\"]\nworkdir = \"/x\""
    );
}

#[test]
fn what_is_not_the_flakes_is_said() {
    let copy = "COPY --from=builder /out /x\nENTRYPOINT [\"/x/bin/app\"]";
    let found = around("RUN nix build github:a/b#c -o /out", copy);
    assert!(found.starts_with("# Dockerfile:4: github:a/b#c: only the project's flake is read"), "{found}");
    let found = around("RUN nix build .#image --no-link", "COPY --from=builder /tmp/build/main.py /x/");
    assert!(found.contains("# Dockerfile:4: nix build .#image: nothing built here is copied"), "{found}");
    let found = around(
        "RUN nix build && cp -r result/lib/* /out/ && date > /out/when",
        "COPY --from=builder /out /x",
    );
    assert!(found.contains("commands write to /out/when: do that in a step"), "{found}");
    let without = read("FROM nixos/nix\nCOPY . .\nRUN nix build\nCMD [\"result/bin/a\"]\n", None);
    assert!(without.to_toml("").contains("no flake.nix next to the Dockerfile"), "{}", without.to_toml(""));
}

#[test]
fn packages_of_a_profile_are_debians() {
    let draft = read(
        "FROM nixos/nix AS a\nWORKDIR /build\nCOPY . .\nRUN nix develop --impure -c bash -c \"uv sync --no-dev\"\nFROM nixos/nix\n\
         RUN mkdir -p /etc/nix && echo \"experimental-features = flakes\" >> /etc/nix/nix.conf\n\
         RUN nix-env -iA nixpkgs.python313 nixpkgs.uv nixpkgs.curl nixpkgs.nonesuch && nix profile install nixpkgs#jq\n\
         WORKDIR /srv\nCOPY --from=a /build .\nENV PATH=/srv/.venv/bin:/root/.nix-profile/bin:$PATH\n\
         ENV SSL_CERT_FILE=/root/.nix-profile/etc/ssl/certs/ca-bundle.crt\nCMD [\"nix\", \"develop\", \"-c\", \"uv\", \"run\", \"main.py\"]\n",
        Some(FLAKE),
    );
    let text = draft.to_toml("tool.invar");
    assert!(text.contains("packages = [\"curl\", \"jq\", \"tree\"]"), "{text}");
    assert!(text.contains("no known Debian package for nonesuch"), "{text}");
    assert!(text.contains("command = [\"python\", \"main.py\"]"), "{text}");
    assert!(text.contains("SSL_CERT_FILE = \"/etc/ssl/certs/ca-certificates.crt\""), "{text}");
    let notes: BTreeMap<usize, &str> =
        draft.notes.iter().map(|note| (note.source.line, note.text.as_str())).collect();
    assert_eq!(notes.keys().copied().collect::<Vec<_>>(), [5, 7], "{notes:?}");
}

/// A flake whose package copies a program and wraps it.
const PACKAGE: &str = r#"{
  outputs = { nixpkgs, ... }: let pkgs = import nixpkgs { system = "x86_64-linux"; }; in {
    packages.x86_64-linux.default = pkgs.stdenv.mkDerivation {
      pname = "cats";
      version = "1";
      src = ./.;
      nativeBuildInputs = [ pkgs.makeWrapper ];
      installPhase = ''
        mkdir -p $out/bin
        cp main.py $out/bin/main.py
        makeWrapper ${pkgs.jq}/bin/jq $out/bin/cats --add-flags $out/bin/main.py --set CATS $out/bin
      '';
    };
  };
}"#;

#[test]
fn a_package_is_put_together_where_it_is_copied_to() {
    let text = |last: &str| {
        let dockerfile = format!(
            "FROM nixos/nix AS builder\nCOPY . /tmp/build\nWORKDIR /tmp/build\nRUN nix build\n{CLOSURE}\nFROM scratch\n\
             COPY --from=builder /tmp/c /nix/store\n{last}\n"
        );
        read(&dockerfile, Some(PACKAGE)).to_toml("tool.invar")
    };
    let check = |last: &str, parts: &[&str]| {
        let text = text(last);
        for part in parts {
            assert!(text.contains(part), "{part}: {text}");
        }
    };
    let copy = "COPY --from=builder /tmp/build/result";
    check(
        &format!("{copy} /app\nWORKDIR /app\nENV CATS=2\nENTRYPOINT [\"/app/bin/cats\"]"),
        &[
            "packages = [\"jq\"]",
            "entrypoint = [\"/app/bin/cats\"]",
            "outputs = { \"main.py\" = \"/app/bin/main.py\" }",
            "wrap = { program = \"/usr/bin/jq\", as = \"/app/bin/cats\", args = [\"/app/bin/main.py\"], env = { CATS = \"/app/bin\" } }",
        ],
    );
    check(&format!("{copy} /\nCMD [\"/bin/cats\"]"), &["command = [\"/bin/cats\"]", "as = \"/bin/cats\""]);
    // A part of it, in a folder of that name.
    check(&format!("{copy}/bin /usr/local/bin\nCMD [\"cats\"]"), &["as = \"/usr/local/bin/cats\""]);
    check(
        &format!("{copy}/bin/cats /cats\nCMD [\"/cats\"]"),
        &["command = [\"/cats\"]", "as = \"/bin/cats\"", "links = { \"/cats\" = \"/bin/cats\" }"],
    );
}

#[test]
fn the_python_of_the_last_base_is_not_asked() {
    let dockerfile = "FROM nixos/nix AS b\nWORKDIR /src\nRUN nix build\nFROM debian:bookworm-slim\nCOPY --from=b /src/result /x\n";
    assert_eq!(read(dockerfile, Some(FLAKE)).suite, None);
    let dockerfile = "FROM debian:bookworm-slim\nCOPY main.py /x/\n";
    assert_eq!(read(dockerfile, Some(FLAKE)).suite.as_deref(), Some("bookworm"));
}
