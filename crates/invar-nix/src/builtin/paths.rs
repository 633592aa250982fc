//! Paths and files.
use std::rc::Rc;

use super::lists::fail;
use super::{Builtin, builtin};
use crate::coerce::Style;
use crate::error::{ErrorKind, Outcome};
use crate::evaluator::Evaluator;
use crate::files::{FileKind, base_name, directory};
use crate::ids::ThunkId;
use crate::place::Spot;
use crate::symbol::{Origin, TextPiece};
use crate::value::{Attribute, NixString, Value};

pub(super) static TABLE: &[Builtin] = &[
    builtin("baseNameOf", 1, |evaluator, arguments, spot| {
        let value = evaluator.force(arguments[0])?;
        let string = evaluator.coerce(&value, Style::PATH, spot)?;
        let name = base_name(&string.text);
        let start = string.text.strip_suffix('/').unwrap_or(&string.text).len() - name.len();
        let placeholders = evaluator.placeholders(&string);
        evaluator.cut(&placeholders, start, spot)?;
        Ok(Value::String(NixString { text: name.into(), context: string.context }))
    }),
    builtin("dirOf", 1, |evaluator, arguments, spot| match evaluator.force(arguments[0])? {
        Value::Path(path) => Ok(Value::Path(directory(&path).into())),
        value => {
            let string = evaluator.coerce(&value, Style::PATH, spot)?;
            let text = match string.text.rfind('/') {
                Some(0) => "/",
                Some(slash) => &string.text[..slash],
                None => ".",
            };
            Ok(Value::String(NixString { text: text.into(), context: string.context }))
        }
    }),
    builtin("pathExists", 1, |evaluator, arguments, spot| {
        let path = evaluator.path_argument(arguments[0], spot)?;
        let wants_directory = path.text.ends_with('/') || path.text.ends_with("/.");
        let path = evaluator.readable(&path, spot)?;
        Ok(Value::Bool(match evaluator.files.kind(&path) {
            Some(kind) => !wants_directory || kind != FileKind::Regular,
            None => path == "/nix/store",
        }))
    }),
    builtin("readFile", 1, |evaluator, arguments, spot| {
        let path = evaluator.path_argument(arguments[0], spot)?;
        let path = evaluator.readable(&path, spot)?;
        let text = evaluator.file_text(&path, spot)?;
        evaluator.no_nul("readFile", &text, spot)?;
        Ok(Value::text(text))
    }),
    builtin("readFileType", 1, |evaluator, arguments, spot| {
        let path = evaluator.path_argument(arguments[0], spot)?;
        let path = evaluator.readable(&path, spot)?;
        match evaluator.files.kind(&path) {
            Some(kind) => Ok(Value::text(kind.word())),
            None => Err(evaluator.error(ErrorKind::FileMissing(path.into()), spot)),
        }
    }),
    builtin("readDir", 1, |evaluator, arguments, spot| {
        let path = evaluator.path_argument(arguments[0], spot)?;
        let path = evaluator.readable(&path, spot)?;
        let Some(entries) = evaluator.files.list(&path) else {
            return Err(evaluator.error(ErrorKind::FileMissing(path.into()), spot));
        };
        let mut attributes = Vec::new();
        for (name, kind) in entries {
            let value = evaluator.ready(Value::text(kind.word()), spot)?;
            attributes.push(Attribute { name: evaluator.names.intern(&name), value, spot: Spot::NOWHERE });
        }
        evaluator.new_set(attributes, spot)
    }),
    builtin("findFile", 2, |evaluator, arguments, spot| {
        let name = evaluator.known_string(arguments[1], spot)?;
        evaluator.find_file(arguments[0], &name.text, spot)
    }),
    builtin("toPath", 1, |evaluator, arguments, spot| {
        let path = evaluator.path_argument(arguments[0], spot)?;
        let text = crate::files::normalize(&path.text).into();
        Ok(Value::String(NixString { text, context: path.context }))
    }),
    builtin("storePath", 1, |evaluator, arguments, spot| {
        let path = evaluator.path_argument(arguments[0], spot)?;
        match evaluator.pieces(&path.text).as_slice() {
            [TextPiece::Symbol(_), ..] => Ok(Value::String(path)),
            _ => fail(evaluator, "storePath", format!("`{}` is not in the store", path.text), spot),
        }
    }),
    builtin("path", 1, |evaluator, arguments, spot| {
        let set = evaluator.force(arguments[0])?;
        let set_argument = evaluator.set_argument(arguments[0], spot)?;
        let mut name = None;
        let mut path = None;
        for item in evaluator.sorted(&set_argument) {
            match &*evaluator.text_of(item.name) {
                "name" => name = Some(evaluator.string_argument(item.value, spot)?.text),
                "path" => path = Some(evaluator.path_argument(item.value, spot)?),
                "filter" => _ = evaluator.function_argument(item.value, spot)?,
                "recursive" | "sha256" => _ = evaluator.force(item.value)?,
                other => return fail(evaluator, "path", format!("there is no argument `{other}`"), spot),
            }
        }
        let Some(path) = path else {
            return fail(evaluator, "path", "the argument `path` is missing".into(), spot);
        };
        let name = name.unwrap_or_else(|| base_name(&path.text).into());
        let arguments = evaluator.ready(set, spot)?;
        let origin = Origin::Made { kind: "source".into(), arguments };
        let symbol = evaluator.make(origin, name, None, None, spot)?;
        evaluator.placeholder(symbol, spot).map(Value::String)
    }),
    builtin("filterSource", 2, |evaluator, arguments, spot| {
        evaluator.function_argument(arguments[0], spot)?;
        let path = evaluator.path_argument(arguments[1], spot)?;
        let name: Rc<str> = base_name(&path.text).into();
        let set = evaluator.named_set([("filter", arguments[0]), ("path", arguments[1])], spot)?;
        let arguments = evaluator.ready(set, spot)?;
        let origin = Origin::Made { kind: "source".into(), arguments };
        let symbol = evaluator.make(origin, name, None, None, spot)?;
        evaluator.placeholder(symbol, spot).map(Value::String)
    }),
    builtin("toFile", 2, |evaluator, arguments, spot| {
        let name = evaluator.string_argument(arguments[0], spot)?.text;
        evaluator.string_argument(arguments[1], spot)?;
        let set = evaluator.named_set([("name", arguments[0]), ("content", arguments[1])], spot)?;
        let arguments = evaluator.ready(set, spot)?;
        let origin = Origin::Made { kind: "toFile".into(), arguments };
        let symbol = evaluator.make(origin, name, None, None, spot)?;
        evaluator.placeholder(symbol, spot).map(Value::String)
    }),
];

impl Evaluator {
    /// What `<name>` is in a search path.
    pub(crate) fn find_file(&mut self, search_path: ThunkId, name: &str, spot: Spot) -> Outcome<Value> {
        for &entry in self.list_argument(search_path, spot)?.iter() {
            let entry = self.force(entry)?;
            if let Some(path) = in_search_path(self, &entry, name, spot)? {
                return Ok(path);
            }
        }
        let is_empty = matches!(self.force(search_path), Ok(Value::List(items)) if items.is_empty());
        if !is_empty && !self.search.contains_key(name.split('/').next().unwrap_or_default()) {
            let text = format!("`{name}` was not found in the search path").into();
            return Err(self.error(ErrorKind::Throw(text), spot));
        }
        self.search(name, spot)
    }

    /// The path in the virtual root; a file inside what a symbol stands for cannot be read.
    fn readable(&mut self, path: &NixString, spot: Spot) -> Outcome<String> {
        if let [TextPiece::Symbol(symbol), ..] = self.pieces(&path.text).as_slice()
            && self.symbol_path(*symbol).is_none()
        {
            return Err(self.unknown(*symbol, "a file in it", spot));
        }
        Ok(self.source_path(&path.text))
    }
}

/// Looks `name` up in one entry `{ prefix; path; }` of a search path.
fn in_search_path(
    evaluator: &mut Evaluator,
    entry: &Value,
    name: &str,
    spot: Spot,
) -> Outcome<Option<Value>> {
    let Some(path) = evaluator.attribute_of(entry, "path")? else {
        return Err(evaluator.mismatch("a set with a path", entry, spot));
    };
    let prefix: ThunkId = match evaluator.attribute_of(entry, "prefix")? {
        Some(prefix) => prefix,
        None => evaluator.ready(Value::text(""), spot)?,
    };
    let prefix = evaluator.known_string(prefix, spot)?;
    let rest = match name.strip_prefix(&*prefix.text) {
        Some(rest) if prefix.text.is_empty() || rest.is_empty() || rest.starts_with('/') => rest,
        _ => return Ok(None),
    };
    let path = evaluator.path_argument(path, spot)?;
    let path = evaluator.source_path(&format!("{}/{rest}", path.text));
    Ok(evaluator.files.kind(&path).map(|_| Value::Path(path.into())))
}
