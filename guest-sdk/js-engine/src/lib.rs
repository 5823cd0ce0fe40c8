//! The JavaScript engine of Flowcell as a core WebAssembly module: Boa, Flowcell's globals, and nothing else.
//!
//! # The ABI
//! Integers are little endian. A *frame* is a sequence of sections, each `[u32 length][bytes]`.
//!
//! | Export | Frame | Payload of the answer |
//! |---|---|---|
//! | `alloc(len) -> ptr` | | a buffer for the host to fill; the export that takes it frees it |
//! | `check(ptr, len) -> u64` | file name, source | `{"form":"body"\|"module","imports":[..],"requires":[..]}` |
//! | `prepare(ptr, len) -> u64` | form, file name, source, then name and source of each file it may import | empty |
//! | `call(ptr, len) -> u64` | context JSON, raw body, steps JSON, env JSON, scopes JSON, secrets JSON, meta JSON | the output as JSON |
//! | `resume(ptr, len) -> u64` | id, `ok` or `error`, payload JSON | as `call` |
//!
//! An answer is `(ptr << 32) | len` of one tag byte (0 OK, 1 ERROR, 2 PENDING) and the payload; it stays valid until
//! the next export is called. An error is the JSON of [`failure::Failure`]; PENDING is `{"calls":[{"id","op","args"}],"cancel":[id]}`:
//! what the script waits for and what it gave up since the last answer. `wizer-initialize` builds the context for the snapshot.
//!
//! Imports (module `flowcell`): `log`, `now`, `random`, `intl`, `intl_take`: see [`host`]. There is no other way out.
//!
//! # Memory
//! From address 0: the shadow stack (2 MiB, growing down, so that an overflow traps), static data, the heap. All state is in
//! linear memory: copied after `prepare` into a fresh instance, it can be called there.

mod apis;
mod calls;
mod common;
mod engine;
mod error_data;
mod explain;
pub mod failure;
pub mod frame;
pub mod host;
mod imports;
mod input;
mod intl;
mod jobs;
mod mends;
mod mistakes;
mod modules;
mod names;
mod output;
mod paths;
mod realm;
mod refused;
mod scan;
pub mod source;
mod stack;
mod warmup;

pub use engine::{Engine, Inputs};
pub use frame::Answer;

#[cfg(target_arch = "wasm32")]
mod alloc;
#[cfg(target_arch = "wasm32")]
mod exports;
#[cfg(target_arch = "wasm32")]
mod layout;
