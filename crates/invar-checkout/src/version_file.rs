//! The `.python-version` of a project on disk.
use std::fs;
use std::io::Read as _;
use std::path::Path;

use invar_python::{PythonRequest, VERSION_FILES, VersionFile};

/// How much of it is read, in bytes.
const LONGEST: u64 = 64 << 10;

/// The `.python-version` or `.python-versions` that counts for the project in `folder`: the nearest, in that folder or
/// above it, up to the folder of its workspace. As uv has it, nothing above a workspace counts, nor above a project that
/// is not in one. `None` if there is none, or if it asks for nothing that can be understood.
pub fn version_file(folder: &Path, workspace: Option<&Path>) -> Option<VersionFile> {
    let whole = fs::canonicalize(folder).ok()?;
    let within = |above: &&Path| match workspace {
        Some(root) => above.starts_with(root),
        None => *above == whole,
    };
    let paths =
        whole.ancestors().take_while(within).flat_map(|above| VERSION_FILES.map(|name| above.join(name)));
    let path = paths.into_iter().find(|path| path.is_file())?;
    let mut bytes = Vec::new();
    fs::File::open(&path).ok()?.take(LONGEST).read_to_end(&mut bytes).ok()?;
    let request = PythonRequest::first_of(&String::from_utf8_lossy(&bytes))?;
    let name = match path.strip_prefix(&whole) {
        Ok(name) => name.display().to_string(),
        Err(_) => path.display().to_string(),
    };
    Some(VersionFile { name, request })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_within_the_workspace_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap().join("workspace");
        let member = root.join("packages/member");
        fs::create_dir_all(&member).unwrap();
        let check = |folder: &Path, workspace: Option<&Path>, expected: Option<(&str, &str)>| {
            let found = version_file(folder, workspace);
            let found = found.map(|found| (found.name, found.request.to_string()));
            assert_eq!(found, expected.map(|(name, request)| (name.to_owned(), request.to_owned())));
        };
        check(&member, Some(&root), None);
        fs::write(folder.path().join(".python-version"), "3.9").unwrap();
        check(&member, Some(&root), None);
        check(&root, None, None);
        fs::write(root.join(".python-versions"), "# both\n3.12\n3.11\n").unwrap();
        let above = root.join(".python-versions").display().to_string();
        check(&member, Some(&root), Some((&above, "3.12")));
        check(&member, None, None);
        check(&root, None, Some((".python-versions", "3.12")));
        fs::write(root.join(".python-version"), "3.11").unwrap();
        check(&root, None, Some((".python-version", "3.11")));
        fs::write(member.join(".python-version"), b"\xff\n").unwrap();
        check(&member, Some(&root), None);
        fs::remove_file(member.join(".python-version")).unwrap();
        fs::create_dir(member.join(".python-version")).unwrap();
        let above = root.join(".python-version").display().to_string();
        check(&member, Some(&root), Some((&above, "3.11")));
    }
}
