//! How many CPUs a command sees, whatever this machine has.
use invar_sandbox::Ownership;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::setup::Setup;

/// How many CPUs the C library, the standard library of Rust and `/sys` tell of, and the kernel on its own.
const ASK: &str =
    "nproc; nproc --all; probe try cpus; cat /sys/devices/system/cpu/online; probe try affinity";

/// The CPUs that this process may use.
fn allowed() -> Vec<usize> {
    let allowed = sched_getaffinity(None).unwrap();
    (0..CpuSet::MAX_CPU).filter(|cpu| allowed.is_set(*cpu)).collect()
}

/// Does something as on a machine with one CPU.
fn with_one_cpu<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    with_cpu(allowed()[0], work)
}

/// Does something where no other CPU may be used.
fn with_cpu<T: Send>(cpu: usize, work: impl FnOnce() -> T + Send) -> T {
    // What a thread may use, the processes that it starts may use.
    let thread = || {
        let mut one = CpuSet::new();
        one.set(cpu);
        sched_setaffinity(None, &one).unwrap();
        work()
    };
    std::thread::scope(|scope| scope.spawn(thread).join().unwrap())
}

fn seeing(cpus: u32) -> Setup {
    let mut setup = Setup::new();
    setup.sandbox.cpus = Some(cpus);
    setup
}

#[test]
fn as_many_as_asked_for_are_seen_where_there_are_fewer() {
    for (cpus, expected) in [(1, "1\n1\n1\n0\n0\n"), (2, "2\n2\n2\n0-1\n0 1\n"), (3, "3\n3\n3\n0-2\n0 1 2\n")]
    {
        assert_eq!(with_one_cpu(|| seeing(cpus).sh(ASK)), expected);
    }
    // More than one word of the kernel's sets, and more than any machine that runs this is likely to have.
    let many = seeing(1000).sh("nproc; cat /sys/devices/system/cpu/online");
    assert_eq!(many, "1000\n0-999\n");
}

#[test]
fn the_number_is_the_same_as_with_enough_of_them() {
    let ask = "nproc; probe try cpus; cat /sys/devices/system/cpu/online";
    let there_are = u32::try_from(allowed().len()).unwrap();
    for cpus in [1, there_are] {
        assert_eq!(with_one_cpu(|| seeing(cpus).sh(ask)), seeing(cpus).sh(ask));
    }
}

#[test]
fn what_is_chosen_is_seen_by_those_it_holds_for() {
    let script = "probe try affinity; probe choose 1; probe choose 0 2; probe choose 7; probe choose 1 7; \
                  probe try affinity-in-thread";
    let expected = "0 1 2\n1, in a thread 1, in a child 1\n0 2, in a thread 0 2, in a child 0 2\nEINVAL\n\
                    1, in a thread 1, in a child 1\n0 1 2\n";
    assert_eq!(with_one_cpu(|| seeing(3).sh(script)), expected);
}

#[test]
fn questions_that_make_no_sense_are_refused_as_by_the_kernel() {
    let mistakes = "for way in short odd nowhere nobody; do probe try affinity-$way; done";
    let expected = "EINVAL\nEINVAL\nEFAULT\nESRCH\n";
    assert_eq!(with_one_cpu(|| seeing(2).sh(mistakes)), expected);
    assert_eq!(seeing(1).sh(mistakes), expected, "it is what the kernel says");
}

#[test]
fn owners_are_recorded_all_the_same() {
    let mut setup = seeing(2);
    setup.sandbox.ownership = Ownership::Recorded;
    let command = ["sh", "-c", "touch /app/file; chown 7:8 /app/file; nproc"];
    let (output, finished) = with_one_cpu(|| setup.run(&command)).unwrap();
    assert_eq!(output, "2\n");
    assert_eq!(finished.owners.iter().map(|(_, owner)| owner).collect::<Vec<_>>(), [(7, 8)]);
}

#[test]
fn they_are_numbered_from_zero_whichever_they_are() {
    for cpu in allowed() {
        assert_eq!(with_cpu(cpu, || seeing(1).sh(ASK)), "1\n1\n1\n0\n0\n", "on CPU {cpu}");
    }
}

#[test]
fn files_tell_the_same_on_every_host() {
    let all = "cat /proc/cpuinfo /proc/stat";
    // How many CPUs each of the two files reports.
    let counted = |text: &str| {
        let information = text.lines().filter(|line| line.starts_with("processor\t")).count();
        let each = |line: &&str| line.strip_prefix("cpu").is_some_and(|rest| !rest.starts_with(' '));
        let statistics = text.lines().filter(each).filter(|line| line.contains(" 0 0")).count();
        (information, statistics)
    };
    let seen = seeing(2).sh(all);
    assert_eq!(counted(&seen), (2, 2), "{seen}");
    assert_eq!(counted(&seeing(3).sh(all)), (3, 3));
    assert_eq!(with_one_cpu(|| seeing(2).sh(all)), seen);
    assert_eq!(seeing(1).sh("echo x 2>/dev/null > /proc/cpuinfo || echo refused"), "refused\n");
    // Of the host's they have no name, no frequency and no start; a command that does not build sees the kernel's own.
    let host =
        std::fs::read_to_string("/proc/cpuinfo").unwrap() + &std::fs::read_to_string("/proc/stat").unwrap();
    let mut setup = Setup::new();
    setup.sandbox.cpus = None;
    let own = setup.sh(all);
    for name in ["model name", "btime"] {
        let line = host.lines().find(|line| line.starts_with(name));
        // Not every processor has a name there.
        let Some(line) = line else { continue };
        assert!(own.lines().any(|other| other == line), "{line}");
        assert!(!seen.lines().any(|other| other == line), "{line}");
    }
}
