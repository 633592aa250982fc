//! Builds from source, with an executor that runs nothing.
use std::collections::BTreeMap;

use invar_project::Platform;
use invar_python::{ChosenSource, EnvironmentLayout, FRONTEND, NeededBy};
use invar_testkit::Wheel;

use super::*;
use crate::executor::fake::{FakeExecutor, FakeRun, input_text};
use crate::executor::{Command, Wanted};
use crate::fixture::{Fixture, Warnings, listed};

const FILES: [(&str, &str); 3] =
    [("pkg/pyproject.toml", "[build-system]\n"), ("pkg/thing.py", "a = 1\n"), ("fix.patch", "a patch")];

fn build() -> SourceBuild {
    SourceBuild {
        chosen: ChosenSource {
            name: "thing".parse().expect("it is a name"),
            version: Some("1.0".to_owned()),
            source: SourceLocation::Directory { path: "pkg".to_owned(), editable: false },
            direct: None,
            needed_by: NeededBy::Project,
        },
        digest: None,
        root: Vec::new(),
        wheels: Vec::new(),
        needs: Vec::new(),
        requires: Vec::new(),
        environment: BTreeMap::from([("LEVEL".to_owned(), "2".to_owned())]),
        patches: vec!["fix.patch".to_owned()],
        settings: serde_json::Map::new(),
        layout: EnvironmentLayout {
            prefix: ImagePath::parse("app/.venv").expect("it is a path"),
            python: (3, 13),
        },
    }
}

fn interpreter() -> LockedInterpreter {
    LockedInterpreter {
        package: "python3.13".parse().expect("it is a package"),
        version: "3.13.5".parse().expect("it is a version"),
        path: ImagePath::parse("usr/bin/python3.13").expect("it is a path"),
    }
}

/// Builds with an executor that leaves `files`, twice; the second time everything must be there.
fn made(
    install: Install,
    files: &[(&str, &[u8])],
    seen: &(dyn Fn(&Command<'_>) + Sync),
) -> Result<Vec<String>, RunError> {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let executor = FakeExecutor::new(|command| {
        seen(command);
        FakeRun::leaving(files)
    });
    let reporter = Warnings::default();
    let fixture = Fixture::new(folder.path(), "[image]\nname = \"x\"\n", &FILES, &executor, &reporter);
    let (context, build) = (fixture.context(), build());
    assert_eq!(context.platform, Platform::LinuxAmd64);
    let prepared = prepare_build(&context, &build, install)?;
    prepared.make(&context, &interpreter())?;
    let stored = prepared.make(&context, &interpreter())?;
    assert_eq!(executor.ran(), ["thing 1.0 (from source)"]);
    assert_eq!(stored.attachment("version").expect("it has one"), b"1.0");
    Ok(listed(&stored))
}

#[test]
fn the_wheel_of_a_backend_is_installed_once() {
    let wheel = Wheel::new("thing", "1.0").file("thing.py", "a = 1\n");
    let place = format!("build/out/{}", wheel.filename());
    let answer = format!("{{\"wheel\": \"{}\"}}", wheel.filename());
    let bytes = wheel.build();
    let files: [(&str, &[u8]); 2] = [(&place, &bytes), ("build/out/result.json", answer.as_bytes())];
    let seen = |command: &Command<'_>| {
        assert_eq!(command.arguments[3..], ["sh", "wheel", "/build/source"]);
        assert_eq!(command.working_directory(), "/build/source");
        assert_eq!(command.environment["LEVEL"], "2");
        assert_eq!(command.wanted, Wanted::Places(vec![in_build("out")]));
        for (path, text) in [
            ("source/thing.py", "a = 1\n"),
            ("front-end.py", FRONTEND),
            ("settings.json", "{}"),
            ("patches/0000.patch", "a patch"),
        ] {
            assert_eq!(input_text(command, path).as_deref(), Some(text), "{path}");
        }
        assert!(command.inputs.iter().all(|input| input.also_at.is_none()));
    };
    let made = made(Install::Copied, &files, &seen).expect("it can be built");
    let module = "0644 app/.venv/lib/python3.13/site-packages/thing.py a = 1\n";
    assert!(made.iter().any(|file| file == module), "{made:?}");
}

#[test]
fn an_editable_package_is_built_where_it_stays() {
    let wheel = Wheel::new("thing", "1.0").file("thing.pth", "/app/pkg\n");
    let place = format!("build/out/{}", wheel.filename());
    let answer = format!("{{\"wheel\": \"{}\"}}", wheel.filename());
    let bytes = wheel.build();
    let files: [(&str, &[u8]); 2] = [(&place, &bytes), ("build/out/result.json", answer.as_bytes())];
    let seen = |command: &Command<'_>| {
        assert_eq!(command.arguments[3..], ["sh", "editable", "/app/pkg"]);
        let seen_at: Vec<&str> = command.inputs.iter().filter_map(|input| input.also_at.as_deref()).collect();
        assert_eq!(seen_at, ["app/pkg"]);
    };
    made(Install::Editable, &files, &seen).expect("it can be built");
}

#[test]
fn what_a_backend_says_is_not_believed() {
    #[track_caller]
    fn check(files: &[(&str, &[u8])], expected: &str) {
        let error = made(Install::Copied, files, &|_| ()).expect_err("it is wrong");
        assert_eq!(error.to_string(), format!("thing 1.0 (from source): {expected}"));
    }
    let other = Wheel::new("other", "1.0");
    let answer = format!("{{\"wheel\": \"{}\"}}", other.filename());
    let (place, bytes) = (format!("build/out/{}", other.filename()), other.build());
    check(&[], "its build backend created nothing");
    check(&[("build/out/result.json", b"{")], "cannot read the response of its build backend");
    check(&[("build/out/result.json", b"{}")], "its build backend did not report its output");
    let wrong = b"{\"wheel\": \"../x.whl\"}";
    check(
        &[("build/out/result.json", wrong)],
        "its build backend created a file that is not named like a wheel",
    );
    let gone = ("build/out/result.json", answer.as_bytes());
    check(&[gone], "its build backend did not create the file that it reports");
    check(&[gone, (&place, &bytes)], &format!("its build backend created {} instead", other.filename()));
}
