//! What a project runs, as its files show it.
use crate::draft::{Draft, Source};
use crate::project::code::is_aside;
use crate::project::objects::{Interface, objects};
use crate::project::program::{programs, scripts};
use crate::project::served::served;
use crate::project::starting::{Candidate, Kind, Project};

/// How many other commands are listed.
const MOST: usize = 4;

/// Files of the project that no program needs.
const UNUSED: [&str; 12] = [
    "Containerfile",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "Procfile",
    "compose.yaml",
    "compose.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
    "invar.lock",
    "node_modules",
    "uv.lock",
];

/// Adds the image's command, its port and its variables to `draft`, and says what else there was to choose from. `paths`
/// are those of all of the project's files.
pub(super) fn add_command<'p>(
    draft: &mut Draft,
    project: &Project<'_>,
    paths: impl Iterator<Item = &'p String>,
) {
    let source = Source { file: "pyproject.toml", line: 0 };
    let candidates = candidates(project);
    let Some(chosen) = candidates.first() else {
        draft.note(source, "", nothing(project));
        return;
    };
    let mut others: Vec<&str> = Vec::new();
    // What can be run in passing is no choice beside what is there to be started.
    let is_other = |other: &&Candidate| {
        let is_same = other.label == chosen.label || !other.path.is_empty() && other.path == chosen.path;
        !is_same && (other.kind < Kind::Program || chosen.kind == Kind::Program)
    };
    for other in candidates.iter().skip(1).filter(is_other) {
        if !others.contains(&other.label.as_str()) {
            others.push(&other.label);
        }
    }
    draft.image.set("command", chosen.command.clone());
    for (name, value) in &chosen.env {
        draft.image.set_in("env", name, value.clone());
    }
    if let Some(port) = chosen.port {
        draft.image.add("ports", port);
    }
    if chosen.needs_files {
        let tops = paths.filter_map(|path| path.split('/').next());
        let mut tops: Vec<&str> = tops
            .filter(|top| {
                let is_left = UNUSED.contains(top) || top.starts_with('.') || is_aside(&format!("{top}/x"));
                !is_left || chosen.path.split('/').next() == Some(top)
            })
            .collect();
        tops.dedup();
        draft.include = Some(tops.into());
    }
    for (text, why) in &chosen.notes {
        draft.note(source, text, why.clone());
    }
    if !others.is_empty() {
        let more = if others.len() > MOST { ", ..." } else { "" };
        let listed: Vec<String> = others.iter().take(MOST).map(|label| format!("`{label}`")).collect();
        let why = format!("chosen `{}`; the project also has {}{more}", chosen.label, listed.join(", "));
        draft.note(source, "command", why);
    }
}

/// All commands that the image may have, the most likely first.
fn candidates(project: &Project<'_>) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = declared(project).into_iter().collect();
    let (serving, scripts): (Vec<_>, Vec<_>) = scripts(project).into_iter().partition(|script| script.serves);
    found.extend(serving.into_iter().map(|script| script.candidate));
    // What a package installs is meant, unless a web application is there for any server.
    let (first, last): (Vec<_>, Vec<_>) = served(project)
        .into_iter()
        .partition(|served| scripts.is_empty() || project.installed.is_none() || served.is_plain);
    found.extend(first);
    found.extend(scripts.into_iter().map(|script| script.candidate));
    found.extend(last);
    found.extend(worker(project));
    found.extend(programs(project));
    found
}

/// The web process of a Procfile, if it is one command.
fn declared(project: &Project<'_>) -> Option<Candidate> {
    let line = project.declared.web?;
    let (mut words, mut port) = (Vec::new(), None);
    for word in line.split_whitespace() {
        let mut word = word.trim_matches(['"', '\'']).to_owned();
        if let Some(at) = word.find("$PORT").or(word.find("${PORT")) {
            let name = word[at..].to_owned();
            let name = name.split_inclusive('}').next().unwrap_or_default();
            let name = if name.starts_with("${") { name } else { "$PORT" };
            let default = name.trim_end_matches('}').rsplit_once('-').map_or("8000", |(_, default)| default);
            port = default.parse().ok();
            word = word.replace(name, default);
        }
        if word.contains(['$', '&', '|', ';', '>', '<', '`', '(', '*']) {
            return None;
        }
        words.push(word);
    }
    if words.first().is_some_and(|word| word == "uv") && words.get(1).is_some_and(|word| word == "run") {
        words.drain(..2);
    }
    let program = words.first()?.as_str();
    let is_there = match program {
        "python" | "python3" => {
            words.get(1).is_some_and(|path| path == "-m" || project.code.file(path).is_some())
        }
        program => project.facts.has(program),
    };
    if program == "python3" {
        words[0] = "python".to_owned();
    }
    let needs_files = project.installed.is_some();
    let modules =
        words.iter().filter_map(|word| word.split_once(':')).map(|(module, _)| module.replace('.', "/"));
    let path =
        modules.into_iter().find_map(|module| project.code.module(&module)).map(|file| file.path.to_owned());
    let path = path.unwrap_or_default();
    is_there.then(|| Candidate { kind: Kind::Served, path, port, needs_files, ..Candidate::of(words) })
}

/// What works for a web application.
fn worker(project: &Project<'_>) -> Option<Candidate> {
    let objects = objects(&project.code);
    let object = objects.iter().find(|object| object.interface == Interface::Celery && !object.is_factory)?;
    let target = project.target(object.file);
    let command = ["celery", "--app", &target.module, "worker"].map(str::to_owned);
    let mut env = target.env;
    if !target.root.is_empty() {
        env.insert("PYTHONPATH".to_owned(), format!("/app/{}", target.root));
    }
    let needs_files = target.needs_files;
    let candidate = Candidate { env, needs_files, ..Candidate::of(command.into()) };
    project.facts.has("celery").then(|| candidate.starting(object.file, Kind::Worker))
}

/// Why there is no command, and what to do.
fn nothing(project: &Project<'_>) -> String {
    let framework = objects(&project.code).into_iter().next();
    let server = match framework.map(|object| object.interface) {
        Some(Interface::Asgi | Interface::Sanic) => Some("uvicorn"),
        Some(Interface::Wsgi | Interface::Dash) => Some("gunicorn"),
        _ => None,
    };
    if let (Some(object), Some(server)) = (framework, server) {
        return format!(
            "{} has a web application, and no package in uv.lock serves it: add one with `uv add {server}`, and run `invar init` again",
            object.file.path
        );
    }
    if !project.facts.members.is_empty() {
        return format!(
            "no command found in the workspace's own directory: run `invar init` in a member ({})",
            project.facts.members.join(", ")
        );
    }
    if project.installed.is_some() {
        return "the project is a library, so the image has no command: add command = [...] to the image table if there is one"
            .to_owned();
    }
    "no command found for the image: add command = [\"python\", \"FILE.py\"] to the image table".to_owned()
}
