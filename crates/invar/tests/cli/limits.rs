//! What a build may use up, and what is said when that is not enough.
use std::fs;

use crate::support::tools::{Tools, as_anyone};
use crate::support::{Ran, skip};

/// A project with the one step `greedy`.
fn project(run: &str, more: &str) -> Tools {
    let step =
        format!("[[step]]\nname = \"greedy\"\nrun = \"\"\"{run}\"\"\"\noutputs = {{ x = \"/x\" }}\n{more}\n");
    Tools::locked(&format!("[image]\nname = \"limited\"\n{step}"))
}

/// Builds the project, which must fail; what is said has to hold all of `expected`, and nothing must be left.
#[track_caller]
fn fails(project: &Tools, options: &[&str], expected: &[&str]) {
    let mut arguments = vec!["build", "--locked"];
    arguments.extend(options);
    arguments.push("project");
    for as_root in [true, false] {
        let mut command = project.invar();
        command.args(&arguments);
        let ran =
            if as_root { Ran::of(&mut command) } else { Ran::of(&mut as_anyone(&project.context, &command)) };
        let message = ran.failure(1);
        for words in expected {
            assert!(message.contains(words), "{words:?} is not in:\n{message}");
        }
        assert_eq!(project.unfinished(), 0, "nothing is left behind");
    }
}

#[test]
fn a_step_that_never_ends() {
    // What it has started goes on when it is gone, and that must end as well: a build waits for it.
    let project = project("setsid sleep 1000000 & sleep 1000000", "timeout = \"1s\"");
    fails(&project, &[], &["step greedy took longer than 1s", "increase `timeout`"]);
}

#[test]
fn a_step_that_eats_memory() {
    let project = project("dd if=/dev/zero of=/tmp/x bs=1M count=1000; touch x", "");
    let mut command = project.invar();
    command.args(["build", "--locked", "--build-memory", "64MiB", "project"]);
    let ran = Ran::of(&mut command);
    if ran.code == 0 {
        skip("a_step_that_eats_memory", "this host lets nobody make a control group that counts memory");
        return;
    }
    let message = ran.failure(1);
    assert!(message.contains("step greedy ran out of memory: the limit is 64 MiB"), "{message}");
    assert!(message.contains("--build-memory"), "{message}");
    // With enough of it, the same step ends well.
    project.run(&["build", "--locked", "--build-memory", "2GiB", "project"]).success();
}

#[test]
fn a_step_that_forks_without_end() {
    let project = project("while :; do sleep 1000000 & done", "");
    fails(&project, &[], &["step greedy failed with exit code 2", "Cannot fork", "4096 processes"]);
}

#[test]
fn a_step_that_fills_the_disk() {
    let endless = "i=0; while :; do dd if=/dev/zero of=$i bs=1M count=4 2>/dev/null; i=$((i + 1)); done";
    let expected = ["step greedy wrote too much: the limit is 48 MiB of disk", "--build-disk"];
    fails(&project(endless, ""), &["--build-disk", "48MiB"], &expected);
    let one = "dd if=/dev/zero of=x bs=1M count=100";
    fails(&project(one, ""), &["--build-disk", "48MiB"], &["step greedy", "--build-disk"]);
}

#[test]
fn a_step_that_prints_without_end() {
    // A line without an end, and more of them than anybody reads: the log has an end, and so has the message.
    let project = project("dd if=/dev/zero bs=1M count=20 2>/dev/null; echo; echo over; exit 3", "");
    fails(&project, &[], &["step greedy failed with exit code 3", "| over"]);
    #[expect(clippy::disallowed_methods, reason = "there is one")]
    let logs = fs::read_dir(project.context.store().join("logs")).expect("there is a log");
    let sizes: Vec<u64> =
        logs.map(|log| log.expect("it is there").metadata().expect("it is there").len()).collect();
    assert_eq!(sizes.len(), 1);
    assert!(sizes[0] < (16 << 20) + 100, "{sizes:?}");
}

#[test]
fn a_size_that_is_none() {
    let project = project("true", "");
    for size in ["4", "GiB", "0GiB", "-1GiB", "4GB", "99999999999TiB"] {
        let message = project.run(&["build", &format!("--build-disk={size}"), "project"]).failure(2);
        assert!(message.contains("for example 4GiB"), "{message}");
    }
}
