use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use invar_store::{Store, StoreError};
use invar_tree::Digest;

use crate::{fixture, list};

#[test]
fn what_was_being_finished_can_be_taken_up() {
    // As a process leaves it that dies between taking the right to write away and giving the blob its place. Root may
    // write to it anyway, so only a run as someone else proves something.
    let fixture = fixture();
    let digest = Digest::of(b"hello world");
    fixture.store.partial(&digest).unwrap().write_all(b"hello").unwrap();
    let path = fixture.store.path().join("partial").join(digest.hex());
    fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o444)).unwrap();
    let mut partial = fixture.store.partial(&digest).unwrap();
    assert_eq!(partial.len(), 5);
    partial.write_all(b" world").unwrap();
    assert_eq!(partial.commit(Some(11)).unwrap(), 11);
}

#[test]
fn a_download_goes_on_where_it_stopped() {
    let fixture = fixture();
    let digest = Digest::of(b"hello world");
    let mut partial = fixture.store.partial(&digest).unwrap();
    assert!(partial.is_empty());
    partial.write_all(b"hello").unwrap();
    let error = partial.commit(Some(11)).unwrap_err();
    assert!(matches!(error, StoreError::Length { expected: 11, found: 5, .. }), "{error:?}");

    let mut partial = Store::open(fixture.store.path()).unwrap().partial(&digest).unwrap();
    assert_eq!(partial.len(), 5);
    partial.write_all(b" world").unwrap();
    assert_eq!(partial.commit(Some(11)).unwrap(), 11);
    assert_eq!(fs::read(fixture.store.blob_path(&digest)).unwrap(), b"hello world");
    assert_eq!(list(&fixture.store.path().join("partial")), [""; 0]);
}

#[test]
fn a_damaged_beginning_is_noticed() {
    let fixture = fixture();
    let digest = Digest::of(b"hello world");
    fixture.store.partial(&digest).unwrap().write_all(b"hullo").unwrap();
    let mut partial = fixture.store.partial(&digest).unwrap();
    partial.write_all(b" world").unwrap();
    let error = partial.commit(None).unwrap_err();
    assert!(matches!(error, StoreError::Mismatch { size: 11, .. }), "{error:?}");
    assert!(!fixture.store.has_blob(&digest));
    assert!(fixture.store.partial(&digest).unwrap().is_empty());
}

#[test]
fn what_is_too_long_is_forgotten() {
    let fixture = fixture();
    let digest = Digest::of(b"hello");
    let mut partial = fixture.store.partial(&digest).unwrap();
    partial.write_all(b"hello, all").unwrap();
    let error = partial.commit(Some(5)).unwrap_err();
    assert!(matches!(error, StoreError::Length { expected: 5, found: 10, .. }), "{error:?}");
    assert!(fixture.store.partial(&digest).unwrap().is_empty());
}

#[test]
fn a_restart_forgets_what_was_there() {
    let fixture = fixture();
    let digest = Digest::of(b"hello");
    let mut partial = fixture.store.partial(&digest).unwrap();
    partial.write_all(b"other").unwrap();
    partial.restart().unwrap();
    partial.write_all(b"hello").unwrap();
    partial.commit(None).unwrap();
    assert!(fixture.store.has_blob(&digest));
}

#[test]
fn a_second_one_waits_and_then_finds_the_blob() {
    let fixture = fixture();
    let digest = Digest::of(b"hello");
    let downloads = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = Store::open(fixture.store.path()).unwrap();
                let mut partial = store.partial(&digest).unwrap();
                if store.has_blob(&digest) {
                    return;
                }
                assert!(store.try_partial(&digest).unwrap().is_none());
                downloads.fetch_add(1, Ordering::SeqCst);
                for byte in b"hello" {
                    partial.write_all(&[*byte]).unwrap();
                    std::thread::yield_now();
                }
                partial.commit(Some(5)).unwrap();
            });
        }
    });
    assert_eq!(downloads.load(Ordering::SeqCst), 1);
    assert_eq!(fs::read(fixture.store.blob_path(&digest)).unwrap(), b"hello");
    assert_eq!(list(&fixture.store.path().join("partial")), [""; 0]);
}

#[test]
fn the_beginning_of_a_blob_that_is_there_is_removed() {
    let fixture = fixture();
    let digest = Digest::of(b"hello");
    fixture.store.partial(&digest).unwrap().write_all(b"he").unwrap();
    Store::open(fixture.store.path()).unwrap();
    assert_eq!(list(&fixture.store.path().join("partial")), [digest.hex()]);
    crate::blob::put(&fixture.store, b"hello");
    Store::open(fixture.store.path()).unwrap();
    assert_eq!(list(&fixture.store.path().join("partial")), [""; 0]);
}
