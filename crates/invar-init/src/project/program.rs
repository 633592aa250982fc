//! Programs of a project: the scripts that it installs, and files that are there to be run.
use crate::project::code::within;
use crate::project::listener::listener;
use crate::project::python_file::{Line, PythonFile};
use crate::project::starting::{Candidate, Kind, Project};

/// Files that are programs by their names, in the order in which they are looked for.
const PROGRAMS: [&str; 9] = ["main", "app", "run", "server", "bot", "cli", "start", "index", "__main__"];

/// A script of the project.
pub(super) struct Script {
    pub candidate: Candidate,
    /// Whether it starts a server by itself.
    pub serves: bool,
}

/// The scripts that the project has: the one that is named as it is first.
pub(super) fn scripts(project: &Project<'_>) -> Vec<Script> {
    let facts = project.facts;
    let mut names: Vec<(&String, &String)> = facts.scripts.iter().collect();
    names.sort_by_key(|(name, _)| super::normalize(name) != facts.name);
    names.into_iter().filter_map(|(name, target)| script(project, name, target)).collect()
}

fn script(project: &Project<'_>, name: &str, target: &str) -> Option<Script> {
    let (module, function) = target.split_once(':')?;
    let (module, function) = (module.trim(), function.split(['[', ' ']).next().unwrap_or_default().trim());
    let path = module.replace('.', "/");
    let found =
        ["src", ""].into_iter().find_map(|base| Some((base, project.code.module(&within(base, &path))?)));
    let (base, file) = found.unzip();
    let found = file.and_then(|file| Some((file, listener(&project.code, file)?)));
    // An option of a command inside it is none of its own.
    let commands = ["add_parser", "add_subparsers", ".command", ".group", "add_typer"];
    let found = found.filter(|(file, _)| file.calls(&commands).next().is_none());
    if let Some(installed) = &project.installed {
        let path = file.map(|file| file.path.to_owned()).unwrap_or_default();
        let mut candidate = Candidate { kind: Kind::Script, path, ..Candidate::of(vec![name.to_owned()]) };
        if let Some(file) = file {
            // A script that makes a coroutine runs nothing; the file itself may do better.
            let is_coroutine =
                |line: &Line| line.indent == 0 && line.text.starts_with(&format!("async def {function}("));
            if file.lines.iter().any(is_coroutine) && file.has_guard() {
                let note = format!(
                    "{name} is not used: {module}:{function} is `async def`, which a script does not run"
                );
                let notes = vec![(String::new(), note)];
                return Some(Script { candidate: Candidate { notes, ..project.run(file) }, serves: false });
            }
            // Found by developers, whose installation is a link to the project's folder.
            if installed.module(file.path).is_none() {
                candidate.needs_files = true;
                let place = within("/app", base.unwrap_or_default());
                candidate.env.insert("PYTHONPATH".to_owned(), place.trim_end_matches('/').to_owned());
            }
        }
        return Some(match found {
            Some((file, listener)) if !listener.is_debug && listener.opened().is_some() => {
                Script { candidate: candidate.open(file.path, &listener), serves: true }
            }
            _ => Script { candidate, serves: false },
        });
    }
    // Without a build system nothing is installed, and the function can only be called.
    let (base, file) = (base?, file?);
    let is_name =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    if !is_name(module) || !is_name(function) {
        return None;
    }
    let words = match file.has_guard() {
        true => ["python".to_owned(), "-m".to_owned(), module.to_owned()],
        false => {
            let line = format!("import sys, {module}; sys.exit({module}.{function}())");
            ["python".to_owned(), "-c".to_owned(), line]
        }
    };
    let mut candidate = Candidate { path: file.path.to_owned(), ..Candidate::of(words.into()) };
    candidate.label = if file.has_guard() { candidate.label } else { format!("{module}:{function}") };
    if !base.is_empty() {
        candidate.env.insert("PYTHONPATH".to_owned(), within("/app", base));
    }
    let why =
        "the project has no [build-system], so this is not installed, and the command calls its function";
    candidate.notes.push((format!("[project.scripts] {name}"), why.to_owned()));
    candidate.kind = Kind::Script;
    Some(Script { candidate, serves: false })
}

/// The files that are there to be run, the most likely first.
pub(super) fn programs(project: &Project<'_>) -> Vec<Candidate> {
    let does = |file: &PythonFile<'_>| file.has_guard() || file.stem() == "__main__" || file.does_something();
    let is_program = |file: &&PythonFile<'_>| {
        let is_named = PROGRAMS.contains(&file.stem());
        file.has_guard()
            || file.stem() == "__main__"
            || is_named && (does(file) || file.directory().is_empty())
    };
    let own = project.facts.name.replace('-', "_");
    let rank = |file: &PythonFile<'_>| {
        let stem = PROGRAMS.iter().position(|name| *name == file.stem()).unwrap_or(PROGRAMS.len());
        // What lies in `src`, or in the folder of the project's name, is as near as the project's own folder.
        let near = ["src/", &format!("{own}/"), &format!("src/{own}/")]
            .iter()
            .any(|place| file.path.strip_prefix(place).is_some_and(|rest| !rest.contains('/')));
        let depth = if near { 1 } else { file.path.matches('/').count() * 2 };
        let is_named = file.stem() == own || file.stem() == project.facts.name;
        (
            !does(file),
            is_first_try(file),
            project.shown(file),
            depth + usize::from(stem == PROGRAMS.len() && !is_named),
            stem,
        )
    };
    let mut files: Vec<&PythonFile<'_>> = project.code.deployed().filter(is_program).collect();
    files.sort_by_key(|file| rank(file));
    // What lies aside is meant only if nothing else is there, and somebody is told to run it.
    if files.is_empty() {
        let aside = project.code.files.iter().filter(|file| file.has_guard());
        files.extend(aside.filter(|file| project.shown(file) < usize::MAX));
        files.sort_by_key(|file| rank(file));
    }
    // In a library many a module tries itself when it is run.
    let is_meant = |file: &&PythonFile<'_>| {
        PROGRAMS.contains(&file.stem()) || file.stem() == own || project.shown(file) < usize::MAX
    };
    if project.installed.is_some() && files.len() > 1 {
        files.retain(|file| is_meant(file));
    }
    let run = |file: &PythonFile<'_>| {
        let mut candidate = project.run(file);
        if is_first_try(file) {
            let note = format!("{} is what `uv init` writes: it only says hello", file.path);
            candidate.notes.push((String::new(), note));
        }
        candidate
    };
    files.into_iter().map(run).collect()
}

/// Whether `file` is what `uv init` writes: it says hello.
fn is_first_try(file: &PythonFile<'_>) -> bool {
    file.lines.len() <= 5 && file.lines.iter().any(|line| line.text.starts_with("print(\"Hello from "))
}
