//! What the trees of builds depend on.
use invar_plan::{SourceBuild, WheelRecipe};
use invar_project::{LockedInterpreter, Platform};
use invar_python::{FRONTEND, WHEEL_VERSION};
use invar_realise::{WheelTree, encode_direct_url, encode_layout};
use invar_store::{Key, KeyWriter, Keyed};
use invar_tree::Digest;

use crate::debian::ConfiguredPackages;

/// How a package is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Install {
    /// Its files are copied, as in an image.
    Copied,
    /// Its files stay where they are, in the project's folder.
    Editable,
}

/// The files that a package is built from, with the folder in them that has it.
pub(super) enum BuildSource<'a> {
    Archive { digest: &'a Digest, subdirectory: Option<&'a str> },
    Git { commit: &'a str, digest: Option<&'a Digest>, subdirectory: Option<&'a str> },
    Directory { tree: Digest, path: &'a str, subdirectory: String },
}

/// A package that is built and installed.
pub(super) struct BuiltPackage<'a> {
    pub(super) platform: Platform,
    pub(super) build: &'a SourceBuild,
    pub(super) source: BuildSource<'a>,
    pub(super) patches: &'a [Digest],
    pub(super) install: Install,
    pub(super) needs: &'a [Key],
}

impl Keyed for BuiltPackage<'_> {
    const DOMAIN: &'static str = "built";
    const VERSION: u32 = WHEEL_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        let Self { platform, build, source, patches, install, needs } = self;
        writer.digest(&Digest::of(FRONTEND.as_bytes()));
        writer.text(platform.as_str());
        match source {
            BuildSource::Archive { digest, subdirectory } => {
                writer.variant(0);
                writer.digest(digest);
                writer.optional(*subdirectory, KeyWriter::text);
            }
            BuildSource::Git { commit, digest, subdirectory } => {
                writer.variant(1);
                writer.text(commit);
                writer.optional(*digest, KeyWriter::digest);
                writer.optional(*subdirectory, KeyWriter::text);
            }
            BuildSource::Directory { tree, path, subdirectory } if subdirectory.is_empty() => {
                writer.variant(2);
                writer.digest(tree);
                writer.text(path);
            }
            BuildSource::Directory { tree, path, subdirectory } => {
                writer.variant(3);
                writer.digest(tree);
                writer.text(path);
                writer.text(subdirectory);
            }
        }
        writer.text(build.chosen.name.as_str());
        writer.keyed(&ConfiguredPackages(&build.root));
        // The text is what the build's front end is given.
        writer.text(&serde_json::Value::Object(build.settings.clone()).to_string());
        encode_layout(writer, &build.layout);
        writer.optional(build.chosen.direct.as_ref(), encode_direct_url);
        writer.variant(match install {
            Install::Copied => 0,
            Install::Editable => 1,
        });
        writer.list(*patches, KeyWriter::digest);
        writer.list(&build.wheels, |writer, wheel| writer.keyed(&WheelTree(wheel)));
        writer.list(*needs, KeyWriter::key);
        writer.map(&build.environment, |writer, value| writer.text(value));
    }
}

/// The environment of a build: an interpreter, wheels, and packages that are built.
pub(super) struct BuildEnvironment<'a> {
    pub(super) interpreter: &'a LockedInterpreter,
    pub(super) wheels: &'a [WheelRecipe],
    pub(super) needs: &'a [Key],
}

impl Keyed for BuildEnvironment<'_> {
    const DOMAIN: &'static str = "build-environment";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        encode_interpreter(writer, self.interpreter);
        writer.list(self.wheels, |writer, wheel| writer.keyed(&WheelTree(wheel)));
        writer.list(self.needs, KeyWriter::key);
    }
}

/// Writes where an interpreter is, and its version.
pub fn encode_interpreter(writer: &mut KeyWriter, interpreter: &LockedInterpreter) {
    // What is in the package is for its own key to say.
    let LockedInterpreter { package: _, version, path } = interpreter;
    writer.text(path.as_str());
    writer.text(&version.to_string());
}

#[cfg(test)]
mod keys {
    use invar_python::{ChosenSource, EnvironmentLayout, NeededBy, SourceLocation};
    use std::collections::BTreeMap;

    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let (patches, needs) = ([Digest::of(b"patch")], [ConfiguredPackages(&[]).key()]);
        let build = SourceBuild {
            chosen: ChosenSource {
                name: "psycopg2".parse().unwrap(),
                version: Some("2.9.10".to_owned()),
                source: SourceLocation::Directory { path: "a".to_owned(), editable: false },
                direct: None,
                needed_by: NeededBy::Project,
            },
            digest: None,
            root: Vec::new(),
            wheels: Vec::new(),
            needs: Vec::new(),
            requires: Vec::new(),
            environment: BTreeMap::from([("A".to_owned(), "b".to_owned())]),
            patches: vec!["fix.patch".to_owned()],
            settings: serde_json::Map::from_iter([("a".to_owned(), "b".into())]),
            layout: EnvironmentLayout { prefix: "app/.venv".parse().unwrap(), python: (3, 13) },
        };
        let interpreter = &LockedInterpreter {
            package: "python3.13".parse().unwrap(),
            version: "3.13.5".parse().unwrap(),
            path: "usr/bin/python3.13".parse().unwrap(),
        };
        let digest = &Digest::of(b"file");
        let built = |source, install| BuiltPackage {
            platform: Platform::LinuxArm64,
            build: &build,
            source,
            patches: &patches,
            install,
            needs: &needs,
        };
        let archive = || BuildSource::Archive { digest, subdirectory: Some("sub") };
        let directory = |subdirectory: &str| {
            let subdirectory = subdirectory.to_owned();
            BuildSource::Directory { tree: *digest, path: "sub", subdirectory }
        };
        let others = [
            built(archive(), Install::Copied).key(),
            built(archive(), Install::Editable).key(),
            built(BuildSource::Git { commit: "c", digest: None, subdirectory: None }, Install::Copied).key(),
            built(directory(""), Install::Copied).key(),
            built(directory("sub"), Install::Copied).key(),
        ];
        let different: std::collections::BTreeSet<&Key> = others.iter().collect();
        assert_eq!(different.len(), others.len());
        assert_eq!(
            built(archive(), Install::Copied).describe(),
            "built 1 17e8abde3b3f2579d2e9e331af7e2d2fbe3f84883930255f2e36c20b33011a28",
            "{CHANGED}"
        );
        assert_eq!(
            BuildEnvironment { interpreter, wheels: &[], needs: &needs }.describe(),
            "build-environment 1 a56d2e96b8a442e78be33399e5558a4ecceee8b10d697c3b1540dded781faf06",
            "{CHANGED}"
        );
    }
}
