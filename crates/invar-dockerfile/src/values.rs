//! What the words of a stage come to, as far as a builder refuses it: substitutions that are none, ports, signals.
//!
//! As BuildKit does it in `frontend/dockerfile/dockerfile2llb`. It looks only at the stages that it builds. What depends
//! on a value that is not known is left to it.
use crate::instruction::{Instruction, InstructionKind, Source, Word};
use crate::scope::Scope;
use crate::stage_fault::StageFault;

/// Linux's names of signals, without `SIG` (signal(7)); the real-time ones are not among them.
const SIGNALS: [&str; 36] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE",
    "POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU",
    "UNUSED", "URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "EMT",
];

/// Checks an instruction that sees the names of `scope`.
///
/// # Errors
/// [`StageFault`] at the first word that no builder takes.
pub(crate) fn check_values(instruction: &Instruction, scope: &Scope, escape: char) -> Result<(), StageFault> {
    let words: Vec<&Word> = match &instruction.kind {
        InstructionKind::Env(assignments) | InstructionKind::Label(assignments) => {
            assignments.iter().filter_map(|assignment| assignment.value.as_ref()).collect()
        }
        InstructionKind::Arg(declared) => {
            declared.iter().filter_map(|assignment| assignment.value.as_ref()).collect()
        }
        InstructionKind::Expose(words) | InstructionKind::Volume(words) => words.iter().collect(),
        InstructionKind::User(word) | InstructionKind::Workdir(word) | InstructionKind::StopSignal(word) => {
            vec![word]
        }
        InstructionKind::Copy(transfer) | InstructionKind::Add(transfer) => {
            let sources = transfer.sources.iter().filter_map(|source| match source {
                Source::Path(word) => Some(word),
                Source::Heredoc(_) => None,
            });
            sources.chain([&transfer.destination]).collect()
        }
        _ => return Ok(()),
    };
    for word in words {
        let expansion = scope.expand(&word.text, escape).map_err(|source| StageFault::Expansion {
            word: word.text.clone(),
            span: word.span,
            source,
        })?;
        if !expansion.missing.is_empty() {
            continue;
        }
        let text = expansion.text.as_str();
        let takes = match &instruction.kind {
            InstructionKind::Expose(_) if !text.split_whitespace().all(is_port) => {
                "ports such as 80, 80/udp or 80-90"
            }
            InstructionKind::StopSignal(_) if !is_signal(text) => "a signal such as SIGTERM or 15",
            InstructionKind::Volume(_) if text.trim().is_empty() => "paths",
            _ => continue,
        };
        let (name, value, span) = (instruction.kind.name(), text.to_owned(), word.span);
        return Err(StageFault::Value { name, value, takes, span });
    }
    Ok(())
}

/// Whether `EXPOSE` takes the word. What has a colon is of Docker's own form, and not looked at.
fn is_port(text: &str) -> bool {
    if text.contains(':') {
        return true;
    }
    let (ports, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    let number = |text: &str| text.parse::<u16>().ok();
    let is_range = match ports.split_once('-') {
        Some((start, end)) => number(start).zip(number(end)).is_some_and(|(start, end)| start <= end),
        None => number(ports).is_some(),
    };
    is_range && ["tcp", "udp", "sctp"].contains(&protocol.to_ascii_lowercase().as_str())
}

fn is_signal(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    text.parse::<i32>().is_ok_and(|number| number != 0)
        || SIGNALS.contains(&name)
        || name.starts_with("RTMIN")
        || name.starts_with("RTMAX")
}
