//! What a project says to uv, from the file that uv takes it from.
use std::mem;
use std::path::Path;

use invar_formats::spelling::nearest;
use invar_project::read_uv_toml;
use invar_python::{UV_SETTINGS, UvSettings};

use crate::CheckoutError;
use crate::disk::read_text_if_there;

/// The file that takes the place of the settings in `[tool.uv]`.
pub const UV_TOML: &str = "uv.toml";

/// Lets a `uv.toml` in `root`, the folder of the project or of its workspace, take the place of `settings`, which are those of
/// the `pyproject.toml` there. Returns what people should know.
///
/// What is above is not read, nor are the files of the user and of the system: an image depends on the project alone.
///
/// # Errors
/// [`CheckoutError::Read`], and what is wrong with the file.
pub(crate) fn read(root: &Path, settings: &mut UvSettings) -> Result<Vec<String>, CheckoutError> {
    let path = root.join(UV_TOML);
    let mut warnings = Vec::new();
    let place = match read_text_if_there(&path)? {
        None => format!("[tool.uv] of {}", root.join("pyproject.toml").display()),
        Some(text) => {
            let file = read_uv_toml(&path.display().to_string(), &text)?;
            let before = mem::take(settings);
            *settings = before.clone().replaced_by(&file);
            if before.clone().replaced_by(&UvSettings::default()) != before {
                warnings.push(format!(
                    "{} takes the place of settings in [tool.uv], as in uv: move those into it",
                    path.display()
                ));
            }
            path.display().to_string()
        }
    };
    for key in &settings.unknown {
        let nearest = nearest(key, UV_SETTINGS.iter().map(|setting| setting.key));
        let question = nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default();
        warnings.push(format!(
            "unknown key `{key}` in {place}: it is ignored, and uv may ignore all other settings there{question}"
        ));
    }
    Ok(warnings)
}
