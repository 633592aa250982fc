//! What programs of tests say, added up.
//!
//! They are run with `--show-output`, so that what tests that passed printed comes as well. Only one kind of it is of
//! interest: a line that begins with `SKIPPED`, by which a test says that it, or a part of it, cannot be run here.
use std::fmt;

/// The sum of what was read.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Sum {
    passed: u32,
    failed: u32,
    /// Each as the test's name and why.
    pub skipped: Vec<String>,
    /// Whether anything failed, a program of tests that ended otherwise included.
    pub broken: bool,
    /// The test that passed whose output is being read; empty between two of them.
    output_of: Option<String>,
}

impl Sum {
    /// Reads the next line, and says whether it is for people to see.
    pub fn read(&mut self, line: &str) -> bool {
        if let Some(summary) = line.strip_prefix("test result: ") {
            self.passed += count(summary, "passed");
            self.failed += count(summary, "failed");
            for _ in 0..count(summary, "ignored") {
                self.skipped.push("a test that is always ignored".to_owned());
            }
        }
        match line {
            "successes:" => self.output_of = Some(String::new()),
            "failures:" => self.output_of = None,
            _ if line.starts_with("test result: ") => self.output_of = None,
            _ => {}
        }
        let Some(test) = &mut self.output_of else { return true };
        if let Some(name) = line.strip_prefix("---- ").and_then(|line| line.strip_suffix(" stdout ----")) {
            *test = name.to_owned();
        } else if let Some(why) = line.strip_prefix("SKIPPED") {
            self.skipped.push(format!("{test}: {}", why.trim_start_matches([':', ' '])));
        }
        false
    }

    /// Both together.
    pub fn and(mut self, other: Self) -> Self {
        self.skipped.extend(other.skipped);
        Self {
            passed: self.passed + other.passed,
            failed: self.failed + other.failed,
            broken: self.broken || other.broken,
            ..self
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped.len())
    }
}

/// The number before `word` in a line such as `ok. 12 passed; 0 failed; ...`.
fn count(summary: &str, word: &str) -> u32 {
    let words: Vec<&str> = summary.split_whitespace().collect();
    let number = words.windows(2).find(|pair| pair[1].trim_end_matches(';') == word).map(|pair| pair[0]);
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Sum, count};

    const PRINTED: &str = "\
running 3 tests
test a::b ... ok
test c ... ok
test d ... FAILED

successes:

---- a::b stdout ----
SKIPPED: without a cat
failures of others do not matter
SKIPPED again

---- c stdout ----
plain
SKIPPED c: needs a dog


successes:
    a::b
    c

failures:

---- d stdout ----
SKIPPED is no word of a test that failed

failures:
    d

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 7 filtered out; finished in 0.03s
";

    #[test]
    fn cargos_summary_is_read() {
        let line = "FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.03s";
        assert_eq!((count(line, "passed"), count(line, "failed"), count(line, "skipped")), (12, 3, 0));
    }

    #[test]
    fn what_tests_that_passed_print_is_only_read_for_what_they_skip() {
        let mut sum = Sum::default();
        let shown: Vec<&str> = PRINTED.lines().filter(|line| sum.read(line)).collect();
        assert_eq!((sum.passed, sum.failed), (2, 1));
        let skipped =
            ["a::b: without a cat", "a::b: again", "c: c: needs a dog", "a test that is always ignored"];
        assert_eq!(sum.skipped, skipped);
        assert!(!shown.contains(&"plain") && !shown.contains(&"    c"), "{shown:?}");
        assert!(shown.contains(&"test c ... ok") && shown.contains(&"---- d stdout ----"), "{shown:?}");
        assert!(shown.contains(&"SKIPPED is no word of a test that failed"), "{shown:?}");
        assert!(shown.last().is_some_and(|line| line.starts_with("test result: ")), "{shown:?}");

        let mut both = Sum { passed: 1, ..Sum::default() }.and(sum);
        assert_eq!(both.to_string(), "3 passed, 1 failed, 4 skipped");
        assert!(!both.broken);
        both = both.and(Sum { broken: true, ..Sum::default() });
        assert!(both.broken);
    }
}
