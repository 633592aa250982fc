//! How many CPUs a command sees, whatever this machine has.
use invar_sandbox::Ownership;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::setup::Setup;

/// How many CPUs the C library, the standard library of Rust and `/sys` tell of, and the kernel by itself.
const ASK: &str =
    "nproc; nproc --all; probe try cpus; cat /sys/devices/system/cpu/online; probe try affinity";

/// Does something as on a machine with one CPU.
fn with_one_cpu<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    // What a thread may use, the processes that it starts may use.
    let thread = || {
        let allowed = sched_getaffinity(None).unwrap();
        let mut one = CpuSet::new();
        one.set((0..CpuSet::MAX_CPU).find(|cpu| allowed.is_set(*cpu)).unwrap());
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
    let there_are = sched_getaffinity(None).unwrap().count();
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
