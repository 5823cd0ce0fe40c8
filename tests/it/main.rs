//! Black-box tests: the real binary, real sockets, real files. One file a promise.
//!
//! All of them are one binary, because each more would link wasmtime again. `support` starts servers and
//! talks to them; only `generated` calls the library.

mod answers;
mod api;
mod backup;
mod bodies;
mod callbacks;
mod calls;
mod check;
mod cli;
mod conformance;
mod control;
mod crash;
mod crash_effects;
mod damage;
mod deliveries;
mod durability;
mod errors;
mod escapes;
mod examples;
mod flow;
mod generated;
mod github;
mod hostile;
mod isolation;
mod kv;
mod layering;
mod libraries;
mod limits;
mod modules;
mod n8n;
mod no_space;
mod nocobase;
mod paths;
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
mod types;
mod typescript;
mod w_bodies;
mod w_requests;
