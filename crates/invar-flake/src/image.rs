//! Container images that a flake makes.
use std::collections::BTreeMap;

use crate::datum::Datum;

/// An image: `dockerTools.buildImage` and similar, with their attributes sorted by what they mean.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Image {
    /// The function: `dockerTools.buildImage`, `dockerTools.buildLayeredImage`, `dockerTools.streamLayeredImage`,
    /// `nix2container.buildImage`, ….
    pub function: String,
    /// `name`.
    pub name: Option<Datum>,
    /// `tag`.
    pub tag: Option<Datum>,
    /// `contents` or `copyToRoot`: what is laid over the root; a single value or a list.
    pub contents: Option<Datum>,
    /// `config`.
    pub config: ImageConfig,
    /// `extraCommands`: shell over the root's files.
    pub extra_commands: Option<Datum>,
    /// `fakeRootCommands`: shell over the root's files, as root.
    pub fake_root_commands: Option<Datum>,
    /// `enableFakechroot`.
    pub enable_fakechroot: Option<Datum>,
    /// `runAsRoot`: shell in the image, as root.
    pub run_as_root: Option<Datum>,
    /// `fromImage`.
    pub from_image: Option<Datum>,
    /// `created`.
    pub created: Option<Datum>,
    /// `mtime`.
    pub mtime: Option<Datum>,
    /// `maxLayers`.
    pub max_layers: Option<Datum>,
    /// `layers` of nix2container.
    pub layers: Option<Datum>,
    /// `perms` of nix2container.
    pub perms: Option<Datum>,
    /// `uid`, `gid`, `uname`, `gname`: the owner of the root's files.
    pub owner: BTreeMap<String, Datum>,
    /// `architecture` or `arch`.
    pub architecture: Option<Datum>,
    /// Attributes that are none of these.
    pub other: BTreeMap<String, Datum>,
}

/// The configuration of an image, after the OCI image specification.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ImageConfig {
    /// `Entrypoint`.
    pub entrypoint: Option<Datum>,
    /// `Cmd`.
    pub command: Option<Datum>,
    /// `Env`: a list of `NAME=value`.
    pub environment: Option<Datum>,
    /// `ExposedPorts`: a set whose names are ports.
    pub exposed_ports: Option<Datum>,
    /// `Volumes`: a set whose names are paths.
    pub volumes: Option<Datum>,
    /// `Labels`.
    pub labels: Option<Datum>,
    /// `User`.
    pub user: Option<Datum>,
    /// `WorkingDir`.
    pub working_directory: Option<Datum>,
    /// `StopSignal`.
    pub stop_signal: Option<Datum>,
    /// `Healthcheck`.
    pub healthcheck: Option<Datum>,
    /// Fields that are none of these.
    pub other: BTreeMap<String, Datum>,
    /// The configuration, if it is not a set.
    pub unreadable: Option<Datum>,
}

impl Image {
    /// The image that `function` makes of `attributes`.
    pub(crate) fn new(function: String, attributes: BTreeMap<String, Datum>) -> Self {
        let mut image = Self { function, ..Self::default() };
        for (name, value) in attributes {
            let field = match name.as_str() {
                "name" => &mut image.name,
                "tag" => &mut image.tag,
                // `null` is what the other of the two has by default.
                "contents" | "copyToRoot" => {
                    if value.value != crate::Data::Null {
                        image.contents = Some(value);
                    }
                    continue;
                }
                "config" => {
                    image.config = ImageConfig::new(value);
                    continue;
                }
                "extraCommands" => &mut image.extra_commands,
                "fakeRootCommands" => &mut image.fake_root_commands,
                "enableFakechroot" => &mut image.enable_fakechroot,
                "runAsRoot" => &mut image.run_as_root,
                "fromImage" => &mut image.from_image,
                "created" => &mut image.created,
                "mtime" => &mut image.mtime,
                "maxLayers" => &mut image.max_layers,
                "layers" => &mut image.layers,
                "perms" => &mut image.perms,
                "architecture" | "arch" => &mut image.architecture,
                "uid" | "gid" | "uname" | "gname" => {
                    image.owner.insert(name, value);
                    continue;
                }
                _ => {
                    image.other.insert(name, value);
                    continue;
                }
            };
            *field = Some(value);
        }
        image
    }
}

impl ImageConfig {
    fn new(config: Datum) -> Self {
        let mut read = Self::default();
        let crate::Data::Set(fields) = config.value else {
            return Self { unreadable: Some(config), ..read };
        };
        for (name, value) in fields {
            // Docker's own code reads names of fields in any case, as Go does.
            let field = match name.to_ascii_lowercase().as_str() {
                "entrypoint" => &mut read.entrypoint,
                "cmd" => &mut read.command,
                "env" => &mut read.environment,
                "exposedports" => &mut read.exposed_ports,
                "volumes" => &mut read.volumes,
                "labels" => &mut read.labels,
                "user" => &mut read.user,
                "workingdir" => &mut read.working_directory,
                "stopsignal" => &mut read.stop_signal,
                "healthcheck" => &mut read.healthcheck,
                _ => {
                    read.other.insert(name, value);
                    continue;
                }
            };
            *field = Some(value);
        }
        read
    }
}
