//! What all handlers make of one small image, held fast together with their version.
use std::collections::BTreeSet;
use std::fmt::Write as _;

use invar_debian::Control;
use invar_tree::{Digest, ImagePath, Mode, Origin, Owner, Sink as _};

use crate::handler::HANDLERS;
use crate::testing::{Image, settings};
use crate::{Configuration, HANDLERS_VERSION, configure};

/// An image in which every handler has something to do.
fn image() -> Image {
    let skeleton = "install_from_default profile       /etc/profile\n\
                    install_directory var/mail 2775 mail\n\
                    migrate_directory /var/run /run\n\
                    ensure_file_owner_mode /var/log/wtmp root:utmp 664\n";
    let local = "#!/bin/sh\n# Automatically added by dh_usrlocal/14.5\n(\n\twhile read line; do :; done\n) << DATA\n\
                 /usr/local/lib/tool 02775 root staff\nDATA\n# End automatically added section\n";
    let unix = "Name: Unix authentication\nDefault: yes\nPriority: 256\nAuth-Type: Primary\nAuth:\n\
                \t[success=end default=ignore]\tpam_unix.so nullok try_first_pass\nAuth-Initial:\n\
                \t[success=end default=ignore]\tpam_unix.so nullok\n";
    let auth = "$auth_primary\nauth\trequisite\tpam_deny.so\n$auth_additional\n";
    let pager = "update-alternatives --install /usr/bin/pager pager /usr/bin/less 77\n";
    let mut image = Image::new()
        .package("base-files", skeleton)
        .package("base-passwd", "")
        .package("passwd", "")
        .package("cron", "dpkg-statoverride --update --add root crontab 2755 /usr/bin/crontab")
        .package("cron-daemon-common", "addgroup --system crontab")
        .package("redis-tools", "adduser --home /var/lib/redis redis")
        .package("libc-bin", "")
        .package("ghostscript", "")
        .package("netbase", "cat > /etc/hosts <<E\n::1 localhost\nE\n")
        .package("tzdata", "echo \"$TIMEZONE\" > \"$DPKG_ROOT/etc/timezone\"\n")
        .package("debianutils", "")
        .package("tool", local)
        .package("python3.13-minimal", "\tlocalsite=/usr/local/lib/python3.13/dist-packages\n")
        .package("libpam-runtime", "pam-auth-update")
        .package("less", pager)
        .package("parallel", "dpkg-divert --divert /usr/bin/parallel.other /usr/bin/parallel\n")
        .directory("usr/bin")
        .directory("usr/local/lib")
        .directory("run")
        .directory("var/run/daemon")
        .file("usr/share/base-files/profile", "PATH=/bin\n")
        .file("usr/share/base-passwd/passwd.master", "root:*:0:0:root:/root:/bin/bash\n")
        .file("usr/share/base-passwd/group.master", "root:*:0:\nshadow:*:42:\nusers:*:100:\n")
        .file("usr/lib/sysusers.d/bus.conf", "u bus - \"Bus\"\n")
        .file("usr/bin/crontab", "")
        .file("usr/bin/less", "")
        .file("usr/bin/parallel.other", "")
        .file("usr/share/libc-bin/nsswitch.conf", "hosts: files dns\n")
        .file("etc/ghostscript/fontmap.d/10.conf", "a\n")
        .file("usr/share/zoneinfo/Etc/UTC", "TZif2")
        .file("usr/share/debianutils/shells", "# valid\n/bin/sh\n")
        .file("usr/share/debianutils/shells.d/bash", "/bin/bash\n")
        .file("usr/share/pam/common-auth", auth)
        .file("usr/share/pam-configs/unix", unix)
        .file("usr/sbin/update-ca-certificates", "")
        .file("usr/share/ca-certificates-java/ca-certificates-java.jar", "");
    let mut file = |path: &str, bytes: &[u8]| {
        let path = ImagePath::parse(path).unwrap();
        image.tree.file(path, Mode::FILE, Owner::ROOT, &mut &*bytes).unwrap();
    };
    file("usr/share/ca-certificates/sets.crt", include_bytes!("../tests/fixtures/sets.crt"));
    file(
        "usr/sbin/ldconfig",
        &crate::ld_cache::tests::ldconfig(62, "ldconfig (Debian GLIBC 2.41-12) stable release version 2.41"),
    );
    file("usr/lib/x86_64-linux-gnu/liba.so.1.0", &crate::ld_cache::tests::library("liba.so.1"));
    image
}

/// One line for each path: all of it that reaches an image.
fn lines(configured: &Configuration) -> String {
    let tree = configured.tree.tree();
    let mut text = String::new();
    for (path, entry) in tree.iter() {
        writeln!(text, "{path} {} {:?} {:?} {}", entry.mode, entry.owner, entry.node, entry.origin).unwrap();
    }
    for path in &configured.removed {
        writeln!(text, "- {path}").unwrap();
    }
    text
}

#[test]
fn what_the_handlers_make_is_that_of_their_version() {
    let image = image();
    let packages: Vec<&Control> = image.packages.iter().collect();
    let configured = configure(&image.tree, &packages, &settings()).unwrap();
    let lines = lines(&configured);

    let origins = configured.tree.tree().iter().map(|(_, entry)| &*entry.origin);
    let used: BTreeSet<&str> = origins
        .filter_map(|origin| match origin {
            Origin::Handler { name } => Some(name.as_str()),
            _ => None,
        })
        .collect();
    let known: BTreeSet<&str> = HANDLERS.iter().map(|handler| handler.name).collect();
    assert_eq!(used, known, "the image must have something to do for every handler");

    // The version and the digest change together, and never only one of them.
    assert_eq!(
        (HANDLERS_VERSION, Digest::of(lines.as_bytes()).to_string().as_str()),
        (2, "sha256:3fe395c813cf21cc3a21ed1683713281a45aaa0c48890af646c86102c27cdea1"),
        "the handlers' output changed: raise HANDLERS_VERSION and pin the new digest; where images change too, raise \
         FORMAT_VERSION and say so below \"Output digests\" in the changelog. The output is now:\n{lines}"
    );
}
