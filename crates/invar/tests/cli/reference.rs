//! The reference of the command line is what the definitions say.
use std::collections::BTreeSet;

use crate::support::{Context, repository};

#[test]
fn the_reference_is_up_to_date() {
    let context = Context::new();
    let mut reference = String::from(
        "# Command line\n\nGenerated from the program's definitions; `INVAR_BLESS=1 cargo test -p invar reference` \
         updates it.\n",
    );
    let general = context.run(&["--help"]).success();
    reference.push_str(&format!("\n## invar\n\n```text\n{}\n```\n", general.trim_end()));
    reference.push_str("\nEvery command also takes the options above, except `--version`.\n");
    for command in commands(&general) {
        let help = context.run(&[command, "--help"]).success();
        let help = own(&help, &general);
        reference.push_str(&format!("\n## invar {command}\n\n```text\n{}\n```\n", help.trim_end()));
    }
    let path = repository().join("docs/command-line.md");
    #[expect(clippy::disallowed_methods, reason = "a person asks the test to write the file")]
    if std::env::var_os("INVAR_BLESS").is_some() {
        std::fs::write(&path, &reference).expect("the reference can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, reference, "docs/command-line.md is out of date: run with INVAR_BLESS=1");
}

/// The help of a command without the options that `general` has, each with the lines that go on with it.
fn own(help: &str, general: &str) -> String {
    let options: BTreeSet<&str> = general.lines().filter_map(option).collect();
    let (mut own, mut keep) = (String::new(), true);
    for line in help.lines() {
        // An option ends where the next one or another heading begins.
        if let Some(name) = option(line) {
            keep = !options.contains(name);
        } else if !line.is_empty() && !line.starts_with(' ') {
            keep = true;
        }
        if keep {
            own.push_str(line.trim_end());
            own.push('\n');
        }
    }
    own.trim_end().trim_end_matches("\n\nOptions:").to_owned()
}

/// The long name of the option that a line of help begins with.
fn option(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix('-')?;
    let name = text.split_once("--").map_or(text.strip_prefix('-'), |(_, name)| Some(name))?;
    name.split([' ', '[', '=']).next()
}

/// The commands in the order of the help, without the one that prints it.
fn commands(help: &str) -> impl Iterator<Item = &str> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let lines = lines.take_while(|line| !line.is_empty());
    // A description that goes on is further to the right than a name.
    let names =
        lines.filter(|line| !line.starts_with("   ")).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help")
}
