//! Whether a part of the history is open, closed or damaged; the same for shelves and for the buckets of the format before.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::store::StoreError;

/// The condition of what can be opened as a `T`.
pub(super) struct Condition<T>(Mutex<Is<T>>);

enum Is<T> {
    /// With those that still read it, if any.
    Closed(Weak<T>),
    Open(Arc<T>),
    Damaged(StoreError),
}

impl<T> Condition<T> {
    pub(super) fn closed() -> Self {
        Self(Mutex::new(Is::Closed(Weak::new())))
    }

    fn lock(&self) -> MutexGuard<'_, Is<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_damaged(&self) -> bool {
        matches!(*self.lock(), Is::Damaged(_))
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(*self.lock(), Is::Open(_))
    }

    /// Closes it once nobody reads it any more.
    pub(super) fn close(&self) {
        let mut is = self.lock();
        if let Is::Open(open) = &*is {
            *is = Is::Closed(Arc::downgrade(open));
        }
    }

    /// Lets go of it, as its owner goes too.
    pub(super) fn end(&mut self) {
        *self.0.get_mut().unwrap_or_else(PoisonError::into_inner) = Is::Closed(Weak::new());
    }

    /// The open one. `open` opens it, once at a time; `told` says what its damage means, and is asked once.
    ///
    /// # Errors
    /// Those of `open`; damage from then on always.
    pub(super) fn open(
        &self,
        open: impl FnOnce() -> Result<T, StoreError>,
        told: impl FnOnce(StoreError) -> StoreError,
    ) -> Result<Arc<T>, StoreError> {
        let mut is = self.lock();
        let readers = match &*is {
            Is::Open(open) => return Ok(Arc::clone(open)),
            Is::Damaged(error) => return Err(error.clone()),
            Is::Closed(readers) => readers.upgrade(),
        };
        let opened = match readers.map_or_else(|| open().map(Arc::new), Ok) {
            Ok(opened) => opened,
            Err(error @ (StoreError::Corrupt { .. } | StoreError::NewerVersion { .. })) => {
                let error = told(error);
                *is = Is::Damaged(error.clone());
                return Err(error);
            }
            Err(error) => return Err(error),
        };
        *is = Is::Open(Arc::clone(&opened));
        Ok(opened)
    }

    /// What a reading of all of it found; damage makes it a damaged one, as in [`Condition::open`].
    pub(super) fn found<R>(
        &self,
        read: Result<R, StoreError>,
        told: impl FnOnce(StoreError) -> StoreError,
    ) -> Result<R, StoreError> {
        read.map_err(|error| match error {
            error @ StoreError::Corrupt { .. } => {
                let mut is = self.lock();
                if let Is::Damaged(error) = &*is {
                    return error.clone();
                }
                let error = told(error);
                *is = Is::Damaged(error.clone());
                error
            }
            error => error,
        })
    }
}
