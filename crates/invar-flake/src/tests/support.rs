//! What the tests read flakes with.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::{Datum, Flake, FlakeError, FlakeValue, OutputKind, Purpose};

/// Reads the flake `text` with `files` next to it, and gives what `look` sees in it.
pub(super) fn read<T: Send>(
    text: &str,
    files: &[(&str, &str)],
    look: impl FnOnce(&mut Flake) -> T + Send,
) -> T {
    let files: BTreeMap<String, Option<String>> =
        files.iter().map(|(path, text)| ((*path).to_owned(), Some((*text).to_owned()))).collect();
    invar_nix::on_deep_stack(move || {
        let mut flake = Flake::read(text, &files).unwrap_or_else(|error| panic!("{error}"));
        look(&mut flake)
    })
}

/// All outputs of a flake, with their attributes.
pub(super) fn show(flake: &mut Flake) -> String {
    let mut shown = String::new();
    for name in flake.outputs() {
        let line = name.place.as_ref().map_or(0, |place| place.line);
        let path = format!("{}.{}.{}", name.category, crate::SYSTEM, name.name);
        let _ = writeln!(shown, "{}.{} (line {line}):", name.category, name.name);
        let output = match flake.output(&path, Purpose::Build) {
            Ok(output) => output.kind,
            Err(error) => {
                let _ = writeln!(shown, "  {error}");
                continue;
            }
        };
        show_kind(flake, &output, &mut shown);
    }
    shown
}

fn field(flake: &mut Flake, name: &str, datum: &Datum, shown: &mut String) {
    let notation = flake.notation(datum);
    let line = datum.line().map_or(String::new(), |line| format!("{line}: "));
    let _ = writeln!(shown, "  {line}{name} = {notation}");
}

/// An output's or thing's fields.
pub(super) fn show_kind(flake: &mut Flake, kind: &OutputKind, shown: &mut String) {
    match kind {
        OutputKind::App(app) => field(flake, "program", &app.program, shown),
        OutputKind::Package(derivation) | OutputKind::Shell(derivation) => {
            let _ = writeln!(shown, "  {} {:?}", derivation.function, derivation.name());
            for (name, datum) in &derivation.attributes {
                field(flake, name, datum, shown);
            }
        }
        OutputKind::Image(image) => {
            let _ = writeln!(shown, "  {}", image.function);
            let config = &image.config;
            for (name, datum) in [
                ("name", &image.name),
                ("tag", &image.tag),
                ("contents", &image.contents),
                ("Entrypoint", &config.entrypoint),
                ("Cmd", &config.command),
                ("Env", &config.environment),
                ("ExposedPorts", &config.exposed_ports),
                ("Volumes", &config.volumes),
                ("Labels", &config.labels),
                ("User", &config.user),
                ("WorkingDir", &config.working_directory),
                ("extraCommands", &image.extra_commands),
                ("fakeRootCommands", &image.fake_root_commands),
                ("runAsRoot", &image.run_as_root),
                ("layers", &image.layers),
                ("maxLayers", &image.max_layers),
                ("fromImage", &image.from_image),
            ] {
                if let Some(datum) = datum {
                    field(flake, name, datum, shown);
                }
            }
            for (name, datum) in image.other.iter().chain(&config.other) {
                field(flake, &format!("other {name}"), datum, shown);
            }
        }
        OutputKind::Thing(thing) => show_thing(flake, thing, shown),
        OutputKind::Value(datum) => field(flake, "value", datum, shown),
    }
}

fn show_thing(flake: &mut Flake, thing: &FlakeValue, shown: &mut String) {
    match thing {
        FlakeValue::Environment(environment) => {
            field(flake, "environment", &environment.name, shown);
            field(flake, "dependencies", &environment.dependencies, shown);
            if let Some(set) = flake.thing_of(&environment.set)
                && let FlakeValue::PythonSet(set) = &*set
            {
                field(flake, "python", &set.python, shown);
                for (name, datum) in &set.changed {
                    field(flake, &format!("changed {name}"), datum, shown);
                    if let Some(thing) = flake.thing_of(datum) {
                        show_thing(flake, &thing, shown);
                    }
                }
                let _ = writeln!(shown, "  workspaces {:?} unread {:?}", set.workspaces, set.unread);
            }
        }
        FlakeValue::PythonPackage(package) => {
            let _ = writeln!(shown, "  {} {:?} locked: {}", package.name, package.version, package.locked);
            for (name, datum) in package.changes.iter().chain(&package.given) {
                field(flake, &format!("  {name}"), datum, shown);
            }
        }
        FlakeValue::Application { environment, package, .. } => {
            field(flake, "application of", package, shown);
            field(flake, "in", environment, shown);
        }
        FlakeValue::Source { files, .. } => {
            let _ = writeln!(shown, "  files {files:?}");
        }
        other => {
            let _ = writeln!(shown, "  {other:?}");
        }
    }
}

/// The error of a flake that cannot be read, or the one of its output `name`.
pub(super) fn error(text: &str, name: &str) -> String {
    let read = || match Flake::read(text, &BTreeMap::new()) {
        Ok(mut flake) => match flake.output(name, Purpose::Build) {
            Ok(output) => format!("{output:?}"),
            Err(error) => FlakeError::to_string(&error),
        },
        Err(error) => error.to_string(),
    };
    invar_nix::on_deep_stack(read)
}
