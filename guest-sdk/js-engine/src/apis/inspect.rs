//! Values as text for `console` and `util.inspect`, in the layout of Node 20 (`lib/internal/util/inspect.js`, documented at
//! <https://nodejs.org/api/util.html#utilinspectobject-options>).
//!
//! Getters are named, not run; a proxy's traps and an own `inspect.custom` may run. Output stops at a budget, so that a huge
//! value costs no more than what is shown.

use std::cell::RefCell;

use boa_engine::{
    Context, JsObject, JsResult, JsString, JsSymbol, JsValue, JsVariant,
    builtins::{
        date::Date,
        function::OrdinaryFunction,
        promise::{Promise, PromiseState},
        regexp::RegExp,
    },
    js_string,
    object::builtins::{JsArrayBuffer, JsMap, JsPromise, JsSet, JsTypedArray},
    property::{PropertyDescriptor, PropertyKey},
};

use super::{
    inputs,
    inspect_text::{is_identifier, quote},
};
use crate::error_data;

/// Bytes after which values are cut short; the host keeps 8 KiB of a message anyway.
pub(crate) const BUDGET: usize = 16 << 10;
/// Elements shown of an array, a set or a map.
const MAX_ITEMS: usize = 100;
/// Line width that one-line layouts stay below.
const BREAK_LENGTH: usize = 80;

/// What `util.inspect` lets a caller choose.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Levels below the value that are shown.
    pub(crate) depth: usize,
    /// Line width.
    pub(crate) break_length: usize,
    /// Innermost levels joined on one line; 0 puts every entry on its own.
    pub(crate) compact: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { depth: 2, break_length: BREAK_LENGTH, compact: 3 }
    }
}

/// One value as Node's `util.inspect` shows it.
pub(crate) fn inspect(value: &JsValue, context: &mut Context) -> String {
    inspect_with(value, Options::default(), context)
}

/// [`inspect`] with options.
pub(crate) fn inspect_with(value: &JsValue, options: Options, context: &mut Context) -> String {
    let mut printer = Printer {
        context,
        options,
        seen: Vec::new(),
        circular: Vec::new(),
        indentation: 0,
        current_depth: 0,
        spent: 0,
    };
    printer.value(value, 0)
}

struct Printer<'a> {
    context: &'a mut Context,
    options: Options,
    /// Objects being printed, outermost first.
    seen: Vec<JsObject>,
    /// Objects that contain themselves, in the order they were found.
    circular: Vec<JsObject>,
    indentation: usize,
    current_depth: usize,
    spent: usize,
}

impl Printer<'_> {
    fn value(&mut self, value: &JsValue, depth: usize) -> String {
        let text = match value.variant() {
            JsVariant::String(text) => {
                // What exceeds the budget is never shown: do not convert megabytes for it.
                if text.len() > BUDGET {
                    let cut = text.slice(0, BUDGET).to_std_string_lossy();
                    format!("{}... {} more characters", quote(&cut), text.len() - BUDGET)
                } else {
                    quote(&text.to_std_string_lossy())
                }
            }
            JsVariant::Object(object) => return self.object(&object, value, depth),
            JsVariant::BigInt(number) => format!("{number}n"),
            JsVariant::Symbol(symbol) => symbol.descriptive_string().to_std_string_lossy(),
            JsVariant::Float64(number) if number == 0.0 && number.is_sign_negative() => "-0".to_owned(),
            _ => value.display().to_string(),
        };
        self.spent += text.len();
        text
    }

    fn object(&mut self, object: &JsObject, value: &JsValue, depth: usize) -> String {
        if self.spent > BUDGET {
            return "...".to_owned();
        }
        if let Some(text) = self.custom(object, depth) {
            self.spent += text.len();
            return text;
        }
        if self.seen.iter().any(|seen| JsObject::equals(seen, object)) {
            let index = self.reference(object);
            return format!("[Circular *{index}]");
        }
        let class = self.class_name(object);
        if depth > self.options.depth && !is_leaf(object) {
            let name = match (&class, object.is_array()) {
                (_, true) => "Array".to_owned(),
                (Some(name), _) => name.clone(),
                (None, _) => "Object: null prototype".to_owned(),
            };
            return format!("[{name}]");
        }
        self.seen.push(object.clone());
        self.current_depth = depth;
        let text = self.raw(object, value, class, depth);
        self.seen.pop();
        match self.circular.iter().position(|seen| JsObject::equals(seen, object)) {
            Some(index) => format!("<ref *{}> {text}", index + 1),
            None => text,
        }
    }

    fn reference(&mut self, object: &JsObject) -> usize {
        let found = self.circular.iter().position(|seen| JsObject::equals(seen, object));
        found.unwrap_or_else(|| {
            self.circular.push(object.clone());
            self.circular.len() - 1
        }) + 1
    }

    /// What an object's own `[Symbol.for('nodejs.util.inspect.custom')]` says.
    fn custom(&mut self, object: &JsObject, depth: usize) -> Option<String> {
        let symbol = CUSTOM.with_borrow(Clone::clone)?;
        let method = object.get(symbol, self.context).ok()?.as_callable()?;
        let left = (self.options.depth + 1).saturating_sub(depth);
        let result = method.call(&object.clone().into(), &[JsValue::from(left as u32)], self.context).ok()?;
        Some(match result.as_string() {
            Some(text) => text.to_std_string_lossy(),
            None => {
                let same = result.as_object().is_some_and(|other| JsObject::equals(&other, object));
                if same {
                    return None;
                }
                self.value(&result, depth)
            }
        })
    }

    fn raw(&mut self, object: &JsObject, value: &JsValue, class: Option<String>, depth: usize) -> String {
        let prefix = |fallback: &str, size: Option<usize>| {
            let name = match &class {
                Some(name) => name.clone(),
                None => format!("[{fallback}: null prototype]"),
            };
            let size = size.map_or(String::new(), |size| format!("({size})"));
            match name.as_str() {
                name if name == fallback && matches!(fallback, "Object") => String::new(),
                "Array" if fallback == "Array" => String::new(),
                name => format!("{name}{size} "),
            }
        };
        let mut skip_indices = false;
        let mut entries = Vec::new();
        let (mut open, mut close) = (String::new(), "}");
        let mut base = String::new();
        self.indentation += 2;
        if object.is_array() {
            let length = self.length(object);
            open = format!("{}[", prefix("Array", Some(length)));
            close = "]";
            skip_indices = true;
            self.elements(object, length, depth, &mut entries);
        } else if let Ok(set) = JsSet::from_object(object.clone()) {
            open = format!("{}{{", prefix("Set", Some(set.size())));
            let mut values = Vec::new();
            let _ = set.for_each_native(|value| {
                values.push(value);
                Ok(())
            });
            for value in values.iter().take(MAX_ITEMS) {
                entries.push(self.value(value, depth + 1));
            }
            more(values.len(), &mut entries);
        } else if let Ok(map) = JsMap::from_object(object.clone()) {
            let mut pairs = Vec::new();
            let _ = map.for_each_native(|key, value| {
                pairs.push((key, value));
                Ok(())
            });
            open = format!("{}{{", prefix("Map", Some(pairs.len())));
            for (key, value) in pairs.iter().take(MAX_ITEMS) {
                let key = self.value(key, depth + 1);
                entries.push(format!("{key} => {}", self.value(value, depth + 1)));
            }
            more(pairs.len(), &mut entries);
        } else if let Ok(typed) = JsTypedArray::from_object(object.clone()) {
            let length = typed.length(self.context).unwrap_or(0);
            skip_indices = true;
            if class.as_deref() == Some("Buffer") {
                base = self.buffer(&typed, length);
            } else {
                open = format!("{}[", prefix("Uint8Array", Some(length)));
                close = "]";
                self.elements(object, length, depth, &mut entries);
            }
        } else if object.is_callable() {
            base = self.function(object, value);
        } else if error_data::is_error(object) {
            base = self.error(object);
        } else if object.is::<RegExp>() || object.is::<Date>() {
            base = self.method_text(object);
        } else if object.is::<Promise>() {
            open = format!("{}{{", prefix("Promise", None));
            self.promise(object, depth, &mut entries);
        } else if let Ok(buffer) = JsArrayBuffer::from_object(object.clone()) {
            open = format!("{}{{", prefix("ArrayBuffer", None));
            entries.push(format!("byteLength: {}", buffer.byte_length()));
        } else if let Some(text) = self.boxed(object) {
            base = text;
            skip_indices = true;
        } else {
            open = format!("{}{{", prefix("Object", None));
        }
        self.properties(object, skip_indices, depth, &mut entries);
        self.indentation -= 2;
        if !base.is_empty() && entries.is_empty() {
            self.spent += base.len();
            return base;
        }
        if !base.is_empty() {
            open = "{".to_owned();
        }
        if entries.is_empty() {
            return format!("{open}{close}");
        }
        self.join(&base, &open, close, entries, depth)
    }

    fn join(&mut self, base: &str, open: &str, close: &str, entries: Vec<String>, depth: usize) -> String {
        let base = match base {
            "" => String::new(),
            base => format!("{base} "),
        };
        let inner_levels = self.current_depth.saturating_sub(depth);
        if inner_levels < self.options.compact {
            let start = entries.len() + self.indentation + open.len() + base.len() + 10;
            let total: usize = entries.iter().map(String::len).sum::<usize>() + entries.len() + start;
            let one_line = !entries.iter().any(|entry| entry.contains('\n'));
            if total <= self.options.break_length && one_line && !base.contains('\n') {
                return format!("{base}{open} {} {close}", entries.join(", "));
            }
        }
        let line = format!("\n{}", " ".repeat(self.indentation));
        let separator = format!(",{line}  ");
        format!("{base}{open}{line}  {}{line}{close}", entries.join(&separator))
    }

    fn elements(&mut self, object: &JsObject, length: usize, depth: usize, entries: &mut Vec<String>) {
        for index in 0..length.min(MAX_ITEMS) {
            if self.spent > BUDGET {
                entries.push("...".to_owned());
                return;
            }
            match object.get(index, self.context) {
                Ok(value) => entries.push(self.value(&value, depth + 1)),
                Err(_) => entries.push("<error>".to_owned()),
            }
        }
        more(length, entries);
    }

    fn properties(&mut self, object: &JsObject, skip_indices: bool, depth: usize, entries: &mut Vec<String>) {
        let keys = object.own_property_keys(self.context).unwrap_or_default();
        for key in keys {
            if skip_indices && matches!(key, PropertyKey::Index(_)) {
                continue;
            }
            if self.spent > BUDGET {
                entries.push("...".to_owned());
                return;
            }
            let own = object.borrow().properties().get(&key);
            let text = match own {
                Some(property) if property.enumerable() != Some(true) => continue,
                Some(property) if is_input(&property) => match object.get(key.clone(), self.context) {
                    Ok(value) => self.value(&value, depth + 1),
                    Err(_) => "<error>".to_owned(),
                },
                Some(property) => self.property(&property, depth),
                // A proxy has no properties of its own.
                None => match object.get(key.clone(), self.context) {
                    Ok(value) => self.value(&value, depth + 1),
                    Err(_) => "<error>".to_owned(),
                },
            };
            let name = match &key {
                PropertyKey::String(name) => {
                    let name = name.to_std_string_lossy();
                    if is_identifier(&name) { name } else { quote(&name) }
                }
                PropertyKey::Index(index) => format!("'{}'", index.get()),
                PropertyKey::Symbol(symbol) => {
                    format!("[{}]", symbol.descriptive_string().to_std_string_lossy())
                }
            };
            self.spent += name.len();
            entries.push(format!("{name}: {text}"));
        }
    }

    fn property(&mut self, property: &PropertyDescriptor, depth: usize) -> String {
        let present = |value: Option<&JsValue>| value.is_some_and(|value| !value.is_undefined());
        match (property.value(), present(property.get()), present(property.set())) {
            (Some(value), _, _) => self.value(value, depth + 1),
            (None, true, true) => "[Getter/Setter]".to_owned(),
            (None, true, false) => "[Getter]".to_owned(),
            (None, false, _) => "[Setter]".to_owned(),
        }
    }

    fn promise(&mut self, object: &JsObject, depth: usize, entries: &mut Vec<String>) {
        let Ok(promise) = JsPromise::from_object(object.clone()) else {
            return;
        };
        entries.push(match promise.state() {
            PromiseState::Pending => "<pending>".to_owned(),
            PromiseState::Fulfilled(value) => self.value(&value, depth + 1),
            PromiseState::Rejected(value) => {
                format!("<rejected> {}", self.value(&value, depth + 1))
            }
        });
    }

    fn error(&mut self, object: &JsObject) -> String {
        let stack = object.get(js_string!("stack"), self.context).ok();
        let text = match stack.and_then(|stack| stack.as_string()) {
            Some(stack) if !stack.is_empty() => stack.to_std_string_lossy(),
            _ => self.method_text(object),
        };
        let text = match text.contains("\n    at ") {
            true => text,
            false => format!("[{text}]"),
        };
        text.replace('\n', &format!("\n{}", " ".repeat(self.indentation - 2)))
    }

    fn function(&mut self, object: &JsObject, value: &JsValue) -> String {
        let name = own_text(object, "name", self.context).unwrap_or_default();
        let source = value
            .to_string(self.context)
            .map(|text| text.slice(0, 16.min(text.len())).to_std_string_lossy())
            .unwrap_or_default();
        // Boa shows classes as `class A { [native code] }` or as a function; only theirs is a read-only `prototype`.
        let prototype = object.borrow().properties().get(&js_string!("prototype").into());
        let read_only = prototype.is_some_and(|prototype| prototype.writable() == Some(false));
        if source.starts_with("class") || (read_only && object.is::<OrdinaryFunction>()) {
            let name = if name.is_empty() { "(anonymous)" } else { &name };
            return format!("[class {name}]");
        }
        let kind = if source.starts_with("async") { "AsyncFunction" } else { "Function" };
        match name.as_str() {
            "" => format!("[{kind} (anonymous)]"),
            name => format!("[{kind}: {name}]"),
        }
    }

    /// `toString()` of a regular expression, `toISOString()` of a date.
    fn method_text(&mut self, object: &JsObject) -> String {
        let method = if object.is::<Date>() { "toISOString" } else { "toString" };
        object
            .get(JsString::from(method), self.context)
            .ok()
            .and_then(|method| method.as_callable())
            .and_then(|method| method.call(&object.clone().into(), &[], self.context).ok())
            .and_then(|text| text.as_string())
            .map_or_else(|| "Invalid Date".to_owned(), |text| text.to_std_string_lossy())
    }

    fn boxed(&mut self, object: &JsObject) -> Option<String> {
        let value = JsValue::from(object.clone());
        if object.is::<JsString>() {
            let text = value.to_string(self.context).ok()?.to_std_string_lossy();
            return Some(format!("[String: {}]", quote(&text)));
        }
        if object.is::<f64>() {
            let text = value.to_string(self.context).ok()?.to_std_string_lossy();
            return Some(format!("[Number: {text}]"));
        }
        let flag = object.downcast_ref::<bool>()?;
        Some(format!("[Boolean: {}]", *flag))
    }

    fn buffer(&mut self, typed: &JsTypedArray, length: usize) -> String {
        let mut out = "<Buffer".to_owned();
        for index in 0..length.min(50) {
            let byte =
                typed.at(index as i64, self.context).ok().and_then(|value| value.as_number()).unwrap_or(0.0);
            out.push_str(&format!(" {:02x}", byte as u8));
        }
        if length > 50 {
            out.push_str(&format!(" ... {} more bytes", length - 50));
        }
        out.push('>');
        out
    }

    fn length(&mut self, object: &JsObject) -> usize {
        object
            .get(js_string!("length"), self.context)
            .ok()
            .and_then(|length| length.as_number())
            .map_or(0, |length| length as usize)
    }

    /// The name of the nearest constructor on the prototype chain; `None` for a null prototype.
    fn class_name(&mut self, object: &JsObject) -> Option<String> {
        let mut holder = Some(object.clone());
        while let Some(current) = holder {
            let constructor = current
                .borrow()
                .properties()
                .get(&js_string!("constructor").into())
                .and_then(|property| property.value().and_then(JsValue::as_object));
            if let Some(constructor) = constructor
                && let Some(name) = own_text(&constructor, "name", self.context)
                && !name.is_empty()
            {
                return Some(name);
            }
            holder = current.prototype();
        }
        None
    }
}

/// Kinds that are one word and are shown whatever the depth.
fn is_leaf(object: &JsObject) -> bool {
    object.is_callable() || error_data::is_error(object) || object.is::<RegExp>() || object.is::<Date>()
}

/// Part of an input that was not read yet.
fn is_input(property: &PropertyDescriptor) -> bool {
    property.get().and_then(JsValue::as_object).is_some_and(|getter| inputs::is_ours(&getter))
}

fn more(length: usize, entries: &mut Vec<String>) {
    if length > MAX_ITEMS {
        let rest = length - MAX_ITEMS;
        let plural = if rest == 1 { "" } else { "s" };
        entries.push(format!("... {rest} more item{plural}"));
    }
}

fn own_text(object: &JsObject, key: &str, _context: &mut Context) -> Option<String> {
    let property = object.borrow().properties().get(&JsString::from(key).into())?;
    Some(property.value()?.as_string()?.to_std_string_lossy())
}

thread_local! {
    static CUSTOM: RefCell<Option<JsSymbol>> = const { RefCell::new(None) };
}

/// Looks up `Symbol.for('nodejs.util.inspect.custom')` once, before the snapshot.
pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    let constructor = context.intrinsics().constructors().symbol().constructor();
    let name = js_string!("nodejs.util.inspect.custom");
    let symbol = constructor
        .get(js_string!("for"), context)?
        .as_callable()
        .expect("Symbol.for is a function")
        .call(&JsValue::undefined(), &[name.into()], context)?;
    CUSTOM.set(symbol.as_symbol());
    Ok(())
}
