//! Compose files, and what they name, as `invar audit` reads them.
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read as _};
use std::path::Path;

use invar_audit::{ComposeError, ReadFailure, Report, audit_compose};
use invar_dockerfile::BuildArguments;

use crate::commands::audit::context::Context;
use crate::commands::audit::{LONGEST, audit_bytes, cannot_read, refused, text};
use crate::failure::Failure;
use crate::output::Style;

/// Dockerfiles that are read for one compose file.
const DOCKERFILES: usize = 1_000;

/// Audits the file, those that it includes or extends, and the Dockerfiles that its services are built from.
///
/// # Errors
/// [`Failure`].
pub fn compose(path: &Path, style: Style) -> Result<Vec<Report>, Failure> {
    let text = text(path)?;
    let name = path.display().to_string();
    let mut compose =
        audit_compose(&name, &text, &|path| read(Path::new(path))).map_err(|error| fault(&error))?;
    for sentence in &compose.unseen {
        style.say(&format!("note: {sentence}"));
    }
    let mut reports = Vec::new();
    let mut seen: Vec<(String, String, BTreeMap<String, String>)> = Vec::new();
    for build in std::mem::take(&mut compose.builds).into_iter().take(DOCKERFILES) {
        let folder = Path::new(&build.context);
        let contexts = build.contexts.iter().cloned().collect();
        let Some(dockerfile) = &build.dockerfile else {
            let around = Context::of(folder, None).with(contexts);
            let scripts = compose.inline(&build, &around.surroundings(&|path| around.read(path)));
            let scripts = scripts.map_err(|error| fault(&error))?;
            reports.extend(scripts.into_iter().map(|script| around.named(script)));
            continue;
        };
        let key = (dockerfile.clone(), build.context.clone(), build.arguments.clone());
        if seen.contains(&key) {
            continue;
        }
        let path = Path::new(dockerfile);
        let bytes = plain_file(path).map_err(|source| cannot_read(path, source))?;
        let arguments = BuildArguments { values: build.arguments, ..BuildArguments::default() };
        let around = Context::of(folder, Some(path)).with(contexts);
        reports.extend(audit_bytes(dockerfile, &bytes, &arguments, &around)?);
        seen.push(key);
    }
    let mut all = compose.reports();
    all.extend(reports);
    Ok(all)
}

fn fault(error: &ComposeError) -> Failure {
    refused(&error.name, &error.text, &error.to_string(), error.span)
}

/// The bytes of a plain file. A pipe or device, which a file from elsewhere can name, would never end.
fn plain_file(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn read(path: &Path) -> Result<String, ReadFailure> {
    let refused = |error: io::Error| match error.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => ReadFailure::Missing,
        _ => ReadFailure::Refused(error.to_string()),
    };
    let metadata = fs::metadata(path).map_err(refused)?;
    if !metadata.is_file() {
        return Err(ReadFailure::NotAFile);
    }
    if metadata.len() > LONGEST {
        return Err(ReadFailure::TooLong { limit: LONGEST });
    }
    String::from_utf8(plain_file(path).map_err(refused)?).map_err(|_| ReadFailure::NotText)
}
