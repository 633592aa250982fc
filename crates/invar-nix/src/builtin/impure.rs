//! Builtins whose result depends on the machine, the day or the network.
use super::{Builtin, builtin};
use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::place::Spot;
use crate::value::Value;

const NETWORK: &str = "it reads from the network, and what is there may change";

pub(super) static TABLE: &[Builtin] = &[
    builtin("getEnv", 1, |evaluator, arguments, spot| {
        let name = evaluator.string_argument(arguments[0], spot)?;
        let what = format!("builtins.getEnv \"{}\"", name.text);
        Err(evaluator.error(ErrorKind::Impure { what, why: "each machine has another environment" }, spot))
    }),
    builtin("getFlake", 1, |evaluator, _, spot| network(evaluator, "getFlake", spot)),
    builtin("fetchurl", 1, |evaluator, _, spot| network(evaluator, "fetchurl", spot)),
    builtin("fetchTarball", 1, |evaluator, _, spot| network(evaluator, "fetchTarball", spot)),
    builtin("fetchGit", 1, |evaluator, _, spot| network(evaluator, "fetchGit", spot)),
    builtin("fetchMercurial", 1, |evaluator, _, spot| network(evaluator, "fetchMercurial", spot)),
    builtin("fetchTree", 1, |evaluator, _, spot| network(evaluator, "fetchTree", spot)),
    builtin("fetchClosure", 1, |evaluator, _, spot| network(evaluator, "fetchClosure", spot)),
];

fn network(evaluator: &Evaluator, name: &str, spot: Spot) -> Outcome<Value> {
    Err(evaluator.error(ErrorKind::Impure { what: format!("builtins.{name}"), why: NETWORK }, spot))
}

/// Why `builtins` has no attribute `name`, as in Nix's pure evaluation.
pub(crate) fn why_impure(name: &str) -> Option<&'static str> {
    match name {
        "currentSystem" => Some("it depends on the machine; name the system"),
        "currentTime" => Some("it is another one each second"),
        _ => None,
    }
}
