//! Prints the start of lines for the table of verdicts: `script-hashes LABEL FOLDER` reads the packages in a folder.
//!
//! For each package whose scripts are more than debhelper's: name, hash, label and version, and whether the table has
//! it. Packages with parts by debhelper that are unknown are told on the standard error.
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::PathBuf;

use invar_debian::read_control;
use invar_maintscript::{Verdict, script_key, verdict};

fn main() -> Result<(), Box<dyn Error>> {
    let [label, directory] = <[String; 2]>::try_from(std::env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "usage: script-hashes LABEL FOLDER")?;
    #[expect(clippy::disallowed_methods, reason = "the names are sorted below")]
    let entries = std::fs::read_dir(directory)?;
    let mut packages: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    packages.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    packages.sort();
    let mut out = std::io::stdout().lock();
    for path in packages {
        let control = read_control(BufReader::new(File::open(&path)?))?;
        let (name, version, known) = (control.package(), control.version(), verdict(&control));
        match script_key(&control) {
            Some(hash) => {
                let known = if matches!(known, Verdict::Unknown { .. }) { "unknown" } else { "known" };
                writeln!(out, "{name}\t{}\t{label} {version}\t{known}", hash.hex())?;
            }
            None if matches!(known, Verdict::Unknown { .. }) => {
                writeln!(std::io::stderr(), "{name} {version}: {known:?}")?;
            }
            None => {}
        }
    }
    Ok(())
}
