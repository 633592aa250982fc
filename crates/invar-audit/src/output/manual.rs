//! The manual's list of rules, made from their definitions.
use crate::rule::{Rule, Subject};

/// The rules in Markdown: a table of all of them, then each with its cause, impact and fix.
pub fn manual() -> String {
    let mut text = String::from("| rule | level | finds |\n| --- | --- | --- |\n");
    for rule in Rule::ALL {
        let definition = rule.definition();
        let line = format!(
            "| [`{0}`](#{0}) | {1} | {2} |\n",
            definition.name,
            definition.level.name(),
            definition.finds
        );
        text.push_str(&line);
    }
    for subject in Subject::ALL {
        text.push_str(&format!("\n## {}\n", subject.name()));
        for rule in Rule::ALL.iter().filter(|rule| rule.definition().subject == subject) {
            let definition = rule.definition();
            text.push_str(&format!(
                "\n### {}\n\nFinds: {}. Level: at most {}.\n\nWhy: {}\n\nImpact: {}\n\nWhat to do: {}\n",
                definition.name,
                definition.finds,
                definition.level.name(),
                definition.why,
                definition.impact,
                definition.fix
            ));
        }
    }
    text
}
