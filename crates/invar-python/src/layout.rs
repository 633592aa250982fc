use invar_tree::{ImagePath, PathError};

/// Where a virtual environment is in the image, and for which Python: all that decides where files of a wheel land.
///
/// The paths are those of the `venv` scheme of `sysconfig`; `purelib` and `platlib` are one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentLayout {
    /// The environment's directory, such as `app/.venv`.
    pub prefix: ImagePath,
    /// The major and minor version of Python.
    pub python: (u32, u32),
}

impl EnvironmentLayout {
    /// The path of the interpreter that scripts name, such as `/app/.venv/bin/python`.
    pub fn interpreter(&self) -> String {
        format!("{}/bin/python", self.prefix)
    }

    /// `lib/pythonX.Y/site-packages`, relative to the prefix.
    pub fn site_packages(&self) -> String {
        let (major, minor) = self.python;
        format!("lib/python{major}.{minor}/site-packages")
    }

    /// `include/site/pythonX.Y`, relative to the prefix.
    pub fn include(&self) -> String {
        let (major, minor) = self.python;
        format!("include/site/python{major}.{minor}")
    }

    /// The path in the image of `relative`, which is relative to the prefix.
    ///
    /// # Errors
    /// As [`ImagePath::join`].
    pub fn at(&self, relative: &str) -> Result<ImagePath, PathError> {
        self.prefix.join(relative)
    }

    /// How `RECORD` names `relative`, a path relative to the prefix: relative to site-packages.
    pub(crate) fn recorded(&self, relative: &str) -> String {
        let site_packages = self.site_packages();
        let mut from: Vec<&str> = site_packages.split('/').collect();
        let mut to: Vec<&str> = relative.split('/').collect();
        let shared = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
        from.drain(..shared);
        to.drain(..shared);
        let mut path = "../".repeat(from.len());
        path.push_str(&to.join("/"));
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_paths_are_relative_to_site_packages() {
        let layout = EnvironmentLayout { prefix: ImagePath::parse("app/.venv").unwrap(), python: (3, 13) };
        assert_eq!(layout.recorded("bin/uvicorn"), "../../../bin/uvicorn");
        assert_eq!(layout.recorded("lib/python3.13/site-packages/a/b.py"), "a/b.py");
        assert_eq!(layout.recorded("lib/python3.13/x"), "../x");
        assert_eq!(layout.interpreter(), "/app/.venv/bin/python");
    }
}
