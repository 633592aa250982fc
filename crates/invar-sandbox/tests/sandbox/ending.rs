//! How commands end, and that nothing outlives them.
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use invar_sandbox::{SandboxError, Status};

use crate::setup::{PROBE, Setup};

#[test]
fn codes_and_signals_are_told() {
    let mut setup = Setup::new();
    let mut check = |script: &str, expected: Status| {
        assert_eq!(setup.run(&["sh", "-c", script]).unwrap().1.status, expected, "{script}");
    };
    check("exit 0", Status::Exited(0));
    check("exit 7", Status::Exited(7));
    check("exit 255", Status::Exited(255));
    check("kill -9 $$", Status::Signaled(9));
    check("kill -15 $$", Status::Signaled(15));
    // A child that ends first is not taken for the command.
    check("(exit 3) & wait; (exit 4); exit 5", Status::Exited(5));
    check("setsid sh -c '(exit 3) &'; sleep 0.1; exit 6", Status::Exited(6));
}

#[test]
fn a_program_that_is_missing_or_cannot_run_is_told_apart() {
    let mut setup = Setup::new();
    std::fs::write(setup.tree("bin/text"), "echo no\n").unwrap();
    std::fs::write(setup.tree("bin/orphan"), "#!/no/such/interpreter\n").unwrap();
    for name in ["text", "orphan"] {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(setup.tree("bin").join(name), std::fs::Permissions::from_mode(0o755))
            .unwrap();
    }
    for program in ["no-such", "/bin/no-such", "/etc/fixed/below"] {
        let error = setup.run(&[program]).unwrap_err();
        assert!(matches!(&error, SandboxError::NotFound { program: named } if named == program), "{error:?}");
    }
    for program in ["/etc/fixed", "text", "orphan", "/bin"] {
        let error = setup.run(&[program]).unwrap_err();
        assert!(matches!(&error, SandboxError::NotExecutable { .. }), "{error:?}");
    }
}

#[test]
fn a_process_that_left_the_session_ends_with_the_command() {
    let mut setup = Setup::new();
    // It holds the output's pipe, so this returns only when it is gone; and it must be gone at once.
    let output = setup.sh("setsid sh -c 'while :; do sleep 1; done' & echo over");
    assert_eq!(output, "over\n");
}

#[test]
fn a_signal_reaches_the_command() {
    let mut setup = Setup::new();
    let script = "trap 'echo usr1; exit 9' USR1; echo ready; while :; do sleep 0.05; done";
    setup.sandbox.command = ["sh", "-c", script].map(Into::into).into();
    let running = invar_sandbox::spawn(&setup.sandbox).unwrap();
    let signals = running.signals();
    assert!(running.signal(0).is_err() && running.signal(65).is_err());
    let mut output = Vec::new();
    let finished = running
        .wait_with(&mut |chunk| {
            if output.is_empty() {
                signals.signal(libc::SIGUSR1).unwrap();
            }
            output.extend_from_slice(chunk);
        })
        .unwrap();
    assert_eq!((&output[..], finished.status), (&b"ready\nusr1\n"[..], Status::Exited(9)));
    assert!(signals.signal(libc::SIGUSR1).is_err(), "there is nobody left to signal");
}

/// A caller of its own, whose sandbox has begun; and the sandbox's pipe, which ends when its last process does.
fn caller(setup: &Setup) -> (Child, BufReader<std::io::PipeReader>) {
    let (read, write) = std::io::pipe().unwrap();
    let child = Command::new(PROBE)
        .args(["run", "inherit=1"])
        .arg(format!("root={}", setup.sandbox.root[0].display()))
        .arg(format!("scratch={}", setup.sandbox.scratch.display()))
        .args([
            "--",
            "sh",
            "-c",
            "setsid sleep 1000 & setsid sh -c 'setsid sleep 1000 &'; echo begun; sleep 1000",
        ])
        .stdin(Stdio::null())
        .stdout(write)
        .spawn()
        .unwrap();
    let mut read = BufReader::new(read);
    let mut line = String::new();
    read.read_line(&mut line).unwrap();
    assert_eq!(line, "begun\n");
    (child, read)
}

#[test]
fn killing_the_caller_ends_all() {
    let setup = Setup::new();
    let (mut child, mut pipe) = caller(&setup);
    child.kill().unwrap();
    child.wait().unwrap();
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut pipe, &mut rest).unwrap();
    assert_eq!(rest, "");
}

#[test]
fn killing_the_outer_process_ends_all() {
    let setup = Setup::new();
    let (mut child, mut pipe) = caller(&setup);
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let outer = std::fs::read_to_string(children).unwrap();
    let outer = rustix::process::Pid::from_raw(outer.trim().parse().unwrap()).unwrap();
    rustix::process::kill_process(outer, rustix::process::Signal::KILL).unwrap();
    let mut rest = String::new();
    std::io::Read::read_to_string(&mut pipe, &mut rest).unwrap();
    assert!(rest.contains("ended without a report"), "{rest}");
    child.wait().unwrap();
}

#[test]
fn dropping_a_running_sandbox_ends_it() {
    let mut setup = Setup::new();
    setup.sandbox.command = ["sleep", "1000"].map(Into::into).into();
    let running = invar_sandbox::spawn(&setup.sandbox).unwrap();
    let process = format!("/proc/{}", running.pid());
    assert!(std::path::Path::new(&process).exists());
    std::thread::sleep(Duration::from_millis(50));
    drop(running);
    assert!(!std::path::Path::new(&process).exists());
}

#[test]
fn a_sandbox_outlives_the_thread_that_started_it() {
    let mut setup = Setup::new();
    setup.sandbox.command = ["sh", "-c", "sleep 0.2; exit 3"].map(Into::into).into();
    let sandbox = setup.sandbox.clone();
    let running = std::thread::spawn(move || invar_sandbox::spawn(&sandbox).unwrap()).join().unwrap();
    assert_eq!(running.wait().unwrap().status, Status::Exited(3));
}
