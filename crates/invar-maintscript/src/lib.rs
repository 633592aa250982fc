//! Produces the results of maintainer scripts on a fresh installation natively, from a tree.
//!
//! # Goals
//! * Nothing in a package ever runs: no shell, no program of the image. The result depends on the tree, the texts
//!   of the scripts, and the [`Settings`].
//! * Unknown scripts are reported, never ignored: see [`verdict`].
//! * Values are read from the scripts if possible, so that suites may differ.
//!
//! # Non-goals
//! * What only a booting machine needs: services, device nodes, machine IDs, kernel settings, host keys.
//! * Optional caches: bytecode, fonts, icons, MIME types. dpkg's records are not created here.
//! * Running scripts. For packages that need it, [`script_files`] and [`clean`] produce what a sandbox needs and what
//!   an image keeps.
//!
//! A [`View`] shows the root and the output so far; a handler reads it and fills an [`Output`], which is added to the
//! view; [`configure`] runs all handlers in a fixed order.
mod accounts;
mod alternatives;
mod certificates;
mod configured;
mod context;
mod defaults;
mod dependencies;
mod der;
mod diverted;
mod error;
#[cfg(test)]
mod golden;
mod handler;
mod java_keystore;
mod ld_cache;
mod local;
mod merged_usr;
mod output;
mod package_files;
mod pam;
mod scripts_run;
mod settings;
mod shells;
mod skeleton;
#[cfg(test)]
mod testing;
mod texts;
mod time_zone;
mod verdict;
mod view;

use std::collections::BTreeMap;

use invar_debian::Control;

pub use accounts::{AccountError, AccountTexts, NewUser, add_users};
pub use configured::Configuration;
pub use dependencies::{BASE, only_for_scripts};
pub use diverted::diverted;
pub use error::ConfigureError;
pub use ld_cache::needed_libraries;
pub use output::Output;
pub use scripts_run::{
    Exclusion, Reason, SCRIPTS_VERSION, ScriptFailure, ScriptPackage, ScriptRequest, ScriptResult,
    ScriptResultContents, ScriptRun, Selection, SelectionError, TOOLS, TriggerError, UnknownQuestion, clean,
    script_command, script_environment, script_failure, script_files, unknown_questions,
};
pub use settings::{Settings, TimeZone, TimeZoneError};
pub use verdict::{Proposal, Verdict, proposal, script_key, verdict};
pub use view::{LONGEST_READ, MergedRoot, View};

use context::Context;
use handler::HANDLERS;

/// The version of the handlers: what [`configure`] makes. Raise it when the same input gives anything else.
///
/// Keys of the store have it, so what earlier code made is not found any more.
pub const HANDLERS_VERSION: u32 = 2;

/// Makes what the maintainer scripts of `packages` would have made over `root`, the merge of their trees.
///
/// The order of `packages` does not matter. Whether all scripts are known is not looked at: see [`verdict`].
///
/// # Errors
/// [`ConfigureError`]; the first handler that fails ends it.
pub fn configure(
    root: &dyn MergedRoot,
    packages: &[&Control],
    settings: &Settings,
) -> Result<Configuration, ConfigureError> {
    configure_all_but(root, packages, &|_| false, settings)
}

/// As [`configure`], without what the handlers do for the packages of which `is_left_out` is true: their own scripts
/// are run. Where files of others were moved for such a package, it is recorded all the same.
///
/// # Errors
/// As [`configure`].
pub fn configure_all_but(
    root: &dyn MergedRoot,
    packages: &[&Control],
    is_left_out: &dyn Fn(&Control) -> bool,
    settings: &Settings,
) -> Result<Configuration, ConfigureError> {
    let mut by_name = BTreeMap::new();
    let handled = packages.iter().filter(|control| !is_left_out(control));
    for &control in handled {
        if by_name.insert(control.package().as_str(), control).is_some() {
            return Err(ConfigureError::Duplicate { package: control.package().clone() });
        }
    }
    let mut view = View::new(root);
    for handler in HANDLERS {
        let mut output = Output::new(handler.name);
        (handler.run)(&Context { view: &view, packages: &by_name, all: packages, settings }, &mut output)?;
        view.apply(output)?;
    }
    Ok(configured::configured(view))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, control, describe, settings};

    #[test]
    fn later_handlers_see_what_earlier_ones_made_and_the_order_of_packages_does_not_matter() {
        let image = Image::new()
            .package("base-passwd", "")
            .package("cron", "dpkg-statoverride --update --add root crontab 2755 /usr/bin/crontab")
            .package("cron-daemon-common", "addgroup --system crontab")
            .file("usr/share/base-passwd/passwd.master", "root:*:0:0:root:/root:/bin/bash\n")
            .file("usr/share/base-passwd/group.master", "root:*:0:\n")
            .file("usr/bin/crontab", "");
        let mut packages: Vec<&Control> = image.packages.iter().collect();
        let configured = configure(&image.tree, &packages, &settings()).unwrap();
        assert_eq!(
            describe(&configured),
            "f 0644 0:0 /etc/group \"root:*:0:\\ncrontab:x:100:\\n\"\n\
             f 0644 0:0 /etc/passwd \"root:*:0:0:root:/root:/bin/bash\\n\"\n\
             f 2755 0:100 /usr/bin/crontab \"\"\n"
        );
        assert_eq!(
            configured.tree.tree().get("usr/bin/crontab").unwrap().origin.to_string(),
            "handler packages"
        );
        packages.reverse();
        let again = configure(&image.tree, &packages, &settings()).unwrap();
        assert_eq!(again.tree.tree(), configured.tree.tree());
    }

    #[test]
    fn a_package_given_twice_is_an_error() {
        let control = control("tini", &[]);
        let root = Image::new().tree;
        let error = configure(&root, &[&control, &control], &settings()).unwrap_err();
        assert!(matches!(error, ConfigureError::Duplicate { package } if package.as_str() == "tini"));
    }
}
