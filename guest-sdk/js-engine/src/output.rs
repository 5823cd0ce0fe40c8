//! The script's result as JSON text, written directly; like `JSON.stringify`, but what would be lost silently is an error
//! that names the place: functions, symbols, bigints, cycles, and promises that nobody awaited.
//!
//! Called by `engine.rs`, and in a lenient form by `mends/json.rs` as `JSON.stringify`. `toJSON` and getters of the script may run; strings come out as valid UTF-8 (a lone surrogate
//! becomes U+FFFD, because the host reads the output as JSON).

use std::cell::RefCell;

use boa_engine::{
    Context, JsBigInt, JsError, JsNativeError, JsObject, JsResult, JsStr, JsString, JsValue, JsVariant,
    builtins::promise::Promise, js_string, property::PropertyKey, string::JsStrVariant,
};

use crate::failure::{Code, Failure};

/// Deepest nesting of an output.
const MAX_DEPTH: usize = 500;

/// Why a value has no JSON.
enum Refusal {
    Invalid(String),
    Thrown(JsError),
}

impl From<JsError> for Refusal {
    fn from(error: JsError) -> Self {
        Self::Thrown(error)
    }
}

/// The value as JSON; `undefined` is `null`.
///
/// # Errors
/// `output_invalid` with the path, or what a getter or `toJSON` threw.
pub(crate) fn to_json(value: &JsValue, context: &mut Context) -> Result<Vec<u8>, Failure> {
    strict_json(value, "the returned value", context).map_err(|error| match error {
        Unwritten::Thrown(error) => Failure::from_js(error, context),
        Unwritten::Invalid(message) => Failure::new(Code::OutputInvalid, "TypeError", message, None),
    })
}

/// Why a value was not written.
pub(crate) enum Unwritten {
    /// A getter or `toJSON` threw.
    Thrown(JsError),
    /// It cannot be JSON: the message says what and where.
    Invalid(String),
}

/// The value as JSON; `undefined` is `null`. `what` names it in messages.
///
/// # Errors
/// See [`Unwritten`].
pub(crate) fn strict_json(value: &JsValue, what: &str, context: &mut Context) -> Result<Vec<u8>, Unwritten> {
    let mut writer = Writer::new(true, context);
    match writer.value(value) {
        Ok(true) => Ok(writer.out),
        Ok(false) => Ok(b"null".to_vec()),
        Err(Refusal::Thrown(error)) => Err(Unwritten::Thrown(error)),
        Err(Refusal::Invalid(is)) => Err(Unwritten::Invalid(match writer.place().as_str() {
            "" => format!("{what} cannot be JSON: it is {is}"),
            place => format!("{what} cannot be JSON: `{place}` is {is}"),
        })),
    }
}

/// `JSON.stringify(value)`: the text, `Some(None)` for undefined, `None` where Boa's own has to decide (great depth).
///
/// # Errors
/// What a getter or `toJSON` threw, or that there is a cycle or a bigint.
pub(crate) fn stringify(value: &JsValue, context: &mut Context) -> JsResult<Option<Option<JsString>>> {
    let mut writer = Writer::new(false, context);
    match writer.value(value) {
        Ok(true) => {
            let text = std::str::from_utf8(&writer.out).expect("the writer writes UTF-8");
            Ok(Some(Some(JsString::from(text))))
        }
        Ok(false) => Ok(Some(None)),
        // In Node's words, and here: asked again, getters and `toJSON` would run twice.
        Err(Refusal::Invalid(is)) if is == BIGINT => {
            Err(JsNativeError::typ().with_message("Do not know how to serialize a BigInt").into())
        }
        Err(Refusal::Invalid(is)) if is == CYCLE => Err(JsNativeError::typ().with_message(CIRCULAR).into()),
        Err(Refusal::Invalid(_)) => Ok(None),
        Err(Refusal::Thrown(error)) => Err(error),
    }
}

/// What `JSON.stringify` says of a cycle.
pub(crate) const CIRCULAR: &str = "Converting circular structure to JSON";

const BIGINT: &str = "a bigint: turn it into a string or a number";
const CYCLE: &str = "a cycle: it contains itself";

fn bigint() -> Refusal {
    Refusal::Invalid(BIGINT.into())
}

struct Writer<'a> {
    /// Refuse what `JSON.stringify` would drop or change silently.
    strict: bool,
    out: Vec<u8>,
    /// Keys from the returned value to where the writer is.
    path: Vec<PropertyKey>,
    /// The objects being written, outermost first.
    open: Vec<JsObject>,
    context: &'a mut Context,
}

impl<'a> Writer<'a> {
    fn new(strict: bool, context: &'a mut Context) -> Self {
        Self { strict, out: Vec::with_capacity(256), path: Vec::new(), open: Vec::new(), context }
    }

    /// Writes a value; `false` when it is undefined and nothing was written.
    fn value(&mut self, value: &JsValue) -> Result<bool, Refusal> {
        match value.variant() {
            JsVariant::Undefined => return Ok(false),
            JsVariant::Null => self.out.extend(b"null"),
            JsVariant::Boolean(true) => self.out.extend(b"true"),
            JsVariant::Boolean(false) => self.out.extend(b"false"),
            JsVariant::Integer32(number) => self.out.extend(number.to_string().bytes()),
            JsVariant::Float64(number) => self.number(number),
            JsVariant::String(text) => self.string(text.as_str()),
            JsVariant::Symbol(_) if !self.strict => return Ok(false),
            JsVariant::Symbol(_) => return Err(Refusal::Invalid("a symbol".into())),
            JsVariant::BigInt(_) => {
                let prototype = self.context.intrinsics().constructors().bigint().prototype();
                // Asked once: what `toJSON` returns is not asked again, so a bigint stays one.
                return match self.replaced(&prototype, value)? {
                    Some(other) if !other.is_bigint() => match other.as_object() {
                        Some(object) => self.plain(&object),
                        None => self.value(&other),
                    },
                    Some(_) | None => Err(bigint()),
                };
            }
            JsVariant::Object(object) => return self.object(&object, value),
        }
        Ok(true)
    }

    fn number(&mut self, number: f64) {
        if number.is_finite() {
            let mut buffer = ryu_js::Buffer::new();
            self.out.extend(buffer.format_finite(number).bytes());
        } else {
            self.out.extend(b"null");
        }
    }

    fn string(&mut self, text: JsStr<'_>) {
        self.out.push(b'"');
        match text.variant() {
            JsStrVariant::Latin1(bytes) => {
                for &byte in bytes {
                    match byte {
                        0x20..=0x7f if byte != b'"' && byte != b'\\' => self.out.push(byte),
                        _ => self.char(byte.into()),
                    }
                }
            }
            JsStrVariant::Utf16(units) => {
                for char in char::decode_utf16(units.iter().copied()) {
                    match char {
                        Ok(char) => self.char(char),
                        Err(_) if self.strict => self.char(char::REPLACEMENT_CHARACTER),
                        Err(lone) => {
                            let unit = lone.unpaired_surrogate();
                            self.out.extend(format!("\\u{unit:04x}").bytes());
                        }
                    }
                }
            }
        }
        self.out.push(b'"');
    }

    fn char(&mut self, char: char) {
        match char {
            '"' => self.out.extend(b"\\\""),
            '\\' => self.out.extend(b"\\\\"),
            '\n' => self.out.extend(b"\\n"),
            '\r' => self.out.extend(b"\\r"),
            '\t' => self.out.extend(b"\\t"),
            '\u{8}' => self.out.extend(b"\\b"),
            '\u{c}' => self.out.extend(b"\\f"),
            '\0'..='\x1f' => self.out.extend(format!("\\u{:04x}", u32::from(char)).bytes()),
            _ => self.out.extend(char.encode_utf8(&mut [0; 4]).bytes()),
        }
    }

    fn object(&mut self, object: &JsObject, value: &JsValue) -> Result<bool, Refusal> {
        if let Some(other) = self.replaced(object, value)? {
            return match other.as_object() {
                Some(object) => self.plain(&object),
                None if other.is_bigint() => Err(bigint()),
                None => self.value(&other),
            };
        }
        self.plain(object)
    }

    /// What `toJSON` returns, if there is one.
    fn replaced(&mut self, holder: &JsObject, this: &JsValue) -> Result<Option<JsValue>, Refusal> {
        let Some(method) = holder.get(js_string!("toJSON"), self.context)?.as_callable() else {
            return Ok(None);
        };
        let key = match self.path.last() {
            Some(key) => key.clone().into(),
            None => JsValue::from(js_string!()),
        };
        Ok(Some(method.call(this, &[key], self.context)?))
    }

    fn plain(&mut self, object: &JsObject) -> Result<bool, Refusal> {
        if object.is_callable() && !self.strict {
            return Ok(false);
        }
        if object.is_callable() {
            return Err(Refusal::Invalid("a function".into()));
        }
        if self.strict && object.is::<Promise>() {
            return Err(Refusal::Invalid("a Promise: await it".into()));
        }
        if let Some(primitive) = self.unboxed(object)? {
            return if primitive.is_bigint() { Err(bigint()) } else { self.value(&primitive) };
        }
        if self.open.iter().any(|open| JsObject::equals(open, object)) {
            return Err(Refusal::Invalid(CYCLE.into()));
        }
        if self.open.len() == MAX_DEPTH {
            return Err(Refusal::Invalid(format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.open.push(object.clone());
        if object.is_array() || is_proxied_array(object, self.context)? {
            self.array(object)?;
        } else {
            self.members(object)?;
        }
        self.open.pop();
        Ok(true)
    }

    /// The primitive in a `new String()`, `new Number()`, `new Boolean()` or `Object(1n)`.
    fn unboxed(&mut self, object: &JsObject) -> JsResult<Option<JsValue>> {
        let value = JsValue::from(object.clone());
        if object.is::<JsString>() {
            return Ok(Some(value.to_string(self.context)?.into()));
        }
        if object.is::<f64>() {
            return Ok(Some(value.to_number(self.context)?.into()));
        }
        if let Some(value) = object.downcast_ref::<JsBigInt>() {
            return Ok(Some(value.clone().into()));
        }
        Ok(object.downcast_ref::<bool>().map(|value| (*value).into()))
    }

    fn array(&mut self, array: &JsObject) -> Result<(), Refusal> {
        let length = array.get(js_string!("length"), self.context)?.to_length(self.context)?;
        self.out.push(b'[');
        for index in 0..length {
            if index > 0 {
                self.out.push(b',');
            }
            let value = array.get(index, self.context)?;
            self.path.push(PropertyKey::from(index));
            if !self.value(&value)? {
                self.out.extend(b"null");
            }
            self.path.pop();
        }
        self.out.push(b']');
        Ok(())
    }

    fn members(&mut self, object: &JsObject) -> Result<(), Refusal> {
        self.out.push(b'{');
        let mut first = true;
        for key in self.enumerable_keys(object)? {
            let value = object.get(key.clone(), self.context)?;
            let start = self.out.len();
            if !first {
                self.out.push(b',');
            }
            match &key {
                PropertyKey::String(name) => self.string(name.as_str()),
                PropertyKey::Index(index) => {
                    self.out.extend(format!("\"{}\"", index.get()).bytes());
                }
                PropertyKey::Symbol(_) => {
                    self.out.truncate(start);
                    continue;
                }
            }
            self.out.push(b':');
            self.path.push(key);
            let written = self.value(&value)?;
            self.path.pop();
            if written {
                first = false;
            } else {
                self.out.truncate(start);
            }
        }
        self.out.push(b'}');
        Ok(())
    }

    fn enumerable_keys(&mut self, object: &JsObject) -> Result<Vec<PropertyKey>, Refusal> {
        if object.is_ordinary() {
            let mut keys = object.own_property_keys(self.context)?;
            let borrowed = object.borrow();
            keys.retain(|key| {
                !matches!(key, PropertyKey::Symbol(_))
                    && borrowed
                        .properties()
                        .get(key)
                        .is_some_and(|property| property.enumerable() == Some(true))
            });
            return Ok(keys);
        }
        // Proxies, typed arrays and other exotic objects: as the language itself lists them.
        let keys = asked(|asked| &asked.keys, object, self.context)?;
        let Some(list) = keys.as_object() else {
            return Ok(Vec::new());
        };
        let length = list.get(js_string!("length"), self.context)?.to_length(self.context)?;
        (0..length)
            .map(|index| {
                let key = list.get(index, self.context)?;
                Ok(key.to_property_key(self.context)?)
            })
            .collect()
    }

    /// `a.b[3]`, as it would be written after the returned value.
    fn place(&self) -> String {
        let mut out = String::new();
        for key in &self.path {
            match key {
                PropertyKey::Index(index) => out.push_str(&format!("[{}]", index.get())),
                PropertyKey::String(name) => {
                    let name = name.to_std_string_lossy();
                    let plain = !name.is_empty()
                        && !name.starts_with(|c: char| c.is_ascii_digit())
                        && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '$');
                    match (plain, out.is_empty()) {
                        (true, true) => out.push_str(&name),
                        (true, false) => out.push_str(&format!(".{name}")),
                        (false, _) => out.push_str(&format!("[{name:?}]")),
                    }
                }
                PropertyKey::Symbol(_) => {}
            }
        }
        out
    }
}

/// Functions of the language as they are before any script runs: what a script replaces has no part in its output.
#[derive(Default)]
struct Asked {
    keys: Option<JsObject>,
    is_array: Option<JsObject>,
}

thread_local! {
    static ASKED: RefCell<Asked> = RefCell::default();
}

/// Keeps `Object.keys` and `Array.isArray`, before the snapshot.
pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    let constructors = context.intrinsics().constructors();
    let (object, array) = (constructors.object().constructor(), constructors.array().constructor());
    let keys = object.get(js_string!("keys"), context)?.as_callable();
    let is_array = array.get(js_string!("isArray"), context)?.as_callable();
    ASKED.set(Asked { keys, is_array });
    Ok(())
}

fn asked(
    which: impl FnOnce(&Asked) -> &Option<JsObject>,
    object: &JsObject,
    context: &mut Context,
) -> JsResult<JsValue> {
    let function = ASKED.with_borrow(|asked| which(asked).clone());
    let function = function.ok_or_else(|| JsNativeError::error().with_message("the engine has not begun"))?;
    function.call(&JsValue::undefined(), &[object.clone().into()], context)
}

/// Whether it is a proxy of an array; asked of the language, because Boa keeps its own test private.
fn is_proxied_array(object: &JsObject, context: &mut Context) -> JsResult<bool> {
    if object.is_ordinary() {
        return Ok(false);
    }
    Ok(asked(|asked| &asked.is_array, object, context)?.to_boolean())
}
