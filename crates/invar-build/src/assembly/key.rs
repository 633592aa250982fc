//! What an image's layers, and what they are assembled from, depend on.
use std::collections::{BTreeMap, BTreeSet};

use invar_maintscript::HANDLERS_VERSION;
use invar_oci::ImageConfig;
use invar_plan::{LayerName, PackageRecipe};
use invar_project::{Account, AccountName, Identity, LockedInterpreter, Override, User};
use invar_python::DistributionName;
use invar_run::{ConfiguredPackages, encode_interpreter};
use invar_store::{Key, KeyWriter, Keyed};
use invar_tree::Digest;

use crate::checks;

/// The layers of an image: all that their trees depend on.
pub(super) struct ImageLayers<'a> {
    /// The recipes of each, in the order in which they are merged.
    pub(super) layers: Vec<(LayerName, Vec<Key>)>,
    pub(super) interpreter: Option<&'a LockedInterpreter>,
    /// Whether the image has such an account is checked when its trees are merged.
    pub(super) user: Option<&'a User>,
    pub(super) users: &'a BTreeMap<AccountName, Account>,
    pub(super) source: Digest,
    pub(super) commands: CommandTrees,
    pub(super) bytecode: bool,
    pub(super) overrides: &'a BTreeMap<DistributionName, Override>,
}

impl Keyed for ImageLayers<'_> {
    const DOMAIN: &'static str = "layers";
    const VERSION: u32 = 3;

    fn encode(&self, writer: &mut KeyWriter) {
        let Self { layers, interpreter, user, users, source, commands, bytecode, overrides } = self;
        writer.number(HANDLERS_VERSION.into());
        writer.list(layers, |writer, (name, recipes)| {
            writer.text(name.as_str());
            writer.list(recipes, KeyWriter::key);
        });
        writer.optional(*interpreter, encode_interpreter);
        writer.optional(*user, |writer, User { user, group }| {
            encode_identity(writer, user);
            writer.optional(group.as_ref(), encode_identity);
        });
        writer.map(users.iter().map(|(name, account)| (name.as_str(), account)), |writer, account| {
            let Account { uid, gid, group, home, shell } = account;
            writer.number((*uid).into());
            writer.optional(*gid, |writer, gid| writer.number(gid.into()));
            writer.optional(group.as_ref(), |writer, group| writer.text(group.as_str()));
            writer.optional(home.as_ref(), |writer, home| writer.text(home.as_str()));
            writer.optional(shell.as_ref(), |writer, shell| writer.text(shell.as_str()));
        });
        writer.digest(source);
        let CommandTrees { builds, steps, scripts } = commands;
        writer.list(builds, KeyWriter::key);
        writer.list(steps, KeyWriter::key);
        writer.optional(scripts.as_ref(), KeyWriter::key);
        writer.flag(*bytecode);
        // Nothing else of an override reaches the trees but through the key of its build.
        writer.map(overrides.iter().map(|(name, own)| (name.as_str(), &own.exclude)), |writer, exclude| {
            writer.list(exclude, |writer, glob| writer.text(glob.as_str()));
        });
    }
}

pub(super) fn encode_identity(writer: &mut KeyWriter, identity: &Identity) {
    match identity {
        Identity::Id(id) => {
            writer.variant(0);
            writer.number((*id).into());
        }
        Identity::Name(name) => {
            writer.variant(1);
            writer.text(name);
        }
    }
}

/// What would keep an image from starting.
pub(super) struct CommandLacks<'a> {
    pub(super) layers: Key,
    /// The Debian packages that the manifest names.
    pub(super) requested: &'a BTreeSet<&'a str>,
    pub(super) config: &'a ImageConfig,
}

impl Keyed for CommandLacks<'_> {
    const DOMAIN: &'static str = "lacking";
    const VERSION: u32 = checks::VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        let Self { layers, requested, config } = self;
        let ImageConfig {
            architecture, entrypoint, cmd, env, user, working_dir, volumes, healthcheck, ..
        } = config;
        writer.key(layers);
        writer.list(*requested, |writer, name| writer.text(name));
        writer.text(architecture);
        writer.list(entrypoint.iter().chain(cmd).flatten(), |writer, word| writer.text(word));
        writer
            .map(env.iter().map(|(name, value)| (name.as_str(), value)), |writer, value| writer.text(value));
        writer.optional(user.as_deref(), KeyWriter::text);
        writer.optional(working_dir.as_deref(), KeyWriter::text);
        writer.list(volumes, |writer, volume| writer.text(volume));
        writer.optional(healthcheck.as_ref(), |writer, check| {
            writer.list(&check.test, |writer, word| writer.text(word));
        });
    }
}

/// The keys of what commands make: builds and steps in their order, and the maintainer scripts.
pub(super) struct CommandTrees {
    pub builds: Vec<Key>,
    pub steps: Vec<Key>,
    pub scripts: Option<Key>,
}

/// The image so far, as a step has it that asks for it.
pub(super) struct StepEnvironment {
    pub(super) recipes: Vec<Key>,
    pub(super) builds: Vec<Key>,
}

impl Keyed for StepEnvironment {
    const DOMAIN: &'static str = "step-environment";
    const VERSION: u32 = HANDLERS_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.list(&self.recipes, KeyWriter::key);
        writer.list(&self.builds, KeyWriter::key);
    }
}

/// The image's Debian packages as a folder, over which steps are run.
pub(super) struct ImageCheckout<'a>(pub(super) &'a [PackageRecipe]);

impl Keyed for ImageCheckout<'_> {
    const DOMAIN: &'static str = "image-checkout";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.keyed(&ConfiguredPackages(self.0));
    }
}

/// The trees of the image's Python environment as a folder.
pub(super) struct EnvironmentCheckout(pub(super) Vec<Digest>);

impl Keyed for EnvironmentCheckout {
    const DOMAIN: &'static str = "environment-checkout";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.list(&self.0, KeyWriter::digest);
    }
}

#[cfg(test)]
mod keys {
    use invar_store::Keyed as _;

    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let key = invar_run::ConfiguredPackages(&[]).key();
        let mut overrides = BTreeMap::new();
        let own = Override { exclude: vec!["tests/**".parse().unwrap()], ..Override::default() };
        overrides.insert("numpy".parse().unwrap(), own);
        let account = Account { uid: 1000, gid: None, group: None, home: "srv".parse().ok(), shell: None };
        let users = BTreeMap::from([("app".parse().unwrap(), account)]);
        let layers = ImageLayers {
            layers: vec![(LayerName::System, vec![key]), (LayerName::Project, vec![])],
            interpreter: Some(&LockedInterpreter {
                package: "python3.13".parse().unwrap(),
                version: "3.13.5".parse().unwrap(),
                path: "usr/bin/python3.13".parse().unwrap(),
            }),
            user: Some(&"app:1000".parse().unwrap()),
            users: &users,
            source: Digest::of(b"source"),
            commands: CommandTrees { builds: vec![key], steps: vec![key, key], scripts: Some(key) },
            bytecode: true,
            overrides: &overrides,
        };
        let config = ImageConfig {
            architecture: "amd64".to_owned(),
            variant: None,
            created: String::new(),
            entrypoint: Some(vec!["a".to_owned()]),
            cmd: Some(vec!["b".to_owned()]),
            env: vec![("PATH".to_owned(), "/bin".to_owned()), ("LANG".to_owned(), "C".to_owned())],
            user: None,
            working_dir: Some("/app".to_owned()),
            exposed_ports: BTreeSet::new(),
            volumes: BTreeSet::new(),
            labels: BTreeMap::new(),
            stop_signal: None,
            healthcheck: None,
            history: Vec::new(),
        };
        assert_eq!(
            layers.describe(),
            "layers 3 79820093f81fa574eccd9e0496551942cf925dec0f4f68e06444460c53efc0f6",
            "{CHANGED}"
        );
        assert_eq!(
            CommandLacks { layers: key, requested: &BTreeSet::from(["jq"]), config: &config }.describe(),
            "lacking 2 a331c0722135e441378c383444254e4f07bb9d9c225ea4f4a2db931400e63710",
            "{CHANGED}"
        );
    }

    #[test]
    fn the_keys_of_checkouts_are_pinned() {
        let key = ConfiguredPackages(&[]).key();
        let environment = StepEnvironment { recipes: vec![key], builds: vec![key, key] };
        assert_eq!(
            environment.describe(),
            "step-environment 2 8187595f2c27ea725846e28cbfab8a21f2662714c511d3fdcb1838e6fe99471f",
            "{CHANGED}"
        );
        assert_eq!(
            ImageCheckout(&[]).describe(),
            "image-checkout 1 55aa07c678c5425723916ec74637072bae0f103c1f23a88555ec79f22508974d",
            "{CHANGED}"
        );
        assert_eq!(
            EnvironmentCheckout(vec![Digest::of(b"one"), Digest::of(b"two")]).describe(),
            "environment-checkout 1 d27bde63ee86a0dc36390daf020912d6b315240d3a33047338d4e5d32a69ca92",
            "{CHANGED}"
        );
    }
}
