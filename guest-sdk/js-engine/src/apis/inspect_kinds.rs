//! What `inspect` shows of each kind of object: its braces and what stands in them before its properties.

use boa_engine::{
    JsObject, JsSymbol, JsValue,
    builtins::{date::Date, promise::Promise, regexp::RegExp},
    js_string,
    object::builtins::{JsArrayBuffer, JsDataView, JsMap, JsMapIterator, JsSet, JsSetIterator, JsTypedArray},
};

use super::inspect::{IN_A_LINE, Printer, more};
use crate::error_data;

impl Printer<'_> {
    /// Whether more than one word is to be shown, so that depth matters.
    pub(super) fn has_entries(&mut self, object: &JsObject) -> bool {
        let whole = object.clone();
        let has_items = if object.is_array() || JsTypedArray::from_object(whole.clone()).is_ok() {
            self.length(object) > 0
        } else if let Ok(set) = JsSet::from_object(whole.clone()) {
            set.size() > 0
        } else if JsMap::from_object(whole.clone()).is_ok() {
            object.get(js_string!("size"), self.context).is_ok_and(|size| size.to_boolean())
        } else {
            object.is::<Promise>()
                || JsArrayBuffer::from_object(whole.clone()).is_ok()
                || JsDataView::from_object(whole).is_ok()
        };
        if has_items {
            return true;
        }
        let keys = object.own_property_keys(self.context).unwrap_or_default();
        keys.iter().any(|key| {
            let own = object.borrow().properties().get(key);
            let is_shown = own.is_none_or(|own| own.enumerable() == Some(true));
            is_shown && !(error_data::is_error(object) && self.said_already(object, key))
        })
    }

    pub(super) fn raw(
        &mut self,
        object: &JsObject,
        value: &JsValue,
        class: Option<String>,
        depth: usize,
    ) -> String {
        let deepest = std::mem::replace(&mut self.current_depth, depth);
        let tag = self.tag(object, class.as_deref());
        let prefix = |fallback: &str, size: Option<usize>| {
            let size = size.map_or(String::new(), |size| format!("({size})"));
            match &class {
                None => format!("[{fallback}{size}: null prototype] {tag}"),
                Some(name)
                    if tag.is_empty() && name == fallback && matches!(fallback, "Object" | "Array") =>
                {
                    String::new()
                }
                Some(name) => format!("{name}{size} {tag}"),
            }
        };
        let mut skip_indices = false;
        let mut entries = Vec::new();
        let (mut open, mut close) = (String::new(), "}");
        let mut base = String::new();
        let mut is_list = false;
        self.indentation += 2;
        if object.is_array() {
            let length = self.length(object);
            open = format!("{}[", prefix("Array", Some(length)));
            close = "]";
            skip_indices = true;
            is_list = true;
            self.elements(object, length, depth, &mut entries);
        } else if let Ok(set) = JsSet::from_object(object.clone()) {
            open = format!("{}{{", prefix("Set", Some(set.size())));
            let mut values = Vec::new();
            let _ = set.for_each_native(|value| {
                values.push(value);
                Ok(())
            });
            for value in values.iter().take(self.options.max_items) {
                entries.push(self.value(value, depth + 1));
            }
            more(values.len().saturating_sub(self.options.max_items), &mut entries);
        } else if let Ok(map) = JsMap::from_object(object.clone()) {
            let mut pairs = Vec::new();
            let _ = map.for_each_native(|key, value| {
                pairs.push((key, value));
                Ok(())
            });
            open = format!("{}{{", prefix("Map", Some(pairs.len())));
            for (key, value) in pairs.iter().take(self.options.max_items) {
                let key = self.value(key, depth + 1);
                entries.push(format!("{key} => {}", self.value(value, depth + 1)));
            }
            more(pairs.len().saturating_sub(self.options.max_items), &mut entries);
        } else if let Ok(typed) = JsTypedArray::from_object(object.clone()) {
            let length = typed.length(self.context).unwrap_or(0);
            skip_indices = true;
            if class.as_deref() == Some("Buffer") {
                base = self.buffer(&typed, length);
            } else {
                open = format!("{}[", prefix("Uint8Array", Some(length)));
                close = "]";
                is_list = true;
                self.elements(object, length, depth, &mut entries);
            }
        } else if object.is_callable() {
            base = self.function(object, value, class.as_deref());
        } else if error_data::is_error(object) {
            base = self.error(object, depth, &mut entries);
        } else if object.is::<RegExp>() || object.is::<Date>() {
            base = self.method_text(object);
        } else if object.is::<Promise>() {
            open = format!("{}{{", prefix("Promise", None));
            self.promise(object, depth, &mut entries);
        } else if let Ok(buffer) = JsArrayBuffer::from_object(object.clone()) {
            open = format!("{}{{", prefix("ArrayBuffer", None));
            entries.push(self.contents(&buffer));
            entries.push(format!("byteLength: {}", buffer.byte_length()));
        } else if JsDataView::from_object(object.clone()).is_ok() {
            open = format!("{}{{", prefix("DataView", None));
            self.view(object, depth, &mut entries);
        } else if matches!(class.as_deref(), Some("WeakMap" | "WeakSet")) {
            open = format!("{}{{", prefix("Object", None));
            entries.push("<items unknown>".to_owned());
        } else if let Some((kind, is_pairs, rest)) = iterator(object) {
            open = format!("[{kind} {}] {{", if is_pairs { "Entries" } else { "Iterator" });
            self.rest(is_pairs, &rest, depth, &mut entries);
        } else if is_arguments(object) {
            open = "[Arguments] {".to_owned();
        } else if let Some(text) = self.boxed(object) {
            base = text;
            skip_indices = true;
        } else {
            open = format!("{}{{", prefix("Object", None));
        }
        self.properties(object, skip_indices, depth, &mut entries);
        self.indentation -= 2;
        if entries.is_empty() {
            // One word is no level of its own.
            self.current_depth = deepest;
        }
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
        let count = entries.len();
        let entries = match is_list && count > IN_A_LINE && self.options.compact > 0 {
            true => self.columns(object, entries),
            false => entries,
        };
        let one_line = count == entries.len();
        self.join(&base, &open, close, entries, depth, one_line)
    }

    /// What an iterator of a map or a set has left.
    fn rest(&mut self, is_pairs: bool, rest: &[JsValue], depth: usize, entries: &mut Vec<String>) {
        let width = if is_pairs { 2 } else { 1 };
        for item in rest.chunks(width).take(self.options.max_items) {
            let texts: Vec<String> = item.iter().map(|value| self.value(value, depth + 1)).collect();
            entries.push(if is_pairs { format!("[ {} ]", texts.join(", ")) } else { texts.concat() });
        }
        more((rest.len() / width).saturating_sub(self.options.max_items), entries);
    }
}

/// The iterator of a map or of a set: which of both, whether its items are pairs, and what is left.
fn iterator(object: &JsObject) -> Option<(&'static str, bool, Vec<JsValue>)> {
    if let Ok(iterator) = JsMapIterator::from_object(object.clone()) {
        let (is_pairs, rest) = iterator.rest();
        return Some(("Map", is_pairs, rest));
    }
    let (is_pairs, rest) = JsSetIterator::from_object(object.clone()).ok()?.rest();
    Some(("Set", is_pairs, rest))
}

/// The `arguments` of a function: alone in having a hidden `callee` and an own iterator.
pub(super) fn is_arguments(object: &JsObject) -> bool {
    let object = object.borrow();
    let own = |key| object.properties().get(&key).is_some_and(|own| own.enumerable() == Some(false));
    own(js_string!("callee").into()) && own(JsSymbol::iterator().into())
}
