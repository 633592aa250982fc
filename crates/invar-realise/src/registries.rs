/// Registries that this machine's settings name; what locks themselves name needs none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Registries {
    /// npm's registry, where a lock leaves addresses out.
    pub npm: Option<String>,
    /// The index that takes the place of cargo's own, as cargo's settings write it: `sparse+https://…`.
    pub cargo_index: Option<String>,
}
