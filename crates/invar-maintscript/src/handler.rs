//! What a handler is, and the order in which they run.
use std::collections::BTreeMap;

use invar_debian::Control;
use invar_tree::Owner;

use crate::accounts::{self, Database};
use crate::{ConfigureError, Output, Settings, View};

/// What a handler may look at.
pub(crate) struct Context<'a> {
    /// The image so far.
    pub(crate) view: &'a View<'a>,
    /// The packages by name.
    pub(crate) packages: &'a BTreeMap<&'a str, &'a Control>,
    /// What the user chose.
    pub(crate) settings: &'a Settings,
}

/// A handler: it reads the context and fills the output.
pub(crate) struct Handler {
    /// Its name, as origins and the table of verdicts give it.
    pub(crate) name: &'static str,
    /// What it does.
    pub(crate) run: fn(&Context<'_>, &mut Output) -> Result<(), ConfigureError>,
}

/// All handlers, in the order in which they run: each one sees what those before it made.
///
/// Format break: the order decides what an image holds.
pub(crate) const HANDLERS: &[Handler] = &[
    Handler { name: "merged-usr", run: crate::merged_usr::handle },
    Handler { name: "accounts", run: accounts::handle },
    Handler { name: "skeleton", run: crate::skeleton::handle },
    Handler { name: "defaults", run: crate::defaults::handle },
    Handler { name: "texts", run: crate::texts::handle },
    Handler { name: "time-zone", run: crate::time_zone::handle },
    Handler { name: "shells", run: crate::shells::handle },
    Handler { name: "packages", run: crate::package_files::handle },
    Handler { name: "local", run: crate::local::handle },
    Handler { name: "pam", run: crate::pam::handle },
    Handler { name: "alternatives", run: crate::alternatives::handle },
    Handler { name: "certificates", run: |context, out| crate::certificates::handler(context.view, out) },
    Handler { name: "java-keystore", run: |context, out| crate::java_keystore::handler(context.view, out) },
    // Last: it looks at every library, those that are alternatives too.
    Handler { name: "ld.so.cache", run: |context, out| crate::ld_cache::handler(context.view, out) },
];

impl<'a> Context<'a> {
    /// Whether the package is in the image.
    pub(crate) fn has(&self, package: &str) -> bool {
        self.packages.contains_key(package)
    }

    /// The text of a package's `postinst`, the script that nearly all work is in; empty where there is none.
    pub(crate) fn postinst(&self, package: &str) -> &'a str {
        self.packages.get(package).map_or("", |control| script(control, "postinst"))
    }

    /// The owner `user:group`, by name.
    ///
    /// Debian gives the IDs below 100 to the same names on every system (Debian Policy, section 9.2.2), so these are
    /// known even where an image has no `/etc/passwd`; others are looked up. A name that is neither gives `None`.
    pub(crate) fn owner(&self, user: &str, group: &str) -> Result<Option<Owner>, ConfigureError> {
        let (Some(uid), Some(gid)) = (self.id(Database::Passwd, user)?, self.id(Database::Group, group)?)
        else {
            return Ok(None);
        };
        Ok(Some(Owner { uid, gid }))
    }

    fn id(&self, database: Database, name: &str) -> Result<Option<u32>, ConfigureError> {
        match accounts::global_id(name) {
            Some(id) => Ok(Some(id)),
            None => accounts::look_up(self.view, database, name),
        }
    }
}

/// The text of a package's script; empty where there is none.
pub(crate) fn script<'a>(control: &'a Control, name: &str) -> &'a str {
    control.scripts.get(name).map_or("", String::as_str)
}
