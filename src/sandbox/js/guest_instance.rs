//! A guest's instance with its store: what is entered, and what ends.

use wasmtime::{Instance, Memory, Store, TypedFunc, WasmParams, WasmResults};

use super::{guest::Guest, written::give_back};

/// An instance with more memory than this gives it back piece by piece, bytes.
pub(super) const MUCH: u64 = 32 << 20;
/// The bytes of memory that one system call gives back.
const PIECE: usize = 4 << 20;

/// The functions of the guest that a call enters.
#[derive(Clone)]
pub(super) struct Exports {
    pub(super) alloc: TypedFunc<u32, u32>,
    pub(super) call: TypedFunc<(u32, u32), u64>,
}

/// See the module.
pub(super) struct GuestInstance {
    pub(super) store: Store<Guest>,
    /// Or why there is none, until somebody was told.
    instance: Result<Instance, Option<wasmtime::Error>>,
    exports: Option<Exports>,
}

impl GuestInstance {
    /// A store without an instance, so far.
    pub(super) fn new(store: Store<Guest>) -> Self {
        Self { store, instance: Err(None), exports: None }
    }

    /// The store has this instance.
    pub(super) fn is_made(&mut self, instance: Instance) {
        let memory = instance.get_memory(&mut self.store, "memory");
        self.store.data_mut().memory = memory;
        self.instance = Ok(instance);
    }

    /// The store has no instance, for this reason.
    pub(super) fn is_not_made(&mut self, error: wasmtime::Error) {
        self.instance = Err(Some(error));
    }

    /// The instance.
    ///
    /// # Errors
    /// Why there is none.
    pub(super) fn is_up(&mut self) -> wasmtime::Result<Instance> {
        match &mut self.instance {
            Ok(instance) => Ok(*instance),
            Err(why) => {
                Err(why.take().unwrap_or_else(|| wasmtime::Error::msg("the instance could not be made")))
            }
        }
    }

    /// An exported function.
    ///
    /// # Errors
    /// When there is no instance, or it has no such function.
    pub(super) fn export<P: WasmParams, R: WasmResults>(
        &mut self,
        name: &str,
    ) -> wasmtime::Result<TypedFunc<P, R>> {
        let instance = self.is_up()?;
        instance.get_typed_func(&mut self.store, name)
    }

    /// The functions that a call enters, looked up once.
    ///
    /// # Errors
    /// When there is no instance, or it lacks one of them.
    pub(super) fn exports(&mut self) -> wasmtime::Result<Exports> {
        if let Some(exports) = &self.exports {
            return Ok(exports.clone());
        }
        let exports = Exports { alloc: self.export("alloc")?, call: self.export("call")? };
        Ok(self.exports.insert(exports).clone())
    }

    /// Its memory.
    ///
    /// # Errors
    /// When it has none, which no instance of our engine comes to.
    pub(super) fn memory(&self) -> wasmtime::Result<Memory> {
        let none = || wasmtime::Error::msg("the guest broke its contract: it has no memory");
        self.store.data().memory.ok_or_else(none)
    }

    /// The bytes of its memory.
    ///
    /// # Errors
    /// As [`memory`](Self::memory).
    pub(super) fn bytes(&mut self) -> wasmtime::Result<&mut [u8]> {
        let memory = self.memory()?;
        Ok(memory.data_mut(&mut self.store))
    }

    /// Bytes that its memory has at present.
    pub(super) fn memory_size(&self) -> u64 {
        self.store.data().memory.map_or(0, |memory| memory.data_size(&self.store) as u64)
    }

    /// Gives the memory of an instance that ends back to the system, piece by piece: a system call over hundreds of megabytes
    /// would keep the map of the whole process locked for long.
    pub(super) fn give_memory_back(&mut self) {
        let Ok(bytes) = self.bytes() else { return };
        for piece in bytes.chunks_mut(PIECE) {
            // Where it does not work, the memory goes with the store a little later.
            give_back(piece);
        }
    }
}

impl Drop for GuestInstance {
    fn drop(&mut self) {
        if self.memory_size() > MUCH {
            self.give_memory_back();
        }
    }
}
