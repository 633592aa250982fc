//! The tiny image that the tests pin.
use std::collections::BTreeMap;

use invar_oci::{
    ArchivePart, ArchiveRequest, END_OF_ARCHIVE, Healthcheck, History, Image, ImageConfig, Layer,
    archive_parts, gzip, write_directories, write_segment,
};
use invar_tree::{Digest, ImagePath, MemoryTree, Mode, Origin, Owner, Sink, Tree, merge};

/// What every failure of a pinned test says.
pub const IF_INTENDED: &str = "the bytes of images change: if intended, raise the format version and add to Output digests in the changelog";

pub fn path(path: &str) -> ImagePath {
    ImagePath::parse(path).unwrap()
}

/// A tree with one of each thing that a header must express.
pub fn package() -> MemoryTree {
    let mut tree = MemoryTree::new(Origin::Package {
        name: "sample".into(),
        version: "1-1".into(),
        architecture: "all".into(),
    });
    let shadow = Owner { uid: 0, gid: 42 };
    let large = Owner { uid: 3_000_000, gid: 2_097_152 };
    tree.directory(path("etc"), Mode::DIRECTORY, Owner::ROOT).unwrap();
    tree.directory(path("tmp"), Mode::new(0o1777), Owner::ROOT).unwrap();
    tree.directory(path(&format!("var/{}", "d".repeat(120))), Mode::DIRECTORY, shadow).unwrap();
    let mut file = |path: &str, mode, owner, content: &[u8]| {
        tree.file(ImagePath::parse(path).unwrap(), mode, owner, &mut &content[..]).unwrap();
    };
    file("etc/empty", Mode::FILE, Owner::ROOT, b"");
    file("etc/hostname", Mode::FILE, Owner::ROOT, b"invar\n");
    file("etc/shadow", Mode::new(0o640), shadow, b"root:*:::::::\n");
    file("usr/bin/su", Mode::new(0o4755), Owner::ROOT, &[b'x'; 512]);
    file("usr/share/größe", Mode::FILE, Owner::ROOT, &[b'y'; 513]);
    file("srv/large-owner", Mode::FILE, large, b"owned\n");
    // 101 bytes and more: one name that a prefix makes fit, one that it cannot, one whose path is beyond both fields.
    let name = |letter: &str, length| letter.repeat(length);
    file(&format!("usr/lib/{}", name("a", 96)), Mode::FILE, Owner::ROOT, b"prefix\n");
    file(&format!("usr/lib/{}", name("b", 150)), Mode::FILE, Owner::ROOT, b"pax\n");
    file(&["c", "d", "e", "f"].map(|letter| name(letter, 80)).join("/"), Mode::FILE, Owner::ROOT, b"deep\n");
    tree.symlink(path("usr/bin/sh"), "dash".into(), Owner::ROOT).unwrap();
    tree.symlink(path("usr/bin/long"), name("t", 101).into(), Owner::ROOT).unwrap();
    tree.symlink(path("usr/bin/ziel"), "../share/größe".into(), Owner::ROOT).unwrap();
    tree
}

/// A second, plain tree.
pub fn project() -> MemoryTree {
    let mut tree = MemoryTree::new(Origin::Source);
    tree.file(path("app/main.py"), Mode::FILE, Owner::ROOT, &mut &b"print('invar')\n"[..]).unwrap();
    tree.file(path("etc/motd"), Mode::FILE, Owner::ROOT, &mut &b"hello\n"[..]).unwrap();
    tree
}

pub fn segment(tree: &MemoryTree) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_segment(tree.tree(), tree, &mut bytes).unwrap();
    bytes
}

pub fn directories(tree: &Tree) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_directories(tree, &mut bytes).unwrap();
    bytes
}

/// A layer as a store assembles it: each piece compressed on its own.
pub fn layer(trees: &[&MemoryTree]) -> (Layer, Vec<u8>) {
    let merged = merge(trees.iter().map(|tree| tree.tree())).unwrap().tree;
    let mut pieces = vec![directories(&merged)];
    pieces.extend(trees.iter().map(|tree| segment(tree)));
    pieces.push(END_OF_ARCHIVE.to_vec());
    let compressed: Vec<u8> = pieces.iter().flat_map(|piece| gzip(piece)).collect();
    let uncompressed = pieces.concat();
    let layer = Layer {
        digest: Digest::of(&compressed),
        size: compressed.len() as u64,
        diff_id: Digest::of(&uncompressed),
        uncompressed_size: uncompressed.len() as u64,
    };
    (layer, compressed)
}

pub fn config(architecture: &str) -> ImageConfig {
    let text = |values: &[&str]| values.iter().map(ToString::to_string).collect::<Vec<_>>();
    let history = |created_by: &str, comment: Option<&str>| History {
        created: "1980-01-02T00:00:00Z".into(),
        created_by: created_by.into(),
        comment: comment.map(Into::into),
    };
    ImageConfig {
        architecture: architecture.into(),
        variant: (architecture == "arm64").then(|| "v8".into()),
        created: "1980-01-02T00:00:00Z".into(),
        entrypoint: Some(text(&["/app/bin/python", "-m", "app"])),
        cmd: Some(text(&["--port", "8000"])),
        env: vec![("PATH".into(), "/app/bin:/usr/bin".into()), ("LANG".into(), "C.UTF-8".into())],
        user: Some("1000:1000".into()),
        working_dir: Some("/app".into()),
        exposed_ports: ["8000/tcp".into(), "53/udp".into()].into(),
        volumes: ["/data".into()].into(),
        labels: [("org.opencontainers.image.title".into(), "größe <&> \"x\"".into())].into(),
        stop_signal: Some("SIGINT".into()),
        healthcheck: Some(Healthcheck {
            test: text(&["CMD", "/app/bin/python", "-c", "pass"]),
            interval: Some(std::time::Duration::from_secs(30)),
            timeout: Some(std::time::Duration::from_millis(1500)),
            start_period: None,
            retries: Some(3),
        }),
        history: vec![history("invar: Debian packages", None), history("invar: source", Some("app"))],
    }
}

/// A minimal configuration: nothing that can be left out.
pub fn bare_config() -> ImageConfig {
    ImageConfig {
        architecture: "amd64".into(),
        variant: None,
        created: "1980-01-02T00:00:00Z".into(),
        entrypoint: None,
        cmd: None,
        env: vec![],
        user: None,
        working_dir: None,
        exposed_ports: [].into(),
        volumes: [].into(),
        labels: [].into(),
        stop_signal: None,
        healthcheck: None,
        history: vec![],
    }
}

/// The sample image for each of `architectures`, and the bytes of its layers.
pub fn request(architectures: &[&str], names: &[&str]) -> (ArchiveRequest, BTreeMap<Digest, Vec<u8>>) {
    let layers = [layer(&[&package()]), layer(&[&project()])];
    let described: Vec<Layer> = layers.iter().map(|(layer, _)| layer.clone()).collect();
    let annotations = [("org.opencontainers.image.version".to_owned(), "1.0".to_owned())].into();
    let images = architectures
        .iter()
        .map(|architecture| {
            let config = config(architecture);
            (config.platform(), Image::new(&config, &described, &annotations))
        })
        .collect();
    let names = names.iter().map(|name| name.parse().unwrap()).collect();
    let blobs = layers.into_iter().map(|(layer, bytes)| (layer.digest, bytes)).collect();
    (ArchiveRequest { images, names, index_annotations: annotations }, blobs)
}

/// The bytes of a part.
pub fn bytes(part: &ArchivePart, blobs: &BTreeMap<Digest, Vec<u8>>) -> Vec<u8> {
    match part {
        ArchivePart::Bytes(bytes) => bytes.clone(),
        ArchivePart::Blob { digest, size } => {
            assert_eq!(blobs[digest].len() as u64, *size);
            blobs[digest].clone()
        }
    }
}

/// The bytes of a whole archive.
pub fn archive(request: &ArchiveRequest, blobs: &BTreeMap<Digest, Vec<u8>>) -> Vec<u8> {
    archive_parts(request).iter().flat_map(|part| bytes(part, blobs)).collect()
}
