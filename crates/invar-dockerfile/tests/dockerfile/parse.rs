//! The syntax: what BuildKit reads is read the same, and each word knows its place.
use invar_dockerfile::{Command, Dockerfile, Fault, InstructionKind, Source, Span, parse};

fn read(text: &str) -> Dockerfile {
    parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error} at {:?} in {text}", error.span))
}

fn fault(text: &str) -> (Fault, Span) {
    let error = parse(text.as_bytes()).expect_err(text);
    (error.fault, error.span)
}

fn shell_line(file: &Dockerfile, index: usize) -> &str {
    match &file.instructions[index].kind {
        InstructionKind::Run(Command::Shell(line)) | InstructionKind::Cmd(Command::Shell(line)) => {
            line.as_str()
        }
        other => panic!("no line for a shell: {other:?}"),
    }
}

#[test]
fn directives_stand_at_the_top_only() {
    let file =
        read("# syntax = docker/dockerfile:1\n#escape=`\n# check=skip=all\n# plain\nFROM a\n# syntax=b\n");
    let found: Vec<_> = file.directives.iter().map(|d| (d.name, d.value.as_str())).collect();
    assert_eq!(found, [("syntax", "docker/dockerfile:1"), ("escape", "`"), ("check", "skip=all")]);
    assert_eq!(file.escape, '`');
    let comments: Vec<_> = file.comments.iter().map(|comment| comment.text.as_str()).collect();
    assert_eq!(comments, ["plain", "syntax=b"]);
    let text = "# a comment\n# escape=`\nFROM a\n";
    assert!(read(text).directives.is_empty(), "after a comment nothing is a directive");
    assert!(read("\n# escape=`\nFROM a\n").directives.is_empty(), "after a blank line neither");
    let spot = read("# syntax=docker/dockerfile:1\nFROM a\n").directives[0].value_span;
    assert_eq!(&"# syntax=docker/dockerfile:1"[spot.range()], "docker/dockerfile:1");
}

#[test]
fn continued_lines_are_joined_without_comments_and_blank_lines() {
    let text = "FROM a\nRUN one \\\n  # why\n\n  two \\  \n  three\nRUN four\n";
    let file = read(text);
    assert_eq!(shell_line(&file, 1), "one   two   three");
    assert_eq!(shell_line(&file, 2), "four");
    let comment = &file.comments[0];
    assert_eq!((comment.text.as_str(), comment.inside, file.line(comment.span.start)), ("why", true, 3));
    let InstructionKind::Run(Command::Shell(line)) = &file.instructions[1].kind else { panic!("RUN") };
    let at = line.as_str().find("three").expect("it is there");
    assert_eq!(file.line(line.source(at)), 6);
    assert_eq!(
        &text[file.instructions[1].span.range()],
        &text[7..text.find("\nRUN four").expect("it is there")]
    );
}

#[test]
fn an_escaped_escape_continues_nothing() {
    let file = read("FROM a\nRUN echo \\\\\nRUN b\n");
    assert_eq!(file.instructions.len(), 3);
    let file = read("# escape=`\nFROM a\nRUN dir C:\\\nRUN a `\n b\n");
    assert_eq!(shell_line(&file, 1), "dir C:\\");
    assert_eq!(shell_line(&file, 2), "a  b");
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_read_over() {
    let file = read("\u{feff}# syntax=x\r\nFROM a\r\nRUN b \\\r\n c\r\n");
    assert_eq!(file.directives[0].value, "x");
    assert_eq!(shell_line(&file, 1), "b  c");
}

#[test]
fn both_forms_of_commands() {
    let check = |arguments: &str, expected: Option<&[&str]>| {
        let file = read(&format!("FROM a\nCMD {arguments}\n"));
        match (&file.instructions[1].kind, expected) {
            (InstructionKind::Cmd(Command::Exec(words)), Some(expected)) => {
                assert_eq!(words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), expected);
            }
            (InstructionKind::Cmd(Command::Shell(line)), None) => assert_eq!(line.as_str(), arguments),
            (other, _) => panic!("{arguments}: {other:?}"),
        }
    };
    check(r#"["a", "b \" c", "\u0041"]"#, Some(&["a", "b \" c", "A"]));
    check("[]", Some(&[]));
    // Single quotes and things after the array make it a line for the shell, as `docker build` has it.
    check("['a', 'b']", None);
    check(r#"["a"] b"#, None);
    check("[ -f x ]", None);
    assert_eq!(fault("FROM a\nCMD [\"a\", 1]\n").0, Fault::NotStrings);
    let text = "FROM a\nCMD [\"aa\", \"b\"]\n";
    let file = read(text);
    let InstructionKind::Cmd(Command::Exec(words)) = &file.instructions[1].kind else { panic!("exec") };
    assert_eq!(&text[words[1].span.range()], "b");
}

#[test]
fn flags_come_before_the_arguments() {
    let text = "FROM --platform=$BUILDPLATFORM a AS b\n\
                RUN --mount=type=cache,target=/c --network=none --security=insecure make --jobs\n\
                COPY --from=b --chown=1:1 --chmod=644 --link --parents --exclude=*.md x y /z/\n\
                ADD --checksum=sha256:aa --keep-git-dir=true --unpack https://a.test/b /c\n\
                HEALTHCHECK --interval=5m --timeout=3s --start-period=1s --start-interval=1s --retries=3 CMD curl -f x\n";
    let file = read(text);
    let names =
        |index: usize| file.instructions[index].flags.iter().map(|f| f.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names(1), ["mount", "network", "security"]);
    assert_eq!(shell_line(&file, 1), "make --jobs");
    assert_eq!(names(2), ["from", "chown", "chmod", "link", "parents", "exclude"]);
    assert_eq!(names(3), ["checksum", "keep-git-dir", "unpack"]);
    assert_eq!(names(4), ["interval", "timeout", "start-period", "start-interval", "retries"]);
    let value = file.instructions[2].flag_value("chown").expect("it has one");
    assert_eq!((value.text.as_str(), &text[value.span.range()]), ("1:1", "1:1"));
    assert_eq!(
        fault("FROM a\nCOPY --form=b x y\n").0,
        Fault::UnknownFlag { name: "COPY", flag: "form".into() }
    );
    assert_eq!(read("# syntax=other\nFROM a\nCOPY --form=b x y\n").instructions[1].flags[0].name, "form");
}

#[test]
fn here_documents_of_every_kind() {
    let text = "FROM a\nRUN <<EOF\necho 1\nEOF\n\
                RUN cat <<A >x && cat <<-'B' >y\nin a $X\nA\n\t\tin b $X\n\tB\n\
                COPY <<one <<\"two\" plain /to/\n1\none\n2\ntwo\n\
                RUN echo '<<NOT' \"<<NOT\" $((1<<2)) <<<here\nRUN last\n";
    let file = read(text);
    assert_eq!(file.instructions.len(), 6);
    let heredocs = |index: usize| {
        let all = file.instructions[index].heredocs.iter();
        all.map(|h| (h.name.as_str(), h.expand, h.strip_tabs, h.content.as_str())).collect::<Vec<_>>()
    };
    assert_eq!(heredocs(1), [("EOF", true, false, "echo 1\n")]);
    assert_eq!(heredocs(2), [("A", true, false, "in a $X\n"), ("B", false, true, "in b $X\n")]);
    assert_eq!(heredocs(3), [("one", true, false, "1\n"), ("two", false, false, "2\n")]);
    assert_eq!(heredocs(4), []);
    let InstructionKind::Copy(copy) = &file.instructions[3].kind else { panic!("COPY") };
    assert!(matches!(copy.sources[..], [Source::Heredoc(0), Source::Heredoc(1), Source::Path(_)]));
    let content = &file.instructions[2].heredocs[1].content;
    assert_eq!(file.line(content.source(0)), 8);
    assert_eq!(&text[content.span().range()], "in b $X\n");
    let missing = fault("FROM a\nRUN cat <<EOF\nx\n");
    assert_eq!(missing.0, Fault::UnendedHeredoc { name: "EOF".into() });
}

#[test]
fn a_here_document_of_a_delayed_instruction_belongs_to_it() {
    let file = read("FROM a\nONBUILD RUN <<E\nx\nE\nRUN y\n");
    let InstructionKind::Onbuild(inner) = &file.instructions[1].kind else { panic!("ONBUILD") };
    assert_eq!(inner.heredocs[0].content.as_str(), "x\n");
    assert_eq!(file.instructions.len(), 3);
}

#[test]
fn variables_in_their_old_and_new_forms() {
    let text = "ARG A=1 B C=\"x y\"\nFROM a\nENV K v w\nENV A=1 B='x y' C=a\\ b D=\nLABEL a.b=\"c d\" e=f\n";
    let file = read(text);
    let pairs = |index: usize| {
        let (InstructionKind::Arg(all) | InstructionKind::Env(all) | InstructionKind::Label(all)) =
            &file.instructions[index].kind
        else {
            panic!("assignments")
        };
        let pair = |a: &invar_dockerfile::Assignment| {
            (a.name.text.clone(), a.value.as_ref().map(|v| v.text.clone()))
        };
        all.iter().map(pair).collect::<Vec<_>>()
    };
    let some = |name: &str, value: &str| (name.to_owned(), Some(value.to_owned()));
    assert_eq!(pairs(0), [some("A", "1"), ("B".into(), None), some("C", "\"x y\"")]);
    assert_eq!(pairs(2), [some("K", "v w")]);
    assert_eq!(pairs(3), [some("A", "1"), some("B", "'x y'"), some("C", "a\\ b"), some("D", "")]);
    assert_eq!(pairs(4), [some("a.b", "\"c d\""), some("e", "f")]);
    assert_eq!(fault("FROM a\nENV A=1 b\n").0, Fault::NotAssignment { word: "b".into() });
}

#[test]
fn what_builders_refuse_is_refused_with_its_place() {
    let check = |text: &str, expected: &str, at: &str| {
        let (fault, span) = fault(text);
        assert_eq!(fault.to_string(), expected);
        assert_eq!(&text[span.range()], at, "{text}");
    };
    check("FROM a\nCOPPY a b\n", "unknown instruction COPPY; did you mean COPY?", "COPPY");
    check("RUN a\n", "RUN is before the first FROM, where only ARG is allowed", "RUN");
    check("ARG a\n", "the file has no FROM, so it builds nothing", "ARG");
    check("FROM a b\n", "FROM takes an image, or an image AS a name", "a b");
    check("FROM a\nCOPY a\n", "COPY needs at least one source, and a destination", "COPY");
    check("FROM a\nUSER\n", "USER needs an argument", "USER");
    check("FROM a\nSHELL bash\n", "SHELL takes a JSON array of strings", "bash");
    check("FROM a\nONBUILD FROM b\n", "ONBUILD may not contain FROM", "FROM");
    check("FROM a\nHEALTHCHECK curl x\n", "HEALTHCHECK takes NONE, or CMD with a command", "curl");
    check("# escape=x\nFROM a\n", "`x` is not an escape character; use `\\` or `", "x");
    check("# escape=`\n# escape=`\nFROM a\n", "the directive escape is set twice", "# escape=`");
    check("", "the file has no instructions", "");
    assert!(matches!(parse(b"FROM a\nRUN \xff\n").expect_err("no text").fault, Fault::NotText));
}

#[test]
fn every_instruction_is_known() {
    let text = "FROM a AS B\nRUN x\nCMD x\nLABEL a=b\nMAINTAINER me\nEXPOSE 80/tcp 81\nENV a=b\nADD a b\nCOPY a b\n\
                ENTRYPOINT [\"a\"]\nVOLUME [\"/a\", \"/b\"]\nUSER 1:1\nWORKDIR /a b\nARG x\nONBUILD RUN y\nSTOPSIGNAL 9\n\
                HEALTHCHECK NONE\nSHELL [\"/bin/bash\", \"-c\"]\nrun lower case\n";
    let file = read(text);
    let names: Vec<_> = file.instructions.iter().map(|instruction| instruction.kind.name()).collect();
    assert_eq!(names.len(), 19);
    assert_eq!(names[18], "RUN");
    let InstructionKind::Volume(volumes) = &file.instructions[10].kind else { panic!("VOLUME") };
    assert_eq!(volumes[1].text, "/b");
    let InstructionKind::Workdir(directory) = &file.instructions[12].kind else { panic!("WORKDIR") };
    assert_eq!(directory.text, "/a b");
}

#[test]
fn lines_and_columns_are_for_people() {
    let text = "FROM a\nRUN é b\n";
    let file = read(text);
    let place = file.position(text, text.find('b').expect("it is there"));
    assert_eq!((place.line, place.column), (2, 7));
}

#[test]
fn what_no_builder_takes_is_refused() {
    let check = |line: &str, expected: &str| {
        let text = format!("FROM scratch\n{line}\n");
        let error = parse(text.as_bytes()).expect_err(line);
        assert_eq!(error.to_string(), expected, "{line}");
        assert!(error.span.start >= "FROM scratch\n".len(), "{line}");
    };
    check("ARG =x", "ARG needs a name before the =");
    check("ENV A=b =c", "ENV needs a name before the =");
    check("LABEL =x", "LABEL needs a name before the =");
    check("COPY --from a b", "--from of COPY takes a value");
    check("RUN --mount true", "--mount of RUN takes a value");
    check("COPY --link=maybe a b", "--link of COPY takes true or false");
    check("COPY --chown=a --chown=b a b", "--chown of COPY is set twice");
    check(
        "HEALTHCHECK --interval=5 CMD x",
        "--interval of HEALTHCHECK takes a time with a unit, such as 30s",
    );
    check("HEALTHCHECK --retries=x CMD x", "--retries of HEALTHCHECK takes a number");
    check("HEALTHCHECK NONE x", "HEALTHCHECK takes NONE, or CMD with a command");
    check("RUN --network=foo x", "--network of RUN takes default, none or host");
    check("COPY a <<EOF\nEOF", "COPY takes a path as its destination, and no here-document");
    check("RUN cat <<EOF>/x\nEOF", "the here-document EOF>/x has no closing line EOF>/x");
    check("RUN cat <<EOF; a\nEOF", "the here-document EOF; has no closing line EOF;");
    let takes =
        "FROM takes a stage name that starts with a letter and contains only letters, digits, -, _ and .";
    check("FROM scratch AS 1b", takes);
    check("FROM scratch AS a/b", takes);
    check("VOLUME []", "VOLUME needs a path");
    check("VOLUME [\"\"]", "VOLUME takes paths");
    // These are taken.
    for good in [
        "COPY --link a b",
        "COPY --link=false --exclude=a --exclude=b a b",
        "RUN --mount=type=cache --mount=type=bind true",
        "HEALTHCHECK --interval=1m30s --retries=0 CMD x",
        "HEALTHCHECK --interval= --retries= CMD x",
        "RUN",
        "RUN --network=none x",
        "FROM scratch AS A.b-1_c",
        "RUN cat <<EOF > /x\nEOF",
        "RUN cat <<EOF ; a\nEOF",
    ] {
        assert!(parse(format!("FROM scratch\n{good}\n").as_bytes()).is_ok(), "{good}");
    }
}
