use std::collections::BTreeSet;

use invar_debian::PackageName;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::ValueError;
use crate::manifest::error::Problem;
use crate::manifest::reader::Value;
use crate::manifest::schema::package_names_schema;

/// How Debian packages are configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Configure {
    /// What maintainer scripts would do is done natively; none is run.
    #[default]
    Native,
    /// The maintainer scripts of all packages are run, in a sandbox.
    Run,
    /// The maintainer scripts of these packages are run, in a sandbox; all others are done natively.
    Packages(BTreeSet<PackageName>),
}

impl Configure {
    pub(super) fn read(value: &Value<'_, '_>) -> Option<Self> {
        match value.value.as_str() {
            Some("native") => return Some(Self::Native),
            Some("run") => return Some(Self::Run),
            Some(text) => {
                let expected = "\"native\", \"run\" and an array of packages";
                value.bad(ValueError::Choice { text: text.to_owned(), expected });
                return None;
            }
            None if !value.value.is_array() => {
                value.wrong_type("\"native\", \"run\" or an array of packages");
                return None;
            }
            None => {}
        }
        let names = value.unique_list(Value::parsed::<PackageName>, |name: &PackageName| {
            (name.clone(), name.to_string())
        })?;
        if value.value.as_array().is_some_and(|list| list.is_empty()) {
            value.bad(ValueError::EmptyList);
        }
        Some(Self::Packages(names.into_iter().collect()))
    }
}

impl JsonSchema for Configure {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Configure".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut packages = package_names_schema(generator);
        packages.insert("minItems".to_owned(), 1.into());
        json_schema!({
            "description": "`\"native\"`, `\"run\"`, or the packages whose maintainer scripts are run.",
            "anyOf": [{ "enum": ["native", "run"] }, packages],
        })
    }
}

/// Reads answers to debconf's questions; `configure` is `None` if it could not be read.
pub(super) fn debconf(value: &Value<'_, '_>, configure: Option<&Configure>) -> Option<Vec<String>> {
    if configure == Some(&Configure::Native) {
        let key = value.name.clone();
        value.reader.report(value.key_span.clone(), Problem::DebconfUnread { key });
    }
    Some(value.list()?.iter().filter_map(selection).collect())
}

/// One line as `debconf-set-selections` reads it: a package, a question, a type and a value, which may be empty
/// (debconf-set-selections(1)).
fn selection(value: &Value<'_, '_>) -> Option<String> {
    let text = value.text()?;
    let words = text.split([' ', '\t']).filter(|word| !word.is_empty()).count();
    // A line feed would begin another line, and a leading `#` makes a comment.
    let is_line = !text.chars().any(|character| character.is_control() && character != '\t');
    if words < 3 || !is_line || text.trim_start().starts_with('#') {
        value.bad(ValueError::Selection { text: text.to_owned() });
        return None;
    }
    Some(text.to_owned())
}
