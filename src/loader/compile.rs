//! Compiles a version with its webhooks before any of it is installed.

use std::sync::Arc;

use super::workshop::Workshop;
use crate::{
    engine::{Definition, DefinitionError, Engine, HomeError, in_workflow_json},
    gateway::{Endpoint, Endpoints, Sources},
    model::{Bundle, WorkflowKey},
    sandbox::JsEngine,
    variables::Variables,
};

/// What compiling needs.
pub(super) struct Compiler {
    pub(super) sandbox: JsEngine,
    pub(super) variables: Variables,
    pub(super) engine: Engine,
    pub(super) endpoints: Arc<Endpoints>,
    pub(super) workshop: Workshop,
}

/// A version that can be installed.
pub(super) struct Ready {
    pub(super) definition: Arc<Definition>,
    pub(super) endpoints: Vec<Endpoint>,
}

/// Why a version is not used.
pub(super) enum Refused {
    Wrong(Box<DefinitionError>),
    /// Another workflow is in its way. Then it is tried again although nothing of its own has changed.
    Collides(Box<DefinitionError>),
}

impl Refused {
    pub(super) fn error(&self) -> &DefinitionError {
        match self {
            Self::Wrong(error) | Self::Collides(error) => error,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Wrong(_) => "workflow_invalid",
            Self::Collides(_) => "webhook_collides",
        }
    }
}

impl From<Refused> for HomeError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Wrong(error) => Self::Wrong(error),
            Refused::Collides(error) => Self::Collides(error.to_string()),
        }
    }
}

impl Compiler {
    /// Compiles all of a workflow. `name` is that of its folder, and must be its key. `off` lets it answer nothing, whatever
    /// its files say.
    pub(super) async fn compile(
        &self,
        name: Option<&WorkflowKey>,
        bundle: &Bundle,
        off: bool,
    ) -> Result<Ready, Refused> {
        let wrong = |error| Refused::Wrong(Box::new(error));
        tracing::debug!(folder = name.map(WorkflowKey::as_str), "a version is compiled");
        let noting = self.variables.noting();
        let (files, sandbox, environment) =
            (bundle.clone(), self.sandbox.clone(), Arc::clone(&noting.environment));
        let compiled = self.workshop.run(move || Definition::compile(files, &sandbox, &environment)).await;
        let mut definition = compiled.map_err(wrong)?;
        if name != Some(&definition.workflow.key) {
            return Err(wrong(definition.key_differs()));
        }
        if off {
            definition.workflow.enabled = false;
        }
        let text = definition.bundle.workflow.clone();
        let definition = Arc::new(definition);
        if let Some(error) = self.endpoints.collision(&definition.workflow) {
            return Err(Refused::Collides(Box::new(in_workflow_json(&text, error))));
        }
        let vault = self.engine.vault();
        let secret = |name: &str| vault.get(name).map(|value| value.to_string());
        let sources = Sources { environment: &noting.environment, secret: &secret };
        let endpoints =
            Endpoint::all(&definition, sources).map_err(|error| wrong(in_workflow_json(&text, error)))?;
        if let Some(missed) = noting.told() {
            tracing::warn!(workflow = %definition.workflow.key, "{missed}, and start again");
        }
        Ok(Ready { definition, endpoints })
    }
}
