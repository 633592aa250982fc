mod commands;
mod directories;
mod nix;

use std::collections::{BTreeMap, BTreeSet};

use invar_project::STABLE;

use super::{DockerfileContext, DockerfileError, read_dockerfile};
use crate::Draft;

/// Files of a project, with the texts of those that matter.
fn files(list: &[(&str, &str)]) -> BTreeMap<String, Option<String>> {
    list.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect()
}

fn read(dockerfile: &str, list: &[(&str, &str)], is_package: bool) -> Result<Draft, DockerfileError> {
    let (files, none, groups) = (files(list), BTreeSet::new(), BTreeSet::from(["web".to_owned()]));
    // Those that say so, as a test has no disk.
    let is_executable = |(_, text): &(&String, &Option<String>)| {
        text.as_ref().is_some_and(|text| text.contains("# executable"))
    };
    let executable = files.iter().filter(is_executable).map(|(path, _)| path.clone()).collect();
    let context = DockerfileContext {
        directory: "/home/me/shop/backend",
        files: &files,
        release: Some(STABLE[0]),
        executable: &executable,
        has_project: true,
        is_package,
        groups: &groups,
        default_groups: &groups,
        extras: &none,
        target: None,
        flake: None,
    };
    read_dockerfile(dockerfile, &context, Draft::default())
}

#[track_caller]
fn check(dockerfile: &str, list: &[(&str, &str)], expected: &str) {
    let draft = read(dockerfile, list, false).expect("the Dockerfile can be read");
    assert_eq!(draft.to_toml("tool.invar").trim_end(), expected.trim_end());
}

#[test]
fn fortune_cats_dockerfile_becomes_its_manifest() {
    let dockerfile = include_str!("../../fixtures/fortune-cat/Dockerfile");
    check(
        dockerfile,
        &[("main.py", ""), ("pyproject.toml", "")],
        r#"[tool.invar]
packages = ["fortune-mod", "fortunes"]
[tool.invar.image]
command = ["python", "main.py"]
env = { FORTUNE_EXEC = "/usr/games/fortune" }
ports = [8000]"#,
    );
    let draft = read(dockerfile, &[], false).expect("the Dockerfile can be read");
    let pins: Vec<&str> = draft.pins.iter().map(|pin| pin.what.as_str()).collect();
    assert_eq!(pins[0], "base image");
    assert!(pins.contains(&"package") && pins.contains(&"Python packages"), "{pins:?}");
}

#[test]
fn places_are_those_of_the_image() {
    check(
        "FROM python:3.11-slim\nWORKDIR /code/\nRUN python -m venv /opt/venv\nENV PATH=/opt/venv/bin:$PATH \
         PYTHONPATH=/code/src HOME=/home/app\nCOPY . /code\nRUN useradd --uid 1234 app && chown -R app /code\nUSER app\n\
         ENTRYPOINT [\"/opt/venv/bin/gunicorn\", \"--chdir\", \"/code/site\"]\nCMD [\"wsgi:app\"]\n",
        &[],
        "# Dockerfile: app is a number here, without a name and a home\n\
         [tool.invar]\nsuite = \"bookworm\"\n[tool.invar.image]\n\
         entrypoint = [\"gunicorn\", \"--chdir\", \"/app/site\"]\ncommand = [\"wsgi:app\"]\n\
         env = { HOME = \"/home/app\", PYTHONPATH = \"/app/src\" }\nuser = \"1234:1234\"\ndirectories = [\"/app\"]",
    );
}

#[test]
fn packages_have_the_names_of_the_suite() {
    check(
        "FROM python:3.11-slim-bookworm\n\
         RUN apt-get update && apt-get install -y libgl1 libglib2.0-0 libmagic1\nCMD [\"python\", \"main.py\"]\n",
        &[],
        "[tool.invar]\nsuite = \"bookworm\"\npackages = [\"libgl1\", \"libglib2.0-0\", \"libmagic1\"]\n\
         [tool.invar.image]\ncommand = [\"python\", \"main.py\"]",
    );
}

#[test]
fn programs_that_ask_for_pythons_version_are_told() {
    let asks = [("web/views.py", "os.environ['PYTHON_VERSION']"), ("start.sh", "")];
    let told = "[tool.invar]\n[tool.invar.image]\nenv = { PYTHON_VERSION = \"3.13\" }";
    check("FROM python:3.13-slim\nENV PYTHON_VERSION=3.12\n", &asks, told);
    check("FROM ghcr.io/astral-sh/uv:python3.13-trixie-slim\n", &asks, told);
    check("FROM debian:trixie\n", &asks, "[tool.invar]");
    check("FROM python:3.13\nARG PYTHON_VERSION\n", &[("Makefile", "PYTHON_VERSION")], "[tool.invar]");
}

#[test]
fn what_the_user_may_write_to_is_its_own() {
    let check = |commands: &str, expected: &str| {
        let text = format!("FROM python:3.13\nWORKDIR /srv\nCOPY . .\n{commands}\n");
        let draft =
            read(&text, &[("logs/kept", ""), ("run.py", "")], false).expect("the Dockerfile can be read");
        let mut image = toml::Table::new();
        for key in ["user", "directories", "env"] {
            image.extend(draft.image.get(key).map(|value| (key.to_owned(), value.clone())));
        }
        let notes: Vec<&str> = draft.notes.iter().map(|note| note.why.as_str()).collect();
        assert_eq!(
            format!("{}{}", image.to_string().replace(" }", "}"), notes.join("; ")).trim_end(),
            expected
        );
    };
    // Its home, and what is created in what it is given.
    check(
        "RUN useradd -rm -u 1001 -d /var/me me && mkdir -p data/in /cache /tmp/x && chown -R me:me /srv run.py\nUSER me",
        "directories = [\"/app\", \"/app/data/in\", \"/var/me\"]\nuser = \"1001:1001\"\n\n[env]\nHOME = \"/var/me\"\n\
         me is a number here, without a name",
    );
    check(
        "RUN adduser --disabled-password me\nENV HOME=/srv\nUSER me\nRUN mkdir -m 700 /data",
        "directories = [\"/data\", \"/home/me\"]\nuser = \"1000:1000\"\n\n[env]\nHOME = \"/app\"\n\
         me is a number here, without a name; directories have the mode 0755 here, not 700",
    );
    check(
        "RUN useradd -M me\nUSER 1000",
        "user = \"1000:1000\"\nme is a number here, without a name and a home",
    );
    // Root may write anywhere, but into what is there.
    check(
        "RUN useradd -m me && mkdir -p /data /srv/logs /etc/apt/keyrings /srv && chown me /data",
        "directories = [\"/data\"]",
    );
}

#[test]
fn what_ends_by_uv_alone_is_given_another_first_process() {
    let check = |commands: &str, expected: &str| {
        let draft = read(&format!("FROM python:3.13\n{commands}\n"), &[], false);
        let draft = draft.expect("the Dockerfile can be read");
        let words = |key: &str| draft.image.get(key).map(ToString::to_string).unwrap_or_default();
        assert_eq!(format!("{} {}", words("entrypoint"), words("command")).trim(), expected);
        assert_eq!(draft.packages.contains("tini"), expected.contains("tini"));
    };
    check("CMD uv run flask run", r#"["tini", "--"] ["flask", "run"]"#);
    check("ENTRYPOINT [\"uv\", \"run\", \"flask\"]\nCMD [\"run\"]", r#"["tini", "--", "flask"] ["run"]"#);
    check(
        "ENTRYPOINT [\"./a\"]\nCMD uv run -m http.server",
        r#"["tini", "--", "./a"] ["python", "-m", "http.server"]"#,
    );
    check("ENTRYPOINT [\"dumb-init\"]\nCMD [\"uv\", \"run\", \"flask\"]", r#"["dumb-init"] ["flask"]"#);
    // These end when they are told to, or did not before.
    check("CMD [\"uv\", \"run\", \"gunicorn\", \"a:b\"]", r#"["gunicorn", "a:b"]"#);
    check("CMD [\"flask\", \"run\"]", r#"["flask", "run"]"#);
}

#[test]
fn groups_and_extras_are_those_of_the_project() {
    check(
        "FROM python:3.13\nRUN uv sync --locked --group web --group=odd --extra x\n",
        &[],
        "# Dockerfile:2: RUN uv sync --locked --group web --group=odd --extra x: the project has no dependency group odd\n\
         # Dockerfile:2: RUN uv sync --locked --group web --group=odd --extra x: the project has no extra x\n\
         [tool.invar]\ngroups = [\"web\"]",
    );
}

#[test]
fn each_installer_names_extras_and_groups_in_its_way() {
    let chosen = |command: &str| {
        let (files, none, groups, extras) = (
            BTreeMap::new(),
            BTreeSet::new(),
            BTreeSet::from(["bot".to_owned(), "web".to_owned()]),
            BTreeSet::from(["pg".to_owned(), "s3".to_owned()]),
        );
        let context = DockerfileContext {
            directory: "/home/me/shop/backend",
            files: &files,
            release: Some(STABLE[0]),
            executable: &none,
            has_project: true,
            is_package: false,
            groups: &groups,
            default_groups: &none,
            extras: &extras,
            target: None,
            flake: None,
        };
        let draft =
            read_dockerfile(&format!("FROM python:3.13\nRUN {command}\n"), &context, Draft::default());
        let draft = draft.expect("the Dockerfile can be read");
        let extras = draft.extras.map(|extras| extras.to_string()).unwrap_or_default();
        (draft.groups.into_iter().collect::<Vec<_>>().join(" "), extras, draft.notes.len())
    };
    let expected = |groups: &str, extras: &str, notes| (groups.to_owned(), extras.to_owned(), notes);
    assert_eq!(chosen("pip install '.[pg,s3]'"), expected("", r#"["pg", "s3"]"#, 0));
    assert_eq!(chosen("uv pip install --system -e ./[s3]"), expected("", r#"["s3"]"#, 0));
    assert_eq!(chosen("pip install dist/*.whl[pg] gunicorn[x]"), expected("", r#"["pg"]"#, 1));
    assert_eq!(chosen("poetry install --only main,web -E pg"), expected("web", r#"["pg"]"#, 0));
    assert_eq!(chosen("poetry install --with bot --extras 'pg s3'"), expected("bot", r#"["pg", "s3"]"#, 0));
    assert_eq!(chosen("uv sync --all-groups --all-extras"), expected("bot web", r#""all""#, 0));
    // The project's dependencies are there in any case, and that is said.
    assert_eq!(chosen("uv sync --only-group bot"), expected("bot", "", 1));
}

#[test]
fn groups_that_uv_installs_by_itself_are_there() {
    let with = "[tool.invar]\ngroups = [\"web\"]";
    check("FROM python:3.13\nRUN uv sync --locked\n", &[], with);
    check("FROM python:3.13\nRUN uv sync --no-dev --all-groups\n", &[], with);
    check(
        "FROM python:3.13 AS a\nRUN /bin/uv sync\nFROM python:3.13\nCOPY --from=a /x/.venv /x/.venv\n",
        &[],
        with,
    );
    for without in ["RUN uv sync --no-dev", "RUN uv sync --no-default-groups", "ENV UV_NO_DEV=1\nRUN uv sync"]
    {
        check(&format!("FROM python:3.13\n{without}\n"), &[], "[tool.invar]");
    }
}

#[test]
fn what_installs_python_packages_need_not_be_known_whole() {
    check(
        "FROM python:3.13\nARG MORE\nRUN uv sync --no-dev $(if [ -n \"$MORE\" ]; then echo \"--group $MORE\"; fi) \\\n  \
         && python --version\n",
        &[],
        "[tool.invar]",
    );
}

#[test]
fn the_project_may_come_by_way_of_another_stage() {
    let dockerfile = "FROM ghcr.io/astral-sh/uv:python3.13-trixie-slim AS builder\nWORKDIR /build\nCOPY . .\n\
        RUN uv sync --no-dev\nFROM python:3.13-slim\nCOPY --from=builder /build /srv\nWORKDIR /srv\n\
        CMD [\"/srv/.venv/bin/serve\", \"/srv/serve.ini\"]\n";
    let files = [("src/serve.py", ""), ("serve.ini", "")];
    let command = "[tool.invar.image]\ncommand = [\"serve\", \"/app/serve.ini\"]";
    check(dockerfile, &files, &format!("[tool.invar]\n{command}"));
    let package = read(dockerfile, &files, true).expect("the Dockerfile can be read");
    let expected = format!("[tool.invar]\ninclude = [\"serve.ini\", \"src\"]\n{command}\n");
    assert_eq!(package.to_toml("tool.invar"), expected);
}

#[test]
fn a_project_may_be_a_directory_of_what_is_copied_from() {
    let from = "FROM python:3.13\nWORKDIR /srv\nCOPY backend/pyproject.toml shop/x ./\n";
    let outside =
        "# Dockerfile:3: COPY shop/x: it is outside the project directory, so it cannot be in the image\n";
    check(
        &format!("{from}COPY ./backend/app/ app/\nCMD [\"python\", \"/srv/app/a.py\"]\n"),
        &[("app/a.py", ""), ("pyproject.toml", ""), ("other.py", "")],
        &format!(
            "{outside}[tool.invar]\ninclude = [\"app\"]\n[tool.invar.image]\ncommand = [\"python\", \"/app/app/a.py\"]"
        ),
    );
    check(
        &format!("{from}COPY . .\nWORKDIR /srv/backend\nCMD [\"python\", \"/srv/backend/a.py\"]\n"),
        &[("a.py", ""), ("pyproject.toml", "")],
        &format!("{outside}[tool.invar]\n[tool.invar.image]\ncommand = [\"python\", \"/app/a.py\"]"),
    );
    check(
        &format!("{from}COPY shop/backend /srv\nCOPY shop/backend/a.py /srv\nCMD [\"python\", \"a.py\"]\n")
            .replace("backend/py", "shop/backend/py"),
        &[("a.py", ""), ("pyproject.toml", "")],
        &format!("{outside}[tool.invar]\n[tool.invar.image]\ncommand = [\"python\", \"a.py\"]"),
    );
    // What is not built is nobody's loss.
    check(
        "FROM python:3.13 AS test\nCOPY other/x ./\nFROM python:3.13\nWORKDIR /srv\nCOPY backend/a.py ./\n",
        &[("a.py", "")],
        "[tool.invar]\ninclude = [\"a.py\"]",
    );
    // The project's own folder of that name.
    check(
        "FROM python:3.13\nWORKDIR /app\nCOPY backend/a.py backend/\n",
        &[("backend/a.py", ""), ("a.py", "")],
        "[tool.invar]\ninclude = [\"backend/a.py\"]",
    );
}

#[test]
fn a_shell_is_there_only_if_it_is_needed() {
    let from = "FROM python:3.13\nWORKDIR /app\nCOPY . .\n";
    check(
        &format!("{from}CMD exec uvicorn main:app --host 0.0.0.0\n"),
        &[],
        "[tool.invar]\n[tool.invar.image]\ncommand = [\"uvicorn\", \"main:app\", \"--host\", \"0.0.0.0\"]",
    );
    check(
        &format!("{from}ENV PORT=80\nCMD uv run uvicorn main:app --port $PORT\n"),
        &[],
        "[tool.invar]\nshell = true\n[tool.invar.image]\n\
         command = [\"/bin/sh\", \"-c\", \"uvicorn main:app --port $PORT\"]\nenv = { PORT = \"80\" }",
    );
    check(
        &format!("{from}ENTRYPOINT [\"./start.sh\"]\n"),
        &[("start.sh", "#!/usr/bin/env bash\n# executable\nexec python main.py\n")],
        "[tool.invar]\npackages = [\"bash\", \"coreutils\"]\nshell = true\n[tool.invar.image]\nentrypoint = [\"./start.sh\"]",
    );
}

#[test]
fn scripts_are_started_without_uv_and_may_be_executed() {
    let script = "#!/bin/sh\nuv run migrate\nexec \"$@\"\n";
    let from = "FROM python:3.13\nWORKDIR /app\n";
    check(
        &format!(
            "{from}COPY . .\nRUN chmod 755 tool ./bin/*.sh\nENTRYPOINT [\"tini\", \"--\", \"./bin/start.sh\"]\n"
        ),
        &[("bin/start.sh", script), ("bin/ready.sh", "# executable"), ("bin/x y.sh", ""), ("tool", "")],
        "[tool.invar]\npackages = [\"tini\"]\nshell = true\nexclude = [\"bin/start.sh\", \"bin/x y.sh\", \"tool\"]\n\
             [tool.invar.image]\nentrypoint = [\"tini\", \"--\", \"./bin/start.sh\"]\n\n[[tool.invar.step]]\n\
             name = \"copy\"\ninputs = [\"bin/start.sh\", \"bin/x y.sh\", \"tool\"]\nrun = \"sed -i 's/uv run //g' bin/start.sh && \
             chmod +x bin/start.sh 'bin/x y.sh' tool\"\noutputs = { \"bin/start.sh\" = \"/app/bin/start.sh\", \
             \"bin/x y.sh\" = \"/app/bin/x y.sh\", tool = \"/app/tool\" }",
    );
    check(
        &format!("{from}COPY docker/start.sh /\nCOPY a.py .\nCMD /start.sh && python a.py\n"),
        &[("docker/start.sh", "#!/bin/sh\nuv sync\n"), ("a.py", "")],
        "# Dockerfile: docker/start.sh calls uv, which is not in the image: the packages in uv.lock are already installed\n\
         [tool.invar]\nshell = true\ninclude = [\"a.py\"]\n[tool.invar.image]\n\
         command = [\"/bin/sh\", \"-c\", \"/start.sh && python a.py\"]\n\n[[tool.invar.step]]\nname = \"copy\"\n\
         inputs = [\"docker/start.sh\"]\nrun = \"chmod +x docker/start.sh\"\n\
         outputs = { \"docker/start.sh\" = \"/start.sh\" }",
    );
    check(
        &format!("{from}COPY . .\nCMD [\"python\", \"manage.py\"]\n"),
        &[("manage.py", "#!/usr/bin/env python\n")],
        "[tool.invar]\n[tool.invar.image]\ncommand = [\"python\", \"manage.py\"]",
    );
    // What is copied, and nothing else.
    check(
        &format!("{from}COPY start.sh .\nCMD [\"./start.sh\"]\n"),
        &[("start.sh", "#!/bin/sh\n"), ("secret.txt", "")],
        "[tool.invar]\nshell = true\ninclude = []\n[tool.invar.image]\ncommand = [\"./start.sh\"]\n\n\
         [[tool.invar.step]]\nname = \"copy\"\ninputs = [\"start.sh\"]\nrun = \"chmod +x start.sh\"\n\
         outputs = { \"start.sh\" = \"/app/start.sh\" }",
    );
}

#[test]
fn packages_of_other_distributions_are_debians() {
    check(
        "FROM alpine:3.20\nRUN apk add --no-cache --virtual .build gcc && apk add --no-cache postgresql-libs odd tini\n\
         ENTRYPOINT [\"tini\", \"--\"]\n",
        &[],
        "# Dockerfile:2: RUN apk add --no-cache --virtual .build gcc && apk add --no-cache postgresql-libs odd tini: no \
         known Debian package for odd: add it to `packages`\n\
         [tool.invar]\npackages = [\"libpq5\", \"tini\"]\n[tool.invar.image]\nentrypoint = [\"tini\", \"--\"]",
    );
}

#[test]
fn packages_may_be_those_of_another_archive() {
    check(
        "FROM python:3.13-slim\nRUN apt-get install -y curl\n\
         RUN sh -c 'echo deb https://apt.example x > /etc/apt/sources.list.d/x.list' && apt-get install -y agent\n",
        &[],
        "# Dockerfile:3: RUN sh -c 'echo deb https://apt.example x > /etc/apt/sources.list.d/x.list' && apt-get install -y \
         a…: Debian trixie has no package agent in main: add what has it instead, or install it in a step, from a file \
         that it fetches\n\
         [tool.invar]\npackages = [\"curl\"]",
    );
    // Of a suite whose packages are not known, all may be.
    check(
        "FROM debian:sid\nRUN echo deb https://apt.example x > /etc/apt/sources.list.d/x.list && apt-get install -y agent\n",
        &[],
        "# Dockerfile:2: RUN echo deb https://apt.example x > /etc/apt/sources.list.d/x.list && apt-get install -y agent: \
         remove from `packages` what Debian does not have of agent: a step can install it from a file that it fetches\n\
         [tool.invar]\nsuite = \"sid\"\npackages = [\"agent\"]",
    );
}

#[test]
fn what_is_copied_is_what_is_included() {
    check(
        "FROM python:3.13\nWORKDIR /srv\nCOPY app /srv/app\nCOPY main.py ./\nCOPY config/x.ini /etc/x.ini\n",
        &[("app/a.py", ""), ("main.py", ""), ("other.py", "")],
        "[tool.invar]\ninclude = [\"app\", \"main.py\"]\n\n\
         [[tool.invar.step]]\nname = \"copy\"\ninputs = [\"config/x.ini\"]\nrun = \"true\"\n\
         outputs = { \"config/x.ini\" = \"/etc/x.ini\" }",
    );
    check(
        "FROM python:3.13\nWORKDIR /app\nCOPY pyproject.toml .\nCOPY src/agents/ ./agents/\nCOPY src/run.py .\n\
         CMD [\"python\", \"run.py\"]\n",
        &[("src/agents/a.py", ""), ("src/run.py", "")],
        "[tool.invar]\ninclude = [\"src/agents\", \"src/run.py\"]\n[tool.invar.image]\n\
         command = [\"python\", \"run.py\"]\nworkdir = \"/app/src\"",
    );
    check(
        "FROM python:3.13\nWORKDIR /srv\nCOPY run.py /srv\nCMD [\"python\", \"run.py\"]\n",
        &[("run.py", "")],
        "[tool.invar]\ninclude = [\"run.py\"]\n[tool.invar.image]\ncommand = [\"python\", \"run.py\"]",
    );
    check(
        "FROM python:3.13\nCOPY *.py /srv/\nCMD [\"python\", \"/srv/a.py\"]\n",
        &[("a.py", "")],
        "[tool.invar]\ninclude = [\"*.py\"]\n[tool.invar.image]\ncommand = [\"python\", \"/app/a.py\"]",
    );
    let package = read(
        "FROM python:3.13\nWORKDIR /app\nCOPY . .\n",
        &[("src/a.py", ""), ("alembic.ini", ""), ("Dockerfile", ""), (".github/x", "")],
        true,
    );
    let package = package.expect("the Dockerfile can be read");
    assert_eq!(package.to_toml(""), "include = [\"alembic.ini\", \"src\"]\n");
}

#[test]
fn files_that_lie_elsewhere_are_moved_by_a_step() {
    check(
        "FROM python:3.13\nWORKDIR /app\nCOPY settings.ini.example settings.ini\nCOPY scripts/start.sh scripts/\nCOPY src .\n\
         COPY web/*.html /srv/web/\nCOPY scripts/start.sh /usr/bin/start\nCOPY *.toml ./\n",
        &[
            ("settings.ini.example", ""),
            ("scripts/start.sh", ""),
            ("src/a/b.py", ""),
            ("web/a.html", ""),
            ("web/b.txt", ""),
            ("more.toml", ""),
        ],
        "[tool.invar]\ninclude = [\"*.toml\", \"scripts/start.sh\"]\n\n\
         [[tool.invar.step]]\nname = \"copy\"\n\
         inputs = [\"settings.ini.example\", \"src/**\", \"web/a.html\", \"scripts/start.sh\"]\nrun = \"true\"\n\
         outputs = { \"scripts/start.sh\" = \"/usr/bin/start\", \"settings.ini.example\" = \"/app/settings.ini\", \
         src = \"/app\", \"web/a.html\" = \"/srv/web/a.html\" }",
    );
    // One path can have one place in a step.
    let draft = read(
        "FROM python:3.13\nWORKDIR /app\nCOPY . .\nCOPY a.ini /etc/\nCOPY a.ini /srv/b.ini\n",
        &[("a.ini", "")],
        false,
    );
    let steps: Vec<_> = draft.expect("the Dockerfile can be read").steps;
    let names: Vec<_> = steps.iter().filter_map(|step| step.keys.get("name")?.as_str()).collect();
    assert_eq!(names, ["copy", "copy-2"]);
}

#[test]
fn directories_are_those_that_the_file_has_come_to() {
    let files = [
        ("conf/a.ini", ""),
        ("site/manage.py", ""),
        ("site/settings.py", "STATIC_ROOT = BASE_DIR / 'public'\n"),
    ];
    check(
        "FROM python:3.13-slim\nWORKDIR /srv\nCOPY . .\nWORKDIR /etc\nCOPY conf/a.ini ./\nWORKDIR /srv/site\n\
         RUN mkdir -p data /data && python manage.py collectstatic\nWORKDIR /srv\n",
        &files,
        "[tool.invar]\n[tool.invar.image]\ndirectories = [\"/app/site/data\", \"/data\"]\n\n[[tool.invar.step]]\nname = \"copy\"\ninputs = [\"conf/a.ini\"]\nrun = \"true\"\n\
         outputs = { \"conf/a.ini\" = \"/etc/a.ini\" }\n\n[[tool.invar.step]]\nname = \"collectstatic\"\n\
         environment = true\ninputs = [\"**\", \"copy\"]\n\
         run = \"cp -R . /app && mkdir -p /app/site/data && cd /app/site && python manage.py collectstatic\"\n\
         outputs = { \"/app/site/public\" = \"/app/site/public\" }",
    );
}

#[test]
fn what_another_stage_has_of_the_project_is_copied() {
    let start = "FROM python:3.13 AS build\nWORKDIR /src\nCOPY pyproject.toml uv.lock ./\nRUN uv sync --no-dev\nCOPY app app/\n\
                 COPY main.py start.sh ./\nRUN make extension.so\nFROM python:3.13-slim\nWORKDIR /src\n";
    let files = [("app/a.py", ""), ("main.py", ""), ("start.sh", "")];
    // The environment, and the files: everything that exists.
    check(
        &format!("{start}COPY --from=build /src /src\nCMD [\"/src/.venv/bin/uvicorn\", \"main:app\"]\n"),
        &files,
        "[tool.invar]\ninclude = [\"app\", \"main.py\", \"start.sh\"]\n[tool.invar.image]\ncommand = [\"uvicorn\", \"main:app\"]",
    );
    check(
        &format!(
            "{start}COPY --from=build /src/.venv/ /src/.venv/\nCOPY --from=build /src/app/a.py ./app/\n"
        ),
        &files,
        "[tool.invar]\ninclude = [\"app/a.py\"]",
    );
    check(
        &format!(
            "{start}COPY --from=build /src/extension.so /usr/bin/tini /usr/local/bin/ ./\nCOPY --from=build /usr/lib/x /usr/lib/x\n"
        ),
        &files,
        "# Dockerfile:10: COPY --from=build /src/extension.so /usr/bin/tini /usr/local/bin/ ./: create this path in a \
         step\n\
         # Dockerfile:11: COPY --from=build /usr/lib/x /usr/lib/x: system files come from `packages`: add what this stage \
         installs\n\
         [tool.invar]\npackages = [\"tini\"]",
    );
}

#[test]
fn what_django_serves_is_gathered_by_a_step() {
    let files = [
        ("manage.py", ""),
        ("site/settings.py", "STATIC_ROOT = BASE_DIR / \"public\"\n"),
        ("site/base.ini", ""),
    ];
    let step = |inputs: &str| {
        format!(
            "[[tool.invar.step]]\nname = \"collectstatic\"\nenvironment = true\ninputs = [{inputs}]\n\
             run = \"cp -R . /app && cd /app && SECRET_KEY='not secret' python manage.py collectstatic --noinput\"\n\
             env = {{ CONFIG = \"/app/site/base.ini\" }}\noutputs = {{ \"/app/public\" = \"/app/public\" }}"
        )
    };
    let start = "FROM python:3.13-slim\nENV PYTHONUNBUFFERED=1 CONFIG=/srv/site/base.ini\nWORKDIR /srv\n";
    let collect = "RUN SECRET_KEY='not secret' uv run manage.py collectstatic --noinput\n";
    let env = "env = { CONFIG = \"/app/site/base.ini\", PYTHONUNBUFFERED = \"1\" }";
    check(
        &format!("{start}COPY . .\n{collect}"),
        &files,
        &format!("[tool.invar]\n[tool.invar.image]\n{env}\n\n{}", step("\"**\"")),
    );
    // Made in another stage, of some of the project's files.
    let stages = format!(
        "{start}COPY manage.py ./\nCOPY site site\n{collect}{start}COPY --from=0 /srv/site /srv/site\n\
         COPY --from=0 /srv/public /srv/public\nCOPY manage.py .\n"
    );
    check(
        &stages,
        &files,
        &format!(
            "[tool.invar]\ninclude = [\"manage.py\", \"site\"]\n[tool.invar.image]\n{env}\n\n{}",
            step("\"manage.py\", \"site/**\"")
        ),
    );
    let unknown = read(&format!("{start}COPY . .\n{collect}"), &[("manage.py", "")], false);
    assert_eq!(unknown.expect("the Dockerfile can be read").notes.len(), 1);
}

#[test]
fn what_builds_have_is_seen_in_all_stages() {
    let seen = |dockerfile: &str| {
        let draft = read(dockerfile, &[], false).expect("the Dockerfile can be read");
        let packages = draft.build_packages.expect("a Dockerfile tells");
        (draft.has_needs, packages.into_iter().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(seen("FROM python:3.13-slim\nRUN apt-get install -y curl libpq-dev\n"), (true, String::new()));
    let stages = |builder: &str, packages: &str, last: &str| {
        seen(&format!("FROM {builder} AS b\nRUN {packages}\nFROM {last}\nCOPY --from=b /x/.venv /x/.venv\n"))
    };
    assert_eq!(
        stages(
            "python:3.13-slim",
            "apt-get install -y build-essential libpcre2-dev python3-dev",
            "python:3.13-slim"
        ),
        (true, "g++ gcc libc6-dev libpcre2-dev".to_owned())
    );
    assert_eq!(
        stages("python:3.13-alpine", "apk add build-base libffi-dev", "python:3.13-alpine"),
        (true, "gcc libc6-dev".to_owned())
    );
    // Large images have compilers and libraries without a word in the Dockerfile.
    let large = |image: &str, last: &str| stages(image, "true", last);
    assert_eq!(large("ghcr.io/astral-sh/uv:0.9-python3.13-trixie", "python:3.13-slim").1, "gcc libc6-dev");
    assert_eq!(large("ghcr.io/astral-sh/uv:0.9", "python:3.13"), (false, "gcc libc6-dev".to_owned()));
    assert_eq!(large("ghcr.io/astral-sh/uv:0.9", "debian:trixie"), (true, String::new()));
}

#[test]
fn the_python_is_debians() {
    let of = |from: &str| {
        let text =
            format!("FROM {from}\nENV LIB=/usr/src/.venv/lib/python3.10/site-packages\nWORKDIR /usr/src\n");
        let draft = read(&text, &[], false).expect("the Dockerfile can be read");
        let lib = draft.image.get("env").and_then(|env| env.get("LIB")?.as_str().map(str::to_owned));
        (draft.suite.unwrap_or_default(), draft.notes.len(), lib.unwrap_or_default())
    };
    let lib = |minor: u32| format!("/app/.venv/lib/python3.{minor}/site-packages");
    assert_eq!(of("python:3.13-slim"), (String::new(), 0, lib(13)));
    assert_eq!(of("ghcr.io/astral-sh/uv:0.9.1-python3.13-bookworm-slim"), (String::new(), 0, lib(13)));
    assert_eq!(of("python:3.10"), (String::new(), 1, lib(13)));
    assert_eq!(of("python:3.11"), ("bookworm".to_owned(), 0, lib(11)));
}

#[test]
fn the_owner_of_the_projects_files_is_not_asked_for() {
    let start = "FROM python:3.13-slim\nWORKDIR /srv\nCOPY . .\n";
    check(
        &format!("{start}RUN chown -R app:app ./ && chmod +x ./run.sh && chgrp -R 0 data static\n"),
        &[],
        "[tool.invar]",
    );
    let draft = read(&format!("{start}RUN chmod 0644 /etc/cron.d/x\n"), &[], false);
    assert_eq!(draft.expect("the Dockerfile can be read").notes.len(), 1);
}

#[test]
fn a_front_end_becomes_a_step() {
    check(
        "FROM node:22 AS web\nWORKDIR /web\nCOPY frontend/package.json frontend/package-lock.json ./\nRUN npm ci\n\
         COPY frontend/ ./\nRUN npm run build\nFROM python:3.13-slim\nWORKDIR /app\nCOPY . .\n\
         COPY --from=web /web/dist /app/static\nCMD [\"python\", \"main.py\"]\n",
        &[],
        "[tool.invar]\n[tool.invar.image]\ncommand = [\"python\", \"main.py\"]\n\n[[tool.invar.step]]\nname = \"web\"\n\
         packages = [\"nodejs\", \"npm\"]\ninputs = [\"frontend/**\"]\n\
         run = \"cd frontend && npm ci --offline && npm run build\"\noutputs = { \"frontend/dist\" = \"/app/static\" }",
    );
}

#[test]
fn a_front_end_is_made_from_what_is_copied_for_it() {
    let rest =
        "FROM python:3.13-slim\nWORKDIR /app\nCOPY . .\nCOPY --from=web /web/site/static site/static\n";
    let files = [("package.json", ""), ("package-lock.json", ""), ("rollup.mjs", ""), ("site/js/a.js", "")];
    check(
        &format!(
            "FROM node:22-alpine AS web\nWORKDIR /web\nENV NODE_ENV=production\nCOPY package.json package-lock.json rollup.mjs ./\n\
             RUN npm install -g npm && npm install --legacy-peer-deps && npm cache clean --force\n\
             COPY site/js ./site/js\nRUN npm run build\n{rest}"
        ),
        &files,
        "[tool.invar]\n\n[[tool.invar.step]]\nname = \"web\"\npackages = [\"nodejs\", \"npm\"]\n\
         inputs = [\"package-lock.json\", \"package.json\", \"rollup.mjs\", \"site/js/**\"]\n\
         run = \"npm ci --offline --legacy-peer-deps && npm run build\"\nenv = { NODE_ENV = \"production\" }\n\
         outputs = { \"site/static\" = \"/app/site/static\" }",
    );
    for manager in
        ["corepack pnpm install && corepack pnpm run build", "yarn && yarn build", "npm ci && bun build"]
    {
        let text = format!("FROM node:22 AS web\nWORKDIR /web\nCOPY . .\nRUN {manager}\n{rest}");
        let draft = read(&text, &files, false).expect("the Dockerfile can be read");
        assert!(draft.steps.is_empty() && draft.notes.len() == 1, "{manager}: {draft:?}");
    }
}

#[test]
fn what_is_told_of_a_container_is_carried_over() {
    check(
        "FROM python:3.13\nARG VERSION=1.2\nLABEL org.example.version=$VERSION maintainer=\"me\"\nEXPOSE 80 53/udp\n\
         VOLUME /data\nSTOPSIGNAL SIGINT\nUSER 10001\n\
         HEALTHCHECK --interval=30s --retries=2 CMD curl -f http://localhost/ || exit 1\n",
        &[],
        "[tool.invar]\npackages = [\"curl\"]\n[tool.invar.image]\nuser = \"10001\"\nports = [80, \"53/udp\"]\nvolumes = [\"/data\"]\n\
         labels = { maintainer = \"me\", \"org.example.version\" = \"1.2\" }\nstop-signal = \"SIGINT\"\n\
         health-check = { command = [\"curl\", \"-f\", \"http://localhost/\"], interval = \"30s\", retries = 2 }",
    );
}

#[test]
fn what_is_not_carried_over_is_said() {
    check(
        "FROM python:3.12-slim\nRUN curl -o /x https://example.org/x && pip install gunicorn==23\n\
         COPY --from=ghcr.example/tool:1 /tool /usr/bin/tool\nENV KEY=$SECRET\nEXPOSE $PORT\n",
        &[],
        "# Dockerfile:1: FROM python:3.12-slim: the image uses Debian's Python 3.13 instead\n\
         # Dockerfile:2: RUN curl -o /x https://example.org/x && pip install gunicorn==23: if gunicorn is not in uv.lock, \
         add it with `uv add`\n\
         # Dockerfile:2: RUN curl -o /x https://example.org/x: if the image needs this, do it in a step; with `environment \
         = true` the step has the project's packages\n\
         # Dockerfile:3: COPY --from=ghcr.example/tool:1 /tool /usr/bin/tool: the contents of this path are unknown: \
         use a Debian package or a step instead\n\
         # Dockerfile:5: EXPOSE $PORT: PORT has no value here\n\
         [tool.invar]\n[tool.invar.image]\nenv = { KEY = \"\" }",
    );
}

#[test]
fn files_from_the_network_are_pinned() {
    let draft =
        read("FROM python:3.13\nADD --checksum=sha256:aa https://example.org/m.bin /models/\n", &[], false);
    let text = draft.expect("the Dockerfile can be read").to_toml("");
    assert!(text.contains("fetch = [{ sha256 = \"aa\", url = \"https://example.org/m.bin\" }]"), "{text}");
    assert!(text.contains("outputs = { \"m.bin\" = \"/models/m.bin\" }"), "{text}");
}

#[test]
fn what_cannot_be_read_is_an_error() {
    assert!(matches!(read("RUN x\n", &[], false), Err(DockerfileError::Syntax(_) | DockerfileError::Empty)));
    assert!(matches!(read("", &[], false), Err(DockerfileError::Syntax(_) | DockerfileError::Empty)));
    let files = BTreeMap::new();
    let none = BTreeSet::new();
    let context = DockerfileContext {
        directory: "/home/me/shop/backend",
        files: &files,
        release: Some(STABLE[0]),
        executable: &none,
        has_project: false,
        is_package: false,
        groups: &none,
        default_groups: &none,
        extras: &none,
        target: None,
        flake: None,
    };
    let error =
        read_dockerfile("FROM python:3\nRUN pip install -r requirements.txt\n", &context, Draft::default());
    assert!(matches!(error, Err(DockerfileError::NoProject { line: 2, .. })), "{error:?}");
    let context = DockerfileContext { target: Some("web"), ..context };
    let error = read_dockerfile("FROM a\nFROM b AS c\n", &context, Draft::default());
    assert!(matches!(error, Err(DockerfileError::NoStage { .. })), "{error:?}");
}
