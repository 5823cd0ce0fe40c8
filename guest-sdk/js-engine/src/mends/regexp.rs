//! Regular expressions in time that is linear in the text: `exec` and `test`, and the matching that `regexp_methods` builds on.
//!
//! Boa converts the whole text to UTF-16 and copies the compiled pattern at every `exec`, so that each loop over the matches
//! is quadratic. Here the last text stays converted and patterns stay compiled, by the `regress` that Boa uses too. Because
//! Boa's own methods call `exec` as the specification says, they profit as well. Registered by `mends::register`.

use std::{cell::RefCell, ops::Range, rc::Rc};

use boa_engine::{
    Context, JsArgs, JsObject, JsResult, JsString, JsSymbol, JsValue, builtins::regexp::RegExp, js_string,
    object::builtins::JsArray, property::PropertyKey, string::JsStrVariant,
};
use regress::{Flags, Match, Regex};

use super::{over, regexp_methods};

/// Objects whose pattern is known without asking for their source.
const MAX_OBJECTS: usize = 8;

/// Compiled patterns.
const MAX_PATTERNS: usize = 32;

/// Texts up to here are cheaper to convert than to keep.
const SHORT_TEXT: usize = 64;

/// The getters that say which flags a regular expression has.
const FLAGS: [(&str, char); 8] = [
    ("hasIndices", 'd'),
    ("global", 'g'),
    ("ignoreCase", 'i'),
    ("multiline", 'm'),
    ("dotAll", 's'),
    ("unicode", 'u'),
    ("unicodeSets", 'v'),
    ("sticky", 'y'),
];

/// A pattern and what its flags mean.
pub(crate) struct Compiled {
    regex: Regex,
    pub(crate) global: bool,
    pub(crate) sticky: bool,
    pub(crate) unicode: bool,
    indices: bool,
    /// The last group is ours: it matches where a sticky pattern does not, and ends the search there.
    guarded: bool,
}

/// What the realm had when it was built.
struct Builtins {
    prototype: JsObject,
    constructor: JsObject,
    source: JsObject,
    /// Every property that the methods read, and the function that it was.
    untouched: Vec<(PropertyKey, JsObject)>,
    species: JsObject,
}

#[derive(Default)]
struct State {
    builtins: Option<Rc<Builtins>>,
    objects: Vec<(JsObject, Rc<Compiled>)>,
    patterns: Vec<(JsString, String, Rc<Compiled>)>,
    /// Where the next of each goes once its list is full.
    next: (usize, usize),
    text: Option<(JsString, Rc<[u16]>)>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    let regexp = context.intrinsics().constructors().regexp();
    let (prototype, constructor) = (regexp.prototype(), regexp.constructor());
    over::replace(&prototype, js_string!("compile"), compile, context)?;
    over::replace(&prototype, js_string!("test"), test, context)?;
    let exec = over::replace(&prototype, js_string!("exec"), exec, context)?;
    regexp_methods::register(&prototype, context)?;

    let getter = |holder: &JsObject, key: PropertyKey| {
        let found = holder.borrow().properties().get(&key).and_then(|property| property.get().cloned());
        found.and_then(|getter| getter.as_object()).expect("Boa defines the getters of RegExp")
    };
    let mut untouched = vec![(js_string!("exec").into(), exec)];
    for name in FLAGS.map(|(name, _)| name).into_iter().chain(["flags"]) {
        let key = PropertyKey::from(JsString::from(name));
        untouched.push((key.clone(), getter(&prototype, key)));
    }
    let builtins = Builtins {
        source: getter(&prototype, js_string!("source").into()),
        species: getter(&constructor, JsSymbol::species().into()),
        prototype,
        constructor,
        untouched,
    };
    STATE.set(State { builtins: Some(Rc::new(builtins)), ..State::default() });
    Ok(())
}

/// Forgets the text of the last run; compiled patterns are kept.
pub(crate) fn begin() {
    STATE.with_borrow_mut(|state| {
        state.text = None;
        state.objects.clear();
    });
}

fn builtins() -> Option<Rc<Builtins>> {
    STATE.with_borrow(|state| state.builtins.clone())
}

/// Whether the specification's steps, for this object, read nothing but what the realm had at first and a writable `lastIndex`.
pub(crate) fn is_pristine(object: &JsObject, context: &mut Context) -> bool {
    let Some(builtins) = builtins() else {
        return false;
    };
    if !object.is::<RegExp>()
        || !object.prototype().is_some_and(|found| JsObject::equals(&found, &builtins.prototype))
    {
        return false;
    }
    let last_index = PropertyKey::from(js_string!("lastIndex"));
    let writable = object.borrow().properties().get(&last_index).and_then(|property| property.writable());
    if writable != Some(true) || object.own_property_keys(context).is_ok_and(|keys| keys.len() != 1) {
        return false;
    }
    builtins.untouched.iter().all(|(key, function)| is_function(&builtins.prototype, key, function))
}

/// Whether `object` is a plain regular expression whose `exec` is the one above.
fn has_own_exec(object: &JsObject) -> bool {
    let Some(builtins) = builtins() else {
        return false;
    };
    let (key, exec) = &builtins.untouched[0];
    object.is::<RegExp>()
        && object.prototype().is_some_and(|found| JsObject::equals(&found, &builtins.prototype))
        && !object.borrow().properties().contains_key(key)
        && is_function(&builtins.prototype, key, exec)
}

/// Whether the property is still this method, or has this getter.
fn is_function(holder: &JsObject, key: &PropertyKey, function: &JsObject) -> bool {
    let property = holder.borrow().properties().get(key);
    let found = property.as_ref().and_then(|property| property.value().or(property.get()));
    found.and_then(JsValue::as_object).is_some_and(|found| JsObject::equals(&found, function))
}

/// Whether `SpeciesConstructor` of a pristine object gives the builtin constructor.
pub(crate) fn has_own_species() -> bool {
    let Some(builtins) = builtins() else {
        return false;
    };
    is_function(&builtins.prototype, &js_string!("constructor").into(), &builtins.constructor)
        && is_function(&builtins.constructor, &JsSymbol::species().into(), &builtins.species)
}

/// The text as UTF-16.
pub(crate) struct Units {
    text: JsString,
    converted: Option<Rc<[u16]>>,
}

impl Units {
    /// Converts `text`, or finds that it was the last one that was converted.
    pub(crate) fn new(text: &JsString) -> Self {
        let JsStrVariant::Latin1(bytes) = text.as_str().variant() else {
            return Self { text: text.clone(), converted: None };
        };
        let convert = || bytes.iter().map(|byte| u16::from(*byte)).collect::<Rc<[u16]>>();
        let converted = if bytes.len() <= SHORT_TEXT {
            convert()
        } else {
            STATE.with_borrow_mut(|state| match &state.text {
                // The text that is kept keeps its bytes in place, so that equal places are equal texts.
                Some((kept, units)) if is_same(kept, bytes) => units.clone(),
                _ => {
                    let units = convert();
                    state.text = Some((text.clone(), units.clone()));
                    units
                }
            })
        };
        Self { text: text.clone(), converted: Some(converted) }
    }

    fn slice(&self) -> &[u16] {
        match (&self.converted, self.text.as_str().variant()) {
            (Some(units), _) => units,
            (None, JsStrVariant::Utf16(units)) => units,
            (None, JsStrVariant::Latin1(_)) => &[],
        }
    }
}

fn is_same(kept: &JsString, bytes: &[u8]) -> bool {
    match kept.as_str().variant() {
        JsStrVariant::Latin1(kept) => std::ptr::eq(kept, bytes),
        JsStrVariant::Utf16(_) => false,
    }
}

impl Compiled {
    fn new(source: &[u16], flags: &str) -> Option<Self> {
        let has = |flag| flags.contains(flag);
        let (sticky, unicode) = (has('y'), has('u') || has('v'));
        let mut pattern: Vec<u32> = if unicode {
            char::decode_utf16(source.iter().copied())
                .map(|unit| unit.map_or_else(|lone| u32::from(lone.unpaired_surrogate()), u32::from))
                .collect()
        } else {
            source.iter().map(|unit| u32::from(*unit)).collect()
        };
        // One more group would change what `\1` means in a pattern with fewer groups.
        let guarded = sticky
            && !pattern.windows(2).any(|pair| {
                pair[0] == u32::from('\\') && (u32::from('1')..=u32::from('9')).contains(&pair[1])
            });
        if guarded {
            pattern.splice(0..0, "(?:".chars().map(u32::from));
            pattern.extend(")|([^])".chars().map(u32::from));
        }
        let regex = Regex::from_unicode(pattern.into_iter(), Flags::from(flags)).ok()?;
        Some(Self { regex, global: has('g'), sticky, unicode, indices: has('d'), guarded })
    }

    /// The first match at or after `from`; for a sticky pattern only one at `from`.
    pub(crate) fn find(&self, units: &Units, from: usize) -> Option<Match> {
        self.accept(self.search(units, from).next()?, from)
    }

    /// The first match at or after `from`, sticky or not.
    fn search<'a>(&'a self, units: &'a Units, from: usize) -> Box<dyn Iterator<Item = Match> + 'a> {
        if self.unicode && units.converted.is_none() {
            Box::new(self.regex.find_from_utf16(units.slice(), from))
        } else {
            Box::new(self.regex.find_from_ucs2(units.slice(), from))
        }
    }

    fn accept(&self, mut found: Match, from: usize) -> Option<Match> {
        if self.guarded && found.captures.pop().flatten().is_some() {
            return None;
        }
        (!self.sticky || found.start() == from).then_some(found)
    }

    /// Every match from the beginning, as the global methods go through them.
    pub(crate) fn all<'a>(&'a self, units: &'a Units) -> Box<dyn Iterator<Item = Match> + 'a> {
        if !self.sticky {
            return self.search(units, 0);
        }
        let mut from = Some(0);
        Box::new(std::iter::from_fn(move || {
            let found = self.find(units, from?)?;
            from = Some(if found.range.is_empty() { self.advance(units, found.end()) } else { found.end() })
                .filter(|from| *from <= units.slice().len());
            Some(found)
        }))
    }

    /// `AdvanceStringIndex`.
    pub(crate) fn advance(&self, units: &Units, index: usize) -> usize {
        let pair = self.unicode
            && matches!(units.slice().get(index..index + 2),
                Some([high, low]) if (0xd800..0xdc00).contains(high) && (0xdc00..0xe000).contains(low));
        index + if pair { 2 } else { 1 }
    }
}

/// The named groups of a match; empty when the pattern has none.
pub(crate) fn names(found: &Match) -> Vec<(JsString, Option<Range<usize>>)> {
    found.named_groups().map(|(name, range)| (JsString::from(name), range)).collect()
}

/// The compiled pattern of `object`; `None` when its source is ambiguous, so that the builtin has to match.
pub(crate) fn compiled(object: &JsObject, context: &mut Context) -> JsResult<Option<Rc<Compiled>>> {
    if let Some(found) = known(object) {
        return Ok(Some(found));
    }
    let Some(builtins) = builtins() else {
        return Ok(None);
    };
    let this = JsValue::from(object.clone());
    let source = builtins.source.call(&this, &[], context)?.to_string(context)?;
    let mut flags = String::new();
    // After `exec` come the getters of the flags, in their order.
    for ((_, flag), (_, getter)) in FLAGS.iter().zip(&builtins.untouched[1..]) {
        if getter.call(&this, &[], context)?.to_boolean() {
            flags.push(*flag);
        }
    }
    Ok(STATE.with_borrow_mut(|state| {
        let known = state.patterns.iter().find(|(s, f, _)| *s == source && *f == flags);
        let compiled = match known {
            Some((_, _, compiled)) => compiled.clone(),
            None => {
                let compiled = Rc::new(Compiled::new(&unescaped(&source)?, &flags)?);
                let entry = (source, flags, compiled.clone());
                state.next.1 = keep(&mut state.patterns, entry, state.next.1, MAX_PATTERNS);
                compiled
            }
        };
        let entry = (object.clone(), compiled.clone());
        state.next.0 = keep(&mut state.objects, entry, state.next.0, MAX_OBJECTS);
        Some(compiled)
    }))
}

fn known(object: &JsObject) -> Option<Rc<Compiled>> {
    STATE.with_borrow(|state| {
        let found = state.objects.iter().find(|(known, _)| JsObject::equals(known, object));
        found.map(|(_, compiled)| compiled.clone())
    })
}

/// Adds to a list that overwrites its oldest entry once it is full; returns where the next one goes.
fn keep<T>(list: &mut Vec<T>, entry: T, next: usize, most: usize) -> usize {
    if list.len() < most {
        list.push(entry);
        return 0;
    }
    list[next] = entry;
    (next + 1) % most
}

/// Undoes what the `source` getter does: one backslash before each `/`, and line ends as escapes. `None` where a backslash
/// before it makes an escape ambiguous.
fn unescaped(source: &JsString) -> Option<Vec<u16>> {
    const BACKSLASH: u16 = b'\\' as u16;
    let units = source.to_vec();
    let mut out = Vec::with_capacity(units.len());
    let mut backslashes = 0;
    for (at, unit) in units.iter().enumerate() {
        if *unit == BACKSLASH {
            backslashes += 1;
        } else {
            let escape = |text: &str| {
                units[at..].iter().copied().zip(text.encode_utf16()).filter(|(a, b)| a == b).count()
                    == text.len()
            };
            if *unit == u16::from(b'/') {
                out.pop().filter(|unit| *unit == BACKSLASH)?;
            } else if backslashes > 0
                && backslashes % 2 == 0
                && ["n", "r", "u2028", "u2029"].into_iter().any(escape)
            {
                return None;
            }
            backslashes = 0;
        }
        out.push(*unit);
    }
    Some(out)
}

/// One `RegExpBuiltinExec` without its result array.
fn next(
    object: &JsObject,
    compiled: &Compiled,
    text: &JsString,
    context: &mut Context,
) -> JsResult<Option<Match>> {
    let key = js_string!("lastIndex");
    let last_index = object.get(key.clone(), context)?.to_length(context)?;
    let moves = compiled.global || compiled.sticky;
    let from = if moves { last_index } else { 0 };
    let found = if from > text.len() as u64 { None } else { compiled.find(&Units::new(text), from as usize) };
    if moves {
        let end = found.as_ref().map_or(0, Match::end);
        object.set(key, end, true, context)?;
    }
    Ok(found)
}

fn exec(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let Some(object) = this.as_object().filter(JsObject::is::<RegExp>) else {
        return original.call(this, args, context);
    };
    let text = args.get_or_undefined(0).to_string(context)?;
    let Some(compiled) = compiled(&object, context)? else {
        return original.call(this, &[text.into()], context);
    };
    match next(&object, &compiled, &text, context)? {
        Some(found) => match_array(&found, &compiled, &text, context),
        None => Ok(JsValue::null()),
    }
}

fn test(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let (Some(object), Some(text)) = (this.as_object(), args.get_or_undefined(0).as_string()) else {
        return original.call(this, args, context);
    };
    if !has_own_exec(&object) {
        return original.call(this, args, context);
    }
    match compiled(&object, context)? {
        Some(compiled) => Ok(next(&object, &compiled, &text, context)?.is_some().into()),
        None => original.call(this, args, context),
    }
}

/// Annex B's `compile` gives an object another pattern.
fn compile(
    this: &JsValue,
    args: &[JsValue],
    original: &JsObject,
    context: &mut Context,
) -> JsResult<JsValue> {
    let result = original.call(this, args, context);
    STATE.with_borrow_mut(|state| state.objects.clear());
    result
}

/// The array that `exec` returns.
pub(crate) fn match_array(
    found: &Match,
    compiled: &Compiled,
    text: &JsString,
    context: &mut Context,
) -> JsResult<JsValue> {
    let part = |range: Option<Range<usize>>| {
        range.map_or_else(JsValue::undefined, |range| text.get_expect(range).into())
    };
    let array = JsArray::from_iter(found.groups().map(part), context);
    array.create_data_property(js_string!("index"), found.start(), context)?;
    array.create_data_property(js_string!("input"), text.clone(), context)?;
    let names = names(found);
    let groups = named(&names, |range, _| part(range), context)?;
    array.create_data_property(js_string!("groups"), groups, context)?;
    if compiled.indices {
        let pairs: Vec<JsValue> = found.groups().map(|range| pair(range, context)).collect();
        let indices = JsArray::from_iter(pairs, context);
        let groups = named(&names, pair, context)?;
        indices.create_data_property(js_string!("groups"), groups, context)?;
        array.create_data_property(js_string!("indices"), indices, context)?;
    }
    Ok(array.into())
}

/// The object of named groups, or undefined without any.
pub(crate) fn named(
    names: &[(JsString, Option<Range<usize>>)],
    value: impl Fn(Option<Range<usize>>, &mut Context) -> JsValue,
    context: &mut Context,
) -> JsResult<JsValue> {
    if names.is_empty() {
        return Ok(JsValue::undefined());
    }
    let groups = JsObject::with_null_proto();
    for (name, range) in names {
        let value = value(range.clone(), context);
        groups.create_data_property(name.clone(), value, context)?;
    }
    Ok(groups.into())
}

fn pair(range: Option<Range<usize>>, context: &mut Context) -> JsValue {
    match range {
        Some(range) => JsArray::from_iter([range.start.into(), range.end.into()], context).into(),
        None => JsValue::undefined(),
    }
}

#[cfg(test)]
#[path = "regexp_tests.rs"]
mod tests;
