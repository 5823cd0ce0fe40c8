//! Runs the fixtures beside a folder with a version that is about to be published.
//!
//! They run in memory, with the server's plugins, secrets and variables. Nothing leaves the machine meanwhile: a publication must
//! have no effects.

use std::{path::Path, sync::Arc, time::Duration};

use super::Inner;
use crate::{
    engine::{Definition, FixtureDifference, HomeError},
    fixtures::{self, Bench, Beside},
    model::WorkflowKey,
    net::Outbound,
    steps::Services,
};

/// How long all fixtures of a workflow may take together.
const MOST: Duration = Duration::from_secs(60);

impl Inner {
    /// Compares what a version does with what its fixtures expect. No fixtures expect nothing.
    pub(super) async fn check_fixtures(
        &self,
        key: &WorkflowKey,
        folder: &Path,
        definition: &Arc<Definition>,
    ) -> Result<(), HomeError> {
        let found = match fixtures::beside(folder) {
            Ok(found) => found,
            Err(error) if error.is_missing() => return Ok(()),
            Err(error) => return Err(HomeError::Files(error.to_string())),
        };
        let services = Services { net: Outbound::closed(), ..self.engine.services().clone() };
        let environment = self.compiler.variables.environment();
        let bench = Bench { services, vault: self.engine.vault().clone(), environment };
        let deadline = tokio::time::Instant::now() + MOST;
        let mut differences = Vec::new();
        for fixture in found {
            let compared =
                tokio::time::timeout_at(deadline, fixtures::differences(&bench, definition, &fixture, None));
            let differs = match compared.await {
                Ok(Ok(differs)) => differs,
                Ok(Err(error)) => vec![error.to_string()],
                Err(_) => vec![format!("the fixtures had not ended after {} s", MOST.as_secs())],
            };
            if !differs.is_empty() {
                differences.push(FixtureDifference { fixture: name_of(&fixture), differences: differs });
            }
        }
        if differences.is_empty() {
            return Ok(());
        }
        Err(HomeError::FixturesDiffer { key: key.clone(), differences })
    }
}

fn name_of(fixture: &Beside) -> String {
    fixture.path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}
