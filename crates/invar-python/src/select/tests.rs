use invar_tree::Machine;

use super::*;

mod built;

const HASH: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const COMMIT: &str = "161ec92c2f41c9321c9f5098597778a8386ea570";

/// One `[[package]]` with a pure wheel from an index.
fn package(name: &str, version: &str, rest: &str) -> String {
    format!(
        "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = {{ registry = \"https://index.example/simple\" }}\n\
         wheels = [{{ url = \"https://index.example/{name}-{version}-py3-none-any.whl\", hash = \"{HASH}\", size = 9 }}]\n\
         {rest}\n"
    )
}

fn root(rest: &str) -> String {
    format!("[[package]]\nname = \"demo\"\nversion = \"1\"\nsource = {{ virtual = \".\" }}\n{rest}\n")
}

fn lock(head: &str, packages: &[String]) -> UvLock {
    let text =
        format!("version = 1\nrevision = 3\nrequires-python = \">=3.12\"\n{head}\n{}", packages.concat());
    UvLock::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn target() -> Target {
    Target { python: "3.13.5".parse().unwrap(), machine: Machine::X86_64, glibc: (2, 41) }
}

/// `a` is an extra, `+g` a group, `-` leaves the project out, `*` takes all extras.
fn selection(words: &str) -> Selection {
    let mut selection =
        Selection { extras: BTreeSet::new(), all_extras: false, groups: BTreeSet::new(), project: true };
    for word in words.split_whitespace() {
        match word.strip_prefix('+') {
            Some(group) => drop(selection.groups.insert(group.parse().unwrap())),
            None if word == "-" => selection.project = false,
            None if word == "*" => selection.all_extras = true,
            None => drop(selection.extras.insert(word.parse().unwrap())),
        }
    }
    selection
}

#[track_caller]
fn check(lock: &UvLock, words: &str, expected: &str) {
    check_policy(lock, words, &SourcePolicy::default(), expected);
}

#[track_caller]
fn check_policy(lock: &UvLock, words: &str, policy: &SourcePolicy, expected: &str) {
    let found = match select(lock, None, &target(), &selection(words), policy) {
        Ok(selected) => selected.iter().map(described).collect::<Vec<_>>().join(", "),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected);
}

/// `NAME VERSION (NEEDED BY)`, after `+` what is built.
fn described(selected: &Selected) -> String {
    let built = if matches!(selected, Selected::Source(_)) { "+" } else { "" };
    let version = selected.version().unwrap_or("?");
    format!("{built}{} {version} ({})", selected.name(), selected.needed_by())
}

/// The wheels of a lock from which nothing is built.
fn wheels(lock: &UvLock, words: &str) -> Vec<Chosen> {
    let selected = select(lock, None, &target(), &selection(words), &SourcePolicy::default()).unwrap();
    let wheel = |selected| match selected {
        Selected::Wheel(chosen) => chosen,
        Selected::Source(chosen) => panic!("{} would be built", chosen.name),
    };
    selected.into_iter().map(wheel).collect()
}

#[test]
fn the_walk_follows_markers_extras_and_groups() {
    let lock = lock(
        "",
        &[
            root(
                "dependencies = [{ name = \"web\", extra = [\"fast\"] }, { name = \"win\", marker = \"os_name == 'nt'\" }]\n\
                 [package.optional-dependencies]\ncli = [{ name = \"rich\" }]\n\
                 [package.dev-dependencies]\ndev = [{ name = \"rich\" }, { name = \"old\", marker = \"python_full_version < '3.13'\" }]\n\
                 self = [{ name = \"demo\", extra = [\"cli\"] }]\n\
                 [package.metadata]\nprovides-extras = [\"cli\", \"empty\"]\n[package.metadata.requires-dev]\nnone = []\n",
            ),
            package("old", "1", ""),
            package("rich", "13.0", "dependencies = [{ name = \"web\" }]"),
            package("speed", "2", ""),
            package("web", "1.0", "[package.optional-dependencies]\nfast = [{ name = \"speed\" }]"),
            package("win", "1", ""),
        ],
    );
    check(&lock, "", "speed 2 (web[fast]), web 1.0 (demo)");
    check(&lock, "cli empty +none", "rich 13.0 (demo[cli]), speed 2 (web[fast]), web 1.0 (demo)");
    check(&lock, "* +dev", "rich 13.0 (demo[cli]), speed 2 (web[fast]), web 1.0 (demo)");
    check(&lock, "- cli +dev", "rich 13.0 (group dev of demo), web 1.0 (rich)");
    check(&lock, "- +self", "rich 13.0 (demo[cli]), speed 2 (web[fast]), web 1.0 (demo)");
    check(&lock, "clo", "unknown extra clo; did you mean cli?");
    check(&lock, "zzzz", "unknown extra zzzz; defined: cli, empty");
    check(&lock, "+de", "unknown dependency group de; did you mean dev?");
}

#[test]
fn forks_are_told_apart_by_markers() {
    let lock = lock(
        "resolution-markers = [\"sys_platform == 'darwin'\", \"sys_platform != 'darwin'\"]",
        &[
            root(
                "dependencies = [\n\
                 { name = \"num\", version = \"1.0\", source = { registry = \"https://index.example/simple\" }, marker = \"sys_platform == 'darwin'\" },\n\
                 { name = \"num\", version = \"2.0\", source = { registry = \"https://index.example/simple\" }, marker = \"sys_platform != 'darwin'\" },\n]",
            ),
            package("num", "1.0", "resolution-markers = [\"sys_platform == 'darwin'\"]"),
            package("num", "2.0", "resolution-markers = [\"sys_platform != 'darwin'\"]"),
        ],
    );
    check(&lock, "", "num 2.0 (demo)");
}

/// As `uv` 0.13 locks two extras that conflict, and two groups.
fn conflicting() -> UvLock {
    let marked = |name: &str, version: &str, marker: &str| {
        format!(
            "{{ name = \"{name}\", version = \"{version}\", source = {{ registry = \"https://index.example/simple\" }}, marker = \"{marker}\" }}"
        )
    };
    let (old, new) = ("extra == 'extra-4-demo-old'", "extra == 'extra-4-demo-new'");
    let neither = "extra != 'extra-4-demo-old' and extra != 'extra-4-demo-new'";
    lock(
        "conflicts = [[{ package = \"demo\", extra = \"old\" }, { package = \"demo\", extra = \"new\" }], \
         [{ package = \"demo\", group = \"g\" }, { package = \"demo\", extra = \"new\" }], \
         [{ package = \"demo\", group = \"alone\" }, { package = \"demo\" }]]",
        &[
            root(&format!(
                "dependencies = [{{ name = \"web\" }}]\n[package.optional-dependencies]\nold = [{}]\nnew = [{}]\n\
                 [package.dev-dependencies]\nalone = [{{ name = \"web\" }}]\ng = [{{ name = \"web\" }}]\n\
                 selfnew = [{{ name = \"demo\", extra = [\"new\"] }}]\n",
                marked("lib", "1", old),
                marked("lib", "2", new)
            )),
            package("lib", "1", ""),
            package("lib", "2", ""),
            package("other", "1", ""),
            package(
                "web",
                "1",
                &format!(
                    "dependencies = [{}, {}, {{ name = \"other\", marker = \"{neither}\" }}]",
                    marked("lib", "1", old),
                    marked("lib", "2", new)
                ),
            ),
        ],
    )
}

#[test]
fn conflicts_are_decided_by_what_is_active_anywhere() {
    let lock = conflicting();
    check(&lock, "", "other 1 (web), web 1 (demo)");
    check(&lock, "old", "lib 1 (demo[old]), web 1 (demo)");
    check(&lock, "new", "lib 2 (demo[new]), web 1 (demo)");
    check(&lock, "+selfnew", "lib 2 (web), web 1 (demo)");
    check(&lock, "- +alone", "other 1 (web), web 1 (group alone of demo)");
}

#[test]
fn two_that_conflict_are_refused() {
    let lock = conflicting();
    let end = "cannot be used together: tool.uv.conflicts declares them as conflicting";
    check(&lock, "*", &format!("extra old of demo and extra new of demo {end}"));
    check(&lock, "new +g", &format!("group g of demo and extra new of demo {end}"));
    check(&lock, "+alone", &format!("group alone of demo and the dependencies of demo {end}"));
    check(&lock, "old +selfnew", &format!("extra old of demo and extra new of demo {end}"));
}

#[test]
fn a_workspace_has_members_and_groups() {
    let member = |name: &str, source: &str, rest: &str| {
        format!("[[package]]\nname = \"{name}\"\nversion = \"1\"\nsource = {{ {source} }}\n{rest}\n")
    };
    let lock = lock(
        "[manifest]\nmembers = [\"one\", \"two\"]\n[manifest.dependency-groups]\ndev = [{ name = \"b\" }]\n\
         bad = [{ name = \"missing\" }]",
        &[
            package("a", "1", ""),
            package("b", "1", ""),
            member("one", "virtual = \"one\"", "dependencies = [{ name = \"a\" }]"),
            member("two", "editable = \"two\"", "dependencies = [{ name = \"one\" }]"),
            member("three", "virtual = \"three\"", "dependencies = [{ name = \"two\" }]"),
        ],
    );
    check(&lock, "", "a 1 (one), +two 1 (the project itself)");
    check(&lock, "- +dev", "b 1 (group dev of the workspace)");
    check(&lock, "+dev", "a 1 (one), b 1 (group dev of the workspace), +two 1 (the project itself)");
    check(&lock, "+bad", "the workspace requires missing, but uv.lock has 0 of it for the image: lock again");
    let policy = SourcePolicy::default();
    let named = |name| select(&lock, Some(name), &target(), &selection(""), &policy);
    assert_eq!(*named("Two").unwrap()[0].needed_by(), NeededBy::Package("one".parse().unwrap()));
    assert_eq!(
        named("three").unwrap().iter().map(described).collect::<Vec<_>>(),
        ["a 1 (one)", "+two 1 (three)"]
    );
    assert_eq!(
        named("four").unwrap_err().to_string(),
        "uv.lock does not contain the project four; defined: one, two, three"
    );
    assert!(named("a").is_err(), "a package of an index is no project");
}

#[test]
fn what_cannot_be_installed_is_reported_at_once() {
    let source = |name: &str, source: &str, rest: &str| {
        format!("[[package]]\nname = \"{name}\"\nversion = \"1\"\nsource = {{ {source} }}\n{rest}\n")
    };
    let registry = "registry = \"https://index.example/simple\"";
    let names =
        ["git", "short", "text", "climb", "none", "mac", "weak", "bare", "wrong", "lost", "soft", "odd"];
    let dependencies: Vec<String> = names.iter().map(|name| format!("{{ name = \"{name}\" }}")).collect();
    let wheel =
        |file: &str, rest: &str| format!("wheels = [{{ url = \"https://index.example/{file}\"{rest} }}]");
    let hash = format!(", hash = \"{HASH}\"");
    let repository = |rest: &str| format!("git = \"https://mirror.example/git{rest}\"");
    let lock = lock(
        "",
        &[
            root(&format!("dependencies = [{}]", dependencies.join(", "))),
            source("git", &repository("?rev=1"), ""),
            source("short", &repository("#0123"), ""),
            source("text", &repository(&format!("?tag=%ff#{COMMIT}")), ""),
            source("climb", &repository(&format!("?subdirectory=..%2Fx#{COMMIT}")), ""),
            source("none", registry, ""),
            source("mac", registry, &wheel("mac-1-cp313-cp313-macosx_11_0_arm64.whl", &hash)),
            source("weak", registry, &wheel("weak-1-py3-none-any.whl", ", hash = \"md5:00\"")),
            source("bare", registry, &wheel("bare-1-py3-none-any.whl", "")),
            source("wrong", registry, &wheel("other-1-py3-none-any.whl", &hash)),
            source("lost", registry, &format!("wheels = [{{ path = \"lost-1-py3-none-any.whl\"{hash} }}]")),
            source(
                "soft",
                registry,
                "sdist = { url = \"https://index.example/soft-1.tar.gz\", hash = \"md5:0\" }",
            ),
            source("odd", registry, &format!("sdist = {{ url = \"https://index.example/a%2F..\"{hash} }}")),
        ],
    );
    let no_commit = "it does not end with \"#\" and the full name of a commit: lock again";
    let expected = [
        "bare (needed by demo) is locked to bare-1-py3-none-any.whl without a hash, but only sha256 is trusted: lock \
         again with an index that provides it, or add the file to tool.uv.sources",
        "climb (needed by demo) has an invalid subdirectory: \"../x\" climbs out with \"..\"",
        &format!(
            "git (needed by demo) is locked to the git repository \"https://mirror.example/git?rev=1\": {no_commit}"
        ),
        "lost (needed by demo) is locked to lost-1-py3-none-any.whl without its URL or path: lock again",
        "mac 1 (needed by demo) has no wheel for CPython 3.13.5 on x86_64 with glibc 2.41 and no source to build; \
         there is one for cp313-cp313-macosx_11_0_arm64",
        "none 1 (needed by demo) has no wheels and no source in uv.lock: lock again",
        "odd (needed by demo) is locked to https://index.example/a%2F.. without its URL or path: lock again",
        &format!(
            "short (needed by demo) is locked to the git repository \"https://mirror.example/git#0123\": {no_commit}"
        ),
        "soft (needed by demo) is locked to soft-1.tar.gz by its md5, but only sha256 is trusted: lock again with an \
         index that provides it, or add the file to tool.uv.sources",
        &format!(
            "text (needed by demo) is locked to the git repository \"https://mirror.example/git?tag=%ff#{COMMIT}\": its \
             query is not percent-encoded text: lock again"
        ),
        "weak (needed by demo) is locked to weak-1-py3-none-any.whl by its md5, but only sha256 is trusted: lock again \
         with an index that provides it, or add the file to tool.uv.sources",
        "wrong 1 (needed by demo) is locked to other-1-py3-none-any.whl, which is a different package",
    ];
    check(&lock, "", &expected.join("\n"));
}

#[test]
fn two_versions_of_one_package_are_refused() {
    let dependency = |version: &str| {
        format!(
            "{{ name = \"a\", version = \"{version}\", source = {{ registry = \"https://index.example/simple\" }} }}"
        )
    };
    let lock = lock(
        "",
        &[
            root(&format!("dependencies = [{}, {{ name = \"b\" }}]", dependency("1"))),
            package("a", "1", ""),
            package("a", "2", ""),
            package("b", "1", &format!("dependencies = [{}]", dependency("2"))),
        ],
    );
    check(
        &lock,
        "",
        "a is needed twice: 1 by demo, 2 by b; lock again, and declare conflicting extras in \
         tool.uv.conflicts",
    );
}

#[test]
fn the_image_must_be_one_that_the_lock_is_for() {
    check(&lock("", &[]), "", "uv.lock contains no project: run `uv lock` next to pyproject.toml");
    let only_mac = lock("supported-markers = [\"sys_platform == 'darwin'\"]", &[root("")]);
    check(
        &only_mac,
        "",
        "uv.lock does not cover CPython 3.13.5 on x86_64 with glibc 2.41: tool.uv.environments excludes it",
    );
    let old = Target { python: "3.11.9".parse().unwrap(), ..target() };
    let policy = SourcePolicy::default();
    let error = select(&lock("", &[root("")]), None, &old, &selection(""), &policy).unwrap_err();
    assert_eq!(error.to_string(), "uv.lock is for Python >=3.12, but the image has Python 3.11.9");
    let rc = Target { python: "3.12.0rc1".parse().unwrap(), ..target() };
    assert_eq!(select(&lock("", &[root("")]), None, &rc, &selection(""), &policy).unwrap(), []);
}

#[test]
fn locations_and_direct_urls_are_those_of_the_lock() {
    let hash = format!("hash = \"{HASH}\"");
    let lock = lock(
        "",
        &[
            root("dependencies = [{ name = \"f\" }, { name = \"p\" }, { name = \"u\" }, { name = \"r\" }]"),
            format!(
                "[[package]]\nname = \"f\"\nversion = \"1\"\nsource = {{ registry = \"../flat\" }}\n\
                 wheels = [{{ path = \"f-1-py3-none-any.whl\", {hash} }}]\n\
                 [[package]]\nname = \"p\"\nversion = \"1\"\nsource = {{ path = \"w/p-1-py3-none-any.whl\" }}\n\
                 wheels = [{{ filename = \"p-1-py3-none-any.whl\", {hash} }}]\n\
                 [[package]]\nname = \"u\"\nversion = \"1\"\nsource = {{ url = \"https://mirror.example/u-1-py3-none-any.whl\" }}\n\
                 wheels = [{{ url = \"https://mirror.example/u-1-py3-none-any.whl\", {hash} }}]\n"
            ),
            package("r", "1", ""),
        ],
    );
    let chosen = wheels(&lock, "");
    let found: Vec<(&Location, &Option<DirectUrl>)> =
        chosen.iter().map(|chosen| (&chosen.wheel.location, &chosen.direct)).collect();
    let url = "https://mirror.example/u-1-py3-none-any.whl".to_owned();
    let path = "w/p-1-py3-none-any.whl".to_owned();
    assert_eq!(
        found,
        [
            (&Location::Path("../flat/f-1-py3-none-any.whl".into()), &None),
            (&Location::Path(path.clone()), &Some(DirectUrl::Path { path })),
            (&Location::Url("https://index.example/r-1-py3-none-any.whl".into()), &None),
            (&Location::Url(url.clone()), &Some(DirectUrl::Url { url, subdirectory: None })),
        ]
    );
    assert_eq!(chosen[2].wheel.size, Some(9));
}

/// Locks that `uv` 0.13.9 made, and what `uv sync --dry-run` says of them for CPython 3.13 on x86_64.
#[test]
fn real_locks_give_what_uv_gives() {
    let conflicts = UvLock::parse(include_str!("../../fixtures/conflicts.lock")).unwrap();
    let workspace = UvLock::parse(include_str!("../../fixtures/ws.lock")).unwrap();
    #[track_caller]
    fn check(lock: &UvLock, root: Option<&str>, words: &str, expected: &str) {
        let chosen = select(lock, root, &target(), &selection(words), &SourcePolicy::default()).unwrap();
        let found: Vec<String> = chosen
            .iter()
            .filter(|chosen| matches!(chosen, Selected::Wheel(_)))
            .map(|chosen| format!("{}=={}", chosen.name(), chosen.version().unwrap()))
            .collect();
        assert_eq!(found.join(" "), expected);
    }
    check(&conflicts, None, "", "anyio==4.16.0 idna==3.7 typing-extensions==4.16.0");
    check(
        &conflicts,
        None,
        "old +g2",
        "anyio==4.16.0 idna==3.7 sortedcontainers==2.3.0 typing-extensions==4.16.0",
    );
    check(
        &conflicts,
        None,
        "new +g1",
        "anyio==4.16.0 attrs==26.1.0 idna==3.4 outcome==1.3.0.post0 sniffio==1.3.1 sortedcontainers==2.4.0 trio==0.35.0 typing-extensions==4.16.0",
    );
    check(
        &conflicts,
        None,
        "- +viaextra",
        "anyio==4.16.0 attrs==26.1.0 idna==3.7 outcome==1.3.0.post0 sniffio==1.3.1 sortedcontainers==2.4.0 trio==0.35.0 typing-extensions==4.16.0",
    );
    check(
        &workspace,
        None,
        "+dev",
        "anyio==4.16.0 certifi==2026.10.18 click==8.5.1 h11==0.16.0 httpcore==1.0.9 httpx==0.28.1 idna==3.20 iniconfig==2.3.1 packaging==26.3 pluggy==1.7.0 pygments==2.21.0 pytest==9.2.0 typing-extensions==4.16.0",
    );
    check(
        &workspace,
        Some("ws-lib"),
        "",
        "anyio==4.16.0 certifi==2026.10.18 h11==0.16.0 httpcore==1.0.9 httpx==0.28.1 idna==3.20 markdown-it-py==4.3.0 mdurl==0.1.2 pygments==2.21.0 rich==15.0.0 typing-extensions==4.16.0",
    );
}
