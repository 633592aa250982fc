//! Which modules import which, and where that goes round in a circle.
use std::collections::{BTreeMap, BTreeSet};

use super::source::{Modules, Name};

/// Sibling modules that import each other, directly or through others.
#[derive(Debug, PartialEq, Eq)]
pub struct Cycle {
    /// The module that they are in; empty for the crate's root.
    pub parent: Name,
    /// Their names, sorted.
    pub members: Vec<String>,
    /// One place for each import among them.
    pub imports: Vec<String>,
}

impl Cycle {
    /// Its modules as one text: `parent: one two`.
    pub fn title(&self) -> String {
        let parent = if self.parent.is_empty() { String::new() } else { self.parent.join("::") + ": " };
        parent + &self.members.join(" ")
    }
}

/// The imports among the modules of each parent: from one to another, with the first place.
type Edges<'a> = BTreeMap<&'a [String], BTreeMap<&'a str, BTreeMap<String, String>>>;

/// The names that were looked up on the way, and where.
type Seen = BTreeSet<(Name, String)>;

/// All cycles of a crate. What a module and the module above it have of each other does not count.
pub fn cycles(modules: &Modules) -> Vec<Cycle> {
    let mut found = Vec::new();
    for (parent, edges) in &edges(modules) {
        let mut seen = BTreeSet::new();
        for start in edges.keys() {
            let members: Vec<String> = reachable(edges, start)
                .into_iter()
                .filter(|other| reachable(edges, other).contains(*start))
                .collect();
            if members.is_empty() || !seen.insert(members.clone()) {
                continue;
            }
            let within = |from: &str, to: &String| members.iter().any(|m| m == from) && members.contains(to);
            let imports = edges.iter().flat_map(|(from, targets)| {
                targets.iter().filter(|(to, _)| within(from, to)).map(|(_, place)| place.clone())
            });
            found.push(Cycle { parent: parent.to_vec(), imports: imports.collect(), members });
        }
    }
    found
}

/// One place for each import among the children of `parent`.
pub fn imports_among(modules: &Modules, parent: &[String]) -> Vec<String> {
    let edges = edges(modules);
    edges.get(parent).into_iter().flat_map(BTreeMap::values).flat_map(BTreeMap::values).cloned().collect()
}

fn reachable(edges: &BTreeMap<&str, BTreeMap<String, String>>, start: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut pending = vec![start.to_owned()];
    while let Some(from) = pending.pop() {
        for to in edges.get(from.as_str()).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(to.clone()) {
                pending.push(to.clone());
            }
        }
    }
    reached
}

fn edges(modules: &Modules) -> Edges<'_> {
    let mut edges = Edges::new();
    for (name, module) in modules {
        let imports = module.imports.iter().map(|import| (&import.path, import.line));
        let mentions = module.mentions.iter().map(|mention| (&mention.path, mention.line));
        for (path, line) in imports.chain(mentions) {
            let Some((target, _)) = resolve(modules, name, path, &mut Seen::new()) else { continue };
            let common = name.iter().zip(&target).take_while(|(own, other)| own == other).count();
            let (Some(own), Some(other)) = (name.get(common), target.get(common)) else { continue };
            let place = format!("{own} -> {other}: {}:{line} has {}", module.file, path.join("::"));
            let parent = name.get(..common).unwrap_or_default();
            let targets = edges.entry(parent).or_default().entry(own.as_str()).or_default();
            targets.entry(other.clone()).or_insert(place);
        }
    }
    edges
}

/// The module that a path names (true), or that defines what it names (false); `None` for what is not of this crate.
fn resolve(modules: &Modules, from: &[String], path: &[String], seen: &mut Seen) -> Option<(Name, bool)> {
    let mut current = from.to_vec();
    let mut known = false;
    for (index, part) in path.iter().enumerate() {
        match part.as_str() {
            "crate" => current.clear(),
            "self" if index == 0 => {}
            "super" => _ = current.pop(),
            _ => match look_up(modules, &current, part, seen) {
                Some((module, true)) => current = module,
                Some((module, false)) => return Some((module, false)),
                // What a macro defines is not seen here: it is taken to be where the path leads.
                None => return known.then_some((current, false)),
            },
        }
        known = true;
    }
    Some((current, true))
}

/// What a name means in a module: another module (true), or something that the given module defines (false).
fn look_up(modules: &Modules, within: &[String], name: &str, seen: &mut Seen) -> Option<(Name, bool)> {
    let module = modules.get(within)?;
    if module.children.contains(name) {
        return Some(([within, &[name.to_owned()]].concat(), true));
    }
    if module.items.contains(name) {
        return Some((within.to_vec(), false));
    }
    // Two imports can lead to each other where one of them means a crate from elsewhere.
    if !seen.insert((within.to_vec(), name.to_owned())) {
        return None;
    }
    if let Some(import) = module.imports.iter().find(|import| import.alias.as_deref() == Some(name)) {
        return resolve(modules, within, &import.path, seen);
    }
    module.imports.iter().filter(|import| import.alias.is_none()).find_map(|import| {
        let (target, true) = resolve(modules, within, &import.path, seen)? else { return None };
        if target == within { None } else { look_up(modules, &target, name, seen) }
    })
}
