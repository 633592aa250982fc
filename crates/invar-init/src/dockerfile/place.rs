//! Where a Dockerfile has the project and its environment, and where an Invar image has them.
use std::collections::BTreeMap;

use invar_dockerfile::{Command, Kind, RunScript, Source, Stages, run_commands};

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
}

impl Places {
    /// The places in the image that the stages `chain` make.
    pub fn of(stages: &Stages<'_>, chain: &[usize]) -> Self {
        let mut places = Self::default();
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
                        let destination = joined(&workdir, &expand(&transfer.destination.text));
                        let [Source::Path(path)] = transfer.sources.as_slice() else { continue };
                        let path = expand(&path.text);
                        let top_files = path.contains('*') && !path.trim_start_matches("./").contains('/');
                        if is_all(&path) || top_files && places.project.is_none() {
                            places.project = Some(destination);
                            whole = true;
                        } else if !making(&path) && !path.contains("://") {
                            copies.push((
                                path.trim_start_matches("./").trim_end_matches('/').to_owned(),
                                destination,
                            ));
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

    fn within_environment<'p>(&self, path: &'p str) -> Option<&'p str> {
        let inside = |folder: &String| {
            let rest = path.strip_prefix(folder.as_str())?;
            (rest.is_empty() || rest.starts_with('/')).then_some(rest)
        };
        self.environments.iter().find_map(inside)
    }

    /// The folder in which the program starts, in an Invar image.
    pub fn workdir(&self) -> Option<String> {
        self.workdir.as_deref().filter(|folder| *folder != "/").map(|folder| self.in_image(folder))
    }

    /// Where an Invar image has what the Dockerfile's has at `path`.
    pub fn in_image(&self, path: &str) -> String {
        if let Some(rest) = self.within_environment(path) {
            return format!("{PROJECT}/.venv{rest}");
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

/// Whether a source of `COPY` is all of the context.
pub(super) fn is_all(path: &str) -> bool {
    matches!(path, "." | "./" | "/" | "./.")
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

/// The folder of the project, with a slash before it, and the folder of the image in which most of `copies` have its
/// files under the same names: `/src` and `/app` for `COPY src/a /app/a` and `COPY src/b /app/b`.
fn common(copies: &[(String, String)]) -> Option<(String, String)> {
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let mut counts: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (path, destination) in copies {
        let (mut from, mut to) = (parts(path), parts(destination));
        // A file goes under its own name into a folder, which the destination may be.
        if from.last() != to.last() {
            from.pop();
        }
        while !from.is_empty() && from.last() == to.last() {
            from.pop();
            to.pop();
        }
        let joined = |parts: &[String]| parts.iter().map(|part| format!("/{part}")).collect::<String>();
        let place = (joined(&from), joined(&to));
        if !place.1.is_empty() {
            *counts.entry(place).or_default() += 1;
        }
    }
    // Of two that are as frequent, the project's own folder.
    counts
        .into_iter()
        .max_by_key(|((inner, _), count)| (*count, std::cmp::Reverse(inner.len())))
        .map(|(place, _)| place)
}
