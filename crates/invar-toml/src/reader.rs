use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use invar_formats::spelling::nearest;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::finding::{Finding, KeyProblem, Problem};

/// One file as it is read: what is wrong with it is collected, and reading goes on.
pub struct Reader<'a, P> {
    path: &'a str,
    findings: RefCell<Vec<Finding<P>>>,
}

impl<'a, P: Problem> Reader<'a, P> {
    /// For the file that messages call `path`.
    pub fn new(path: &'a str) -> Self {
        Self { path, findings: RefCell::default() }
    }

    /// The file's path, as it was given.
    pub fn path(&self) -> &'a str {
        self.path
    }

    /// Reports what is wrong with the bytes `span`.
    pub fn report(&self, span: Range<usize>, problem: impl Into<P>) {
        self.report_at(Some(span), None, problem);
    }

    /// Reports a problem of the whole file, or one that belongs to an earlier place too.
    pub fn report_at(&self, span: Option<Range<usize>>, first: Option<Range<usize>>, problem: impl Into<P>) {
        let path = self.path.to_owned();
        self.findings.borrow_mut().push(Finding { path, span, first, problem: problem.into() });
    }

    /// Takes over what another reader found in the same file.
    pub fn extend<Q>(&self, findings: Vec<Finding<Q>>)
    where
        P: From<Q>,
    {
        self.findings.borrow_mut().extend(findings.into_iter().map(Finding::into));
    }

    /// Everything that was found, in the order in which it was reported.
    pub fn finish(self) -> Vec<Finding<P>> {
        self.findings.into_inner()
    }
}

/// A table whose keys are taken one by one; what is left at the end is unknown.
pub struct Section<'a, 'i, P> {
    reader: &'a Reader<'a, P>,
    /// The dotted path of the table, as in `tool.invar.image`; empty for a file's top level.
    name: String,
    table: &'a DeTable<'i>,
    taken: BTreeSet<&'static str>,
}

impl<'a, 'i, P: Problem> Section<'a, 'i, P> {
    /// The table `name`, a dotted path; empty for a file's top level.
    pub fn new(reader: &'a Reader<'a, P>, name: &str, table: &'a DeTable<'i>) -> Self {
        Self { reader, name: name.to_owned(), table, taken: BTreeSet::new() }
    }

    /// Where findings are reported.
    pub fn reader(&self) -> &'a Reader<'a, P> {
        self.reader
    }

    /// The value of `key`, if the table has one.
    pub fn take(&mut self, key: &'static str) -> Option<Value<'a, 'i, P>> {
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
    pub fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// Every key with its value.
    pub fn entries(&self) -> impl Iterator<Item = (&'a str, Range<usize>, Value<'a, 'i, P>)> {
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
    pub fn refuse_the_rest(self, elsewhere: &[(&'static str, &'static str)]) {
        for (key, _) in self.table {
            let text: &str = key.get_ref();
            if self.taken.contains(text) {
                continue;
            }
            let belongs = elsewhere.iter().find(|(known, _)| *known == text).map(|&(_, place)| place);
            let nearest = nearest(text, self.taken.iter().copied());
            let problem = KeyProblem::UnknownKey {
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
pub struct Value<'a, 'i, P> {
    /// Where findings are reported.
    pub reader: &'a Reader<'a, P>,
    /// The key's dotted path.
    pub name: String,
    /// The bytes of the value.
    pub span: Range<usize>,
    /// The bytes of the key.
    pub key_span: Range<usize>,
    /// The value.
    pub value: &'a DeValue<'i>,
}

impl<'a, 'i, P: Problem> Value<'a, 'i, P> {
    /// Reports that the value is not `expected`.
    pub fn wrong_type(&self, expected: &'static str) {
        let found = kind(self.value);
        // A table's span is its whole header or nothing useful; its key says more.
        let span = if self.value.is_table() { self.key_span.clone() } else { self.span.clone() };
        self.reader.report(span, KeyProblem::WrongType { key: self.name.clone(), expected, found });
    }

    /// Reports what is wrong with the value.
    pub fn bad(&self, error: P::Error) {
        self.reader.report(self.span.clone(), KeyProblem::BadValue { key: self.name.clone(), error });
    }

    /// The value as true or false.
    pub fn boolean(self) -> Option<bool> {
        let found = self.value.as_bool();
        if found.is_none() {
            self.wrong_type("true or false");
        }
        found
    }

    /// The value as a string.
    pub fn text(&self) -> Option<&'a str> {
        let found = self.value.as_str();
        if found.is_none() {
            self.wrong_type("a string");
        }
        found
    }

    /// A text that is given to a program or written to a file, so without NUL.
    pub fn plain_text(&self) -> Option<String> {
        let text = self.text()?;
        if text.contains('\0') {
            let problem = KeyProblem::Nul { key: self.name.clone(), text: text.to_owned() };
            self.reader.report(self.span.clone(), problem);
            return None;
        }
        Some(text.to_owned())
    }

    /// The value as the string form of a `T`.
    pub fn parsed<T: FromStr>(&self) -> Option<T>
    where
        P::Error: From<T::Err>,
    {
        self.check(self.text()?)
    }

    /// `text`, which belongs to this value, as a `T`.
    pub fn check<T: FromStr>(&self, text: &str) -> Option<T>
    where
        P::Error: From<T::Err>,
    {
        text.parse().map_err(|error| self.bad(P::Error::from(error))).ok()
    }

    /// A whole number from `least` to `most`.
    pub fn number(&self, least: u64, most: u64) -> Option<u64> {
        let Some(integer) = self.value.as_integer() else {
            self.wrong_type("an integer");
            return None;
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let number = number.filter(|number| (least..=most).contains(number));
        if number.is_none() {
            let (key, number) = (self.name.clone(), integer.to_string());
            self.reader.report(self.span.clone(), KeyProblem::OutOfRange { key, number, least, most });
        }
        number
    }

    /// The value as a table.
    pub fn table(&self) -> Option<Section<'a, 'i, P>> {
        let found = self.value.as_table();
        if found.is_none() {
            self.wrong_type("a table");
        }
        Some(Section::new(self.reader, &self.name, found?))
    }

    /// The items of the value, a list.
    pub fn list(&self) -> Option<Vec<Value<'a, 'i, P>>> {
        let Some(array) = self.value.as_array() else {
            self.wrong_type("an array");
            return None;
        };
        Some(array.iter().map(|item| self.item(item)).collect())
    }

    fn item(&self, item: &'a Spanned<DeValue<'i>>) -> Value<'a, 'i, P> {
        Value {
            reader: self.reader,
            name: self.name.clone(),
            span: item.span(),
            key_span: item.span(),
            value: item.get_ref(),
        }
    }

    /// The items of the value, a list, each as a `T`.
    pub fn parsed_list<T: FromStr>(&self) -> Option<Vec<T>>
    where
        P::Error: From<T::Err>,
    {
        Some(self.list()?.iter().filter_map(Value::parsed).collect())
    }

    /// The entries of the value, a table whose keys are names: each name once, whatever its spelling.
    pub fn named<N: FromStr + Ord + Clone + fmt::Display>(&self) -> Option<Vec<(N, Value<'a, 'i, P>)>>
    where
        P::Error: From<N::Err>,
    {
        let mut seen = BTreeMap::new();
        let mut found = Vec::new();
        for (key, key_span, item) in self.table()?.entries() {
            let name = match key.parse::<N>() {
                Ok(name) => name,
                Err(error) => {
                    let problem = KeyProblem::BadValue { key: self.name.clone(), error: error.into() };
                    self.reader.report(key_span, problem);
                    continue;
                }
            };
            if let Some(first) = seen.insert(name.clone(), key_span.clone()) {
                let problem = KeyProblem::Duplicate { key: self.name.clone(), name: name.to_string() };
                self.reader.report_at(Some(key_span), Some(first), problem);
                continue;
            }
            found.push((name, item));
        }
        Some(found)
    }

    /// A list in which each item, distinguished by `key`, comes once.
    pub fn unique_list<T, K: Ord>(
        &self,
        read: impl Fn(&Value<'a, 'i, P>) -> Option<T>,
        key: impl Fn(&T) -> (K, String),
    ) -> Option<Vec<T>> {
        let mut seen = BTreeMap::new();
        let mut items = Vec::new();
        for value in self.list()? {
            let Some(item) = read(&value) else { continue };
            let (key, name) = key(&item);
            if let Some(first) = seen.insert(key, value.span.clone()) {
                let problem = KeyProblem::Duplicate { key: self.name.clone(), name };
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
