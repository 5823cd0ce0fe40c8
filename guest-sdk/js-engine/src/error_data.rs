//! Which objects are errors. A leaf, so that what prints values, traces and failures can all ask it.

use boa_engine::{JsObject, builtins::error::Error};

/// An object with `[[ErrorData]]`.
pub(crate) fn is_error(object: &JsObject) -> bool {
    object.is::<Error>()
}
