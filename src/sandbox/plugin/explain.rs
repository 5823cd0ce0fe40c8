//! How a plugin's end is read, in the terms of a failed step.

use wasmtime::Trap;

use super::{bindings::flowcell::plugin::types, stdio::StdoutFull};
use crate::{
    model::{ErrorCode, Limits, LogLine, RunError},
    sandbox::{
        answer::{cut, too_large},
        limiter::MemoryLimitHit,
        outcome::{fuel_exhausted, memory_limit, timeout},
    },
};

/// A guest that did not come to its end.
pub(super) fn stopped(error: &wasmtime::Error, limits: &Limits, took_ms: u64, logs: &[LogLine]) -> RunError {
    if let Some(hit) = error.downcast_ref::<MemoryLimitHit>() {
        return memory_limit(limits, hit.asked as u64);
    }
    if error.downcast_ref::<StdoutFull>().is_some() {
        return too_large(limits, limits.output.as_usize() + 1);
    }
    let crash = |message: String| RunError::new(ErrorCode::PluginCrash, message);
    let Some(trap) = error.downcast_ref::<Trap>() else {
        // What is before the cause are addresses in a module without names.
        let told = error.root_cause().to_string();
        // What a component hands over is read by wasmtime itself, up to a cap.
        if told.contains("fuel allocated for hostcalls") {
            return too_large(limits, limits.output.as_usize() + 1);
        }
        return crash(cut(format!("the plugin was stopped: {told}")));
    };
    match trap {
        Trap::OutOfFuel => fuel_exhausted(limits),
        Trap::Interrupt => timeout(limits, took_ms),
        Trap::StackOverflow => RunError::new(
            ErrorCode::StackOverflow,
            "too much recursion: a function of the plugin calls itself too deep, or a value is nested too deep",
        ),
        Trap::UnreachableCodeReached => {
            let what = "the plugin stopped itself (`unreachable`), as a panic or an abort does";
            crash(cut(format!("{what}{}", last_words(logs))))
        }
        other => crash(cut(format!(
            "the plugin {}: this is a mistake in the plugin{}",
            did(*other),
            last_words(logs)
        ))),
    }
}

/// What the code of a plugin did that no code may do.
fn did(trap: Trap) -> String {
    match trap {
        Trap::MemoryOutOfBounds | Trap::HeapMisaligned => {
            "used memory that it does not have, as a wrong pointer or too much recursion does".to_owned()
        }
        Trap::TableOutOfBounds | Trap::IndirectCallToNull | Trap::BadSignature => {
            "called a function that is not there, or is of another type".to_owned()
        }
        Trap::IntegerDivisionByZero => "divided by zero".to_owned(),
        Trap::IntegerOverflow | Trap::BadConversionToInteger => {
            "made a number that its type cannot hold".to_owned()
        }
        // The list is open.
        other => format!("did what no code may do ({other})"),
    }
}

/// Programs say why they give up, then they do.
fn last_words(logs: &[LogLine]) -> String {
    match logs.iter().rev().find(|line| !line.text.trim().is_empty()) {
        Some(line) => format!("; its last words: {}", line.text),
        None => "; it logged nothing".to_owned(),
    }
}

/// A program's exit code that is not 0.
pub(super) fn exited(code: i32, logs: &[LogLine]) -> RunError {
    RunError::new(
        ErrorCode::PluginError,
        cut(format!("the program ended with exit code {code}{}", last_words(logs))),
    )
}

/// A component's own error.
pub(super) fn failed(error: types::Error, denied: bool) -> RunError {
    let types::Error { mut code, message, .. } = error;
    code.truncate(code.floor_char_boundary(64));
    match code.as_str() {
        "capability_missing" if denied => RunError::new(ErrorCode::CapabilityMissing, cut(message)),
        "" => RunError::new(ErrorCode::PluginError, cut(message)),
        _ => RunError::new(ErrorCode::PluginError, cut(format!("{code}: {message}"))),
    }
}
