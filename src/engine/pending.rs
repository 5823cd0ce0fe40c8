//! Counts the runs that are accepted and not finished, and keeps the count bounded.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// The count.
pub(super) struct Pending {
    count: AtomicUsize,
    most: usize,
    idle: Notify,
}

/// One run's place in the count, given back when it is dropped.
pub(super) struct Place(Arc<Pending>);

impl Pending {
    pub(super) fn new(most: usize) -> Self {
        Self { count: AtomicUsize::new(0), most, idle: Notify::new() }
    }

    /// A place for a new run, or none when all are taken.
    pub(super) fn take(self: &Arc<Self>) -> Option<Place> {
        self.count
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| {
                (count < self.most).then_some(count + 1)
            })
            .ok()
            .map(|_| Place(Arc::clone(self)))
    }

    /// A place for a run that is stored already, even when all are taken.
    pub(super) fn force(self: &Arc<Self>) -> Place {
        self.count.fetch_add(1, Ordering::SeqCst);
        Place(Arc::clone(self))
    }

    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::SeqCst)
    }

    /// Waits until the count is zero.
    pub(super) async fn none(&self) {
        loop {
            let mut idle = std::pin::pin!(self.idle.notified());
            // Registered before the look, so that no notice is missed in between.
            idle.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            idle.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_places_than_allowed_are_given() {
        let pending = Arc::new(Pending::new(2));
        let first = pending.take().unwrap();
        let _second = pending.take().unwrap();
        assert!(pending.take().is_none());
        drop(first);
        assert!(pending.take().is_some());
    }
}
