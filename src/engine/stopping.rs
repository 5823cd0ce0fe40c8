//! Whether the server is being stopped. Everything that begins work asks, and every long wait ends when a stop begins.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// It is set once, and never taken back.
#[derive(Debug, Default)]
pub(super) struct Stopping {
    near: AtomicBool,
    set: AtomicBool,
    drew_near: Notify,
    notify: Notify,
}

impl Stopping {
    /// The stop is near: the server says that it is not ready, so that a balancer sends its events elsewhere.
    pub(super) fn draw_near(&self) {
        self.near.store(true, Ordering::SeqCst);
        self.drew_near.notify_waiters();
    }

    /// Whether it is near, or has come.
    pub(super) fn is_near(&self) -> bool {
        self.near.load(Ordering::SeqCst) || self.is_set()
    }

    /// The server is being stopped from now on.
    pub(super) fn set(&self) {
        self.set.store(true, Ordering::SeqCst);
        self.drew_near.notify_waiters();
        self.notify.notify_waiters();
    }

    /// Whether the server is being stopped.
    pub(super) fn is_set(&self) -> bool {
        self.set.load(Ordering::SeqCst)
    }

    /// Resolves when a stop is near, or at once if it is near already.
    pub(super) async fn wait_near(&self) {
        let near = self.drew_near.notified();
        // As in `wait`.
        if !self.is_near() {
            near.await;
        }
    }

    /// Resolves when a stop begins, or at once if it has begun.
    pub(super) async fn wait(&self) {
        let stop = self.notify.notified();
        // `notified` registers before the check, so that a stop between the two is not missed.
        if !self.is_set() {
            stop.await;
        }
    }
}
