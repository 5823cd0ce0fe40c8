//! Hashes, HMACs (RustCrypto), random bytes and constant-time comparison for `crypto`.
//!
//! A running hash is an object that the prelude keeps to itself.

use std::hint::black_box;

use boa_engine::{Context, Finalize, JsArgs, JsData, JsNativeError, JsObject, JsResult, JsValue, Trace};
use hmac::{KeyInit, Mac, SimpleHmac};
use sha2::digest::{Digest, Update, block_api::BlockSizeUser};

use super::{
    algorithm::{Algorithm, with_digest},
    encoding::Encoding,
    native::{array_buffer, bytes_argument, coded, define, size_argument, text_argument, view_bytes},
};
use crate::host;

/// Bytes that one call may ask of the host.
const MAX_RANDOM: usize = 1 << 20;

/// A hash or an HMAC in progress.
trait Running {
    fn update(&mut self, bytes: &[u8]);
    fn finish(&self) -> Vec<u8>;
    fn copy(&self) -> Box<dyn Running>;
}

#[derive(Clone)]
struct Plain<D>(D);

impl<D: Digest + Clone + 'static> Running for Plain<D> {
    fn update(&mut self, bytes: &[u8]) {
        Digest::update(&mut self.0, bytes);
    }

    fn finish(&self) -> Vec<u8> {
        self.0.clone().finalize().to_vec()
    }

    fn copy(&self) -> Box<dyn Running> {
        Box::new(self.clone())
    }
}

#[derive(Clone)]
struct Keyed<D: Digest + BlockSizeUser>(SimpleHmac<D>);

impl<D: Digest + BlockSizeUser + Clone + 'static> Running for Keyed<D> {
    fn update(&mut self, bytes: &[u8]) {
        Update::update(&mut self.0, bytes);
    }

    fn finish(&self) -> Vec<u8> {
        self.0.clone().finalize().into_bytes().to_vec()
    }

    fn copy(&self) -> Box<dyn Running> {
        Box::new(self.clone())
    }
}

fn start<D: Digest + BlockSizeUser + Clone + 'static>(key: Option<&[u8]>) -> Box<dyn Running> {
    match key {
        None => Box::new(Plain(D::new())),
        Some(key) => {
            Box::new(Keyed(SimpleHmac::<D>::new_from_slice(key).expect("HMAC takes keys of any length")))
        }
    }
}

#[derive(Trace, Finalize, JsData)]
struct State {
    // Holds bytes only, nothing of the garbage-collected heap.
    #[unsafe_ignore_trace]
    running: Box<dyn Running>,
}

fn state(algorithm: Algorithm, key: Option<&[u8]>) -> JsValue {
    let running = with_digest!(algorithm, D => start::<D>(key));
    JsObject::from_proto_and_data(None, State { running }).into()
}

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(
        target,
        &[
            ("hash", hash),
            ("hmac", hmac_start),
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

/// `hash(algorithm) -> state`
fn hash(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = text_argument(args, 0, context)?;
    let Some(algorithm) = Algorithm::from_name(&name) else {
        let message =
            format!("Digest method not supported: '{name}' (there are {})", Algorithm::NAMES.join(", "));
        return Err(coded(JsNativeError::error(), "ERR_CRYPTO_INVALID_DIGEST", message, context));
    };
    Ok(state(algorithm, None))
}

/// `hmac(algorithm, key) -> state`
fn hmac_start(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let algorithm = Algorithm::argument(args, 0, context)?;
    let key = data(args, 1, Encoding::Utf8, "key", context)?;
    Ok(state(algorithm, Some(&key)))
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
    let bytes = with_state(args, |state| state.finish())?;
    if raw {
        return array_buffer(bytes, context);
    }
    Ok(Encoding::of(encoding, context)?.decode(&bytes).into())
}

fn copy(_: &JsValue, args: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let running = with_state(args, |state| state.copy())?;
    Ok(JsObject::from_proto_and_data(None, State { running }).into())
}

fn with_state<T>(args: &[JsValue], work: impl FnOnce(&mut dyn Running) -> T) -> JsResult<T> {
    let object = args.get_or_undefined(0).as_object();
    let mut state = object.as_ref().and_then(|object| object.downcast_mut::<State>());
    match &mut state {
        Some(state) => Ok(work(&mut *state.running)),
        None => Err(JsNativeError::typ().with_message("not a hash").into()),
    }
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
