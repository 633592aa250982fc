//! Where sandboxes are forbidden: what forbids them is named, and what needs none works all the same.
//!
//! The host stays as it is: its settings hold for namespaces that a test makes, and a sandbox has a filter of system
//! calls as container engines set one.
use std::process::Command;

use crate::support::tools::{Tools, as_anyone};
use crate::support::world::World;
use crate::support::{Ran, skip};

/// `command` where no user namespaces can be made: in a user namespace that allows none below it.
fn without_namespaces(command: &Command) -> Command {
    let mut unshare = Command::new("unshare");
    let script = "echo 0 > /proc/sys/user/max_user_namespaces && exec \"$@\"";
    unshare.args(["--user", "--map-root-user", "sh", "-c", script, "sh"]).arg(command.get_program());
    unshare.args(command.get_args()).env_clear();
    unshare.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    unshare.current_dir(command.get_current_dir().expect("tests say where"));
    unshare
}

/// Whether this machine lets anyone make user namespaces, which is needed to make one in which they are forbidden.
fn namespaces(test: &str) -> bool {
    let ran = Ran::of(Command::new("unshare").args(["--user", "--map-root-user", "true"]));
    if ran.code != 0 {
        skip(test, "this machine allows no user namespaces");
    }
    ran.code == 0
}

const MANIFEST: &str = "[image]\nname = \"forbidden\"\ncommand = [\"cat\", \"/etc/passwd\"]\n";
const STEP: &str = "[[step]]\nname = \"one\"\nrun = \"echo x > x\"\noutputs = { x = \"/x\" }\n";

#[test]
fn the_setting_is_named() {
    if !namespaces("the_setting_is_named") {
        return;
    }
    let project = Tools::locked(&format!("{MANIFEST}{STEP}"));
    for as_root in [true, false] {
        for arguments in [&["build", "--locked", "project"][..], &["run", "--locked", "project"]] {
            let mut command = project.invar();
            command.args(arguments);
            let mut command = without_namespaces(&command);
            if !as_root {
                // From now on, all of the project is theirs.
                command = as_anyone(&project.context, &command);
            }
            let message = Ran::of(&mut command).failure(1);
            for expected in [
                "step one needs a sandbox",
                "user.max_user_namespaces is 0",
                "sysctl user.max_user_namespaces=",
            ] {
                assert!(message.contains(expected), "{expected:?} is not in:\n{message}");
            }
            assert_eq!(project.unfinished(), 0, "nothing is left behind");
        }
    }
}

#[test]
fn a_filter_of_system_calls_is_named() {
    let project = Tools::locked(&format!("{MANIFEST}{STEP}"));
    // A sandbox has such a filter, so Invar in a sandbox of its own is as in a container engine.
    let program = project.context.path().join("program");
    std::fs::create_dir(&program).expect("the folder can be made");
    std::fs::copy(env!("CARGO_BIN_EXE_invar"), program.join("invar")).expect("the program can be copied");
    let volumes = ["program:/opt/invar:ro", "project:/opt/project", "store:/opt/store"];
    project.write_manifest(MANIFEST);
    project.lock();
    let mut command = project.invar();
    command.args(["run", "--quiet", "--locked", "--entrypoint", "/opt/invar/invar"]);
    for volume in volumes {
        command.args(["--volume", volume]);
    }
    command.args(["project", "--", "run", "--store", "/opt/store", "--locked", "/opt/project"]);
    let message = Ran::of(&mut command).failure(1);
    for expected in ["needs a sandbox", "seccomp filter", "--security-opt seccomp=unconfined"] {
        assert!(message.contains(expected), "{expected:?} is not in:\n{message}");
    }
}

#[test]
fn what_needs_no_sandbox_works_all_the_same() {
    if !namespaces("what_needs_no_sandbox_works_all_the_same") {
        return;
    }
    // Wheels, Debian packages and source: locked and built without any sandbox.
    let world = World::new();
    let mut lock = world.invar();
    lock.args(["lock", "--keyring", "keyring.gpg", "project"]);
    Ran::of(&mut without_namespaces(&lock)).success();
    let mut build = world.invar();
    build.args(["build", "--locked", "--json", "project"]);
    let forbidden = crate::support::world::digest(&Ran::of(&mut without_namespaces(&build)).success());
    let _ = std::fs::remove_dir_all(world.context.store());
    assert_eq!(world.build(), forbidden);
    for format in ["oci-dir", "rootfs", "rootfs-dir"] {
        let mut build = world.invar();
        build.args(["build", "--locked", "--format", format, "-o", format, "project"]);
        Ran::of(&mut without_namespaces(&build)).success();
    }
}
