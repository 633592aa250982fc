//! Runs Nix's public language tests: `cargo run -p invar-nix --example lang -- DIR [NAME…]`, where `DIR` has `eval-okay-*.nix` and
//! `eval-fail-*.nix` with what Nix prints for them.
//!
//! A test of the first kind passes if the value is printed as `.exp` (or `.exp.xml`) has it; of the second kind, if it fails
//! for the same kind of reason as the last error of `.err.exp`. Tests that need a store, or a switch of Nix's command line,
//! are counted apart, by the rule that is printed next to them.
#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "it is a program, and sorts what it lists"
)]
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use invar_nix::{ErrorKind, EvalError, Evaluator, FileKind, Files, Limits, ThunkId, on_deep_stack};

/// Where the expected outputs say that the tests are.
const ROOT: &str = "/pwd/lang";

/// The tests' directory as a part of the virtual root.
struct Disk(PathBuf);

impl Disk {
    fn real(&self, path: &str) -> Option<PathBuf> {
        let rest = path.strip_prefix(ROOT)?;
        Some(self.0.join(rest.trim_start_matches('/')))
    }
}

fn kind_of(path: &Path, follow: bool) -> Option<FileKind> {
    let data = if follow { path.metadata().ok()? } else { path.symlink_metadata().ok()? };
    Some(if data.is_symlink() {
        FileKind::Symlink
    } else if data.is_dir() {
        FileKind::Directory
    } else {
        FileKind::Regular
    })
}

impl Files for Disk {
    fn text(&self, path: &str) -> Option<Rc<str>> {
        std::fs::read_to_string(self.real(path)?).ok().map(Into::into)
    }

    fn kind(&self, path: &str) -> Option<FileKind> {
        if ROOT.strip_prefix(path).is_some_and(|rest| rest.starts_with('/')) {
            return Some(FileKind::Directory);
        }
        kind_of(&self.real(path)?, false)
    }

    fn list(&self, directory: &str) -> Option<Vec<(String, FileKind)>> {
        let entries = std::fs::read_dir(self.real(directory)?).ok()?;
        let entry = |entry: std::io::Result<std::fs::DirEntry>| {
            let entry = entry.ok()?;
            Some((entry.file_name().into_string().ok()?, kind_of(&entry.path(), false)?))
        };
        Some(entries.filter_map(entry).collect())
    }
}

/// Why a test is counted apart.
fn set_apart(source: &str, expected: &str, flags: &str) -> Option<&'static str> {
    let has = |words: &[&str]| words.iter().any(|word| source.contains(word) || expected.contains(word));
    if flags.contains("--lint-") && flags.contains("fatal") && expected.contains("error:") {
        return Some("a lint of the command line");
    }
    if expected.contains("experimental Nix feature") || flags.contains("experimental") {
        return Some("an experimental switch");
    }
    if has(&["flakeRefToString", "parseFlakeRef"]) {
        return Some("references to flakes");
    }
    if flags.contains("--impure") || has(&["getEnv \"", "currentTime", "currentSystem", "~/"]) {
        return Some("depends on the machine");
    }
    let store = [
        "/nix/store",
        "derivation",
        "toFile",
        "fetch",
        "storePath",
        "filterSource",
        "builtins.path ",
        "<nix/",
        "DrvOutput",
        "FlakeRef",
    ];
    has(&store).then_some("needs a store or a fetcher")
}

/// The kind of reason that Nix's last error has.
fn reason(message: &str) -> String {
    let message = message.trim();
    let article = |text: &str| {
        let text = text.trim_start_matches("the ").trim_start_matches("an ").trim_start_matches("a ");
        let end = text.find([':', ';', '\'']).unwrap_or(text.len());
        text[..end].trim().to_owned()
    };
    if let Some((expected, found)) =
        message.strip_prefix("expected ").and_then(|rest| rest.split_once(" but found "))
    {
        return format!("type: {} instead of {}", article(found), article(expected));
    }
    if let Some(found) = message.strip_prefix("attempt to call something which is not a function but ") {
        return format!("type: {} instead of function", article(found));
    }
    if let Some((found, _)) =
        message.strip_prefix("cannot coerce ").and_then(|rest| rest.split_once(" to a string"))
    {
        return format!("text: {}", article(found));
    }
    let quoted = || message.split('\'').nth(1).unwrap_or_default();
    for (start, kind) in [
        ("undefined variable", "undefined"),
        ("dynamic attribute '", "duplicate"),
        ("function 'anonymous lambda' called without", "missing argument"),
        ("function 'anonymous lambda' called with unex", "unexpected argument"),
        ("integer overflow", "overflow"),
        ("cannot compare", "incomparable"),
        ("division by zero", "division"),
        ("infinite recursion", "recursion"),
        ("stack overflow", "limit"),
        ("evaluation aborted", "abort"),
        ("dynamic attributes not allowed", "syntax"),
        ("path has a trailing slash", "syntax"),
        ("syntax error", "syntax"),
    ] {
        if message.starts_with(start) {
            return kind.into();
        }
    }
    if message.ends_with(" missing") {
        return format!("missing attribute: {}", quoted());
    }
    if message.ends_with("does not exist") || message.ends_with("is not a directory") {
        return "no file".into();
    }
    let unequal = ["is not equal to", "differs from", "distinct functions"];
    if unequal.iter().any(|words| message.contains(words)) {
        return "assert".into();
    }
    if message.starts_with("`__toString`") {
        let found = message.rsplit("but got ").next().unwrap_or_default();
        return format!("text: {}", article(found));
    }
    if message.starts_with("'functionArgs' requires a function") {
        return "type: set instead of function".into();
    }
    if message.starts_with("cannot add") {
        return "type: string instead of integer".into();
    }
    if [
        "index",
        "empty list",
        "negative",
        "requires a function",
        "cannot create list",
        "regular expression",
        "represent",
        "unknown hash",
        "different lengths",
        "absolute path",
        "outside of Nix",
        "TOML",
        "exactly one",
        "exactly",
        "invalid",
        "duplicate derivation",
        "empty set of outputs",
        "__toString",
        "JSON serialization",
        "can only act",
        "null bytes",
    ]
    .iter()
    .any(|word| message.contains(word))
    {
        return "argument".into();
    }
    format!("throw: {message}")
}

/// The same of our errors.
fn our_reason(error: &EvalError) -> String {
    let plain = |text: &str| text.trim_start_matches("an ").trim_start_matches("a ").to_owned();
    match &error.kind {
        ErrorKind::Throw(text) => format!("throw: {text}"),
        ErrorKind::Abort(_) => "abort".into(),
        ErrorKind::Assert(_) => "assert".into(),
        ErrorKind::Type { expected, found } => {
            format!("type: {} instead of {}", plain(found), plain(expected))
        }
        ErrorKind::NotText(found) => format!("text: {}", plain(found)),
        ErrorKind::Incomparable { .. } => "incomparable".into(),
        ErrorKind::MissingAttribute { name } => format!("missing attribute: {name}"),
        ErrorKind::MissingArgument(_) => "missing argument".into(),
        ErrorKind::UnexpectedArgument(_) => "unexpected argument".into(),
        ErrorKind::InfiniteRecursion => "recursion".into(),
        ErrorKind::UndefinedVariable(_) => "undefined".into(),
        ErrorKind::Duplicate { .. } => "duplicate".into(),
        ErrorKind::DivisionByZero => "division".into(),
        ErrorKind::Overflow { .. } => "overflow".into(),
        ErrorKind::Argument { .. } => "argument".into(),
        ErrorKind::Limit { .. } => "limit".into(),
        ErrorKind::FileMissing(_) => "no file".into(),
        ErrorKind::Syntax(text) if text.contains("NUL") => "argument".into(),
        ErrorKind::Syntax(_) => "syntax".into(),
        other => format!("other: {other}"),
    }
}

/// Evaluates one test as `nix-instantiate` with its flags does.
fn evaluate(directory: &Path, name: &str, flags: &str, xml: bool) -> Result<String, Box<EvalError>> {
    let disk = Disk(directory.to_owned());
    let mut evaluator = Evaluator::new(Box::new(disk), Limits::default());
    let words: Vec<&str> = flags.split_whitespace().collect();
    for pair in words.windows(2).filter(|pair| pair[0] == "-I") {
        let (prefix, path) = pair[1].split_once('=').unwrap_or(("", pair[1]));
        evaluator.add_search_path(prefix, &format!("/pwd/{path}"));
    }
    for path in ["dir3", "dir4"] {
        evaluator.add_search_path("", &format!("{ROOT}/{path}"));
    }
    let mut id = evaluator.file(&format!("{ROOT}/{name}.nix"))?;
    let mut arguments: Vec<(&str, ThunkId)> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        match *word {
            "--arg" => {
                let value =
                    evaluator.expression(&words[index + 2].replace("(lang/", "(./lang/"), "/pwd/arg")?;
                arguments.push((words[index + 1], value));
            }
            "--argstr" => {
                let value = evaluator.allocate(invar_nix::Value::text(words[index + 2]));
                arguments.push((words[index + 1], value));
            }
            _ => {}
        }
    }
    if !arguments.is_empty() {
        let arguments = evaluator.allocate_set(&arguments);
        id = evaluator.apply_later(id, arguments);
    }
    if let Some(index) = words.iter().position(|word| *word == "-A") {
        let value = evaluator.force(id)?;
        id = evaluator.attribute_of(&value, words[index + 1])?.expect("the test has what it selects");
    }
    if xml {
        let function = evaluator.expression("builtins.toXML", "/xml")?;
        let value = evaluator.apply(function, id)?;
        return evaluator.string(&value).map(|string| string.text.to_string());
    }
    evaluator.force_all(id)?;
    Ok(format!("{}\n", evaluator.show(id, true)))
}

fn main() {
    let directory = PathBuf::from(std::env::args().nth(1).expect("a directory is named"));
    let only: BTreeSet<String> = std::env::args().skip(2).collect();
    let mut names: Vec<String> = std::fs::read_dir(&directory)
        .expect("the directory can be read")
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".nix").map(str::to_owned))
        .filter(|name| name.starts_with("eval-okay-") || name.starts_with("eval-fail-"))
        .filter(|name| only.is_empty() || only.contains(name))
        .collect();
    names.sort();
    let mut counts: BTreeMap<(&str, &str), (usize, usize)> = BTreeMap::new();
    for name in names {
        let read = |end: &str| {
            let bytes = std::fs::read(directory.join(format!("{name}{end}"))).ok()?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        };
        let source = read(".nix").unwrap_or_default();
        let flags = read(".flags").unwrap_or_default();
        let is_okay = name.starts_with("eval-okay");
        let (xml, expected) = match (is_okay, read(".exp.xml"), read(".exp"), read(".err.exp")) {
            (true, Some(xml), _, _) => (true, xml),
            (true, None, Some(text), _) => (false, text),
            (false, _, _, Some(text)) => (false, text),
            _ => {
                println!("apart  {name}: it has no expected output");
                continue;
            }
        };
        let rule = set_apart(&source, &expected, &flags);
        let group = if is_okay { "eval-okay" } else { "eval-fail" };
        let result = on_deep_stack(|| {
            evaluate(&directory, &name, &flags, xml).map_err(|error| (our_reason(&error), error.to_string()))
        });
        let problem = match (is_okay, result) {
            (true, Ok(found)) if found == expected => None,
            (true, Ok(found)) => Some(format!("expected {expected}       found    {found}")),
            (true, Err((_, error))) => Some(error),
            (false, Ok(found)) => Some(format!("it has a value: {found}")),
            (false, Err((found, error))) => {
                let message = expected.lines().rev().find_map(|line| line.trim().strip_prefix("error:"));
                let wanted = reason(message.unwrap_or_default());
                (wanted != found).then(|| format!("expected `{wanted}`, found `{found}`: {error}"))
            }
        };
        let count = counts.entry((group, rule.unwrap_or(""))).or_default();
        count.1 += 1;
        match problem {
            None => count.0 += 1,
            Some(problem) => {
                println!("{} {name}: {problem}", if rule.is_some() { "apart " } else { "FAILED" })
            }
        }
    }
    for ((group, rule), (passed, all)) in counts {
        let rule = if rule.is_empty() { "counted".to_owned() } else { format!("apart: {rule}") };
        println!("{group} {passed}/{all} ({rule})");
    }
}
