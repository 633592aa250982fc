//! A virtual environment on this machine, for editors and type checkers.
//!
//! These start the environment's `python`, ask it for `sys.path`, and read the modules there by themselves. What it
//! answers must therefore be paths of this machine. So the environment has one path in the shell and outside: here, a
//! directory with the scripts that start programs and links to the modules; there, the real one, mounted in that place.
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use invar_build::{BuildError, PROJECT};

use crate::failure::Failure;

/// The longest `.pth` file that is read, in bytes.
const LONGEST: u64 = 1 << 20;

/// A virtual environment of the shell, as this machine sees it.
pub struct HostEnvironment {
    /// The real one, in the store.
    inside: PathBuf,
    /// Where it is seen.
    place: PathBuf,
    /// The project.
    project: PathBuf,
    /// `lib/pythonX.Y/site-packages`.
    modules: PathBuf,
}

impl HostEnvironment {
    /// The environment that `inside` is in the shell, to be seen at `place`.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn of(inside: &Path, place: &Path, project: &Path) -> Result<Self, Failure> {
        let read = |path: &Path| {
            fs::canonicalize(path).map_err(|source| BuildError::Read { path: path.to_owned(), source })
        };
        let inside = read(inside)?;
        let lib = inside.join("lib");
        let versions = names(&lib)?.into_iter().filter(|name| name.starts_with("python"));
        let version = versions.max().unwrap_or_else(|| "python3".to_owned());
        let modules = Path::new("lib").join(version).join("site-packages");
        Ok(Self { inside, place: place.to_owned(), project: project.to_owned(), modules })
    }

    /// Whether `program` is one of its interpreters, whose answers are about modules.
    pub fn has(&self, program: &str) -> bool {
        let own = program.strip_prefix(&format!("/{}/bin/", invar_build::ENVIRONMENT));
        own.is_some_and(|name| {
            name.strip_prefix("python")
                .is_some_and(|version| version.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'))
        })
    }

    /// What `invar shell --volume` takes.
    pub fn volume(&self) -> String {
        format!("{}:{}:ro", self.inside.display(), self.place.display())
    }

    /// Writes all but the scripts into `directory`, which is put at the environment's place later.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, directory: &Path) -> Result<(), Failure> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BuildError::Output { path, source }
        };
        let modules = directory.join(&self.modules);
        fs::create_dir_all(&modules).map_err(failed(&modules))?;
        let settings = directory.join("pyvenv.cfg");
        fs::copy(self.inside.join("pyvenv.cfg"), &settings).map_err(failed(&settings))?;
        let source = self.inside.join(&self.modules);
        for name in names(&source)? {
            let (from, to) = (source.join(&name), modules.join(&name));
            let paths = Some(&from).filter(|_| name.ends_with(".pth")).and_then(|from| self.paths(from));
            match paths {
                Some(text) => fs::write(&to, text).map_err(failed(&to))?,
                None => symlink(&from, &to).map_err(failed(&to))?,
            }
        }
        Ok(())
    }

    /// The lines of a `.pth` file with this machine's paths; `None` if none of them names the project.
    fn paths(&self, file: &Path) -> Option<String> {
        let size = fs::metadata(file).ok()?.len();
        let text = if size <= LONGEST { fs::read_to_string(file).ok()? } else { return None };
        let root = format!("/{PROJECT}");
        let here = |line: &str| {
            let inner = Path::new(line).strip_prefix(&root).ok()?;
            Some(self.project.join(inner).display().to_string())
        };
        text.lines().any(|line| here(line).is_some()).then(|| {
            let lines = text.lines().map(|line| here(line).unwrap_or_else(|| line.to_owned()) + "\n");
            lines.collect()
        })
    }
}

/// The names of what is in a directory, sorted; those that are not UTF-8 are no modules.
fn names(directory: &Path) -> Result<Vec<String>, Failure> {
    let failed = |source| BuildError::Read { path: directory.to_owned(), source };
    #[expect(clippy::disallowed_methods, reason = "sorted below, and not part of an image")]
    let entries = fs::read_dir(directory).map_err(failed)?;
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(failed)?.file_name().into_string());
    }
    names.sort_unstable();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_the_project_are_this_machines() {
        let folder = tempfile::tempdir().expect("temporary folders can be made");
        let (inside, place) = (folder.path().join("inside"), folder.path().join("place"));
        let modules = inside.join("lib/python3.13/site-packages");
        fs::create_dir_all(&modules).expect("it can be made");
        let write = |name: &str, text: &str| fs::write(modules.join(name), text).expect("it can be written");
        write("member.pth", "/app/packages/member/src\nimport sys\n/application\n");
        write("other.pth", "/usr/share/other\n");
        write("module.py", "");
        fs::write(inside.join("pyvenv.cfg"), "home = /usr/bin\n").expect("it can be written");

        let environment =
            HostEnvironment::of(&inside, &place, Path::new("/home/me/project")).expect("it is one");
        environment.write(&place).expect("it can be written");
        let seen = place.join("lib/python3.13/site-packages");
        let read = |name: &str| fs::read_to_string(seen.join(name)).expect("it is there");
        assert_eq!(read("member.pth"), "/home/me/project/packages/member/src\nimport sys\n/application\n");
        assert_eq!(read("other.pth"), "/usr/share/other\n");
        assert_eq!(
            fs::read_link(seen.join("module.py")).ok(),
            modules.canonicalize().ok().map(|m| m.join("module.py"))
        );
        assert!(environment.has("/app/.venv/bin/python3.13") && environment.has("/app/.venv/bin/python"));
        assert!(!environment.has("/app/.venv/bin/python-config") && !environment.has("/usr/bin/python3"));
    }
}
