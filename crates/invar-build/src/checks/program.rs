//! Whether a program can be started: it is there, may be run, and what it is run by is there too.
use invar_formats::elf::{Elf, PT_INTERP};
use invar_tree::{Entry, ImagePath, Machine, Origin};

use super::advice;
use super::view::{View, is_executable};

/// What keeps a program from starting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartFault {
    /// What is wrong, as a sentence: "`bash` not found in the image".
    pub cause: String,
    /// What to write, or to do.
    pub advice: Option<String>,
    /// The program that is not there at all, by its name alone.
    pub missing: Option<String>,
}

/// What keeps the program `name` from starting.
pub(super) fn fault(view: &View<'_>, name: &str) -> Option<StartFault> {
    let fault = |cause, advice| Some(StartFault { cause, advice, missing: None });
    let Some((path, entry)) = view.find(name) else {
        if view.is_in_volume(name) && name.contains('/') {
            return None;
        }
        return Some(StartFault {
            cause: format!("`{name}` not found in the image"),
            advice: advice::for_program(view, name),
            missing: name.rsplit('/').next().map(str::to_owned),
        });
    };
    if entry.is_directory() {
        return fault(format!("`{name}` is a directory in the image"), None);
    }
    if !is_executable(entry) {
        return fault(format!("`{name}` is not executable in the image"), advice::for_mode(entry, &path));
    }
    let (cause, advice) = unstartable(view, &path, entry)?;
    fault(format!("`{name}` {cause}"), advice)
}

/// Why the kernel would not start the file at `path`, and what mends it.
fn unstartable(view: &View<'_>, path: &ImagePath, entry: &Entry) -> Option<(String, Option<String>)> {
    let start = view.start(path);
    if start.starts_with(b"\x7fELF") {
        return loader(view, path);
    }
    if let Some(line) = start.strip_prefix(b"#!") {
        return interpreter(view, line);
    }
    // Where Debian and wheels have it so, they know why; and only shells start such a file.
    let own = matches!(&*entry.origin, Origin::Source | Origin::Step { .. });
    (own && !start.is_empty()).then(|| {
        let advice = format!("start the file with a line such as `#!/bin/sh`, or name what runs {path}");
        ("is neither a program nor a script with a `#!` line".to_owned(), Some(advice))
    })
}

/// The loader of an ELF file, and whether the file is for the image's machine.
fn loader(view: &View<'_>, path: &ImagePath) -> Option<(String, Option<String>)> {
    let mut file = view.open(path)?;
    let mut elf = Elf::open(&mut *file).ok().flatten()?;
    let wanted = machine(view)?;
    if elf.machine() != wanted.elf_number() {
        let mut other = Machine::ALL.into_iter();
        let other = other.find(|machine| machine.elf_number() == elf.machine());
        let other = other.map_or("another machine", |machine| machine.architecture());
        return Some((format!("is built for {other}, and the image is for {}", wanted.architecture()), None));
    }
    let segments = elf.segments().ok().flatten()?;
    let segment = segments.iter().find(|segment| segment.kind == PT_INTERP)?;
    let name = elf.name(segment.offset).ok().flatten()?;
    let name = String::from_utf8(name).ok()?;
    if view.is_file(&name) {
        return None;
    }
    let advice = match name.contains("ld-musl") {
        true => "it is built for musl, and Debian has glibc: use a build for glibc",
        false => "add \"libc6\" to `packages` of [tool.invar]",
    };
    Some((format!("needs {name}, which is not in the image"), Some(advice.to_owned())))
}

/// The machine that the image is for.
pub(super) fn machine(view: &View<'_>) -> Option<Machine> {
    Machine::ALL.into_iter().find(|machine| machine.architecture() == view.config.architecture)
}

/// What a `#!` line names (execve(2), "Interpreter scripts"); `line` is what follows the two characters.
fn interpreter(view: &View<'_>, line: &[u8]) -> Option<(String, Option<String>)> {
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = std::str::from_utf8(line).ok()?;
    if line.ends_with('\r') {
        let advice = "save the file with line feeds, without carriage returns".to_owned();
        return Some(("has a carriage return at the end of its first line".to_owned(), Some(advice)));
    }
    let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
    let program = words.next()?;
    let lacks = |program: &str| {
        let line = line.trim();
        (
            format!("starts with `#!{line}`, and {program} is not in the image"),
            advice::for_program(view, program),
        )
    };
    if !view.is_file(program) {
        return Some(lacks(program));
    }
    if program.rsplit('/').next() != Some("env") {
        return None;
    }
    let program = words.find(|word| !word.starts_with('-') && !word.contains('='))?;
    view.find(program).is_none().then(|| lacks(program))
}
