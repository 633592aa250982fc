//! What an image asks for besides what the manifest names: a base set, an interpreter, a shell.
use invar_apt::RootDependency;
use invar_debian::{Dependency, parse_dependencies};
use invar_maintscript::BASE;
use invar_project::{LockedInterpreter, Request};

// Who asks for a package, in the words of the solver's messages.
pub(crate) const REQUESTED: &str = "`packages` in the manifest";
pub(crate) const SHELL: &str = "`shell = true` in the manifest";
pub(crate) const IN_BASE: &str = "the base set";
pub(crate) const INTERPRETER: &str = "the Python interpreter";

/// What the image of `request` asks for.
pub(crate) fn roots(request: &Request, interpreter: Option<&LockedInterpreter>) -> Vec<RootDependency> {
    let mut roots = Vec::new();
    let mut add = |text: &str, why: &str| {
        let dependency: Vec<Dependency> =
            parse_dependencies(text).expect("a name, and perhaps a version, is a relation");
        roots.extend(
            dependency.into_iter().map(|dependency| RootDependency { dependency, why: why.to_owned() }),
        );
    };
    for package in &request.packages {
        match &package.version {
            Some(version) => add(&format!("{} (= {version})", package.name), REQUESTED),
            None => add(package.name.as_str(), REQUESTED),
        }
    }
    if request.shell {
        add("dash", SHELL);
    }
    match &request.base {
        Some(base) => base.iter().for_each(|name| add(name.as_str(), IN_BASE)),
        None => {
            BASE.iter().for_each(|name| add(name, IN_BASE));
            // What every wheel for glibc may rely on besides libc6 (PEP 600, by way of PEP 513's list): numpy and many
            // others do not start without it.
            if interpreter.is_some() {
                add("libstdc++6", IN_BASE);
            }
        }
    }
    if let Some(interpreter) = interpreter {
        add(interpreter.package.as_str(), INTERPRETER);
    }
    roots
}
