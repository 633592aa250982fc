//! Alternatives that a script registers in a loop, or by way of its own functions.
//!
//! The names and numbers are read from the script, so that a version with other tools is followed:
//!
//! ```text
//! imagemagick-7.q16       for prog in compare animate … ; do        /usr/bin/PROG, and /usr/bin/PROG-im7
//! openjdk-21-jre-headless priority=2111, basedir=…, jre_tools='…'   /usr/bin/TOOL, and /usr/bin/jexec
//! xz-utils                for util in cat more … ; then do          /usr/bin/lzma with slaves lzcat, lzmore, …
//! ```
use invar_debian::{Alternative, AlternativeLink};
use invar_tree::ImagePath;

use crate::View;
use crate::package_files::matches;

/// The alternatives that `package`, whose `postinst` is `script`, registers in a loop.
pub(super) fn alternatives_of(package: &str, script: &str, view: &View<'_>) -> Vec<Alternative> {
    let found = if matches("imagemagick-*.q16", package) {
        imagemagick(package, script)
    } else if matches("openjdk-*-jre-headless", package) {
        openjdk(script, view)
    } else if package == "xz-utils" {
        xz(script)
    } else {
        Some(Vec::new())
    };
    found.unwrap_or_default()
}

/// `/usr/bin/convert` and `/usr/bin/convert-im7`, both to `/usr/bin/convert-im7.q16`.
fn imagemagick(package: &str, script: &str) -> Option<Vec<Alternative>> {
    let (major, depth) = package.strip_prefix("imagemagick-")?.split_once('.')?;
    let mut found = Vec::new();
    for program in words_of_loop(script, "for prog in ")? {
        for name in [program.to_owned(), format!("{program}-im{major}")] {
            let path = format!("{program}-im{major}.{depth}");
            let manual = link(
                &format!("usr/share/man/man1/{name}.1.gz"),
                &format!("{name}.1.gz"),
                &format!("usr/share/man/man1/{path}.1.gz"),
            )?;
            let main = link(&format!("usr/bin/{name}"), &name, &format!("usr/bin/{path}"))?;
            found.push(Alternative { main, priority: 10_000, slaves: vec![manual] });
        }
    }
    Some(found)
}

/// `/usr/bin/java` to `/usr/lib/jvm/java-21-openjdk-amd64/bin/java`, and so on.
fn openjdk(script: &str, view: &View<'_>) -> Option<Vec<Alternative>> {
    let priority = variable(script, "priority")?.parse().ok()?;
    let base = variable(script, "basedir")?.strip_prefix('/')?;
    let mut found = Vec::new();
    for tool in variable(script, "jre_tools")?.split_whitespace() {
        let page = format!("{tool}.1.gz");
        let manual = link(&format!("usr/share/man/man1/{page}"), &page, &format!("{base}/man/man1/{page}"))?;
        let slaves = if view.exists(manual.path.as_str()) { vec![manual] } else { Vec::new() };
        let main = link(&format!("usr/bin/{tool}"), tool, &format!("{base}/bin/{tool}"))?;
        found.push(Alternative { main, priority, slaves });
    }
    let main = link("usr/bin/jexec", "jexec", &format!("{base}/lib/jexec"))?;
    let binfmt = link("usr/share/binfmts/jar", "jexec-binfmt", &format!("{base}/lib/jar.binfmt"))?;
    found.push(Alternative { main, priority, slaves: vec![binfmt] });
    Some(found)
}

/// `/usr/bin/lzma` to `/usr/bin/xz`; with it `unlzma`, `lzcat`, `lzmore` and so on.
fn xz(script: &str) -> Option<Vec<Alternative>> {
    if !script.contains("--install /usr/bin/lzma lzma /usr/bin/xz 20") {
        return None;
    }
    let mut slaves = Vec::new();
    let mut slave = |name: &str, path: &str| -> Option<()> {
        slaves.push(link(&format!("usr/bin/{name}"), name, &format!("usr/bin/{path}"))?);
        let (name, path) = (format!("{name}.1.gz"), format!("{path}.1.gz"));
        let directory = "usr/share/man/man1";
        slaves.push(link(&format!("{directory}/{name}"), &name, &format!("{directory}/{path}"))?);
        Some(())
    };
    slave("unlzma", "unxz")?;
    for tool in words_of_loop(script, "for util in ")? {
        slave(&format!("lz{tool}"), &format!("xz{tool}"))?;
    }
    let directory = "usr/share/man/man1";
    slaves.push(link(&format!("{directory}/lzma.1.gz"), "lzma.1.gz", &format!("{directory}/xz.1.gz"))?);
    let main = link("usr/bin/lzma", "lzma", "usr/bin/xz")?;
    Some(vec![Alternative { main, priority: 20, slaves }])
}

/// The words of a loop, `START word word …`, up to `;` or the end of the line.
fn words_of_loop<'a>(script: &'a str, start: &str) -> Option<impl Iterator<Item = &'a str> + use<'a>> {
    let line = script.lines().find_map(|line| line.trim().strip_prefix(start))?;
    Some(line.split(';').next()?.split_whitespace())
}

/// The value of an assignment that stands alone on its line.
fn variable<'a>(script: &'a str, name: &str) -> Option<&'a str> {
    let value = script.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim().trim_matches(['\'', '"']))
}

/// `None` for names that no file can have.
fn link(link: &str, name: &str, path: &str) -> Option<AlternativeLink> {
    let name = Some(name).filter(|name| !name.contains('/') && ImagePath::parse(name).is_ok())?;
    let (link, path) = (ImagePath::parse(link).ok()?, ImagePath::parse(path).ok()?);
    Some(AlternativeLink { link, name: name.to_owned(), path })
}

#[cfg(test)]
mod tests {
    use crate::alternatives::handle;
    use crate::testing::{Image, check};

    #[test]
    fn imagemagick_has_two_names_for_each_program() {
        let image = Image::new()
            .package("imagemagick-6.q16", "    for prog in compare convert; do\n")
            .file("usr/bin/convert-im6.q16", "");
        check(
            handle,
            &image,
            "l 0777 0:0 /etc/alternatives/convert -> /usr/bin/convert-im6.q16\n\
             l 0777 0:0 /etc/alternatives/convert-im6 -> /usr/bin/convert-im6.q16\n\
             l 0777 0:0 /usr/bin/convert -> /etc/alternatives/convert\n\
             l 0777 0:0 /usr/bin/convert-im6 -> /etc/alternatives/convert-im6\n",
        );
    }

    #[test]
    fn java_is_where_the_script_says() {
        let image = Image::new()
            .package(
                "openjdk-21-jre-headless",
                "priority=2111\nbasedir=/usr/lib/jvm/j\njre_tools='java keytool'\n",
            )
            .file("usr/lib/jvm/j/bin/java", "")
            .file("usr/lib/jvm/j/lib/jexec", "");
        check(
            handle,
            &image,
            "l 0777 0:0 /etc/alternatives/java -> /usr/lib/jvm/j/bin/java\n\
             l 0777 0:0 /etc/alternatives/jexec -> /usr/lib/jvm/j/lib/jexec\n\
             l 0777 0:0 /usr/bin/java -> /etc/alternatives/java\n\
             l 0777 0:0 /usr/bin/jexec -> /etc/alternatives/jexec\n",
        );
    }

    #[test]
    fn xz_has_the_names_of_lzma() {
        let script = "update-alternatives --install /usr/bin/lzma lzma /usr/bin/xz 20 $(\n\
                      \tfor util in cat grep\n\tdo\n";
        let image = Image::new().package("xz-utils", script).file("usr/bin/xz", "").file("usr/bin/xzcat", "");
        check(
            handle,
            &image,
            "l 0777 0:0 /etc/alternatives/lzcat -> /usr/bin/xzcat\n\
             l 0777 0:0 /etc/alternatives/lzma -> /usr/bin/xz\n\
             l 0777 0:0 /usr/bin/lzcat -> /etc/alternatives/lzcat\n\
             l 0777 0:0 /usr/bin/lzma -> /etc/alternatives/lzma\n",
        );
    }

    #[test]
    fn strange_scripts_give_nothing() {
        for (package, script) in [
            ("imagemagick-7.q16", "no loop"),
            ("imagemagick-7", "for prog in a; do"),
            ("openjdk-21-jre-headless", "priority=many\nbasedir=/x\njre_tools=java\n"),
            ("openjdk-21-jre-headless", "priority=1\nbasedir=/../..\njre_tools='../x'\n"),
            ("xz-utils", ""),
        ] {
            check(handle, &Image::new().package(package, script), "");
        }
    }
}
