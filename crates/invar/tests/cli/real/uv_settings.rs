//! What the real uv does with its settings and with workspaces is what Invar does.
use std::collections::BTreeSet;
use std::fs;

use invar_testkit::Wheel;

use super::sources::{Sources, expect};
use crate::support::{Ran, repository};

const INVAR: &str = "[tool.invar]\n[tool.invar.image]\ncommand = [\"python\"]\n";

/// Runs `invar` with `arguments`.
fn run(sources: &Sources, arguments: &[&str]) -> Ran {
    Ran::of(sources.invar().args(arguments))
}

/// The book has every setting that this machine's uv knows.
#[test]
fn every_setting_of_uv_is_in_the_book() {
    let Some(sources) = Sources::new("every_setting_of_uv_is_in_the_book") else { return };
    let project =
        "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.8\"\n[tool.uv]\nodd = 1\n";
    sources.context.write("app/pyproject.toml", project);
    let mut uv = sources.command("uv");
    uv.current_dir(sources.context.path().join("app")).env("UV_PYTHON_DOWNLOADS", "never").arg("lock");
    let said = Ran::of(&mut uv).stderr;
    let (_, list) = said.split_once("expected one of").expect("uv says what it knows");
    let known: BTreeSet<&str> =
        list.lines().next().unwrap_or_default().split('`').skip(1).step_by(2).collect();
    assert!(known.contains("build-constraint-dependencies"), "{said}");
    let page = fs::read_to_string(repository().join("docs/uv-settings.md")).expect("the page is there");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    let listed: BTreeSet<&str> = rows.map(|(key, _)| key).collect();
    assert_eq!(listed, known, "add what uv has to UV_SETTINGS of invar-python");
}

#[test]
fn settings_of_uv_apply_to_builds() {
    let Some(mut sources) = Sources::new("settings_of_uv_apply_to_builds") else { return };
    let backend = fs::read_to_string(repository().join("crates/invar/tests/cli/real/sources.rs"));
    let backend = backend.expect("the file is there");
    let (_, backend) = backend.split_once("r#\"").expect("the backend is there");
    let (backend, _) = backend.split_once("\"#;").expect("the backend ends");
    sources.publish_wheel(&Wheel::new("tiny", "2.0").file("tiny.py", backend));
    for version in ["1.0", "2.0"] {
        sources.publish_wheel(&Wheel::new("header", version).file("header.py", ""));
    }
    sources.publish_sdist("needs", "");
    let write = |settings: &str| {
        let keys = "version = \"1.0\"\nrequires-python = \">=3.9\"\ndependencies = [\"needs\", \"header<2\"]";
        let rest = format!("[tool.uv]\npackage = false\n{settings}\n{}{INVAR}", sources.index());
        sources.package("app", "app", keys, &rest);
    };
    let match_runtime =
        "extra-build-dependencies = { needs = [{ requirement = \"header\", match-runtime = true }] }";
    let colour = |colour: &str| format!("extra-build-variables = {{ needs = {{ COLOUR = \"{colour}\" }} }}");
    write(&format!("build-constraint-dependencies = [\"tiny<2\"]\n{match_runtime}\n{}", colour("blue")));
    sources.lock("app");
    expect(&sources.packages("app"), "needs", &["'tiny==1.0'", "'header==1.0'", "'colour': 'blue'"]);

    // Another constraint needs another lock, and that has another build.
    write(&format!("build-constraint-dependencies = [\"tiny>=2\"]\n{match_runtime}\n{}", colour("blue")));
    let mut uv = sources.command("uv");
    uv.current_dir(sources.context.path().join("app")).env("UV_PYTHON_DOWNLOADS", "never");
    Ran::of(uv.args(["lock", "--quiet"])).success();
    let message = run(&sources, &["build", "--locked", "app"]).failure(3);
    assert!(
        message.contains("the build of needs has what build-constraint-dependencies do not allow"),
        "{message}"
    );
    sources.lock("app");
    expect(&sources.packages("app"), "needs", &["'tiny==2.0'", "'header==1.0'"]);

    // uv.toml takes the place of all but the constraints.
    sources
        .context
        .write("app/uv.toml", format!("{}\n{}", colour("green"), sources.index().replace("tool.uv.", "")));
    sources.lock("app");
    let ran = run(&sources, &["build", "--locked", "-o", "image.tar", "app"]);
    assert!(ran.stderr.contains("uv.toml takes the place of settings in [tool.uv]"), "{}", ran.stderr);
    expect(&sources.packages("app"), "needs", &["'tiny==2.0'", "'colour': 'green'"]);
}

#[test]
fn a_member_sees_what_it_names_and_links_around_it() {
    let Some(sources) = Sources::new("a_member_sees_what_it_names_and_links_around_it") else { return };
    let keys = "version = \"1.0\"\nrequires-python = \">=3.9\"\ndependencies = [\"mem\"]";
    let workspace = "[tool.uv]\npackage = false\n[tool.uv.workspace]\nmembers = [\"libs/*\"]\n\
                     [tool.uv.sources]\nmem = { workspace = true }\n";
    sources.package("app", "app", keys, &format!("{workspace}{}{INVAR}", sources.index()));
    let keys = "version = \"1.0\"\nrequires-python = \">=3.9\"";
    let note = "[tool.tiny]\nnote = \"../../note.txt\"\n";
    sources.package("app/libs/mem", "mem", keys, &format!("{note}{INVAR}"));
    sources.context.write("app/note.txt", "note\n");
    sources.context.write("app/docs/more.txt", "more\n");
    sources.context.write("app/docs/other.txt", "not named by anyone\n");
    let link = sources.context.path().join("app/libs/mem/linked.txt");
    std::os::unix::fs::symlink("../../docs/more.txt", link).expect("a link can be made");
    for project in ["app", "app/libs/mem"] {
        match project {
            "app" => sources.lock(project),
            _ => drop(run(&sources, &["lock", project]).success()),
        }
        let packages = sources.packages(project);
        let text = |path: &str| fs::read_to_string(packages.join(path)).expect("it is installed");
        assert_eq!((text("mem_note.txt"), text("mem_data/linked.txt")), ("note\n".into(), "more\n".into()));
        let first = sources.build(project);
        // What nobody names has no say, and what is named has.
        sources.context.write("app/libs/other.txt", "x");
        sources.context.write("app/docs/other.txt", project);
        if project == "app/libs/mem" {
            assert_eq!(sources.build(project), first);
        }
        sources.context.write("app/docs/more.txt", "changed\n");
        assert_ne!(sources.build(project), first);
        sources.context.write("app/docs/more.txt", "more\n");
    }
}

#[test]
fn what_a_build_does_not_see_is_named() {
    let Some(sources) = Sources::new("what_a_build_does_not_see_is_named") else { return };
    let note = "[tool.tiny]\nnote = \"docs/note.txt\"\n";
    let keys = "version = \"1.0\"\nrequires-python = \">=3.9\"";
    sources.package("app", "app", keys, &format!("{note}{}{INVAR}", sources.index()));
    sources.context.write("app/docs/note.txt", "note\n");
    sources.lock("app");
    sources.build("app");
    sources.context.write("app/.dockerignore", "# what is no code\n**/*.txt\n");
    let message = run(&sources, &["build", "app"]).failure(1);
    let expected = "the build does not see docs/note.txt: .dockerignore, line 2, lists \"**/*.txt\"; add the line \
                    \"!docs/note.txt\" to the end of .dockerignore";
    assert!(message.contains(expected), "{message}");
    sources.context.write("app/.dockerignore", "**/*.txt\n!docs/note.txt\n");
    sources.build("app");
    sources.context.write("app/.dockerignore", "docs\n");
    let message = run(&sources, &["build", "app"]).failure(1);
    assert!(message.contains("docs/note.txt: .dockerignore, line 1, lists \"docs\""), "{message}");
}
