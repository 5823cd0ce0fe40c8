//! `flowcell:plugin/config`: what the author of the workflow set for this use of the plugin.

use super::{ComponentState, plugin::config};

impl config::Host for ComponentState {
    async fn get(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        self.host_calls += 1;
        Ok(self.config.get(&key).map(ToString::to_string))
    }

    async fn all(&mut self) -> wasmtime::Result<String> {
        self.host_calls += 1;
        Ok(serde_json::to_string(&self.config)?)
    }
}
