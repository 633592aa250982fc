//! Nothing outlives Invar: what runs in a build or by `invar run` ends with it, however it ends.
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::Ran;
use crate::support::tools::{Tools, as_anyone};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Three processes that would go on for longer than anyone waits: the command's own, one in another session, and one
/// whose parent is gone as well. Their argument `NUMBER` distinguishes them from those of other tests.
const ENDLESS: &str =
    "setsid sleep NUMBER & setsid sh -c 'setsid sleep NUMBER & sleep 0'; echo begun; sleep NUMBER";

/// A handle of each process whose last argument is `number`, once there are three.
fn sleepers(number: &str) -> Vec<std::os::fd::OwnedFd> {
    loop {
        let listed = Ran::of(Command::new("pgrep").args(["-x", "-f", &format!("sleep {number}")])).stdout;
        let found: Vec<Pid> = listed.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)).collect();
        if found.len() == 3 {
            return found.iter().filter_map(|pid| pidfd_open(*pid, PidfdFlags::empty()).ok()).collect();
        }
        std::thread::yield_now();
    }
}

/// Starts `command`, waits until its processes are there, lets `end` end it, and waits until they are gone.
fn all_end(command: Command, number: &str, end: &dyn Fn(&mut Child)) {
    let mut command = hearing(&command);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let child = child.as_mut().expect("it can be started");
    let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
    let stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    // A build shows what a step prints as events, a program prints for itself.
    let is_begun = |line: std::io::Result<String>| line.expect("it is text").contains("begun");
    let built = command.get_args().any(|argument| argument == "build");
    let (mut out, mut err) = (stdout.lines(), stderr.lines());
    assert!(if built { err.any(is_begun) } else { out.any(is_begun) }, "it did not begin");
    let handles = sleepers(number);
    end(child);
    child.wait().expect("it ends");
    for handle in &handles {
        // Returns when the process has ended, and never before.
        poll(&mut [PollFd::new(handle, PollFlags::IN)], None).expect("a process can be waited for");
    }
    // Whoever holds an end of them is gone as well.
    assert!(out.all(|line| line.is_ok()) && err.all(|line| line.is_ok()));
}

/// `command`, in which no signal is ignored because whoever runs the tests ignores it, as `nohup` does with one.
fn hearing(command: &Command) -> Command {
    let mut hearing = Command::new("env");
    hearing.arg("--default-signal").arg(command.get_program()).args(command.get_args()).env_clear();
    hearing.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(folder) = command.get_current_dir() {
        hearing.current_dir(folder);
    }
    hearing
}

fn kill(signal: &'static str) -> impl Fn(&mut Child) {
    move |child| {
        Ran::of(Command::new("kill").args([signal, &child.id().to_string()])).success();
    }
}

/// A number that no other process on this machine has for its argument.
fn number(place: u32) -> String {
    format!("{}{place:03}", 1_000_000 + std::process::id())
}

#[test]
fn a_step_ends_with_the_build() {
    let manifest = |run: &str| {
        let step =
            format!("[[step]]\nname = \"endless\"\nrun = \"\"\"{run}\"\"\"\noutputs = {{ x = \"/x\" }}\n");
        format!("[image]\nname = \"endless\"\n{step}")
    };
    let project = Tools::locked(&manifest(ENDLESS));
    for (place, signal) in ["-INT", "-TERM", "-HUP", "-KILL"].into_iter().enumerate() {
        let number = number(place as u32);
        project.write_manifest(&manifest(&ENDLESS.replace("NUMBER", &number)));
        let mut command = project.invar();
        command.args(["build", "--json", "--locked", "project"]);
        if signal == "-KILL" {
            command = as_anyone(&project.context, &command);
        }
        all_end(command, &number, &kill(signal));
    }
    // Who builds next cleans up what they left.
    project.write_manifest(&manifest("echo > x"));
    let mut next = project.invar();
    next.args(["build", "--locked", "project"]);
    Ran::of(&mut as_anyone(&project.context, &next)).success();
    assert_eq!(project.unfinished(), 0, "nothing is left behind");
}

#[test]
fn a_program_ends_with_run() {
    let project = Tools::locked("[image]\nname = \"endless\"\n");
    for (place, signal) in ["-INT", "-TERM", "-KILL"].into_iter().enumerate() {
        let number = number(100 + place as u32);
        let script = ENDLESS.replace("NUMBER", &number);
        let mut command = project.invar();
        command.args(["run", "--quiet", "--locked", "--entrypoint", "sh", "project", "--", "-c", &script]);
        all_end(command, &number, &kill(signal));
    }
    project.run(&["run", "--quiet", "--locked", "--entrypoint", "env", "project"]).success();
    assert_eq!(project.unfinished(), 0, "nothing is left behind");
}
