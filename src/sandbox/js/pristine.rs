//! What the memory of a fresh instance holds, page by page: taken from one that is never entered, when a page is first asked for.

use std::sync::{Mutex, OnceLock, PoisonError};

use super::{guest_instance::GuestInstance, written::PAGE};

/// The pages of a fresh memory.
pub(super) struct Pristine {
    source: Mutex<GuestInstance>,
    /// Nothing for a page of zeros.
    pages: Box<[OnceLock<Option<Box<[u8]>>>]>,
}

impl Pristine {
    /// The pages of an instance that nobody has entered, and that nobody enters.
    ///
    /// # Errors
    /// When it has no memory.
    pub(super) fn of(mut instance: GuestInstance) -> wasmtime::Result<Self> {
        let pages = instance.bytes()?.len() / PAGE;
        let pages = std::iter::repeat_with(OnceLock::new).take(pages).collect();
        Ok(Self { source: Mutex::new(instance), pages })
    }

    /// A page by its number; nothing for a page of zeros, as all are that memory grows by.
    pub(super) fn page(&self, number: usize) -> Option<&[u8]> {
        let page = self.pages.get(number)?;
        page.get_or_init(|| {
            let mut source = self.source.lock().unwrap_or_else(PoisonError::into_inner);
            let bytes = source.bytes().ok()?.get(number * PAGE..)?.get(..PAGE)?;
            bytes.iter().any(|byte| *byte != 0).then(|| bytes.into())
        })
        .as_deref()
    }

    /// Whether this page of a memory is what it is in a fresh one.
    pub(super) fn is_in(&self, memory: &[u8], number: usize) -> bool {
        let page = &memory[number * PAGE..][..PAGE];
        match self.page(number) {
            Some(fresh) => page == fresh,
            None => page.iter().all(|byte| *byte == 0),
        }
    }
}
