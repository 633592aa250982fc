"""What may be a project's own command, in the order of the rule in README.md."""
import json
import re
import shlex
import tomllib

SUBDIRECTORIES = (".", "src", "app")
MAIN_FILES = ("main.py", "app.py", "server.py", "run.py")
APPLICATION = re.compile(
    r"(?m)^(\w+)\s*(?::[^=\n]+)?=\s*(?:\w+\.)?(?:FastAPI|\w*(?:create|make|get|build)\w*app\w*)\("
)
SERVERS = {"uvicorn", "fastapi", "streamlit", "flask", "gunicorn", "hypercorn", "daphne"}
UV_INIT = 'print("Hello from'
README_COMMANDS = re.compile(
    r"^\s*[$>]?\s*((?:uv run|python3?|uvicorn|fastapi|streamlit run|flask|gunicorn)\s[^#|&;<>`]*)"
)


def pyproject(project):
    return tomllib.loads((project / "pyproject.toml").read_text(errors="replace"))


def scripts(project):
    """The names of `[project.scripts]`, the project's own name first."""
    data = pyproject(project).get("project", {})
    name = data.get("name", "")
    same = {name, name.replace("-", "_"), name.replace("_", "-")}
    return sorted(data.get("scripts", {}), key=lambda script: (script not in same, script))


def instructions(text):
    """The instructions of the last stage of a Dockerfile, as pairs of keyword and rest."""
    found = []
    for line in re.sub(r"\\\s*\n", " ", re.sub(r"(?m)^\s*#.*\n", "", text)).splitlines():
        keyword, _, rest = line.strip().partition(" ")
        if keyword.upper() == "FROM":
            found = []
        found.append((keyword.upper(), rest.strip()))
    return found


def words(rest):
    """The words of a CMD: the array, or a shell with the text."""
    if rest.startswith("["):
        try:
            return [str(word) for word in json.loads(rest)]
        except ValueError:
            pass
    return ["sh", "-c", rest]


def without_venv(word):
    return re.sub(r"(?<![\w.])/\S*?venv/bin/", "", word)


def dockerfile(project):
    """The command of the Dockerfile's last stage and its variables."""
    path = project / "Dockerfile"
    if not path.is_file():
        return
    entrypoint, command, env = [], [], {}
    for keyword, rest in instructions(path.read_text(errors="replace")):
        if keyword == "ENTRYPOINT":
            entrypoint, command = words(rest), []
        elif keyword == "CMD":
            command = words(rest)
        elif keyword == "ENV":
            try:
                pairs = [pair.split("=", 1) for pair in shlex.split(rest) if "=" in pair]
            except ValueError:
                pairs = []
            for name, value in pairs:
                if name == "PYTHONPATH":
                    env[name] = str(project)
                elif "$" not in value and not value.startswith("/") and name != "PATH":
                    env[name] = value
    full = [without_venv(word) for word in entrypoint + command]
    if full:
        for directory in SUBDIRECTORIES:
            yield {"kind": "server", "from": "Dockerfile", "command": full, "cwd": directory, "env": env}


def procfile(project):
    path = project / "Procfile"
    if path.is_file():
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("web:"):
                yield {"kind": "server", "from": "Procfile", "command": ["sh", "-c", line[4:].strip()], "cwd": "."}


def manage(project):
    for path in sorted([*project.glob("manage.py"), *project.glob("*/manage.py")]):
        yield {
            "kind": "server", "from": "manage.py", "cwd": str(path.parent.relative_to(project)),
            "command": ["python", "manage.py", "runserver", "--noreload", "127.0.0.1:8000"],
        }


def of_the_project(project, line):
    """Whether a command names a file or module of the project."""
    try:
        tokens = shlex.split(line)
    except ValueError:
        return None
    for token in tokens:
        place = token.split(":")[0]
        dotted = place.replace(".", "/")
        for directory in SUBDIRECTORIES:
            base = project / directory
            files = (base / place, base / f"{dotted}.py", base / dotted / "__init__.py")
            if any(file.is_file() for file in files):
                return tokens
    return None


def readme(project):
    for name in ("README.md", "readme.md", "Readme.md"):
        path = project / name
        if not path.is_file():
            continue
        seen = []
        for line in path.read_text(errors="replace").splitlines():
            match = README_COMMANDS.match(line)
            tokens = of_the_project(project, match[1]) if match else None
            if tokens and tokens not in seen and not any("test" in token for token in tokens):
                seen.append(tokens)
        for tokens in seen[:6]:
            # The help of `uvicorn` says nothing of the project.
            kind = "server" if SERVERS & set(tokens) else "any"
            yield {"kind": kind, "from": name, "command": tokens, "cwd": "."}
        return


def fastapi(project):
    """Where the command `fastapi` looks for an application."""
    for name in ("main", "app", "api", "app/main", "app/app", "app/api", "src/main", "src/app"):
        path = project / f"{name}.py"
        text = path.read_text(errors="replace") if path.is_file() else ""
        match = APPLICATION.search(text)
        if match and "fastapi" in text.lower():
            yield {
                "kind": "server", "from": str(path.relative_to(project)), "cwd": ".",
                "command": ["uvicorn", "--port", "8000", f"{name.replace('/', '.')}:{match[1]}"],
            }
            if name.startswith("src/"):
                yield {
                    "kind": "server", "from": str(path.relative_to(project)), "cwd": ".",
                    "command": ["uvicorn", "--port", "8000", "--app-dir", "src", f"{path.stem}:{match[1]}"],
                }


def streamlit(project):
    """A file that imports streamlit does nothing under python."""
    for directory in SUBDIRECTORIES:
        for name in (*MAIN_FILES, "streamlit_app.py"):
            path = project / directory / name
            if path.is_file() and re.search(r"(?m)^\s*(?:import|from) streamlit\b", path.read_text(errors="replace")):
                yield {
                    "kind": "server", "from": str(path.relative_to(project)), "cwd": ".",
                    "command": ["streamlit", "run", str(path.relative_to(project)), "--server.headless=true"],
                }


def main_files(project):
    for directory in SUBDIRECTORIES:
        for name in MAIN_FILES:
            path = project / directory / name
            # What `uv init` wrote is no command of a project.
            if path.is_file() and UV_INIT not in path.read_text(errors="replace"):
                relative = str(path.relative_to(project))
                yield {"kind": "any", "from": relative, "command": ["python", relative], "cwd": "."}
                if "/" in relative:
                    dotted = relative.removesuffix(".py").replace("/", ".")
                    yield {"kind": "any", "from": relative, "command": ["python", "-m", dotted], "cwd": "."}


def modules(project):
    """The top modules of a package: the one with its name, or all that lie where build backends look."""
    data = pyproject(project)
    if "build-system" not in data:
        return
    name = re.sub(r"[-.]+", "_", data.get("project", {}).get("name", ""))
    found = []
    for directory in (project / "src", project, project / "python", project / "lib"):
        if (directory / name / "__init__.py").is_file() or (directory / f"{name}.py").is_file():
            found = [name]
            break
    if not found:
        for directory in (project / "src", project):
            found = sorted(
                path.parent.name for path in directory.glob("*/__init__.py") if "test" not in path.parent.name
            )
            if found:
                break
    for module in found[:3]:
        yield {"kind": "library", "from": "import", "command": ["python", "-c", f"import {module}"], "cwd": "/"}


def candidates(project):
    yield from dockerfile(project)
    yield from procfile(project)
    for script in scripts(project):
        yield {"kind": "tool", "from": "project.scripts", "command": [script], "cwd": "."}
    yield from manage(project)
    yield from readme(project)
    applications = [*fastapi(project), *streamlit(project)]
    yield from applications
    # An application that does not start here is not made up for by a file or an import.
    if not applications:
        yield from main_files(project)
        yield from modules(project)
