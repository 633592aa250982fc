//! The build front end: a script that calls one hook of a build backend, where the package is built.
//!
//! `frontend/frontend.py` has the arguments, the files and the exit codes in its first lines. It needs nothing but
//! Python's standard library, from 3.9 on. Source: "Source distribution build-system interface" (PEP 517), "Editable
//! installs" (PEP 660).
//!
//! The build environment's Python should run it without `-I` and `-E`: they would make it deaf to `PYTHONHASHSEED`,
//! without which the order of a set reaches what is built. The script itself sees to it that nothing is imported from
//! its own folder or the source tree, unless `backend-path` says so.
//!
//! Format break: a change of the script can change what is built.
use serde_json::json;

use crate::build_system::{BuildSystem, LEGACY_BACKEND};

/// The script's text.
pub const FRONTEND: &str = include_str!("frontend/frontend.py");

/// What an exit code of the script means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrontendExit {
    /// The hook did what it should.
    Done,
    /// The backend cannot be imported: most often it is missing among the requirements of the build.
    BackendNotImported,
    /// The backend lacks the hook, such as `build_editable`.
    HookMissing,
    /// The hook failed, or returned what it must not.
    HookFailed,
    /// The script was called wrongly, or did not come to an end on its own.
    Other,
}

impl FrontendExit {
    /// The meaning of an exit code.
    pub fn from_code(code: i32) -> Self {
        match code {
            0 => Self::Done,
            2 => Self::BackendNotImported,
            3 => Self::HookMissing,
            4 => Self::HookFailed,
            _ => Self::Other,
        }
    }
}

/// The text of the file that tells the script which backend there is, and from where in the source tree, where its
/// Python cannot read `pyproject.toml` itself: before 3.11.
pub fn frontend_system(system: &BuildSystem) -> String {
    let BuildSystem { backend, backend_path, .. } = system;
    let backend = backend.as_deref().unwrap_or(LEGACY_BACKEND);
    json!({ "backend": backend, "backend-path": backend_path }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build_system::build_system;

    #[test]
    fn the_backend_is_told_as_json() {
        let system = build_system(Some(
            "[build-system]\nrequires = []\nbuild-backend = \"a:b\"\nbackend-path = [\".\"]",
        ));
        assert_eq!(frontend_system(&system.unwrap()), r#"{"backend":"a:b","backend-path":["."]}"#);
        assert_eq!(
            frontend_system(&build_system(None).unwrap()),
            r#"{"backend":"setuptools.build_meta:__legacy__","backend-path":[]}"#
        );
        assert!(FRONTEND.contains(LEGACY_BACKEND), "both have one default");
    }

    #[test]
    fn exit_codes_have_meanings() {
        assert_eq!(FrontendExit::from_code(0), FrontendExit::Done);
        assert_eq!(FrontendExit::from_code(3), FrontendExit::HookMissing);
        for code in [-1, 1, 5, 137] {
            assert_eq!(FrontendExit::from_code(code), FrontendExit::Other);
        }
    }
}
