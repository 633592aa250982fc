//! The audit of a Dockerfile.
mod arguments;
mod bases;
mod call;
mod copies;
mod file_times;
mod mounts;
mod trail;

use std::collections::BTreeMap;

use invar_dockerfile::{BuildArguments, ParseError, Span, StageFault, Stages, parse};

pub(crate) use bases::not_pinned;
pub(crate) use call::{Argument, Call, Inside};
pub(crate) use copies::is_commit;
pub(crate) use trail::{Trail, is_python};

use crate::finding::{Finding, Report};
use crate::rule::Rule;
use crate::surroundings::Surroundings;
use crate::tools;

/// Findings that are kept at most of one file; a hostile file could make very many.
const LIMIT: usize = 10_000;

/// A Dockerfile that cannot be audited, since no builder would build it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DockerfileError {
    /// It cannot be read.
    #[error("{0}")]
    Parse(#[from] ParseError),
    /// Its stages cannot be made out.
    #[error("{0}")]
    Stages(#[from] StageFault),
    /// It runs more commands than are read.
    #[error("the file runs more than {limit} commands")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

impl DockerfileError {
    /// Where the fault is.
    pub fn span(&self) -> Option<Span> {
        match self {
            Self::Parse(error) => Some(error.span),
            Self::Stages(StageFault::Expansion { span, .. }) => Some(*span),
            Self::Stages(_) | Self::TooMany { .. } => None,
        }
    }
}

/// Audits the Dockerfile `file`, which people know as `name`.
///
/// # Errors
/// [`DockerfileError`].
pub fn audit_dockerfile(
    name: &str,
    file: &[u8],
    arguments: &BuildArguments,
    surroundings: &Surroundings<'_>,
) -> Result<Report, DockerfileError> {
    let looked = look_at(file, arguments, surroundings)?;
    // The parser took it as text.
    let text = String::from_utf8_lossy(file).into_owned();
    Ok(Report::new(name, text, looked.findings, &looked.scopes))
}

/// What a Dockerfile holds.
pub(crate) struct LookedAt {
    pub findings: Vec<Finding>,
    /// Its instructions.
    pub scopes: Vec<Span>,
}

/// The audit, without what comments excuse.
pub(crate) fn look_at(
    file: &[u8],
    arguments: &BuildArguments,
    surroundings: &Surroundings<'_>,
) -> Result<LookedAt, DockerfileError> {
    let parsed = parse(file)?;
    let stages = Stages::of(&parsed, arguments)?;
    let text = String::from_utf8_lossy(file);
    let trail = Trail::of(&parsed, &stages, &text);
    if trail.calls.len() >= trail::LIMIT {
        return Err(DockerfileError::TooMany { limit: trail::LIMIT });
    }
    let mut found = Found::default();
    bases::check(&parsed, &stages, surroundings, &mut found);
    arguments::check(&stages, &mut found);
    copies::check(&stages, surroundings, &mut found);
    mounts::check(&stages, surroundings, &mut found);
    file_times::check(&stages, &mut found);
    for call in &trail.calls {
        tools::check(call, &trail, surroundings, &mut found);
    }
    let scopes = parsed.instructions.iter().map(|instruction| instruction.span).collect();
    Ok(LookedAt { findings: found.findings, scopes })
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub findings: Vec<Finding>,
    causes: BTreeMap<(Rule, String), usize>,
}

impl Found {
    pub(crate) fn push(&mut self, finding: Finding) {
        if self.findings.len() < LIMIT {
            self.findings.push(finding);
        }
    }

    /// Adds a finding unless one of its rule has the same cause; then only its place is added to that one.
    pub(crate) fn push_once(&mut self, cause: &str, finding: Finding) {
        match self.causes.get(&(finding.rule, cause.to_owned())) {
            Some(first) => {
                if let Some(first) = self.findings.get_mut(*first) {
                    first.also.extend(finding.span);
                }
            }
            None => {
                self.causes.insert((finding.rule, cause.to_owned()), self.findings.len());
                self.push(finding);
            }
        }
    }
}
