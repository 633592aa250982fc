use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use invar_formats::tar::{self, Policy, TarReader};

use crate::blobs::{Blob, Blobs, blob_name};
use crate::image::read;
use crate::layer::LayerSource;
use crate::wire::{Descriptor, DockerImage, Index};
use crate::{Compression, Document, Image, ImageError, Limits};

/// In what form an image is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageForm {
    /// What `docker save` writes.
    DockerArchive,
    /// A tar archive of an OCI image layout.
    OciArchive,
    /// An OCI image layout in a folder.
    OciLayout,
    /// A root file system as a tar archive.
    RootfsArchive,
    /// A root file system in a folder.
    RootfsDirectory,
}

impl fmt::Display for ImageForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DockerArchive => "Docker archive",
            Self::OciArchive => "OCI archive",
            Self::OciLayout => "OCI layout",
            Self::RootfsArchive => "root file system (archive)",
            Self::RootfsDirectory => "root file system (directory)",
        })
    }
}

/// A file or folder with images, of which the documents have been read and checked, and the layers not yet.
#[derive(Debug)]
pub struct ImageSet {
    /// The file or folder.
    pub path: PathBuf,
    /// Its form.
    pub form: ImageForm,
    /// Its images, one for each platform or name.
    pub images: Vec<Image>,
    /// The indexes that name them, the outermost first.
    pub indexes: Vec<Document>,
    /// Manifests that are not images: attestations and other artifacts, by their digests as written.
    pub attachments: Vec<String>,
}

/// How deep indexes may be nested.
const DEEPEST: usize = 4;

/// How many members of a compressed archive are looked at, to distinguish a root file system from an image.
const LOOKED_AT: usize = 32;

/// Opens the image or images at `path`.
///
/// # Errors
/// [`ImageError`].
pub fn open(path: &Path, limits: &Limits) -> Result<ImageSet, ImageError> {
    let fail = |source| ImageError::Read { path: path.to_owned(), source };
    let metadata = fs::metadata(path).map_err(fail)?;
    if metadata.is_dir() {
        let blobs = Blobs::Directory(path.to_owned());
        if blobs.has("oci-layout") && blobs.has("index.json") {
            return layout(&blobs, ImageForm::OciLayout, limits);
        }
        return Ok(alone(path, ImageForm::RootfsDirectory, LayerSource::Directory));
    }
    if !metadata.is_file() {
        return Err(ImageError::Unknown { path: path.to_owned() });
    }
    let mut start = Vec::new();
    File::open(path).and_then(|file| file.take(512).read_to_end(&mut start)).map_err(fail)?;
    let unknown = || ImageError::Unknown { path: path.to_owned() };
    let compression = Compression::of(&start).map_err(|_| unknown())?;
    let whole = LayerSource::Blob(Blob { path: path.to_owned(), offset: 0, size: metadata.len() });
    if compression != Compression::None {
        if names_of_compressed(path, compression, limits).map_err(fail)?.iter().any(|name| is_of_image(name))
        {
            return Err(ImageError::Compressed { path: path.to_owned() });
        }
        return Ok(alone(path, ImageForm::RootfsArchive, whole));
    }
    let first = tar::first_path(&start).ok_or_else(unknown)?;
    let first = String::from_utf8_lossy(&first);
    let blobs = match Blobs::archive(path, limits) {
        Ok(blobs) => blobs,
        // A root file system may have what an archive of blobs has not.
        Err(_) if !is_of_image(&first) => return Ok(alone(path, ImageForm::RootfsArchive, whole)),
        Err(error) => return Err(error),
    };
    if blobs.has("oci-layout") && blobs.has("index.json") {
        let form = if blobs.has("manifest.json") { ImageForm::DockerArchive } else { ImageForm::OciArchive };
        return layout(&blobs, form, limits);
    }
    if blobs.has("manifest.json") {
        return docker(&blobs, limits);
    }
    Ok(alone(path, ImageForm::RootfsArchive, whole))
}

fn alone(path: &Path, form: ImageForm, source: LayerSource) -> ImageSet {
    let images = vec![Image::of_root(path, source)];
    ImageSet { path: path.to_owned(), form, images, indexes: Vec::new(), attachments: Vec::new() }
}

fn layout(blobs: &Blobs, form: ImageForm, limits: &Limits) -> Result<ImageSet, ImageError> {
    let outermost = blobs.document("index.json", None, limits)?;
    let index: Index = read(blobs.path(), "index.json", &outermost)?;
    let path = blobs.path().to_owned();
    let mut opened =
        ImageSet { path, form, images: Vec::new(), indexes: vec![outermost], attachments: Vec::new() };
    opened.take(blobs, index, None, 1, limits)?;
    Ok(opened)
}

impl ImageSet {
    /// Reads what `index` names. A descriptor that comes again, as one does for each name, only adds its name.
    fn take(
        &mut self,
        blobs: &Blobs,
        index: Index,
        outer: Option<&str>,
        depth: usize,
        limits: &Limits,
    ) -> Result<(), ImageError> {
        let path = || blobs.path().to_owned();
        if depth > DEEPEST {
            return Err(ImageError::TooMany { path: path(), what: "nested indexes", limit: DEEPEST });
        }
        for descriptor in index.manifests {
            if self.images.len() + self.attachments.len() >= limits.images {
                return Err(ImageError::TooMany { path: path(), what: "images", limit: limits.images });
            }
            let name = name_of(&descriptor).or_else(|| outer.map(str::to_owned));
            if is_attachment(&descriptor) {
                self.attachments.push(descriptor.digest);
                continue;
            }
            if descriptor
                .media_type
                .as_deref()
                .is_some_and(|kind| kind.contains("index") || kind.contains("list"))
            {
                let (file, digest) = blob_name(blobs.path(), &descriptor.digest)?;
                let inner = blobs.document(&file, Some(digest), limits)?;
                let index: Index = read(blobs.path(), &file, &inner)?;
                if !self.indexes.contains(&inner) {
                    self.indexes.push(inner);
                }
                self.take(blobs, index, name.as_deref(), depth + 1, limits)?;
                continue;
            }
            let known = self
                .images
                .iter_mut()
                .find(|image| image.digest().is_some_and(|digest| digest.to_string() == descriptor.digest));
            match known {
                Some(image) => image.names.extend(name.filter(|name| !image.names.contains(name))),
                None => {
                    let mut image = Image::of_manifest(blobs, &descriptor, limits)?;
                    image.names.extend(name);
                    self.images.push(image);
                }
            }
        }
        Ok(())
    }
}

fn name_of(descriptor: &Descriptor) -> Option<String> {
    let annotations = descriptor.annotations.as_ref()?;
    let name = |key: &str| annotations.get(key).cloned();
    name("io.containerd.image.name").or_else(|| name("org.opencontainers.image.ref.name"))
}

/// Whether it is about an image rather than one: what BuildKit attaches, and artifacts.
fn is_attachment(descriptor: &Descriptor) -> bool {
    let annotated =
        descriptor.annotations.as_ref().is_some_and(|all| all.contains_key("vnd.docker.reference.type"));
    let nowhere = descriptor.platform.as_ref().is_some_and(|platform| platform.os == "unknown");
    annotated || nowhere || descriptor.artifact_type.is_some()
}

fn docker(blobs: &Blobs, limits: &Limits) -> Result<ImageSet, ImageError> {
    let document = blobs.document("manifest.json", None, limits)?;
    let found: Vec<DockerImage> = read(blobs.path(), "manifest.json", &document)?;
    let path = blobs.path().to_owned();
    if found.len() > limits.images {
        return Err(ImageError::TooMany { path, what: "images", limit: limits.images });
    }
    let images = found.into_iter().map(|image| Image::of_docker(blobs, image, limits));
    let images = images.collect::<Result<Vec<Image>, ImageError>>()?;
    Ok(ImageSet {
        path,
        form: ImageForm::DockerArchive,
        images,
        indexes: Vec::new(),
        attachments: Vec::new(),
    })
}

/// The names of the first members of a compressed archive; what cannot be read is for the reader of the layer to
/// report.
fn names_of_compressed(path: &Path, compression: Compression, limits: &Limits) -> io::Result<Vec<String>> {
    let reader = BufReader::with_capacity(1 << 16, File::open(path)?);
    let decoder = compression.decode(reader)?.take(64 << 20);
    let mut archive = TarReader::new(decoder, Policy::PaxSizes, limits.tar());
    let mut names = Vec::new();
    while names.len() < LOOKED_AT
        && let Ok(Some(header)) = archive.next_member()
    {
        names.push(String::from_utf8_lossy(&header.path).into_owned());
    }
    Ok(names)
}

/// Whether only an image has a member of this name.
fn is_of_image(name: &str) -> bool {
    let name = name.trim_start_matches("./");
    let first = name.split('/').next().unwrap_or(name);
    let hex = |text: &str| text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    matches!(name, "oci-layout" | "index.json" | "manifest.json" | "repositories")
        || name.starts_with("blobs/sha256")
        || hex(first.split('.').next().unwrap_or(first))
}
