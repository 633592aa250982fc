//! Accounts that the manifest adds to the image.
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::Arc;

use invar_tree::ImagePath;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::ValueError;
use crate::manifest::error::Problem;
use crate::manifest::reader::{KeyProblem, Value};
use crate::manifest::runtime::{absolute_path_schema, image_path};
use crate::text::text_value;

/// The name of a user or group that the manifest adds: lower-case letters, digits, `_` and `-`, the first a letter or `_`, at
/// most 32, as `useradd` takes it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountName(Arc<str>);

text_value!(
    AccountName,
    pattern: "^[a-z_][a-z0-9_-]{0,31}$",
    description: "The name of a user or group.",
    example: "app"
);

impl FromStr for AccountName {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let first = text.starts_with(|first: char| first.is_ascii_lowercase() || first == '_');
        let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
        let good = first && text.len() <= 32 && text.bytes().all(inner) && text != "root";
        if good { Ok(Self(text.into())) } else { Err(ValueError::AccountName { text: text.to_owned() }) }
    }
}

/// A user to add to the image, with a home directory that belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Account {
    /// The number of the user.
    #[schemars(range(min = 1, max = 4294967294_u32))]
    pub uid: u32,
    /// The number of its group. Default: the same.
    #[schemars(range(min = 1, max = 4294967294_u32))]
    pub gid: Option<u32>,
    /// The name of its group, which is added unless the image has a group of this number. Default: the same.
    pub group: Option<AccountName>,
    /// The absolute path of its home directory. Default: `/home/` and the name.
    #[schemars(schema_with = "absolute_path_schema", default)]
    pub home: Option<ImagePath>,
    /// The absolute path of its login shell. Default: `/usr/sbin/nologin`.
    #[schemars(schema_with = "absolute_path_schema", default)]
    pub shell: Option<ImagePath>,
}

/// The JSON Schema of the accounts: a number, or a table.
pub(super) fn accounts_schema(generator: &mut SchemaGenerator) -> Schema {
    let number = json_schema!({ "type": "integer", "minimum": 1, "maximum": u32::MAX - 1 });
    let table = generator.subschema_for::<Account>();
    json_schema!({
        "type": "object",
        "propertyNames": { "pattern": "^[a-z_][a-z0-9_-]{0,31}$" },
        "additionalProperties": { "anyOf": [number, table] },
    })
}

impl Account {
    /// The number of its group.
    pub fn gid(&self) -> u32 {
        self.gid.unwrap_or(self.uid)
    }

    /// The home directory of the user `name`, an absolute path.
    pub fn home(&self, name: &AccountName) -> String {
        self.home.as_ref().map_or_else(|| format!("/home/{name}"), ToString::to_string)
    }

    /// Reads the table of accounts.
    pub(super) fn read_all(value: &Value<'_, '_>) -> Option<BTreeMap<AccountName, Self>> {
        let mut accounts: BTreeMap<AccountName, Self> = BTreeMap::new();
        for (name, key_span, item) in value.table()?.entries() {
            let name = match name.parse::<AccountName>() {
                Ok(name) => name,
                Err(error) => {
                    value.reader.report(key_span, KeyProblem::BadValue { key: value.name.clone(), error });
                    continue;
                }
            };
            let Some(account) = Self::read(&item) else { continue };
            if let Some((other, _)) = accounts.iter().find(|(_, other)| other.uid == account.uid) {
                let problem =
                    Problem::SameUid { key: item.name.clone(), other: other.to_string(), uid: account.uid };
                item.reader.report(item.span.clone(), problem);
            }
            accounts.insert(name, account);
        }
        Some(accounts)
    }

    fn read(value: &Value<'_, '_>) -> Option<Self> {
        let path = |value: Value<'_, '_>| image_path(value.text()?).map_err(|error| value.bad(error)).ok();
        let number = |value: &Value<'_, '_>| u32::try_from(value.number(1, u64::from(u32::MAX - 1))?).ok();
        if value.value.as_integer().is_some() {
            return Some(Self { uid: number(value)?, gid: None, group: None, home: None, shell: None });
        }
        if !value.value.is_table() {
            value.wrong_type("a number or a table");
            return None;
        }
        let mut section = value.table()?;
        let uid = section.take("uid");
        let gid = section.take("gid").and_then(|gid| number(&gid));
        let group = section.take("group").and_then(|group| group.parsed());
        let home = section.take("home").and_then(path);
        let shell = section.take("shell").and_then(path);
        section.refuse_the_rest(&[]);
        let Some(uid) = uid else {
            let key = format!("{}.uid", value.name);
            value.reader.report(value.key_span.clone(), KeyProblem::Missing { key });
            return None;
        };
        Some(Self { uid: number(&uid)?, gid, group, home, shell })
    }
}
