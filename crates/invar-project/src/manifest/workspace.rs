use invar_python::UvSettings;

use super::OpenFile;
use super::error::ManifestError;

/// The root of a workspace, which need not be a project itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkspaceRoot {
    /// What it says to uv.
    pub uv: UvSettings,
    /// Whether it has a `[project]`.
    pub is_project: bool,
}

impl WorkspaceRoot {
    /// Reads a `pyproject.toml`, which messages call `path`. `None` where it has no workspace.
    ///
    /// # Errors
    /// [`ManifestError`]: it is not TOML, or a setting for uv is wrong.
    pub fn read(path: &str, text: &str) -> Result<Option<Self>, ManifestError> {
        let mut findings = Vec::new();
        let error = |findings| ManifestError::new(findings, vec![(path.to_owned(), text.to_owned())]);
        let Some(file) = OpenFile::new((path, text), &mut findings) else { return Err(error(findings)) };
        let (uv, found) = UvSettings::read(path, &file.table);
        let uv = uv.filter(|uv| uv.is_workspace);
        file.reader.extend(found);
        let is_project = file.table.contains_key("project");
        let findings = file.reader.finish();
        if findings.is_empty() { Ok(uv.map(|uv| Self { uv, is_project })) } else { Err(error(findings)) }
    }
}

/// Reads a `uv.toml`, which messages call `path`.
///
/// # Errors
/// [`ManifestError`]: it is not TOML, or a setting is wrong.
pub fn read_uv_toml(path: &str, text: &str) -> Result<UvSettings, ManifestError> {
    let mut findings = Vec::new();
    let error = |findings| ManifestError::new(findings, vec![(path.to_owned(), text.to_owned())]);
    let Some(file) = OpenFile::new((path, text), &mut findings) else { return Err(error(findings)) };
    let (settings, found) = UvSettings::read_uv_toml(path, &file.table);
    file.reader.extend(found);
    let findings = file.reader.finish();
    if findings.is_empty() { Ok(settings) } else { Err(error(findings)) }
}
