//! Small files that no digest is known of.
use invar_fetch::{Failure, FetchError, Settings, SilentObserver};

use crate::server::{Answer, Server};
use crate::{failures, fixture, fixture_with, settings};

#[test]
fn a_small_file_comes_with_its_address() {
    let server = Server::start(|number, asked| match (number, asked.path.as_str()) {
        (_, "/missing") => Answer::status(404),
        (1, _) => Answer::whole(b"Origin: Debian\n").cut(3),
        _ => Answer::whole(b"Origin: Debian\n"),
    });
    let fixture = fixture();
    let urls = [server.url("/missing"), server.url("/InRelease")];
    let fetched = fixture.fetcher.get(&urls, 15, &fixture.seen).unwrap();
    assert_eq!(fetched.bytes, b"Origin: Debian\n");
    assert_eq!(fetched.url, urls[1]);
    assert_eq!(fixture.seen.progress(), 15);
    assert_eq!(server.asked().len(), 3);
}

#[test]
fn a_file_that_is_not_there_is_told_from_trouble() {
    let server = Server::start(|_, asked| match asked.path.as_str() {
        "/missing" => Answer::status(404),
        _ => Answer::status(403),
    });
    let fixture = fixture();
    let get = |urls: &[String]| fixture.fetcher.get(urls, 100, &SilentObserver).unwrap_err();
    assert!(get(&[server.url("/missing"), "/no/such/file".into()]).is_absent());
    assert!(!get(&[server.url("/missing"), server.url("/secret")]).is_absent());
    assert!(!get(&[]).is_absent());
    assert!(matches!(get(&[]), FetchError::NoUrls { .. }));
}

#[test]
fn a_file_that_is_too_long_is_cut_off() {
    for answer in
        [Answer::whole(&[7; 101]), Answer::unmeasured(&[7; 101]), Answer::unmeasured(&[7; 1000]).endless()]
    {
        let server = Server::start(move |_, _| answer.clone());
        let error = fixture().fetcher.get(&[server.url("/a")], 100, &SilentObserver).unwrap_err();
        let failures = failures(error);
        assert!(matches!(failures[..], [Failure::TooLong { limit: 100 }]), "{failures:?}");
        assert_eq!(server.asked().len(), 1);
    }
}

#[test]
fn nothing_is_asked_offline() {
    let server = Server::start(|_, _| Answer::whole(b""));
    let fixture = fixture_with(Settings { offline: true, ..settings() });
    let error = fixture.fetcher.get(&[server.url("/a")], 100, &SilentObserver).unwrap_err();
    assert!(matches!(error, FetchError::Offline { .. }), "{error:?}");
    assert_eq!(server.connections(), 0);
}
