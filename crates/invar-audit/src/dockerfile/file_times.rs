//! The times of files and of the image.
use invar_dockerfile::{InstructionKind, Stages};

use crate::finding::Finding;
use crate::findings::Findings;
use crate::rule::Rule;

const EPOCH: &str = "SOURCE_DATE_EPOCH";

pub(super) fn check(stages: &Stages<'_>, found: &mut Findings) {
    let names_it = |kind: &InstructionKind| match kind {
        InstructionKind::Arg(all) | InstructionKind::Env(all) => {
            all.iter().any(|assignment| assignment.name.text == EPOCH)
        }
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
