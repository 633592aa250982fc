//! What is said of a project's files: those that look like secrets and are left out, and those that are large.
use std::io::Read as _;
use std::path::Path;

use invar_project::{LONGEST_SECRET, Reason, Secret, SourceList};

use crate::output::open_plain;

/// From which size on a file is reported, in bytes.
const LARGE: u64 = 50_000_000;

/// How many files of a kind are reported one by one.
const MOST: usize = 5;

/// Files of a project that its author should know of.
#[derive(Debug, Default)]
pub(crate) struct Withheld {
    /// Those that look like secrets and are not source, in the order of their paths.
    pub secrets: Vec<(String, Secret)>,
    /// Those that are large and are source, with their lengths.
    pub large: Vec<(String, u64)>,
}

impl Withheld {
    /// What `listed` leaves out of what is wanted.
    pub fn of(listed: &SourceList, wanted: impl Fn(&str) -> bool) -> Self {
        let secret = |(path, reason): &(String, Reason)| match reason {
            Reason::Secret { kind } if wanted(path) => Some((path.clone(), *kind)),
            _ => None,
        };
        Self { secrets: listed.skipped.iter().filter_map(secret).collect(), large: Vec::new() }
    }

    /// Both.
    pub fn and(mut self, other: Self) -> Self {
        self.secrets.extend(other.secrets);
        self.large.extend(other.large);
        self
    }

    /// Notes a file of the source.
    pub fn note_size(&mut self, path: &str, size: u64) {
        if size > LARGE {
            self.large.push((path.to_owned(), size));
        }
    }

    /// Says what is left out of the image, and what makes it large.
    pub fn report_of_image(mut self, warn: &dyn Fn(&str)) {
        self.report_secrets(warn, "the image");
        self.large.sort_by(|(one, size), (two, other)| other.cmp(size).then_with(|| one.cmp(two)));
        for (path, size) in self.large.iter().take(MOST) {
            let megabytes = size / 1_000_000;
            warn(&format!(
                "{path} has {megabytes} MB: to leave it out of the image, add {path:?} to `exclude`"
            ));
        }
        if let Some(more) = self.large.len().checked_sub(MOST).filter(|more| *more > 0) {
            warn(&format!("{more} more files of the source have more than {} MB", LARGE / 1_000_000));
        }
    }

    /// Says what is left out of what a step takes as it is.
    pub fn report_of_step(mut self, warn: &dyn Fn(&str)) {
        self.report_secrets(warn, "the image");
    }

    /// Says what is left out of the build of a package, as far as it would be installed: what is next to modules.
    pub fn report_of_package(mut self, warn: &dyn Fn(&str), has: impl Fn(&str) -> bool) {
        self.secrets.retain(|(path, _)| {
            path.rsplit_once('/').is_some_and(|(folder, _)| has(&format!("{folder}/__init__.py")))
        });
        self.report_secrets(warn, "the package");
    }

    fn report_secrets(&mut self, warn: &dyn Fn(&str), of: &str) {
        self.secrets.sort();
        for (path, kind) in self.secrets.iter().take(MOST) {
            warn(&format!(
                "{path} looks like a secret ({kind}), so it is not in {of}: to include it, set `include-secrets = \
                 [{path:?}]` in [tool.invar]"
            ));
        }
        if let Some(more) = self.secrets.len().checked_sub(MOST).filter(|more| *more > 0) {
            warn(&format!("{more} more files look like secrets, so they are not in {of}"));
        }
    }
}

/// What the content of the file at `path`, which is `name` in the project, says that it is.
pub(crate) fn secret_in(path: &Path, name: &str) -> Option<Secret> {
    let file = open_plain(path).ok()?;
    // What cannot be read is reported where it is read as source.
    if file.metadata().ok()?.len() > LONGEST_SECRET {
        return None;
    }
    let mut start = Vec::new();
    file.take(LONGEST_SECRET).read_to_end(&mut start).ok()?;
    Secret::in_content(name, &start)
}
