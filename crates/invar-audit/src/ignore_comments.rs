//! `# invar: ignore=RULE[,RULE]`: comments that excuse findings.
//!
//! On a line of its own it is about the next line that is neither blank nor a comment, and, where an instruction starts
//! there, about all of the instruction. At the end of a line it is about that line.
use std::collections::BTreeSet;

use invar_dockerfile::{LineIndex, Span};

use crate::finding::Finding;
use crate::rule::Rule;

const MARK: &str = "invar: ignore=";

/// A comment, and the part of the text that it is about.
struct IgnoreComment {
    rule: Rule,
    name: Span,
    covers: Span,
    used: bool,
}

/// Takes out of `findings` what comments of `text` excuse, and says how many; adds findings about the comments
/// themselves. `scopes` are the instructions.
pub(crate) fn apply(text: &str, findings: Vec<Finding>, scopes: &[Span]) -> (Vec<Finding>, usize) {
    let (mut excuses, mut kept) = excuses(text, scopes);
    let mut ignored = 0;
    for finding in findings {
        let covers = |excuse: &&mut IgnoreComment| {
            excuse.rule == finding.rule
                && finding
                    .span
                    .is_some_and(|span| span.start >= excuse.covers.start && span.start < excuse.covers.end)
        };
        match excuses.iter_mut().find(covers) {
            Some(excuse) => {
                excuse.used = true;
                ignored += 1;
            }
            None => kept.push(finding),
        }
    }
    for excuse in excuses.into_iter().filter(|excuse| !excuse.used) {
        let message = format!("no finding of the rule {} here", excuse.rule.name());
        kept.push(Finding::new(Rule::UnusedIgnore, excuse.name, message));
    }
    (kept, ignored)
}

fn excuses(text: &str, scopes: &[Span]) -> (Vec<IgnoreComment>, Vec<Finding>) {
    let (mut excuses, mut wrong) = (Vec::new(), Vec::new());
    if !text.contains(MARK) {
        return (excuses, wrong);
    }
    let lines = lines(text);
    let index = LineIndex::of(text);
    for (number, line) in lines.iter().enumerate() {
        let content = &text[line.range()];
        let Some(mark) = comment_with_mark(content) else { continue };
        let own_line = content.trim_start().starts_with('#');
        let target = if own_line { next_line(text, &lines, number) } else { Some(*line) };
        let scope = target.and_then(|target| {
            scopes.iter().find(|scope| index.line(scope.start) == index.line(target.start) && own_line)
        });
        let covers = scope.copied().or(target).unwrap_or(*line);
        let mut at = line.start + mark + MARK.len();
        let names = content[mark + MARK.len()..].split_whitespace().next().unwrap_or_default();
        for name in names.split(',') {
            let span = Span::new(at, at + name.len());
            at += name.len() + 1;
            match Rule::named(name) {
                Some(rule) => excuses.push(IgnoreComment { rule, name: span, covers, used: false }),
                None => wrong.push(unknown(name, span)),
            }
        }
    }
    (excuses, wrong)
}

fn unknown(name: &str, span: Span) -> Finding {
    let finding = Finding::new(Rule::UnknownRuleInIgnore, span, format!("unknown rule `{name}`"));
    match nearest(name) {
        Some(rule) => finding.with_fix(format!("Did you mean `{}`?", rule.name())),
        None => finding,
    }
}

/// The rule that shares most words with `name`.
fn nearest(name: &str) -> Option<Rule> {
    let words = |name: &str| name.split('-').map(str::to_owned).collect::<BTreeSet<_>>();
    let wanted = words(name);
    let shared = |rule: &Rule| words(rule.name()).intersection(&wanted).count();
    Rule::ALL.iter().copied().max_by_key(shared).filter(|rule| shared(rule) > 0)
}

/// Where the mark starts, if it is in a comment: after a `#` that begins the line or follows a blank.
fn comment_with_mark(line: &str) -> Option<usize> {
    let mark = line.find(MARK)?;
    let before = line[..mark].trim_end();
    let is_comment = before.ends_with('#') && {
        let rest = before.trim_end_matches('#');
        rest.is_empty() || rest.ends_with([' ', '\t'])
    };
    is_comment.then_some(mark)
}

/// The lines of the text, with their ends.
fn lines(text: &str) -> Vec<Span> {
    let mut start = 0;
    let spans = text.split_inclusive('\n').map(|line| {
        let span = Span::new(start, start + line.len());
        start = span.end;
        span
    });
    spans.collect()
}

fn next_line(text: &str, lines: &[Span], number: usize) -> Option<Span> {
    let is_code = |line: &&Span| {
        let content = text[line.range()].trim();
        !content.is_empty() && !content.starts_with('#')
    };
    lines[number + 1..].iter().find(is_code).copied()
}
