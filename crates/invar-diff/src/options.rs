//! How images are compared, and what may be believed of those that Invar built.
use invar_oci_read::{Image, Limits};

/// How images are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageOptions {
    /// Read all layers, also those that both images name by one digest, and check every digest.
    pub all_layers: bool,
    /// The largest file that is inspected, in bytes.
    pub inside: u64,
    /// How many bytes of files are inspected together, on each side.
    pub inside_total: u64,
    /// What is believed.
    pub limits: Limits,
}

impl ImageOptions {
    /// Usual options: shared layers are believed to be what their digest says.
    pub const fn usual() -> Self {
        Self { all_layers: false, inside: 32 << 20, inside_total: 256 << 20, limits: Limits::usual() }
    }
}

/// Whether the image says that Invar built it: then no layer has a file that another has.
pub(crate) fn of_invar(image: &Image) -> bool {
    !image.layers.is_empty()
        && image.layers.iter().all(|layer| {
            layer.history.as_ref().and_then(|history| history.created_by.as_deref()) == Some("invar build")
        })
}
