//! What Python is told to run: files, modules, and applications that servers load.
use invar_plan::{ENVIRONMENT, PROJECT};
use invar_tree::{ImagePath, Machine};

use super::advice;
use super::view::View;

/// Options of Python that are followed by a value of their own.
const WITH_VALUE: [&str; 3] = ["-W", "-X", "--check-hash-based-pycs"];

/// Servers that are given an application as `module:name`, and the options with which it may be elsewhere.
const SERVERS: [&str; 6] = ["daphne", "granian", "gunicorn", "hypercorn", "uvicorn", "waitress-serve"];
const ELSEWHERE: [&str; 6] = ["--app-dir", "--chdir", "--pythonpath", "--working-dir", "-c", "--config"];

/// What Python brings without a file of its own.
const FROZEN: [&str; 5] = ["__hello__", "__phello__", "encodings", "runpy", "zipimport"];

/// Whether `program` is Python, whatever its version.
pub(super) fn is_python(program: &str) -> bool {
    let rest = program.strip_prefix("python");
    rest.is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
}

/// What Python cannot find of what `arguments` tell it to run, as a sentence.
pub(super) fn fault(view: &View<'_>, arguments: &[&str], what: &str) -> Option<String> {
    let mut rest = arguments.iter().copied();
    while let Some(argument) = rest.next() {
        if WITH_VALUE.contains(&argument) {
            rest.next();
        } else if let Some(options) = argument.strip_prefix('-').filter(|options| !options.is_empty()) {
            // `-m` and `-c` may come after others in one word, and take what follows.
            let ends = options.find(['m', 'c']).filter(|_| !argument.starts_with("--"));
            match ends {
                None => {}
                Some(at) if options[at..].starts_with('c') => return None,
                Some(at) => {
                    let attached = &options[at + 1..];
                    let module = if attached.is_empty() { rest.next()? } else { attached };
                    let others: Vec<&str> = rest.collect();
                    return module_fault(view, module, what)
                        .or_else(|| server_fault(view, module, &others, what));
                }
            }
        } else {
            return file_fault(view, argument, what);
        }
    }
    None
}

/// A file that is run and is not there.
pub(super) fn file_fault(view: &View<'_>, file: &str, what: &str) -> Option<String> {
    // A folder, or an archive, with a `__main__.py` is run too.
    if file == "-" || view.get(file).is_some() || view.is_in_volume(file) {
        return None;
    }
    let advice = advice::after(advice::for_file(view, file));
    Some(format!("`{file}` not found in the image, and {what} runs it{advice}"))
}

/// An application that the server `program` is given and that is not there.
pub(super) fn server_fault(view: &View<'_>, program: &str, arguments: &[&str], what: &str) -> Option<String> {
    if !SERVERS.contains(&program) {
        return None;
    }
    let elsewhere = |argument: &&str| {
        ELSEWHERE.iter().any(|option| {
            argument == option || argument.strip_prefix(option).is_some_and(|rest| rest.starts_with('='))
        })
    };
    if arguments.iter().any(elsewhere) {
        return None;
    }
    let is_name = |text: &str| !text.is_empty() && text.split('.').all(is_identifier);
    let module = arguments.iter().find_map(|argument| {
        let (module, name) = argument.split_once(':')?;
        let name = name.split('(').next().unwrap_or(name);
        (is_name(module) && is_name(name)).then_some(module)
    })?;
    match find(view, module) {
        Found::No if !view.is_in_volume(view.directory()) => {
            let advice = advice::after(advice::for_module(view, module));
            Some(format!("the module `{module}` not found in the image, and {what} loads it{advice}"))
        }
        _ => None,
    }
}

/// What the launcher at `path`, called `name`, starts and is not there, or cannot be started so: launchers import a function
/// and call it.
pub(super) fn launcher_fault(view: &View<'_>, path: &ImagePath, name: &str, what: &str) -> Option<String> {
    if !path.is_within(&format!("{ENVIRONMENT}/bin")) {
        return None;
    }
    let text = view.text(&path.to_string());
    let mut lines = text.lines();
    let (module, _) = lines.find_map(|line| line.strip_prefix("from ")?.split_once(" import "))?;
    let function = lines.find_map(|line| line.trim().strip_prefix("sys.exit(")?.strip_suffix("())"))?;
    let file = match find(view, module) {
        Found::No => {
            let file = module.split('.').next().unwrap_or(module);
            return Some(format!(
                "the module `{module}` not found in the image, and `{name}` imports it: {what} cannot start; the wheel \
                 that has the script lacks the module: add it to the packages of the build system, or set `include = \
                 [\"{file}.py\"]` in [tool.invar] and PYTHONPATH = \"/{PROJECT}\" in `env` of [tool.invar.image]"
            ));
        }
        Found::Module(file) | Found::Package { init: file, .. } => file,
        Found::Unknown => return None,
    };
    let source = view.text(&format!("{file}.py"));
    let definition = format!("async def {function}(");
    source.lines().any(|line| line.starts_with(&definition)).then(|| {
        let has_main = source.contains("if __name__ ==");
        let advice =
            if has_main { format!("; write \"python\", \"-m\", \"{module}\"") } else { String::new() };
        format!("`{name}` calls {function} of `{module}`, which is `async def`: it does nothing{advice}")
    })
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|first: char| first.is_ascii_digit())
        && text.chars().all(|character| character.is_alphanumeric() || character == '_')
}

/// A module that is run and is not there, or is a package that cannot be run.
fn module_fault(view: &View<'_>, module: &str, what: &str) -> Option<String> {
    match find(view, module) {
        Found::No if !view.is_in_volume(view.directory()) => {
            let advice = advice::after(advice::for_module(view, module));
            Some(format!("the module `{module}` not found in the image, and {what} runs it{advice}"))
        }
        Found::Package { main: false, .. } => {
            Some(format!("the package `{module}` has no `__main__`, and {what} runs it with `-m`"))
        }
        Found::No | Found::Package { .. } | Found::Module(_) | Found::Unknown => None,
    }
}

enum Found {
    /// It is in no directory that Python looks into.
    No,
    /// Its path, without an ending.
    Module(String),
    Package {
        /// Whether it has a `__main__`.
        main: bool,
        /// The path of its `__init__`, without an ending.
        init: String,
    },
    /// Something may bring it that is known only when Python starts.
    Unknown,
}

/// Looks for a module as Python does that is started in the working directory.
fn find(view: &View<'_>, module: &str) -> Found {
    if !module.split('.').all(is_identifier) || FROZEN.contains(&module) {
        return Found::Unknown;
    }
    let Some(environment) = view.plan.environment().ok().flatten() else { return Found::Unknown };
    let packages = format!("/{}/{}", environment.prefix.as_str(), environment.site_packages());
    let (major, minor) = environment.python;
    let library = format!("/usr/lib/python{major}.{minor}");
    // Without a standard library this is not the Python that will run.
    if !view.is_directory(&library) {
        return Found::Unknown;
    }
    let mut roots = vec![view.directory().to_owned()];
    let own = view.variable("PYTHONPATH").unwrap_or_default();
    roots.extend(own.split(':').filter(|path| !path.is_empty()).map(|path| view.absolute(path)));
    roots.extend([packages.clone(), format!("{library}/lib-dynload"), library]);
    let path = module.replace('.', "/");
    for root in &roots {
        let place = format!("{}/{path}", root.trim_end_matches('/'));
        if view.is_directory(&place) {
            let has = |name: &str| is_module(view, &format!("{place}/{name}"), environment.python);
            // A directory without both may be a namespace, and the module in a later one.
            if has("__main__") || has("__init__") {
                return Found::Package { main: has("__main__"), init: format!("{place}/__init__") };
            }
        }
        if is_module(view, &place, environment.python) {
            return Found::Module(place);
        }
    }
    let top = module.split('.').next().unwrap_or(module);
    let inside = packages.trim_start_matches('/');
    let prefix = format!("{inside}/");
    // Lines of `.pth` files add directories, and run code; finders are installed so.
    let is_path_file = |path: &str| {
        path.strip_prefix(&prefix).is_some_and(|name| {
            !name.contains('/') && name.ends_with(".pth") && name != "distutils-precedence.pth"
        })
    };
    if view.tree.within(inside).any(|(path, _)| is_path_file(path.as_str())) {
        return Found::Unknown;
    }
    // What a package makes of itself when it is imported is not seen here; only where a name is not there at all, it is
    // certain.
    let is_namespace = |root: &String| view.is_directory(&format!("{}/{top}", root.trim_end_matches('/')));
    match module.contains('.') && roots.iter().any(is_namespace) {
        true if in_packages(view, &prefix, top) => Found::Unknown,
        _ => Found::No,
    }
}

/// Whether the package `top` is one of those that were installed, and may bring modules of its own making.
fn in_packages(view: &View<'_>, prefix: &str, top: &str) -> bool {
    view.is_directory(&format!("/{prefix}{top}"))
}

/// Whether there is a module at `place`: in Python, or compiled.
fn is_module(view: &View<'_>, place: &str, (major, minor): (u32, u32)) -> bool {
    let compiled =
        Machine::ALL.map(|machine| format!(".cpython-{major}{minor}-{}-linux-gnu.so", machine.as_str()));
    let endings = [".py", ".pyc", ".so", ".abi3.so"].into_iter().chain(compiled.iter().map(String::as_str));
    endings.into_iter().any(|ending| view.is_file(&format!("{place}{ending}")))
}
