//! Things that are done in a process of its own, because it is killed or its disk is removed.
use std::ffi::OsString;
use std::fs::Permissions;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use invar_store::Store;
use invar_tree::Digest;
use tempfile::TempDir;

use crate::tree::fill;

const STORE: &str = "INVAR_TEST_STORE";
const TASK: &str = "INVAR_TEST_TASK";

/// Runs `task` on the store in `store`. `wrapper` is a program and its arguments which run this one, or nothing.
pub(crate) fn command(task: &str, store: &Path, wrapper: &[&str]) -> Command {
    let mut words: Vec<OsString> = wrapper.iter().map(OsString::from).collect();
    words.push(std::env::current_exe().unwrap().into());
    words.extend(["--exact", "child::a_task", "--nocapture"].map(OsString::from));
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).env(STORE, store).env(TASK, task).stdin(Stdio::piped());
    command
}

/// Starts `command` and waits until its task says that it is ready.
pub(crate) fn start(mut command: Command) -> (Child, BufReader<ChildStdout>) {
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("ready") {
        line.clear();
        assert!(output.read_line(&mut line).unwrap() > 0, "the child ended before it was ready");
    }
    (child, output)
}

/// Runs `command`, which must have one task that succeeds.
#[track_caller]
pub(crate) fn succeed(mut command: Command) {
    let run = command.output().unwrap();
    let text = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && text.contains("1 passed"), "{text}");
}

/// `command`, which has no wrapper, run by somebody else than root, whom no permission holds back. Somebody else may
/// not enter the folder of this program, so a copy of it is put into `directory`.
pub(crate) fn as_someone_else(command: Command, directory: &TempDir) -> Command {
    if !std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0) {
        return command;
    }
    let program = directory.path().join("program");
    std::fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    std::fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let mut other = Command::new(program);
    other.args(command.get_args()).current_dir("/").uid(65534).gid(65534);
    for (name, value) in command.get_envs() {
        other.env(name, value.unwrap());
    }
    other
}

/// Only a child process has a task; otherwise there is nothing to do.
#[test]
#[expect(clippy::disallowed_methods, reason = "how a child process is told its task")]
fn a_task() {
    let (Some(store), Some(task)) = (std::env::var_os(STORE), std::env::var_os(TASK)) else { return };
    let store = Path::new(&store);
    match task.to_str().unwrap() {
        "hold" => hold(store),
        "work" => work(store),
        "full" => crate::disk::full(store),
        "read-only" => crate::disk::read_only(store),
        "checkout" => crate::checkout::look(store),
        "umask" => crate::disk::umask(store),
        other => panic!("{other}"),
    }
}

/// Has one of everything in the making, and never finishes.
fn hold(store: &Path) {
    let store = Store::open(store).unwrap();
    let mut blob = store.blob_writer().unwrap();
    blob.write_all(&vec![1; 300_000]).unwrap();
    let mut tree = store.tree_writer(&crate::key("held")).unwrap();
    fill(&mut tree);
    let mut partial = store.partial(&Digest::of(b"hello world")).unwrap();
    partial.write_all(b"hello").unwrap();
    let scratch = store.scratch().unwrap();
    std::fs::create_dir_all(scratch.path().join("a/b")).unwrap();
    std::fs::set_permissions(scratch.path().join("a"), Permissions::from_mode(0o0)).unwrap();
    let mut checkout = store.checkout_writer(&crate::key("held")).unwrap();
    fill(&mut checkout);
    println!("ready");
    let _ = std::io::stdin().read(&mut [0]);
}

/// Puts things into the store until it is killed.
fn work(store: &Path) {
    let store = Store::open(store).unwrap();
    println!("ready");
    for number in 0_u32.. {
        let text = number.to_string();
        let bytes = text.repeat(10_000);
        crate::blob::put(&store, bytes.as_bytes());
        let mut partial = store.partial(&Digest::of(text.as_bytes())).unwrap();
        // All of it may be there already, from one that was killed before its commit.
        let there = usize::try_from(partial.len()).unwrap();
        partial.write_all(&text.as_bytes()[there..]).unwrap();
        partial.commit(None).unwrap();
        let key = crate::key(&format!("work {number}"));
        crate::tree::put_sample(&store, &key);
        let mut checkout = store.checkout_writer(&key).unwrap();
        fill(&mut checkout);
        checkout.commit().unwrap();
        store.put_result(&key, &bytes).unwrap();
    }
}
