//! Findings in SARIF 2.1.0, the form that code hosts read (OASIS, "Static Analysis Results Interchange Format").
use invar_dockerfile::{LineIndex, Span};
use serde_json::{Value, json};

use crate::finding::Finding;
use crate::report::Report;
use crate::rule::{Level, Rule};

/// The reports as one SARIF log with one run; `version` is the program's.
///
/// Only rules that were broken are described. Columns are counted in Unicode code points. What a file's name holds that
/// no URI may hold is escaped.
pub fn to_sarif(reports: &[Report], version: &str) -> Value {
    let mut broken: Vec<Rule> =
        reports.iter().flat_map(|report| &report.findings).map(|finding| finding.rule).collect();
    broken.sort();
    broken.dedup();
    let results: Vec<Value> = reports.iter().flat_map(|report| results(report, &broken)).collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "invar audit",
                    "semanticVersion": version,
                    "rules": broken.iter().map(|rule| described(*rule)).collect::<Vec<_>>(),
                },
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn described(rule: Rule) -> Value {
    let definition = rule.definition();
    json!({
        "id": definition.name,
        "shortDescription": {"text": definition.finds.replace('`', "'")},
        "fullDescription": {"text": format!("{} {}", definition.why, definition.impact)},
        "help": {
            "text": definition.fix,
            "markdown": format!("{}\n\n{}\n\n**Remedy:** {}", definition.why, definition.impact, definition.fix),
        },
        "defaultConfiguration": {"level": level(definition.level)},
    })
}

const fn level(level: Level) -> &'static str {
    level.name()
}

fn results(report: &Report, broken: &[Rule]) -> Vec<Value> {
    let lines = LineIndex::of(&report.text);
    report.findings.iter().map(|finding| result(report, &lines, finding, broken)).collect()
}

fn result(report: &Report, lines: &LineIndex, finding: &Finding, broken: &[Rule]) -> Value {
    let location = |span: Option<Span>| {
        let mut place = json!({"artifactLocation": {"uri": uri(&report.name)}});
        if let Some(span) = span.filter(|_| !report.text.is_empty()) {
            let (start, end) =
                (lines.position(&report.text, span.start), lines.position(&report.text, span.end));
            place["region"] = json!({
                "startLine": start.line, "startColumn": start.column,
                "endLine": end.line, "endColumn": end.column,
            });
        }
        json!({"physicalLocation": place})
    };
    let mut value = json!({
        "ruleId": finding.rule.name(),
        "ruleIndex": broken.iter().position(|rule| *rule == finding.rule),
        "level": level(finding.level),
        "message": {"text": format!("{}. {}", finding.message, finding.remedy())},
        "locations": [location(finding.span)],
    });
    if !finding.also.is_empty() {
        let also: Vec<Value> = finding.also.iter().map(|span| location(Some(*span))).collect();
        value["relatedLocations"] = Value::Array(also);
    }
    value
}

/// The name as a relative reference (RFC 3986).
fn uri(name: &str) -> String {
    let mut uri = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte))
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}
