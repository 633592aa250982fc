use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::ValueError;
use crate::manifest::error::{Finding, Problem};
use crate::nearest::nearest;

/// One file as it is read: what is wrong with it is collected, and reading goes on.
pub(super) struct Reader<'a> {
    path: &'a str,
    findings: RefCell<Vec<Finding>>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(path: &'a str) -> Self {
        Self { path, findings: RefCell::default() }
    }

    pub(super) fn path(&self) -> &'a str {
        self.path
    }

    pub(super) fn report(&self, span: Range<usize>, problem: Problem) {
        self.report_at(Some(span), None, problem);
    }

    /// Reports a problem of the whole file, or one that belongs to an earlier place too.
    pub(super) fn report_at(
        &self,
        span: Option<Range<usize>>,
        first: Option<Range<usize>>,
        problem: Problem,
    ) {
        let path = self.path.to_owned();
        self.findings.borrow_mut().push(Finding { path, span, first, problem });
    }

    pub(super) fn finish(self) -> Vec<Finding> {
        self.findings.into_inner()
    }
}

/// A table whose keys are taken one by one; what is left at the end is unknown.
pub(super) struct Section<'a, 'i> {
    reader: &'a Reader<'a>,
    /// The dotted path of the table, as in `tool.invar.image`; empty for a file's top level.
    name: String,
    table: &'a DeTable<'i>,
    taken: BTreeSet<&'static str>,
}

impl<'a, 'i> Section<'a, 'i> {
    pub(super) fn new(reader: &'a Reader<'a>, name: &str, table: &'a DeTable<'i>) -> Self {
        Self { reader, name: name.to_owned(), table, taken: BTreeSet::new() }
    }

    pub(super) fn reader(&self) -> &'a Reader<'a> {
        self.reader
    }

    /// The value of `key`, if the table has one.
    pub(super) fn take(&mut self, key: &'static str) -> Option<Value<'a, 'i>> {
        self.taken.insert(key);
        let (spanned, value) = self.table.get_key_value(key)?;
        let name = dotted(&self.name, key);
        Some(Value {
            reader: self.reader,
            name,
            span: value.span(),
            key_span: spanned.span(),
            value: value.get_ref(),
        })
    }

    /// Whether the table has `key`.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Every key with its value.
    pub(super) fn entries(&self) -> impl Iterator<Item = (&'a str, Range<usize>, Value<'a, 'i>)> {
        self.table.iter().map(|(key, value)| {
            let text: &str = key.get_ref();
            let name = dotted(&self.name, text);
            let (key_span, span) = (key.span(), value.span());
            let value =
                Value { reader: self.reader, name, span, key_span: key_span.clone(), value: value.get_ref() };
            (text, key_span, value)
        })
    }

    /// Reports every key that was not taken. `elsewhere` maps keys of other tables to where they belong.
    pub(super) fn refuse_the_rest(self, elsewhere: &[(&'static str, &'static str)]) {
        for (key, _) in self.table {
            let text: &str = key.get_ref();
            if self.taken.contains(text) {
                continue;
            }
            let belongs = elsewhere.iter().find(|(known, _)| *known == text).map(|&(_, place)| place);
            let nearest = nearest(text, self.taken.iter().copied());
            let problem = Problem::UnknownKey {
                key: text.to_owned(),
                table: self.name.clone(),
                belongs,
                nearest: nearest.map(str::to_owned),
                known: self.taken.iter().copied().collect(),
            };
            self.reader.report(key.span(), problem);
        }
    }
}

fn dotted(table: &str, key: &str) -> String {
    let plain =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let key = if plain { key.to_owned() } else { format!("{key:?}") };
    if table.is_empty() { key } else { format!("{table}.{key}") }
}

/// A value with its place and the dotted path of its key.
pub(super) struct Value<'a, 'i> {
    pub(super) reader: &'a Reader<'a>,
    pub(super) name: String,
    pub(super) span: Range<usize>,
    pub(super) key_span: Range<usize>,
    pub(super) value: &'a DeValue<'i>,
}

impl<'a, 'i> Value<'a, 'i> {
    pub(super) fn wrong_type(&self, expected: &'static str) {
        let found = kind(self.value);
        // A table's span is its whole header or nothing useful; its key says more.
        let span = if self.value.is_table() { self.key_span.clone() } else { self.span.clone() };
        self.reader.report(span, Problem::WrongType { key: self.name.clone(), expected, found });
    }

    pub(super) fn bad(&self, error: ValueError) {
        self.reader.report(self.span.clone(), Problem::BadValue { key: self.name.clone(), error });
    }

    pub(super) fn boolean(self) -> Option<bool> {
        let found = self.value.as_bool();
        if found.is_none() {
            self.wrong_type("true or false");
        }
        found
    }

    pub(super) fn text(&self) -> Option<&'a str> {
        let found = self.value.as_str();
        if found.is_none() {
            self.wrong_type("a string");
        }
        found
    }

    /// A text that is given to a program or written to a file, so without NUL.
    pub(super) fn plain_text(&self) -> Option<String> {
        let text = self.text()?;
        if text.contains('\0') {
            self.bad(ValueError::Nul { text: text.to_owned() });
            return None;
        }
        Some(text.to_owned())
    }

    pub(super) fn parsed<T: FromStr>(&self) -> Option<T>
    where
        ValueError: From<T::Err>,
    {
        self.check(self.text()?)
    }

    /// `text`, which belongs to this value, as a `T`.
    pub(super) fn check<T: FromStr>(&self, text: &str) -> Option<T>
    where
        ValueError: From<T::Err>,
    {
        text.parse().map_err(|error| self.bad(ValueError::from(error))).ok()
    }

    /// A whole number from `least` to `most`.
    pub(super) fn number(&self, least: u64, most: u64) -> Option<u64> {
        let Some(integer) = self.value.as_integer() else {
            self.wrong_type("an integer");
            return None;
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            self.bad(ValueError::Number { number: integer.to_string(), least, most });
        }
        number
    }

    pub(super) fn table(&self) -> Option<Section<'a, 'i>> {
        let found = self.value.as_table();
        if found.is_none() {
            self.wrong_type("a table");
        }
        Some(Section::new(self.reader, &self.name, found?))
    }

    pub(super) fn list(&self) -> Option<Vec<Value<'a, 'i>>> {
        let Some(array) = self.value.as_array() else {
            self.wrong_type("an array");
            return None;
        };
        Some(array.iter().map(|item| self.item(item)).collect())
    }

    fn item(&self, item: &'a Spanned<DeValue<'i>>) -> Value<'a, 'i> {
        Value {
            reader: self.reader,
            name: self.name.clone(),
            span: item.span(),
            key_span: item.span(),
            value: item.get_ref(),
        }
    }

    pub(super) fn parsed_list<T: FromStr>(&self) -> Option<Vec<T>>
    where
        ValueError: From<T::Err>,
    {
        Some(self.list()?.iter().filter_map(Value::parsed).collect())
    }

    /// A list in which each item, distinguished by `key`, comes once.
    pub(super) fn unique_list<T, K: Ord>(
        &self,
        read: impl Fn(&Value<'a, 'i>) -> Option<T>,
        key: impl Fn(&T) -> (K, String),
    ) -> Option<Vec<T>> {
        let mut seen = BTreeMap::new();
        let mut items = Vec::new();
        for value in self.list()? {
            let Some(item) = read(&value) else { continue };
            let (key, name) = key(&item);
            if let Some(first) = seen.insert(key, value.span.clone()) {
                let problem = Problem::Duplicate { key: self.name.clone(), name };
                self.reader.report_at(Some(value.span), Some(first), problem);
                continue;
            }
            items.push(item);
        }
        Some(items)
    }
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a floating-point number",
        DeValue::Boolean(true) => "true",
        DeValue::Boolean(false) => "false",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}
