//! ELF files (System V ABI, chapters 4 and 5), read with the `object` crate.
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;

use invar_formats::elf::Elf;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use serde_json::json;

use super::{Inside, SectionChange, ValueChange};

/// How many sections and symbols are looked at.
const LOOKED_AT: usize = 200_000;

/// How many names of symbols are kept.
const SYMBOLS: usize = 100;

pub(super) fn compare(old: &[u8], new: &[u8]) -> Option<Inside> {
    let needed = (needed(old), needed(new));
    let (old, new) = (object::File::parse(old).ok()?, object::File::parse(new).ok()?);
    let headers = headers(&old, needed.0)
        .into_iter()
        .zip(self::headers(&new, needed.1))
        .filter(|((_, one), (_, two))| one != two)
        .map(|((key, one), (_, two))| ValueChange {
            key: key.to_owned(),
            old: Some(json!(one)),
            new: Some(json!(two)),
        })
        .collect();
    let (old_symbols, new_symbols) = (symbols(&old), symbols(&new));
    let only = |one: &BTreeSet<String>, two: &BTreeSet<String>| -> Vec<String> {
        one.difference(two).take(SYMBOLS).cloned().collect()
    };
    Some(Inside::Elf {
        headers,
        sections: sections(&old, &new),
        symbols_added: only(&new_symbols, &old_symbols),
        symbols_removed: only(&old_symbols, &new_symbols),
    })
}

fn headers(file: &object::File<'_>, needed: String) -> [(&'static str, String); 4] {
    let build_id = file.build_id().ok().flatten().unwrap_or_default();
    [
        ("architecture", format!("{:?}", file.architecture())),
        ("kind", format!("{:?}", file.kind())),
        ("build-id", invar_tree::hex(build_id)),
        ("needed libraries", needed),
    ]
}

/// The libraries that it names as those it needs.
fn needed(bytes: &[u8]) -> String {
    let mut reader = Cursor::new(bytes);
    let names = Elf::open(&mut reader).ok().flatten().and_then(|mut elf| elf.needed_libraries().ok());
    let names = names.unwrap_or_default();
    names.iter().map(|name| String::from_utf8_lossy(name)).collect::<Vec<_>>().join(" ")
}

fn sections(old: &object::File<'_>, new: &object::File<'_>) -> Vec<SectionChange> {
    // Sections may share a name; then they are compared as one.
    fn of<'a>(file: &object::File<'a>) -> BTreeMap<String, (u64, Vec<&'a [u8]>)> {
        let mut found: BTreeMap<String, (u64, Vec<&'a [u8]>)> = BTreeMap::new();
        for section in file.sections().take(LOOKED_AT) {
            let name = section.name().unwrap_or("(no name)").to_owned();
            let known = found.entry(name).or_default();
            known.0 = known.0.saturating_add(section.size());
            known.1.push(section.data().unwrap_or_default());
        }
        found
    }
    let (old, new) = (of(old), of(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| SectionChange {
            name: name.clone(),
            old: old.get(name).map(|(size, _)| *size),
            new: new.get(name).map(|(size, _)| *size),
        })
        .collect()
}

fn symbols(file: &object::File<'_>) -> BTreeSet<String> {
    let all = file.symbols().chain(file.dynamic_symbols()).take(LOOKED_AT);
    all.filter_map(|symbol| symbol.name().ok().map(str::to_owned)).filter(|name| !name.is_empty()).collect()
}
