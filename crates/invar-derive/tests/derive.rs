//! What a command line means, what is derived, and what is written, over folders on disk.
use std::fs;
use std::path::Path;

use invar_derive::{
    DeriveError, ManifestFile, Named, Records, Request, Wanted, check, derive, recorded, show,
};
use invar_diagnostic::{Diagnostic as _, Kind};
use invar_project::Purpose;
use tempfile::TempDir;

const DOCKERFILE: &str =
    "FROM debian:trixie\nRUN apt-get update && apt-get install -y jq\nCMD [\"jq\", \"--version\"]\n";

fn project(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a directory can be made");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("it can be written");
    }
    folder
}

fn request<'a>(folder: &'a Path, name: Option<&'a str>, from: Option<&'a Path>) -> Request<'a> {
    Request { folder, name, from, target: None, purpose: Purpose::Build }
}

fn dockerfile(folder: &TempDir) -> Named {
    Named::of(folder.path(), &folder.path().join("Dockerfile"), None).expect("it is there")
}

#[test]
fn the_projects_own_manifest_comes_first() {
    let folder = project(&[("Dockerfile", DOCKERFILE), ("invar.toml", "image.name = \"own\"\n")]);
    let wanted = Wanted::of(&request(folder.path(), Some("web"), None)).expect("it is the project's own");
    assert!(matches!(wanted, Wanted::Own { image: Some(name), .. } if name == "web"));
    let from = folder.path().join("Dockerfile");
    let error = Wanted::of(&request(folder.path(), None, Some(&from))).expect_err("there is a manifest");
    assert!(matches!(error, DeriveError::HasManifest { .. }), "{error}");
}

#[test]
fn what_nobody_named_is_not_used() {
    let folder = project(&[("Dockerfile", DOCKERFILE), ("web.Dockerfile", DOCKERFILE), ("a.txt", "")]);
    let error = Wanted::of(&request(folder.path(), None, None)).expect_err("nothing is named");
    let DeriveError::NothingNamed(nothing) = &error else { panic!("{error}") };
    let names: Vec<&str> = nothing.found.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(names, ["Dockerfile", "web.Dockerfile"]);
    let hint = error.hint().expect("there is something to do");
    assert!(hint.contains("invar build --from ") && hint.contains("invar init --from "), "{hint}");
    // With nothing to name, it is an ordinary project, whatever it lacks.
    let empty = project(&[]);
    assert!(matches!(Wanted::of(&request(empty.path(), None, None)), Ok(Wanted::Own { .. })));
}

#[test]
fn a_file_is_named_relative_to_the_project() {
    let folder = project(&[]);
    fs::create_dir_all(folder.path().join("deploy/app")).expect("it can be made");
    fs::write(folder.path().join("deploy/Dockerfile"), DOCKERFILE).expect("it can be written");
    let (app, file) = (folder.path().join("deploy/app"), folder.path().join("deploy/Dockerfile"));
    let named = Named::of(&app, &file, Some("base")).expect("it is there");
    assert_eq!((named.source.file.as_str(), named.source.output.as_deref()), ("../Dockerfile", Some("base")));
    let error = Named::of(&app, &folder.path().join("none"), None).expect_err("it is not there");
    assert_eq!(error.kind(), Kind::Input);
    fs::write(folder.path().join("flake.nix"), "{ }").expect("it can be written");
    let error =
        Named::of(&app, &folder.path().join("flake.nix"), Some("base")).expect_err("a flake has no stages");
    assert!(matches!(error, DeriveError::TargetOfFlake { .. }), "{error}");
}

#[test]
fn a_dockerfile_gives_a_manifest() {
    let folder = project(&[("Dockerfile", DOCKERFILE)]);
    let from = folder.path().join("Dockerfile");
    let shown = show(&request(folder.path(), None, Some(&from)), false).expect("it is derived");
    assert!(shown.text.contains("packages = [\"jq\"]") && !shown.is_recorded, "{}", shown.text);
    let reported = std::cell::RefCell::new(Vec::new());
    let derived = derive(&dockerfile(&folder), Purpose::Build, Records::Used, &|manifest, difference| {
        reported.borrow_mut().push((manifest.text.clone(), difference.map(str::to_owned)));
    });
    let derived = derived.expect("it is derived");
    assert!(derived.is_new, "no lock has it");
    assert_eq!(*reported.borrow(), [(shown.manifest.text.clone(), None)]);
    let manifest = derived.files.derived.expect("its manifest is derived");
    assert_eq!((manifest.text, manifest.files), (shown.manifest.text, shown.manifest.files));
    assert_eq!(manifest.purposes.len(), 3, "a Dockerfile has one meaning, for whatever purpose");
}

#[test]
fn what_must_be_locked_and_is_not_is_refused() {
    let folder = project(&[("Dockerfile", DOCKERFILE)]);
    let named = dockerfile(&folder);
    let error = check(&named, Purpose::Run).map(drop).expect_err("nothing is locked");
    assert_eq!(error.kind(), Kind::Locks);
    assert!(error.to_string().ends_with("invar.lock is missing"), "{error}");
    let hint = error.hint().expect("there is something to do");
    assert!(hint.starts_with("run `invar run --from "), "{hint}");
    assert_eq!(recorded(folder.path()).expect("there is no lock").len(), 0);
}

#[test]
fn a_first_manifest_is_written_once_and_nothing_before_it_is_right() {
    let folder = project(&[("Dockerfile", DOCKERFILE)]);
    let from = folder.path().join("Dockerfile");
    let file = ManifestFile::draft(folder.path(), Some(&from), None).expect("it can be read");
    let path = folder.path().join("invar.toml");
    assert!(file.path == path && !path.exists());
    file.write().expect("it can be written");
    let written = fs::read_to_string(&path).expect("it is there");
    assert_eq!(written, file.manifest);
    let error = ManifestFile::draft(folder.path(), Some(&from), None).expect_err("there is one");
    assert!(matches!(error, DeriveError::SecondManifest { .. }), "{error}");
}

#[test]
fn a_manifest_goes_behind_what_the_project_says_with_its_line_ends() {
    let text = "[project]\r\nname = \"cat\"\r\nversion = \"1\"\r\nrequires-python = \">=3.13\"";
    let folder = project(&[("pyproject.toml", text)]);
    let file = ManifestFile::draft(folder.path(), None, None).expect("it can be read");
    file.write().expect("it can be written");
    let written = fs::read_to_string(folder.path().join("pyproject.toml")).expect("it is there");
    let added = written.strip_prefix(&format!("{text}\r\n\r\n")).expect("what was there stays");
    assert!(added.contains("\r\n[tool.invar"), "{added}");
    assert!(!written.replace("\r\n", "").contains('\n'), "{written}");
}
