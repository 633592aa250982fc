//! The splitting of what RUN runs.
use invar_dockerfile::{
    Connector, InstructionKind, RunScript, Scope, Script, ShellCommand, Text, parse, run_commands,
    split_commands,
};

fn words(command: &ShellCommand) -> String {
    let assignments = command.assignments.iter().map(|a| format!("{}={}", a.name, a.value.as_str()));
    let words = command.words.iter().map(|word| word.as_str().to_owned());
    assignments.chain(words).collect::<Vec<_>>().join("|")
}

fn split(text: &str) -> Script {
    split_commands(&Text::new(text, 0), &[])
}

fn check(text: &str, expected: &[&str]) {
    let script = split(text);
    assert_eq!(script.all().into_iter().map(words).collect::<Vec<_>>(), expected, "{text}");
    assert!(script.complete, "{text}");
}

#[test]
fn lists_pipes_and_groups() {
    check("a && b || c; d & e | f", &["a", "b", "c", "d", "e", "f"]);
    check("(a; b) && { c; d; }", &["a", "b", "c", "d"]);
    check("set -ex; apt-get install -y a=1 b", &["set|-ex", "apt-get|install|-y|a=1|b"]);
    check("a\nb &&\n\n c # not && this\nd", &["a", "b", "c", "d"]);
    check("X=1 Y='2 3' a Z=4", &["X=1|Y=2 3|a|Z=4"]);
    check("! a | time b", &["a", "b"]);
    let script = split("a && b | c; d");
    let connectors: Vec<_> = script.commands.iter().map(|command| command.connector).collect();
    assert_eq!(connectors, [Connector::Start, Connector::And, Connector::Pipe, Connector::Sequence]);
    let pipelines: Vec<_> = script.commands.iter().map(|command| command.pipeline).collect();
    assert_eq!(pipelines, [1, 2, 2, 3]);
}

#[test]
fn quotes_and_escapes() {
    check(r#"a "b c" 'd "e"' f\ g "h\"i" "#, &[r#"a|b c|d "e"|f g|h"i"#]);
    check("a 'x'\"y\"z", &["a|xyz"]);
    check("a '' b", &["a||b"]);
    check("a 'b; c' \"d && e\"", &["a|b; c|d && e"]);
    check("a \\\n b", &["a|b"]);
    check("a b#c #d", &["a|b#c"]);
    check("echo $'a\\n'", &["echo|a\\n"]);
}

#[test]
fn conditions_and_loops_are_seen_through() {
    check("if a; then b; elif c; then d; else e; fi && f", &["a", "b", "c", "d", "e", "f"]);
    check("for x in 1 2; do a $x; done", &["for|x|in|1|2", "a|$x"]);
    check("while a; do b; done < c", &["a", "b"]);
    check(
        "case $X in a|b) c;; (d) e && f;; *) g; esac; h",
        &["c", "e|".trim_end_matches('|'), "f", "g", "h"],
    );
    check("f() { a; }; f", &["a", "f"]);
    check("[[ a && b < c ]] && d", &["[[|a|b|c|]]", "d"].map(|w| w));
    check("[ -f a ] || b", &["[|-f|a|]", "b"]);
}

#[test]
fn commands_inside_commands() {
    check("a $(b | c) d", &["b", "c", "a|$(b | c)|d"]);
    check("a \"$(b \"$(c)\")\"", &["c", "b|$(c)", "a|$(b \"$(c)\")"]);
    check("X=$(a); b `c d`", &["a", "X=$(a)", "c|d", "b|`c d`"]);
    check("a $((1 + 2)) ${X:-$(b)}", &["a|$((1 + 2))|${X:-$(b)}"]);
    check("a <(b c)", &["b|c", "a|<(b c)"]);
    check("sh -c 'a && b'", &["a", "b", "sh|-c|a && b"]);
    check("sudo -u x bash -exc \"a; b\"", &["a", "b", "sudo|-u|x|bash|-exc|a; b"]);
    check("su x -c 'a'", &["a", "su|x|-c|a"]);
    check("eval a b", &["a|b", "eval|a|b"]);
    check("sh -c 'sh -c \"a\"'", &["a", "sh|-c|a", "sh|-c|sh -c \"a\""]);
    check("case $(a) in x) b $(case y in z) c;; esac);; esac", &["c", "b|$(case y in z) c;; esac)"]);
}

#[test]
fn redirections_are_no_words() {
    let script = split("a 2>&1 >/b <c >>d &>e 3<f <<<g");
    let found: Vec<_> =
        script.commands[0].redirects.iter().map(|r| (r.operator, r.descriptor, r.target.as_str())).collect();
    let expected = [
        (">&", Some(2), "1"),
        (">", None, "/b"),
        ("<", None, "c"),
        (">>", None, "d"),
        ("&>", None, "e"),
        ("<", Some(3), "f"),
        ("<<<", None, "g"),
    ];
    assert_eq!(found, expected);
    assert_eq!(words(&script.commands[0]), "a");
}

#[test]
fn here_documents_inside_scripts() {
    let text = "cat <<A >x; b\nnot a command\nA\nbash -e <<'B'\nc && d\nB\ne\n";
    check(text, &["cat", "b", "c", "d", "bash|-e", "e"]);
    let script = split(text);
    let content = script.commands[0].redirects[0].content.as_ref().expect("it has a content");
    assert_eq!(content.as_str(), "not a command\n");
    assert!(!split("cat <<A\nx").complete);
}

#[test]
fn places_survive_continuations_quotes_and_nesting() {
    let text = "FROM a\nRUN set -e; \\\n  # why\n  sh -c 'one && \\\n  two'\n";
    let file = parse(text.as_bytes()).expect("it parses");
    let instruction = &file.instructions[1];
    let InstructionKind::Run(command) = &instruction.kind else { panic!("RUN") };
    let RunScript::Shell(script) = run_commands(command, instruction) else { panic!("a shell's") };
    let all = script.all();
    let places: Vec<_> = all.iter().map(|c| (words(c), file.line(c.span.start))).collect();
    let place = |text: &str, line| (text.to_owned(), line);
    assert_eq!(
        places,
        [place("set|-e", 2), place("one", 4), place("two", 5), place("sh|-c|one &&   two", 4)]
    );
    assert_eq!(&text[all[2].span.range()], "two");
}

fn of_run(text: &str) -> RunScript {
    let file = parse(text.as_bytes()).expect("it parses");
    let instruction = &file.instructions[1];
    let InstructionKind::Run(command) = &instruction.kind else { panic!("RUN") };
    run_commands(command, instruction)
}

#[test]
fn every_form_of_run() {
    let check = |text: &str, expected: &[&str]| {
        let RunScript::Shell(script) = of_run(text) else { panic!("{text}: a shell's") };
        assert_eq!(script.all().into_iter().map(words).collect::<Vec<_>>(), expected, "{text}");
    };
    check("FROM a\nRUN [\"pip\", \"install\", \"a b\"]\n", &["pip|install|a b"]);
    check("FROM a\nRUN [\"/bin/bash\", \"-c\", \"a && b\"]\n", &["a", "b", "/bin/bash|-c|a && b"]);
    check("FROM a\nRUN <<EOF\na\nb &&\\\n c\nEOF\n", &["a", "b", "c"]);
    check("FROM a\nRUN <<EOF\n#!/usr/bin/env bash\na\nEOF\n", &["a"]);
    check("FROM a\nRUN bash -e <<EOF\na\nEOF\n", &["a", "bash|-e"]);
    check("FROM a\nRUN cat <<EOF > /x && b\na\nEOF\n", &["cat", "b"]);
    let of_shell =
        |shell: &str, expected: &[&str]| check(&format!("FROM a\nRUN {shell}\na b\nEOF\n"), expected);
    of_shell("bash -euxo pipefail <<'EOF'", &["a|b", "bash|-euxo|pipefail"]);
    of_shell("bash -o errexit +o posix -O extglob <<EOF", &["a|b", "bash|-o|errexit|+o|posix|-O|extglob"]);
    of_shell("bash -s -- x y <<EOF", &["a|b", "bash|-s|--|x|y"]);
    of_shell("sh - <<EOF", &["a|b", "sh|-"]);
    of_shell("sh /dev/stdin x <<EOF", &["a|b", "sh|/dev/stdin|x"]);
    of_shell("sudo -u x bash --norc <<EOF", &["a|b", "sudo|-u|x|bash|--norc"]);
    of_shell("su - user <<EOF", &["a|b", "su|-|user"]);
    of_shell("cat <<EOF | bash", &["cat", "a|b", "bash"]);
    of_shell("cat - <<EOF | sudo bash -ex", &["cat|-", "a|b", "sudo|bash|-ex"]);
    of_shell("tee /x <<EOF | sh", &["tee|/x", "a|b", "sh"]);
    // The here-document is the input of a script that is elsewhere, or of another program.
    of_shell("bash x.sh <<EOF", &["bash|x.sh"]);
    of_shell("bash -o pipefail x.sh <<EOF", &["bash|-o|pipefail|x.sh"]);
    of_shell("cat <<EOF | bash x.sh", &["cat", "bash|x.sh"]);
    of_shell("cat <<EOF | tr a b | bash", &["cat", "tr|a|b", "bash"]);
    of_shell("cat x <<EOF | bash", &["cat|x", "bash"]);
    check("FROM a\nRUN bash -o pipefail -c 'a b' x\n", &["a|b", "bash|-o|pipefail|-c|a b|x"]);
    check("FROM a\nRUN bash -euxo pipefail -c 'a b'\n", &["a|b", "bash|-euxo|pipefail|-c|a b"]);
    check("FROM a\nRUN bash -ceuo pipefail 'a b'\n", &["a|b", "bash|-ceuo|pipefail|a b"]);
    check("FROM a\nRUN su user -c 'a b'\n", &["a|b", "su|user|-c|a b"]);
    check("FROM a\nRUN bash <<<'a b'\n", &["a|b", "bash"]);
    check("FROM a\nRUN echo 'a b' | sh\n", &["echo|a b", "a|b", "sh"]);
    check("FROM a\nRUN printf '%s\\n' 'a b' | sh -x\n", &["printf|%s\\n|a b", "a|b", "sh|-x"]);
    check("FROM a\nRUN echo y | ./x.sh\n", &["echo|y", "./x.sh"]);
    let RunScript::Program { interpreter, .. } =
        of_run("FROM a\nRUN <<EOF\n#!/usr/bin/env python3\nx = 1\nEOF\n")
    else {
        panic!("another program's")
    };
    assert_eq!(interpreter, "/usr/bin/env python3");
}

#[test]
fn words_expand_with_what_is_known() {
    let mut scope = Scope::default();
    scope.set_env("V", Some("1".into()));
    let script = split("a b-${V}-'$V'-$W-$(c)");
    let word = &script.commands[0].words[1];
    let found = word.expand(&scope).expect("it expands");
    assert_eq!(found.text, "b-1-$V--");
    assert_eq!(found.missing.into_iter().collect::<Vec<_>>(), ["()", "W"]);
    assert_eq!(word.names().collect::<Vec<_>>(), ["V", "W"]);
    assert_eq!(word.literal(), None);
}

#[test]
fn compound_commands_know_their_parts() {
    use invar_dockerfile::BlockPart::{self, Body, Condition, Otherwise};
    let parts = |text: &str| -> Vec<(String, Vec<(usize, BlockPart)>)> {
        let script = split(text);
        let of = |command: &ShellCommand| command.blocks.iter().map(|b| (b.number, b.part)).collect();
        script.commands.iter().map(|command| (words(command), of(command))).collect()
    };
    let named = |name: &str, blocks: &[(usize, BlockPart)]| (name.to_owned(), blocks.to_vec());
    assert_eq!(
        parts("if a; then b; elif c; then d; else (e); fi; f"),
        [
            named("a", &[(0, Condition(0))]),
            named("b", &[(0, Body(0))]),
            named("c", &[(0, Condition(1))]),
            named("d", &[(0, Body(1))]),
            named("e", &[(0, Otherwise), (1, Body(0))]),
            named("f", &[]),
        ]
    );
    assert_eq!(
        parts("for x in 1; do a; done; case $x in 1) b;; 2) c;; esac; f() { d; }; { e; }"),
        [
            named("for|x|in|1", &[(0, Condition(0))]),
            named("a", &[(0, Body(0))]),
            named("b", &[(1, Body(0))]),
            named("c", &[(1, Body(1))]),
            named("d", &[(2, Body(0))]),
            named("e", &[(3, Body(0))]),
        ]
    );
}

#[test]
fn arrays_and_lone_redirections_are_kept() {
    let script = split("a=(x 'y z')\na+=(w)\n> b\n! c");
    let arrays: Vec<_> = script.commands[..2]
        .iter()
        .map(|command| {
            let assignment = &command.assignments[0];
            let elements =
                assignment.elements.as_ref().map(|all| all.iter().map(|word| word.as_str()).collect());
            (assignment.appends, elements.unwrap_or(Vec::new()))
        })
        .collect();
    assert_eq!(arrays, [(false, vec!["x", "y z"]), (true, vec!["w"])]);
    assert_eq!(script.redirects[0].target.as_str(), "b");
    assert!(script.commands[2].negated);
}
