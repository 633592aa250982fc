//! Where a Dockerfile has the project and its environment, and where an Invar image has them.
use std::collections::BTreeMap;

use invar_dockerfile::{Command, Kind, RunScript, Source, Stages, run_commands};

use crate::dockerfile::files::Files;

/// Where an image has the project's files.
pub(super) const PROJECT: &str = "/app";

/// The places of a Dockerfile's image.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// The folder that has the project's files, or those of its folder `inner`.
    project: Option<String>,
    /// The folder of the project whose files are there, with a slash before it; nothing for the project's own.
    inner: String,
    /// Folders of virtual environments, without a slash at the end.
    environments: Vec<String>,
    /// The folder in which the program starts.
    workdir: Option<String>,
    /// The folder that an instruction is in while the file is read; nothing where that is the root.
    here: Option<String>,
    /// The version of the image's Python, such as `3.13`.
    python: Option<&'static str>,
}

impl Places {
    /// The places in the image that the stages `chain` make of the project's `files`.
    pub fn of(stages: &Stages<'_>, chain: &[usize], files: Files<'_>, python: Option<&'static str>) -> Self {
        let mut places = Self { python, ..Self::default() };
        let (mut whole, mut copies) = (false, Vec::new());
        for stage in &stages.stages {
            let in_chain = chain.contains(&stage.index);
            let mut workdir = match chain.first() {
                Some(first) if in_chain && *first != stage.index => {
                    places.workdir.clone().unwrap_or_default()
                }
                _ => String::new(),
            };
            let mut walk = stages.walk(stage);
            while let Some((instruction, scope)) = walk.step() {
                let expand =
                    |text: &str| scope.expand(text, '\\').map(|expansion| expansion.text).unwrap_or_default();
                match &instruction.kind {
                    Kind::Workdir(folder) => {
                        workdir = joined(&workdir, &expand(&folder.text));
                        if in_chain {
                            places.workdir = Some(workdir.clone());
                        }
                    }
                    Kind::Env(assignments) => {
                        for assignment in assignments {
                            let names = ["VIRTUAL_ENV", "UV_PROJECT_ENVIRONMENT"];
                            if names.contains(&assignment.name.text.as_str())
                                && let Some(value) = &assignment.value
                            {
                                places.add_environment(joined(&workdir, &expand(&value.text)));
                            }
                        }
                    }
                    Kind::Run(command) => places.add_environments_of(command, instruction, &workdir),
                    Kind::Copy(transfer) | Kind::Add(transfer)
                        if in_chain && instruction.flag("from").is_none() =>
                    {
                        let destination = expand(&transfer.destination.text);
                        let into = transfer.sources.len() > 1 || is_folder(&destination);
                        let destination = joined(&workdir, &destination);
                        // A folder that is there already need not end with a slash.
                        let into = into || destination == workdir;
                        for source in &transfer.sources {
                            let Source::Path(path) = source else { continue };
                            let path = expand(&path.text);
                            if is_all(&path) {
                                places.project = Some(destination.clone());
                                whole = true;
                            } else if !making(&path) && !path.contains("://") {
                                copies.extend(Copied::of(&path, &destination, into, files));
                            }
                        }
                    }
                    _ => {}
                }
            }
            places.add_environment(joined(&workdir, ".venv"));
        }
        if !whole && let Some((inner, project)) = common(&copies) {
            places.inner = inner;
            places.project = Some(project);
        }
        if places.project.is_none() {
            places.project = places.workdir.clone();
        }
        places
    }

    fn add_environment(&mut self, folder: String) {
        let folder = folder.trim_end_matches('/').to_owned();
        if folder.len() > 1 && !self.environments.contains(&folder) {
            self.environments.push(folder);
        }
    }

    /// `python -m venv FOLDER` and `uv venv FOLDER`.
    fn add_environments_of(
        &mut self,
        command: &Command,
        instruction: &invar_dockerfile::Instruction,
        workdir: &str,
    ) {
        let RunScript::Shell(script) = run_commands(command, instruction) else { return };
        for command in script.all() {
            let words: Vec<&str> = command.words.iter().map(|word| word.as_str()).collect();
            let makes = words.windows(2).any(|pair| matches!(pair, ["-m" | "uv", "venv"]))
                || words.first().is_some_and(|program| program.ends_with("virtualenv"));
            if makes && let Some(folder) = words.last().filter(|folder| folder.contains('/')) {
                self.add_environment(joined(workdir, folder));
            }
        }
    }

    /// Whether `path` is in a virtual environment, or is one.
    pub fn is_environment(&self, path: &str) -> bool {
        self.within_environment(path).is_some()
    }

    /// Whether there is a virtual environment somewhere below the folder `path`.
    pub fn has_environment_in(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        self.environments.iter().any(|environment| environment.starts_with(&folder))
    }

    fn within_environment<'p>(&self, path: &'p str) -> Option<&'p str> {
        let inside = |folder: &String| {
            let rest = path.strip_prefix(folder.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then_some(rest)
        };
        self.environments.iter().find_map(inside)
    }

    /// Whether `path` is in the project's folder, or is it.
    pub fn is_project(&self, path: &str) -> bool {
        let there = self.in_image(path);
        there.strip_prefix(PROJECT).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The folder in which the program starts, in an Invar image.
    pub fn workdir(&self) -> Option<String> {
        self.workdir.as_deref().filter(|folder| *folder != "/").map(|folder| self.in_image(folder))
    }

    /// Where an Invar image has what the Dockerfile's has at `path`.
    pub fn in_image(&self, path: &str) -> String {
        if let Some(rest) = self.within_environment(path) {
            return format!("{PROJECT}/.venv{}", self.of_python(rest));
        }
        let project =
            self.project.as_deref().map(|project| project.trim_end_matches('/')).filter(|p| !p.is_empty());
        match project.and_then(|project| path.strip_prefix(project)) {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                format!("{PROJECT}{}{}", self.inner, rest.trim_end_matches('/'))
            }
            _ => path.to_owned(),
        }
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
        match self.within_environment(path).and_then(|rest| rest.strip_prefix("/bin/")) {
            Some(name) => name.to_owned(),
            None => match path.strip_prefix("/usr/local/bin/") {
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
    pub fn enter(&mut self, folder: &str) {
        self.here = Some(self.absolute(folder));
    }

    /// Goes to the folder in which the program starts.
    pub fn enter_last(&mut self) {
        self.here.clone_from(&self.workdir);
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

    /// Where an Invar image has what the Dockerfile's has at `path`, which is given from the folder in which the program
    /// starts.
    pub fn seen_from_workdir(&self, path: &str) -> String {
        self.in_image(&joined(self.workdir.as_deref().unwrap_or("/"), path))
    }
}

/// Whether `path` is a file that the image is made from, and that needs no place in it.
pub(super) fn making(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let making =
        ["requirements", "pyproject.toml", "uv.lock", "poetry.lock", "Pipfile", "setup.", ".python-version"];
    making.iter().any(|start| name.starts_with(start))
}

/// Whether the variable `name` is for a tool that an image is made with.
pub(super) fn is_tool(name: &str) -> bool {
    let tools =
        ["UV_", "PIP_", "POETRY_", "DEBIAN_FRONTEND", "VIRTUAL_ENV", "PYTHON_VERSION", "PIPENV_", "PDM_"];
    tools.iter().any(|tool| name.starts_with(tool))
}

/// Whether a source of `COPY` is all of the context.
pub(super) fn is_all(path: &str) -> bool {
    matches!(path, "." | "./" | "/" | "./.")
}

/// Whether the destination of a `COPY` is written as a folder.
pub(super) fn is_folder(destination: &str) -> bool {
    destination.ends_with('/') || matches!(destination.rsplit('/').next(), Some("." | ".."))
}

/// `path` from `folder`, without `.` parts and a slash at the end.
pub(super) fn joined(folder: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
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

/// What a `COPY` says of where the project is: that the files of its folder `inner` are in the folder `project`.
#[derive(Debug)]
struct Copied {
    /// The folder of the project, with a slash before it; nothing for the project's own.
    inner: String,
    /// The folder of the image.
    project: String,
    /// How many files are copied.
    weight: usize,
}

impl Copied {
    /// What copying `path` to `destination`, and `into` that folder, says; `None` where the file gets another name.
    fn of(path: &str, destination: &str, into: bool, files: Files<'_>) -> Option<Self> {
        let parts = |path: &str| -> Vec<String> {
            path.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect()
        };
        let (mut from, mut to) = (parts(path), parts(destination));
        // A file goes under its own name into a folder; a folder's files go into what is named.
        if !files.is_directory(path) && into {
            from.pop();
        } else if !files.is_directory(path) && from.last() != to.last() {
            return None;
        }
        while !from.is_empty() && from.last() == to.last() {
            from.pop();
            to.pop();
        }
        let joined = |parts: &[String]| parts.iter().map(|part| format!("/{part}")).collect::<String>();
        let project = joined(&to);
        let weight = files.within(path).count().max(1);
        (!project.is_empty()).then(|| Self { inner: joined(&from), project, weight })
    }
}

/// The folder of the project, with a slash before it, and the folder of the image that has its files: `/src` and `/app`
/// for `COPY src/a /app/a` and `COPY src/b /app/b`.
///
/// Where they do not agree, it is the project's own folder, if any is copied as it lies there: what is elsewhere is
/// moved.
fn common(copies: &[Copied]) -> Option<(String, String)> {
    let mut weights: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for Copied { inner, project, weight } in copies {
        *weights.entry((inner, project)).or_default() += weight;
    }
    let has_own = weights.keys().any(|(inner, _)| inner.is_empty());
    weights
        .into_iter()
        .filter(|((inner, _), _)| inner.is_empty() || !has_own)
        .max_by_key(|(_, weight)| *weight)
        .map(|((inner, project), _)| (inner.to_owned(), project.to_owned()))
}
