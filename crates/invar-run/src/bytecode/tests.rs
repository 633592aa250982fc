//! Bytecode, with an executor that runs nothing.
use invar_project::LockedInterpreter;
use invar_tree::Contents as _;

use super::sources::to_write;
use super::*;
use crate::executor::fake::{FakeExecutor, FakeRun, input_text};
use crate::fixture::{Fixture, Warnings, listed};

/// What CPython 3.11 makes of an empty module.
const EMPTY: &[u8] = b"\
    \xa7\x0d\x0d\x0a\x01\x00\x00\x00\x73\x8d\x9c\xd5\xd5\xe8\x7f\x73\xe3\x00\x00\x00\x00\x00\x00\x00\x00\
    \x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xf3\x06\x00\x00\x00\x97\x00\x64\x00\x53\x00\x29\x01\
    \x4e\xa9\x00\x72\x02\x00\x00\x00\xf3\x00\x00\x00\x00\xfa\x09\x2f\x61\x70\x70\x2f\x6d\x2e\x70\x79\xfa\
    \x08\x3c\x6d\x6f\x64\x75\x6c\x65\x3e\x72\x05\x00\x00\x00\x01\x00\x00\x00\x73\x0f\x00\x00\x00\xf0\x03\
    \x01\x01\x01\xf0\x00\x01\x01\x01\xf0\x00\x01\x01\x01\x72\x03\x00\x00\x00";

fn wheel(name: &str, text: &str) -> MemoryTree {
    let mut tree = MemoryTree::new(Origin::Wheel { name: name.to_owned(), version: "1".to_owned() });
    let path = ImagePath::parse("app/.venv/lib/python3.13/site-packages/shared.py").expect("it is a path");
    tree.file(path, Mode::FILE, Owner::ROOT, &mut text.as_bytes()).expect("memory takes it");
    tree
}

#[test]
fn a_file_that_two_packages_agree_on_is_written_once() {
    let check = |second: &str| {
        let trees = [wheel("whole", "a = 1\n"), wheel("slim", second)];
        let candidates: Vec<Candidate<'_>> = trees
            .iter()
            .map(|tree| Candidate {
                tree: tree.tree(),
                contents: tree,
                of: String::new(),
                is_interpreter: false,
                changes: false,
            })
            .collect();
        let files: Vec<(usize, ImagePath)> = candidates
            .iter()
            .enumerate()
            .flat_map(|(index, candidate)| sources(candidate.tree).map(move |path| (index, path)))
            .collect();
        assert_eq!(files.len(), 2);
        to_write(&files, &candidates)
    };
    let written = check("a = 1\n").expect("they agree");
    assert_eq!(written.keys().collect::<Vec<_>>(), [&0]);
    let clashes = check("a = 2\n").expect_err("they do not agree");
    assert!(clashes[0].to_string().contains("shared.py: wheel whole 1 has"), "{}", clashes[0]);
}

fn interpreter() -> LockedInterpreter {
    LockedInterpreter {
        package: "python3.11".parse().expect("it is a package"),
        version: "3.11.2".parse().expect("it is a version"),
        path: ImagePath::parse("usr/bin/python3.11").expect("it is a path"),
    }
}

#[test]
fn each_tree_is_compiled_once_and_what_is_no_source_is_left_out() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let good = ImagePath::parse("app/.venv/lib/python3.11/site-packages/good.py").expect("it is a path");
    let bad = ImagePath::parse("app/.venv/lib/python3.11/site-packages/sub/bad.py").expect("it is a path");
    let own = ImagePath::parse("app/main.py").expect("it is a path");
    let executor = FakeExecutor::new(|command| {
        assert_eq!(command.arguments[0], "/usr/bin/python3.11");
        assert_eq!(command.arguments[6..], ["/build/compile.py", "/build/list", "/build/out", "1"]);
        assert_eq!(input_text(command, "compile.py").as_deref(), Some(COMPILER));
        assert_eq!(input_text(command, "list"), Some(format!("{good}\n{bad}\n{own}\n")));
        let mut root = MemoryTree::new(Origin::Source);
        command.root.iter().for_each(|tree| tree.give(&mut root).expect("memory takes it"));
        assert_eq!(root.read(&bad).expect("the source is in the root"), b"not python");
        let files: [(&str, &[u8]); 3] = [
            ("build/out/0.pyc", EMPTY),
            ("build/out/2.pyc", EMPTY),
            ("build/out/skipped", b"1\tinvalid syntax\n"),
        ];
        FakeRun::leaving(&files)
    });
    let reporter = Warnings::default();
    let fixture = Fixture::new(folder.path(), "[image]\nname = \"x\"\n", &[], &executor, &reporter);
    let mut wheel = MemoryTree::new(Origin::Wheel { name: "w".to_owned(), version: "1".to_owned() });
    let mut project = MemoryTree::new(Origin::Source);
    wheel.file(good.clone(), Mode::FILE, Owner::ROOT, &mut &b"a = 1\n"[..]).expect("memory takes it");
    wheel.file(bad.clone(), Mode::FILE, Owner::ROOT, &mut &b"not python"[..]).expect("memory takes it");
    project.file(own.clone(), Mode::FILE, Owner::ROOT, &mut &b""[..]).expect("memory takes it");
    let candidates = [(&wheel, false), (&project, true)].map(|(tree, changes)| Candidate {
        tree: tree.tree(),
        contents: tree,
        of: "it".to_owned(),
        is_interpreter: false,
        changes,
    });
    let locked = interpreter();
    let interpreter = Interpreter::among(&locked, &[], &[]);
    for _ in 0..2 {
        let compiled = compile(&fixture.context(), &interpreter, &candidates).expect("they can be compiled");
        let [Some(Compiled::Stored(wheel)), Some(Compiled::Memory(project))] = &compiled[..] else {
            panic!("both have sources");
        };
        let place = "app/.venv/lib/python3.11/site-packages/__pycache__/good.cpython-311.pyc";
        let files = listed(wheel);
        assert!(matches!(&files[..], [one] if one.contains(place)), "{files:?}");
        let files: Vec<&str> = project.tree().iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(files, ["app", "app/__pycache__", "app/__pycache__/main.cpython-311.pyc"]);
    }
    assert_eq!(executor.ran(), ["bytecode"]);
}
