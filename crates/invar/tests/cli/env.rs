//! `invar env`: what `eval` makes of it, in the shell that a person already has.
use std::process::Command;

use crate::support::Ran;
use crate::support::tools::{Tools, as_anyone};

const MANIFEST: &str = r#"
packages = ["greeter"]
[image]
name = "little"
[shell]
packages = ["linter"]
env = { FROM_SHELL = "it's a shell" }
"#;

/// Runs `script` in a shell of this machine that has evaluated what `invar env` prints.
fn evaluated(project: &Tools, script: &str) -> Command {
    let invar = project.invar();
    let mut command = project.invar_through("sh");
    let script = format!("eval \"$(\"$0\" env --quiet --locked project)\" && {script}");
    command.args(["-c", &script]).arg(invar.get_program());
    command
}

#[test]
fn programs_and_variables_are_there() {
    let project = Tools::locked(MANIFEST);
    project.context.write("project/inner/words.txt", "words\n");
    let run = |script: &str| Ran::of(&mut evaluated(&project, script));
    assert_eq!(
        run("lint a 'b c'; greet; echo \"$FROM_SHELL\"").success(),
        "linted a b c in /app\nhello\nit's a shell\n"
    );
    // They start where they are called, with the variables of whoever calls, and their streams and codes are passed on.
    assert_eq!(run("cd project/inner && lint").success(), "linted in /app/inner\n");
    // What the packages only depend on stays this machine's own.
    assert_eq!(run("lint-helper").code, 127);
    let own = run("command -v sh; command -v cat").success();
    assert!(own.lines().all(|line| line.starts_with("/usr/bin/") || line.starts_with("/bin/")), "{own}");
    // Another time, and after the manifest has changed, the same folder has what there is then.
    let first = run("command -v lint").success();
    assert_eq!(run("command -v lint").success(), first);
    project.write_manifest(&MANIFEST.replace("\"linter\"", ""));
    project.lock();
    assert_eq!(run("command -v lint").code, 127);
    assert_eq!(project.unfinished(), 0, "nothing is left behind");
}

#[test]
fn an_ordinary_user_gets_the_same() {
    let project = Tools::locked(MANIFEST);
    let command = evaluated(&project, "cd project && lint");
    assert_eq!(Ran::of(&mut as_anyone(&project.context, &command)).success(), "linted in /app\n");
}
