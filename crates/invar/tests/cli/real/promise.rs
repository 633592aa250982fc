//! The promise, under an emulated CPU, and over the real archives.
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::archives::with_shared_store;
use crate::promise::{expect_pinned, forget, locked, through};
use crate::support::world::digest;
use crate::support::{Ran, copy_project, find, have, is_root, repository};

#[test]
fn an_emulated_old_cpu_gives_the_same_bytes() {
    let test = "an_emulated_old_cpu_gives_the_same_bytes";
    if !have(test, &["qemu-x86_64-static"]) {
        return;
    }
    let world = locked();
    // The first has neither AVX nor PCLMULQDQ, so the compressor takes its plain paths; the second has all that the
    // emulator knows.
    for cpu in ["qemu64,-avx,-pclmulqdq,-sse4.2", "max"] {
        forget(world.context.store());
        let qemu = find("qemu-x86_64-static").expect("checked before");
        expect_pinned(&mut through(&world, &[&qemu.to_string_lossy(), "-cpu", cpu]));
    }
}

#[test]
fn fortune_cat_is_the_same_under_everything_at_once() {
    let test = "fortune_cat_is_the_same_under_everything_at_once";
    if !have(test, &["faketime", "taskset", "unshare", "setpriv", "chown"]) || !is_root(test) {
        return;
    }
    let context = with_shared_store();
    let project = repository().join("examples/fortune-cat");
    let build = |command: &mut Command| digest(&Ran::of(command.args(["--locked", "--json"])).success());
    let plain = build(context.invar().arg("build").arg(&project));

    let open = tempfile::Builder::new().prefix("invar").tempdir().expect("temporary folders can be made");
    fs::set_permissions(open.path(), fs::Permissions::from_mode(0o755)).expect("a mode can be set");
    let elsewhere = open.path().join("another/path");
    copy_project(&project, &elsewhere);
    fs::copy(env!("CARGO_BIN_EXE_invar"), open.path().join("invar")).expect("the program can be copied");
    copy_project(&context.store().join("blobs"), &open.path().join("store/blobs"));
    fs::copy(context.store().join("format"), open.path().join("store/format"))
        .expect("the store can be copied");
    Ran::of(Command::new("chown").args(["-R", "65534:65533"]).arg(open.path())).success();
    let script = "umask 077; echo elsewhere > /proc/sys/kernel/hostname; exec taskset -c 0 setpriv --reuid=65534 \
        --regid=65533 --clear-groups faketime -f '+3y' \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--uts", "/bin/sh", "-c", script, "sh"]).arg(open.path().join("invar")).env_clear();
    command.env("PATH", "/usr/bin:/bin:/usr/sbin").env("INVAR_STORE", open.path().join("store"));
    command
        .env("TZ", "America/St_Johns")
        .env("LC_ALL", "C")
        .env("HOME", open.path())
        .current_dir(open.path());
    assert_eq!(build(command.args(["build", "--offline"]).arg(elsewhere)), plain);
}
