//! Directories below `/usr/local`, which no package may ship (Debian Policy, section 9.1.2).
//!
//! They come from the snippet of `dh_usrlocal`, whose here-document has lines of `PATH default` or `PATH MODE USER
//! GROUP`, and from a few scripts of their own words. An image never has `/etc/staff-group-for-usr-local`, so a default
//! is mode `0755` and owner `0:0`.
use invar_debian::debhelper_snippets;
use invar_tree::{ImagePath, Mode, Owner};

use crate::accounts::numeric_owner;
use crate::context::Context;
use crate::output::known;
use crate::package_files::matches;
use crate::skeleton::octal;
use crate::{ConfigureError, Output};

/// What the staff of a site may write to: how Debian 12 makes the directory of fonts.
const STAFF: (Mode, Owner) = (Mode::new(0o2775), Owner { uid: 0, gid: 50 });
const PLAIN: (Mode, Owner) = (Mode::DIRECTORY, Owner::ROOT);

/// Package, a part of its script, the directory that the script makes, and how.
const OWN_WORDS: [(&str, &str, &str, (Mode, Owner)); 2] = [
    ("fontconfig-config", "if mkdir $LOCALDIR", "usr/local/share/fonts", STAFF),
    ("fontconfig-config", "mkdir -p $LOCALDIR", "usr/local/share/fonts", PLAIN),
];

pub(crate) fn handle(context: &Context<'_>, out: &mut Output) -> Result<(), ConfigureError> {
    let mut make = |path: ImagePath, mode, owner| {
        if !context.view.exists(path.as_str()) && !out.touches(path.as_str()) {
            out.directory(path, mode, owner);
        }
    };
    for (package, words, path, (mode, owner)) in OWN_WORDS {
        if context.postinst(package).contains(words) {
            make(known(path), mode, owner);
        }
    }
    for (package, control) in context.packages {
        if matches("python3.*-minimal", package) {
            let sites =
                context.postinst(package).lines().filter_map(|line| line.trim().strip_prefix("localsite="));
            sites.filter_map(below_local).for_each(|path| make(path, PLAIN.0, PLAIN.1));
        }
        for snippet in debhelper_snippets(&control.scripts) {
            if snippet.tool != "dh_usrlocal" {
                continue;
            }
            for line in snippet.body.lines() {
                let words: Vec<&str> = line.split_whitespace().collect();
                let Some(path) = words.first().copied().and_then(below_local) else { continue };
                match words[1..] {
                    ["default"] => make(path, PLAIN.0, PLAIN.1),
                    [mode, user, group] => {
                        if let (Some(mode), Some(owner)) = (octal(mode), numeric_owner(context, user, group)?)
                        {
                            make(path, mode, owner);
                        }
                    }
                    _ => {}
                }
            }
        }
    }
    Ok(())
}

fn below_local(path: &str) -> Option<ImagePath> {
    let path = ImagePath::parse(path.strip_prefix('/')?).ok()?;
    path.is_within("usr/local").then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, check};

    #[test]
    fn directories_come_from_snippets_and_scripts() {
        let snippet = "# Automatically added by dh_usrlocal/14.5\n(\n\twhile read line; do :; done\n) << DATA\n\
                       /usr/local/lib default\n/usr/local/lib/tool 02775 root staff\n/etc/other default\nDATA\n\
                       # End automatically added section\n";
        let image = Image::new()
            .package("tool", &format!("#!/bin/sh\n{snippet}"))
            .package("python3.13-minimal", "\tlocalsite=/usr/local/lib/python3.13/dist-packages\n")
            .directory("usr/local/lib");
        check(
            handle,
            &image,
            "d 0755 0:0 /usr/local/lib/python3.13/dist-packages\n\
             d 2775 0:50 /usr/local/lib/tool\n",
        );
    }
}
