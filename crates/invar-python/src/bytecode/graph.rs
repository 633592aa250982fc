use std::collections::BTreeMap;
use std::rc::Rc;

use super::BytecodeError;

/// An object's place in the [`Graph`]. What an object holds always has smaller numbers than the object itself, so
/// there are no cycles.
pub(super) type Id = u32;

/// What an immutable object without objects in it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Leaf {
    None,
    False,
    True,
    StopIteration,
    Ellipsis,
    /// Four bytes.
    Int,
    /// The count with its sign, and the digits.
    Long,
    /// Eight bytes.
    Float,
    /// Sixteen bytes.
    Complex,
    Bytes,
    /// UTF-8 that may hold surrogates.
    Text,
}

/// What an immutable object with objects in it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Branch {
    Tuple,
    /// Its elements are in canonical order, each once.
    FrozenSet,
    Slice,
}

/// What a mutable object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mutable {
    List,
    /// Its elements are in canonical order, each once.
    Set,
    /// Keys and values in turn.
    Dict,
}

/// Objects that are the same if they are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value<'a> {
    Leaf(Leaf, &'a [u8]),
    Branch(Branch, Rc<[Id]>),
}

/// An object.
#[derive(Debug)]
pub(super) enum Node<'a> {
    Value(Value<'a>),
    Mutable(Mutable, Vec<Id>),
    Code(Code),
}

/// A code object: its fields of each kind, in the order of the file.
#[derive(Debug)]
pub(super) struct Code {
    pub(super) numbers: Vec<[u8; 4]>,
    pub(super) objects: Vec<Id>,
}

/// All objects of a file, without its references: equal values are one object.
#[derive(Debug, Default)]
pub(super) struct Graph<'a> {
    nodes: Vec<Node<'a>>,
    /// For each node, how deep what it holds is nested: 0 for a leaf.
    heights: Vec<u32>,
    /// For each node, whether it is a string that a code object uses as a name.
    names: Vec<bool>,
    values: BTreeMap<Value<'a>, Id>,
}

impl<'a> Graph<'a> {
    /// Deeper files are refused. CPython refuses them too (`MAX_MARSHAL_STACK_DEPTH`).
    pub(super) const MOST_NESTING: u32 = 2000;

    /// The object that was added last, and holds all others.
    pub(super) fn root(&self) -> Id {
        self.last()
    }

    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn node(&self, id: Id) -> &Node<'a> {
        &self.nodes[id as usize]
    }

    /// The objects in `id`, in the order in which they are written.
    pub(super) fn children(&self, id: Id) -> &[Id] {
        match self.node(id) {
            Node::Value(Value::Leaf(..)) => &[],
            Node::Value(Value::Branch(_, children)) => children,
            Node::Mutable(_, children) => children,
            Node::Code(code) => &code.objects,
        }
    }

    /// The object for `value`: an earlier one if there is an equal one.
    pub(super) fn leaf(&mut self, leaf: Leaf, bytes: &'a [u8]) -> Id {
        let value = Value::Leaf(leaf, bytes);
        if let Some(&id) = self.values.get(&value) {
            return id;
        }
        self.values.insert(value.clone(), self.next());
        self.push(Node::Value(value), 0)
    }

    /// The object that holds `children`: an earlier one if there is an equal one.
    pub(super) fn branch(&mut self, branch: Branch, children: Vec<Id>) -> Result<Id, TooDeep> {
        let height = self.height(&children)?;
        let value = Value::Branch(branch, children.into());
        if let Some(&id) = self.values.get(&value) {
            return Ok(id);
        }
        self.values.insert(value.clone(), self.next());
        Ok(self.push(Node::Value(value), height))
    }

    /// A new mutable object.
    pub(super) fn mutable(&mut self, mutable: Mutable, children: Vec<Id>) -> Result<Id, TooDeep> {
        let height = self.height(&children)?;
        Ok(self.push(Node::Mutable(mutable, children), height))
    }

    /// A new code object.
    pub(super) fn code(&mut self, code: Code) -> Result<Id, TooDeep> {
        let height = self.height(&code.objects)?;
        Ok(self.push(Node::Code(code), height))
    }

    /// Notes that `id` is used as a name: a string, or a tuple of strings. Returns whether it is one.
    pub(super) fn mark_names(&mut self, id: Id) -> bool {
        if self.names[id as usize] {
            return true;
        }
        let names = match &self.nodes[id as usize] {
            Node::Value(Value::Leaf(Leaf::Text, _)) => Rc::from([]),
            Node::Value(Value::Branch(Branch::Tuple, children)) => Rc::clone(children),
            _ => return false,
        };
        let is_text = |&id: &Id| matches!(self.nodes[id as usize], Node::Value(Value::Leaf(Leaf::Text, _)));
        if !names.iter().all(is_text) {
            return false;
        }
        // Marking the tuple too means that one which many code objects share is looked at once.
        for &id in names.iter().chain([&id]) {
            self.names[id as usize] = true;
        }
        true
    }

    /// Whether `id` was marked as a name.
    pub(super) fn is_name(&self, id: Id) -> bool {
        self.names[id as usize]
    }

    fn height(&self, children: &[Id]) -> Result<u32, TooDeep> {
        let below = children.iter().map(|&child| self.heights[child as usize] + 1).max().unwrap_or(0);
        if below >= Self::MOST_NESTING { Err(TooDeep) } else { Ok(below) }
    }

    fn push(&mut self, node: Node<'a>, height: u32) -> Id {
        self.nodes.push(node);
        self.heights.push(height);
        self.names.push(false);
        self.last()
    }

    fn next(&self) -> Id {
        Id::try_from(self.nodes.len()).expect("a file has fewer bytes than there are numbers")
    }

    fn last(&self) -> Id {
        self.next() - 1
    }
}

/// The object would be nested deeper than an interpreter reads.
#[derive(Debug)]
pub(super) struct TooDeep;

impl TooDeep {
    /// As an error about the object at `offset`.
    pub(super) fn at(self, offset: usize) -> BytecodeError {
        BytecodeError::Nesting { offset, limit: Graph::MOST_NESTING }
    }
}
