//! The times of files and of the image.
use invar_dockerfile::{Kind, Stages};

use crate::dockerfile::Found;
use crate::finding::Finding;
use crate::rule::Rule;

const EPOCH: &str = "SOURCE_DATE_EPOCH";

pub(super) fn check(stages: &Stages<'_>, found: &mut Found) {
    let names_it = |kind: &Kind| match kind {
        Kind::Arg(all) | Kind::Env(all) => all.iter().any(|assignment| assignment.name.text == EPOCH),
        _ => false,
    };
    let mut kinds =
        stages.stages.iter().flat_map(|stage| stage.instructions).map(|instruction| &instruction.kind);
    if stages.globals.get(EPOCH).is_some() || kinds.any(names_it) {
        return;
    }
    let Some(last) = stages.stages.last() else { return };
    let message = "files and the image contain the time of the build";
    found.push(Finding::new(Rule::FileTimes, last.from.span, message));
}
