//! `dockerTools`: the image's name, what is in it, and how it is started.
use rnix::ast::Expr;
use rowan::ast::AstNode as _;

use crate::flake::nix::{Call, Piece, Value, attributes, calls, value};
use crate::flake::{Reader, bound_name, text_of};

/// The functions of `dockerTools` that make an image.
const FUNCTIONS: [&str; 3] = ["buildImage", "buildLayeredImage", "streamLayeredImage"];

impl Reader<'_> {
    pub(super) fn image(&mut self) {
        let images = calls(&self.root.clone(), &FUNCTIONS);
        for (number, call) in images.iter().enumerate() {
            let Some(Value::Set(set)) = call.arguments.first().map(value) else {
                self.note(&call.node, "what is in this image cannot be read");
                continue;
            };
            if number > 0 {
                let name = bound_name(&call.node).unwrap_or_else(|| "NAME".to_owned());
                let why =
                    format!("a further image: add a table images.{name} with what differs from the first");
                self.note(&call.node, &why);
                continue;
            }
            for (path, content) in attributes(&set) {
                self.image_attribute(&path, &content);
            }
        }
        if images.is_empty() {
            self.application();
        }
    }

    /// Without an image, what the flake's own program runs.
    fn application(&mut self) {
        let root = self.root.clone();
        let derivations = calls(&root, &["mkDerivation", "runCommand", "writeShellApplication"]);
        for call in derivations {
            let name = call.arguments.first().map(value);
            let name = match &name {
                Some(Value::Set(set)) => {
                    let own = ["pname", "name"].iter().find_map(|key| super::attribute(set, key));
                    own.and_then(|own| text_of(&value(&own)))
                }
                Some(text) => text_of(text),
                None => None,
            };
            if let Some(name) = name
                && self.run(&Value::Call(call), &format!("/bin/{name}"))
            {
                return;
            }
        }
    }

    fn image_attribute(&mut self, path: &[String], content: &Expr) {
        let node = content.syntax();
        let held = value(content);
        match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
            ["name" | "tag"] => match text_of(&held) {
                Some(text) => self.draft.image.set(&path[0], text),
                None => self.note(node, "this has to be computed"),
            },
            ["contents" | "copyToRoot", ..] => self.contents(&held, node),
            ["config", rest @ ..] => self.config(rest, &held, content),
            // How Nix cuts layers and dates files is decided here once and for all.
            ["maxLayers" | "created" | "mtime" | "keepContentsDirlinks" | "architecture" | "compressor"] => {}
            _ => self.note(node, "there is no such thing here"),
        }
    }

    /// Packages of the image's root.
    fn contents(&mut self, held: &Value, node: &rnix::SyntaxNode) {
        match held {
            Value::List(list) => list.iter().for_each(|item| self.contents(item, node)),
            Value::Package(package) => {
                if package.ends_with("binSh")
                    || matches!(package.as_str(), "bash" | "bashInteractive" | "busybox")
                {
                    self.draft.shell = true;
                } else {
                    self.add_package(package, node);
                }
            }
            Value::Call(call) if matches!(call.function.as_str(), "buildEnv" | "symlinkJoin") => {
                if let Some(Value::Set(set)) = call.arguments.first().map(value)
                    && let Some(paths) = super::attribute(&set, "paths")
                {
                    self.contents(&value(&paths), paths.syntax());
                }
            }
            Value::Call(call) if call.function == "mkVirtualEnv" => self.environment(call),
            // The project's own program is what its command runs.
            Value::Call(call) if matches!(call.function.as_str(), "mkDerivation" | "runCommand") => {}
            Value::Path(_) => {}
            _ => self.note(node, "this part of the image cannot be read"),
        }
    }

    fn config(&mut self, path: &[&str], held: &Value, content: &Expr) {
        let node = content.syntax();
        match path {
            ["Cmd" | "Entrypoint"] => self.command(path[0], held, node),
            ["Env"] => {
                let Value::List(list) = held else {
                    return self.note(node, "these variables have to be computed");
                };
                for item in list {
                    let text = self.text(item);
                    match text.as_deref().and_then(|text| text.split_once('=')) {
                        // The image's own PATH has the environment's programs and Debian's.
                        Some(("PATH", _)) => {}
                        Some((name, content)) => self.draft.image.set_in("env", name, content),
                        None => self.note(node, "one of these variables has to be computed"),
                    }
                }
            }
            ["ExposedPorts", port] => match port.strip_suffix("/tcp").unwrap_or(port).parse::<i64>() {
                Ok(port) => self.draft.image.add("ports", port),
                Err(_) => self.draft.image.add("ports", *port),
            },
            ["Volumes", folder] => self.draft.image.add("volumes", *folder),
            ["Labels", rest @ ..] => match self.text(held) {
                Some(text) => self.draft.image.set_in("labels", &rest.join("."), text),
                None => self.note(node, "this label has to be computed"),
            },
            ["User"] | ["WorkingDir"] | ["StopSignal"] => {
                let key = match path[0] {
                    "User" => "user",
                    "WorkingDir" => "workdir",
                    _ => "stop-signal",
                };
                match self.text(held) {
                    Some(text) => self.draft.image.set(key, text),
                    None => self.note(node, "this has to be computed"),
                }
            }
            // An empty table of ports or volumes.
            ["ExposedPorts" | "Volumes"] => {}
            _ => self.note(node, "the image's configuration has no such key here"),
        }
    }

    fn command(&mut self, key: &str, held: &Value, node: &rnix::SyntaxNode) {
        let Value::List(list) = held else { return self.note(node, "the command has to be computed") };
        let key = if key == "Cmd" { "command" } else { "entrypoint" };
        let mut words = Vec::new();
        for (number, item) in list.iter().enumerate() {
            // A program of the flake's own is replaced by what it runs.
            if let (0, Value::Text(pieces)) = (number, item)
                && let [Piece::Value(program), Piece::Literal(rest)] = pieces.as_slice()
                && let Value::Call(call) = &**program
                && let Some(wrapped) = self.program_of(call, rest)
            {
                words.extend(wrapped.command);
                for (name, content) in wrapped.env {
                    self.draft.image.set_in("env", &name, content);
                }
                continue;
            }
            match self.text(item) {
                Some(text) => words.push(text),
                None => return self.note(node, "the command has to be computed"),
            }
        }
        self.draft.image.set(key, words);
    }

    fn program_of(&mut self, call: &Call, rest: &str) -> Option<super::wrapper::Program> {
        let name = rest.strip_prefix("/bin/")?;
        if call.function == "mkVirtualEnv" {
            return None;
        }
        self.wrapped(call, name)
    }

    /// Makes the program at `rest` of `program` the image's command; returns whether there is one.
    fn run(&mut self, program: &Value, rest: &str) -> bool {
        let Value::Call(call) = program else { return false };
        let Some(wrapped) = self.program_of(call, rest) else { return false };
        self.draft.image.set("command", wrapped.command);
        for (name, content) in wrapped.env {
            self.draft.image.set_in("env", &name, content);
        }
        true
    }
}
