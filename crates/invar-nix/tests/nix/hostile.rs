//! Expressions that would take all of a machine: each ends by an error, and all of them within a quarter of a gibibyte.
use std::process::Command;
use std::rc::Rc;
use std::time::Instant;

use invar_nix::{ErrorKind, Evaluator, FileKind, Files, Limits, on_deep_stack};

/// Set in the process that the test has for itself: what other tests use does not count there.
const ALONE: &str = "INVAR_TEST_ALONE";

/// Bytes that the whole test may have in memory.
const MOST: u64 = 256 << 20;

/// The usual memory and depth; fewer steps, since this runs without optimization.
const LIMITS: Limits = Limits { steps: 4_000_000, depth: 10_000, memory: 64 << 20 };

/// A long file, and one that imports itself.
struct Strange;

impl Files for Strange {
    fn text(&self, path: &str) -> Option<Rc<str>> {
        match path {
            "/long" => Some("x".repeat(8 << 20).into()),
            "/itself.nix" => Some("import ./itself.nix".into()),
            "/deep.nix" => Some("[".repeat(50_000).into()),
            "/call.nix" => Some("(x: scopedImport { } ./call.nix) 1".into()),
            _ => None,
        }
    }

    fn kind(&self, path: &str) -> Option<FileKind> {
        self.text(path).map(|_| FileKind::Regular)
    }

    fn list(&self, _: &str) -> Option<Vec<(String, FileKind)>> {
        None
    }
}

/// What is wrong with `expression` when all of it is computed, printed, and written as JSON and XML.
fn end(expression: &str) -> Result<(), ErrorKind> {
    on_deep_stack(|| {
        let mut evaluator = Evaluator::new(Box::new(Strange), LIMITS);
        let id = evaluator.expression(expression, "/expression.nix").map_err(|error| error.kind)?;
        evaluator.force_all(id).map_err(|error| error.kind)?;
        evaluator.show(id, true);
        for name in ["builtins.toJSON", "builtins.toXML", "toString"] {
            let function = evaluator.expression(name, "/name.nix").map_err(|error| error.kind)?;
            match evaluator.apply(function, id) {
                Err(error) if matches!(error.kind, ErrorKind::Limit { .. }) => return Err(error.kind),
                _ => {}
            }
        }
        Ok(())
    })
}

/// The most that this process ever had in memory.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|number| number.parse::<u64>().ok()).unwrap_or_default() << 10
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how a child process is told that it is one")]
fn what_never_ends_is_ended() {
    if std::env::var_os(ALONE).is_some() {
        return end_all();
    }
    let ran = Command::new(std::env::current_exe().expect("a program knows where it is"))
        .args(["--exact", "hostile::what_never_ends_is_ended", "--nocapture"])
        .env(ALONE, "1")
        .output()
        .expect("this program can be started");
    let text = String::from_utf8_lossy(&ran.stdout).into_owned() + &String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && text.contains("1 passed"), "{text}");
    println!("{text}");
}

#[expect(clippy::print_stdout, reason = "what each takes is for people who run it with --nocapture")]
fn end_all() {
    let doubled = |start: &str, double: &str, times: usize| {
        let mut text = format!("let a0 = {start}; ");
        for index in 0..times {
            let next = double.replace('@', &format!("a{index}"));
            text.push_str(&format!("a{} = {next}; ", index + 1));
        }
        format!("{text}in a{times}")
    };
    let many_lists = |function: &str, start: &str| {
        let items = "builtins.concatStringsSep \"\" (builtins.genList (i: \"[],[],[],[],[],[],[],[],[],[],\") 500000)";
        format!("{function} (\"{start}[\" + {items} + \"[]]\")")
    };
    let expressions = [
        "(x: x x) (x: x x)".to_owned(),
        "(x: x x x) (x: x x x)".into(),
        "let f = n: f (n + 1); in f 0".into(),
        "let f = n: 1 + f (n + 1); in f 0".into(),
        "let f = n: [ (f (n + 1)) ]; in f 0".into(),
        "let f = n: { a = f (n + 1); }; in f 0".into(),
        "let a = { b = [ a ]; }; in builtins.toJSON a".into(),
        "let a = [ a ]; in toString a".into(),
        "let a = { b = a; }; b = { b = b; }; in a == b".into(),
        "let a = [ a ]; b = [ b ]; in a < b".into(),
        "let a = { outPath = a; }; in \"${a}\"".into(),
        "let a = { __toString = self: self; }; in \"${a}\"".into(),
        "let a = { __functor = self: self; }; in a 1".into(),
        "builtins.genList (x: x) 1000000000".into(),
        "builtins.genList (x: x) 9223372036854775807".into(),
        "builtins.foldl' (a: b: a + b) 0 (builtins.genList (x: x) 10000000)".into(),
        "builtins.genericClosure { startSet = [ { key = 1; } ]; operator = x: [ { key = x.key + 1; } ]; }".into(),
        "let f = l: f (l ++ l); in f [ 1 ]".into(),
        "let f = s: f (s // { ${toString (builtins.length (builtins.attrNames s))} = 1; }); in f { }".into(),
        "let f = s: f \"${s}${s}\"; in f \"x\"".into(),
        "let f = s: f (builtins.concatStringsSep s [ s s s ]); in f \"x\"".into(),
        "let f = s: f (builtins.replaceStrings [ \"x\" ] [ \"xx\" ] s); in f \"x\"".into(),
        "let f = s: f (builtins.toJSON s); in f \"\\\"\"".into(),
        "let f = s: f (map (x: s) [ 1 2 ]); in f 1".into(),
        "let l = builtins.genList (x: \"x\") 100000; in builtins.replaceStrings l l (toString l)".into(),
        "let s = toString (builtins.genList (x: x) 100000); in builtins.genList (x: builtins.readFile /long) 1000".into(),
        "builtins.genList (x: builtins.hashString \"sha512\" (builtins.readFile /long + toString x)) 100000".into(),
        "builtins.match \"(((a{1,255}){1,255}){1,255}){1,255}\" \"aaaa\"".into(),
        "map (n: builtins.match \"(a*)*(a*)*(a*)*b\" (builtins.readFile /long)) (builtins.genList (x: x) 1000)".into(),
        "builtins.split \"(x?)(x?)(x?)\" (builtins.readFile /long)".into(),
        "map (n: builtins.split \"a${toString n}|[a-z]{200}\" \"aaa\") (builtins.genList (x: x) 1000000)".into(),
        "builtins.sort (a: b: true) (builtins.genList (x: x) 1000000)".into(),
        "builtins.fromJSON (builtins.concatStringsSep \"\" (builtins.genList (x: \"[\") 100000))".into(),
        "builtins.fromTOML (\"a=\" + builtins.concatStringsSep \"\" (builtins.genList (x: \"[\") 100000))".into(),
        "builtins.fromTOML (builtins.concatStringsSep \".\" (builtins.genList (x: \"a\") 100000) + \" = 1\")".into(),
        many_lists("builtins.fromJSON", ""),
        many_lists("builtins.fromTOML", "a = "),
        "import ./itself.nix".into(),
        "import ./deep.nix".into(),
        "import ./call.nix".into(),
        "builtins.tryEval (let f = n: 1 + f n; in f 0)".into(),
        "let f = n: builtins.trace (builtins.readFile /long) (f (n + 1)); in f 0".into(),
        "let f = n: builtins.addErrorContext n (f (n + 1)); in f 0".into(),
        "let f = { a ? f { } }: a; in f { }".into(),
        "let f = n: (f (n + 1)).a or 1; in f 0".into(),
        "let f = n: if f n then 1 else 2; in f 0".into(),
        "let f = n: with f (n + 1); x; in f 0".into(),
        "let f = n: \"${f n}\"; in f 0".into(),
        "let f = n: builtins.map f [ n n ]; in builtins.deepSeq (f 0) 1".into(),
        "let f = n: -(f n); in f 0".into(),
        "let f = a: b: c: f b c a; in f 1 2 3".into(),
        "let f = n: (f n).a.b.c; in f 0".into(),
        "let f = n: { ${f n} = 1; }; in f 0".into(),
        "let f = n: ./a/${f n}; in f 0".into(),
        "let f = n: assert f n; n; in f 0".into(),
        "builtins.filter (x: builtins.filter (y: builtins.filter (z: x + y + z < 0) l != [ ]) l != [ ]) l".replace(" l ", " (builtins.genList (x: x) 10000) ").replace(") l", ") (builtins.genList (x: x) 10000)"),
        doubled("[ 1 ]", "@ ++ @", 60),
        doubled("[ 1 ]", "[ @ @ ]", 60),
        doubled("\"x\"", "@ + @", 60),
        doubled("{ a = 1; }", "{ a = @; b = @; }", 60),
        doubled("\"x\"", "\"${@}${@}${@}\"", 60),
        doubled("x: x", "x: @ (@ x)", 60) + " 1",
        doubled("1", "builtins.seq (@ + @) [ @ @ ]", 60),
    ];
    let mut wrong = Vec::new();
    for expression in &expressions {
        let start = Instant::now();
        let result = end(expression);
        let time = start.elapsed();
        let shown = &expression[..expression.floor_char_boundary(90)];
        println!("{time:>10.3?} {:>4} MiB {shown}: {result:?}", peak() >> 20);
        let is_limited = matches!(
            result,
            Err(ErrorKind::Limit { .. } | ErrorKind::Argument { .. } | ErrorKind::InfiniteRecursion)
                | Err(ErrorKind::Syntax(_) | ErrorKind::NotText(_) | ErrorKind::Type { .. })
        );
        if !is_limited {
            wrong.push(format!("{shown}: {result:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(peak() < MOST, "{} bytes were used", peak());
}
