//! The host calls of a run: made, outstanding, given up, answered.
//!
//! The prelude makes them through `apis/run.rs`; `engine.rs` tells the host in a PENDING answer and hands results in. A call gets
//! its id when the host is told of it, so that one given up before that never leaves the guest. Knows nothing of what an operation does.

use std::{cell::RefCell, fmt::Write};

use boa_engine::JsObject;

/// The operation of timers, which nobody waits for once the script's own promise has settled.
const TIMER: &str = "timer";

/// The operations that change something in Flowcell itself, and are quick.
const WRITES: [&str; 6] = ["respond", "kv.set", "kv.incr", "kv.cas", "kv.delete", "memo.put"];

/// One call of the host.
pub(crate) struct Call {
    /// What the script knows it by.
    key: u32,
    /// What the host knows it by; `None` until it was told.
    id: Option<u32>,
    op: String,
    /// JSON; emptied once the host was told.
    arguments: String,
    /// Called with the result.
    pub(crate) done: JsObject,
    /// Called with what the host says of an error.
    pub(crate) failed: JsObject,
}

#[derive(Default)]
struct Calls {
    /// Whether calls can be made: during `call` and `resume`, not while a module loads.
    open: bool,
    last_key: u32,
    last_id: u32,
    outstanding: Vec<Call>,
    /// Ids that the host was told of and that were given up since.
    given_up: Vec<u32>,
}

thread_local! {
    static CALLS: RefCell<Calls> = RefCell::default();
}

/// Forgets every call; `open` says whether new ones can be made.
pub(crate) fn begin(open: bool) {
    CALLS.with_borrow_mut(|calls| {
        calls.open = open;
        calls.last_key = 0;
        calls.last_id = 0;
        calls.outstanding.clear();
        calls.given_up.clear();
    });
}

/// Makes a call and returns the script's key for it; `None` when none can be made now.
pub(crate) fn make(op: String, arguments: String, done: JsObject, failed: JsObject) -> Option<u32> {
    CALLS.with_borrow_mut(|calls| {
        if !calls.open {
            return None;
        }
        calls.last_key += 1;
        let key = calls.last_key;
        calls.outstanding.push(Call { key, id: None, op, arguments, done, failed });
        Some(key)
    })
}

/// Gives a call up; what is no outstanding call is ignored.
pub(crate) fn give_up(key: u32) {
    CALLS.with_borrow_mut(|calls| {
        if let Some(at) = calls.outstanding.iter().position(|call| call.key == key) {
            let call = calls.outstanding.remove(at);
            calls.given_up.extend(call.id);
        }
    });
}

/// Gives every timer up.
pub(crate) fn give_timers_up() {
    keep(|call| call.op != TIMER);
}

/// Gives up what a script that has failed no longer waits for. What it wrote before it failed, and its answer to the caller, are done all
/// the same: a script that calls `respond` and then throws has answered, whether it awaited that or not.
pub(crate) fn give_up_all_but_writes() {
    keep(|call| WRITES.contains(&call.op.as_str()));
}

fn keep(kept: impl Fn(&Call) -> bool) {
    CALLS.with_borrow_mut(|calls| {
        let Calls { outstanding, given_up, .. } = calls;
        outstanding.retain(|call| {
            let kept = kept(call);
            if !kept {
                given_up.extend(call.id);
            }
            kept
        });
    });
}

/// Whether the run waits for anything.
pub(crate) fn any() -> bool {
    CALLS.with_borrow(|calls| !calls.outstanding.is_empty())
}

/// Takes the outstanding call with the host's id.
pub(crate) fn take(id: u32) -> Option<Call> {
    CALLS.with_borrow_mut(|calls| {
        let at = calls.outstanding.iter().position(|call| call.id == Some(id))?;
        Some(calls.outstanding.remove(at))
    })
}

/// The payload of PENDING: what is new since the last one.
pub(crate) fn pending() -> Vec<u8> {
    CALLS.with_borrow_mut(|calls| {
        let mut out = String::from("{\"calls\":[");
        let mut first = true;
        for call in calls.outstanding.iter_mut().filter(|call| call.id.is_none()) {
            calls.last_id += 1;
            call.id = Some(calls.last_id);
            let comma = if first { "" } else { "," };
            let arguments = std::mem::take(&mut call.arguments);
            // Operations are the prelude's own words and need no escapes.
            write!(out, "{comma}{{\"id\":{},\"op\":\"{}\",\"args\":{arguments}}}", calls.last_id, call.op)
                .expect("a String takes everything");
            first = false;
        }
        out.push_str("],\"cancel\":[");
        for (at, id) in calls.given_up.drain(..).enumerate() {
            let comma = if at == 0 { "" } else { "," };
            write!(out, "{comma}{id}").expect("a String takes everything");
        }
        out.push_str("]}");
        out.into_bytes()
    })
}
