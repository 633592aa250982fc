//! The program that the tests run as the sandbox's own process, as a caller that can be killed or be another user,
//! and, inside, as one that tries what is forbidden.
//!
//! ```text
//! sandbox-probe run KEY=VALUE.. -- COMMAND..    runs a command; the last line of its output tells the status
//! sandbox-probe available                       says whether sandboxes can be made
//! sandbox-probe where                         says as whom and where it runs
//! sandbox-probe choose CPU..                    chooses CPUs; says which it and those that it starts may use
//! sandbox-probe try WHAT [ARGUMENT]             tries something; prints `done` or the error's name
//! ```
#![expect(clippy::print_stdout, reason = "a test program")]
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use invar_sandbox::{Bind, Limits, Network, Ownership, Sandbox, StandardStreams, SyscallFakes};

mod attempt;

fn main() -> ExitCode {
    invar_sandbox::enter_if_asked();
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words.is_empty() {
        // Started again elsewhere: there are no words, and the name shows what to do.
        words.push(match std::env::args().next().as_deref() {
            Some("available") => "available".to_owned(),
            _ => "where".to_owned(),
        });
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["run", ref rest @ ..] => run(rest),
        ["available"] => match invar_sandbox::available(Path::new("/proc/self/exe")) {
            Ok(()) => println!("available"),
            Err(error) => println!("{error}"),
        },
        ["where"] => println!("{}", attempt::place()),
        ["choose", ref cpus @ ..] => println!("{}", attempt::choose(cpus)),
        ["try", what, ref rest @ ..] => println!("{}", attempt::attempt(what, rest)),
        _ => return ExitCode::from(2),
    }
    ExitCode::SUCCESS
}

fn run(words: &[&str]) {
    let mut words = words.iter();
    let mut sandbox = Sandbox {
        program: "/proc/self/exe".into(),
        root: Vec::new(),
        scratch: "".into(),
        command: Vec::new(),
        environment: BTreeMap::from([("PATH".into(), "/bin".into())]),
        directory: "/".to_owned(),
        binds: Vec::new(),
        network: Network::None,
        user: 0,
        group: 0,
        host_name: "probe".to_owned(),
        limits: Limits {
            time: None,
            memory: None,
            processes: None,
            file_size: None,
            disk: None,
            temporary: 1 << 20,
        },
        ownership: Ownership::Mapped,
        cpus: Some(1),
        standard: StandardStreams::Lines,
        fakes: SyscallFakes::NONE,
    };
    for word in words.by_ref().take_while(|word| **word != "--") {
        let (key, value) = word.split_once('=').expect("KEY=VALUE");
        let number = || value.parse::<u64>().expect("a number");
        match key {
            "root" => sandbox.root.push(value.into()),
            "scratch" => sandbox.scratch = value.into(),
            "directory" => sandbox.directory = value.to_owned(),
            "user" => sandbox.user = number() as u32,
            "group" => sandbox.group = number() as u32,
            "cpus" => sandbox.cpus = Some(number() as u32),
            "time" => sandbox.limits.time = Some(Duration::from_millis(number())),
            "processes" => sandbox.limits.processes = Some(number()),
            "memory" => sandbox.limits.memory = Some(number()),
            "inherit" => sandbox.standard = StandardStreams::Inherit,
            "clock" => sandbox.fakes.clock = number() as i64,
            "backwards" => sandbox.fakes.backwards = true,
            "recorded" => sandbox.ownership = Ownership::Recorded,
            "host-network" => sandbox.network = Network::Host,
            "copy" => invar_sandbox::force_copy(&sandbox.scratch).expect("the folder can be made"),
            "read" | "write" => {
                let (source, target) = value.split_once(':').expect("SOURCE:TARGET");
                let writable = key == "write";
                sandbox.binds.push(Bind { source: source.into(), target: target.to_owned(), writable });
            }
            _ => panic!("no such key: {key}"),
        }
    }
    sandbox.command = words.map(Into::into).collect();
    let mut standard = std::io::stdout();
    let finished = invar_sandbox::run(&sandbox, &mut |chunk| {
        standard.write_all(chunk).expect("the test reads it");
    });
    match finished {
        Ok(finished) => println!("{:?}", finished.status),
        Err(error) => {
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            println!("{error}: {source}");
        }
    }
}
