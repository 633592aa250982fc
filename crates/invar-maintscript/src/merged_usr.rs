//! The links of a merged `/usr`: `/bin`, `/sbin`, `/lib` and `/lib64` lead to the directories below `/usr`.
//!
//! Since Debian 13 the package base-files ships the links. Before, the installer made them, and packages contained
//! files below `/bin`, which were unpacked through the links: such a package is to be unpacked with its paths moved
//! below `/usr`. Only the links are created here.
use invar_tree::Node;

use crate::context::Context;
use crate::output::known;
use crate::{ConfigureError, Output};

const DIRECTORIES: [&str; 7] = ["bin", "lib", "lib32", "lib64", "libo32", "libx32", "sbin"];

pub(crate) fn handle(context: &Context<'_>, out: &mut Output) -> Result<(), ConfigureError> {
    if !context.has("base-files") {
        return Ok(());
    }
    for name in DIRECTORIES {
        let below_usr = format!("usr/{name}");
        match context.view.get(name).map(|entry| &entry.node) {
            Some(Node::Directory) => {
                if let Some((path, _)) = context.view.within(name).nth(1) {
                    return Err(ConfigureError::NotMerged { path: path.clone() });
                }
                out.symlink(known(name), below_usr);
            }
            Some(Node::File { .. } | Node::Symlink { .. }) => {}
            None if context.view.get(&below_usr).is_some_and(|entry| entry.is_directory()) => {
                out.symlink(known(name), below_usr);
            }
            None => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, check};

    #[test]
    fn links_are_made_where_they_are_missing() {
        let image = Image::new()
            .package("base-files", "")
            .directory("bin")
            .directory("usr/bin")
            .directory("usr/lib64")
            .link("sbin", "usr/sbin");
        check(handle, &image, "l 0777 0:0 /bin -> usr/bin\nl 0777 0:0 /lib64 -> usr/lib64\n");
    }

    #[test]
    fn files_in_a_directory_that_should_be_a_link_are_refused() {
        let image = Image::new().package("base-files", "").file("bin/sh", "");
        let error = crate::testing::run(handle, &image).unwrap_err();
        assert!(matches!(error, ConfigureError::NotMerged { path } if path.as_str() == "bin/sh"));
    }
}
