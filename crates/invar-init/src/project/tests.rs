use std::collections::BTreeMap;

use super::{ProjectView, normalise, read_project, requirement_name};

/// What the manifest says of a project with these dependencies and files, each a path and its text.
#[track_caller]
fn check(pyproject: &str, files: &[(&str, &str)], expected: &str) {
    let files: BTreeMap<String, Option<String>> =
        files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
    let view = ProjectView { pyproject, uv_lock: None, files: &files };
    let draft = read_project(&view, true).expect("the project can be read");
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
        "[tool.invar]\n[tool.invar.image]\ncommand = [\"cat-tool\"]",
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
        "[tool.invar]\n[tool.invar.image]\ncommand = [\"python\", \"main.py\"]\nports = [8000]",
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
        "# pyproject.toml: nothing here shows what the image runs: add command = [\"python\", \"FILE.py\"] to the image \
         table\n[tool.invar]",
    );
}

#[test]
fn needs_come_from_what_is_installed_and_not_from_groups() {
    let lock = r#"
[[package]]
name = "cat"
source = { virtual = "." }
dependencies = [{ name = "psycopg2" }]
[package.dev-dependencies]
dev = [{ name = "weasyprint" }]
[[package]]
name = "psycopg2"
source = { registry = "x" }
sdist = { url = "y" }
dependencies = [{ name = "odd" }]
[[package]]
name = "odd"
source = { registry = "x" }
sdist = { url = "y" }
[[package]]
name = "weasyprint"
source = { registry = "x" }
wheels = [{ url = "z" }]
"#;
    let files = BTreeMap::from([("main.py".to_owned(), Some(String::new()))]);
    let pyproject = project("\"psycopg2\"");
    let view = ProjectView { pyproject: &pyproject, uv_lock: Some(lock), files: &files };
    let draft = read_project(&view, true).expect("the project can be read");
    let expected = "# uv.lock: odd: has no wheel and is built from source; if that needs a compiler, add \
        python.overrides.odd.packages = [\"gcc\", \"libc6-dev\"]\n\
        [tool.invar]\npackages = [\"libpq5\"]\n\
        [tool.invar.image]\ncommand = [\"python\", \"main.py\"]\n\
        [tool.invar.python.overrides.psycopg2]\npackages = [\"gcc\", \"libc6-dev\", \"libpq-dev\"]\n";
    assert_eq!(draft.to_toml("tool.invar"), expected);
}

#[test]
fn broken_files_are_named() {
    let files = BTreeMap::new();
    let view = ProjectView { pyproject: "[", uv_lock: None, files: &files };
    assert_eq!(read_project(&view, true).map_err(|(file, _)| file), Err("pyproject.toml"));
    let view = ProjectView { pyproject: "", uv_lock: Some("="), files: &files };
    assert_eq!(read_project(&view, true).map_err(|(file, _)| file), Err("uv.lock"));
}

#[test]
fn names_are_compared_in_their_normal_form() {
    assert_eq!(normalise("My.Odd__Name"), "my-odd-name");
    assert_eq!(requirement_name("Uvicorn[standard]>=0.3; python_version > '3'"), "uvicorn");
    assert_eq!(requirement_name("a-b @ https://example.org/x"), "a-b");
}
