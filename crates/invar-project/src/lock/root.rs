use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use invar_debian::PackageName;
use invar_python::{DistributionName, LONGEST_NAME};

use crate::{ImageKey, PackageRequest, StepName};

/// The name of a root: of what else consists of Debian packages other than the image. It is a kind, such as `shell`, and
/// where there can be several of that kind a colon and a name, such as `step:assets`.
///
/// Both are lower-case letters, digits and hyphens, the first and last no hyphen. Roots are ordered by their text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RootName(pub(super) Arc<str>);

/// A text that is not a [`RootName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not the name of a root: expected, for example, \"shell\" or \"step:assets\"")]
pub struct RootNameError {
    /// The text as given.
    pub text: String,
}

/// What a root consists of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LockedRoot {
    /// What was asked for.
    pub request: BTreeSet<PackageRequest>,
    /// All packages that are in it.
    pub packages: BTreeSet<PackageName>,
}

/// The one word that is no kind of root: `requested by packages` is about the image.
const RESERVED: &str = "packages";

/// The longest name, in bytes: that of a Python distribution, after its kind.
const LONGEST: usize = "python:".len() + LONGEST_NAME;

impl RootName {
    /// The root in which a step is run: `step:NAME`.
    pub fn step(name: &StepName) -> Self {
        Self(format!("step:{name}").into())
    }

    /// The root in which Python packages are built that ask for nothing special: `python`.
    pub fn python() -> Self {
        Self("python".into())
    }

    /// The root in which one Python package is built: `python:NAME`.
    pub fn python_package(name: &DistributionName) -> Self {
        Self(format!("python:{name}").into())
    }

    /// The root of the author's shell: `shell`.
    pub fn shell() -> Self {
        Self("shell".into())
    }

    /// The root in which maintainer scripts are run: `scripts`.
    pub fn scripts() -> Self {
        Self("scripts".into())
    }

    /// The root of an additional image: `image:KEY`.
    pub fn image(key: &ImageKey) -> Self {
        Self(format!("image:{key}").into())
    }

    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What kind of root it is.
    pub fn kind(&self) -> &str {
        self.0.split(':').next().unwrap_or(&self.0)
    }

    /// Which one of its kind it is, where there can be several.
    pub fn name(&self) -> Option<&str> {
        self.0.split_once(':').map(|(_, name)| name)
    }
}

impl Borrow<str> for RootName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl FromStr for RootName {
    type Err = RootNameError;

    fn from_str(text: &str) -> Result<Self, RootNameError> {
        let word = |word: &str| {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !word.is_empty() && !word.starts_with('-') && !word.ends_with('-') && word.bytes().all(plain)
        };
        let parts = match text.split_once(':') {
            Some((kind, name)) => word(kind) && word(name),
            None => word(text),
        };
        let good = parts && text != RESERVED && text.len() <= LONGEST;
        if good { Ok(Self(text.into())) } else { Err(RootNameError { text: text.to_owned() }) }
    }
}
