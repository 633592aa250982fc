//! A stage in which Node builds a front end becomes a step.
use invar_dockerfile::{Base, Command, ImageReference, Instruction, Kind, Source, Stage, Stages};

use crate::dockerfile::Reader;
use crate::dockerfile::place::{is_all, joined};
use crate::draft::{DraftStep, Keys};

/// Whether `stage` starts from Node's image.
pub(super) fn is_one(stage: &Stage<'_>) -> bool {
    stage.base == Base::Image
        && ImageReference::parse(&stage.base_name.text)
            .is_ok_and(|reference| reference.short_name() == "node")
}

impl<'a> Reader<'a> {
    /// Makes `stage` a step, with what the stage `target` copies from it as its outputs.
    pub(super) fn front_end(&mut self, stages: &Stages<'a>, stage: &Stage<'a>, target: usize) {
        let before = format!("{} (whatever it is that day)", stage.base_name.text);
        self.draft.pin(
            "Node",
            before,
            "Debian's nodejs and npm, by sha256; npm packages by package-lock.json",
        );
        let (mut workdir, mut folder, mut commands) = ("/".to_owned(), None::<String>, Vec::new());
        let mut walk = stages.walk(stage);
        while let Some((instruction, scope)) = walk.step() {
            let expand =
                |text: &str| scope.expand(text, '\\').map(|expansion| expansion.text).unwrap_or_default();
            match &instruction.kind {
                Kind::Workdir(path) => workdir = joined(&workdir, &expand(&path.text)),
                Kind::Copy(transfer) => {
                    for source in &transfer.sources {
                        let Source::Path(path) = source else { continue };
                        let path = expand(&path.text);
                        let path = path.trim_start_matches("./").trim_end_matches('/').to_owned();
                        // Files of one folder of the project, or of the project's own.
                        let above = match path.rsplit_once('/') {
                            _ if is_all(&path) || path.is_empty() => "",
                            Some((above, name))
                                if name.starts_with("package")
                                    || name.contains("lock")
                                    || name.contains('.') =>
                            {
                                above
                            }
                            Some(_) => path.as_str(),
                            None if path.contains(['.', '*']) => "",
                            None => path.as_str(),
                        };
                        folder.get_or_insert_with(|| above.to_owned());
                    }
                }
                Kind::Run(Command::Shell(line)) => {
                    let line = line.as_str().trim().replace("npm install", "npm ci --offline");
                    commands.push(if line.contains("--offline") {
                        line
                    } else {
                        line.replace("npm ci", "npm ci --offline")
                    });
                }
                _ => {}
            }
        }
        let folder = folder.unwrap_or_default();
        let outputs = self.outputs(stages, stage, target, &workdir, &folder);
        let line = self.file.line(stage.from.span.start);
        let runs_npm = commands.iter().any(|command| command.contains("npm"));
        if outputs.is_empty() || commands.is_empty() || !runs_npm {
            self.note(
                stage.from,
                "this stage has to become a step: only those that use npm are carried over",
            );
            return;
        }
        let mut keys = Keys::default();
        keys.set("name", stage.name.clone().unwrap_or_else(|| format!("stage-{line}")));
        keys.set("packages", vec!["nodejs", "npm"]);
        keys.set("inputs", vec![if folder.is_empty() { "**".to_owned() } else { format!("{folder}/**") }]);
        let enter = if folder.is_empty() { String::new() } else { format!("cd {folder} && ") };
        keys.set("run", format!("{enter}{}", commands.join(" && ")));
        for (from, to) in outputs {
            keys.set_in("outputs", &from, to);
        }
        self.draft.steps.push(DraftStep { keys });
    }

    /// What `target` copies from `stage`: from a path of the project's folder to one of the image.
    fn outputs(
        &self,
        stages: &Stages<'a>,
        stage: &Stage<'a>,
        target: usize,
        workdir: &str,
        folder: &str,
    ) -> Vec<(String, String)> {
        let mut outputs = Vec::new();
        let Some(last) = stages.stages.get(target) else { return outputs };
        let is_from = |instruction: &&Instruction| {
            let from = instruction.flag_value("from").map(|from| from.text.as_str());
            from.and_then(|from| stages.find(from, last.index)) == Some(stage.index)
        };
        for instruction in last.instructions.iter().filter(is_from) {
            let Kind::Copy(transfer) = &instruction.kind else { continue };
            for source in &transfer.sources {
                let Source::Path(path) = source else { continue };
                let path = joined(workdir, &path.text);
                let Some(inside) = path.strip_prefix(workdir.trim_end_matches('/')) else { continue };
                let inside = inside.trim_matches('/');
                let from = if folder.is_empty() { inside.to_owned() } else { format!("{folder}/{inside}") };
                outputs.push((from, self.places.seen_from_workdir(&transfer.destination.text)));
            }
        }
        outputs
    }
}
