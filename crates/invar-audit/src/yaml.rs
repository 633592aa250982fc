//! YAML as a tree whose parts know their places.
//!
//! Over the events of `saphyr-parser`: a small reader of YAML 1.2 that is kept, with places, and two dependencies.
//! Aliases are shared, not copied, so a file of aliases to aliases stays as small as it is.
use std::collections::BTreeMap;
use std::rc::Rc;

use invar_dockerfile::Span;
use saphyr_parser::{Event, Marker, Parser, ScalarStyle};

/// Bytes of a file.
pub(crate) const LONGEST: usize = 1 << 20;
/// Levels of sequences and mappings inside each other.
const DEEPEST: usize = 64;
/// Parts of a file.
const MOST: usize = 200_000;

/// A part of a document.
#[derive(Debug)]
pub(crate) struct Node {
    pub value: Value,
    pub span: Span,
}

/// What a part is.
#[derive(Debug)]
pub(crate) enum Value {
    Scalar(String, Style),
    Sequence(Vec<Rc<Node>>),
    Mapping(Vec<(Rc<Node>, Rc<Node>)>),
}

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes.
    Plain,
    /// As a block whose lines are as they are: `|`.
    Literal,
    /// In quotes, or as a block whose lines are folded.
    Other,
}

/// A text that is no YAML, or more than is read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct YamlError {
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Span,
}

/// Reads the first document of `text`; `None` if there is none.
pub(crate) fn parse(text: &str) -> Result<Option<Rc<Node>>, YamlError> {
    if text.len() > LONGEST {
        let message = format!("the file has {} bytes; the limit is {LONGEST}", text.len());
        return Err(YamlError { message, span: Span::default() });
    }
    let offsets = Offsets::of(text);
    let mut builder = Builder { open: Vec::new(), anchors: BTreeMap::new(), parts: 0, done: None };
    for event in Parser::new_from_str(text) {
        let (event, place) = event.map_err(|error| {
            let at = offsets.byte(error.marker());
            YamlError { message: error.info().to_owned(), span: Span::new(at, at) }
        })?;
        let span = Span::new(offsets.byte(&place.start), offsets.byte(&place.end));
        let stop = |message: String| YamlError { message, span: Span::new(span.start, span.start) };
        if matches!(event, Event::DocumentEnd) {
            break;
        }
        builder.event(event, span).map_err(stop)?;
    }
    Ok(builder.done)
}

/// Where the characters of a text start.
struct Offsets<'a> {
    text: &'a str,
    /// The byte of every 256th character.
    every: Vec<usize>,
}

const STEP: usize = 256;

impl<'a> Offsets<'a> {
    fn of(text: &'a str) -> Self {
        Self { text, every: text.char_indices().step_by(STEP).map(|(at, _)| at).collect() }
    }

    fn byte(&self, marker: &Marker) -> usize {
        let start = self.every.get(marker.index() / STEP).copied().unwrap_or(self.text.len());
        let rest = &self.text[start..];
        rest.char_indices().nth(marker.index() % STEP).map_or(self.text.len(), |(at, _)| start + at)
    }
}

/// A sequence or mapping that has not ended.
enum OpenNode {
    Sequence { items: Vec<Rc<Node>>, anchor: usize, start: usize },
    Mapping { pairs: Vec<(Rc<Node>, Rc<Node>)>, key: Option<Rc<Node>>, anchor: usize, start: usize },
}

struct Builder {
    open: Vec<OpenNode>,
    anchors: BTreeMap<usize, Rc<Node>>,
    parts: usize,
    done: Option<Rc<Node>>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), String> {
        self.parts += 1;
        if self.parts > MOST {
            return Err(format!("the file has more than {MOST} nodes"));
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::Literal => Style::Literal,
                    _ => Style::Other,
                };
                self.add(Node { value: Value::Scalar(text.into_owned(), style), span }, anchor);
            }
            Event::SequenceStart(anchor, _) => {
                self.open.push(OpenNode::Sequence { items: Vec::new(), anchor, start: span.start });
            }
            Event::MappingStart(anchor, _) => {
                self.open.push(OpenNode::Mapping { pairs: Vec::new(), key: None, anchor, start: span.start });
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (value, anchor, start) = match self.open.pop() {
                    Some(OpenNode::Sequence { items, anchor, start }) => {
                        (Value::Sequence(items), anchor, start)
                    }
                    Some(OpenNode::Mapping { pairs, anchor, start, .. }) => {
                        (Value::Mapping(pairs), anchor, start)
                    }
                    None => return Ok(()),
                };
                self.add(Node { value, span: Span::new(start, span.end) }, anchor);
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor).cloned() {
                Some(node) => self.place(node),
                None => return Err("this alias refers to itself".to_owned()),
            },
            _ => {}
        }
        if self.open.len() > DEEPEST {
            return Err(format!("the file has more than {DEEPEST} levels"));
        }
        Ok(())
    }

    fn add(&mut self, node: Node, anchor: usize) {
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        self.place(node);
    }

    fn place(&mut self, node: Rc<Node>) {
        match self.open.last_mut() {
            Some(OpenNode::Sequence { items, .. }) => items.push(node),
            Some(OpenNode::Mapping { pairs, key, .. }) => match key.take() {
                Some(key) => pairs.push((key, node)),
                None => *key = Some(node),
            },
            None => self.done = self.done.take().or(Some(node)),
        }
    }
}

impl Node {
    /// The text, where it is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// A text at `span`.
    pub(crate) fn of_text(text: &str, span: Span) -> Self {
        Self { value: Value::Scalar(text.to_owned(), Style::Other), span }
    }

    /// Where its last text ends.
    pub(crate) fn last_end(&self) -> usize {
        let last = match &self.value {
            Value::Scalar(..) => return self.span.end,
            Value::Sequence(items) => items.last(),
            Value::Mapping(pairs) => pairs.last().map(|(_, value)| value),
        };
        last.map_or(self.span.end, |last| last.last_end()).max(self.span.start)
    }

    /// Whether it is a text whose lines are in the file as they are, after blanks.
    pub(crate) fn is_literal(&self) -> bool {
        matches!(self.value, Value::Scalar(_, Style::Literal))
    }

    /// Whether it is the empty value.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(text, Style::Plain) if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The value of `key`, also where it is merged in with `<<`.
    pub(crate) fn get(&self, key: &str) -> Option<&Rc<Node>> {
        self.get_within(key, 4)
    }

    fn get_within(&self, key: &str, depth: usize) -> Option<&Rc<Node>> {
        let Value::Mapping(pairs) = &self.value else { return None };
        let own = pairs.iter().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value);
        if own.is_some() || depth == 0 {
            return own;
        }
        let merged =
            pairs.iter().filter(|(name, _)| name.text() == Some("<<")).take(8).map(|(_, value)| value);
        let mut all = merged.flat_map(|value| match &value.value {
            Value::Sequence(items) => items.iter().take(8).collect::<Vec<_>>(),
            _ => vec![value],
        });
        all.find_map(|value| value.get_within(key, depth - 1))
    }

    /// The pairs of a mapping, at most `most`, its own before those that `<<` merges in; a name may come several times.
    pub(crate) fn all_pairs(&self, most: usize) -> Vec<(&Rc<Self>, &Rc<Self>)> {
        let mut pairs = Vec::new();
        self.add_pairs(most, 4, &mut pairs);
        pairs
    }

    fn add_pairs<'a>(&'a self, most: usize, depth: usize, pairs: &mut Vec<(&'a Rc<Self>, &'a Rc<Self>)>) {
        let is_merge = |name: &Self| name.text() == Some("<<");
        let own = self.pairs().iter().filter(|(name, _)| !is_merge(name));
        pairs.extend(own.map(|(name, value)| (name, value)).take(most.saturating_sub(pairs.len())));
        if depth == 0 {
            return;
        }
        for (_, merged) in self.pairs().iter().filter(|(name, _)| is_merge(name)).take(8) {
            merged.add_pairs(most, depth - 1, pairs);
            for item in merged.items().iter().take(8) {
                item.add_pairs(most, depth - 1, pairs);
            }
        }
    }

    /// The pairs of a mapping; none of anything else.
    pub(crate) fn pairs(&self) -> &[(Rc<Node>, Rc<Node>)] {
        match &self.value {
            Value::Mapping(pairs) => pairs,
            _ => &[],
        }
    }

    /// The items of a sequence; none of anything else.
    pub(crate) fn items(&self) -> &[Rc<Node>] {
        match &self.value {
            Value::Sequence(items) => items,
            _ => &[],
        }
    }
}
