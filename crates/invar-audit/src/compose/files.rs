//! The files of a compose project: where they are, what they say, what was found in them.
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use invar_dockerfile::Span;

use crate::compose::{ComposeError, ComposeFault, ReadFailure};
use crate::finding::Finding;
use crate::report::Report;
use crate::rule::Rule;
use crate::yaml::{Node, parse};

/// Files that are read for one compose file.
const MOST: usize = 100;

/// Services that are known of a file.
const SERVICES: usize = 10_000;

/// All files that were read.
#[derive(Debug, Default)]
pub(super) struct Files {
    all: Vec<File>,
    by_path: BTreeMap<String, usize>,
}

#[derive(Debug)]
struct File {
    path: String,
    text: String,
    root: Rc<Node>,
    /// The first of each name.
    services: BTreeMap<String, Rc<Node>>,
    findings: Vec<Finding>,
    /// What was already reported: several services can extend one.
    told: BTreeSet<(Span, Rule)>,
    /// Instructions of Dockerfiles in it.
    scopes: Vec<Span>,
    /// Whether all of its services belong to the project, not only some that others extend.
    whole: bool,
    /// The services that belong to it.
    used: Vec<Span>,
}

impl Files {
    /// The compose file itself.
    pub(super) fn first(&mut self, path: &str, text: &str) -> Result<usize, ComposeError> {
        self.add(path.to_owned(), text.to_owned())
    }

    /// The file at `path`, which the file `from` names at `span`.
    pub(super) fn named(
        &mut self,
        path: &str,
        from: (usize, Span),
        read: &dyn Fn(&str) -> Result<String, ReadFailure>,
    ) -> Result<usize, ComposeError> {
        if let Some(known) = self.by_path.get(path) {
            return Ok(*known);
        }
        if self.all.len() >= MOST {
            let fault = ComposeFault::TooMany { what: "files", limit: MOST };
            return Err(self.fault(from.0, Some(from.1), fault));
        }
        let text = read(path).map_err(|reason| {
            let fault = ComposeFault::Unread { path: path.to_owned(), reason };
            self.fault(from.0, Some(from.1), fault)
        })?;
        self.add(path.to_owned(), text)
    }

    fn add(&mut self, path: String, text: String) -> Result<usize, ComposeError> {
        let fail = |text: &str, span, fault| ComposeError {
            name: path.clone(),
            text: text.to_owned(),
            span,
            fault: Box::new(fault),
        };
        let root = parse(&text).map_err(|error| fail(&text, Some(error.span), error.into()))?;
        let is_one = |root: &Rc<Node>| root.get("services").is_some() || root.get("include").is_some();
        let Some(root) = root.filter(is_one) else {
            return Err(fail(&text, None, ComposeFault::NoServices));
        };
        let mut services = BTreeMap::new();
        for (name, node) in root.get("services").map(|node| node.all_pairs(SERVICES)).unwrap_or_default() {
            services.entry(name.text().unwrap_or_default().to_owned()).or_insert_with(|| Rc::clone(node));
        }
        let number = self.all.len();
        self.by_path.insert(path.clone(), number);
        self.all.push(File {
            path,
            text,
            root,
            services,
            findings: Vec::new(),
            told: BTreeSet::new(),
            scopes: Vec::new(),
            whole: false,
            used: Vec::new(),
        });
        Ok(number)
    }

    pub(super) fn path(&self, file: usize) -> &str {
        &self.all[file].path
    }

    pub(super) fn text(&self, file: usize) -> &str {
        &self.all[file].text
    }

    pub(super) fn root(&self, file: usize) -> Rc<Node> {
        Rc::clone(&self.all[file].root)
    }

    pub(super) fn service(&self, file: usize, name: &str) -> Option<Rc<Node>> {
        self.all[file].services.get(name).cloned()
    }

    /// All services of the file belong to the project.
    pub(super) fn take_whole(&mut self, file: usize) {
        self.all[file].whole = true;
    }

    /// The service belongs to the project.
    pub(super) fn take_service(&mut self, file: usize, service: &Node) {
        let file = &mut self.all[file];
        // The reader ends a mapping where the next thing begins, after comments that are about that.
        let end = service.last_end();
        let line = file.text.get(end..).and_then(|rest| rest.find('\n')).unwrap_or_default();
        file.used.push(Span::new(service.span.start, end + line));
    }

    pub(super) fn tell(&mut self, file: usize, finding: Finding) {
        let file = &mut self.all[file];
        if finding.span.is_none_or(|span| file.told.insert((span, finding.rule))) {
            file.findings.push(finding);
        }
    }

    pub(super) fn add_scopes(&mut self, file: usize, scopes: impl Iterator<Item = Span>) {
        self.all[file].scopes.extend(scopes);
    }

    pub(super) fn fault(&self, file: usize, span: Option<Span>, fault: ComposeFault) -> ComposeError {
        let file = &self.all[file];
        ComposeError { name: file.path.clone(), text: file.text.clone(), span, fault: Box::new(fault) }
    }

    pub(super) fn reports(self) -> Vec<Report> {
        let report = |file: File| {
            let mut report = Report::new(file.path, file.text, file.findings, &file.scopes);
            // Comments at services that nothing extends excuse what was not looked at.
            report.findings.retain(|finding| {
                let within = |span: &Span| {
                    finding.span.is_none_or(|own| own.start >= span.start && own.start < span.end)
                };
                finding.rule != Rule::UnusedIgnore || file.whole || file.used.iter().any(within)
            });
            report
        };
        self.all.into_iter().map(report).collect()
    }
}
