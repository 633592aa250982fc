//! Many downloads at once.
use std::sync::Barrier;

use invar_fetch::{Request, SilentObserver};
use invar_store::Store;
use invar_tree::Digest;

use crate::server::{Answer, Server};
use crate::{content, fixture, request};

#[test]
fn one_download_serves_all_who_want_it() {
    let server = Server::start(|_, asked| Answer::good(asked, &content()));
    let fixture = fixture();
    let request = request(&[server.url("/a")]);
    let barrier = Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let store = Store::open(fixture.store.path()).unwrap();
                barrier.wait();
                fixture.fetcher.fetch(&store, &request, &SilentObserver).unwrap();
                assert!(store.has_blob(&request.digest));
            });
        }
    });
    assert_eq!(server.asked().len(), 1);
}

#[test]
fn many_files_share_few_connections() {
    let body = |path: &str| path.repeat(20_000).into_bytes();
    let server = Server::start(move |_, asked| Answer::good(asked, &body(&asked.path)));
    let fixture = fixture();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (fixture, server) = (&fixture, &server);
            scope.spawn(move || {
                for number in 0..25 {
                    let path = format!("/{thread}/{number}");
                    let content = body(&path);
                    let request = Request {
                        label: path.clone(),
                        urls: vec![server.url(&path)],
                        digest: Digest::of(&content),
                        size: Some(content.len() as u64),
                    };
                    fixture.fetcher.fetch(&fixture.store, &request, &SilentObserver).unwrap();
                }
            });
        }
    });
    assert_eq!(server.asked().len(), 100);
    let connections = server.connections();
    assert!(connections <= 4, "{connections} connections for 4 threads");
}
