//! What is refused, and how that is said.
use std::process::Command;

use invar_sandbox::{Bind, SandboxError};

use crate::setup::{PROBE, Setup};

#[test]
fn this_host_allows_sandboxes() {
    invar_sandbox::available(PROBE.as_ref()).unwrap();
    let error = invar_sandbox::available("/no/such/program".as_ref()).unwrap_err();
    assert!(matches!(error, SandboxError::Spawn { .. }), "{error:?}");
    let error = invar_sandbox::available("/bin/true".as_ref()).unwrap_err();
    assert!(matches!(error, SandboxError::Died { .. }), "{error:?}");
}

#[test]
fn a_host_without_user_namespaces_is_told_which_setting_it_is() {
    let script = format!("echo 0 > /proc/sys/user/max_user_namespaces && exec {PROBE} available");
    let output = Command::new("unshare").args(["-Ur", "sh", "-c", &script]).output();
    match output {
        Ok(output) if output.status.success() => {
            let output = String::from_utf8(output.stdout).unwrap();
            assert!(output.contains("user.max_user_namespaces is 0"), "{output}");
            assert!(output.contains("sysctl user.max_user_namespaces="), "{output}");
        }
        other => eprintln!("SKIPPED: unshare cannot make a user namespace here: {other:?}"),
    }
}

#[test]
fn a_sandbox_in_a_sandbox_is_told_about_the_filter() {
    let output = Setup::new().sh("probe available");
    assert!(output.contains("seccomp filter"), "{output}");
}

#[test]
fn nonsense_is_refused_before_anything_starts() {
    let check = |change: &dyn Fn(&mut Setup), expected: &str| {
        let mut setup = Setup::new();
        setup.sandbox.command = vec!["true".into()];
        change(&mut setup);
        let error = invar_sandbox::run(&setup.sandbox, &mut |_| {}).unwrap_err();
        assert!(matches!(error, SandboxError::Invalid { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error} should contain {expected}");
    };
    check(&|setup| setup.sandbox.command.clear(), "program's name");
    check(&|setup| setup.sandbox.command[0] = "".into(), "has a name");
    check(&|setup| setup.sandbox.command.push("a\0b".into()), "zero bytes");
    check(&|setup| setup.sandbox.root.clear(), "at least one tree");
    check(&|setup| setup.sandbox.directory = "app".into(), "absolute path");
    check(&|setup| setup.sandbox.directory = "/app/../etc".into(), "without `..`");
    check(&|setup| setup.sandbox.host_name = "x".repeat(65), "64 bytes");
    check(&|setup| setup.sandbox.user = u32::MAX, "below 4294967295");
    check(&|setup| drop(setup.sandbox.environment.insert("A=B".into(), "".into())), "without `=`");
    check(
        &|setup| setup.sandbox.binds = vec![Bind { source: "/".into(), target: "x".into(), writable: false }],
        "absolute path",
    );
}

#[test]
fn a_failed_step_says_what_it_was_about() {
    let check = |change: &dyn Fn(&mut Setup), expected: &str| {
        let mut setup = Setup::new();
        setup.sandbox.command = vec!["true".into()];
        change(&mut setup);
        let error = invar_sandbox::run(&setup.sandbox, &mut |_| {}).unwrap_err();
        assert!(matches!(error, SandboxError::Setup { .. }), "{error:?}");
        assert!(error.to_string().contains(expected), "{error} should contain {expected}");
    };
    check(&|setup| setup.sandbox.root.push("/no/such/tree".into()), "/no/such/tree");
    check(&|setup| setup.sandbox.scratch = "/no/such/scratch".into(), "/no/such/scratch");
    check(&|setup| setup.sandbox.directory = "/etc/fixed/below".into(), "/etc/fixed/below");
    let missing = || Bind { source: "/no/such/source".into(), target: "/x".into(), writable: false };
    check(&|setup| setup.sandbox.binds = vec![missing()], "/no/such/source to /x");
}

#[test]
fn a_program_that_is_no_sandbox_is_told() {
    let mut setup = Setup::new();
    setup.sandbox.program = "/bin/true".into();
    let error = setup.run(&["true"]).unwrap_err();
    assert!(matches!(error, SandboxError::Died { .. }), "{error:?}");
    setup.sandbox.program = "/no/such/program".into();
    let error = setup.run(&["true"]).unwrap_err();
    assert!(matches!(error, SandboxError::Spawn { .. }), "{error:?}");
}
