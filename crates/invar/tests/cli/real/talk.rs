//! One app, four ways to build it: a Dockerfile, a flake's package, a Dockerfile around Nix, and a flake's image; each
//! straight from its file, in a real Docker engine, and `nix run`'s counterpart.
//!
//! The app is `fixtures/talk`, or the folder that `INVAR_TALK` names (`cargo xtask talk FOLDER`), whose files then
//! decide what is expected.
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::archives::{with_empty_store, with_shared_store};
use super::engine::Engine;
use super::pictures::{HOST, PICTURE, Pictures};
use super::ports;
use crate::support::{Context, Ran, copy_project, have, is_root, repository};

/// A way to build the app, and what the original's image looks like from outside.
struct Way {
    /// The file, and for a flake its output.
    name: String,
    /// What is given to `invar build`.
    arguments: Vec<String>,
    /// The original's `Entrypoint`, or its `Cmd` where it has none.
    start: Vec<String>,
    /// Variables of the original's configuration.
    env: &'static [(&'static str, &'static str)],
    /// Files that the original has.
    files: Vec<String>,
    /// Programs that the original has.
    programs: Vec<String>,
    /// Where `main.py` is.
    app: String,
    /// The program that prints a fortune.
    fortune: String,
}

/// An app to be built.
struct App {
    folder: PathBuf,
    /// The project's name, as its programs are called.
    name: String,
    /// Where its server listens.
    port: u16,
    /// Whether somebody asked for this folder, and wants to read what came of it.
    named: bool,
}

impl App {
    fn find() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the automation names the folder of a run by hand")]
        let named = std::env::var_os("INVAR_TALK").map(PathBuf::from);
        let folder = named.clone().unwrap_or_else(|| repository().join("fixtures/talk"));
        let text = |name: &str| {
            let path = folder.join(name);
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let project: toml::Table = toml::from_str(&text("pyproject.toml")).expect("pyproject.toml is TOML");
        let main = text("main.py");
        let port = main.split_once("port=").map(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next());
        Self {
            name: project["project"]["name"].as_str().expect("a project has a name").to_owned(),
            port: port.flatten().and_then(|port| port.parse().ok()).expect("main.py says `port=NUMBER`"),
            folder,
            named: named.is_some(),
        }
    }

    /// A copy of it, as a checkout would be.
    fn copy(&self, context: &Context, name: &str) -> PathBuf {
        let copy = context.path().join(name);
        copy_project(&self.folder, &copy);
        copy
    }

    /// The four ways to build it. A way with several files, such as `Dockerfile-nix2`, has to work with each.
    fn ways(&self) -> [Vec<Way>; 4] {
        let dockerfile = Way {
            name: "Dockerfile".to_owned(),
            arguments: ["--from", "Dockerfile"].map(str::to_owned).to_vec(),
            // Without uv: it is not needed to start what is installed.
            start: ["python", "main.py"].map(str::to_owned).to_vec(),
            env: &[("PYTHONUNBUFFERED", "1"), ("FORTUNE_EXEC", "/usr/games/fortune")],
            files: vec!["/app/main.py".to_owned()],
            programs: vec!["/usr/games/fortune".to_owned()],
            app: "/app".to_owned(),
            fortune: "/usr/games/fortune".to_owned(),
        };
        let package = Way {
            arguments: ["--from", "flake.nix#default"].map(str::to_owned).to_vec(),
            ..self.in_folder("flake.nix", "/bin", &[])
        };
        let image = Way {
            arguments: vec![".#docker-image".to_owned()],
            ..self.in_folder("flake.nix#docker-image", "/bin", &[("FORTUNE_EXEC", "/bin/fortune")])
        };
        let around = ["Dockerfile-nix", "Dockerfile-nix2"].into_iter().filter_map(|name| {
            let text = std::fs::read_to_string(self.folder.join(name)).ok()?;
            let entry = text.lines().find_map(|line| line.strip_prefix("ENTRYPOINT [\""))?;
            let folder = entry.split('"').next()?.strip_suffix(&format!("/{}", self.name))?;
            // The folder that a Dockerfile works in is this one here.
            let folder = if folder.starts_with('/') { folder.to_owned() } else { format!("/app/{folder}") };
            let arguments = ["--from", name].map(str::to_owned).to_vec();
            Some(Way { arguments, ..self.in_folder(name, &folder, &[]) })
        });
        let around: Vec<Way> = around.collect();
        assert!(!around.is_empty(), "no Dockerfile-nix has an ENTRYPOINT for {}", self.name);
        [vec![dockerfile], vec![package], around, vec![image]]
    }

    /// What the flake's package looks like in `folder`.
    fn in_folder(&self, name: &str, folder: &str, env: &'static [(&'static str, &'static str)]) -> Way {
        let (program, fortune) = (format!("{folder}/{}", self.name), format!("{folder}/fortune"));
        Way {
            name: name.to_owned(),
            arguments: Vec::new(),
            start: vec![program.clone()],
            env,
            files: vec![format!("{folder}/main.py")],
            programs: vec![program, fortune.clone()],
            app: folder.to_owned(),
            fortune,
        }
    }

    /// The body of a page of the running server, which may still be starting.
    fn page(&self, path: &str) -> Option<String> {
        let get = || {
            let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
            stream.write_all(format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n").as_bytes()).ok()?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).ok()?;
            let (head, body) = answer.split_once("\r\n\r\n")?;
            head.split(' ').nth(1).is_some_and(|status| status == "200").then(|| body.to_owned())
        };
        (0..300).find_map(|_| {
            get().or_else(|| {
                thread::sleep(Duration::from_millis(100));
                None
            })
        })
    }
}

/// Builds the app in `folder` and returns what `--json` says.
fn build(context: &Context, folder: &Path, way: &Way, archive: &Path) -> Value {
    let mut command = context.invar();
    // No uv is on this PATH: what only the development group needs does not hold up the image.
    command.current_dir(folder).args(["build", "--json", "-o"]).arg(archive).args(&way.arguments);
    serde_json::from_str(&Ran::of(&mut command).success()).expect("--json prints JSON")
}

fn run_in_docker(app: &App, way: &Way, engine: &Engine, reference: &str, pictures: &Pictures) {
    let inspected = Ran::of(engine.docker().args(["image", "inspect", reference])).success();
    let inspected: Value = serde_json::from_str(&inspected).expect("docker prints JSON");
    let config = &inspected[0]["Config"];
    let words = |key: &str| -> Vec<String> {
        let list = config[key].as_array().map(Vec::as_slice).unwrap_or_default();
        list.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let start = [words("Entrypoint"), words("Cmd")].concat();
    assert_eq!(start, way.start, "{}", way.name);
    for (name, content) in way.env {
        assert!(words("Env").contains(&format!("{name}={content}")), "{}: {config}", way.name);
    }

    let files = way.files.iter().map(|path| format!("assert os.path.isfile({path:?}), {path:?}\n"));
    let programs = way.programs.iter().map(|path| format!("assert os.access({path:?}, os.X_OK), {path:?}\n"));
    let check: String = files.chain(programs).collect();
    // The program of the original's own environment, without what starts it.
    let script = format!(
        "import os, sys\n{check}sys.path.insert(0, {:?})\nimport main\nfrom urllib.parse import unquote\n\
         print('FORTUNE', len(unquote(main.get_fortune())))",
        way.app
    );
    let python = ["--entrypoint", "/app/.venv/bin/python", "-e"];
    let fortune = format!("FORTUNE_EXEC={}", way.fortune);
    let mut command = engine.docker();
    command.args(["run", "--rm"]).args(python).arg(fortune).args([reference, "-c", &script]);
    let said = Ran::of(&mut command).success();
    let length = said.split_once("FORTUNE ").and_then(|(_, length)| length.trim().parse::<usize>().ok());
    assert!(length.is_some_and(|length| length > 5), "{}: {said}", way.name);

    let container = format!("talk-{}", std::process::id());
    let certificate = format!("{}:/pictures.pem:ro", pictures.certificate().display());
    let mut command = engine.docker();
    command.args(["run", "--rm", "-d", "--network", "host", "--name", &container]);
    command.args(["--add-host", &format!("{HOST}:127.0.0.1"), "-e", "SSL_CERT_FILE=/pictures.pem"]);
    Ran::of(command.args(["-v", &certificate, reference])).success();
    let page = app.page("/openapi.json");
    let picture = page.as_ref().and_then(|_| app.page("/cat"));
    let log = Ran::of(engine.docker().args(["logs", &container]));
    Ran::of(engine.docker().args(["kill", &container])).success();
    assert!(page.is_some_and(|page| page.contains("/cat")), "{}: {log:?}", way.name);
    assert_eq!(picture.as_deref(), Some(PICTURE), "{}: {log:?}", way.name);
    let asked = pictures.asked();
    let said = asked.split_once("/says/").and_then(|(_, said)| said.split_once('?')).map(|(said, _)| said);
    assert!(said.is_some_and(|said| said.len() > 5), "{}: {asked}", way.name);
}

/// `nix run`: the app's own program, here.
fn run_here(app: &App, context: &Context) {
    let folder = app.copy(context, "run");
    let mut command = context.invar();
    command.current_dir(&folder).args(["run", ".#default"]);
    let mut running =
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("invar can be started");
    let page = app.page("/openapi.json");
    let id = running.id().to_string();
    Ran::of(Command::new("kill").args(["-INT", &id]));
    let mut errors = String::new();
    let mut stderr = running.stderr.take().expect("it is piped");
    let _ = stderr.read_to_string(&mut errors);
    running.wait().expect("it is this process's own child");
    assert!(page.is_some_and(|page| page.contains("/cat")), "{errors}");
}

#[test]
fn the_talks_builds_work_as_they_stand() {
    let test = "the_talks_builds_work_as_they_stand";
    if !have(test, &["dockerd", "docker", "openssl", "python3"]) || !is_root(test) {
        return;
    }
    let app = App::find();
    let _ports = ports::all();
    let context = with_shared_store();
    let engine = Engine::shared();
    let pictures = Pictures::start(context.path());
    let other = with_empty_store();
    let mut lines = Vec::new();
    let ways = app.ways();
    for way in ways.iter().flatten() {
        let folder = app.copy(&context, &way.name);
        let archive = context.path().join("first.tar");
        let started = Instant::now();
        let built = build(&context, &folder, way, &archive);
        let seconds = started.elapsed().as_secs_f64();
        let size = archive.metadata().expect("the archive is there").len();
        let reference = built["reference"].as_str().expect("a reference").to_owned();
        Ran::of(engine.docker().args(["load", "-i"]).arg(&archive)).success();
        run_in_docker(&app, way, &engine, &reference, &pictures);
        // Once more, elsewhere: from the same files, with the lock that the first build made.
        let elsewhere = app.copy(&context, &format!("again/{}", way.name));
        std::fs::copy(folder.join("invar.lock"), elsewhere.join("invar.lock"))
            .expect("the build made a lock");
        // Who asks for it by hand gets it from an empty store, too.
        let builder = if app.named { &other } else { &context };
        let again = build(builder, &elsewhere, way, &context.path().join("second.tar"));
        assert_eq!(again["digest"], built["digest"], "{}", way.name);
        let digest = built["digest"].as_str().expect("a digest");
        let mebibytes = size as f64 / f64::from(1 << 20);
        lines.push(format!(
            "{:24} {seconds:6.1} s {mebibytes:7.2} MiB {} {digest} twice",
            way.name,
            way.start.join(" ")
        ));
        Ran::of(engine.docker().args(["image", "rm", "-f", &reference])).success();
    }
    run_here(&app, &context);
    lines.push("invar run .#default      answers".to_owned());
    if app.named {
        let mut stderr = std::io::stderr();
        for line in &lines {
            let _ = writeln!(stderr, "{line}");
        }
        // Whatever does not work ends the test before.
        let _ = writeln!(stderr, "{0} of {0}, and the counterpart of nix run", ways.len());
    }
}
