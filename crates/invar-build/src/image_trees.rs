//! The trees of an image, each with where its files are and the layer that it goes into.
use std::io;
use std::sync::Arc;

use invar_checkout::SourceTree;
use invar_plan::LayerName;
use invar_project::{Identity, StepName, User};
use invar_run::{Links, Moved, Overlay, Root, RunError, UnpackedPackage};
use invar_store::StoredTree;
use invar_tree::{ContentReader, Contents, ImagePath, MemoryTree, Origin, Tree};

use crate::BuildError;
use crate::layer::{LayerRequest, Piece, PieceSource};

/// All trees of an image, in the order in which they are merged.
pub(crate) struct ImageTrees {
    pub inputs: Vec<LayerInput>,
    /// What the handlers changed; its contents are the last input's.
    overlay: Overlay,
}

/// One tree of an image.
pub(crate) struct LayerInput {
    pub layer: LayerName,
    pub tree: Tree,
    pub contents: ContentSource,
    /// Whether the image has all of what the contents hold.
    pub whole: bool,
}

/// Where the files of a tree are.
pub(crate) enum ContentSource {
    Stored(StoredTree),
    /// A tree of the store of which some is elsewhere.
    Moved(Moved),
    /// A package of which some is elsewhere.
    Diverted(UnpackedPackage),
    Memory(MemoryTree),
    Source,
}

impl LayerInput {
    pub fn stored(layer: LayerName, origin: Origin, stored: StoredTree) -> Result<Self, RunError> {
        let tree = stored.tree(&Arc::new(origin))?;
        Ok(Self { layer, tree, contents: ContentSource::Stored(stored), whole: true })
    }

    /// The files of a Debian package.
    pub fn of_package(layer: LayerName, package: &UnpackedPackage) -> Self {
        let whole = package.is_whole();
        let contents = match whole {
            true => ContentSource::Stored(package.stored().clone()),
            false => ContentSource::Diverted(package.clone()),
        };
        Self { layer, tree: package.tree().clone(), contents, whole }
    }

    /// The tree of a step, with each place where the image's links lead.
    pub fn of_step(name: &StepName, stored: StoredTree, links: Links<'_>) -> Result<Self, RunError> {
        let mut input =
            Self::stored(LayerName::Steps, Origin::Step { name: name.to_string() }, stored.clone())?;
        if let Some(moved) = Moved::of(&input.tree, &stored, links)? {
            input.tree = moved.tree.clone();
            input.contents = ContentSource::Moved(moved);
            input.whole = false;
        }
        Ok(input)
    }

    pub fn memory(layer: LayerName, memory: MemoryTree) -> Self {
        Self { layer, tree: memory.tree().clone(), contents: ContentSource::Memory(memory), whole: true }
    }

    pub fn contents<'a>(&'a self, source: &'a SourceTree) -> &'a (dyn Contents + Sync) {
        match &self.contents {
            ContentSource::Stored(stored) => stored,
            ContentSource::Moved(moved) => moved,
            ContentSource::Diverted(package) => package,
            ContentSource::Memory(memory) => memory,
            ContentSource::Source => source,
        }
    }
}

impl ImageTrees {
    /// `inputs`, of which the last is the contents of `overlay`.
    pub fn new(inputs: Vec<LayerInput>, overlay: Overlay) -> Self {
        Self { inputs, overlay }
    }

    /// All trees but the handlers', which is laid over them.
    pub fn merge(&self) -> Result<Root, BuildError> {
        let (_, merged) = self.inputs.split_last().expect("the handlers' input is always there");
        let trees: Vec<&Tree> = merged.iter().map(|input| &input.tree).collect();
        let mut root = Root::merge(&trees, &self.overlay).map_err(RunError::Clash)?;
        root.dropped.push(Default::default());
        Ok(root)
    }

    /// Of each tree the files and links that `root` has from it.
    pub fn kept(&self, root: &Root) -> Vec<Tree> {
        self.inputs.iter().enumerate().map(|(index, input)| root.kept(index, &input.tree)).collect()
    }

    /// A user or group that the image is to run as must be in it: the engine would refuse to start it.
    pub fn check_user(&self, root: &Root, user: &User, source: &SourceTree) -> Result<(), BuildError> {
        for (identity, file) in [(Some(&user.user), "etc/passwd"), (user.group.as_ref(), "etc/group")] {
            let Some(Identity::Name(name)) = identity else { continue };
            let found = self.read(root, file, source)?;
            let known = found.lines().any(|line| line.split(':').next() == Some(name.as_ref()));
            if !known {
                return Err(BuildError::NoAccount { name: name.to_string(), file: format!("/{file}") });
            }
        }
        Ok(())
    }

    /// The text of the file at `path`; nothing where the image has none.
    pub fn read(&self, root: &Root, path: &str, source: &SourceTree) -> Result<String, BuildError> {
        if root.tree.get(path).is_none() {
            return Ok(String::new());
        }
        let path = ImagePath::parse(path).expect("it is a relative path");
        let bytes = RootFiles { trees: self, root, source }.read(&path);
        let bytes = bytes.map_err(|source| BuildError::Read { path: path.to_string().into(), source })?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The layer `name` of `root`.
    pub fn layer<'a>(&'a self, root: &Root, name: LayerName, source: &'a SourceTree) -> LayerRequest<'a> {
        let inputs = || self.inputs.iter().enumerate().filter(|(_, input)| input.layer == name);
        let directories = root.directories(inputs().map(|(_, input)| &input.tree));
        let pieces = inputs()
            .map(|(index, input)| Piece {
                kept: root.kept(index, &input.tree),
                source: match &input.contents {
                    ContentSource::Stored(stored) if input.whole && root.dropped[index].is_empty() => {
                        PieceSource::Whole(stored)
                    }
                    _ => PieceSource::Loose(input.contents(source)),
                },
            })
            .collect();
        LayerRequest { directories, pieces }
    }
}

/// The files of an image, wherever they come from.
pub(crate) struct RootFiles<'a> {
    pub trees: &'a ImageTrees,
    pub root: &'a Root,
    pub source: &'a SourceTree,
}

impl Contents for RootFiles<'_> {
    fn open(&self, path: &ImagePath) -> io::Result<ContentReader<'_>> {
        let entry = self.root.tree.get(path.as_str()).ok_or(io::ErrorKind::NotFound)?;
        let has =
            |input: &&LayerInput| input.tree.get(path.as_str()).is_some_and(|own| own.origin == entry.origin);
        let input = self.trees.inputs.iter().find(has).ok_or(io::ErrorKind::NotFound)?;
        input.contents(self.source).open(path)
    }
}
