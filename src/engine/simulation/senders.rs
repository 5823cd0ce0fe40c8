//! What comes from outside in a history: deliveries (again under the same key until they are acknowledged),
//! cancellations, callbacks, repetitions, pauses, sweeps and a clock that is set.

use std::{collections::HashSet, sync::Arc, time::Duration};

use serde_json::json;

use super::{
    generate::Generated,
    ledger::Acked,
    world::{World, lock},
};
use crate::{
    engine::{CallbackError, DedupeKey, Engine, ReplayOn, Reply, Submission, Submitted, run::callback_token},
    model::{Cause, Entry, Event, JsonText, Mode, RunId, Span, StepKey, Wait},
    store::{StoreError, tables},
};

/// Keys that deliveries share.
const KEYS: u64 = 6;

/// Tries before a sender gives a delivery up.
const REFUSALS: u32 = 10;

/// One who sends. What it has not finished when the process dies, it does again.
#[derive(Default)]
pub(super) struct Sender {
    left: u64,
    delivery: Option<Delivery>,
    refusals: u32,
}

#[derive(Clone)]
struct Delivery {
    workflow: usize,
    k: u64,
    key: Option<String>,
    mode: Mode,
}

/// What all senders know.
pub(super) struct Known {
    pub(super) world: Arc<World>,
    pub(super) workflows: Vec<Generated>,
    pub(super) ttl: Span,
    pub(super) retried: std::sync::Mutex<HashSet<RunId>>,
}

impl Sender {
    pub(super) fn new(world: &World) -> Self {
        Self { left: 2 + world.below(9), ..Self::default() }
    }

    /// Sends until it has nothing left to send.
    pub(super) async fn send(&mut self, known: &Known, engine: &Engine) {
        let world = &*known.world;
        while self.left > 0 {
            tokio::time::sleep(Duration::from_millis(*world.pick(&[0, 0, 1, 3, 100, 1_000, 5_000]))).await;
            if let Some(delivery) = self.delivery.clone() {
                self.refusals += 1;
                if known.deliver(engine, delivery).await || self.refusals == REFUSALS {
                    (self.delivery, self.refusals) = (None, 0);
                    self.left -= 1;
                }
                continue;
            }
            match world.below(12) {
                0..=5 => self.delivery = Some(known.delivery()),
                6 => known.cancel(engine).await,
                7 | 8 => known.call_back(engine).await,
                9 => known.repeat(engine).await,
                10 => known.pause(engine).await,
                _ => known.disturb(engine).await,
            }
            if self.delivery.is_none() {
                self.left -= 1;
            }
        }
    }
}

impl Known {
    fn delivery(&self) -> Delivery {
        let world = &*self.world;
        let workflow = world.below(self.workflows.len() as u64) as usize;
        let mode = if self.workflows[workflow].sync && world.chance(300) { Mode::Sync } else { Mode::Async };
        let key = world.chance(600).then(|| format!("d{}", world.below(KEYS)));
        Delivery { workflow, k: world.below(3), key, mode }
    }

    /// Whether the delivery is acknowledged.
    async fn deliver(&self, engine: &Engine, delivery: Delivery) -> bool {
        let world = &*self.world;
        let Delivery { workflow, k, key, mode } = delivery;
        let workflow = &self.workflows[workflow].key;
        let definition = engine.catalog().current(workflow).expect("it is installed");
        let event = Event::of_data(&JsonText::from_value(&json!({ "k": k })));
        let trigger = definition.workflow.triggers[0].scope(workflow);
        let dedupe = key.as_ref().map(|key| DedupeKey::new(&trigger, key, self.ttl));
        world.note(|| format!("deliver {workflow} k {k} key {key:?} {mode:?}"));
        let sent = lock(&world.ledger).order;
        let submission = Submission { definition, event, mode, cause: Cause::Webhook, dedupe, replay: None };
        let submitted = match engine.submit(submission).await {
            Ok(submitted) => submitted,
            Err(error) => {
                world.note(|| format!("refused: {error}"));
                return false;
            }
        };
        let (mut started, mut reply) = (false, None);
        let run = match submitted {
            Submitted::Started { run, reply: receiver } => {
                (started, reply) = (true, receiver);
                run
            }
            Submitted::Duplicate { run } => {
                if dedupe.map(|key| key.digest) != run.head.claim {
                    lock(&world.ledger).violate(|| format!("{} answers for another delivery", run.head.id));
                }
                run.head.id
            }
            Submitted::Skipped { run } => run,
        };
        world.note(|| format!("accepted as {run}"));
        {
            let mut ledger = lock(&world.ledger);
            if !ledger.born.contains_key(&run) {
                ledger.violate(|| format!("{run} was acknowledged and is not durable"));
            }
            let acked = ledger.order;
            ledger.acked.push(Acked { run, sent, acked, started });
        }
        if let Some(reply) = reply {
            let replied = tokio::time::timeout(Duration::from_secs(5), reply).await;
            world.note(|| format!("the caller of {run} gets {replied:?}"));
            let mut ledger = lock(&world.ledger);
            let is_durable = match &replied {
                Ok(Ok(Reply::Answer(answer))) => ledger.answered.get(&run) == Some(&answer.status),
                Ok(Ok(Reply::Failed(_))) => ledger.finished.contains_key(&run),
                Ok(Ok(Reply::Lost(_)) | Err(_)) | Err(_) => true,
            };
            if !is_durable {
                ledger.violate(|| format!("{run} replied what is not durable: {replied:?}"));
            }
        }
        true
    }

    fn some_run(&self) -> Option<RunId> {
        let runs: Vec<RunId> = lock(&self.world.ledger).born.keys().copied().collect();
        (!runs.is_empty()).then(|| *self.world.pick(&runs))
    }

    async fn cancel(&self, engine: &Engine) {
        let Some(run) = self.some_run() else { return };
        self.world.note(|| format!("cancel {run}"));
        if engine.cancel(run, "no longer wanted").await.is_ok() {
            self.world.note(|| format!("cancelled {run}"));
            let now_ms = self.world.now_ms();
            let mut ledger = lock(&self.world.ledger);
            let order = ledger.order;
            ledger.cancelled.entry(run).or_insert((order, now_ms));
        }
    }

    /// Calls a waiting run, or one that may wait later, twice.
    async fn call_back(&self, engine: &Engine) {
        let world = &*self.world;
        let store = &**engine.store();
        let mut open = Vec::new();
        let runs: Vec<RunId> = lock(&world.ledger).born.keys().copied().collect();
        for run in runs {
            let Ok(Some(head)) = tables::runs::head(store, run).await else { continue };
            if head.status.is_terminal() {
                continue;
            }
            let entries = match tables::journal::list(store, run).await {
                Err(StoreError::Unavailable { .. }) => continue,
                entries => entries.expect("the journal is whole"),
            };
            for entry in entries {
                if let Entry::Waiting { key, wait: Wait::Callback | Wait::Question(_), .. } = entry {
                    open.push((run, head.seed, key));
                }
            }
            if world.chance(200)
                && let Ok(definition) = engine.catalog().pinned(store, &head.workflow, head.version).await
            {
                // It may come before its step begins.
                let early =
                    definition.callbacks.iter().map(|step| StepKey { step: step.clone(), at: vec![] });
                open.extend(early.map(|key| (run, head.seed, key)));
            }
        }
        if open.is_empty() {
            return;
        }
        let (run, seed, key) = world.pick(&open).clone();
        let token = callback_token(run, &seed, &key);
        for _ in 0..1 + world.below(2) {
            let payload = JsonText::from_value(&json!({ "call": world.below(1_000_000) }));
            world.note(|| format!("call back {key} of {run} with {}", payload.as_str()));
            match engine.call_back(run, &key, &token, payload.clone()).await {
                Ok(()) => {
                    let mut ledger = lock(&world.ledger);
                    let text = payload.as_str().to_owned();
                    if ledger.callbacks.insert((run, key.clone()), text).is_some() {
                        ledger.violate(|| format!("the URL of {key} of {run} was taken twice"));
                    }
                }
                Err(CallbackError::Unknown) => {
                    lock(&world.ledger).violate(|| format!("the URL of {key} of {run} is not known"));
                }
                Err(CallbackError::Gone | CallbackError::Store(_)) => {}
            }
        }
    }

    async fn repeat(&self, engine: &Engine) {
        let Some(run) = self.some_run() else { return };
        let world = &*self.world;
        if world.chance(500) {
            world.note(|| format!("replay {run}"));
            let on = *world.pick(&[ReplayOn::Same, ReplayOn::Newest]);
            drop(engine.replay(run, on).await);
        } else if lock(&self.retried).insert(run) {
            // A second repetition would share its keys with the first one, as its caller asks for.
            world.note(|| format!("retry {run}"));
            let on = *world.pick(&[ReplayOn::Same, ReplayOn::Newest]);
            drop(engine.retry(run, on).await);
        }
    }

    async fn pause(&self, engine: &Engine) {
        let workflow = &self.world.pick(&self.workflows).key;
        let paused = !engine.is_paused(workflow);
        self.world.note(|| format!("pause {workflow}: {paused}"));
        drop(engine.pause(workflow, paused).await);
    }

    async fn disturb(&self, engine: &Engine) {
        let world = &*self.world;
        if world.chance(world.odds.jump * 8) {
            let by_ms = 1 + world.below(3_600_000) as i64;
            world.jump(if world.odds.backwards && world.chance(500) { -by_ms } else { by_ms });
        } else {
            world.note(|| "sweep".to_owned());
            drop(engine.sweep().await);
        }
    }
}
