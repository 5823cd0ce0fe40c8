//! `flowcell:plugin/secrets`: values that were granted by name. They are in no record of the call.

use super::{ComponentState, plugin::secrets, refused, types};
use crate::model::Capability;

impl secrets::Host for ComponentState {
    async fn get(&mut self, name: String) -> wasmtime::Result<Result<String, types::Error>> {
        self.host_calls += 1;
        let wanted = Capability::Secret(name.chars().take(256).collect());
        if !self.allowed.gives(&wanted) {
            return Ok(Err(self.deny(&wanted.to_string())));
        }
        let value = self.allowed.secrets.get(&name).cloned();
        Ok(value.ok_or_else(|| {
            refused(
                "secret_missing",
                format!("nobody has set the secret {name}: flowcell secrets set {name}"),
            )
        }))
    }
}
