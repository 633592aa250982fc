//! The small things that single packages set up: empty files, directories, links, and files with another owner.
use invar_tree::{Entry, Mode, Node, Owner};

use crate::accounts::numeric_owner;
use crate::context::Context;
use crate::output::known;
use crate::skeleton::octal;
use crate::{ConfigureError, Output};

/// What is done at one path.
#[derive(Clone, Copy)]
enum Action {
    /// An empty file with this mode and owner (`user:group`), unless something is there.
    Empty(&'static str, &'static str),
    /// A directory with this mode and owner.
    Directory(&'static str, &'static str),
    /// A link to this target, unless something is there.
    Link(&'static str),
    /// What is there gets this mode and owner, as `dpkg-statoverride --update` does.
    Override(&'static str, &'static str),
}
use Action::{Directory, Empty, Link, Override};

/// One thing that a package's `postinst` does.
struct FileAction {
    /// The package; a `*` in it stands for any version.
    package: &'static str,
    /// A part of the script that does it: suites differ.
    script: &'static str,
    path: &'static str,
    action: Action,
}

const fn item(package: &'static str, script: &'static str, path: &'static str, action: Action) -> FileAction {
    FileAction { package, script, path, action }
}

const PREFERENCES: &str = "etc/.java/.systemPrefs";
const PREFERENCES_LOCK: &str = "etc/.java/.systemPrefs/.system.lock";
const PREFERENCES_ROOT: &str = "etc/.java/.systemPrefs/.systemRootModFile";
const FONTS_AVAILABLE: &str = "/usr/share/fontconfig/conf.avail/10-hinting-slight.conf";
const FONTS_NO_BITMAPS: &str = "/usr/share/fontconfig/conf.avail/70-no-bitmaps.conf";
const FONTS_ONLY_EMOJI: &str = "/usr/share/fontconfig/conf.avail/70-no-bitmaps-except-emoji.conf";

/// In the order of packages.
const ITEMS: &[FileAction] = &[
    item("base-passwd", "/etc/subgid\"", "etc/subgid", Empty("644", "root:root")),
    item("base-passwd", "/etc/subuid\"", "etc/subuid", Empty("644", "root:root")),
    item("cron", "root crontab 2755 /usr/bin/crontab", "usr/bin/crontab", Override("2755", "root:crontab")),
    item(
        "cron-daemon-common",
        "chmod 1730 $crondir/crontabs",
        "var/spool/cron/crontabs",
        Directory("1730", "root:crontab"),
    ),
    item(
        "dbus",
        "root \"$MESSAGEUSER\" 4754 \"$LAUNCHER\"",
        "usr/lib/dbus-1.0/dbus-daemon-launch-helper",
        Override("4754", "root:messagebus"),
    ),
    item("dbus-daemon", "mkdir -p /var/lib/dbus", "var/lib/dbus", Directory("755", "root:root")),
    item(
        "fontconfig",
        "mkdir -p /var/cache/fontconfig",
        "var/cache/fontconfig",
        Directory("755", "root:root"),
    ),
    item(
        "fontconfig-config",
        "hinting_style",
        "etc/fonts/conf.d/10-hinting-slight.conf",
        Link(FONTS_AVAILABLE),
    ),
    item(
        "fontconfig-config",
        "no_bitmaps=\"70-no-bitmaps.conf\"",
        "etc/fonts/conf.d/70-no-bitmaps.conf",
        Link(FONTS_NO_BITMAPS),
    ),
    item(
        "fontconfig-config",
        "no_bitmaps=\"70-no-bitmaps-except-emoji.conf\"",
        "etc/fonts/conf.d/70-no-bitmaps-except-emoji.conf",
        Link(FONTS_ONLY_EMOJI),
    ),
    // The script would rather give the program a capability, which an image cannot carry; this is its fallback.
    item("iputils-ping", "chmod u+s $PROGRAM", "usr/bin/ping", Override("4755", "root:root")),
    item("java-common", PREFERENCES, PREFERENCES, Directory("755", "root:root")),
    item("java-common", PREFERENCES_LOCK, PREFERENCES_LOCK, Empty("644", "root:root")),
    item("java-common", PREFERENCES_ROOT, PREFERENCES_ROOT, Empty("644", "root:root")),
    item("libpam-modules", "/etc/environment", "etc/environment", Empty("644", "root:root")),
    item("libpam-modules", "/etc/security/opasswd", "etc/security/opasswd", Empty("600", "root:root")),
    item("libwtmpdb0", "../../log/wtmp.db", "var/lib/wtmpdb/wtmp.db", Link("../../log/wtmp.db")),
    item("login", "/etc/subgid\"", "etc/subgid", Empty("644", "root:root")),
    item("login", "/etc/subuid\"", "etc/subuid", Empty("644", "root:root")),
    item("login", "/var/log/faillog\"", "var/log/faillog", Empty("644", "root:root")),
    item(
        "nginx-common",
        "/etc/nginx/sites-enabled/default",
        "etc/nginx/sites-enabled/default",
        Link("/etc/nginx/sites-available/default"),
    ),
    item("nginx-common", "chown root:adm $logdir", "var/log/nginx", Directory("755", "root:adm")),
    item("nginx-common", "$logdir/access.log", "var/log/nginx/access.log", Empty("640", "www-data:adm")),
    item("nginx-common", "$logdir/error.log", "var/log/nginx/error.log", Empty("640", "www-data:adm")),
    item("openjdk-*-jre-headless", PREFERENCES, PREFERENCES, Directory("755", "root:root")),
    item("openjdk-*-jre-headless", PREFERENCES_LOCK, PREFERENCES_LOCK, Empty("644", "root:root")),
    item("openjdk-*-jre-headless", PREFERENCES_ROOT, PREFERENCES_ROOT, Empty("644", "root:root")),
    item(
        "openssh-client",
        "chmod 2755 /usr/bin/ssh-agent",
        "usr/bin/ssh-agent",
        Override("2755", "root:_ssh"),
    ),
    item("pkgconf-bin", "/usr/lib/pkgconfig\"", "usr/lib/pkgconfig", Directory("755", "root:root")),
    item("redis-tools", "Setup_dir /etc/redis 2770", "etc/redis", Directory("2770", "redis:redis")),
    item("redis-tools", "Setup_dir /var/lib/redis 750", "var/lib/redis", Directory("750", "redis:redis")),
    item("redis-tools", "Setup_dir /var/log/redis 2750", "var/log/redis", Directory("2750", "redis:adm")),
    item("sudo", "/etc/sudoers", "etc/sudoers", Override("440", "root:root")),
    item("ucf", "/var/lib/ucf/hashfile", "var/lib/ucf/hashfile", Empty("644", "root:root")),
    item("ucf", "/var/lib/ucf/registry", "var/lib/ucf/registry", Empty("644", "root:root")),
    item("unixodbc-common", "touch /etc/odbcinst.ini", "etc/odbcinst.ini", Empty("644", "root:root")),
];

/// Whether `pattern` is `name`, with something for its one `*` if it has one.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((start, end)) => {
            name.len() > start.len() + end.len() && name.starts_with(start) && name.ends_with(end)
        }
    }
}

pub(crate) fn handle(context: &Context<'_>, out: &mut Output) -> Result<(), ConfigureError> {
    for item in ITEMS {
        for (package, control) in context.packages {
            if matches(item.package, package)
                && crate::context::script(control, "postinst").contains(item.script)
            {
                act(context, out, item)?;
            }
        }
    }
    Ok(())
}

fn act(context: &Context<'_>, out: &mut Output, item: &FileAction) -> Result<(), ConfigureError> {
    let path = known(item.path);
    let present = context.view.is_present(item.path);
    match item.action {
        Link(target) => {
            if !present {
                out.symlink(path, target);
            }
        }
        Empty(mode, owner) => {
            if let (false, Some((mode, owner))) = (present, mode_and_owner(context, mode, owner)?) {
                out.file(path, mode, owner, []);
            }
        }
        Directory(mode, owner) => {
            if let Some((mode, owner)) = mode_and_owner(context, mode, owner)? {
                out.directory(path, mode, owner);
            }
        }
        Override(mode, owner) => {
            let (Some((mode, owner)), Some(place)) =
                (mode_and_owner(context, mode, owner)?, context.view.resolve(item.path))
            else {
                return Ok(());
            };
            match context.view.get(place.as_str()) {
                Some(Entry { node: Node::File { .. }, .. }) => {
                    let bytes = context.view.read(place.as_str())?.expect("a file is there");
                    out.file(place, mode, owner, bytes);
                }
                Some(Entry { node: Node::Directory, .. }) => out.directory(place, mode, owner),
                _ => {}
            }
        }
    }
    Ok(())
}

/// `None` where the user or group is not in the image: a set of packages without base-passwd has no accounts.
fn mode_and_owner(
    context: &Context<'_>,
    mode: &str,
    owner: &str,
) -> Result<Option<(Mode, Owner)>, ConfigureError> {
    let mode = octal(mode).expect("a mode of the table is octal");
    let (user, group) = owner.split_once(':').expect("an owner of the table is user:group");
    Ok(numeric_owner(context, user, group)?.map(|owner| (mode, owner)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, check};

    #[test]
    fn the_table_is_well_formed() {
        let mut last = "";
        for item in ITEMS {
            assert!(last <= item.package, "{} comes after {last}", item.package);
            last = item.package;
            known(item.path);
            if let Empty(mode, owner) | Directory(mode, owner) | Override(mode, owner) = item.action {
                assert!(octal(mode).is_some() && owner.contains(':'), "{}", item.path);
            }
        }
    }

    #[test]
    fn patterns_stand_for_versions() {
        for (name, expected) in [
            ("openjdk-21-jre-headless", true),
            ("openjdk--jre-headless", false),
            ("openjdk-21-jre", false),
            ("openjdk-jre-headless", false),
        ] {
            assert_eq!(matches("openjdk-*-jre-headless", name), expected, "{name}");
        }
    }

    #[test]
    fn what_the_script_does_is_done() {
        let image = Image::new()
            .package("nginx-common", "ln -s /etc/nginx/sites-enabled/default; touch $logdir/error.log")
            .package("openssh-client", "chmod 2755 /usr/bin/ssh-agent")
            .package("ucf", "other")
            .file("etc/group", "_ssh:x:101:\n")
            .file("usr/bin/ssh-agent", "ELF");
        check(
            handle,
            &image,
            "l 0777 0:0 /etc/nginx/sites-enabled/default -> /etc/nginx/sites-available/default\n\
             f 2755 0:101 /usr/bin/ssh-agent \"ELF\"\n\
             f 0640 33:4 /var/log/nginx/error.log \"\"\n",
        );
    }

    #[test]
    fn an_unknown_account_changes_nothing() {
        let image = Image::new()
            .package("openssh-client", "chmod 2755 /usr/bin/ssh-agent")
            .file("usr/bin/ssh-agent", "ELF");
        check(handle, &image, "");
    }
}
