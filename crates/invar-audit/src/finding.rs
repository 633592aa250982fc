//! What is found, and where.
use invar_dockerfile::Span;

use crate::rule::{Level, Rule};

/// One thing that can change the result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule that it breaks.
    pub rule: Rule,
    /// How severe it is here; at most the level of the rule.
    pub level: Level,
    /// Where it is; `None` where it is about the file or image as a whole.
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
