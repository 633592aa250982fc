//! What a command is made to see that is not so.
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use invar_sandbox::{Status, SyscallFakes};

use crate::setup::Setup;

/// Ten thousand days, in seconds.
const AHEAD: i64 = 10_000 * 86_400;

fn now() -> i64 {
    #[expect(clippy::disallowed_methods, reason = "the test compares with the host's clock")]
    let now = SystemTime::now();
    i64::try_from(now.duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// A sandbox whose clock is ahead.
fn ahead() -> Setup {
    let mut setup = Setup::new();
    setup.sandbox.fakes = SyscallFakes { clock: AHEAD, ..SyscallFakes::NONE };
    setup
}

#[track_caller]
fn expect_ahead(printed: &str) {
    let shown: i64 = printed.trim().parse().unwrap_or_else(|_| panic!("{printed:?} should be a number"));
    assert!((shown - now() - AHEAD).abs() < 600, "{shown} should be {AHEAD} seconds ahead of {}", now());
}

#[test]
fn every_way_to_ask_for_the_time_is_ahead() {
    let mut setup = ahead();
    // By the C library, in a child, and after a program has put another in its own place.
    expect_ahead(&setup.sh("date +%s"));
    expect_ahead(&setup.sh("(exec sh -c 'exec date +%s')"));
    // By the standard library of Rust, in another thread, and by three system calls.
    for way in ["time", "time-in-thread", "time-by-call"] {
        for shown in setup.sh(&format!("probe try {way}")).split_whitespace() {
            expect_ahead(shown);
        }
    }
    setup.sandbox.fakes = SyscallFakes::NONE;
    let shown: i64 = setup.sh("date +%s").trim().parse().unwrap();
    assert!((shown - now()).abs() < 600, "without the fakes it is the host's time");
}

#[test]
fn waiting_takes_no_longer() {
    let mut setup = ahead();
    setup.sandbox.limits.time = Some(std::time::Duration::from_secs(60));
    assert_eq!(setup.sh("sleep 0.01; probe try wait-until"), "timed out\n");
}

#[test]
fn processes_end_stop_and_go_on_as_usual() {
    let mut setup = ahead();
    let (_, finished) = setup.run(&["sh", "-c", "exit 7"]).unwrap();
    assert_eq!(finished.status, Status::Exited(7));
    let (_, finished) = setup.run(&["sh", "-c", "kill -TERM $$"]).unwrap();
    assert_eq!(finished.status, Status::Signaled(15));
    let script = "exec 2> /dev/null; sleep 30 & child=$!; kill -STOP $child; kill -CONT $child; kill -TERM $child; wait $child; echo $?; \
                  trap 'echo caught' USR1; kill -USR1 $$; no-such-program || echo $?";
    assert_eq!(setup.sh(script), "143\ncaught\n127\n");
}

#[test]
fn folders_are_listed_backwards() {
    let mut setup = Setup::new();
    let folder = setup.tree("app/many");
    fs::create_dir(&folder).unwrap();
    for number in 0..3000 {
        fs::write(folder.join(format!("{number}-{}", "x".repeat(20))), "").unwrap();
    }
    let list = "ls -U /app/many";
    let usual = setup.sh(list);
    setup.sandbox.fakes = SyscallFakes { backwards: true, ..SyscallFakes::NONE };
    let turned = setup.sh(list);
    assert_ne!(usual, turned);
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&usual), sorted(&turned), "nothing is lost or twice in a folder of several portions");
    let few = "mkdir -p /tmp/f; touch /tmp/f/a /tmp/f/b /tmp/f/c; ls -U /tmp/f";
    let turned = setup.sh(few);
    setup.sandbox.fakes = SyscallFakes::NONE;
    let usual = setup.sh(few);
    assert_eq!(usual.lines().rev().collect::<Vec<_>>(), turned.lines().collect::<Vec<_>>());
    assert!(setup.sh("rm -r /app/many && echo gone").contains("gone"));
}

#[test]
fn owners_are_recorded_all_the_same() {
    let mut setup = ahead();
    setup.sandbox.fakes.backwards = true;
    setup.sandbox.ownership = invar_sandbox::Ownership::Recorded;
    let (output, finished) =
        setup.run(&["sh", "-c", "touch /app/file; chown 7:8 /app/file; date +%s"]).unwrap();
    expect_ahead(&output);
    assert_eq!(finished.owners.iter().map(|(_, owner)| owner).collect::<Vec<_>>(), [(7, 8)]);
}
