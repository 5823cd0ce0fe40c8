//! Black-box tests: the real binary, real sockets, real files. One file a promise.
//!
//! All of them are one binary, because each more would link wasmtime again. `support` starts servers and
//! talks to them; nothing here calls the library.

mod answers;
mod api;
mod backup;
mod bodies;
mod callbacks;
mod calls;
mod check;
mod cli;
mod control;
mod crash;
mod crash_effects;
mod damage;
mod durability;
mod errors;
mod escapes;
mod examples;
mod flow;
mod github;
mod isolation;
mod kv;
mod layering;
mod limits;
mod no_space;
mod reference;
mod refusals;
mod reload;
mod requests;
mod schedules;
mod schema;
mod secrets;
mod signatures;
mod steps;
mod support;
mod timers;
