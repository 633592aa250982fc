//! What is evaluated without Nix as a judge: files, places, limits, and what has no fixed value.
use std::collections::BTreeMap;
use std::rc::Rc;

use invar_nix::{ErrorKind, Evaluator, FileKind, Files, Limits, Origin, Value, on_deep_stack};

/// Files by path; directories are what files are in.
struct Project(BTreeMap<&'static str, &'static str>);

impl Files for Project {
    fn text(&self, path: &str) -> Option<Rc<str>> {
        self.0.get(path).map(|&text| text.into())
    }

    fn kind(&self, path: &str) -> Option<FileKind> {
        if self.0.contains_key(path) {
            return Some(FileKind::Regular);
        }
        self.list(path).map(|_| FileKind::Directory)
    }

    fn list(&self, directory: &str) -> Option<Vec<(String, FileKind)>> {
        let mut entries = BTreeMap::new();
        for path in self.0.keys() {
            let rest =
                path.strip_prefix(directory.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
            if let Some(rest) = rest {
                match rest.split_once('/') {
                    Some((name, _)) => entries.insert(name.to_owned(), FileKind::Directory),
                    None => entries.insert(rest.to_owned(), FileKind::Regular),
                };
            }
        }
        (!entries.is_empty()).then(|| entries.into_iter().collect())
    }
}

fn evaluator(limits: Limits) -> Evaluator {
    let files = [
        ("/project/flake.nix", "{ outputs = inputs: import ./nix inputs; }"),
        ("/project/nix/default.nix", "inputs: { a = inputs.x + (import ./lib.nix).one; b = ./lib.nix; }"),
        ("/project/nix/lib.nix", "{ one = 1; }"),
        ("/project/pyproject.toml", "[project]\nname = \"app\"\n"),
        ("/project/broken.nix", "{\n  a = ;\n}"),
    ];
    Evaluator::new(Box::new(Project(files.into())), limits)
}

/// The value or the error of `expression`, which is in `/project/test.nix`.
fn show(expression: &str) -> String {
    on_deep_stack(|| {
        let mut evaluator = evaluator(Limits::default());
        let result = evaluator
            .expression(expression, "/project/test.nix")
            .and_then(|id| evaluator.force_all(id).map(|_| evaluator.show(id, true)));
        result.unwrap_or_else(|error| error.to_string())
    })
}

fn check(table: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (expression, expected) in table {
        let found = show(expression);
        if found != *expected {
            wrong.push(format!("{expression}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn files_of_the_project_are_read() {
    check(&[
        ("(import ./flake.nix).outputs { x = 2; }", "{ a = 3; b = /project/nix/lib.nix; }"),
        ("(builtins.fromTOML (builtins.readFile ./pyproject.toml)).project.name", "\"app\""),
        (
            "builtins.readDir ./.",
            "{ \"broken.nix\" = \"regular\"; \"flake.nix\" = \"regular\"; nix = \"directory\"; \"pyproject.toml\" = \"regular\"; }",
        ),
        (
            "map builtins.pathExists [ ./nix ./nix/lib.nix ./none \"/project/nix/\" ]",
            "[ true true false true ]",
        ),
        ("scopedImport { one = 2; } ./nix/lib.nix", "{ one = 1; }"),
        ("import (./. + \"/nix/lib.nix\")", "{ one = 1; }"),
        ("import \"${./.}/nix/lib.nix\"", "{ one = 1; }"),
        ("builtins.readFile \"${./nix}/lib.nix\"", "\"{ one = 1; }\""),
        ("toString ./nix/../x", "\"/project/x\""),
        ("\"${./nix/lib.nix}\"", "\"/nix/store/00000000000000000000000000000000-lib.nix\""),
        ("\"${./nix}\" == \"${./nix}\"", "true"),
        ("{ f = /project/flake.nix; }", "{ f = /project/flake.nix; }"),
    ]);
}

#[test]
fn errors_have_a_place() {
    check(&[
        ("{\n  a = 1;\n}.b", "/project/test.nix:3:3: attribute `b` is missing"),
        (
            "let\n  f = x:\n    x + \"a\";\nin f 1",
            "/project/test.nix:3:5: expected an integer, found a string",
        ),
        ("[\n  (throw \"no: ${toString 1}\")\n]", "/project/test.nix:2:4: no: 1"),
        ("abort \"x\"", "/project/test.nix:1:1: evaluation aborted: x"),
        ("assert 1 == 2; 3", "/project/test.nix:1:8: assertion `1 == 2` failed"),
        ("{ x = y; }", "/project/test.nix:1:7: undefined variable `y`"),
        ("({ a }: a) { }", "/project/test.nix:1:1: the function is called without the required argument `a`"),
        (
            "({ a }: a) { a = 1; b = 2; }",
            "/project/test.nix:1:1: the function is called with the unexpected argument `b`",
        ),
        ("let a = b; b = a; in a", "/project/test.nix:1:9: infinite recursion"),
        ("{ a = 1; a = 2; }", "/project/test.nix:1:10: `a` is already defined at /project/test.nix:1:3"),
        ("\"${1}\"", "/project/test.nix:1:4: cannot turn an integer into a string"),
        ("1 < \"a\"", "/project/test.nix:1:1: cannot compare an integer with a string"),
        ("9223372036854775807 + 1", "/project/test.nix:1:1: integer overflow in 9223372036854775807 + 1"),
        ("import ./broken.nix", "/project/broken.nix:2:7: this is not Nix: something else is expected here"),
        (
            "import ./none.nix",
            "/project/test.nix:1:1: `/project/none.nix` does not exist, or is not a text file",
        ),
        ("builtins.head [ ]", "/project/test.nix:1:1: head: the list is empty"),
    ]);
}

#[test]
fn what_has_no_fixed_value_says_why() {
    check(&[
        (
            "builtins.getEnv \"HOME\"",
            "/project/test.nix:1:1: builtins.getEnv \"HOME\" is not reproducible: each machine has another environment",
        ),
        (
            "builtins.currentTime",
            "/project/test.nix:1:10: builtins.currentTime is not reproducible: it is another one each second",
        ),
        ("builtins.currentSystem or \"x86_64-linux\"", "\"x86_64-linux\""),
        (
            "<nixpkgs>",
            "/project/test.nix:1:1: <nixpkgs> is not reproducible: it depends on NIX_PATH of the machine",
        ),
        (
            "~/x",
            "/project/test.nix:1:1: a path that starts with `~` is not reproducible: each user has another home directory",
        ),
        (
            "builtins.tryEval (builtins.fetchTarball \"https://example.org/a.tar.gz\")",
            "/project/test.nix:1:19: builtins.fetchTarball is not reproducible: it reads from the network, and what is there may change",
        ),
    ]);
}

#[test]
fn what_is_made_is_known_by_its_arguments() {
    check(&[
        ("(derivation { name = \"a\"; system = \"s\"; builder = \"b\"; }).name", "\"a\""),
        ("(derivation { name = \"a\"; system = \"s\"; builder = \"b\"; }).type", "\"derivation\""),
        (
            "\"${derivation { name = \"a\"; system = \"s\"; builder = \"b\"; }}/bin\"",
            "\"/nix/store/00000000000000000000000000000000-a/bin\"",
        ),
        (
            "let d = x: derivation { name = \"a\"; system = \"s\"; builder = x; }; in [ (d 1 == d 1) (d 1 == d 2) ]",
            "[ true false ]",
        ),
        (
            "(derivation { name = \"a\"; system = \"s\"; builder = \"b\"; outputs = [ \"out\" \"dev\" ]; }).dev.outPath",
            "\"/nix/store/00000000000000000000000000000000-a-dev\"",
        ),
        ("builtins.typeOf (builtins.toFile \"a\" \"b\")", "\"string\""),
        ("builtins.hasContext (builtins.toFile \"a\" \"b\")", "true"),
    ]);
}

#[test]
fn limits_are_kept() {
    for (limits, expression) in [
        (
            Limits { steps: 1000, ..Limits::default() },
            "builtins.foldl' (a: b: a + b) 0 (builtins.genList (x: x) 1000)",
        ),
        (
            Limits { depth: 100, ..Limits::default() },
            "let f = n: if n == 0 then 0 else 1 + f (n - 1); in f 100",
        ),
        (Limits { memory: 100_000, ..Limits::default() }, "builtins.genList (x: x) 10000"),
    ] {
        on_deep_stack(|| {
            let mut evaluator = evaluator(limits);
            let id = evaluator.expression(expression, "/project/test.nix").expect("it is Nix");
            let error = evaluator.force_all(id).expect_err("it is too much");
            assert!(matches!(error.kind, ErrorKind::Limit { .. }), "{expression}: {error}");
        });
    }
}

#[test]
fn a_thread_with_a_small_stack_ends_by_an_error() {
    let mut evaluator = evaluator(Limits::default());
    let id = evaluator.expression("let f = n: 1 + f n; in f 1", "/project/test.nix").expect("it is Nix");
    let error = evaluator.force(id).expect_err("it never ends");
    assert!(matches!(error.kind, ErrorKind::Limit { .. }), "{error}");
}

#[test]
fn places_and_traces_are_there_for_others() {
    on_deep_stack(|| {
        let mut evaluator = evaluator(Limits::default());
        let text = "{\n  a = builtins.trace \"hello\" (builtins.warn \"careful\" 1);\n  b = builtins.path { path = ./nix; name = \"n\"; };\n}";
        let id = evaluator.expression(text, "/project/test.nix").expect("it is Nix");
        let set = evaluator.force(id).expect("it is a set");
        let place = evaluator.attribute_place(&set, "b").expect("it is written there");
        assert_eq!(place.to_string(), "/project/test.nix:3:3");
        let value = evaluator.attribute_of(&set, "a").expect("it is a set").expect("it is there");
        assert_eq!(evaluator.span(value).expect("it is written there").to_string(), "/project/test.nix:2:7");
        evaluator.force(value).expect("it has a value");
        assert_eq!(evaluator.traces(), ["hello", "warning: careful"]);
        let path = evaluator.select(&set, "b").expect("it is a set").expect("it is there");
        let Value::String(path) = path else { panic!("{path:?}") };
        let symbol = path.context.symbols().next().expect("the string depends on the path");
        let Origin::Made { kind, .. } = &evaluator.symbol(symbol).origin else { panic!("it is made") };
        assert_eq!((&**kind, evaluator.describe(symbol).as_str()), ("source", "source n"));
    });
}

#[test]
fn search_paths_are_what_others_say() {
    on_deep_stack(|| {
        let mut evaluator = evaluator(Limits::default());
        let nixpkgs = evaluator.allocate(Value::text("the packages"));
        evaluator.set_search("nixpkgs", nixpkgs);
        evaluator.add_search_path("here", "/project/nix");
        let id = evaluator
            .expression(
                "[ <nixpkgs> (import <here/lib.nix>) (builtins.tryEval <none>).success ]",
                "/project/test.nix",
            )
            .expect("it is Nix");
        evaluator.force_all(id).expect("it has a value");
        assert_eq!(evaluator.show(id, true), "[ \"the packages\" { one = 1; } false ]");
    });
}
