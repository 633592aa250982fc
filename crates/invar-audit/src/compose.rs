//! The audit of a compose file: the images that its services run, and the Dockerfiles that it builds.
//!
//! By the Compose specification: `services`, `build` in its short and long form, `dockerfile_inline`, `args` as a list or
//! a mapping, `additional_contexts`, `${NAME}` with its defaults, anchors and `<<`. Files that are included or extended
//! are not followed.
use std::collections::BTreeMap;

use invar_dockerfile::{Expansion, Scope, Span};

use crate::dockerfile::not_pinned;
use crate::finding::{Finding, Report};
use crate::rule::Rule;
use crate::yaml::{Node, YamlError, parse};

/// Services of a file, and arguments of a service.
const MOST: usize = 1_000;

/// A compose file after its audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Compose {
    /// What was found in the file itself.
    pub report: Report,
    /// The Dockerfiles that it builds, service by service.
    pub builds: Vec<ComposeBuild>,
}

/// A Dockerfile that a service is built from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComposeBuild {
    /// The service.
    pub service: String,
    /// The folder that the build is given, from the compose file's own.
    pub context: String,
    /// The Dockerfile, from that folder, where it is named.
    pub dockerfile: Option<String>,
    /// The Dockerfile itself, where it stands in the compose file.
    pub inline: Option<String>,
    /// Build arguments whose values are known.
    pub arguments: BTreeMap<String, String>,
}

/// A compose file that cannot be audited.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComposeError {
    /// It is no YAML.
    #[error("this is not YAML: {0}")]
    Yaml(#[from] YamlError),
    /// It has no services.
    #[error("the file has no `services`, so it is no compose file")]
    NoServices,
}

impl ComposeError {
    /// Where the fault is.
    pub const fn span(&self) -> Option<Span> {
        match self {
            Self::Yaml(error) => Some(error.span),
            Self::NoServices => None,
        }
    }
}

/// Audits the compose file `text`, which people know as `name`.
///
/// # Errors
/// [`ComposeError`].
pub fn audit_compose(name: &str, text: &str) -> Result<Compose, ComposeError> {
    let root = parse(text)?;
    let services = root.as_ref().and_then(|root| root.get("services")).ok_or(ComposeError::NoServices)?;
    let mut reader = Reader { findings: Vec::new(), builds: Vec::new() };
    for (key, service) in services.pairs().iter().take(MOST) {
        reader.service(key.text().unwrap_or_default(), service);
    }
    let report = Report::new(name, text, reader.findings, &[]);
    Ok(Compose { report, builds: reader.builds })
}

struct Reader {
    findings: Vec<Finding>,
    builds: Vec<ComposeBuild>,
}

impl Reader {
    fn service(&mut self, name: &str, service: &Node) {
        match service.get("build") {
            Some(build) => self.build(name, build),
            None => {
                if let Some(image) = service.get("image") {
                    self.image(image, image.text().unwrap_or_default());
                }
            }
        }
    }

    /// An image that is run, or that a build takes files from.
    fn image(&mut self, node: &Node, name: &str) {
        let image = replaced(name);
        if image.missing.is_empty() {
            self.findings.extend(not_pinned(&image.text, Rule::ServiceImageNotPinned, node.span));
        } else {
            self.outside(node.span, &image);
        }
    }

    fn outside(&mut self, span: Span, value: &Expansion) {
        let names = value.missing.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let message = format!("{names} comes from the environment in which compose is started");
        self.findings.push(Finding::new(Rule::ServiceValueFromOutside, span, message));
    }

    fn build(&mut self, service: &str, build: &Node) {
        let text = |key: &str| {
            let value = replaced(build.get(key)?.text()?);
            Some(value.text)
        };
        let context = build.text().map(|text| replaced(text).text).or_else(|| text("context"));
        let mut arguments = BTreeMap::new();
        if let Some(given) = build.get("args") {
            for (name, value) in given.pairs().iter().take(MOST) {
                let name = name.text().unwrap_or_default();
                let text = if value.is_null() { None } else { value.text() };
                self.argument(name, text, value.span, &mut arguments);
            }
            for item in given.items().iter().take(MOST) {
                let text = item.text().unwrap_or_default();
                let (name, value) =
                    text.split_once('=').map_or((text, None), |(name, value)| (name, Some(value)));
                self.argument(name, value, item.span, &mut arguments);
            }
        }
        if let Some(contexts) = build.get("additional_contexts") {
            let named = contexts.pairs().iter().filter_map(|(_, value)| Some((value, value.text()?)));
            let listed =
                contexts.items().iter().filter_map(|item| Some((item, item.text()?.split_once('=')?.1)));
            for (node, address) in named.chain(listed).take(MOST) {
                if let Some(image) = address.strip_prefix("docker-image://") {
                    self.image(node, image);
                }
            }
        }
        self.builds.push(ComposeBuild {
            service: service.to_owned(),
            context: context.unwrap_or_else(|| ".".to_owned()),
            dockerfile: text("dockerfile"),
            inline: build
                .get("dockerfile_inline")
                .and_then(|node| node.text())
                .map(|text| text.replace("$$", "$")),
            arguments,
        });
    }

    fn argument(
        &mut self,
        name: &str,
        value: Option<&str>,
        span: Span,
        known: &mut BTreeMap<String, String>,
    ) {
        let value = match value {
            Some(value) => replaced(value),
            None => Expansion { missing: [name.to_owned()].into(), ..Expansion::default() },
        };
        if value.missing.is_empty() {
            known.insert(name.to_owned(), value.text);
        } else {
            self.outside(span, &value);
        }
    }
}

/// The text with `${NAME}` replaced by defaults; `$$` is one dollar sign.
fn replaced(text: &str) -> Expansion {
    let scope = Scope::default();
    let mut all = Expansion::default();
    for (number, part) in text.split("$$").enumerate() {
        if number > 0 {
            all.text.push('$');
        }
        match scope.expand_names(part, '\\') {
            Ok(expansion) => {
                all.text.push_str(&expansion.text);
                all.missing.extend(expansion.missing);
            }
            Err(_) => all.text.push_str(part),
        }
    }
    all
}
