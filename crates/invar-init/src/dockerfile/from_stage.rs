//! `COPY --from`: what another stage or image has made.
use invar_dockerfile::{Base, Instruction, InstructionKind, Scope, Source, Stage, Stages, Transfer};

use crate::dockerfile::Reader;
use crate::dockerfile::files::{Files, relative};
use crate::dockerfile::front_end;
use crate::dockerfile::place::{is_directory, joined};

/// What a stage has of the project.
pub(super) struct StageContent {
    /// Where the project has it; nothing for all of it.
    pub path: String,
    /// Where the stage has it.
    pub place: String,
}

impl StageContent {
    /// Itself, or what it means where it is a pattern.
    fn matching(self, files: Files<'_>) -> Vec<Self> {
        if !self.path.contains(['*', '?', '[']) {
            return vec![self];
        }
        let directory = self.place.rsplit_once('/').map_or("", |(directory, _)| directory);
        let place = |path: &str| joined(directory, path.rsplit('/').next().unwrap_or(path));
        files.matching(&self.path).into_iter().map(|path| Self { place: place(&path), path }).collect()
    }
}

impl<'a> Reader<'a> {
    pub(super) fn copy_from(
        &mut self,
        from: &str,
        transfer: &Transfer,
        instruction: &Instruction,
        scope: &Scope,
        stages: &Stages<'a>,
        stage: &Stage<'a>,
    ) {
        let source = stages.find(from, stage.index).and_then(|index| stages.stages.get(index));
        for path in &transfer.sources {
            let Source::Path(path) = path else { continue };
            let Some(path) = self.expand(instruction, scope, path) else { continue };
            let Some(destination) = self.expand(instruction, scope, &transfer.destination) else { continue };
            let path = joined("/", &path);
            // uv itself, from its own image or where pip put it: what it installs comes from uv.lock.
            if matches!(path.rsplit('/').next(), Some("uv" | "uvx")) {
                if source.is_none() {
                    let before = format!("{from} (copied from an image)");
                    self.draft.pin("uv", before, "not in the image: Invar reads uv.lock directly");
                }
                continue;
            }
            let Some(source) = source else {
                let why = "the contents of this path are unknown: use a Debian package or a step instead";
                self.note(instruction, why);
                continue;
            };
            if self.is_nixs(source.index, &path, instruction) {
                // A folder may have files of the project next to it.
                let _ = self.copy_brought(stages, source, &path, &destination, is_directory(&destination));
                continue;
            }
            if front_end::is_one(source) || self.is_of_environment(&path) || self.is_collected(&path) {
                continue;
            }
            let into = transfer.sources.len() > 1 || is_directory(&destination);
            let is_project = self.copy_brought(stages, source, &path, &destination, into);
            if is_project || is_installed(&path) || self.places.has_environment_in(&path) {
                continue;
            }
            if let Some(program) = program(&path) {
                self.draft.packages.insert(program.to_owned());
            } else if is_system(&path) && !self.places.is_project(&path) {
                self.note(instruction, "system files come from `packages`: add what this stage installs");
            } else {
                self.note(instruction, "create this path in a step");
            }
        }
    }

    fn is_of_environment(&self, path: &str) -> bool {
        self.places.is_environment(path) || path.contains("site-packages") || path.contains("dist-packages")
    }

    /// Copies what the stage `source` has of the project at `path`; returns whether there is anything.
    fn copy_brought(
        &mut self,
        stages: &Stages<'a>,
        source: &Stage<'a>,
        path: &str,
        destination: &str,
        into: bool,
    ) -> bool {
        let files = Files(self.context.files);
        let mut is_any = false;
        let all = brought(stages, source).into_iter().flat_map(|brought| brought.matching(files));
        for brought in all.collect::<Vec<_>>() {
            let below = |path: &str, directory: &str| -> Option<String> {
                let rest = path.strip_prefix(directory.trim_end_matches('/'))?;
                (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/').to_owned())
            };
            if let Some(rest) = below(&brought.place, path) {
                // It is in what is copied. A file keeps the name that the stage gave it.
                let into = into && rest.is_empty();
                let below = if rest.is_empty() {
                    destination.to_owned()
                } else {
                    format!("{}/{rest}", destination.trim_end_matches('/'))
                };
                self.copy_path(&brought.path, &below, into);
                is_any = true;
            } else if let Some(rest) = below(path, &brought.place) {
                // What is copied is in it; where the project has no such file, the stage has made it.
                let wanted = relative(&format!("{}/{rest}", brought.path));
                if files.has(&wanted) {
                    self.copy_path(&wanted, destination, into);
                    is_any = true;
                }
            }
        }
        is_any
    }
}

/// What `stage`, and those that it starts from, copy of the project.
pub(super) fn brought(stages: &Stages<'_>, stage: &Stage<'_>) -> Vec<StageContent> {
    let mut chain = vec![stage];
    // A stage starts from an earlier one, so this ends.
    while let Base::Stage(base) = chain[chain.len() - 1].base {
        chain.push(&stages.stages[base]);
    }
    let (mut found, mut workdir) = (Vec::new(), "/".to_owned());
    for stage in chain.into_iter().rev() {
        let mut walk = stages.walk(stage);
        while let Some((instruction, scope)) = walk.step() {
            let expand =
                |text: &str| scope.expand(text, '\\').map(|expansion| expansion.text).unwrap_or_default();
            match &instruction.kind {
                InstructionKind::Workdir(directory) => workdir = joined(&workdir, &expand(&directory.text)),
                InstructionKind::Copy(transfer) | InstructionKind::Add(transfer)
                    if instruction.flag("from").is_none() =>
                {
                    let destination = expand(&transfer.destination.text);
                    let into = transfer.sources.len() > 1 || is_directory(&destination);
                    let destination = joined(&workdir, &destination);
                    for source in &transfer.sources {
                        let Source::Path(path) = source else { continue };
                        let path = expand(&path.text);
                        if path.contains("://") {
                            continue;
                        }
                        let path = relative(&path);
                        let name = path.rsplit('/').next().unwrap_or_default();
                        // Without such a file, one with a dot in its name goes into a folder.
                        let place = match into && name.contains('.') {
                            true => joined(&destination, name),
                            false => destination.clone(),
                        };
                        found.push(StageContent { path, place });
                    }
                }
                _ => {}
            }
        }
    }
    found
}

/// The Debian package of a program that images are often given from another stage.
fn program(path: &str) -> Option<&str> {
    let name = path.rsplit('/').next()?;
    ["curl", "dumb-init", "gosu", "tini"].into_iter().find(|known| *known == name)
}

/// Where installers put packages and their programs, and what an image's own Python and certificates bring.
fn is_installed(path: &str) -> bool {
    let places = ["/usr/local", "/usr/local/bin", "/usr/local/lib", "/install", "/etc/ld.so.cache"];
    places.contains(&path)
        || path.starts_with("/etc/ssl/certs")
        || path.starts_with("/usr/local/bin/python")
        || path.starts_with("/usr/local/lib/python")
        || path.contains("/.local")
        || path.contains("wheel")
        || path.contains("requirements")
        || path.contains("venv")
}

/// Whether `path` is one of the folders of a system.
fn is_system(path: &str) -> bool {
    ["/bin", "/etc", "/lib", "/lib64", "/sbin", "/usr"].iter().any(|directory| {
        path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}
