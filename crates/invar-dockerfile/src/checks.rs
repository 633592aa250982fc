//! What builders refuse although it can be read: flags without values, names without letters, invalid times.
//!
//! As BuildKit does it in `frontend/dockerfile/instructions` (`bflag.go`, `parse.go`): each check names the instruction
//! and what it takes.
use crate::error::{Fault, ParseError};
use crate::instruction::{Assignment, Flag, Instruction, InstructionKind, Word};

/// Flags that are on or off, and need no value.
const SWITCHES: [&str; 4] = ["keep-git-dir", "link", "parents", "unpack"];

/// Flags that may be given several times.
const LISTS: [&str; 3] = ["device", "exclude", "mount"];

/// Flags whose values are times.
const TIMES: [&str; 4] = ["interval", "start-interval", "start-period", "timeout"];

/// Checks the flags of the instruction `name`, each of which it has.
///
/// # Errors
/// [`ParseError`] at the first that no builder takes.
pub(crate) fn check_flags(name: &'static str, flags: &[Flag], known: &[&str]) -> Result<(), ParseError> {
    for (index, flag) in flags.iter().enumerate().filter(|(_, flag)| known.contains(&flag.name.as_str())) {
        let fault = |fault: Fault| Err(ParseError::new(fault, flag.span));
        let is_list = LISTS.contains(&flag.name.as_str());
        if !is_list && flags[..index].iter().any(|before| before.name == flag.name) {
            return fault(Fault::RepeatedFlag { name, flag: flag.name.clone() });
        }
        let takes = match (&flag.value, flag.name.as_str()) {
            (None, switch) if SWITCHES.contains(&switch) => continue,
            (None, _) => "a value",
            (Some(value), switch) if SWITCHES.contains(&switch) => {
                // A name can stand for either.
                let is_one = matches!(value.text.to_ascii_lowercase().as_str(), "" | "true" | "false");
                if is_one || value.text.contains('$') {
                    continue;
                }
                "true or false"
            }
            (Some(value), time) if name == "HEALTHCHECK" && TIMES.contains(&time) => {
                // An empty one is the default.
                if value.text.is_empty() || is_duration(&value.text) {
                    continue;
                }
                "a time with a unit, such as 30s"
            }
            (Some(value), "retries") if name == "HEALTHCHECK" => {
                if value.text.is_empty() || value.text.parse::<u32>().is_ok() {
                    continue;
                }
                "a number"
            }
            (Some(value), "network") if name == "RUN" => {
                if ["default", "host", "none"].contains(&value.text.as_str()) || value.text.contains('$') {
                    continue;
                }
                "default, none or host"
            }
            _ => continue,
        };
        return fault(Fault::FlagValue { name, flag: flag.name.clone(), takes });
    }
    Ok(())
}

/// Checks the arguments of an instruction.
///
/// # Errors
/// [`ParseError`] at the first that no builder takes.
pub(crate) fn check_arguments(instruction: &Instruction) -> Result<(), ParseError> {
    let refused = |word: &Word, name: &'static str, takes: &'static str| {
        Err(ParseError::new(Fault::ExtraArguments { name, takes }, word.span))
    };
    match &instruction.kind {
        InstructionKind::From { name: Some(name), .. } if !is_stage_name(&name.text) => refused(
            name,
            "FROM",
            "a stage name that starts with a letter and contains only letters, digits, -, _ and .",
        ),
        InstructionKind::Arg(assignments) => check_names("ARG", assignments),
        InstructionKind::Env(assignments) => check_names("ENV", assignments),
        InstructionKind::Label(assignments) => check_names("LABEL", assignments),
        InstructionKind::Volume(directories) => {
            match directories.iter().find(|directory| directory.text.trim().is_empty()) {
                Some(directory) => refused(directory, "VOLUME", "paths"),
                None if directories.is_empty() => {
                    let fault = Fault::MissingArguments { name: "VOLUME", needs: "a path" };
                    Err(ParseError::new(fault, instruction.span))
                }
                None => Ok(()),
            }
        }
        InstructionKind::Onbuild(inner) => check_arguments(inner),
        _ => Ok(()),
    }
}

/// Checks that the destination of a `COPY` or `ADD` is no here-document.
///
/// # Errors
/// [`ParseError`] where it is one.
pub(crate) fn check_destination(instruction: &Instruction) -> Result<(), ParseError> {
    let (InstructionKind::Copy(transfer) | InstructionKind::Add(transfer)) = &instruction.kind else {
        return Ok(());
    };
    let destination = transfer.destination.span;
    let is_in = |marker: crate::Span| destination.start >= marker.start && destination.start < marker.end;
    match instruction.heredocs.iter().any(|heredoc| is_in(heredoc.marker)) {
        true => {
            let (name, takes) = (instruction.kind.name(), "a path as its destination, and no here-document");
            Err(ParseError::new(Fault::ExtraArguments { name, takes }, destination))
        }
        false => Ok(()),
    }
}

fn check_names(name: &'static str, assignments: &[Assignment]) -> Result<(), ParseError> {
    match assignments.iter().find(|assignment| matches!(assignment.name.text.as_str(), "" | "\"\"" | "''")) {
        Some(blank) => {
            Err(ParseError::new(Fault::MissingArguments { name, needs: "a name before the =" }, blank.span))
        }
        None => Ok(()),
    }
}

/// Whether a stage may be called `name`, which is compared in lower case.
fn is_stage_name(name: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.chars().all(inner)
}

/// Whether `text` is a time as Go's `time.ParseDuration` reads it, and none that is too short for a health check.
fn is_duration(text: &str) -> bool {
    if text == "0" || text == "+0" {
        return true;
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    let (mut milliseconds, mut is_any) = (0.0_f64, false);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let Ok(number) = rest[..end].parse::<f64>() else { return false };
        rest = &rest[end..];
        let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit = match &rest[..end] {
            "ns" => 0.000_001,
            "us" | "µs" | "μs" => 0.001,
            "ms" => 1.0,
            "s" => 1000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            _ => return false,
        };
        milliseconds += number * unit;
        is_any = true;
        rest = &rest[end..];
    }
    is_any && (milliseconds == 0.0 || milliseconds >= 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_go() {
        let check = |text: &str, expected: bool| assert_eq!(is_duration(text), expected, "{text}");
        for good in ["30s", "1m30s", "1.5h", "0", "0s", "500ms", ".5s", "1ms"] {
            check(good, true);
        }
        for bad in ["5", "", "s", "5 s", "-1s", "1d", "10us", "1s5", "1..2s"] {
            check(bad, false);
        }
    }
}
