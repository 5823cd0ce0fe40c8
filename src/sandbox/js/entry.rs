//! One entry of a guest: on a thread of its own, once it is its turn, and what it comes to.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use super::{
    call::Call,
    crew::{Crew, Rank},
    engine::JsEngine,
    spent::{Left, Spent},
    visit::{Ended, Pending, Start, Visit},
};
use crate::sandbox::{
    SandboxError,
    admission::Place,
    outcome::Outcome,
    share::Share,
    turns::{self, Core, Stop},
};

/// What an entry came to.
pub(super) enum Entered {
    /// The guest waits for the answers of host calls.
    Waits(Held, Pending),
    /// It is over, and so is its instance.
    Ended(Outcome),
}

impl Entered {
    /// From what an instance gave. One that waits for nothing ends here, on the thread that it computed on: that takes time, in
    /// which another may compute.
    pub(super) fn of(engine: &JsEngine, visit: Visit, answer: Result<Vec<u8>, Ended>) -> Self {
        match answer {
            Err(Ended::Pending(pending)) => Self::Waits(Held::new(engine, visit), pending),
            ended @ (Ok(_) | Err(Ended::Script(_) | Ended::Trap(_))) => {
                turns::give_back();
                Self::Ended(visit.finish(ended))
            }
        }
    }
}

/// An instance between two entries. It ends on a thread of the crew: to give hundreds of megabytes back takes long.
pub(super) struct Held {
    visit: Option<Box<Visit>>,
    crew: Arc<Crew>,
}

impl Held {
    fn new(engine: &JsEngine, visit: Visit) -> Self {
        Self { visit: Some(Box::new(visit)), crew: Arc::clone(&engine.crew) }
    }

    fn take(mut self) -> Visit {
        *self.visit.take().expect("it is there until it is taken or dropped")
    }

    /// Ends it; what is left of it.
    pub(super) async fn leave(self) -> Result<Left, SandboxError> {
        let crew = Arc::clone(&self.crew);
        let visit = self.take();
        on_a_thread(&crew, Rank::Plain, move || visit.leave()).await
    }
}

impl Deref for Held {
    type Target = Visit;

    fn deref(&self) -> &Visit {
        self.visit.as_ref().expect("it is there until it is taken or dropped")
    }
}

impl DerefMut for Held {
    fn deref_mut(&mut self) -> &mut Visit {
        self.visit.as_mut().expect("it is there until it is taken or dropped")
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(visit) = self.visit.take() {
            self.crew.end(visit);
        }
    }
}

impl JsEngine {
    /// A fresh instance that was called.
    pub(super) fn begin(
        &self,
        call: &Call,
        start: Start<'_>,
    ) -> Result<(Visit, Result<Vec<u8>, Ended>), SandboxError> {
        let mut visit = self.start(Start { image: call.image.as_ref(), ..start })?;
        let answer = match visit.prepare(&call.script, call.image.as_deref()) {
            Ok(()) => visit.call(call),
            Err(ended) => Err(ended),
        };
        Ok((visit, answer))
    }
}

/// Begins a call: on the caller's own thread, where the script is usually quick, because a change of threads takes as long as a small
/// script. One that turns out to be slow is given up there, and begun again on a thread for guests: nobody has seen anything of
/// it yet, and it takes the same course.
pub(super) async fn begin(
    engine: &JsEngine,
    share: &Share,
    call: &Arc<Call>,
    (now_ms, spent, stop, mut place): (u64, Spent, &Arc<Stop>, Place),
) -> Result<Entered, SandboxError> {
    let mut core = engine.admission.turns.core(&share.tenant).await;
    if let Some(image) = &call.image
        && !core.is_greedy()
        && image.pace.is_quick(core.is_heavy())
    {
        let begun = core.hold(|| {
            let start = Start::new(&call.limits, now_ms, call.seed);
            let start = Start { spent, stop: Arc::clone(stop), place: Some(place), on_loan: true, ..start };
            let (mut visit, answer) = engine.begin(call, start)?;
            if let Some(place) = visit.overran() {
                return Ok(Err(place));
            }
            visit.is_on_its_own();
            image.pace.took(visit.spent().cpu.saturating_sub(spent.cpu));
            Ok(Ok(Entered::of(engine, visit, answer)))
        });
        match begun? {
            Ok(entered) => return Ok(entered),
            Err(same) => place = same,
        }
        image.pace.overran();
        core = engine.admission.turns.core(&share.tenant).await;
    }
    let (same, call, stop) = (engine.clone(), Arc::clone(call), Arc::clone(stop));
    let work = move || {
        let start = Start::new(&call.limits, now_ms, call.seed);
        let (visit, answer) = same.begin(&call, Start { spent, stop, place: Some(place), ..start })?;
        if let Some(image) = &call.image {
            image.pace.took(visit.spent().cpu.saturating_sub(spent.cpu));
        }
        Ok(Entered::of(&same, visit, answer))
    };
    on_this_core(engine, core, work).await?
}

/// Goes on with an instance that waited, on a thread for guests.
pub(super) async fn enter(
    engine: &JsEngine,
    share: &Share,
    held: Held,
    work: impl FnOnce(&mut Visit) -> Result<Vec<u8>, Ended> + Send + 'static,
) -> Result<Entered, SandboxError> {
    let same = engine.clone();
    on_a_core(engine, share, move || {
        let mut visit = held.take();
        let answer = work(&mut visit);
        Entered::of(&same, visit, answer)
    })
    .await
}

/// Works on a thread of the crew once it is the turn of this share.
async fn on_a_core<T: Send + 'static>(
    engine: &JsEngine,
    share: &Share,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SandboxError> {
    let core = engine.admission.turns.core(&share.tenant).await;
    on_this_core(engine, core, work).await
}

async fn on_this_core<T: Send + 'static>(
    engine: &JsEngine,
    core: Core,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SandboxError> {
    let rank = if core.is_greedy() { Rank::Greedy } else { Rank::Plain };
    on_a_thread(&engine.crew, rank, move || core.hold(work)).await
}

async fn on_a_thread<T: Send + 'static>(
    crew: &Crew,
    rank: Rank,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SandboxError> {
    let start = |error: std::io::Error| SandboxError::Start(format!("there is no thread for it: {error}"));
    let done = crew.work(rank, work).map_err(start)?.await;
    done.map_err(|_| SandboxError::Start("its thread ended before it; please report it".to_owned()))
}
