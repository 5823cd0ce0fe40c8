//! How long a guest is inside, and how long it waits: it comes out at each epoch and at each call that waits, and goes in again
//! when it is its turn.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use super::clock::Clock;
use crate::sandbox::{
    Share,
    thread_time::thread_time,
    turns::{Core, Turns},
};

/// Shorter waits are those at an epoch.
const WAIT_LEAST: Duration = Duration::from_millis(1);

/// Time that a guest has had.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spent {
    pub(super) inside: Duration,
    pub(super) cpu: Duration,
}

/// A guest, entered again and again until it ends or its time is over.
pub(super) struct Meter<'a, T> {
    guest: Pin<Box<dyn Future<Output = T> + Send + 'a>>,
    clock: Clock,
    most: Duration,
    spent: Spent,
    left_at: Option<Instant>,
    turns: Turns,
    tenant: Arc<str>,
    /// It stands in line for a core.
    turn: Option<Pin<Box<dyn Future<Output = Core> + Send>>>,
}

impl<'a, T> Meter<'a, T> {
    /// A guest that takes its turns as those of this share do.
    pub(super) fn new(
        guest: impl Future<Output = T> + Send + 'a,
        clock: Clock,
        most: Duration,
        turns: &Turns,
        share: &Share,
    ) -> Self {
        let (guest, spent, tenant) = (Box::pin(guest), Spent::default(), Arc::clone(&share.tenant));
        Self { guest, clock, most, spent, left_at: None, turns: turns.clone(), tenant, turn: None }
    }
}

impl<T> Future for Meter<'_, T> {
    /// What the guest gave; nothing when its time was over first.
    type Output = (Option<T>, Spent);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(waited) = self.left_at.take().map(|left_at| left_at.elapsed())
            && waited >= WAIT_LEAST
        {
            self.clock.waited(waited);
        }
        let core = {
            let this = &mut *self;
            let turn = this.turn.get_or_insert_with(|| {
                let (turns, tenant) = (this.turns.clone(), Arc::clone(&this.tenant));
                Box::pin(async move { turns.core(&tenant).await })
            });
            ready!(turn.as_mut().poll(context))
        };
        self.turn = None;
        let (began, cpu) = (Instant::now(), thread_time());
        let polled = self.guest.as_mut().poll(context);
        drop(core);
        self.spent.inside += began.elapsed();
        self.spent.cpu += thread_time().saturating_sub(cpu);
        match polled {
            Poll::Ready(given) => Poll::Ready((Some(given), self.spent)),
            Poll::Pending if self.spent.inside > self.most => Poll::Ready((None, self.spent)),
            Poll::Pending => {
                self.left_at = Some(Instant::now());
                Poll::Pending
            }
        }
    }
}
