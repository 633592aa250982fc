//! The other images of a flake.
use std::collections::BTreeMap;

use invar_flake::{Flake, Output, OutputKind, OutputName, Purpose};
use toml::Value;

use crate::draft::{Draft, Keys, Note, Source};
use crate::flake::reader::{Project, Reader};
use crate::flake::step::step_name;

/// The outputs that are images, in the order in which they are written.
pub(super) fn images(flake: &mut Flake, outputs: &[OutputName]) -> Vec<OutputName> {
    let packages = outputs.iter().filter(|output| output.category == "packages");
    let mut found: Vec<OutputName> = packages
        .filter(|output| {
            let read = flake.output(&format!("\"{}\"", output.name), Purpose::Build);
            matches!(read, Ok(Output { kind: OutputKind::Image(_), .. }))
        })
        .cloned()
        .collect();
    found.sort_by_key(|output| output.place.as_ref().map(|place| (place.file.clone(), place.line)));
    found
}

/// Adds the images of the flake other than `chosen` to `draft`.
pub(super) fn add(
    flake: &mut Flake,
    files: &BTreeMap<String, Option<String>>,
    project: &Project,
    draft: &mut Draft,
    chosen: Option<&Output>,
    outputs: &[OutputName],
) {
    let own = chosen.and_then(|output| output.path.last()).cloned().unwrap_or_default();
    let own_symbol = chosen.and_then(|output| output.symbol);
    for other in images(flake, outputs) {
        if other.name == own {
            continue;
        }
        let Ok(output) = flake.output(&format!("\"{}\"", other.name), Purpose::Build) else { continue };
        // Another name for the same image.
        if output.symbol.is_some() && output.symbol == own_symbol {
            continue;
        }
        let OutputKind::Image(image) = &output.kind else { continue };
        let mut reader = Reader::new(flake, files, project, Draft::default());
        reader.output_place = output.place.clone();
        reader.image(image);
        let further = reader.finish();
        let line = other
            .place
            .as_ref()
            .filter(|place| &*place.file == "flake.nix")
            .map_or(0, |place| place.line as usize);
        let source = Source { file: "flake.nix", line };
        // The steps of a manifest are the project's image's, too.
        if !further.steps.iter().all(|step| draft.steps.contains(step)) {
            let why = format!(
                "an additional image with its own files: show it with `invar init --from 'flake.nix#{}' --print`",
                other.name
            );
            push(draft, Note::new(source, &other.name, why));
            continue;
        }
        let mut keys = Keys::default();
        for (key, value) in further.image.iter() {
            if draft.image.get(key) != Some(value) || key == "name" {
                keys.set(key, value.clone());
            }
        }
        // What the project's image has and this one has not.
        for (key, value) in draft.image.clone().iter() {
            if further.image.get(key).is_none() && key != "name" && key != "tag" {
                match value {
                    Value::Array(_) => keys.set(key, Value::Array(Vec::new())),
                    Value::Table(_) => keys.set(key, toml::Table::new()),
                    _ => {
                        let why =
                            format!("this image has no {key}, but inherits that of the project's image");
                        push(draft, Note::new(source, &other.name, why));
                    }
                }
            }
        }
        if further.packages != draft.packages {
            let names: Vec<Value> = further.packages.iter().map(|name| name.as_str().into()).collect();
            keys.set("packages", Value::Array(names));
        }
        if further.extras != draft.extras {
            keys.set("extras", further.extras.clone().unwrap_or_else(|| Value::Array(Vec::new())));
        }
        if further.groups != draft.groups {
            let names: Vec<Value> = further.groups.iter().map(|name| name.as_str().into()).collect();
            keys.set("groups", Value::Array(names));
        }
        if further.steps.len() != draft.steps.len() {
            let names = further.steps.iter().filter_map(|step| step.keys.get("name").cloned());
            keys.set("steps", Value::Array(names.collect()));
        }
        for note in further.notes {
            push(draft, note);
        }
        draft.images.insert(step_name(&other.name), keys);
    }
}

fn push(draft: &mut Draft, note: Note) {
    draft.add_note(note);
}
