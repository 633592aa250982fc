//! The build front end with the host's Python and backends made up for the test. Real backends need an index: the
//! tests of whole builds have them.
#![expect(clippy::print_stderr, reason = "skipped tests report so")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

use std::fs;
use std::process::{Command, Stdio};

use invar_python::{BuildSystem, FRONTEND, FrontendExit, frontend_system};
use serde_json::{Map, Value, json};

const PYPROJECT: &str =
    "[build-system]\nrequires = []\nbuild-backend = \"backend:other\"\nbackend-path = [\"in-tree\"]\n";

const BACKEND: &str = r#"
import os

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    name = "a-%s-py3-none-any.whl" % (config_settings or {}).get("version", "0")
    with open(os.path.join(wheel_directory, name), "w") as file:
        file.write(os.path.relpath(os.getcwd(), os.path.dirname(__file__)))
    return name

class Other:
    def get_requires_for_build_wheel(self, config_settings=None):
        return ["ninja >= 1.8", str(config_settings)]

    def build_wheel(self, wheel_directory, config_settings=None, metadata_directory=None):
        return "never-written-1-py3-none-any.whl"

    def build_editable(self, wheel_directory, config_settings=None, metadata_directory=None):
        raise SystemExit("no compiler")

class Odd:
    def get_requires_for_build_wheel(self, config_settings=None):
        return "setuptools"

    def build_wheel(self, wheel_directory, config_settings=None, metadata_directory=None):
        return None

other = Other()
class holder:
    odd = Odd()
"#;

/// What a run left: its exit, what it said, and the JSON that it wrote.
struct Ran {
    exit: FrontendExit,
    said: String,
    wrote: Value,
    wheel: Option<String>,
}

fn run(action: &str, backend: &str, path: &[&str], settings: Value) -> Ran {
    let path: Vec<String> = path.iter().map(|&path| path.to_owned()).collect();
    let system = BuildSystem { requires: Vec::new(), backend: Some(backend.to_owned()), backend_path: path };
    run_in(action, Some(&system), settings)
}

/// Without a system, that of `pyproject.toml`.
fn run_in(action: &str, system: Option<&BuildSystem>, settings: Value) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["tree/in-tree", "out", "tool"] {
        fs::create_dir_all(at(name)).unwrap();
    }
    fs::write(at("tree/in-tree/backend.py"), BACKEND).unwrap();
    fs::write(at("tree/broken.py"), "import not_there\n").unwrap();
    fs::write(at("tree/pyproject.toml"), PYPROJECT).unwrap();
    fs::write(at("tool/frontend.py"), FRONTEND).unwrap();
    fs::write(at("tool/beside.py"), "").unwrap();
    fs::write(at("settings.json"), settings.to_string()).unwrap();
    let mut command = Command::new("python3");
    command.arg(at("tool/frontend.py")).arg(action).args([at("tree"), at("out"), at("settings.json")]);
    if let Some(system) = system {
        fs::write(at("system.json"), frontend_system(system)).unwrap();
        command.arg(at("system.json"));
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let read = |name: &str| fs::read_to_string(at("out").join(name)).ok();
    let wrote = ["requires.json", "result.json"].iter().find_map(|name| read(name));
    let wrote = wrote.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap());
    let wheel = wrote.get("wheel").and_then(Value::as_str).and_then(read);
    let exit = FrontendExit::from_code(output.status.code().unwrap_or(-1));
    Ran { exit, said: String::from_utf8_lossy(&output.stderr).into_owned(), wrote, wheel }
}

/// Whether there is no Python to test with.
fn skipped(test: &str) -> bool {
    let there = Command::new("python3").arg("--version").output().is_ok_and(|output| output.status.success());
    if !there {
        eprintln!("SKIPPED {test}: there is no python3");
    }
    !there
}

#[track_caller]
fn check(ran: &Ran, exit: FrontendExit, said: &str) {
    assert_eq!(ran.exit, exit, "{}", ran.said);
    assert!(ran.said.contains(said), "{}", ran.said);
    if exit != FrontendExit::Done {
        assert_eq!(ran.wrote, Value::Null);
    }
}

fn none() -> Value {
    Value::Object(Map::new())
}

#[test]
fn hooks_are_called_where_the_project_is() {
    if skipped("hooks_are_called_where_the_project_is") {
        return;
    }
    let ran = run("wheel", "backend", &["in-tree"], json!({"version": "7"}));
    check(&ran, FrontendExit::Done, "");
    assert_eq!(ran.wrote, json!({"wheel": "a-7-py3-none-any.whl"}));
    assert_eq!(ran.wheel.as_deref(), Some(".."));
    let ran = run("wheel", "backend", &["../tree/../tool"], none());
    check(&ran, FrontendExit::Other, "'../tree/../tool' is not in the source tree");
    let ran = run("requires", "backend", &["in-tree"], none());
    check(&ran, FrontendExit::Done, "");
    assert_eq!(ran.wrote, json!([]), "the hook is optional");
    let ran = run("requires", "backend:other", &["in-tree"], none());
    assert_eq!(ran.wrote, json!(["ninja >= 1.8", "None"]));
    let ran = run("requires-editable", "backend:other", &["in-tree"], none());
    assert_eq!(ran.wrote, json!([]));
}

#[test]
fn the_project_may_name_its_backend() {
    if skipped("the_project_may_name_its_backend") {
        return;
    }
    let ran = run_in("requires", None, none());
    match ran.exit {
        FrontendExit::Done => assert_eq!(ran.wrote, json!(["ninja >= 1.8", "None"])),
        _ => check(&ran, FrontendExit::Other, "this Python cannot read pyproject.toml"),
    }
}

#[test]
fn what_goes_wrong_has_its_own_exit_code() {
    if skipped("what_goes_wrong_has_its_own_exit_code") {
        return;
    }
    let not_imported = FrontendExit::BackendNotImported;
    check(&run("wheel", "nowhere.at_all", &[], none()), not_imported, "cannot be imported");
    check(&run("wheel", "broken", &["."], none()), not_imported, "not_there");
    check(&run("wheel", "backend:nothing", &["in-tree"], none()), not_imported, "cannot be imported");
    // Neither the tree nor the script's folder is a place to import from.
    check(&run("wheel", "broken", &[], none()), not_imported, "No module named 'broken'");
    check(&run("wheel", "beside", &[], none()), not_imported, "No module named 'beside'");
    check(&run("wheel", "json", &["in-tree"], none()), not_imported, "not from its backend-path");
    check(&run("editable", "backend", &["in-tree"], none()), FrontendExit::HookMissing, "no build_editable");
    let failed = FrontendExit::HookFailed;
    check(&run("editable", "backend:other", &["in-tree"], none()), failed, "no compiler");
    check(&run("wheel", "backend:other", &["in-tree"], none()), failed, "which it did not write");
    check(&run("wheel", "backend:holder.odd", &["in-tree"], none()), failed, "did not return the name");
    check(&run("requires", "backend:holder.odd", &["in-tree"], none()), failed, "a list of texts");
    check(&run("sdist", "backend", &["in-tree"], none()), FrontendExit::Other, "usage");
}
