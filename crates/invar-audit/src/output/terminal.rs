//! Findings on a terminal, with the lines that they are about.
use std::collections::BTreeSet;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level as Weight, Origin, Renderer, Snippet};
use invar_dockerfile::{LineIndex, Span};

use crate::finding::Finding;
use crate::report::Report;
use crate::rule::Level;

/// Places with the same cause that are shown; the others are counted.
const PLACES: usize = 3;

/// The findings of all reports, each with its line, why it matters, and what to do; `color` adds ANSI colors.
///
/// Why a rule is one is said at its first finding only. The text ends with a line feed, unless nothing was found.
pub fn render(reports: &[Report], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut rendered = String::new();
    let mut explained = BTreeSet::new();
    for report in reports {
        let lines = LineIndex::of(&report.text);
        for finding in &report.findings {
            let explain = explained.insert(finding.rule);
            rendered.push_str(&one(&renderer, report, &lines, finding, explain));
            rendered.push_str("\n\n");
        }
    }
    // One empty line between findings, none at the end.
    if rendered.ends_with("\n\n") {
        rendered.pop();
    }
    rendered
}

fn one(renderer: &Renderer, report: &Report, lines: &LineIndex, finding: &Finding, explain: bool) -> String {
    let weight = match finding.level {
        Level::Error => Weight::ERROR,
        Level::Warning => Weight::WARNING,
        Level::Note => Weight::NOTE,
    };
    let title = weight.primary_title(finding.message.as_str()).id(finding.rule.name());
    let text = report.text.as_str();
    let definition = finding.rule.definition();
    let why = format!("{} {}", definition.why, definition.impact);
    let further = further(lines, finding);
    let mut group = match finding.span {
        Some(span) if !text.is_empty() => {
            let window = window(text, lines, span);
            let place = first_line(text, span);
            let place = place.start - window.start..place.end - window.start;
            let snippet = Snippet::source(&text[window.clone()])
                .line_start(lines.line(window.start))
                .path(report.name.as_str())
                .annotation(AnnotationKind::Primary.span(place));
            title.element(snippet)
        }
        _ if report.name.is_empty() => Group::with_title(title),
        _ => title.element(Origin::path(report.name.as_str())),
    };
    if let Some(further) = &further {
        group = group.element(Weight::NOTE.message(further.as_str()));
    }
    if explain {
        group = group.element(Weight::NOTE.message(why.as_str()));
    }
    group = group.element(Weight::HELP.message(finding.remedy()));
    renderer.render(&[group])
}

/// A fault that keeps a file from being audited, with its line.
pub fn render_fault(name: &str, text: &str, message: &str, span: Option<Span>, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let title = Weight::ERROR.primary_title(message);
    let group =
        match span.filter(|span| !text.is_empty() && text.is_char_boundary(span.start.min(text.len()))) {
            Some(span) => {
                let lines = LineIndex::of(text);
                let window = window(text, &lines, span);
                let place = first_line(text, span);
                let snippet = Snippet::source(&text[window.clone()])
                    .line_start(lines.line(window.start))
                    .path(name)
                    .annotation(
                        AnnotationKind::Primary.span(place.start - window.start..place.end - window.start),
                    );
                title.element(snippet)
            }
            None => title.element(Origin::path(name)),
        };
    renderer.render(&[group])
}

/// The lines around the place; the whole text would be searched again for each finding.
fn window(text: &str, lines: &LineIndex, span: Span) -> Range<usize> {
    let start = span.start.min(text.len());
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    debug_assert_eq!(lines.line(line_start), lines.line(start), "a line begins in itself");
    let end = text[start..].find('\n').map_or(text.len(), |length| start + length);
    line_start..end
}

/// The part of the place that is on its first line, without the end of a continued line.
fn first_line(text: &str, span: Span) -> Range<usize> {
    let start = span.start.min(text.len());
    let mut end = span.end.clamp(start, text.len());
    // The place of a fault may end within a character.
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let part = text[start..end].lines().next().unwrap_or_default();
    let part = part.trim_end_matches(['\\', '`', ' ', '\t', '\r']);
    start..start + part.len()
}

/// The further places of the finding, in words.
fn further(lines: &LineIndex, finding: &Finding) -> Option<String> {
    let (shown, more) = finding.also.split_at(finding.also.len().min(PLACES));
    let list = shown.iter().map(|place| lines.line(place.start).to_string()).collect::<Vec<_>>().join(", ");
    match (shown.len(), more.len()) {
        (0, _) => None,
        (1, _) => Some(format!("the same in line {list}")),
        (_, 0) => Some(format!("the same in lines {list}")),
        (_, more) => Some(format!("the same in lines {list} and {more} more")),
    }
}

/// How much was found, in one sentence without a line feed.
pub fn summary(reports: &[Report]) -> String {
    let count = |level| {
        reports.iter().flat_map(|report| &report.findings).filter(|finding| finding.level == level).count()
    };
    let one = |level: Level| {
        let count = count(level);
        (count > 0).then(|| format!("{count} {}{}", level.name(), if count == 1 { "" } else { "s" }))
    };
    let counts: Vec<String> = Level::ALL.into_iter().rev().filter_map(one).collect();
    let ignored: usize = reports.iter().map(|report| report.ignored).sum();
    let excused = if ignored > 0 { format!(", {ignored} ignored by comments") } else { String::new() };
    match counts.as_slice() {
        [] => format!("nothing found{excused}"),
        counts => format!("{}{excused}", counts.join(", ")),
    }
}
