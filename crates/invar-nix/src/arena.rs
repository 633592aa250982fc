//! All thunks of an evaluation: numbers instead of pointers, so that nothing is cyclic and all is freed at once.
use std::rc::Rc;

use crate::code::{Env, Node};
use crate::error::EvalError;
use crate::ids::ThunkId;
use crate::name::Name;
use crate::place::Spot;
use crate::value::Value;

/// Thunks of one piece of the arena, which is never moved.
const CHUNK: usize = 1 << 12;

/// A value, or how to get it.
#[derive(Debug, Clone)]
pub(crate) enum Thunk {
    /// It is known.
    Value(Value),
    /// An expression among variables.
    Code(Rc<Node>, Env),
    /// A function and its argument.
    Call(ThunkId, ThunkId),
    /// A function and its two arguments.
    Call2(ThunkId, ThunkId, ThunkId),
    /// An attribute of a set.
    Select(ThunkId, Name),
    /// It is being computed.
    Busy,
    /// It has none.
    Failed(Box<EvalError>),
}

/// The thunks.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    chunks: Vec<Vec<(Thunk, Spot)>>,
    length: u32,
}

impl Arena {
    /// Bytes of one thunk.
    pub(crate) const SIZE: usize = size_of::<(Thunk, Spot)>();

    pub(crate) fn push(&mut self, thunk: Thunk, spot: Spot) -> ThunkId {
        if (self.length as usize).is_multiple_of(CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let last = self.chunks.last_mut().expect("one was added for the first thunk");
        last.push((thunk, spot));
        self.length += 1;
        ThunkId(self.length - 1)
    }

    pub(crate) fn get(&self, id: ThunkId) -> &(Thunk, Spot) {
        &self.chunks[id.0 as usize / CHUNK][id.0 as usize % CHUNK]
    }

    pub(crate) fn get_mut(&mut self, id: ThunkId) -> &mut Thunk {
        &mut self.chunks[id.0 as usize / CHUNK][id.0 as usize % CHUNK].0
    }

    /// The number of thunks.
    pub(crate) fn len(&self) -> u32 {
        self.length
    }
}
