//! What `invar.lock` records of a derived manifest, and whether that is current.
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use invar_checkout::CheckoutError;
use invar_project::{DerivedManifest, Manifest, ManifestError, ManifestSources, Purpose};
use invar_python::lock_digest;
use invar_tree::Digest;

use crate::change::Change;
use crate::error::DeriveError;
use crate::files::text_if_there;
use crate::named::Named;
use crate::reading::Sources;
use crate::source_kind::SourceKind;

/// The file by which a project asks for a version of Python.
const PYTHON_VERSION: &str = ".python-version";

/// How many problems of a refused manifest are reported.
const MOST_PROBLEMS: usize = 10;

/// Derives the manifest of `named` for `purpose`. Other purposes that it serves as well are recorded with it.
///
/// # Errors
/// [`DeriveError`].
pub fn derive(named: &Named, purpose: Purpose) -> Result<DerivedManifest, DeriveError> {
    derive_for(named, purpose, true)
}

/// The same, but nothing is found out about other purposes: it is shown, and not recorded.
///
/// # Errors
/// [`DeriveError`].
pub fn derive_to_show(named: &Named, purpose: Purpose) -> Result<DerivedManifest, DeriveError> {
    derive_for(named, purpose, false)
}

fn derive_for(named: &Named, purpose: Purpose, asks_others: bool) -> Result<DerivedManifest, DeriveError> {
    let sources = Sources::load(named)?;
    let draft = sources.read(purpose)?;
    let text = draft.to_toml("");
    check(named, &text)?;
    let others = Purpose::ALL.into_iter().filter(|other| asks_others && *other != purpose);
    let serves = |other: &Purpose| {
        // A Dockerfile has no more than one meaning. An output that cannot be used in another way is not used in it.
        named.kind != SourceKind::Flake || sources.read(*other).is_ok_and(|draft| draft.to_toml("") == text)
    };
    let purposes: BTreeSet<Purpose> = others.filter(serves).chain([purpose]).collect();
    let file = &named.source.file;
    let inside = |path: &String| match (named.kind, file.rsplit_once('/')) {
        (SourceKind::Flake, Some((folder, _))) => format!("{folder}/{path}"),
        _ => path.clone(),
    };
    let mut digests = match named.kind {
        // Of the project's own file, only a part matters.
        SourceKind::Project => BTreeMap::from([(PYTHON_VERSION.to_owned(), python_version(named)?)]),
        SourceKind::Dockerfile | SourceKind::Flake => BTreeMap::from([(file.clone(), digest(&named.path)?)]),
    };
    // Of these, only what matters counts, and is recorded on its own.
    let own = |path: &String| !["pyproject.toml", "uv.lock"].contains(&path.as_str());
    for path in draft.read.iter().map(inside).filter(own) {
        let found = digest(&named.folder.join(&path))?;
        digests.insert(path, found);
    }
    Ok(DerivedManifest {
        source: named.source.clone(),
        purposes,
        files: digests.into_iter().filter_map(|(path, digest)| Some((path, digest?))).collect(),
        project: project_digest(sources.pyproject.as_deref()),
        uv_lock: uv_lock_digest(&named.folder)?,
        text,
    })
}

/// What has changed since `manifest` was derived.
///
/// # Errors
/// Where a file cannot be read.
pub fn changes(named: &Named, manifest: &DerivedManifest) -> Result<Vec<Change>, DeriveError> {
    let mut paths: BTreeSet<String> = manifest.files.keys().cloned().collect();
    // A flake that was not locked may be by now.
    let locks = paths.iter().filter_map(|path| path.strip_suffix("flake.nix"));
    paths.extend(locks.map(|folder| format!("{folder}flake.lock")).collect::<Vec<_>>());
    let mut changes = Vec::new();
    let is_of_project = named.kind == SourceKind::Project;
    if is_of_project {
        paths.insert(PYTHON_VERSION.to_owned());
    }
    for path in paths {
        let (expected, found) = (manifest.files.get(&path).copied(), digest(&named.folder.join(&path))?);
        if expected != found {
            changes.push(Change { path, expected, found, is_of_project });
        }
    }
    let pyproject = text_if_there(&named.folder.join("pyproject.toml"))?;
    let (expected, found) = (manifest.project, project_digest(pyproject.as_deref()));
    if expected != found {
        let path = "[project] in pyproject.toml".to_owned();
        changes.push(Change { path, expected, found, is_of_project: true });
    }
    let (expected, found) = (manifest.uv_lock, uv_lock_digest(&named.folder)?);
    if expected != found {
        let path = "uv.lock".to_owned();
        changes.push(Change { path, expected, found, is_of_project: true });
    }
    Ok(changes)
}

/// The digest of the project's `.python-version`; `None` without one.
fn python_version(named: &Named) -> Result<Option<Digest>, DeriveError> {
    digest(&named.folder.join(PYTHON_VERSION))
}

/// The digest of the project's own `uv.lock`, whatever its line ends; `None` without one. That of a workspace is not
/// looked at when a manifest is derived.
fn uv_lock_digest(folder: &Path) -> Result<Option<Digest>, DeriveError> {
    Ok(text_if_there(&folder.join("uv.lock"))?.as_deref().map(lock_digest))
}

/// The digest of a file; `None` if there is none.
fn digest(path: &Path) -> Result<Option<Digest>, DeriveError> {
    /// The longest file that a manifest is derived from, in bytes.
    const LONGEST: u64 = 64 << 20;
    let failed = |source: io::Error| DeriveError::Read { path: path.to_owned(), source };
    let file = match fs::metadata(path) {
        // Opening a pipe would wait for somebody to write to it.
        Ok(metadata) if !metadata.is_file() => return Err(DeriveError::NotAFile { path: path.to_owned() }),
        Ok(_) => fs::File::open(path).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(Digest::of(&bytes)))
}

/// The digest of what a manifest is derived from in `pyproject.toml`; `None` without one, or where it is no TOML.
///
/// It is of a JSON object with the keys in their order and without spaces, so that comments and the order of tables do
/// not matter.
fn project_digest(pyproject: Option<&str>) -> Option<Digest> {
    let table: toml::Table = toml::from_str(pyproject?).ok()?;
    let tool = table.get("tool").and_then(|tool| tool.get("uv"));
    let tables = ["project", "build-system", "dependency-groups"].map(|key| (key, table.get(key)));
    let relevant: BTreeMap<&str, serde_json::Value> = tables
        .into_iter()
        .chain([("tool.uv", tool)])
        .filter_map(|(key, value)| Some((key, serde_json::to_value(value?).ok()?)))
        .collect();
    let mut text = String::new();
    canonical(&mut text, &serde_json::to_value(relevant).ok()?);
    Some(Digest::of(text.as_bytes()))
}

/// JSON with sorted keys and without spaces, whatever order `value` has.
fn canonical(text: &mut String, value: &serde_json::Value) {
    match value {
        serde_json::Value::Object(object) => {
            let sorted: BTreeMap<&String, &serde_json::Value> = object.iter().collect();
            text.push('{');
            for (index, (key, value)) in sorted.into_iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                text.push_str(&serde_json::Value::from(key.as_str()).to_string());
                text.push(':');
                canonical(text, value);
            }
            text.push('}');
        }
        serde_json::Value::Array(list) => {
            text.push('[');
            for (index, value) in list.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                canonical(text, value);
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

/// Nothing is used that would be refused as a manifest.
fn check(named: &Named, text: &str) -> Result<(), DeriveError> {
    let pyproject = named.folder.join("pyproject.toml");
    let project = text_if_there(&pyproject)?;
    let (shown, name) =
        (pyproject.display().to_string(), format!("the manifest derived from {}", named.source));
    let without: Option<String> = project.map(|text| without_manifest(&text));
    let sources = ManifestSources {
        pyproject: without.as_deref().map(|text| (shown.as_str(), text)),
        invar_toml: Some((name.as_str(), text)),
    };
    let Err(error) = Manifest::parse(&sources) else { return Ok(()) };
    // What is wrong with the project is shown where it is; the manifest is written nowhere.
    let alone = ManifestSources { invar_toml: None, ..sources };
    match alone.pyproject.is_some() && Manifest::parse(&alone).is_err() {
        true => Err(CheckoutError::from(error).into()),
        false => Err(refused(named, &error)),
    }
}

/// The failure of a manifest that is written nowhere, so that no line of it can be shown.
pub fn refused(named: &Named, error: &ManifestError) -> DeriveError {
    let problems = error.findings().iter().map(|finding| finding.problem.to_string());
    DeriveError::Refused { path: named.path.clone(), problems: problems.take(MOST_PROBLEMS).collect() }
}

/// A `pyproject.toml` without the manifest that it may have: what is derived is compared with it, and does not add to
/// it.
fn without_manifest(text: &str) -> String {
    let Ok(mut table) = toml::from_str::<toml::Table>(text) else { return text.to_owned() };
    let tool = table.get_mut("tool").and_then(toml::Value::as_table_mut);
    match tool.and_then(|tool| tool.remove("invar")) {
        Some(_) => table.to_string(),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_manifest_is_derived_from_counts() {
        let digest = |text: &str| project_digest(Some(text)).expect("it is TOML");
        let one = digest("[project]\nname = \"cat\"\ndependencies = [\"a\"]\n[tool.uv]\npackage = true\n");
        let same = "# a cat\ntool.uv.package = true\n[tool.ruff]\nx = 1\n[project]\n\
            dependencies = ['a']\nname = \"cat\"\n";
        assert_eq!(digest(same), one);
        for other in [
            "[project]\nname = \"cat\"\ndependencies = [\"b\"]\n[tool.uv]\npackage = true\n",
            "[project]\nname = \"cat\"\ndependencies = [\"a\"]\n[tool.uv]\npackage = false\n",
            "[project]\nname = \"cat\"\ndependencies = [\"a\"]\nscripts.a = \"b:c\"\n[tool.uv]\npackage = true\n",
        ] {
            assert_ne!(digest(other), one, "{other}");
        }
        assert_eq!(project_digest(None), None);
    }
}
