//! Fortune Cat from the real archives, in a real Docker engine, read by tools that are not ours.
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::archives::with_shared_store;
use super::engine::Engine;
use crate::support::{Context, Ran, have, is_root, repository};

/// A picture service on a loopback port: it answers one request and hands its path out.
fn picture_service() -> (u16, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    let port = listener.local_addr().expect("a bound socket has an address").port();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|length| length == 1) {
                request.push(byte[0]);
            }
            let request = String::from_utf8_lossy(&request).into_owned();
            let target = request.split(' ').nth(1).unwrap_or_default().to_owned();
            let body = "<img alt=\"a cat\">";
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{body}",
                body.len()
            );
            let _ = stream.write_all(answer.as_bytes());
            let _ = sender.send(target);
        }
    });
    (port, receiver)
}

fn get(port: u16, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some((answer.split(' ').nth(1)?.parse().ok()?, answer))
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    listener.local_addr().expect("a bound socket has an address").port()
}

fn percent_decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let Some((&first, tail)) = rest.split_first() {
        let code = (first == b'%').then(|| std::str::from_utf8(tail.get(..2)?).ok()).flatten();
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn build(context: &Context) -> (PathBuf, serde_json::Value) {
    let archive = context.path().join("fortune-cat.tar");
    let project = repository().join("examples/fortune-cat");
    let printed =
        Ran::of(context.invar().args(["build", "--locked", "--json", "-o"]).arg(&archive).arg(&project))
            .success();
    (archive, serde_json::from_str(&printed).expect("--json prints JSON"))
}

#[test]
fn fortune_cat_runs_in_docker() {
    if !have("fortune_cat_runs_in_docker", &["dockerd", "docker"]) || !is_root("fortune_cat_runs_in_docker") {
        return;
    }
    let context = with_shared_store();
    let (archive, result) = build(&context);
    let engine = Engine::shared();
    let loaded = Ran::of(engine.docker().args(["load", "-i"]).arg(&archive)).success();
    assert!(loaded.contains("fortune-cat:1.0.0"), "{loaded}");
    let id =
        Ran::of(engine.docker().args(["image", "inspect", "-f", "{{.Id}}", "fortune-cat:1.0.0"])).success();
    let expected =
        [&result["image-id"], &result["digest"]].map(|value| value.as_str().expect("a digest").to_owned());
    // The classic image store names an image by its config, containerd's by its manifest.
    assert!(expected.contains(&id.trim().to_owned()), "{id} is none of {expected:?}");

    let (pictures, asked) = picture_service();
    let (port, nothing) = (free_port(), free_port());
    let start = |name: &str, port: u16, pictures: u16| {
        Ran::of(engine.docker().args(["run", "--rm", "-d", "--network", "host", "--name", name]).args([
            "-e",
            &format!("PORT={port}"),
            "-e",
            &format!("CAT_API_URL=http://127.0.0.1:{pictures}"),
            "fortune-cat:1.0.0",
        ]))
        .success();
        for _ in 0..300 {
            if get(port, "/healthz").is_some_and(|(status, _)| status == 200) {
                return;
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("{}", Ran::of(engine.docker().args(["logs", name])).stderr);
    };
    start("cat", port, pictures);
    let (status, answer) = get(port, "/cat").expect("the app answers");
    assert_eq!(status, 200, "{answer}");
    assert!(answer.contains("<img alt=\"a cat\">") && answer.contains("content-type: text/html"), "{answer}");
    let target = asked.recv_timeout(Duration::from_secs(60)).expect("the picture service was asked");
    let said = target.strip_prefix("/cat/cute/says/").expect("the API's path");
    let (text, query) = said.split_once('?').expect("a query");
    assert_eq!(query, "html=true&fontSize=22");
    assert_is_a_fortune(&engine, &percent_decoded(text));

    let other = free_port();
    start("lonely", other, nothing);
    let (status, answer) = get(other, "/cat").expect("the app answers");
    assert_eq!(status, 502, "{answer}");
    assert!(answer.contains("\"detail\":\"no picture of a cat can be had"), "{answer}");

    for name in ["cat", "lonely"] {
        Ran::of(engine.docker().args(["kill", name])).success();
    }
}

/// The text that arrived must be in one of the image's own collections of fortunes.
fn assert_is_a_fortune(engine: &Engine, said: &str) {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let script =
        "import glob\nfor name in glob.glob('/usr/share/games/fortunes/*.u8'): print(open(name).read())";
    let collections =
        Ran::of(engine.docker().args(["run", "--rm", "fortune-cat:1.0.0", "python", "-c", script])).success();
    let said = words(said);
    assert!(said.len() > 5, "{said:?}");
    assert!(words(&collections).contains(&said), "{said:?} is no fortune");
}

#[test]
fn the_image_is_complete_inside_docker() {
    let test = "the_image_is_complete_inside_docker";
    if !have(test, &["dockerd", "docker"]) || !is_root(test) {
        return;
    }
    let context = with_shared_store();
    let (archive, _) = build(&context);
    let engine = Engine::shared();
    Ran::of(engine.docker().args(["load", "-i"]).arg(&archive)).success();
    let script = "\
import ctypes.util, locale, os, pwd, socket, sqlite3, ssl, subprocess, sys, tempfile, zoneinfo
assert sys.prefix == '/app/.venv', sys.prefix
assert os.getcwd() == '/app', os.getcwd()
assert pwd.getpwuid(0).pw_name == 'root'
assert socket.getaddrinfo('localhost', 80)
assert len(ssl.create_default_context().get_ca_certs()) > 100
assert ctypes.util.find_library('c') == 'libc.so.6', ctypes.util.find_library('c')
assert sqlite3.connect(':memory:').execute('select 1').fetchone() == (1,)
assert tempfile.gettempdir() == '/tmp', tempfile.gettempdir()
assert zoneinfo.ZoneInfo('Europe/Berlin')
assert subprocess.run(['/usr/games/fortune', '-s'], capture_output=True).returncode == 0
assert not os.path.exists('/usr/bin/dpkg') and not os.path.exists('/bin/sh')
assert os.stat('/app/main.py').st_mtime == 315619200
print('complete')
";
    let ran = Ran::of(engine.docker().args(["run", "--rm", "fortune-cat:1.0.0", "python", "-c", script]));
    assert_eq!(ran.stdout.trim(), "complete", "{}", ran.stderr);
}

#[test]
fn skopeo_and_tar_read_the_archive() {
    if !have("skopeo_and_tar_read_the_archive", &["skopeo", "tar"]) {
        return;
    }
    let context = with_shared_store();
    let (archive, result) = build(&context);
    for transport in ["oci-archive", "docker-archive"] {
        let layout = context.path().join(transport);
        Ran::of(
            Command::new("skopeo")
                .args(["copy", "--insecure-policy", "--quiet"])
                .arg(format!("{transport}:{}", archive.display()))
                .arg(format!("dir:{}", layout.display())),
        )
        .success();
    }
    // skopeo checked every digest on the way; the manifest must have come through unchanged.
    let manifest = std::fs::read(context.path().join("oci-archive/manifest.json")).expect("skopeo wrote it");
    assert_eq!(
        format!("sha256:{}", invar_testkit::sha256(&manifest)),
        result["digest"].as_str().expect("a digest")
    );

    let layers = result["layers"].as_array().expect("layers");
    assert_eq!(layers.len(), 4);
    let names: Vec<&str> = layers.iter().filter_map(|layer| layer["name"].as_str()).collect();
    assert_eq!(names, ["system", "interpreter", "dependencies", "project"]);
    let mut listing = String::new();
    for layer in layers {
        let hex = layer["digest"].as_str().expect("a digest").trim_start_matches("sha256:");
        let blob = Ran::of(
            Command::new("sh")
                .arg("-c")
                .arg(r#"tar -xOf "$1" "blobs/sha256/$2" | tar -tvzf - --numeric-owner"#)
                .args(["sh", archive.to_str().expect("test paths are UTF-8"), hex]),
        );
        assert_eq!((blob.code, blob.stderr.as_str()), (0, ""));
        listing.push_str(&blob.stdout);
    }
    for expected in ["usr/bin/python3.13", "usr/games/fortune", "app/.venv/bin/python", "app/main.py"] {
        assert!(listing.lines().any(|line| line.contains(&format!(" {expected}"))), "{expected}\n{listing}");
    }
    assert!(
        listing.lines().all(|line| line.contains("1980-01-02 00:00") || line.contains("1980-01-01")),
        "{listing}"
    );
}
