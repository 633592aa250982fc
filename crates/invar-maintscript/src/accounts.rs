//! Users and groups: `/etc/passwd`, `/etc/group` and, where the package passwd is in, `/etc/shadow` and `/etc/gshadow`.
//!
//! The accounts that every Debian system has come from the masters of base-passwd. Further ones come from what packages
//! declare in `/usr/lib/sysusers.d` ([`sysusers`]), with IDs from 999 downwards, and from those maintainer scripts that
//! call `adduser` ([`ADDED`]), with IDs from 100 upwards: where the two programs look first. The files of `sysusers.d`
//! go in the order of their names, then the scripts in the order of the accounts' names, so that the IDs depend on the
//! set of packages alone.
mod database;
mod declared;
mod sysusers;

use database::{Lock, Table};
use invar_tree::{Mode, Owner};

use crate::context::Context;
use crate::output::known;
use crate::{ConfigureError, Output, View};

pub use database::AccountError;
pub(crate) use database::Database;
pub use declared::{AccountTexts, NewUser, add_users};

const HANDLER: &str = "accounts";
const SHADOW_GROUP: u32 = 42;
const NOGROUP: u32 = 65534;

/// The names and IDs below 100 that scripts use: the same on every Debian system (Debian Policy, section 9.2.2).
const GLOBAL: [(&str, u32); 8] = [
    ("adm", 4),
    ("mail", 8),
    ("root", 0),
    ("shadow", SHADOW_GROUP),
    ("staff", 50),
    ("sudo", 27),
    ("utmp", 43),
    ("www-data", 33),
];

/// What a maintainer script adds with `adduser --system` or `addgroup --system`.
struct NewAccount {
    /// The package, and a part of its `postinst` by which the call is known.
    package: &'static str,
    call: &'static str,
    name: &'static str,
    account: Account,
}

enum Account {
    Group,
    /// A user with this home directory, and a group of its own or `nogroup`.
    User {
        home: &'static str,
        own_group: bool,
    },
}

/// In the order of names.
const ADDED: [NewAccount; 6] = [
    NewAccount {
        package: "apt",
        call: "adduser --force-badname --system --home /nonexistent",
        name: "_apt",
        account: Account::User { home: "/nonexistent", own_group: false },
    },
    NewAccount {
        package: "openssh-client",
        call: "--force-badname _ssh",
        name: "_ssh",
        account: Account::Group,
    },
    NewAccount {
        package: "cron-daemon-common",
        call: "addgroup --system crontab",
        name: "crontab",
        account: Account::Group,
    },
    NewAccount {
        package: "dbus-system-bus-common",
        call: "MESSAGEUSER=messagebus",
        name: "messagebus",
        account: Account::User { home: "/nonexistent", own_group: true },
    },
    NewAccount {
        package: "redis-tools",
        call: "--home /var/lib/redis",
        name: "redis",
        account: Account::User { home: "/var/lib/redis", own_group: true },
    },
    NewAccount {
        package: "openssh-server",
        call: "--home /run/sshd",
        name: "sshd",
        account: Account::User { home: "/run/sshd", own_group: false },
    },
];

/// The owner `user:group`, by name.
///
/// Debian gives the IDs below 100 to the same names on every system (Debian Policy, section 9.2.2), so these are
/// known even where an image has no `/etc/passwd`; others are looked up. A name that is neither gives `None`.
pub(crate) fn numeric_owner(
    context: &Context<'_>,
    user: &str,
    group: &str,
) -> Result<Option<Owner>, ConfigureError> {
    let id = |database, name| match global_id(name) {
        Some(id) => Ok(Some(id)),
        None => look_up(context.view, database, name),
    };
    let (Some(uid), Some(gid)) = (id(Database::Passwd, user)?, id(Database::Group, group)?) else {
        return Ok(None);
    };
    Ok(Some(Owner { uid, gid }))
}

/// The ID of a name that has the same one on every Debian system.
fn global_id(name: &str) -> Option<u32> {
    GLOBAL.iter().find(|(known, _)| *known == name).map(|(_, id)| *id)
}

/// The ID of `name` in `/etc/passwd` or `/etc/group` of the image.
///
/// # Errors
/// [`ConfigureError`] where the file cannot be read or understood.
fn look_up(view: &View<'_>, database: Database, name: &str) -> Result<Option<u32>, ConfigureError> {
    match view.read_text(database.path())? {
        Some(text) => Ok(Table::parse(database, &text).map_err(at(database.path()))?.id(name)),
        None => Ok(None),
    }
}

fn at(path: &str) -> impl FnOnce(AccountError) -> ConfigureError + use<> {
    let path = known(path);
    move |source| ConfigureError::Source { handler: HANDLER, path, source: Box::new(source) }
}

pub(crate) fn handle(context: &Context<'_>, out: &mut Output) -> Result<(), ConfigureError> {
    let view = context.view;
    let (Some(mut users), Some(mut groups)) = (start(view, Database::Passwd)?, start(view, Database::Group)?)
    else {
        return Ok(());
    };
    let mut declared = Vec::new();
    for (path, _) in view.children("usr/lib/sysusers.d") {
        if path.name().ends_with(".conf")
            && let Some(text) = view.read_text(path.as_str())?
        {
            declared.extend(sysusers::parse(&text).map_err(at(path.as_str()))?);
        }
    }
    sysusers::allocate(&declared, &mut users, &mut groups).map_err(at("usr/lib/sysusers.d"))?;
    for added in &ADDED {
        if context.postinst(added.package).contains(added.call) {
            add(added, &mut users, &mut groups).map_err(at(Database::Passwd.path()))?;
        }
    }
    let shadow = context.has("passwd");
    for (table, file) in [(&users, "etc/shadow"), (&groups, "etc/gshadow")] {
        out.file(known(table.path()), Mode::FILE, Owner::ROOT, table.to_text(shadow));
        if shadow {
            let owner = Owner { uid: 0, gid: SHADOW_GROUP };
            out.file(known(file), Mode::new(0o640), owner, table.to_shadow());
        }
    }
    Ok(())
}

/// What a table starts as: what the image has, or else the master of base-passwd.
fn start(view: &View<'_>, database: Database) -> Result<Option<Table>, ConfigureError> {
    let master = match database {
        Database::Passwd => "usr/share/base-passwd/passwd.master",
        Database::Group => "usr/share/base-passwd/group.master",
    };
    for path in [database.path(), master] {
        if let Some(text) = view.read_text(path)? {
            return Table::parse(database, &text).map(Some).map_err(at(path));
        }
    }
    Ok(None)
}

/// Adds what a script adds, unless it is there.
fn add(added: &NewAccount, users: &mut Table, groups: &mut Table) -> Result<(), AccountError> {
    let name = added.name;
    let group = |groups: &mut Table| match groups.id(name) {
        Some(gid) => Ok(gid),
        None => {
            let gid = groups.first_free(name)?;
            groups.push(name, gid, &[""], Lock::Added);
            Ok(gid)
        }
    };
    match added.account {
        Account::Group => {
            group(groups)?;
        }
        Account::User { .. } if users.id(name).is_some() => {}
        Account::User { home, own_group } => {
            let uid = users.first_free(name)?;
            let gid = if own_group { group(groups)? } else { NOGROUP };
            users.push(name, uid, &[&gid.to_string(), "", home, "/usr/sbin/nologin"], Lock::Added);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, check, run};

    const PASSWD: &str = "root:*:0:0:root:/root:/bin/bash\n";
    const GROUP: &str = "root:*:0:\nshadow:*:42:\nusers:*:100:\n";

    fn image() -> Image {
        Image::new()
            .file("usr/share/base-passwd/passwd.master", PASSWD)
            .file("usr/share/base-passwd/group.master", GROUP)
    }

    #[test]
    fn the_masters_are_copied() {
        check(
            handle,
            &image(),
            "f 0644 0:0 /etc/group \"root:*:0:\\nshadow:*:42:\\nusers:*:100:\\n\"\n\
             f 0644 0:0 /etc/passwd \"root:*:0:0:root:/root:/bin/bash\\n\"\n",
        );
    }

    #[test]
    fn scripts_and_declarations_add_accounts() {
        let image = image()
            .package("passwd", "")
            .package("redis-tools", "adduser --home /var/lib/redis redis")
            .package("openssh-client", "addgroup --system --quiet --force-badname _ssh")
            .package("cron-daemon-common", "upgraded")
            .file("usr/lib/sysusers.d/bus.conf", "u bus - \"Bus\"\n");
        check(
            handle,
            &image,
            "\
f 0644 0:0 /etc/group \"root:x:0:\\nshadow:x:42:\\nusers:x:100:\\nbus:x:999:\\n_ssh:x:101:\\nredis:x:102:\\n\"
f 0640 0:42 /etc/gshadow \"root:*::\\nshadow:*::\\nusers:*::\\nbus:!*::\\n_ssh:!::\\nredis:!::\\n\"
f 0644 0:0 /etc/passwd \"root:x:0:0:root:/root:/bin/bash\\nbus:x:999:999:Bus:/:/usr/sbin/nologin\\nredis:x:100:102::/var/lib/redis:/usr/sbin/nologin\\n\"
f 0640 0:42 /etc/shadow \"root:*::0:99999:7:::\\nbus:!*:::::::\\nredis:!:::::::\\n\"
",
        );
    }

    #[test]
    fn a_damaged_file_is_named() {
        let error = run(handle, &image().file("etc/passwd", "root\n")).unwrap_err();
        assert!(matches!(error, ConfigureError::Source { path, .. } if path.as_str() == "etc/passwd"));
    }
}
