//! Expressions by chance: of a type each, so that most have a value.
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// Texts that hold what strings have to escape.
fn text() -> BoxedStrategy<String> {
    prop_oneof![
        Just("\"\"".to_owned()),
        "[a-c]{1,4}".prop_map(|text| format!("\"{text}\"")),
        "[a-b.-]{1,6}".prop_map(|text| format!("\"{text}\"")),
        Just(r#""\n\t\"\\$x''""#.to_owned()),
        Just(r#""\${a}$$""#.to_owned()),
        Just("\"1.2pre3-é\"".to_owned()),
    ]
    .boxed()
}

fn number() -> BoxedStrategy<String> {
    prop_oneof![(0..20_i64).prop_map(|number| number.to_string()), Just("(-7)".to_owned())].boxed()
}

/// One strategy for each type.
struct Types {
    int: BoxedStrategy<String>,
    bool: BoxedStrategy<String>,
    text: BoxedStrategy<String>,
    list: BoxedStrategy<String>,
    set: BoxedStrategy<String>,
}

fn format2(
    one: &BoxedStrategy<String>,
    other: &BoxedStrategy<String>,
    form: fn(String, String) -> String,
) -> BoxedStrategy<String> {
    (one.clone(), other.clone()).prop_map(move |(one, other)| form(one, other)).boxed()
}

fn format3(
    one: &BoxedStrategy<String>,
    two: &BoxedStrategy<String>,
    three: &BoxedStrategy<String>,
    form: fn(String, String, String) -> String,
) -> BoxedStrategy<String> {
    (one.clone(), two.clone(), three.clone()).prop_map(move |(one, two, three)| form(one, two, three)).boxed()
}

fn literals() -> Types {
    Types {
        int: number(),
        bool: prop_oneof![Just("true".to_owned()), Just("false".to_owned())].boxed(),
        text: text(),
        list: prop_oneof![
            Just("[ ]".to_owned()),
            Just("[ 3 1 2 ]".to_owned()),
            Just("[ 2 2 (-1) 10 ]".to_owned()),
        ]
        .boxed(),
        set: prop_oneof![
            Just("{ }".to_owned()),
            Just("{ a = 1; b = \"x\"; c.d = [ 1 ]; }".to_owned()),
            Just("rec { a = b + 1; b = 2; inherit (c) e; c = { e = a; f = b; }; }".to_owned()),
            Just("{ b.\"x y\" = 1; b.c.d = null; ${\"a\"} = 1.5; }".to_owned()),
        ]
        .boxed(),
    }
}

/// Expressions with one more level.
fn deeper(of: &Types) -> Types {
    let Types { int: i, bool: b, text: s, list: l, set: a } = of;
    let one = |from: &BoxedStrategy<String>, form: fn(String) -> String| from.clone().prop_map(form).boxed();
    Types {
        int: Union::new([
            i.clone(),
            format2(i, i, |x, y| format!("({x} + {y})")),
            format2(i, i, |x, y| format!("({x} - {y} * 2)")),
            format2(i, i, |x, y| format!("({x} / (if {y} == 0 then 1 else {y}))")),
            format3(b, i, i, |c, x, y| format!("(if {c} then {x} else {y})")),
            format2(i, i, |x, y| format!("(let x = {x}; y = x + {y}; in y - x)")),
            one(l, |l| format!("(builtins.length {l})")),
            one(s, |s| format!("(builtins.stringLength {s})")),
            format2(i, l, |x, l| format!("(builtins.foldl' (x: y: x * 3 - y) {x} {l})")),
            format2(i, i, |x, y| format!("(({{ a, b ? a + 1, ... }}@z: a - b + z.c or 4) {{ a = {x}; d = {y}; }})")),
            format2(a, i, |a, x| format!("(let v = {a}.a or {x}; in if builtins.isInt v then v else 0)")),
            format2(s, s, |x, y| format!("(builtins.compareVersions {x} {y})")),
            format2(i, i, |x, y| format!("(builtins.bitXor {x} {y})")),
            format2(i, a, |x, a| format!("(with {a}; with {{ z = {x}; }}; z)")),
        ])
        .boxed(),
        bool: Union::new([
            b.clone(),
            format2(i, i, |x, y| format!("({x} < {y})")),
            format2(i, i, |x, y| format!("({x} >= {y})")),
            format2(s, s, |x, y| format!("({x} == {y})")),
            format2(s, s, |x, y| format!("({x} < {y})")),
            format2(l, l, |x, y| format!("({x} == {y})")),
            format2(l, l, |x, y| format!("({x} < {y})")),
            format2(a, a, |x, y| format!("({x} != {y})")),
            format2(b, b, |x, y| format!("({x} && !{y})")),
            format2(b, b, |x, y| format!("({x} -> {y} || false)")),
            one(a, |a| format!("({a} ? b.c)")),
            format2(i, l, |x, l| format!("(builtins.elem {x} {l})")),
            format2(i, l, |x, l| format!("(builtins.any (x: x > {x}) {l})")),
            one(a, |a| format!("(builtins.tryEval (assert {a} ? a; 1)).success")),
        ])
        .boxed(),
        text: Union::new([
            s.clone(),
            format2(s, s, |x, y| format!("({x} + {y})")),
            format2(s, i, |x, y| format!("\"<${{{x}}}${{toString {y}}}>\"")),
            one(i, |i| format!("(toString {i})")),
            one(l, |l| format!("(toString {l})")),
            one(b, |b| format!("(toString [ {b} null 1.25 [ [ ] 2 ] ])")),
            one(a, |a| format!("(builtins.toJSON {a})")),
            one(a, |a| format!("(builtins.toXML {a})")),
            format2(s, l, |s, l| format!("(builtins.concatStringsSep {s} (map toString {l}))")),
            format3(s, i, i, |s, x, y| {
                format!("(builtins.substring (let n = {x}; in if n < 0 then 0 else n) {y} (builtins.replaceStrings [ \"é\" ] [ \"e\" ] {s}))")
            }),
            format3(s, s, s, |x, y, z| format!("(builtins.replaceStrings [ {x} \"a\" ] [ {y} \"-\" ] {z})")),
            one(s, |s| format!("(baseNameOf {s})")),
            one(s, |s| format!("(dirOf {s})")),
            one(s, |s| format!("(builtins.hashString \"sha256\" {s})")),
            one(a, |a| format!("(builtins.typeOf ({a}.b or null))")),
        ])
        .boxed(),
        list: Union::new([
            l.clone(),
            format2(l, l, |x, y| format!("({x} ++ {y})")),
            format2(i, l, |x, l| format!("(map (x: x + {x}) {l})")),
            format2(i, l, |x, l| format!("(builtins.filter (x: x < {x}) {l})")),
            one(l, |l| format!("(builtins.sort (x: y: x < y) {l})")),
            one(l, |l| format!("(builtins.concatMap (x: [ x (x + 1) ]) {l})")),
            one(i, |i| format!("(builtins.genList (x: x * {i}) 4)")),
            one(l, |l| format!("(let p = builtins.partition (x: x > 1) {l}; in p.wrong ++ p.right)")),
            one(s, |s| format!("(map builtins.stringLength (builtins.splitVersion {s}))")),
            one(l, |l| {
                format!("(map (x: x.key) (builtins.genericClosure {{ startSet = map (key: {{ inherit key; }}) {l}; operator = x: if x.key > 3 then [ {{ key = x.key - 1; }} ] else [ ]; }}))")
            }),
        ])
        .boxed(),
        set: Union::new([
            a.clone(),
            format2(a, a, |x, y| format!("({x} // {y})")),
            format2(i, s, |x, y| format!("{{ a = {x}; e = {y}; }}")),
            format2(i, s, |x, y| format!("rec {{ a = {x}; c.x = a; c.y = {y}; }}")),
            format2(s, i, |s, x| format!("(let s = builtins.replaceStrings [ \"$\" ] [ \"S\" ] {s}; in {{ ${{s}} = {x}; a.${{\"z\" + s}} = 2; }})")),
            one(a, |a| format!("(builtins.mapAttrs (n: v: n) {a})")),
            one(a, |a| format!("(builtins.removeAttrs {a} [ \"a\" \"q\" ])")),
            format2(a, a, |x, y| format!("(builtins.intersectAttrs {x} {y})")),
            one(l, |l| {
                format!("(builtins.listToAttrs (map (x: {{ name = \"n\" + toString x; value = x; }}) {l}))")
            }),
            one(l, |l| format!("(builtins.groupBy (x: if x > 1 then \"big\" else \"small\") {l})")),
            format2(a, a, |x, y| format!("(builtins.zipAttrsWith (n: v: builtins.length v) [ {x} {y} ])")),
            one(s, |s| format!("(builtins.parseDrvName {s})")),
            format2(a, l, |a, l| format!("{{ inherit ({a} // {{ a = {l}; }}) a; }}")),
        ])
        .boxed(),
    }
}

use proptest::strategy::Union;

fn sample(strategy: &BoxedStrategy<String>, count: usize) -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    (0..count).map(|_| strategy.new_tree(&mut runner).expect("it rejects nothing").current()).collect()
}

/// `count` expressions of all types.
pub fn expressions(count: usize) -> Vec<String> {
    let all = deeper(&deeper(&deeper(&literals())));
    let strategy = Union::new([all.int, all.bool, all.text, all.list, all.set]).boxed();
    sample(&strategy, count)
}

/// `count` strings, most of them indented, with what is between the quotes by chance.
pub fn strings(count: usize) -> Vec<String> {
    let part = prop_oneof![
        4 => " {0,4}",
        4 => Just("\n".to_owned()),
        1 => Just("\t".to_owned()),
        2 => "[a-c]{1,3}",
        1 => Just("''$".to_owned()),
        1 => Just("'''".to_owned()),
        1 => Just("''\\n".to_owned()),
        1 => Just("''\\t".to_owned()),
        1 => Just("''\\x".to_owned()),
        1 => Just("$".to_owned()),
        1 => Just("$$".to_owned()),
        1 => Just("' ".to_owned()),
        1 => Just("\\".to_owned()),
        2 => Just("${\"x\\n y\"}".to_owned()),
    ];
    let indented =
        proptest::collection::vec(part, 0..14).prop_map(|parts| format!("''{} ''", parts.concat()));
    let plain = proptest::collection::vec(
        prop_oneof![
            Just("\\n"),
            Just("\\\\"),
            Just("\\\""),
            Just("\\q"),
            Just("$"),
            Just("$$"),
            Just("\\${"),
            Just("a"),
            Just("${\"b\"}"),
            Just("\n"),
            Just("''"),
            Just(" "),
            Just("\r\n"),
        ],
        0..10,
    )
    .prop_map(|parts| format!("\"{}\"", parts.concat()));
    let strategy = Union::new_weighted(vec![(3, indented.boxed()), (1, plain.boxed())]).boxed();
    sample(&strategy, count)
}
