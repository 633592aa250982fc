//! The compound commands of a script, put together again from the commands in them.
use invar_dockerfile::{BlockKind, BlockPart, Connector, ShellCommand};

/// A command, or a compound command.
#[derive(Debug)]
pub(super) enum Statement<'a> {
    Simple(&'a ShellCommand),
    Compound { kind: BlockKind, parts: Vec<(BlockPart, Vec<Statement<'a>>)> },
}

impl Statement<'_> {
    /// What is before it.
    pub(super) fn connector(&self) -> Connector {
        self.first().map_or(Connector::Sequence, |first| first.connector)
    }

    /// Its first command.
    pub(super) fn first(&self) -> Option<&ShellCommand> {
        match self {
            Self::Simple(command) => Some(command),
            Self::Compound { parts, .. } => parts.first()?.1.first()?.first(),
        }
    }
}

/// The statements of `commands`, whose blocks up to the level `depth` are the same.
pub(super) fn statements(commands: &[ShellCommand], depth: usize) -> Vec<Statement<'_>> {
    let mut found = Vec::new();
    let mut rest = commands;
    while let Some(first) = rest.first() {
        let Some(block) = first.blocks.get(depth) else {
            found.push(Statement::Simple(first));
            rest = &rest[1..];
            continue;
        };
        let same = |command: &ShellCommand| {
            command.blocks.get(depth).is_some_and(|other| other.number == block.number)
        };
        let length = rest.iter().take_while(|command| same(command)).count();
        let (mut inside, after) = rest.split_at(length);
        let mut parts = Vec::new();
        while let Some(part) =
            inside.first().and_then(|first| first.blocks.get(depth)).map(|block| block.part)
        {
            let of_part =
                |command: &ShellCommand| command.blocks.get(depth).is_some_and(|other| other.part == part);
            let length = inside.iter().take_while(|command| of_part(command)).count();
            parts.push((part, statements(&inside[..length], depth + 1)));
            inside = &inside[length..];
        }
        found.push(Statement::Compound { kind: block.kind, parts });
        rest = after;
    }
    found
}
