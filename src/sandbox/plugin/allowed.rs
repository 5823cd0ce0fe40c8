//! What a plugin may do in one call.

use std::{collections::HashMap, fmt, sync::Arc};

use crate::model::{Capability, HostPattern};

/// What a plugin may do in one call: what it asked for and was granted.
#[derive(Clone, Default)]
pub struct Allowed {
    /// The plugin's name, which messages give.
    pub name: String,
    /// What the operator granted to it.
    pub capabilities: Vec<Capability>,
    /// The values of the secrets among them, as far as they are set.
    pub secrets: HashMap<String, String>,
}

impl fmt::Debug for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allowed")
            .field("name", &self.name)
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}

impl Allowed {
    /// The hosts that requests may go to.
    pub(super) fn hosts(&self) -> Arc<[HostPattern]> {
        let host = |capability: &Capability| match capability {
            Capability::Http(host) => Some(host.clone()),
            Capability::Kv(_) | Capability::Secret(_) => None,
        };
        self.capabilities.iter().filter_map(host).collect()
    }

    /// Whether one of them gives this.
    pub(super) fn gives(&self, wanted: &Capability) -> bool {
        self.capabilities.iter().any(|capability| capability.covers(wanted))
    }
}
