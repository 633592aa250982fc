//! Small images for the tests of handlers.
use std::collections::BTreeMap;
use std::fmt::Write as _;

use invar_debian::Control;
use invar_tree::{Contents as _, ImagePath, MemoryTree, Mode, Node, Origin, Owner, Sink as _};

use crate::context::Context;
use crate::{ConfigureError, Output, Settings, TimeZone, View};

/// A tree and the packages that it consists of.
pub(crate) struct Image {
    pub(crate) tree: MemoryTree,
    pub(crate) packages: Vec<Control>,
}

/// A package with these scripts.
pub(crate) fn control(name: &str, scripts: &[(&str, &str)]) -> Control {
    let mut table = toml::Table::new();
    let text =
        format!("Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: nobody\nDescription: test\n");
    table.insert("control".into(), text.into());
    let scripts: toml::Table =
        scripts.iter().map(|(name, text)| ((*name).to_owned(), (*text).into())).collect();
    table.insert("scripts".into(), scripts.into());
    table.try_into().unwrap()
}

impl Image {
    pub(crate) fn new() -> Self {
        let origin = Origin::Package { name: "test".into(), version: "1".into(), architecture: "all".into() };
        Self { tree: MemoryTree::new(origin), packages: Vec::new() }
    }

    /// Adds a package with this `postinst`.
    pub(crate) fn package(mut self, name: &str, postinst: &str) -> Self {
        self.packages.push(control(name, &[("postinst", postinst)]));
        self
    }

    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.tree.file(at(path), Mode::FILE, Owner::ROOT, &mut text.as_bytes()).unwrap();
        self
    }

    pub(crate) fn directory(mut self, path: &str) -> Self {
        self.tree.directory(at(path), Mode::DIRECTORY, Owner::ROOT).unwrap();
        self
    }

    pub(crate) fn link(mut self, path: &str, target: &str) -> Self {
        self.tree.symlink(at(path), target.into(), Owner::ROOT).unwrap();
        self
    }
}

pub(crate) fn at(path: &str) -> ImagePath {
    ImagePath::parse(path).unwrap()
}

pub(crate) fn settings() -> Settings {
    Settings { time_zone: TimeZone::utc() }
}

type Run = fn(&Context<'_>, &mut Output) -> Result<(), ConfigureError>;

/// What one handler makes of the image.
pub(crate) fn run(handler: Run, image: &Image) -> Result<String, ConfigureError> {
    let packages: BTreeMap<&str, &Control> =
        image.packages.iter().map(|control| (control.package().as_str(), control)).collect();
    let mut view = View::new(&image.tree);
    let mut out = Output::new("test");
    let all: Vec<&Control> = image.packages.iter().collect();
    handler(&Context { view: &view, packages: &packages, all: &all, settings: &settings() }, &mut out)?;
    view.apply(out)?;
    Ok(describe(&crate::configured::configured(view)))
}

/// One line for each entry, without plain directories above others, and `-` for those that are gone.
pub(crate) fn describe(configured: &crate::Configuration) -> String {
    let tree = configured.tree.tree();
    let mut lines = BTreeMap::new();
    for (path, entry) in tree.iter() {
        let head = format!("{} {}:{} {path}", entry.mode, entry.owner.uid, entry.owner.gid);
        let line = match &entry.node {
            Node::Directory
                if (entry.mode, entry.owner) == (Mode::DIRECTORY, Owner::ROOT)
                    && tree.within(path.as_str()).nth(1).is_some() =>
            {
                continue;
            }
            Node::Directory => format!("d {head}"),
            Node::Symlink { target } => format!("l {head} -> {target}"),
            Node::File { .. } => {
                let bytes = configured.tree.read(path).unwrap();
                format!("f {head} {:?}", String::from_utf8_lossy(&bytes))
            }
        };
        lines.insert(path.clone(), line);
    }
    for path in &configured.removed {
        lines.entry(path.clone()).or_insert_with(|| format!("- {path}"));
    }
    lines.values().fold(String::new(), |mut text, line| {
        writeln!(text, "{line}").unwrap();
        text
    })
}

#[track_caller]
pub(crate) fn check(handler: Run, image: &Image, expected: &str) {
    assert_eq!(run(handler, image).unwrap(), expected);
}
