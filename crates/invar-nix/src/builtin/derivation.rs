//! Derivations: known by their arguments, never built.
use super::lists::fail;
use super::{Builtin, builtin};
use crate::coerce::Style;
use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::symbol::Origin;
use crate::value::{Attribute, NixString, Value};

pub(super) static TABLE: &[Builtin] = &[
    builtin("derivation", 1, derivation),
    builtin("derivationStrict", 1, derivation),
    builtin("placeholder", 1, |evaluator, arguments, spot| {
        // Where the output is going to be; nothing but a text that says so.
        let output = evaluator.string_argument(arguments[0], spot)?;
        evaluator.new_text(format!("@placeholder-{}@", output.text), spot)
    }),
    builtin("outputOf", 2, |evaluator, arguments, spot| {
        let value = evaluator.force(arguments[0])?;
        evaluator.coerce(&value, Style::INTERPOLATION, spot).map(Value::String)
    }),
];

/// What Nix needs to know at once: the name, which is part of the store path, and the outputs.
fn derivation(evaluator: &mut Evaluator, arguments: &[ThunkId], spot: Spot) -> Outcome<Value> {
    let set = evaluator.set_argument(arguments[0], spot)?;
    let value = Value::Set(set.clone());
    let Some(name) = set.get(evaluator.known.name) else {
        return Err(evaluator.error(ErrorKind::MissingAttribute { name: "name".into() }, spot));
    };
    let name = evaluator.string_argument(name.value, spot)?.text;
    if name.is_empty() || name.ends_with(".drv") {
        return fail(evaluator, "derivation", format!("`{name}` is no name of a derivation"), spot);
    }
    for key in ["system", "builder"] {
        match evaluator.attribute_of(&value, key)? {
            Some(_) => {}
            None => return Err(evaluator.error(ErrorKind::MissingAttribute { name: key.into() }, spot)),
        }
    }
    let origin = Origin::Made { kind: "derivation".into(), arguments: arguments[0] };
    let symbol = evaluator.make(origin, name, Some(&set), None, spot)?;
    let mut outputs = Vec::new();
    if let Some(list) = evaluator.attribute_of(&value, "outputs")? {
        for &output in evaluator.list_argument(list, spot)?.iter() {
            outputs.push(evaluator.string_argument(output, spot)?.text);
        }
    }
    // Each output is a store path of its own; the first one is what the derivation stands for.
    let mut more = Vec::new();
    for output in &outputs {
        let mut path = evaluator.placeholder(symbol, spot)?;
        if &**output != "out" {
            path = NixString { text: format!("{}-{output}", path.text).into(), context: path.context };
        }
        let path = evaluator.ready(Value::String(path), spot)?;
        let kind = evaluator.ready(Value::text("derivation"), spot)?;
        let name = evaluator.ready(Value::text(output.clone()), spot)?;
        let value = evaluator.named_set([("outPath", path), ("type", kind), ("outputName", name)], spot)?;
        let value = evaluator.ready(value, spot)?;
        more.push(Attribute { name: evaluator.names.intern(output), value, spot });
    }
    if outputs.is_empty() {
        let itself = evaluator.ready(Value::Symbol(symbol), spot)?;
        more.push(Attribute { name: evaluator.names.intern("out"), value: itself, spot });
        let output = evaluator.ready(Value::text("out"), spot)?;
        more.push(Attribute { name: evaluator.names.intern("outputName"), value: output, spot });
    }
    more.push(Attribute { name: evaluator.names.intern("drvAttrs"), value: arguments[0], spot });
    let more = crate::value::AttrSet::new(more);
    let known = evaluator.known_attributes(symbol).update(&more);
    evaluator.charge(16 * known.len(), spot)?;
    evaluator.symbols.get_mut(symbol).attributes = Some(std::rc::Rc::new(known));
    Ok(Value::Symbol(symbol))
}
