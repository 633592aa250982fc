//! Launchers, and the programs whose places they take.
use std::collections::BTreeMap;

use invar_launcher::{LAUNCHER_VERSION, Launcher, ProgramName, Values, launcher};
use invar_plan::Plan;
use invar_project::{EnvironmentName, ListValues, Platform, Step, Wrap};
use invar_realise::sink_failure;
use invar_store::KeyWriter;
use invar_tree::{ImagePath, Mode, Owner, Sink};

use crate::RunError;

/// Where programs of `step` that a launcher takes the place of go: `/app/bin/x` becomes `/app/bin/.x-wrapped`.
pub(super) fn moves(step: &Step) -> BTreeMap<ImagePath, ImagePath> {
    let in_place = step.wraps.iter().filter(|wrap| is_in_place(wrap) && is_made_by(step, &wrap.program));
    in_place.map(|wrap| (wrap.program.clone(), wrapped(&wrap.program))).collect()
}

/// The programs of other trees that launchers take the place of.
pub fn displaced(plan: &Plan) -> impl Iterator<Item = (&Step, &ImagePath)> {
    let wraps = plan
        .steps
        .iter()
        .filter(|planned| planned.step.in_image)
        .flat_map(|planned| planned.step.wraps.iter().map(|wrap| (&planned.step, wrap)));
    wraps
        .filter(|(step, wrap)| is_in_place(wrap) && !is_made_by(step, &wrap.program))
        .map(|(step, wrap)| (step, &wrap.program))
}

/// Whether the launcher is where the program was.
fn is_in_place(wrap: &Wrap) -> bool {
    *wrap.place() == wrap.program
}

fn is_made_by(step: &Step, program: &ImagePath) -> bool {
    let Step { outputs, files, links, .. } = step;
    outputs.values().any(|to| program.is_within(to.path.as_str()))
        || files.contains_key(program)
        || links.contains_key(program)
}

/// Where a program is whose place a launcher has taken.
pub fn wrapped(program: &ImagePath) -> ImagePath {
    let name = format!(".{}-wrapped", program.name());
    let path = match program.parent() {
        Some(parent) => parent.join(&name),
        None => ImagePath::parse(&name),
    };
    // A name that is too long with the ending stays; the launcher would then be refused as a second file.
    path.unwrap_or_else(|_| program.clone())
}

/// Writes all of `wrap`, and the version of the launcher that consists of it.
pub(super) fn encode(writer: &mut KeyWriter, wrap: &Wrap) {
    let Wrap {
        program,
        at,
        env,
        env_default,
        unset,
        prefix,
        suffix,
        args,
        args_after,
        workdir,
        argv0,
        inherit_argv0,
    } = wrap;
    writer.number(LAUNCHER_VERSION.into());
    writer.text(program.as_str());
    writer.optional(at.as_ref(), |writer, path| writer.text(path.as_str()));
    for texts in [env, env_default] {
        writer.map(texts.iter().map(|(name, value)| (name.as_str(), value.as_str())), KeyWriter::text);
    }
    writer.set(unset, |writer, name| writer.text(name.as_str()));
    for lists in [prefix, suffix] {
        writer.map(lists.iter().map(|(name, list)| (name.as_str(), list)), |writer, list| {
            let ListValues { values, separator } = list;
            writer.text(separator);
            writer.list(values, |writer, value| writer.text(value));
        });
    }
    for arguments in [args, args_after] {
        writer.list(arguments, |writer, argument| writer.text(argument));
    }
    writer.optional(workdir.as_ref(), |writer, path| writer.text(path.as_str()));
    writer.optional(argv0.as_deref(), KeyWriter::text);
    writer.flag(*inherit_argv0);
}

pub(super) fn add_launcher(
    platform: Platform,
    step: &Step,
    wrap: &Wrap,
    sink: &mut dyn Sink,
) -> Result<(), RunError> {
    let program = if is_in_place(wrap) { wrapped(&wrap.program) } else { wrap.program.clone() };
    let at = wrap.place().clone();
    let texts = |texts: &BTreeMap<EnvironmentName, String>| {
        texts.iter().map(|(name, value)| (name.to_string(), value.clone())).collect()
    };
    let lists = |lists: &BTreeMap<EnvironmentName, ListValues>| {
        let values =
            |list: &ListValues| Values { values: list.values.clone(), separator: list.separator.clone() };
        lists.iter().map(|(name, list)| (name.to_string(), values(list))).collect()
    };
    let request = Launcher {
        machine: platform.machine(),
        program: program.to_string(),
        name: match &wrap.argv0 {
            Some(name) => ProgramName::Name(name.clone()),
            None if wrap.inherit_argv0 => ProgramName::Caller,
            None => ProgramName::Program,
        },
        arguments: wrap.args.clone(),
        last_arguments: wrap.args_after.clone(),
        set: texts(&wrap.env),
        defaults: texts(&wrap.env_default),
        unset: wrap.unset.iter().map(ToString::to_string).collect(),
        prefixes: lists(&wrap.prefix),
        suffixes: lists(&wrap.suffix),
        directory: wrap.workdir.as_ref().map(ToString::to_string),
        prefix_path: Vec::new(),
    };
    let bytes = launcher(&request)
        .map_err(|source| RunError::Launcher { step: step.name.to_string(), source: Box::new(source) })?;
    Ok(sink.file(at, Mode::PROGRAM, Owner::ROOT, &mut bytes.as_slice()).map_err(sink_failure)?)
}
