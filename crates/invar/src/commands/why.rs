//! `invar why`
use std::collections::{BTreeMap, VecDeque};
use std::process::ExitCode;

use invar_oci_read::{Kind, Limits, Package};
use invar_project::Purpose;
use invar_tree::ImagePath;
use serde::Serialize;

use crate::cli::{Global, Why};
use crate::commands::inspect::{choose, image_title};
use crate::commands::lock::print;
use crate::commands::open::{Open, platform_to_run};
use crate::difference::shown;
use crate::failure::Failure;
use crate::inventory::Whole;
use crate::provenance;
use crate::report::Told;

/// What is known about a file or package.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// What was asked.
    pub subject: String,
    /// Where it comes from, in words.
    pub origin: String,
    /// What else is known, as names and values.
    pub facts: Vec<(String, String)>,
    /// Why that is in the image: from what was asked for down to it.
    pub chain: Vec<String>,
    /// What cannot be known from here.
    pub unknown: Vec<String>,
}

impl Answer {
    /// An answer without facts.
    pub fn of(subject: impl Into<String>, origin: impl Into<String>) -> Self {
        Self { subject: subject.into(), origin: origin.into(), ..Self::default() }
    }

    /// Adds a fact.
    pub fn fact(&mut self, name: &str, value: impl ToString) {
        self.facts.push((name.to_owned(), value.to_string()));
    }
}

/// Runs the command.
///
/// # Errors
/// [`Failure`]; also if there is no such file or package.
pub fn run(global: &Global, options: &Why, reporter: &dyn Told) -> Result<ExitCode, Failure> {
    let answers = match &options.image {
        Some(_) => in_image(options)?,
        None => in_project(global, options, reporter)?,
    };
    reporter.finish();
    if answers.is_empty() {
        let what = &options.what;
        let (message, hint) = match what.starts_with('/') {
            true => (format!("the image has no {what}"), "run `invar inspect --json` to list all files"),
            false => (format!("the image has no package {what:?}"), "start the path of a file with a slash"),
        };
        return Err(Failure::input(message, Some(hint)));
    }
    if global.json {
        return print(&format!("{}\n", serde_json::to_string(&answers).expect("it is plain data")));
    }
    if global.quiet {
        return Ok(ExitCode::SUCCESS);
    }
    print(&answers.iter().map(text).collect::<Vec<String>>().join("\n"))
}

fn text(answer: &Answer) -> String {
    let mut text = format!("{}\n  comes from {}\n", shown(&answer.subject), shown(&answer.origin));
    for (name, value) in &answer.facts {
        text.push_str(&format!("  {name}: {}\n", shown(value)));
    }
    if !answer.chain.is_empty() {
        text.push_str("  because\n");
        for (depth, link) in answer.chain.iter().enumerate() {
            text.push_str(&format!("    {}{}\n", "  ".repeat(depth), shown(link)));
        }
    }
    for unknown in &answer.unknown {
        text.push_str(&format!("  not known: {}\n", shown(unknown)));
    }
    text
}

/// The path that was asked for, if it is one.
///
/// # Errors
/// If it starts with a slash and is not a path.
fn path_of(what: &str) -> Result<Option<ImagePath>, Failure> {
    let Some(relative) = what.strip_prefix('/') else { return Ok(None) };
    let path = ImagePath::parse(relative);
    path.map(Some).map_err(|error| Failure::input(format!("{what} is not a path in an image: {error}"), None))
}

fn in_project(global: &Global, options: &Why, reporter: &dyn Told) -> Result<Vec<Answer>, Failure> {
    let path = path_of(&options.what)?;
    let open = Open {
        project: &options.project,
        derive: &options.derive,
        purpose: Purpose::Build,
        keyring: None,
        locked: true,
        keep_failed: false,
    };
    let (session, files) = open.open(global, reporter)?;
    let platform = match &options.platform {
        Some(text) => text
            .parse()
            .map_err(|error: invar_project::ValueError| Failure::input(error.to_string(), None))?,
        None => platform_to_run(&files),
    };
    match path {
        Some(path) => provenance::of_path(&session, &files, platform, &path),
        None => provenance::of_package(&session, &files, platform, &options.what),
    }
}

/// What an image says of itself.
fn in_image(options: &Why) -> Result<Vec<Answer>, Failure> {
    let limits = Limits::usual();
    let wanted = path_of(&options.what)?;
    let file = options.image.as_deref().expect("an image was named");
    let opened = invar_oci_read::open(file, &limits)?;
    let image = choose(&opened, options.platform.as_deref())?;
    let whole = Whole::read(image, &limits)?;
    let title = image_title(&opened, image);
    let unknown = || {
        let locks = "its URL, signing key and reason: the image does not contain the locks; run `invar why` in the \
                     project";
        vec![locks.to_owned()]
    };
    let package = |package: &Package, answer: &mut Answer| {
        answer.fact("record", &package.record);
        let facts = [
            ("architecture", &package.architecture),
            ("source package", &package.source),
            ("URL", &package.url),
        ];
        for (name, value) in facts {
            if let Some(value) = value {
                answer.fact(name, value);
            }
        }
        answer.chain = wanted_by(&whole, package);
        answer.unknown = unknown();
    };
    let Some(path) = wanted else {
        let named = whole.packages.named(&options.what).map(|found| {
            let mut answer = Answer::of(options.what.clone(), found.to_string());
            package(found, &mut answer);
            answer
        });
        return Ok(named.collect());
    };
    let Some(placed) = whole.root.get(path.as_str()) else { return Ok(Vec::new()) };
    let layer = &image.layers[placed.layer];
    let history = layer.history.clone().unwrap_or_default();
    let owner = whole.packages.owner(&path);
    let told = history.comment.or(history.created_by);
    let origin = match (owner, &told) {
        (Some(package), _) => package.to_string(),
        (None, Some(told)) => format!("{} of {title}, described as: {told}", layer.label()),
        (None, None) => format!("{} of {title}", layer.label()),
    };
    let mut answer = Answer::of(path.to_string(), origin);
    let member = &placed.member;
    answer.fact("kind", member.kind.name());
    if let Kind::File { size, digest } = &member.kind {
        answer.fact("size", format!("{size} bytes"));
        answer.fact("content", digest);
    }
    if let Kind::Symlink { target } = &member.kind {
        answer.fact("target", target);
    }
    answer.fact("mode", member.mode);
    answer.fact("owner", format!("{}:{}", member.owner.uid, member.owner.gid));
    let digest = layer.digest.or(layer.diff_id).map(|digest| format!(" ({digest})")).unwrap_or_default();
    answer.fact("layer", format!("{}{digest}", layer.label()));
    match owner {
        Some(found) => package(found, &mut answer),
        None => answer.unknown = unknown(),
    }
    for (name, value) in image.labels() {
        if matches!(name.as_str(), "org.opencontainers.image.source" | "org.opencontainers.image.revision") {
            answer.fact(&name, value);
        }
    }
    Ok(vec![answer])
}

/// A shortest chain of packages that depend on each other, from one that nothing else in the image depends on; only the
/// package itself where all that depends on it goes round in circles.
fn wanted_by(whole: &Whole, package: &Package) -> Vec<String> {
    let all: Vec<&Package> = whole.packages.iter().map(AsRef::as_ref).collect();
    let own = all.iter().position(|other| **other == *package).unwrap_or_default();
    // For each package that was reached, the one that it led to.
    let mut towards = BTreeMap::from([(own, own)]);
    let mut queue = VecDeque::from([own]);
    while let Some(current) = queue.pop_front() {
        let dependents: Vec<usize> = (0..all.len())
            .filter(|&other| other != current && all[other].kind == all[current].kind)
            .filter(|&other| all[other].depends.contains(&all[current].name))
            .collect();
        if dependents.is_empty() {
            let mut chain = vec![all[current].to_string()];
            let mut current = current;
            while towards[&current] != current {
                current = towards[&current];
                chain.push(all[current].to_string());
            }
            return chain;
        }
        for other in dependents {
            towards.entry(other).or_insert_with(|| {
                queue.push_back(other);
                current
            });
        }
    }
    vec![package.to_string()]
}
