//! Debian packages as one root: unpacked, configured, merged, and checked out where something is to run in it.
use std::path::PathBuf;
use std::sync::Arc;

use invar_debian::Control;
use invar_maintscript::{Settings, TimeZone, configure};
use invar_plan::{PackageRecipe, Recipe};
use invar_realise::{check_out, control, copy_tree, key, realise};
use invar_store::{Checkout, Key, StoredTree};
use invar_tree::{Contents, Origin, Tree};

use crate::BuildError;
use crate::configuration::configuration;
use crate::key::key_of;
use crate::root::{Overlay, Root, RootContents};
use crate::run::context::BuildContext;

/// Names the handlers in keys: a release with other handlers must not find what this one made.
pub(crate) const HANDLERS: &str = env!("CARGO_PKG_VERSION");

/// Debian packages, unpacked and configured by the handlers.
pub(crate) struct Debian {
    /// How each was made.
    pub recipes: Vec<Recipe>,
    /// The tree of each.
    pub trees: Vec<(Tree, StoredTree)>,
    /// The control data of each.
    pub controls: Vec<Control>,
    /// What the handlers changed.
    pub overlay: Overlay,
    /// The contents of the overlay.
    pub configured: StoredTree,
}

/// The key of what the handlers make of the packages among `recipes`.
pub(crate) fn configuration_key(recipes: &[Recipe]) -> Key {
    let mut fields = vec![
        ("format", invar_project::FORMAT_VERSION.to_string()),
        ("handlers", HANDLERS.to_owned()),
        ("settings", format!("{:?}", settings())),
    ];
    let packages = recipes.iter().filter(|recipe| matches!(recipe, Recipe::Package(_)));
    fields.extend(packages.map(|recipe| ("package", key(recipe).to_string())));
    key_of("configuration", &fields)
}

/// What the handlers are told besides the packages.
pub(crate) fn settings() -> Settings {
    Settings { time_zone: TimeZone::utc() }
}

impl Debian {
    /// Unpacks and configures `packages`.
    ///
    /// # Errors
    /// What fetching, unpacking and the handlers say.
    pub fn realise(context: &BuildContext<'_>, packages: &[PackageRecipe]) -> Result<Self, BuildError> {
        let recipes: Vec<Recipe> = packages.iter().cloned().map(Recipe::Package).collect();
        let stored =
            realise(context.session, &recipes, &|suite| context.times(suite), &context.files.folder)?;
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
    ) -> Result<Self, BuildError> {
        let mut trees = Vec::new();
        let mut controls = Vec::new();
        for (recipe, stored) in recipes.iter().zip(stored) {
            if let Recipe::Package(package) = recipe {
                controls.push(control(&stored, package)?);
            }
            trees.push((stored.tree(&Arc::new(recipe.origin()))?, stored));
        }
        let settings = settings();
        let key = configuration_key(&recipes);
        let (overlay, configured) = configuration(&context.session.store, &key, || {
            let plain: Vec<&Tree> = trees.iter().map(|(tree, _)| tree).collect();
            let root = Root::merge(&plain, &Overlay::default()).map_err(BuildError::Clash)?;
            let origins: Vec<Origin> = recipes.iter().map(Recipe::origin).collect();
            let sources = origins.iter().zip(&trees);
            let sources = sources.map(|(origin, (_, stored))| (origin, stored as &(dyn Contents + Sync)));
            let contents = RootContents::new(&root.tree, sources);
            let controls: Vec<&Control> = controls.iter().collect();
            Ok(configure(&contents, &controls, &settings)?.into())
        })?;
        Ok(Self { recipes, trees, controls, overlay, configured })
    }

    /// The merged root, with `overlay` in place of the handlers' own where something more has been done.
    ///
    /// # Errors
    /// [`BuildError::Clash`].
    pub fn root(&self) -> Result<Root, BuildError> {
        let trees: Vec<&Tree> = self.trees.iter().map(|(tree, _)| tree).collect();
        Root::merge(&trees, &self.overlay).map_err(BuildError::Clash)
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
        let packages = origins.iter().zip(&self.trees);
        let packages = packages.map(|(origin, (_, stored))| (origin, stored as &(dyn Contents + Sync)));
        let made = overlay.iter().filter(|(_, entry)| !entry.is_directory());
        let made = made.map(|(_, entry)| (&*entry.origin, contents));
        run(&RootContents::new(&root.tree, packages.chain(made)))
    }
}

/// `packages`, configured, as a folder in which programs can be run.
///
/// # Errors
/// What fetching, unpacking, the handlers and the store say.
pub(crate) fn debian_checkout(
    context: &BuildContext<'_>,
    packages: &[PackageRecipe],
) -> Result<Checkout, BuildError> {
    let key = packages_key("debian-checkout", packages);
    check_out(&context.session.store, &key, |sink| -> Result<(), BuildError> {
        let debian = Debian::realise(context, packages)?;
        let root = debian.root()?;
        Ok(debian.with_contents(&root, |contents| copy_tree(&root.tree, contents, sink))?)
    })
}

/// What `packages`, configured, are known by in keys.
pub(crate) fn packages_key(domain: &str, packages: &[PackageRecipe]) -> Key {
    let mut fields =
        vec![("format", invar_project::FORMAT_VERSION.to_string()), ("handlers", HANDLERS.to_owned())];
    fields.extend(
        packages.iter().map(|package| ("package", key(&Recipe::Package(package.clone())).to_string())),
    );
    key_of(domain, &fields)
}

/// The folder of a checkout, for the list of a sandbox's roots.
pub(crate) fn path(checkout: &Checkout) -> PathBuf {
    checkout.path().to_owned()
}
