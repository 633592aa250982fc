//! The audit of a Dockerfile.
mod arguments;
mod bases;
mod call;
mod copies;
mod file_times;
mod mounts;
mod scripts;
mod trail;
mod wrappers;

use std::collections::BTreeMap;

use invar_dockerfile::{BuildArguments, ParseError, Span, StageFault, Stages, parse};

pub(crate) use bases::not_pinned;
pub(crate) use call::{Argument, Call, Inside};
pub(crate) use copies::is_commit;
pub(crate) use trail::Trail;
pub(crate) use wrappers::is_python;

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

/// A Dockerfile after its audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// What was found in the file itself.
    pub report: Report,
    /// What was found in the shell scripts of the build's folder that it runs. Their names are paths from that folder.
    pub scripts: Vec<Report>,
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
) -> Result<Audited, DockerfileError> {
    let looked = look_at(file, arguments, surroundings)?;
    // The parser took it as text.
    let text = String::from_utf8_lossy(file).into_owned();
    let report = Report::new(name, text, looked.findings, &looked.scopes);
    Ok(Audited { report, scripts: looked.scripts })
}

/// What a Dockerfile holds.
pub(crate) struct LookedAt {
    pub findings: Vec<Finding>,
    /// Its instructions.
    pub scopes: Vec<Span>,
    /// The scripts that it runs.
    pub scripts: Vec<Report>,
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
    let trail = Trail::of(&parsed, &stages, &text, surroundings);
    if trail.calls.iter().filter(|call| call.script.is_none()).count() >= trail::LIMIT {
        return Err(DockerfileError::TooMany { limit: trail::LIMIT });
    }
    let mut found = Found::default();
    bases::check(&parsed, &stages, surroundings, &mut found);
    arguments::check(&stages, &mut found);
    copies::check(&stages, surroundings, &mut found);
    mounts::check(&stages, surroundings, &mut found);
    file_times::check(&stages, &mut found);
    for call in &trail.calls {
        found.script = call.script;
        tools::check(call, &trail, surroundings, &mut found);
    }
    let scopes = parsed.instructions.iter().map(|instruction| instruction.span).collect();
    let mut own = Vec::new();
    let mut of_scripts = vec![Vec::new(); trail.scripts.len()];
    for (script, finding) in found.findings {
        match script.and_then(|number| of_scripts.get_mut(number)) {
            Some(findings) => findings.push(finding),
            None => own.push(finding),
        }
    }
    let report =
        |(script, findings): (scripts::Read, _)| Report::new(script.path, script.text, findings, &[]);
    let scripts = trail.scripts.into_iter().zip(of_scripts).map(report).collect();
    Ok(LookedAt { findings: own, scopes, scripts })
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The findings, each with the script that it is in.
    findings: Vec<(Option<usize>, Finding)>,
    causes: BTreeMap<(Option<usize>, Rule, String), usize>,
    /// The script that is looked at; none where it is the Dockerfile.
    script: Option<usize>,
}

impl Found {
    pub(crate) fn push(&mut self, finding: Finding) {
        if self.findings.len() < LIMIT {
            self.findings.push((self.script, finding));
        }
    }

    /// Adds a finding unless one of its rule in the same file has the same cause; then only its place is added to that one.
    pub(crate) fn push_once(&mut self, cause: &str, finding: Finding) {
        let key = (self.script, finding.rule, cause.to_owned());
        match self.causes.get(&key) {
            Some(first) => {
                if let Some((_, first)) = self.findings.get_mut(*first) {
                    first.also.extend(finding.span);
                }
            }
            None => {
                self.causes.insert(key, self.findings.len());
                self.push(finding);
            }
        }
    }
}
