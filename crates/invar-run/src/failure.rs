//! How a command that failed is told of.
use std::fmt;
use std::path::PathBuf;

/// Why a command that was run in the sandbox failed.
#[derive(Debug, thiserror::Error)]
#[error("{label} {problem}{}", Details(self))]
pub struct StepFailure {
    /// What was built.
    pub label: String,
    /// How it ended, as the end of a sentence.
    pub problem: String,
    /// The last lines that it printed.
    pub last_lines: Vec<String>,
    /// The file with all that it printed.
    pub log: PathBuf,
    /// Where its files are kept, if that was asked for.
    pub kept: Option<String>,
    /// What may help.
    pub hint: Option<String>,
}

struct Details<'a>(&'a StepFailure);

/// A number of bytes, for people.
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
        let unit = UNITS.iter().find(|(_, shift)| self.0 >> shift >= 1);
        let Some((unit, shift)) = unit else { return write!(f, "{} bytes", self.0) };
        // In tenths, without the error of a binary fraction.
        let tenths = (u128::from(self.0) * 10) >> shift;
        match tenths % 10 {
            0 => write!(f, "{} {unit}", tenths / 10),
            tenth => write!(f, "{}.{tenth} {unit}", tenths / 10),
        }
    }
}

impl fmt::Display for Details<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.last_lines.is_empty() {
            f.write_str("; its last lines:")?;
        }
        for line in &self.0.last_lines {
            write!(f, "\n  | {line}")?;
        }
        write!(f, "\nthe full log is {}", self.0.log.display())?;
        match &self.0.kept {
            Some(kept) => write!(f, "\nits files are in {}", kept),
            None => Ok(()),
        }
    }
}
