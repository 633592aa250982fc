//! Sources of Python packages: commits of a repository next to the test, and directories.
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use invar_checkout::ProjectFiles;
use invar_diagnostic::{Diagnostic as _, Kind};
use invar_python::{ChosenSource, NeededBy, SourceLocation};
use invar_realise::{RealiseError, locked_digest, read_source, read_text, version};
use invar_tree::Digest;

use crate::world::World;

fn git(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    command
        .args(["-c", "user.name=Nobody", "-c", "user.email=nobody@example", "-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null");
    let output = command.output().expect("git can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("git prints text").trim().to_owned()
}

/// A world with a repository of one commit, a project, and the commit.
fn world() -> (World, ProjectFiles, String) {
    let world = World::new(BTreeMap::new());
    let repository = world.path("repository");
    fs::create_dir_all(repository.join("inner")).unwrap();
    fs::write(repository.join("pyproject.toml"), "[project]\nname = \"outer\"\n").unwrap();
    fs::write(repository.join("inner/pyproject.toml"), "[project]\nname = \"inner\"\n").unwrap();
    git(&repository, &["init", "--quiet"]);
    git(&repository, &["add", "--all"]);
    git(&repository, &["commit", "--quiet", "--message", "first"]);
    let commit = git(&repository, &["rev-parse", "HEAD"]);
    let project = world.path("project");
    fs::create_dir_all(&project).unwrap();
    fs::write(project.join("pyproject.toml"), "[tool.invar.image]\nname = \"little\"\n").unwrap();
    let files = ProjectFiles::read(&project).unwrap();
    (world, files, commit)
}

fn chosen(source: SourceLocation) -> ChosenSource {
    ChosenSource {
        name: "outer".parse().unwrap(),
        version: None,
        source,
        direct: None,
        needed_by: NeededBy::Project,
    }
}

fn at(world: &World, commit: &str, subdirectory: Option<&str>) -> ChosenSource {
    chosen(SourceLocation::Git {
        url: world.path("repository").to_str().unwrap().to_owned(),
        commit: commit.to_owned(),
        reference: None,
        subdirectory: subdirectory.map(str::to_owned),
        lfs: false,
    })
}

#[test]
fn a_commit_is_read_once_and_known_by_the_digest_of_its_files() {
    let (world, files, commit) = world();
    let chosen = at(&world, &commit, Some("inner"));
    let source = read_source(&world.sources(), &files, &chosen, None).unwrap();
    assert_eq!(read_text(&source, "pyproject.toml").as_deref(), Some("[project]\nname = \"inner\"\n"));
    assert_eq!(read_text(&source, "setup.py"), None);
    let digest = locked_digest(&chosen, &source);
    assert!(digest.is_some());
    // From here on the repository is not needed any more.
    fs::remove_dir_all(world.path("repository")).unwrap();
    let again = read_source(&world.offline(), &files, &chosen, digest.as_ref()).unwrap();
    assert_eq!(again.tree.digest(), source.tree.digest());
    let error =
        read_source(&world.sources(), &files, &chosen, Some(&Digest::of(b"other"))).err().expect("it fails");
    assert!(matches!(error, RealiseError::SourceChanged { .. }), "{error}");
    assert_eq!(error.kind(), Kind::Verification);
    assert!(error.hint().is_some_and(|hint| hint.contains("invar lock --update")));
}

#[test]
fn a_commit_that_cannot_be_had_says_why() {
    let (world, files, commit) = world();
    let problem = |chosen: &ChosenSource, offline| {
        let sources = if offline { world.offline() } else { world.sources() };
        let error = read_source(&sources, &files, chosen, None).err().expect("it fails");
        assert_eq!(error.kind(), Kind::Network, "{error}");
        error.message(false)
    };
    assert!(problem(&at(&world, &commit, None), true).contains("--offline is set"));
    assert!(problem(&at(&world, "main", None), false).contains("\"main\" is not the name of a commit"));
    assert!(problem(&at(&world, &"0".repeat(40), None), false).contains("failed"));
}

#[test]
fn a_directory_of_the_project_is_read_as_it_is() {
    let (world, mut files, _) = world();
    fs::write(world.path("project/setup.py"), "pass\n").unwrap();
    files = ProjectFiles::read(&files.folder).unwrap();
    let chosen = chosen(SourceLocation::Directory { path: ".".to_owned(), editable: true });
    let source = read_source(&world.offline(), &files, &chosen, None).unwrap();
    assert_eq!(read_text(&source, "setup.py").as_deref(), Some("pass\n"));
    assert_eq!(locked_digest(&chosen, &source), None);
}

#[test]
fn tags_give_a_version() {
    let (world, ..) = world();
    let repository = world.path("repository");
    let found = || version(Path::new("git"), &repository);
    assert_eq!(found(), None);
    git(&repository, &["tag", "v1.2.3"]);
    assert_eq!(found().as_deref(), Some("1.2.3"));
    assert_eq!(version(Path::new("/nonexistent/git"), &repository), None);
}
