//! Well-known programs from the real archives work in an image that no maintainer script ever ran in.
//!
//! `fixtures/smoke` names the packages, and `commands.tsv` next to it what must work: a line for each command, in three
//! fields that a tab separates.
//!
//! ```text
//! name  command for /bin/sh -c  what it prints, with \n for a line's end but the last
//! ```
//!
//! A command passes if it exits with 0, prints exactly that, and is silent on standard error: some programs go on
//! without what they miss, and only say so. Each of them also works where dpkg installed the same packages.
//!
//! There is no lock next to the fixture. It would age, and the question is whether the archives as they are today work;
//! so a package that changed its scripts is found here first.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::archives::with_shared_store;
use crate::support::{Context, Ran, copy_project, have, is_root, repository, skip};

const TEST: &str = "programs_work_without_their_maintainer_scripts";

/// The exit code of `invar` that says that a download failed.
const DOWNLOAD_FAILED: i32 = 4;

/// One line of the table.
struct Case<'a> {
    name: &'a str,
    command: &'a str,
    expected: String,
}

fn cases(table: &str) -> Vec<Case<'_>> {
    let case = |line| {
        let fields: Vec<&str> = str::split(line, '\t').collect();
        let &[name, command, expected] = fields.as_slice() else { panic!("three fields: {line}") };
        assert!(!expected.is_empty(), "{name} must print something: an exit code says too little");
        Case { name, command, expected: expected.replace("\\n", "\n") }
    };
    table.lines().map(case).collect()
}

/// Runs each of the arguments from the third on in the root `$1`, and leaves what came of the first in `$2/0.stdout`,
/// `$2/0.stderr` and `$2/0.code`, and so on.
///
/// This shell is alone in its namespaces, so nothing of it is left when it ends: it sees no network, and its
/// processes only. Of `/dev` there is what a container engine gives.
const RUN_ALL: &str = r#"
set -e
root=$1 results=$2
shift 2
umask 022
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero full random urandom; do
    : >"$root/dev/$device"
    mount --bind "/dev/$device" "$root/dev/$device"
done
ln -s /proc/self/fd "$root/dev/fd"
mkdir -m 1777 "$root/dev/shm"
number=0
for command; do
    result=$results/$number
    code=0
    env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
        chroot "$root" /bin/sh -c "$command" </dev/null >"$result.stdout" 2>"$result.stderr" || code=$?
    echo "$code" >"$result.code"
    number=$((number + 1))
done
"#;

/// What came of all commands, in their order.
fn run_all(root: &Path, results: &Path, cases: &[Case<'_>]) -> Vec<Ran> {
    fs::create_dir(results).expect("the folder is new");
    let mut unshare = Command::new("unshare");
    unshare
        .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", RUN_ALL, "sh"])
        .args([root, results])
        .args(cases.iter().map(|case| case.command));
    Ran::of(&mut unshare).success();
    let read = |number: usize, what| {
        let path = results.join(format!("{number}.{what}"));
        String::from_utf8_lossy(&fs::read(&path).expect("a result of every command")).into_owned()
    };
    let result = |number| Ran {
        code: read(number, "code").trim().parse().expect("a number"),
        stdout: read(number, "stdout"),
        stderr: read(number, "stderr"),
    };
    (0..cases.len()).map(result).collect()
}

/// What is wrong with `ran`, or nothing.
fn fault(case: &Case<'_>, ran: &Ran) -> Option<String> {
    let printed = ran.stdout.trim_end_matches('\n');
    let passed = ran.code == 0 && printed == case.expected && ran.stderr.is_empty();
    (!passed).then(|| {
        format!(
            "{}: {}\n  expected {:?}\n  found    {printed:?}, exit code {}\n  standard error: {}",
            case.name,
            case.command,
            case.expected,
            ran.code,
            ran.stderr.trim_end()
        )
    })
}

/// The root file system of the fixture's image; `None` where the archives are out of reach.
fn build(context: &Context) -> Option<PathBuf> {
    let (project, root) = (context.path().join("project"), context.path().join("root"));
    copy_project(&repository().join("fixtures/smoke"), &project);
    let locked = Ran::of(context.invar().args(["lock", "--json"]).arg(&project));
    if locked.code == DOWNLOAD_FAILED {
        let told = serde_json::from_str(locked.stderr.lines().last().unwrap_or_default());
        let error: serde_json::Value = told.expect("--json tells the error as JSON");
        skip(TEST, error["message"].as_str().and_then(|why| why.lines().next()).unwrap_or_default());
        return None;
    }
    let printed: serde_json::Value = serde_json::from_str(&locked.success()).expect("--json prints JSON");
    assert_eq!(printed["unknown-scripts"], serde_json::json!([]), "somebody has to read these scripts");
    Ran::of(
        context.invar().args(["build", "--locked", "--format", "rootfs-dir", "-o"]).args([&root, &project]),
    )
    .success();
    Some(root)
}

#[test]
fn programs_work_without_their_maintainer_scripts() {
    if !is_root(TEST) || !have(TEST, &["unshare", "mount", "chroot"]) {
        return;
    }
    let context = with_shared_store();
    let Some(root) = build(&context) else { return };
    let table =
        fs::read_to_string(repository().join("fixtures/smoke/commands.tsv")).expect("the table is there");
    let cases = cases(&table);
    let results = run_all(&root, &context.path().join("results"), &cases);
    let faults: Vec<String> = cases.iter().zip(&results).filter_map(|(case, ran)| fault(case, ran)).collect();
    assert!(
        faults.is_empty(),
        "{} of {} commands fail\n\n{}",
        faults.len(),
        cases.len(),
        faults.join("\n\n")
    );
}
