//! Automation of this repository: `cargo xtask test` checks everything that a change must keep.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people; this is how it speaks")]
mod names;
mod needs;
mod proof;
mod talk;
mod test;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  test   Install what the tests need, then check format, lints, docs and run all tests
  proof scripts [NAME]...
         Build the projects of fixtures/scripts, whose maintainer scripts run, under all perturbations, and run
         their programs; needs root, some gigabytes and some minutes
  talk FOLDER
         Build the app of FOLDER from its Dockerfile, its flake, its Dockerfile-nix and the image of its flake, twice
         each, and try them in a Docker engine; needs root
  proof names
         Check the tables of Debian packages against Debian's archive; needs apt, and fetches about 150 MB
  needs  Only install what the tests need (Debian, as root)
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["test"] => test::run(),
        ["talk", folder] => talk::run(Path::new(folder)),
        ["proof", "scripts", names @ ..] => proof::scripts(names),
        ["proof", "names"] => names::check(),
        // Where uv was put does not matter here: the test command finds it.
        ["needs"] => needs::install().map(|()| _ = needs::uv()),
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}
