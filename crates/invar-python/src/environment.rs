use invar_tree::{ImagePath, MemoryTree, Mode, Origin, Owner, Sink, SinkError};

use crate::layout::EnvironmentLayout;

/// The virtual environment before any wheel is in it ("Python virtual environments", PEP 405).
///
/// ```text
/// bin/python          -> /{interpreter}
/// bin/python3         -> python
/// bin/pythonX.Y       -> python
/// lib/pythonX.Y/site-packages/
/// lib64               -> lib
/// pyvenv.cfg
/// ```
///
/// `pyvenv.cfg` has the lines `home`, `implementation`, `version_info` and `include-system-site-packages`, each as
/// `key = value` with a line feed after it. What `uv` adds for shells and for its own upkeep (`activate`,
/// `.gitignore`, `CACHEDIR.TAG`, the line `uv`, a patch for distutils) has no use in an image and is left out.
///
/// `interpreter` is the path of the interpreter in the image, `version` its full version.
///
/// Format break: a change here changes every image with a virtual environment.
///
/// # Panics
/// Where the layout's prefix alone is almost as long as a path can be: 4,000 bytes.
pub fn virtual_environment(layout: &EnvironmentLayout, interpreter: &ImagePath, version: &str) -> MemoryTree {
    build(layout, interpreter, version)
        .expect("the names are short, different from each other, and none lies below a file")
}

fn build(
    layout: &EnvironmentLayout,
    interpreter: &ImagePath,
    version: &str,
) -> Result<MemoryTree, SinkError> {
    let at = |relative: &str| {
        layout.at(relative).map_err(|source| SinkError::Write {
            path: layout.prefix.clone(),
            source: std::io::Error::new(std::io::ErrorKind::InvalidInput, source),
        })
    };
    let mut tree = MemoryTree::new(Origin::Environment);
    let (major, minor) = layout.python;
    tree.directory(layout.prefix.clone(), Mode::DIRECTORY, Owner::ROOT)?;
    tree.directory(at(&layout.site_packages())?, Mode::DIRECTORY, Owner::ROOT)?;
    tree.symlink(at("bin/python")?, interpreter.to_string().into(), Owner::ROOT)?;
    tree.symlink(at(&format!("bin/python{major}"))?, "python".into(), Owner::ROOT)?;
    tree.symlink(at(&format!("bin/python{major}.{minor}"))?, "python".into(), Owner::ROOT)?;
    tree.symlink(at("lib64")?, "lib".into(), Owner::ROOT)?;
    let home = interpreter.parent().map_or("/".to_owned(), |home| home.to_string());
    let config = format!(
        "home = {home}\nimplementation = CPython\nversion_info = {version}\n\
         include-system-site-packages = false\n"
    );
    tree.file(at("pyvenv.cfg")?, Mode::FILE, Owner::ROOT, &mut config.as_bytes())?;
    Ok(tree)
}

#[cfg(test)]
mod tests {
    use invar_tree::Contents as _;

    use super::*;

    #[test]
    fn the_tree_is_pinned() {
        let layout = EnvironmentLayout { prefix: ImagePath::parse("app/.venv").unwrap(), python: (3, 13) };
        let interpreter = ImagePath::parse("usr/bin/python3.13").unwrap();
        let tree = virtual_environment(&layout, &interpreter, "3.13.5");
        let config = tree.read(&ImagePath::parse("app/.venv/pyvenv.cfg").unwrap()).unwrap();
        assert_eq!(
            String::from_utf8(config).unwrap(),
            "home = /usr/bin\nimplementation = CPython\nversion_info = 3.13.5\n\
             include-system-site-packages = false\n"
        );
        assert_eq!(
            tree.tree().to_listing(),
            "d\t0755\t0\t0\tapp\n\
             d\t0755\t0\t0\tapp/.venv\n\
             d\t0755\t0\t0\tapp/.venv/bin\n\
             l\t0777\t0\t0\t/usr/bin/python3.13\tapp/.venv/bin/python\n\
             l\t0777\t0\t0\tpython\tapp/.venv/bin/python3\n\
             l\t0777\t0\t0\tpython\tapp/.venv/bin/python3.13\n\
             d\t0755\t0\t0\tapp/.venv/lib\n\
             d\t0755\t0\t0\tapp/.venv/lib/python3.13\n\
             d\t0755\t0\t0\tapp/.venv/lib/python3.13/site-packages\n\
             l\t0777\t0\t0\tlib\tapp/.venv/lib64\n\
             f\t0644\t0\t0\t100\t7ffa8fb4e94e8d2b1d4652ff8db80625586afde20a41032b053f7d84dd65d147\
             \tapp/.venv/pyvenv.cfg\n"
        );
    }
}
