//! Files that need no network.
use std::fs;

use invar_fetch::{Failure, Settings, SilentObserver};

use crate::{content, fixture_with, request, settings};

#[test]
fn local_files_are_fetched_without_a_network() {
    let fixture = fixture_with(Settings { offline: true, ..settings() });
    let path = fixture.directory.path().join("a b");
    fs::write(&path, content()).unwrap();
    let bare = path.to_str().unwrap().to_owned();
    let url = format!("file://{}", bare.replace(' ', "%20"));
    for address in [bare, url] {
        let request = request(&["http://mirror.example/a".into(), address.clone()]);
        fixture.fetch(&request).unwrap();
        fs::remove_file(fixture.store.blob_path(&request.digest)).unwrap();
        let fetched =
            fixture.fetcher.get(std::slice::from_ref(&address), 2_000_000, &SilentObserver).unwrap();
        assert_eq!((fetched.bytes, fetched.url), (content(), address));
    }
}

#[test]
fn local_files_are_checked_too() {
    let fixture = fixture_with(settings());
    let path = fixture.directory.path().join("file");
    let request = request(&[path.to_str().unwrap().to_owned()]);
    let failures = fixture.failures(&request);
    assert!(matches!(failures[..], [Failure::NoFile { .. }]), "{failures:?}");
    fs::write(&path, vec![7; content().len()]).unwrap();
    let failures = fixture.failures(&request);
    assert!(matches!(failures[..], [Failure::Digest { .. }]), "{failures:?}");
    fs::write(&path, b"short").unwrap();
    let failures = fixture.failures(&request);
    assert!(matches!(failures[..], [Failure::Length { found: 5, .. }]), "{failures:?}");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let failures = fixture.failures(&request);
    assert!(matches!(failures[..], [Failure::File { .. }]), "{failures:?}");
}
