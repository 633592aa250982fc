//! The reference of the command line is what the definitions say.
mod support;

use support::{Context, repository};

#[test]
fn the_reference_is_up_to_date() {
    let context = Context::new();
    let mut reference = String::from(
        "# Command line\n\nMade from the program's own definitions; `INVAR_BLESS=1 cargo test -p invar --test reference` \
         writes it anew.\n",
    );
    let help = context.run(&["--help"]).success();
    for command in std::iter::once("").chain(commands(&help)) {
        let title = format!("invar {command}");
        let help = context.run(&[command, "--help"][usize::from(command.is_empty())..]).success();
        reference.push_str(&format!("\n## {}\n\n```text\n{}\n```\n", title.trim_end(), help.trim_end()));
    }
    let path = repository().join("docs/command-line.md");
    #[expect(clippy::disallowed_methods, reason = "a person asks the test to write the file")]
    if std::env::var_os("INVAR_BLESS").is_some() {
        std::fs::write(&path, &reference).expect("the reference can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, reference, "docs/command-line.md is out of date: run with INVAR_BLESS=1");
}

/// The commands in the order of the help, without the one that prints it.
fn commands(help: &str) -> impl Iterator<Item = &str> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    // A description that goes on stands further to the right than a name.
    let names =
        lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help")
}
