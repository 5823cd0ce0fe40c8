//! The exports of the module; see the crate's documentation for the ABI.
//!
//! The only place that turns numbers of the host into slices. Nothing of the engine's logic lives here.

use std::{cell::UnsafeCell, panic};

use crate::{
    alloc,
    engine::{Engine, Inputs},
    frame::{self, Answer},
    host::{self, Level},
};

struct State {
    engine: Option<Engine>,
    answer: Vec<u8>,
}

/// A cell for the one thread that a Wasm instance has.
struct OneThread(UnsafeCell<State>);

// SAFETY: the module is built without threads and without shared memory.
unsafe impl Sync for OneThread {}

static STATE: OneThread = OneThread(UnsafeCell::new(State { engine: None, answer: Vec::new() }));

/// Builds the context, its globals and the prelude. Run once by the snapshot tool; calls no import.
#[unsafe(export_name = "wizer-initialize")]
pub extern "C" fn initialize() {
    panic::set_hook(Box::new(|info| host::log(Level::Panic, &info.to_string())));
    // SAFETY: exports are not re-entered: no import calls back.
    let state = unsafe { &mut *STATE.0.get() };
    state.engine = Some(Engine::new());
    alloc::initialised();
}

/// A buffer of `len` bytes, freed by the export that takes it.
#[unsafe(no_mangle)]
pub extern "C" fn alloc(len: u32) -> *mut u8 {
    let buffer: Box<[u8]> = vec![0; len as usize].into_boxed_slice();
    Box::into_raw(buffer).cast()
}

/// Before `prepare`, when the memory will be stored: what it frees is zeroed.
#[unsafe(no_mangle)]
pub extern "C" fn image_begin() {
    alloc::zero_what_is_freed(true);
}

/// After it: what returned calls left on the stack is zeroed, too.
#[unsafe(no_mangle)]
pub extern "C" fn image_end() {
    alloc::zero_what_is_freed(false);
    alloc::zero_stack();
}

/// See the crate's documentation.
#[unsafe(no_mangle)]
pub extern "C" fn check(ptr: *mut u8, len: u32) -> u64 {
    answer(ptr, len, |engine, frame| {
        let [file, source] = frame::sections(frame).expect("the host builds valid frames");
        engine.check(file, source)
    })
}

/// See the crate's documentation.
#[unsafe(no_mangle)]
pub extern "C" fn prepare(ptr: *mut u8, len: u32) -> u64 {
    answer(ptr, len, |engine, frame| {
        let ([form, file, source], mut rest) =
            frame::first_sections(frame).expect("the host builds valid frames");
        let mut files = Vec::new();
        while !rest.is_empty() {
            let ([name, source], after) = frame::first_sections(rest).expect("the host builds valid frames");
            files.push((name, source));
            rest = after;
        }
        engine.prepare(form, file, source, &files)
    })
}

/// See the crate's documentation.
#[unsafe(no_mangle)]
pub extern "C" fn call(ptr: *mut u8, len: u32) -> u64 {
    answer(ptr, len, |engine, frame| {
        let [context, raw_body, steps, env, scopes, secrets, meta] =
            frame::sections(frame).expect("the host builds valid frames");
        engine.call(&Inputs { context, raw_body, steps, env, scopes, secrets, meta })
    })
}

/// See the crate's documentation.
#[unsafe(no_mangle)]
pub extern "C" fn resume(ptr: *mut u8, len: u32) -> u64 {
    answer(ptr, len, |engine, frame| {
        let [id, outcome, payload] = frame::sections(frame).expect("the host builds valid frames");
        engine.resume(id, outcome, payload)
    })
}

fn answer(ptr: *mut u8, len: u32, work: impl FnOnce(&mut Engine, &[u8]) -> Answer) -> u64 {
    // SAFETY: exports are not re-entered: no import calls back.
    let state = unsafe { &mut *STATE.0.get() };
    // SAFETY: the host passes what `alloc(len)` returned, once.
    let frame = unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(ptr, len as usize)) };
    // Only the snapshot builds an engine: so the code that does is left out of what is shipped.
    let engine = state.engine.as_mut().expect("wizer-initialize ran before the snapshot");
    state.answer = work(engine, &frame).into_bytes();
    ((state.answer.as_ptr() as u64) << 32) | state.answer.len() as u64
}
