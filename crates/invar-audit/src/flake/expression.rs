//! What an expression says on its own: fetchers without hashes, and questions to the machine.
use rnix::ast::{Apply, AttrSet, Entry, Expr, HasEntry as _, Select};
use rnix::{SyntaxKind, SyntaxNode};
use rowan::ast::AstNode as _;

use crate::finding::Finding;
use crate::flake::span;
use crate::rule::Rule;

/// Fetchers of Nix itself, with the names of which one must be given.
const FETCHERS: [(&str, &[&str]); 5] = [
    ("fetchTarball", &["sha256", "narHash", "hash"]),
    ("fetchurl", &["sha256", "sha512", "hash"]),
    ("fetchGit", &["rev", "narHash"]),
    ("fetchMercurial", &["rev"]),
    ("fetchTree", &["rev", "narHash"]),
];
/// Fetchers that need no `builtins.` before their names.
const GLOBAL: [&str; 4] = ["fetchTarball", "fetchGit", "fetchMercurial", "fetchTree"];
const IMPURE: [&str; 5] = ["currentTime", "currentSystem", "getEnv", "storePath", "nixPath"];

pub(super) fn check(root: &SyntaxNode, findings: &mut Vec<Finding>) {
    for node in root.descendants() {
        match node.kind() {
            SyntaxKind::NODE_APPLY => fetcher(&node, findings),
            SyntaxKind::NODE_SELECT => impure(&node, findings),
            SyntaxKind::NODE_PATH_SEARCH => {
                let message = format!("`{}` is resolved through NIX_PATH", node.text());
                findings.push(Finding::new(Rule::NixImpure, span(node.text_range()), message));
            }
            SyntaxKind::NODE_STRING if node.text().to_string().contains("--impure") => {
                let message = "`--impure` lets the evaluation read the machine";
                findings.push(Finding::new(Rule::NixImpure, span(node.text_range()), message));
            }
            _ => {}
        }
    }
}

/// The name of what is selected from `builtins`.
fn of_builtins(select: &Select) -> Option<String> {
    let from = select.expr()?.syntax().text().to_string();
    (from == "builtins").then(|| select.attrpath().map(|path| path.syntax().text().to_string()))?
}

fn fetcher(node: &SyntaxNode, findings: &mut Vec<Finding>) {
    let Some(apply) = Apply::cast(node.clone()) else { return };
    let name = match apply.lambda() {
        Some(Expr::Select(select)) => of_builtins(&select),
        Some(Expr::Ident(ident)) => Some(ident.to_string()).filter(|name| GLOBAL.contains(&name.as_str())),
        _ => None,
    };
    let Some((name, pins)) = name.and_then(|name| FETCHERS.iter().find(|(fetcher, _)| *fetcher == name))
    else {
        return;
    };
    let missing = match apply.argument() {
        Some(Expr::Str(_) | Expr::PathAbs(_)) => true,
        Some(Expr::AttrSet(set)) => !gives_one_of(&set, pins),
        // What a name stands for is not looked up.
        _ => false,
    };
    if missing {
        let message = format!("`{name}` without `{}`", pins[0]);
        findings.push(Finding::new(Rule::NixFetchWithoutHash, span(node.text_range()), message));
    }
}

fn gives_one_of(set: &AttrSet, names: &[&str]) -> bool {
    set.entries().any(|entry| match entry {
        Entry::AttrpathValue(pair) => {
            pair.attrpath().is_some_and(|path| names.contains(&path.syntax().text().to_string().as_str()))
        }
        Entry::Inherit(inherit) => {
            inherit.attrs().any(|attr| names.contains(&attr.syntax().text().to_string().as_str()))
        }
    })
}

fn impure(node: &SyntaxNode, findings: &mut Vec<Finding>) {
    let name = Select::cast(node.clone()).and_then(|select| of_builtins(&select));
    if let Some(name) = name.filter(|name| IMPURE.contains(&name.as_str())) {
        let message = format!("`builtins.{name}` reads the machine");
        findings.push(Finding::new(Rule::NixImpure, span(node.text_range()), message));
    }
}
