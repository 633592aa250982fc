use std::collections::BTreeMap;

use crate::finding::Finding;
use crate::rule::Rule;

/// Findings that are kept at most of one file; a hostile file could make very many.
const LIMIT: usize = 10_000;

/// The findings of a Dockerfile and its scripts, as they are created.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    /// The findings, each with the script that it is in.
    pub findings: Vec<(Option<usize>, Finding)>,
    causes: BTreeMap<(Option<usize>, Rule, String), usize>,
    /// The script that is looked at; none where it is the Dockerfile.
    pub script: Option<usize>,
}

impl Findings {
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
