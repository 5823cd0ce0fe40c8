//! Accepts events. The run, its event, its queue item, its dedupe claim and its group become durable in one batch, or nothing does.

use std::{io, sync::Arc, time::Instant};

use super::{
    Awaited, EngineError,
    line::{Fresh, Line, Seat, event_bytes},
    run::{NewRun, Runs},
    workflow::{Definition, Groups, Hashed},
};
use crate::{
    model::{
        Cause, Claim, Event, Mode, OnConflict, Run, RunHead, RunId, RunStatus, Signal, Span, TriggerScope,
    },
    store::{Batch, Store, StoreError, tables, tables::slots::Slot},
};
use sha2::{Digest, Sha256};

/// While all pending events hold no more bytes than this, the events of synchronous runs stay in memory.
const MAX_HELD: u64 = 64 << 20;
/// How often a claim or a group is tried whose holder changes at the same time.
const TRIES: usize = 4;

/// What a delivery is recognised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DedupeKey {
    /// SHA-256 over the trigger's scope and the key. Its size is fixed, whatever the sender chose.
    pub digest: [u8; 32],
    /// How long the digest is remembered.
    pub ttl: Span,
}

impl DedupeKey {
    /// The key of one trigger's deliveries.
    pub fn new(trigger: &TriggerScope, key: &str, ttl: Span) -> Self {
        Self { digest: Self::hash(trigger).chain_update(key).finalize().into(), ttl }
    }

    /// The key that `write` writes. There is none when `write` fails or writes nothing. Deliveries that nobody verified bring a
    /// digest of their `content`: anyone may claim any id, so only a delivery with the same content is a copy.
    pub fn written(
        trigger: &TriggerScope,
        content: Option<&[u8; 32]>,
        ttl: Span,
        write: impl FnOnce(&mut dyn io::Write) -> bool,
    ) -> Option<Self> {
        let hash = match content {
            None => Self::hash(trigger),
            // No scope begins with this byte, so this digest never equals that of another kind of key.
            Some(content) => Sha256::new()
                .chain_update([2])
                .chain_update(content)
                .chain_update(trigger.as_str())
                .chain_update([0]),
        };
        let mut hashed = Hashed::of(hash);
        let written = write(&mut hashed);
        (written && hashed.bytes > 0).then(|| Self { digest: hashed.hash.finalize().into(), ttl })
    }

    fn hash(trigger: &TriggerScope) -> Sha256 {
        // A scope holds no zero byte.
        Sha256::new().chain_update(trigger.as_str()).chain_update([0])
    }
}

/// What a delivery is recognised by when its sender signs no id. The same delivery again is a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayKey {
    digest: [u8; 32],
    until_ms: u64,
}

impl ReplayKey {
    /// The key of one trigger's delivery, by the digest of what was signed. It is remembered until `until_ms`,
    /// milliseconds since the epoch.
    pub fn new(trigger: &TriggerScope, signed: &[u8; 32], until_ms: u64) -> Self {
        // No scope begins with this byte, so that it never equals a dedupe key.
        let hash = Sha256::new()
            .chain_update([1])
            .chain_update(trigger.as_str())
            .chain_update([0])
            .chain_update(signed);
        Self { digest: hash.finalize().into(), until_ms }
    }
}

/// An event that asks for a run.
pub struct Submission {
    /// The version that the run will be pinned to.
    pub definition: Arc<Definition>,
    pub event: Event,
    /// Whether the caller waits.
    pub mode: Mode,
    pub cause: Cause,
    /// What a copy of it is recognised by.
    pub dedupe: Option<DedupeKey>,
    /// What a replay of it is recognised by.
    pub replay: Option<ReplayKey>,
}

/// What became of a submission.
pub enum Submitted {
    /// A new run, durable. In `sync` mode there is a reply to wait for.
    Started {
        run: RunId,
        /// Gives the answer or the error, once that is durable.
        reply: Option<Awaited>,
    },
    /// The delivery is a copy: this is the run of the first one.
    Duplicate {
        /// The run as it stands now.
        run: Box<Run>,
    },
    /// There is no new run: the workflow is a singleton, and one of its runs is unfinished.
    Skipped {
        /// The one that is unfinished.
        run: RunId,
    },
}

/// What storing a run found.
enum Stored {
    New,
    Copy(Box<Run>),
    /// Another run holds the singleton.
    Held(RunId),
}

/// Makes the run durable, and lets an asynchronous one begin.
pub(super) async fn submit(runs: &Runs, submission: Submission) -> Result<Submitted, EngineError> {
    if runs.durable.stopping.is_set() {
        return Err(EngineError::Stopping);
    }
    let Submission { definition, event, mode, cause, dedupe, replay } = submission;
    let workflow = &definition.workflow.key;
    if mode == Mode::Sync && runs.line.is_paused(workflow) {
        return Err(EngineError::Paused);
    }
    let seat = runs.line.seat(workflow, &event)?;
    let groups = definition.keys.of(workflow, &event);
    let mut run = NewRun { event, mode, cause }.of(&definition, &runs.durable, &runs.tools);
    run.head.claim = dedupe.map(|key| key.digest);
    run.head.slot = groups.slot;
    let id = run.head.id;
    let claims = claims(run.head.created_ms, dedupe, replay);
    // This comes before the run is stored: from then on another delivery may take its place, and end it.
    let reply = (mode == Mode::Sync).then(|| runs.replies.await_of(id));
    let stored = store_run(runs, &definition, &mut run, &claims).await;
    if !matches!(stored, Ok(Stored::New)) {
        runs.replies.forget(id);
    }
    match stored? {
        Stored::New => {}
        Stored::Copy(run) => return Ok(Submitted::Duplicate { run }),
        Stored::Held(run) => return Ok(Submitted::Skipped { run }),
    }
    begin(&runs.line, Fresh { run, definition }, groups, seat);
    runs.durable.changes.run(id);
    Ok(Submitted::Started { run: id, reply })
}

/// Puts a stored run in line, or leaves it to its timer. Whether a synchronous one may begin is for [`submit`]'s caller to see.
fn begin(line: &Line, fresh: Fresh, groups: Groups, seat: Seat) {
    let head = fresh.run.head.clone();
    match (head.status, head.mode) {
        (RunStatus::Queued, Mode::Sync) => {
            // When memory holds too much, the run is read from the store when its turn comes.
            let held = line.pending_bytes() <= MAX_HELD;
            line.stand_in(&head, groups, held.then_some(fresh), seat);
        }
        // Only the id stands in line, so that a long line holds little memory.
        (RunStatus::Queued, Mode::Async) => line.enqueue(&head, groups, None, seat),
        (RunStatus::Waiting | RunStatus::Succeeded | RunStatus::Failed | RunStatus::Cancelled, _) => {
            line.timer(head.due_ms);
        }
    }
}

/// The digests that a run claims, each with the end of its time.
fn claims(now_ms: u64, dedupe: Option<DedupeKey>, replay: Option<ReplayKey>) -> Vec<([u8; 32], u64)> {
    let dedupe = dedupe.map(|key| (key.digest, now_ms.saturating_add(key.ttl.as_millis())));
    // A minute is added, as some time passes between the verification of a replay and this check.
    let replay = replay.map(|key| (key.digest, key.until_ms.max(now_ms).saturating_add(60_000)));
    dedupe.into_iter().chain(replay).collect()
}

/// Commits a new run, unless this is a copy or its singleton is taken.
async fn store_run(
    runs: &Runs,
    definition: &Definition,
    run: &mut Run,
    claims: &[([u8; 32], u64)],
) -> Result<Stored, StoreError> {
    let (store, line) = (&*runs.durable.store, &runs.line);
    for _ in 0..TRIES {
        let mut batch = Batch::new();
        let digests = claims.iter().map(|(digest, _)| digest);
        let (held, slot) = tables::claims::held(store, digests, run.head.slot.as_ref()).await?;
        for (&(digest, expires_ms), held) in claims.iter().zip(held) {
            if let Some(claim) = held.as_ref().filter(|claim| claim.expires_ms > run.head.created_ms)
                && let Some(first) = tables::runs::get(store, claim.run).await?
                // A failed run gives its dedupe key back itself, but it does not know its replay key.
                && first.head.status != RunStatus::Failed
            {
                // What can be read may not be durable yet, and the caller will rely on it.
                store.commit(Batch::new()).await?;
                return Ok(Stored::Copy(Box::new(first)));
            }
            let claim = Claim { run: run.head.id, expires_ms };
            tables::claims::take(&mut batch, &digest, &claim, held.as_ref(), run.head.created_ms);
        }
        let mut superseded = None;
        if let Some(group) = run.head.slot {
            match take_slot(store, definition, run, (&group, slot), &mut batch).await? {
                Slotted::Free => {}
                Slotted::InPlaceOf(other) => superseded = Some(other),
                Slotted::Held(holder) => {
                    store.commit(Batch::new()).await?;
                    return Ok(Stored::Held(holder));
                }
            }
        }
        tables::runs::insert(&mut batch, run);
        let waits = run.head.status == RunStatus::Waiting;
        if waits {
            let bytes = event_bytes(&run.event);
            tables::runs::waits_with(&mut batch, run.head.id, bytes);
            // This comes before the run is stored, as its time may come at once.
            line.waits(run.head.id, &run.head.workflow, bytes);
        }
        let begun = Instant::now();
        let stored = store.commit(batch).await;
        runs.durable.numbers.committed(begun.elapsed());
        if stored.is_err() && waits {
            line.waits_no_more(run.head.id, &run.head.workflow);
        }
        match stored {
            Ok(()) => {
                if let Some(other) = superseded {
                    line.cancel(other).await;
                }
                return Ok(Stored::New);
            }
            // Another delivery was first: look again at what it took.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Busy)
}

enum Slotted {
    Free,
    InPlaceOf(RunId),
    Held(RunId),
}

/// Takes the slot of a debounce or singleton group. `held` says who has it.
async fn take_slot(
    store: &dyn Store,
    definition: &Definition,
    run: &mut Run,
    (group, held): (&[u8; 32], Option<Slot>),
    batch: &mut Batch,
) -> Result<Slotted, StoreError> {
    let policy = &definition.workflow.policy;
    let now_ms = run.head.created_ms;
    let holder = match &held {
        Some(slot) => tables::runs::head(store, slot.run).await?.filter(|head| !head.status.is_terminal()),
        None => None,
    };
    let supersede = |batch: &mut Batch, holder: &RunHead| {
        let reason = format!("{} took its place", run.head.id);
        tables::signals::put(batch, holder.id, &Signal::Cancel { reason });
        Slotted::InPlaceOf(holder.id)
    };
    let mut first_ms = now_ms;
    let mut slotted = Slotted::Free;
    if let Some(debounce) = &policy.debounce {
        // A run that has begun is no longer debounced.
        if let Some(holder) = holder.filter(|holder| holder.started_ms.is_none()) {
            first_ms = held.as_ref().map_or(now_ms, |slot| slot.first_ms);
            slotted = supersede(batch, &holder);
        }
        let wait_ms = debounce.wait.as_millis();
        let most_ms = debounce.max.map_or(wait_ms.saturating_mul(10), |max| max.as_millis());
        let due_ms = now_ms.saturating_add(wait_ms).min(first_ms.saturating_add(most_ms));
        if due_ms > now_ms {
            run.head.status = RunStatus::Waiting;
            run.head.due_ms = Some(due_ms);
        }
    } else if let (Some(singleton), Some(holder)) = (&policy.singleton, holder) {
        match singleton.on_conflict {
            OnConflict::Skip => return Ok(Slotted::Held(holder.id)),
            OnConflict::Cancel => slotted = supersede(batch, &holder),
        }
    }
    tables::slots::take(batch, group, &Slot { run: run.head.id, first_ms }, held.as_ref());
    Ok(slotted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        engine::{Catalog, Engine, EngineOptions, Environment, Plugins, SystemPorts, Vault, simulation},
        model::{Bundle, JsonText},
        net::{Outbound, OutboundOptions},
        steps::Services,
        store::MemoryStore,
    };

    struct Intake {
        engine: Engine,
        definition: Arc<Definition>,
    }

    impl Intake {
        async fn of(steps: serde_json::Value) -> Self {
            let environment: Environment = Arc::new(|_: &str| None);
            let workflow = json!({ "key": "a", "trigger": { "type": "webhook" }, "steps": steps });
            let bundle = Bundle { workflow: workflow.to_string(), files: Default::default() };
            let definition = Definition::compile(bundle, &simulation::sandbox(), &environment).unwrap();
            let (store, definition): (Arc<dyn Store>, _) =
                (Arc::new(MemoryStore::new()), Arc::new(definition));
            let net = Outbound::new(OutboundOptions::default()).unwrap();
            let services = Services { sandbox: simulation::sandbox(), net, plugins: Plugins::none() };
            let catalog = Catalog::new(simulation::sandbox(), environment);
            let ports = Arc::new(SystemPorts::default());
            let engine =
                Engine::new(store, services, Vault::empty(), ports, catalog, EngineOptions::default());
            engine.install(Arc::clone(&definition)).await.unwrap();
            engine.take_up().await.unwrap();
            Self { engine, definition }
        }

        /// The run of a delivery, and whether it is new; waits for its end.
        async fn deliver(&self, dedupe: Option<&str>, replay: Option<(u8, u64)>) -> (RunId, bool) {
            let trigger = self.definition.workflow.triggers[0].scope(&self.definition.workflow.key);
            let submission = Submission {
                definition: Arc::clone(&self.definition),
                event: Event::of_data(&JsonText::null()),
                mode: Mode::Sync,
                cause: Cause::Webhook,
                dedupe: dedupe.map(|key| DedupeKey::new(&trigger, key, Span::from_millis(60_000))),
                replay: replay.map(|(signed, until_ms)| ReplayKey::new(&trigger, &[signed; 32], until_ms)),
            };
            match self.engine.submit(submission).await.unwrap() {
                Submitted::Started { run, reply } => {
                    reply.expect("it is waited for").await.unwrap();
                    (run, true)
                }
                Submitted::Duplicate { run } => (run.head.id, false),
                Submitted::Skipped { .. } => panic!("it is no singleton"),
            }
        }
    }

    const LATER: u64 = u64::MAX / 2;

    #[tokio::test]
    async fn a_replay_gets_the_first_run_whatever_id_it_claims() {
        let intake = Intake::of(json!([{ "id": "s", "type": "set", "values": 1 }])).await;
        let (first, new) = intake.deliver(None, Some((1, LATER))).await;
        assert!(new);
        assert_eq!(intake.deliver(None, Some((1, LATER))).await, (first, false));
        assert_eq!(intake.deliver(Some("forged id"), Some((1, LATER))).await, (first, false));
        let (other, new) = intake.deliver(Some("id"), Some((2, LATER))).await;
        assert!(new && other != first);
        // Signed anew, as a sender's own retry is, but of the same event.
        assert_eq!(intake.deliver(Some("id"), Some((3, LATER))).await, (other, false));
    }

    #[tokio::test]
    async fn a_failed_run_may_be_delivered_again_with_the_same_signature() {
        let fails = json!([{ "id": "e", "type": "end", "status": "failed", "message": "no" }]);
        let intake = Intake::of(fails).await;
        let (first, _) = intake.deliver(Some("id"), Some((1, LATER))).await;
        let (second, new) = intake.deliver(Some("id"), Some((1, LATER))).await;
        assert!(new && second != first);
    }

    #[test]
    fn the_kinds_of_keys_never_meet() {
        let scope = |key: &str, name: Option<&str>| {
            let trigger = json!({ "type": "webhook", "name": name });
            let workflow = json!({ "key": key, "triggers": [trigger], "steps": [] });
            let workflow = crate::model::Workflow::from_value(workflow).unwrap();
            workflow.triggers[0].scope(&workflow.key)
        };
        let trigger = scope("a", None);
        let key = String::from_utf8(vec![7; 32]).unwrap();
        let dedupe = DedupeKey::new(&trigger, &key, Span::from_millis(1));
        let replay = ReplayKey::new(&trigger, &[7; 32], 5);
        assert_ne!(dedupe.digest, replay.digest);
        let content = DedupeKey::written(&trigger, Some(&[7; 32]), Span::from_millis(1), |out| {
            out.write_all(key.as_bytes()).is_ok()
        })
        .unwrap();
        assert!(content.digest != dedupe.digest && content.digest != replay.digest);
        for other in [scope("b", None), scope("a", Some("b"))] {
            assert_ne!(replay.digest, ReplayKey::new(&other, &[7; 32], 5).digest);
            assert_ne!(dedupe.digest, DedupeKey::new(&other, &key, Span::from_millis(1)).digest);
        }
        // What a workflow with one trigger has stored is found again, by that trigger and its usual name.
        let stored: [u8; 32] = Sha256::digest(format!("a\0{key}")).into();
        assert_eq!(dedupe.digest, stored);
        assert_eq!(scope("a", Some("webhook")), trigger);
        assert_eq!(claims(100, Some(dedupe), Some(replay)).len(), 2);
        assert_eq!(
            claims(100, None, Some(replay))[0].1,
            60_100,
            "remembered a little longer than it would pass"
        );
    }
}
