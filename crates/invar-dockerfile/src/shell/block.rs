//! Loops, conditions and groups around a command.

/// A compound command that others are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Block {
    /// Commands of the same block have the same number; no two blocks of a script share one.
    pub number: usize,
    /// What it is.
    pub kind: BlockKind,
    /// The part of it that the command is in.
    pub part: BlockPart,
}

/// The kinds of compound commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockKind {
    /// `if ...; then ...; fi`
    If,
    /// `while ...; do ...; done`, or `until`.
    While,
    /// `for NAME in ...; do ...; done`, or `select`.
    For,
    /// `case ... in ...) ...;; esac`
    Case,
    /// `{ ...; }`
    Group,
    /// `( ... )`
    Subshell,
    /// What a function does when it is called.
    Function,
}

/// A part of a compound command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BlockPart {
    /// The condition of the branch with this number, from 0; for a loop over words, its first line.
    Condition(usize),
    /// The branch with this number, or what a loop or group does.
    Body(usize),
    /// What is after `else`.
    Otherwise,
}

/// The blocks that are open while a script is read.
#[derive(Debug, Default)]
pub(crate) struct OpenBlocks {
    open: Vec<Block>,
    count: usize,
}

impl OpenBlocks {
    pub(crate) fn all(&self) -> Vec<Block> {
        self.open.clone()
    }

    pub(crate) fn start(&mut self, kind: BlockKind, part: BlockPart) {
        // Deeper ones are not distinguished: their commands count as those of the block around them.
        if self.open.len() < crate::Limits::DEPTH {
            self.open.push(Block { number: self.count, kind, part });
        }
        self.count += 1;
    }

    /// Goes on to the next part of the innermost block of one of the `kinds`.
    pub(crate) fn next(&mut self, kinds: &[BlockKind], part: impl FnOnce(BlockPart) -> BlockPart) {
        if let Some(block) = self.open.iter_mut().rev().find(|block| kinds.contains(&block.kind)) {
            block.part = part(block.part);
        }
    }

    /// Ends the innermost block of one of the `kinds`.
    pub(crate) fn end(&mut self, kinds: &[BlockKind]) {
        if let Some(at) = self.open.iter().rposition(|block| kinds.contains(&block.kind)) {
            self.open.truncate(at);
        }
    }

    /// Takes a word of the shell's grammar that starts, goes on with, or ends a block.
    pub(crate) fn keyword(&mut self, word: &str, is_function: bool) {
        use BlockKind::{For, Function, Group, If, While};
        match word {
            "if" => self.start(If, BlockPart::Condition(0)),
            "then" => self.next(&[If], |part| match part {
                BlockPart::Condition(number) => BlockPart::Body(number),
                other => other,
            }),
            "elif" => self.next(&[If], |part| match part {
                BlockPart::Body(number) => BlockPart::Condition(number + 1),
                other => other,
            }),
            "else" => self.next(&[If], |_| BlockPart::Otherwise),
            "fi" => self.end(&[If]),
            "while" | "until" => self.start(While, BlockPart::Condition(0)),
            "for" | "select" => self.start(For, BlockPart::Condition(0)),
            "do" => self.next(&[While, For], |_| BlockPart::Body(0)),
            "done" => self.end(&[While, For]),
            "{" => self.start(if is_function { Function } else { Group }, BlockPart::Body(0)),
            "}" => self.end(&[Group, Function]),
            _ => {}
        }
    }
}
