//! Prints the listing of an image of the packages in a folder, configured: `configure FOLDER`.
//!
//! What handlers made is told on the standard error, one path a line, with the handler's name.
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::PathBuf;

use invar_debian::{Control, UnpackOptions, read_deb};
use invar_maintscript::{Settings, TimeZone, Verdict, configure, verdict};
use invar_tree::{MemoryTree, Origin};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("usage: configure FOLDER")?;
    #[expect(clippy::disallowed_methods, reason = "the names are sorted below")]
    let entries = std::fs::read_dir(directory)?;
    let mut packages: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    packages.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    packages.sort();
    let mut root = MemoryTree::new(Origin::Source);
    let options = UnpackOptions { docs: true, merged_usr: true, records: false };
    let mut controls = Vec::new();
    let mut told = std::io::stderr().lock();
    for path in packages {
        let control = read_deb(BufReader::new(File::open(&path)?), &options, &mut root)?;
        let known = verdict(&control);
        if matches!(known, Verdict::Unknown { .. } | Verdict::NeedsRun { .. }) {
            writeln!(told, "{}: {known:?}", control.package())?;
        }
        controls.push(control);
    }
    let controls: Vec<&Control> = controls.iter().collect();
    let configured = configure(&root, &controls, &Settings { time_zone: TimeZone::utc() })?;
    for (path, entry) in configured.tree.tree().iter() {
        writeln!(told, "{path}\t{}", entry.origin)?;
    }
    let tree = configured.over(root.tree()).map_err(|clashes| format!("{clashes:?}"))?;
    write!(std::io::stdout().lock(), "{}", tree.to_listing())?;
    Ok(())
}
