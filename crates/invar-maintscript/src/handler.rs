//! What a handler is, and the order in which they run.
use crate::context::Context;
use crate::{ConfigureError, Output};

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
    Handler { name: "accounts", run: crate::accounts::handle },
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
    Handler { name: "diversions", run: crate::diverted::handle },
    // Last: it looks at every library, those that are alternatives too.
    Handler { name: "ld.so.cache", run: |context, out| crate::ld_cache::handler(context.view, out) },
];
