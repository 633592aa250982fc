//! `ENV` and `HEALTHCHECK`.
use invar_dockerfile::{Assignment, Healthcheck, Instruction, Scope};
use toml::Value;

use crate::dockerfile::Reader;
use crate::dockerfile::place::{ENVIRONMENT, PROJECT, below, is_tool};

/// Where an Invar image looks for programs: its environment, and where Debian has them.
pub(super) const SEARCHED: [&str; 6] =
    ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Folders of Debian's programs that an image does not look into on its own.
const FURTHER: [&str; 2] = ["/usr/games", "/usr/local/games"];

/// Variables for uv that name a folder, and that a program may ask for.
const FOLDERS: [&str; 3] = ["UV_PROJECT", "UV_PROJECT_DIR", "UV_PROJECT_ENVIRONMENT"];

impl<'a> Reader<'a> {
    pub(super) fn variable(&mut self, assignment: &Assignment, instruction: &Instruction, scope: &Scope) {
        let name = assignment.name.text.as_str();
        if is_tool(name) && !(FOLDERS.contains(&name) && self.asks_for(name)) {
            return;
        }
        let Some(value) = &assignment.value else { return };
        if name == "PATH" {
            self.search_path(&value.text, instruction, scope);
            return;
        }
        // `PYTHONPATH=$PYTHONPATH:/app`: a name that stands for nothing yet.
        let text = scope.expand(&value.text, self.file.escape).map(|expansion| expansion.text);
        let Ok(text) = text else {
            let _ = self.expand(instruction, scope, value);
            return;
        };
        // Nix has them under this name, in a package or in its profile.
        if text.ends_with("/ca-bundle.crt") {
            self.draft.packages.insert("ca-certificates".to_owned());
            self.draft.image.set_in("env", name, "/etc/ssl/certs/ca-certificates.crt");
            return;
        }
        let text = self.places.of_variable(name, &text);
        self.draft.image.set_in("env", name, text.trim_start_matches(':'));
    }

    /// Whether a program of the project has the name `name` in it.
    fn asks_for(&self, name: &str) -> bool {
        let mut programs = self.context.files.iter().filter(|(path, _)| path.ends_with(".py"));
        programs.any(|(_, text)| text.as_deref().is_some_and(|text| text.contains(name)))
    }

    /// Reads `PATH`. Where the environment's programs are is known here; the project's own folders are added.
    fn search_path(&mut self, value: &str, instruction: &Instruction, scope: &Scope) {
        let mut parts: Vec<String> = vec![format!("{ENVIRONMENT}/bin")];
        parts.extend(SEARCHED.iter().map(|directory| (*directory).to_owned()));
        if let Some(Value::Table(env)) = self.draft.image.get("env")
            && let Some(before) = env.get("PATH").and_then(Value::as_str)
        {
            parts = before.split(':').map(str::to_owned).collect();
        }
        let (mut first, mut last, mut is_first) = (Vec::new(), Vec::new(), true);
        for part in value.trim_matches('"').split(':').filter(|part| !part.is_empty()) {
            if matches!(part, "$PATH" | "${PATH}") {
                is_first = false;
                continue;
            }
            let known = scope.expand(part, self.file.escape).ok().filter(|found| found.missing.is_empty());
            let Some(directory) = known.map(|found| found.text) else {
                self.note(instruction, &format!("{part} has no value here"));
                continue;
            };
            let there = self.places.in_image(&directory);
            if is_of_tools(&directory) || parts.contains(&there) {
                continue;
            }
            if below(&there, PROJECT).is_some() || FURTHER.contains(&there.as_str()) {
                if is_first { first.push(there) } else { last.push(there) }
            } else {
                self.note(
                    instruction,
                    "programs are looked for in the environment and where Debian has them",
                );
            }
        }
        if first.is_empty() && last.is_empty() {
            return;
        }
        let parts: Vec<String> = first.into_iter().chain(parts).chain(last).collect();
        self.draft.image.set_in("env", "PATH", parts.join(":"));
    }

    pub(super) fn health_check(&mut self, check: &Healthcheck, instruction: &'a Instruction, scope: &Scope) {
        let Healthcheck::Command(command) = check else {
            self.draft.image.remove("health-check");
            return;
        };
        let Some(words) = self.command_words(command, instruction, scope) else { return };
        // Large base images have these without a word in the Dockerfile.
        if let Some(program) = words.first().filter(|program| ["curl", "wget"].contains(&program.as_str())) {
            self.draft.packages.insert(program.clone());
        }
        let mut table = toml::Table::new();
        table.insert("command".to_owned(), words.into());
        for (flag, key) in
            [("interval", "interval"), ("timeout", "timeout"), ("start-period", "start-period")]
        {
            if let Some(value) = instruction.flag_value(flag) {
                table.insert(key.to_owned(), value.text.clone().into());
            }
        }
        if let Some(value) = instruction.flag_value("start-interval") {
            let why = format!(
                "the health check has no interval of its own for the start: {} is left out",
                value.text
            );
            self.note(instruction, &why);
        }
        if let Some(retries) =
            instruction.flag_value("retries").and_then(|value| value.text.parse::<i64>().ok())
        {
            table.insert("retries".to_owned(), retries.into());
        }
        self.draft.image.set("health-check", table);
    }
}

/// Whether a folder has tools that images are built with, or is one of a user's own tools.
fn is_of_tools(directory: &str) -> bool {
    let nix = ["/.nix-profile/bin", "/.nix-profile/sbin", "/nix/var/nix/profiles/default/bin"];
    let own = ["/.local/bin", "/.cargo/bin"];
    nix.iter().chain(&own).any(|end| directory.ends_with(end)) || directory.contains("poetry")
}
