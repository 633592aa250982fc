//! Destinations: those that are there, and two in memory.
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use invar_oci::{Image, ImageConfig, Layer, Reference};
use invar_tree::{ImagePath, MemoryTree, Mode, Origin, Owner, Sink as _};

use super::*;
use crate::BuildError;
use crate::deliver::deliver;

/// A registry in memory: it may have some layers already, and an image is there when its manifest is.
#[derive(Default)]
struct Registry {
    blobs: BTreeMap<Digest, Vec<u8>>,
    given: Vec<Digest>,
    manifests: BTreeSet<Digest>,
}

impl Destination for Registry {
    fn form(&self) -> Form {
        Form::Layers
    }

    fn missing(&mut self, image: &Delivery<'_>) -> Result<Vec<Digest>, DestinationError> {
        Ok(image.digests().into_iter().filter(|digest| !self.blobs.contains_key(digest)).collect())
    }

    fn put(&mut self, digest: &Digest, content: Content<'_>) -> Result<(), DestinationError> {
        let Content::Layer(bytes) = content else {
            return Err(DestinationError::Unexpected { digest: *digest });
        };
        let mut all = Vec::new();
        bytes.read_to_end(&mut all).map_err(DestinationError::Stream)?;
        self.given.push(*digest);
        self.blobs.insert(*digest, all);
        Ok(())
    }

    fn finish(&mut self, image: &Delivery<'_>) -> Result<(), DestinationError> {
        self.manifests.extend(image.image.images.iter().map(|(_, image)| image.manifest_digest));
        Ok(())
    }
}

/// Something that takes no bytes.
struct Full;

impl Destination for Full {
    fn form(&self) -> Form {
        Form::Layers
    }

    fn missing(&mut self, image: &Delivery<'_>) -> Result<Vec<Digest>, DestinationError> {
        Ok(image.digests())
    }

    fn put(&mut self, _: &Digest, _: Content<'_>) -> Result<(), DestinationError> {
        Err(DestinationError::Stream(io::ErrorKind::StorageFull.into()))
    }

    fn finish(&mut self, _: &Delivery<'_>) -> Result<(), DestinationError> {
        panic!("it has nothing")
    }
}

fn stored(store: &Store, bytes: &[u8]) -> Layer {
    let mut writer = store.blob_writer().expect("the store can be written");
    writer.write_all(bytes).expect("the store takes it");
    let (digest, size) = writer.commit().expect("the store takes it");
    Layer { digest, size, diff_id: digest, uncompressed_size: size }
}

/// An image of two layers, one of them twice.
fn request(store: &Store) -> ArchiveRequest {
    let layers = [b"first".as_slice(), b"second", b"first"].map(|bytes| stored(store, bytes));
    let config = ImageConfig {
        architecture: "amd64".into(),
        variant: None,
        created: "1980-01-02T00:00:00Z".into(),
        entrypoint: None,
        cmd: None,
        env: Vec::new(),
        user: None,
        working_dir: None,
        exposed_ports: BTreeSet::new(),
        volumes: BTreeSet::new(),
        labels: BTreeMap::new(),
        stop_signal: None,
        healthcheck: None,
        history: Vec::new(),
    };
    let image = Image::new(&config, &layers, &BTreeMap::new());
    ArchiveRequest {
        images: vec![(config.platform(), image)],
        names: vec![Reference::parse("x:1").expect("it is a name")],
        index_annotations: BTreeMap::new(),
    }
}

struct World {
    folder: tempfile::TempDir,
    store: Store,
    request: ArchiveRequest,
    nothing: Tree,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let store = Store::open(&folder.path().join("store")).expect("it can be made");
        let request = request(&store);
        Self { folder, store, request, nothing: Tree::new() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn deliver(&self, destination: &mut dyn Destination) -> Result<(), BuildError> {
        deliver(&Delivery::of_layers(&self.request, &self.nothing, &self.store), destination)
    }

    fn to(&self, target: &Target) -> Result<(), BuildError> {
        self.deliver(&mut *target.destination())
    }
}

#[test]
fn a_destination_is_given_what_it_lacks_and_each_piece_once() {
    let world = World::new();
    let (first, second) = (Digest::of(b"first"), Digest::of(b"second"));
    let mut empty = Registry::default();
    world.deliver(&mut empty).expect("it takes everything");
    assert_eq!(empty.given, [first, second]);
    assert_eq!(empty.manifests.len(), 1);
    let mut some = Registry { blobs: BTreeMap::from([(first, Vec::new())]), ..Registry::default() };
    world.deliver(&mut some).expect("it takes the rest");
    assert_eq!(some.given, [second]);
    world.deliver(&mut some).expect("it lacks nothing");
    assert_eq!(some.given, [second]);
}

#[test]
fn what_is_damaged_in_the_store_makes_no_image() {
    let world = World::new();
    let second = Digest::of(b"second");
    let path = world.store.blob_path(&second);
    std::fs::remove_file(&path).expect("it is there");
    std::fs::write(&path, b"sec0nd").expect("it can be written");
    let mut registry = Registry::default();
    let error = world.deliver(&mut registry).expect_err("a layer is damaged");
    assert!(matches!(error, BuildError::Damaged { digest } if digest == second), "{error}");
    assert!(error.may_be_damage() && registry.manifests.is_empty());
    let target = Target::Archive(Stream::File(world.path("x.tar")));
    world.to(&target).expect_err("a layer is damaged");
    assert!(!world.path("x.tar").exists());
    let target = Target::OciDirectory(world.path("x.oci"));
    world.to(&target).expect_err("a layer is damaged");
    let left: Vec<_> = world.folder.path().read_dir().expect("it is there").flatten().collect();
    assert_eq!(left.len(), 1, "only the store is left: {left:?}");
}

#[test]
fn a_destination_that_is_full_is_no_fault_of_the_store() {
    let error = World::new().deliver(&mut Full).expect_err("it is full");
    assert!(matches!(error, BuildError::Destination(DestinationError::Stream(_))) && !error.may_be_damage());
}

#[test]
fn an_archive_that_is_the_same_is_not_written_again() {
    use std::os::unix::fs::MetadataExt as _;
    let world = World::new();
    let path = world.path("x.tar");
    let target = Target::Archive(Stream::File(path.clone()));
    let number = || std::fs::metadata(&path).expect("it is there").ino();
    world.to(&target).expect("it can be written");
    let (bytes, first) = (std::fs::read(&path).expect("it is there"), number());
    world.to(&target).expect("it is there");
    assert_eq!(number(), first, "it is the same file");
    let mut other = bytes.clone();
    *other.last_mut().expect("it has bytes") ^= 1;
    std::fs::write(&path, &other).expect("it can be written");
    world.to(&target).expect("it can be written");
    assert_eq!(std::fs::read(&path).expect("it is there"), bytes);
}

#[test]
fn an_archive_and_a_layout_have_the_same_blobs() {
    let world = World::new();
    world.to(&Target::Archive(Stream::File(world.path("x.tar")))).expect("it can be written");
    world.to(&Target::OciDirectory(world.path("x.oci"))).expect("it can be written");
    let archive = std::fs::read(world.path("x.tar")).expect("it is there");
    let index = std::fs::read(world.path("x.oci/index.json")).expect("it is there");
    assert!(archive.windows(index.len()).any(|part| part == index));
    let blob = |bytes: &[u8]| world.path("x.oci/blobs/sha256").join(Digest::of(bytes).hex());
    for bytes in [b"first".as_slice(), b"second"] {
        assert_eq!(std::fs::read(blob(bytes)).expect("it is there"), bytes);
    }
    world.to(&Target::OciDirectory(world.path("x.oci"))).expect_err("there is something");
}

#[test]
fn the_files_of_an_image_go_to_a_directory_and_to_an_archive() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::new();
    let path = |path: &str| ImagePath::parse(path).expect("it is a path");
    let mut root = MemoryTree::new(Origin::Source);
    root.directory(path("etc/closed"), Mode::new(0o555), Owner::ROOT).expect("memory takes it");
    root.file(path("etc/closed/x"), Mode::new(0o4755), Owner::ROOT, &mut &b"text"[..])
        .expect("memory takes it");
    root.symlink(path("link"), "etc".into(), Owner::ROOT).expect("memory takes it");
    let delivery = || Delivery {
        image: &world.request,
        root: root.tree(),
        pieces: vec![Piece::of_files(root.tree(), &root)],
    };
    let place = world.path("rootfs");
    for target in [Target::RootfsDirectory(place.clone()), Target::Rootfs(Stream::File(world.path("x.tar")))]
    {
        let mut destination = target.destination();
        assert_eq!(destination.form(), Form::Files);
        deliver(&delivery(), &mut *destination).expect("it can be written");
    }
    assert_eq!(std::fs::read(place.join("link/closed/x")).expect("it is there"), b"text");
    let mode =
        |name: &str| std::fs::metadata(place.join(name)).expect("it is there").permissions().mode() & 0o7777;
    assert_eq!((mode("etc/closed"), mode("etc/closed/x")), (0o555, 0o4755));
    let archive = std::fs::read(world.path("x.tar")).expect("it is there");
    assert_eq!(archive.len() % 512, 0);
    assert!(archive.windows(4).any(|part| part == b"text"));
}
