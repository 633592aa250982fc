use std::collections::BTreeMap;

use invar_project::Manifest;
use invar_tree::ImagePath;

use crate::PROJECT;

/// The manifest as the shell has it: with the dependency groups for developing, the shell's variables, and without the
/// project's files, which are mounted.
pub fn shell_manifest(manifest: &Manifest) -> Manifest {
    let mut shell = manifest.clone();
    for group in manifest.dev_shell_groups() {
        if !shell.groups.contains(&group) {
            shell.groups.push(group);
        }
    }
    shell.include = Some(Vec::new());
    shell.images = BTreeMap::new();
    shell.python.bytecode = false;
    shell.image.user = None;
    if let Ok(name) = "PYTHONPYCACHEPREFIX".parse() {
        // Compiled files would be left in the project.
        shell.image.env.insert(name, "/tmp/pycache".to_owned());
    }
    shell.image.env.extend(manifest.dev_shell.env.clone());
    if let Ok(workdir) = ImagePath::parse(PROJECT) {
        shell.image.workdir = workdir;
    }
    shell
}
