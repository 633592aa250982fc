use proptest::prelude::*;

use super::*;

/// `FROM -> TO`, with `by PACKAGE` for another than `pkg`; then the doubtful paths, and whether something is unread.
fn found(preinst: &str, postinst: &str) -> String {
    let scripts = BTreeMap::from([
        ("preinst".to_owned(), preinst.to_owned()),
        ("postinst".to_owned(), postinst.to_owned()),
    ]);
    let Diversions { active, doubtful, unread } = diversions(&"pkg".parse().unwrap(), &scripts);
    let mut lines: Vec<String> = active
        .iter()
        .map(|Diversion { from, to, package }| {
            let by = match package {
                Some(package) if package.as_str() == "pkg" => String::new(),
                Some(package) => format!(" by {package}"),
                None => " locally".to_owned(),
            };
            format!("{} -> {}{by}", from.as_str(), to.as_str())
        })
        .collect();
    lines.extend(doubtful.iter().map(|path| format!("{}?", path.as_str())));
    lines.extend(unread.then(|| "unread".to_owned()));
    lines.join(", ")
}

#[track_caller]
fn check(preinst: &str, expected: &str) {
    assert_eq!(found(preinst, ""), expected, "{preinst}");
}

#[test]
fn options_come_in_any_order() {
    check(
        "dpkg-divert --package pkg --add --rename --divert /usr/bin/a.b /usr/bin/a",
        "usr/bin/a -> usr/bin/a.b",
    );
    check("/usr/sbin/dpkg-divert /usr/bin/a --divert=/usr/bin/b --no-rename", "usr/bin/a -> usr/bin/b");
    check("dpkg-divert --quiet --add /a", "a -> a.distrib");
    check("dpkg-divert --local --add /a", "a -> a.distrib locally");
    check("dpkg-divert --package other /a", "a -> a.distrib by other");
    check("dpkg-divert --remove /a", "");
    check("dpkg-divert /a; dpkg-divert --remove /a", "");
    check("dpkg-divert /a; dpkg-divert --package other --remove /a", "a -> a.distrib");
    check("dpkg-divert --list '*a*'", "");
    check("echo dpkg-divert /a", "");
    check("# dpkg-divert /a", "");
}

#[test]
fn only_what_a_fresh_installation_does_counts() {
    for condition in [
        "[ \"$1\" = install ]",
        "[ install = \"$1\" -o upgrade = \"$1\" ]",
        "test \"$1\" != upgrade",
        "[ upgrade != \"$1\" ] || dpkg --compare-versions \"$2\" lt 5.62-2",
        "[ \"$1\" = install ] && [ -z \"$2\" ]",
        "dpkg --compare-versions \"$2\" lt 1",
        "! dpkg --compare-versions \"$2\" lt-nl 1",
        "! dpkg-divert --list /a | grep -q diversion",
        "[ \"$(dpkg-divert --truename /a)\" = /a ]",
        "test -z \"`dpkg-divert --listpackage /a`\"",
    ] {
        check(&format!("if {condition}; then dpkg-divert /a; fi"), "a -> a.distrib");
        check(&format!("if {condition}; then :; else dpkg-divert /a; fi"), "");
    }
    check(
        "case \"$1\" in upgrade) dpkg-divert /a;; install|x) dpkg-divert /b;; *) dpkg-divert /c;; esac",
        "b -> b.distrib",
    );
    check("case $1 in inst*) dpkg-divert /a; esac", "a -> a.distrib");
    check("exit 0\ndpkg-divert /a", "");
    let removed = "if [ \"$1\" = configure ]; then dpkg-divert --remove --no-rename --divert /a.b /a; fi";
    assert_eq!(found("dpkg-divert --divert /a.b /a", removed), "");
    assert_eq!(found("", "[ \"$1\" = configure ] && dpkg-divert /a"), "a -> a.distrib");
}

#[test]
fn loops_functions_and_variables_are_followed() {
    check(
        "for cmd in a b; do dpkg-divert --divert \"/x/$cmd.${SUFFIX-old}\" \"/x/$cmd\"; done",
        "x/a -> x/a.old, x/b -> x/b.old",
    );
    check("add() { dpkg-divert --divert \"$1-$2\" \"$1\"; }\nadd /a 1\nadd /b 2", "a -> a-1, b -> b-2");
    check(
        "f() { local file=$1 to; to=${2-$file.single}; dpkg-divert --divert $to $file; }; f /a",
        "a -> a.single",
    );
    check("dir=/usr/share; dpkg-divert --divert $dir/b ${dir}/a", "usr/share/a -> usr/share/b");
    check(
        "for l in de fr; do for p in a.8 b.1; do dpkg-divert /m/$l/man${p##*.}/$p; done; done",
        "m/de/man1/b.1 -> m/de/man1/b.1.distrib, m/de/man8/a.8 -> m/de/man8/a.8.distrib, \
         m/fr/man1/b.1 -> m/fr/man1/b.1.distrib, m/fr/man8/a.8 -> m/fr/man8/a.8.distrib",
    );
    check(
        "F=/a/b.json; dpkg-divert --divert \"/d/$(basename $(dirname $F))_$(basename ${F} .json)\" $F",
        "a/b.json -> d/a_b",
    );
    check(
        "TRIPLETS='/x /y'\nfor t in $TRIPLETS; do dpkg-divert $QUIET$quiet --divert /m$t /l$t; done",
        "unread",
    );
    check(
        "TRIPLETS='/x /y'\nfor t in $TRIPLETS; do dpkg-divert $quiet --divert /m$t /l$t; done",
        "l/x -> m/x, l/y -> m/y",
    );
    check("set -- /a /b; for f; do dpkg-divert $f; done", "a -> a.distrib, b -> b.distrib");
    check("f() { a=$1 b=${2:-$a.x}; dpkg-divert --divert $b $a; }; f /a; x=1 f /b", "a -> a.x, b -> b.x");
    check("f() { shift; dpkg-divert \"$@\"; }; f x --divert /b /a", "a -> b");
}

#[test]
fn what_depends_on_the_machine_is_doubtful() {
    check("if [ -e /x ]; then dpkg-divert /a; fi; dpkg-divert /b", "b -> b.distrib, a?");
    check("uname | grep -q x && dpkg-divert /a", "a?");
    check("case $(uname) in x) dpkg-divert /a;; esac", "a?");
    check("if [ -e /x ]; then dpkg-divert /a; else dpkg-divert /a; fi", "a -> a.distrib");
    check("if [ -e /x ]; then exit 1; fi; dpkg-divert /a", "a -> a.distrib");
    check("if [ -e /x ]; then dpkg-divert /a; fi; dpkg-divert --remove /a", "");
    for script in [
        "dpkg-divert --divert /x$(uname) /a",
        "dpkg-divert $HOME/a",
        "find / | while read f; do dpkg-divert $f; done",
        "for f in /usr/*; do dpkg-divert $f; done",
        "echo /a | xargs dpkg-divert",
        "x=$(dpkg-divert /a)$(: $(sh -c 'dpkg-divert'))",
        "$RUN dpkg-divert /a",
        "if dpkg-divert",
        "f() { f; }; f; dpkg-divert /$(",
    ] {
        assert!(found(script, "").ends_with("unread"), "{script}: {}", found(script, ""));
    }
}

#[test]
fn nothing_is_endless_or_too_deep() {
    check("f() { f; dpkg-divert /a; }; f", "a -> a.distrib, unread");
    let nested = format!("dpkg-divert /a{}", "$(".repeat(50_000));
    assert!(found(&nested, "").ends_with("unread"));
    let many = (0..8).fold("dpkg-divert /a;".to_owned(), |body, index| {
        format!("for v{index} in 1 2 3 4 5 6 7 8 9; do {body} done;")
    });
    assert!(found(&many, "").ends_with("unread"));
    let chain = format!("dpkg-divert /a{}", " && :".repeat(100_000));
    check(&chain, "unread");
}

proptest! {
    #[test]
    fn nothing_panics(script in "(dpkg-divert |--add |--list |/a|\\$1|\\$\\{|\\}|\\$\\(|\\)|`|'|\"|\\\\|if |then |fi|case |in |esac|for x |do |done|[ ;|&\n{}#%*é]){0,25}") {
        let _ = found(&format!("dpkg-divert /x\n{script}"), &script);
    }
}
