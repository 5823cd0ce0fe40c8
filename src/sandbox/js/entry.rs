//! One entry of a guest: on a thread of its own, once it is its turn, and what it comes to.

use std::{
    ops::{Deref, DerefMut},
    sync::Arc,
};

use super::{
    call::Call,
    crew::{Crew, Rank},
    engine::JsEngine,
    spent::Left,
    visit::{Ended, Pending, Start, Visit},
};
use crate::sandbox::{SandboxError, outcome::Outcome, share::Share, turns};

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
    visit: Option<Visit>,
    crew: Arc<Crew>,
}

impl Held {
    fn new(engine: &JsEngine, visit: Visit) -> Self {
        Self { visit: Some(visit), crew: Arc::clone(&engine.crew) }
    }

    fn take(mut self) -> Visit {
        self.visit.take().expect("it is there until it is taken or dropped")
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
        let image = call.image.as_deref();
        let mut visit = self.start(Start { image, ..start })?;
        let answer = match visit.prepare(&call.script, image) {
            Ok(()) => visit.call(call),
            Err(ended) => Err(ended),
        };
        Ok((visit, answer))
    }
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
pub(super) async fn on_a_core<T: Send + 'static>(
    engine: &JsEngine,
    share: &Share,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, SandboxError> {
    let core = engine.admission.turns.core(&share.tenant).await;
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
