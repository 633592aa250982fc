//! `invar env`, with a Python and the tools of its groups from the real archives.
use std::fs;
use std::path::Path;
use std::process::Command;

use super::archives::with_shared_store;
use crate::support::{Ran, copy_project, path_of, repository, trust_index};

#[test]
fn python_and_the_tools_of_its_groups() {
    let context = with_shared_store();
    copy_project(&repository().join("examples/fortune-cat"), &context.path().join("project"));
    let invar = context.invar();
    let mut command = Command::new("sh");
    let script = "eval \"$(\"$0\" env --quiet --locked project)\" && cd project && \
                  python -c 'import fastapi, os, sys; print(sys.prefix, os.environ[\"MINE\"])' && pytest --version && \
                  fortune -s > /dev/null && echo told && echo 'print(6 * 7)' | python -";
    command.args(["-c", script]).arg(invar.get_program()).env_clear().env("MINE", "mine");
    command
        .envs(invar.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(context.path());
    let told = Ran::of(&mut command).success();
    let lines: Vec<&str> = told.lines().collect();
    let prefix = lines[0].strip_suffix(" mine").expect("variables are passed on");
    assert_eq!(
        Path::new(prefix).parent(),
        Some(&*context.store().canonicalize().expect("the store is there").join("env")),
        "the same path as outside"
    );
    assert!(lines[1].starts_with("pytest "), "{told}");
    assert_eq!(lines[2..], ["told", "42"]);
    assert!(!fs::exists(context.path().join("project/.venv")).expect("it can be asked"));
}

#[test]
fn a_type_checker_finds_what_the_project_imports() {
    let Some(path) = path_of("a_type_checker_finds_what_the_project_imports", &["uv"]) else { return };
    let context = with_shared_store();
    let project = context.path().join("project");
    copy_project(&repository().join("examples/fortune-cat"), &project);
    context.write("project/wrong.py", "import fastapi\nimport nothing_has_this_name\n");
    let invar = context.invar();
    let shell = |script: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", script]).arg(invar.get_program()).env_clear();
        command.envs(invar.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PATH", &path).env_remove("UV_NO_CONFIG").current_dir(context.path());
        trust_index(&mut command);
        Ran::of(&mut command)
    };
    // Pyright as the package index has it, with a Node.js of its own.
    shell("uv --quiet venv tools && uv --quiet pip install --python tools/bin/python basedpyright").success();
    let check = |evaluated: &str| {
        let script =
            format!("{evaluated} cd project && ../tools/bin/basedpyright --outputjson main.py wrong.py");
        let ran = shell(&script);
        let report: serde_json::Value =
            serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        let found = report["generalDiagnostics"].as_array().expect("it lists what it finds");
        let missing = found.iter().filter(|one| one["rule"] == "reportMissingImports");
        let mut missing: Vec<String> = missing
            .map(|one| {
                one["message"].as_str().unwrap_or_default().split('"').nth(1).unwrap_or_default().to_owned()
            })
            .collect();
        missing.sort();
        missing
    };
    assert_eq!(check("eval \"$(\"$0\" env --quiet --locked project)\" &&"), ["nothing_has_this_name"]);
    let without = check("");
    assert!(without.contains(&"fastapi".to_owned()), "it would have found them anyway: {without:?}");
}
