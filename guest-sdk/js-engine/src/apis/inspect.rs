//! Values as text for `console` and `util.inspect`, in the layout of Node 20 (`lib/internal/util/inspect.js`, documented at
//! <https://nodejs.org/api/util.html#utilinspectobject-options>).
//!
//! Getters are named, not run; a proxy's traps and an own `inspect.custom` may run. Output stops at a budget, so that a huge
//! value costs no more than what is shown.

use std::cell::RefCell;

use boa_engine::{
    Context, JsObject, JsResult, JsString, JsSymbol, JsValue, JsVariant,
    builtins::proxy::Proxy,
    js_string,
    object::builtins::JsProxy,
    property::{PropertyDescriptor, PropertyKey},
};

use super::{
    inputs,
    inspect_text::{grouped, is_identifier, quote, units},
};
use crate::error_data;

/// Bytes after which values are cut short; the host keeps 8 KiB of a message anyway.
pub(crate) const BUDGET: usize = 16 << 10;
/// Elements shown of an array, a set or a map.
const MAX_ITEMS: usize = 100;
/// Characters shown of a string.
const MAX_STRING: usize = 10_000;
/// A string longer than this is split at its line breaks if it does not fit, UTF-16 units.
const SPLIT: usize = 16;
/// An array with more entries than this is shown in columns.
pub(super) const IN_A_LINE: usize = 6;
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
    /// Elements shown of an array, a set or a map.
    pub(crate) max_items: usize,
    /// UTF-16 units shown of a string.
    pub(crate) max_string: usize,
    /// Whether properties are in the order of their names.
    pub(crate) sorted: bool,
    /// Whether properties that are not enumerable are shown, in brackets.
    pub(crate) hidden: bool,
    /// Which getters are run for what they give.
    pub(crate) getters: Getters,
}

/// Getters that run while a value is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Getters {
    /// None: they are named.
    Named,
    /// All.
    All,
    /// Those without a setter.
    Alone,
    /// Those with a setter.
    WithSetter,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            depth: 2,
            break_length: BREAK_LENGTH,
            compact: 3,
            max_items: MAX_ITEMS,
            max_string: MAX_STRING,
            sorted: false,
            hidden: false,
            getters: Getters::Named,
        }
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

pub(super) struct Printer<'a> {
    pub(super) context: &'a mut Context,
    pub(super) options: Options,
    /// Objects being printed, outermost first.
    seen: Vec<JsObject>,
    /// Objects that contain themselves, in the order they were found.
    circular: Vec<JsObject>,
    pub(super) indentation: usize,
    pub(super) current_depth: usize,
    pub(super) spent: usize,
}

impl Printer<'_> {
    pub(super) fn value(&mut self, value: &JsValue, depth: usize) -> String {
        let text = match value.variant() {
            JsVariant::String(text) => self.string(&text),
            JsVariant::Object(object) => return self.object(&object, value, depth),
            JsVariant::BigInt(number) => format!("{number}n"),
            JsVariant::Symbol(symbol) => symbol.descriptive_string().to_std_string_lossy(),
            JsVariant::Float64(number) if number == 0.0 && number.is_sign_negative() => "-0".to_owned(),
            _ => value.display().to_string(),
        };
        self.spent += text.len();
        text
    }

    fn string(&self, text: &JsString) -> String {
        let left = text.len().saturating_sub(self.options.max_string);
        // What is not shown is not converted: it may be megabytes.
        let shown = text.slice(0, text.len() - left).to_std_string_lossy();
        let more = match left {
            0 => String::new(),
            left => format!("... {left} more character{}", if left > 1 { "s" } else { "" }),
        };
        let length = text.len() - left;
        if length > SPLIT
            && length + self.indentation + 4 > self.options.break_length
            && self.options.compact < usize::MAX
        {
            let margin = format!(" +\n{}", " ".repeat(self.indentation + 2));
            let lines: Vec<_> = shown.split_inclusive('\n').map(quote).collect();
            return lines.join(&margin) + &more;
        }
        quote(&shown) + &more
    }

    fn object(&mut self, object: &JsObject, value: &JsValue, depth: usize) -> String {
        if self.spent > BUDGET {
            return "...".to_owned();
        }
        if object.is::<Proxy>() {
            // What it stands for is shown, and its traps are not asked.
            let target = JsProxy::from_object(object.clone()).ok().and_then(|proxy| proxy.target());
            return match target {
                Some(target) => self.object(&target, &target.clone().into(), depth),
                None => "<Revoked Proxy>".to_owned(),
            };
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
        if depth > self.options.depth && self.has_entries(object) {
            let name = match (&class, object.is_array()) {
                (_, true) => "Array".to_owned(),
                (Some(name), _) => name.clone(),
                (None, _) => "Object: null prototype".to_owned(),
            };
            return format!("[{name}]");
        }
        self.seen.push(object.clone());
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

    /// The entries of a list in columns, if they are short and of about one length.
    pub(super) fn columns(&mut self, object: &JsObject, entries: Vec<String>) -> Vec<String> {
        let length = self.length(object);
        let all_numbers = (0..entries.len()).all(|index| {
            let value = (index < length).then(|| object.get(index, self.context).ok()).flatten();
            value.is_some_and(|value| value.is_number() || value.is_bigint())
        });
        let most = self.options.max_items;
        let listed = if length > most && entries.len() > most { entries.len() - 1 } else { entries.len() };
        grouped(entries, listed, all_numbers, self.indentation, self.options)
    }

    pub(super) fn join(
        &mut self,
        base: &str,
        open: &str,
        close: &str,
        entries: Vec<String>,
        depth: usize,
        may_be_one_line: bool,
    ) -> String {
        let base = match base {
            "" => String::new(),
            base => format!("{base} "),
        };
        let inner_levels = self.current_depth.saturating_sub(depth);
        if inner_levels < self.options.compact && may_be_one_line {
            let start = entries.len() + self.indentation + units(open) + units(base.trim_end()) + 10;
            let total: usize =
                entries.iter().map(|entry| units(entry)).sum::<usize>() + entries.len() + start;
            let one_line = !entries.iter().any(|entry| entry.contains('\n'));
            if total <= self.options.break_length && one_line && !base.contains('\n') {
                return format!("{base}{open} {} {close}", entries.join(", "));
            }
        }
        let line = format!("\n{}", " ".repeat(self.indentation));
        let separator = format!(",{line}  ");
        format!("{base}{open}{line}  {}{line}{close}", entries.join(&separator))
    }

    pub(super) fn elements(
        &mut self,
        object: &JsObject,
        length: usize,
        depth: usize,
        entries: &mut Vec<String>,
    ) {
        let mut index = 0;
        while index < length && entries.len() < self.options.max_items {
            if self.spent > BUDGET {
                entries.push("...".to_owned());
                return;
            }
            let holes = self.holes(object, index, length);
            if holes > 0 {
                let plural = if holes == 1 { "" } else { "s" };
                entries.push(format!("<{holes} empty item{plural}>"));
                index += holes;
                continue;
            }
            let own = object.borrow().properties().get(&PropertyKey::from(index as u64));
            match own {
                Some(property) if property.value().is_none() => {
                    entries.push(self.property(object, &property, depth))
                }
                Some(_) | None => match object.get(index, self.context) {
                    Ok(value) => entries.push(self.value(&value, depth + 1)),
                    Err(_) => entries.push("<error>".to_owned()),
                },
            }
            index += 1;
        }
        more(length - index, entries);
    }

    /// How many elements from `index` on are missing.
    fn holes(&mut self, object: &JsObject, index: usize, length: usize) -> usize {
        if !object.is_array() || object.has_own_property(index, self.context).unwrap_or(true) {
            return 0;
        }
        // A sparse array may be long and hold little: its keys say where the next one stands.
        let keys = object.own_property_keys(self.context).unwrap_or_default();
        let next = keys.iter().filter_map(|key| match key {
            PropertyKey::Index(found) => Some(found.get() as usize).filter(|found| *found > index),
            PropertyKey::String(_) | PropertyKey::Symbol(_) => None,
        });
        next.min().unwrap_or(length).min(length) - index
    }

    pub(super) fn properties(
        &mut self,
        object: &JsObject,
        skip_indices: bool,
        depth: usize,
        entries: &mut Vec<String>,
    ) {
        let first = entries.len();
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
            let is_hidden = own.as_ref().is_some_and(|own| own.enumerable() == Some(false));
            if error_data::is_error(object) && self.said_already(object, &key) {
                continue;
            }
            let text = match own {
                Some(property) if property.enumerable() != Some(true) && !self.options.hidden => continue,
                Some(property) if is_input(&property) => match object.get(key.clone(), self.context) {
                    Ok(value) => self.value(&value, depth + 1),
                    Err(_) => "<error>".to_owned(),
                },
                Some(property) => self.property(object, &property, depth),
                // A proxy has no properties of its own.
                None => match object.get(key.clone(), self.context) {
                    Ok(value) => self.value(&value, depth + 1),
                    Err(_) => "<error>".to_owned(),
                },
            };
            let name = match &key {
                PropertyKey::String(name) if is_hidden => format!("[{}]", name.to_std_string_lossy()),
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
        if self.options.sorted {
            entries[first..].sort();
        }
    }

    fn property(&mut self, object: &JsObject, property: &PropertyDescriptor, depth: usize) -> String {
        let present = |value: Option<&JsValue>| value.is_some_and(|value| !value.is_undefined());
        let (label, runs) = match (property.value(), present(property.get()), present(property.set())) {
            (Some(value), _, _) => return self.value(value, depth + 1),
            (None, true, true) => ("Getter/Setter", [Getters::All, Getters::WithSetter]),
            (None, true, false) => ("Getter", [Getters::All, Getters::Alone]),
            (None, false, _) => return "[Setter]".to_owned(),
        };
        let getter = property.get().and_then(JsValue::as_callable);
        let Some(getter) = getter.filter(|_| runs.contains(&self.options.getters)) else {
            return format!("[{label}]");
        };
        match getter.call(&object.clone().into(), &[], self.context) {
            Ok(value) if value.is_object() => format!("[{label}] {}", self.value(&value, depth + 1)),
            Ok(value) => format!("[{label}: {}]", self.value(&value, depth + 1)),
            Err(error) => format!("[{label}: <Inspection threw ({error})>]"),
        }
    }
}

/// Part of an input that was not read yet.
fn is_input(property: &PropertyDescriptor) -> bool {
    property.get().and_then(JsValue::as_object).is_some_and(|getter| inputs::is_ours(&getter))
}

pub(super) fn more(rest: usize, entries: &mut Vec<String>) {
    if rest > 0 {
        let plural = if rest == 1 { "" } else { "s" };
        entries.push(format!("... {rest} more item{plural}"));
    }
}

pub(super) fn own_text(object: &JsObject, key: &str, _context: &mut Context) -> Option<String> {
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
