//! Whether a name means the same content for ever.
use invar_dockerfile::{ImageReference, Span};

use crate::finding::Finding;
use crate::rule::{Level, Rule};

/// Whether the text is a git commit's full name.
pub(crate) fn is_commit(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A finding of `rule`, unless `name` names an image by its digest.
pub(crate) fn not_pinned(name: &str, rule: Rule, span: Span) -> Option<Finding> {
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
