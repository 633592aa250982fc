//! debconf's questions, as packages' `templates` have them (debconf-devel(7)).
//!
//! ```text
//! template  paragraphs of fields, of which "Template" is the question's name and "Type" its type
//! ```
use std::collections::BTreeMap;

use super::{ScriptPackage, Selection};

/// An answer to a question that no package is known to ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownQuestion<'a> {
    /// The answer.
    pub selection: &'a Selection,
    /// All questions of the package that the answer names.
    pub asked: Vec<&'a str>,
}

/// The answers among `selections` to questions that no template of `packages` has.
///
/// Such an answer may be right all the same: a script can make questions while it runs, as dbconfig-common's do.
pub fn unknown_questions<'a>(
    packages: &[ScriptPackage<'a>],
    selections: &'a [Selection],
) -> Vec<UnknownQuestion<'a>> {
    let mut known: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        let questions = known.entry(package.control.package().as_str()).or_default();
        questions.extend(package.templates.into_iter().flat_map(questions_of));
    }
    let is_known = |selection: &Selection| known.values().flatten().any(|name| *name == selection.question());
    let unknown = selections.iter().filter(|selection| !is_known(selection));
    unknown
        .map(|selection| UnknownQuestion {
            selection,
            asked: known.get(selection.owner()).cloned().unwrap_or_default(),
        })
        .collect()
}

fn questions_of(templates: &str) -> impl Iterator<Item = &str> {
    templates.lines().filter_map(|line| {
        let (field, value) = line.split_once(':')?;
        field.eq_ignore_ascii_case("template").then(|| value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::control;

    #[test]
    fn answers_that_nobody_asks_for_are_found() {
        let (locales, other) = (control("locales", &[]), control("other", &[]));
        let package =
            |control, templates| ScriptPackage { control, files: &[], templates, tool: false, run: true };
        let templates = "Template: locales/default\nType: select\nDescription: A\n Template: no/question\n\n\
                         template: locales/generated\nType: multiselect\n";
        let packages = [package(&locales, Some(templates)), package(&other, None)];
        let selections: Vec<Selection> =
            ["locales locales/default select C", "locales locales/generatd multiselect C", "other x/y note "]
                .map(|text| text.parse().unwrap())
                .into();
        let unknown = unknown_questions(&packages, &selections);
        assert_eq!(
            unknown
                .iter()
                .map(|unknown| (unknown.selection.question(), unknown.asked.clone()))
                .collect::<Vec<_>>(),
            [("locales/generatd", vec!["locales/default", "locales/generated"]), ("x/y", vec![])]
        );
    }
}
