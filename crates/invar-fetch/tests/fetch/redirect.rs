//! Servers that send us elsewhere. What an address may lead to is tested where addresses are read.
use invar_fetch::Failure;

use crate::server::{Answer, Asked, Server};
use crate::{content, fixture, request};

fn redirect(status: u16, location: &str) -> Answer {
    Answer::status(status).header("Location", location)
}

#[test]
fn redirects_are_followed_and_resumed() {
    for status in [301, 302, 303, 307, 308] {
        let server = Server::start(move |number, asked: &Asked| match asked.path.as_str() {
            "/a/b" => redirect(status, "../c?d"),
            "/c?d" => {
                let answer = Answer::good(asked, &content());
                if number < 2 { answer.cut(5) } else { answer }
            }
            _ => Answer::status(404),
        });
        let fixture = fixture();
        fixture.fetch(&request(&[server.url("/a/b")])).unwrap();
        let asked = server.asked();
        assert_eq!(asked.len(), 4, "{status}");
        assert_eq!((asked[3].path.as_str(), asked[3].offset()), ("/c?d", Some(5)));
    }
}

#[test]
fn a_loop_of_redirects_ends() {
    let server = Server::start(|_, _| redirect(302, "/a"));
    let failures = fixture().failures(&request(&[server.url("/a")]));
    assert!(matches!(failures[..], [Failure::Redirects { limit: 5 }]), "{failures:?}");
    assert_eq!(server.asked().len(), 6);
}

#[test]
fn a_redirect_does_not_read_local_files() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content()).unwrap();
    let target = format!("file://{}", file.path().display());
    let server = Server::start(move |_, _| redirect(302, &target));
    let failures = fixture().failures(&request(&[server.url("/a")]));
    assert!(matches!(failures[..], [Failure::Redirect { .. }]), "{failures:?}");
}

#[test]
fn a_redirect_to_nowhere_is_an_error() {
    for answer in [Answer::status(302), redirect(302, ""), redirect(301, "mailto:a@mirror.example")] {
        let server = Server::start(move |_, _| answer.clone());
        let failures = fixture().failures(&request(&[server.url("/a")]));
        assert!(matches!(failures[..], [Failure::Redirect { .. }]), "{failures:?}");
        assert_eq!(server.asked().len(), 1);
    }
}
