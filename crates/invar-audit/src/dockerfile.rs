//! The audit of a Dockerfile.
mod arguments;
mod bases;
mod copies;
mod file_times;
mod mounts;

use invar_dockerfile::{BuildArguments, ParseError, Span, StageFault, Stages, parse};

use crate::calls::{self, CallGraph, ScriptFile};
use crate::finding::Finding;
use crate::findings::Findings;
use crate::report::Report;
use crate::surroundings::Surroundings;
use crate::tools;

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
            Self::Stages(fault) => fault.span(),
            Self::TooMany { .. } => None,
        }
    }
}

/// A Dockerfile after its audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DockerfileAudit {
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
) -> Result<DockerfileAudit, DockerfileError> {
    let looked = look_at(file, arguments, surroundings)?;
    // The parser took it as text.
    let text = String::from_utf8_lossy(file).into_owned();
    let report = Report::new(name, text, looked.findings, &looked.scopes);
    Ok(DockerfileAudit { report, scripts: looked.scripts })
}

/// What a Dockerfile holds.
pub(crate) struct DockerfileFindings {
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
) -> Result<DockerfileFindings, DockerfileError> {
    let parsed = parse(file)?;
    let stages = Stages::of(&parsed, arguments)?;
    let text = String::from_utf8_lossy(file);
    let trail = CallGraph::of(&parsed, &stages, &text, surroundings);
    if trail.calls.iter().filter(|call| call.script.is_none()).count() >= calls::LIMIT {
        return Err(DockerfileError::TooMany { limit: calls::LIMIT });
    }
    let mut found = Findings::default();
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
    let report = |(script, findings): (ScriptFile, _)| Report::new(script.path, script.text, findings, &[]);
    let scripts = trail.scripts.into_iter().zip(of_scripts).map(report).collect();
    Ok(DockerfileFindings { findings: own, scopes, scripts })
}
