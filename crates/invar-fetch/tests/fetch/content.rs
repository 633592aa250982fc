//! What the servers have, right and wrong.
use invar_fetch::{Failure, FetchError};
use invar_tree::Digest;

use crate::server::{Answer, Server};
use crate::{content, fixture, fixture_with, request, settings};

fn good() -> Server {
    Server::start(|_, asked| Answer::good(asked, &content()))
}

#[test]
fn a_file_comes_into_the_store() {
    let (fixture, server) = (fixture(), good());
    let request = request(&[server.url("/a")]);
    fixture.fetch(&request).unwrap();
    assert_eq!(fixture.seen.events(), ["started", "finished"]);
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!((asked[0].method.as_str(), asked[0].path.as_str()), ("GET", "/a"));
    assert_eq!(asked[0].header("user-agent"), Some("invar-test"));
    assert_eq!(asked[0].header("accept-encoding"), Some("identity"));
    assert_eq!(asked[0].header("range"), None);
    // The second time nothing is asked.
    fixture.fetch(&request).unwrap();
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn a_size_need_not_be_known() {
    for answer in [Answer::whole(&content()), Answer::unmeasured(&content())] {
        let fixture =
            fixture_with(invar_fetch::Settings { size_limit: content().len() as u64, ..settings() });
        let server = Server::start(move |_, _| answer.clone());
        let request = invar_fetch::Request { size: None, ..request(&[server.url("/a")]) };
        fixture.fetch(&request).unwrap();
    }
}

#[test]
fn an_empty_file_is_a_file() {
    let (fixture, server) = (fixture(), Server::start(|_, _| Answer::whole(b"")));
    let request =
        invar_fetch::Request { digest: Digest::of(b""), size: Some(0), ..request(&[server.url("/a")]) };
    fixture.fetch(&request).unwrap();
}

#[test]
fn wrong_content_is_given_up_and_the_next_address_is_tried() {
    let mut wrong = content();
    wrong[1_000_000] ^= 1;
    let (fixture, good) = (fixture(), good());
    let bad = Server::start(move |_, asked| Answer::good(asked, &wrong));
    fixture.fetch(&request(&[bad.url("/a"), good.url("/b")])).unwrap();
    assert_eq!(bad.asked().len(), 1, "it will not get better");
    assert_eq!(good.asked()[0].header("range"), None, "the wrong bytes were forgotten");
}

#[test]
fn no_number_of_attempts_makes_wrong_content_right() {
    let wrong = vec![7; content().len()];
    let server = Server::start(move |_, asked| Answer::good(asked, &wrong));
    let fixture = fixture();
    let request = request(&[server.url("/a"), server.url("/b?signature=secret")]);
    let error = fixture.fetch(&request).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("cannot fetch sample 1.0\n"), "{text}");
    assert!(text.contains(&format!("{}: expected {}", server.url("/a"), request.digest)), "{text}");
    assert!(text.contains("/b: ") && !text.contains("secret"), "{text}");
    for failure in crate::failures(error) {
        assert!(matches!(failure, Failure::Digest { expected, .. } if expected == request.digest));
    }
    assert_eq!(server.asked().len(), 2);
    assert_eq!(fixture.kept(&request), 0);
}

#[test]
fn an_endless_body_is_cut_off() {
    for size in [Some(content().len() as u64), None] {
        let server = Server::start(|_, _| Answer::unmeasured(&[7; 10_000]).endless());
        let fixture = fixture();
        let request = invar_fetch::Request { size, ..request(&[server.url("/a")]) };
        let failures = fixture.failures(&request);
        let expected = size.unwrap_or(settings().size_limit);
        assert!(matches!(failures[..], [Failure::TooLong { limit }] if limit == expected), "{failures:?}");
        assert_eq!(server.asked().len(), 1);
        assert_eq!(fixture.kept(&request), 0);
    }
}

#[test]
fn another_size_is_refused_before_anything_is_read() {
    for length in [0, content().len() as u64 - 1, content().len() as u64 + 1, u64::MAX] {
        let answer = move || Answer::unmeasured(b"").header("Content-Length", length).stall(0);
        let server = Server::start(move |_, _| answer());
        let fixture = fixture();
        let failures = fixture.failures(&request(&[server.url("/a")]));
        assert!(matches!(failures[..], [Failure::Length { found, .. }] if found == length), "{failures:?}");
        assert_eq!(server.asked().len(), 1);
    }
    let server = Server::start(|_, _| Answer::unmeasured(b"").header("Content-Length", u64::MAX).stall(0));
    let request = invar_fetch::Request { size: None, ..request(&[server.url("/a")]) };
    let failures = fixture().failures(&request);
    assert!(matches!(failures[..], [Failure::TooLong { .. }]), "{failures:?}");
}

#[test]
fn a_missing_file_is_not_asked_for_twice() {
    for status in [404, 410] {
        let (fixture, good) = (fixture(), good());
        let server = Server::start(move |_, _| Answer::status(status));
        fixture.fetch(&request(&[server.url("/a"), good.url("/a")])).unwrap();
        assert_eq!(server.asked().len(), 1);
        assert_eq!(fixture.seen.events(), ["started", "finished"]);
    }
}

#[test]
fn a_refusal_is_final_and_trouble_is_not() {
    for (status, attempts) in [
        (204, 1),
        (206, 1),
        (304, 1),
        (400, 1),
        (401, 1),
        (403, 1),
        (416, 1),
        (408, 4),
        (429, 4),
        (500, 4),
        (503, 4),
    ] {
        let fixture = fixture();
        let server = Server::start(move |_, _| Answer::status(status));
        let failures = fixture.failures(&request(&[server.url("/a")]));
        assert!(
            matches!(failures[..], [Failure::Status { status: found }] if found == status),
            "{failures:?}"
        );
        assert_eq!(server.asked().len(), attempts, "{status}");
    }
}

#[test]
fn trouble_may_pass() {
    let server = Server::start(|number, asked| match number {
        0 => Answer::status(503),
        1 => Answer::reset(),
        2 => Answer::status(500),
        _ => Answer::good(asked, &content()),
    });
    let fixture = fixture();
    fixture.fetch(&request(&[server.url("/a")])).unwrap();
    let events = fixture.seen.events();
    assert_eq!(events.len(), 5, "{events:?}");
    assert_eq!(events[1], "retrying 2: the server answered with status 503");
    assert!(events[2].starts_with("retrying 3: the connection failed"), "{events:?}");
    assert_eq!(events[3], "retrying 4: the server answered with status 500");
}

#[test]
fn an_address_is_needed() {
    let error = fixture().fetch(&request(&[])).unwrap_err();
    assert!(matches!(error, FetchError::NoUrls { .. }), "{error:?}");
    let failures = fixture().failures(&request(&["ftp://mirror.example/a".into(), "http://[".into()]));
    assert!(matches!(failures[..], [Failure::Url, Failure::Url]), "{failures:?}");
}

#[test]
fn a_store_that_does_not_take_it_ends_all() {
    let (fixture, server) = (fixture(), good());
    std::fs::write(fixture.store.path().join("partial"), "in the way").unwrap();
    let error = fixture.fetch(&request(&[server.url("/a"), server.url("/b")])).unwrap_err();
    assert!(matches!(error, FetchError::Store { .. }), "{error:?}");
    assert_eq!(server.asked().len(), 0);
}
