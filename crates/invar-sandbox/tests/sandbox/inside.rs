//! What a command sees: what was asked for, and nothing of the host.
use std::ffi::OsString;
use std::fs;

use invar_sandbox::{Network, StandardStreams};

use crate::setup::Setup;

#[test]
fn name_user_mask_and_environment_are_what_was_asked_for() {
    let mut setup = Setup::new();
    setup.sandbox.environment.insert("TZ".into(), "Antarctica/Troll".into());
    let output = setup.sh("hostname; id; umask; pwd; env; nproc; cat /sys/devices/system/cpu/online");
    let expected = "fixed-name\nuid=0 gid=0 groups=0\n0022\n/app\n";
    assert!(output.starts_with(expected), "{output}");
    assert!(output.ends_with("\n1\n0\n"), "{output}");
    let mut environment: Vec<&str> = output[expected.len()..output.len() - 5].lines().collect();
    environment.sort_unstable();
    // The shell itself adds the last ones.
    environment
        .retain(|line| !line.starts_with("PWD=") && !line.starts_with("SHLVL=") && !line.starts_with("_="));
    assert_eq!(environment, ["PATH=/bin", "TZ=Antarctica/Troll"]);
}

#[test]
fn another_user_has_no_capabilities() {
    let mut setup = Setup::new();
    (setup.sandbox.user, setup.sandbox.group) = (1000, 1001);
    let output = setup.sh("id; cat /proc/self/status");
    assert!(output.starts_with("uid=1000 gid=1001 groups=1001\n"), "{output}");
    for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
        assert!(output.contains(&format!("{name}:\t0000000000000000\n")), "{name} in {output}");
    }
}

#[test]
fn root_inside_keeps_only_what_packages_need() {
    let output = Setup::new().sh("cat /proc/self/status");
    for line in [
        "CapEff:\t00000000080405fb",
        "CapBnd:\t00000000080405fb",
        "NoNewPrivs:\t1",
        "SigIgn:\t0000000000000000",
    ] {
        assert!(output.contains(line), "{line} in {output}");
    }
}

#[test]
fn every_byte_of_arguments_and_environment_arrives() {
    use std::os::unix::ffi::OsStringExt;
    let mut setup = Setup::new();
    setup.sandbox.environment.insert("ODD".into(), OsString::from_vec(vec![b'a', 0xff, b'\n', b'z']));
    setup.sandbox.command =
        ["sh", "-c", "printf '%s' \"$1$ODD\"", "sh"].map(OsString::from).into_iter().collect();
    setup.sandbox.command.push(OsString::from_vec(vec![0x80, b' ', b'"']));
    let mut output = Vec::new();
    invar_sandbox::run(&setup.sandbox, &mut |chunk| output.extend_from_slice(chunk)).unwrap();
    assert_eq!(output, [0x80, b' ', b'"', b'a', 0xff, b'\n', b'z']);
}

#[test]
fn no_descriptor_of_the_caller_is_open() {
    let mut setup = Setup::new();
    let held = fs::File::open("/").unwrap();
    rustix::io::fcntl_setfd(&held, rustix::io::FdFlags::empty()).unwrap();
    // Number 3 is the listing itself.
    assert_eq!(setup.sh("ls /proc/self/fd"), "0\n1\n2\n3\n");
    assert_eq!(setup.sh("cat; echo end"), "end\n", "standard input is empty");
}

#[test]
fn output_and_errors_are_merged_in_order() {
    assert_eq!(Setup::new().sh("echo 1; echo 2 >&2; echo 3"), "1\n2\n3\n");
}

#[test]
fn inherited_streams_are_the_callers() {
    let setup = Setup::new();
    let caller = std::process::Command::new(crate::setup::PROBE)
        .args(["run", "inherit=1"])
        .arg(format!("root={}", setup.sandbox.root[0].display()))
        .arg(format!("scratch={}", setup.sandbox.scratch.display()))
        .args(["--", "sh", "-c", "read word; echo got $word; echo error >&2"])
        .stdin(fs::File::open(setup.tree("etc/fixed")).unwrap())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&caller.stdout), "got from the tree\nExited(0)\n");
    assert_eq!(String::from_utf8_lossy(&caller.stderr), "error\n");
    assert_eq!(setup.sandbox.standard, StandardStreams::Lines);
}

#[test]
fn the_few_devices_work() {
    let mut setup = Setup::new();
    let script = "echo x > /dev/null; dd if=/dev/zero of=/dev/shm/z bs=10 count=1 2> /dev/null; stat -c %s /dev/shm/z; \
                  ls /dev; ls /sys; ls /tmp; echo through > /dev/stdout";
    let devices = "fd\nfull\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n";
    assert_eq!(setup.sh(script), format!("10\n{devices}devices\nthrough\n"));
}

#[test]
fn a_program_finds_its_own_address_without_a_network() {
    for mut setup in [Setup::new(), Setup::with_copy()] {
        assert_eq!(setup.sh("hostname -i"), "127.0.1.1\n");
        let names =
            "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n127.0.1.1\tfixed-name\n";
        assert_eq!(setup.sh("cat /etc/hosts"), names);
        assert!(!setup.changed("etc/hosts").exists(), "the mount point is no change");
    }
}

#[test]
fn the_hosts_network_comes_with_its_names() {
    let mut setup = Setup::new();
    setup.sandbox.network = Network::Host;
    let hosts = fs::read_to_string("/etc/hosts").unwrap_or_default();
    let seen = setup.sh("cat /etc/hosts");
    assert!(seen.starts_with(&hosts), "{seen}");
    assert!(seen.ends_with("127.0.1.1\tfixed-name\n"), "{seen}");
    let refused = setup.sh("echo x 2> /dev/null >> /etc/hosts || echo refused");
    assert!(refused.contains("refused"), "{refused}");
    assert!(!setup.changed("etc/hosts").exists(), "the mount point is no change");
}
