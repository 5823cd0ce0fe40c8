//! `flowcell:plugin/logging`: lines in the log of the step.

use super::{ComponentState, plugin::logging};
use crate::model::LogLevel;

impl logging::Host for ComponentState {
    async fn log(&mut self, level: logging::Level, message: String) -> wasmtime::Result<()> {
        self.host_calls += 1;
        let level = match level {
            logging::Level::Debug => LogLevel::Debug,
            logging::Level::Info => LogLevel::Info,
            logging::Level::Warn => LogLevel::Warn,
            logging::Level::Error => LogLevel::Error,
        };
        self.log.add(level, message.as_bytes());
        Ok(())
    }
}
