//! `createCipheriv` and `createDecipheriv`: Node's streaming form of the ciphers of `modes.rs`, with its padding, order of calls and errors.
//!
//! A running cipher is an object that the prelude keeps to itself. Text and encodings are the prelude's.

use std::hint::black_box;

use boa_engine::{
    Context, Finalize, JsArgs, JsData, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, Trace,
};

use super::{
    modes::{self, Kind, Mode, Tag, Work},
    native::{array_buffer, bytes_argument, coded, define, text_argument},
};

/// A cipher in progress.
struct Running {
    kind: Kind,
    encrypt: bool,
    work: Work,
    /// Bytes that fill no block yet; when a padding is to be removed, up to a whole block.
    rest: Vec<u8>,
    padding: bool,
    /// GCM and ChaCha20-Poly1305 only, until `final`.
    tag: Option<Tag>,
    /// With a tag: the one to check, or after `final` the one computed.
    given: Option<Vec<u8>>,
    started: bool,
    done: bool,
}

#[derive(Trace, Finalize, JsData)]
struct State {
    // Holds bytes only, nothing of the garbage-collected heap.
    #[unsafe_ignore_trace]
    running: Box<Running>,
}

/// Why a step failed, to become Node's error.
enum Failed {
    /// Called when it may not be.
    State(&'static str),
    UpdateAfterFinal,
    FinalTwice,
    Authentication,
    FinalBlock,
    Decrypt,
    TagLength(usize),
}

impl Failed {
    fn into_error(self, context: &mut Context) -> JsError {
        let error = JsNativeError::error;
        match self {
            Self::State(operation) => {
                let message = format!("Invalid state for operation {operation}");
                coded(error(), "ERR_CRYPTO_INVALID_STATE", message, context)
            }
            Self::UpdateAfterFinal => error().with_message("Trying to add data in unsupported state").into(),
            Self::FinalTwice => coded(error(), "ERR_CRYPTO_INVALID_STATE", "Invalid state", context),
            Self::Authentication => {
                error().with_message("Unsupported state or unable to authenticate data").into()
            }
            Self::FinalBlock => {
                let message = "error:1C80006B:Provider routines::wrong final block length";
                coded(error(), "ERR_OSSL_WRONG_FINAL_BLOCK_LENGTH", message, context)
            }
            Self::Decrypt => {
                let message = "error:1C800064:Provider routines::bad decrypt";
                coded(error(), "ERR_OSSL_BAD_DECRYPT", message, context)
            }
            Self::TagLength(length) => {
                let message = format!("Invalid authentication tag length: {length}");
                coded(JsNativeError::typ(), "ERR_CRYPTO_INVALID_AUTH_TAG", message, context)
            }
        }
    }
}

impl Running {
    fn streams(&self) -> bool {
        self.kind.block() == 1
    }

    fn update(&mut self, mut bytes: Vec<u8>) -> Result<Vec<u8>, Failed> {
        if self.done {
            return Err(Failed::UpdateAfterFinal);
        }
        self.started = true;
        if self.streams() {
            if let (Some(tag), false) = (&mut self.tag, self.encrypt) {
                tag.text(&bytes);
            }
            (self.work)(&mut bytes);
            if let (Some(tag), true) = (&mut self.tag, self.encrypt) {
                tag.text(&bytes);
            }
            return Ok(bytes);
        }
        let block = self.kind.block();
        let mut all = std::mem::take(&mut self.rest);
        all.append(&mut bytes);
        // The last block may hold the padding.
        let keep_last = !self.encrypt && self.padding && !all.is_empty() && all.len().is_multiple_of(block);
        let whole = all.len() / block * block - if keep_last { block } else { 0 };
        self.rest = all.split_off(whole);
        (self.work)(&mut all);
        Ok(all)
    }

    fn finish(&mut self) -> Result<Vec<u8>, Failed> {
        if std::mem::replace(&mut self.done, true) {
            return Err(Failed::FinalTwice);
        }
        if let Some(tag) = self.tag.take() {
            let tag = tag.finish();
            if !self.encrypt && !self.given.as_deref().is_some_and(|given| same(&tag[..given.len()], given)) {
                return Err(Failed::Authentication);
            }
            self.given.get_or_insert_with(|| tag.to_vec());
        }
        if self.streams() {
            return Ok(Vec::new());
        }
        let block = self.kind.block();
        let mut last = std::mem::take(&mut self.rest);
        match (self.padding, self.encrypt) {
            (false, _) if last.is_empty() => Ok(last),
            (false, _) => Err(Failed::FinalBlock),
            (true, true) => {
                // PKCS #7.
                let fill = block - last.len();
                last.resize(block, fill as u8);
                (self.work)(&mut last);
                Ok(last)
            }
            (true, false) if last.len() != block => Err(Failed::FinalBlock),
            (true, false) => {
                (self.work)(&mut last);
                let fill = usize::from(last[block - 1]);
                if fill == 0
                    || fill > block
                    || last[block - fill..].iter().any(|&byte| usize::from(byte) != fill)
                {
                    return Err(Failed::Decrypt);
                }
                last.truncate(block - fill);
                Ok(last)
            }
        }
    }

    fn aad(&mut self, bytes: &[u8]) -> Result<(), Failed> {
        match &mut self.tag {
            Some(tag) if !self.started => {
                tag.aad(bytes);
                Ok(())
            }
            _ => Err(Failed::State("setAAD")),
        }
    }

    fn set_tag(&mut self, bytes: Vec<u8>) -> Result<(), Failed> {
        if self.tag.is_none() || self.encrypt || self.given.is_some() {
            return Err(Failed::State("setAuthTag"));
        }
        // NIST SP 800-38D, 5.2.1.2.
        if !matches!(bytes.len(), 4 | 8 | 12..=16) {
            return Err(Failed::TagLength(bytes.len()));
        }
        self.given = Some(bytes);
        Ok(())
    }

    fn tag(&self) -> Result<Vec<u8>, Failed> {
        match &self.given {
            Some(tag) if self.encrypt && self.done => Ok(tag.clone()),
            _ => Err(Failed::State("getAuthTag")),
        }
    }
}

/// Looks at every byte.
fn same(left: &[u8], right: &[u8]) -> bool {
    let difference = left.iter().zip(right).fold(0, |sum, (left, right)| black_box(sum | (left ^ right)));
    left.len() == right.len() && difference == 0
}

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(
        target,
        &[
            ("cipher", start),
            ("cipherInfo", info),
            ("ciphers", names),
            ("cipherUpdate", update),
            ("cipherFinal", finish),
            ("cipherPadding", padding),
            ("cipherAad", aad),
            ("cipherSetTag", set_tag),
            ("cipherTag", tag),
        ],
        context,
    )
}

/// `ciphers() -> 'a b …'`
fn names(_: &JsValue, _: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    Ok(JsString::from(Kind::names().collect::<Vec<&str>>().join(" ").as_str()).into())
}

/// `cipherInfo(name) -> 'name mode blockSize keyLength ivLength' | undefined`
fn info(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = text_argument(args, 0, context)?;
    let Some(kind) = Kind::from_name(&name) else {
        return Ok(JsValue::undefined());
    };
    let mode = match kind.mode {
        Mode::Ecb => "ecb",
        Mode::Cbc => "cbc",
        Mode::Ctr => "ctr",
        Mode::Gcm => "gcm",
        Mode::Poly1305 => "stream",
    };
    let text = format!("{} {mode} {} {} {}", kind.name(), kind.block(), kind.key(), kind.iv());
    Ok(JsString::from(text.as_str()).into())
}

/// `cipher(name, key, iv, encrypt) -> state`
fn start(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let name = text_argument(args, 0, context)?;
    let key = bytes_argument(args, 1, context)?;
    let iv = bytes_argument(args, 2, context)?;
    let encrypt = args.get_or_undefined(3).to_boolean();
    let Some(kind) = Kind::from_name(&name) else {
        let names: Vec<&str> = Kind::names().collect();
        let message = format!("Unknown cipher: '{name}' (there are {})", names.join(", "));
        return Err(coded(JsNativeError::error(), "ERR_CRYPTO_UNKNOWN_CIPHER", message, context));
    };
    if key.len() != kind.key() {
        return Err(coded(
            JsNativeError::range(),
            "ERR_CRYPTO_INVALID_KEYLEN",
            "Invalid key length",
            context,
        ));
    }
    if !kind.takes_iv(iv.len()) {
        let message = "Invalid initialization vector";
        return Err(coded(JsNativeError::typ(), "ERR_CRYPTO_INVALID_IV", message, context));
    }
    let (work, tag) = modes::start(kind, &key, &iv, encrypt);
    let (rest, given) = (Vec::new(), None);
    let running =
        Running { kind, encrypt, work, rest, padding: true, tag, given, started: false, done: false };
    Ok(JsObject::from_proto_and_data(None, State { running: Box::new(running) }).into())
}

fn with_state<T>(
    args: &[JsValue],
    context: &mut Context,
    step: impl FnOnce(&mut Running) -> Result<T, Failed>,
) -> JsResult<T> {
    let object = args.get_or_undefined(0).as_object();
    let result = match object.as_ref().and_then(|object| object.downcast_mut::<State>()) {
        Some(mut state) => step(&mut state.running),
        None => return Err(JsNativeError::typ().with_message("not a cipher").into()),
    };
    result.map_err(|failed| failed.into_error(context))
}

/// `cipherUpdate(state, bytes)`
fn update(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = bytes_argument(args, 1, context)?;
    let out = with_state(args, context, |running| running.update(bytes))?;
    array_buffer(out, context)
}

/// `cipherFinal(state)`
fn finish(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let out = with_state(args, context, Running::finish)?;
    array_buffer(out, context)
}

/// `cipherPadding(state, on)`
fn padding(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let on = args.get_or_undefined(1).to_boolean();
    with_state(args, context, |running| {
        if running.done {
            return Err(Failed::State("setAutoPadding"));
        }
        running.padding = on;
        Ok(())
    })?;
    Ok(JsValue::undefined())
}

/// `cipherAad(state, bytes)`
fn aad(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = bytes_argument(args, 1, context)?;
    with_state(args, context, |running| running.aad(&bytes))?;
    Ok(JsValue::undefined())
}

/// `cipherSetTag(state, bytes)`
fn set_tag(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = bytes_argument(args, 1, context)?;
    with_state(args, context, |running| running.set_tag(bytes))?;
    Ok(JsValue::undefined())
}

/// `cipherTag(state)`
fn tag(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let tag = with_state(args, context, |running| running.tag())?;
    array_buffer(tag, context)
}
