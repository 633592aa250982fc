//! Files that packages ship as a default and copy into place on a fresh installation.
use invar_tree::{Mode, Owner};

use crate::context::Context;
use crate::output::known;
use crate::{ConfigureError, Output};

/// Package, shipped default, and where it is copied to, unless something is there.
const COPIES: [(&str, &str, &str); 4] = [
    ("libc-bin", "usr/share/libc-bin/nsswitch.conf", "etc/nsswitch.conf"),
    ("nginx-common", "usr/share/nginx/html/index.html", "var/www/html/index.nginx-debian.html"),
    ("openssh-server", "usr/share/openssh/sshd_config", "etc/ssh/sshd_config"),
    ("readline-common", "usr/share/readline/inputrc", "etc/inputrc"),
];

/// Folders of pieces that `update-gsfontmap` of ghostscript joins in the order of their names, and the whole.
const JOINED: [(&str, &str); 2] = [
    ("etc/ghostscript/cidfmap.d", "var/lib/ghostscript/fonts/cidfmap"),
    ("etc/ghostscript/fontmap.d", "var/lib/ghostscript/fonts/Fontmap"),
];

pub(crate) fn handle(context: &Context<'_>, out: &mut Output) -> Result<(), ConfigureError> {
    for (package, source, target) in COPIES {
        if context.has(package)
            && !context.view.is_present(target)
            && let Some(bytes) = context.view.read(source)?
        {
            out.file(known(target), Mode::FILE, Owner::ROOT, bytes);
        }
    }
    if context.has("ghostscript") {
        for (directory, target) in JOINED {
            let mut whole = Vec::new();
            for (path, _) in context.view.children(directory) {
                if path.name().ends_with(".conf")
                    && let Some(piece) = context.view.read(path.as_str())?
                {
                    whole.extend_from_slice(&piece);
                }
            }
            out.file(known(target), Mode::FILE, Owner::ROOT, whole);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, check};

    #[test]
    fn a_default_is_copied_unless_something_is_there() {
        let image = Image::new()
            .package("libc-bin", "")
            .file("usr/share/libc-bin/nsswitch.conf", "hosts: files dns\n")
            .package("readline-common", "")
            .file("usr/share/readline/inputrc", "set x\n")
            .file("etc/inputrc", "mine\n")
            .file("usr/share/nginx/html/index.html", "its package is not there\n");
        check(handle, &image, "f 0644 0:0 /etc/nsswitch.conf \"hosts: files dns\\n\"\n");
    }

    #[test]
    fn font_maps_are_joined_in_the_order_of_names() {
        let image = Image::new()
            .package("ghostscript", "")
            .file("etc/ghostscript/fontmap.d/20.conf", "b\n")
            .file("etc/ghostscript/fontmap.d/10.conf", "a\n")
            .file("etc/ghostscript/fontmap.d/README", "no\n");
        check(
            handle,
            &image,
            "f 0644 0:0 /var/lib/ghostscript/fonts/Fontmap \"a\\nb\\n\"\n\
             f 0644 0:0 /var/lib/ghostscript/fonts/cidfmap \"\"\n",
        );
    }
}
