//! What handlers look at.
use std::collections::BTreeMap;

use invar_debian::Control;

use crate::{Settings, View};

/// What a handler may look at.
pub(crate) struct Context<'a> {
    /// The image so far.
    pub(crate) view: &'a View<'a>,
    /// The packages by name.
    pub(crate) packages: &'a BTreeMap<&'a str, &'a Control>,
    /// All packages of the image, also those that handlers do nothing for.
    pub(crate) all: &'a [&'a Control],
    /// What the user chose.
    pub(crate) settings: &'a Settings,
}

impl<'a> Context<'a> {
    /// Whether the package is in the image.
    pub(crate) fn has(&self, package: &str) -> bool {
        self.packages.contains_key(package)
    }

    /// The text of a package's `postinst`, the script that nearly all work is in; empty if there is none.
    pub(crate) fn postinst(&self, package: &str) -> &'a str {
        self.packages.get(package).map_or("", |control| script(control, "postinst"))
    }
}

/// The text of a package's script; empty if there is none.
pub(crate) fn script<'a>(control: &'a Control, name: &str) -> &'a str {
    control.scripts.get(name).map_or("", String::as_str)
}
