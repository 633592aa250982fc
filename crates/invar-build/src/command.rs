//! What an image's command names, and whether the image has it.
//!
//! A container may get more files when it is started, so that something is not there is a warning and no error.
use std::sync::Arc;

use invar_oci::ImageConfig;
use invar_plan::Plan;
use invar_run::resolve;
use invar_tree::{Entry, ImagePath, Node, Tree};

/// Programs whose first argument that is no option is a file to run.
const RUNNERS: [&str; 7] = ["python", "sh", "bash", "dash", "node", "perl", "ruby"];

/// Sentences about what the command of `config` and the steps of `plan` name, and `tree` does not have.
pub(crate) fn lacking(tree: &Tree, config: &ImageConfig, plan: &Plan) -> Vec<String> {
    let image = Image { tree, config };
    let mut found = Vec::new();
    let command: Vec<&str> =
        config.entrypoint.iter().chain(&config.cmd).flatten().map(String::as_str).collect();
    if let Some((program, arguments)) = command.split_first() {
        match image.find(program) {
            None => found.push(format!("`{program}` not found in the image: its command cannot start")),
            Some(entry) if !is_executable(entry) => {
                found.push(format!("`{program}` is not executable in the image: its command cannot start"));
            }
            Some(_) => {
                if let Some(file) = image.missing_file(program, arguments) {
                    found.push(format!("`{file}` not found in the image, and its command runs it"));
                }
            }
        }
    }
    for step in plan.steps.iter().map(|planned| &planned.step).filter(|step| step.in_image) {
        for wrap in step.wraps.iter().filter(|wrap| *wrap.place() != wrap.program) {
            let (name, program, place) = (&step.name, &wrap.program, wrap.place());
            let arguments: Vec<&str> = wrap.args.iter().map(String::as_str).collect();
            if image.get(&program.to_string()).is_none() {
                found.push(format!("step {name}: `{program}` not found in the image, and {place} starts it"));
            } else if let Some(file) = image.missing_file(program.name(), &arguments)
                && file.starts_with('/')
            {
                found.push(format!("step {name}: `{file}` not found in the image, and {place} runs it"));
            }
        }
        for (place, target) in &step.links {
            if image.get(&target.to_string()).is_none() {
                let name = &step.name;
                found
                    .push(format!("step {name}: `{target}` not found in the image, and {place} leads to it"));
            }
        }
    }
    found
}

/// Whether whoever may run files may run this one.
fn is_executable(entry: &Entry) -> bool {
    !entry.is_directory() && entry.mode.bits() & 0o111 != 0
}

struct Image<'a> {
    tree: &'a Tree,
    config: &'a ImageConfig,
}

impl Image<'_> {
    /// What is at `path` when all links are followed. A relative path begins in the working directory.
    fn get(&self, path: &str) -> Option<&Entry> {
        let folder = self.config.working_dir.as_deref().unwrap_or("/");
        let path = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
        let links = |place: &str| match &self.tree.get(place)?.node {
            Node::Symlink { target } => Some(Arc::clone(target)),
            Node::File { .. } | Node::Directory => None,
        };
        let path = ImagePath::parse(path.trim_start_matches('/')).ok()?;
        self.tree.get(&resolve(&path, &links)?)
    }

    /// The program that an engine starts for `name` (OCI runtime specification, `process.args`: as `execvp`).
    fn find(&self, name: &str) -> Option<&Entry> {
        if name.contains('/') {
            return self.get(name);
        }
        let path = self.config.env.iter().find(|(name, _)| name == "PATH");
        let folders = path.map(|(_, path)| path.as_str()).unwrap_or_default();
        folders.split(':').find_map(|folder| self.get(&format!("{folder}/{name}")))
    }

    /// The file that `program` is to run with `arguments` and that is not there.
    fn missing_file<'a>(&self, program: &str, arguments: &[&'a str]) -> Option<&'a str> {
        let name = program.rsplit('/').next().unwrap_or(program);
        let name = name.trim_end_matches(|character: char| character.is_ascii_digit() || character == '.');
        let first =
            arguments.iter().find(|argument| !["-u", "-B", "-E", "-I", "-s", "-O"].contains(argument))?;
        let is_file = RUNNERS.contains(&name) && !first.starts_with('-');
        (is_file && self.get(first).is_none()).then_some(first)
    }
}

#[cfg(test)]
mod tests {
    use invar_tree::{MemoryTree, Mode, Origin, Owner, Sink as _};

    use super::*;

    #[test]
    fn what_a_command_names_is_looked_for_as_an_engine_does() {
        let path = |path: &str| ImagePath::parse(path).unwrap();
        let mut tree = MemoryTree::new(Origin::Source);
        let files = [
            ("usr/bin/python3.13", Mode::PROGRAM),
            ("app/main.py", Mode::FILE),
            ("app/run.sh", Mode::FILE),
            ("app/tool", Mode::PROGRAM),
        ];
        for (file, mode) in files {
            tree.file(path(file), mode, Owner::ROOT, &mut &b""[..]).unwrap();
        }
        tree.symlink(path("bin"), "usr/bin".into(), Owner::ROOT).unwrap();
        tree.symlink(path("usr/bin/python"), "python3.13".into(), Owner::ROOT).unwrap();
        tree.symlink(path("usr/bin/gone"), "/nowhere".into(), Owner::ROOT).unwrap();
        let check = |command: &[&str], expected: &str| {
            let config = ImageConfig {
                architecture: "amd64".into(),
                variant: None,
                created: String::new(),
                entrypoint: None,
                cmd: Some(command.iter().map(|word| (*word).to_owned()).collect()),
                env: vec![("PATH".to_owned(), "/missing:/bin".to_owned())],
                user: None,
                working_dir: Some("/app".to_owned()),
                exposed_ports: Default::default(),
                volumes: Default::default(),
                labels: Default::default(),
                stop_signal: None,
                healthcheck: None,
                history: Vec::new(),
            };
            let plan = Plan {
                platform: invar_project::Platform::LinuxAmd64,
                interpreter: None,
                layers: Vec::new(),
                sources: Vec::new(),
                steps: Vec::new(),
                scripts: None,
                bytecode: false,
            };
            let found = lacking(tree.tree(), &config, &plan).join("\n");
            let matches = if expected.is_empty() { found.is_empty() } else { found.contains(expected) };
            assert!(matches, "{command:?}: {found:?}");
        };
        check(&["python", "main.py"], "");
        check(&["/bin/python", "-u", "/app/main.py"], "");
        check(&["python", "-m", "module"], "");
        check(&["./tool", "x.py"], "");
        check(&["python", "mian.py"], "`mian.py` not found in the image, and its command runs it");
        check(&["python3.13", "/main.py"], "`/main.py` not found");
        check(&["mytool"], "`mytool` not found in the image: its command cannot start");
        check(&["gone"], "`gone` not found");
        check(&["tool"], "`tool` not found");
        check(&["./run.sh"], "`./run.sh` is not executable");
        check(&[], "");
    }
}
