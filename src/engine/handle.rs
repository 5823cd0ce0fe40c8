//! The handle of the engine: what the gateway, the API and the commands call.

use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{
    Catalog, Changes, Definition, EngineError, EngineOptions, Figures, Kv, Numbers, Ports, Submission,
    Submitted, Surroundings, Vault, WorkflowChange,
    durable::Durable,
    housekeeping, intake,
    line::Line,
    recount, recovery,
    replies::Replies,
    request_log::RequestLog,
    run::{Failures, Runs, Tools},
    runner,
    stopping::Stopping,
    timers,
};
use crate::{
    model::{RequestId, RequestRecord, RunId, WorkflowKey},
    steps::Services,
    store::{Batch, Store, StoreError},
};

/// The engine's handle. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(super) runs: Arc<Runs>,
    /// A permit for each run that may be executed at once.
    running: Arc<Semaphore>,
    request_log: Arc<RequestLog>,
    surroundings: Arc<Surroundings>,
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
        let kv = Arc::new(Kv::new(Arc::clone(&store)));
        let durable = Arc::new(Durable {
            store,
            ports,
            stopping: Stopping::default(),
            changes: Changes::default(),
            numbers: Numbers::default(),
        });
        let catalog = Arc::new(catalog);
        let line = Arc::new(Line::new(Arc::clone(&durable), Arc::clone(&catalog), &options));
        let tools = Arc::new(Tools { services, vault, kv, catalog: Arc::clone(&catalog) });
        let running = Arc::new(Semaphore::new(options.max_running));
        let runs = Arc::new(Runs {
            durable,
            line,
            catalog,
            replies: Replies::default(),
            tools,
            options,
            failures: Failures::default(),
        });
        Self { runs, running, request_log: Arc::default(), surroundings: Arc::default() }
    }

    /// Takes up the runs that the store holds unfinished, and from now on begins what is ready and wakes what waits. Called once,
    /// after the workflows are installed, as those runs call them, and before the first submission.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn take_up(&self) -> Result<(), StoreError> {
        recovery::requeue(&self.runs).await?;
        tokio::spawn(runner::keep_running(Arc::downgrade(&self.runs), Arc::clone(&self.running)));
        tokio::spawn(timers::keep_waking(Arc::downgrade(&self.runs)));
        tokio::spawn(recount::recount(Arc::downgrade(&self.runs), self.runs.durable.now_ms()));
        Ok(())
    }

    /// The workflows that can be triggered.
    pub fn catalog(&self) -> &Catalog {
        &self.runs.catalog
    }

    /// What steps are executed with.
    pub fn services(&self) -> &Services {
        &self.runs.tools.services
    }

    /// The secrets.
    pub fn vault(&self) -> &Vault {
        &self.runs.tools.vault
    }

    /// What scripts keep.
    pub fn kv(&self) -> &Arc<Kv> {
        &self.runs.tools.kv
    }

    /// What URLs begin with that are given to others, without a `/` at the end.
    pub fn public_url(&self) -> &Arc<str> {
        &self.runs.options.public_url
    }

    /// Whether requests may be kept beside their lines in the request log.
    pub fn keeps_requests(&self) -> bool {
        self.request_log.has_room(self.runs.options.requests_bytes)
    }

    /// Notes a line that was written to the request log, and counts its bytes, so that a sweep knows when it is too much.
    pub fn logged(&self, request: RequestId, bytes: u64) {
        self.request_log.wrote(bytes);
        self.runs.durable.changes.request(request);
    }

    /// Counts a request that is answered.
    pub fn answered(&self, record: &RequestRecord) {
        self.runs.durable.numbers.request(record, self.runs.durable.now_ms());
    }

    /// What is counted.
    pub fn numbers(&self) -> &Numbers {
        &self.runs.durable.numbers
    }

    /// What the engine is told of its surroundings.
    pub fn surroundings(&self) -> &Surroundings {
        &self.surroundings
    }

    /// How full everything is that the engine knows of. What belongs to the process is not filled in.
    pub fn figures(&self) -> Figures {
        let (options, store) = (&self.runs.options, &self.runs.durable.store);
        let (stats, room) = (store.stats(), self.runs.tools.services.sandbox.room());
        let (waiting_runs, waiting_bytes) = self.waiting();
        let running = options.max_running.saturating_sub(self.running.available_permits());
        Figures {
            ready: self.readiness().is_ok(),
            pending_runs: self.pending() as u64,
            pending_runs_most: options.max_pending as u64,
            running_runs: running as u64,
            running_runs_most: options.max_running as u64,
            waiting_runs: waiting_runs as u64,
            waiting_bytes,
            store_live_bytes: stats.live_bytes,
            store_disk_bytes: stats.disk_bytes,
            store_history_bytes: stats.history_bytes,
            store_history_bytes_most: options.history_bytes,
            store_free_bytes: store.free_bytes(),
            sandbox_script_slots: room.script_slots,
            sandbox_script_slots_used: room.script_slots_used,
            sandbox_plugin_slots: room.plugin_slots,
            sandbox_plugin_slots_used: room.plugin_slots_used,
            sandbox_memory_bytes: room.memory,
            sandbox_memory_used_bytes: room.memory_used,
            sandbox_waiting: room.waiting,
            certificate_end_seconds: self.surroundings.certificate_end_ms().map(|ms| ms / 1_000),
            ..Figures::default()
        }
    }

    /// What has changed, for whoever watches.
    pub fn changes(&self) -> &Changes {
        &self.runs.durable.changes
    }

    /// The clock and randomness.
    pub fn ports(&self) -> &Arc<dyn Ports> {
        &self.runs.durable.ports
    }

    /// The store that the runs are in.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.runs.durable.store
    }

    /// Makes a version durable and the one that new runs begin with.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn install(&self, definition: Arc<Definition>) -> Result<(), StoreError> {
        self.install_with(definition, Batch::new()).await
    }

    /// As [`Engine::install`], in one with what `batch` has already.
    ///
    /// # Errors
    /// When the store refuses; then the version before stays.
    pub async fn install_with(&self, definition: Arc<Definition>, batch: Batch) -> Result<(), StoreError> {
        for plugin in &definition.plugins {
            if self.runs.tools.services.plugins.pin(plugin).is_none() {
                let workflow = &definition.workflow.key;
                tracing::warn!(%workflow, %plugin, "it uses a plugin that is not installed: its steps fail until it is");
            }
        }
        let key = definition.workflow.key.clone();
        self.runs.catalog.install(&*self.runs.durable.store, definition, batch).await?;
        self.runs.durable.changes.workflow(&key, WorkflowChange::Installed);
        Ok(())
    }

    /// No new runs of this workflow begin; those that did keep their version.
    pub fn remove(&self, workflow: &WorkflowKey) {
        self.runs.catalog.remove(workflow);
        self.runs.durable.changes.workflow(workflow, WorkflowChange::Removed);
    }

    /// Accepts an event: when this returns, its run is durable.
    ///
    /// # Errors
    /// When nothing was accepted.
    pub async fn submit(&self, submission: Submission) -> Result<Submitted, EngineError> {
        let mut submitted = intake::submit(&self.runs, submission).await?;
        if let Submitted::Started { run, reply: Some(reply) } = &mut submitted {
            reply.with_work(runner::begin_with(&self.runs, &self.running, *run));
        }
        Ok(submitted)
    }

    /// Settles ended runs in the history, and drops what has expired there; called every few seconds.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn settle(&self) -> Result<(), StoreError> {
        housekeeping::settle(&self.runs.durable, self.runs.options.history_bytes).await
    }

    /// Removes expired dedupe claims and old lines of the request log; called now and then. Gives their number.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let options = &self.runs.options;
        let log = housekeeping::Kept {
            requests: &self.request_log,
            span: options.keep_requests,
            bytes: options.requests_bytes,
        };
        housekeeping::sweep(&self.runs.durable, &self.runs.tools.kv, log).await
    }

    /// Accepts and begins nothing more, and waits for what is being executed, at most `drain`. Everything else is
    /// taken up by the next start.
    pub async fn stop(&self) {
        self.runs.durable.stopping.set();
        let all = self.running.acquire_many(self.runs.options.max_running as u32);
        if tokio::time::timeout(self.runs.options.drain.as_duration(), all).await.is_err() {
            tracing::warn!("some runs are still being executed; the next start takes them up");
        }
        self.running.close();
        recovery::stopped(&self.runs.durable).await;
    }

    /// Whether a run is being executed at this moment.
    pub fn is_live(&self, run: RunId) -> bool {
        self.runs.line.is_live(run)
    }

    /// Whether an event would be accepted now, as far as that does not depend on its workflow.
    ///
    /// # Errors
    /// Why not: `Stopping`, `Full`, `Store`.
    pub fn readiness(&self) -> Result<(), EngineError> {
        if self.runs.durable.stopping.is_near() {
            return Err(EngineError::Stopping);
        }
        self.runs.line.has_seat()?;
        Ok(self.runs.durable.store.readiness()?)
    }

    /// Notes that the server takes no new connections. Events that come over open connections are accepted until
    /// [`Engine::stop`].
    pub fn drain(&self) {
        self.runs.durable.stopping.draw_near();
    }

    /// Resolves when the server takes no new connections any more: what would stay open for ever ends then.
    pub async fn drains(&self) {
        self.runs.durable.stopping.wait_near().await;
    }

    /// Runs that are accepted and neither finished nor waiting.
    pub fn pending(&self) -> usize {
        self.runs.line.pending()
    }

    /// The pending runs of one workflow.
    pub fn pending_of(&self, workflow: &WorkflowKey) -> usize {
        self.runs.line.pending_of(workflow).runs
    }

    /// Workflows that have as many pending runs as there are free seats, so that their events are refused; and how many these are.
    pub fn crowded(&self) -> Vec<(WorkflowKey, usize)> {
        let free = self.runs.options.max_pending.saturating_sub(self.pending());
        let all = self.runs.catalog.all().into_iter().map(|definition| definition.workflow.key.clone());
        all.map(|key| (self.pending_of(&key), key))
            .filter(|(own, _)| *own > 0 && *own >= free)
            .map(|(own, key)| (key, own))
            .collect()
    }

    /// Runs that wait durably, and the bytes that they hold in the store.
    pub fn waiting(&self) -> (usize, u64) {
        let all = self.runs.line.waiting();
        (all.runs, all.bytes)
    }

    /// The waiting runs of one workflow, and the bytes that they hold in the store.
    pub fn waiting_of(&self, workflow: &WorkflowKey) -> (usize, u64) {
        let of = self.runs.line.waiting_of(workflow);
        (of.runs, of.bytes)
    }

    /// Waits until nothing is pending.
    pub async fn idle(&self) {
        self.runs.line.idle().await;
    }
}
