//! What kind of object a value is, by what the engine keeps in it: no prototype, no tag and no proxy of a script changes that.

use boa_engine::{
    Context, JsArgs, JsBigInt, JsObject, JsResult, JsString, JsSymbol, JsValue,
    builtins::{
        array_buffer::ArrayBuffer, async_generator::AsyncGenerator, date::Date, function::OrdinaryFunction,
        object::OrdinaryObject, promise::Promise, proxy::Proxy, regexp::RegExp,
    },
    js_string,
    module::ModuleNamespace,
    object::builtins::{
        JsDataView, JsGenerator, JsMap, JsMapIterator, JsSet, JsSetIterator, JsSharedArrayBuffer, JsWeakMap,
        JsWeakSet,
    },
};

use super::{inspect_kinds::is_arguments, native::define};
use crate::error_data;

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(target, &[("brand", brand)], context)
}

/// `brand(value)`: the name of its kind; empty for what is no object, or a common one.
fn brand(_: &JsValue, args: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let name = args.get_or_undefined(0).as_object().map_or("", |object| name_of(&object));
    Ok(js_string!(name).into())
}

fn name_of(object: &JsObject) -> &'static str {
    let whole = || object.clone();
    // The most common ones first.
    if object.is::<OrdinaryObject>() || object.is_array() {
        ""
    } else if object.is::<ArrayBuffer>() {
        "ArrayBuffer"
    } else if let Some(function) = object.downcast_ref::<OrdinaryFunction>() {
        let code = function.codeblock();
        match (code.is_async(), code.is_generator()) {
            (true, true) => "AsyncGeneratorFunction",
            (true, false) => "AsyncFunction",
            (false, true) => "GeneratorFunction",
            (false, false) => "",
        }
    } else if object.is::<Proxy>() {
        "Proxy"
    } else if object.is::<Date>() {
        "Date"
    } else if object.is::<RegExp>() {
        "RegExp"
    } else if error_data::is_error(object) {
        "Error"
    } else if object.is::<Promise>() {
        "Promise"
    } else if JsMap::from_object(whole()).is_ok() {
        "Map"
    } else if JsSet::from_object(whole()).is_ok() {
        "Set"
    } else if JsWeakMap::from_object(whole()).is_ok() {
        "WeakMap"
    } else if JsWeakSet::from_object(whole()).is_ok() {
        "WeakSet"
    } else if JsMapIterator::from_object(whole()).is_ok() {
        "Map Iterator"
    } else if JsSetIterator::from_object(whole()).is_ok() {
        "Set Iterator"
    } else if JsSharedArrayBuffer::from_object(whole()).is_ok() {
        "SharedArrayBuffer"
    } else if JsDataView::from_object(whole()).is_ok() {
        "DataView"
    } else if JsGenerator::from_object(whole()).is_ok() {
        "Generator"
    } else if object.is::<AsyncGenerator>() {
        "AsyncGenerator"
    } else if object.is::<ModuleNamespace>() {
        "Module"
    } else if object.is::<JsString>() {
        "String"
    } else if object.is::<f64>() {
        "Number"
    } else if object.is::<bool>() {
        "Boolean"
    } else if object.is::<JsSymbol>() {
        "Symbol"
    } else if object.is::<JsBigInt>() {
        "BigInt"
    } else if is_arguments(object) {
        "Arguments"
    } else {
        ""
    }
}
