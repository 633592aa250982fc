//! Build steps, in a small world whose tools are this machine's.
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::support::tools::Tools;
use crate::support::{Ran, have};

/// A project of steps whose programs are this machine's own.
fn steps(steps: &str) -> Tools {
    Tools::locked(&format!("[image]\nname = \"steps\"\n{steps}"))
}

#[test]
fn steps_that_do_not_wait_for_each_other_run_at_once() {
    // Neither ends on its own. One after the other, the first would fail before the second begins.
    let endless = |name: &str| {
        format!(
            "[[step]]\nname = \"{name}\"\nrun = \"sleep 1000000\"\noutputs = {{ x = \"/{name}\" }}\ntimeout = \"1m\"\n"
        )
    };
    let project = steps(&(endless("one") + &endless("two")));
    let mut command = project.invar();
    command.args(["build", "--json", "--locked", "--jobs", "2", "project"]);
    let mut child =
        command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("invar can be started");
    let lines = BufReader::new(child.stderr.take().expect("it is piped")).lines();
    let mut started = 0;
    for line in lines {
        started += usize::from(line.expect("it is text").contains("step-started"));
        if started == 2 {
            break;
        }
    }
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    assert_eq!(started, 2);
}

#[test]
fn a_warning_is_printed_once() {
    // The image and both steps read the same files, and a build asks for them more than once.
    let step = |name: &str| {
        let outputs = format!("outputs = {{ x = \"/{name}\" }}");
        format!("[[step]]\nname = \"{name}\"\ninputs = [\"**\"]\nrun = \"cat data > x\"\n{outputs}\n")
    };
    let project = steps(&(step("one") + &step("two")));
    project.context.write("project/data", "data\n");
    project.run(&["build", "--locked", "-o", "project/old.tar", "project"]).success();
    let ran = project.run(&["build", "--locked", "-o", "new.tar", "project"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let warnings: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("old.tar")).collect();
    assert_eq!(warnings.len(), 1, "{}", ran.stderr);
}

#[test]
fn files_are_fetched_as_they_were_locked() {
    let step = "[[step]]\nname = \"fetched\"\nfetch = [{ url = \"SERVER/data.txt\" }]\nrun = \"cat data.txt > x\"\n\
                outputs = { x = \"/x\" }\n";
    let project = Tools::new(&format!("[image]\nname = \"steps\"\n{step}"));
    project.server.put([("data.txt".to_owned(), b"data\n".to_vec())].into());
    project.lock();
    assert_eq!(fs::read_to_string(project.root().join("x")).expect("the image has it"), "data\n");
    // What is there now is not what was locked, and the store is empty.
    project.server.put([("data.txt".to_owned(), b"DATA\n".to_vec())].into());
    fs::remove_dir_all(project.context.store()).expect("the store is ours");
    let message = project.run(&["build", "--locked", "project"]).failure(5);
    let (was, is) = (invar_testkit::sha256(b"data\n"), invar_testkit::sha256(b"DATA\n"));
    for expected in ["data.txt", &was, &is] {
        assert!(message.contains(expected), "{expected} is not in:\n{message}");
    }
    // A file that the lock does not know is not fetched.
    let manifest =
        fs::read_to_string(project.context.path().join("project/invar.toml")).expect("it was written");
    project.context.write("project/invar.toml", manifest.replace("data.txt\"", "more.txt\""));
    let message = project.run(&["build", "--locked", "project"]).failure(3);
    assert!(message.contains("more.txt") && message.contains("invar lock"), "{message}");
    // A digest in the manifest is the author's word, and needs no lock.
    let wrong = manifest.replace("data.txt\" }", &format!("data.txt\", sha256 = \"{was}\" }}"));
    project.context.write("project/invar.toml", wrong);
    let message = project.run(&["build", "--locked", "project"]).failure(5);
    assert!(message.contains(&was) && message.contains(&is), "{message}");
}

/// Steps that run nothing but one, which looks at what the others have put.
const PUT: &str = r##"
[[step]]
name = "put"
fetch = [{ url = "SERVER/data.txt" }]
outputs = { "words.txt" = "/bin/words", "tool.sh" = { path = "/bin/tool", executable = true }, "folder" = "/srv/folder", "data.txt" = "/srv/data" }
files = { "/etc/app.conf" = "a = 1\n", "/bin/hi" = { text = "#!/bin/sh\necho hi \"$A\" \"$@\"\n", executable = true } }
links = { "/bin/list" = "/usr/bin/ls" }
wrap = { program = "/bin/hi", as = "/sbin/hi", args = ["first"], args-after = ["last"], env = { A = "1" } }
[[step]]
name = "again"
inputs = ["put", "folder/**/*.css"]
outputs = { "/bin/words" = "/srv/words", "/srv/folder" = "/srv/second", "." = "/srv/styles" }
[[step]]
name = "in-place"
wrap = [{ program = "/bin/tool", unset = ["A"] }, { program = "/bin/cat", prefix = { PATH = ["/x"] } }]
[[step]]
name = "look"
inputs = ["put"]
run = "/sbin/hi middle > seen; cat /bin/words >> seen; /bin/list /srv/folder >> seen"
outputs = { seen = "/srv/seen" }
"##;

#[test]
fn files_links_and_launchers_are_put_without_a_command() {
    let project = Tools::new(&format!("include = []\n[image]\nname = \"put\"\n{PUT}"));
    project.server.put([("data.txt".to_owned(), b"data\n".to_vec())].into());
    for (path, text) in [("words.txt", "words\n"), ("tool.sh", "#!/bin/sh\n"), ("folder/a/x.css", "css\n")] {
        project.context.write(&format!("project/{path}"), text);
    }
    project.context.write("project/folder/a/y.txt", "y\n");
    project.lock();
    let root = project.root();
    let read = |path: &str| fs::read_to_string(root.join(path)).unwrap_or_else(|_| panic!("no {path}"));
    for (path, text) in [
        ("usr/bin/words", "words\n"),
        ("usr/bin/.tool-wrapped", "#!/bin/sh\n"),
        ("srv/folder/a/y.txt", "y\n"),
        ("srv/data", "data\n"),
        ("etc/app.conf", "a = 1\n"),
        ("srv/words", "words\n"),
        ("srv/second/a/y.txt", "y\n"),
        ("srv/styles/folder/a/x.css", "css\n"),
        ("srv/seen", "hi 1 first middle last\nwords\na\n"),
    ] {
        assert_eq!(read(path), text, "{path}");
    }
    let mode = |path: &str| fs::metadata(root.join(path)).expect("it is there").permissions().mode() & 0o777;
    for (path, expected) in [
        ("usr/bin/words", 0o644),
        ("usr/bin/hi", 0o755),
        ("usr/bin/.tool-wrapped", 0o755),
        ("usr/bin/tool", 0o755),
        ("usr/bin/.cat-wrapped", 0o755),
        ("etc/app.conf", 0o644),
    ] {
        assert_eq!(mode(path), expected, "{path}");
    }
    let target = |path: &str| fs::read_link(root.join(path)).expect("it is a link");
    assert_eq!(target("usr/bin/list").to_str(), Some("/usr/bin/ls"));
    assert_eq!(target("bin").to_str(), Some("usr/bin"), "the image's links stay");
    assert!(!root.join("srv/styles/folder/a/y.txt").exists(), "it is not among the inputs");
    let told = project.run(&["why", "/usr/bin/words", "project"]).success();
    assert!(told.contains("words.txt → /bin/words"), "{told}");
}

#[test]
fn outputs_that_are_not_there_are_named() {
    let project = steps("[[step]]\nname = \"a\"\nlinks = { \"/x\" = \"/y\" }\n");
    project.context.write("project/.gitignore", "*.log\n");
    project.context.write("project/a.log", "");
    let check = |step: &str, expected: &str| {
        project.write_manifest(&format!("[image]\nname = \"steps\"\n[[step]]\nname = \"a\"\n{step}\n"));
        let message = project.run(&["build", "--locked", "project"]).failure(2);
        assert!(message.contains(expected), "{expected} is not in:\n{message}");
    };
    let outputs = |from: &str| format!("outputs = {{ \"{from}\" = \"/bin/x\" }}");
    check(&outputs("mian.py"), "step a: `outputs` lists \"mian.py\", which the project does not have");
    check(&outputs("a.log"), "step a: `outputs` lists \"a.log\", which exists, but is ignored by git");
    check(&outputs("/srv/x"), "which is not an output of a step among its inputs");
}

#[test]
fn inputs_that_match_nothing_and_steps_in_a_circle() {
    let project = steps(
        "[[step]]\nname = \"typo\"\ninputs = [\"*.txt\", \"fronted/**\"]\nrun = \"echo > x\"\noutputs = { x = \"/x\" }\n",
    );
    project.context.write("project/words.txt", "words\n");
    let message = project.run(&["build", "--locked", "project"]).failure(2);
    assert!(message.contains("step typo") && message.contains("fronted/**"), "{message}");
    let step = |name: &str, input: &str| {
        format!(
            "[[step]]\nname = \"{name}\"\ninputs = [\"{input}\"]\nrun = \"true\"\noutputs = {{ x = \"/{name}\" }}\n"
        )
    };
    project.write_manifest(&format!(
        "[image]\nname = \"steps\"\n{}{}",
        step("hen", "egg"),
        step("egg", "hen")
    ));
    let message = project.run(&["build", "--locked", "project"]).failure(2);
    assert!(
        message.contains("hen") && message.contains("egg") && message.contains("invar.toml"),
        "{message}"
    );
}

#[test]
fn the_number_of_cpus_is_the_same_on_a_machine_with_one() {
    if !have("the_number_of_cpus_is_the_same_on_a_machine_with_one", &["taskset"]) {
        return;
    }
    let run = "mkdir out; nproc > out/usual; nproc --all > out/all; cat /sys/devices/system/cpu/online > out/online";
    let project =
        steps(&format!("[[step]]\nname = \"count\"\nrun = \"{run}\"\noutputs = {{ out = \"/app/out\" }}\n"));
    let digest = project.run(&["build", "--locked", "project"]).success();
    for (file, expected) in [("usual", "2\n"), ("all", "2\n"), ("online", "0-1\n")] {
        assert_eq!(
            fs::read_to_string(project.root().join("app/out").join(file)).expect("it is there"),
            expected
        );
    }
    let invar = project.invar();
    let mut alone = project.invar_through("taskset");
    let list = fs::read_to_string("/proc/self/status").expect("it can be read");
    let list = list.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).expect("it is told");
    let first: String = list.trim().chars().take_while(char::is_ascii_digit).collect();
    alone.args(["-c", &first]).arg(invar.get_program()).args(["build", "--locked", "project"]);
    alone.env("INVAR_STORE", project.context.path().join("another store"));
    assert_eq!(Ran::of(&mut alone).success(), digest);
}
