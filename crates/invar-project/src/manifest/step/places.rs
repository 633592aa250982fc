//! What steps must not share: places in the image, places in a step's folder, and addresses with two contents.
use std::collections::BTreeMap;
use std::ops::Range;

use invar_tree::{Digest, ImagePath};

use super::Found;
use crate::manifest::error::Problem;
use crate::manifest::reader::{KeyProblem, Reader};
use crate::manifest::{FetchUrl, RelativePath, StepName};

/// Reports every clash among `steps`.
pub(super) fn check(reader: &Reader<'_>, steps: &[Found]) {
    outputs(reader, steps);
    wraps(reader, steps);
    digests(reader, steps);
    for found in steps {
        folders(reader, found);
    }
}

/// Each place in the image is one output, and none is inside that of another step.
fn outputs(reader: &Reader<'_>, steps: &[Found]) {
    let mut places: BTreeMap<&ImagePath, (&StepName, &Range<usize>)> = BTreeMap::new();
    for found in steps {
        for (path, key, span) in &found.outputs {
            if let Some((_, first)) = places.get(path) {
                let problem = KeyProblem::Duplicate { key: key.clone(), name: path.to_string() };
                reader.report_at(Some(span.clone()), Some((*first).clone()), problem);
                continue;
            }
            places.insert(path, (&found.step.name, span));
        }
    }
    for found in steps {
        for (path, key, span) in &found.outputs {
            let outer = path.ancestors().find_map(|outer| {
                let (step, first) = places.get(&outer)?;
                (**step != found.step.name).then(|| (outer, *step, (*first).clone()))
            });
            if let Some((outer, step, first)) = outer {
                let problem = Problem::InsideOutput {
                    key: key.clone(),
                    path: path.to_string(),
                    outer: outer.to_string(),
                    step: step.to_string(),
                };
                reader.report_at(Some(span.clone()), Some(first), problem);
            }
        }
    }
}

/// Each place has one wrapped program.
fn wraps(reader: &Reader<'_>, steps: &[Found]) {
    let mut places: BTreeMap<&ImagePath, &Range<usize>> = BTreeMap::new();
    for found in steps {
        for (wrap, span) in found.step.wraps.iter().zip(&found.wraps) {
            if let Some(first) = places.insert(wrap.place(), span) {
                let (key, name) = (format!("{}.wrap", found.key), wrap.place().to_string());
                let problem = KeyProblem::Duplicate { key, name };
                reader.report_at(Some(span.clone()), Some(first.clone()), problem);
            }
        }
    }
}

/// One address has one content: the lock knows files by their addresses.
fn digests(reader: &Reader<'_>, steps: &[Found]) {
    let mut known: BTreeMap<&FetchUrl, (Digest, &Range<usize>)> = BTreeMap::new();
    for found in steps {
        for (fetch, span) in found.step.fetch.iter().zip(&found.fetch) {
            let Some(digest) = fetch.sha256 else { continue };
            match known.get(&fetch.url) {
                Some((first_digest, first)) if *first_digest != digest => {
                    let problem = Problem::OtherDigest { url: fetch.url.to_string() };
                    reader.report_at(Some(span.clone()), Some((*first).clone()), problem);
                }
                Some(_) => {}
                None => {
                    known.insert(&fetch.url, (digest, span));
                }
            }
        }
    }
}

/// Each downloaded file of a step has a place of its own, which is no folder of another.
fn folders(reader: &Reader<'_>, found: &Found) {
    let mut sorted: Vec<(&RelativePath, &Range<usize>)> =
        found.step.fetch.iter().map(|fetch| &fetch.path).zip(&found.fetch).collect();
    // By names and not by bytes, so that what is inside a folder directly follows it.
    sorted.sort_by_key(|(path, span)| (path.as_str().split('/').collect::<Vec<_>>(), span.start));
    for pair in sorted.windows(2) {
        let [(outer, first), (path, span)] = pair else { continue };
        if path.is_within(outer) {
            let problem =
                KeyProblem::Duplicate { key: format!("{}.fetch", found.key), name: path.to_string() };
            reader.report_at(Some((*span).clone()), Some((*first).clone()), problem);
        }
    }
}
