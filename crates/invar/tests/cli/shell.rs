//! `invar shell`: an environment for working on a project, which leaves nothing behind.
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::support::Ran;
use crate::support::terminal::Terminal;
use crate::support::tools::{Tools, as_anyone};

const MANIFEST: &str = r#"
packages = ["greeter"]
[image]
name = "little"
entrypoint = ["greet"]
env = { FROM_IMAGE = "image", BOTH = "image" }
[shell]
packages = ["linter"]
env = { FROM_SHELL = "shell", BOTH = "shell" }
hook = "HOOKED=yes; hooked() { echo hooked; }"
"#;

/// What is in a folder, as the host sees it, with the owner of each.
pub fn everything_in(folder: &Path) -> Vec<(String, u32)> {
    #[expect(clippy::disallowed_methods, reason = "sorted below")]
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry.expect("the folder is read");
        let owner = entry.metadata().expect("it is there").uid();
        all.push((entry.path().display().to_string(), owner));
        if entry.file_type().expect("it has a type").is_dir() {
            all.extend(everything_in(&entry.path()));
        }
    }
    all.sort();
    all
}

#[test]
fn packages_variables_hook_and_project() {
    let project = Tools::locked(MANIFEST);
    project.context.write("project/inner/words.txt", "words\n");
    let folder = project.context.path().join("project");
    let before = everything_in(&folder);
    let shell =
        |script: &str| project.run(&["shell", "--quiet", "--locked", "-c", script, "project"]).success();
    assert_eq!(shell("lint x; lint-helper; greet"), "linted x in /app\nhelping\nhello\n");
    assert_eq!(
        shell("echo $FROM_IMAGE $FROM_SHELL $BOTH $HOOKED; hooked"),
        "image shell shell yes\nhooked\n"
    );
    assert_eq!(shell("cat inner/words.txt; touch made; rm made"), "words\n");
    // Nobody is told what the image is not to have.
    project.run(&["run", "--quiet", "--entrypoint", "lint", "project"]).failure(127);
    let program = project.run(&["shell", "--quiet", "project", "--", "lint", "-c", "a b"]).success();
    assert_eq!(program, "linted -c a b in /app\n");
    assert_eq!(project.run(&["shell", "--quiet", "-c", "exit 7", "project"]).code, 7);
    assert_eq!(project.run(&["shell", "--quiet", "-c", "kill -9 $$", "project"]).code, 137);
    // Of this machine's variables come those that were asked for.
    let with_variable = |options: &[&str]| {
        let mut command = project.invar();
        command.env("MINE", "mine").args(["shell", "--quiet", "--locked"]).args(options);
        Ran::of(command.args(["-c", "echo $MINE", "project"])).success()
    };
    assert_eq!(with_variable(&[]), "\n");
    assert_eq!(with_variable(&["--env", "MINE"]), "mine\n");
    assert_eq!(with_variable(&["--keep-env"]), "mine\n");
    // Whoever is in a folder of the project starts there.
    let mut command = project.invar();
    command.args(["shell", "--quiet", "--locked", "-c", "pwd", ".."]).current_dir(folder.join("inner"));
    assert_eq!(Ran::of(&mut command).success(), "/app/inner\n");
    assert_eq!(everything_in(&folder), before, "leaving it leaves nothing behind");
    assert_eq!(project.unfinished(), 0);
}

#[test]
fn an_ordinary_user_has_the_same_and_owns_what_they_make() {
    let project = Tools::locked(MANIFEST);
    let mut command = project.invar();
    command.args(["shell", "--quiet", "--locked", "-c", "lint; echo x > made; id -u", "project"]);
    let said = Ran::of(&mut as_anyone(&project.context, &command)).success();
    assert_eq!(said, "linted in /app\n0\n");
    let all = everything_in(&project.context.path().join("project"));
    assert!(all.iter().any(|(path, _)| path.ends_with("/made")));
    let owner = fs::metadata(project.context.path()).expect("it is there").uid();
    assert!(all.iter().all(|(_, of)| *of == owner), "{all:?}");
    assert_eq!(project.unfinished(), 0);
}

#[test]
fn an_interactive_shell() {
    let project = Tools::locked(MANIFEST);
    let mut command = project.invar();
    command.env("TERM", "dumb").args(["shell", "--quiet", "--locked", "project"]);
    let mut terminal = Terminal::start(&command, 24, 80);
    terminal.expect("(invar) ");
    terminal.press("lint; hooked; stty size\n");
    terminal.expect("linted in /app\r\nhooked\r\n24 80\r\n");
    terminal.expect("(invar) ");
    // A key ends the job, and the shell goes on; and it has jobs, as it is in the foreground. The job says that it
    // runs: a key that comes while a shell is still starting a program is lost, in this shell as in any other.
    terminal.press("sh -c 'echo as\"\"leep; exec sleep 1000000'\n");
    terminal.expect("asleep\r\n");
    terminal.press("\u{3}");
    terminal.expect("(invar) ");
    terminal.press("sleep 1000000 & jobs; kill %1; exit 4\n");
    terminal.expect("Running");
    let (status, seen) = terminal.end();
    assert_eq!(status.code(), Some(4), "{seen}");
    assert!(!seen.contains("no job control"), "{seen}");
    assert_eq!(project.unfinished(), 0);
}
