//! `context.rawBody` (text) and `context.rawBodyBase64`: made when first read, because most scripts read neither.
//!
//! The bytes are kept outside the JavaScript heap for the length of a call.

use std::cell::RefCell;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use boa_engine::{
    Context, JsObject, JsResult, JsString, JsValue, NativeFunction, js_string, object::FunctionObjectBuilder,
    property::PropertyDescriptor,
};

#[derive(Default)]
struct RawBody {
    bytes: Vec<u8>,
    text: Option<JsString>,
    getters: Vec<(JsString, JsObject)>,
}

thread_local! {
    static RAW: RefCell<RawBody> = RefCell::default();
}

/// Creates the getters, before the snapshot.
pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    let getters = [(js_string!("rawBody"), text as _), (js_string!("rawBodyBase64"), base64 as _)].map(
        |(name, getter)| {
            let getter = FunctionObjectBuilder::new(context.realm(), NativeFunction::from_fn_ptr(getter))
                .name(name.clone())
                .build();
            (name, getter.into())
        },
    );
    RAW.with_borrow_mut(|raw| raw.getters = getters.into());
    Ok(())
}

/// Gives `target` the two properties; not enumerable, so that `{...context}` and a returned context stay small.
pub(crate) fn attach(target: &JsObject, bytes: &[u8], _context: &mut Context) {
    RAW.with_borrow_mut(|raw| {
        raw.bytes = bytes.to_vec();
        raw.text = None;
        for (name, getter) in &raw.getters {
            target.insert_property(
                name.clone(),
                PropertyDescriptor::builder().get(getter.clone()).enumerable(false).configurable(true),
            );
        }
    });
}

/// Forgets the bytes.
pub(crate) fn clear() {
    RAW.with_borrow_mut(|raw| {
        raw.bytes = Vec::new();
        raw.text = None;
    });
}

fn text(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    RAW.with_borrow_mut(|raw| {
        let RawBody { bytes, text, .. } = raw;
        let text = text.get_or_insert_with(|| JsString::from(String::from_utf8_lossy(bytes).as_ref()));
        Ok(text.clone().into())
    })
}

fn base64(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    RAW.with_borrow(|raw| Ok(JsString::from(BASE64_STANDARD.encode(&raw.bytes).as_str()).into()))
}
