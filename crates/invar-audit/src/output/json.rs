//! Findings as one JSON object.
use invar_dockerfile::{LineIndex, Span};
use serde_json::{Value, json};

use crate::finding::Finding;
use crate::report::Report;
use crate::rule::Level;

/// The reports as one object:
///
/// ```json
/// {"files": [{"file": "Dockerfile", "findings": [{"rule": "...", "level": "error", "line": 1, "column": 6,
///   "end-line": 1, "end-column": 17, "message": "...", "reason": "...", "impact": "...", "fix": "...",
///   "related-lines": [12]}],
///   "ignored": 0}], "errors": 1, "warnings": 0, "notes": 0, "ignored": 0}
/// ```
///
/// Lines and columns count from 1, columns in characters; the end is the character after the last. Findings about all
/// of a file have none of them.
pub fn to_json(reports: &[Report]) -> Value {
    let count = |level| {
        reports.iter().flat_map(|report| &report.findings).filter(|finding| finding.level == level).count()
    };
    let ignored: usize = reports.iter().map(|report| report.ignored).sum();
    json!({
        "files": reports.iter().map(file).collect::<Vec<_>>(),
        "errors": count(Level::Error),
        "warnings": count(Level::Warning),
        "notes": count(Level::Note),
        "ignored": ignored,
    })
}

fn file(report: &Report) -> Value {
    let lines = LineIndex::of(&report.text);
    let findings: Vec<Value> = report.findings.iter().map(|found| finding(report, &lines, found)).collect();
    json!({"file": report.name, "findings": findings, "ignored": report.ignored})
}

fn finding(report: &Report, lines: &LineIndex, finding: &Finding) -> Value {
    let definition = finding.rule.definition();
    let line = |span: &Span| lines.line(span.start);
    let mut value = json!({
        "rule": definition.name,
        "level": finding.level.name(),
        "message": finding.message,
        "reason": definition.why,
        "impact": definition.impact,
        "fix": finding.remedy(),
        "related-lines": finding.also.iter().map(line).collect::<Vec<_>>(),
    });
    if let Some(span) = finding.span.filter(|_| !report.text.is_empty()) {
        let (start, end) = (lines.position(&report.text, span.start), lines.position(&report.text, span.end));
        value["line"] = json!(start.line);
        value["column"] = json!(start.column);
        value["end-line"] = json!(end.line);
        value["end-column"] = json!(end.column);
    }
    value
}
