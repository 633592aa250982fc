use std::fs;
use std::io::{Read, Write};
use std::sync::Barrier;

use invar_store::{Store, StoreError};
use invar_tree::Digest;

use crate::{fixture, list, overwrite};

pub(crate) fn put(store: &Store, bytes: &[u8]) -> Digest {
    let mut writer = store.blob_writer().unwrap();
    writer.write_all(bytes).unwrap();
    writer.commit().unwrap().0
}

#[test]
fn what_is_written_is_found_by_its_digest() {
    let fixture = fixture();
    let store = &fixture.store;
    for bytes in [b"".as_slice(), b"hello", &vec![7; 300_000]] {
        let digest = Digest::of(bytes);
        assert!(!store.has_blob(&digest));
        assert!(matches!(store.open_blob(&digest), Err(StoreError::Missing { .. })));
        assert_eq!(put(store, bytes), digest);
        let (mut file, size) = store.open_blob(&digest).unwrap();
        let mut found = Vec::new();
        file.read_to_end(&mut found).unwrap();
        assert_eq!((found.as_slice(), size), (bytes, bytes.len() as u64));
    }
    assert_eq!(list(&store.path().join("tmp")), [""; 0]);
}

#[test]
fn another_digest_than_expected_is_refused() {
    let fixture = fixture();
    let expected = Digest::of(b"hello");
    let mut writer = fixture.store.blob_writer().unwrap();
    writer.write_all(b"hell").unwrap();
    let error = writer.commit_as(&expected).unwrap_err();
    let StoreError::Mismatch { found, size, .. } = error else { panic!("{error:?}") };
    assert_eq!((found, size), (Digest::of(b"hell"), 4));
    assert!(!fixture.store.has_blob(&expected) && !fixture.store.has_blob(&found));
    assert_eq!(list(fixture.store.path()), [".gitignore", "format", "tmp/"]);
}

#[test]
fn an_interrupted_writer_leaves_nothing() {
    let fixture = fixture();
    let mut writer = fixture.store.blob_writer().unwrap();
    writer.write_all(&vec![1; 300_000]).unwrap();
    assert_eq!(list(&fixture.store.path().join("tmp")).len(), 1);
    // Someone who cleans up does not take what is being written.
    Store::open(fixture.store.path()).unwrap();
    assert_eq!(list(&fixture.store.path().join("tmp")).len(), 1);
    drop(writer);
    assert_eq!(list(fixture.store.path()), [".gitignore", "format", "tmp/"]);
}

#[test]
fn many_may_write_the_same_blob() {
    let fixture = fixture();
    let bytes = vec![42; 1 << 20];
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = Store::open(fixture.store.path()).unwrap();
                barrier.wait();
                put(&store, &bytes);
                let (file, size) = store.open_blob(&Digest::of(&bytes)).unwrap();
                assert_eq!(size, file.metadata().unwrap().len());
            });
        }
    });
    assert_eq!(fs::read(fixture.store.blob_path(&Digest::of(&bytes))).unwrap(), bytes);
}

#[test]
fn an_emptied_blob_is_absent_and_can_be_made_again() {
    let fixture = fixture();
    let digest = put(&fixture.store, b"hello");
    overwrite(&fixture.store.blob_path(&digest), b"");
    assert!(!fixture.store.has_blob(&digest));
    assert!(matches!(fixture.store.open_blob(&digest), Err(StoreError::Missing { .. })));
    put(&fixture.store, b"hello");
    assert_eq!(fixture.store.blob_size(&digest), Some(5));
}

#[test]
fn only_a_damaged_blob_is_discarded() {
    let fixture = fixture();
    let digest = put(&fixture.store, b"hello");
    assert!(!fixture.store.discard_damaged_blob(&digest).unwrap());
    assert!(fixture.store.has_blob(&digest));
    overwrite(&fixture.store.blob_path(&digest), b"hullo");
    assert!(fixture.store.discard_damaged_blob(&digest).unwrap());
    assert!(!fixture.store.has_blob(&digest));
    assert!(fixture.store.discard_damaged_blob(&digest).unwrap());
}

#[test]
fn a_folder_that_vanishes_is_made_again() {
    let fixture = fixture();
    put(&fixture.store, b"one");
    for name in ["tmp", "blobs"] {
        fs::remove_dir_all(fixture.store.path().join(name)).unwrap();
    }
    let digest = put(&fixture.store, b"two");
    assert!(fixture.store.has_blob(&digest));
}
