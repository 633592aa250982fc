use std::collections::BTreeMap;

use super::{FlakeContext, FlakeError, read_flake};
use crate::Draft;
use crate::Purpose;

/// A project with uv2nix and what flakes have around it; `@` in a test is what is in its `let`, and its outputs.
const FLAKE: &str = r#"{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
  inputs.uv2nix.url = "github:pyproject-nix/uv2nix";
  inputs.pyproject-nix.url = "github:pyproject-nix/pyproject.nix";
  outputs = { self, nixpkgs, uv2nix, pyproject-nix, ... }: let
    system = "x86_64-linux"; pkgs = import nixpkgs { inherit system; }; inherit (nixpkgs) lib;
    ws = uv2nix.lib.workspace.loadWorkspace { workspaceRoot = ./.; };
    set = (pkgs.callPackage pyproject-nix.build.packages { python = pkgs.python313; }).overrideScope
      (ws.mkPyprojectOverlay { sourcePreference = "wheel"; });
    env = set.mkVirtualEnv "demo-env" ws.deps.default;
"#;

const PYPROJECT: &str = "[project]\nname = \"demo\"\nversion = \"1.0\"\nrequires-python = \">=3.11\"\n\
    [project.scripts]\ndemo = \"demo:main\"\n[project.optional-dependencies]\npg = []\nweb = []\n\
    [dependency-groups]\ndev = []\nprod = []\n[build-system]\nrequires = [\"hatchling\"]\n";

const LOCK: &str = "version = 1\nrequires-python = \">=3.11\"\n\
    [[package]]\nname = \"demo\"\nversion = \"1.0\"\nsource = { editable = \".\" }\n\
    [package.optional-dependencies]\npg = [{ name = \"psycopg2\" }]\nweb = [{ name = \"httpx\" }]\n\
    [package.dev-dependencies]\ndev = [{ name = \"httpx\" }]\nprod = [{ name = \"httpx\" }]\n\
    [[package]]\nname = \"psycopg2\"\nversion = \"2.9\"\nsource = { registry = \"r\" }\n\
    [[package]]\nname = \"httpx\"\nversion = \"0.28\"\nsource = { registry = \"r\" }\nwheels = [{ url = \"w\" }]\n";

fn files() -> BTreeMap<String, Option<String>> {
    let files = [
        ("pyproject.toml", PYPROJECT),
        ("uv.lock", LOCK),
        ("main.py", "print(1)\n"),
        ("data/a.txt", "a"),
        ("nix/psycopg2.patch", ""),
    ];
    files.into_iter().map(|(path, text)| (path.to_owned(), Some(text.to_owned()))).collect()
}

fn read(flake: &str, output: Option<&str>, purpose: Purpose) -> Result<Draft, FlakeError> {
    let files = files();
    let context = FlakeContext { files: &files, lock: None, pyproject: Some(PYPROJECT), output, purpose };
    read_flake(flake, &context, Draft::default())
}

/// What is in the `let` of the flake, and its outputs.
#[track_caller]
fn check_as(lets: &str, outputs: &str, output: Option<&str>, purpose: Purpose, expected: &str) {
    let flake = format!("{FLAKE}{lets} in {{\n{outputs}\n}};\n}}");
    let draft = read(&flake, output, purpose).expect("the flake can be read");
    assert_eq!(draft.to_toml("tool.invar").trim_end(), expected.trim_end(), "{outputs}");
}

#[track_caller]
fn check(outputs: &str, expected: &str) {
    check_as("", outputs, None, Purpose::Build, expected);
}

#[test]
fn a_package_is_put_where_it_puts_things() {
    let package = r#"
      packages.x86_64-linux.default = pkgs.stdenv.mkDerivation {
        pname = "demo"; version = "1.0"; src = ./.; nativeBuildInputs = [ pkgs.makeWrapper ]; buildInputs = [ env ];
        installPhase = ''
          mkdir -p $out/bin
          cp main.py $out/bin/main.py
          cp ${pkgs.fortune}/bin/fortune $out/bin/fortune
          makeWrapper ${env}/bin/python $out/bin/demo --add-flags $out/bin/main.py --set FORTUNE_EXEC $out/bin/fortune
        '';
      };
      apps.x86_64-linux.default = { type = "app"; program = "${self.packages.x86_64-linux.default}/bin/demo"; };
      packages.x86_64-linux.image = pkgs.dockerTools.buildImage {
        name = "owner/demo"; tag = "latest";
        copyToRoot = pkgs.buildEnv {
          name = "root"; paths = [ self.packages.x86_64-linux.default ]; pathsToLink = [ "/bin" ];
        };
        config = { Entrypoint = [ "/bin/demo" ]; Env = [ "FORTUNE_EXEC=/bin/fortune" ]; };
      };"#;
    let step = r#"
[[tool.invar.step]]
name = "demo"
outputs = { "main.py" = "/bin/main.py" }
links = { "/bin/fortune" = "/usr/games/fortune" }
wrap = { program = "/app/.venv/bin/python", as = "/bin/demo", args = ["/bin/main.py"], env = { FORTUNE_EXEC = "/bin/fortune" } }
"#;
    let head =
        "[tool.invar]\npackages = [\"fortune-mod\", \"fortunes\", \"fortunes-min\"]\n[tool.invar.image]\n";
    let image = "name = \"owner/demo\"\ntag = \"latest\"\nentrypoint = [\"/bin/demo\"]\nenv = { FORTUNE_EXEC = \"/bin/fortune\" }\n";
    let app = "entrypoint = [\"/bin/demo\"]\n";
    check_as("", package, None, Purpose::Build, &format!("{head}{image}{step}"));
    check_as("", package, Some("image"), Purpose::Build, &format!("{head}{image}{step}"));
    check_as("", package, Some("default"), Purpose::Build, &format!("{head}{app}{step}"));
    check_as("", package, Some("default"), Purpose::Run, &format!("{head}{app}{step}"));
    check_as("", package, None, Purpose::Run, &format!("{head}{image}{step}"));
}

#[test]
fn an_environment_runs_the_projects_own_program() {
    check("packages.x86_64-linux.default = env;", "[tool.invar]\n[tool.invar.image]\ncommand = [\"demo\"]");
    check(
        r#"packages.x86_64-linux.default = pkgs.symlinkJoin {
          name = "demo"; paths = [ env ]; nativeBuildInputs = [ pkgs.makeWrapper ];
          postBuild = "wrapProgram $out/bin/demo --prefix PATH : ${lib.makeBinPath [ pkgs.ffmpeg ]} --set MODE x";
        };"#,
        "[tool.invar]\npackages = [\"ffmpeg\"]\n[tool.invar.image]\ncommand = [\"demo\"]\nenv = { MODE = \"x\" }",
    );
    check(
        "apps.x86_64-linux.default = { type = \"app\"; program = \"${set.mkVirtualEnv \"e\" { demo = [ \"pg\" \"prod\" ]; }}/bin/demo\"; };",
        "[tool.invar]\nextras = [\"pg\"]\ngroups = [\"prod\"]\n[tool.invar.image]\ncommand = [\"demo\"]",
    );
    check(
        "packages.x86_64-linux.default = set.mkVirtualEnv \"e\" ws.deps.optionals;",
        "[tool.invar]\nextras = \"all\"\n[tool.invar.image]\ncommand = [\"demo\"]",
    );
}

#[test]
fn files_of_an_installed_project_are_put_where_the_image_has_them() {
    check(
        r#"packages.x86_64-linux.image = pkgs.dockerTools.buildImage {
          name = "demo";
          copyToRoot = [ env (pkgs.runCommand "own-files" { } ''
            mkdir -p $out/app/data
            cp -r ${./main.py} $out/app/main.py
            cp -r ${./data}/* $out/app/data/
          '') ];
          config.Entrypoint = [ "${env}/bin/python" "/app/main.py" ];
        };"#,
        "[tool.invar]\n[tool.invar.image]\nname = \"demo\"\nentrypoint = [\"python\", \"/app/main.py\"]\n\n\
         [[tool.invar.step]]\nname = \"own-files\"\n\
         outputs = { data = \"/app/data\", \"main.py\" = \"/app/main.py\" }",
    );
}

#[test]
fn libraries_that_a_hook_names_in_wrappers_are_used() {
    check(
        r#"packages.x86_64-linux.default = pkgs.stdenv.mkDerivation {
          name = "demo"; dontUnpack = true;
          nativeBuildInputs = [ pkgs.makeWrapper pkgs.wrapGAppsHook3 ]; buildInputs = [ env pkgs.gtk3 ];
          installPhase = "mkdir -p $out/bin; ln -s ${env}/bin/demo $out/bin/demo";
          meta.mainProgram = "demo";
        };"#,
        "[tool.invar]\npackages = [\"gir1.2-gtk-3.0\"]\n[tool.invar.image]\nentrypoint = [\"/bin/demo\"]\n\n\
         [[tool.invar.step]]\nname = \"demo\"\nlinks = { \"/bin/demo\" = \"/app/.venv/bin/demo\" }",
    );
}

#[test]
fn a_package_that_cannot_be_evaluated_is_a_comment() {
    let outputs = "packages.x86_64-linux = { default = env; image = pkgs.dockerTools.buildImage { name = builtins.readFile ./gone; }; \
        other = builtins.fromJSON (builtins.readFile ./gone); };";
    let draft =
        read(&format!("{FLAKE} in {{ {outputs} }}; }}"), None, Purpose::Build).expect("it can be read");
    let notes: Vec<String> = draft.notes.iter().map(|note| format!("{}: {}", note.text, note.why)).collect();
    assert!(
        notes.iter().any(|note| note.starts_with("packages.other: this package cannot be read")),
        "{notes:?}"
    );
}

#[test]
fn scripts_are_launchers_where_they_only_start_something() {
    check(
        r#"packages.x86_64-linux.default = pkgs.writeShellApplication {
          name = "serve"; runtimeInputs = [ env pkgs.jq ];
          text = ''
            export MODE=x
            cd ${./data}
            exec ${env}/bin/demo --port 80 "$@"
          '';
        };"#,
        r#"[tool.invar]
packages = ["jq"]
[tool.invar.image]
entrypoint = ["/bin/serve"]

[[tool.invar.step]]
name = "serve"
wrap = { program = "/app/.venv/bin/demo", as = "/bin/serve", args = ["--port", "80"], env = { MODE = "x" }, workdir = "/app/data" }"#,
    );
    check(
        r#"packages.x86_64-linux.default = pkgs.writeShellScriptBin "serve" ''
          mkdir -p /tmp/x
          ${pkgs.jq}/bin/jq . ${./data}/a.txt
        '';"#,
        r#"[tool.invar]
packages = ["bash", "coreutils", "jq"]
shell = true
[tool.invar.image]
entrypoint = ["/bin/serve"]

[[tool.invar.step]]
name = "serve"
files = { "/bin/serve" = { text = """
#!/bin/bash
mkdir -p /tmp/x
/usr/bin/jq . /app/data/a.txt
""", executable = true } }"#,
    );
}

#[test]
fn an_image_is_configured_as_its_author_says() {
    check(
        r#"packages.x86_64-linux.default = pkgs.dockerTools.buildLayeredImage {
          name = "x"; tag = "1"; maxLayers = 20; created = "now"; contents = [ pkgs.bash pkgs.ffmpeg env pkgs.dockerTools.caCertificates ];
          extraCommands = "mkdir -p -m 1777 tmp data\nchown -R 1000:1000 data";
          config = {
            Entrypoint = [ "${env}/bin/demo" "--port" "80" ]; User = "1000:1000"; WorkingDir = "/srv";
            ExposedPorts = { "80/tcp" = { }; "53/udp" = { }; }; Volumes."/data" = { }; Labels."a.b" = "c"; StopSignal = "SIGINT";
            Env = [ "PATH=/bin:${pkgs.jq}/bin" "A=${./data}" ];
            Healthcheck = { Test = [ "CMD" "/bin/demo" "check" ]; Interval = 30000000000; };
          };
        };"#,
        r#"[tool.invar]
packages = ["bash", "ffmpeg", "jq"]
shell = true
[tool.invar.image]
name = "x"
tag = "1"
entrypoint = ["demo", "--port", "80"]
env = { A = "/app/data" }
user = "1000:1000"
workdir = "/srv"
ports = ["53/udp", 80]
volumes = ["/data"]
directories = ["/data"]
labels = { "a.b" = "c" }
stop-signal = "SIGINT"
health-check = { command = ["/bin/demo", "check"], interval = "30s" }"#,
    );
}

#[test]
fn files_of_the_project_are_put_into_the_root() {
    check(
        r#"packages.x86_64-linux.default = pkgs.dockerTools.buildImage {
          name = "x";
          copyToRoot = [
            ./data
            (lib.fileset.toSource { root = ./.; fileset = lib.fileset.unions [ ./main.py ]; })
            (pkgs.runCommand "tmp" { } "mkdir -p $out/tmp $out/srv/state")
            (pkgs.writeTextDir "etc/motd" "hello")
            (pkgs.stdenv.mkDerivation {
              name = "some"; src = lib.fileset.toSource { root = ./.; fileset = lib.fileset.union ./main.py ./nix; };
              installPhase = "mkdir -p $out/opt; cp -r . $out/opt/some";
            })
          ];
          config.Cmd = [ "${env}/bin/demo" "${./main.py}" ];
        };"#,
        r#"[tool.invar]
[tool.invar.image]
name = "x"
command = ["demo", "/app/main.py"]
directories = ["/srv/state"]

[[tool.invar.step]]
name = "files"
outputs = { "data/a.txt" = "/a.txt", "main.py" = "/main.py" }

[[tool.invar.step]]
name = "motd"
files = { "/etc/motd" = "hello" }

[[tool.invar.step]]
name = "some"
outputs = { "main.py" = "/opt/some/main.py", nix = "/opt/some/nix" }"#,
    );
}

#[test]
fn accounts_without_numbers_get_the_first_that_programs_choose() {
    check(
        r#"packages.x86_64-linux.image = pkgs.dockerTools.buildImage {
          name = "n";
          runAsRoot = ''
            groupadd -r app
            useradd -r -g app -d /srv/app -m app
            useradd other
            mkdir -p /data
            chown app:app /data
          '';
          config.User = "app";
        };"#,
        r#"# flake.nix:17: useradd other: what it does is unknown
[tool.invar]
[tool.invar.image]
name = "n"
env = { HOME = "/srv/app" }
user = "999:999"
directories = ["/data", "/srv/app"]"#,
    );
}

#[test]
fn scripts_that_the_shell_runs_itself_stay_scripts() {
    check(
        r#"packages.x86_64-linux.image = pkgs.dockerTools.buildImage {
          name = "n";
          copyToRoot = [
            (pkgs.writeShellScriptBin "hi" "echo hi")
            (pkgs.writeShellScriptBin "up" "exec obscure-tool --up")
            (pkgs.writeShellApplication { name = "sql"; runtimeInputs = [ pkgs.postgresql ]; text = "psql \"$@\""; })
          ];
        };"#,
        r##"# flake.nix:16: obscure-tool: the source of the program obscure-tool is unknown
# flake.nix:17: pkgs.postgresql: the server's programs are in /usr/lib/postgresql/VERSION/bin
[tool.invar]
packages = ["bash", "postgresql", "postgresql-client"]
shell = true
[tool.invar.image]
name = "n"

[[tool.invar.step]]
name = "hi"
files = { "/bin/hi" = { text = """
#!/bin/bash
echo hi
""", executable = true } }

[[tool.invar.step]]
name = "up"
files = { "/bin/up" = { text = """
#!/bin/bash
exec obscure-tool --up
""", executable = true } }

[[tool.invar.step]]
name = "sql"
files = { "/bin/sql" = { text = """
#!/bin/bash
set -o errexit
set -o nounset
set -o pipefail
export PATH="/usr/bin:$PATH"
psql "$@"
""", executable = true } }"##,
    );
}

#[test]
fn a_launcher_leaves_python_its_own_name() {
    check(
        r#"packages.x86_64-linux.default = pkgs.runCommand "hi" { nativeBuildInputs = [ pkgs.makeBinaryWrapper ]; } ''
          mkdir -p $out/bin
          makeWrapper ${env}/bin/python $out/bin/hi --inherit-argv0 --add-flags "-m demo"
        '';"#,
        r#"[tool.invar]
[tool.invar.image]
entrypoint = ["/bin/hi"]

[[tool.invar.step]]
name = "hi"
wrap = { program = "/app/.venv/bin/python", as = "/bin/hi", args = ["-m", "demo"] }"#,
    );
}

#[test]
fn what_is_noted_of_a_package_has_the_line_that_names_it() {
    check_as(
        "",
        r#"packages.x86_64-linux.default = env;
        devShells.x86_64-linux.default = pkgs.mkShell {
          inputsFrom = [ env ];
          packages = [
            pkgs.jq
            pkgs.nodejs
          ];
        };"#,
        None,
        Purpose::Build,
        r#"# flake.nix:17: pkgs.nodejs: nixpkgs' package brings npm along; take npm out of `packages` if nothing needs it
[tool.invar]
[tool.invar.image]
command = ["demo"]
[tool.invar.shell]
packages = ["jq", "nodejs", "npm"]"#,
    );
}

#[test]
fn wheels_of_other_systems_are_none() {
    let name = "https://example.com/a/psycopg2-2.9.10";
    for (platform, fits) in [
        ("cp313-cp313-win_amd64", false),
        ("cp313-cp313-macosx_11_0_arm64", false),
        ("cp313-cp313-musllinux_1_2_x86_64", false),
        ("cp313-cp313-manylinux_2_17_x86_64.manylinux2014_x86_64", true),
        ("py3-none-any", true),
    ] {
        assert_eq!(super::reader::fits_linux(&format!("{name}-{platform}.whl")), fits, "{platform}");
    }
}

#[test]
fn overrides_are_what_a_build_needs() {
    check_as(
        r#"set2 = set.overrideScope (final: prev: {
          psycopg2 = prev.psycopg2.overrideAttrs (old: {
            buildInputs = (old.buildInputs or [ ]) ++ [ pkgs.libpq ];
            nativeBuildInputs = (old.nativeBuildInputs or [ ]) ++ final.resolveBuildSystem { setuptools = [ ]; };
            patches = [ ./nix/psycopg2.patch ];
            env.CFLAGS = "-O1";
          });
          httpx = prev.httpx.overrideAttrs (old: {
            nativeBuildInputs = old.nativeBuildInputs ++ final.resolveBuildSystem { setuptools = [ ]; };
            buildInputs = [ pkgs.obscure ];
          });
        });"#,
        "packages.x86_64-linux.default = set2.mkVirtualEnv \"e\" ws.deps.default;",
        None,
        Purpose::Build,
        r#"# flake.nix:20: pkgs.obscure: no known Debian package for what httpx may be linked to: add it to `packages`
[tool.invar]
packages = ["libpq5"]
[tool.invar.image]
command = ["demo"]
[tool.invar.python.overrides.psycopg2]
packages = ["gcc", "libc6-dev", "libpq-dev"]
build-requires = ["setuptools"]
env = { CFLAGS = "-O1" }
patches = ["nix/psycopg2.patch"]"#,
    );
}

#[test]
fn the_shell_is_the_authors_own() {
    check(
        r#"devShells.x86_64-linux.default = pkgs.mkShell {
          packages = [ (set.mkVirtualEnv "dev" ws.deps.all) pkgs.uv pkgs.jq pkgs.obscure ];
          env.UV_NO_SYNC = "1"; env.FORTUNE = "${pkgs.fortune}/bin/fortune";
          shellHook = ''
            unset PYTHONPATH
            echo ready
          '';
        };
        packages.x86_64-linux.default = env;"#,
        r#"# flake.nix:13: obscure: no known Debian package for nixpkgs' obscure
[tool.invar]
[tool.invar.image]
command = ["demo"]
[tool.invar.shell]
packages = ["fortune-mod", "fortunes", "fortunes-min", "jq"]
env = { FORTUNE = "/usr/games/fortune" }
hook = "echo ready"
groups = ["dev", "prod"]"#,
    );
}

#[test]
fn further_images_are_tables_of_their_own() {
    check(
        r#"packages.x86_64-linux = {
          image = pkgs.dockerTools.buildImage { name = "a"; tag = "1"; config.Cmd = [ "${env}/bin/demo" ]; };
          worker = pkgs.dockerTools.buildImage {
            name = "b"; tag = "1"; contents = [ pkgs.jq ]; config.Cmd = [ "${env}/bin/demo" "work" ];
          };
        };"#,
        r#"[tool.invar]
[tool.invar.image]
name = "a"
tag = "1"
command = ["demo"]
[tool.invar.images.worker]
name = "b"
command = ["demo", "work"]
packages = ["jq"]"#,
    );
}

#[test]
fn what_cannot_be_read_is_said_with_its_line() {
    check(
        r#"packages.x86_64-linux.image = pkgs.dockerTools.buildImage {
          name = "a b";
          contents = [ pkgs.obscure ];
          config.Cmd = [ (builtins.getEnv "X") ];
          runAsRoot = "useradd app";
          fromImage = pkgs.dockerTools.pullImage { };
        };"#,
        r#"# flake.nix: name = "a b": `image.name`: "a b" is not an image name: expected lower-case letters, digits and single separators, as in "team/app"
# flake.nix:14: obscure: no known Debian package for nixpkgs' obscure
# flake.nix:15: config.Cmd = [ (builtins.getEnv "X") ];: builtins.getEnv "X" is not reproducible: each machine has another environment
# flake.nix:16: useradd app: what it does is unknown
# flake.nix:17: fromImage = pkgs.dockerTools.pullImage { };: images start from Debian packages: add what you need of this base to `packages`
[tool.invar]"#,
    );
}

#[test]
fn inputs_are_told_with_what_held_them() {
    let flake =
        "{ inputs.nixpkgs.url = \"github:a/nixpkgs\"; inputs.x = { url = \"c\"; }; outputs = _: { }; }";
    let lock = r#"{"nodes": {"root": {"inputs": {"nixpkgs": "nixpkgs"}}, "nixpkgs": {"locked": {"rev": "0123456789abcdef0123", "type": "github", "owner": "a", "repo": "nixpkgs"}}}, "root": "root", "version": 7}"#;
    let files = BTreeMap::new();
    let context = FlakeContext {
        files: &files,
        lock: Some(lock),
        pyproject: None,
        output: None,
        purpose: Purpose::Build,
    };
    let draft = read_flake(flake, &context, Draft::default()).expect("the flake can be read");
    let pins: Vec<String> = draft.pins.iter().map(|pin| format!("{} | {}", pin.what, pin.before)).collect();
    let expected = [
        "input nixpkgs | \"github:a/nixpkgs\" (flake.lock: 0123456789ab)",
        "input x | \"c\" (no flake.lock: unpinned)",
    ];
    assert_eq!(pins, expected);
    assert_eq!(draft.notes.len(), 1);
}

#[test]
fn broken_and_hostile_flakes_are_refused_or_end() {
    let refused = |flake: &str| read(flake, None, Purpose::Build).is_err();
    let error = read("{\n  a = ;\n}", None, Purpose::Build).expect_err("it is not Nix");
    assert!(error.to_string().contains("flake.nix:2"), "{error}");
    assert!(refused(&"a ".repeat(20_000)));
    assert!(refused(&format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000))));
    assert!(read(&format!("{FLAKE} in {{ }}; }}"), Some("none"), Purpose::Build).is_err());
    // Names that stand for two of the next one each, and one that stands for itself.
    let mut bindings = String::from("x = x; a60 = [ 1 ];");
    for number in 0..60 {
        bindings.push_str(&format!("a{number} = a{0} ++ a{0};", number + 1));
    }
    let flake = format!(
        "{FLAKE} {bindings} in {{ packages.x86_64-linux.i = pkgs.dockerTools.buildImage {{ name = \"i\"; contents = a0 ++ x; }}; }}; }}"
    );
    assert!(read(&flake, None, Purpose::Build).is_ok());
    // A package that consists of itself.
    let flake = format!(
        "{FLAKE} a = pkgs.symlinkJoin {{ name = \"a\"; paths = [ b ]; }}; b = pkgs.buildEnv {{ name = \"b\"; paths = [ a ]; }};\
         in {{ packages.x86_64-linux.default = a; }}; }}"
    );
    assert!(read(&flake, None, Purpose::Build).is_ok());
}
