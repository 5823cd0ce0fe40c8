//! Builtins of Boa that are replaced until Boa's own serve: each file says what is wrong with Boa's and where that is reported, and
//! `tests/mends.rs` fails when Boa no longer needs it.
//!
//! | File | Instead of | Boa's own | Report |
//! |---|---|---|---|
//! | `sort` | `sort`, `toSorted` | panics when a comparator contradicts itself | none known; the file says it |
//! | `resizable` | `ArrayBuffer.prototype.slice`, `Atomics` | panic when an argument's conversion shrinks the buffer | none known |
//! | `regexp`, `regexp_methods` | `exec`, `test`, `match`, `replace`, `search`, `split` | convert the whole text for each match | boa-dev/boa#2321, closed |
//! | `search` | `indexOf`, `includes`, `split`, `replaceAll` | walk from the beginning of the text each time | boa-dev/boa#2316, closed |
//! | `repeat` | `repeat` | takes 16 bytes a copy | boa-dev/boa#5060, for its time alone |
//! | `json` | `JSON.parse`, `JSON.stringify` | are five to eight times slower | none known |
//! | `pressure` | `fill`, `concat`, `Array.from` and all above | the collector counts objects, not their bytes | none known |
//!
//! What Boa does wrong in its virtual machine, its parser or a builtin that is only wrong is a patch instead: `patches/`.
//! `joined`, `over` and `substitution` are what the others build on.

use boa_engine::{Context, JsResult};

mod joined;
mod json;
mod over;
pub(crate) mod pressure;
mod regexp;
mod regexp_methods;
mod repeat;
mod resizable;
mod search;
mod sort;
mod substitution;

/// Puts every mend in place of its builtin.
pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    json::register(context)?;
    repeat::register(context)?;
    sort::register(context)?;
    regexp::register(context)?;
    search::register(context)?;
    resizable::register(context)?;
    pressure::register();
    Ok(())
}

/// Before each `prepare` and `call`: forgets what belongs to a run.
pub(crate) fn begin() {
    regexp::begin();
    pressure::begin();
}
