//! The locks of derived manifests.
use super::*;

fn derived(output: &str, purposes: &[Purpose], text: &str) -> DerivedLock {
    let manifest = DerivedManifest {
        source: DerivedSource { file: "flake.nix".into(), output: Some(output.into()) },
        purposes: purposes.iter().copied().collect(),
        files: [("flake.nix".to_owned(), Digest::of(b"{ }"))].into(),
        project: Some(Digest::of(b"{}")),
        uv_lock: Some(Digest::of(b"uv.lock")),
        text: text.into(),
    };
    DerivedLock { manifest, lock: sample() }
}

#[test]
fn several_locks_are_in_one_file() {
    let texts = [
        "# flake.nix:3: x\npackages = [\"fortune-mod\"]\n[image]\nname = \"cat\"\n",
        "hook = \"\"\"\n[image]\n\\\\ \\\"\"\"\n",
        "\"\"\"\"\"\"\"",
        "a = '\u{7}\u{85}'\r\n",
        "",
    ];
    for text in texts {
        let file =
            LockFile::Derived(vec![derived("a", &[Purpose::Build], text), derived("b", &Purpose::ALL, text)]);
        let written = file.to_string();
        assert_eq!(LockFile::parse(&written), Ok(file), "{written}");
    }
    let own = LockFile::Own(Box::new(sample()));
    assert_eq!(own.to_string(), sample().to_string());
    assert_eq!(LockFile::parse(&own.to_string()), Ok(own));
}

#[test]
fn a_new_lock_takes_the_place_of_the_old_for_its_purposes() {
    let all = LockFile::Derived(vec![]).with(derived("a", &Purpose::ALL, "1")).with(derived(
        "b",
        &[Purpose::Build],
        "2",
    ));
    let all = all.with(derived("a", &[Purpose::Run], "3"));
    let text = |output: &str, purpose| {
        let source = DerivedSource { file: "flake.nix".into(), output: Some(output.into()) };
        all.find(&source, purpose).map(|one| one.manifest.text.as_str())
    };
    assert_eq!(text("a", Purpose::Build), Some("1"));
    assert_eq!(text("a", Purpose::Run), Some("3"));
    assert_eq!(text("b", Purpose::Build), Some("2"));
    assert_eq!(text("b", Purpose::Shell), None);
    let reordered = LockFile::Derived(vec![]).with(derived("a", &[Purpose::Run], "3"));
    let reordered = reordered.with(derived("b", &[Purpose::Build], "2"));
    let reordered = reordered.with(derived("a", &[Purpose::Build, Purpose::Shell], "1"));
    assert_eq!(reordered.to_string(), all.to_string());
}

#[test]
fn what_no_invar_wrote_is_refused() {
    let good = LockFile::Derived(vec![derived("a", &[Purpose::Build], "x = 1\n")]).to_string();
    let twice = format!(
        "{good}{}",
        good.split_once("\n\n").expect("there is an empty line").1.replacen("[[", "\n[[", 1)
    );
    for (text, expected) in [
        (good.replace("[derived.lock]\n", "[derived.lock]\nformat-version = 2\n"), "line 4"),
        (good.replace("purposes = [\"build\"]", "purposes = []"), "at least one purpose"),
        (good.replace("purposes = [\"build\"]", "purposes = [\"test\"]"), "\"test\" is not one of"),
        (good.replace("[derived.lock]\n", "[derived.lock]\ncolor = 1\n"), "unknown field `color`"),
        (
            good.replace("format-version = 2\n", "format-version = 2\ncreated = \"2026-09-12T08:00:00Z\"\n"),
            "unknown field",
        ),
        (twice, "flake.nix#a is listed twice"),
    ] {
        let error = LockFile::parse(&text).expect_err(&text).to_string();
        assert!(error.contains(expected), "{error}");
    }
}
