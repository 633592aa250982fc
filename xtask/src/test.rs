//! The test commands: format, lints, docs and the quick tests; the real ones; and a closing line that adds them up.
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::sum::Sum;
use crate::tier::Tier;

/// Runs `tiers`, one after the other, also where the first one has failures.
///
/// # Errors
/// What failed.
pub fn run(tiers: &[Tier]) -> Result<(), String> {
    let mut sums = Vec::new();
    for &tier in tiers {
        crate::needs::install(tier)?;
        if tier == Tier::Quick {
            checks()?;
        }
        let mut sum = Sum::default();
        sum.broken = !tests(tier, &mut sum)?;
        sums.push((tier, sum));
    }
    println!();
    for (_, sum) in &sums {
        for line in &sum.skipped {
            println!("SKIPPED {line}");
        }
    }
    for (tier, sum) in &sums {
        println!("{} tests: {sum}", tier.name());
    }
    let total = sums.into_iter().map(|(_, sum)| sum).fold(Sum::default(), Sum::and);
    println!("{total}");
    #[expect(clippy::disallowed_methods, reason = "no image is made here; CI must not pass by skipping")]
    let strict = std::env::var_os("CI").is_some();
    match (total.broken, strict && !total.skipped.is_empty()) {
        (false, false) => Ok(()),
        (false, true) => Err("tests were skipped, which CI does not allow".into()),
        (true, _) => Err("tests failed".into()),
    }
}

/// Format, lints and docs.
fn checks() -> Result<(), String> {
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
    // The core alone, as people build it who work on it.
    step(
        "lints of the core",
        &mut cargo(&[
            "clippy",
            "-p",
            "invar",
            "--no-default-features",
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
    )
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
const RUNNER: &str = r#"target.'cfg(unix)'.runner = ["timeout", "--foreground", "--verbose", "40m"]"#;

/// Runs the tests of one tier and adds them to `sum`; says whether all programs of tests ended well.
fn tests(tier: Tier, sum: &mut Sum) -> Result<bool, String> {
    let name = tier.name();
    println!("==> {name} tests");
    let failed = |error: &dyn std::fmt::Display| format!("{name} tests: {error}");
    let mut child = cargo(&["test", "--workspace", "--locked", "--no-fail-fast", "--config", RUNNER])
        .args(tier.arguments())
        .env("PATH", path(tier)?)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(&error))?;
    let output = child.stdout.take().expect("the output is piped");
    for line in BufReader::new(output).lines() {
        let line = line.map_err(|error| failed(&error))?;
        if sum.read(&line) {
            println!("{line}");
        }
    }
    let status = child.wait().map_err(|error| failed(&error))?;
    Ok(status.success())
}

/// `PATH`, with the folder that has uv in front of it where the tests need that.
fn path(tier: Tier) -> Result<std::ffi::OsString, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "no image is made here; the tests look where people's programs are"
    )]
    let path = std::env::var_os("PATH").unwrap_or_default();
    let uv: Option<PathBuf> = (tier == Tier::Real).then(crate::needs::uv).flatten();
    let folders = uv.into_iter().chain(std::env::split_paths(&path));
    std::env::join_paths(folders).map_err(|error| format!("PATH: {error}"))
}
