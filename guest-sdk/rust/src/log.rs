//! Lines in the log of the step: `log::info!("{} rows", rows.len())`.

use crate::host::logging;

pub use crate::bindings::flowcell::plugin::logging::Level;
pub use crate::{__debug as debug, __error as error, __info as info, __warn as warn};

/// One line.
pub fn log(level: Level, message: &str) {
    logging::log(level, message);
}

#[doc(hidden)]
#[macro_export]
macro_rules! __debug {
    ($($message:tt)+) => { $crate::log::log($crate::log::Level::Debug, &::std::format!($($message)+)) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __info {
    ($($message:tt)+) => { $crate::log::log($crate::log::Level::Info, &::std::format!($($message)+)) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __warn {
    ($($message:tt)+) => { $crate::log::log($crate::log::Level::Warn, &::std::format!($($message)+)) };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __error {
    ($($message:tt)+) => { $crate::log::log($crate::log::Level::Error, &::std::format!($($message)+)) };
}
