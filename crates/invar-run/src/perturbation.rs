use std::collections::BTreeMap;

use invar_sandbox::SyscallFakes;
use serde::{Deserialize, Serialize};

/// What differs from usual while building, to find out whether an image depends on it.
///
/// It is no part of any key: what is created under it has the name that it would have without, so that both can be
/// compared. A store that something was created in under a perturbation is for comparing and for nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Perturbation {
    /// What commands in the sandbox see that is not so.
    pub fakes: SyscallFakes,
    /// Variables that those of a platform, such as `linux/arm64`, find in addition to their own, which win.
    pub variables: BTreeMap<String, BTreeMap<String, String>>,
    /// Whether downloads, builds and steps are started in the opposite order.
    pub backwards: bool,
}

impl Perturbation {
    /// Everything is as usual.
    pub const NONE: Self = Self { fakes: SyscallFakes::NONE, variables: BTreeMap::new(), backwards: false };
}
