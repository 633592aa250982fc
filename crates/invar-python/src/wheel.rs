//! A wheel, as a tree in a virtual environment.
//!
//! A wheel is a zip archive with one folder `{name}-{version}.dist-info` that holds `WHEEL`, `METADATA`, `RECORD` and
//! perhaps `entry_points.txt`. Where its files land, relative to the environment:
//!
//! ```text
//! {dist}.data/purelib/*, platlib/*    lib/pythonX.Y/site-packages/*
//! {dist}.data/scripts/NAME            bin/NAME, mode 0755; a first line that starts with #!python is replaced
//! {dist}.data/data/*                  *
//! {dist}.data/headers/*               include/site/pythonX.Y/{normalized name}/*
//! all else                            lib/pythonX.Y/site-packages/*
//! ```
//!
//! What is added, as `uv sync` adds it: a launcher in `bin` for each `console_scripts` and `gui_scripts` entry point,
//! and in `.dist-info` an empty `REQUESTED`, `INSTALLER` with `invar` and no line end, `direct_url.json` for a wheel
//! that was locked by URL or path, and a new `RECORD`. Files that an installer writes are not taken from the wheel.
//!
//! A file has mode 0755 if any execute bit is set in the archive (external attributes, made on Unix), else 0644.
//!
//! Where two members land at one place, that of `.data` is installed, and of two such the one whose path comes last.
//!
//! Source: "Binary distribution format", section "Installing a wheel" (PEP 427), "Entry points" and "Recording
//! installed projects" of the Python packaging specifications; `uv`'s crate uv-install-wheel for bytes.
//!
//! Format break: a change here changes what a wheel is in every image.
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read, Seek};
use std::ops::Bound;

use invar_tree::{ImagePath, Mode, Owner, Sink};

use crate::layout::EnvironmentLayout;
use crate::select::Chosen;

mod archive;
mod direct_url;
mod entry_points;
mod error;
mod metadata;
mod place;
mod record;
mod remark;
mod script;

use archive::Member;
pub(crate) use archive::{Archive, Checked};
pub use error::{EntryPointError, RecordError, WheelError, WheelFault};
use place::Place;
use record::{Record, Row};
use remark::Remarks;
pub use remark::{RecordFault, WheelRemark};

/// The content of `INSTALLER`.
const INSTALLER: &str = "invar";

/// The version of how a wheel is installed: the tree that [`unpack_wheel`] gives. Raise it when the same input gives anything else.
///
/// Keys of the store have it, so what earlier code made is not found any more.
pub const WHEEL_VERSION: u32 = 1;

/// Gives the files of the wheel in `reader` to `sink`, where they land in `layout`.
///
/// After an error, what the sink has taken is to be thrown away. That the file as a whole has the digest of `chosen` is
/// for the caller to check. Returns what is wrong with the wheel and stops nothing.
///
/// # Errors
/// [`WheelError`], which names the wheel.
pub fn unpack_wheel<R: Read + Seek>(
    reader: R,
    chosen: &Chosen,
    layout: &EnvironmentLayout,
    sink: &mut dyn Sink,
) -> Result<Vec<WheelRemark>, WheelError> {
    unpack(reader, chosen, layout, sink)
        .map_err(|fault| WheelError { wheel: chosen.wheel.filename.to_string(), fault })
}

fn unpack<R: Read + Seek>(
    reader: R,
    chosen: &Chosen,
    layout: &EnvironmentLayout,
    sink: &mut dyn Sink,
) -> Result<Vec<WheelRemark>, WheelFault> {
    let mut archive = Archive::open(reader)?;
    let dist_info = archive.dist_info(&chosen.name)?;
    let at = |name: &str| format!("{dist_info}/{name}");
    metadata::check_wheel_version(&archive.needed(&at("WHEEL"))?)?;
    metadata::check_identity(&archive.needed(&at("METADATA"))?, chosen)?;
    let record = Record::parse(&archive.needed(&at("RECORD"))?)?;
    let entry_points = match archive.small(&at("entry_points.txt"))? {
        Some(text) => entry_points::parse(&text, layout.python.1)?,
        None => BTreeMap::new(),
    };
    let own: BTreeSet<String> = ["RECORD", "INSTALLER", "REQUESTED", "direct_url.json"].map(at).into();

    // Everything is placed before anything is given away: two files at one place are found here.
    let data = format!("{}.data", dist_info.trim_end_matches(".dist-info"));
    let mut places = Places { layout, taken: BTreeMap::new() };
    let mut remarks = Remarks::default();
    let mut plan: Vec<Planned> = Vec::new();
    // Those of `.data` come last, in the order of their paths.
    let mut members = archive.members();
    let of_data = |path: &str| path.strip_prefix(&data).is_some_and(|rest| rest.starts_with('/'));
    members.sort_by(|one, other| match (of_data(&one.path), of_data(&other.path)) {
        (true, true) => one.path.cmp(&other.path),
        (one, other) => one.cmp(&other),
    });
    for member in members {
        if own.contains(&member.path) {
            continue;
        }
        let Some(place) = place::place(&member, &data, chosen)? else { continue };
        if let Place::Script { name } = &place
            && entry_points.contains_key(place::launcher_name(name))
        {
            continue;
        }
        let relative = place.relative(layout);
        let (path, replaced) = places.take_over(&member.path, &relative, member.directory)?;
        if replaced {
            let before = plan.iter().position(|planned| planned.path == path);
            let dropped = plan.remove(before.expect("what is taken is planned")).member.path;
            let (kept, path) = (member.path.clone(), path.clone());
            remarks.add(WheelRemark::Twice { path, kept, dropped });
        }
        plan.push(Planned { member, relative, path, is_script: matches!(place, Place::Script { .. }) });
    }
    let mut generated: Vec<(String, Mode, String)> = Vec::new();
    for (name, entry_point) in &entry_points {
        if !entry_point.is_python() {
            let calls = format!("{}:{}", entry_point.module, entry_point.function);
            remarks.add(WheelRemark::Program { name: name.clone(), calls });
        }
        let relative = format!("bin/{name}");
        if let Some(member) = plan.iter().find(|planned| planned.relative == relative) {
            let (kept, path) = (member.member.path.clone(), member.path.clone());
            remarks.add(WheelRemark::Twice { path, kept, dropped: format!("the entry point {name}") });
            continue;
        }
        generated.push((relative, Mode::PROGRAM, entry_point.launcher(&layout.interpreter())));
    }
    let dist_info_file = |name: &str| format!("{}/{}", layout.site_packages(), at(name));
    generated.push((dist_info_file("REQUESTED"), Mode::FILE, String::new()));
    if let Some(direct) = &chosen.direct {
        generated.push((dist_info_file("direct_url.json"), Mode::FILE, direct_url::json(direct, layout)));
    }
    generated.push((dist_info_file("INSTALLER"), Mode::FILE, INSTALLER.to_owned()));
    let mut new_rows = Vec::new();
    let mut new_files = Vec::new();
    for (relative, mode, content) in generated {
        let path = places.take("what an installer writes", &relative, false)?;
        new_rows.push(Row::of(layout.recorded(&relative), content.as_bytes()));
        new_files.push((path, mode, content));
    }
    let record_file = dist_info_file("RECORD");
    let record_path = places.take("what an installer writes", &record_file, false)?;
    places.check_ancestors()?;

    for planned in plan {
        if planned.member.directory {
            sink.directory(planned.path, Mode::DIRECTORY, Owner::ROOT)?;
        } else if let Some(row) = install(&mut archive, &record, planned, layout, sink, &mut remarks)? {
            new_rows.push(row);
        }
    }
    for (path, mode, content) in new_files {
        sink.file(path, mode, Owner::ROOT, &mut content.as_bytes())?;
    }
    new_rows.push(Row::bare(layout.recorded(&record_file)));
    sink.file(record_path, Mode::FILE, Owner::ROOT, &mut record::write(new_rows).as_bytes())?;
    Ok(remarks.finish())
}

/// A member with its place.
struct Planned {
    member: Member,
    /// The place, relative to the environment.
    relative: String,
    /// The place in the image.
    path: ImagePath,
    is_script: bool,
}

/// Gives one file to the sink, and its row for the new `RECORD`.
fn install<R: Read + Seek>(
    archive: &mut Archive<R>,
    record: &Record,
    planned: Planned,
    layout: &EnvironmentLayout,
    sink: &mut dyn Sink,
    remarks: &mut Remarks,
) -> Result<Option<Row>, WheelFault> {
    let Planned { member, relative, path, is_script } = planned;
    let mut content = record.measured(&member.path, Checked::new(archive.read(&member)?, &member));
    let mode = if is_script || member.executable { Mode::PROGRAM } else { Mode::FILE };
    let mut rewritten = None;
    if is_script {
        let start = script::rewritten_start(&mut content, &layout.interpreter())
            .map_err(|source| WheelFault::Read { path: member.path.clone(), source })?;
        let mut counted = record::Counted::new(Cursor::new(start).chain(&mut content));
        sink.file(path, mode, Owner::ROOT, &mut counted)?;
        rewritten = Some(counted.finish().1);
    } else {
        sink.file(path, mode, Owner::ROOT, &mut content)?;
    }
    let (content, found) = content.finish();
    content.finish()?;
    let entry = record.check(&member.path, &found).map_err(|fault| remarks.record(&member.path, fault));
    let recorded = layout.recorded(&relative);
    Ok(match (rewritten, entry) {
        (Some(rewritten), _) => Some(rewritten.row(recorded)),
        (None, Ok(entry)) => entry.map(|entry| entry.row(recorded, &found)),
        (None, Err(())) => Some(found.row(recorded)),
    })
}

/// The places that are taken already.
struct Places<'a> {
    layout: &'a EnvironmentLayout,
    /// Whether it is a directory, by path.
    taken: BTreeMap<ImagePath, bool>,
}

impl Places<'_> {
    /// Takes a place for what an installer writes, which no file of the wheel may have.
    fn take(&mut self, from: &str, relative: &str, directory: bool) -> Result<ImagePath, WheelFault> {
        match self.take_over(from, relative, directory)? {
            (path, false) => Ok(path),
            (path, true) => Err(WheelFault::Overwrites { path, from: from.to_owned() }),
        }
    }

    /// Takes a place, and says whether a file had it before.
    fn take_over(
        &mut self,
        from: &str,
        relative: &str,
        directory: bool,
    ) -> Result<(ImagePath, bool), WheelFault> {
        let path = self
            .layout
            .at(relative)
            .map_err(|source| WheelFault::Path { path: error::shortened(from), source })?;
        match self.taken.insert(path.clone(), directory) {
            None => Ok((path, false)),
            Some(before) if before == directory => Ok((path, !directory)),
            Some(_) => Err(WheelFault::Overwrites { path, from: from.to_owned() }),
        }
    }

    /// No file may be where another has a folder.
    fn check_ancestors(&self) -> Result<(), WheelFault> {
        for (path, _) in self.taken.iter().filter(|&(_, &directory)| !directory) {
            let below = format!("{}/", path.as_str());
            if let Some((inner, _)) =
                self.taken.range::<str, _>((Bound::Included(below.as_str()), Bound::Unbounded)).next()
                && inner.as_str().starts_with(&below)
            {
                return Err(WheelFault::Overwrites { path: path.clone(), from: inner.to_string() });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
