use proptest::prelude::*;

use super::*;
use crate::marker::{Activated, MarkerEnvironment};

#[track_caller]
fn check(text: &str, name: &str, extras: &[&str], versions: &str, url: Option<&str>, marked: bool) {
    let requirement: Requirement = text.parse().unwrap();
    assert_eq!(requirement.name.as_str(), name);
    assert_eq!(requirement.extras.iter().map(ExtraName::as_str).collect::<Vec<_>>(), extras);
    assert_eq!(requirement.specifiers.to_string(), versions);
    assert_eq!(requirement.url.as_deref(), url);
    assert_eq!(requirement.marker != Marker::TRUE, marked);
}

#[test]
fn requirements_are_read() {
    check("FastAPI", "fastapi", &[], "", None, false);
    check(
        " fastapi [standard, all] >=0.115,<1 ",
        "fastapi",
        &["standard", "all"],
        ">=0.115, <1",
        None,
        false,
    );
    check("a(>=1)", "a", &[], ">=1", None, false);
    check("a~=1.2 ; python_version < '3.8'", "a", &[], "~=1.2", None, true);
    check("a;os_name=='nt'", "a", &[], "", None, true);
    check(
        "a @ https://mirror.example/a;b ; os_name == 'nt'",
        "a",
        &[],
        "",
        Some("https://mirror.example/a;b"),
        true,
    );
    check("a[x]@file:///a.whl", "a", &["x"], "", Some("file:///a.whl"), false);
    check("a===1.0", "a", &[], "===1.0", None, false);
}

#[test]
fn other_texts_are_refused() {
    let check = |text: &str, expected: &str| {
        let error = text.parse::<Requirement>().unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(text.parse::<Oracle>().is_err(), "{text}");
    };
    check("", "does not start with the name");
    check("-a", "is not the name of a distribution");
    check(">=1", "does not start with the name");
    check("./a.whl", "is not the name of a distribution");
    check("https://mirror.example/a.whl", "found ':'");
    check("a[x", "does not end with \"]\"");
    check("a[!]", "is not the name of an extra");
    check("a[,]", "is not the name of an extra");
    check("a[x,,y]", "is not the name of an extra");
    check("a[x y]", "is not the name of an extra");
    check("a >=", "\">=\" is not a version specifier");
    check("a = 1", "\"= 1\" is not a version specifier");
    check("a >=1,", "\"\" is not a version specifier");
    check("a >=1 <2", "is not a version specifier");
    check("a ()", "\"\" is not a version specifier");
    check("a (>=1", "does not end with \")\"");
    check("a (>=1) <2", "found '<'");
    check("a b", "found 'b'");
    check("a 1.0", "found '1'");
    check("a;", "expected a variable");
    check("a ; b", "expected a variable");
    check("a ; os_name == 'nt' # why", "expected \"and\"");
    check("a @", "no URL");
    check("a @ ; os_name == 'nt'", "no URL");
    check("a @ https://mirror.example/a; os_name == 'nt'", "ambiguous");
    check("a @ https://mirror.example/a # why", "found '#'");
    check("a @ https://mirror.example/a\nb", "found 'b'");
    check("demo-1.0.tar.gz", "name of a file");
    check("demo-1.0-py3-none-any.whl ; os_name == 'nt'", "name of a file");
}

#[test]
fn a_name_is_found_whatever_follows() {
    let name = |text: &str| Requirement::name_in(text).map(|name| name.to_string());
    assert_eq!(name(" Zope.Event[x] >= nonsense").as_deref(), Some("zope-event"));
    assert_eq!(name("a").as_deref(), Some("a"));
    assert_eq!(name(">= 1"), None);
}

#[test]
fn a_url_is_kept_as_it_is_written() {
    let url = |text: &str| text.parse::<Requirement>().unwrap().url;
    assert_eq!(url("a @ file://${HOME}/${UV}/a.whl").as_deref(), Some("file://${HOME}/${UV}/a.whl"));
    assert_eq!(url("a @ $HOME/a.whl ; os_name == 'nt'").as_deref(), Some("$HOME/a.whl"));
    assert_eq!(url("a @ ../a folder/a.whl  ;os_name == 'nt'").as_deref(), Some("../a folder/a.whl"));
}

/// What `uv`'s own ancestor reads, with URLs as they are written.
type Oracle = pep508_rs::Requirement<Verbatim>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Verbatim(String);

impl fmt::Display for Verbatim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl pep508_rs::Pep508Url for Verbatim {
    type Err = std::convert::Infallible;

    fn parse_url(url: &str, _: Option<&std::path::Path>) -> Result<Self, Self::Err> {
        Ok(Self(url.to_owned()))
    }
}

const ENVIRONMENTS: [(&str, &str, &str, &str, &str, &str); 5] = [
    ("posix", "linux", "Linux", "x86_64", "CPython", "3.13.5"),
    ("posix", "linux", "Linux", "aarch64", "CPython", "3.8.0"),
    ("posix", "darwin", "Darwin", "arm64", "CPython", "3.11.2"),
    ("nt", "win32", "Windows", "AMD64", "CPython", "3.12.10"),
    ("posix", "linux", "Linux", "x86_64", "PyPy", "3.10.14"),
];

/// Compares what both say of `text`, which both must be able to read.
#[track_caller]
fn agrees(text: &str) {
    let oracle: Oracle = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    let read: Requirement = text.parse().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read.name.as_str(), oracle.name.to_string(), "{text}");
    let extras: Vec<String> = oracle.extras.iter().map(ToString::to_string).collect();
    assert_eq!(read.extras.iter().map(ToString::to_string).collect::<Vec<_>>(), extras, "{text}");
    // In their texts, only markers are spelled otherwise.
    let without_marker = |text: &str| text.split(" ; ").next().unwrap_or_default().to_owned();
    assert_eq!(without_marker(&read.to_string()), without_marker(&oracle.to_string()), "{text}");
    for (os_name, sys_platform, platform_system, platform_machine, implementation, python) in ENVIRONMENTS {
        let implementation_name = implementation.to_lowercase();
        let version = &python[..python.rfind('.').unwrap()];
        let theirs = pep508_rs::MarkerEnvironment::try_from(pep508_rs::MarkerEnvironmentBuilder {
            implementation_name: &implementation_name,
            implementation_version: python,
            os_name,
            platform_machine,
            platform_python_implementation: implementation,
            platform_release: "",
            platform_system,
            platform_version: "",
            python_full_version: python,
            python_version: version,
            sys_platform,
        });
        let own = MarkerEnvironment {
            os_name: os_name.to_owned(),
            sys_platform: sys_platform.to_owned(),
            platform_system: platform_system.to_owned(),
            platform_machine: platform_machine.to_owned(),
            platform_release: String::new(),
            platform_version: String::new(),
            platform_python_implementation: implementation.to_owned(),
            implementation_name: implementation_name.clone(),
            python: python.parse().unwrap(),
        };
        for extras in [&[][..], &["test"], &["dev", "all"]] {
            let activated = Activated {
                extras: extras.iter().map(|&extra| extra.to_owned()).collect(),
                ..Activated::default()
            };
            let names: Vec<pep508_rs::ExtraName> =
                extras.iter().map(|extra| extra.parse().unwrap()).collect();
            let expected = oracle.marker.evaluate(theirs.as_ref().unwrap(), &names);
            assert_eq!(read.marker.evaluate(&own, &activated), expected, "{text} on {python} {sys_platform}");
        }
    }
    assert_eq!(read.to_string().parse::<Requirement>().as_ref(), Ok(&read), "{text}");
}

/// What projects require, as they write it.
#[test]
fn agrees_with_pep508_rs_on_real_requirements() {
    let table = include_str!("../../fixtures/requirements.txt");
    assert!(table.lines().count() > 100);
    table.lines().for_each(agrees);
}

proptest! {
    /// What is accepted here is accepted there too, and the parts are the same.
    #[test]
    fn accepts_nothing_that_pep508_rs_refuses(
        text in "[aB1](\\[[ax, .-]{0,4}\\])?( ?(@|\\(|>=|==|<|~=|!=|===)? ?[a1.,;#*()= \\n/-]{0,8})( ?; ?os_name ?(==|in) ?'[a;]?')?"
    ) {
        if text.parse::<Requirement>().is_ok() {
            agrees(&text);
        }
    }
}
