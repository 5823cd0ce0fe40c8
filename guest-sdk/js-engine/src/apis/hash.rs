//! Hashes, HMACs (RustCrypto), random bytes and constant-time comparison for `crypto`.
//!
//! A running hash is an object that the prelude keeps to itself.

use std::hint::black_box;

use boa_engine::{
    Context, Finalize, JsArgs, JsData, JsError, JsNativeError, JsObject, JsResult, JsValue, Trace,
};

use super::{
    algorithm::Algorithm,
    digest::{Hmac, Running},
    encoding::Encoding,
    native::{array_buffer, bytes_argument, coded, define, size_argument, text_argument, view_bytes},
};
use crate::host;

/// Bytes that one call may ask of the host, or of a hash of any length.
const MAX_RANDOM: usize = 1 << 20;

#[derive(Trace, Finalize, JsData)]
struct State {
    // Holds bytes only, nothing of the garbage-collected heap.
    #[unsafe_ignore_trace]
    running: Option<Box<dyn Running>>,
}

fn state(running: Box<dyn Running>) -> JsValue {
    JsObject::from_proto_and_data(None, State { running: Some(running) }).into()
}

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(
        target,
        &[
            ("hash", hash),
            ("hmac", hmac_start),
            ("digestSize", digest_size),
            ("hashUpdate", update),
            ("hashDigest", digest),
            ("hashCopy", copy),
            ("random", random),
            ("timingSafeEqual", timing_safe_equal),
            ("compare", compare),
            ("indexOf", index_of),
        ],
        context,
    )
}

/// `hash(algorithm, length) -> state`: `length` is of a function that gives any length.
fn hash(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = text_argument(args, 0, context)?;
    let Some(algorithm) = Algorithm::from_name(&name) else {
        let message = format!("Digest method not supported: '{name}' (there are {})", Algorithm::names());
        return Err(coded(JsNativeError::error(), "ERR_CRYPTO_INVALID_DIGEST", message, context));
    };
    let length = match args.get_or_undefined(1).is_undefined() {
        true => algorithm.size(),
        false => size_argument(args, 1),
    };
    if length > MAX_RANDOM || !algorithm.is_xof() && length != algorithm.size() {
        let message = "error:030000B2:digital envelope routines::not XOF or invalid length";
        let code = "ERR_OSSL_EVP_NOT_XOF_OR_INVALID_LENGTH";
        return Err(coded(JsNativeError::error(), code, message, context));
    }
    Ok(state(algorithm.start(length)))
}

/// `hmac(algorithm, key) -> state`
fn hmac_start(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let algorithm = Algorithm::argument(args, 0, context)?;
    let key = data(args, 1, Encoding::Utf8, "key", context)?;
    if algorithm.is_xof() {
        let name = text_argument(args, 0, context)?;
        return Err(Algorithm::invalid(&format!("{name} (HMAC takes a hash of one length)"), context));
    }
    Ok(state(Box::new(Hmac::new(algorithm, &key))))
}

/// `digestSize(algorithm) -> bytes`
fn digest_size(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    Ok(JsValue::from(Algorithm::argument(args, 0, context)?.size() as f64))
}

/// Text in an encoding, or the bytes of a view.
pub(crate) fn data(
    args: &[JsValue],
    index: usize,
    encoding: Encoding,
    name: &str,
    context: &mut Context,
) -> JsResult<Vec<u8>> {
    let value = args.get_or_undefined(index);
    if let Some(text) = value.as_string() {
        return Ok(encoding.encode(&text));
    }
    if let Some(bytes) = view_bytes(value, context)? {
        return Ok(bytes);
    }
    let message = format!(
        "The \"{name}\" argument must be of type string or an instance of Buffer, TypedArray, or DataView. Received {}",
        if value.is_null() { "null".into() } else { super::inspect::inspect(value, context) }
    );
    Err(coded(JsNativeError::typ(), "ERR_INVALID_ARG_TYPE", message, context))
}

/// `hashUpdate(state, data, encoding)`
fn update(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let encoding = Encoding::of(args.get_or_undefined(2), context)?;
    let bytes = data(args, 1, encoding, "data", context)?;
    with_state(args, |state| state.update(&bytes))?;
    Ok(JsValue::undefined())
}

/// `hashDigest(state, encoding)`: text, or an `ArrayBuffer` without an encoding.
fn digest(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let encoding = args.get_or_undefined(1);
    let raw = encoding.is_undefined()
        || encoding.as_string().is_some_and(|name| name.to_std_string_lossy() == "buffer");
    let bytes = take_state(args)?.finish();
    if raw {
        return array_buffer(bytes, context);
    }
    Ok(Encoding::of(encoding, context)?.decode(&bytes).into())
}

/// `hashCopy(state)`
fn copy(_: &JsValue, args: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    with_state(args, |running| running.copy()).map(state)
}

fn with_state<T>(args: &[JsValue], work: impl FnOnce(&mut dyn Running) -> T) -> JsResult<T> {
    let object = args.get_or_undefined(0).as_object();
    let mut state = object.as_ref().and_then(|object| object.downcast_mut::<State>());
    match state.as_mut().and_then(|state| state.running.as_mut()) {
        Some(running) => Ok(work(&mut **running)),
        None => Err(no_hash()),
    }
}

/// The hash for its end: its state serves no more.
fn take_state(args: &[JsValue]) -> JsResult<Box<dyn Running>> {
    let object = args.get_or_undefined(0).as_object();
    let mut state = object.as_ref().and_then(|object| object.downcast_mut::<State>());
    state.as_mut().and_then(|state| state.running.take()).ok_or_else(no_hash)
}

fn no_hash() -> JsError {
    JsNativeError::typ().with_message("not a hash in progress").into()
}

/// `random(size) -> ArrayBuffer`
fn random(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let size = size_argument(args, 0);
    if size > MAX_RANDOM {
        let message = format!(
            "The value of \"size\" is out of range. It must be at most {MAX_RANDOM}. Received {size}"
        );
        return Err(coded(JsNativeError::range(), "ERR_OUT_OF_RANGE", message, context));
    }
    let mut bytes = vec![0; size];
    host::random(&mut bytes);
    array_buffer(bytes, context)
}

/// `timingSafeEqual(a, b)`: looks at every byte, wherever the first difference is.
fn timing_safe_equal(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let left = bytes_argument(args, 0, context)?;
    let right = bytes_argument(args, 1, context)?;
    let difference = left.iter().zip(&right).fold(0, |sum, (left, right)| black_box(sum | (left ^ right)));
    Ok((left.len() == right.len() && difference == 0).into())
}

/// `compare(a, b)`: -1, 0 or 1 by bytes.
fn compare(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let left = bytes_argument(args, 0, context)?;
    let right = bytes_argument(args, 1, context)?;
    Ok(JsValue::from(left.cmp(&right) as i32))
}

/// `indexOf(haystack, needle, offset, last)`: -1 when absent.
fn index_of(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let haystack = bytes_argument(args, 0, context)?;
    let needle = bytes_argument(args, 1, context)?;
    let offset = size_argument(args, 2);
    if needle.is_empty() {
        return Ok(JsValue::from(offset.min(haystack.len()) as f64));
    }
    let mut places = haystack
        .windows(needle.len())
        .enumerate()
        .filter(|(_, window)| *window == needle)
        .map(|(place, _)| place);
    let found = if args.get_or_undefined(3).to_boolean() {
        places.take_while(|&place| place <= offset).last()
    } else {
        places.find(|&place| place >= offset)
    };
    Ok(found.map_or(JsValue::from(-1), |place| JsValue::from(place as f64)))
}
