//! The list of all names of packages, which `invar init` looks into.
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

/// The list. See its own first lines.
const LIST: &str = "crates/invar-init/src/packages.txt";

/// Starts and ends of names that are not in it, as in `package_names.rs` beside it.
const STARTS: [&str; 12] = [
    "elpa-",
    "firefox-esr-l10n",
    "golang-",
    "kernel-",
    "libghc-",
    "libreoffice-help",
    "libreoffice-l10n",
    "librust-",
    "linux-headers",
    "linux-image",
    "node-",
    "r-bioc-",
];
const ENDS: [&str; 4] = ["-cross", "-dbg", "-dbgsym", "-doc"];

/// The most characters that a name has from the one before it.
const MOST_SHARED: usize = 61;

/// Checks the list against the names of the two releases, and writes it where that is asked for.
///
/// # Errors
/// Where it cannot be read or written.
pub fn check(
    trixie: &BTreeSet<&str>,
    bookworm: &BTreeSet<&str>,
    findings: &mut Vec<String>,
) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{LIST}: {error}");
    let old = fs::read_to_string(LIST).map_err(failed)?;
    let head: String =
        old.lines().take_while(|line| line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    let new = head + &list(trixie, bookworm);
    if old == new {
        return Ok(());
    }
    if std::env::var_os("INVAR_BLESS").is_some() {
        println!("wrote {LIST}");
        return fs::write(LIST, new).map_err(failed);
    }
    let (old, new) = (old.lines().count(), new.lines().count());
    findings.push(format!("{LIST}: {old} lines, and {new} with today's names: INVAR_BLESS=1 writes it"));
    Ok(())
}

fn list(trixie: &BTreeSet<&str>, bookworm: &BTreeSet<&str>) -> String {
    let is_listed = |name: &&&str| {
        !STARTS.iter().any(|start| name.starts_with(start))
            && !ENDS.iter().any(|end| name.ends_with(end))
            && !name.contains("-abi-")
            && !name.contains("-api-")
            && name.is_ascii()
    };
    let (mut text, mut before) = (String::new(), "");
    for name in trixie.union(bookworm).filter(is_listed) {
        let shared = before.bytes().zip(name.bytes()).take_while(|(one, other)| one == other).count();
        let shared = shared.min(MOST_SHARED);
        let releases = match (trixie.contains(name), bookworm.contains(name)) {
            (true, true) => '+',
            (true, false) => 't',
            _ => 'b',
        };
        let count = char::from(b'0' + u8::try_from(shared).expect("it is at most 61"));
        // Infallible: it writes to memory.
        let _ = writeln!(text, "{count}{releases}{}", &name[shared..]);
        before = name;
    }
    text
}
