//! Where downloads come from on a machine that nobody has set up, and what a user's configuration changes.
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use invar_testkit::{Fault, Server};

use crate::support::world::World;
use crate::support::{Ran, skip};

const NOWHERE: &str = "http://127.0.0.1:1";

/// Locks the world's project for the first time, without the variables that say where Debian's archives are.
fn without_variables(world: &World) -> Command {
    let _ = fs::remove_file(world.project().join("invar.lock"));
    let mut command = world.invar();
    command.env_remove("INVAR_DEBIAN_MIRROR").env_remove("INVAR_DEBIAN_SECURITY_MIRROR");
    command.args(["lock", "--keyring", "keyring.gpg", "project"]);
    command
}

/// Mirrors below `url`, as the user's configuration has them.
fn mirrors(url: &str) -> String {
    format!("debian-mirror = \"{url}/debian\"\ndebian-security-mirror = \"{url}/debian-security\"\n")
}

#[test]
fn the_environment_outweighs_the_manifest_and_that_the_users_configuration() {
    let world = World::new();
    let url = world.server.url();
    let configure = |text: &str| world.context.write(".config/invar/config.toml", text);
    configure(&mirrors(&url));
    Ran::of(&mut without_variables(&world)).success();

    let refused = format!("{NOWHERE}/debian/dists/trixie");
    configure(&mirrors(NOWHERE));
    let message = Ran::of(&mut without_variables(&world)).failure(4);
    assert!(message.contains(&refused), "{message}");
    Ran::of(world.invar().args(["lock", "--keyring", "keyring.gpg", "project"])).success();

    let manifest = world.read("pyproject.toml");
    let with_mirror = |url: &str| {
        let table = format!("mirror = {{ debian = \"{url}/debian\", security = \"{url}/debian-security\" }}");
        world.context.write(
            "project/pyproject.toml",
            manifest.replace("[tool.invar]", &format!("[tool.invar]\n{table}")),
        );
    };
    with_mirror(&url);
    Ran::of(&mut without_variables(&world)).success();
    configure(&mirrors(&url));
    with_mirror(NOWHERE);
    let message = Ran::of(&mut without_variables(&world)).failure(4);
    assert!(message.contains(&refused), "{message}");
    Ran::of(world.invar().args(["lock", "--keyring", "keyring.gpg", "project"])).success();
}

#[test]
fn the_configuration_is_where_xdg_says() {
    let world = World::new();
    let configure = |text: &str| world.context.write("elsewhere/invar/config.toml", text);
    let run = |offline: Option<&str>| {
        let mut command = world.invar();
        command.env("XDG_CONFIG_HOME", world.context.path().join("elsewhere"));
        command.envs(offline.map(|value| ("INVAR_OFFLINE", value)));
        Ran::of(command.args(["lock", "--keyring", "keyring.gpg", "project"]))
    };
    let path = configure("\noffline = true\nmirror = \"x\"\n");
    let message = run(None).failure(2);
    let expected = format!("error: {}:3: unknown key `mirror`\nhelp: ", path.display());
    assert!(message.starts_with(&expected), "{message}");
    configure("offline = true\n");
    let message = run(None).failure(4);
    assert!(message.contains("--offline is set"), "{message}");
    run(Some("0")).success();
}

/// A proxy that leads to one server, whatever host is asked for, and remembers which.
struct Proxy {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    fn to(server: &Server) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it has an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let target = server.url().trim_start_matches("http://").to_owned();
        let seen = Arc::clone(&asked);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (target, seen) = (target.clone(), Arc::clone(&seen));
                thread::spawn(move || tunnel(stream, &target, &seen));
            }
        });
        Self { url, asked }
    }

    /// The hosts that were asked for, each once, in their order.
    fn hosts(&self) -> Vec<String> {
        let mut hosts: Vec<String> = Vec::new();
        for host in self.asked.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            if !hosts.contains(host) {
                hosts.push(host.clone());
            }
        }
        hosts
    }
}

/// Answers one `CONNECT host:port` (RFC 9110, section 9.3.6).
fn tunnel(mut client: TcpStream, target: &str, seen: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    let request = String::from_utf8_lossy(&request).into_owned();
    let host = request.split_whitespace().nth(1).unwrap_or_default().to_owned();
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(host);
    let mut server = TcpStream::connect(target)?;
    client.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
    let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    });
    io::copy(&mut server, &mut client)?;
    client.shutdown(Shutdown::Write)
}

/// `command` on a machine whose apt has these sources, as files of `sources.list.d`, and has read nothing.
fn with_apt(world: &World, command: &Command, sources: &[(&str, &str)]) -> Command {
    let folder = world.context.path().join("apt");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("sources.list.d")).expect("the folder can be made");
    for (name, text) in sources {
        world.context.write(&format!("apt/sources.list.d/{name}"), text);
    }
    let script = "mount --bind \"$0\" /etc/apt && mount -t tmpfs none /var/lib/apt && exec \"$@\"";
    let mut unshare = Command::new("unshare");
    unshare.args(["--user", "--map-root-user", "--mount", "sh", "-c", script]).arg(&folder);
    unshare.arg(command.get_program()).args(command.get_args()).env_clear();
    unshare.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    unshare.current_dir(command.get_current_dir().expect("tests say where"));
    unshare
}

const UBUNTU: &str = "Types: deb\nURIs: http://archive.example/ubuntu/\nSuites: noble noble-updates noble-security\n\
    Components: main universe restricted multiverse\nSigned-By: /usr/share/keyrings/ubuntu-archive-keyring.gpg\n";
const BROWSER: &str = "deb [arch=amd64] https://dl.example/linux/chrome/deb/ stable main\n";

#[test]
fn where_apt_is_not_debians_the_projects_cdn_is_asked_and_the_snapshot_service_last() {
    let test = "where_apt_is_not_debians_the_projects_cdn_is_asked_and_the_snapshot_service_last";
    if Ran::of(Command::new("unshare").args(["--user", "--map-root-user", "--mount", "true"])).code != 0
        || !std::path::Path::new("/etc/apt").is_dir()
        || !std::path::Path::new("/var/lib/apt").is_dir()
    {
        return skip(test, "this machine allows no user namespaces, or has no apt");
    }
    let world = World::new();
    let run = |sources: &[(&str, &str)], command: &mut Command| {
        let proxy = Proxy::to(&world.server);
        command.env("http_proxy", &proxy.url).env("INVAR_SNAPSHOT", "http://snapshot.example/archive");
        let ran = Ran::of(&mut with_apt(&world, command, sources));
        (ran, proxy.hosts())
    };
    let lock = || without_variables(&world);
    let cdn = ["cloudfront.debian.net:80"];
    for sources in [&[("ubuntu.sources", UBUNTU), ("browser.list", BROWSER)][..], &[]] {
        let (ran, hosts) = run(sources, &mut lock());
        ran.success();
        assert_eq!(hosts, cdn, "{sources:?}");
        fs::remove_dir_all(world.context.store()).expect("there is a store");
    }
    // A mirror of Debian that apt has is asked instead, for the archive that it is a mirror of.
    let debian = "deb http://near.example/debian trixie main\n";
    let (ran, mut hosts) = run(&[("debian.list", debian)], &mut lock());
    ran.success();
    hosts.sort();
    assert_eq!(hosts, ["cloudfront.debian.net:80", "near.example:80"]);

    // What the CDN no longer has comes from the snapshot service.
    let build = || {
        let mut command = world.invar();
        command.env_remove("INVAR_DEBIAN_MIRROR").env_remove("INVAR_DEBIAN_SECURITY_MIRROR");
        command.args(["build", "--locked", "project"]);
        command
    };
    let path = world.server.paths().into_iter().find(|path| path.contains("/hello_"));
    fs::remove_dir_all(world.context.store()).expect("there is a store");
    world.server.fault(&path.expect("the mirror has it"), Fault::NotFound);
    let (ran, hosts) = run(&[], &mut build());
    let message = ran.failure(4);
    let place = |text: &str| message.find(text).unwrap_or_else(|| panic!("{text:?} is not in {message}"));
    assert!(
        place("http://cloudfront.debian.net/debian/pool/") < place("http://snapshot.example/archive/debian/")
    );
    assert!(hosts.contains(&"snapshot.example:80".to_owned()), "{hosts:?}");
}

#[test]
fn no_network_is_one_line() {
    if Ran::of(Command::new("unshare").args(["--user", "--map-root-user", "--net", "true"])).code != 0 {
        return skip("no_network_is_one_line", "this machine allows no user namespaces");
    }
    let world = World::new();
    let run = |arguments: &[&str]| {
        let mut command = world.invar();
        command.env("INVAR_DEBIAN_MIRROR", "http://mirror.example/debian");
        command.env("INVAR_DEBIAN_SECURITY_MIRROR", "http://mirror.example/security");
        command.env("INVAR_SNAPSHOT", "http://snapshot.example/archive").args(arguments);
        let mut unshare = Command::new("unshare");
        unshare.args(["--user", "--map-root-user", "--net"]).arg(command.get_program()).args(arguments);
        unshare.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Ran::of(unshare.current_dir(world.context.path())).failure(4)
    };
    let check = |message: &str, before: &[&str]| {
        let lines: Vec<&str> = message.lines().collect();
        let [said @ .., error, help] = &lines[..] else { panic!("{message}") };
        assert_eq!(said, before);
        assert!(error.starts_with("error: no network: cannot reach "), "{message}");
        assert!(help.starts_with("help: connect to the network, "), "{message}");
    };
    check(&run(&["lock", "project"]), &["Fetching package indexes"]);
    check(&run(&["build", "project"]), &["Creating invar.lock", "Fetching package indexes"]);
    world.lock();
    fs::remove_dir_all(world.context.store()).expect("there is a store");
    check(&run(&["build", "project"]), &["Fetching and unpacking 7 packages"]);
}
