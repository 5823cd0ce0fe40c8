//! Parts of `inspect`: functions, errors, promises, bytes, boxed values, and what a value's class is called.

use boa_engine::{
    JsBigInt, JsObject, JsString, JsSymbol, JsValue,
    builtins::{date::Date, function::OrdinaryFunction, promise::PromiseState},
    js_string,
    object::builtins::{JsArrayBuffer, JsPromise, JsTypedArray},
    property::PropertyKey,
};

use super::{
    inspect::{Printer, own_text},
    inspect_text::quote,
};

impl Printer<'_> {
    pub(super) fn promise(&mut self, object: &JsObject, depth: usize, entries: &mut Vec<String>) {
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

    /// The trace; what an error has beside it, its cause and the errors of an AggregateError, become entries.
    pub(super) fn error(&mut self, object: &JsObject, depth: usize, entries: &mut Vec<String>) -> String {
        let stack = object.get(js_string!("stack"), self.context).ok();
        let text = match stack.and_then(|stack| stack.as_string()) {
            Some(stack) if !stack.is_empty() => stack.to_std_string_lossy(),
            _ => self.method_text(object),
        };
        for name in ["cause", "errors"] {
            let key = PropertyKey::from(JsString::from(name));
            let own = object.borrow().properties().get(&key);
            if let Some(property) = own.filter(|property| property.enumerable() == Some(false))
                && let Some(value) = property.value()
            {
                let text = self.value(value, depth + 1);
                entries.push(format!("[{name}]: {text}"));
            }
        }
        let text = match text.contains("\n    at ") {
            true => text,
            false => format!("[{text}]"),
        };
        text.replace('\n', &format!("\n{}", " ".repeat(self.indentation - 2)))
    }

    /// Whether an own property of an error says no more than its trace.
    pub(super) fn said_already(&mut self, object: &JsObject, key: &PropertyKey) -> bool {
        let PropertyKey::String(name) = key else { return false };
        let name = name.to_std_string_lossy();
        match name.as_str() {
            "stack" => return true,
            "name" | "message" => {}
            _ => return false,
        }
        let text = |printer: &mut Self, key: &str| {
            let value = object.get(JsString::from(key), printer.context).ok()?;
            Some(value.as_string()?.to_std_string_lossy())
        };
        match (text(self, "stack"), text(self, &name)) {
            (Some(stack), Some(own)) => stack.contains(&own),
            (Some(_) | None, Some(_) | None) => false,
        }
    }

    pub(super) fn function(&mut self, object: &JsObject, value: &JsValue, class: Option<&str>) -> String {
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
            let parent = object.prototype().and_then(|parent| own_text(&parent, "name", self.context));
            return match parent.filter(|parent| !parent.is_empty()) {
                Some(parent) => format!("[class {name} extends {parent}]"),
                None => format!("[class {name}]"),
            };
        }
        let kinds = ["AsyncFunction", "GeneratorFunction", "AsyncGeneratorFunction"];
        let kind = class.filter(|class| kinds.contains(class)).unwrap_or("Function");
        let base = match (class, name.as_str()) {
            (None, "") => format!("[{kind} (null prototype) (anonymous)]"),
            (None, name) => format!("[{kind} (null prototype): {name}]"),
            (Some(_), "") => format!("[{kind} (anonymous)]"),
            (Some(_), name) => format!("[{kind}: {name}]"),
        };
        match class {
            Some(class) if class != kind => format!("{base} {class}"),
            Some(_) | None => base,
        }
    }

    /// What `Symbol.toStringTag` says beyond the name of the class, in brackets.
    pub(super) fn tag(&mut self, object: &JsObject, class: Option<&str>) -> String {
        let symbol = JsSymbol::to_string_tag();
        let own = object.borrow().properties().get(&symbol.clone().into());
        if own.is_some_and(|own| own.enumerable() == Some(true)) {
            return String::new();
        }
        let tag = object.get(symbol, self.context).ok().and_then(|tag| tag.as_string());
        match tag.map(|tag| tag.to_std_string_lossy()) {
            Some(tag) if !tag.is_empty() && Some(tag.as_str()) != class => format!("[{tag}] "),
            Some(_) | None => String::new(),
        }
    }

    /// The bytes of an `ArrayBuffer`.
    pub(super) fn contents(&mut self, buffer: &JsArrayBuffer) -> String {
        let data = buffer.data();
        let bytes: &[u8] = data.as_deref().unwrap_or_default();
        let shown = bytes.len().min(self.options.max_items);
        let hex: Vec<String> = bytes[..shown].iter().map(|byte| format!("{byte:02x}")).collect();
        let more = match bytes.len() - shown {
            0 => String::new(),
            1 => " ... 1 more byte".to_owned(),
            more => format!(" ... {more} more bytes"),
        };
        format!("[Uint8Contents]: <{}{more}>", hex.join(" "))
    }

    pub(super) fn view(&mut self, view: &JsObject, depth: usize, entries: &mut Vec<String>) {
        for name in ["byteLength", "byteOffset", "buffer"] {
            let value = view.get(JsString::from(name), self.context).unwrap_or_default();
            let text = self.value(&value, depth + 1);
            entries.push(format!("{name}: {text}"));
        }
    }

    /// `toString()` of a regular expression, `toISOString()` of a date.
    pub(super) fn method_text(&mut self, object: &JsObject) -> String {
        let method = if object.is::<Date>() { "toISOString" } else { "toString" };
        object
            .get(JsString::from(method), self.context)
            .ok()
            .and_then(|method| method.as_callable())
            .and_then(|method| method.call(&object.clone().into(), &[], self.context).ok())
            .and_then(|text| text.as_string())
            .map_or_else(|| "Invalid Date".to_owned(), |text| text.to_std_string_lossy())
    }

    pub(super) fn boxed(&mut self, object: &JsObject) -> Option<String> {
        let value = JsValue::from(object.clone());
        if object.is::<JsString>() {
            let text = value.to_string(self.context).ok()?.to_std_string_lossy();
            return Some(format!("[String: {}]", quote(&text)));
        }
        if object.is::<f64>() {
            let text = value.to_string(self.context).ok()?.to_std_string_lossy();
            return Some(format!("[Number: {text}]"));
        }
        if let Some(symbol) = object.downcast_ref::<JsSymbol>() {
            return Some(format!("[Symbol: {}]", symbol.descriptive_string().to_std_string_lossy()));
        }
        if let Some(number) = object.downcast_ref::<JsBigInt>() {
            return Some(format!("[BigInt: {}n]", *number));
        }
        let flag = object.downcast_ref::<bool>()?;
        Some(format!("[Boolean: {}]", *flag))
    }

    pub(super) fn buffer(&mut self, typed: &JsTypedArray, length: usize) -> String {
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

    pub(super) fn length(&mut self, object: &JsObject) -> usize {
        object
            .get(js_string!("length"), self.context)
            .ok()
            .and_then(|length| length.as_number())
            .map_or(0, |length| length as usize)
    }

    /// The name of the nearest constructor on the prototype chain; `None` for a null prototype.
    pub(super) fn class_name(&mut self, object: &JsObject) -> Option<String> {
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
