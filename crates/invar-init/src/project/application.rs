//! What a project runs, as its files show it.
use std::collections::BTreeMap;

use crate::draft::{Draft, Source};
use crate::project::Facts;

/// A web application, or a worker: an object at the top level of a module.
struct AppObject<'a> {
    /// Its file.
    path: &'a str,
    /// Its module, as Python imports it from the project's folder.
    module: String,
    /// Its name.
    name: &'a str,
    /// Whether running the file starts a server.
    runs_itself: bool,
}

/// What an application is called by: the classes of frameworks.
const ASGI: [&str; 6] = ["FastAPI", "Litestar", "Quart", "Robyn", "Sanic", "Starlette"];
const WSGI: [&str; 4] = ["Bottle", "Flask", "falcon.App", "falcon.API"];

/// Programs by name, in the order in which they are looked for.
const PROGRAMS: [&str; 6] = ["main.py", "app.py", "run.py", "server.py", "bot.py", "cli.py"];

/// What serves applications, and how they are configured to listen.
const PORT: i64 = 8000;

/// Adds the image's command, and its port, to `draft`.
pub(super) fn add_command(draft: &mut Draft, facts: &Facts, files: &BTreeMap<String, Option<String>>) {
    let texts = || files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)));
    // The shallowest first: what is deep inside is an example or a test more often.
    let mut texts: Vec<(&str, &str)> = texts().filter(|(path, _)| !is_aside(path)).collect();
    texts.sort_by_key(|(path, _)| (path.matches('/').count(), *path));
    if let Some((command, port)) = served(facts, &texts) {
        set(draft, command, port);
    } else if let Some(script) = script(facts) {
        set(draft, vec![script.to_owned()], None);
    } else if let Some((script, function)) = function(facts, &texts) {
        let source = Source { file: "pyproject.toml", line: 0 };
        let why =
            "the project has no [build-system], so this is not installed, and the command calls its function";
        draft.note(source, &format!("[project.scripts] {script}"), why);
        if function.is_in_src {
            draft.image.set_in("env", "PYTHONPATH", "/app/src");
        }
        set(draft, function.command, None);
    } else if let Some(command) = program(&texts) {
        set(draft, command, None);
    } else {
        let source = Source { file: "pyproject.toml", line: 0 };
        let why =
            "no command found for the image: add command = [\"python\", \"FILE.py\"] to the image table";
        draft.note(source, "", why);
    }
}

fn set(draft: &mut Draft, command: Vec<String>, port: Option<i64>) {
    draft.image.set("command", command);
    if let Some(port) = port {
        draft.image.add("ports", port);
    }
}

/// Whether a file is not part of what is deployed.
fn is_aside(path: &str) -> bool {
    let aside =
        ["tests", "test", "docs", "doc", "examples", "example", "scripts", "migrations", "benchmarks"];
    let file = path.rsplit('/').next().unwrap_or(path);
    path.split('/').any(|part| aside.contains(&part) || part.starts_with('.'))
        || file.starts_with("test_")
        || file == "conftest.py"
}

/// The program of the project that is named as it is, or the only one.
fn script(facts: &Facts) -> Option<&str> {
    if !facts.is_package {
        return None;
    }
    Some(main_script(facts)?.0)
}

/// The program that is named as the project is, or the first, and its function.
fn main_script(facts: &Facts) -> Option<(&str, &str)> {
    let own = facts.scripts.iter().find(|(script, _)| super::normalize(script) == facts.name);
    let (name, target) = own.or(facts.scripts.first_key_value())?;
    Some((name, target))
}

/// A command that calls a function of the project.
struct Function {
    command: Vec<String>,
    /// Whether its module is in `src`, which Python does not look into by itself.
    is_in_src: bool,
}

/// What starts the main program of a project that does not install it, and the program's name.
fn function<'a>(facts: &'a Facts, texts: &[(&str, &str)]) -> Option<(&'a str, Function)> {
    if facts.is_package {
        return None;
    }
    let (name, target) = main_script(facts)?;
    let (module, function) = target.split_once(':')?;
    // Extras may follow.
    let (module, function) = (module.trim(), function.split('[').next()?.trim());
    let is_name = |text: &str| {
        let is_part =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        text.split('.').all(is_part)
    };
    if !is_name(module) || !is_name(function) {
        return None;
    }
    let (path, text) =
        texts.iter().find(|(path, _)| self::module(path).is_some_and(|found| found == module))?;
    let words: Vec<String> = if has_guard(text) && !path.ends_with("__init__.py") {
        ["python", "-m", module].map(str::to_owned).into()
    } else {
        let code = format!("import sys, {module}; sys.exit({module}.{function}())");
        ["python".to_owned(), "-c".to_owned(), code].into()
    };
    Some((name, Function { command: words, is_in_src: path.starts_with("src/") }))
}

/// The command and port of something that listens, or that works for something that does.
fn served(facts: &Facts, texts: &[(&str, &str)]) -> Option<(Vec<String>, Option<i64>)> {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    if facts.has("streamlit") {
        let found = texts.iter().find(|(_, text)| imports(text, "streamlit"));
        if let Some((path, _)) = found {
            let options = "--server.address=0.0.0.0 --server.port=8501 --server.headless=true";
            return Some((words(&format!("streamlit run {path} {options}")), Some(8501)));
        }
    }
    let django = texts.iter().find(|(path, _)| *path == "manage.py" || path.ends_with("/manage.py"));
    if facts.has("django")
        && let Some((manage, _)) = django
    {
        let directory = manage.strip_suffix("manage.py").unwrap_or_default();
        let module = |file: &str| {
            let found = texts
                .iter()
                .find(|(path, _)| path.strip_prefix(directory).is_some_and(|p| p.ends_with(file)));
            found.and_then(|(path, _)| module(path.strip_prefix(directory)?))
        };
        let chdir = if directory.is_empty() {
            String::new()
        } else {
            format!(" --chdir {}", directory.trim_end_matches('/'))
        };
        let app_dir = chdir.replace("--chdir", "--app-dir");
        if facts.has("gunicorn")
            && let Some(wsgi) = module("/wsgi.py")
        {
            let command = format!("gunicorn --bind 0.0.0.0:{PORT}{chdir} {wsgi}:application");
            return Some((words(&command), Some(PORT)));
        }
        if facts.has("uvicorn")
            && let Some(asgi) = module("/asgi.py")
        {
            let command = format!("uvicorn --host 0.0.0.0 --port {PORT}{app_dir} {asgi}:application");
            return Some((words(&command), Some(PORT)));
        }
        return Some((words(&format!("python {manage} runserver --noreload 0.0.0.0:{PORT}")), Some(PORT)));
    }
    if let Some(app) = object(texts, &ASGI) {
        if app.runs_itself {
            return Some((vec!["python".to_owned(), app.path.to_owned()], Some(PORT)));
        }
        let target = format!("{}:{}", app.module, app.name);
        let source = if app.path.starts_with("src/") && !facts.is_package { "src" } else { "" };
        let command = if facts.has("uvicorn") {
            let directory = if source.is_empty() { String::new() } else { format!(" --app-dir {source}") };
            format!("uvicorn --host 0.0.0.0 --port {PORT}{directory} {target}")
        } else if facts.has("hypercorn") {
            format!("hypercorn --bind 0.0.0.0:{PORT} {target}")
        } else if facts.has("granian") {
            format!("granian --interface asgi --host 0.0.0.0 --port {PORT} {target}")
        } else {
            return None;
        };
        return Some((words(&command), Some(PORT)));
    }
    if let Some(app) = object(texts, &WSGI) {
        let target = format!("{}:{}", app.module, app.name);
        let directory = if app.path.starts_with("src/") && !facts.is_package { " --chdir src" } else { "" };
        if facts.has("gunicorn") {
            let command = format!("gunicorn --bind 0.0.0.0:{PORT}{directory} {target}");
            return Some((words(&command), Some(PORT)));
        }
        if facts.has("waitress") {
            return Some((words(&format!("waitress-serve --listen=0.0.0.0:{PORT} {target}")), Some(PORT)));
        }
        if app.runs_itself {
            return Some((vec!["python".to_owned(), app.path.to_owned()], Some(5000)));
        }
        if facts.has("flask") {
            let command = format!("flask --app {} run --host 0.0.0.0 --port {PORT}", app.module);
            return Some((words(&command), Some(PORT)));
        }
    }
    let worker = object(texts, &["Celery"]).filter(|_| facts.has("celery"))?;
    Some((words(&format!("celery --app {} worker", worker.module)), None))
}

/// The first object that is created by one of `classes`.
fn object<'a>(texts: &[(&'a str, &'a str)], classes: &[&str]) -> Option<AppObject<'a>> {
    texts.iter().find_map(|(path, text)| {
        let name = text.lines().find_map(|line| made_by(line, classes))?;
        let runs_itself = has_guard(text)
            && ["uvicorn.run(", ".run(", "serve(", "hypercorn"].iter().any(|call| text.contains(call));
        Some(AppObject { path, module: module(path)?, name, runs_itself })
    })
}

/// The name in a line such as `app = FastAPI(`, `app: FastAPI = FastAPI(` or `app = fastapi.FastAPI(`.
fn made_by<'a>(line: &'a str, classes: &[&str]) -> Option<&'a str> {
    let (left, right) = line.split_once('=')?;
    let name = left.split(':').next()?.trim_end();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    // At the top level of the module: an indented line belongs to a function.
    if name.is_empty() || !name.chars().all(is_name) {
        return None;
    }
    let call = right.trim_start().split('(').next().filter(|_| right.contains('('))?.trim();
    let made = classes.iter().any(|class| call == *class || call.rsplit('.').next() == Some(class));
    made.then_some(name)
}

/// `python FILE`, or `python -m PACKAGE`, for a file that is there to be run.
fn program(texts: &[(&str, &str)]) -> Option<Vec<String>> {
    let is_there = |name: &str| texts.iter().any(|(path, _)| *path == name);
    if let Some(name) = PROGRAMS.iter().find(|name| is_there(name)) {
        return Some(vec!["python".to_owned(), (*name).to_owned()]);
    }
    let package = texts.iter().find_map(|(path, _)| path.strip_suffix("/__main__.py"));
    if let Some(package) = package.filter(|package| !package.starts_with("src/")) {
        return Some(vec!["python".to_owned(), "-m".to_owned(), package.replace('/', ".")]);
    }
    let mut guarded = texts.iter().filter(|(_, text)| has_guard(text));
    let (path, _) = guarded.next()?;
    // Of several programs none is more likely than the others.
    guarded.next().is_none().then(|| vec!["python".to_owned(), (*path).to_owned()])
}

/// Whether the file does something when it is run.
fn has_guard(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("if __name__ ==") || line.starts_with("if __name__=="))
}

fn imports(text: &str, module: &str) -> bool {
    text.lines().any(|line| {
        let mut words = line.split([' ', '.', ',']);
        matches!(words.next(), Some("import" | "from")) && words.next() == Some(module)
    })
}

/// The module of a file, as Python imports it from the project's folder or from `src`.
fn module(path: &str) -> Option<String> {
    let path = path.strip_prefix("src/").unwrap_or(path).strip_suffix(".py")?;
    let path = path.strip_suffix("/__init__").unwrap_or(path);
    Some(path.replace('/', "."))
}
