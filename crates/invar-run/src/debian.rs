//! Debian packages as one root: unpacked, configured, merged, and checked out where something is to run in it.
use std::sync::Arc;

use invar_debian::Control;
use invar_maintscript::{HANDLERS_VERSION, Settings, TimeZone, configure};
use invar_plan::{PackageRecipe, Recipe};
use invar_realise::{PackageTree, check_out, control, copy_tree, key, realise};
use invar_store::{Checkout, Key, KeyWriter, Keyed, StoredTree};
use invar_tree::{Contents, Origin, Tree};

use crate::RunError;
use crate::configuration::configuration;
use crate::context::BuildContext;
use crate::root::{Overlay, Root, RootContents};
use crate::unpacked::UnpackedPackage;

/// Debian packages, unpacked and configured by the handlers.
pub struct DebianRoot {
    /// How each was created.
    pub recipes: Vec<Recipe>,
    /// The files of each.
    pub packages: Vec<UnpackedPackage>,
    /// The control data of each.
    pub controls: Vec<Control>,
    /// What the handlers changed.
    pub overlay: Overlay,
    /// The contents of the overlay.
    pub configured: StoredTree,
}

/// The key of what the handlers make of the packages among `recipes`.
pub fn configuration_key(recipes: &[Recipe]) -> Key {
    let packages = recipes.iter().filter(|recipe| matches!(recipe, Recipe::Package(_)));
    Configuration { settings: &settings(), packages: packages.map(key).collect() }.key()
}

/// What the handlers make of packages, whose order does not count.
struct Configuration<'a> {
    settings: &'a Settings,
    packages: Vec<Key>,
}

impl Keyed for Configuration<'_> {
    const DOMAIN: &'static str = "configuration";
    const VERSION: u32 = HANDLERS_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        encode_settings(writer, self.settings);
        writer.set(&self.packages, KeyWriter::key);
    }
}

/// Writes what a user may choose about the handlers.
pub fn encode_settings(writer: &mut KeyWriter, settings: &Settings) {
    let Settings { time_zone } = settings;
    writer.text(time_zone.as_str());
}

/// What the handlers are told other than the packages.
pub fn settings() -> Settings {
    Settings { time_zone: TimeZone::utc() }
}

impl DebianRoot {
    /// Unpacks and configures `packages`.
    ///
    /// # Errors
    /// What fetching, unpacking and the handlers say.
    pub fn realise(context: &BuildContext<'_>, packages: &[PackageRecipe]) -> Result<Self, RunError> {
        let recipes: Vec<Recipe> = packages.iter().cloned().map(Recipe::Package).collect();
        let stored =
            realise(context.sources, &recipes, &|suite| context.times(suite), &context.files.folder)?;
        Self::of(context, recipes, stored)
    }

    /// Configures packages that are unpacked.
    ///
    /// # Errors
    /// What the store and the handlers say.
    pub fn of(
        context: &BuildContext<'_>,
        recipes: Vec<Recipe>,
        stored: Vec<StoredTree>,
    ) -> Result<Self, RunError> {
        let mut trees = Vec::new();
        let mut controls = Vec::new();
        for (recipe, stored) in recipes.iter().zip(stored) {
            if let Recipe::Package(package) = recipe {
                controls.push(control(&stored, package)?);
            }
            trees.push((stored.tree(&Arc::new(recipe.origin()))?, stored));
        }
        let packages = UnpackedPackage::all(&controls, trees)?;
        let settings = settings();
        let key = configuration_key(&recipes);
        let (overlay, configured) = configuration(&context.sources.store, &key, || {
            let plain: Vec<&Tree> = packages.iter().map(UnpackedPackage::tree).collect();
            let root = Root::merge(&plain, &Overlay::default()).map_err(RunError::Clash)?;
            let origins: Vec<Origin> = recipes.iter().map(Recipe::origin).collect();
            let sources = origins.iter().zip(packages.iter().map(as_contents));
            let contents = RootContents::new(&root.tree, sources);
            let controls: Vec<&Control> = controls.iter().collect();
            Ok(configure(&contents, &controls, &settings)?.into())
        })?;
        Ok(Self { recipes, packages, controls, overlay, configured })
    }

    /// The merged root, with `overlay` in place of the handlers' own where something more has been done.
    ///
    /// # Errors
    /// [`RunError::Clash`].
    pub fn root(&self) -> Result<Root, RunError> {
        let trees: Vec<&Tree> = self.packages.iter().map(UnpackedPackage::tree).collect();
        Root::merge(&trees, &self.overlay).map_err(RunError::Clash)
    }

    /// Gives each file's contents by its origin.
    pub fn with_contents<T>(&self, root: &Root, run: impl FnOnce(&RootContents<'_>) -> T) -> T {
        self.with_contents_of(root, &self.overlay.tree, &self.configured, run)
    }

    /// Gives each file's contents by its origin, where `contents` has what is in `overlay`.
    pub fn with_contents_of<T>(
        &self,
        root: &Root,
        overlay: &Tree,
        contents: &(dyn Contents + Sync),
        run: impl FnOnce(&RootContents<'_>) -> T,
    ) -> T {
        let origins: Vec<Origin> = self.recipes.iter().map(Recipe::origin).collect();
        let packages = origins.iter().zip(self.packages.iter().map(as_contents));
        let made = overlay.iter().filter(|(_, entry)| !entry.is_directory());
        let made = made.map(|(_, entry)| (&*entry.origin, contents));
        run(&RootContents::new(&root.tree, packages.chain(made)))
    }
}

fn as_contents(package: &UnpackedPackage) -> &(dyn Contents + Sync) {
    package
}

/// `packages`, configured, as a folder in which programs can be run.
///
/// # Errors
/// What fetching, unpacking, the handlers and the store say.
pub fn debian_checkout(context: &BuildContext<'_>, packages: &[PackageRecipe]) -> Result<Checkout, RunError> {
    let key = DebianCheckout(packages).key();
    check_out(&context.sources.store, &key, |sink| -> Result<(), RunError> {
        let debian = DebianRoot::realise(context, packages)?;
        let root = debian.root()?;
        Ok(debian.with_contents(&root, |contents| copy_tree(&root.tree, contents, sink))?)
    })
}

/// Packages as a folder in which programs can be run.
struct DebianCheckout<'a>(&'a [PackageRecipe]);

impl Keyed for DebianCheckout<'_> {
    const DOMAIN: &'static str = "debian-checkout";
    const VERSION: u32 = 1;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.keyed(&ConfiguredPackages(self.0));
    }
}

/// Packages with what the handlers make of them, as something else is built from them. Their order does not count.
pub struct ConfiguredPackages<'a>(pub &'a [PackageRecipe]);

impl Keyed for ConfiguredPackages<'_> {
    const DOMAIN: &'static str = "configured-packages";
    const VERSION: u32 = HANDLERS_VERSION;

    fn encode(&self, writer: &mut KeyWriter) {
        writer.set(self.0, |writer, package| writer.keyed(&PackageTree(package)));
    }
}

#[cfg(test)]
mod keys {
    use invar_maintscript::TimeZone;

    use super::*;

    const CHANGED: &str = "if this is intended, raise the VERSION of the domain and pin the new key";

    #[test]
    fn the_keys_are_pinned() {
        let package = |size| PackageRecipe {
            name: "tini".parse().unwrap(),
            version: "0.19.0-1".parse().unwrap(),
            architecture: "amd64".parse().unwrap(),
            suite: "trixie".to_owned(),
            file: "tini.deb".to_owned(),
            size,
            digest: invar_tree::Digest::of(b"deb"),
            docs: false,
        };
        let (one, two) = (package(1), package(2));
        let packages = [one.clone(), two.clone()];
        assert_eq!(ConfiguredPackages(&packages).key(), ConfiguredPackages(&[two, one]).key());
        let settings = Settings { time_zone: TimeZone::utc() };
        let configuration =
            Configuration { settings: &settings, packages: vec![ConfiguredPackages(&[]).key()] };
        assert_eq!(
            ConfiguredPackages(&packages).describe(),
            "configured-packages 2 d4bb6340f7a63f4ad2672a327a5061be55ba7c43eddeca78e53e50f759c5bd96",
            "{CHANGED}"
        );
        assert_eq!(
            DebianCheckout(&packages).describe(),
            "debian-checkout 1 995629470626ff73b3be2fe0788d623d2c1391f24614a6e74648b64ce7d1ea32",
            "{CHANGED}"
        );
        assert_eq!(
            configuration.describe(),
            "configuration 2 692087588a5bdce60a51e81257a9e16e328b1b942c9ea43d85ff418f2a86d0ab",
            "{CHANGED}"
        );
    }
}
