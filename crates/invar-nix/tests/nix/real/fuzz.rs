//! Texts by chance: whatever they are, evaluating them ends without a panic, within the limits.
use invar_nix::{Evaluator, Limits, NoFiles, on_deep_stack};
use proptest::prelude::*;

use crate::expressions;

/// Words that texts consist of in addition to those of our expressions.
const WORDS: &[&str] = &[
    "let",
    "in",
    "rec",
    "with",
    "inherit",
    "if",
    "then",
    "else",
    "assert",
    "or",
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    ";",
    ":",
    ".",
    ",",
    "=",
    "@",
    "...",
    "?",
    "//",
    "++",
    "+",
    "-",
    "*",
    "/",
    "!",
    "&&",
    "||",
    "->",
    "==",
    "!=",
    "<",
    "<=",
    "|>",
    "<|",
    "\"",
    "''",
    "${",
    "a",
    "b",
    "x",
    "self",
    "builtins",
    "map",
    "import",
    "0",
    "1",
    "9223372036854775807",
    "1.5",
    "./a",
    "/a/b",
    "~/a",
    "<a>",
    "http://a.b/c",
    "__functor",
    "__overrides",
    "__toString",
    "outPath",
    "type",
    "\"derivation\"",
    "__curPos",
    "null",
    "foo",
    "invar",
    "pkgs",
];

/// Builtins with as many arguments as they may take.
const CALLS: &[&str] = &[
    "builtins.genericClosure",
    "builtins.replaceStrings",
    "builtins.foldl'",
    "builtins.sort",
    "builtins.split",
    "builtins.match",
    "builtins.substring",
    "builtins.fromJSON",
    "builtins.fromTOML",
    "builtins.toJSON",
    "builtins.toXML",
    "builtins.deepSeq",
    "builtins.mapAttrs",
    "builtins.zipAttrsWith",
    "builtins.convertHash",
    "derivation",
    "toString",
    "builtins.tryEval",
    "scopedImport",
    "builtins.genList",
    "builtins.concatMap",
    "builtins.listToAttrs",
    "builtins.removeAttrs",
    "builtins.intersectAttrs",
    "builtins.path",
    "builtins.toFile",
    "builtins.getContext",
    "builtins.appendContext",
    "builtins.compareVersions",
    "builtins.parseDrvName",
    "builtins.elemAt",
    "builtins.unsafeGetAttrPos",
    "builtins.hashString",
    "builtins.functionArgs",
    "builtins.groupBy",
    "builtins.filterSource",
    "builtins.readDir",
    "builtins.attrNames",
    "builtins.catAttrs",
    "builtins.hasAttr",
    "builtins.getAttr",
    "builtins.findFile",
];

/// What a prelude gives: values that are unknown, and a thing that is built.
const PRELUDE: &str = "{
  foo = invar.symbol \"foo\";
  pkgs = invar.open { name = \"pkgs\"; attributes.lib = { }; missing = name: invar.make { kind = \"package\"; inherit name; arguments = { }; }; };
}";

/// An argument: anything small.
fn argument() -> BoxedStrategy<String> {
    prop_oneof![
        prop::sample::select(expressions::VALUES).prop_map(|text| format!("({text})")),
        prop::sample::select(vec![
            "foo",
            "pkgs.a",
            "\"${foo}\"",
            "[ foo ]",
            "{ a = foo; }",
            "(x: x)",
            "(x: y: foo)",
            "(x: throw \"a\")",
            "[ ]",
            "{ }",
            "1",
            "(-1)",
            "\"\"",
            "\"é${pkgs.b}\"",
            "[ \"\" ]",
            "null",
            "(x: [ x ])",
            "{ key = 1; }",
            "[ { name = \"a\"; value = 1; } ]",
            "(let a = [ a ]; in a)",
            "(let a = { outPath = a; }; in a)",
            "9223372036854775807",
            "\"[a\"",
            "\"(a*)*\"",
            "/a",
        ])
        .prop_map(str::to_owned),
    ]
    .boxed()
}

fn text() -> BoxedStrategy<String> {
    let expression = prop_oneof![
        2 => prop::sample::select(expressions::VALUES),
        1 => prop::sample::select(expressions::ERRORS),
    ]
    .prop_map(str::to_owned);
    // Pieces of our expressions, cut anywhere, among single words.
    let piece = (expression.clone(), any::<prop::sample::Index>(), any::<prop::sample::Index>()).prop_map(
        |(text, start, end)| {
            let (start, end) = (start.index(text.len() + 1), end.index(text.len() + 1));
            let (start, end) = (start.min(end), start.max(end));
            text[text.floor_char_boundary(start)..text.floor_char_boundary(end)].to_owned()
        },
    );
    let word = prop::sample::select(WORDS).prop_map(str::to_owned);
    let words = prop::collection::vec(prop_oneof![3 => word, 1 => piece, 1 => argument()], 1..24);
    let call = (prop::sample::select(CALLS), prop::collection::vec(argument(), 1..4))
        .prop_map(|(function, arguments)| format!("{function} {}", arguments.join(" ")));
    let operation = (argument(), prop::sample::select(WORDS), argument())
        .prop_map(|(one, sign, other)| format!("{one} {sign} {other}"));
    prop_oneof![
        2 => words.prop_map(|words| words.join(" ")),
        3 => call,
        2 => operation,
        1 => (operation_of_calls(), argument()).prop_map(|(one, other)| format!("if {one} then {other} else {one}")),
    ]
    .boxed()
}

fn operation_of_calls() -> BoxedStrategy<String> {
    (prop::sample::select(CALLS), argument())
        .prop_map(|(function, argument)| format!("({function} {argument})"))
        .boxed()
}

/// Evaluates `text` in all ways.
fn evaluate(text: &str) {
    let limits = Limits { steps: 100_000, depth: 2_000, memory: 4 << 20 };
    let mut evaluator = Evaluator::new(Box::new(NoFiles), limits);
    let prelude = evaluator.prelude(PRELUDE, "/prelude.nix").expect("the prelude is Nix");
    let set = evaluator.force(prelude).expect("the prelude is a set");
    let variables = evaluator.attributes(&set).expect("it is a set");
    let variables: Vec<_> = variables.iter().map(|(name, value)| (&**name, *value)).collect();
    let Ok(id) = evaluator.expression_with(text, "/fuzz.nix", &variables) else { return };
    for function in
        ["builtins.toJSON", "builtins.toXML", "toString", "x: \"${x}\"", "x: x == x", "x: x.a.b or x"]
    {
        // There may be no memory left for it.
        let Ok(function) = evaluator.expression(function, "/function.nix") else { continue };
        match evaluator.apply(function, id) {
            Ok(invar_nix::Value::String(string)) => _ = evaluator.pieces(&string.text),
            Ok(invar_nix::Value::Symbol(symbol)) => _ = evaluator.describe(symbol),
            Ok(_) => {}
            Err(error) => _ = error.to_string(),
        }
    }
    _ = evaluator.force_all(id).map_err(|error| error.to_string());
    evaluator.show(id, true);
    evaluator.show(id, false);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_can_be_evaluated(text in text()) {
        on_deep_stack(|| evaluate(&text));
        // And on a stack that is not deep, where it may end earlier.
        evaluate(&text);
    }
}

#[test]
fn deep_texts_can_be_evaluated_on_any_stack() {
    for part in [
        "!",
        "- ",
        "a: ",
        "a (",
        "a.b (",
        "[ ",
        "{ a = ",
        "[ ] ++ ",
        "{ } // ",
        "true -> ",
        "1 + ",
        "\"${",
        "with { }; ",
        "let a = ",
    ] {
        for bracket in ["(", "[ ", "{ a = ", "\"${", "rec { a = "] {
            for chain in [1, 15, 300] {
                for levels in [1, 90] {
                    let opened = (part.repeat(chain) + bracket).repeat(levels);
                    let mut closed = String::new();
                    for letter in opened.chars().rev() {
                        closed.push_str(match letter {
                            '(' => ")",
                            '[' => " ]",
                            '{' => "; }",
                            _ => "",
                        });
                    }
                    evaluate(&opened);
                    evaluate(&format!("{opened}1{closed}"));
                    evaluate(&format!("a: b: {opened}1{}", closed.replace("; }\"", "}\"")));
                }
            }
        }
    }
}
