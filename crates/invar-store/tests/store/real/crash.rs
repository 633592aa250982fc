use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;

use invar_store::Store;
use invar_tree::Digest;

use crate::{child, fixture, list};

#[test]
fn what_a_killed_process_leaves_is_removed_and_what_a_living_one_holds_is_not() {
    let fixture = fixture();
    let store = &fixture.store;
    let (mut child, _output) = child::start(child::command("hold", store.path(), &[]));
    // Not by `list`, which cannot look into all of them unless root runs it.
    let names = || -> BTreeSet<_> {
        #[expect(clippy::disallowed_methods, reason = "sorted by the set")]
        let entries = fs::read_dir(store.path().join("tmp")).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    let held = names();
    assert_eq!(held.len(), 7, "a blob; a tree, a scratch folder and a checkout with their locks: {held:?}");
    Store::open(store.path()).unwrap();
    assert_eq!(names(), held);
    assert!(store.try_partial(&Digest::of(b"hello world")).unwrap().is_none());

    child.kill().unwrap();
    child.wait().unwrap();
    Store::open(store.path()).unwrap();
    assert_eq!(list(&store.path().join("tmp")), [""; 0]);
    assert!(store.tree(&crate::key("held")).unwrap().is_none());

    // What it had downloaded is still of use.
    let mut partial = store.partial(&Digest::of(b"hello world")).unwrap();
    assert_eq!(partial.len(), 5);
    partial.write_all(b" world").unwrap();
    partial.commit(None).unwrap();
}

#[test]
fn a_kill_at_any_point_leaves_a_good_store() {
    let fixture = fixture();
    let store = &fixture.store;
    // A kill that falls between two steps by chance every time would hide a fault: the delays step through a few
    // rounds of the child's work, which takes some milliseconds each.
    for delay in 0..25 {
        let (mut child, _output) = child::start(child::command("work", store.path(), &[]));
        std::thread::sleep(Duration::from_micros(700 * delay));
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9), "it should have worked on");
        Store::open(store.path()).unwrap();
        assert_eq!(list(&store.path().join("tmp")), [""; 0]);
    }
    let mut blobs = 0;
    for name in list(&store.path().join("blobs/sha256")) {
        if let Some((_, hex)) = name.split_once('/').filter(|(_, hex)| !hex.is_empty()) {
            let digest = Digest::from_hex(hex).unwrap();
            assert_eq!(Digest::of(&fs::read(store.blob_path(&digest)).unwrap()), digest);
            blobs += 1;
        }
    }
    assert!(blobs > 0, "no child got to work");
    let user = fs::metadata("/proc/self").unwrap().uid();
    let checkouts = store.path().join(format!("checkouts/{user}"));
    for number in 0..blobs {
        let key = crate::key(&format!("work {number}"));
        let folder = crate::entry(store, "trees", &key);
        let there = folder.exists();
        assert_eq!(store.tree(&key).unwrap().is_some(), there, "{number} was found damaged");
        assert!(!there || !store.discard_damaged_tree(&key).unwrap(), "{number} was found damaged");
        let folder = checkouts.join(key.to_string().split_at(2).0).join(key.to_string());
        let there = folder.exists();
        assert_eq!(store.checkout(&key).unwrap().is_some(), there, "{number} was found damaged");
        let file = crate::entry(store, "results", &key).with_extension("json");
        assert_eq!(store.result::<String>(&key).unwrap().is_some(), file.exists(), "{number}");
    }
}
