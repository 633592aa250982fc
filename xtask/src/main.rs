//! Automation of this repository: `cargo xtask test` checks what a change must keep.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for people; this is how it speaks")]
mod names;
mod needs;
mod proof;
mod sum;
mod talk;
mod test;
mod tier;

use std::path::Path;
use std::process::ExitCode;

use tier::Tier;

const USAGE: &str = "\
Usage: cargo xtask <COMMAND>

Commands:
  test   Check format, lints and docs, and run all tests that need nothing but this machine
  test --real
         Run the other tests: with Debian's archives and a package index as they are today, a Docker engine, an emulated
         CPU, and programs that judge what is made
  test --all
         Both, with one sum
  proof scripts [NAME]...
         Build the projects of fixtures/scripts, whose maintainer scripts run, under all perturbations, and run
         their programs; needs root, some gigabytes and some minutes
  talk FOLDER
         Build the app of FOLDER from its Dockerfile, its flake, its Dockerfile-nix and the image of its flake, twice
         each, and try them in a Docker engine; needs root
  proof names
         Check the tables of Debian packages against Debian's archive; needs apt, and fetches about 150 MB
  needs  Only install what all tests need (Debian, as root); the commands above do it by themselves
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments.as_slice() {
        ["test"] => test::run(&[Tier::Quick]),
        ["test", "--real"] => test::run(&[Tier::Real]),
        ["test", "--all"] => test::run(&[Tier::Quick, Tier::Real]),
        ["talk", folder] => talk::run(Path::new(folder)),
        ["proof", "scripts", names @ ..] => proof::scripts(names),
        ["proof", "names"] => names::check(),
        // Where uv was put does not matter here: the test command finds it.
        ["needs"] => needs::install(Tier::Real).map(|()| _ = needs::uv()),
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
