//! Input that is made to break the reader: no panic, no endless loop, no memory out of proportion.
use invar_dockerfile::{
    BuildArguments, Fault, InstructionKind, Limits, Stages, Text, parse, run_commands, split_commands,
};
use proptest::prelude::*;

/// Reads all that can be read, and checks that every place is in the file.
fn read_all(file: &[u8]) {
    let parsed = match parse(file) {
        Ok(parsed) => parsed,
        Err(error) => {
            assert!(error.span.start <= error.span.end && error.span.start <= file.len(), "{error:?}");
            return;
        }
    };
    let text = std::str::from_utf8(file).expect("it was read as text");
    let Ok(stages) = Stages::of(&parsed, &BuildArguments::default()) else { return };
    for stage in &stages.stages {
        stages.needed_by(stage.index);
        let mut walk = stages.walk(stage);
        while let Some((instruction, scope)) = walk.step() {
            assert!(text.get(instruction.span.range()).is_some(), "{instruction:?}");
            for flag in &instruction.flags {
                assert!(text.get(flag.span.range()).is_some(), "{flag:?}");
            }
            let InstructionKind::Run(command) = &instruction.kind else { continue };
            let invar_dockerfile::RunScript::Shell(script) = run_commands(command, instruction) else {
                continue;
            };
            for command in script.all() {
                assert!(text.get(command.span.range()).is_some(), "{command:?}");
                for word in &command.words {
                    assert!(text.get(word.span.range()).is_some(), "{word:?}");
                    let _ = word.expand(scope);
                }
            }
        }
    }
}

#[test]
fn limits_are_told() {
    let check = |text: String, expected: &str| {
        let error = parse(text.as_bytes()).expect_err("it is too much");
        assert_eq!(error.fault.to_string(), expected);
    };
    check(
        format!("FROM a\n# {}", "x".repeat(Limits::FILE)),
        "the file has 1048585 bytes; the limit is 1048576",
    );
    check(format!("FROM a\n{}", "RUN x\n".repeat(10_000)), "there are more than 10000 instructions");
    check(
        format!("FROM a\nRUN {}", "<<E ".repeat(65)),
        "there are more than 64 here-documents in an instruction",
    );
    let stages = parse("FROM a\n".repeat(257).as_bytes()).expect("it parses");
    Stages::of(&stages, &BuildArguments::default()).expect_err("too many stages");
}

#[test]
fn onbuild_inside_onbuild_ends() {
    let error =
        parse(format!("FROM a\n{} RUN x\n", "ONBUILD ".repeat(100_000)).as_bytes()).expect_err("too deep");
    assert!(matches!(error.fault, Fault::OnbuildOf { .. } | Fault::TooMany { .. }));
}

#[test]
fn doubled_values_do_not_fill_the_memory() {
    let mut text = String::from("FROM a\nENV A=aaaaaaaaaaaaaaaa\n");
    for _ in 0..1_000 {
        text.push_str("ENV A=$A$A$A$A\nENV B=${A//a/aaaa}\n");
    }
    read_all(text.as_bytes());
    let names: String = (0..1_500).map(|n| format!("ENV N{n}={}\n", "x".repeat(150))).collect();
    read_all(format!("FROM a AS s\n{names}{}", "FROM s AS s\n".repeat(40)).as_bytes());
}

#[test]
fn deep_nesting_ends() {
    for (open, close) in
        [("$(", ")"), ("(", ")"), ("`", "`"), ("${X:-", "}"), ("\"$(", ")\""), ("sh -c \"", "\"")]
    {
        for times in [30, 30_000] {
            let script = format!("a {}x{}", open.repeat(times), close.repeat(times));
            let found = split_commands(&Text::new(&script, 0), &[]);
            assert!(found.all().len() <= Limits::COMMANDS + 1);
            read_all(format!("FROM a\nRUN {script}\nENV A={}\n", script.replace(' ', "")).as_bytes());
        }
    }
}

#[test]
fn a_million_commands_are_not_listed() {
    let found = split_commands(&Text::new(&"a;".repeat(500_000), 0), &[]);
    assert_eq!(found.commands.len(), Limits::COMMANDS);
    assert!(!found.complete);
}

#[test]
fn things_that_do_not_end() {
    for text in [
        "a 'b",
        "a \"b",
        "a `b",
        "a $(b",
        "a ${b",
        "a $((b",
        "case",
        "case x in",
        "[[ a",
        "a <<",
        "a <",
        "f(",
        ")",
        ";;",
    ] {
        let found = split_commands(&Text::new(text, 0), &[]);
        assert!(found.commands.len() <= 1, "{text}: {found:?}");
        read_all(format!("FROM a\nRUN {text}\n").as_bytes());
    }
}

/// Pieces that mean something, so that random texts reach the deeper parts.
fn piece() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "FROM ",
        "RUN ",
        "COPY ",
        "ADD ",
        "ARG ",
        "ENV ",
        "ONBUILD ",
        "SHELL ",
        "CMD ",
        "HEALTHCHECK ",
        "--from=",
        "--mount=",
        "AS ",
        "\n",
        "\\\n",
        "# ",
        "<<EOF",
        "<<-'E'",
        "EOF",
        "$",
        "${",
        "}",
        "$(",
        ")",
        "(",
        "`",
        "'",
        "\"",
        "\\",
        ":-",
        "#",
        "%",
        "//",
        "/",
        "[",
        "]",
        ",",
        "\"a\"",
        "&&",
        "||",
        "|",
        ";",
        ";;",
        "case x in ",
        "esac",
        "if ",
        "then ",
        "fi",
        "a",
        "X",
        "=",
        " ",
        "\t",
        "é",
        "sh -c ",
        "eval ",
        ">",
        "<",
        "2>&1",
        "escape=`",
        "syntax=",
        "\r\n",
        "\u{feff}",
        "0",
    ]);
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_breaks_the_reader(pieces in prop::collection::vec(piece(), 0..60)) {
        let text = pieces.concat();
        read_all(text.as_bytes());
        read_all(format!("FROM a\nRUN {text}").as_bytes());
        read_all(format!("ARG X=1\nFROM a{text}").as_bytes());
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
        read_all(&[b"FROM a\nRUN ".as_slice(), &bytes].concat());
    }

    #[test]
    fn words_without_special_signs_come_back(first in "x[a-z0-9./:-]{1,8}", rest in prop::collection::vec("[a-z0-9=./:-]{1,8}", 0..8)) {
        let words: Vec<String> = std::iter::once(first).chain(rest).collect();
        let line = words.join(" ");
        let script = split_commands(&Text::new(&line, 0), &[]);
        let found: Vec<_> = script.commands[0].words.iter().map(|word| word.as_str()).collect();
        prop_assert_eq!(found, words.iter().map(String::as_str).collect::<Vec<_>>());
    }
}
