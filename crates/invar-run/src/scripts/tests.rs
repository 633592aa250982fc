//! Maintainer scripts, with an executor that runs nothing.
use invar_maintscript::{Configuration, clean};
use invar_tree::{Contents as _, MemoryTree, Mode, Owner, Sink as _};

use super::*;
use crate::executor::RootTree;
use crate::executor::fake::{FakeExecutor, FakeRun};
use crate::fixture::{Fixture, Warnings};

/// A tree of lines `MODE PATH TEXT`; a directory's path ends with a slash.
fn tree_of(origin: Origin, lines: &[&str]) -> MemoryTree {
    let mut tree = MemoryTree::new(origin);
    for line in lines {
        let fields: Vec<&str> = line.split(' ').collect();
        let mode = Mode::new(u32::from_str_radix(fields[0], 8).expect("a mode is a number"));
        let path = ImagePath::parse(fields[1].trim_end_matches('/')).expect("it is a path");
        let made = match fields.get(2) {
            Some(text) => tree.file(path, mode, Owner::ROOT, &mut text.as_bytes()),
            None => tree.directory(path, mode, Owner::ROOT),
        };
        made.expect("the entries form a tree");
    }
    tree
}

#[test]
fn what_handlers_made_stays_where_scripts_do_not_replace_it() {
    let handler = Origin::Handler { name: "test".into() };
    let made =
        tree_of(handler, &["755 etc/x/", "644 etc/x/kept 1", "644 etc/x/replaced 1", "644 etc/y/gone 1"]);
    let handlers = Configuration { tree: made.clone(), removed: Vec::new() };
    // The directory gets another mode only, so what is in it stays.
    let changed = tree_of(Origin::Scripts, &["700 etc/x/", "644 etc/x/replaced 2", "644 etc/x/new 2"]);
    let removed = [ImagePath::parse("etc/y").expect("it is a path")];
    let ran =
        ScriptRun { native: &made, sandbox: made.tree(), changed: &changed, removed: &removed, docs: false };
    let cleaned = clean(&ran).expect("it can be cleaned");
    let both = together(handlers, cleaned, changed);
    let entries: Vec<String> = both
        .tree
        .iter()
        .map(|(path, entry)| {
            let text = both.contents.read(path).unwrap_or_default();
            format!("{} {path} {}{}", entry.mode, entry.origin, String::from_utf8_lossy(&text))
        })
        .collect();
    let expected = [
        "0755 /etc handler test",
        "0700 /etc/x Debian's maintainer scripts",
        "0644 /etc/x/kept handler test1",
        "0644 /etc/x/new Debian's maintainer scripts2",
        "0644 /etc/x/replaced Debian's maintainer scripts2",
    ];
    assert_eq!(entries, expected);
}

#[test]
fn what_scripts_changed_and_removed_is_laid_over_the_packages_once() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let executor = FakeExecutor::new(|command| {
        assert_eq!(command.arguments, script_command());
        assert_eq!((command.ownership, &command.wanted), (Ownership::Recorded, &Wanted::Changes));
        assert!(matches!(command.root[..], [RootTree::Checkout(_)]));
        FakeRun::leaving(&[("etc/made", b"by a script")])
    });
    let reporter = Warnings::default();
    let tool = "configure = \"run\"\n[image]\nname = \"x\"\n";
    let fixture = Fixture::new(folder.path(), tool, &[], &executor, &reporter);
    let context = fixture.context();
    for _ in 0..2 {
        let mut debian = DebianRoot::realise(&context, &[]).expect("there is nothing to fetch");
        run_maintainer_scripts(&context, &mut debian, &[]).expect("the scripts can be run");
        let made = debian.overlay.tree.get("etc/made").expect("a script made it");
        assert_eq!(*made.origin, Origin::Scripts);
        let path = ImagePath::parse("etc/made").expect("it is a path");
        assert_eq!(debian.configured.read(&path).expect("the store has it"), b"by a script");
    }
    assert_eq!(executor.ran(), [LABEL]);
}

#[test]
fn the_script_that_failed_is_named() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let log = "configuring a\ninvar: odd package post-installation script subprocess failed with exit code 4\nwhat came after\n";
    let executor = FakeExecutor::new(|_| FakeRun::failing(log));
    let reporter = Warnings::default();
    let tool = "configure = \"run\"\n[image]\nname = \"x\"\n";
    let fixture = Fixture::new(folder.path(), tool, &[], &executor, &reporter);
    let mut debian = DebianRoot::realise(&fixture.context(), &[]).expect("there is nothing to fetch");
    let Err(RunError::Step(failure)) = run_maintainer_scripts(&fixture.context(), &mut debian, &[]) else {
        panic!("the scripts failed");
    };
    assert!(
        failure.problem.contains("odd") && failure.problem.contains("exit code 4"),
        "{}",
        failure.problem
    );
    assert_eq!(failure.last_lines.last().map(String::as_str), log.lines().nth(1));
}
