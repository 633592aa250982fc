//! Maintainer scripts of real packages.
//!
//! The fixture is `fixtures/scripts/small`. Larger ones next to it take too long for every change; `cargo xtask proof
//! scripts` builds them all, as CONTRIBUTING.md says.
use std::fs;
use std::path::Path;
use std::process::Command;

use super::archives::with_shared_store;
use crate::support::world::digest;
use crate::support::{Ran, copy_project, repository, skip};

/// Makes the new folder `to` with the files of `from`.
fn link_files(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder can be made");
    #[expect(clippy::disallowed_methods, reason = "the order in which links are made is of no interest")]
    let entries = fs::read_dir(from).expect("the store can be read");
    for entry in entries.flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        match source.is_dir() {
            true => link_files(&source, &target),
            false => fs::hard_link(source, target).expect("both are on one file system"),
        }
    }
}

/// The lines of the fixture's table: name, command, what it prints.
fn commands(fixture: &Path) -> Vec<(String, String, String)> {
    let table = fs::read_to_string(fixture.join("commands.tsv")).expect("the table is there");
    let case = |line: &str| match line.split('\t').collect::<Vec<_>>().as_slice() {
        [name, command, expected] => {
            ((*name).to_owned(), (*command).to_owned(), expected.replace("\\n", "\n"))
        }
        _ => panic!("three fields: {line}"),
    };
    table.lines().map(case).collect()
}

#[test]
fn real_packages_are_configured_to_the_same_bits_and_work() {
    let context = with_shared_store();
    let fixture = repository().join("fixtures/scripts/small");
    copy_project(&fixture, &context.path().join("small"));
    let locked = context.run(&["lock", "small"]);
    if locked.code == 4 {
        let why = locked.stderr.lines().next().unwrap_or_default();
        skip("real_packages_are_configured_to_the_same_bits_and_work", why);
        return;
    }
    locked.success();
    // Only what was downloaded, in two stores of their own.
    let build = |name: &str, through: &[&str]| {
        let store = context.path().join(name).join("store");
        link_files(&context.store().join("blobs"), &store.join("blobs"));
        fs::copy(context.store().join("format"), store.join("format")).expect("the store can be copied");
        let project = context.path().join(name).join("project");
        copy_project(&context.path().join("small"), &project);
        let invar = context.invar();
        let mut command = Command::new(through[0]);
        command.args(&through[1..]).arg(invar.get_program()).args(["build", "--locked", "--json", "-o"]);
        command.arg(context.path().join(name).join("small.tar")).arg(&project).env_clear();
        command.envs(invar.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("INVAR_STORE", store);
        command
    };
    let built = Ran::of(&mut build("plain", &["/usr/bin/env"]));
    assert!(
        built.stderr.contains("/etc/ssh/ssh_host_ed25519_key\""),
        "a note of what is left out: {}",
        built.stderr
    );
    let plain = digest(&built.success());
    let mut other = build("another path", &["/bin/sh", "-c", "umask 077; exec \"$@\"", "sh"]);
    other.env("TZ", "America/St_Johns").env("LC_ALL", "tr_TR.UTF-8").env("HOME", "/nonexistent");
    other.env("USER", "somebody").env("INVAR_JOBS", "1");
    assert_eq!(digest(&Ran::of(&mut other).success()), plain);

    let mut faults = Vec::new();
    for (name, command, expected) in commands(&fixture) {
        let mut run = context.invar();
        run.env("INVAR_STORE", context.path().join("plain/store"));
        run.args(["run", "--quiet", "--locked", "--entrypoint", "/bin/sh", "small", "--", "-c", &command]);
        let ran = Ran::of(&mut run);
        if (ran.code, ran.stdout.trim_end_matches('\n')) != (0, &expected) {
            faults.push(format!("{name}: {command}\n  expected {expected:?}\n  found    {ran:?}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
