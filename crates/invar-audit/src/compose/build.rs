//! The builds of services.
use std::collections::BTreeMap;
use std::rc::Rc;

use invar_dockerfile::{Expansion, Span};

use crate::compose::inline::Inline;
use crate::compose::remote::is_remote;
use crate::compose::service::{Reader, ServicePart};
use crate::compose::{ComposeBuild, MOST, replaced};
use crate::paths::joined;
use crate::yaml::Node;

impl Reader<'_> {
    /// Adds the build that `parts` describe together, the first of them over the others.
    pub(super) fn build(&mut self, service: &str, parts: &[ServicePart]) {
        let parts: Vec<ServicePart> = parts
            .iter()
            .filter_map(|part| {
                part.get("build").map(|(_, node)| ServicePart { node: node.clone(), ..part.clone() })
            })
            .collect();
        let first = |key: &str| parts.iter().find_map(|part| part.get(key));
        let short = |part: &ServicePart| part.node.text().is_some();
        let (at, context) = match parts.iter().find(|part| short(part) || part.get("context").is_some()) {
            Some(part) if short(part) => (part, Some(part.node.clone())),
            Some(part) => (part, part.get("context").map(|(_, node)| node.clone())),
            None => match parts.last() {
                Some(part) => (part, None),
                None => return,
            },
        };
        let arguments = self.arguments(&parts);
        let contexts = self.contexts(&parts);
        let what = format!("the build context of the service {service}");
        let context = match context {
            Some(node) => match self.place(at.file, &node, &what) {
                Some(value) => joined(&at.directory, &value),
                None => return,
            },
            None => joined(&at.directory, "."),
        };
        // Where both are given Compose refuses the file; the nearer one is taken.
        let named = parts
            .iter()
            .find(|part| part.get("dockerfile").is_some() || part.get("dockerfile_inline").is_some());
        let inline = named.and_then(|part| part.get("dockerfile_inline"));
        let inline = inline.and_then(|(part, node)| Inline::of(part.file, node, self.files.text(part.file)));
        let dockerfile = match first("dockerfile").filter(|_| inline.is_none()) {
            Some((part, node)) => {
                let file = part.file;
                let node = node.clone();
                match self.place(file, &node, &format!("the Dockerfile of the service {service}")) {
                    Some(value) => Some(joined(&context, &value)),
                    None => return,
                }
            }
            None if inline.is_none() => Some(joined(&context, "Dockerfile")),
            None => None,
        };
        let service = service.to_owned();
        self.builds.push(ComposeBuild { service, context, dockerfile, arguments, contexts, inline });
    }

    /// Arguments with their values; those without one come from outside.
    fn arguments(&mut self, parts: &[ServicePart]) -> BTreeMap<String, String> {
        let mut given: BTreeMap<String, (usize, Span, Option<String>)> = BTreeMap::new();
        for (part, node) in parts.iter().filter_map(|part| part.get("args")) {
            for (name, value, span) in entries(node) {
                given.entry(name).or_insert((part.file, span, value));
            }
        }
        let mut known = BTreeMap::new();
        for (name, (file, span, value)) in given {
            let value = match &value {
                Some(value) => replaced(value),
                None => Expansion { missing: [name.clone()].into(), ..Expansion::default() },
            };
            if value.missing.is_empty() {
                known.insert(name, value.text);
            } else {
                self.outside(file, span, &value);
            }
        }
        known
    }

    /// The names of further contexts. Images and addresses among them are looked at.
    fn contexts(&mut self, parts: &[ServicePart]) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (part, node) in parts.iter().filter_map(|part| part.get("additional_contexts")) {
            for (name, address, span) in entries(node) {
                let Some(address) = address else { continue };
                if names.contains(&name) {
                    continue;
                }
                names.push(name);
                let place = Node::of_text(&address, span);
                match address.strip_prefix("docker-image://") {
                    Some(image) => self.image(part.file, &place, image),
                    None => {
                        let value = replaced(&address);
                        if !value.missing.is_empty() {
                            self.outside(part.file, span, &value);
                        } else if is_remote(&value.text) {
                            self.remote(part.file, span, &value.text);
                        }
                    }
                }
            }
        }
        names
    }
}

/// A name, its value, and where it is.
type Entry = (String, Option<String>, Span);

/// What a mapping, also with what `<<` merges in, or a list of `NAME=VALUE` says.
fn entries(node: &Node) -> Vec<Entry> {
    let of_item = |item: &Node| {
        let text = item.text().unwrap_or_default();
        match text.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned()), item.span),
            None => (text.to_owned(), None, item.span),
        }
    };
    let of_pair = |(name, value): (&Rc<Node>, &Rc<Node>)| {
        let text = if value.is_null() { None } else { value.text().map(str::to_owned) };
        (name.text().unwrap_or_default().to_owned(), text, value.span)
    };
    let named = node.all_pairs(MOST).into_iter().map(of_pair);
    named.chain(node.items().iter().map(|item| of_item(item))).take(MOST).collect()
}
