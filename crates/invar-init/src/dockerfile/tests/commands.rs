//! Commands: scripts that are started, shells that are asked for, files and packages that `RUN` names.
use super::{check, read};

#[test]
fn scripts_may_be_started_by_another_name() {
    let script = [("entrypoint.sh", "#!/bin/sh\nexec \"$@\"\n"), ("main.py", "")];
    let start = "FROM python:3.13-slim\nWORKDIR /app\nCOPY . .\n";
    let expected = |entrypoint: &str, to: &str| {
        format!(
            "[tool.invar]\nshell = true\n[tool.invar.image]\nentrypoint = [\"{entrypoint}\"]\n\n[[tool.invar.step]]\n\
             name = \"copy\"\ninputs = [\"entrypoint.sh\"]\nrun = \"chmod +x entrypoint.sh\"\n\
             outputs = {{ \"entrypoint.sh\" = \"{to}\" }}"
        )
    };
    for (copy, entrypoint, to) in [
        ("COPY --chmod=755 entrypoint.sh /usr/local/bin/start", "start", "/usr/local/bin/start"),
        ("COPY --chmod=u=rwx,go=rx entrypoint.sh /", "/entrypoint.sh", "/entrypoint.sh"),
        ("RUN cp entrypoint.sh /usr/bin/start && chmod +x /usr/bin/start", "start", "/usr/bin/start"),
        (
            "RUN install -m 0755 /app/entrypoint.sh /usr/local/bin/",
            "entrypoint.sh",
            "/usr/local/bin/entrypoint.sh",
        ),
        ("RUN ln -s /app/entrypoint.sh /run.sh", "/run.sh", "/run.sh"),
        ("RUN chmod 755 entrypoint.sh && mv entrypoint.sh /sbin/e", "e", "/sbin/e"),
    ] {
        let text = format!("{start}{copy}\nENTRYPOINT [\"{entrypoint}\"]\n");
        check(&text, &script, &expected(entrypoint, to));
    }
}

#[test]
fn a_script_may_have_several_places() {
    let text = "FROM python:3.13-slim\nWORKDIR /app\nCOPY . .\nCOPY start /usr/bin/start\n\
                RUN chmod +x /usr/bin/start && ln -s /usr/bin/start /start\nENTRYPOINT [\"/start\"]\n";
    let script = "#!/bin/sh\n. /app/.venv/bin/activate\nuv run a.py\n";
    let draft = read(text, &[("start", script)], false).expect("the Dockerfile can be read");
    let commands: Vec<&str> = draft.steps.iter().filter_map(|step| step.keys.get("run")?.as_str()).collect();
    let change =
        r"sed -i 's/\. \/app\/\.venv\/bin\/activate/:/g; s/uv run /python /g' start && chmod +x start";
    assert_eq!(commands, [change, change]);
}

#[test]
fn lines_are_for_the_shell_that_is_named() {
    let words = |text: &str| {
        let draft = read(&format!("FROM python:3.13-slim\n{text}\n"), &[], false);
        let draft = draft.expect("the Dockerfile can be read");
        let command = draft.image.get("command").map(ToString::to_string).unwrap_or_default();
        let packages: Vec<&str> = draft.packages.iter().map(String::as_str).collect();
        format!("{command} {} {} {}", packages.join(" "), draft.shell, draft.notes.len())
    };
    assert_eq!(
        words("SHELL [\"/bin/bash\", \"-eo\", \"pipefail\", \"-c\"]\nCMD [[ -z \"$X\" ]] && exec a"),
        r#"["/bin/bash", "-eo", "pipefail", "-c", '[[ -z "$X" ]] && exec a'] bash true 0"#
    );
    // One that a stage below asks for; what needs none has none.
    let stages = "FROM debian AS a\nSHELL [\"/bin/bash\", \"-c\"]\nFROM a\nCMD ";
    assert_eq!(words(&format!("{stages}a $B")), r#"["/bin/bash", "-c", "a $B"] bash true 0"#);
    assert_eq!(words(&format!("{stages}exec a b")), r#"["a", "b"]  false 0"#);
    assert_eq!(
        words("SHELL [\"/usr/bin/env\", \"zsh\", \"-c\"]\nCMD a | b"),
        r#"["/bin/zsh", "-c", "a | b"] zsh true 0"#
    );
    assert_eq!(
        words("SHELL [\"/bin/ash\", \"-o\", \"pipefail\", \"-c\"]\nCMD a | b"),
        r#"["/bin/bash", "-o", "pipefail", "-c", "a | b"] bash true 0"#
    );
    // A login shell would hide the environment.
    assert_eq!(words("SHELL [\"bash\", \"-lc\"]\nCMD a $B"), r#"["/bin/bash", "-c", "a $B"] bash true 1"#);
    assert_eq!(
        words("SHELL [\"python\", \"-c\"]\nCMD print('a' if 1 else 2)"),
        r#"["python", "-c", "print('a' if 1 else 2)"]  false 0"#
    );
    assert_eq!(words("SHELL [\"pwsh\", \"-Command\"]\nCMD a $B"), "  false 1");
}

#[test]
fn uv_run_may_choose_what_is_installed() {
    check(
        "FROM python:3.13-slim\nWORKDIR /srv\nCOPY . .\nCMD [\"uv\", \"run\", \"--group\", \"web\", \"--with\", \"rich\", \"--directory\", \"src\", \
         \"main.py\"]\n",
        &[("src/main.py", "")],
        "# Dockerfile:4: CMD [\"uv\", \"run\", \"--group\", \"web\", \"--with\", \"rich\", \"--directory\", \"src\", \"main.py\"]: if rich is \
         not in uv.lock, add it with `uv add`\n\
         [tool.invar]\ngroups = [\"web\"]\n[tool.invar.image]\ncommand = [\"python\", \"main.py\"]\nworkdir = \"/app/src\"",
    );
}

#[test]
fn a_file_is_no_directory() {
    let check = |commands: &str, expected: &str| {
        let text = format!(
            "FROM python:3.13\nWORKDIR /srv\nCOPY . .\nRUN useradd -u 7 me\nRUN {commands}\nUSER me\n"
        );
        let draft = read(&text, &[("run.py", "")], false).expect("the Dockerfile can be read");
        let found = draft.image.get("directories").map(ToString::to_string).unwrap_or_default();
        assert_eq!(found, expected, "{commands}");
        let is_noted = draft.notes.iter().any(|note| note.text.contains("/log"));
        assert_eq!(is_noted, expected.is_empty(), "{commands}: {:?}", draft.notes);
    };
    check("touch /log && chown me /log", "");
    check("echo x > /log; chown -R me /log", "");
    check("truncate -s 0 /var/log/x && chown me /var/log/x", "");
    check("chown me /var/log/x.log", "");
    check("ln -sf /dev/stdout /logs && chown -h me /logs", "");
    // What is said to be a directory, or has files.
    check("mkdir -p /x.log && chown me /x.log", r#"["/x.log"]"#);
    check("chown -R me /etc/x.d /data.dir", r#"["/data.dir"]"#);
    check("install -d -m 755 -o me /data /more && touch /data/lg", r#"["/data", "/more"]"#);
}

#[test]
fn names_stand_for_several_packages() {
    let packages = |text: &str| {
        let draft = read(&format!("FROM python:3.13-slim\n{text}\n"), &[], false);
        let draft = draft.expect("the Dockerfile can be read");
        let packages: Vec<&str> = draft.packages.iter().map(String::as_str).collect();
        format!("{} {}", packages.join(" "), draft.notes.len())
    };
    let all = "curl jq tree 0";
    assert_eq!(packages("ARG PKGS=\"jq tree\"\nRUN apt-get install -y $PKGS curl"), all);
    assert_eq!(packages("ENV A='jq  tree' B=\"-y -q\"\nRUN apt-get ${B} install ${A} curl"), all);
    assert_eq!(packages("RUN P='jq tree'; apt-get install -y $P curl"), all);
    assert_eq!(packages("RUN export P=\"jq tree\" && apt install $P curl"), all);
    assert_eq!(packages("RUN for p in jq tree curl; do apt-get install -y $p; done"), all);
    assert_eq!(packages("RUN apt-get install -y ${P:-jq tree} curl"), all);
    // In quotes it is one name, which none has.
    assert_eq!(packages("ARG P=\"jq tree\"\nRUN apt-get install -y \"$P\" curl"), "curl 1");
    // What is unknown does not hide what is.
    assert_eq!(packages("ARG P\nRUN apt-get install -y curl $P"), "curl 1");
    assert_eq!(packages("RUN apt-get install -y curl $(cat list)"), "curl 1");
}

#[test]
fn packages_are_those_of_the_suite() {
    let packages = |from: &str| {
        let text = format!("FROM {from}\nRUN apt-get install -y libglib2.0-0 libmagic1 libcurl4t64\n");
        let draft = read(&text, &[], false).expect("the Dockerfile can be read");
        draft.packages.into_iter().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(packages("python:3.13-slim"), "libcurl4t64 libglib2.0-0t64 libmagic1t64");
    assert_eq!(packages("python:3.11-slim-bookworm"), "libcurl4 libglib2.0-0 libmagic1");
    assert_eq!(packages("debian:bookworm-slim"), "libcurl4 libglib2.0-0 libmagic1");
}

/// The packages of a Dockerfile with these lines, and the reasons of its comments.
fn installed(from: &str, lines: &str) -> String {
    let draft = read(&format!("FROM {from}\n{lines}\n"), &[], false).expect("the Dockerfile can be read");
    let notes = draft.notes.iter().map(|note| format!("# {}", note.why));
    draft.packages.iter().cloned().chain(notes).collect::<Vec<_>>().join(" ")
}

#[test]
fn names_of_packages_may_say_more() {
    let check =
        |lines: &str, expected: &str| assert_eq!(installed("python:3.13-slim", lines), expected, "{lines}");
    check("RUN apt-get install -y curl+ vim- g++ tree=2.2.1-1 jq:amd64", "curl jq tree");
    check("RUN apt-get install -y curl vim && apt-get install -y vim-", "curl");
    check("RUN apt-get install -y curl jq && apt-get purge -y --auto-remove curl", "jq");
    check("RUN apk add --no-cache curl jq && apk del curl", "jq");
    check("RUN apt-get install -y tree/trixie", "tree");
    check("RUN apt-get install -y tree/sid", "tree # tree comes from trixie here, not from sid");
    check(
        "RUN apt-get -y -t trixie-backports install jq",
        "jq # packages come from trixie here, not from trixie-backports",
    );
    check(
        "RUN apt-get build-dep -y python3",
        "# add the packages that this installs to `packages`, or to those of a step",
    );
    check(
        "RUN apt-get install -y ./a.deb jq",
        "jq # a package from a file or URL cannot be locked: use a Debian package",
    );
    check("RUN [\"/bin/bash\", \"-c\", \"apt-get install -y jq\"]", "jq");
}

#[test]
fn old_names_of_packages_are_known() {
    let old = "RUN apt-get install -y libgl1-mesa-glx libtiff5 netcat mysql-client ttf-dejavu libasound2 libicu67 \
        libmariadb-dev python3.11-dev chromium-browser";
    assert_eq!(
        installed("python:3.13-slim", old),
        "chromium default-mysql-client fonts-dejavu libasound2t64 libgl1 libicu76 libmariadb3 libtiff6 netcat-openbsd"
    );
    assert_eq!(
        installed("python:3.11-slim-bookworm", old),
        "chromium default-mysql-client fonts-dejavu libasound2 libgl1 libicu72 libmariadb3 libtiff6 netcat-openbsd"
    );
    let missing = "add what has it instead, or install it in a step, from a file that it fetches";
    assert_eq!(
        installed("python:3.13-slim", "RUN apt-get install -y wkhtmltopdf jq"),
        format!("jq # Debian trixie has no package wkhtmltopdf in main: {missing}")
    );
    assert_eq!(installed("python:3.11-slim", "RUN apt-get install -y wkhtmltopdf jq"), "jq wkhtmltopdf");
}

#[test]
fn what_no_build_has_is_a_comment() {
    let notes = |lines: &str| {
        let draft = read(&format!("FROM python:3.13-slim\n{lines}\n"), &[], false)
            .expect("the Dockerfile can be read");
        draft
            .notes
            .iter()
            .map(|note| format!("{}: {}", note.source.line, note.why))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let secret =
        notes("RUN --mount=type=secret,id=netrc,target=/root/.netrc --mount=type=cache,target=/c uv sync");
    assert!(secret.starts_with("2: builds and steps have no secrets"), "{secret}");
    assert!(notes("RUN --mount=type=ssh pip install .").contains("SSH agent"));
    assert!(notes("HEALTHCHECK --start-interval=2s CMD a").contains("2s is left out"));
    assert!(notes("RUN mkdir -m 0700 /keys").contains("not 0700"));
    assert!(notes("ADD a.tar.gz /opt/").contains("unpacks this archive"));
    assert_eq!(notes("RUN mkdir -m 1777 /a && install -d -m 755 /b && mkdir -p --mode=0775 /c"), "");
    assert_eq!(
        notes("RUN --mount=type=cache,target=/c --mount=type=bind,source=uv.lock,target=uv.lock uv sync"),
        ""
    );
}

#[test]
fn ports_authors_and_texts_are_carried_over() {
    check(
        "FROM python:3.13-slim\nMAINTAINER Cat\nEXPOSE 8000-8002/tcp 53/udp\n\
         COPY --chmod=755 <<\"EOF\" /usr/local/bin/go\n#!/bin/sh\necho $X\nEOF\nCOPY <<EOF /etc/a.conf\na = $PWD\nEOF\n",
        &[],
        "# Dockerfile:8: COPY <<EOF /etc/a.conf a = $PWD EOF: write this to a file in the project, or create it in a step\n\
         [tool.invar]\n[tool.invar.image]\nports = [8000, 8001, 8002, \"53/udp\"]\n\
         labels = { \"org.opencontainers.image.authors\" = \"Cat\" }\n\n[[tool.invar.step]]\nname = \"text\"\n\
         files = { \"/usr/local/bin/go\" = { text = \"\"\"\n#!/bin/sh\necho $X\n\"\"\", executable = true } }",
    );
}
