//! The writer: from the graph of objects to the canonical bytes.
use super::graph::{Branch, Graph, Id, Leaf, Mutable, Node, Value};
use super::layout::{Field, Version};
use super::read::FLAG_REF;

/// Appends the graph's root and all that is in it.
pub(super) fn write(graph: &Graph<'_>, version: Version, output: &mut Vec<u8>) {
    let repeated = repeated(graph);
    let mut writer = Writer { graph, version, output, repeated, numbers: vec![None; graph.len()], next: 0 };
    writer.write(graph.root());
}

/// For each object, whether it is written with a number because it comes more than once.
fn repeated(graph: &Graph<'_>) -> Vec<bool> {
    let mut seen = vec![false; graph.len()];
    let mut repeated = vec![false; graph.len()];
    let mut pending = vec![graph.root()];
    while let Some(id) = pending.pop() {
        let index = id as usize;
        if seen[index] {
            repeated[index] = !is_shorter_than_a_reference(graph.node(id));
        } else {
            seen[index] = true;
            pending.extend_from_slice(graph.children(id));
        }
    }
    repeated
}

/// Whether an interpreter has only one object of this value, which also takes less than the five bytes of a
/// reference.
fn is_shorter_than_a_reference(node: &Node<'_>) -> bool {
    match node {
        Node::Value(Value::Leaf(leaf, bytes)) => match leaf {
            Leaf::None | Leaf::False | Leaf::True | Leaf::StopIteration | Leaf::Ellipsis => true,
            Leaf::Text => bytes.len() <= 1,
            Leaf::Int | Leaf::Long | Leaf::Float | Leaf::Complex | Leaf::Bytes => false,
        },
        Node::Value(Value::Branch(Branch::Tuple, children)) => children.is_empty(),
        Node::Value(Value::Branch(..)) | Node::Mutable(..) | Node::Code(_) => false,
    }
}

struct Writer<'g, 'o> {
    graph: &'g Graph<'g>,
    version: Version,
    output: &'o mut Vec<u8>,
    repeated: Vec<bool>,
    /// The numbers of the objects that were written and come again.
    numbers: Vec<Option<u32>>,
    next: u32,
}

/// What is still to be written, the next of them last.
enum Pending {
    Object(Id),
    /// A number of a code object.
    Number([u8; 4]),
    /// The end of a dictionary.
    End,
}

impl Writer<'_, '_> {
    fn write(&mut self, root: Id) {
        let mut pending = vec![Pending::Object(root)];
        while let Some(item) = pending.pop() {
            match item {
                Pending::Object(id) => self.object(id, &mut pending),
                Pending::Number(bytes) => self.output.extend_from_slice(&bytes),
                Pending::End => self.output.push(b'0'),
            }
        }
    }

    /// Writes a reference, or the object without what is in it, which becomes pending.
    fn object(&mut self, id: Id, pending: &mut Vec<Pending>) {
        if let Some(number) = self.numbers[id as usize] {
            self.output.push(b'r');
            self.output.extend_from_slice(&number.to_le_bytes());
            return;
        }
        let mut flag = 0;
        if self.repeated[id as usize] {
            flag = FLAG_REF;
            self.numbers[id as usize] = Some(self.next);
            self.next += 1;
        }
        match self.graph.node(id) {
            Node::Value(Value::Leaf(leaf, bytes)) => self.leaf(id, *leaf, bytes, flag),
            Node::Value(Value::Branch(branch, children)) => match (branch, u8::try_from(children.len())) {
                (Branch::Tuple, Ok(count)) => self.output.extend([b')' | flag, count]),
                (Branch::Tuple, Err(_)) => self.sized(b'(' | flag, children.len()),
                (Branch::FrozenSet, _) => self.sized(b'>' | flag, children.len()),
                (Branch::Slice, _) => self.output.push(b':' | flag),
            },
            Node::Mutable(mutable, children) => match mutable {
                Mutable::List => self.sized(b'[' | flag, children.len()),
                Mutable::Set => self.sized(b'<' | flag, children.len()),
                Mutable::Dict => {
                    self.output.push(b'{' | flag);
                    pending.push(Pending::End);
                }
            },
            Node::Code(code) => {
                self.output.push(b'c' | flag);
                let mut numbers = code.numbers.iter().rev();
                let mut objects = code.objects.iter().rev();
                for field in self.version.fields().iter().rev() {
                    pending.extend(match field {
                        Field::Number => numbers.next().copied().map(Pending::Number),
                        Field::Object(..) => objects.next().copied().map(Pending::Object),
                    });
                }
                return;
            }
        }
        pending.extend(self.graph.children(id).iter().rev().copied().map(Pending::Object));
    }

    fn leaf(&mut self, id: Id, leaf: Leaf, bytes: &[u8], flag: u8) {
        match leaf {
            Leaf::None => self.output.push(b'N'),
            Leaf::False => self.output.push(b'F'),
            Leaf::True => self.output.push(b'T'),
            Leaf::StopIteration => self.output.push(b'S'),
            Leaf::Ellipsis => self.output.push(b'.'),
            Leaf::Int => self.output.push(b'i' | flag),
            Leaf::Long => self.output.push(b'l' | flag),
            Leaf::Float => self.output.push(b'g' | flag),
            Leaf::Complex => self.output.push(b'y' | flag),
            Leaf::Bytes => self.sized(b's' | flag, bytes.len()),
            Leaf::Text => self.text(bytes, flag, self.graph.is_name(id) || is_identifier_like(bytes)),
        }
        self.output.extend_from_slice(bytes);
    }

    /// The type and length of a string.
    fn text(&mut self, bytes: &[u8], flag: u8, interned: bool) {
        let of = |plain, other| flag | if interned { other } else { plain };
        match (bytes.is_ascii(), u8::try_from(bytes.len())) {
            (true, Ok(length)) => self.output.extend([of(b'z', b'Z'), length]),
            (true, Err(_)) => self.sized(of(b'a', b'A'), bytes.len()),
            (false, _) => self.sized(of(b'u', b't'), bytes.len()),
        }
    }

    fn sized(&mut self, of: u8, length: usize) {
        let length = u32::try_from(length).expect("no part is longer than the file, which has a limit");
        self.output.push(of);
        self.output.extend_from_slice(&length.to_le_bytes());
    }
}

/// Whether an interpreter interns such a constant whenever it makes a code object of it.
fn is_identifier_like(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}
