//! What base-files sets up: directories, `/var/run` and `/var/lock`, `/etc/profile`, `motd`, root's dot-files, logs.
//!
//! The script of base-files is a list of calls of its own functions, and that list differs between suites. It is read
//! from the script: the calls understood are
//!
//! ```text
//! install_from_default SOURCE TARGET        a copy of /usr/share/base-files/SOURCE, unless TARGET exists
//! install_directory PATH MODE GROUP         unless it exists
//! install_local_dir PATH                    mode 0755, unless it exists
//! migrate_directory PATH TARGET             a directory that becomes a link
//! ensure_file_owner_mode PATH OWNER MODE    an empty file
//! ```
use invar_tree::{ImagePath, Mode, Node, Owner};

use crate::accounts::numeric_owner;
use crate::context::Context;
use crate::output::known;
use crate::{ConfigureError, Output};

const SOURCE: &str = "usr/share/base-files";

/// Links that the script makes in its own words, and the text by which it does.
const LINKS: [(&str, &str, &str); 3] = [
    ("etc/dpkg/origins/default", "debian", "ln -sf debian"),
    ("usr/local/man", "share/man", "ln -sf share/man"),
    ("var/spool/mail", "../mail", "ln -s ../mail"),
];

pub(crate) fn handle(context: &Context<'_>, out: &mut Output) -> Result<(), ConfigureError> {
    let script = context.postinst("base-files");
    for line in script.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["install_from_default", source, target] => {
                default_file(context, out, source, target)?;
            }
            ["install_directory", path, mode, group] => {
                directory(context, out, path, octal(mode), group)?;
            }
            ["install_local_dir", path] => directory(context, out, path, Some(Mode::DIRECTORY), "root")?,
            ["migrate_directory", path, target] => migrate(context, out, path, target),
            ["ensure_file_owner_mode", path, owner, mode] => {
                empty_file(context, out, path, owner, octal(mode))?;
            }
            _ => {}
        }
    }
    for (path, target, text) in LINKS {
        if script.contains(text) && !context.view.is_present(path) {
            out.symlink(known(path), target);
        }
    }
    Ok(())
}

/// The path in an argument of the script, if it is one.
fn path(argument: &str) -> Option<ImagePath> {
    ImagePath::parse(argument.trim_start_matches('/')).ok()
}

/// A mode as `chmod` takes it.
pub(crate) fn octal(mode: &str) -> Option<Mode> {
    u32::from_str_radix(mode, 8).ok().filter(|mode| *mode <= 0o7777).map(Mode::new)
}

fn default_file(
    context: &Context<'_>,
    out: &mut Output,
    source: &str,
    target: &str,
) -> Result<(), ConfigureError> {
    let Some(target) = path(target) else { return Ok(()) };
    if context.view.is_present(target.as_str()) {
        return Ok(());
    }
    // The script copies info.dir only where there is a directory for it.
    let has_place = target.parent().is_none_or(|parent| context.view.exists(parent.as_str()));
    if let Some(bytes) = context.view.read(&format!("{SOURCE}/{source}"))?
        && has_place
    {
        out.file(target, Mode::FILE, Owner::ROOT, bytes);
    }
    Ok(())
}

fn directory(
    context: &Context<'_>,
    out: &mut Output,
    argument: &str,
    mode: Option<Mode>,
    group: &str,
) -> Result<(), ConfigureError> {
    let (Some(path), Some(mode)) = (path(argument), mode) else { return Ok(()) };
    if !context.view.exists(path.as_str())
        && let Some(owner) = numeric_owner(context, "root", group)?
    {
        out.directory(path, mode, owner);
    }
    Ok(())
}

/// Turns a directory into a link, as `/var/run` into one to `/run`. What packages contained below it moves along.
fn migrate(context: &Context<'_>, out: &mut Output, argument: &str, target: &str) {
    let (Some(from), Some(to)) = (path(argument), path(target)) else { return };
    let Some(entry) = context.view.get(from.as_str()) else {
        out.symlink(from, target);
        return;
    };
    if !entry.is_directory() {
        return;
    }
    // Only directories are ever below it: what programs put there lives until the next start.
    for (below, entry) in context.view.within(from.as_str()).skip(1) {
        let relative = &below.as_str()[from.as_str().len() + 1..];
        if let (Node::Directory, Ok(place)) = (&entry.node, to.join(relative))
            && !context.view.exists(place.as_str())
        {
            out.directory(place, entry.mode, entry.owner);
        }
    }
    out.symlink(from, target);
}

fn empty_file(
    context: &Context<'_>,
    out: &mut Output,
    argument: &str,
    owner: &str,
    mode: Option<Mode>,
) -> Result<(), ConfigureError> {
    let (Some(path), Some((user, group)), Some(mode)) = (path(argument), owner.split_once(':'), mode) else {
        return Ok(());
    };
    if !context.view.is_present(path.as_str())
        && let Some(owner) = numeric_owner(context, user, group)?
    {
        out.file(path, mode, owner, []);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, check};

    const SCRIPT: &str = "\
install_directory() {
  mkdir \"$DPKG_ROOT/$1\"
}
if [ ! -e \"$DPKG_ROOT/etc/dpkg/origins/default\" ]; then
    ln -sf debian \"$DPKG_ROOT/etc/dpkg/origins/default\"
fi
if [ \"$1\" = \"configure\" ] && [ \"$2\" = \"\" ]; then
  install_from_default profile       /etc/profile
  install_from_default motd          /etc/motd
  install_directory mnt       755 root
  install_directory var/mail 2775 mail
    ln -s ../mail \"$DPKG_ROOT/var/spool/mail\"
  install_directory run/lock 1777 root
  migrate_directory /var/run /run
  migrate_directory /var/lock /run/lock
  install_local_dir /usr/local/bin
  ln -sf share/man \"$DPKG_ROOT/usr/local/man\"
  ensure_file_owner_mode /var/log/wtmp root:utmp 664
fi
";

    #[test]
    fn the_calls_of_the_script_are_followed() {
        let image = Image::new()
            .package("base-files", SCRIPT)
            .file("usr/share/base-files/profile", "PATH=/bin\n")
            .file("usr/share/base-files/motd", "new\n")
            .file("etc/motd", "kept\n")
            .directory("var/run")
            .directory("run");
        check(
            handle,
            &image,
            "\
l 0777 0:0 /etc/dpkg/origins/default -> debian
f 0644 0:0 /etc/profile \"PATH=/bin\\n\"
d 0755 0:0 /mnt
d 1777 0:0 /run/lock
d 0755 0:0 /usr/local/bin
l 0777 0:0 /usr/local/man -> share/man
l 0777 0:0 /var/lock -> /run/lock
f 0664 0:43 /var/log/wtmp \"\"
d 2775 0:8 /var/mail
l 0777 0:0 /var/run -> /run
l 0777 0:0 /var/spool/mail -> ../mail
",
        );
    }

    #[test]
    fn directories_below_one_that_becomes_a_link_move_along() {
        let image = Image::new()
            .package("base-files", "migrate_directory /var/run /run\n")
            .directory("var/run/daemon")
            .directory("run");
        check(handle, &image, "d 0755 0:0 /run/daemon\nl 0777 0:0 /var/run -> /run\n- /var/run/daemon\n");
    }
}
