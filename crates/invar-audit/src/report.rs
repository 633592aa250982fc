use invar_dockerfile::{LineIndex, Span};

use crate::finding::Finding;
use crate::ignore_comments;
use crate::rule::Level;

/// A text that was read, or an image, and what was found in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its name, for people: a path, mostly.
    pub name: String,
    /// The text; empty for an image.
    pub text: String,
    /// What was found, in the order of the text.
    pub findings: Vec<Finding>,
    /// How many findings comments have excused.
    pub ignored: usize,
}

impl Report {
    /// The report of a text: sorts what was found, and takes out what comments excuse.
    pub fn new(
        name: impl Into<String>,
        text: impl Into<String>,
        findings: Vec<Finding>,
        scopes: &[Span],
    ) -> Self {
        let (name, text) = (name.into(), text.into());
        let (mut findings, ignored) = ignore_comments::apply(&text, findings, scopes);
        findings.sort_by_key(|finding| (finding.span.map(|span| (span.start, span.end)), finding.rule));
        Self { name, text, findings, ignored }
    }

    /// The most severe level found.
    pub fn worst(&self) -> Option<Level> {
        self.findings.iter().map(|finding| finding.level).max()
    }

    /// The line, from 1, of a finding.
    pub fn line(&self, finding: &Finding) -> Option<usize> {
        Some(LineIndex::of(&self.text).line(finding.span?.start))
    }
}
