use std::str::FromStr as _;

use proptest::prelude::*;

use super::*;

fn environment() -> MarkerEnvironment {
    MarkerEnvironment {
        os_name: "posix".into(),
        sys_platform: "linux".into(),
        platform_system: "Linux".into(),
        platform_machine: "x86_64".into(),
        platform_release: String::new(),
        platform_version: String::new(),
        platform_python_implementation: "CPython".into(),
        implementation_name: "cpython".into(),
        python: Version::from_str("3.13.5").unwrap(),
    }
}

fn evaluate(marker: &str, extras: &[&str]) -> bool {
    let activated =
        Activated { extras: extras.iter().map(|&extra| extra.into()).collect(), ..Activated::default() };
    Marker::from_str(marker).unwrap().evaluate(&environment(), &activated)
}

/// What pypa/packaging says of a few hundred markers in this environment.
#[test]
fn agrees_with_pypa_packaging() {
    let table = include_str!("../../fixtures/markers.tsv");
    assert!(table.lines().count() > 250);
    for line in table.lines() {
        let (expected, marker) = line.split_once('\t').unwrap();
        assert_eq!(evaluate(marker, &[]).to_string(), expected, "{marker}");
        printed(marker);
    }
}

/// A marker is printed so that it reads as an equal one.
#[track_caller]
fn printed(marker: &str) {
    let read = Marker::from_str(marker).unwrap();
    assert_eq!(read.to_string().parse(), Ok(read), "{marker}");
}

#[test]
fn a_marker_has_one_spelling() {
    let check = |marker: &str, expected: &str| {
        assert_eq!(Marker::from_str(marker).unwrap().to_string(), expected);
        printed(marker);
    };
    check("python_version<\"3.9\"", "python_version < '3.9'");
    check("'3.8.*' == python_version", "python_version == '3.8.*'");
    check(
        "(os_name=='nt')or(os_name=='a' and extra=='B_c')",
        "os_name == 'nt' or os_name == 'a' and extra == 'b-c'",
    );
    check(
        "os_name=='a' and(os_name=='b' or os_name=='c')",
        "os_name == 'a' and (os_name == 'b' or os_name == 'c')",
    );
    check("python_full_version not in '3.8  3.9'", "python_full_version not in '3.8 3.9'");
    check(
        "'docs' in extras and 'dev' not in dependency_groups",
        "extra == 'docs' and 'dev' not in dependency_groups",
    );
    check("\"it's\" in platform_version", "\"it's\" in platform_version");
    assert_eq!(Marker::TRUE.to_string(), "");
}

#[test]
fn extras_and_groups_are_sets() {
    let cpu = ["extra-7-project-cpu", "docs"];
    for (marker, expected) in [
        ("extra == 'extra-7-project-cpu'", true),
        ("extra == 'Extra-7-Project.CPU'", true),
        ("extra != 'extra-7-project-cpu'", false),
        ("extra == 'docs' and extra == 'extra-7-project-cpu'", true),
        ("extra == 'group-7-project-dev'", false),
        ("'docs' in extras", true),
        ("'docs' not in extras", false),
        ("'docs' in dependency_groups", false),
        ("'docs' == extra", true),
    ] {
        assert_eq!(evaluate(marker, &cpu), expected, "{marker}");
    }
}

#[test]
fn possible_leaves_extras_open() {
    let possible = |marker: &str| Marker::from_str(marker).unwrap().possible(&environment());
    assert!(possible("extra == 'x' and sys_platform == 'linux'"));
    assert!(possible("extra != 'x' or sys_platform == 'win32'"));
    assert!(!possible("extra == 'x' and sys_platform == 'win32'"));
}

#[track_caller]
fn refused(marker: &str, expected: &str) {
    let error = Marker::from_str(marker).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_means_nothing_is_refused() {
    refused("", "expected a variable");
    refused("'a' == 'b'", "two strings");
    refused("os_name == sys_platform", "two variables");
    refused("os_name ~= 'posix'", "only compares versions");
    refused("python_version >= 'new'", "not a version");
    refused("python_version == '3.8", "does not end");
    refused("python_version is '3.8'", "expected an operator");
    refused("python_version == '3.8' os_name == 'nt'", "expected \"and\"");
    refused("(os_name == 'nt'", "expected \")\"");
    refused("python == '3.8'", "expected a variable");
    refused("extra > 'x'", "only be compared");
    refused("extra == 'not a name'", "not the name of an extra");
    refused("'3.8' ~= python_version", "on the left");
    refused("extras == 'x'", "sets");
    refused("python_version < '3.*'", "");
    refused(&"(".repeat(100_000), "nests deeper");
    refused(&format!("{} os_name == 'nt'", "os_name == 'nt' or ".repeat(60_000)), "longer");
}

/// A marker that makes an algebra of markers grow without bound is evaluated at once.
#[test]
fn time_is_linear_in_length() {
    let terms: Vec<String> = (0..2_000).map(|i| format!("(extra == 'a{i}' and extra == 'b{i}')")).collect();
    assert!(!evaluate(&terms.join(" or "), &["a1", "b2"]));
    assert!(evaluate(&terms.join(" or "), &["a7", "b7"]));
}

fn comparison() -> impl Strategy<Value = String> {
    let version = (
        prop_oneof!["python_version", "python_full_version"],
        "(==|!=|<|<=|>|>=)",
        "3\\.(12|13|14)(\\.[056])?",
    )
        .prop_map(|(name, operator, value)| format!("{name} {operator} '{value}'"));
    let text = ("(os_name|sys_platform|platform_machine)", "(==|!=|in|not in)", "(posix|linux|x86_64|win32)")
        .prop_map(|(name, operator, value)| format!("{name} {operator} '{value}'"));
    let extra = ("(==|!=)", "extra-7-project-[ab]").prop_map(|(op, name)| format!("extra {op} '{name}'"));
    prop_oneof![version, text, extra]
}

fn tree() -> impl Strategy<Value = String> {
    comparison().prop_recursive(4, 24, 4, |inner| {
        (proptest::collection::vec(inner, 1..4), "(and|or)")
            .prop_map(|(terms, word)| format!("({})", terms.join(&format!(" {word} "))))
    })
}

proptest! {
    /// `uv`'s own ancestor, which decides by an algebra, says the same.
    #[test]
    fn agrees_with_pep508_rs(marker in tree(), extras in proptest::collection::vec("extra-7-project-[ab]", 0..3)) {
        let oracle = pep508_rs::MarkerEnvironment::try_from(pep508_rs::MarkerEnvironmentBuilder {
            implementation_name: "cpython", implementation_version: "3.13.5", os_name: "posix",
            platform_machine: "x86_64", platform_python_implementation: "CPython", platform_release: "",
            platform_system: "Linux", platform_version: "", python_full_version: "3.13.5", python_version: "3.13",
            sys_platform: "linux",
        }).unwrap();
        let names: Vec<pep508_rs::ExtraName> = extras.iter().map(|extra| extra.parse().unwrap()).collect();
        printed(&marker);
        let expected = pep508_rs::MarkerTree::from_str(&marker).unwrap().evaluate(&oracle, &names);
        let extras: Vec<&str> = extras.iter().map(String::as_str).collect();
        prop_assert_eq!(evaluate(&marker, &extras), expected);
    }

    #[test]
    fn any_text_is_parsed_or_refused(text in "[ ()'\"a-z_<=>0-9.]{0,60}") {
        let _ = Marker::from_str(&text);
    }
}
