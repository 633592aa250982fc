//! Web applications and workers: objects at the top level of a module, and the functions that create them.
use std::collections::BTreeMap;

use crate::project::code::Code;
use crate::project::python_file::{Line, PythonFile};

/// What an application is called by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Interface {
    Asgi,
    Wsgi,
    Sanic,
    /// A WSGI application in the attribute `server`.
    Dash,
    Celery,
}

/// The classes of frameworks, by the last parts of their names.
const CLASSES: [(&str, Interface); 18] = [
    ("FastAPI", Interface::Asgi),
    ("Litestar", Interface::Asgi),
    ("Quart", Interface::Asgi),
    ("Starlette", Interface::Asgi),
    ("BlackSheep", Interface::Asgi),
    ("ASGIApp", Interface::Asgi),
    ("asgi.App", Interface::Asgi),
    ("get_asgi_application", Interface::Asgi),
    ("ProtocolTypeRouter", Interface::Asgi),
    ("Sanic", Interface::Sanic),
    ("Dash", Interface::Dash),
    ("Flask", Interface::Wsgi),
    ("APIFlask", Interface::Wsgi),
    ("OpenAPI", Interface::Wsgi),
    ("Bottle", Interface::Wsgi),
    ("falcon.App", Interface::Wsgi),
    ("falcon.API", Interface::Wsgi),
    ("Celery", Interface::Celery),
];

/// Names of files and objects that are what is served, the most likely first.
const STEMS: [&str; 10] =
    ["main", "app", "asgi", "wsgi", "server", "api", "__init__", "web", "run", "application"];
const NAMES: [&str; 5] = ["app", "application", "api", "server", "asgi"];

/// A web application, or a worker.
#[derive(Debug, Clone, Copy)]
pub(super) struct AppObject<'c, 'a> {
    pub file: &'c PythonFile<'a>,
    /// The name of the object, or of the function that creates it.
    pub name: &'c str,
    pub interface: Interface,
    pub is_factory: bool,
}

/// The applications of the project, the most likely first.
pub(super) fn objects<'c, 'a>(code: &'c Code<'a>) -> Vec<AppObject<'c, 'a>> {
    let mut factories: BTreeMap<&str, (Interface, &PythonFile<'_>, bool)> = BTreeMap::new();
    for file in code.deployed() {
        for (name, interface, is_plain) in functions(file) {
            factories.entry(name).or_insert((interface, file, is_plain));
        }
    }
    let mut found = Vec::new();
    for file in code.deployed() {
        let assigned = file.lines.iter().filter(|line| line.indent == 0).filter_map(Line::assigned);
        let mut own: Vec<AppObject<'_, '_>> = Vec::new();
        for (name, value) in assigned {
            let Some(callee) = callee(value) else { continue };
            let by_factory = || factories.get(callee.rsplit('.').next()?).map(|(interface, ..)| *interface);
            if let Some(interface) = class(callee).or_else(by_factory) {
                own.retain(|object| object.name != name);
                own.push(AppObject { file, name, interface, is_factory: false });
            }
        }
        if own.is_empty() {
            let is_here = |of: &PythonFile<'_>| of.path == file.path;
            let made = factories.iter().filter(|(_, (_, of, is_plain))| is_here(of) && *is_plain);
            own.extend(made.map(|(name, (interface, ..))| {
                // A factory that nothing calls is there for a server to call.
                AppObject { file, name, interface: *interface, is_factory: true }
            }));
        }
        found.extend(own);
    }
    let rank = |object: &AppObject<'_, '_>| {
        let stem = STEMS.iter().position(|stem| *stem == object.file.stem());
        let name = NAMES.iter().position(|name| *name == object.name).unwrap_or(NAMES.len());
        let depth = object.file.path.matches('/').count() + usize::from(stem.is_none());
        (object.is_factory, depth, stem.unwrap_or(STEMS.len()), object.file.path.to_owned(), name)
    };
    found.sort_by_key(rank);
    found
}

/// The functions of `file` that create applications, each with whether it can be called without arguments.
fn functions<'f>(file: &'f PythonFile<'_>) -> Vec<(&'f str, Interface, bool)> {
    let mut found: Vec<(&str, Interface, bool)> = Vec::new();
    let mut current: Option<(&str, bool)> = None;
    for line in &file.lines {
        if line.indent == 0 {
            current = line.function().map(|(name, parameters)| {
                let mut parameters =
                    parameters.split(',').map(str::trim).filter(|parameter| !parameter.is_empty());
                (name, parameters.all(|parameter| parameter.contains('=') || parameter.starts_with('*')))
            });
            continue;
        }
        let Some((name, is_plain)) = current else { continue };
        let value = line.assigned().map(|(_, value)| value).or(line.text.strip_prefix("return "));
        if let Some(interface) = value.and_then(callee).and_then(class)
            && !found.iter().any(|(known, ..)| *known == name)
        {
            found.push((name, interface, is_plain));
        }
    }
    found.retain(|(name, ..)| {
        ["app", "application", "create", "make", "build", "get"].iter().any(|word| name.contains(word))
    });
    found
}

/// What the expression `value` calls: `fastapi.FastAPI` of `fastapi.FastAPI(title="x")`.
fn callee(value: &str) -> Option<&str> {
    let (name, _) = value.split_once('(')?;
    let name = name.trim();
    (!name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.')).then_some(name)
}

fn class(callee: &str) -> Option<Interface> {
    let is_it =
        |class: &str| callee.strip_suffix(class).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    CLASSES.iter().find(|(class, _)| is_it(class)).map(|(_, interface)| *interface)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_are_found() {
        let check = |files: &[(&str, &str)], expected: &str| {
            let files =
                files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
            let none = Default::default();
            let code = Code::of(&files, &none);
            let shown = |object: &AppObject<'_, '_>| {
                let call = if object.is_factory { "()" } else { "" };
                format!("{}:{}{call} {:?}", object.file.path, object.name, object.interface)
            };
            let found: Vec<String> = objects(&code).iter().map(shown).collect();
            assert_eq!(found.join(", "), expected);
        };
        check(&[("a/main.py", "app: FastAPI = FastAPI(\n)\n")], "a/main.py:app Asgi");
        check(
            &[("m.py", "def f():\n    app = Flask('x')\nserver = flask.Flask(__name__)\n")],
            "m.py:server Wsgi",
        );
        check(
            &[("m.py", "def create_app(a=1):\n    app = Flask('x')\n    return app\n")],
            "m.py:create_app() Wsgi",
        );
        check(&[("m.py", "def create_app(a):\n    return Flask(a)\n")], "");
        check(
            &[
                ("x/f.py", "def build_app(a):\n    return FastAPI(a)\n"),
                ("x/main.py", "from x.f import build_app\napp = build_app(1)\n"),
            ],
            "x/main.py:app Asgi",
        );
        check(
            &[("odd.py", "api = FastAPI()\n"), ("a/main.py", "app = FastAPI()\n")],
            "a/main.py:app Asgi, odd.py:api Asgi",
        );
        check(&[("m.py", "class A:\n    app = FastAPI()\nx = NotFlask()\n")], "");
    }
}
