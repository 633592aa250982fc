//! Services, with the files that are included and the services that are extended.
use std::collections::BTreeSet;
use std::rc::Rc;

use invar_dockerfile::{Expansion, Span};

use crate::compose::files::Files;
use crate::compose::remote::{is_remote, remote_not_pinned};
use crate::compose::{ComposeBuild, ComposeError, ComposeFault, MOST, ReadFailure, replaced};
use crate::finding::Finding;
use crate::paths::{directory_of, joined};
use crate::pins::not_pinned;
use crate::rule::Rule;
use crate::yaml::Node;

/// How many files may include each other, and how many services extend each other, one in the other.
const DEEPEST: usize = 16;

/// A part of a service: what one file says of it.
#[derive(Debug, Clone)]
pub(super) struct ServicePart {
    pub file: usize,
    /// From where its paths begin.
    pub directory: String,
    pub node: Rc<Node>,
}

impl ServicePart {
    /// The value of `key`, with the part that it is in.
    pub(super) fn get(&self, key: &str) -> Option<(&Self, &Rc<Node>)> {
        self.node.get(key).filter(|node| !node.is_null()).map(|node| (self, node))
    }
}

/// Reads services, and keeps what it finds.
pub(super) struct Reader<'a> {
    pub files: Files,
    pub builds: Vec<ComposeBuild>,
    pub unseen: Vec<String>,
    read: &'a dyn Fn(&str) -> Result<String, ReadFailure>,
    /// Files, with where their paths begin, that were included already.
    included: BTreeSet<(Vec<usize>, String)>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(read: &'a dyn Fn(&str) -> Result<String, ReadFailure>) -> Self {
        let files = Files::default();
        Self { files, builds: Vec::new(), unseen: Vec::new(), read, included: BTreeSet::new() }
    }

    /// Reads files that are laid over each other, the later over the earlier, whose paths begin at `folder`; `above`
    /// are those that include them.
    pub(super) fn project(
        &mut self,
        files: &[usize],
        directory: &str,
        above: &mut Vec<Vec<usize>>,
    ) -> Result<(), ComposeError> {
        let mut seen = BTreeSet::new();
        for file in files {
            self.files.take_whole(*file);
            let Some(services) = self.files.root(*file).get("services").cloned() else { continue };
            for (key, _) in services.pairs().iter().take(MOST) {
                let name = key.text().unwrap_or_default();
                if !seen.insert(name.to_owned()) {
                    continue;
                }
                let mut parts = Vec::new();
                for file in files.iter().rev() {
                    let Some(node) = self.files.service(*file, name) else { continue };
                    let part = ServicePart { file: *file, directory: directory.to_owned(), node };
                    self.extended(name, part, &mut BTreeSet::new(), &mut parts)?;
                }
                self.service(name, &parts);
            }
        }
        above.push(files.to_vec());
        for file in files {
            let Some(include) = self.files.root(*file).get("include").cloned() else { continue };
            for item in include.items().iter().take(MOST) {
                self.include(*file, directory, item, above)?;
            }
        }
        above.pop();
        Ok(())
    }

    /// Reads what one item of `include` names: a path, or a mapping with `path`, which can be several.
    fn include(
        &mut self,
        from: usize,
        directory: &str,
        item: &Node,
        above: &mut Vec<Vec<usize>>,
    ) -> Result<(), ComposeError> {
        let path = if item.text().is_some() { Some(item) } else { item.get("path").map(|path| &**path) };
        let Some(path) = path else { return Ok(()) };
        let mut files = Vec::new();
        let own = path.text().map(|_| path);
        for node in own.into_iter().chain(path.items().iter().map(|node| &**node)).take(MOST) {
            let Some(value) = self.place(from, node, "an included file") else { return Ok(()) };
            files.push(self.files.named(&joined(directory, &value), (from, node.span), self.read)?);
        }
        let Some(first) = files.first() else { return Ok(()) };
        let directory = match item.get("project_directory") {
            Some(node) => match self.place(from, node, "the directory of an included project") {
                Some(value) => joined(directory, &value),
                None => return Ok(()),
            },
            None => directory_of(self.files.path(*first)),
        };
        let fault = if above.contains(&files) {
            ComposeFault::Circle
        } else if above.len() >= DEEPEST {
            ComposeFault::TooMany { what: "levels of included files", limit: DEEPEST }
        } else if self.included.insert((files.clone(), directory.clone())) {
            return self.project(&files, &directory, above);
        } else {
            return Ok(());
        };
        Err(self.files.fault(from, Some(path.span), fault))
    }

    /// Adds `part` and those that it extends to `parts`, what overrides before what it overrides.
    fn extended(
        &mut self,
        name: &str,
        part: ServicePart,
        above: &mut BTreeSet<(usize, String)>,
        parts: &mut Vec<ServicePart>,
    ) -> Result<(), ComposeError> {
        let mut next = Some((name.to_owned(), part));
        while let Some((name, part)) = next.take() {
            let fault = if !above.insert((part.file, name)) {
                Some(ComposeFault::Circle)
            } else if above.len() > DEEPEST {
                Some(ComposeFault::TooMany { what: "services that extend each other", limit: DEEPEST })
            } else {
                None
            };
            if let Some(fault) = fault {
                return Err(self.files.fault(part.file, Some(part.node.span), fault));
            }
            self.files.take_service(part.file, &part.node);
            parts.push(part.clone());
            let Some((_, extends)) = part.get("extends") else { continue };
            let service = extends.text().or_else(|| extends.get("service")?.text());
            let Some(service) = service.map(str::to_owned) else { continue };
            let (file, directory) = match extends.get("file") {
                Some(node) => {
                    let Some(value) = self.place(part.file, node, "an extended file") else { continue };
                    let path = joined(&part.directory, &value);
                    (self.files.named(&path, (part.file, node.span), self.read)?, directory_of(&path))
                }
                None => (part.file, part.directory.clone()),
            };
            let Some(node) = self.files.service(file, &service) else {
                let path = self.files.path(file).to_owned();
                let fault = ComposeFault::NoService { service, path };
                return Err(self.files.fault(part.file, Some(extends.span), fault));
            };
            next = Some((service, ServicePart { file, directory, node }));
        }
        Ok(())
    }

    fn service(&mut self, name: &str, parts: &[ServicePart]) {
        if parts.iter().any(|part| part.get("build").is_some()) {
            self.build(name, parts);
        } else if let Some((part, image)) = parts.iter().find_map(|part| part.get("image")) {
            self.image(part.file, image, image.text().unwrap_or_default());
        }
    }

    /// An image that is run, or that a build takes files from.
    pub(super) fn image(&mut self, file: usize, node: &Node, name: &str) {
        let image = replaced(name);
        if !image.missing.is_empty() {
            self.outside(file, node.span, &image);
        } else if let Some(finding) = not_pinned(&image.text, Rule::ServiceImageNotPinned, node.span) {
            self.files.tell(file, finding);
        }
    }

    /// A path in the project, `None` where it cannot be said which or is elsewhere, which is reported. `what` names
    /// it.
    pub(super) fn place(&mut self, file: usize, node: &Node, what: &str) -> Option<String> {
        let value = replaced(node.text()?);
        if !value.missing.is_empty() {
            self.outside(file, node.span, &value);
            self.not_looked_at(file, what, node.text().unwrap_or_default());
            return None;
        }
        if is_remote(&value.text) {
            self.remote(file, node.span, &value.text);
            self.not_looked_at(file, what, &value.text);
            return None;
        }
        Some(value.text)
    }

    /// What is fetched from `address`.
    pub(super) fn remote(&mut self, file: usize, span: Span, address: &str) {
        if let Some(message) = remote_not_pinned(address) {
            self.files.tell(file, Finding::new(Rule::ServiceSourceNotPinned, span, message));
        }
    }

    pub(super) fn outside(&mut self, file: usize, span: Span, value: &Expansion) {
        let names = value.missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("{names} comes from the environment that compose is started in");
        self.files.tell(file, Finding::new(Rule::ServiceValueFromOutside, span, message));
    }

    fn not_looked_at(&mut self, file: usize, what: &str, value: &str) {
        let sentence = format!("{}: {what}, {value}, is not checked", self.files.path(file));
        if !self.unseen.contains(&sentence) {
            self.unseen.push(sentence);
        }
    }
}
