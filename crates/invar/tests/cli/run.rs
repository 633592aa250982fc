//! `invar run`: what the command finds, and that it is as if it had been started here.
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};

use crate::support::Ran;
use crate::support::terminal::Terminal;
use crate::support::tools::{Tools, as_anyone};

const MANIFEST: &str = r#"
packages = ["greeter"]
[image]
name = "team/little.image"
entrypoint = ["greet"]
command = ["world"]
workdir = "/etc"
env = { FROM_IMAGE = "yes", BOTH = "image" }
"#;

/// The arguments that run `script` in the project's root.
fn shell<'a>(options: &[&'a str], script: &'a str) -> Vec<&'a str> {
    let mut arguments = vec!["run", "--quiet", "--locked", "--entrypoint", "sh"];
    arguments.extend(options);
    arguments.extend(["project", "--", "-c", script]);
    arguments
}

#[track_caller]
fn says(project: &Tools, options: &[&str], script: &str, expected: &str) {
    assert_eq!(project.run(&shell(options, script)).success(), expected, "{options:?} {script}");
}

#[test]
fn the_images_command_and_others() {
    let project = Tools::locked(MANIFEST);
    let run = |arguments: &[&str]| project.run(&[&["run", "--quiet"], arguments].concat());
    assert_eq!(run(&["project"]).success(), "hello world\n");
    assert_eq!(run(&["project", "--", "you", "--quiet"]).success(), "hello you --quiet\n");
    // As Docker has it, another entrypoint does not get the image's arguments.
    assert_eq!(run(&["--entrypoint", "greet", "project"]).success(), "hello\n");
    let passwd = run(&["--entrypoint", "/usr/bin/cat", "project", "--", "/etc/passwd"]).success();
    assert!(passwd.starts_with("root:x:0:0:"), "{passwd}");
    assert!(run(&["--entrypoint", "greet-me", "project"]).failure(127).contains("greet-me"));
    assert!(run(&["--entrypoint", "/etc/passwd", "project"]).failure(126).contains("/etc/passwd"));
    let hint = run(&["--volume", "nowhere:/x", "project"]).failure(2);
    assert!(hint.contains("cannot use nowhere"), "{hint}");
    assert!(run(&["--volume", "project:x", "project"]).failure(2).contains("absolute path"));
    assert!(run(&["--env", "=x", "project"]).failure(2).contains("NAME=VALUE"));
    assert!(run(&["--user", "nobody-here", "project"]).failure(2).contains("nobody-here"));
    project.write_manifest("[image]\nname = \"empty\"\n");
    project.lock();
    assert!(run(&["project"]).failure(2).contains("has no command"));
    assert_eq!(project.unfinished(), 0, "nothing is left behind");
}

#[test]
fn environment_folder_user_and_name() {
    let project = Tools::locked(MANIFEST);
    let mut command = project.invar();
    command.env("HERE", "passed on").env("SECRET", "not asked for");
    command.args(shell(
        &["--env", "BOTH=given", "-e", "HERE", "-e", "NOT_SET_HERE", "-e", "EMPTY="],
        "env | sort",
    ));
    let said = Ran::of(&mut command).success();
    for expected in ["BOTH=given\n", "FROM_IMAGE=yes\n", "HERE=passed on\n", "EMPTY=\n", "HOME=/root\n"] {
        assert!(said.contains(expected), "{expected:?} is not in:\n{said}");
    }
    for strange in ["SECRET", "NOT_SET_HERE", "INVAR_", "UV_NO_CONFIG"] {
        assert!(!said.contains(strange), "{strange} is in:\n{said}");
    }
    says(&project, &[], "pwd; id -u; id -g; hostname", "/etc\n0\n0\nlittle-image\n");
    says(&project, &["--workdir", "/usr/bin"], "pwd", "/usr/bin\n");
    says(&project, &["-w", "/made/for/this"], "pwd", "/made/for/this\n");
    says(&project, &["--user", "cat"], "id -u; id -g; echo $HOME", "1000\n1001\n/home/cat\n");
    says(&project, &["-u", "5:6"], "id -u; id -g; echo $HOME", "5\n6\n/\n");
    says(&project, &["--user", "5:cat"], "id -g", "1001\n");
    // What is written to the root is dropped.
    says(&project, &[], "echo x > /etc/new; rm /usr/bin/ls; ls 2>&1 || true", "sh: 1: ls: not found\n");
    says(&project, &[], "ls /etc/new 2>/dev/null || echo gone", "gone\n");
}

#[test]
fn volumes_are_seen_and_written_to_as_asked() {
    let project = Tools::locked(MANIFEST);
    project.context.write("data/in", "from here\n");
    says(
        &project,
        &["--volume", "data:/srv/data"],
        "cat /srv/data/in; echo out > /srv/data/out",
        "from here\n",
    );
    let out = project.context.path().join("data/out");
    assert_eq!(fs::read_to_string(&out).expect("it was written"), "out\n");
    let own = fs::metadata(project.context.path().join("data/in")).expect("it is ours").uid();
    assert_eq!(
        fs::metadata(&out).expect("it was written").uid(),
        own,
        "what it writes belongs to whoever runs it"
    );
    let script = "cat /srv/in; (echo no > /srv/out) 2>/dev/null || echo refused";
    says(&project, &["-v", "data:/srv:ro"], script, "from here\nrefused\n");
    says(&project, &["-v", "data/in:/etc/passwd:ro"], "cat /etc/passwd", "from here\n");
    assert!(project.run(&shell(&["-v", "data:/srv:rx"], "true")).failure(2).contains("\"ro\" or \"rw\""));
}

#[test]
fn the_network_is_this_machines() {
    let project = Tools::locked(MANIFEST);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    let answer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("somebody asks");
        stream.write_all(b"answer\n").expect("somebody listens");
    });
    let script = format!("exec bash -c 'read line < /dev/tcp/127.0.0.1/{port}; echo $line'");
    says(&project, &[], &script, "answer\n");
    answer.join().expect("it was asked");
}

#[test]
fn codes_and_signals_are_passed_through() {
    let project = Tools::locked(MANIFEST);
    for (script, code) in
        [("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -TERM $$", 143), ("kill -9 $$", 137)]
    {
        assert_eq!(project.run(&shell(&[], script)).code, code, "{script}");
    }
    for (signal, number) in [("TERM", 15), ("INT", 2), ("HUP", 1), ("QUIT", 3), ("USR1", 10), ("USR2", 12)] {
        let script = format!(
            "trap 'echo got {signal}; exit {number}' {signal}; echo ready; while :; do sleep 0.05; done"
        );
        let mut child = project.invar();
        let mut child = child.args(shell(&[], &script)).stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let child = child.as_mut().expect("invar can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut next = || lines.next().expect("a line").expect("it is text");
        assert_eq!(next(), "ready");
        Ran::of(Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()])).success();
        assert_eq!(next(), format!("got {signal}"));
        assert_eq!(child.wait().expect("it ends").code(), Some(number));
    }
    assert_eq!(project.unfinished(), 0, "nothing is left behind");
}

#[test]
fn standard_streams_are_intact() {
    let project = Tools::locked(MANIFEST);
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| (number % 251) as u8).collect();
    let mut command = project.invar();
    command.args(shell(&[], "cat; echo error >&2")).stdin(Stdio::piped());
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("invar can be started");
    let mut stdin = child.stdin.take().expect("it is piped");
    let sent = bytes.clone();
    let sender = std::thread::spawn(move || stdin.write_all(&sent).expect("it reads all"));
    let output = child.wait_with_output().expect("it ends");
    sender.join().expect("it was read");
    assert!(output.stdout == bytes, "{} bytes", output.stdout.len());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "error\n");

    // Closed streams are no streams, and nothing of the sandbox takes their place.
    let invar = project.invar();
    let mut closed = project.invar_through("sh");
    closed.args(["-c", "exec \"$@\" <&- 2>&-", "sh"]).arg(invar.get_program());
    closed.args(shell(&[], "cat; echo end; echo error >&2 || echo nowhere"));
    assert!(Ran::of(&mut closed).success().starts_with("end\n"));

    // Who stops listening ends the program as everywhere.
    let mut command = project.invar();
    command.args(shell(&[], "while echo more; do :; done; echo over >&2"));
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("invar can be started");
    let mut some = [0; 5];
    child.stdout.take().expect("it is piped").read_exact(&mut some).expect("it writes");
    assert_eq!(&some, b"more\n");
    child.wait().expect("it ends");
}

#[test]
fn the_terminal_is_intact() {
    let project = Tools::locked(MANIFEST);
    let script = "trap 'stty size; echo resized' WINCH; trap 'echo interrupted' INT; tty; stty size; echo ready; \
                  while read line; do echo read $line; done; echo over; exit 5";
    let mut command = project.invar();
    command.args(["run", "--quiet", "--locked", "--entrypoint", "bash", "project", "--", "-c", script]);
    let mut terminal = Terminal::start(&command, 33, 77);
    terminal.expect("/dev/console\r\n");
    terminal.expect("33 77\r\n");
    terminal.expect("ready\r\n");
    terminal.press("words\n");
    terminal.expect("read words\r\n");
    terminal.resize(44, 88);
    // bash runs a trap when what it waits for is over.
    terminal.press("after\n");
    terminal.expect("44 88\r\nresized\r\n");
    terminal.expect("read after\r\n");
    terminal.press("\u{3}");
    terminal.expect("interrupted\r\n");
    terminal.press("still here\n");
    terminal.expect("read still here\r\n");
    terminal.press("\u{4}");
    terminal.expect("over\r\n");
    let (status, seen) = terminal.end();
    assert_eq!(status.code(), Some(5), "{seen}");
    assert_eq!(seen.matches("interrupted").count(), 1, "one key is one signal:\n{seen}");
}

#[test]
fn one_key_is_one_signal_where_only_the_output_is_a_terminal() {
    let project = Tools::locked(MANIFEST);
    let script = "trap 'echo interrupted; exit 6' INT; read pid name state parent group rest < /proc/self/stat; \
                  test $pid = $group && echo alone; echo ready; while :; do sleep 0.05; done";
    // dash notes a signal and goes on; bash may hang where one comes while it is about to wait for a program.
    let invar = project.invar();
    let mut command = project.invar_through("sh");
    command.args(["-c", "exec \"$@\" </dev/null", "sh"]).arg(invar.get_program());
    command.args(["run", "--quiet", "--locked", "--entrypoint", "sh", "project", "--", "-c", script]);
    let mut terminal = Terminal::start(&command, 24, 80);
    // In a group of its own, it gets the one signal that Invar passes on, and not the terminal's as well.
    terminal.expect("alone\r\nready\r\n");
    terminal.press("\u{3}");
    terminal.expect("interrupted\r\n");
    let (status, seen) = terminal.end();
    assert_eq!(status.code(), Some(6), "{seen}");
}

#[test]
fn an_ordinary_user_gets_the_same() {
    let project = Tools::locked(MANIFEST);
    project.context.write("data/in", "from here\n");
    let script = "id -u; cat /srv/in; echo out > /srv/out; echo x > /etc/new; hostname; exit 9";
    let mut command = project.invar();
    command.args(shell(&["-v", "data:/srv"], script));
    let ran = Ran::of(&mut as_anyone(&project.context, &command));
    assert_eq!((ran.code, ran.stdout.as_str()), (9, "0\nfrom here\nlittle-image\n"), "{}", ran.stderr);
    let owner = |path: &str| fs::metadata(project.context.path().join(path)).expect("it is there").uid();
    assert_eq!(owner("data/out"), owner("data/in"));
    assert_eq!(project.unfinished(), 0, "nothing is left behind");
}
