//! Build arguments whose values come from outside.
use invar_dockerfile::{Assignment, InstructionKind, Stages};

use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::Rule;

/// Names that builders set or use themselves, and that are no choice of whoever builds.
const KNOWN: [&str; 15] = [
    "TARGETPLATFORM",
    "TARGETOS",
    "TARGETARCH",
    "TARGETVARIANT",
    "TARGETSTAGE",
    "BUILDPLATFORM",
    "BUILDOS",
    "BUILDARCH",
    "BUILDVARIANT",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "ALL_PROXY",
    "FTP_PROXY",
    "SOURCE_DATE_EPOCH",
];

pub(super) fn check(stages: &Stages<'_>, found: &mut Findings) {
    let mut open: Vec<&Assignment> = Vec::new();
    for stage in &stages.stages {
        for instruction in stage.instructions {
            let InstructionKind::Arg(declared) = &instruction.kind else { continue };
            for assignment in declared {
                let name = assignment.name.text.as_str();
                let set_elsewhere = stages.globals.text(name).is_some();
                let known =
                    KNOWN.contains(&name.to_ascii_uppercase().as_str()) || name.starts_with("BUILDKIT_");
                if assignment.value.is_none() && !set_elsewhere && !known {
                    open.push(assignment);
                }
            }
        }
    }
    let Some((first, rest)) = open.split_first() else { return };
    let mut names: Vec<&str> = open.iter().map(|assignment| assignment.name.text.as_str()).collect();
    names.dedup();
    let (shown, more) = names.split_at(names.len().min(4));
    let mut list = shown.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if !more.is_empty() {
        list.push_str(&format!(" and {} more", more.len()));
    }
    let message = format!("{list} has no default, so its value depends on who builds");
    let mut finding = Finding::new(Rule::ArgumentWithoutDefault, first.span, message);
    finding.also = rest.iter().map(|assignment| assignment.span).collect();
    found.push(finding);
}
