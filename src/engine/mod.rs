//! Runs: accepted once, executed in order, finished once, whatever happens in between.
//!
//! The gateway calls [`Engine::submit`]; it returns only when run, queue item and dedupe
//! claim are durable together (`intake`). `runner` then walks the steps as `transition`
//! says, and ends the run in one batch. `recovery` takes up what a crash left.
//!
//! Invariants: nothing accepted is held in memory alone; a run has exactly one terminal
//! state; the engine knows no HTTP.

mod catalog;
mod definition;
mod execution;
mod intake;
mod locate;
mod pending;
mod ports;
mod recovery;
mod runner;
mod schedule;
mod transition;

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::{Semaphore, mpsc};

pub use catalog::Catalog;
pub(crate) use definition::in_workflow_json;
pub use definition::{Definition, DefinitionError, Environment};
pub use execution::Reply;
pub use intake::{DedupeKey, Submission, Submitted};
pub use ports::{Ports, SystemPorts};
pub use schedule::{Schedule, ScheduleError};

use pending::{Pending, Place};

use crate::{
    model::{RunId, Span},
    sandbox::JsEngine,
    store::{Store, StoreError},
};

/// How much the engine takes on.
#[derive(Debug, Clone, Copy)]
pub struct EngineOptions {
    /// Runs that are accepted and not finished; more are refused as [`EngineError::Full`].
    pub max_pending: usize,
    /// Runs that are executed at once.
    pub max_running: usize,
    /// How long lines of the request log are kept.
    pub keep_requests: Span,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self { max_pending: 10_000, max_running: 256, keep_requests: Span::from_millis(14 * 86_400_000) }
    }
}

/// Why a submission was not accepted. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Too much is waiting already.
    #[error("{max_pending} runs are waiting already; send again later, or raise engine.max_pending")]
    Full {
        /// The limit in force.
        max_pending: usize,
    },
    /// The server is going down.
    #[error("the server is stopping; send again")]
    Stopping,
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The engine's handle. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    store: Arc<dyn Store>,
    sandbox: JsEngine,
    ports: Arc<dyn Ports>,
    catalog: Catalog,
    options: EngineOptions,
    pending: Arc<Pending>,
    running: Arc<Semaphore>,
    ready: mpsc::UnboundedSender<(RunId, Place)>,
    stopping: AtomicBool,
}

impl Engine {
    /// Starts the engine, and takes up the runs that the store holds unfinished.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn start(
        store: Arc<dyn Store>,
        sandbox: JsEngine,
        ports: Arc<dyn Ports>,
        catalog: Catalog,
        options: EngineOptions,
    ) -> Result<Self, StoreError> {
        let (ready, queue) = mpsc::unbounded_channel();
        let inner = Arc::new(Inner {
            store,
            sandbox,
            ports,
            catalog,
            options,
            pending: Arc::new(Pending::new(options.max_pending)),
            running: Arc::new(Semaphore::new(options.max_running)),
            ready,
            stopping: AtomicBool::new(false),
        });
        recovery::requeue(&inner)?;
        tokio::spawn(runner::dispatch(Arc::downgrade(&inner), queue));
        Ok(Self { inner })
    }

    /// The workflows that can be triggered.
    pub fn catalog(&self) -> &Catalog {
        &self.inner.catalog
    }

    /// The clock and randomness.
    pub fn ports(&self) -> &Arc<dyn Ports> {
        &self.inner.ports
    }

    /// The store that the runs are in.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Makes a version durable and the one that new runs begin with.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn install(&self, definition: Arc<Definition>) -> Result<(), StoreError> {
        self.inner.catalog.install(&*self.inner.store, definition).await
    }

    /// Accepts an event: when this returns, its run is durable.
    ///
    /// # Errors
    /// When nothing was accepted.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, EngineError> {
        intake::submit(&self.inner, submission).await
    }

    /// Removes expired dedupe claims and old lines of the request log; called now and then. Gives their number.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        recovery::sweep(&self.inner).await
    }

    /// Accepts and begins nothing more, and waits for what is being executed. Runs that only wait are
    /// taken up by the next start.
    pub async fn stop(&self) {
        self.inner.stopping.store(true, Ordering::SeqCst);
        let _all = self.inner.running.acquire_many(self.inner.options.max_running as u32).await;
        self.inner.running.close();
    }

    /// Runs that are accepted and not finished.
    pub fn pending(&self) -> usize {
        self.inner.pending.count()
    }

    /// Waits until nothing is pending.
    pub async fn idle(&self) {
        self.inner.pending.none().await;
    }
}
