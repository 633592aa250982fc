use std::collections::BTreeMap;

use super::*;
use crate::index::PackageIndex;

/// Paragraphs such as `Package: a` from lines such as `a 1 | Depends: b`.
fn index(suites: &[&str]) -> PackageIndex {
    let mut index = PackageIndex::new("amd64".parse().unwrap());
    for (suite, lines) in suites.iter().enumerate() {
        let mut text = String::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let mut parts = line.split(" ; ");
            let (name, version) = parts.next().unwrap().split_once(' ').unwrap();
            text += &format!(
                "Package: {name}\nVersion: {version}\nArchitecture: amd64\nFilename: pool/{name}.deb\n"
            );
            text += &format!("Size: 1\nSHA256: {}\n", "0".repeat(64));
            parts.for_each(|part| text += &format!("{part}\n"));
            text += "\n";
        }
        index.add(suite, text.as_bytes()).unwrap();
    }
    index
}

fn name(text: &str) -> PackageName {
    text.parse().unwrap()
}

fn roots(text: &str) -> Vec<Request> {
    let root = |part: &str| Request { dependency: part.parse().unwrap(), requester: Requester::Base };
    text.split(',').map(root).collect()
}

/// A solution, as `NAME VERSION` separated by commas.
fn written(solution: &Solution) -> String {
    let packages = solution.packages.iter().map(|it| format!("{} {}", it.record.name, it.record.version));
    packages.collect::<Vec<_>>().join(", ")
}

fn solved(index: &PackageIndex, text: &str) -> Result<Solution, SolveError> {
    let prefer = BTreeMap::new();
    solve(index, &SolveRequest { requests: roots(text), omit: &|_, _| false, prefer: &prefer })
}

/// Checks the result of a request, and that the complete search finds one where the walk does, or none where it finds
/// none.
fn check(suites: &[&str], request: &str, expected: &str) {
    let index = index(suites);
    let solution = solved(&index, request).unwrap_or_else(|error| panic!("{request}: {error}"));
    assert_eq!(written(&solution), expected, "{request}");
    let prefer = BTreeMap::new();
    let request = SolveRequest { requests: roots(request), omit: &|_, _| false, prefer: &prefer };
    let universe = Universe::new(&index, &request);
    let rows = search::search(&universe).unwrap();
    assert!(Walk::within(&universe, &rows).is_some(), "the search found a set with a conflict");
}

fn check_error(suites: &[&str], request: &str, expected: &[&str]) {
    let error = solved(&index(suites), request).expect_err(request);
    let lines: Vec<String> = error.problems.iter().map(ToString::to_string).collect();
    assert_eq!(lines, expected, "{request}");
    let whole = format!("no set of Debian packages satisfies the request:\n  {}", expected.join("\n  "));
    assert_eq!(error.to_string(), whole);
}

#[test]
fn dependencies_are_followed() {
    let suite = "app 1 ; Depends: lib1 (>= 2), data ; Pre-Depends: early\nlib1 2 ; Depends: base0\nlib1 1\n\
        data 1 ; Depends: app\nearly 1\nbase0 1\nother 1 ; Recommends: app";
    check(&[suite], "app", "app 1, base0 1, data 1, early 1, lib1 2");
    check(&[suite], "lib1 (<< 2)", "lib1 1");
    check(&[suite], "other, base0", "base0 1, other 1");
    let solution = solved(&index(&[suite]), "app").unwrap();
    let reasons: Vec<&Reason> = solution.packages.iter().map(|it| &it.reason).collect();
    let of = |text| Reason::DependencyOf(name(text));
    assert_eq!(
        reasons,
        [&Reason::Requested(Requester::Base), &of("lib1"), &of("app"), &of("app"), &of("app")]
    );
}

#[test]
fn the_highest_version_of_all_suites_is_taken() {
    let suites = ["lib1 1\nlib1 1.5\nsame 1", "lib1 2", "same 1 ; Section: x"];
    check(&suites, "lib1, same", "lib1 2, same 1");
    let index = index(&suites);
    let solution = solved(&index, "lib1, same").unwrap();
    assert_eq!(solution.packages.iter().map(|it| it.record.suite).collect::<Vec<_>>(), [1, 0]);
    let prefer =
        BTreeMap::from([(name("lib1"), "1.5".parse().unwrap()), (name("gone"), "1".parse().unwrap())]);
    let kept = |text| {
        written(
            &solve(&index, &SolveRequest { requests: roots(text), omit: &|_, _| false, prefer: &prefer })
                .unwrap(),
        )
    };
    assert_eq!(kept("lib1"), "lib1 1.5");
    assert_eq!(kept("lib1 (>= 2)"), "lib1 2");
}

#[test]
fn a_locked_version_gives_way_when_it_must() {
    let index = index(&["app 1 ; Depends: lib1, tool\ntool 1 ; Depends: lib1 (>= 2)\nlib1 1\nlib1 2"]);
    let prefer = BTreeMap::from([(name("lib1"), "1".parse().unwrap())]);
    let request = SolveRequest { requests: roots("app"), omit: &|_, _| false, prefer: &prefer };
    assert_eq!(written(&solve(&index, &request).unwrap()), "app 1, lib1 2, tool 1");
}

#[test]
fn the_first_alternative_is_taken_unless_another_is_there() {
    let suite = "app 1 ; Depends: aa1 | bb1\naa1 1\nbb1 1\ncc1 1 ; Depends: bb1\n\
        gone 1 ; Depends: missing | bb1\nold 1 ; Depends: aa1 (>= 9) | bb1\ndead 1 ; Depends: gone2 | aa1\n\
        gone2 1 ; Depends: missing";
    check(&[suite], "app", "aa1 1, app 1");
    check(&[suite], "app, bb1", "app 1, bb1 1");
    check(&[suite], "cc1, app", "app 1, bb1 1, cc1 1");
    check(&[suite], "gone", "bb1 1, gone 1");
    check(&[suite], "old", "bb1 1, old 1");
    check(&[suite], "dead", "aa1 1, dead 1");
    check(&[suite], "nothing | bb1", "bb1 1");
}

#[test]
fn virtual_packages_are_provided() {
    let suite = "app 1 ; Depends: awk\nmawk 1 ; Provides: awk ; Priority: required\n\
        gawk 9 ; Provides: awk\nabc 1 ; Provides: awk\n\
        web 1 ; Depends: server\nserver 1\nfast 1 ; Provides: server\n\
        need2 1 ; Depends: virt (>= 2)\nplain 1 ; Provides: virt\nnewer 1 ; Provides: virt (= 2)\n\
        tie 1 ; Depends: one\nbb 1 ; Provides: one\naa 1 ; Provides: one\nself1 1 ; Depends: me ; Provides: me";
    check(&[suite], "app", "app 1, mawk 1");
    check(&[suite], "app, gawk", "app 1, gawk 9");
    check(&[suite], "web", "server 1, web 1");
    check(&[suite], "web, fast", "fast 1, web 1");
    check(&[suite], "need2", "need2 1, newer 1");
    check(&[suite], "tie", "aa 1, tie 1");
    check(&[suite], "self1", "self1 1");
}

#[test]
fn a_virtual_package_is_asked_for_by_its_only_provider_or_not_at_all() {
    let suite = "mawk 1 ; Provides: awk ; Priority: required\ngawk 9 ; Provides: awk\ngawk 8 ; Provides: awk\n\
        new1 2 ; Provides: old1\nnew1 1 ; Provides: old1\n\
        real 1\nlike 1 ; Provides: real\nexim 1 ; Provides: default-mta, mta\ndma 1 ; Provides: mta\n\
        default-jre 1 ; Provides: java\njre21 1 ; Provides: java\n\
        num1 1 ; Provides: abi (= 1)\nnum2 1 ; Provides: abi (= 2)";
    check(&[suite], "old1", "new1 2");
    check(&[suite], "default-mta", "exim 1");
    check(&[suite], "real", "real 1");
    check(&[suite], "awk | real", "mawk 1");
    check(&[suite], "abi (= 2)", "num2 1");
    let virt = |name: &str, providers: &str| {
        format!(
            "{name} is a virtual package, requested by the base set; name one that provides it:{providers}"
        )
    };
    check_error(&[suite], "awk", &[&virt("awk", "\n    gawk 9\n    mawk 1")]);
    // As apt does, which does not look at what else is asked for.
    check_error(&[suite], "gawk, awk", &[&virt("awk", "\n    gawk 9\n    mawk 1")]);
    check_error(&[suite], "mta", &[&virt("mta", "\n    dma 1\n    exim 1 (the default)")]);
    check_error(&[suite], "java", &[&virt("java", "\n    default-jre 1 (the default)\n    jre21 1")]);
    check_error(&[suite], "abi", &[&virt("abi", "\n    num1 1\n    num2 1")]);
}

#[test]
fn a_choice_that_a_dependency_leaves_open_is_known() {
    let suite = "app 1 ; Depends: awk, tcl, mta | other, real | virt\nmawk 1 ; Provides: awk ; Priority: required\n\
        gawk 9 ; Provides: awk\ntcl8 1 ; Provides: tcl\ntcl9 1 ; Provides: tcl\nexim 1 ; Provides: mta\n\
        dma 1 ; Provides: mta\nother 1\nreal 1\nvirtual1 1 ; Provides: virt\nvirtual2 1 ; Provides: virt";
    let index = index(&[suite]);
    let guesses = |text: &str, prefer: &[(&str, &str)]| {
        let prefer =
            prefer.iter().map(|(name, version)| (self::name(name), version.parse().unwrap())).collect();
        let request = SolveRequest { requests: roots(text), omit: &|_, _| false, prefer: &prefer };
        solve(&index, &request).unwrap().guesses
    };
    let tcl = Guess { of: name("app"), name: name("tcl"), chosen: name("tcl8"), others: vec![name("tcl9")] };
    assert_eq!(guesses("app", &[]), [tcl]);
    assert_eq!(guesses("app, tcl9", &[]), []);
    // What an earlier lock has was said when it was chosen.
    assert_eq!(guesses("app", &[("tcl8", "1")]), []);
}

#[test]
fn conflicts_are_avoided() {
    let suite = "app 1 ; Depends: mta, extra\nexim 1 ; Provides: mta ; Conflicts: mta\n\
        postfix 1 ; Provides: mta ; Conflicts: mta\nextra 1 ; Breaks: exim (<< 2)\n\
        top 1 ; Depends: left | other, right\nleft 1\nother 1\nright 1 ; Conflicts: left\n\
        self2 1 ; Conflicts: self2, old-name ; Provides: old-name\nself2 2 ; Conflicts: self2 ; Provides: self2";
    check(&[suite], "extra, app", "app 1, extra 1, postfix 1");
    check(&[suite], "app", "app 1, extra 1, postfix 1");
    check(&[suite], "top", "other 1, right 1, top 1");
    check(&[suite], "self2 (= 1)", "self2 1");
    check(&[suite], "self2", "self2 2");
    let versioned = "aa1 1 ; Conflicts: virt (<< 2)\nbb1 1 ; Provides: virt\ncc1 1 ; Provides: virt (= 1)\n\
        dd1 1 ; Conflicts: bb1:i386\nee1 1 ; Breaks: cc1 [i386]";
    check(&[versioned], "aa1, bb1, dd1", "aa1 1, bb1 1, dd1 1");
    check(&[versioned], "ee1, cc1", "cc1 1, ee1 1");
    check_error(
        &[versioned],
        "aa1, cc1",
        &[
            "aa1 1 conflicts with virt (<< 2), which rules out cc1 1 (aa1 is requested by the base set; cc1 is requested \
           by the base set)",
        ],
    );
}

#[test]
fn an_older_version_is_taken_where_the_newest_does_not_fit() {
    let suite = "app 1 ; Depends: lib1, plugin\nlib1 2\nlib1 1\nplugin 1 ; Depends: lib1 (<< 2)";
    check(&[suite], "app", "app 1, lib1 1, plugin 1");
}

#[test]
fn architectures_are_respected() {
    let suite = "app 1 ; Depends: tool:any, lib1:native, data:amd64, none [i386], more [amd64]\n\
        tool 1 ; Multi-Arch: allowed\nlib1 1\ndata 1\nmore 1\nbad 1 ; Depends: lib1:any\nworse 1 ; Depends: lib1:i386";
    check(&[suite], "app", "app 1, data 1, lib1 1, more 1, tool 1");
    check_error(
        &[suite],
        "bad",
        &["bad 1 depends on lib1:any, but the suites have only lib1 1 (bad is requested by the base set)"],
    );
    check_error(
        &[suite],
        "worse",
        &[
            "worse 1 depends on lib1:i386, but the suites have only lib1 1 (worse is requested by the base set)",
        ],
    );
}

#[test]
fn edges_that_only_scripts_use_are_left_out() {
    let index = index(&[
        "app 1 ; Depends: debconf (>= 0.5) | debconf-2.0, lib1\nlib1 1 ; Depends: debconf | other\n\
        debconf 1 ; Provides: debconf-2.0\nother 1 ; Depends: debconf\ncdebconf 1 ; Provides: debconf-2.0\n\
        script 1 ; Depends: awk\nmawk 1 ; Provides: awk",
    ]);
    let prefer = BTreeMap::new();
    let omit = |depender: &PackageName, dependency: &PackageName| {
        matches!((depender.as_str(), dependency.as_str()), ("app" | "lib1", "debconf") | ("script", "mawk"))
    };
    let solved =
        |text| solve(&index, &SolveRequest { requests: roots(text), omit: &omit, prefer: &prefer }).unwrap();
    let left_out = |solution: &Solution| {
        let line = |it: &OmittedPackage| format!("{} for {:?}", it.package, it.needed_by);
        solution.omitted.iter().map(line).collect::<Vec<_>>().join(", ")
    };
    let solution = solved("app, script");
    assert_eq!(written(&solution), "app 1, lib1 1, script 1");
    assert_eq!(left_out(&solution), "debconf for [\"app\", \"lib1\"], mawk for [\"script\"]");
    // There for another reason: needed without a script, asked for, or another that does as well.
    for (request, expected) in
        [("app, other", "app 1, debconf 1, lib1 1, other 1"), ("debconf, app", "app 1, debconf 1, lib1 1")]
    {
        let solution = solved(request);
        assert_eq!((written(&solution).as_str(), left_out(&solution).as_str()), (expected, ""));
    }
    assert_eq!(left_out(&solved("app, cdebconf")), "debconf for [\"lib1\"]");
}

#[test]
fn dead_ends_are_explained() {
    let suite = "fortune-mod 1 ; Depends: librecode3 (>= 3.7)\nlibrecode3 3.6\nfortunes 1\napp 1 ; Depends: mid\n\
        mid 1 ; Depends: nowhere | curll\ncurl 1\naa1 1 ; Conflicts: bb1\nbb1 1\nuser1 1 ; Depends: aa1\n\
        old 1 ; Depends: curl (<< 1)\nnew 1 ; Depends: lib1 (>= 2)\nolder 1 ; Depends: lib1 (<< 2)\nlib1 1\nlib1 2\n\
        real1 1 ; Provides: virtual1\nbr1 1 ; Breaks: curl (<= 1)";
    let by = "is requested by the base set";
    check_error(
        &[suite],
        "fortune-mod",
        &[&format!(
            "fortune-mod 1 depends on librecode3 (>= 3.7), but the suites have only librecode3 3.6 (fortune-mod {by})"
        )],
    );
    check_error(
        &[suite],
        "fortune, virtual1 (>= 2), curl (>= 2), zzz",
        &[
            &format!("fortune {by}, but no suite has it; did you mean fortunes or fortune-mod?"),
            &format!("virtual1 (>= 2) {by}, but no suite has it; did you mean real1?"),
            &format!("curl (>= 2) {by}, but the suites have only curl 1"),
            &format!("zzz {by}, but no suite has it"),
        ],
    );
    check_error(
        &[suite],
        "app",
        &[&format!(
            "mid 1 depends on nowhere | curll, but no suite has it; did you mean curl? (app needs mid, app {by})"
        )],
    );
    check_error(
        &[suite],
        "user1, bb1",
        &[&format!(
            "aa1 1 conflicts with bb1, which rules out bb1 1 (user1 needs aa1, user1 {by}; bb1 {by})"
        )],
    );
    check_error(
        &[suite],
        "br1, curl",
        &[&format!("br1 1 breaks curl (<= 1), which rules out curl 1 (br1 {by}; curl {by})")],
    );
    check_error(
        &[suite],
        "new, older",
        &[&format!(
            "no version of lib1 satisfies all its dependents: new 1 needs lib1 (>= 2) (new {by}), and older 1 needs lib1 (<< 2) (older {by})"
        )],
    );
}

#[test]
fn one_pair_of_packages_is_told_once() {
    let suite = "aa1 1 ; Conflicts: mta ; Provides: mta\naa1 2 ; Conflicts: mta ; Provides: mta\n\
        bb1 1 ; Conflicts: mta ; Provides: mta";
    let by = "is requested by the base set";
    check_error(
        &[suite],
        "aa1, bb1",
        &[&format!("aa1 2 conflicts with mta, which rules out bb1 1 (aa1 {by}; bb1 {by})")],
    );
}

#[test]
fn long_chains_do_not_exhaust_the_stack() {
    let last = 20_000;
    let line = |at: usize| match at {
        _ if at == last => format!("p{at} 1\n"),
        _ => format!("p{at} 1 ; Depends: p{}\n", at + 1),
    };
    let index = index(&[&(0..=last).map(line).collect::<String>()]);
    assert_eq!(solved(&index, "p0").unwrap().packages.len(), last + 1);
}

#[test]
fn nothing_is_a_solution_of_nothing() {
    let prefer = BTreeMap::new();
    let request = SolveRequest { requests: Vec::new(), omit: &|_, _| false, prefer: &prefer };
    assert_eq!(solve(&index(&["a1 1"]), &request).unwrap().packages, []);
}
