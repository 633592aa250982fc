//! Compiled Python from real interpreters: whatever their history, the canonical form is one, and loads as the same
//! code.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![expect(clippy::print_stderr, reason = "skipped tests report so")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use invar_python::{COMPILER, canonical_pyc};

/// Every one of these that the machine has is tried.
const INTERPRETERS: [&str; 7] =
    ["python3", "python3.9", "python3.10", "python3.11", "python3.12", "python3.13", "python3.14"];

const SAME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bytecode/same.py");
const BUSY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bytecode/busy.py");

/// Runs `test` with a fresh folder for each version of Python there is.
fn with_interpreters(name: &str, test: impl Fn(&'static str, &Path)) {
    let mut tried = Vec::new();
    for interpreter in INTERPRETERS {
        // The launchers of version managers exist for versions that do not.
        let version = Command::new(interpreter).args(["-I", "-c", "import sys; print(sys.version)"]).output();
        let Ok(Output { status, stdout, .. }) = version else { continue };
        if !status.success() || tried.contains(&stdout) {
            continue;
        }
        tried.push(stdout);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("bytecode-{name}-{interpreter}"));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("compile.py"), COMPILER).unwrap();
        test(interpreter, &folder);
        fs::remove_dir_all(&folder).unwrap();
    }
    if tried.is_empty() {
        eprintln!("SKIPPED {name}: there is no Python on this machine");
    }
}

/// Runs the compiler over `sources` in a new folder `out`, which it returns.
fn compile(interpreter: &str, folder: &Path, out: &str, sources: &[PathBuf], workers: u8) -> PathBuf {
    let out = folder.join(out);
    fs::create_dir(&out).unwrap();
    let list = write_list(folder, sources);
    let ran = Command::new(interpreter)
        .args(["-s", "-S", "-B", "-X", "utf8"])
        .arg(folder.join("compile.py"))
        .args([&list, &out])
        .arg(workers.to_string())
        .env("PYTHONHASHSEED", workers.to_string())
        .current_dir("/")
        .output()
        .unwrap();
    assert_eq!(
        (String::from_utf8_lossy(&ran.stderr).as_ref(), ran.status.code()),
        ("", Some(0)),
        "{interpreter}"
    );
    out
}

fn write_list(folder: &Path, sources: &[PathBuf]) -> PathBuf {
    let lines: Vec<String> = sources.iter().map(|source| format!("{}\n", source.to_str().unwrap())).collect();
    fs::write(folder.join("list"), lines.concat()).unwrap();
    folder.join("list")
}

/// Modules of the standard library, enough to have every type of constant.
fn standard_library(interpreter: &str) -> Vec<PathBuf> {
    let script = "import os, sys
folder = os.path.dirname(os.__file__)
for name in sorted(os.listdir(folder)):
    if name.endswith('.py') and name[0] in 'abcdefgstuvwz' and os.path.exists(os.path.join(folder, name)):
        print(os.path.join(folder, name))";
    let ran = Command::new(interpreter).args(["-I", "-c", script]).output().unwrap();
    let names = String::from_utf8(ran.stdout).unwrap();
    names.lines().map(PathBuf::from).collect()
}

/// How many entries `folder` has.
fn entries(folder: &Path) -> usize {
    #[expect(clippy::disallowed_methods, reason = "only counted")]
    fs::read_dir(folder).unwrap().count()
}

/// The canonical forms of `out/0.pyc` and so on.
fn canonical(out: &Path, count: usize) -> Vec<Vec<u8>> {
    (0..count)
        .map(|index| canonical_pyc(&fs::read(out.join(format!("{index}.pyc"))).unwrap()).unwrap())
        .collect()
}

/// Compiled in order and in reverse, by one process and by two, with other hashes, and late in the life of a busy
/// process. A fault shows if it makes any of some 100 modules differ; that two such histories differ at all in
/// CPython's own bytes is certain up to 3.10 (most modules) and usual in 3.13 (a hundredth of them).
#[test]
fn the_canonical_form_has_no_history() {
    with_interpreters("history", |interpreter, folder| {
        let sources = standard_library(interpreter);
        assert!(sources.len() > 50, "{interpreter}: {sources:?}");
        let first = compile(interpreter, folder, "first", &sources, 1);
        let expected = canonical(&first, sources.len());

        let reversed: Vec<PathBuf> = sources.iter().rev().cloned().collect();
        let mut found = canonical(&compile(interpreter, folder, "second", &reversed, 2), sources.len());
        found.reverse();
        assert!(found == expected, "{interpreter}: compiled in reverse");

        let busy = folder.join("busy");
        fs::create_dir(&busy).unwrap();
        let list = write_list(folder, &sources);
        let ran = Command::new(interpreter).args(["-I", "-B", BUSY]).args([&list, &busy]).output().unwrap();
        assert!(ran.status.success(), "{interpreter}: {}", String::from_utf8_lossy(&ran.stderr));
        assert!(canonical(&busy, sources.len()) == expected, "{interpreter}: compiled by a busy process");

        let rewritten = folder.join("canonical");
        fs::create_dir(&rewritten).unwrap();
        for (index, bytes) in expected.iter().enumerate() {
            assert!(canonical_pyc(bytes).unwrap() == *bytes, "{interpreter}: {}", sources[index].display());
            fs::write(rewritten.join(format!("{index}.pyc")), bytes).unwrap();
        }
        for compiled in [&first, &busy] {
            let ran = Command::new(interpreter)
                .args(["-I", "-B", SAME])
                .args([compiled, &rewritten])
                .output()
                .unwrap();
            let compared = format!("{}\n", sources.len());
            let (stdout, stderr) =
                (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
            assert_eq!((stdout.as_ref(), stderr.as_ref()), (compared.as_str(), ""), "{interpreter}");
        }
    });
}

/// What is no source of this Python is listed with its reason, in the order of the list, and the rest is compiled.
#[test]
fn what_does_not_compile_is_skipped() {
    with_interpreters("skipped", |interpreter, folder| {
        let sources: [(&str, &[u8]); 9] = [
            ("good", b"x = 1\n"),
            ("python_2", b"print 'hello'\n"),
            ("warning", b"import a\nif a is 1: '\\d'\nassert (a, 'always')\n"),
            ("encoding", b"# coding: no-such-thing\n"),
            ("latin_1", b"# coding: latin-1\nx = '\xe9'\n"),
            ("not_utf_8", b"x = '\xe9'\n"),
            ("nul", b"x = 1\0\n"),
            ("empty", b""),
            ("identifier", "\u{fb01} = '\\N{BULLET}'\n".as_bytes()),
        ];
        let mut paths = Vec::new();
        for (name, content) in sources {
            paths.push(folder.join(format!("{name}.py")));
            fs::write(paths.last().unwrap(), content).unwrap();
        }
        for workers in [1, 3] {
            let out = compile(interpreter, folder, &format!("out-{workers}"), &paths, workers);
            let skipped = fs::read_to_string(out.join("skipped")).unwrap();
            let mut numbers = Vec::new();
            for line in skipped.lines() {
                let (number, reason) = line.split_once('\t').unwrap();
                assert!(reason.contains("Error: "), "{interpreter}: {line}");
                numbers.push(number.parse::<usize>().unwrap());
            }
            assert_eq!(numbers, [1, 3, 5, 6], "{interpreter}: {skipped}");
            for (index, (name, ..)) in sources.iter().enumerate() {
                let exists = out.join(format!("{index}.pyc")).exists();
                assert_eq!(exists, !numbers.contains(&index), "{interpreter}: {name}");
            }
            assert_eq!(entries(&out), sources.len() - numbers.len() + 1, "nothing else is left");
        }
        let none = compile(interpreter, folder, "none", &[], 2);
        assert_eq!(fs::read_to_string(none.join("skipped")).unwrap(), "");
    });
}

/// A missing source is a fault of whoever wrote the list.
#[test]
fn a_missing_source_is_an_error() {
    with_interpreters("missing", |interpreter, folder| {
        let missing = folder.join("missing.py");
        let list = write_list(folder, std::slice::from_ref(&missing));
        let ran = Command::new(interpreter)
            .args(["-s", "-S", "-B", "-X", "utf8"])
            .arg(folder.join("compile.py"))
            .args([&list, folder])
            .arg("2")
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&ran.stderr);
        assert_eq!(ran.status.code(), Some(1), "{interpreter}: {stderr}");
        assert!(stderr.contains(missing.to_str().unwrap()), "{interpreter}: {stderr}");
    });
}
