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
    for command in [&[][..], &["lock"], &["build"]] {
        let mut arguments = command.to_vec();
        arguments.push("--help");
        let help = context.run(&arguments).success();
        let title = ["invar"].iter().chain(command).copied().collect::<Vec<_>>().join(" ");
        reference.push_str(&format!("\n## {title}\n\n```text\n{}\n```\n", help.trim_end()));
    }
    let path = repository().join("docs/command-line.md");
    #[expect(clippy::disallowed_methods, reason = "a person asks the test to write the file")]
    if std::env::var_os("INVAR_BLESS").is_some() {
        std::fs::write(&path, &reference).expect("the reference can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, reference, "docs/command-line.md is out of date: run with INVAR_BLESS=1");
}
