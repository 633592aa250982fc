//! Downloads that were interrupted.
use std::io::Write;
use std::sync::atomic::Ordering;
use std::time::Duration;

use invar_fetch::{Failure, FetchError, Settings};

use crate::server::{Answer, Server};
use crate::{content, fixture, fixture_with, request, settings};

#[test]
fn a_cut_body_is_gone_on_with() {
    let server = Server::start(|number, asked| {
        let answer = Answer::good(asked, &content()).header("ETag", "\"one\"");
        if number < 2 { answer.cut(400_000) } else { answer }
    });
    let fixture = fixture();
    fixture.fetch(&request(&[server.url("/a")])).unwrap();
    let asked = server.asked();
    let ranges: Vec<_> = asked.iter().map(|asked| asked.header("range")).collect();
    assert_eq!(ranges, [None, Some("bytes=400000-"), Some("bytes=800000-")]);
    assert_eq!(asked[1].header("if-range"), Some("\"one\""));
    assert_eq!(fixture.seen.events().iter().filter(|event| *event == "started").count(), 1);
}

#[test]
fn a_body_that_just_ends_is_gone_on_with() {
    let server = Server::start(|number, asked| match number {
        0 => Answer::unmeasured(&content()).cut(5),
        _ => Answer::good(asked, &content()),
    });
    fixture().fetch(&request(&[server.url("/a")])).unwrap();
    assert_eq!(server.asked()[1].header("range"), Some("bytes=5-"));
}

#[test]
fn a_weak_tag_does_not_say_that_the_bytes_are_the_same() {
    let server = Server::start(|number, asked| {
        let answer = Answer::good(asked, &content()).header("ETag", "W/\"one\"");
        if number == 0 { answer.cut(5) } else { answer }
    });
    fixture().fetch(&request(&[server.url("/a")])).unwrap();
    assert_eq!(server.asked()[1].header("if-range"), None);
}

#[test]
fn a_server_that_knows_no_ranges_begins_again() {
    let server = Server::start(|number, _| {
        let answer = Answer::whole(&content());
        if number == 0 { answer.cut(400_000) } else { answer }
    });
    let fixture = fixture();
    fixture.fetch(&request(&[server.url("/a")])).unwrap();
    assert_eq!(fixture.seen.events().iter().filter(|event| *event == "started").count(), 2);
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_server_that_gives_another_part_is_asked_for_the_whole() {
    let parts: [fn() -> Answer; 4] = [
        || Answer::part(&content(), 400_001),
        || Answer::part(&content(), 400_000).header("Content-Range", "bytes 0-5/6"),
        || Answer::status(206),
        || Answer::status(416),
    ];
    for (index, part) in parts.into_iter().enumerate() {
        let server = Server::start(move |number, asked| match number {
            0 => Answer::whole(&content()).cut(400_000),
            _ if asked.offset().is_some() => part(),
            _ => Answer::whole(&content()),
        });
        fixture().fetch(&request(&[server.url("/a")])).unwrap();
        // The second part has two such headers, of which the first is right.
        assert_eq!(server.asked().len(), if index == 1 { 2 } else { 3 }, "{index}");
    }
}

#[test]
fn the_next_address_goes_on_where_the_last_one_stopped() {
    let first = Server::start(|number, asked| match number {
        0 => Answer::good(asked, &content()).cut(400_000),
        _ => Answer::status(403),
    });
    let second = Server::start(|_, asked| Answer::good(asked, &content()));
    fixture().fetch(&request(&[first.url("/a"), second.url("/a")])).unwrap();
    assert_eq!(second.asked()[0].offset(), Some(400_000));
}

#[test]
fn a_later_run_goes_on_where_the_last_one_stopped() {
    let server = Server::start(|number, asked| {
        let answer = Answer::good(asked, &content());
        if number < 4 { answer.cut(100_000) } else { answer }
    });
    let fixture = fixture();
    let request = request(&[server.url("/a")]);
    let failures = fixture.failures(&request);
    assert!(matches!(failures[..], [Failure::Connection { .. }]), "{failures:?}");
    assert_eq!(fixture.kept(&request), 400_000);
    fixture.fetch(&request).unwrap();
    assert_eq!(server.asked()[4].offset(), Some(400_000));
}

#[test]
fn a_wrong_beginning_is_found_out_and_does_not_blame_the_server() {
    let server = Server::start(|_, asked| Answer::good(asked, &content()));
    let fixture = fixture();
    let request = request(&[server.url("/a")]);
    fixture.store.partial(&request.digest).unwrap().write_all(b"wrong").unwrap();
    fixture.fetch(&request).unwrap();
    let offsets: Vec<_> = server.asked().iter().map(|asked| asked.offset()).collect();
    assert_eq!(offsets, [Some(5), None]);
}

#[test]
fn a_wrong_end_is_found_out_once_and_then_final() {
    let server = Server::start(|_, asked| Answer::good(asked, &vec![7; content().len()]));
    let fixture = fixture();
    let request = request(&[server.url("/a")]);
    fixture.store.partial(&request.digest).unwrap().write_all(&content()[..5]).unwrap();
    let failures = fixture.failures(&request);
    assert!(matches!(failures[..], [Failure::Digest { .. }]), "{failures:?}");
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn what_is_complete_already_is_not_asked_for() {
    let server = Server::start(|_, _| Answer::status(500));
    let fixture = fixture_with(Settings { offline: true, ..settings() });
    let request = request(&[server.url("/a")]);
    fixture.store.partial(&request.digest).unwrap().write_all(&content()).unwrap();
    fixture.fetch(&request).unwrap();
    assert_eq!(server.connections(), 0);
}

#[test]
fn a_beginning_that_is_too_long_is_forgotten() {
    let server = Server::start(|_, asked| Answer::good(asked, &content()));
    let fixture = fixture();
    let request = request(&[server.url("/a")]);
    fixture.store.partial(&request.digest).unwrap().write_all(&vec![7; content().len() + 1]).unwrap();
    fixture.fetch(&request).unwrap();
    assert_eq!(server.asked()[0].offset(), None);
}

#[test]
fn a_silent_server_is_left_and_asked_again() {
    let server = Server::start(|number, asked| {
        let answer = Answer::good(asked, &content());
        if number == 0 { answer.stall(400_000) } else { answer }
    });
    let fixture = fixture_with(Settings { read_timeout: Duration::from_millis(300), ..settings() });
    fixture.fetch(&request(&[server.url("/a")])).unwrap();
    let events = fixture.seen.events();
    assert!(events[1].starts_with("retrying 2: timed out"), "{events:?}");
}

#[test]
fn a_server_that_stays_silent_is_given_up() {
    let server = Server::start(|_, _| Answer::whole(&content()).stall(0));
    let silent = Settings { read_timeout: Duration::from_millis(50), retries: 1, ..settings() };
    let fixture = fixture_with(silent);
    let failures = fixture.failures(&request(&[server.url("/a")]));
    assert!(matches!(failures[..], [Failure::Timeout { .. }]), "{failures:?}");
    assert_eq!(fixture.seen.events().len(), 2, "the start and one repetition");
}

#[test]
fn what_was_received_before_a_cancellation_is_kept() {
    let server = Server::start(|_, asked| Answer::good(asked, &content()));
    let fixture = fixture();
    let request = request(&[server.url("/a"), server.url("/b")]);
    fixture.seen.cancel_when_advanced.store(true, Ordering::SeqCst);
    let error = fixture.fetch(&request).unwrap_err();
    assert!(matches!(error, FetchError::Cancelled { .. }), "{error:?}");
    assert_eq!(server.asked().len(), 1);
    let kept = fixture.kept(&request);
    assert!(kept > 0 && kept < content().len() as u64, "{kept}");
    assert_eq!(kept, fixture.seen.progress());
}

#[test]
fn a_pause_can_be_cancelled() {
    let server = Server::start(|_, _| Answer::status(503));
    let fixture = fixture_with(Settings { backoff: Duration::from_secs(3600), ..settings() });
    std::thread::scope(|scope| {
        let fetching = scope.spawn(|| fixture.fetch(&request(&[server.url("/a")])));
        while server.asked().is_empty() {
            std::thread::yield_now();
        }
        fixture.seen.cancelled.store(true, Ordering::SeqCst);
        let error = fetching.join().unwrap().unwrap_err();
        assert!(matches!(error, FetchError::Cancelled { .. }), "{error:?}");
    });
}
