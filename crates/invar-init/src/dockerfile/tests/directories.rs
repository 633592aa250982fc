//! Folders: of projects in their environments, of copies, and those that programs name.
use super::{check, read};

#[test]
fn a_project_may_be_copied_into_its_environment() {
    // The environment's folder is named by variables, and has the project next to its packages.
    let dockerfile = "FROM python:3.13-slim AS base\nENV PYTHONPATH=. UV_PROJECT_ENVIRONMENT=/env\n\
        ENV UV_PROJECT_DIR=${UV_PROJECT_ENVIRONMENT} VIRTUAL_ENV=${UV_PROJECT_ENVIRONMENT} HERE=${UV_PROJECT_ENVIRONMENT}\n\
        ENV PATH=\"$VIRTUAL_ENV/bin:$PATH\" LIB=$HERE/lib/python3.13 DATA=$HERE/data\n\
        FROM base AS made\nRUN pip install uv && uv venv --seed ${VIRTUAL_ENV}\n\
        COPY uv.lock pyproject.toml ${UV_PROJECT_DIR}/\nRUN uv sync --no-dev --project ${VIRTUAL_ENV}\n\
        FROM base\nCOPY --from=made ${VIRTUAL_ENV} ${VIRTUAL_ENV}\nCOPY . ${UV_PROJECT_DIR}\nWORKDIR ${UV_PROJECT_DIR}\n";
    let env = "env = { DATA = \"/app/data\", HERE = \"/app\", LIB = \"/app/.venv/lib/python3.13\", PYTHONPATH = \".\" }";
    let files = [("main.py", ""), ("pyproject.toml", ""), ("uv.lock", "")];
    let all = |command: &str, expected: &str| {
        check(
            &format!("{dockerfile}{command}\n"),
            &files,
            &format!("[tool.invar]\n{expected}[tool.invar.image]\n{env}").replace("ENV", env),
        );
    };
    let command = |command: &str, words: &str| {
        let text = format!("{dockerfile}{command}\n");
        let draft = read(&text, &files, false).expect("the Dockerfile can be read");
        let found = draft.image.get("command").map(ToString::to_string).unwrap_or_default();
        assert_eq!(found, words, "{command}");
        assert!(draft.image.get("workdir").is_none() && draft.notes.is_empty(), "{:?}", draft.notes);
    };
    all("USER root", "");
    command("CMD [\"uv\", \"run\", \"--no-dev\", \"python\", \"main.py\"]", r#"["python", "main.py"]"#);
    command("CMD [\"/env/bin/python\", \"/env/main.py\"]", r#"["python", "/app/main.py"]"#);
    command("CMD $VIRTUAL_ENV/bin/python ${HERE}/main.py", r#"["python", "/app/main.py"]"#);
    command(
        "CMD cd $UV_PROJECT_DIR && exec uv run --frozen main.py --port $PORT",
        r#"["/bin/sh", "-c", "cd /app && exec python main.py --port $PORT"]"#,
    );
    command(
        "CMD [\"sh\", \"-c\", \"$HERE/bin/python main.py\"]",
        r#"["sh", "-c", "/app/.venv/bin/python main.py"]"#,
    );
    command(
        "CMD [\"uv\", \"--project\", \"/env\", \"run\", \"-m\", \"main\"]",
        r#"["python", "-m", "main"]"#,
    );
}

#[test]
fn a_project_may_be_in_a_directory_of_its_environment() {
    check(
        "FROM python:3.13-slim\nENV VIRTUAL_ENV=/opt/env\nRUN python -m venv $VIRTUAL_ENV\nCOPY . /opt/env/src\n\
         WORKDIR /opt/env/src\nCMD [\"/opt/env/bin/python\", \"/opt/env/src/main.py\"]\n",
        &[("main.py", "")],
        "[tool.invar]\n[tool.invar.image]\ncommand = [\"python\", \"/app/main.py\"]",
    );
    // All of it by way of another stage.
    check(
        "FROM python:3.13-slim AS a\nRUN uv venv /env --python 3.13\nCOPY . /env\nFROM python:3.13-slim\nCOPY --from=a /env /env\n\
         CMD [\"/env/bin/python\", \"/env/main.py\"]\n",
        &[("main.py", "")],
        "[tool.invar]\n[tool.invar.image]\ncommand = [\"python\", \"/app/main.py\"]",
    );
    check(
        "FROM python:3.13-slim AS a\nRUN uv venv /env\nCOPY main.py data /env/\nFROM python:3.13-slim\n\
         COPY --from=a /env /env\nWORKDIR /env\nCMD [\"/env/bin/python\", \"/env/main.py\"]\n",
        &[("main.py", ""), ("data", ""), ("other", "")],
        "[tool.invar]\ninclude = [\"data\", \"main.py\"]\n[tool.invar.image]\ncommand = [\"python\", \"/app/main.py\"]",
    );
}

#[test]
fn a_project_may_be_the_root() {
    check(
        "FROM python:3.13-slim\nCOPY . /\nRUN uv sync --project / --no-dev\nCMD [\"python\", \"/main.py\", \"/other\"]\n",
        &[("main.py", "")],
        "[tool.invar]\n[tool.invar.image]\ncommand = [\"python\", \"/app/main.py\", \"/other\"]",
    );
}

#[test]
fn directories_that_programs_name_are_there() {
    let listing = [("a.py", "os.listdir('/build')"), ("LICENSE", ""), ("x/b.txt", "")];
    let step = "\n\n[[tool.invar.step]]\nname = \"copy\"\n";
    // What is copied in parts is where the Dockerfile has it.
    check(
        "FROM python:3.13-slim\nWORKDIR /build\nCOPY LICENSE a.py ./\nCOPY x /build/x/\nCMD [\"python\", \"/build/a.py\"]\n",
        &listing,
        &format!(
            "[tool.invar]\ninclude = []\n[tool.invar.image]\ncommand = [\"python\", \"/build/a.py\"]\nworkdir = \"/build\"{step}\
             inputs = [\"LICENSE\", \"a.py\", \"x/**\"]\nrun = \"true\"\n\
             outputs = {{ LICENSE = \"/build/LICENSE\", \"a.py\" = \"/build/a.py\", x = \"/build/x\" }}"
        ),
    );
    // To all of it there is a link, and to its environment.
    let scripts =
        [("run.sh", "#!/bin/sh\n# executable\nexec /opt/venv/bin/python /build/a.py\n"), ("a.py", "")];
    check(
        "FROM python:3.13-slim\nRUN python -m venv /opt/venv\nWORKDIR /build\nCOPY . .\nCMD [\"/build/run.sh\"]\n",
        &scripts,
        "[tool.invar]\nshell = true\n[tool.invar.image]\ncommand = [\"/app/run.sh\"]\n\n[[tool.invar.step]]\nname = \"links\"\n\
         links = { \"/build\" = \"/app\", \"/opt/venv\" = \"/app/.venv\" }",
    );
    // A folder that Debian has is no link.
    check(
        "FROM python:3.13-slim\nWORKDIR /srv\nCOPY . .\n",
        &[("a.py", "open('/srv/x/1')"), ("x/1", ""), ("y", "")],
        "[tool.invar]\n\n[[tool.invar.step]]\nname = \"links\"\nlinks = { \"/srv/x\" = \"/app/x\" }",
    );
}

#[test]
fn several_things_may_be_copied_into_one_directory() {
    check(
        "FROM python:3.13-slim\nWORKDIR /app\nCOPY main.py .\nCOPY a b ./\nCOPY c /app\nCOPY root /\nCOPY c/1 /\n",
        &[
            ("a/1", ""),
            ("b/1", ""),
            ("b/2", ""),
            ("c/3", ""),
            ("c/1", ""),
            ("main.py", ""),
            ("root/etc/x", ""),
        ],
        "[tool.invar]\ninclude = [\"main.py\"]\n\n[[tool.invar.step]]\nname = \"copy\"\n\
         inputs = [\"b/2\", \"c/1\", \"c/3\", \"root/etc/**\"]\nrun = \"true\"\n\
         outputs = { \"b/2\" = \"/app/2\", \"c/1\" = \"/app/1\", \"c/3\" = \"/app/3\", \"root/etc\" = \"/etc\" }\n\n\
         [[tool.invar.step]]\nname = \"copy-2\"\ninputs = [\"c/1\"]\nrun = \"true\"\noutputs = { \"c/1\" = \"/1\" }",
    );
    // One that takes the place of another of the project's.
    check(
        "FROM python:3.13-slim\nWORKDIR /srv/x\nCOPY . .\nCOPY conf/live.py conf.py\nCOPY docs/ static\n",
        &[("conf/live.py", ""), ("conf.py", ""), ("docs/a", ""), ("static/a", ""), ("static/b", "")],
        "[tool.invar]\nexclude = [\"conf.py\", \"static/a\"]\n\n[[tool.invar.step]]\nname = \"copy\"\n\
         inputs = [\"conf/live.py\", \"docs/**\"]\nrun = \"true\"\n\
         outputs = { \"conf/live.py\" = \"/app/conf.py\", docs = \"/app/static\" }",
    );
}

#[test]
fn the_search_path_has_the_projects_directories() {
    check(
        "FROM python:3.13-slim\nENV HERE=/srv/x\nWORKDIR $HERE\nCOPY . .\nENV PATH=\"$HERE/scripts:/usr/games:$HERE/.venv/bin:$PATH\"\n\
         ENV PATH=$PATH:/opt/tool/bin:/root/.local/bin\n",
        &[],
        "# Dockerfile:6: ENV PATH=$PATH:/opt/tool/bin:/root/.local/bin: programs are looked for in the environment and where \
         Debian has them\n\
         [tool.invar]\n[tool.invar.image]\nenv = { HERE = \"/app\", PATH = \"/app/scripts:/usr/games:/app/.venv/bin:/usr/local/sbin:\
         /usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\" }",
    );
}

#[test]
fn what_lies_where_the_system_has_programs_is_no_project() {
    check(
        "FROM python:3.13-slim\nWORKDIR /app\nCOPY main.py /srv/run.py\nCOPY start /usr/local/bin/\nRUN chmod a+x /usr/local/bin/*\n\
         COPY uv.lock* ./\nCMD [\"start\", \"/srv/run.py\"]\n",
        &[("main.py", ""), ("start", "#!/bin/sh\n"), ("uv.lock", "")],
        "[tool.invar]\nshell = true\ninclude = []\n[tool.invar.image]\ncommand = [\"start\", \"/srv/run.py\"]\n\n\
         [[tool.invar.step]]\nname = \"copy\"\ninputs = [\"main.py\", \"start\"]\nrun = \"chmod +x start\"\n\
         outputs = { \"main.py\" = \"/srv/run.py\", start = \"/usr/local/bin/start\" }",
    );
}

#[test]
fn directories_that_everybody_may_write_to_are_the_users() {
    let directories = |commands: &str| {
        let text = format!(
            "FROM python:3.13\nWORKDIR /srv\nCOPY . .\nRUN useradd -u 7 me\nRUN {commands}\nUSER me\n"
        );
        let draft = read(&text, &[("run.py", "")], false).expect("the Dockerfile can be read");
        draft.image.get("directories").map(ToString::to_string).unwrap_or_default()
    };
    assert_eq!(directories("mkdir -m 1777 /scratch && mkdir -p /x"), r#"["/scratch"]"#);
    assert_eq!(directories("mkdir -p /data/a && chmod -R 777 /data"), r#"["/data", "/data/a"]"#);
    assert_eq!(directories("install -d -m 0777 /data && chmod a+rwX /more"), r#"["/data", "/more"]"#);
    assert_eq!(directories("mkdir /data && chmod 755 /data"), "");
}
