//! How long a guest is inside, and how long it waits: it comes out at each epoch and at each call that waits.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use super::clock::Clock;
use crate::sandbox::visit::thread_time;

/// Shorter waits are those for the next turn at an epoch.
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
}

impl<'a, T> Meter<'a, T> {
    pub(super) fn new(guest: impl Future<Output = T> + Send + 'a, clock: Clock, most: Duration) -> Self {
        Self { guest: Box::pin(guest), clock, most, spent: Spent::default(), left_at: None }
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
        let (began, cpu) = (Instant::now(), thread_time());
        let polled = self.guest.as_mut().poll(context);
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
