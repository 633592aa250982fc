//! Writes images as others do.
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use invar_tree::Digest;
use serde_json::{Value, json};

/// A tar archive in the making.
pub struct Archive {
    pub builder: tar::Builder<Vec<u8>>,
}

impl Archive {
    pub fn new() -> Self {
        Self { builder: tar::Builder::new(Vec::new()) }
    }

    fn header(kind: tar::EntryType, size: u64, mode: u32) -> tar::Header {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(size);
        header.set_mode(mode);
        header.set_mtime(1_000_000_000);
        header
    }

    pub fn file(mut self, path: &str, content: &[u8]) -> Self {
        let mut header = Self::header(tar::EntryType::Regular, content.len() as u64, 0o644);
        self.builder.append_data(&mut header, path, content).unwrap();
        self
    }

    pub fn directory(mut self, path: &str, mode: u32) -> Self {
        let mut header = Self::header(tar::EntryType::Directory, 0, mode);
        self.builder.append_data(&mut header, format!("{path}/"), &[][..]).unwrap();
        self
    }

    pub fn link(mut self, path: &str, target: &str) -> Self {
        let mut header = Self::header(tar::EntryType::Symlink, 0, 0o777);
        self.builder.append_link(&mut header, path, target).unwrap();
        self
    }

    pub fn hard_link(mut self, path: &str, original: &str) -> Self {
        let mut header = Self::header(tar::EntryType::Link, 0, 0o644);
        self.builder.append_link(&mut header, path, original).unwrap();
        self
    }

    /// A member whose name is written as it is, whatever it says.
    pub fn raw(mut self, path: &[u8], kind: u8, link: &[u8], content: &[u8]) -> Self {
        let mut header = Self::header(tar::EntryType::new(kind), content.len() as u64, 0o644);
        header.as_old_mut().name[..path.len()].copy_from_slice(path);
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link);
        header.set_cksum();
        self.builder.append(&header, content).unwrap();
        self
    }

    pub fn finish(self) -> Vec<u8> {
        self.builder.into_inner().unwrap()
    }
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).unwrap()
}

/// A layer as it is stored, and as it unpacks.
pub type Stored<'a> = (&'a Vec<u8>, &'a Vec<u8>);

/// The files of an OCI layout with these images; several get an index of their own, with an attestation in it.
pub fn oci_files(images: &[(&str, &str, &[Stored<'_>])]) -> BTreeMap<String, Vec<u8>> {
    let mut files =
        BTreeMap::from([("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec())]);
    let mut put = |bytes: Vec<u8>| -> (String, usize) {
        let (digest, size) = (Digest::of(&bytes), bytes.len());
        files.insert(format!("blobs/sha256/{}", digest.hex()), bytes);
        (digest.to_string(), size)
    };
    let mut manifests = Vec::new();
    for (os, architecture, layers) in images {
        let diff_ids: Vec<String> = layers.iter().map(|(_, plain)| Digest::of(plain).to_string()).collect();
        let history: Vec<Value> = layers.iter().map(|_| json!({"created_by": "test"})).collect();
        let config = json!({
            "os": os, "architecture": architecture, "rootfs": {"type": "layers", "diff_ids": diff_ids},
            "history": history, "config": {"Labels": {"a": "b"}},
        });
        let (config, config_size) = put(config.to_string().into_bytes());
        let layers: Vec<Value> = layers
            .iter()
            .map(|(stored, _)| {
                let (digest, size) = put((*stored).clone());
                json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest, "size": size})
            })
            .collect();
        let manifest = json!({
            "schemaVersion": 2, "config": {"digest": config, "size": config_size}, "layers": layers,
        });
        let (digest, size) = put(manifest.to_string().into_bytes());
        manifests.push(json!({
            "mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": size,
            "platform": {"os": os, "architecture": architecture},
            "annotations": {"io.containerd.image.name": "example.com/little:1"},
        }));
    }
    if manifests.len() > 1 {
        manifests.push(json!({
            "digest": Digest::of(b"attestation").to_string(), "size": 1,
            "platform": {"os": "unknown", "architecture": "unknown"},
        }));
        let (digest, size) =
            put(json!({"schemaVersion": 2, "manifests": manifests}).to_string().into_bytes());
        manifests = vec![json!({
            "mediaType": "application/vnd.oci.image.index.v1+json", "digest": digest, "size": size,
        })];
    }
    let index = json!({"schemaVersion": 2, "manifests": manifests}).to_string();
    files.insert("index.json".to_owned(), index.into_bytes());
    files
}

pub fn tar_of_files(files: &BTreeMap<String, Vec<u8>>) -> Vec<u8> {
    files.iter().fold(Archive::new(), |archive, (name, bytes)| archive.file(name, bytes)).finish()
}

pub fn write_folder(folder: &Path, files: &BTreeMap<String, Vec<u8>>) {
    for (name, bytes) in files {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

/// An archive as old versions of `docker save` write it: layers uncompressed, in folders of their own.
pub fn docker_archive(layers: &[Vec<u8>]) -> Vec<u8> {
    let diff_ids: Vec<String> = layers.iter().map(|layer| Digest::of(layer).to_string()).collect();
    let config =
        json!({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": diff_ids}});
    let config = config.to_string().into_bytes();
    let config_name = format!("{}.json", Digest::of(&config).hex());
    let mut archive = Archive::new();
    let mut names = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        let name = format!("{index:064x}/layer.tar");
        archive = archive.file(&name, layer);
        names.push(name);
    }
    let manifest = json!([{"Config": config_name, "RepoTags": ["little:1"], "Layers": names}]);
    archive.file(&config_name, &config).file("manifest.json", manifest.to_string().as_bytes()).finish()
}
