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
