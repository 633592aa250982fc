//! Commands do not import each other: what two of them need has a place of its own.
use super::graph::imports_among;
use super::source::read_crate;
use super::{name, roots, written};

#[test]
fn no_command_imports_another() {
    let (_, root) = roots().into_iter().find(|(name, _)| name == "invar").expect("the crate is there");
    let modules = read_crate(&root);
    assert!(modules[&name("commands")].children.len() > 4, "the commands are there");
    assert_eq!(imports_among(&modules, &name("commands")), Vec::<String>::new());
}

#[test]
fn an_import_of_another_command_is_seen() {
    let modules = written(&[
        ("", "mod commands; mod open;"),
        ("commands", "pub mod build; pub mod run;"),
        ("commands::build", "use crate::open::Open; pub fn print() {}"),
        ("commands::run", "use crate::open::Open; use super::build::print;"),
    ]);
    assert_eq!(
        imports_among(&modules, &name("commands")),
        ["run -> build: commands::run:1 has super::build::print"]
    );
}
