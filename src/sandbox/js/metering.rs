//! How the computing of scripts is counted and ended.

use serde::Deserialize;
use wasmtime::{AsContext, AsContextMut, Trap};

/// How the computing of scripts is counted and ended. Plugins always use fuel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Metering {
    /// Each instruction costs fuel: the same script on the same event uses the same amount on every machine.
    #[default]
    Fuel,
    /// Nothing is counted, and a script ends by its `timeout` alone. Scripts take about a quarter less time.
    Time,
}

impl Metering {
    /// What the compiled engine depends on, as a word for its fingerprint.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Fuel => "fuel",
            Self::Time => "time",
        }
    }

    /// Whether the engine is compiled with counters.
    pub(super) fn counts(self) -> bool {
        match self {
            Self::Fuel => true,
            Self::Time => false,
        }
    }

    /// Gives a store so much fuel.
    ///
    /// # Errors
    /// When the store's engine is not compiled for it.
    pub(super) fn give(self, mut store: impl AsContextMut, fuel: u64) -> wasmtime::Result<()> {
        match self {
            Self::Fuel => store.as_context_mut().set_fuel(fuel),
            Self::Time => Ok(()),
        }
    }

    /// How much of `given` a store has left: all of it where nothing is counted.
    pub(super) fn left(self, store: impl AsContext, given: u64) -> u64 {
        match self {
            Self::Fuel => store.as_context().get_fuel().unwrap_or(0),
            Self::Time => given,
        }
    }

    /// Takes the price of work that cannot be interrupted, before the work. Where nothing is counted, no single work may cost
    /// more than `most`.
    ///
    /// # Errors
    /// [`Trap::OutOfFuel`] when that is more than there is.
    pub(super) fn pay(self, mut store: impl AsContextMut, price: u64, most: u64) -> wasmtime::Result<()> {
        let left = self.left(&store, most).checked_sub(price);
        self.give(&mut store, left.unwrap_or(0))?;
        left.map_or_else(|| Err(Trap::OutOfFuel.into()), |_| Ok(()))
    }
}
