//! Whether the server is being stopped: asked everywhere, and waited for where something else is waited for too.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// Set once, never taken back.
#[derive(Debug, Default)]
pub(super) struct Stopping {
    near: AtomicBool,
    set: AtomicBool,
    told: Notify,
}

impl Stopping {
    /// The stop is near: the server says that it is not ready, so that a balancer sends its events elsewhere.
    pub(super) fn draw_near(&self) {
        self.near.store(true, Ordering::SeqCst);
    }

    /// Whether it is near, or has come.
    pub(super) fn is_near(&self) -> bool {
        self.near.load(Ordering::SeqCst) || self.is_set()
    }

    /// The server is being stopped from now on.
    pub(super) fn set(&self) {
        self.set.store(true, Ordering::SeqCst);
        self.told.notify_waiters();
    }

    /// Whether it is.
    pub(super) fn is_set(&self) -> bool {
        self.set.load(Ordering::SeqCst)
    }

    /// Resolves once it is.
    pub(super) async fn told(&self) {
        let told = self.told.notified();
        // The notice is registered from here on, so that no stop is missed in between.
        if !self.is_set() {
            told.await;
        }
    }
}
