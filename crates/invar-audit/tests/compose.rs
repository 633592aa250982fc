//! Compose files.
use invar_audit::{Compose, audit_compose};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn audit(text: &str) -> Compose {
    audit_compose("compose.yaml", &text.replace("DIGEST", DIGEST))
        .unwrap_or_else(|error| panic!("{error} in {text}"))
}

fn found(compose: &Compose) -> Vec<String> {
    let report = &compose.report;
    let line = |finding| report.line(finding).unwrap_or(0);
    report.findings.iter().map(|finding| format!("{}:{}", line(finding), finding.rule.name())).collect()
}

#[test]
fn images_of_services() {
    let compose = audit(
        "services:\n  a:\n    image: x:1\n  b:\n    image: x@DIGEST\n  c:\n    image: 'x:${TAG}'\n  d:\n    image: x:${TAG:-2}\n  \
         e:\n    build: .\n    image: mine:1\n  f: {}\n",
    );
    assert_eq!(
        found(&compose),
        ["3:service-image-not-pinned", "7:service-value-from-outside", "9:service-image-not-pinned"]
    );
    let place = compose.report.findings[1].span.expect("it has a place");
    assert_eq!(&compose.report.text[place.range()], "'x:${TAG}'");
    assert_eq!(compose.builds.len(), 1);
    assert_eq!(compose.builds[0].context, ".");
}

#[test]
fn builds_in_every_form() {
    let compose = audit(
        "x-b: &b\n  context: ./web\n  dockerfile: docker/Dockerfile\nservices:\n  a:\n    build:\n      <<: *b\n      args:\n        A: 1\n        \
         B:\n        C: ${C}\n        D: \"$${D}\"\n  b:\n    build:\n      context: .\n      args:\n        - A=1\n        - B\n      \
         additional_contexts:\n        base: docker-image://x:1\n      dockerfile_inline: |\n        FROM y\n        RUN echo $$X\n",
    );
    let expected = [
        "10:service-value-from-outside",
        "11:service-value-from-outside",
        "18:service-value-from-outside",
        "20:service-image-not-pinned",
    ];
    assert_eq!(found(&compose), expected);
    let (a, b) = (&compose.builds[0], &compose.builds[1]);
    assert_eq!(
        (a.service.as_str(), a.context.as_str(), a.dockerfile.as_deref()),
        ("a", "./web", Some("docker/Dockerfile"))
    );
    assert_eq!(a.arguments.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>(), ["A=1", "D=${D}"]);
    assert_eq!(b.inline.as_deref(), Some("FROM y\nRUN echo $X\n"));
}

#[test]
fn comments_excuse() {
    let compose = audit(
        "services:\n  a:\n    # invar: ignore=service-image-not-pinned\n    image: x:1\n  b:\n    image: x:1 # invar: ignore=service-image-not-pinned\n",
    );
    assert_eq!((found(&compose), compose.report.ignored), (vec![], 2));
}

#[test]
fn what_is_no_compose_file_is_refused() {
    let check = |text: &str, expected: &str| {
        let error = audit_compose("x", text).expect_err(text);
        assert_eq!(error.to_string(), expected);
    };
    check("", "the file has no `services`, so it is no compose file");
    check("a: 1\n", "the file has no `services`, so it is no compose file");
    let error = audit_compose("x", "services:\n  a: [\n").expect_err("no YAML");
    assert!(error.span().is_some(), "{error}");
}

#[test]
fn hostile_files_end() {
    let deep = format!("services: {}", "[".repeat(100_000));
    audit_compose("x", &deep).expect_err("too deep");
    let long = format!("services: {}", " ".repeat(2 << 20));
    audit_compose("x", &long).expect_err("too long");
    audit_compose("x", "services: &a\n  b: *a\n").expect_err("an alias inside of what it names");
    // Aliases of aliases: ten million services if they were copied.
    let mut text = String::from("x0: &x0 {image: a}\n");
    for level in 1..8 {
        let before = level - 1;
        let items: Vec<String> = (0..10).map(|n| format!("k{n}: *x{before}")).collect();
        text.push_str(&format!("x{level}: &x{level} {{{}}}\n", items.join(", ")));
    }
    text.push_str("services: *x7\n");
    assert_eq!(found(&audit(&text)), Vec::<String>::new());
    // As many services as fit.
    let many: String = (0..20_000).map(|n| format!("  s{n}: {{image: a}}\n")).collect();
    assert_eq!(audit(&format!("services:\n{many}")).report.findings.len(), 1_000);
}
