//! Who watches: the ring that all connections read, and whether anything has to be told at all.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use super::ring::{Filter, Found, Ring, Told};
use crate::engine::Engine;

/// Connections at once.
pub(super) const WATCHERS: usize = 64;
/// Events are collected for so long after the last connection has ended: a client that connects again misses nothing.
pub(super) const KEPT: Duration = Duration::from_secs(60);

/// What all connections share.
pub(super) struct Hub {
    pub(super) engine: Engine,
    state: Mutex<State>,
    seats: Arc<Semaphore>,
    /// The place behind the newest event.
    newest: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    ring: Ring,
    watchers: usize,
    /// Since when nobody watches.
    quiet: Option<Instant>,
    /// Whether a task tells what happens.
    told: bool,
}

/// A connection's place among the others; given back when it is dropped.
pub(super) struct Seat {
    pub(super) hub: Arc<Hub>,
    pub(super) newest: watch::Receiver<u64>,
    _permit: OwnedSemaphorePermit,
}

impl Hub {
    pub(super) fn new(engine: Engine) -> Arc<Self> {
        let seats = Arc::new(Semaphore::new(WATCHERS));
        Arc::new(Self { engine, state: Mutex::default(), seats, newest: watch::Sender::new(0) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection, the place in the ring from which it misses nothing, and whether somebody has to begin to tell;
    /// nothing while too many watch.
    pub(super) fn join(self: &Arc<Self>) -> Option<(Seat, u64, bool)> {
        let permit = Arc::clone(&self.seats).try_acquire_owned().ok()?;
        let mut state = self.state();
        state.watchers += 1;
        state.quiet = None;
        let begins = !std::mem::replace(&mut state.told, true);
        if begins {
            state.ring.begin(self.engine.ports().now_ms());
            self.engine.changes().watch(true);
        }
        let seat = Seat { hub: Arc::clone(self), newest: self.newest.subscribe(), _permit: permit };
        Some((seat, state.ring.last(), begins))
    }

    /// What a connection finds at its place.
    pub(super) fn after(&self, place: u64, filter: &Filter, most: usize) -> Found {
        self.state().ring.after(place, filter, most)
    }

    /// Adds events, after those that nobody can be told any more if some were `lost`, and wakes the connections.
    pub(super) fn tell(&self, lost: bool, told: Vec<Told>) {
        let last = {
            let mut state = self.state();
            if lost {
                state.ring.lose();
            }
            told.into_iter().for_each(|told| state.ring.push(told));
            state.ring.last()
        };
        self.newest.send_replace(last);
    }

    /// Whether nobody has watched for so long that nothing has to be told any more. Then nothing is noted either.
    pub(super) fn ends(&self) -> bool {
        let mut state = self.state();
        let ends = state.watchers == 0 && state.quiet.is_some_and(|since| since.elapsed() >= KEPT);
        if ends {
            self.close(&mut state);
        }
        ends
    }

    /// Nothing more is told, as the server stops.
    pub(super) fn stops(&self) {
        self.close(&mut self.state());
    }

    fn close(&self, state: &mut State) {
        state.told = false;
        self.engine.changes().watch(false);
    }
}

impl Seat {
    /// What comes after a place, see [`Hub::after`].
    pub(super) fn after(&self, place: u64, filter: &Filter, most: usize) -> Found {
        self.hub.after(place, filter, most)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.hub.state();
        state.watchers -= 1;
        if state.watchers == 0 {
            state.quiet = Some(Instant::now());
        }
    }
}

/// A `reset` event at this place.
pub(super) fn reset(place: u64) -> Bytes {
    format!("id: {place}\nevent: reset\ndata: {{}}\n\n").into()
}
