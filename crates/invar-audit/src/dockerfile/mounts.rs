//! `RUN --mount`: images that are mounted, and caches that keep more than downloads.
use invar_dockerfile::{InstructionKind, Stages};

use crate::finding::Finding;
use crate::findings::Findings;
use crate::pins::not_pinned;
use crate::rule::Rule;
use crate::surroundings::Surroundings;

/// Folders, by their last name, in which builds leave results.
const RESULTS: [&str; 11] =
    ["target", "node_modules", "build", "dist", "out", ".next", ".venv", "venv", "_build", "bin", "obj"];

pub(super) fn check(stages: &Stages<'_>, surroundings: &Surroundings<'_>, found: &mut Findings) {
    for stage in &stages.stages {
        for instruction in stage.instructions {
            if !matches!(instruction.kind, InstructionKind::Run(_)) {
                continue;
            }
            for flag in instruction.flags.iter().filter(|flag| flag.name == "mount") {
                let Some(value) = &flag.value else { continue };
                let field = |names: &[&str]| {
                    let pairs = value.text.split(',').filter_map(|part| part.trim().split_once('='));
                    pairs.filter(|(name, _)| names.contains(name)).map(|(_, value)| value).next()
                };
                if let Some(from) = field(&["from"])
                    && stages.find(from, stage.index).is_none()
                    && from.parse::<usize>().is_err()
                    && !surroundings.has_context(from)
                    && let Some(finding) = not_pinned(from, Rule::CopyFromNotPinned, flag.span)
                {
                    found.push_once(from, finding);
                }
                if field(&["type"]) != Some("cache") {
                    continue;
                }
                let target =
                    field(&["target", "dst", "destination"]).unwrap_or_default().trim_end_matches('/');
                if RESULTS.contains(&target.rsplit('/').next().unwrap_or_default()) {
                    let message = format!("this reuses what earlier builds left in `{target}`");
                    found.push(Finding::new(Rule::CacheMountState, flag.span, message));
                }
            }
        }
    }
}
