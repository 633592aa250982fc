//! Maintainer scripts that run, in a small world whose tools are this machine's.
use std::fs;
use std::process::Command;

use invar_testkit::Deb;

use crate::support::tools::with_programs;
use crate::support::world::World;
use crate::support::{Ran, have, is_root};

/// What the scripts below, dpkg and Invar's own driver need.
const PROGRAMS: [&str; 16] = [
    "cat", "chmod", "chown", "cp", "cut", "date", "dpkg", "find", "ln", "mkdir", "mkfifo", "mv", "rm", "sh",
    "sleep", "xargs",
];

/// Stands for debconf's program: what it is given is read by a test.
const SET_SELECTIONS: &str = "#!/bin/sh\nexec cp \"$1\" /etc/selections\n";

const MANIFEST: &str =
    "packages = [\"odd\", \"reader\"]\nbase = [\"base-files\"]\ninclude = []\nimage.name = \"odd\"\n";

/// What varies, what is of the moment, what must not leave a machine, and what an image is to keep.
const POSTINST: &str = r#"#!/bin/sh
set -e
echo "$0 $1 as $DPKG_MAINTSCRIPT_PACKAGE" > /etc/odd/configured
[ ! -e /etc/odd/early ] || mv /etc/odd/early /etc/odd/late
chown 33:44 /usr/bin/odd && chmod 6750 /usr/bin/odd
chown 5 /etc/odd/only-its-owner
chmod 700 /usr/share/odd
rm /etc/odd/unwanted
ln -s ../../../../../../etc/passwd /etc/odd/link
date +%s%N > /var/log/odd.log
date +%N > /var/cache/odd/cache
date +%N > /var/lib/dbus/machine-id
date +%N > /tmp/odd
date +%N > /run/odd
echo "-----BEGIN PRIVATE KEY-----" > /etc/odd/key
date +%N >> /etc/odd/key
echo "odd:!:$(date +%N):0:::::" > /etc/shadow
mkfifo /var/lib/odd-pipe
sleep 1000 &
"#;

const READER: &str = "#!/bin/sh\nset -e\n[ \"$1\" = triggered ] || exit 0\necho \"$2\" > /etc/triggered\n";

fn odd() -> Deb {
    Deb::new("odd", "1")
        .program("usr/bin/odd", "a program\n")
        .file("usr/share/odd/data", "data\n")
        .file("etc/odd/only-its-owner", "x\n")
        .file("etc/odd/unwanted", "x\n")
        .file("var/cache/odd/readme", "x\n")
        .file("var/lib/dbus/readme", "x\n")
        .script("preinst", "#!/bin/sh\nset -e\necho \"$1\" > /etc/odd/early\n")
        .script("postinst", POSTINST)
}

/// A world with the package `odd`, and a project of it whose manifest also has `configure`.
fn world(odd: Deb, configure: &str) -> World {
    let toolbox = ["bin", "sbin", "lib", "lib64"].iter().fold(
        Deb::new("toolbox", "1")
            .field("Essential", "yes")
            .program("usr/bin/debconf-set-selections", SET_SELECTIONS),
        |deb, link| deb.link(link, &format!("usr/{link}")),
    );
    let toolbox = with_programs(toolbox, &PROGRAMS, &[]);
    let packages = vec![
        Deb::new("base-files", "13.8")
            .architecture("all")
            .file("etc/debian_version", "13.2\n")
            .file("var/log/readme", "x\n"),
        toolbox,
        odd,
        Deb::new("reader", "1")
            .script("triggers", "interest-noawait /usr/share/odd\n")
            .script("postinst", READER),
    ];
    let world = World::with(packages, Vec::new());
    world.context.write("odd/invar.toml", format!("{MANIFEST}{configure}\n"));
    world
}

/// Whether this machine has what such a world consists of; if not, the test is skipped.
fn can_have_world(test: &str) -> bool {
    if !cfg!(target_arch = "x86_64") {
        crate::support::skip(test, "its world is one of amd64");
        return false;
    }
    have(test, &PROGRAMS) && have(test, &["ldd"])
}

fn lock(world: &World) -> Ran {
    world.run(&["lock", "--keyring", "keyring.gpg", "odd"])
}

/// Builds a locked project and lists what its root file system holds below these folders, as GNU tar tells it.
fn listing(world: &World, folders: &[&str]) -> Vec<String> {
    world.run(&["build", "--locked", "--format", "rootfs", "-o", "root.tar", "odd"]).success();
    let mut tar = Command::new("tar");
    tar.args(["--numeric-owner", "-tvf"]).arg(world.context.path().join("root.tar"));
    let listed = Ran::of(&mut tar).success();
    let lines = listed.lines().map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        format!("{} {} {}", words[0], words[1], words[5..].join(" "))
    });
    let mut lines: Vec<String> =
        lines.filter(|line| folders.iter().any(|folder| line.contains(&format!(" {folder}")))).collect();
    // The archive has a layer's directories first.
    lines.sort_by(|one, other| one.split(' ').nth(2).cmp(&other.split(' ').nth(2)));
    lines
}

/// The text of a file of the root file system that was listed last.
fn text(world: &World, path: &str) -> String {
    let mut tar = Command::new("tar");
    Ran::of(tar.args(["-xOf"]).arg(world.context.path().join("root.tar")).arg(path)).success()
}

#[test]
fn scripts_run_and_what_lasts_of_their_work_is_kept() {
    if !can_have_world("scripts_run_and_what_lasts_of_their_work_is_kept") {
        return;
    }
    let world = world(odd(), "configure = [\"odd\"]");
    lock(&world).success();
    let built = world.run(&["build", "--locked", "odd"]);
    for path in ["/etc/odd/key", "/var/lib/dbus/machine-id"] {
        let note =
            format!("note: {path} was created by maintainer scripts, but must be unique to each container");
        assert!(built.stderr.contains(&note), "{note} is not in:\n{}", built.stderr);
    }
    let digest = built.success();
    let folders =
        ["etc/", "usr/bin/odd", "usr/share/odd", "var/cache/", "var/lib/dbus/", "var/log/", "run/", "tmp/"];
    assert_eq!(
        listing(&world, &folders),
        [
            "drwxr-xr-x 0/0 etc/",
            "-rw-r--r-- 0/0 etc/debian_version",
            "drwxr-xr-x 0/0 etc/odd/",
            "-rw-r--r-- 0/0 etc/odd/configured",
            "-rw-r--r-- 0/0 etc/odd/late",
            "lrwxrwxrwx 0/0 etc/odd/link -> ../../../../../../etc/passwd",
            "-rw-r--r-- 5/0 etc/odd/only-its-owner",
            "-rw-r--r-- 0/0 etc/shadow",
            "-rw-r--r-- 0/0 etc/triggered",
            "-rwsr-s--- 33/44 usr/bin/odd",
            "drwx------ 0/0 usr/share/odd/",
            "-rw-r--r-- 0/0 usr/share/odd/data",
            "drwxr-xr-x 0/0 var/cache/",
            "drwxr-xr-x 0/0 var/cache/odd/",
            "-rw-r--r-- 0/0 var/cache/odd/readme",
            "drwxr-xr-x 0/0 var/lib/dbus/",
            "-rw-r--r-- 0/0 var/lib/dbus/readme",
            "drwxr-xr-x 0/0 var/log/",
            "-rw-r--r-- 0/0 var/log/odd.log",
            "-rw-r--r-- 0/0 var/log/readme",
        ]
    );
    assert_eq!(text(&world, "etc/odd/configured"), "/var/lib/dpkg/info/odd.postinst configure as odd\n");
    assert_eq!(text(&world, "etc/odd/late"), "install\n");
    assert_eq!(text(&world, "etc/shadow"), "odd:!::0:::::\n");
    assert_eq!(text(&world, "etc/triggered"), "/usr/share/odd\n");
    assert_eq!(text(&world, "var/log/odd.log"), "");

    // Once more, from nothing, by scripts that find another clock and other random numbers.
    let mut again = world.invar();
    again.args(["build", "--locked", "odd"]).env("INVAR_STORE", world.context.path().join("another store"));
    again.env("TZ", "Asia/Tokyo").env("LC_ALL", "tr_TR.UTF-8").env("INVAR_JOBS", "1");
    assert_eq!(Ran::of(&mut again).success(), digest);
}

/// Runs `invar` with a store on an overlay file system, on which the kernel refuses another. At the end it determines
/// which copies of roots were kept.
fn on_an_overlay(world: &World, arguments: &[&str]) -> Ran {
    let script = "set -e; mkdir lower upper work; mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work \
                  lower; code=0; \"$@\" || code=$?; ls -d lower/store/failed/*/layer/copy >&2 || true; exit $code";
    let invar = world.invar();
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "/bin/sh", "-c", script, "sh"])
        .arg(invar.get_program())
        .args(arguments)
        .env_clear();
    command.envs(invar.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("INVAR_STORE", world.context.path().join("lower/store")).current_dir(world.context.path());
    Ran::of(&mut command)
}

#[test]
fn a_root_that_is_a_copy_gives_the_same() {
    let test = "a_root_that_is_a_copy_gives_the_same";
    if !can_have_world(test) || !is_root(test) || !have(test, &["unshare", "mount"]) {
        return;
    }
    let whole = world(odd(), "configure = \"run\"");
    lock(&whole).success();
    let digest = whole.run(&["build", "--locked", "odd"]).success();
    assert_eq!(on_an_overlay(&whole, &["build", "--locked", "odd"]).success(), digest);
    // It would prove nothing if there had been an overlay after all.
    let broken = world(Deb::new("odd", "1").script("postinst", "#!/bin/sh\nexit 1\n"), "configure = \"run\"");
    lock(&broken).success();
    let message = on_an_overlay(&broken, &["build", "--locked", "--keep-failed", "odd"]).failure(1);
    assert!(message.contains("/layer/copy\n"), "{message}");
}

#[test]
fn a_script_that_fails_is_named() {
    if !can_have_world("a_script_that_fails_is_named") {
        return;
    }
    for (script, body, expected) in [
        (
            "postinst",
            "echo before; echo why >&2; exit 3",
            "the postinst script of odd failed with exit code 3",
        ),
        ("preinst", "echo before; echo why; exit 4", "the preinst script of odd failed with exit code 4"),
        (
            "postinst",
            "echo before; echo why; kill -9 $$",
            "the postinst script of odd was killed by signal Killed",
        ),
    ] {
        let deb = Deb::new("odd", "1").script(script, &format!("#!/bin/sh\n{body}\n"));
        let world = world(deb, "configure = [\"odd\"]");
        lock(&world).success();
        let message = world.run(&["build", "--locked", "odd"]).failure(1);
        for expected in [expected, "\n  | before\n  | why\n", "the full log is"] {
            assert!(message.contains(expected), "{expected} is not in:\n{message}");
        }
    }
}

#[test]
fn running_is_proposed_where_nobody_has_read_the_scripts() {
    if !can_have_world("running_is_proposed_where_nobody_has_read_the_scripts") {
        return;
    }
    let world = world(odd(), "");
    let advice = "to run them in the sandbox, set in odd/invar.toml: configure = [\"odd\", \"reader\"]";
    let locked = lock(&world);
    for expected in ["warning: the maintainer scripts of odd are unknown", advice] {
        assert!(locked.stderr.contains(expected), "{expected} is not in:\n{}", locked.stderr);
    }
    let lock_text = fs::read_to_string(world.context.path().join("odd/invar.lock")).expect("it was locked");
    assert!(lock_text.contains("scripts = \"unknown\""), "{lock_text}");
    // A build says it as well, and one of a project that follows the advice does not.
    let built = world.run(&["build", "--locked", "odd"]);
    assert!(built.stderr.contains(advice), "{}", built.stderr);
    let partly = format!("{MANIFEST}configure = [\"reader\"]\n");
    world.context.write("odd/invar.toml", partly);
    let locked = lock(&world);
    assert!(!locked.stderr.contains("scripts of reader"), "{}", locked.stderr);
    assert!(locked.stderr.contains(advice), "what runs already stays in the list: {}", locked.stderr);
    world.context.write("odd/invar.toml", format!("{MANIFEST}configure = [\"odd\", \"reader\"]\n"));
    let locked = lock(&world);
    let built = world.run(&["build", "--locked", "odd"]);
    for told in [locked.stderr, built.stderr] {
        assert!(!told.contains("warning") && !told.contains("configure ="), "{told}");
    }
}

#[test]
fn packages_and_answers_that_nobody_knows() {
    if !can_have_world("packages_and_answers_that_nobody_knows") {
        return;
    }
    let templates = "Template: odd/colour\nType: string\nDescription: Colour\n";
    let deb = Deb::new("odd", "1").script("templates", templates).script("postinst", "#!/bin/sh\n");
    let world = world(deb, "configure = [\"od\"]");
    let message = lock(&world).failure(2);
    assert!(
        message.contains("configure names od, which the image does not have; did you mean odd?"),
        "{message}"
    );

    let answers = |answers: &str| {
        world
            .context
            .write("odd/invar.toml", format!("{MANIFEST}configure = [\"odd\"]\ndebconf = [{answers}]\n"));
    };
    answers("\"odd odd/colour colour red\"");
    lock(&world).success();
    let message = world.run(&["build", "--locked", "odd"]).failure(2);
    assert!(message.contains("debconf") && message.contains("odd odd/colour colour red"), "{message}");
    answers("\"odd odd/color string red\"");
    let built = world.run(&["build", "--locked", "odd"]);
    let warning = "warning: debconf: no package asks the question odd/color, answered for odd; did you mean odd/colour?";
    assert!(built.stderr.contains(warning), "{}", built.stderr);
    built.success();
    listing(&world, &["etc/"]);
    assert_eq!(text(&world, "etc/selections"), "odd odd/color string red\n");
}

#[test]
fn what_hostile_scripts_leave_stays_inside() {
    if !can_have_world("what_hostile_scripts_leave_stays_inside") {
        return;
    }
    let outside = tempfile::tempdir().expect("temporary folders can be made");
    fs::write(outside.path().join("secret"), "a secret of the host").expect("it can be written");
    let script = format!(
        "#!/bin/sh\nset -e\nln -s {0} /etc/host\n! cat /etc/host/secret\n! mkdir /etc/host/made\n\
         ln -s / /etc/root\nrm -rf /var/lib\nln -s {0} /var/lib\n",
        outside.path().display()
    );
    let world = world(
        Deb::new("odd", "1").file("var/lib/x", "x\n").script("postinst", &script),
        "configure = [\"odd\"]",
    );
    lock(&world).success();
    let ran = world.run(&["build", "--locked", "odd"]);
    assert!(!outside.path().join("made").exists());
    // dpkg's own records are gone with /var/lib, so it cannot go on.
    ran.failure(1);

    // Names that no image can have.
    let script = "#!/bin/sh\n: > \"$(printf '/etc/\\377')\"\n";
    let world = self::world(Deb::new("odd", "1").script("postinst", script), "configure = [\"odd\"]");
    lock(&world).success();
    let message = world.run(&["build", "--locked", "odd"]).failure(1);
    assert!(message.contains("cannot use the outputs of maintainer scripts"), "{message}");
}
