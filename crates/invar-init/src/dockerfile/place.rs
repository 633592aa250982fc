//! Where a Dockerfile has the project and its environment, and where an Invar image has them.
use std::collections::BTreeSet;

/// Where an image has the project's files.
pub(super) const PROJECT: &str = "/app";

/// Where an image has the project's environment.
pub(super) const ENVIRONMENT: &str = "/app/.venv";

/// What a virtual environment has in its own folder: what of a path says that the environment is meant, and not the
/// project that is copied into the same folder.
const OF_ENVIRONMENT: [&str; 8] = ["bin", "etc", "include", "lib", "lib64", "man", "pyvenv.cfg", "share"];

/// What every system has in its root: that is meant there, and not the project's folder of that name.
const OF_ROOT: [&str; 18] = [
    "", "bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run",
    "sbin", "srv", "usr", "var",
];

/// Variables that name the environment's folder, whatever else is in it.
const NAMES_ENVIRONMENT: [&str; 3] = ["CONDA_PREFIX", "UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV"];

/// The places of a Dockerfile's image.
#[derive(Debug, Default)]
pub(super) struct ImagePaths {
    /// The folder that has the project's files, or those of its folder `inner`.
    pub(super) project: Option<String>,
    /// The folder of the project whose files are there, with a slash before it; nothing for the project's own.
    pub(super) inner: String,
    /// Folders of virtual environments, without a slash at the end.
    pub(super) environments: Vec<String>,
    /// The folder in which the program starts.
    pub(super) workdir: Option<String>,
    /// The folder that an instruction is in while the file is read; nothing where that is the root.
    pub(super) here: Option<String>,
    /// The version of the image's Python, such as `3.13`.
    pub(super) python: Option<&'static str>,
    /// The project's files, relative to its folder.
    pub(super) files: BTreeSet<String>,
    /// Whether nothing but where the program starts shows where the project is.
    pub(super) is_guessed: bool,
    /// Folders and files of packages that Nix has built.
    pub(super) trees: Vec<String>,
    /// What of the project stays in the root, where that has the project, since programs look for it there.
    pub(super) kept: BTreeSet<String>,
    /// Whether all of the project is copied into one folder.
    pub(super) is_whole: bool,
}

/// What is at a path of the Dockerfile's image, with the rest of the path: nothing, or with a slash before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PathContent<'p> {
    Project(&'p str),
    Environment(&'p str),
}

impl ImagePaths {
    pub(super) fn add_environment(&mut self, folder: &str) {
        let folder = folder.trim_end_matches('/').to_owned();
        // What is there otherwise is the system's own, and programs of it are found by their names.
        let is_systems = ["/usr", "/usr/local"].contains(&folder.as_str());
        if folder.len() > 1 && !is_systems && !folder.contains('$') && !self.environments.contains(&folder) {
            self.environments.push(folder);
        }
    }

    /// Whether `path` is in a virtual environment, or is one.
    pub fn is_environment(&self, path: &str) -> bool {
        matches!(self.find(path), Some(PathContent::Environment(_)))
    }

    /// Whether there is a virtual environment somewhere in the folder `path`.
    pub fn has_environment_in(&self, path: &str) -> bool {
        self.environments.iter().any(|environment| below(environment, path).is_some())
    }

    /// What is at `path`: of two folders that it is in, the inner one counts, and of one folder that has the project
    /// and the environment, what the rest of the path names.
    fn find<'p>(&self, path: &'p str) -> Option<PathContent<'p>> {
        let environment =
            self.environments.iter().filter_map(|folder| below(path, folder)).min_by_key(|rest| rest.len());
        let project = self.project.as_deref().map(|project| project.trim_end_matches('/'));
        let project = match project {
            // Only what the project has there is its own.
            Some("") => below(path, "").filter(|rest| {
                let name = rest.trim_start_matches('/').split('/').next().unwrap_or_default();
                !OF_ROOT.contains(&name) && !self.kept.contains(name) && self.has(rest)
            }),
            Some(project) => below(path, project),
            None => None,
        };
        let tree = self.trees.iter().filter_map(|tree| below(path, tree)).min_by_key(|rest| rest.len());
        let is_inner =
            |rest: Option<&str>| tree.is_some_and(|tree| rest.is_none_or(|rest| tree.len() <= rest.len()));
        if is_inner(project) && is_inner(environment) {
            return None;
        }
        match (project, environment) {
            (Some(project), Some(environment)) if project.len() == environment.len() => {
                let name = project.trim_start_matches('/').split('/').next().unwrap_or_default();
                let is_environments = OF_ENVIRONMENT.contains(&name)
                    && !self.has(project.get(..=name.len()).unwrap_or(project));
                Some(if is_environments {
                    PathContent::Environment(environment)
                } else {
                    PathContent::Project(project)
                })
            }
            (Some(project), Some(environment)) if project.len() > environment.len() => {
                Some(PathContent::Environment(environment))
            }
            (Some(project), _) => Some(PathContent::Project(project)),
            (None, environment) => environment.map(PathContent::Environment),
        }
    }

    /// Whether the project has the file or folder `rest` of what is copied.
    fn has(&self, rest: &str) -> bool {
        let path = format!("{}{rest}", self.inner).trim_matches('/').to_owned();
        let inside = format!("{path}/");
        self.files.contains(&path)
            || self.files.range(inside.clone()..).next().is_some_and(|file| file.starts_with(&inside))
    }

    /// Whether `path` is in the project's folder, or is it.
    pub fn is_project(&self, path: &str) -> bool {
        below(&self.in_image(path), PROJECT).is_some()
    }

    /// The folder in which the program starts, in an Invar image.
    pub fn workdir(&self) -> Option<String> {
        self.workdir
            .as_deref()
            .filter(|directory| *directory != "/")
            .map(|directory| self.in_image(directory))
    }

    /// Where an Invar image has what the Dockerfile's has at `path`.
    pub fn in_image(&self, path: &str) -> String {
        match self.find(path) {
            Some(PathContent::Environment(rest)) => format!("{ENVIRONMENT}{}", self.of_python(rest)),
            Some(PathContent::Project(rest)) => {
                format!("{PROJECT}{}{}", self.inner, rest.trim_end_matches('/'))
            }
            None => match path.strip_prefix("/usr/local/lib/python3.") {
                // Where official images have what pip installs.
                Some(rest) if rest.contains("/site-packages") => {
                    format!("{ENVIRONMENT}/lib{}", self.of_python(&format!("/python3.{rest}")))
                }
                _ => path.to_owned(),
            },
        }
    }

    /// Where an Invar image has what the Dockerfile's has at `value`, which is the variable `name`'s.
    pub fn of_variable(&self, name: &str, value: &str) -> String {
        let is_environments =
            self.environments.iter().any(|directory| directory == value.trim_end_matches('/'));
        if is_environments && NAMES_ENVIRONMENT.contains(&name) {
            return ENVIRONMENT.to_owned();
        }
        self.in_text(value)
    }

    /// A path of an environment with the version of Python that the image has: `/lib/python3.13/site-packages`.
    fn of_python(&self, path: &str) -> String {
        let parts = path.split('/').map(|part| match (part.strip_prefix("python3."), self.python) {
            (Some(minor), Some(own)) if minor.parse::<u32>().is_ok() => format!("python{own}"),
            _ => part.to_owned(),
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// A program as it is called in an Invar image: those of the environment by their names.
    pub fn program(&self, path: &str) -> String {
        match self.find(path) {
            Some(PathContent::Environment(rest)) if rest.starts_with("/bin/") => {
                rest["/bin/".len()..].to_owned()
            }
            _ => match path.strip_prefix("/usr/local/bin/") {
                // Where official images have Python, and what pip installs.
                Some(name) => name.to_owned(),
                None => self.in_image(path),
            },
        }
    }

    /// Goes to the root, where a stage begins that starts from an image.
    pub fn leave(&mut self) {
        self.here = None;
    }

    /// Goes to `folder`, as a `WORKDIR` does.
    pub fn enter(&mut self, directory: &str) {
        self.here = Some(self.absolute(directory));
    }

    /// Goes to the folder in which the program starts.
    pub fn enter_last(&mut self) {
        self.here.clone_from(&self.workdir);
    }

    /// Whether `path` is the folder that the file has come to.
    pub fn is_here(&self, path: &str) -> bool {
        self.here.is_some() && self.here == Some(self.absolute(path))
    }

    /// `path` in the Dockerfile's image, which is given from the folder that the file has come to.
    pub fn absolute(&self, path: &str) -> String {
        joined(self.here.as_deref().unwrap_or("/"), path)
    }

    /// Where an Invar image has what the Dockerfile's has at `path`, which is given from the folder that the file has
    /// come to.
    pub fn seen_from_here(&self, path: &str) -> String {
        self.in_image(&self.absolute(path))
    }

    /// Where an Invar image has what the Dockerfile's has at `path`, which is given from the folder in which the
    /// program starts.
    pub fn seen_from_workdir(&self, path: &str) -> String {
        self.in_image(&joined(self.workdir.as_deref().unwrap_or("/"), path))
    }
}

/// What of `path` is below `folder`: nothing where it is that folder, and otherwise with a slash before it.
pub(super) fn below<'p>(path: &'p str, directory: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(directory.trim_end_matches('/'))?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// Whether `path` is a file that the image is built from, and that needs no place in it.
pub(super) fn making(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let making =
        ["requirements", "pyproject.toml", "uv.lock", "poetry.lock", "Pipfile", "setup.", ".python-version"];
    making.iter().any(|start| name.starts_with(start))
}

/// Whether the variable `name` is for a tool that an image is built with.
pub(super) fn is_tool(name: &str) -> bool {
    let tools = [
        "UV_",
        "PIP_",
        "POETRY_",
        "DEBIAN_FRONTEND",
        "VIRTUAL_ENV",
        "PYTHON_VERSION",
        "PIPENV_",
        "PDM_",
        "NIX_",
    ];
    tools.iter().any(|tool| name.starts_with(tool))
}

/// Whether a source of `COPY` is all of the context.
pub(super) fn is_all(path: &str) -> bool {
    matches!(path, "." | "./" | "/" | "./.")
}

/// Whether the destination of a `COPY` is written as a folder.
pub(super) fn is_directory(destination: &str) -> bool {
    destination.ends_with('/') || matches!(destination.rsplit('/').next(), Some("." | ".."))
}

/// `path` from `folder`, without `.` parts and a slash at the end.
pub(super) fn joined(directory: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{directory}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}
