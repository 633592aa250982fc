//! What stages start from, and what reads the file.
use invar_dockerfile::{Base, Dockerfile, ImageReference, Kind, Stages};

use crate::dockerfile::Found;
use crate::finding::Finding;
use crate::rule::{Level, Rule};
use crate::surroundings::Surroundings;

pub(super) fn check(
    file: &Dockerfile,
    stages: &Stages<'_>,
    surroundings: &Surroundings<'_>,
    found: &mut Found,
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
        let Kind::From { image, .. } = &stage.from.kind else { continue };
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

/// A finding of `rule`, unless `name` names an image by its digest.
pub(crate) fn not_pinned(name: &str, rule: Rule, span: invar_dockerfile::Span) -> Option<Finding> {
    let (what, level) = match ImageReference::parse(name) {
        Ok(image) if image.digest.is_some() => return None,
        Ok(image) => match image.tag.as_deref() {
            None => (format!("`{name}` has no tag or digest, so it resolves to `latest`"), Level::Error),
            Some("latest") => (format!("`{name}` is whatever was pushed last"), Level::Error),
            Some(_) => (format!("`{name}` is referenced by a tag, which can move"), Level::Error),
        },
        Err(_) => (format!("`{name}` has no digest"), Level::Error),
    };
    let short = name.split('@').next().unwrap_or(name);
    let fix = format!(
        "Pin the digest: `{short}@sha256:...`. `docker buildx imagetools inspect {short}` shows the digest."
    );
    Some(Finding::new(rule, span, what).at_level(level).with_fix(fix))
}
