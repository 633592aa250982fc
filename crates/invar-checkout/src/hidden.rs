//! What a package's build does not see, although it names it: said where a build fails.
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::PoisonError;

use invar_project::{Glob, GlobList, Reason, SourceList, SourceRules};

use crate::disk::{read_text_if_there, walk};
use crate::project::ProjectFiles;
use crate::reach;
use crate::selection::{listed, rules_beside};
use crate::workspace::inner;
use crate::{CheckoutError, SourceError};

/// What every build reads.
const ALWAYS: [&str; 3] = ["pyproject.toml", "setup.py", "setup.cfg"];

/// More would not be read.
const MOST: usize = 3;

/// The files that the package at `path`, relative to the project, names in its configuration, or that `lines` of its build's
/// output name, and that its build does not see: a sentence for each, with what to do.
///
/// # Errors
/// What reading the project's folder says.
pub fn hidden_from_build(
    files: &ProjectFiles,
    path: &str,
    lines: &[String],
) -> Result<Vec<String>, CheckoutError> {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    let path = if path == "." { "" } else { path };
    let folder = files.folder.join(path);
    let is_beside = path.starts_with("..") || path.starts_with('/');
    // Paths in `own` start in the folder that has the ignore files.
    let (own, prefix) = match is_beside {
        true => (walk(&mut rules_beside(files, &folder)?, &folder)?, ""),
        false => {
            let mut known = files.packages.read.lock().unwrap_or_else(PoisonError::into_inner);
            (SourceList::clone(&*listed(&|_| {}, files, &mut known)?), path)
        }
    };
    let mut names = reach::all_names(&folder);
    names.extend(ALWAYS.map(str::to_owned));
    let mut found = Vec::new();
    for (skipped, reason) in own.skipped.iter().filter(|(_, reason)| is_of_rules(reason)) {
        if !prefix.is_empty() && reach::is_within(prefix, skipped) {
            found.push(sentence(prefix, reason));
        }
        let Some(name) = reach::below(skipped, prefix) else { continue };
        let is_in =
            |named: &&String| reach::from_root("", named).is_some_and(|it| reach::is_within(&it, name));
        // A directory stands for all that is in it. Settings name directories for many reasons; files, to read them.
        let shown = match names.iter().filter(is_in).find(|named| folder.join(named).is_file()) {
            Some(named) => named.clone(),
            None if is_matched(name, &names) || is_mentioned(name, lines) => name.to_owned(),
            None => continue,
        };
        let place = if prefix.is_empty() { shown } else { format!("{prefix}/{shown}") };
        found.push(sentence(&place, reason));
    }
    found.extend(hidden_outside(files, path, &folder, is_beside, &names)?);
    found.truncate(MOST);
    Ok(found)
}

/// Whether it is for the project to say, and not so for everybody.
fn is_of_rules(reason: &Reason) -> bool {
    matches!(reason, Reason::Dockerignore { .. } | Reason::Gitignore { .. } | Reason::Exclude { .. })
}

/// What is named outside of the package's folder, and there, but not to be seen.
fn hidden_outside(
    files: &ProjectFiles,
    path: &str,
    folder: &Path,
    is_beside: bool,
    names: &BTreeSet<String>,
) -> Result<Vec<String>, CheckoutError> {
    let climbing = names.iter().filter(|name| reach::from_root("", name).is_none() && !name.starts_with('/'));
    let climbing: Vec<&String> = climbing.filter(|name| folder.join(name).is_file()).collect();
    if climbing.is_empty() {
        return Ok(Vec::new());
    }
    let place = match &files.workspace {
        Some(root) => inner(root, folder)?.map(|member| (root.clone(), member)),
        None if is_beside || path.is_empty() => None,
        None => Some((files.folder.clone(), path.to_owned())),
    };
    let mut found = Vec::new();
    for name in climbing {
        let target = place.as_ref().and_then(|(_, member)| reach::from_root(member, name));
        let (Some((root, _)), Some(target)) = (&place, target) else {
            found.push(format!(
                "the build does not see {name}: it is outside of the project, or of its workspace; copy it into the \
                 package's directory"
            ));
            continue;
        };
        let mut rules = match &files.workspace {
            Some(_) => SourceRules::new(&[], &[], None, &[]).map_err(SourceError::Rules)?,
            None => {
                let dockerignore = read_text_if_there(&root.join(".dockerignore"))?;
                let exclude = &files.manifest.exclude;
                SourceRules::new(&[], exclude, dockerignore.as_deref(), &[]).map_err(SourceError::Rules)?
            }
        };
        let skipped = walk(&mut rules, root)?.skipped;
        let reason = skipped.iter().find(|(skipped, _)| reach::is_within(&target, skipped));
        found.extend(reason.map(|(_, reason)| sentence(&target, reason)));
    }
    Ok(found)
}

/// Whether one of the patterns in `names` matches `path`.
fn is_matched(path: &str, names: &BTreeSet<String>) -> bool {
    let globs = names.iter().filter(|name| name.contains(['*', '?', '[']));
    let globs: Vec<Glob> = globs.filter_map(|name| name.parse().ok()).collect();
    // A pattern for everything, as some backends have it, names nothing in particular.
    let globs: Vec<Glob> = globs.into_iter().filter(|glob| !glob.as_str().starts_with('*')).collect();
    GlobList::new(&globs).is_ok_and(|globs| globs.covering(path).is_some())
}

/// Whether one of `lines` names the file at `path`.
fn is_mentioned(path: &str, lines: &[String]) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || "_-.".contains(character);
    lines.iter().any(|line| {
        line.match_indices(path).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + path.len()..].chars().next();
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
    })
}

fn sentence(path: &str, reason: &Reason) -> String {
    let advice = match reason {
        Reason::Dockerignore { .. } => format!("add the line \"!{path}\" to the end of .dockerignore"),
        Reason::Gitignore { file, .. } => {
            format!("add the line \"!{path}\" to the end of {file}, or do not name it")
        }
        Reason::Exclude { .. } => "remove it from `exclude`".to_owned(),
        _ => "move it".to_owned(),
    };
    format!("the build does not see {path}: {reason}; {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_name_files() {
        let mentioned = |line: &str| is_mentioned("docs/README.md", &[line.to_owned()]);
        assert!(mentioned("OSError: Readme file does not exist: docs/README.md"));
        assert!(mentioned("No such file: '/build/source/docs/README.md'"));
        assert!(!mentioned("mydocs/README.md"));
        assert!(!mentioned("docs/README.md.in"));
    }
}
