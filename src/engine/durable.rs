//! The store as runs use it. What a run has done must become durable, so a batch or a read is tried again as long as that may
//! help.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Numbers, Ports, changes::Changes, stopping::Stopping};
use crate::{
    model::RunId,
    store::{Batch, Store, StoreError},
};

/// The wait after the store had no room for a batch.
const NO_ROOM: Duration = Duration::from_millis(500);
/// The first wait after the store could not be reached. Each further wait is twice as long.
const FIRST: Duration = Duration::from_millis(100);
/// The longest of those waits. Once the store is back, everybody who waits comes back within this time.
const LONGEST: Duration = Duration::from_secs(2);

/// The store, the clock, the stop of the server, and what is told and counted of it: whoever makes something durable needs
/// these.
pub(crate) struct Durable {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) ports: Arc<dyn Ports>,
    pub(crate) stopping: Stopping,
    pub(crate) changes: Changes,
    pub(crate) numbers: Numbers,
}

impl Durable {
    /// Milliseconds since the epoch.
    pub(crate) fn now_ms(&self) -> u64 {
        self.ports.now_ms()
    }

    /// Makes a batch of a run durable; waits while the store has no room or cannot be reached.
    ///
    /// # Errors
    /// The errors of the store that waiting does not mend.
    pub(crate) async fn commit(&self, run: RunId, batch: Batch) -> Result<(), StoreError> {
        let begun = Instant::now();
        let committed = self.patiently(run, || self.store.commit(batch.clone())).await;
        self.numbers.committed(begun.elapsed());
        committed
    }

    /// Asks the store for something that a run needs; waits as [`Durable::commit`].
    ///
    /// # Errors
    /// The same as those of [`Durable::commit`].
    pub(crate) async fn patiently<T, F>(
        &self,
        run: RunId,
        mut ask: impl FnMut() -> F,
    ) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let mut patience = Patience::of(run);
        loop {
            match ask().await {
                Err(error) if patience.again(self, &error).await => {}
                result => return result,
            }
        }
    }
}

/// The waits for one thing that the store is asked for.
pub(crate) struct Patience {
    run: RunId,
    next: Duration,
}

impl Patience {
    /// For what this run needs.
    pub(crate) fn of(run: RunId) -> Self {
        Self { run, next: FIRST }
    }

    /// Whether the same may be asked again, after a wait. While the store cannot be reached, a stop of the server ends the wait:
    /// the next start, or another node, goes on from what is stored.
    pub(crate) async fn again(&mut self, durable: &Durable, error: &StoreError) -> bool {
        let run = self.run;
        match error {
            StoreError::Busy | StoreError::Full { .. } => {
                tracing::warn!(%run, %error, "a run waits for the store");
                tokio::time::sleep(NO_ROOM).await;
                true
            }
            StoreError::Unavailable { .. } => {
                // One line for each wait, however long it takes.
                if self.next == FIRST {
                    tracing::warn!(%run, %error, "a run waits for the store");
                }
                let wait = self.next;
                self.next = (wait * 2).min(LONGEST);
                tokio::time::timeout(wait, durable.stopping.wait()).await.is_err()
            }
            StoreError::Conflict { .. }
            | StoreError::Fenced { .. }
            | StoreError::Corrupt { .. }
            | StoreError::Io { .. }
            | StoreError::Closed
            | StoreError::Failed { .. }
            | StoreError::NewerVersion { .. }
            | StoreError::Locked { .. }
            | StoreError::ReadOnly { .. } => false,
        }
    }
}

/// Whether a run that met this error is left as it is stored. This process then writes nothing more, not even that the run
/// failed, because another process may execute the run already, or will.
pub(crate) fn abandons(error: &StoreError) -> bool {
    match error {
        StoreError::Unavailable { .. }
        | StoreError::Fenced { .. }
        | StoreError::Closed
        | StoreError::Failed { .. } => true,
        StoreError::Conflict { .. }
        | StoreError::Busy
        | StoreError::Full { .. }
        | StoreError::Corrupt { .. }
        | StoreError::Io { .. }
        | StoreError::NewerVersion { .. }
        | StoreError::Locked { .. }
        | StoreError::ReadOnly { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc, Mutex,
            atomic::{AtomicUsize, Ordering},
        },
        time::Instant,
    };

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        engine::{
            Catalog, Definition, Engine, EngineOptions, Environment, Plugins, Reply, Submission, Submitted,
            SystemPorts, Vault, simulation,
        },
        model::{Bundle, Cause, Event, JsonText, Mode, RunStatus},
        net::{Outbound, OutboundOptions},
        steps::Services,
        store::{MemoryStore, tables},
    };

    struct House {
        store: Arc<MemoryStore>,
        engine: Engine,
        definition: Arc<Definition>,
    }

    impl House {
        async fn with(steps: Value, script: &str) -> Self {
            let environment: Environment = Arc::new(|_: &str| None);
            let workflow = json!({ "key": "a", "trigger": { "type": "webhook" }, "steps": steps });
            let files = [("s.js".to_owned(), script.to_owned())].into();
            let bundle = Bundle { workflow: workflow.to_string(), files };
            let definition = Definition::compile(bundle, &simulation::sandbox(), &environment).unwrap();
            let (store, definition) = (Arc::new(MemoryStore::new()), Arc::new(definition));
            let net = Outbound::new(OutboundOptions::default()).unwrap();
            let services = Services { sandbox: simulation::sandbox(), net, plugins: Plugins::none() };
            let catalog = Catalog::new(simulation::sandbox(), environment);
            let (ports, options) = (Arc::new(SystemPorts::default()), EngineOptions::default());
            let engine =
                Engine::new(Arc::clone(&store) as _, services, Vault::empty(), ports, catalog, options);
            engine.install(Arc::clone(&definition)).await.unwrap();
            engine.take_up().await.unwrap();
            Self { store, engine, definition }
        }

        /// Of the set-up above, whose one step has no effect.
        async fn plain() -> Self {
            Self::with(json!([{ "id": "s", "type": "set", "values": 1 }]), "").await
        }

        /// Lets so many more batches be stored; then `error` says what becomes of each. Gives the number of those.
        fn fail_after(
            &self,
            stored: usize,
            error: impl Fn(usize) -> Option<StoreError> + Send + Sync + 'static,
        ) -> Arc<AtomicUsize> {
            let (left, asked) = (Mutex::new(stored), Arc::new(AtomicUsize::new(0)));
            let count = Arc::clone(&asked);
            self.store.set_fault(move |_| {
                let mut left = left.lock().unwrap();
                match left.checked_sub(1) {
                    Some(less) => {
                        *left = less;
                        None
                    }
                    None => error(count.fetch_add(1, Ordering::SeqCst)),
                }
            });
            asked
        }

        async fn deliver(&self) -> (RunId, Reply) {
            let submission = Submission {
                definition: Arc::clone(&self.definition),
                event: Event::of_data(&JsonText::null()),
                mode: Mode::Sync,
                cause: Cause::Webhook,
                dedupe: None,
                replay: None,
            };
            let Submitted::Started { run, reply } = self.engine.submit(submission).await.unwrap() else {
                panic!("it is new")
            };
            (run, reply.expect("it is waited for").await.unwrap())
        }
    }

    fn unavailable() -> StoreError {
        StoreError::Unavailable { reason: "the line is cut".to_owned() }
    }

    fn fenced() -> StoreError {
        StoreError::Fenced { reason: "it was silent for too long".to_owned() }
    }

    #[tokio::test]
    async fn a_run_waits_while_the_store_cannot_be_reached_and_then_goes_on() {
        let house = House::plain().await;
        // The one batch that is stored at once accepts the run.
        let asked = house.fail_after(1, |before| (before < 3).then(unavailable));
        let (began, (run, reply)) = (Instant::now(), house.deliver().await);
        assert!(matches!(reply, Reply::Answer(answer) if answer.status == 200));
        assert!(asked.load(Ordering::SeqCst) == 4 && began.elapsed() >= FIRST * 7);
        let head = tables::runs::head(&*house.store, run).await.unwrap().unwrap();
        assert_eq!(head.status, RunStatus::Succeeded);
    }

    #[tokio::test]
    async fn a_script_waits_for_what_it_keeps_and_is_not_run_again() {
        let steps = json!([{ "id": "s", "type": "code", "file": "s.js" }]);
        let house = House::with(steps, "await kv.incr('n'); return await step.run('once', () => 7)").await;
        let asked = house.fail_after(1, |before| (before == 0).then(unavailable));
        let (run, reply) = house.deliver().await;
        assert!(matches!(reply, Reply::Answer(answer) if answer.body == b"7"));
        assert!(asked.load(Ordering::SeqCst) > 1);
        let entries = tables::journal::list(&*house.store, run).await.unwrap();
        assert_eq!(entries.len(), 1);
        let workflow = &house.definition.workflow.key;
        assert_eq!(house.engine.kv().entry(workflow, "n", 0).await.unwrap().unwrap().value, json!(1));
    }

    #[tokio::test]
    async fn a_stop_ends_the_wait_and_leaves_the_run_to_the_next_start() {
        let house = House::plain().await;
        house.fail_after(1, |_| Some(unavailable()));
        let stop = async {
            tokio::time::sleep(FIRST * 2).await;
            let began = Instant::now();
            house.engine.stop().await;
            assert!(began.elapsed() < LONGEST, "it does not wait for the drain");
        };
        let ((run, reply), ()) = tokio::join!(house.deliver(), stop);
        assert!(matches!(reply, Reply::Lost(StoreError::Unavailable { .. })));
        assert_eq!(tables::runs::queued(&*house.store, None, 9).await.unwrap(), [run]);
    }

    #[tokio::test]
    async fn a_run_is_abandoned_without_another_write_once_the_process_is_fenced() {
        let house = House::plain().await;
        let asked = house.fail_after(1, |_| Some(fenced()));
        let (run, reply) = house.deliver().await;
        assert!(matches!(reply, Reply::Lost(StoreError::Fenced { .. })));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(tables::runs::queued(&*house.store, None, 9).await.unwrap(), [run]);
    }

    #[tokio::test]
    async fn a_script_whose_process_is_fenced_does_not_fail_its_step() {
        let steps = json!([{ "id": "s", "type": "code", "file": "s.js", "on_error": "continue" }]);
        let house = House::with(steps, "return await step.run('once', () => 7)").await;
        // Only the first is refused: a second write would be stored, and seen here.
        let asked = house.fail_after(1, |before| (before == 0).then(fenced));
        let (run, reply) = house.deliver().await;
        assert!(matches!(reply, Reply::Lost(StoreError::Fenced { .. })));
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(tables::journal::list(&*house.store, run).await.unwrap(), []);
        assert_eq!(tables::runs::queued(&*house.store, None, 9).await.unwrap(), [run]);
    }
}
