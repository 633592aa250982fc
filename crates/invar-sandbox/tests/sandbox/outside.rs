//! What is out of reach from inside.
use std::fs;
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{SocketAddr, UnixListener};

use invar_sandbox::{Network, Status};

use crate::setup::Setup;

#[test]
fn the_network_of_the_host() {
    let mut setup = Setup::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let name = format!("invar-sandbox-test-{}", std::process::id());
    let abstract_name = SocketAddr::from_abstract_name(&name).unwrap();
    let _socket = UnixListener::bind_addr(&abstract_name).unwrap();
    let script = format!("probe try connect {address}; probe try abstract {name}");
    assert_eq!(setup.sh(&script), "ECONNREFUSED\nECONNREFUSED\n");
    // The loopback interface is up, or the first would be "network unreachable"; and with the host's network:
    setup.sandbox.network = Network::Host;
    assert_eq!(setup.sh(&script), "done\ndone\n");
}

#[test]
fn the_processes_of_the_host() {
    let mut setup = Setup::new();
    let own = std::process::id();
    let output =
        setup.sh(&format!("probe try kill {own} 0; probe try kill 1 9; ls -d /proc/{own} 2>&1; echo $$"));
    let lines: Vec<&str> = output.lines().collect();
    assert_eq!(lines[0], if own < 10 { lines[0] } else { "ESRCH" });
    assert_eq!(lines[3], "2", "the command is the second process, and lived on: {output}");
    let (output, finished) =
        setup.run(&["sh", "-c", "cat /proc/1/environ; ls -l /proc/1/exe /proc/1/root/"]).unwrap();
    assert_ne!(finished.status, Status::Exited(0));
    assert!(!output.contains("->"), "{output}");
}

#[test]
fn the_files_of_the_host() {
    let mut setup = Setup::new();
    let secret = setup.folder.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let output = setup.sh(&format!("cat {} 2>&1; cat /../../..{0} 2>&1; ls -a /", secret.display()));
    assert!(!output.contains("secret\n") && output.contains("No such file"), "{output}");
    assert!(output.ends_with(".\n..\napp\nbin\ndev\netc\nlib\nlib64\nproc\nsys\ntmp\n"), "{output}");
}

#[test]
fn the_trees_for_writing() {
    let mut setup = Setup::new();
    setup.sh("echo changed > /etc/fixed; rm /bin/dd; chmod 700 /etc; touch /new");
    assert_eq!(fs::read_to_string(setup.tree("etc/fixed")).unwrap(), "from the tree\n");
    assert!(setup.tree("bin/dd").exists() && !setup.tree("new").exists());
    assert_eq!(fs::metadata(setup.tree("etc")).unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn the_settings_of_the_host() {
    let script = "for file in sys/kernel/core_pattern sys/kernel/hostname sysrq-trigger; do \
                  if (echo x > /proc/$file) 2> /dev/null; then echo wrote $file; fi; done; \
                  cat /proc/kcore /proc/keys /proc/kmsg 2> /dev/null; true";
    assert_eq!(Setup::new().sh(script), "");
}

#[test]
fn calls_that_no_build_needs() {
    let mut setup = Setup::new();
    let tries = [
        ("mount", "EPERM"),
        ("umount", "EPERM"),
        ("unshare", "EPERM"),
        ("unshare-mounts", "EPERM"),
        ("clone", "EPERM"),
        ("clone3", "ENOSYS"),
        ("keyctl", "EPERM"),
        ("bpf", "EPERM"),
        ("io_uring", "ENOSYS"),
        ("tiocsti", "EPERM"),
        ("setuid 5", "EINVAL"),
        ("groups", "done"),
    ];
    let script: Vec<String> = tries.iter().map(|(what, _)| format!("probe try {what}")).collect();
    let output = setup.sh(&script.join("; "));
    let expected: Vec<&str> = tries.iter().map(|(_, expected)| *expected).collect();
    assert_eq!(output.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn programs_with_set_user_id_gain_nothing() {
    let mut setup = Setup::new();
    fs::copy(setup.tree("bin/cat"), setup.tree("bin/as-root")).unwrap();
    fs::set_permissions(setup.tree("bin/as-root"), fs::Permissions::from_mode(0o6755)).unwrap();
    (setup.sandbox.user, setup.sandbox.group) = (1000, 1000);
    let output = setup.sh("as-root /proc/self/status");
    assert!(output.contains("Uid:\t1000\t1000\t1000\t1000\n"), "{output}");
    assert!(output.contains("CapEff:\t0000000000000000\n"), "{output}");
}

#[test]
fn a_link_of_a_tree_does_not_lead_a_mount_point_outside() {
    let mut setup = Setup::new();
    let target = setup.folder.path().join("outside");
    fs::create_dir(&target).unwrap();
    std::os::unix::fs::symlink(&target, setup.tree("way-out")).unwrap();
    fs::create_dir(setup.folder.path().join("source")).unwrap();
    setup.sandbox.binds.push(invar_sandbox::Bind {
        source: setup.folder.path().join("source"),
        target: "/way-out/made".to_owned(),
        writable: true,
    });
    // Inside, the link leads to nothing, and a mount point is not made through such a link.
    let error = setup.run(&["sh", "-c", ":"]).unwrap_err();
    assert!(error.to_string().contains("/way-out/made"), "{error}");
    assert!(!target.join("made").exists());
}
