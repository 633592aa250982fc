//! The order of a set's elements.
//!
//! Which element a set gives first depends on hashes that differ from process to process. The canonical order is that
//! of the elements' sha256 digests, over
//! ```text
//! u8   kind: 0 None, 1 False, 2 True, 3 StopIteration, 4 Ellipsis, 5 Int, 6 Long, 7 Float, 8 Complex, 9 Bytes,
//!      10 str, 16 tuple, 17 frozenset, 18 slice
//! ...  the content's bytes as the file has them, without type and length; for a `Long` with its count
//!      for kinds from 16 on: the digests of what the object holds, in the canonical order
//! ```
//! so that the cost is linear however much the elements share.
use std::collections::BTreeMap;

use invar_tree::{Digest, Hasher};

use super::graph::{Branch, Graph, Id, Leaf, Node, Value};

/// The digests of objects in sets, as far as they were needed.
#[derive(Debug, Default)]
pub(super) struct Digests(BTreeMap<Id, Digest>);

/// An element of a set has no content to be ordered by.
#[derive(Debug)]
pub(super) struct NoContent;

impl Digests {
    /// The elements in canonical order, each once.
    pub(super) fn sort(&mut self, graph: &Graph<'_>, elements: Vec<Id>) -> Result<Vec<Id>, NoContent> {
        let mut keyed = Vec::new();
        for element in elements {
            keyed.push((self.of(graph, element)?, element));
        }
        keyed.sort_unstable();
        keyed.dedup();
        Ok(keyed.into_iter().map(|(_, element)| element).collect())
    }

    /// The digest of one object. Objects are finished from the inside out, with a stack that is not the thread's.
    fn of(&mut self, graph: &Graph<'_>, wanted: Id) -> Result<Digest, NoContent> {
        let mut unfinished = vec![wanted];
        while let Some(&id) = unfinished.last() {
            if self.0.contains_key(&id) {
                unfinished.pop();
                continue;
            }
            let Node::Value(value) = graph.node(id) else { return Err(NoContent) };
            let before = unfinished.len();
            unfinished.extend(graph.children(id).iter().filter(|child| !self.0.contains_key(child)));
            if unfinished.len() == before {
                self.0.insert(id, self.finish(value));
            }
        }
        Ok(self.0[&wanted])
    }

    fn finish(&self, value: &Value<'_>) -> Digest {
        let mut hasher = Hasher::new();
        match value {
            Value::Leaf(leaf, bytes) => {
                hasher.update(&[leaf_kind(*leaf)]);
                hasher.update(bytes);
            }
            Value::Branch(branch, children) => {
                hasher.update(&[branch_kind(*branch)]);
                for child in children.iter() {
                    hasher.update(self.0[child].as_bytes());
                }
            }
        }
        hasher.finish()
    }
}

fn leaf_kind(leaf: Leaf) -> u8 {
    match leaf {
        Leaf::None => 0,
        Leaf::False => 1,
        Leaf::True => 2,
        Leaf::StopIteration => 3,
        Leaf::Ellipsis => 4,
        Leaf::Int => 5,
        Leaf::Long => 6,
        Leaf::Float => 7,
        Leaf::Complex => 8,
        Leaf::Bytes => 9,
        Leaf::Text => 10,
    }
}

fn branch_kind(branch: Branch) -> u8 {
    match branch {
        Branch::Tuple => 16,
        Branch::FrozenSet => 17,
        Branch::Slice => 18,
    }
}
