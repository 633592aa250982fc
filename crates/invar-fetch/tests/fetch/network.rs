//! Networks that are not there, or have a proxy.
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use invar_fetch::{Failure, FetchError, Settings};

use crate::server::{Answer, Server};
use crate::{content, fixture, fixture_with, request, settings};

#[test]
fn nothing_is_asked_offline() {
    let server = Server::start(|_, asked| Answer::good(asked, &content()));
    let fixture = fixture_with(Settings { offline: true, ..settings() });
    let request = request(&[server.url("/a")]);
    let error = fixture.fetch(&request).unwrap_err();
    assert!(matches!(error, FetchError::Offline { .. }), "{error:?}");
    assert!(error.to_string().starts_with("sample 1.0 is not in the store"), "{error}");
    assert_eq!(server.connections(), 0);
    // A local file that is missing is worth telling.
    let failures = fixture.failures(&crate::request(&[server.url("/a"), "/no/such/file".into()]));
    assert!(matches!(failures[..], [Failure::Offline, Failure::NoFile { .. }]), "{failures:?}");
}

#[test]
fn a_server_that_is_not_there_is_an_error() {
    // The port was free a moment ago; nobody listens on it.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let fixture = fixture();
    let failures = fixture.failures(&request(&[format!("http://127.0.0.1:{port}/a")]));
    assert!(matches!(failures[..], [Failure::Connection { .. }]), "{failures:?}");
    assert_eq!(fixture.seen.events().len(), 4, "the start and three repetitions");
}

/// The failures at `scheme://…` where everything is answered with one text, and how often it was asked.
fn failures_at(scheme: &str, text: &'static [u8]) -> (Vec<Failure>, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("{scheme}://{}/a", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            let mut stream = stream.unwrap();
            // Read, answer, and wait for the other side to go: a reset could overtake the answer.
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(text);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let failures = fixture().failures(&request(&[url]));
    (failures, asked.load(Ordering::SeqCst))
}

#[test]
fn a_server_without_tls_is_not_trusted() {
    let (failures, asked) = failures_at("https", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert!(matches!(failures[..], [Failure::Tls { .. }]), "{failures:?}");
    assert_eq!(asked, 1);
}

#[test]
fn what_is_no_http_is_an_error() {
    let (failures, asked) = failures_at("http", b"220 ready when you are\r\n\r\n");
    assert!(matches!(failures[..], [Failure::Protocol { .. }]), "{failures:?}");
    assert_eq!(asked, 4);
}

#[test]
fn a_proxy_is_used_except_where_it_is_not() {
    let server = Server::start(|_, asked| Answer::good(asked, &content()));
    let proxy = Server::start(|_, _| Answer::status(502));
    let with = |no_proxy: &[&str]| {
        let no_proxy = no_proxy.iter().map(|host| (*host).to_owned()).collect();
        let proxy = Some(format!("http://me:secret@{}", proxy.host()));
        fixture_with(Settings { proxy, no_proxy, ..settings() })
    };
    let failures = with(&["mirror.example"]).failures(&request(&[server.url("/a")]));
    assert!(matches!(failures[..], [Failure::Connection { .. }]), "{failures:?}");
    assert!(!failures[0].to_string().contains("secret"), "{failures:?}");
    assert_eq!(server.connections(), 0);
    let asked = &proxy.asked()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("CONNECT", server.host()));

    with(&["mirror.example", "127.0.0.1"]).fetch(&request(&[server.url("/a")])).unwrap();
}

#[test]
fn a_proxy_that_is_none_is_an_error() {
    let fixture =
        fixture_with(Settings { proxy: Some("ftp://me:secret@proxy.example".into()), ..settings() });
    let failures = fixture.failures(&request(&["http://mirror.example/a".into()]));
    let [Failure::Proxy { proxy }] = &failures[..] else { panic!("{failures:?}") };
    assert_eq!(proxy, "ftp://proxy.example");
}

#[test]
fn hosts_that_cannot_be_reached_are_one_line() {
    // `.invalid` never has an address (RFC 6761).
    let fixture = fixture();
    let urls = |file: &str| ["one", "two"].map(|host| format!("http://{host}.invalid/{file}"));
    for file in ["a", "b"] {
        let error = fixture.fetch(&request(&urls(file))).unwrap_err();
        assert!(error.is_without_network(), "{error:?}");
        let message = error.to_string();
        assert!(message.starts_with("no network: cannot reach one.invalid or two.invalid ("), "{message}");
        assert_eq!(message.lines().count(), 1, "{message}");
    }
    // Said once, at the end: no attempt is worth a line of its own.
    assert!(
        fixture.seen.events().iter().all(|event| event.starts_with("started")),
        "{:?}",
        fixture.seen.events()
    );
    // One host that answers is a network.
    let server = Server::start(|_, _| Answer::status(404));
    let error = fixture.fetch(&request(&[urls("c")[0].clone(), server.url("/c")])).unwrap_err();
    assert!(!error.is_without_network(), "{error:?}");
    let message = error.to_string();
    assert!(message.contains("\n  http://one.invalid/c: cannot reach one.invalid ("), "{message}");
}

#[test]
fn a_proxy_that_cannot_be_reached_is_named() {
    let proxy = Some("http://proxy.invalid:3128".to_owned());
    let fixture = fixture_with(Settings { proxy, ..settings() });
    let error = fixture.fetch(&request(&["http://mirror.example/a".into()])).unwrap_err();
    assert!(error.to_string().starts_with("no network: cannot reach proxy.invalid ("), "{error}");
}
