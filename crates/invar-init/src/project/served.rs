//! Web applications: the server that a project has, or the one that it is by itself.
use crate::project::listener::{Listener, listener};
use crate::project::objects::{AppObject, Interface, objects};
use crate::project::python_file::PythonFile;
use crate::project::starting::{Candidate, Kind, Project};

/// The port of servers that are told one.
const PORT: i64 = 8000;

/// Names of files that Streamlit is started with, the most likely first.
const PAGES: [&str; 9] =
    ["streamlit_app", "app", "main", "Home", "home", "Hello", "dashboard", "frontend", "ui"];

/// Servers with a port of their own that are told a file: their packages, the import that shows such a file, what the
/// file has in it, their options, and their ports.
const FILE_SERVERS: [(&str, &str, &str, &str, i64); 3] = [
    ("chainlit", "chainlit", "@cl.", "run FILE --headless --host 0.0.0.0 --port PORT", 8000),
    ("marimo", "marimo", "App(", "run FILE --headless --no-token --host 0.0.0.0 --port PORT", 2718),
    (
        "panel",
        "panel",
        ".servable(",
        "serve FILE --address 0.0.0.0 --port PORT --allow-websocket-origin=*",
        5006,
    ),
];

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// All that the project serves, the most likely first.
pub(super) fn served(project: &Project<'_>) -> Vec<Candidate> {
    let mut found: Vec<(usize, Candidate)> = Vec::new();
    found.extend(streamlit(project));
    found.extend(FILE_SERVERS.iter().filter_map(|server| file_server(project, server)));
    found.extend(django(project).map(|candidate| (usize::MAX, candidate)));
    found.iter_mut().for_each(|(_, candidate)| candidate.is_plain = true);
    let mut paths: Vec<&str> = Vec::new();
    let own_server = django(project).is_some();
    let is_web = |object: &&AppObject<'_, '_>| {
        let is_djangos = own_server && ["asgi", "wsgi"].contains(&object.file.stem());
        object.interface != Interface::Celery && !is_djangos
    };
    for object in objects(&project.code).iter().filter(is_web) {
        if let Some(candidate) = application(project, object) {
            let module = project.target(object.file).module;
            let rank = project.declared.rank(&format!("{module}:{}", object.name));
            let rank = rank.min(project.declared.rank(object.file.path));
            let is_plain = !object.is_factory;
            found.push((rank, Candidate { is_plain, ..candidate.starting(object.file, Kind::Served) }));
            paths.push(object.file.path);
        }
    }
    for file in project.code.deployed().filter(|file| !paths.contains(&file.path)) {
        if let Some(listener) = listener(&project.code, file).filter(|listener| runs(file, listener)) {
            let candidate = project.run_open(file, &listener).starting(file, Kind::Served);
            found.push((project.shown(file), candidate));
        }
    }
    // What the README shows first is meant; otherwise the order stays.
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

/// Whether `file` listens when it is run, and not when somebody calls a function of it.
fn runs(file: &PythonFile<'_>, listener: &Listener) -> bool {
    let is_top = file.lines.iter().any(|line| line.number == listener.line && line.indent == 0);
    is_top || file.has_guard() || file.stem() == "__main__"
}

fn streamlit(project: &Project<'_>) -> Option<(usize, Candidate)> {
    if !project.facts.has("streamlit") {
        return None;
    }
    let files =
        project.code.deployed().filter(|file| file.uses("streamlit") && !file.directory().ends_with("pages"));
    let rank = |file: &&PythonFile<'_>| {
        let pages =
            if file.directory().is_empty() { "pages".into() } else { format!("{}/pages", file.directory()) };
        let has_title = file.calls(&["set_page_config", "navigation"]).next().is_some();
        let name = PAGES.iter().position(|name| *name == file.stem()).unwrap_or(PAGES.len());
        let (has_pages, depth) = (project.code.has_directory(&pages), file.path.matches('/').count());
        (project.declared.rank(file.path), !has_pages, !has_title, depth, name)
    };
    let file = files.min_by_key(rank)?;
    let port = project.declared.streamlit.unwrap_or(8501);
    let options = format!("--server.address=0.0.0.0 --server.port={port} --server.headless=true");
    let command = format!("streamlit run {} {options}", file.path);
    let run = project.run(file);
    // As with a program, its own folder is looked into, and no other.
    let env = match run.command.get(1).map(String::as_str) {
        Some("-m") if run.env.is_empty() => [("PYTHONPATH".to_owned(), "/app".to_owned())].into(),
        _ => run.env,
    };
    let candidate = Candidate {
        port: Some(port),
        env,
        needs_files: project.installed.is_some(),
        label: format!("streamlit run {}", file.path),
        ..Candidate::of(words(&command))
    };
    Some((project.declared.rank(file.path), candidate.starting(file, Kind::Served)))
}

fn file_server(
    project: &Project<'_>,
    (package, module, sign, options, port): &(&str, &str, &str, &str, i64),
) -> Option<(usize, Candidate)> {
    if !project.facts.has(package) {
        return None;
    }
    let is_one =
        |file: &&PythonFile<'_>| file.uses(module) && file.lines.iter().any(|line| line.text.contains(sign));
    let file = project.code.deployed().filter(is_one).min_by_key(|file| project.declared.rank(file.path))?;
    let options = options.replace("FILE", file.path).replace("PORT", &port.to_string());
    let candidate = Candidate {
        port: Some(*port),
        needs_files: project.installed.is_some(),
        label: format!("{package} {}", file.path),
        ..Candidate::of(words(&format!("{package} {options}")))
    };
    Some((project.declared.rank(file.path), candidate.starting(file, Kind::Served)))
}

fn django(project: &Project<'_>) -> Option<Candidate> {
    let facts = project.facts;
    let manage = project.code.deployed().find(|file| file.stem() == "manage")?;
    if !facts.has("django") {
        return None;
    }
    let directory = manage.directory();
    let module = |stem: &str| {
        let inside = |file: &&PythonFile<'_>| {
            file.stem() == stem && file.directory().starts_with(directory) && file.directory() != directory
        };
        let file = project.code.deployed().find(inside)?;
        let target = project.target(file);
        // The settings are found from where `manage.py` is, or from where its modules are.
        Some(match directory.is_empty() {
            true => (target.root, target.module),
            false => (directory.to_owned(), super::search_path::module(&file.path[directory.len()..])),
        })
    };
    let option =
        |name: &str, root: &str| if root.is_empty() { String::new() } else { format!(" {name} {root}") };
    let (server, label) = if facts.has("gunicorn")
        && let Some((root, wsgi)) = module("wsgi")
    {
        let command =
            format!("gunicorn --bind 0.0.0.0:{PORT}{} {wsgi}:application", option("--chdir", &root));
        (command, format!("gunicorn {wsgi}:application"))
    } else if facts.has("uvicorn")
        && let Some((root, asgi)) = module("asgi")
    {
        let command =
            format!("uvicorn --host 0.0.0.0 --port {PORT}{} {asgi}:application", option("--app-dir", &root));
        (command, format!("uvicorn {asgi}:application"))
    } else if facts.has("daphne")
        && let Some((root, asgi)) = module("asgi").filter(|(root, _)| root.is_empty())
    {
        let command = format!("daphne -b 0.0.0.0 -p {PORT}{root} {asgi}:application");
        (command, format!("daphne {asgi}:application"))
    } else {
        let command = format!("python {} runserver --noreload 0.0.0.0:{PORT}", manage.path);
        (command, format!("python {} runserver", manage.path))
    };
    // Its templates and its `manage.py` are beside the modules.
    let needs_files = project.installed.is_some();
    let candidate = Candidate { port: Some(PORT), needs_files, label, ..Candidate::of(words(&server)) };
    Some(candidate.starting(manage, Kind::Served))
}

/// How the application `object` is served; `None` where nothing in the project can do that.
fn application(project: &Project<'_>, object: &AppObject<'_, '_>) -> Option<Candidate> {
    let (facts, file) = (project.facts, object.file);
    let own = listener(&project.code, file).filter(|listener| runs(file, listener));
    // The author's own way, if it is made for others.
    if let Some(own) = own.as_ref().filter(|own| !own.is_local && !own.is_debug) {
        return Some(project.run_open(file, own));
    }
    let target = project.target(file);
    let known = listener(&project.code, file).and_then(|listener| listener.port);
    let port = known.or_else(|| port_of(project, &target.module)).or(project.declared.exposed);
    let is_flask = object.interface == Interface::Wsgi && facts.has("flask");
    let (module, name) = (&target.module, object.name);
    let call = if object.is_factory { "()" } else { "" };
    let asgi = || {
        let port = port.unwrap_or(PORT);
        let directory =
            if target.root.is_empty() { String::new() } else { format!(" --app-dir {}", target.root) };
        let factory = if object.is_factory { " --factory" } else { "" };
        if object.interface == Interface::Sanic && facts.has("sanic") {
            return Some(format!("sanic {module}:{name} --host 0.0.0.0 --port {port}{factory}"));
        }
        if facts.has("uvicorn") {
            Some(format!("uvicorn --host 0.0.0.0 --port {port}{directory}{factory} {module}:{name}"))
        } else if facts.has("hypercorn") {
            Some(format!("hypercorn --bind 0.0.0.0:{port} {module}:{name}{call}"))
        } else if facts.has("granian") {
            Some(format!("granian --interface asgi --host 0.0.0.0 --port {port}{factory} {module}:{name}"))
        } else if facts.has("daphne") && !object.is_factory {
            Some(format!("daphne -b 0.0.0.0 -p {port} {module}:{name}"))
        } else {
            None
        }
    };
    let wsgi = |name: &str| {
        let directory =
            if target.root.is_empty() { String::new() } else { format!(" --chdir {}", target.root) };
        let port = port.unwrap_or(PORT);
        if facts.has("gunicorn") {
            Some(format!("gunicorn --bind 0.0.0.0:{port}{directory} {module}:{name}{call}"))
        } else if facts.has("waitress") {
            let factory = if object.is_factory { " --call" } else { "" };
            Some(format!("waitress-serve --listen=0.0.0.0:{port}{factory} {module}:{name}"))
        } else {
            None
        }
    };
    let command = match object.interface {
        Interface::Asgi | Interface::Sanic => asgi(),
        Interface::Wsgi => wsgi(name),
        Interface::Dash => {
            let of_app = format!("{name}.server");
            let server =
                file.lines.iter().filter_map(|line| line.assigned()).find(|(_, value)| *value == of_app);
            server.and_then(|(server, _)| wsgi(server))
        }
        Interface::Celery => None,
    };
    // A server without an option for the folder is told by a variable.
    let needs_path = |command: &str| {
        !target.root.is_empty() && !["--app-dir", "--chdir"].iter().any(|option| command.contains(option))
    };
    let mut env = target.env.clone();
    let command = match command {
        Some(command) => command,
        None if is_flask => {
            let port = port.unwrap_or(5000);
            let app = if ["app", "application", "create_app", "make_app"].contains(&name) {
                module.clone()
            } else {
                format!("{module}:{name}")
            };
            let command = format!("flask --app {app} run --host 0.0.0.0 --port {port}");
            if needs_path(&command) {
                env.insert("PYTHONPATH".to_owned(), format!("/app/{}", target.root));
            }
            return Some(Candidate {
                port: Some(port),
                env,
                needs_files: target.needs_files,
                label: format!("flask --app {app} run"),
                ..Candidate::of(words(&command))
            });
        }
        // Nothing else can serve it than itself.
        None => return own.map(|own| project.run_open(file, &own)),
    };
    if needs_path(&command) {
        env.insert("PYTHONPATH".to_owned(), format!("/app/{}", target.root));
    }
    let server = command.split(' ').next().unwrap_or_default().to_owned();
    let fallback = port.unwrap_or(PORT);
    Some(Candidate {
        port: Some(fallback),
        env,
        needs_files: target.needs_files,
        label: format!("{server} {module}:{name}"),
        ..Candidate::of(words(&command))
    })
}

/// The port that another file serves the module `module` at, or that the README shows.
fn port_of(project: &Project<'_>, module: &str) -> Option<i64> {
    let target = format!("{module}:");
    let names = |file: &&PythonFile<'_>| {
        file.lines.iter().any(|line| line.text.contains(&target))
            || file.imports().any(|import| import.module == module)
    };
    let ports = |file: &PythonFile<'_>| listener(&project.code, file)?.port;
    let by_file = project.code.deployed().filter(names).find_map(ports);
    by_file.or_else(|| {
        let line = project.declared.shown.iter().find(|line| line.contains(&target))?;
        let mut words =
            line.split([' ', '=', ':']).skip_while(|word| !["--port", "-p", "0.0.0.0"].contains(word));
        words.nth(1)?.parse().ok()
    })
}
