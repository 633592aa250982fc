//! Values that are known only by how they came about.
use invar_nix::{ErrorKind, Evaluator, Limits, NoFiles, Origin, TextPiece, Value, on_deep_stack};

/// What a prelude knows: an input, a package set, and a package.
const PRELUDE: &str = r#"
rec {
  foo = invar.symbol "inputs.foo";
  pkgs = invar.open {
    name = "pkgs";
    attributes.lib.id = x: x;
    missing = name: invar.make { kind = "package"; inherit name; arguments = name; };
  };
  nixpkgs = invar.open {
    name = "nixpkgs";
    attributes.__import = path: if path == "" then { system, ... }: pkgs // { inherit system; } else path;
  };
  facts = invar.facts;
}
"#;

/// What `expression` evaluates to, printed; symbols are described between «».
fn show(expression: &str) -> String {
    on_deep_stack(|| {
        let mut evaluator = Evaluator::new(Box::new(NoFiles), Limits::default());
        let prelude = evaluator.prelude(PRELUDE, "/prelude.nix").expect("the prelude is Nix");
        let set = evaluator.force(prelude).expect("the prelude is a set");
        let variables = evaluator.attributes(&set).expect("it is a set");
        let variables: Vec<_> = variables.iter().map(|(name, value)| (&**name, *value)).collect();
        match evaluator.expression_with(expression, "/flake.nix", &variables) {
            Ok(id) => match evaluator.force_all(id) {
                Ok(_) => evaluator.show(id, true),
                Err(error) => format!("error: {error}"),
            },
            Err(error) => format!("error: {error}"),
        }
    })
}

#[test]
fn operations_over_symbols_are_kept() {
    let mut wrong = Vec::new();
    for (expression, expected) in [
        ("foo", "«inputs.foo»"),
        ("foo.lib.bar", "«inputs.foo.lib.bar»"),
        ("foo.lib.bar { a = 1; }", "«inputs.foo.lib.bar { … }»"),
        ("foo.a == foo.a", "true"),
        ("foo.a == foo.b", "«inputs.foo.a == inputs.foo.b»"),
        ("foo.a == \"x\"", "«inputs.foo.a == \"x\"»"),
        ("if foo.a then 1 else 2", "«if inputs.foo.a then 1 else 2»"),
        ("foo.a && true", "«inputs.foo.a && true»"),
        ("false && foo.a", "false"),
        ("!foo.a", "«!inputs.foo.a»"),
        ("[ 1 ] ++ foo.a", "«[ … ] ++ inputs.foo.a»"),
        ("foo ? a", "«inputs.foo ? \"a\"»"),
        ("pkgs ? lib", "true"),
        ("map (x: x) foo.a", "«map (…: …) inputs.foo.a»"),
        ("builtins.length foo.a", "«length inputs.foo.a»"),
        ("builtins.filter (x: x == foo) [ foo ]", "[ «inputs.foo» ]"),
        ("assert foo.a; 1", "1"),
        ("with foo; bar", "«inputs.foo.bar»"),
        ("with pkgs; [ git lib.id ]", "[ «package git» <LAMBDA> ]"),
        ("with pkgs; with { git = 1; }; git", "1"),
        ("with { git = 1; }; with pkgs; git", "1"),
        ("(foo // { a = 1; }).a", "1"),
        ("(foo // { a = 1; }).b", "«inputs.foo.b»"),
        ("({ a = 1; } // foo).a", "1"),
        ("({ a = 1; } // pkgs).lib.id 2", "2"),
        ("foo.a or 1", "«inputs.foo.a»"),
        ("({ a, b ? 2 }: b) pkgs", "«if pkgs ? \"b\" then … else 2»"),
        ("builtins.isAttrs pkgs", "true"),
        ("builtins.isAttrs foo.a", "«isAttrs inputs.foo.a»"),
        ("builtins.toJSON [ pkgs.git ]", "\"[\\\"/nix/store/00000000000000000000000000000001-git\\\"]\""),
        ("\"${pkgs.git}/bin\" == \"x\"", "false"),
        ("\"${foo.a}/bin\" == \"x\"", "«\"/nix/store/00000000000000000000000000000\" == \"x\"»"),
        ("(import nixpkgs { system = \"s\"; }).system", "\"s\""),
        ("(import nixpkgs { system = \"s\"; }).git.name", "\"git\""),
        ("import (nixpkgs + \"/lib\")", "\"/lib\""),
        ("import foo { }", "«import inputs.foo { }»"),
        ("builtins.substring 0 4 foo.version", "«substring 0 4 inputs.foo.version»"),
        ("(builtins.tryEval foo).success", "true"),
        ("foo.outPath == \"${foo}\"", "true"),
        ("(builtins.removeAttrs pkgs [ \"x\" ]).lib.id 1", "1"),
        ("(builtins.removeAttrs foo [ \"x\" ]).y", "«(removeAttrs inputs.foo [ … ]).y»"),
        ("foo.f 1 2", "«inputs.foo.f 1 2»"),
        ("pkgs.git == pkgs.git && pkgs.git // { } == pkgs.git", "«((package git) // { }) == (package git)»"),
        ("foo.a + 1", "«inputs.foo.a + 1»"),
        ("foo.a + \"/x\"", "\"/nix/store/00000000000000000000000000000001-a/x\""),
        ("\"${if foo.a then \"x\" else \"y\"}\"", "\"/nix/store/00000000000000000000000000000002-choice\""),
        ("{ ${foo.a} = 1; }", "{ \"/nix/store/00000000000000000000000000000001-a\" = 1; }"),
        ("foo.a < 1", "«inputs.foo.a < 1»"),
        (
            "builtins.concatStringsSep \":\" [ foo.a \"x\" ]",
            "\"/nix/store/00000000000000000000000000000001-a:x\"",
        ),
        (
            "builtins.replaceStrings [ \"x\" ] [ \"y\" ] \"x${foo.a}\"",
            "\"y/nix/store/00000000000000000000000000000001-a\"",
        ),
        (
            "builtins.replaceStrings [ \".\" ] [ \"_\" ] foo.version",
            "«replaceStrings [ … ] [ … ] inputs.foo.version»",
        ),
        (
            "builtins.replaceStrings [ \"-\" ] [ \"_\" ] \"${pkgs.git}-x\"",
            "\"/nix/store/00000000000000000000000000000001-git_x\"",
        ),
        (
            "builtins.substring 0 4 \"${foo.a}x\"",
            "«substring 0 4 \"/nix/store/00000000000000000000000000000\"»",
        ),
        ("builtins.substring 0 1 \"${pkgs.git}x\"", "\"/\""),
        (
            "builtins.substring 0 20 \"${pkgs.git}x\"",
            "«substring 0 20 \"/nix/store/00000000000000000000000000000\"»",
        ),
        ("builtins.substring 0 4 \"abcd${foo.a}x\"", "\"abcd\""),
        (
            "builtins.split \"/bin/\" \"${pkgs.git}/bin/git\"",
            "[ \"/nix/store/00000000000000000000000000000001-git\" [ ] \"git\" ]",
        ),
        (
            "builtins.split \"-\" \"${pkgs.git}\"",
            "«split \"-\" \"/nix/store/00000000000000000000000000000\"»",
        ),
        ("builtins.match \".*/([a-z]+)\" \"${pkgs.git}/bin/git\"", "[ \"git\" ]"),
        ("builtins.match \".*x\" foo.a", "«match \".*x\" inputs.foo.a»"),
        ("baseNameOf \"${pkgs.git}/bin/git\"", "\"git\""),
        ("builtins.toJSON { a = foo; }", "«toJSON { … }»"),
        ("builtins.deepSeq foo.a 1", "1"),
        ("builtins.attrNames foo", "«attrNames inputs.foo»"),
    ] {
        let found = show(expression);
        if found != expected {
            wrong.push(format!("{expression}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn placeholders_are_found() {
    on_deep_stack(|| {
        let mut evaluator = Evaluator::new(Box::new(NoFiles), Limits::default());
        let prelude = evaluator.prelude(PRELUDE, "/prelude.nix").expect("the prelude is Nix");
        let text = "{ pkgs, ... }: \"a ${pkgs.git}/bin/git b ${pkgs.hello} /nix/store/x\"";
        let function = evaluator.expression(text, "/flake.nix").expect("it is Nix");
        let value = evaluator.apply(function, prelude).expect("it has a value");
        let Value::String(string) = value else { panic!("{value:?}") };
        let symbols: Vec<_> = string.context.symbols().collect();
        let [git, hello] = symbols.as_slice() else { panic!("{symbols:?}") };
        assert!(matches!(&evaluator.symbol(*git).origin, Origin::Made { kind, .. } if &**kind == "package"));
        let literal = |text: &str| TextPiece::Literal(text.into());
        assert_eq!(
            evaluator.pieces(&string.text),
            [
                literal("a "),
                TextPiece::Symbol(*git),
                literal("/bin/git b "),
                TextPiece::Symbol(*hello),
                literal(" /nix/store/x")
            ]
        );
    });
}

#[test]
fn what_is_not_known_is_an_error_only_where_a_value_is_needed() {
    on_deep_stack(|| {
        let mut evaluator = Evaluator::new(Box::new(NoFiles), Limits::default());
        let id = evaluator.prelude("{ a = invar.symbol \"b\"; }.a.c", "/prelude.nix").expect("it is Nix");
        let value = evaluator.force(id).expect("it is a symbol");
        let error = evaluator.list(&value).expect_err("it is no list");
        assert!(matches!(error.kind, ErrorKind::Unknown { .. }), "{error:?}");
        assert_eq!(error.to_string(), "the value of `b.c` is unknown, but a list is needed");
    });
}
