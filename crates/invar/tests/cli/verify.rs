//! `invar verify`: what holds is told to hold, and what leaks is caught, named and explained.
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use crate::support::tools::Tools;
use crate::support::world::World;
use crate::support::{Ran, skip};

/// What the sandbox keeps from a command: each line writes something of the machine into a file.
const GUARANTEED: &str = "
    mkdir out
    hostname > out/host
    id > out/user
    umask > out/umask
    pwd > out/folder
    echo $HOME $USER $TZ $LC_ALL $SOURCE_DATE_EPOCH $PYTHONHASHSEED $CFLAGS $TMPDIR > out/variables
    stat -c %Y input > out/time-of-input
    cat /proc/mounts | sort > /dev/null; readlink /proc/self/root > out/root
    touch out/mode
    nproc > out/cpus; cat /sys/devices/system/cpu/online >> out/cpus
";

/// What it cannot keep from it.
const LEAKING: &str = "
    mkdir out
    date -u +%Y-%m > out/month
    ls -U /usr/bin > out/listing
    range=$(while read name value; do case $name in Cpus_allowed_list:) echo $value;; esac; done < /proc/self/status)
    case $range in *[-,]*) cpus=2;; *) cpus=1;; esac
    echo $cpus > out/cpus
    ls /usr/bin | sort -R > out/shuffled
    head -c 16 /dev/urandom | od -A n -t x1 > out/random
    date -u > out/moment
    env | sort > out/environment
    printf '{\"cpus\": %s}' $cpus > out/info.json
    echo the same > out/plain
";

fn project(run: &str) -> Tools {
    let step = format!(
        "[[step]]\nname = \"stamp\"\ninputs = [\"input\"]\nrun = \"\"\"{run}\"\"\"\noutputs = {{ out = \"/app/out\" }}\n"
    );
    let tools = Tools::new(&format!("[image]\nname = \"stamped\"\n{step}"));
    tools.context.write("project/input", "input\n");
    tools.lock();
    tools
}

/// What `verify --json` with more `arguments` prints, and its exit code.
fn verify(tools: &Tools, arguments: &[&str]) -> (i32, Value, String) {
    let ran = tools.run(&[&["verify", "--locked", "--json", "project"], arguments].concat());
    let report = serde_json::from_str(&ran.stdout);
    (ran.code, report.unwrap_or_else(|_| panic!("{}\n{}", ran.stdout, ran.stderr)), ran.stderr)
}

/// The verdict of each perturbation.
fn verdicts(report: &Value) -> BTreeMap<&str, &str> {
    let all = report["variations"].as_array().expect("there is a list");
    all.iter()
        .map(|one| (one["variation"].as_str().unwrap_or(""), one["verdict"].as_str().unwrap_or("")))
        .collect()
}

/// For each path that differs, under what, and what it looks like.
pub fn differences(report: &Value) -> BTreeMap<String, (String, String)> {
    let all = report["differences"].as_array().expect("there is a list");
    let told = all.iter().map(|one| {
        let mut under: Vec<&str> = one["variations"]
            .as_array()
            .map(|all| all.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        if one["always"] == true {
            under.push("always");
        }
        let path = one["path"].as_str().or(one["kind"].as_str()).unwrap_or_default().to_owned();
        (path, (under.join(" "), one["change"]["cause"].as_str().unwrap_or_default().to_owned()))
    });
    told.collect()
}

fn have_two_cpus(test: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "with one CPU there is no other number of them to try")]
    let enough = std::thread::available_parallelism().map_or(1, usize::from) > 1;
    if !enough {
        skip(test, "needs two CPUs");
    }
    enough
}

#[test]
fn an_image_of_packages_and_wheels_is_the_same_everywhere() {
    let world = World::new();
    world.lock();
    let built = world.build();
    let asked = world.server.requests().len();
    let ran = world.run(&["verify", "--locked", "--json", "project"]);
    let stderr = ran.stderr.clone();
    let report: Value = serde_json::from_str(&ran.success()).expect("--json prints JSON");
    assert_eq!(report["digest"], built);
    assert_eq!((&report["reproducible"], &report["builds"]), (&Value::from(true), &Value::from(1)));
    let verdicts = verdicts(&report);
    assert_eq!(verdicts.len(), 13);
    let skipped = verdicts.values().filter(|verdict| **verdict == "skipped").count();
    assert_eq!(report["skipped"], skipped);
    for one in report["variations"].as_array().expect("a list") {
        assert_eq!(one["reason"].is_string(), one["verdict"] == "skipped", "{one}");
    }
    for (perturbation, verdict) in &verdicts {
        // Its Python is a name and nothing more, so nothing is run in the sandbox.
        let expected = match *perturbation {
            "clock" | "cpu-model" => "skipped",
            "cpu-count" if *verdict == "skipped" => continue,
            _ => "same",
        };
        assert_eq!(*verdict, expected, "{perturbation}: {report}");
    }
    assert_eq!(world.server.requests().len(), asked, "nothing is downloaded twice");
    assert!(stderr.contains("\"unpacked\"") && stderr.contains("\"build\":1"), "all is made anew: {stderr}");

    // What was not tried is said, and counted.
    let ran = world.run(&["verify", "--locked", "--only", "clock,umask", "--strict", "project"]);
    let (stdout, stderr) = (ran.stdout.clone(), ran.failure(8));
    assert!(stdout.contains("clock            NOT TRIED"), "{stdout}");
    assert!(stdout.contains("umask            same"), "{stdout}");
    assert!(stderr.contains("1 of 2 variations could not be run"), "{stderr}");
}

/// A project without Python for both platforms, of packages for any; `more` ends its manifest.
fn for_both_platforms(more: &str) -> World {
    let world = World::new();
    fs::remove_file(world.project().join("pyproject.toml")).expect("the file can be removed");
    let manifest = format!(
        "packages = [\"hello-data\"]\nbase = [\"base-files\"]\n[image]\nname = \"little\"\ncommand = [\"x\"]\n\
         platforms = [\"linux/amd64\", \"linux/arm64\"]\n{more}"
    );
    world.context.write("project/invar.toml", manifest);
    world.lock();
    world
}

#[test]
fn images_for_several_platforms_are_verified_together_and_alone() {
    let world = for_both_platforms("");
    let verify = |arguments: &[&str]| -> Value {
        let ran = world.run(&[&["verify", "--locked", "--json", "project"], arguments].concat());
        serde_json::from_str(&ran.success()).expect("--json prints JSON")
    };
    let built: Value =
        serde_json::from_str(&world.run(&["build", "--json", "project"]).success()).expect("JSON");
    let both = verify(&[]);
    assert_eq!((&both["reproducible"], &both["digest"]), (&Value::from(true), &built["digest"]));
    assert_eq!(both["builds"], 1);
    let arm = verify(&["--platform", "linux/arm64"]);
    assert_eq!((&arm["reproducible"], &arm["digest"]), (&Value::from(true), &built["images"][1]["digest"]));
    let ran = world.run(&["verify", "--platform", "linux/riscv64", "project"]);
    assert!(ran.failure(2).contains("linux/riscv64"));
}

#[test]
fn what_has_to_run_on_another_machine_needs_it_or_an_emulator() {
    let (other, machine) =
        if cfg!(target_arch = "x86_64") { ("linux/arm64", "aarch64") } else { ("linux/amd64", "x86_64") };
    if Path::new(&format!("/proc/sys/fs/binfmt_misc/qemu-{machine}")).exists() {
        skip(
            "what_has_to_run_on_another_machine_needs_it_or_an_emulator",
            "needs a machine without the emulator",
        );
        return;
    }
    let step = "[[step]]\nname = \"stamp\"\nrun = \"date > out\"\noutputs = { out = \"/app/out\" }\n";
    let world = for_both_platforms(step);
    let ran = world.run(&["verify", "--platform", other, "project"]);
    assert_eq!(ran.stdout, "", "nothing is said to be the same");
    let told = ran.failure(1);
    let expected =
        format!("step stamp: cannot run programs for {other} on this machine; install qemu-user-static");
    assert!(told.contains(&expected), "{told}");
}

#[test]
fn what_the_sandbox_guarantees_is_the_same_and_is_built_anew() {
    let tools = project(GUARANTEED);
    let (code, report, stderr) = verify(&tools, &[]);
    assert_eq!(code, 0, "{report}");
    assert_eq!(report["builds"], 1, "one build tries all of them");
    assert!(verdicts(&report).values().all(|verdict| ["same", "skipped"].contains(verdict)), "{report}");
    let steps = stderr.lines().filter(|line| line.contains("\"step-started\""));
    assert_eq!(steps.count(), 2, "the step is run again: {stderr}");
    assert_eq!(tools.unfinished(), 0, "nothing is left behind");
}

#[test]
fn leaks_are_caught_named_and_explained() {
    if !have_two_cpus("leaks_are_caught_named_and_explained") {
        return;
    }
    let tools = project(LEAKING);
    let (code, report, _) = verify(&tools, &[]);
    assert_eq!(code, 7, "{report}");
    let expected = [
        ("/app/out/cpus", "cpu-count", "parallel"),
        ("/app/out/environment", "cpu-model", "mask"),
        ("/app/out/info.json", "cpu-count", "parallel"),
        ("/app/out/listing", "directory-order", "unordered-directory"),
        ("/app/out/moment", "always", "date"),
        ("/app/out/month", "clock", "date"),
        ("/app/out/random", "always", "random"),
        ("/app/out/shuffled", "always", "random-order"),
    ];
    let expected =
        expected.map(|(path, under, cause)| (path.to_owned(), (under.to_owned(), cause.to_owned())));
    assert_eq!(differences(&report), expected.into());
    let changed = ["clock", "cpu-count", "cpu-model", "directory-order"];
    for (perturbation, verdict) in verdicts(&report) {
        let expected = if changed.contains(&perturbation) { "differs" } else { "same" };
        assert_eq!(verdict, expected, "{perturbation}: {report}");
    }
    let all = report["differences"].as_array().expect("a list");
    let info = all.iter().find(|one| one["path"] == "/app/out/info.json").expect("it is there");
    let value = &info["change"]["content"]["changes"][0];
    assert_eq!(
        (&value["key"], &value["old"], &value["new"]),
        (&"cpus".into(), &2.into(), &1.into()),
        "{info}"
    );
    let month =
        report["differences"].as_array().expect("a list").iter().find(|one| one["path"] == "/app/out/month");
    let change = &month.expect("it is there")["change"];
    assert_eq!((&change["layer"], &change["origin"]), (&"steps".into(), &"step stamp".into()));
    assert!(change["remedy"].as_str().is_some_and(|text| text.contains("SOURCE_DATE_EPOCH")), "{change}");
    assert_eq!(change["difference"]["location"], "line 1");
    assert_eq!(change["description"], "8 bytes, different content");

    // For people, and one build for each.
    let only = ["--only", "clock,umask,directory-order"];
    let ran = tools.run(&[&["verify", "--locked", "--each", "project"], &only[..]].concat());
    let (stdout, _) = (ran.stdout.clone(), ran.failure(7));
    for expected in [
        "umask            same",
        "clock            DIFFERS    1 difference\n",
        "/app/out/month (layer steps, step stamp) differs under clock: 8 bytes, different content",
        "/app/out/listing (layer steps, step stamp) differs under directory-order",
        "looks like an unsorted directory listing",
        "differs in every rebuild, without any variation",
    ] {
        assert!(stdout.contains(expected), "{expected:?} is not in:\n{stdout}");
    }
}

#[test]
fn a_build_that_fails_elsewhere_is_told() {
    let limit = now() + 100 * 86_400;
    let tools = project(&format!("[ $(date +%s) -lt {limit} ] || exit 9; echo > out"));
    let ran = tools.run(&["verify", "--locked", "project"]);
    let (stdout, stderr) = (ran.stdout.clone(), ran.failure(7));
    assert!(stdout.contains("clock            FAILS"), "{stdout}\n{stderr}");
    assert!(
        stdout.contains("the build fails under clock:\n    step stamp failed with exit code 9"),
        "{stdout}"
    );
    assert!(stdout.contains("host-name        same"), "{stdout}");
}

fn now() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "the step compares with the clock")]
    let now = std::time::SystemTime::now();
    now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Every file of the store but locks and what is half-done, with its length.
fn contents(folder: &Path, into: &mut BTreeMap<String, u64>) {
    #[expect(clippy::disallowed_methods, reason = "a sorted map takes them")]
    for entry in fs::read_dir(folder).expect("the store can be read").flatten() {
        let path = entry.path();
        let metadata = fs::symlink_metadata(&path).expect("it is there");
        if metadata.is_dir() {
            contents(&path, into);
        } else {
            into.insert(path.display().to_string(), metadata.len());
        }
    }
}

#[test]
fn stored_results_are_checked_without_changing_them() {
    let tools = project("date -u +%Y-%m > out");
    let more = "[[step]]\nname = \"steady\"\nrun = \"echo steady > x\"\noutputs = { x = \"/app/x\" }\n\
                [[step]]\nname = \"random\"\nrun = \"head -c 9 /dev/urandom > y\"\noutputs = { y = \"/app/y\" }\n";
    let manifest = fs::read_to_string(tools.context.path().join("project/invar.toml")).expect("it is there");
    tools.context.write("project/invar.toml", manifest + more);
    tools.lock();
    let check = |names: &str| {
        let argument =
            if names.is_empty() { "--cache-check".into() } else { format!("--cache-check={names}") };
        tools.run(&["verify", "--locked", &argument, "project"])
    };
    let stdout = check("").success();
    assert!(stdout.contains("step steady                      NOT STORED"), "{stdout}");
    let digest = tools.run(&["build", "--locked", "project"]).success();
    let (mut before, mut after) = (BTreeMap::new(), BTreeMap::new());
    contents(tools.context.store(), &mut before);

    let stdout = check("steady").success();
    assert!(
        stdout.contains("step steady                      same") && !stdout.contains("stamp"),
        "{stdout}"
    );
    let ran = check("");
    let (stdout, _) = (ran.stdout.clone(), ran.failure(7));
    for expected in [
        "step steady                      same",
        "step stamp                       DIFFERS\n  /app/out differs under clock: 8 bytes, different content",
        "looks like an embedded date or time",
        "step random                      DIFFERS\n  /app/y differs in every rebuild, without any variation",
        "looks like random numbers",
    ] {
        assert!(stdout.contains(expected), "{expected:?} is not in:\n{stdout}");
    }
    check("nobody").failure(2);

    contents(tools.context.store(), &mut after);
    assert_eq!(before, after, "the store is as it was");
    assert_eq!(tools.run(&["build", "--locked", "project"]).success(), digest);
}

#[test]
fn ctrl_c_ends_the_build_and_cleans_up() {
    let limit = now() + 100 * 86_400;
    let tools = project(&format!("[ $(date +%s) -lt {limit} ] || sleep 1000000; echo > out"));
    let mut command = tools.invar();
    command.args(["verify", "--locked", "--json", "--only", "clock", "project"]);
    let mut child = command.stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be started");
    let mut lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let started = |line: &String| line.contains("step-started") && line.contains("\"build\":1");
    lines.by_ref().map_while(Result::ok).find(started).expect("the step is started again");
    Ran::of(std::process::Command::new("kill").args(["-INT", &child.id().to_string()])).success();
    // It ends only when all that it started has: they hold its standard error.
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    let status = child.wait().expect("it can be waited for");
    assert_eq!(status.code(), Some(130), "{rest:?}");
    assert_eq!(tools.unfinished(), 0, "nothing is left behind");
}

#[test]
fn perturbations_are_listed_and_wrong_names_refused() {
    let tools = Tools::new("[image]\nname = \"x\"\n");
    let list = tools.run(&["verify", "--list"]).success();
    assert_eq!(list.lines().count(), 13);
    assert!(list.contains("\ntime-zone        a different TZ\n"), "{list}");
    let message = tools.run(&["verify", "--only", "moon-phase", "project"]).failure(2);
    assert!(message.contains("moon-phase") && message.contains("directory-order"), "{message}");
}
