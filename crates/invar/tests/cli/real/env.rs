//! `invar env`, with a Python and the tools of its groups from the real archives.
use std::fs;
use std::process::Command;

use super::archives::with_shared_store;
use crate::support::{Ran, copy_project, repository};

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
    assert_eq!(lines[0], "/app/.venv mine");
    assert!(lines[1].starts_with("pytest "), "{told}");
    assert_eq!(lines[2..], ["told", "42"]);
    assert!(!fs::exists(context.path().join("project/.venv")).expect("it can be asked"));
}
