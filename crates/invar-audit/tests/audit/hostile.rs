//! Dockerfiles that are made to break the audit: no panic, no endless work, places inside the text, all outputs made.
use std::collections::BTreeSet;

use invar_audit::{Ignore, Report, Surroundings, audit_dockerfile, render, summary, to_json, to_sarif};
use invar_dockerfile::BuildArguments;
use proptest::prelude::*;

fn audit_all(text: &str) {
    // A file that names itself, whatever is asked for.
    let read = |_: &str| Some("-r x.txt\n-r y.txt\na\n".to_owned());
    let surroundings = Surroundings { read: &read, ignore: Ignore::Missing, contexts: BTreeSet::new() };
    let Ok(audited) = audit_dockerfile("D", text.as_bytes(), &BuildArguments::default(), &surroundings)
    else {
        return;
    };
    let report = audited.report;
    for finding in &report.findings {
        for span in finding.span.iter().chain(&finding.also) {
            assert!(report.text.get(span.range()).is_some(), "{finding:?} in {text:?}");
        }
    }
    let few = Report { findings: report.findings.into_iter().take(50).collect(), ..report };
    let reports = [few];
    assert_eq!(render(&reports, false).is_empty(), reports[0].findings.is_empty());
    assert!(!summary(&reports).is_empty());
    assert!(to_json(&reports).is_object() && to_sarif(&reports, "1").is_object());
}

#[test]
fn very_many_commands_end() {
    for command in [
        "curl x;",
        "git clone x;",
        "pip install -r x.txt;",
        "npx x;",
        "apt-get install x;",
        "V=$V$V;",
        "bundle;",
        "date>x;",
    ] {
        audit_all(&format!("FROM a\nRUN {}\n", command.repeat(900)));
        audit_all(&format!("FROM a\n{}", format!("RUN {command}\n").repeat(900)));
    }
    let many = format!("FROM a\nRUN {}\n", "a;".repeat(5_000));
    let error = audit_dockerfile("D", many.as_bytes(), &BuildArguments::default(), &Surroundings::unknown());
    assert_eq!(error.expect_err("too many").to_string(), "the file runs more than 2000 commands");
    audit_all(&format!("FROM a\n{}", "COPY . .\nCOPY --from=x . .\nARG A\n".repeat(2_000)));
    audit_all(&format!("FROM a\n{}RUN x\n", "# invar: ignore=a,b,c\n".repeat(2_000)));
}

fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "RUN ",
        "COPY ",
        "ADD ",
        "ARG ",
        "ENV ",
        "FROM ",
        "\n",
        "\\\n",
        "--from=",
        "--mount=type=cache,target=",
        "curl ",
        "| sh",
        "https://h.test/x",
        "-o ",
        "git ",
        "clone ",
        "checkout ",
        "pip ",
        "install ",
        "-r ",
        "==",
        "apt-get ",
        "uv ",
        "sync ",
        "run ",
        "npm ",
        "npx ",
        "sudo ",
        "env ",
        "xargs ",
        "python -m ",
        "$(",
        ")",
        "`",
        "'",
        "\"",
        "$X",
        "&& ",
        "; ",
        "<<E",
        "E",
        "date ",
        "> ",
        "sha256sum -c ",
        "# invar: ignore=",
        "git-not-pinned",
        "x",
        "é",
        "=",
        "@",
        "-",
        "--",
        "/",
        ".",
        " ",
        "0",
    ]);
    prop_oneof![12 => known.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_the_audit(pieces in prop::collection::vec(piece(), 0..60)) {
        audit_all(&format!("FROM a\nRUN {}", pieces.concat()));
    }
}
