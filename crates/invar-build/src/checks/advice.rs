//! What to write so that something that is missing is there.
use invar_formats::spelling::nearest;
use invar_plan::{ENVIRONMENT, PROJECT};
use invar_run::known_program;
use invar_tree::{Entry, ImagePath, Origin};

use super::view::{View, is_executable};

/// `advice` as the end of a sentence.
pub(super) fn after(advice: Option<String>) -> String {
    advice.map(|advice| format!("; {advice}")).unwrap_or_default()
}

/// What brings the program `name`, which the image does not have.
pub(super) fn for_program(view: &View<'_>, name: &str) -> Option<String> {
    let (folder, own) = name.rsplit_once('/').unwrap_or(("", name));
    if own == "sh" {
        return Some("set `shell = true` in [tool.invar]".to_owned());
    }
    // A script of the project is named as if its folder were in `PATH`.
    if folder.is_empty()
        && let Some(path) =
            [view.absolute(own), format!("/{PROJECT}/{own}")].iter().find(|path| view.is_file(path))
    {
        return Some(format!("to run {path}, write \"{path}\""));
    }
    if !folder.is_empty()
        && let Some((path, _)) = view.find(own)
    {
        return Some(format!("to run {path}, write \"{own}\""));
    }
    if let Some(package) = known_program(own) {
        return Some(format!("add \"{package}\" to `packages` of [tool.invar]"));
    }
    if let Some(path) = named(view, own) {
        return Some(format!("to run {path}, write \"{path}\""));
    }
    let folder = format!("{ENVIRONMENT}/bin");
    let programs = view.tree.within(&folder).map(|(path, _)| path.name());
    nearest(own, programs).map(|program| format!("did you mean \"{program}\"?"))
}

/// The file called `name` that the project or a step has, if it is the only one.
fn named<'a>(view: &View<'a>, name: &str) -> Option<&'a ImagePath> {
    let is_own = |entry: &Entry| matches!(&*entry.origin, Origin::Source | Origin::Step { .. });
    let mut found = view.tree.iter().filter(|(path, entry)| {
        path.name() == name && is_own(entry) && !entry.is_directory() && is_executable(entry)
    });
    let (path, _) = found.next()?;
    found.next().is_none().then_some(path)
}

/// What makes the file at `path` executable.
pub(super) fn for_mode(entry: &Entry, path: &ImagePath) -> Option<String> {
    match &*entry.origin {
        Origin::Source => {
            let file = path.as_str().strip_prefix(PROJECT).unwrap_or(path.as_str()).trim_start_matches('/');
            Some(format!("run `chmod +x {file}` in the project"))
        }
        Origin::Step { name } => {
            Some(format!("in step {name}, write the output as {{ path = \"{path}\", executable = true }}"))
        }
        _ => None,
    }
}

/// Where the file `name`, which is run, is in truth, and how to name it there.
pub(super) fn for_file(view: &View<'_>, name: &str) -> Option<String> {
    let relative = name.trim_start_matches("./");
    if !name.starts_with('/') {
        let path = format!("/{PROJECT}/{relative}");
        if view.is_file(&path) {
            let directory = view.directory();
            return Some(format!(
                "the working directory is {directory}: remove `workdir`, or write \"{path}\""
            ));
        }
    }
    // A package is installed, and its modules have the names under which they are imported.
    if let Some(environment) = view.plan.environment().ok().flatten() {
        let packages = format!("{}/{}", environment.prefix.as_str(), environment.site_packages());
        let mut rest = relative.strip_prefix(&format!("/{PROJECT}/")).unwrap_or(relative);
        rest = rest.strip_prefix("src/").unwrap_or(rest);
        if let Some(module) = rest.strip_suffix(".py")
            && view.is_file(&format!("/{packages}/{rest}"))
        {
            let module = module.strip_suffix("/__main__").unwrap_or(module).replace('/', ".");
            return Some(format!("the project is installed as a package: write \"-m\", \"{module}\""));
        }
    }
    let last = relative.rsplit('/').next().unwrap_or(relative);
    let own = || {
        let all = view.tree.within(PROJECT);
        all.filter(|(_, entry)| matches!(*entry.origin, Origin::Source) && !entry.is_directory())
    };
    let mut found = own().filter(|(path, _)| path.name() == last);
    if let Some((path, _)) = found.next()
        && found.next().is_none()
    {
        return Some(format!("to run {path}, write \"{path}\""));
    }
    let folder = format!("{PROJECT}/");
    let files = own().filter_map(|(path, _)| path.as_str().strip_prefix(&folder));
    let start = if name.starts_with('/') { format!("/{folder}") } else { String::new() };
    nearest(relative.trim_start_matches(&start), files).map(|file| format!("did you mean \"{start}{file}\"?"))
}

/// How the project has the module `name`, which is not found under this one.
pub(super) fn for_module(view: &View<'_>, name: &str) -> Option<String> {
    let path = name.replace('.', "/");
    // A `src` layout that is not installed.
    for folder in ["src", "app", "backend", "server"] {
        let place = format!("/{PROJECT}/{folder}/{path}");
        if view.is_directory(&place) || view.is_file(&format!("{place}.py")) {
            return Some(format!(
                "it is in /{PROJECT}/{folder}: set `workdir = \"/{PROJECT}/{folder}\"` in [tool.invar.image], or \
                 `PYTHONPATH` in its `env`"
            ));
        }
    }
    let place = format!("/{PROJECT}/{path}");
    if view.directory() != format!("/{PROJECT}")
        && (view.is_directory(&place) || view.is_file(&format!("{place}.py")))
    {
        return Some(format!("it is in /{PROJECT}: remove `workdir`, or set `PYTHONPATH` in `env`"));
    }
    None
}
