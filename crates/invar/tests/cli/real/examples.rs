//! The examples, in a real Docker engine: one of each tool whose lock a build step can use, and one contract for both
//! programs that are called Fortune Cat.
use std::collections::BTreeSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use invar_testkit::markdown::blocks;

use super::archives::with_shared_store;
use super::engine::Engine;
use crate::support::{Context, Ran, have, is_root, repository};

/// A Docker engine with the example `name` in it; nothing if there can be none here.
fn loaded(test: &str, names: &[&str]) -> Option<(Context, Arc<Engine>)> {
    if !have(test, &["dockerd", "docker", "python3"]) || !is_root(test) {
        return None;
    }
    let context = with_shared_store();
    let engine = Engine::shared();
    for name in names {
        let archive = context.path().join(format!("{name}.tar"));
        let project = repository().join("examples").join(name);
        assert_told(name, &project);
        Ran::of(context.invar().args(["build", "--locked", "-o"]).arg(&archive).arg(project)).success();
        Ran::of(engine.docker().args(["load", "-i"]).arg(&archive)).success();
    }
    Some((context, engine))
}

/// What is done here is what the example's page tells people to do.
fn assert_told(name: &str, project: &Path) {
    let page = fs::read_to_string(project.join("README.md")).expect("each example has a page");
    let blocks = blocks(&page);
    let told =
        blocks.iter().find(|block| block.lines[0].starts_with("invar ")).expect("it tells how it is built");
    let [build, load, run] = told.lines[..] else { panic!("{name}: build, load and run: {told:?}") };
    let archive = format!("examples/{name}/dist/{name}-1.0.0.tar");
    assert_eq!(
        [build, load],
        [&format!("invar build examples/{name}"), &format!("docker load -i {archive}")]
    );
    let image = format!(" {name}:1.0.0");
    assert!(run.starts_with("docker run --rm ") && run.contains(&image), "{name}: {run}");
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// Starts an image whose program listens on a port, and waits until it does.
fn serve(engine: &Engine, image: &str, variables: &[String]) -> u16 {
    let port = free_port();
    let mut docker = engine.docker();
    docker.args(["run", "--rm", "-d", "--network", "host", "-e", &format!("PORT={port}")]);
    for variable in variables {
        docker.args(["-e", variable]);
    }
    let name = Ran::of(docker.arg(image)).success();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        let running = Ran::of(engine.docker().args(["inspect", "-f", "{{.State.Running}}", name.trim()]));
        assert_eq!(running.stdout.trim(), "true", "{}", running.stderr);
        std::thread::yield_now();
    }
    port
}

#[test]
fn c_library() {
    let Some((_context, engine)) = loaded("c_library", &["c-library"]) else { return };
    let run = engine.docker().args(["run", "--rm", "--network", "none", "c-library:1.0.0", "Käse!"]).output();
    let said = String::from_utf8(run.expect("docker can be started").stdout).expect("it is text");
    assert!(said.contains("| Käse! |") && said.contains("( o.o )"), "{said}");
    let script = "import os; print(os.path.exists('/usr/bin/gcc'), os.listdir('/app/lib'), os.path.exists('/app/native'))";
    let found = Ran::of(engine.docker().args([
        "run",
        "--rm",
        "--entrypoint",
        "python",
        "c-library:1.0.0",
        "-c",
        script,
    ]));
    assert_eq!(found.success(), "False ['libcat.so'] False\n");
}

#[test]
fn node_front_end() {
    let Some((_context, engine)) = loaded("node_front_end", &["node-front-end"]) else { return };
    let port = serve(&engine, "node-front-end:1.0.0", &[]);
    let script = "import json, sys, urllib.request\n\
        get = lambda path: urllib.request.urlopen(f'http://127.0.0.1:{sys.argv[1]}{path}').read().decode()\n\
        assert sorted(json.loads(get('/api/nap'))) == ['minutes', 'place']\n\
        page = get('/')\n\
        assert '<script' in page, page\n";
    Ran::of(Command::new("python3").args(["-c", script, &port.to_string()])).success();
    let script = "import os; print(os.path.exists('/usr/bin/node'), os.path.exists('/app/frontend'))";
    let found =
        Ran::of(engine.docker().args(["run", "--rm", "node-front-end:1.0.0", "python", "-c", script]));
    assert_eq!(found.success(), "False False\n");
}

#[test]
fn both_fortune_cats_keep_one_contract() {
    let names = ["fortune-cat", "fortune-cat-rust"];
    let Some((context, engine)) = loaded("both_fortune_cats_keep_one_contract", &names) else { return };
    for name in names {
        let pictures = free_port();
        let variables = [format!("CAT_API_URL=http://127.0.0.1:{pictures}"), "NO_PROXY=*".to_owned()];
        let port = serve(&engine, &format!("{name}:1.0.0"), &variables);
        let mut contract = Command::new("python3");
        contract.arg(repository().join("examples/contract.py")).arg(format!("http://127.0.0.1:{port}"));
        let said = Ran::of(contract.args(["--cats", &pictures.to_string()])).success();
        assert!(said.lines().count() > 20 && !said.contains("FAIL"), "{name}:\n{said}");
    }

    // The one in Rust holds the program, fortune, and what they need: no shell, no Python, no compiler, no source.
    let project = repository().join("examples/fortune-cat-rust");
    let root = context.path().join("root.tar");
    Ran::of(context.invar().args(["build", "--locked", "--format", "rootfs", "-o"]).arg(&root).arg(project))
        .success();
    let listed = Ran::of(Command::new("tar").arg("-tf").arg(&root)).success();
    let folders = ["usr/bin/", "usr/sbin/", "usr/games/", "usr/local/bin/", "app/"];
    let programs: BTreeSet<&str> = listed
        .lines()
        .filter(|path| !path.ends_with('/') && folders.iter().any(|folder| path.starts_with(folder)))
        .collect();
    let expected = ["app/bin/fortune-cat", "usr/games/fortune", "usr/local/bin/fortune-cat"];
    assert!(expected.iter().all(|path| programs.contains(path)), "{programs:?}");
    let strange: Vec<&&str> = programs.iter().filter(|path| !expected.contains(*path)).collect();
    // strfile and unstr come with fortune.
    assert!(strange.iter().all(|path| path.ends_with("str") || path.ends_with("strfile")), "{strange:?}");
}
