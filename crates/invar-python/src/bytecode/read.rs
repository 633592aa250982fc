//! The reader: from bytes to the graph of objects. It does not recurse, so no file can exhaust the thread's stack.
use super::BytecodeError;
use super::digest::Digests;
use super::graph::{Branch, Code, Graph, Id, Leaf, Mutable, Node, Value};
use super::input::Input;
use super::layout::{Field, Shape, Version};

/// The bit of a type byte that gives the object a number.
pub(super) const FLAG_REF: u8 = 0x80;

/// Reads the code object that begins at `start` and ends where `bytes` does. It is the graph's root.
pub(super) fn read(bytes: &[u8], start: usize, version: Version) -> Result<Graph<'_>, BytecodeError> {
    let mut reader = Reader {
        input: Input::new(bytes, start),
        version,
        graph: Graph::default(),
        numbered: Vec::new(),
        digests: Digests::default(),
    };
    let root = reader.object()?;
    if !matches!(reader.graph.node(root), Node::Code(_)) {
        return Err(BytecodeError::NotCode);
    }
    match reader.input.left() {
        0 => Ok(reader.graph),
        left => Err(BytecodeError::Trailing { offset: reader.input.offset(), left }),
    }
}

struct Reader<'a> {
    input: Input<'a>,
    version: Version,
    graph: Graph<'a>,
    /// The objects that have a number; `None` while one is being read.
    numbered: Vec<Option<Id>>,
    digests: Digests,
}

/// What one type byte and its content began.
enum Begun {
    /// A whole object.
    Whole(Id),
    /// An object that others follow for.
    Container(Container),
    /// The end of a dictionary.
    End,
}

/// An object that is being read.
struct Container {
    /// Where its type is.
    offset: usize,
    /// Its place in [`Reader::numbered`].
    number: Option<usize>,
    kind: Kind,
    children: Vec<Id>,
}

enum Kind {
    Branch(Branch, usize),
    Mutable(Mutable, usize),
    Dict { ended: bool },
    Code { numbers: Vec<[u8; 4]>, next: usize },
}

impl<'a> Reader<'a> {
    /// Reads one object with all that is in it.
    fn object(&mut self) -> Result<Id, BytecodeError> {
        let mut open: Vec<Container> = Vec::new();
        loop {
            let offset = self.input.offset();
            let mut whole = match self.begin()? {
                Begun::Whole(id) => Some(id),
                Begun::End => {
                    open.last_mut().ok_or(BytecodeError::End { offset })?.end(offset)?;
                    None
                }
                Begun::Container(container) => {
                    if open.len() >= Graph::MOST_NESTING as usize {
                        return Err(BytecodeError::Nesting { offset, limit: Graph::MOST_NESTING });
                    }
                    open.push(container);
                    None
                }
            };
            // Whatever is complete now goes into what is around it, which may be complete by that.
            loop {
                match (open.last_mut(), whole.take()) {
                    (None, Some(id)) => return Ok(id),
                    (None, None) => break,
                    (Some(container), Some(id)) => self.put(container, id, offset)?,
                    (Some(_), None) => {}
                }
                let Some(container) = open.last_mut() else { break };
                if !self.is_complete(container)? {
                    break;
                }
                if let Some(container) = open.pop() {
                    whole = Some(self.finish(container)?);
                }
            }
        }
    }

    /// Reads a type byte and what follows it that is not an object.
    fn begin(&mut self) -> Result<Begun, BytecodeError> {
        let offset = self.input.offset();
        let found = self.input.byte()?;
        let number = (found & FLAG_REF != 0).then_some(self.numbered.len());
        let leaf = match found & !FLAG_REF {
            // These are never numbered: CPython would not count them.
            _ if number.is_some() && b"0NFTS.r".contains(&(found & !FLAG_REF)) => {
                return Err(BytecodeError::Type { offset, found });
            }
            b'0' => return Ok(Begun::End),
            b'r' => return self.reference(offset).map(Begun::Whole),
            b'N' => self.graph.leaf(Leaf::None, b""),
            b'F' => self.graph.leaf(Leaf::False, b""),
            b'T' => self.graph.leaf(Leaf::True, b""),
            b'S' => self.graph.leaf(Leaf::StopIteration, b""),
            b'.' => self.graph.leaf(Leaf::Ellipsis, b""),
            b'i' => {
                let bytes = self.input.take(4)?;
                self.graph.leaf(Leaf::Int, bytes)
            }
            b'l' => {
                let bytes = self.long(offset)?;
                self.graph.leaf(Leaf::Long, bytes)
            }
            b'g' => {
                let bytes = self.input.take(8)?;
                self.graph.leaf(Leaf::Float, bytes)
            }
            b'y' => {
                let bytes = self.input.take(16)?;
                self.graph.leaf(Leaf::Complex, bytes)
            }
            b's' => {
                let length = self.input.length()?;
                let bytes = self.input.take(length)?;
                self.graph.leaf(Leaf::Bytes, bytes)
            }
            b'z' | b'Z' => {
                let length = self.input.byte()?.into();
                self.ascii(offset, length)?
            }
            b'a' | b'A' => {
                let length = self.input.length()?;
                self.ascii(offset, length)?
            }
            b'u' | b't' => {
                let length = self.input.length()?;
                let bytes = self.input.take(length)?;
                if !is_utf8_with_surrogates(bytes) {
                    return Err(BytecodeError::Text { offset, encoding: "UTF-8" });
                }
                self.graph.leaf(Leaf::Text, bytes)
            }
            other => {
                let kind = self.container(other, offset, found)?;
                self.numbered.extend(number.map(|_| None));
                return Ok(Begun::Container(Container { offset, number, kind, children: Vec::new() }));
            }
        };
        self.numbered.extend(number.map(|_| Some(leaf)));
        Ok(Begun::Whole(leaf))
    }

    /// The kind and count of a container of the type `of`.
    fn container(&mut self, of: u8, offset: usize, found: u8) -> Result<Kind, BytecodeError> {
        let kind = match of {
            b')' => Kind::Branch(Branch::Tuple, self.input.byte()?.into()),
            b'(' => Kind::Branch(Branch::Tuple, self.input.length()?),
            b'>' => Kind::Branch(Branch::FrozenSet, self.input.length()?),
            b':' if self.version.has_slices() => Kind::Branch(Branch::Slice, 3),
            b'[' => Kind::Mutable(Mutable::List, self.input.length()?),
            b'<' => Kind::Mutable(Mutable::Set, self.input.length()?),
            b'{' => Kind::Dict { ended: false },
            b'c' => Kind::Code { numbers: Vec::new(), next: 0 },
            _ => return Err(BytecodeError::Type { offset, found }),
        };
        if let Kind::Branch(_, count) | Kind::Mutable(_, count) = kind {
            self.input.expect(count)?;
        }
        Ok(kind)
    }

    /// The object that a reference names.
    fn reference(&mut self, offset: usize) -> Result<Id, BytecodeError> {
        let index = u32::from_le_bytes(self.input.array()?);
        let object = self.numbered.get(index as usize).copied().flatten();
        object.ok_or(BytecodeError::Reference { offset, index })
    }

    /// The count and digits of a number that is too large for an `i`.
    fn long(&mut self, offset: usize) -> Result<&'a [u8], BytecodeError> {
        let mut ahead = Input::clone(&self.input);
        let count = i32::from_le_bytes(ahead.array()?);
        let bytes = self.input.take(4 + 2 * count.unsigned_abs() as usize)?;
        let digits = || bytes[4..].chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
        let mut magnitude: u64 = 0;
        for digit in digits().rev() {
            if digit >= 1 << 15 {
                return Err(BytecodeError::Integer { offset });
            }
            magnitude = magnitude.saturating_mul(1 << 15).saturating_add(digit.into());
        }
        let most = if count < 0 { 1 << 31 } else { (1 << 31) - 1 };
        if magnitude <= most || digits().next_back() == Some(0) {
            return Err(BytecodeError::Integer { offset });
        }
        Ok(bytes)
    }

    fn ascii(&mut self, offset: usize, length: usize) -> Result<Id, BytecodeError> {
        let bytes = self.input.take(length)?;
        if !bytes.is_ascii() {
            return Err(BytecodeError::Text { offset, encoding: "ASCII" });
        }
        Ok(self.graph.leaf(Leaf::Text, bytes))
    }

    /// Puts the object `id`, which ended just now and began at `offset` or before, into `container`.
    fn put(&mut self, container: &mut Container, id: Id, offset: usize) -> Result<(), BytecodeError> {
        if let Kind::Code { next, .. } = &mut container.kind {
            // `is_complete` has stopped at a field that is an object.
            if let Some(&Field::Object(field, shape)) = self.version.fields().get(*next) {
                if !self.has_shape(id, shape) {
                    return Err(BytecodeError::Field { offset, field, expected: shape.describe() });
                }
                *next += 1;
            }
        }
        container.children.push(id);
        Ok(())
    }

    fn has_shape(&mut self, id: Id, shape: Shape) -> bool {
        let Node::Value(value) = self.graph.node(id) else { return false };
        match (shape, value) {
            (Shape::Bytes, Value::Leaf(Leaf::Bytes, _))
            | (Shape::Text, Value::Leaf(Leaf::Text, _))
            | (Shape::Tuple, Value::Branch(Branch::Tuple, _)) => true,
            (Shape::Name, Value::Leaf(Leaf::Text, _)) | (Shape::Names, Value::Branch(Branch::Tuple, _)) => {
                self.graph.mark_names(id)
            }
            _ => false,
        }
    }

    /// Whether nothing more belongs into `container`; reads the numbers that are between a code object's objects.
    fn is_complete(&mut self, container: &mut Container) -> Result<bool, BytecodeError> {
        Ok(match &mut container.kind {
            Kind::Branch(_, count) | Kind::Mutable(_, count) => container.children.len() == *count,
            Kind::Dict { ended } => *ended,
            Kind::Code { numbers, next } => {
                while let Some(Field::Number) = self.version.fields().get(*next) {
                    numbers.push(self.input.array()?);
                    *next += 1;
                }
                *next == self.version.fields().len()
            }
        })
    }

    /// Makes the object and gives it its number.
    fn finish(&mut self, container: Container) -> Result<Id, BytecodeError> {
        let Container { offset, number, kind, mut children } = container;
        if let Kind::Branch(Branch::FrozenSet, _) | Kind::Mutable(Mutable::Set, _) = kind {
            children =
                self.digests.sort(&self.graph, children).map_err(|_| BytecodeError::Element { offset })?;
        }
        let made = match kind {
            Kind::Branch(branch, _) => self.graph.branch(branch, children),
            Kind::Mutable(mutable, _) => self.graph.mutable(mutable, children),
            Kind::Dict { .. } => self.graph.mutable(Mutable::Dict, children),
            Kind::Code { numbers, .. } => self.graph.code(Code { numbers, objects: children }),
        };
        let id = made.map_err(|too_deep| too_deep.at(offset))?;
        if let Some(number) = number {
            self.numbered[number] = Some(id);
        }
        Ok(id)
    }
}

impl Container {
    /// Ends a dictionary that is not waiting for a value.
    fn end(&mut self, offset: usize) -> Result<(), BytecodeError> {
        match &mut self.kind {
            Kind::Dict { ended } if self.children.len().is_multiple_of(2) => {
                *ended = true;
                Ok(())
            }
            _ => Err(BytecodeError::End { offset }),
        }
    }
}

/// Whether `bytes` are what CPython's `surrogatepass` writes: UTF-8, and also U+D800 to U+DFFF in three bytes each.
fn is_utf8_with_surrogates(mut bytes: &[u8]) -> bool {
    loop {
        match std::str::from_utf8(bytes) {
            Ok(_) => return true,
            Err(error) => match &bytes[error.valid_up_to()..] {
                [0xed, 0xa0..=0xbf, 0x80..=0xbf, rest @ ..] => bytes = rest,
                _ => return false,
            },
        }
    }
}
