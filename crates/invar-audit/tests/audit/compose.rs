//! Compose files, and the files that they include and extend.
use std::collections::BTreeSet;

use invar_audit::{Compose, ComposeError, Ignore, ReadFailure, Surroundings, audit_compose};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// Audits the first of the files.
fn try_audit(files: &[(&str, &str)]) -> Result<Compose, ComposeError> {
    let text = |text: &str| text.replace("DIGEST", DIGEST).replace("COMMIT", COMMIT);
    let read = |path: &str| {
        let found = files.iter().find(|(name, _)| *name == path);
        found.map(|(_, content)| text(content)).ok_or(ReadFailure::Missing)
    };
    audit_compose(files[0].0, &text(files[0].1), &read)
}

fn audit_all(files: &[(&str, &str)]) -> Compose {
    try_audit(files).unwrap_or_else(|error| panic!("{error} in {error:?}"))
}

fn audit(text: &str) -> Compose {
    audit_all(&[("compose.yaml", text)])
}

/// What was found, by file, line and rule; the first file's name is left out.
fn found(compose: Compose) -> Vec<String> {
    let reports = compose.reports();
    let of_report = |(number, report): (usize, &invar_audit::Report)| {
        let name = if number == 0 { String::new() } else { format!("{}:", report.name) };
        let line = |finding| report.line(finding).unwrap_or(0);
        let all = report
            .findings
            .iter()
            .map(move |finding| format!("{name}{}:{}", line(finding), finding.rule.name()));
        all.collect::<Vec<_>>()
    };
    reports.iter().enumerate().flat_map(of_report).collect()
}

/// The folders and Dockerfiles of the builds.
fn built(compose: &Compose) -> Vec<String> {
    let one = |build: &invar_audit::ComposeBuild| {
        format!("{} {} {}", build.service, build.context, build.dockerfile.as_deref().unwrap_or("inline"))
    };
    compose.builds.iter().map(one).collect()
}

#[test]
fn images_of_services() {
    let compose = audit(
        "services:\n  a:\n    image: x:1\n  b:\n    image: x@DIGEST\n  c:\n    image: 'x:${TAG}'\n  d:\n    image: x:${TAG:-2}\n  \
         e:\n    build: .\n    image: mine:1\n  f: {}\n",
    );
    assert_eq!(built(&compose), ["e . Dockerfile"]);
    let report = compose.reports().remove(0);
    let place = report.findings[1].span.expect("it has a place");
    assert_eq!(&report.text[place.range()], "'x:${TAG}'");
    let rules = report.findings.iter().map(|finding| finding.rule.name());
    let expected = ["service-image-not-pinned", "service-value-from-outside", "service-image-not-pinned"];
    assert_eq!(rules.collect::<Vec<_>>(), expected);
}

#[test]
fn builds_in_every_form() {
    let compose = audit(
        "x-b: &b\n  context: ./web\n  dockerfile: docker/Dockerfile\nservices:\n  a:\n    build:\n      <<: *b\n      args:\n        A: 1\n        \
         B:\n        C: ${C}\n        D: \"$${D}\"\n  b:\n    build:\n      context: .\n      args:\n        - A=1\n        - B\n      \
         additional_contexts:\n        base: docker-image://x:1\n      dockerfile_inline: |\n        FROM y\n        RUN echo $$X\n",
    );
    assert_eq!(built(&compose), ["a web web/docker/Dockerfile", "b . inline"]);
    let a = &compose.builds[0];
    assert_eq!(a.arguments.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(), ["A=1", "D=${D}"]);
    assert_eq!(compose.builds[1].contexts, ["base"]);
    let expected = [
        "10:service-value-from-outside",
        "11:service-value-from-outside",
        "18:service-value-from-outside",
        "20:service-image-not-pinned",
    ];
    assert_eq!(found(compose), expected);
}

#[test]
fn comments_excuse() {
    let compose = audit(
        "services:\n  a:\n    # invar: ignore=service-image-not-pinned\n    image: x:1\n  b:\n    image: x:1 # invar: ignore=service-image-not-pinned\n",
    );
    let report = compose.reports().remove(0);
    assert_eq!((report.findings.len(), report.ignored), (0, 2));
}

/// Audits what is in the file itself, in a folder with an ignore file.
fn found_inline(text: &str) -> Vec<String> {
    let mut compose = audit(text);
    for build in std::mem::take(&mut compose.builds) {
        let contexts: BTreeSet<String> = build.contexts.iter().cloned().collect();
        let around = Surroundings { read: &|_| None, ignore: Ignore::Missing, contexts };
        compose.inline(&build, &around).unwrap_or_else(|error| panic!("{error}"));
    }
    found(compose)
}

#[test]
fn dockerfiles_in_the_file_have_its_lines() {
    let text = "services:\n  a:\n    build:\n      dockerfile_inline: |\n        FROM y\n        # invar: ignore=python-not-locked\n        \
                RUN pip install a\n\n        RUN V=$$(date) \\\n          && echo $$V > /v\n        COPY . .\n";
    let expected = [
        "5:file-times",
        "5:base-not-pinned",
        "7:bytecode-times",
        "9:clock-in-build",
        "11:copy-without-ignore",
    ];
    assert_eq!(found_inline(text), expected);
    assert_eq!(found_inline(&text.replace('\n', "\r\n")), expected);
    // In quotes all of it is at one place.
    let text = "services:\n  a:\n    build:\n      dockerfile_inline: \"FROM y\\nRUN pip install a\\n\"\n";
    let expected = ["4:file-times", "4:python-not-locked", "4:bytecode-times", "4:base-not-pinned"];
    assert_eq!(found_inline(text), expected);
    let mut compose =
        audit("services:\n  a:\n    build:\n      dockerfile_inline: |\n        FROM y\n        ROM z\n");
    let build = compose.builds.remove(0);
    let error = compose.inline(&build, &Surroundings::unknown()).expect_err("no instruction");
    assert_eq!(error.text[..error.span.expect("a place").start].lines().count(), 6, "{error:?}");
}

#[test]
fn further_contexts_stand_for_images() {
    let text = |contexts: &str| {
        format!(
            "services:\n  a:\n    build:\n      additional_contexts: {contexts}\n      dockerfile_inline: |\n        FROM base\n        \
             ENV SOURCE_DATE_EPOCH=0\n        COPY --from=files a b\n        RUN --mount=type=bind,from=files,target=/f x\n"
        )
    };
    assert_eq!(found_inline(&text("{}")), ["6:base-not-pinned", "8:copy-from-not-pinned"]);
    assert_eq!(found_inline(&text("{base: ../base, files: docker-image://x@DIGEST}")), Vec::<String>::new());
    assert_eq!(
        found_inline(&text("[base=docker-image://y, files=oci-layout://x]")),
        ["4:service-image-not-pinned"]
    );
    assert_eq!(
        found_inline(&text("{base: 'service:b', files: 'https://h.test/a.git#main'}")),
        ["4:service-source-not-pinned"]
    );
    assert_eq!(
        found_inline(&text("{base: '${X}', files: 'https://h.test/a.git#COMMIT:d'}")),
        ["4:service-value-from-outside"]
    );
}

#[test]
fn files_are_included() {
    let compose = audit_all(&[
        (
            "p/compose.yaml",
            "include:\n  - ../shared/db.yaml\n  - path: [web/a.yaml, web/b.yaml]\n    project_directory: web/root\n  - path: ../shared/db.yaml\n",
        ),
        (
            "shared/db.yaml",
            "include: [more/c.yaml]\nservices:\n  db:\n    image: db:1\n  tools:\n    build: tools\n",
        ),
        ("shared/more/c.yaml", "services:\n  c:\n    build: {dockerfile: ../d}\n"),
        ("p/web/a.yaml", "services:\n  w:\n    image: w:1\n  v:\n    build: v\n  u:\n    image: u\n"),
        ("p/web/b.yaml", "services:\n  w:\n    image: w@DIGEST\n  v:\n    build:\n      args: {A: 1}\n"),
    ]);
    assert_eq!(
        built(&compose),
        [
            "tools shared/tools shared/tools/Dockerfile",
            "c shared/more shared/d",
            "v p/web/root/v p/web/root/v/Dockerfile"
        ]
    );
    assert_eq!(compose.builds[2].arguments["A"], "1", "the second file is laid over the first");
    assert_eq!(
        found(compose),
        ["shared/db.yaml:4:service-image-not-pinned", "p/web/a.yaml:7:service-image-not-pinned"],
        "what is overridden is not told"
    );
}

#[test]
fn services_are_extended() {
    let compose = audit_all(&[
        (
            "compose.yaml",
            "services:\n  a:\n    extends: {file: common/base.yaml, service: app}\n    build: {args: [A=2]}\n  b:\n    \
          extends: a\n    build: ./own\n  c:\n    extends: {file: common/base.yaml, service: run}\n  d:\n    \
          extends: {file: common/base.yaml, service: run}\n    image: d@DIGEST\n",
        ),
        (
            "common/base.yaml",
            "services:\n  app:\n    build:\n      context: ..\n      dockerfile: x/Dockerfile\n      args:\n        A: 1\n        \
          B: 1\n  run:\n    extends: {service: image}\n  image:\n    image: x:1\n  # invar: ignore=service-image-not-pinned\n  other:\n    image: y:1\n",
        ),
    ]);
    assert_eq!(built(&compose), ["a . x/Dockerfile", "b own own/x/Dockerfile"]);
    let arguments = |number: usize| {
        let all = compose.builds[number].arguments.iter();
        all.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>()
    };
    assert_eq!(
        (arguments(0), arguments(1)),
        (vec!["A=2".to_owned(), "B=1".into()], vec!["A=2".to_owned(), "B=1".into()])
    );
    assert_eq!(
        found(compose),
        ["common/base.yaml:12:service-image-not-pinned"],
        "nothing of services that nobody extends, and each place once"
    );
}

#[test]
fn arguments_are_merged_in() {
    let compose = audit(
        "x-a: &a {A: 1, B: 2}\nservices:\n  s:\n    build:\n      args:\n        <<: *a\n        B: 3\n",
    );
    assert_eq!(compose.builds[0].arguments.values().collect::<Vec<_>>(), ["1", "3"]);
    assert_eq!(found(compose), Vec::<String>::new());
}

#[test]
fn what_lies_elsewhere_is_told_and_not_looked_at() {
    let compose = audit(
        "include: ['https://h.test/a.git', 'oci://h.test/a@DIGEST', '${WHERE}/c.yaml']\nservices:\n  a:\n    build: https://h.test/a.git#main:d\n  \
         b:\n    build: git@h.test:a.git#COMMIT\n  c:\n    build: $SRC\n  d:\n    build: https://h.test/a.git?ref=COMMIT\n  \
         e:\n    extends: {file: '${BASE}.yaml', service: e}\n    image: x@DIGEST\n  f:\n    build: {context: ., dockerfile: '$F'}\n",
    );
    let expected = [
        "compose.yaml: the build context of the service a, https://h.test/a.git#main:d, is not checked",
        "compose.yaml: the build context of the service b, git@h.test:a.git#0123456789abcdef0123456789abcdef01234567, is not checked",
        "compose.yaml: the build context of the service c, $SRC, is not checked",
        "compose.yaml: the build context of the service d, https://h.test/a.git?ref=0123456789abcdef0123456789abcdef01234567, is not checked",
        "compose.yaml: an extended file, ${BASE}.yaml, is not checked",
        "compose.yaml: the Dockerfile of the service f, $F, is not checked",
        "compose.yaml: an included file, https://h.test/a.git, is not checked",
        &format!("compose.yaml: an included file, oci://h.test/a@{DIGEST}, is not checked"),
        "compose.yaml: an included file, ${WHERE}/c.yaml, is not checked",
    ];
    assert_eq!(compose.unseen, expected);
    assert_eq!(built(&compose), Vec::<String>::new());
    assert_eq!(
        found(compose),
        [
            "1:service-source-not-pinned",
            "1:service-value-from-outside",
            "4:service-source-not-pinned",
            "8:service-value-from-outside",
            "12:service-value-from-outside",
            "15:service-value-from-outside",
        ]
    );
}

#[test]
fn what_is_no_compose_file_is_refused() {
    #[track_caller]
    fn check(files: &[(&str, &str)], expected: &str) {
        let error = try_audit(files).expect_err(expected);
        let line = error.span.map_or(0, |span| error.text[..span.start].matches('\n').count() + 1);
        assert_eq!(format!("{}:{line}: {error}", error.name), expected);
    }
    let nothing = "x:0: not a compose file: it has no `services` and no `include`";
    check(&[("x", "")], nothing);
    check(&[("x", "a: 1\n")], nothing);
    let error = try_audit(&[("x", "services:\n  a: [\n")]).expect_err("no YAML");
    assert!(error.span.is_some(), "{error}");
    check(&[("x", "\ninclude: [y]")], "x:2: cannot read y: no such file");
    check(
        &[("d/x", "services:\n  a: {extends: {service: b, file: ../y}}\n"), ("y", "services: {a: {}}")],
        "d/x:2: no service `b` in y",
    );
    check(&[("x", "services:\n  a:\n    extends: b\n")], "x:3: no service `b` in x");
    check(&[("x", "services:\n  a: {extends: b}\n  b: {extends: a}\n")], "x:2: this is circular");
    check(&[("x", "include: [y]"), ("y", "\ninclude: [x]")], "y:2: this is circular");
    check(&[("x", "include: [x]")], "x:1: this is circular");
}

#[test]
fn hostile_files_end() {
    let deep = format!("services: {}", "[".repeat(100_000));
    try_audit(&[("x", &deep)]).expect_err("too deep");
    let long = format!("services: {}", " ".repeat(2 << 20));
    try_audit(&[("x", &long)]).expect_err("too long");
    try_audit(&[("x", "services: &a\n  b: *a\n")]).expect_err("an alias inside of what it names");
    // Aliases of aliases: ten million services if they were copied.
    let mut text = String::from("x0: &x0 {image: a}\n");
    for level in 1..8 {
        let before = level - 1;
        let items: Vec<String> = (0..10).map(|n| format!("k{n}: *x{before}")).collect();
        text.push_str(&format!("x{level}: &x{level} {{{}}}\n", items.join(", ")));
    }
    text.push_str("services: *x7\n");
    assert_eq!(found(audit(&text)), Vec::<String>::new());
    // As many services as fit.
    let many: String = (0..20_000).map(|n| format!("  s{n}: {{image: a}}\n")).collect();
    assert_eq!(audit(&format!("services:\n{many}")).reports()[0].findings.len(), 1_000);
}

#[test]
fn hostile_projects_end() {
    let count = std::cell::Cell::new(0);
    // Every file includes two others that do not exist yet.
    let read = |path: &str| {
        count.set(count.get() + 1);
        Ok(format!("include: [a{path}, b{path}]\n"))
    };
    let error = audit_compose("x", "include: [y]", &read).expect_err("endless");
    assert_eq!(error.to_string(), "at most 16 levels of included files are followed");
    let read = |path: &str| {
        count.set(count.get() + 1);
        Ok(if path == "y" { "include: [z]\n".to_owned() } else { "services: {}\n".to_owned() })
    };
    let many: String = (0..500).map(|number| format!("- f{number}\n")).collect();
    count.set(0);
    let error = audit_compose("x", &format!("include:\n{many}"), &read).expect_err("many");
    assert_eq!(error.to_string(), "at most 100 files are followed");
    assert_eq!(count.get(), 99);
    let chain: String =
        (0..100).map(|number| format!("  s{number}: {{extends: s{}}}\n", number + 1)).collect();
    let error = audit_compose("x", &format!("services:\n{chain}  s100: {{}}\n"), &read).expect_err("deep");
    assert_eq!(error.to_string(), "at most 16 services that extend each other are followed");
}
