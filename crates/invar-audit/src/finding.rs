//! What is found, and where.
use invar_dockerfile::{LineIndex, Span};

use crate::rule::{Level, Rule};

/// One thing that can change the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that it breaks.
    pub rule: Rule,
    /// How severe it is here; at most the level of the rule.
    pub level: Level,
    /// Where it stands; `None` where it is about the file or image as a whole.
    pub span: Option<Span>,
    /// What it is, with its names.
    pub message: String,
    /// What to do, where that can be said more exactly than by the rule.
    pub fix: Option<String>,
    /// Other places with the same cause, in the order of the text.
    pub also: Vec<Span>,
}

impl Finding {
    /// A finding at `span`, at the level of the rule.
    pub fn new(rule: Rule, span: Span, message: impl Into<String>) -> Self {
        let level = rule.definition().level;
        Self { rule, level, span: Some(span), message: message.into(), fix: None, also: Vec::new() }
    }

    /// A finding about all of it.
    pub fn of_all(rule: Rule, message: impl Into<String>) -> Self {
        Self { span: None, ..Self::new(rule, Span::default(), message) }
    }

    /// The same, less severe.
    #[must_use]
    pub fn at_level(mut self, level: Level) -> Self {
        self.level = level.min(self.rule.definition().level);
        self
    }

    /// The same, with its own remedy.
    #[must_use]
    pub fn with_fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// What to do.
    pub fn remedy(&self) -> &str {
        self.fix.as_deref().unwrap_or(self.rule.definition().fix)
    }
}

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
        let (mut findings, ignored) = crate::ignore_comments::apply(&text, findings, scopes);
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
