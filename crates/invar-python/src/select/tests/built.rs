use std::collections::BTreeMap;

use super::*;

#[test]
fn the_policy_decides_between_wheels_and_source() {
    let sdist = |name: &str| {
        format!("sdist = {{ url = \"https://index.example/{name}-1.tar.gz\", hash = \"{HASH}\", size = 7 }}")
    };
    let index = "source = { registry = \"https://index.example/simple\" }";
    let lock = lock(
        "[manifest]\nmembers = [\"demo\", \"member\"]",
        &[
            root(
                "dependencies = [{ name = \"both\" }, { name = \"wheel\" }, { name = \"sdist\" }, { name = \"member\" }]",
            ),
            package("both", "1", &sdist("both")),
            package("wheel", "1", ""),
            format!("[[package]]\nname = \"sdist\"\nversion = \"1\"\n{index}\n{}\n", sdist("sdist")),
            "[[package]]\nname = \"member\"\nsource = { editable = \"m\" }\n".to_owned(),
        ],
    );
    let names = |names: &[&str]| names.iter().map(|name| name.parse().unwrap()).collect();
    let default = SourcePolicy::default;
    let all = |both: &str, rest: &str| {
        format!("{both}both 1 (demo), +member ? (demo), +sdist 1 (demo), wheel 1 (demo){rest}")
    };
    check_policy(&lock, "", &default(), &all("", ""));
    check_policy(&lock, "", &SourcePolicy { prefer_sdist: true, ..default() }, &all("+", ""));
    let prefer = BTreeMap::from([("both".parse().unwrap(), false)]);
    check_policy(&lock, "", &SourcePolicy { prefer_sdist: true, prefer, ..default() }, &all("", ""));
    let prefer = BTreeMap::from([("both".parse().unwrap(), true)]);
    check_policy(&lock, "", &SourcePolicy { prefer, ..default() }, &all("+", ""));
    let no_binary_packages = names(&["both"]);
    check_policy(&lock, "", &SourcePolicy { no_binary_packages, ..default() }, &all("+", ""));
    // Source that is preferred and must not be built is not taken.
    let no_build_packages = names(&["both"]);
    check_policy(
        &lock,
        "",
        &SourcePolicy { prefer_sdist: true, no_build_packages, ..default() },
        &all("", ""),
    );

    let forbidden = "sdist 1 (needed by demo) has only source, but tool.uv.no-build or no-build-package forbids building it";
    check_policy(&lock, "", &SourcePolicy { no_build: true, ..default() }, forbidden);
    let no_build_packages = names(&["sdist", "member"]);
    check_policy(&lock, "", &SourcePolicy { no_build_packages, ..default() }, forbidden);
    let no_source = "wheel 1 (needed by demo) has no source, but tool.uv.no-binary or no-binary-package forbids its wheels";
    check_policy(&lock, "", &SourcePolicy { no_binary: true, ..default() }, no_source);
    let neither =
        "cannot be installed: tool.uv forbids both its wheels (no-binary) and building it (no-build)";
    check_policy(
        &lock,
        "",
        &SourcePolicy { no_build: true, no_binary: true, ..default() },
        &format!("both 1 (needed by demo) {neither}\nsdist 1 (needed by demo) {neither}\n{no_source}"),
    );
    check_policy(&lock, "-", &SourcePolicy { project_is_package: true, ..default() }, "");
    check_policy(
        &lock,
        "",
        &SourcePolicy { project_is_package: true, ..default() },
        "both 1 (demo), +demo 1 (the project itself), +member ? (demo), +sdist 1 (demo), wheel 1 (demo)",
    );
}

/// A lock that `uv` 0.13.9 made, of everything that it can build from.
#[test]
fn sources_are_where_uv_finds_them() {
    let lock = UvLock::parse(include_str!("../../../fixtures/sources.lock")).unwrap();
    let target = Target { python: "3.11.7".parse().unwrap(), ..target() };
    let policy = SourcePolicy { project_is_package: true, ..SourcePolicy::default() };
    let selected = select(&lock, None, &target, &selection(""), &policy).unwrap();
    let sources: Vec<ChosenSource> = selected
        .into_iter()
        .filter_map(|selected| match selected {
            Selected::Source(chosen) => Some(chosen),
            Selected::Wheel(_) => None,
        })
        .collect();
    let names: Vec<&str> = sources.iter().map(|chosen| chosen.name.as_str()).collect();
    assert_eq!(names, ["docopt", "gitdyn", "gitsub", "pa", "parch", "pded", "pdir", "proj"]);
    let [docopt, gitdyn, gitsub, pa, parch, pded, _, proj] = &sources[..] else { unreachable!() };
    let digest = |hex: &str| Digest::from_hex(hex).unwrap();
    assert_eq!(
        docopt.source,
        SourceLocation::Archive {
            filename: "docopt-0.6.2.tar.gz".into(),
            location: Location::Url("https://index.example/docopt-0.6.2.tar.gz".into()),
            digest: digest("49b3a825280bd66b3aa83585ef59c4a8c82f2c8a522dbe754a8bc8d08c85c491"),
            size: Some(25901),
            subdirectory: None,
        }
    );
    assert_eq!(docopt.direct, None);
    let url = || "https://mirror.example/gitrepo".to_owned();
    assert_eq!(
        gitsub.source,
        SourceLocation::Git {
            url: url(),
            commit: COMMIT.into(),
            reference: Some((GitReferenceKind::Tag, "v0.4".into())),
            subdirectory: Some("sub".into()),
            lfs: false,
        }
    );
    assert_eq!(
        gitdyn.direct,
        Some(DirectUrl::Git {
            url: url(),
            commit: COMMIT.into(),
            requested: Some("master".into()),
            subdirectory: None
        })
    );
    let folder = |path: &str, editable| SourceLocation::Directory { path: path.into(), editable };
    assert_eq!((&pa.source, &pded.source), (&folder("../pa", false), &folder("../pded", true)));
    assert_eq!((&proj.source, &proj.needed_by), (&folder("", true), &NeededBy::Project));
    assert_eq!(pa.direct, Some(DirectUrl::Directory { path: "../pa".into() }));
    assert_eq!(
        parch.source,
        SourceLocation::Archive {
            filename: "parch-1.0.tar.gz".into(),
            location: Location::Path("../parch-1.0.tar.gz".into()),
            digest: digest("7ce49aaae10c040237a94ea984fa363b51b8bd4c367833e1bf4ce6fb346f6684"),
            size: None,
            subdirectory: None,
        }
    );
    assert_eq!(parch.direct, Some(DirectUrl::Path { path: "../parch-1.0.tar.gz".into() }));
}
