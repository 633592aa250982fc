//! What stages start from, and what reads the file.
use invar_dockerfile::{Base, Dockerfile, InstructionKind, Stages};

use crate::finding::Finding;
use crate::findings::Findings;
use crate::pins::not_pinned;
use crate::rule::Rule;
use crate::surroundings::Surroundings;

pub(super) fn check(
    file: &Dockerfile,
    stages: &Stages<'_>,
    surroundings: &Surroundings<'_>,
    found: &mut Findings,
) {
    if let Some(syntax) = file.directive("syntax") {
        // Only the first word names the front end.
        let name = syntax.value.split_whitespace().next().unwrap_or_default();
        if !name.contains("@sha256:") {
            let message = format!("the front end `{name}` can change the meaning of this file");
            found.push(Finding::new(Rule::FrontendNotPinned, syntax.value_span, message));
        }
    }
    for stage in stages.stages.iter().filter(|stage| stage.base == Base::Image) {
        let InstructionKind::From { image, .. } = &stage.from.kind else { continue };
        let name = &stage.base_name.text;
        if !stage.base_name.missing.is_empty() {
            let names =
                stage.base_name.missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let message = format!("the base of this stage depends on {names}, which has no value here");
            found.push_once(&image.text, Finding::new(Rule::BaseFromOutside, image.span, message));
            continue;
        }
        if surroundings.has_context(name) {
            continue;
        }
        if let Some(finding) = not_pinned(name, Rule::BaseNotPinned, image.span) {
            found.push_once(name, finding);
        }
    }
}
