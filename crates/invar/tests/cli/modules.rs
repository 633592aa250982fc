//! Modules that are beside each other in a crate do not import each other in a circle.
//!
//! The rule holds at each level of a crate's tree: where `a::b::x` imports from `a::c`, `b` imports its sibling `c`.
//! What a module has of those above or below it does not count: a parent names its children, and they may use what it
//! defines for all of them.
mod commands;
mod graph;
mod lexer;
mod source;

use std::path::{Path, PathBuf};

use graph::{Cycle, cycles};
use source::{Modules, Name, read_crate, read_module};

/// Cycles that are known and not yet mended: the crate, and the modules. Each must still be there.
const KNOWN: &[(&str, &str)] = &[];

/// The files that crates begin with, and the names of the crates.
fn roots() -> Vec<(String, PathBuf)> {
    let crates =
        Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in a directory of crates");
    let entries = crates.read_dir().expect("the directory can be read");
    let mut roots = Vec::new();
    for entry in entries {
        let path = entry.expect("the directory can be read").path();
        let name = path.file_name().expect("it has a name").to_string_lossy().into_owned();
        let files = ["lib.rs", "main.rs"].map(|file| path.join("src").join(file));
        roots.extend(files.into_iter().filter(|file| file.is_file()).map(|file| (name.clone(), file)));
    }
    roots.push(("xtask".to_owned(), crates.with_file_name("xtask").join("src/main.rs")));
    roots.sort();
    roots
}

#[test]
fn modules_import_each_other_in_no_circle() {
    let mut found = Vec::new();
    let mut report = String::new();
    for (name, root) in roots() {
        for cycle in cycles(&read_crate(&root)) {
            let entry = (name.clone(), cycle.title());
            if !KNOWN.contains(&(&entry.0, &entry.1)) {
                report += &format!("{name}: {}\n    {}\n", entry.1, cycle.imports.join("\n    "));
            }
            found.push(entry);
        }
    }
    assert!(report.is_empty(), "modules import each other:\n{report}");
    for (name, modules) in KNOWN {
        let there = found.contains(&((*name).to_owned(), (*modules).to_owned()));
        assert!(there, "{name} has no cycle `{modules}` any more: remove it from KNOWN");
    }
}

#[test]
fn every_crate_is_read_whole() {
    for (name, root) in roots() {
        let modules = read_crate(&root);
        assert!(modules.values().any(|module| !module.items.is_empty()), "{name} defines nothing");
    }
    let (_, root) = roots().into_iter().find(|(name, _)| name == "invar-tree").expect("the crate is there");
    let modules = read_crate(&root);
    let merge = modules.get(&name("merge")).expect("the module is there");
    assert!(merge.items.contains("merge"), "{merge:?}");
}

fn name(path: &str) -> Name {
    path.split("::").filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect()
}

/// A crate of these modules: name and source. The root must be among them, with the empty name.
fn written(sources: &[(&str, &str)]) -> Modules {
    let mut modules = Modules::new();
    for (path, source) in sources {
        read_module(&mut modules, &name(path), path, source);
    }
    modules
}

#[track_caller]
fn check(sources: &[(&str, &str)], expected: &[&str]) {
    let titles: Vec<String> = cycles(&written(sources)).iter().map(Cycle::title).collect();
    assert_eq!(titles, expected);
}

#[test]
fn a_cycle_is_seen_with_its_places() {
    let modules = written(&[
        ("", "mod a; mod b; mod c; mod d;"),
        ("a", "use crate::b::B;\npub struct A(B);"),
        ("b", "use crate::c;\npub struct B(c::C);"),
        ("c", "use crate::a::A; use crate::d::D;\npub struct C(Box<A>, D);"),
        ("d", "pub struct D;"),
    ]);
    let found = cycles(&modules);
    let imports = ["a -> b: a:1 has crate::b::B", "b -> c: b:1 has crate::c", "c -> a: c:1 has crate::a::A"];
    let expected = Cycle {
        parent: Name::new(),
        members: ["a", "b", "c"].map(ToOwned::to_owned).to_vec(),
        imports: imports.map(ToOwned::to_owned).to_vec(),
    };
    assert_eq!(found, [expected]);
}

/// Each way to write that `a` needs `b`, with a `b` that needs `a`.
#[test]
fn each_way_to_name_a_module_counts() {
    for import in [
        "use crate::b::B;",
        "use crate::{b::{B, C as _}};",
        "use super::b::{self, B};",
        "use super::b as other;",
        "use crate::b::*;",
        "pub(crate) use self::super::b::B;",
        "fn f() { use crate::b::B; }",
        "fn f() -> crate::b::B { todo!() }",
        "fn f() { let _ = super::b::B; }",
        "fn f() { print!(\"{}\", crate::b::f()); }",
        "fn f<'a>(x: &'a str) -> char { crate::b::g('\\'', '\"') }",
        "impl<T: Into<crate::b::B>> X for T {}",
        "use crate as root; fn f() { root::b::f() }",
        "use crate::B;",
        "fn f() { crate::B::new() }",
        "mod inner { use super::super::b::B; }",
        "#[serde(with = \"crate::b\")] struct A;",
        "#[derive(crate::b::Derive)] struct A;",
        "fn f() { let text = r#\"\"#; crate::b::f(\"\\\"\") }",
        "macro_rules! m { () => { $crate::b::B } }",
        "#[cfg(not(test))] use crate::b::B;",
    ] {
        let root = "mod a; mod b; pub use b::B;";
        check(&[("", root), ("a", import), ("b", "use crate::a; pub struct B;")], &["a b"]);
    }
}

/// Each text in which `a` does not need `b`.
#[test]
fn what_is_no_import_does_not_count() {
    for text in [
        "// use crate::b::B;",
        "/* /* */ use crate::b::B; */",
        "const A: &str = \"crate::b::B\";",
        "const A: &str = r##\"\" \"# crate::b::B\"##;",
        "#[cfg(test)] use crate::b::B;",
        "#[cfg(test)] mod tests { use crate::b::{B}; fn f() {} }",
        "#[cfg(test)] mod tests { fn f() {} } mod inner { #[test] fn f() { crate::b::f() } }",
        "#[cfg(test)] impl A { fn f() { crate::b::f() } }",
        "#[cfg(test)] const A: B = B { b: crate::b::B };",
        "#![cfg(test)] use crate::b::B; mod more { use crate::b::B; }",
        "struct A { #[cfg(test)] b: crate::b::B, c: u8 }",
        "/// [`crate::b::B`]\nstruct A;",
        "use b::B;",
        "use ::b::B;",
        "use elsewhere::b::B;",
        "use crate::C;",
        "use super::*;",
    ] {
        check(&[("", "mod a; mod b; struct C;"), ("a", text), ("b", "use crate::a;")], &[]);
    }
}

#[test]
fn an_import_counts_where_its_way_leaves_that_of_the_importer() {
    let siblings = [
        ("", "mod a;"),
        ("a", "mod one; mod two; pub use two::Two; use one::One; pub struct A;"),
        ("a::one", "use super::Two; use super::A; mod deep;"),
        ("a::one::deep", "use crate::a::A;"),
        ("a::two", "use super::one::deep::Deep;"),
    ];
    check(&siblings, &["a: one two"]);
    let cousins = [
        ("", "mod a; mod b;"),
        ("a", "mod one;"),
        ("a::one", "use crate::b::two::Two;"),
        ("b", "pub mod two; mod three;"),
        ("b::two", "pub struct Two;"),
        ("b::three", "use crate::a::one::One;"),
    ];
    check(&cousins, &["a b"]);
}

#[test]
fn a_re_export_counts_for_the_module_that_defines() {
    let named = [
        ("", "mod a; mod b; mod c;"),
        ("a", "use crate::b::C;"),
        ("b", "pub use crate::c::Real as C;"),
        ("c", "use crate::a::A; pub struct Real;"),
    ];
    check(&named, &["a c"]);
    let all = [
        ("", "mod a; mod b; mod c;"),
        ("a", "use crate::b::C; pub struct A;"),
        ("b", "pub use crate::c::*; use crate::a::A;"),
        ("c", "pub struct C;"),
    ];
    check(&all, &[]);
}
