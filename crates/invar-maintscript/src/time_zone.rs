//! The time zone: `/etc/localtime`, and `/etc/timezone` in suites whose tzdata writes it.
use invar_tree::{Mode, Owner};

use crate::context::Context;
use crate::output::known;
use crate::{ConfigureError, Output};

pub(crate) fn handle(context: &Context<'_>, out: &mut Output) -> Result<(), ConfigureError> {
    if !context.has("tzdata") {
        return Ok(());
    }
    let zone = &context.settings.time_zone;
    let file = format!("usr/share/zoneinfo/{zone}");
    if !context.view.exists(&file) {
        return Err(ConfigureError::TimeZone { zone: zone.clone() });
    }
    if !context.view.is_present("etc/localtime") {
        out.symlink(known("etc/localtime"), format!("/{file}"));
    }
    let script = context.postinst("tzdata");
    let writes = script.contains("> \"$DPKG_ROOT/etc/timezone\"");
    // Newer versions keep an existing file up to date, and make none.
    let only_updates = script.contains("test -f \"$DPKG_ROOT/etc/timezone\"");
    if writes && !only_updates && !context.view.is_present("etc/timezone") {
        out.file(known("etc/timezone"), Mode::FILE, Owner::ROOT, format!("{zone}\n"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, check, run};

    const WRITES: &str = "echo \"$TIMEZONE\" > \"$DPKG_ROOT/etc/timezone\"\n";

    fn image(script: &str) -> Image {
        Image::new().package("tzdata", script).file("usr/share/zoneinfo/Etc/UTC", "TZif2")
    }

    #[test]
    fn the_script_decides_whether_there_is_a_second_file() {
        let link = "l 0777 0:0 /etc/localtime -> /usr/share/zoneinfo/Etc/UTC\n";
        check(handle, &image(""), link);
        let updates = format!("if test -f \"$DPKG_ROOT/etc/timezone\"; then\n{WRITES}fi\n");
        check(handle, &image(&updates), link);
        check(handle, &image(WRITES), &format!("{link}f 0644 0:0 /etc/timezone \"Etc/UTC\\n\"\n"));
    }

    #[test]
    fn an_unknown_zone_is_an_error() {
        let image = Image::new().package("tzdata", "");
        assert!(matches!(run(handle, &image), Err(ConfigureError::TimeZone { .. })));
    }
}
