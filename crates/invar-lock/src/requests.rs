//! What an image asks for besides what the manifest names: a base set, an interpreter, a shell.
use invar_apt::Requester;
use invar_debian::{Dependency, parse_dependencies};
use invar_maintscript::BASE;
use invar_project::{LockedInterpreter, Request};

/// What the image of `request` asks for.
pub(crate) fn image_requests(
    request: &Request,
    interpreter: Option<&LockedInterpreter>,
) -> Vec<invar_apt::Request> {
    let mut requests = Vec::new();
    let mut add = |text: &str, requester: Requester| requests.extend(asked(text, &requester));
    for package in &request.packages {
        match &package.version {
            Some(version) => add(&format!("{} (= {version})", package.name), Requester::Manifest),
            None => add(package.name.as_str(), Requester::Manifest),
        }
    }
    if request.shell {
        add("dash", Requester::Shell);
    }
    match &request.base {
        Some(base) => base.iter().for_each(|name| add(name.as_str(), Requester::Base)),
        None => {
            BASE.iter().for_each(|name| add(name, Requester::Base));
            // What every wheel for glibc may rely on besides libc6 (PEP 600, by way of PEP 513's list): numpy and many
            // others do not start without it.
            if interpreter.is_some() {
                add("libstdc++6", Requester::Base);
            }
        }
    }
    if let Some(interpreter) = interpreter {
        add(interpreter.package.as_str(), Requester::Interpreter);
    }
    requests
}

/// The requests of `requester` for `text`, a relation of package names.
pub(crate) fn asked(text: &str, requester: &Requester) -> Vec<invar_apt::Request> {
    let dependencies: Vec<Dependency> =
        parse_dependencies(text).expect("a name, and perhaps a version, is a relation");
    let request = |dependency| invar_apt::Request { dependency, requester: requester.clone() };
    dependencies.into_iter().map(request).collect()
}
