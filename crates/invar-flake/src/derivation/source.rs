//! The files of the project that a derivation's commands see.
use std::collections::BTreeSet;

use super::Builder;
use crate::datum::{Data, Datum};
use crate::files::PROJECT;
use crate::phase::Interpreter;
use crate::thing::FlakeValue;

impl Builder<'_> {
    /// Hides the files that `src` leaves out. Gives whether it is known which these are.
    pub(super) fn select(&mut self, interpreter: &mut Interpreter<'_>) -> bool {
        let Some(symbol) = self.attributes.get("src").and_then(Datum::thing) else { return true };
        let thing = self.flake.thing(symbol);
        let FlakeValue::Source { root, files, .. } = &*thing else { return true };
        let Data::Path(root) = &root.value else { return true };
        match files {
            Some(selected) => {
                self.hide(interpreter, root, "/build/source", selected);
                true
            }
            None => false,
        }
    }

    fn hide(&self, interpreter: &mut Interpreter<'_>, directory: &str, place: &str, selected: &[String]) {
        let start = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let inside = self.files.range(start.clone()..).map(|(path, _)| path);
        let inside = inside.take_while(|path| path.starts_with(&start));
        let names: BTreeSet<&str> = inside.filter_map(|path| path[start.len()..].split('/').next()).collect();
        for name in names {
            let path = format!("{start}{name}");
            let place = format!("{place}/{name}");
            let is_within = |inner: &str, outer: &str| {
                inner == outer
                    || outer.is_empty()
                    || inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
            };
            if selected.iter().any(|other| is_within(&path, other)) {
                continue;
            }
            if selected.iter().any(|other| is_within(other, &path)) {
                self.hide(interpreter, &path, &place, selected);
            } else {
                interpreter.hide(&place);
            }
        }
    }

    /// The flake's own directory or file that `field` is.
    pub(super) fn source_path(&mut self, field: &Datum) -> Option<String> {
        match &field.value {
            Data::Path(path) => Some(path.clone()),
            Data::Text(text) if text == PROJECT => Some(String::new()),
            Data::Text(text) => text.strip_prefix(PROJECT)?.strip_prefix('/').map(str::to_owned),
            Data::Thing(number) => match &*self.flake.thing(*number) {
                FlakeValue::Path(path) => Some(path.clone()),
                FlakeValue::Source { root, .. } => self.source_path(root),
                _ => None,
            },
            Data::List(items) => match items.as_slice() {
                [only] => self.source_path(only),
                _ => None,
            },
            _ => None,
        }
    }
}
