//! The library that stands in for nixpkgs': what its functions give, by us and, in `real`, by Nix itself.

mod expressions;
mod real;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expressions::EXPRESSIONS;
use invar_flake::{Flake, OutputKind, Purpose};
use invar_nix::on_deep_stack;

/// What a flake sees of the library.
fn ours() -> Vec<String> {
    let mut flake =
        "{ outputs = { nixpkgs, ... }: let inherit (nixpkgs) lib; in { packages.x86_64-linux = {\n"
            .to_owned();
    for (index, (expression, _)) in EXPRESSIONS.iter().enumerate() {
        let _ = writeln!(flake, "t{index} = builtins.toJSON ({expression});");
    }
    flake.push_str("}; }; }");
    on_deep_stack(|| {
        let mut flake = Flake::read(&flake, &BTreeMap::new()).unwrap_or_else(|error| panic!("{error}"));
        let mut read = |index: usize| match flake.output(&format!("t{index}"), Purpose::Build) {
            Ok(output) => match output.kind {
                OutputKind::Value(datum) => datum.text().unwrap_or_default().to_owned(),
                other => format!("{other:?}"),
            },
            Err(error) => error.to_string(),
        };
        (0..EXPRESSIONS.len()).map(&mut read).collect()
    })
}

#[test]
fn functions_give_what_nixpkgs_documents() {
    let mut wrong = String::new();
    for ((expression, expected), found) in EXPRESSIONS.iter().zip(ours()) {
        if *expected != found {
            let _ = writeln!(wrong, "{expression}\n  expected {expected}\n  found    {found}");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
