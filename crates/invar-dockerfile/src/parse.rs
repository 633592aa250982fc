//! From a file's bytes to its instructions.
use crate::checks::{check_arguments, check_destination, check_flags};
use crate::continuation::{Line, Lines, join};
use crate::directive::{Directive, directive};
use crate::error::{Fault, ParseError};
use crate::exec::exec_form;
use crate::flag::flags;
use crate::heredoc::{self, Heredoc};
use crate::instruction::{
    Command, Comment, Dockerfile, Healthcheck, Instruction, InstructionKind, Source, Transfer, Word,
};
use crate::limits::Limits;
use crate::text::{LineIndex, Span, Text};
use crate::variables::{assignments, declarations};
use crate::words::{by_space, by_space_and_quotes, first_word};

/// Each instruction with the flags that it has.
const INSTRUCTIONS: [(&str, &[&str]); 18] = [
    ("ADD", &["chmod", "chown", "checksum", "exclude", "keep-git-dir", "link", "unpack"]),
    ("ARG", &[]),
    ("CMD", &[]),
    ("COPY", &["chmod", "chown", "exclude", "from", "link", "parents"]),
    ("ENTRYPOINT", &[]),
    ("ENV", &[]),
    ("EXPOSE", &[]),
    ("FROM", &["platform"]),
    ("HEALTHCHECK", &["interval", "timeout", "start-period", "start-interval", "retries"]),
    ("LABEL", &[]),
    ("MAINTAINER", &[]),
    ("ONBUILD", &[]),
    ("RUN", &["device", "mount", "network", "security"]),
    ("SHELL", &[]),
    ("STOPSIGNAL", &[]),
    ("USER", &[]),
    ("VOLUME", &[]),
    ("WORKDIR", &[]),
];

/// Reads a Dockerfile.
///
/// Offsets in the result are those of `file`; a byte order mark at its start is skipped.
///
/// # Errors
/// [`ParseError`] for what a builder would refuse, and for what is beyond the [`Limits`].
pub fn parse(file: &[u8]) -> Result<Dockerfile, ParseError> {
    if file.len() > Limits::FILE {
        let fault = Fault::TooLong { bytes: file.len(), limit: Limits::FILE };
        return Err(ParseError::new(fault, Span::default()));
    }
    let text = std::str::from_utf8(file).map_err(|error| {
        let at = error.valid_up_to();
        ParseError::new(Fault::NotText, Span::new(at, at + 1))
    })?;
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut reader = Reader { file: text, escape: '\\', directives: Vec::new(), comments: Vec::new() };
    let mut lines = reader.directives(start)?;
    let mut instructions: Vec<Instruction> = Vec::new();
    while let Some(line) = lines.next() {
        if line.is_blank() {
            continue;
        }
        if line.is_comment() {
            reader.comment(Span::new(line.start, line.start + line.text.len()), false);
            continue;
        }
        if let Some(instruction) = reader.instruction(line, &mut lines)? {
            if instructions.len() == Limits::INSTRUCTIONS {
                let fault = Fault::TooMany { what: "instructions", limit: Limits::INSTRUCTIONS };
                return Err(ParseError::new(fault, instruction.name));
            }
            instructions.push(instruction);
        }
    }
    check_order(&instructions, text)?;
    let Reader { directives, comments, escape, .. } = reader;
    Ok(Dockerfile { directives, escape, comments, instructions, lines: LineIndex::of(text) })
}

fn check_order(instructions: &[Instruction], text: &str) -> Result<(), ParseError> {
    let Some(last) = instructions.last() else {
        return Err(ParseError::new(Fault::NoInstructions, Span::new(text.len(), text.len())));
    };
    for instruction in instructions {
        match instruction.kind {
            InstructionKind::From { .. } => return Ok(()),
            InstructionKind::Arg(_) => {}
            _ => {
                let fault = Fault::BeforeFrom { name: instruction.kind.name().to_owned() };
                return Err(ParseError::new(fault, instruction.name));
            }
        }
    }
    Err(ParseError::new(Fault::NoStage, last.name))
}

struct Reader<'a> {
    file: &'a str,
    escape: char,
    directives: Vec<Directive>,
    comments: Vec<Comment>,
}

impl<'a> Reader<'a> {
    /// Reads the directives at the top, and gives the lines after them.
    fn directives(&mut self, start: usize) -> Result<Lines<'a>, ParseError> {
        let mut lines = Lines::new(self.file, start);
        loop {
            let at = lines.at();
            let Some(line) = lines.next() else { return Ok(lines) };
            let Some(found) = directive(line, &self.directives)? else {
                return Ok(Lines::new(self.file, at));
            };
            if found.name == "escape" {
                self.escape = if found.value == "`" { '`' } else { '\\' };
            }
            self.directives.push(found);
        }
    }

    fn comment(&mut self, line: Span, inside: bool) {
        let text = &self.file[line.range()];
        let indent = text.len() - text.trim_start().len();
        let text = text.trim_start().trim_start_matches('#').trim().to_owned();
        self.comments.push(Comment { text, span: Span::new(line.start + indent, line.end), inside });
    }

    fn instruction(
        &mut self,
        first: Line<'_>,
        lines: &mut Lines<'_>,
    ) -> Result<Option<Instruction>, ParseError> {
        let joined = join(first, lines, self.escape);
        for comment in joined.comments {
            self.comment(comment, true);
        }
        let line = joined.text.trimmed();
        // A line of nothing but an escape character.
        if line.as_str().is_empty() {
            return Ok(None);
        }
        let mut instruction = self.of_line(&line, 0)?;
        instruction.span.end = instruction.span.end.max(joined.end);
        let holder = innermost(&mut instruction);
        if takes_heredocs(&holder.kind) {
            let markers = heredoc::markers(&line);
            if markers.len() > Limits::HEREDOCS {
                let fault =
                    Fault::TooMany { what: "here-documents in an instruction", limit: Limits::HEREDOCS };
                return Err(ParseError::new(fault, line.span()));
            }
            if !markers.is_empty() {
                holder.heredocs = heredoc::contents(&line, markers, lines, self.file)?;
                check_destination(holder)?;
                name_heredoc_sources(holder);
                instruction.span.end = self.file[..lines.at()].trim_end_matches(['\r', '\n']).len();
            }
        }
        Ok(Some(instruction))
    }

    fn of_line(&self, line: &Text, depth: usize) -> Result<Instruction, ParseError> {
        let (word, arguments) = first_word(line);
        let upper = word.as_str().to_ascii_uppercase();
        let Some((name, known_flags)) = INSTRUCTIONS.into_iter().find(|(name, _)| *name == upper) else {
            let fault =
                Fault::UnknownInstruction { name: word.as_str().to_owned(), nearest: nearest(&upper) };
            return Err(ParseError::new(fault, word.span()));
        };
        let (flags, arguments) = flags(&arguments, self.escape);
        // Another front end may know other flags.
        let standard = self.directives.iter().all(|directive| directive.name != "syntax");
        let unknown = flags.iter().find(|flag| !known_flags.contains(&flag.name.as_str()));
        if let Some(flag) = unknown.filter(|_| standard) {
            return Err(ParseError::new(Fault::UnknownFlag { name, flag: flag.name.clone() }, flag.span));
        }
        check_flags(name, &flags, known_flags)?;
        let kind = self.kind(name, &arguments, &word, depth)?;
        let instruction =
            Instruction { kind, flags, heredocs: Vec::new(), name: word.span(), span: line.span() };
        check_arguments(&instruction)?;
        Ok(instruction)
    }

    fn kind(
        &self,
        name: &'static str,
        arguments: &Text,
        word: &Text,
        depth: usize,
    ) -> Result<InstructionKind, ParseError> {
        let missing = |needs| ParseError::new(Fault::MissingArguments { name, needs }, word.span());
        if arguments.as_str().is_empty() && !matches!(name, "CMD" | "ENTRYPOINT" | "RUN") {
            return Err(missing(needs(name)));
        }
        let one = || Word { text: arguments.as_str().to_owned(), span: arguments.span() };
        Ok(match name {
            "FROM" => self.from(arguments)?,
            "RUN" => InstructionKind::Run(command(arguments)?),
            "CMD" => InstructionKind::Cmd(command(arguments)?),
            "ENTRYPOINT" => InstructionKind::Entrypoint(command(arguments)?),
            "SHELL" => {
                let words = exec_form(arguments)?.filter(|words| !words.is_empty());
                InstructionKind::Shell(
                    words.ok_or_else(|| ParseError::new(Fault::NotExecForm, arguments.span()))?,
                )
            }
            "COPY" | "ADD" => {
                let mut words = words(arguments)?;
                let destination = words.pop().filter(|_| !words.is_empty());
                let destination = destination.ok_or_else(|| missing(needs(name)))?;
                let transfer =
                    Transfer { sources: words.into_iter().map(Source::Path).collect(), destination };
                if name == "COPY" { InstructionKind::Copy(transfer) } else { InstructionKind::Add(transfer) }
            }
            "ARG" => InstructionKind::Arg(declarations(arguments, self.escape)),
            "ENV" => InstructionKind::Env(assignments(name, arguments, self.escape)?),
            "LABEL" => InstructionKind::Label(assignments(name, arguments, self.escape)?),
            "EXPOSE" => InstructionKind::Expose(by_space(arguments)),
            "VOLUME" => InstructionKind::Volume(words(arguments)?),
            "USER" => InstructionKind::User(one()),
            "WORKDIR" => InstructionKind::Workdir(one()),
            "STOPSIGNAL" => InstructionKind::StopSignal(one()),
            "MAINTAINER" => InstructionKind::Maintainer(one()),
            "HEALTHCHECK" => InstructionKind::Healthcheck(healthcheck(arguments, &missing)?),
            _ => self.onbuild(arguments, depth)?,
        })
    }

    fn from(&self, arguments: &Text) -> Result<InstructionKind, ParseError> {
        let mut words = by_space_and_quotes(arguments, self.escape).into_iter();
        let extra = |span| {
            ParseError::new(
                Fault::ExtraArguments { name: "FROM", takes: "an image, or an image AS a name" },
                span,
            )
        };
        let image = words.next().ok_or_else(|| extra(arguments.span()))?;
        let name = match (words.next(), words.next(), words.next()) {
            (None, ..) => None,
            (Some(keyword), Some(name), None) if keyword.text.eq_ignore_ascii_case("as") => Some(name),
            _ => return Err(extra(arguments.span())),
        };
        Ok(InstructionKind::From { image, name })
    }

    fn onbuild(&self, arguments: &Text, depth: usize) -> Result<InstructionKind, ParseError> {
        if depth == Limits::DEPTH {
            let fault = Fault::TooMany { what: "nested ONBUILD", limit: Limits::DEPTH };
            return Err(ParseError::new(fault, arguments.span()));
        }
        let inner = self.of_line(arguments, depth + 1)?;
        if matches!(
            inner.kind,
            InstructionKind::From { .. } | InstructionKind::Onbuild(_) | InstructionKind::Maintainer(_)
        ) {
            let fault = Fault::OnbuildOf { name: inner.kind.name().to_owned() };
            return Err(ParseError::new(fault, inner.name));
        }
        Ok(InstructionKind::Onbuild(Box::new(inner)))
    }
}

fn innermost(instruction: &mut Instruction) -> &mut Instruction {
    match instruction.kind {
        InstructionKind::Onbuild(ref mut inner) => innermost(inner),
        _ => instruction,
    }
}

const fn takes_heredocs(kind: &InstructionKind) -> bool {
    matches!(
        kind,
        InstructionKind::Run(Command::Shell(_)) | InstructionKind::Copy(_) | InstructionKind::Add(_)
    )
}

/// Replaces the sources of a `COPY` or `ADD` that are here-documents by their numbers.
fn name_heredoc_sources(instruction: &mut Instruction) {
    let (InstructionKind::Copy(transfer) | InstructionKind::Add(transfer)) = &mut instruction.kind else {
        return;
    };
    // `<< EOF` is two words between white space, but one here-document.
    let inside = |source: &Source, heredoc: &Heredoc| matches!(source, Source::Path(word) if word.span.start > heredoc.marker.start && word.span.start < heredoc.marker.end);
    transfer.sources.retain(|source| !instruction.heredocs.iter().any(|heredoc| inside(source, heredoc)));
    for source in &mut transfer.sources {
        let Source::Path(word) = source else { continue };
        let number = instruction.heredocs.iter().position(|heredoc| heredoc.marker.start == word.span.start);
        if let Some(number) = number {
            *source = Source::Heredoc(number);
        }
    }
}

fn command(arguments: &Text) -> Result<Command, ParseError> {
    Ok(exec_form(arguments)?.map_or_else(|| Command::Shell(arguments.clone()), Command::Exec))
}

fn words(arguments: &Text) -> Result<Vec<Word>, ParseError> {
    Ok(exec_form(arguments)?.unwrap_or_else(|| by_space(arguments)))
}

fn healthcheck(
    arguments: &Text,
    missing: &dyn Fn(&'static str) -> ParseError,
) -> Result<Healthcheck, ParseError> {
    let (kind, rest) = first_word(arguments);
    let takes = "NONE, or CMD with a command";
    if kind.as_str().eq_ignore_ascii_case("none") {
        if !rest.as_str().is_empty() {
            return Err(ParseError::new(Fault::ExtraArguments { name: "HEALTHCHECK", takes }, rest.span()));
        }
        return Ok(Healthcheck::None);
    }
    if !kind.as_str().eq_ignore_ascii_case("cmd") {
        return Err(ParseError::new(Fault::ExtraArguments { name: "HEALTHCHECK", takes }, kind.span()));
    }
    if rest.as_str().is_empty() {
        return Err(missing(takes));
    }
    Ok(Healthcheck::Command(command(&rest)?))
}

fn needs(name: &str) -> &'static str {
    match name {
        "FROM" => "an image",
        "COPY" | "ADD" => "at least one source, and a destination",
        "ENV" | "LABEL" => "a name and a value",
        "ARG" => "a name",
        "ONBUILD" => "an instruction",
        "SHELL" => "a JSON array of strings",
        _ => "an argument",
    }
}

/// The instruction that differs from `word` least, where that is little.
fn nearest(word: &str) -> Option<&'static str> {
    if word.len() > 16 {
        return None;
    }
    let by_distance = INSTRUCTIONS.into_iter().map(|(name, _)| (strsim::osa_distance(word, name), name));
    by_distance
        .min()
        .filter(|(distance, name)| *distance <= 2 && *distance < name.len())
        .map(|(_, name)| name)
}
