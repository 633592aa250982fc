//! What the trees of maintainer scripts depend on.
use invar_maintscript::{SCRIPTS_VERSION, Settings};
use invar_plan::PackageRecipe;
use invar_project::Configure;
use invar_store::{Key, KeyWriter, Keyed};

use crate::debian::{ConfiguredPackages, encode_settings};

/// What handlers and scripts together make of packages.
pub(super) struct ScriptsConfiguration<'a> {
    pub(super) root: &'a [PackageRecipe],
    pub(super) packages: &'a [PackageRecipe],
    pub(super) configure: &'a Configure,
    pub(super) settings: &'a Settings,
    pub(super) docs: bool,
    pub(super) debconf: &'a [String],
}

impl Keyed for ScriptsConfiguration<'_> {
    const DOMAIN: &'static str = "scripts";
    const VERSION: u32 = SCRIPTS_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        let Self { root, packages, configure, settings, docs, debconf } = self;
        writer.keyed(&ConfiguredPackages(root));
        writer.keyed(&ConfiguredPackages(packages));
        match configure {
            Configure::Native => writer.variant(0),
            Configure::Run => writer.variant(1),
            Configure::Packages(names) => {
                writer.variant(2);
                writer.set(names, |writer, name| writer.text(name.as_str()));
            }
        }
        encode_settings(writer, settings);
        writer.flag(*docs);
        // In order: of two answers to one question the later counts.
        writer.list(*debconf, |writer, selection| writer.text(selection));
    }
}

/// The tree in which scripts are run.
pub(super) struct ScriptsCheckout<'a>(pub(super) &'a Key);

impl Keyed for ScriptsCheckout<'_> {
    const DOMAIN: &'static str = "scripts-checkout";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.key(self.0);
    }
}

/// What the scripts changed in it.
pub(super) struct ScriptsChanges<'a>(pub(super) &'a Key);

impl Keyed for ScriptsChanges<'_> {
    const DOMAIN: &'static str = "scripts-changes";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.key(self.0);
    }
}

#[cfg(test)]
mod keys {
    use invar_maintscript::TimeZone;
    use std::collections::BTreeSet;

    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let settings = &Settings { time_zone: TimeZone::utc() };
        let configure = &Configure::Packages(BTreeSet::from(["tini".parse().unwrap()]));
        let debconf = &["tini tini/a string b".to_owned()];
        let scripts =
            ScriptsConfiguration { root: &[], packages: &[], configure, settings, docs: true, debconf };
        let key = &ConfiguredPackages(&[]).key();
        assert_eq!(
            scripts.describe(),
            "scripts 1 74d281cf8d4201526ed45d0ae9b2bbd5e7106d8aab14176fc896125761ca5127",
            "{CHANGED}"
        );
        assert_eq!(
            ScriptsCheckout(key).describe(),
            "scripts-checkout 1 2da242b5009c4ef21288c82c96a5f6ae0ef9467525335651d05aa38fb6055e92",
            "{CHANGED}"
        );
        assert_eq!(
            ScriptsChanges(key).describe(),
            "scripts-changes 1 dcb05abb71823781b18027323062e6f22c4a3773ae7f3ed3773d04e575dba112",
            "{CHANGED}"
        );
    }
}
