use std::collections::{BTreeMap, BTreeSet};

use invar_python::{PythonRequest, VersionFile};

use crate::draft::Draft;

use super::{Facts, ProjectError, ProjectView, add_needs, normalize, read_project};

/// What the manifest says of a project with these dependencies and files, each a path and its text.
#[track_caller]
fn check(pyproject: &str, files: &[(&str, &str)], expected: &str) {
    let files: BTreeMap<String, Option<String>> =
        files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
    let view = ProjectView { pyproject, uv_lock: None, version_file: None, files: &files };
    let draft = read_project(&view).expect("the project can be read");
    assert_eq!(draft.to_toml("tool.invar").trim_end(), expected.trim_end());
}

fn project(dependencies: &str) -> String {
    format!("[project]\nname = \"cat\"\nversion = \"1\"\ndependencies = [{dependencies}]\n")
}

#[test]
fn a_program_is_run_as_it_is() {
    check(
        &project(""),
        &[("main.py", "print(1)\n"), ("util.py", "")],
        "[tool.invar]\n[tool.invar.image]\ncommand = [\"python\", \"main.py\"]",
    );
    check(
        &project(""),
        &[("cat/__main__.py", ""), ("cat/__init__.py", "")],
        "[tool.invar]\n[tool.invar.image]\ncommand = [\"python\", \"-m\", \"cat\"]",
    );
    check(
        &project(""),
        &[
            ("odd.py", "if __name__ == '__main__':\n    go()\n"),
            ("tests/run.py", "if __name__ == '__main__':\n  x()"),
        ],
        "[tool.invar]\n[tool.invar.image]\ncommand = [\"python\", \"odd.py\"]",
    );
}

#[test]
fn a_package_is_run_by_its_own_program() {
    let package =
        "[project]\nname = \"Cat_Tool\"\nscripts = { other = \"a:b\", cat-tool = \"a:c\" }\n[build-system]\n";
    check(
        package,
        &[("src/cat_tool/__init__.py", "")],
        "# pyproject.toml: command: chosen `cat-tool`; the project also has `other`\n\
         [tool.invar]\n[tool.invar.image]\ncommand = [\"cat-tool\"]",
    );
}

/// The command, variables, ports and notes, on one line, of a project with `pyproject` and these files.
fn started(pyproject: &str, files: &[(&str, &str)]) -> String {
    let files: BTreeMap<String, Option<String>> =
        files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
    let view = ProjectView { pyproject, uv_lock: None, version_file: None, files: &files };
    let draft = read_project(&view).expect("the project can be read");
    let command = draft.image.get("command").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let mut shown: Vec<String> = command.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect();
    let values = ["env", "ports"].into_iter().filter_map(|key| draft.image.get(key));
    shown.extend(values.map(ToString::to_string));
    shown.extend(draft.include.iter().map(|include| format!("include {include}")));
    shown.extend(draft.notes.iter().map(|note| format!("# {} {}", note.text, note.why)));
    shown.join(" ")
}

const GUARD: &str = "if __name__ == \"__main__\":\n    go()\n";

#[test]
fn files_of_a_package_are_modules_of_the_image() {
    let package = format!(
        "{}[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n",
        project("")
    );
    let inside = [("src/cat/__init__.py", ""), ("src/cat/app.py", GUARD)];
    assert_eq!(started(&package, &inside), "python -m cat.app");
    assert_eq!(started(&package, &[("cat/__init__.py", ""), ("cat/__main__.py", "")]), "python -m cat");
    // What is beside the package is in the image only if it is asked for.
    let beside =
        [("src/cat/__init__.py", ""), ("main.py", GUARD), ("tests/test_a.py", ""), ("data/x.json", "")];
    assert_eq!(started(&package, &beside), "python main.py include [\"data\", \"main.py\", \"src\"]");
    let library = started(&package, &[("src/cat/__init__.py", "x = 1")]);
    assert!(library.contains("the project is a library"), "{library}");
    let script = format!("{package}[project.scripts]\nmeow = \"cat.app:go\"\n");
    assert_eq!(started(&script, &inside), "meow");
    // A script whose module is only beside the package.
    let script = format!("{package}[project.scripts]\nmeow = \"server:go\"\n");
    let beside = [("src/cat/__init__.py", ""), ("server.py", "def go(): pass\n")];
    assert_eq!(started(&script, &beside), "meow { PYTHONPATH = \"/app\" } include [\"server.py\", \"src\"]");
    // One that would only make a coroutine.
    let script = format!("{package}[project.scripts]\nmeow = \"cat.app:go\"\n");
    let inside =
        [("src/cat/__init__.py", ""), ("src/cat/app.py", &*format!("async def go(): pass\n{GUARD}"))];
    assert!(started(&script, &inside).starts_with("python -m cat.app # "), "{}", started(&script, &inside));
    // Of a library's modules none is its program.
    let inside = [("src/cat/__init__.py", ""), ("src/cat/x.py", GUARD), ("src/cat/y.py", GUARD)];
    let library = started(&package, &inside);
    assert!(library.contains("the project is a library"), "{library}");
}

#[test]
fn a_workspace_and_projects_inside_are_not_the_project() {
    let workspace =
        "[project]\nname = \"all\"\nversion = \"1\"\n[tool.uv.workspace]\nmembers = [\"libs/*\"]\n";
    let files = [
        ("libs/a/pyproject.toml", ""),
        ("libs/a/main.py", GUARD),
        ("other/pyproject.toml", ""),
        ("other/main.py", GUARD),
    ];
    let found = started(workspace, &files);
    assert!(found.contains("run `invar init` in a member (libs/a)"), "{found}");
}

#[test]
fn scripts_without_a_build_system_are_called() {
    let script = format!("{}[project.scripts]\nmeow = \"cat.cli:go\"\n", project(""));
    let plain = [("cat/cli.py", "def go(): pass\n")];
    let found = started(&script, &plain);
    assert!(found.starts_with("python -c import sys, cat.cli; sys.exit(cat.cli.go()) # "), "{found}");
    let guarded = [("cat/cli.py", "from cat import x\nif __name__ == '__main__': go()\n"), ("cat/x.py", "")];
    let found = started(&script, &guarded);
    assert!(found.starts_with("python -m cat.cli # [project.scripts] meow "), "{found}");
}

#[test]
fn imports_show_how_a_program_is_run() {
    let check = |files: &[(&str, &str)], expected: &str| assert_eq!(started(&project(""), files), expected);
    let own = format!("from learning.text import X\n{GUARD}");
    check(&[("learning/app.py", &own), ("learning/text.py", "")], "python -m learning.app");
    let beside = format!("import text\n{GUARD}");
    check(&[("learning/app.py", &beside), ("learning/text.py", "")], "python learning/app.py");
    let near = format!("from .text import X\n{GUARD}");
    check(&[("learning/app.py", &near), ("learning/text.py", "")], "python -m learning.app");
    check(
        &[("src/cat/app.py", &format!("from cat.b import x\n{GUARD}")), ("src/cat/b.py", "")],
        "python -m cat.app { PYTHONPATH = \"/app/src\" }",
    );
    check(&[("src/main.py", &format!("import b\n{GUARD}")), ("src/b.py", "")], "python src/main.py");
    check(&[("src/cat/__main__.py", "")], "python -m cat { PYTHONPATH = \"/app/src\" }");
    // What uv writes for a new project is the last to be chosen.
    let hello = "def main():\n    print(\"Hello from cat!\")\n\nif __name__ == \"__main__\":\n    main()\n";
    check(
        &[("main.py", hello), ("meow.py", GUARD)],
        "python meow.py # command chosen `python meow.py`; the project also has `python main.py`",
    );
    check(&[("main.py", hello)], "python main.py #  main.py is what `uv init` writes: it only says hello");
    check(
        &[("b.py", GUARD), ("a.py", GUARD), ("README.md", "    $ uv run b.py\n")],
        "python b.py # command chosen `python b.py`; the project also has `python a.py`",
    );
}

#[test]
fn ports_are_those_of_the_code() {
    let check = |dependencies: &str, files: &[(&str, &str)], expected: &str| {
        assert_eq!(started(&project(dependencies), files), expected, "{files:?}");
    };
    let web = "\"fastapi\", \"uvicorn\"";
    let app = "from fastapi import FastAPI\nfrom learning.text import X\nimport uvicorn\napp = FastAPI()\n\
        if __name__ == \"__main__\":\n    uvicorn.run(app, host=\"0.0.0.0\", port=8001)\n";
    check(web, &[("learning/app.py", app), ("learning/text.py", "")], "python -m learning.app [8001]");
    // One that only its own container could reach.
    let local = app.replace("0.0.0.0", "127.0.0.1");
    check(
        web,
        &[("learning/app.py", &local), ("learning/text.py", "")],
        "uvicorn --host 0.0.0.0 --port 8001 learning.app:app [8001]",
    );
    // Another file starts it.
    let main = "import uvicorn\nPORT = 8002\nif __name__ == '__main__':\n    uvicorn.run('api.app:app', port=PORT, reload=True)\n";
    check(
        web,
        &[("api/app.py", "app = FastAPI()\n"), ("main.py", main)],
        "uvicorn --host 0.0.0.0 --port 8002 api.app:app [8002] # command chosen `uvicorn api.app:app`; the project also has `python main.py`",
    );
    check(
        web,
        &[("app/main.py", "app = FastAPI()\n"), ("Dockerfile", "EXPOSE 8003\n")],
        "uvicorn --host 0.0.0.0 --port 8003 app.main:app [8003]",
    );
    check(
        web,
        &[("m.py", "app = FastAPI()\n"), ("README.md", "uvicorn m:app --reload --port 8004\n")],
        "uvicorn --host 0.0.0.0 --port 8004 m:app [8004]",
    );
    check(
        web,
        &[("cat/a.py", "def create_app():\n    return FastAPI()\n")],
        "uvicorn --host 0.0.0.0 --port 8000 --factory cat.a:create_app [8000]",
    );
    check(
        "\"flask\"",
        &[("app.py", "from flask import Flask\napp = Flask('x')\napp.run(debug=True, port=81)\n")],
        "flask --app app run --host 0.0.0.0 --port 81 [81]",
    );
    check(
        "\"flask\", \"gunicorn\"",
        &[("web/__init__.py", "def create_app():\n    app = Flask('x')\n    return app\n")],
        "gunicorn --bind 0.0.0.0:8000 web:create_app() [8000]",
    );
    check(
        "\"flask\", \"waitress\"",
        &[("w.py", "app = Flask('x')\n")],
        "waitress-serve --listen=0.0.0.0:8000 w:app [8000]",
    );
    check(
        "\"dash\"",
        &[(
            "d.py",
            "from dash import Dash\napp = Dash('x')\nif __name__ == '__main__': app.run(debug=True)\n",
        )],
        "python d.py { HOST = \"0.0.0.0\" } [8050]",
    );
    check(
        "\"gradio\"",
        &[("g.py", "import gradio\nd = gradio.Blocks()\nd.launch(server_port=81)\n")],
        "python g.py { GRADIO_SERVER_NAME = \"0.0.0.0\" } [81]",
    );
    check(
        "",
        &[("s.py", "from http.server import HTTPServer\nHTTPServer(('localhost', 8005), H)\n")],
        "python s.py [8005] #  s.py:2 listens on localhost, which cannot be reached from outside the container: use 0.0.0.0",
    );
    let options = "import argparse, uvicorn\np.add_argument('--port', type=int, default=8006)\np.add_argument('--host', default='localhost')\n\
        if __name__ == '__main__':\n    uvicorn.run('x.y:z', host=args.host, port=args.port)\n";
    check("\"uvicorn\"", &[("s.py", options)], "python s.py --host 0.0.0.0 [8006]");
    check(
        "\"streamlit\"",
        &[("ui/home.py", "import streamlit as st\nfrom core import x\n"), ("core/x.py", "")],
        "streamlit run ui/home.py --server.address=0.0.0.0 --server.port=8501 --server.headless=true { PYTHONPATH = \"/app\" } [8501]",
    );
    let asgi = started(&project("\"fastapi\""), &[("m.py", "app = FastAPI()\n")]);
    assert!(asgi.contains("`uv add uvicorn`"), "{asgi}");
    check(
        "\"gunicorn\"",
        &[("Procfile", "web: gunicorn -b 0.0.0.0:${PORT:-8007} a:b\n"), ("a.py", "b = Flask('x')")],
        "gunicorn -b 0.0.0.0:8007 a:b [8007]",
    );
}

#[test]
fn a_script_may_be_the_server() {
    let package = |more: &str| {
        let dependencies = project("\"fastapi\", \"uvicorn\"");
        format!(
            "{dependencies}[build-system]\nrequires = [\"uv_build\"]\nbuild-backend = \"uv_build\"\n[project.scripts]\ncat = \"cat.web:{more}\"\n"
        )
    };
    let web = "import uvicorn\nimport os\napp = FastAPI()\ndef run():\n    uvicorn.run(app, host=os.getenv('CAT_HOST', '127.0.0.1'), port=9000)\n";
    assert_eq!(started(&package("run"), &[("src/cat/web.py", web)]), "cat { CAT_HOST = \"0.0.0.0\" } [9000]");
    // With commands of its own nothing listens unless one of them is named.
    let commands = format!("{web}\nparser.add_subparsers()\n");
    assert_eq!(
        started(&package("run"), &[("src/cat/web.py", &commands)]),
        "uvicorn --host 0.0.0.0 --port 9000 cat.web:app [9000]"
    );
}

#[test]
fn web_applications_are_served() {
    check(
        &project("\"fastapi\", \"uvicorn[standard]>=0.3\""),
        &[
            ("app/main.py", "from fastapi import FastAPI\n\napp: FastAPI = FastAPI(\n)\n"),
            ("app/__init__.py", ""),
        ],
        "[tool.invar]\n[tool.invar.image]\n\
         command = [\"uvicorn\", \"--host\", \"0.0.0.0\", \"--port\", \"8000\", \"app.main:app\"]\nports = [8000]",
    );
    check(
        &project("\"fastapi\", \"uvicorn\""),
        &[("main.py", "app = fastapi.FastAPI()\nif __name__ == \"__main__\":\n    uvicorn.run(app)\n")],
        "[tool.invar]\n[tool.invar.image]\n\
         command = [\"uvicorn\", \"--host\", \"0.0.0.0\", \"--port\", \"8000\", \"main:app\"]\nports = [8000]",
    );
    check(
        &project("\"flask\", \"gunicorn\""),
        &[("src/web.py", "def make():\n    app = Flask('inner')\nserver = Flask(__name__)\n")],
        "[tool.invar]\n[tool.invar.image]\n\
         command = [\"gunicorn\", \"--bind\", \"0.0.0.0:8000\", \"--chdir\", \"src\", \"web:server\"]\nports = [8000]",
    );
    check(
        &project("\"Django>=5\", \"gunicorn\""),
        &[
            ("site/manage.py", ""),
            ("site/config/wsgi.py", "application = get()"),
            ("site/config/settings.py", ""),
        ],
        "[tool.invar]\n[tool.invar.image]\n\
         command = [\"gunicorn\", \"--bind\", \"0.0.0.0:8000\", \"--chdir\", \"site\", \"config.wsgi:application\"]\n\
         ports = [8000]",
    );
    check(
        &project("\"streamlit\""),
        &[("dash.py", "import streamlit as st\n")],
        "[tool.invar]\n[tool.invar.image]\ncommand = [\"streamlit\", \"run\", \"dash.py\", \
         \"--server.address=0.0.0.0\", \"--server.port=8501\", \"--server.headless=true\"]\nports = [8501]",
    );
    check(
        &project("\"celery[redis]\""),
        &[("work/tasks.py", "app = Celery('x')\n")],
        "[tool.invar]\n[tool.invar.image]\ncommand = [\"celery\", \"--app\", \"work.tasks\", \"worker\"]",
    );
}

#[test]
fn what_cannot_be_known_is_said() {
    check(
        &project(""),
        &[("a.py", "")],
        "# pyproject.toml: no command found for the image: add command = [\"python\", \"FILE.py\"] to the image \
         table\n[tool.invar]",
    );
}

/// A package of a lock with a source distribution and, for each of `tags`, a wheel.
fn locked(name: &str, tags: &[&str], more: &str) -> String {
    let hash = format!("hash = \"sha256:{}\"", "0".repeat(64));
    let wheels: Vec<String> = tags
        .iter()
        .map(|tag| {
            format!("{{ url = \"https://index.example/{}-1-{tag}.whl\", {hash} }}", name.replace('-', "_"))
        })
        .collect();
    format!(
        "[[package]]\nname = \"{name}\"\nversion = \"1\"\nsource = {{ registry = \"https://index.example/simple\" }}\n\
         sdist = {{ url = \"https://index.example/{name}-1.tar.gz\", {hash} }}\nwheels = [{}]\n{more}\n",
        wheels.join(", ")
    )
}

const CAT: &str =
    "version = 1\nrequires-python = \">=3.11\"\n[[package]]\nname = \"cat\"\nsource = { virtual = \".\" }\n";

#[track_caller]
fn check_needs(draft: Draft, lock: &str, expected: &str) {
    let (files, pyproject) = (BTreeMap::new(), project("\"odd\""));
    let view = ProjectView { pyproject: &pyproject, uv_lock: Some(lock), version_file: None, files: &files };
    let mut draft = draft;
    add_needs(&mut draft, &view).expect("the project can be read");
    assert_eq!(draft.to_toml("").trim_end(), expected);
}

#[test]
fn needs_come_from_what_is_installed_and_not_from_groups() {
    let lock = format!(
        "{CAT}dependencies = [{{ name = \"psycopg2\" }}]\n[package.dev-dependencies]\n\
         dev = [{{ name = \"weasyprint\" }}]\n{}{}{}",
        locked("psycopg2", &[], "dependencies = [{ name = \"odd\" }]"),
        locked("odd", &[], ""),
        locked("weasyprint", &["py3-none-any"], ""),
    );
    let expected = "# uv.lock: odd: has no wheel, so it is built from source; if that needs a compiler, add \
        python.overrides.odd.packages = [\"gcc\", \"libc6-dev\"]\n\
        packages = [\"libpq5\"]\n\
        [python.overrides.psycopg2]\npackages = [\"gcc\", \"libc6-dev\", \"libpq-dev\"]";
    check_needs(Draft::default(), &lock, expected);
    let with_group = Draft { groups: BTreeSet::from(["dev".to_owned()]), ..Draft::default() };
    let more = "packages = [\"libharfbuzz-subset0\", \"libpango-1.0-0\", \"libpangoft2-1.0-0\", \"libpq5\"]\n\
        groups = [\"dev\"]";
    check_needs(with_group, &lock, &expected.replace("packages = [\"libpq5\"]", more));
}

#[test]
fn what_has_no_wheel_for_the_images_python_is_built() {
    let wheels =
        |tag: &str| vec![format!("{tag}-{tag}-manylinux_2_17_x86_64"), format!("{tag}-{tag}-win_amd64")];
    let (old, new) = (wheels("cp311"), wheels("cp313"));
    let package =
        |name: &str, list: &[String]| locked(name, &list.iter().map(String::as_str).collect::<Vec<_>>(), "");
    let lock = format!(
        "{CAT}dependencies = [{{ name = \"odd\", extra = [\"fast\"] }}, {{ name = \"pydantic-core\" }}, \
         {{ name = \"both\" }}, {{ name = \"winter\", marker = \"sys_platform == 'win32'\" }}]\n{}{}{}{}{}",
        locked("odd", &["py3-none-any"], "[package.optional-dependencies]\nfast = [{ name = \"loop\" }]",),
        package("loop", &old),
        package("pydantic-core", &old),
        package("both", &[old.clone(), new].concat()),
        package("winter", &old),
    );
    check_needs(
        Draft { suite: Some("trixie".to_owned()), ..Draft::default() },
        &lock,
        "# uv.lock: loop, pydantic-core: no wheel for Python 3.13, so it is built from source; newer versions may have \
         one: `uv lock --upgrade`\n\
         suite = \"trixie\"\n\
         [python.overrides.loop]\npackages = [\"gcc\", \"libc6-dev\"]\n\
         [python.overrides.pydantic-core]\npackages = [\"cargo\", \"gcc\", \"libc6-dev\"]",
    );
    let bookworm = Draft { suite: Some("bookworm".to_owned()), ..Draft::default() };
    check_needs(bookworm, &lock, "suite = \"bookworm\"");
    check_needs(
        Draft::default(),
        &lock,
        "# uv.lock: has no wheel of loop 1 and pydantic-core 1 for Python 3.13; the image has Python 3.11 of Debian bookworm\n\
         suite = \"bookworm\"",
    );
}

#[test]
fn what_another_package_brings_is_not_needed() {
    let lock = |extra: &str| {
        format!(
            "{CAT}dependencies = [{{ name = \"psycopg\"{extra} }}]\n{}{}",
            locked(
                "psycopg",
                &["py3-none-any"],
                "[package.optional-dependencies]\nbinary = [{ name = \"psycopg-binary\" }]",
            ),
            locked("psycopg-binary", &["cp313-cp313-manylinux_2_17_x86_64"], ""),
        )
    };
    check_needs(Draft::default(), &lock(""), "packages = [\"libpq5\"]");
    check_needs(Draft::default(), &lock(", extra = [\"binary\"]"), "");
}

#[test]
fn broken_files_are_named() {
    let files = BTreeMap::new();
    let view = ProjectView { pyproject: "[", uv_lock: None, version_file: None, files: &files };
    assert!(matches!(read_project(&view), Err(ProjectError::Pyproject(_))));
    let view = ProjectView { pyproject: "", uv_lock: Some("="), version_file: None, files: &files };
    assert!(matches!(read_project(&view), Err(ProjectError::Lock(_))));
}

#[test]
fn names_are_compared_in_their_normal_form() {
    assert_eq!(normalize("My.Odd__Name"), "my-odd-name");
    assert_eq!(normalize(" not A name-"), "not A name-");
    let files = BTreeMap::new();
    let pyproject = "[project]\nname = \"a\"\ndependencies = [\"UvIcorn[standard]>=0.3; python_version > '3'\", \"b\", \
                     \"c_d @ https://example.org/x\"]\n";
    let view = ProjectView { pyproject, uv_lock: None, version_file: None, files: &files };
    let facts = Facts::read(&view, &Draft::default()).unwrap();
    assert_eq!(facts.packages, ["b", "c-d", "uvicorn"].map(str::to_owned).into());
}

#[test]
fn what_a_dockerfile_has_for_builds_is_what_builds_get() {
    let lock = format!(
        "{CAT}dependencies = [{{ name = \"uwsgi\" }}, {{ name = \"odd\" }}, {{ name = \"psycopg2\" }}]\n{}{}{}",
        locked("uwsgi", &[], ""),
        locked("odd", &[], ""),
        locked("psycopg2", &["py3-none-any"], ""),
    );
    let packages = ["gcc", "libc6-dev", "libpcre2-dev"].map(str::to_owned);
    let draft = Draft { has_needs: true, build_packages: Some(packages.into()), ..Draft::default() };
    check_needs(
        draft,
        &lock,
        "# uv.lock: odd: has no wheel, so it is built from source; if that needs a compiler, add \
         python.overrides.odd.packages = [\"gcc\", \"libc6-dev\", \"libpcre2-dev\"]\n\
         packages = [\"libpython3.13\"]\n\
         [python.overrides.uwsgi]\npackages = [\"gcc\", \"libc6-dev\", \"libpcre2-dev\"]",
    );
    // What was built without a compiler says nothing; what cannot do without one has it.
    let draft = Draft { build_packages: Some(BTreeSet::new()), ..Draft::default() };
    let expected = "packages = [\"libpq5\", \"libpython3.13\"]\n[python.overrides.uwsgi]\npackages = [\"gcc\", \"libc6-dev\"]";
    check_needs(draft, &lock, expected);
}

/// What `init` writes for a project with a lock and files.
#[track_caller]
fn check_locked(pyproject: &str, lock: &str, version: &str, files: &[(&str, &str)], expected: &str) {
    let files: BTreeMap<String, Option<String>> =
        files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
    let request = PythonRequest::first_of(version);
    let version_file = request.map(|request| VersionFile { name: ".python-version".to_owned(), request });
    let view =
        ProjectView { pyproject, uv_lock: Some(lock), version_file: version_file.as_ref(), files: &files };
    let draft = read_project(&view).expect("the project can be read");
    assert_eq!(draft.to_toml("").trim_end(), expected);
}

#[test]
fn the_suite_is_written_with_its_reason() {
    let lock = format!(
        "{CAT}dependencies = [{{ name = \"odd\" }}]\n{}",
        locked("odd", &["cp311-cp311-manylinux_2_17_x86_64", "cp312-cp312-manylinux_2_17_x86_64"], "")
    );
    let lock = lock.replace("sdist =", "# sdist =");
    let check = |requires: &str, version: &str, expected: &str| {
        let pyproject = format!("{}requires-python = \"{requires}\"\n", project("\"odd\""));
        let expected = format!("{expected}[image]\ncommand = [\"python\", \"main.py\"]");
        check_locked(&pyproject, &lock, version, &[("main.py", "print(1)\n")], &expected);
    };
    check(
        ">=3.11",
        "3.11",
        "# .python-version: asks for Python 3.11; the image has Python 3.11 of Debian bookworm\nsuite = \"bookworm\"\n",
    );
    check(
        ">=3.11",
        "",
        "# uv.lock: has neither a wheel for Python 3.13 nor a source of odd 1; the image has Python 3.11 of Debian bookworm\n\
         suite = \"bookworm\"\n",
    );
    check(
        ">=3.12,<3.13",
        "",
        "# pyproject.toml: no Debian suite has a Python that satisfies requires-python = \">=3.12, <3.13\"; trixie has Python \
         3.13, bookworm has Python 3.11, forky has Python 3.14; requires-python = \">=3.12\" would fit Python 3.13 of Debian \
         trixie\n",
    );
    check(
        ">=3.14",
        "3.14",
        "# .python-version: asks for Python 3.14; the image has Python 3.14 of Debian forky\n\
         # pyproject.toml: Debian forky is still in development, and its packages change often\nsuite = \"forky\"\n",
    );
}

#[test]
fn what_the_program_imports_is_installed() {
    check_locked(
        &project(""),
        &format!(
            "{CAT}[package.optional-dependencies]\nconf = [{{ name = \"pyyaml\" }}]\n{}",
            locked("pyyaml", &["py3-none-any"], "")
        ),
        "",
        &[
            ("main.py", "import sys\nfrom window import show\nimport yaml\nimport cgi\nshow()\n"),
            (
                "window.py",
                "try:\n    import idlelib\nexcept ImportError:\n    pass\nfrom tkinter import ttk\n",
            ),
            ("other.py", "import dbm.gnu\n"),
        ],
        "# main.py:3: import yaml: pyyaml comes with the extra conf, so that is installed\n\
         # main.py:4: import cgi: Python 3.13 no longer has cgi; add it with `uv add legacy-cgi`, or use suite = \
         \"bookworm\", with Python 3.11\n\
         packages = [\"python3-tk\"]\nextras = [\"conf\"]\n[image]\ncommand = [\"python\", \"main.py\"]",
    );
}
