//! Runs: accepted once, executed in order, finished once, whatever happens in between.
//!
//! The gateway calls [`Engine::submit`]; it returns only when run, queue item and dedupe
//! claim are durable together (`intake`). The `scheduler` decides whose turn it is (`queue`);
//! `execution` does what `transition` says and makes it durable (`progress`), and ends the run in
//! one batch. What waits is put down and woken by `timers` or a signal (`control`); `recovery`
//! takes up what a crash left.
//!
//! Invariants: nothing accepted is held in memory alone; a run has exactly one terminal
//! state; the engine knows no HTTP.

mod attempt;
mod catalog;
mod control;
mod definition;
mod execution;
mod groups;
mod intake;
mod kv;
mod locate;
mod patience;
mod pending;
mod plugins;
mod ports;
mod progress;
mod queue;
mod recovery;
mod replies;
mod request_log;
mod schedule;
mod scheduler;
mod schedules;
mod script;
#[cfg(test)]
mod simulation;
mod spawned;
mod stopping;
mod timers;
mod transition;
mod trials;
mod vault;
mod waiting;

use std::sync::Arc;

use tokio::sync::{Notify, Semaphore};

pub use catalog::Catalog;
pub use control::{CallbackError, ControlError, ReplayOn};
pub(crate) use definition::in_workflow_json;
pub use definition::{Definition, DefinitionError, Environment, frame_of, read_workflow};
pub use groups::EventRoots;
pub use intake::{DedupeKey, ReplayKey, Submission, Submitted};
pub use kv::{Kv, KvEntry, KvError, KvOp, KvUsage};
pub use plugins::{Installed, Plugins, PluginsError, Uploaded};
pub use ports::{Ports, SystemPorts};
pub use schedule::{Schedule, ScheduleError};
pub use vault::{SecretInfo, Vault, VaultError};

pub use replies::Reply;

use pending::Pending;
use replies::Replies;
use request_log::RequestLog;
use scheduler::Scheduler;
use stopping::Stopping;
use timers::Timers;
use trials::Trials;
use waiting::Waiting;

use crate::{
    model::{RunId, Span, WorkflowKey},
    steps::Services,
    store::{Store, StoreError},
};

/// How much the engine takes on.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Runs that are accepted and not finished; more are refused as [`EngineError::Full`].
    pub max_pending: usize,
    /// Runs that are executed at once.
    pub max_running: usize,
    /// Runs of one workflow that wait durably; of more, new events are refused as [`EngineError::WaitingFull`].
    pub waiting_runs: usize,
    /// Bytes that the unfinished runs of one workflow hold in the store, likewise.
    pub waiting_bytes: u64,
    /// Ends of the process, each without a stop, after which a run that was under way at all of them fails.
    pub max_crashes: u32,
    /// How long lines of the request log are kept.
    pub keep_requests: Span,
    /// What the request log may take, bytes; above it the oldest lines go early.
    pub requests_bytes: u64,
    /// How long runs are kept that ended well.
    pub keep_succeeded: Span,
    /// How long runs are kept that failed or were cancelled.
    pub keep_failed: Span,
    /// The most bytes of ended runs; beyond, those go first that would expire first.
    pub history_bytes: u64,
    /// What the URLs begin with that callers outside are given, without a `/` at the end.
    pub public_url: String,
    /// How long a stop waits for what is being executed.
    pub drain: Span,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            max_pending: 10_000,
            max_running: 256,
            waiting_runs: 10_000,
            waiting_bytes: 256 << 20,
            max_crashes: 3,
            keep_requests: Span::from_millis(14 * 86_400_000),
            requests_bytes: 1 << 30,
            keep_succeeded: Span::from_millis(14 * 86_400_000),
            keep_failed: Span::from_millis(30 * 86_400_000),
            history_bytes: 10 << 30,
            public_url: "http://127.0.0.1:8080".to_owned(),
            drain: Span::from_millis(30_000),
        }
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
    /// Too much of one workflow is waiting already.
    #[error(
        "{pending} runs of this workflow are waiting already, its part of engine.max_pending; send again later"
    )]
    WorkflowFull {
        /// Its runs.
        pending: usize,
    },
    /// Too much of one workflow waits durably, or of one that its end would start.
    #[error(
        "the runs of workflow `{workflow}` that wait hold {runs} of {most_runs} places and {bytes} of {most_bytes} bytes; \
         send again later, end some of them, or raise engine.waiting_runs or engine.waiting_bytes"
    )]
    WaitingFull {
        /// The workflow whose runs wait.
        workflow: WorkflowKey,
        /// Its runs.
        runs: usize,
        /// The limit in force.
        most_runs: usize,
        /// What its unfinished runs hold.
        bytes: u64,
        /// The limit in force.
        most_bytes: u64,
    },
    /// The workflow is paused, and the caller wants to wait.
    #[error("the workflow is paused; send again later")]
    Paused,
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
    services: Services,
    vault: Vault,
    kv: Arc<Kv>,
    ports: Arc<dyn Ports>,
    catalog: Catalog,
    options: EngineOptions,
    pending: Arc<Pending>,
    waiting: Waiting,
    trials: Trials,
    running: Arc<Semaphore>,
    scheduler: Scheduler,
    replies: Replies,
    timers: Timers,
    request_log: RequestLog,
    /// Told of each run that has ended.
    ended: Notify,
    stopping: Stopping,
}

impl Engine {
    /// An engine that begins nothing by itself yet; see [`Engine::take_up`].
    pub fn new(
        store: Arc<dyn Store>,
        services: Services,
        vault: Vault,
        ports: Arc<dyn Ports>,
        catalog: Catalog,
        options: EngineOptions,
    ) -> Self {
        let inner = Arc::new(Inner {
            kv: Arc::new(Kv::new(Arc::clone(&store))),
            store,
            services,
            vault,
            ports,
            catalog,
            pending: Arc::new(Pending::new(options.max_pending)),
            running: Arc::new(Semaphore::new(options.max_running)),
            waiting: Waiting::new(options.waiting_runs, options.waiting_bytes),
            trials: Trials::new(options.max_crashes),
            scheduler: Scheduler::new(options.max_running),
            options,
            replies: Replies::default(),
            timers: Timers::default(),
            request_log: RequestLog::default(),
            ended: Notify::new(),
            stopping: Stopping::default(),
        });
        Self { inner }
    }

    /// Takes up the runs that the store holds unfinished, and from now on wakes what waits. Called once, after the
    /// workflows are installed, as those runs call them, and before the first submission.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn take_up(&self) -> Result<(), StoreError> {
        recovery::requeue(&self.inner).await?;
        tokio::spawn(timers::run(Arc::downgrade(&self.inner)));
        Ok(())
    }

    /// The workflows that can be triggered.
    pub fn catalog(&self) -> &Catalog {
        &self.inner.catalog
    }

    /// The secrets.
    pub fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    /// What scripts keep.
    pub fn kv(&self) -> &Arc<Kv> {
        &self.inner.kv
    }

    /// What URLs begin with that are given to others, without a `/` at the end.
    pub fn public_url(&self) -> &str {
        &self.inner.options.public_url
    }

    /// Whether requests may be kept beside their lines in the request log.
    pub fn keeps_requests(&self) -> bool {
        self.inner.request_log.has_room(self.inner.options.requests_bytes)
    }

    /// Counts what was written to the request log, so that a sweep knows when it is too much.
    pub fn logged(&self, bytes: u64) {
        self.inner.request_log.wrote(bytes);
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
        for plugin in &definition.plugins {
            if self.inner.services.plugins.pin(plugin).is_none() {
                let workflow = &definition.workflow.key;
                tracing::warn!(%workflow, %plugin, "it uses a plugin that is not installed: its steps fail until it is");
            }
        }
        self.inner.catalog.install(&*self.inner.store, definition).await
    }

    /// Accepts an event: when this returns, its run is durable.
    ///
    /// # Errors
    /// When nothing was accepted.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, EngineError> {
        intake::submit(&self.inner, submission).await
    }

    /// Settles ended runs in the history, and drops what has expired there; called every few seconds.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn settle(&self) -> Result<(), StoreError> {
        recovery::settle(&self.inner).await
    }

    /// Removes expired dedupe claims and old lines of the request log; called now and then. Gives their number.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        recovery::sweep(&self.inner).await
    }

    /// Accepts and begins nothing more, and waits for what is being executed, at most `drain`. Everything else is
    /// taken up by the next start.
    pub async fn stop(&self) {
        self.inner.stopping.set();
        let all = self.inner.running.acquire_many(self.inner.options.max_running as u32);
        if tokio::time::timeout(self.inner.options.drain.as_duration(), all).await.is_err() {
            tracing::warn!("some runs are still being executed; the next start takes them up");
        }
        self.inner.running.close();
        recovery::stopped(&self.inner).await;
    }

    /// Whether a run is being executed at this moment.
    pub fn is_live(&self, run: RunId) -> bool {
        self.inner.scheduler.is_live(run)
    }

    /// Runs that are accepted and neither finished nor waiting.
    pub fn pending(&self) -> usize {
        self.inner.pending.count()
    }

    /// As [`Engine::pending`], of one workflow.
    pub fn pending_of(&self, workflow: &WorkflowKey) -> usize {
        self.inner.pending.of(workflow).runs
    }

    /// Runs that wait durably, and the bytes that they hold in the store.
    pub fn waiting(&self) -> (usize, u64) {
        let all = self.inner.waiting.all();
        (all.runs, all.bytes)
    }

    /// As [`Engine::waiting`], of one workflow.
    pub fn waiting_of(&self, workflow: &WorkflowKey) -> (usize, u64) {
        let of = self.inner.waiting.of(workflow);
        (of.runs, of.bytes)
    }

    /// Waits until nothing is pending.
    pub async fn idle(&self) {
        self.inner.pending.none().await;
    }
}
