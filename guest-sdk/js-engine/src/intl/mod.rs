//! `Intl` without JavaScript: numbers, dates, zones, plurals. `apis/intl.rs` gives it to the prelude.
//!
//! The data comes from the host, chunk by chunk (`host::intl`), so that it is no part of the engine; what is made of it is
//! computed here, where it costs fuel.

pub(crate) mod date;
mod date_range;
mod decimal;
mod moment;
pub(crate) mod number;
mod number_names;
mod number_range;
mod pattern;
pub(crate) mod plural;
pub(crate) mod settings;
mod skeleton;
pub(crate) mod table;
pub(crate) mod zone;
