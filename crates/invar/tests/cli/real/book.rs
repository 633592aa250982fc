//! Every command of the book and of the README is run, and prints what they show.
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::archives::{with_empty_store, with_shared_store};
use super::engine::Engine;
use crate::book::{Step, missing, pages, steps};
use crate::support::{Context, Ran, copy_project, have, is_root, path_of, repository};

const TEST: &str = "every_command_prints_what_the_book_shows";

/// `cargo run --release -- …` of a checkout, which is built already.
const CARGO: &str = "#!/bin/sh\ntest \"$1 $2 $3\" = 'run --release --' && shift 3 && exec invar \"$@\"\n";

/// A copy of the folder that `place` names, with the files that it also names.
fn copy(place: &str, to: &Path) {
    if place == "an empty folder" {
        return fs::create_dir_all(to).expect("the folder can be made");
    }
    let (folder, files) = place.split_once(" with ").unwrap_or((place, ""));
    copy_project(&repository().join(folder), to);
    for file in files.split_whitespace() {
        let name = Path::new(file).file_name().expect("a file has a name");
        fs::copy(repository().join(file), to.join(name)).expect("the file can be copied");
    }
}

/// Who types the commands: a store, a home, and the programs that a reader has.
struct Reader {
    context: Context,
    path: String,
    /// The Docker engine, once there was something to be done for it; and nothing if there can be none.
    engine: Option<Option<Engine>>,
}

impl Reader {
    fn new(context: Context) -> Self {
        let programs = context.path().join("programs");
        fs::create_dir(&programs).expect("the folder is new");
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_invar"), programs.join("invar")).expect("it is new");
        context.write(".gitconfig", "[user]\nname = A Reader\nemail = reader@example.com\n");
        let cargo = context.write("programs/cargo", CARGO);
        fs::set_permissions(&cargo, fs::Permissions::from_mode(0o755)).expect("the file is ours");
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", programs.display());
        Self { context, path, engine: None }
    }

    /// The shell that runs a command in `place`; nothing where the program that it starts with cannot be had.
    fn shell(&mut self, command: &str, place: &Path) -> Option<Command> {
        let mut path = self.path.clone();
        let mut socket = None;
        match command.split_whitespace().next()? {
            "docker" => {
                let have = || have(TEST, &["dockerd", "docker", "unshare"]) && is_root(TEST);
                let engine = self.engine.get_or_insert_with(|| have().then(Engine::apart));
                socket = Some(engine.as_ref()?.socket().to_owned());
            }
            "uv" => path = format!("{path}:{}", path_of(TEST, &["uv"])?),
            _ => {}
        }
        let invar = self.context.invar();
        let mut shell = Command::new("/bin/sh");
        shell.env_clear().envs(invar.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.env("PATH", path).envs(socket.map(|socket| ("DOCKER_HOST", socket))).current_dir(place);
        Some(shell)
    }

    /// Does all steps, each in the place that it belongs to.
    fn follow(&mut self, steps: &[Step], place: impl Fn(&Self, &Step) -> PathBuf) {
        let (mut code, mut left) = (0, BTreeMap::new());
        for (number, step) in steps.iter().enumerate() {
            let Step { page, line, command, expected, .. } = step;
            let place = place(self, step);
            // What comes after what cannot be done cannot be done either.
            let shell = self.shell(command, &place).filter(|_| !left.contains_key(&place));
            let Some(mut shell) = shell else {
                left.insert(place, command);
                continue;
            };
            // As on a terminal: what is told and what is printed in the order in which it comes.
            shell.args(["-c", &format!("exec 2>&1\n(exit {code})\n{command}")]);
            let ran = if step.interrupted { interrupted(&mut shell, expected) } else { Ran::of(&mut shell) };
            let asked = steps.get(number + 1).is_some_and(|next| next.command == "echo $?");
            assert!(ran.code == 0 || asked || step.interrupted, "{page}:{line}: {command}\n{}", ran.stdout);
            assert_eq!(missing(expected, &ran.stdout), None, "{page}:{line}: {command}\n{}", ran.stdout);
            code = ran.code;
        }
    }
}

/// Runs a command until it has printed what is expected, and then presses Ctrl-C.
fn interrupted(shell: &mut Command, expected: &[String]) -> Ran {
    let mut child =
        shell.process_group(0).stdout(Stdio::piped()).spawn().expect("the command can be started");
    let mut printed = String::new();
    let mut output = BufReader::new(child.stdout.take().expect("the output is piped"));
    while missing(expected, &printed).is_some()
        && output.read_line(&mut printed).is_ok_and(|length| length > 0)
    {}
    let group = format!("-{}", child.id());
    Ran::of(Command::new("kill").args(["-INT", "--", &group]));
    while output.read_line(&mut printed).is_ok_and(|length| length > 0) {}
    let code = child.wait().expect("the command was started").code().unwrap_or(-1);
    Ran { code, stdout: printed, stderr: String::new() }
}

/// Does what a page of the book says.
fn follow(reader: &mut Reader, path: &Path) {
    let page = path.file_name().expect("a page has a name").to_string_lossy().into_owned();
    let steps = steps(&page, &fs::read_to_string(path).expect("the page is there"));
    reader.follow(&steps, |reader, step| {
        let folder = step.folder.as_ref();
        let folder = folder.unwrap_or_else(|| panic!("{page}:{}: run where?", step.line));
        let place = reader.context.path().join(&page).join(folder.replace(['/', ' '], "-"));
        if !place.exists() {
            copy(folder, &place);
        }
        place
    });
}

/// Builds everything twice, and most of that on one CPU, so it is done next to the others.
const VERIFY: &str = "verify.md";

#[test]
fn every_command_prints_what_the_book_shows() {
    let mut reader = Reader::new(with_shared_store());
    for path in pages().iter().filter(|path| !path.ends_with(VERIFY)) {
        follow(&mut reader, path);
    }
    // The README begins with nothing but a checkout; what it downloads is here already.
    let context = with_empty_store();
    fs::create_dir(context.store()).expect("the store is new");
    for name in ["blobs", "format"] {
        let mut copy = Command::new("cp");
        Ran::of(copy.arg("-al").arg(reader.context.store().join(name)).arg(context.store())).success();
    }
    let mut reader = Reader { engine: reader.engine.take(), ..Reader::new(context) };
    let checkout = reader.context.path().join("checkout");
    for folder in ["examples", "fixtures/talk"] {
        copy_project(&repository().join(folder), &checkout.join(folder));
    }
    let text = fs::read_to_string(repository().join("README.md")).expect("it is there");
    reader.follow(&steps("README.md", &text), |_, _| checkout.clone());
}

#[test]
fn every_command_on_verifying_prints_what_the_book_shows() {
    follow(&mut Reader::new(with_shared_store()), &repository().join("docs").join(VERIFY));
}
