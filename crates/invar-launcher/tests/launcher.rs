//! Launchers that are really run: for x86-64 where that is the host, for AArch64 in an emulator.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]
#![expect(clippy::print_stderr, reason = "skipped tests report so")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use invar_launcher::{LAUNCHER_VERSION, Launcher, LauncherError, Machine, ProgramName, Values, launcher};
use invar_tree::Digest;
use tempfile::TempDir;

/// A machine whose launchers can be run, and the program that runs them where it is not this one.
type On = (Machine, Option<&'static str>);

/// This machine.
fn here() -> Option<Machine> {
    [(cfg!(target_arch = "x86_64"), Machine::X86_64), (cfg!(target_arch = "aarch64"), Machine::Aarch64)]
        .into_iter()
        .find_map(|(is_here, machine)| is_here.then_some(machine))
}

/// The machines that need an emulator here, where there is one.
fn elsewhere() -> Vec<On> {
    let all = [
        (Machine::X86_64, "/usr/bin/qemu-x86_64-static"),
        (Machine::Aarch64, "/usr/bin/qemu-aarch64-static"),
    ];
    let (found, missing): (Vec<_>, Vec<_>) = all
        .into_iter()
        .filter(|(machine, _)| here() != Some(*machine))
        .partition(|(_, emulator)| Path::new(emulator).exists());
    for (machine, emulator) in missing {
        eprintln!("SKIPPED: launchers for {machine:?} need {emulator} here");
    }
    found.into_iter().map(|(machine, emulator)| (machine, Some(emulator))).collect()
}

/// Makes tests of functions: in `here` for this machine, in `real` for those that need an emulator.
macro_rules! on_each_machine {
    ($($test:ident)*) => {
        mod here {
            $(#[test]
            fn $test() {
                match super::here() {
                    Some(machine) => super::$test(&[(machine, None)]),
                    None => eprintln!("SKIPPED: there are no launchers for this machine"),
                }
            })*
        }
        mod real {
            $(#[test]
            fn $test() {
                super::$test(&super::elsewhere());
            })*
        }
    };
}

on_each_machine! {
    arguments_come_after_those_of_the_launcher
    variables_are_set_replaced_and_taken_away
    folders_come_before_the_path
    values_are_put_around_what_the_caller_has
    defaults_are_for_callers_that_have_none
    arguments_come_around_those_of_the_caller_and_the_name_is_chosen
    a_folder_is_entered_or_named
    ten_thousand_variables_pass
    many_variables_are_set
    a_program_that_cannot_be_started_is_named
    the_longest_that_is_allowed_works
}

/// A shell that prints its own arguments and variables as the kernel has got them, with a byte 1 between.
fn shell() -> Launcher {
    let script = r"/bin/cat /proc/$$/cmdline; printf '\1'; /bin/cat /proc/$$/environ";
    Launcher {
        program: "/bin/sh".to_owned(),
        arguments: ["-c", script, "two words"].map(str::to_owned).into(),
        ..Launcher::default()
    }
}

fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// An executable in a folder of its own.
fn executable(request: &Launcher) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("launcher");
    fs::write(&path, launcher(request).unwrap()).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    (directory, path)
}

fn command(path: &Path, emulator: Option<&str>) -> Command {
    match emulator {
        None => Command::new(path),
        Some(emulator) => {
            let mut command = Command::new(emulator);
            command.arg(path);
            command
        }
    }
}

/// Runs the command. While another test starts a process, that one may hold our new file open for writing for a moment,
/// and Linux does not start such a file.
fn output(command: &mut Command) -> Output {
    loop {
        match command.output() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy => std::thread::yield_now(),
            done => return done.unwrap(),
        }
    }
}

/// What the program got.
#[derive(Debug, PartialEq, Eq)]
struct Got {
    arguments: Vec<String>,
    variables: Vec<String>,
}

#[track_caller]
fn read(output: &Output) -> Got {
    assert!(output.status.success(), "{:?} {}", output.status, String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let (arguments, variables) = text.split_once('\u{1}').unwrap();
    let list = |text: &str| text.split_terminator('\0').map(str::to_owned).collect();
    Got { arguments: list(arguments), variables: list(variables) }
}

#[track_caller]
fn run(request: &Launcher, emulator: Option<&str>, arguments: &[&str], variables: &[(&str, &str)]) -> Got {
    let (_directory, path) = executable(request);
    let mut command = command(&path, emulator);
    command.args(arguments).env_clear().envs(variables.iter().copied());
    read(&output(&mut command))
}

/// Checks the variables that the program gets for each machine. They are compared sorted: the emulator changes their
/// order.
#[track_caller]
fn check(on: &[On], request: &Launcher, variables: &[(&str, &str)], expected: &[&str]) {
    for (machine, emulator) in on.iter().copied() {
        let request = Launcher { machine, ..request.clone() };
        let mut got = run(&request, emulator, &[], variables).variables;
        got.sort();
        assert_eq!(got, expected, "{machine:?}");
    }
}

fn arguments_come_after_those_of_the_launcher(on: &[On]) {
    for (machine, emulator) in on.iter().copied() {
        let request = Launcher { machine, ..shell() };
        let expected = |more: &[&str]| -> Vec<String> {
            let first = [request.program.clone()].into_iter().chain(request.arguments.clone());
            first.chain(more.iter().map(|argument| (*argument).to_owned())).collect()
        };
        for arguments in [&[][..], &["one"], &["with space", "", "\"quoted\" $HOME *", "-c"]] {
            let got = run(&request, emulator, arguments, &[("A", "1")]);
            assert_eq!(got.arguments, expected(arguments), "{machine:?}");
            assert_eq!(got.variables, ["A=1"], "{machine:?}");
        }
        let many: Vec<String> = (0..10_000).map(|number| format!("argument {number}")).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(run(&request, emulator, &many, &[]).arguments, expected(&many), "{machine:?}");
        let bare =
            Launcher { arguments: vec!["-c".to_owned(), request.arguments[1].clone()], ..request.clone() };
        assert_eq!(run(&bare, emulator, &[], &[]).arguments.len(), 3);
    }
}

fn variables_are_set_replaced_and_taken_away(on: &[On]) {
    let request = Launcher {
        set: map(&[("NEW", "new"), ("OLD", "replaced = yes"), ("EMPTY", "")]),
        unset: names(&["GONE", "NEVER"]),
        ..shell()
    };
    check(on, &request, &[], &["EMPTY=", "NEW=new", "OLD=replaced = yes"]);
    let variables =
        [("GONE", "1"), ("OLD", "old"), ("KEPT", "a=b"), ("EMPTY", "full"), ("NEWER", "n"), ("NE", "w")];
    check(
        on,
        &request,
        &variables,
        &["EMPTY=", "KEPT=a=b", "NE=w", "NEW=new", "NEWER=n", "OLD=replaced = yes"],
    );
    // What is set wins.
    let both = Launcher { set: map(&[("A", "set")]), unset: names(&["A"]), ..shell() };
    check(on, &both, &[("A", "old")], &["A=set"]);
    check(on, &shell(), &[("A", "old"), ("B", "")], &["A=old", "B="]);
    check(on, &shell(), &[], &[]);
}

fn folders_come_before_the_path(on: &[On]) {
    let folders = vec!["/opt/bin".to_owned(), "/srv/x y".to_owned()];
    let request = Launcher { prefix_path: folders.clone(), ..shell() };
    check(on, &request, &[], &["PATH=/opt/bin:/srv/x y"]);
    check(on, &request, &[("PATH", "")], &["PATH=/opt/bin:/srv/x y"]);
    check(on, &request, &[("PATH", "/bin")], &["PATH=/opt/bin:/srv/x y:/bin"]);
    check(
        on,
        &request,
        &[("PATHS", "1"), ("PAT", "2"), ("XPATH", "3")],
        &["PAT=2", "PATH=/opt/bin:/srv/x y", "PATHS=1", "XPATH=3"],
    );
    let long = "/usr/bin:".repeat(10_000);
    check(
        on,
        &request,
        &[("A", "1"), ("PATH", &long), ("Z", "2")],
        &["A=1", &format!("PATH=/opt/bin:/srv/x y:{long}"), "Z=2"],
    );
    let set = |path: &str| Launcher { set: map(&[("PATH", path)]), ..request.clone() };
    check(on, &set("/set"), &[("PATH", "/bin")], &["PATH=/opt/bin:/srv/x y:/set"]);
    check(on, &set(""), &[("PATH", "/bin")], &["PATH=/opt/bin:/srv/x y"]);
    let unset = Launcher { unset: names(&["PATH"]), ..request.clone() };
    check(on, &unset, &[("PATH", "/bin")], &["PATH=/opt/bin:/srv/x y"]);
    let one = Launcher { prefix_path: vec!["/".to_owned()], ..shell() };
    check(on, &one, &[("PATH", "/bin")], &["PATH=/:/bin"]);
}

fn lists(lists: &[(&str, &str, &[&str])]) -> BTreeMap<String, Values> {
    let values = |list: &[&str]| list.iter().map(|value| (*value).to_owned()).collect();
    let list = |(name, separator, list): &(&str, &str, &[&str])| {
        ((*name).to_owned(), Values { values: values(list), separator: (*separator).to_owned() })
    };
    lists.iter().map(list).collect()
}

fn values_are_put_around_what_the_caller_has(on: &[On]) {
    let request = Launcher {
        prefixes: lists(&[("PATH", ":", &["/a", "/b c"]), ("BOTH", ", ", &["1"])]),
        suffixes: lists(&[("BOTH", "--", &["2", "3"]), ("XDG", ":", &["/share"])]),
        ..shell()
    };
    check(on, &request, &[], &["BOTH=1--2--3", "PATH=/a:/b c", "XDG=/share"]);
    let empty = [("PATH", ""), ("BOTH", ""), ("XDG", "")];
    check(on, &request, &empty, &["BOTH=1--2--3", "PATH=/a:/b c", "XDG=/share"]);
    let full = [("PATH", "/bin"), ("BOTH", "="), ("XDG", "x"), ("XD", "1"), ("XDGG", "2"), ("Z", "3")];
    check(
        on,
        &request,
        &full,
        &["BOTH=1, =--2--3", "PATH=/a:/b c:/bin", "XD=1", "XDG=x:/share", "XDGG=2", "Z=3"],
    );
    let long = "/usr/bin:".repeat(10_000);
    check(
        on,
        &request,
        &[("PATH", &long), ("XDG", &long)],
        &["BOTH=1--2--3", &format!("PATH=/a:/b c:{long}"), &format!("XDG={long}:/share")],
    );
    // What is known beforehand.
    let set = |value: &str| Launcher { set: map(&[("BOTH", value)]), ..request.clone() };
    let rest = ["PATH=/a:/b c", "XDG=/share"];
    check(on, &set("x"), &[("BOTH", "y")], &[&["BOTH=1, x--2--3"][..], &rest].concat());
    check(on, &set(""), &[("BOTH", "y")], &[&["BOTH=1--2--3"][..], &rest].concat());
    let unset = Launcher { unset: names(&["BOTH"]), ..request.clone() };
    check(on, &unset, &[("BOTH", "y")], &[&["BOTH=1--2--3"][..], &rest].concat());
    // The older way to say it is another's prefix of the same variable.
    let both = Launcher { prefix_path: vec!["/p".to_owned()], ..request };
    check(on, &both, &[("PATH", "/bin")], &["BOTH=1--2--3", "PATH=/p:/a:/b c:/bin", "XDG=/share"]);
    check(on, &both, &[], &["BOTH=1--2--3", "PATH=/p:/a:/b c", "XDG=/share"]);
    let nothing = Launcher { prefixes: lists(&[("A", ":", &[]), ("B", ":", &[""])]), ..shell() };
    check(on, &nothing, &[("A", "1"), ("B", "")], &["A=1", "B="]);
}

fn defaults_are_for_callers_that_have_none(on: &[On]) {
    let request = Launcher {
        defaults: map(&[("A", "a"), ("B", ""), ("C", "c"), ("D", "d"), ("E", "e")]),
        set: map(&[("D", "set")]),
        unset: names(&["E"]),
        prefixes: lists(&[("C", ":", &["p"])]),
        ..shell()
    };
    check(on, &request, &[], &["A=a", "B=", "C=p:c", "D=set", "E=e"]);
    let own = [("A", "1"), ("B", "2"), ("C", "3"), ("D", "4"), ("E", "5")];
    check(on, &request, &own, &["A=1", "B=2", "C=p:3", "D=set", "E=e"]);
    check(on, &request, &[("A", ""), ("C", "")], &["A=", "B=", "C=p", "D=set", "E=e"]);
    let many = |number: usize| Launcher {
        defaults: (0..number).map(|number| (format!("N{number:02}"), number.to_string())).collect(),
        ..shell()
    };
    let mut expected: Vec<String> = (0..63).map(|number| format!("N{number:02}={number}")).collect();
    expected[31] = "N31=own".to_owned();
    expected[62] = "N62=own".to_owned();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(on, &many(63), &[("N31", "own"), ("N62", "own")], &expected);
    assert_eq!(launcher(&many(64)), Err(LauncherError::TooMany { found: 64, limit: 63 }));
}

fn arguments_come_around_those_of_the_caller_and_the_name_is_chosen(on: &[On]) {
    for (machine, emulator) in on.iter().copied() {
        let last = vec!["last".to_owned(), "one more".to_owned()];
        let request = Launcher { machine, last_arguments: last, ..shell() };
        let got = run(&request, emulator, &["from caller"], &[]).arguments;
        assert_eq!(got[0], "/bin/sh");
        assert_eq!(got[3..], ["two words", "from caller", "last", "one more"], "{machine:?}");
        let named = Launcher { name: ProgramName::Name("sh".to_owned()), ..request.clone() };
        assert_eq!(run(&named, emulator, &[], &[]).arguments[0], "sh");
        let inherited = Launcher { name: ProgramName::Caller, ..request.clone() };
        let (_directory, path) = executable(&inherited);
        let output = output(command(&path, emulator).arg("x"));
        assert_eq!(read(&output).arguments[0], path.to_str().unwrap(), "{machine:?}");
        let mut outer = vec!["sh".to_owned()];
        outer.extend(request.arguments.clone());
        assert_eq!(read(&output).arguments[1..4], outer[1..]);
    }
}

fn a_folder_is_entered_or_named(on: &[On]) {
    let directory = tempfile::tempdir().unwrap();
    let directory = directory.path().canonicalize().unwrap();
    let file = directory.join("file");
    fs::write(&file, "").unwrap();
    for (machine, emulator) in on.iter().copied() {
        let request = |folder: &Path| Launcher {
            machine,
            program: "/bin/pwd".to_owned(),
            directory: Some(folder.to_str().unwrap().to_owned()),
            ..Launcher::default()
        };
        let (_kept, path) = executable(&request(&directory));
        let got = output(&mut command(&path, emulator));
        assert_eq!(String::from_utf8(got.stdout).unwrap(), format!("{}\n", directory.display()));
        for folder in [&file, &directory.join("missing")] {
            let (_kept, path) = executable(&request(folder));
            let got = output(&mut command(&path, emulator));
            assert_eq!((got.status.code(), got.stdout.as_slice()), (Some(127), &b""[..]), "{machine:?}");
            let expected = format!("{}: cannot enter {}\n", path.display(), folder.display());
            assert_eq!(String::from_utf8(got.stderr).unwrap(), expected);
        }
    }
}

fn ten_thousand_variables_pass(on: &[On]) {
    let variables: Vec<(String, String)> =
        (0..10_000).map(|number| (format!("NAME_{number:05}"), format!("value {number}"))).collect();
    let variables: Vec<(&str, &str)> =
        variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let expected: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    check(on, &shell(), &variables, &expected);
    expected.remove(5_000);
    check(on, &Launcher { unset: names(&["NAME_05000"]), ..shell() }, &variables, &expected);
}

fn many_variables_are_set(on: &[On]) {
    let set: BTreeMap<String, String> =
        (0..3_000).map(|number| (format!("N{number:04}"), "v".repeat(number % 90))).collect();
    let expected: Vec<String> = set.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    let arguments = [shell().arguments, vec!["argument".to_owned(); 3_000]].concat();
    let request = Launcher { set, arguments, ..shell() };
    check(on, &request, &[("N0001", "old")], &expected);
    for (machine, emulator) in on.iter().copied() {
        let request = Launcher { machine, ..request.clone() };
        assert_eq!(run(&request, emulator, &["last"], &[]).arguments.len(), 3_005);
    }
}

/// Python can start a program with any arguments and variables, also such as no shell would give it.
const STARTER: &str = "
import ctypes, sys
argv, env = eval(sys.argv[2])
array = lambda items: (ctypes.c_char_p * (len(items) + 1))(*items, None)
libc = ctypes.CDLL(None, use_errno=True)
while True:
    libc.execve(sys.argv[1].encode(), array(argv), array(env))
    if ctypes.get_errno() != 26: sys.exit(ctypes.get_errno())  # ETXTBSY
";

/// Runs the launcher for this host with exactly these arguments and variables.
fn start(path: &Path, arguments: &[&str], variables: &[&str]) -> Option<Output> {
    let list = |texts: &[&str]| {
        let texts: Vec<String> = texts.iter().map(|text| format!("b{text:?}")).collect();
        texts.join(",")
    };
    let both = format!("[{}],[{}]", list(arguments), list(variables));
    let mut command = Command::new("/usr/bin/python3");
    match command.args(["-I", "-c", STARTER]).arg(path).arg(both).output() {
        Ok(output) => Some(output),
        Err(error) => {
            eprintln!("SKIPPED: without Python nothing can start a program so: {error}");
            None
        }
    }
}

#[test]
fn the_order_stays_and_repeated_and_odd_variables_pass() {
    let Some(machine) = here() else { return };
    let request = Launcher {
        machine,
        set: map(&[("SET", "1"), ("A", "2")]),
        unset: names(&["GONE"]),
        prefix_path: vec!["/p".to_owned()],
        ..shell()
    };
    let (_directory, path) = executable(&request);
    let variables = [
        "Z=1",
        "SET=old",
        "B=1",
        "PATH=",
        "Z=2",
        "GONE=1",
        "odd",
        "GONE",
        "",
        "PATH=/a",
        "=x",
        "PATH=/b",
        "SET=older",
        "PAT",
        "C=",
    ];
    let Some(output) = start(&path, &["name", "x"], &variables) else { return };
    let got = read(&output);
    // The kernel hands the empty one on, and the reader of the list sees it.
    let expected = ["Z=1", "B=1", "Z=2", "odd", "GONE", "", "PATH=/p:/a", "=x", "PAT", "C=", "A=2", "SET=1"];
    assert_eq!(got.variables, expected);
    assert_eq!(got.arguments[3..], ["two words", "x"]);
    // Of a variable that is changed, and not just set, the first counts too, empty or not.
    let request = Launcher {
        prefixes: lists(&[("B", " ", &["0"]), ("Z", ",", &["0"])]),
        defaults: map(&[("C", "c"), ("PATH", "/d"), ("NEW", "n")]),
        ..shell()
    };
    let (_directory, path) = executable(&Launcher { machine, ..request });
    let Some(output) = start(&path, &["name"], &variables) else { return };
    let expected = [
        "Z=0,1",
        "SET=old",
        "B=0 1",
        "PATH=",
        "GONE=1",
        "odd",
        "GONE",
        "",
        "=x",
        "SET=older",
        "PAT",
        "C=",
        "NEW=n",
    ];
    assert_eq!(read(&output).variables, expected);
}

#[test]
fn a_caller_that_gives_no_arguments_at_all_is_survived() {
    let Some(machine) = here() else { return };
    let (_directory, path) = executable(&Launcher { machine, ..shell() });
    let Some(output) = start(&path, &[], &["A=1"]) else { return };
    assert_eq!(read(&output).variables, ["A=1"]);
    let (_directory, path) = executable(&Launcher { machine, name: ProgramName::Caller, ..shell() });
    let Some(output) = start(&path, &[], &[]) else { return };
    assert!(["", "/bin/sh"].contains(&read(&output).arguments[0].as_str()));
    let missing = Launcher { machine, program: "/missing".to_owned(), ..Launcher::default() };
    let (_directory, path) = executable(&missing);
    let Some(output) = start(&path, &[], &[]) else { return };
    // A newer kernel gives it an empty name, an older one none.
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        [": cannot start /missing\n", "launcher: cannot start /missing\n"].contains(&said.as_str()),
        "{said:?}"
    );
    assert_eq!(output.status.code(), Some(127));
}

fn a_program_that_cannot_be_started_is_named(on: &[On]) {
    let directory = tempfile::tempdir().unwrap();
    let forbidden = directory.path().join("not executable");
    fs::write(&forbidden, "").unwrap();
    fs::set_permissions(&forbidden, Permissions::from_mode(0o644)).unwrap();
    let forbidden = forbidden.to_str().unwrap();
    let long = format!("/missing{}", "/x".repeat(2_000));
    for (machine, emulator) in on.iter().copied() {
        for (program, code) in [("/missing/\u{e4}", 127), (forbidden, 126), ("/", 126), (&long, 127)] {
            let request = Launcher { machine, program: program.to_owned(), ..shell() };
            let (_directory, path) = executable(&request);
            let output = output(command(&path, emulator).arg("x"));
            assert_eq!(output.status.code(), Some(code), "{machine:?} {program}");
            let expected = format!("{}: cannot start {program}\n", path.display());
            assert_eq!(String::from_utf8(output.stderr).unwrap(), expected, "{machine:?}");
            assert_eq!(output.stdout, b"");
        }
    }
}

#[test]
fn a_launcher_may_start_a_launcher() {
    let Some(machine) = here() else { return };
    let inner = Launcher { machine, set: map(&[("INNER", "1")]), ..shell() };
    let (_directory, path) = executable(&inner);
    let outer = Launcher {
        machine,
        program: path.to_str().unwrap().to_owned(),
        arguments: vec!["from outer".to_owned()],
        set: map(&[("OUTER", "1"), ("INNER", "0")]),
        ..Launcher::default()
    };
    let got = run(&outer, None, &["from caller"], &[]);
    assert_eq!(got.variables, ["OUTER=1", "INNER=1"]);
    assert_eq!(got.arguments[4..], ["from outer", "from caller"]);
}

#[test]
fn what_cannot_be_handed_on_is_refused() {
    #[track_caller]
    fn check(request: Launcher, expected: LauncherError) {
        assert_eq!(launcher(&request), Err(expected));
    }
    let long = format!("/{}", "a".repeat(4095));
    for program in ["", "sh", "./sh", "/bin/s\0h", &long] {
        let program = program.to_owned();
        check(Launcher { program: program.clone(), ..shell() }, LauncherError::Program { program });
    }
    let argument = "a\0".to_owned();
    check(Launcher { arguments: vec![argument.clone()], ..shell() }, LauncherError::Argument { argument });
    for name in ["", "A=B", "A\0"] {
        let error = LauncherError::Name { name: name.to_owned() };
        check(Launcher { set: map(&[(name, "1")]), ..shell() }, error.clone());
        check(Launcher { unset: names(&[name]), ..shell() }, error);
    }
    let value = LauncherError::Value { name: "A".to_owned(), value: "\0".to_owned() };
    check(Launcher { set: map(&[("A", "\0")]), ..shell() }, value.clone());
    check(Launcher { defaults: map(&[("A", "\0")]), ..shell() }, value.clone());
    check(Launcher { prefixes: lists(&[("A", "\0", &["x"])]), ..shell() }, value.clone());
    check(Launcher { suffixes: lists(&[("A", "x", &["\0"])]), ..shell() }, value);
    for name in ["", "A=B"] {
        let error = LauncherError::Name { name: name.to_owned() };
        check(Launcher { defaults: map(&[(name, "1")]), ..shell() }, error.clone());
        check(Launcher { suffixes: lists(&[(name, ":", &["1"])]), ..shell() }, error);
    }
    for directory in ["", "app", "/a\0", &long] {
        let directory = directory.to_owned();
        let error = LauncherError::Directory { directory: directory.clone() };
        check(Launcher { directory: Some(directory), ..shell() }, error);
    }
    let argument = "a\0".to_owned();
    let error = LauncherError::Argument { argument: argument.clone() };
    check(Launcher { last_arguments: vec![argument.clone()], ..shell() }, error.clone());
    check(Launcher { name: ProgramName::Name(argument), ..shell() }, error);
    for folder in ["", "bin", "/a:/b", "/a\0"] {
        let folder = folder.to_owned();
        check(Launcher { prefix_path: vec![folder.clone()], ..shell() }, LauncherError::Folder { folder });
    }
    let text = "x".repeat(131_072);
    let error = LauncherError::Long { length: 131_072, limit: 131_071 };
    check(Launcher { arguments: vec![text.clone()], ..shell() }, error);
    check(
        Launcher { set: map(&[("A", &text)]), ..shell() },
        LauncherError::Long { length: 131_074, limit: 131_071 },
    );
    let error = launcher(&Launcher { arguments: vec![text[1..].to_owned(); 4], ..shell() }).unwrap_err();
    assert!(matches!(error, LauncherError::TooLong { limit: 524_288, .. }), "{error:?}");
    let empty = launcher(&Launcher { arguments: vec![String::new(); 1 << 20], ..shell() }).unwrap_err();
    assert!(matches!(empty, LauncherError::TooLong { .. }), "{empty:?}");
}

fn the_longest_that_is_allowed_works(on: &[On]) {
    let text = "x".repeat(131_071);
    let request = Launcher { arguments: [shell().arguments, vec![text.clone(); 3]].concat(), ..shell() };
    for (machine, emulator) in on.iter().copied() {
        let got = run(&Launcher { machine, ..request.clone() }, emulator, &[], &[]);
        assert_eq!(got.arguments[4..], [&*text, &*text, &*text], "{machine:?}");
    }
}

fn sample(machine: Machine) -> Launcher {
    Launcher {
        machine,
        program: "/app/.venv/bin/.tool-wrapped".to_owned(),
        arguments: vec!["--config".to_owned(), "/etc/tool".to_owned()],
        set: map(&[("FONTCONFIG_FILE", "/etc/fonts/fonts.conf"), ("LANG", "C.UTF-8")]),
        unset: names(&["PYTHONPATH"]),
        prefix_path: vec!["/opt/tool/bin".to_owned()],
        ..Launcher::default()
    }
}

/// A launcher with all that few have.
fn full(machine: Machine) -> Launcher {
    Launcher {
        name: ProgramName::Name("tool".to_owned()),
        last_arguments: vec!["--last".to_owned()],
        defaults: map(&[("LC_ALL", "C.UTF-8")]),
        prefixes: lists(&[("LD_LIBRARY_PATH", ":", &["/opt/tool/lib"])]),
        suffixes: lists(&[("OPTIONS", " ", &["-a", "-b"])]),
        directory: Some("/app".to_owned()),
        ..sample(machine)
    }
}

#[test]
fn the_bytes_are_pinned() {
    let small =
        |machine: Machine| Launcher { machine, program: "/bin/true".to_owned(), ..Launcher::default() };
    for (request, length, digest) in [
        (sample(Machine::X86_64), 952, "b38e5382f6a325cbe9c5e7af753401697aafbff797d41e55cfbbe5a9fb88bb72"),
        (sample(Machine::Aarch64), 936, "fd64af6069dc05b6487358a036b856ac716f880e3a8e9042bf26f9b00870f571"),
        (full(Machine::X86_64), 1792, "af477ece90ea32b14fdafd149692b22b26831cd5c2fa71d54e080b493a96ce7d"),
        (full(Machine::Aarch64), 1736, "0bd199db287c026f5254e1c9ac2a790d2e5a53bb6e060f6eb81b7e366229fa18"),
        (small(Machine::X86_64), 573, "f78753773a93d1de42fea227c22b257aae7accd97e4c8e19e0c4f6672784f41e"),
        (small(Machine::Aarch64), 573, "f8b1ad3edc5251da03f14d026b70a03796a5736ceba34ebdd6d3fcdf1d963b7f"),
    ] {
        let bytes = launcher(&request).unwrap();
        assert_eq!(launcher(&request).unwrap(), bytes);
        // If this is intended, raise the format version and add to "Output digests" in the changelog.
        assert_eq!(
            (LAUNCHER_VERSION, bytes.len(), Digest::of(&bytes).hex().as_str()),
            (1, length, digest),
            "{:?}: raise LAUNCHER_VERSION and pin the new digest",
            request.machine
        );
    }
}

#[test]
fn binutils_reads_the_headers() {
    for (machine, name) in [(Machine::X86_64, "X86-64"), (Machine::Aarch64, "AArch64")] {
        let (_directory, path) = executable(&sample(machine));
        let Ok(output) =
            Command::new("readelf").args(["-W", "-h", "-l"]).arg(&path).env("LC_ALL", "C").output()
        else {
            eprintln!("SKIPPED: readelf is not installed");
            return;
        };
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let text = String::from_utf8(output.stdout).unwrap();
        let words: Vec<String> =
            text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let length = fs::metadata(&path).unwrap().len();
        let alignment = if machine == Machine::X86_64 { "0x1000" } else { "0x10000" };
        let load = format!(
            "LOAD 0x000000 0x0000000000400000 0x0000000000400000 0x{length:06x} 0x{length:06x} R E {alignment}"
        );
        for expected in [
            "Class: ELF64",
            "Type: EXEC (Executable file)",
            "Entry point address: 0x4000b0",
            "Number of program headers: 2",
            "Number of section headers: 0",
            "GNU_STACK 0x000000 0x0000000000000000 0x0000000000000000 0x000000 0x000000 RW 0x10",
            &load,
        ] {
            let expected = expected.to_owned();
            assert!(words.contains(&expected), "{expected}\n{text}");
        }
        assert!(words.iter().any(|line| line.starts_with("Machine:") && line.contains(name)), "{text}");
    }
}
