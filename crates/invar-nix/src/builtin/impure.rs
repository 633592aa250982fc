//! Builtins whose result depends on the machine, the day or the network.
use super::{Builtin, builtin};
use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::symbol::Origin;
use crate::value::Value;

const NETWORK: &str = "it reads from the network, and what is there may change";

pub(super) static TABLE: &[Builtin] = &[
    builtin("getEnv", 1, |evaluator, arguments, spot| {
        let name = evaluator.string_argument(arguments[0], spot)?;
        let what = format!("builtins.getEnv \"{}\"", name.text);
        Err(evaluator.error(ErrorKind::Impure { what, why: "each machine has another environment" }, spot))
    }),
    builtin("getFlake", 1, |evaluator, _, spot| network(evaluator, "getFlake", spot)),
    builtin("fetchurl", 1, |evaluator, arguments, spot| fetch(evaluator, "fetchurl", arguments[0], spot)),
    builtin("fetchTarball", 1, |evaluator, arguments, spot| {
        fetch(evaluator, "fetchTarball", arguments[0], spot)
    }),
    builtin("fetchGit", 1, |evaluator, arguments, spot| fetch(evaluator, "fetchGit", arguments[0], spot)),
    builtin("fetchMercurial", 1, |evaluator, arguments, spot| {
        fetch(evaluator, "fetchMercurial", arguments[0], spot)
    }),
    builtin("fetchTree", 1, |evaluator, arguments, spot| fetch(evaluator, "fetchTree", arguments[0], spot)),
    builtin("fetchClosure", 1, |evaluator, arguments, spot| {
        fetch(evaluator, "fetchClosure", arguments[0], spot)
    }),
];

/// What is fetched by its digest or revision is a known thing; anything else may change.
fn fetch(evaluator: &mut Evaluator, name: &'static str, argument: ThunkId, spot: Spot) -> Outcome<Value> {
    const FIXED: [&str; 5] = ["sha256", "hash", "narHash", "rev", "fromPath"];
    if let Value::Set(set) = evaluator.force(argument)? {
        let fixed = FIXED.iter().find_map(|name| set.get(evaluator.names.find(name)?));
        if let Some(fixed) = fixed.copied()
            && !matches!(evaluator.force(fixed.value)?, Value::Null)
        {
            let origin = Origin::Made { kind: name.into(), arguments: argument };
            return evaluator.make(origin, "source".into(), None, None, spot).map(Value::Symbol);
        }
    }
    network(evaluator, name, spot)
}

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
