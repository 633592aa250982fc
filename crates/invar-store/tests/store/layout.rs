use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Barrier;

use invar_store::{Store, StoreError};
use invar_tree::Digest;

use crate::tree::put_sample;
use crate::{fixture, list};

#[test]
fn the_layout_is_pinned() {
    let fixture = fixture();
    let store = &fixture.store;
    crate::blob::put(store, b"hello");
    store.put_result(&crate::key("r"), &7).unwrap();
    put_sample(store, &crate::key("t"));
    std::io::Write::write_all(&mut store.partial(&Digest::of(b"x")).unwrap(), b"be").unwrap();
    let result = crate::key("r").to_string();
    let tree = crate::key("t").to_string();
    let expected = format!(
        ".gitignore\nblobs/\nblobs/sha256/\nblobs/sha256/2c/\n\
        blobs/sha256/2c/2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\n\
        format\npartial/\n\
        partial/2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\n\
        results/\nresults/{r}/\nresults/{r}/{result}.json\ntmp/\ntrees/\ntrees/{t}/\ntrees/{t}/{tree}/\n\
        trees/{t}/{tree}/attachment.control\ntrees/{t}/{tree}/seal\ntrees/{t}/{tree}/segment.tar\n\
        trees/{t}/{tree}/segment.tar.gz\ntrees/{t}/{tree}/tree",
        r = &result[..2],
        t = &tree[..2],
    );
    // If this is intended, raise the number in the store's format.
    assert_eq!(list(store.path()).join("\n"), expected);
    assert_eq!(fs::read_to_string(store.path().join("format")).unwrap(), "invar-store 1\n");
    assert_eq!(fs::read_to_string(store.path().join(".gitignore")).unwrap(), "*\n");
}

#[test]
fn a_gitignore_of_somebodys_own_stays() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join(".gitignore"), "*\n!.gitignore\n").unwrap();
    Store::open(directory.path()).unwrap();
    assert_eq!(fs::read_to_string(directory.path().join(".gitignore")).unwrap(), "*\n!.gitignore\n");
}

#[test]
fn finished_files_are_not_writable() {
    let fixture = fixture();
    let digest = crate::blob::put(&fixture.store, b"hello");
    let mode = fs::metadata(fixture.store.blob_path(&digest)).unwrap().permissions().mode();
    assert_eq!(mode & 0o222, 0, "{mode:o}");
    assert_eq!(mode & 0o400, 0o400, "{mode:o}");
}

#[test]
fn another_version_of_the_store_is_refused_and_left_alone() {
    let fixture = fixture();
    fs::write(fixture.store.path().join("format"), "invar-store 2\n").unwrap();
    let error = Store::open(fixture.store.path()).unwrap_err();
    let StoreError::Format { found, .. } = &error else { panic!("{error:?}") };
    assert_eq!(found, "invar-store 2");
    assert!(error.to_string().contains("delete this one"), "{error}");
    assert_eq!(fs::read_to_string(fixture.store.path().join("format")).unwrap(), "invar-store 2\n");
}

#[test]
fn a_folder_with_other_things_in_it_does_not_become_a_store() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("tmp")).unwrap();
    fs::write(directory.path().join("tmp/precious"), "data").unwrap();
    let error = Store::open(directory.path()).unwrap_err();
    assert!(matches!(&error, StoreError::NotAStore { name, .. } if name == "tmp"), "{error:?}");
    assert_eq!(list(directory.path()), ["tmp/", "tmp/precious"]);
}

#[test]
fn a_store_that_was_begun_is_finished() {
    for begun in ["", "invar-st"] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("format"), begun).unwrap();
        fs::write(directory.path().join(".gitignore"), "").unwrap();
        Store::open(directory.path()).unwrap();
        assert_eq!(fs::read_to_string(directory.path().join(".gitignore")).unwrap(), "*\n");
        assert_eq!(fs::read_to_string(directory.path().join("format")).unwrap(), "invar-store 1\n");
    }
}

#[test]
fn a_file_is_not_a_store() {
    let file = tempfile::NamedTempFile::new().unwrap();
    assert!(matches!(Store::open(file.path()), Err(StoreError::Io { .. })));
}

#[test]
fn many_may_make_the_store_at_once() {
    for _ in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("a/b/store");
        let barrier = Barrier::new(8);
        std::thread::scope(|scope| {
            for number in 0..8_u8 {
                let (root, barrier) = (&root, &barrier);
                scope.spawn(move || {
                    barrier.wait();
                    let store = Store::open(root).unwrap();
                    let digest = crate::blob::put(&store, &[number]);
                    assert!(store.has_blob(&digest));
                });
            }
        });
    }
}

#[test]
fn a_store_with_keys_of_another_encoding_is_used_on() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store");
    let blob = Digest::of(b"downloaded");
    // As versions wrote it whose keys were texts by name: this is the key of ("deb-tree", docs = false, deb = ab).
    let old = "d94fc2f6931e5dd8b5cea485928ddd7fe0119f53b28fe6a11344e4c20ff94ead";
    let files = [
        ("format".to_owned(), "invar-store 1\n"),
        (format!("blobs/sha256/{}/{}", &blob.hex()[..2], blob.hex()), "downloaded"),
        (format!("results/d9/{old}.json"), "7\n"),
        (format!("trees/d9/{old}/tree"), "a listing"),
        (format!("trees/d9/{old}/seal"), "a seal"),
    ];
    for (name, text) in &files {
        let file = path.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let store = Store::open(&path).unwrap();
    assert!(store.has_blob(&blob), "what was downloaded is not fetched again");
    assert_eq!(store.result::<u32>(&crate::key("deb-tree")).unwrap(), None);
    assert!(store.tree(&crate::key("deb-tree")).unwrap().is_none());
    store.put_result(&crate::key("deb-tree"), &8).unwrap();
    put_sample(&store, &crate::key("deb-tree"));
    assert_eq!(store.result::<u32>(&crate::key("deb-tree")).unwrap(), Some(8));
    for (name, text) in &files {
        assert_eq!(fs::read_to_string(path.join(name)).unwrap(), *text, "{name} is another version's");
    }
}
