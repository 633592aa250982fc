//! What a person names, opened and compared, over folders on disk.
use std::fs;
use std::path::Path;

use invar_diff::{Change, CompareOptions, DiffError, Operand, Use, compare, resolve, text};
use invar_oci_read::Limits;
use tempfile::TempDir;

const PYPROJECT: &str = "[project]\nname = \"cat\"\nversion = \"1\"\n[tool.invar]\npackages = [\"jq\"]\n";

fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a directory can be made");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("it is in the folder")).expect("it can be made");
        fs::write(path, text).expect("it can be written");
    }
    folder
}

fn operand(path: &Path) -> Operand {
    resolve(&path.display().to_string(), &Limits::usual()).expect("it can be opened")
}

fn options() -> CompareOptions {
    CompareOptions { platform: None, all_layers: false, inventory: false, limits: Limits::usual() }
}

#[test]
fn the_source_of_two_projects_is_compared_by_what_becomes_of_it() {
    let old = folder(&[
        ("pyproject.toml", PYPROJECT),
        (".dockerignore", "notes\n"),
        ("main.py", "print(1)\n"),
        ("gone.py", ""),
        ("notes/a", "1"),
        ("same", "same"),
    ]);
    let new = folder(&[
        ("pyproject.toml", &PYPROJECT.replace("jq", "curl")),
        (".dockerignore", "notes\n"),
        ("main.py", "print(2)\n"),
        ("notes/a", "2"),
        ("same", "same"),
    ]);
    let (one, two) = (operand(old.path()), operand(new.path()));
    let (found, inventory) = compare((&one, &two), ("old", "new"), &options()).expect("they can be compared");
    assert!(!found.same && inventory.is_none());
    let files: Vec<_> =
        found.source.iter().map(|file| (file.path.as_str(), file.change, file.new.or(file.old))).collect();
    assert_eq!(
        files,
        [
            ("gone.py", Change::Removed, Some(Use::Image)),
            ("main.py", Change::Changed, Some(Use::Image)),
            ("pyproject.toml", Change::Changed, Some(Use::Image)),
            ("notes/a", Change::Changed, Some(Use::Nothing)),
        ]
    );
    let names: Vec<&str> = found.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["pyproject.toml"]);
    let text = text(&found);
    assert!(text.contains("3 source files in the image\n  D gone.py\n"), "{text}");
    let (same, _) = compare((&one, &one), ("old", "old"), &options()).expect("they can be compared");
    assert!(same.same && self::text_of(&same) == "No difference\n");
}

fn text_of(comparison: &invar_diff::Comparison) -> String {
    text(comparison)
}

#[test]
fn a_lock_is_compared_with_a_lock() {
    let files = folder(&[
        ("old.lock", "version = 1\n[[package]]\nname = \"a\"\nversion = \"1\"\n"),
        ("new.lock", "version = 1\n[[package]]\nname = \"a\"\nversion = \"2\"\n"),
        ("broken.lock", "= 1\n"),
        ("project/pyproject.toml", PYPROJECT),
    ]);
    let lock = |name: &str| operand(&files.path().join(name));
    let (old, new) = (lock("old.lock"), lock("new.lock"));
    let (found, _) = compare((&old, &new), ("a", "b"), &options()).expect("they can be compared");
    let package = &found.files[0].packages[0];
    assert_eq!((package.old.as_deref(), package.new.as_deref()), (Some("1"), Some("2")));
    let broken = compare((&old, &lock("broken.lock")), ("a", "b"), &options());
    assert!(matches!(broken, Err(DiffError::Lock { name, .. }) if name == "b"));
    let mixed = compare((&old, &lock("project")), ("a", "b"), &options());
    assert!(matches!(mixed, Err(DiffError::Kinds { .. })));
}

#[test]
fn what_is_neither_on_disk_nor_a_revision_is_refused() {
    for name in ["no/such/file", "no-such-revision:inside", ":", "--output=x"] {
        let error = resolve(name, &Limits::usual()).err().expect("there is no such thing");
        assert!(matches!(error, DiffError::NoOperand { .. }), "{error}");
    }
}
