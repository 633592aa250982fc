//! Stages, and the scopes and expansion of names.
use std::collections::BTreeMap;

use invar_dockerfile::{
    Base, BuildArguments, Expansion, ImageReference, InstructionKind, Scope, StageFault, Stages, parse,
};

const FILE: &str = "\
ARG VERSION=3.13
ARG FLAVOUR
ARG IMAGE=python:${VERSION}-slim
FROM --platform=$BUILDPLATFORM ${IMAGE} AS Build
ARG VERSION
ARG OWN=own-$VERSION
ENV A=1 B=$A
ENV C=$A-$OWN
RUN x
FROM build AS test
RUN y
FROM debian:${FLAVOUR:-stable}
COPY --from=build /a /b
RUN --mount=type=bind,from=test,target=/t z
RUN $VERSION
COPY --from=0 /a /c
FROM scratch
";

fn values(stages: &Stages<'_>, index: usize, names: &[&str]) -> Vec<Option<String>> {
    let mut walk = stages.walk(&stages.stages[index]);
    let mut last = Scope::default();
    while let Some((_, scope)) = walk.step() {
        last = scope.clone();
    }
    names.iter().map(|name| last.text(name).map(str::to_owned)).collect()
}

#[test]
fn stages_know_their_bases() {
    let file = parse(FILE.as_bytes()).expect("it parses");
    let stages = Stages::of(&file, &BuildArguments::default()).expect("it has stages");
    let bases: Vec<_> = stages.stages.iter().map(|s| (s.base.clone(), s.base_name.text.as_str())).collect();
    assert_eq!(
        bases,
        [
            (Base::Image, "python:3.13-slim"),
            (Base::Stage(0), "build"),
            (Base::Image, "debian:stable"),
            (Base::Scratch, "scratch"),
        ]
    );
    assert_eq!(stages.stages[0].name.as_deref(), Some("build"));
    assert_eq!(stages.stages[0].platform.as_ref().map(|p| p.text.as_str()), Some("linux/amd64"));
    assert_eq!(stages.find("BUILD", 2), Some(0));
    assert_eq!(stages.find("1", 2), Some(1));
    assert_eq!(stages.find("2", 2), None, "a stage cannot copy from itself");
    assert_eq!(stages.find("alpine", 2), None);
    assert_eq!(stages.needed_by(2).into_iter().collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(stages.needed_by(3).into_iter().collect::<Vec<_>>(), [3]);
}

#[test]
fn scopes_hold_what_the_builder_would_see() {
    let file = parse(FILE.as_bytes()).expect("it parses");
    let stages = Stages::of(&file, &BuildArguments::default()).expect("it has stages");
    let some = |text: &str| Some(text.to_owned());
    // `B=$A` is in the same ENV as `A=1`, and so does not see it.
    let names = ["VERSION", "OWN", "A", "B", "C", "FLAVOUR"];
    let expected = [some("3.13"), some("own-3.13"), some("1"), None, some("1-own-3.13"), None];
    assert_eq!(values(&stages, 0, &names), expected);
    assert_eq!(values(&stages, 1, &names), expected, "a stage hands its names on");
    assert_eq!(values(&stages, 2, &["VERSION"]), [None], "names before FROM have to be declared again");
    let values_given = BTreeMap::from([("VERSION".to_owned(), "3.12".to_owned())]);
    let arguments = BuildArguments { values: values_given, ..BuildArguments::default() };
    let stages = Stages::of(&file, &arguments).expect("it has stages");
    assert_eq!(stages.stages[0].base_name.text, "python:3.12-slim");
}

#[test]
fn env_hides_arg() {
    let text = "FROM a\nENV A=env\nARG A=arg\nRUN x\n";
    let file = parse(text.as_bytes()).expect("it parses");
    let stages = Stages::of(&file, &BuildArguments::default()).expect("it has stages");
    assert_eq!(values(&stages, 0, &["A"]), [Some("env".into())]);
}

fn scope() -> Scope {
    let mut scope = Scope::default();
    scope.set_env("X", Some("a.b.c".into()));
    scope.set_env("EMPTY", Some(String::new()));
    scope
}

#[test]
fn words_expand_as_buildkit_expands_them() {
    let check = |word: &str, expected: &str, missing: &[&str]| {
        let found = scope().expand(word, '\\').unwrap_or_else(|error| panic!("{word}: {error}"));
        let names: Vec<_> = found.missing.iter().map(String::as_str).collect();
        assert_eq!((found.text.as_str(), names), (expected, missing.to_vec()), "{word}");
    };
    check("$X", "a.b.c", &[]);
    check("${X}y", "a.b.cy", &[]);
    check("$Xy", "", &["Xy"]);
    check("'$X'", "$X", &[]);
    check("\"$X\"", "a.b.c", &[]);
    check("\\$X", "$X", &[]);
    check("\"\\$X \\n\"", "$X \\n", &[]);
    check("${U:-d}", "d", &[]);
    check("${U-$X}", "a.b.c", &[]);
    check("${U:-$V}", "", &["V"]);
    check("${X:-$V}", "a.b.c", &[]);
    check("${EMPTY:-d}${EMPTY-d}", "d", &[]);
    check("${X:+y}${U:+y}${EMPTY:+y}${EMPTY+y}", "yy", &[]);
    check("${U:?must be}", "", &["U"]);
    check("${X#*.}${X##*.}", "b.cc", &[]);
    check("${X%.*}${X%%.*}", "a.ba", &[]);
    check("${X/./-}${X//./-}", "a-b.ca-b-c", &[]);
    check("a$", "a$", &[]);
    check("$1", "", &["1"]);
    for bad in ["${X", "${}", "${X!y}", "'a", "\"a", "${X:=y}"] {
        scope().expand(bad, '\\').expect_err(bad);
    }
}

#[test]
fn here_documents_keep_their_quotes() {
    let found = scope().expand_names("\"$X\" '\\$X'", '\\').expect("it expands");
    assert_eq!(
        found,
        Expansion { text: "\"a.b.c\" '$X'".into(), names: ["X".to_owned()].into(), missing: [].into() }
    );
}

#[test]
fn a_from_that_cannot_be_expanded_is_told_with_its_place() {
    let text = "FROM ${X\n";
    let file = parse(text.as_bytes()).expect("it parses");
    let StageFault::Expansion { word, span, .. } =
        Stages::of(&file, &BuildArguments::default()).expect_err("it is broken")
    else {
        panic!("another fault")
    };
    assert_eq!((word.as_str(), &text[span.range()]), ("${X", "${X"));
}

#[test]
fn a_base_from_outside_is_known_as_missing() {
    let file = parse(b"ARG BASE\nFROM ${BASE}\n").expect("it parses");
    let stages = Stages::of(&file, &BuildArguments::default()).expect("it has stages");
    assert!(stages.stages[0].base_name.missing.contains("BASE"));
}

#[test]
fn the_shell_is_known() {
    let file =
        parse(b"FROM a AS x\nSHELL [\"pwsh.exe\", \"-c\"]\nRUN a\nFROM x\nRUN b\n").expect("it parses");
    let stages = Stages::of(&file, &BuildArguments::default()).expect("it has stages");
    let mut walk = stages.walk(&stages.stages[1]);
    let (instruction, scope) = walk.step().expect("one instruction");
    assert!(matches!(instruction.kind, InstructionKind::Run(_)));
    assert!(!scope.shell_is_posix());
}

#[test]
fn names_of_images() {
    let check = |text: &str, registry: Option<&str>, repository: &str, tag: Option<&str>, digest: bool| {
        let image = ImageReference::parse(text).expect("it is a name");
        assert_eq!(image.registry.as_deref(), registry, "{text}");
        assert_eq!(image.repository, repository, "{text}");
        assert_eq!(image.tag.as_deref(), tag, "{text}");
        assert_eq!(image.digest.is_some(), digest, "{text}");
        assert_eq!(image.to_string(), text);
    };
    let digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    check("python", None, "python", None, false);
    check("python:3.13-slim", None, "python", Some("3.13-slim"), false);
    check("localhost:5000/a/b:1", Some("localhost:5000"), "a/b", Some("1"), false);
    check("registry.test/a/b", Some("registry.test"), "a/b", None, false);
    check(&format!("a/b:1@{digest}"), None, "a/b", Some("1"), true);
    for bad in ["", "A", "a b", "a:", "a@", "a@sha256:1", "a//b", "${X}"] {
        ImageReference::parse(bad).expect_err(bad);
    }
}

#[test]
fn stages_that_no_builder_takes() {
    #[track_caller]
    fn check(text: &str, expected: Option<(&str, usize)>) {
        let file = parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
        let found = Stages::of(&file, &BuildArguments::default()).err();
        let found = found.map(|fault| {
            (fault.to_string(), fault.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1))
        });
        assert_eq!(found, expected.map(|(message, line)| (message.to_owned(), line)), "{text}");
    }
    check("FROM a@sha256:<digest>\n", Some(("`a@sha256:<digest>` is not an image name", 1)));
    check("FROM scratch\nFROM a:\n", Some(("`a:` is not an image name", 2)));
    check("ARG V=1\nFROM Ubuntu:$V\n", Some(("`Ubuntu:1` is not an image name", 2)));
    // What is not known here may be a name.
    check("ARG V\nFROM a@sha256:$V\n", None);
    check("FROM HOST/a\nFROM host:5000/a\nFROM localhost/a\n", None);
    check("FROM a AS b\nCOPY --from=b /x /y\n", Some(("the stage `b` copies from itself", 2)));
    check("FROM a AS b\nRUN --mount=from=b,target=/x y\n", Some(("the stage `b` copies from itself", 2)));
    check("FROM a AS b\nFROM a AS b\nCOPY --from=b /x /y\n", None);
    check("FROM a\nCOPY --from=b /x /y\n", None);
    check("FROM a\nFROM b\nCOPY --from=1 /x /y\n", Some(("the stage `1` copies from itself", 3)));
    check("FROM a\nFROM b\nCOPY --from=2 /x /y\n", Some(("there is no stage 2", 3)));
    check("FROM a\nFROM b\nCOPY --from=0 /x /y\n", None);
    let line = |line: &str, expected: &str| {
        let text = format!("FROM scratch\n{line}\n");
        check(&text, Some((expected, 2)));
        // Nobody builds such a stage unless it is asked for.
        check(&format!("FROM a\n{line}\nFROM scratch\n"), None);
        check(&format!("FROM a AS x\n{line}\nFROM x\n"), Some((expected, 2)));
    };
    line("EXPOSE abc", "EXPOSE takes ports such as 80, 80/udp or 80-90, not `abc`");
    line("EXPOSE 70000", "EXPOSE takes ports such as 80, 80/udp or 80-90, not `70000`");
    line("EXPOSE 80/foo", "EXPOSE takes ports such as 80, 80/udp or 80-90, not `80/foo`");
    line("STOPSIGNAL SIGFOO", "STOPSIGNAL takes a signal such as SIGTERM or 15, not `SIGFOO`");
    line("VOLUME \"\"", "VOLUME takes paths, not ``");
    line("ENV a=\"b", "cannot expand `\"b`: missing closing `\"`");
    line("LABEL a=${b:c}", "cannot expand `${b:c}`: `:c` in braces is not a substitution");
    line("WORKDIR ${b", "cannot expand `${b`: missing closing `}`");
    line("COPY ${b a", "cannot expand `${b`: missing closing `}`");
    check(
        "FROM a\nEXPOSE 80 90/udp 80-90 8080:80 $X\nSTOPSIGNAL 9\nSTOPSIGNAL sigrtmin+3\nVOLUME $X\n",
        None,
    );
    check("ARG A=${b:c}\nFROM a:1-$A\n", None);
    check("FROM $NOTHING\n", Some(("`$NOTHING` is not an image name", 1)));
    check("ARG B\nFROM $B\n", None);
}
