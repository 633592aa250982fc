//! Dependency groups (PEP 735), with the groups that they include.
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use invar_formats::spelling::nearest;

use super::{ProjectProblem, Reader, Value};
use crate::name::GroupName;
use crate::requirement::Requirement;

/// The deepest nesting of dependency groups that is followed.
const DEEPEST: usize = 64;
/// The most requirements of all groups together: a few lines of groups that include each other could ask for
/// billions.
const MOST_REQUIREMENTS: usize = 100_000;

/// A dependency group as it is written.
struct Group {
    key_span: Range<usize>,
    items: Vec<Item>,
}

enum Item {
    Requirement(Box<Requirement>),
    Include(GroupName, Range<usize>),
}

pub(super) fn read(value: &Value<'_, '_>) -> Option<BTreeMap<GroupName, Vec<Requirement>>> {
    let mut written = BTreeMap::new();
    for (name, value) in value.named()? {
        let items = value.list().into_iter().flatten().filter_map(|item| group_item(&item)).collect();
        written.insert(name, Group { key_span: value.key_span, items });
    }
    let mut expansion = Expansion {
        reader: value.reader,
        written: &written,
        expanded: BTreeMap::new(),
        path: Vec::new(),
        size: 0,
    };
    for name in written.keys() {
        expansion.expand(name);
    }
    Some(expansion.expanded)
}

fn group_item(value: &Value<'_, '_>) -> Option<Item> {
    if !value.value.is_table() {
        return Some(Item::Requirement(Box::new(value.parsed()?)));
    }
    let mut section = value.table()?;
    let include = section.take("include-group");
    section.refuse_the_rest(&[]);
    let include = include?;
    Some(Item::Include(include.parsed()?, include.span))
}

/// The expansion of all groups of a project (PEP 735, "Dependency Group Include").
struct Expansion<'a> {
    reader: &'a Reader<'a>,
    written: &'a BTreeMap<GroupName, Group>,
    expanded: BTreeMap<GroupName, Vec<Requirement>>,
    /// The groups that are being expanded, from the outermost.
    path: Vec<&'a GroupName>,
    size: usize,
}

impl<'a> Expansion<'a> {
    fn expand(&mut self, name: &'a GroupName) {
        let Some(group) = self.written.get(name) else { return };
        if self.expanded.contains_key(name) {
            return;
        }
        if self.path.len() >= DEEPEST || self.size > MOST_REQUIREMENTS {
            // One finding is enough; the empty result keeps the others from following.
            self.too_large(name, group);
            return;
        }
        self.path.push(name);
        let mut seen = BTreeSet::new();
        let mut requirements = Vec::new();
        for item in &group.items {
            match item {
                Item::Requirement(requirement) => {
                    if seen.insert(requirement.to_string()) {
                        requirements.push((**requirement).clone());
                    }
                }
                Item::Include(included, span) => {
                    for requirement in self.include(included, span) {
                        if seen.insert(requirement.to_string()) {
                            requirements.push(requirement);
                        }
                    }
                }
            }
            if self.size + requirements.len() > MOST_REQUIREMENTS {
                requirements.clear();
                self.too_large(name, group);
                break;
            }
        }
        self.path.pop();
        self.size += requirements.len();
        self.expanded.insert(name.clone(), requirements);
    }

    fn too_large(&mut self, name: &GroupName, group: &Group) {
        self.reader.report(group.key_span.clone(), ProjectProblem::GroupTooLarge { name: name.to_string() });
        self.expanded.insert(name.clone(), Vec::new());
    }

    fn include(&mut self, name: &GroupName, span: &Range<usize>) -> Vec<Requirement> {
        let Some((name, _)) = self.written.get_key_value(name) else {
            let known = self.written.keys().map(GroupName::as_str);
            let nearest = nearest(name.as_str(), known).map(str::to_owned);
            self.reader
                .report(span.clone(), ProjectProblem::UnknownGroup { name: name.to_string(), nearest });
            return Vec::new();
        };
        if let Some(start) = self.path.iter().position(|outer| *outer == name) {
            let path = self.path[start..].iter().chain([&name]).map(ToString::to_string).collect();
            self.reader.report(span.clone(), ProjectProblem::GroupCycle { name: name.to_string(), path });
            return Vec::new();
        }
        self.expand(name);
        self.expanded.get(name).cloned().unwrap_or_default()
    }
}
