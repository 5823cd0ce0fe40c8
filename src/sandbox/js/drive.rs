//! Runs a script to its end: enters its instance, has its calls performed outside, and enters again with each result.
//!
//! The script's whole course follows from its input and the results in their order, so an instance can be given up
//! at any time and made again: after a crash, before a long sleep, or because too many scripts wait at once. While it
//! waits a script takes no slot and no thread, only the memory that it has. What all its instances used counts together.
//!
//! Whoever drops the future of a run stops its script: at the next epoch the guest ends, and only then its place is free.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};

use futures::{
    FutureExt, StreamExt,
    future::{AbortHandle, Abortable, BoxFuture},
    stream::FuturesUnordered,
};

use super::{
    call::Call,
    engine::JsEngine,
    entry::{Entered, Held, begin, enter},
    spent::{Left, Spent},
    visit::{Pending, Start},
};
use crate::{
    model::{CallError, CallRecord, ErrorCode, JsonText, Limits, RunError},
    sandbox::{
        SandboxError,
        admission::{Kind, Place},
        journal::{Journal, mismatch, missing},
        outcome::{Conclusion, Outcome},
        services::{HostCall, HostServices},
        share::Share,
        turns::Stop,
    },
};

/// A script with nothing to do for longer than this is put down.
const HOLD_MS: u64 = 1_000;
/// The longest sleep: ten years.
const SLEEP_MOST_MS: f64 = 10.0 * 365.0 * 86_400_000.0;

impl JsEngine {
    /// Runs a call, each entry on a thread of its own once there are a slot and memory for it that `share` may take. Who drops
    /// the future stops the script.
    ///
    /// # Errors
    /// Only when the sandbox itself cannot serve, or results cannot be kept; what the script does is in the outcome.
    pub async fn run(
        &self,
        call: Call,
        share: &Share,
        host: &dyn HostServices,
    ) -> Result<Outcome, SandboxError> {
        let (mut history, call) = (call.history.clone(), Arc::new(call));
        let spent = Spent::noted_in(&mut history);
        let drive = Drive {
            engine: self,
            share,
            host,
            left: Left::of(spent),
            stop: Arc::default(),
            journal: Journal::new(Kind::Script, &call.limits, history, host),
            call,
            outstanding: BTreeMap::new(),
            given_up: HashSet::new(),
            running: FuturesUnordered::new(),
        };
        drive.run().await
    }

    /// Runs a call on the caller's thread; one that waits for anything fails.
    ///
    /// # Errors
    /// When the sandbox itself cannot serve.
    pub fn run_blocking(&self, call: &Call) -> Result<Outcome, SandboxError> {
        let (visit, answer) = self.begin(call, Start::new(&call.limits, call.now_ms, call.seed))?;
        Ok(visit.finish(answer))
    }

    /// Makes an instance and drops it: what a call costs before it does anything.
    ///
    /// # Errors
    /// When the host cannot make one.
    pub fn instantiate(&self) -> Result<(), SandboxError> {
        self.visit(&Limits::DEFAULT, 0, [0; 32]).map(drop)
    }
}

/// A call that the script waits for.
struct Outstanding {
    op: String,
    digest: [u8; 16],
    since: Instant,
    /// When it is over by itself, on the script's clock.
    due_ms: Option<u64>,
    /// It is not performed yet.
    todo: Option<HostCall>,
    abort: Option<AbortHandle>,
}

struct Drive<'a> {
    engine: &'a JsEngine,
    share: &'a Share,
    host: &'a dyn HostServices,
    call: Arc<Call>,
    /// What is left of the instances that were given up.
    left: Left,
    /// Tells the guest to end at its next epoch.
    stop: Arc<Stop>,
    /// The results that the script has got, or gets next.
    journal: Journal<'a>,
    outstanding: BTreeMap<u32, Outstanding>,
    /// Calls whose results this instance does not want any more.
    given_up: HashSet<u32>,
    running: FuturesUnordered<BoxFuture<'a, Option<(u32, Result<JsonText, CallError>)>>>,
}

impl Drop for Drive<'_> {
    fn drop(&mut self) {
        // If the guest runs at present, nobody waits for it any more.
        self.stop.set();
    }
}

/// What a script that waits comes to.
enum Next {
    Deliver(CallRecord),
    Sleep(u64),
    Fail(RunError),
}

impl Drive<'_> {
    async fn run(mut self) -> Result<Outcome, SandboxError> {
        let mut entered = self.restart().await?;
        loop {
            let (held, pending) = match entered {
                Entered::Waits(held, pending) => (held, pending),
                Entered::Ended(outcome) => return Ok(outcome.after(self.journal.made())),
            };
            if let Err(error) = self.issue(pending, held.now_ms()) {
                return self.end(Some(held), Conclusion::Failed(error)).await;
            }
            let mut held = Some(held);
            let next = match self.replay() {
                Some(next) => next,
                None => self.wait(&mut held).await?,
            };
            let record = match next {
                Next::Deliver(record) => record,
                Next::Sleep(until_ms) => {
                    self.put_down(&mut held).await?;
                    let note = self.left.spent.note(self.host.now_ms());
                    self.host.record(std::slice::from_ref(&note)).await?;
                    return self.end(None, Conclusion::Sleeps(until_ms)).await;
                }
                Next::Fail(error) => return self.end(held, Conclusion::Failed(error)).await,
            };
            self.go_on_or_put_down(&mut held).await?;
            entered = match held {
                Some(held) => {
                    self.journal.pass();
                    self.outstanding.remove(&record.id);
                    enter(self.engine, self.share, held, move |visit| {
                        visit.resume(record.id, &record.result, record.at_ms)
                    })
                    .await?
                }
                // It was given up while it waited: it comes to the same place again.
                None => self.restart().await?,
            };
        }
    }

    /// A fresh instance at its first answer, once there is room for it.
    async fn restart(&mut self) -> Result<Entered, SandboxError> {
        let memory = self.call.limits.memory.as_bytes();
        let place = self.engine.admission.turn(self.share, Kind::Script, memory).await?;
        self.given_up.clear();
        let now_ms = self.journal.rewind().unwrap_or(self.call.now_ms);
        begin(self.engine, self.share, &self.call, (now_ms, self.left.spent, &self.stop, place)).await
    }

    /// Gives the instance up, and keeps what it used and logged.
    async fn put_down(&mut self, held: &mut Option<Held>) -> Result<(), SandboxError> {
        if let Some(held) = held.take() {
            self.left = held.leave().await?;
        }
        Ok(())
    }

    /// Gives slot and memory back while the script waits, but for what it has; where too many wait, all of it.
    async fn rest(&mut self, held: &mut Option<Held>) -> Result<(), SandboxError> {
        let rests = held.as_mut().is_none_or(|visit| {
            let memory = visit.memory_size();
            visit.place().is_none_or(|place| place.rest(memory))
        });
        if rests { Ok(()) } else { self.put_down(held).await }
    }

    /// Takes slot and memory again. Where they are not there at once, the instance makes room and stands in line as a new one.
    async fn go_on_or_put_down(&mut self, held: &mut Option<Held>) -> Result<(), SandboxError> {
        let memory = self.call.limits.memory.as_bytes();
        let resumes = |place: &mut Place| place.resume(memory);
        let goes_on = held.as_mut().is_none_or(|visit| visit.place().is_none_or(resumes));
        if goes_on { Ok(()) } else { self.put_down(held).await }
    }

    /// The outcome; where the instance was given up, of what is left of it.
    async fn end(&mut self, held: Option<Held>, conclusion: Conclusion) -> Result<Outcome, SandboxError> {
        let left = match held {
            Some(held) => held.leave().await?,
            None => std::mem::take(&mut self.left),
        };
        Ok(left.conclude(conclusion).after(self.journal.made()))
    }

    /// Takes over what the script asks for and gives up.
    fn issue(&mut self, pending: Pending, now_ms: u64) -> Result<(), RunError> {
        for id in pending.cancel {
            if let Some(abort) = self.outstanding.remove(&id).and_then(|call| call.abort) {
                abort.abort();
            }
            self.given_up.insert(id);
        }
        for asked in pending.calls {
            let call = HostCall { id: asked.id, op: asked.op, args: asked.args, hosts: None };
            let digest = self.host.digest(&call);
            if let Some(known) = self.outstanding.get(&call.id) {
                // It is being performed for an instance that was given up.
                if (known.digest, &known.op) != (digest, &call.op) {
                    return Err(mismatch(&known.op, &call));
                }
                continue;
            }
            self.journal.count(call.id)?;
            let due_ms = matches!(call.op.as_str(), "sleep" | "timer").then(|| {
                let ms = call.args.get("ms").and_then(serde_json::Value::as_f64).unwrap_or(0.0);
                now_ms.saturating_add(ms.clamp(0.0, SLEEP_MOST_MS) as u64)
            });
            let (op, todo) = (call.op.clone(), Some(call.clone()));
            let waiting = Outstanding { op, digest, since: Instant::now(), due_ms, todo, abort: None };
            self.outstanding.insert(call.id, waiting);
        }
        Ok(())
    }

    /// The next result that is there already.
    fn replay(&mut self) -> Option<Next> {
        loop {
            let record = self.journal.next()?;
            if self.given_up.contains(&record.id) {
                self.journal.pass();
                continue;
            }
            return Some(match self.outstanding.get(&record.id) {
                Some(call) if (call.digest, &call.op) == (record.digest, &record.op) => {
                    Next::Deliver(record.clone())
                }
                Some(call) => {
                    let (id, op, args) = (record.id, call.op.clone(), serde_json::Value::Null);
                    Next::Fail(mismatch(&record.op, &HostCall { id, op, args, hosts: None }))
                }
                None => Next::Fail(missing(record)),
            });
        }
    }

    /// Has everything performed that is asked for, and waits for the first result.
    async fn wait(&mut self, held: &mut Option<Held>) -> Result<Next, SandboxError> {
        self.journal.begin(self.call.now_ms).await?;
        self.start();
        let now_ms = self.host.now_ms();
        let due = |call: &Outstanding| call.due_ms;
        if self.outstanding.values().all(|call| due(call).is_some())
            && let Some(first) = self.outstanding.values().filter_map(due).min()
            && first > now_ms.saturating_add(HOLD_MS)
        {
            return Ok(Next::Sleep(first));
        }
        let first = {
            self.rest(held).await?;
            loop {
                let needed = held.as_mut().and_then(|held| held.place().map(|place| place.is_needed()));
                let next = tokio::select! {
                    biased;
                    next = self.running.next() => next,
                    () = async { needed.expect("it is looked at first").await }, if needed.is_some() => {
                        self.put_down(held).await?;
                        continue;
                    }
                };
                match next {
                    Some(Some(done)) => break done,
                    // Given up by the script.
                    Some(None) => {}
                    None => {
                        let message = "the script waits for calls that nobody performs";
                        return Ok(Next::Fail(RunError::new(ErrorCode::PromiseNeverSettled, message)));
                    }
                }
            }
        };
        let mut done = vec![first];
        while let Some(Some(more)) = self.running.next().now_or_never() {
            done.extend(more);
        }
        self.in_the_order_of_their_times(&mut done);
        let at_ms = self.journal.now_ms();
        let mut records = Vec::with_capacity(done.len());
        for (id, result) in done {
            let Some(call) = self.outstanding.get(&id) else { continue };
            let took_us = call.since.elapsed().as_micros() as u64;
            records.push(CallRecord { id, op: call.op.clone(), digest: call.digest, result, at_ms, took_us });
        }
        if let Err(error) = self.journal.keep(records).await? {
            return Ok(Next::Fail(error));
        }
        match self.replay() {
            Some(next) => Ok(next),
            None => Box::pin(self.wait(held)).await,
        }
    }

    /// Puts timers first, by the times they are due at, and of one time in the order of their making. A timer that is due before
    /// another that came is there too, even if nobody has woken for it yet.
    fn in_the_order_of_their_times(&self, done: &mut Vec<(u32, Result<JsonText, CallError>)>) {
        let due = |id: &u32| self.outstanding.get(id).and_then(|call| call.due_ms);
        let Some(last) = done.iter().filter_map(|(id, _)| due(id)).max() else { return };
        let came: HashSet<u32> = done.iter().map(|(id, _)| *id).collect();
        let waits = self
            .outstanding
            .iter()
            .filter(|(id, call)| !came.contains(id) && call.due_ms.is_some_and(|due_ms| due_ms <= last));
        done.extend(waits.map(|(id, _)| (*id, Ok(JsonText::null()))));
        done.sort_by_key(|(id, _)| due(id).map_or((true, 0, 0), |due_ms| (false, due_ms, *id)));
    }

    /// Begins to perform what is not being performed.
    fn start(&mut self) {
        let host = self.host;
        for call in self.outstanding.values_mut() {
            let Some(todo) = call.todo.take() else { continue };
            let id = todo.id;
            let performed = match call.due_ms {
                Some(due_ms) => until(host, due_ms).map(|()| Ok(JsonText::null())).boxed(),
                None => host.perform(todo),
            };
            let (abort, registration) = AbortHandle::new_pair();
            call.abort = Some(abort);
            let performed = Abortable::new(performed.map(move |result| (id, result)), registration);
            self.running.push(performed.map(Result::ok).boxed());
        }
    }
}

/// Waits until the host's clock shows this time.
async fn until(host: &dyn HostServices, due_ms: u64) {
    loop {
        let left = due_ms.saturating_sub(host.now_ms());
        if left == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(left.min(HOLD_MS))).await;
    }
}
