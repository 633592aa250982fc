//! `/etc/shells`, as `update-shells` of debianutils writes it.
//!
//! The file starts as the template; then each shell that the template or a file of `shells.d` names is added, once as
//! named and once with the links above it followed. `/var/lib/shells.state` lists them all.
use std::collections::BTreeSet;

use invar_tree::{Mode, Owner};

use crate::context::Context;
use crate::output::known;
use crate::{ConfigureError, Output};

const TEMPLATE: &str = "usr/share/debianutils/shells";

pub(crate) fn handle(context: &Context<'_>, out: &mut Output) -> Result<(), ConfigureError> {
    let view = context.view;
    let template = match view.read_text("etc/shells")? {
        Some(text) => Some(text),
        None => view.read_text(TEMPLATE)?,
    };
    let Some(template) = template.filter(|_| context.has("debianutils")) else { return Ok(()) };
    let mut sources = vec![view.read_text(TEMPLATE)?.unwrap_or_default()];
    for (path, _) in view.children("usr/share/debianutils/shells.d") {
        sources.extend(view.read_text(path.as_str())?);
    }
    let mut shells: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut add = |shell: String| {
        if seen.insert(shell.clone()) {
            shells.push(shell);
        }
    };
    for line in sources.iter().flat_map(|source| source.lines()) {
        let shell = line.split('#').next().unwrap_or_default();
        if let Some(path) = shell.strip_prefix('/') {
            add(shell.to_owned());
            if let Some(place) = view.place(path) {
                add(place.to_string());
            }
        }
    }
    let mut text = template.clone();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    let listed: BTreeSet<&str> = template.lines().filter_map(|line| line.split('#').next()).collect();
    for shell in &shells {
        if !listed.contains(shell.as_str()) {
            text.push_str(shell);
            text.push('\n');
        }
    }
    out.file(known("etc/shells"), Mode::FILE, Owner::ROOT, text);
    let state: String = shells.iter().map(|shell| format!("{shell}\n")).collect();
    out.file(known("var/lib/shells.state"), Mode::FILE, Owner::ROOT, state);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Image, check};

    #[test]
    fn shells_are_listed_as_named_and_where_they_are() {
        let image = Image::new()
            .package("debianutils", "")
            .link("bin", "usr/bin")
            .directory("usr/bin")
            .file(TEMPLATE, "# valid\n/bin/sh\n")
            .file("usr/share/debianutils/shells.d/bash", "/bin/bash\n/usr/bin/bash\n");
        check(
            handle,
            &image,
            "f 0644 0:0 /etc/shells \"# valid\\n/bin/sh\\n/usr/bin/sh\\n/bin/bash\\n/usr/bin/bash\\n\"\n\
             f 0644 0:0 /var/lib/shells.state \"/bin/sh\\n/usr/bin/sh\\n/bin/bash\\n/usr/bin/bash\\n\"\n",
        );
    }
}
