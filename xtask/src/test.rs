//! The one test command: format, lints, docs, all tests, and a closing line that adds them up.
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Runs everything.
///
/// # Errors
/// The first step that failed.
pub fn run() -> Result<(), String> {
    crate::needs::install()?;
    step("format", &mut cargo(&["fmt", "--all", "--check"]))?;
    step(
        "lints",
        &mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--locked",
            "--quiet",
            "--",
            "-D",
            "warnings",
        ]),
    )?;
    step(
        "docs",
        cargo(&["doc", "--workspace", "--no-deps", "--locked", "--quiet"]).env("RUSTDOCFLAGS", "-D warnings"),
    )?;
    tests(crate::needs::uv().as_deref())
}

fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.args(arguments);
    command
}

fn step(name: &str, command: &mut Command) -> Result<(), String> {
    println!("==> {name}");
    let status = command.status().map_err(|error| format!("{name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed")) }
}

/// What runs each program of tests: not a limit for slow machines, but an end for what would never end. It is many times
/// what the longest takes, and lets all others have their turn; the test that hangs is named in the lines before.
const RUNNER: &str = r#"target.'cfg(unix)'.runner = ["timeout", "--foreground", "--verbose", "20m"]"#;

/// Runs all tests, with the folder `uv` in front of `PATH`. Tests that cannot run on this machine write a line to the
/// file that `INVAR_SKIPPED` names; they are shown and counted, and where `CI` is set they count as failures.
fn tests(uv: Option<&Path>) -> Result<(), String> {
    println!("==> tests");
    let skipped_file = skipped_file();
    // Left from an earlier run, or not there.
    let _ = std::fs::remove_file(&skipped_file);
    #[expect(
        clippy::disallowed_methods,
        reason = "no image is made here; the tests look where people's programs are"
    )]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = uv.map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    let path = std::env::join_paths(folders).map_err(|error| format!("PATH: {error}"))?;
    let mut child = cargo(&["test", "--workspace", "--locked", "--no-fail-fast", "--config", RUNNER])
        .env("PATH", path)
        .env("INVAR_SKIPPED", &skipped_file)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("tests: {error}"))?;
    let (mut passed, mut failed) = (0, 0);
    let output = child.stdout.take().expect("the output is piped");
    for line in BufReader::new(output).lines().map_while(Result::ok) {
        println!("{line}");
        if let Some(summary) = line.strip_prefix("test result: ") {
            passed += count(summary, "passed");
            failed += count(summary, "failed");
        }
    }
    let status = child.wait().map_err(|error| format!("tests: {error}"))?;
    let skipped = std::fs::read_to_string(&skipped_file).unwrap_or_default();
    for line in skipped.lines() {
        println!("SKIPPED {line}");
    }
    println!("\n{passed} passed, {failed} failed, {} skipped", skipped.lines().count());
    #[expect(clippy::disallowed_methods, reason = "no image is made here; CI must not pass by skipping")]
    let strict = std::env::var_os("CI").is_some();
    match (status.success(), strict && !skipped.is_empty()) {
        (true, false) => Ok(()),
        (true, true) => Err("tests were skipped, which CI does not allow".into()),
        (false, _) => Err("tests failed".into()),
    }
}

fn skipped_file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/skipped-tests")
}

/// The number before `word` in a line such as `ok. 12 passed; 0 failed; ...`.
fn count(summary: &str, word: &str) -> u32 {
    let words: Vec<&str> = summary.split_whitespace().collect();
    let number = words.windows(2).find(|pair| pair[1].trim_end_matches(';') == word).map(|pair| pair[0]);
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn cargos_summary_is_read() {
        let line = "FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.03s";
        assert_eq!((count(line, "passed"), count(line, "failed"), count(line, "skipped")), (12, 3, 0));
    }
}
