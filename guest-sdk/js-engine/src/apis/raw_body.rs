//! `context.rawBody` (text) and `context.rawBodyBase64`: made when first read, because most scripts read neither.
//!
//! The bytes are kept by `inputs.rs`, outside the JavaScript heap.

use std::cell::RefCell;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use boa_engine::{
    Context, JsObject, JsResult, JsString, JsValue, NativeFunction, js_string, object::FunctionObjectBuilder,
    property::PropertyDescriptor,
};

use super::inputs;

#[derive(Default)]
struct RawBody {
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
pub(crate) fn attach(target: &JsObject) {
    RAW.with_borrow_mut(|raw| {
        raw.text = None;
        for (name, getter) in &raw.getters {
            target.insert_property(
                name.clone(),
                PropertyDescriptor::builder().get(getter.clone()).enumerable(false).configurable(true),
            );
        }
    });
}

fn text(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    RAW.with_borrow_mut(|raw| {
        let text = raw.text.get_or_insert_with(|| {
            inputs::with_raw_body(|bytes| JsString::from(String::from_utf8_lossy(bytes).as_ref()))
        });
        Ok(text.clone().into())
    })
}

fn base64(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    inputs::with_raw_body(|bytes| Ok(JsString::from(BASE64_STANDARD.encode(bytes).as_str()).into()))
}
