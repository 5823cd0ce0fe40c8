//! A module that is compiled and linked, as it is called.

use std::fmt;

use wasmtime::{InstancePre, component};

use super::{PluginError, bindings::CallerPre, command::CommandState, component::ComponentState};
use crate::model::{PluginHash, PluginKind};

/// A module that can be called.
pub struct Plugin {
    /// The digest of the plugin's file.
    pub hash: PluginHash,
    /// The kind of the module, which decides how it is called.
    pub kind: PluginKind,
    pub(super) ready: Ready,
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("hash", &self.hash).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A compiled plugin, by the way in which it is called.
pub(super) enum Ready {
    Component(CallerPre<ComponentState>),
    Command(InstancePre<CommandState>),
}

impl Ready {
    pub(super) fn component(linked: component::InstancePre<ComponentState>) -> Result<Self, PluginError> {
        let pre = CallerPre::new(linked);
        pre.map(Self::Component).map_err(|error| PluginError::Invalid {
            why: format!("what it exports is not what flowcell:plugin/handler@1.0.0 says: {error:#}"),
        })
    }
}
