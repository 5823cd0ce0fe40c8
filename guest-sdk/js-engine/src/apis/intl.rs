//! `Intl` for the prelude: formatters by number, the CLDR's tables, and what the host answers about languages.
//!
//! A formatter is made once for its settings and kept, so that `toLocaleString` in a loop makes none anew.

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use boa_engine::{
    Context, JsArgs, JsNativeError, JsObject, JsResult, JsString, JsValue, object::builtins::JsArray,
};

use super::native::{define, text_argument};
use crate::{
    host,
    intl::{date::DateFormat, number::NumberFormat, plural, settings::Settings, table::Table, zone::Zone},
};

/// Formatters by their numbers, and their numbers by their settings.
struct Kept<T> {
    made: Vec<Rc<T>>,
    known: HashMap<String, usize>,
}

impl<T> Kept<T> {
    fn get(&mut self, settings: String, make: impl FnOnce(Settings) -> Option<T>) -> Option<usize> {
        if let Some(&number) = self.known.get(&settings) {
            return Some(number);
        }
        self.made.push(Rc::new(make(Settings::parse(&settings))?));
        self.known.insert(settings, self.made.len() - 1);
        Some(self.made.len() - 1)
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { made: Vec::new(), known: HashMap::new() }
    }
}

thread_local! {
    static NUMBERS: RefCell<Kept<NumberFormat>> = RefCell::default();
    static DATES: RefCell<Kept<DateFormat>> = RefCell::default();
    /// The request of a comparison, kept so that a sort allocates nothing.
    static REQUEST: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(
        target,
        &[
            ("intlTag", tag),
            ("intlTable", table),
            ("intlKeys", keys),
            ("intlZonesNear", zones_near),
            ("intlNumber", new_number),
            ("intlNumberText", number_text),
            ("intlNumberParts", number_parts),
            ("intlNumberRange", number_range),
            ("intlPlural", number_plural),
            ("intlPluralRange", plural_range),
            ("intlPlurals", plurals),
            ("intlDate", new_date),
            ("intlDateText", date_text),
            ("intlDateParts", date_parts),
            ("intlDateRange", date_range),
            ("intlDateFields", date_fields),
            ("intlZone", zone),
            ("intlCompare", compare),
            ("intlCase", case),
            ("intlSegments", segments),
        ],
        context,
    )
}

fn text(text: &str) -> JsValue {
    JsString::from(text).into()
}

fn number_argument(args: &[JsValue], index: usize) -> usize {
    args.get_or_undefined(index).as_number().map_or(usize::MAX, |number| number as usize)
}

fn number_format(args: &[JsValue]) -> JsResult<Rc<NumberFormat>> {
    let made = NUMBERS.with_borrow(|kept| kept.made.get(number_argument(args, 0)).cloned());
    made.ok_or_else(|| JsNativeError::typ().with_message("no such formatter").into())
}

fn date_format(args: &[JsValue]) -> JsResult<Rc<DateFormat>> {
    let made = DATES.with_borrow(|kept| kept.made.get(number_argument(args, 0)).cloned());
    made.ok_or_else(|| JsNativeError::typ().with_message("no such formatter").into())
}

fn array(values: impl IntoIterator<Item = JsValue>, context: &mut Context) -> JsValue {
    JsArray::from_iter(values, context).into()
}

/// `intlTag(question, tag)`: the canonical tag (0), the likely one (1), the shortest one (2), or `undefined`.
fn tag(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let question = match number_argument(args, 0) {
        0 => host::Intl::Canonical,
        1 => host::Intl::Maximize,
        _ => host::Intl::Minimize,
    };
    let answer = host::intl(question, text_argument(args, 1, context)?.as_bytes());
    Ok(answer.and_then(|bytes| String::from_utf8(bytes).ok()).map_or(JsValue::undefined(), |tag| text(&tag)))
}

/// `intlTable(chunk, key)`
fn table(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (chunk, key) = (text_argument(args, 0, context)?, text_argument(args, 1, context)?);
    let table = Table::load(&chunk);
    Ok(table.as_ref().and_then(|table| table.get(&key)).map_or(JsValue::undefined(), text))
}

/// `intlKeys(chunk, prefix)`: keys without the prefix and their values, by turns.
fn keys(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (chunk, prefix) = (text_argument(args, 0, context)?, text_argument(args, 1, context)?);
    let found = Table::load(&chunk).map_or_else(Vec::new, |table| table.under(&prefix));
    Ok(array(found.iter().flat_map(|(key, value)| [text(key), text(value)]), context))
}

/// `intlZonesNear(name)`: up to three time zones that a wrong name may mean.
fn zones_near(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let asked = text_argument(args, 0, context)?;
    Ok(array(Zone::near(&asked).iter().map(|name| text(name)), context))
}

/// `intlNumber(settings)`: a formatter's number.
fn new_number(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let settings = text_argument(args, 0, context)?;
    let made =
        NUMBERS.with_borrow_mut(|kept| kept.get(settings, |settings| Some(NumberFormat::new(settings))));
    Ok(made.map_or(JsValue::undefined(), |number| JsValue::from(number as f64)))
}

/// `intlNumberText(formatter, decimal text)`
fn number_text(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let format = number_format(args)?;
    Ok(text(&format.format(&text_argument(args, 1, context)?)))
}

/// `intlNumberParts(formatter, decimal text)`: types and values, by turns.
fn number_parts(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let format = number_format(args)?;
    let parts = format.parts(&text_argument(args, 1, context)?);
    Ok(array(parts.iter().flat_map(|(kind, value)| [text(kind), text(value)]), context))
}

/// `intlNumberRange(formatter, from, to)`: types, values and sources, by turns.
fn number_range(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let format = number_format(args)?;
    let parts = format.range(&text_argument(args, 1, context)?, &text_argument(args, 2, context)?);
    Ok(array(parts.iter().flat_map(|(kind, value, source)| [text(kind), text(value), text(source)]), context))
}

/// `intlPlural(formatter, decimal text, ordinal)`
fn number_plural(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let format = number_format(args)?;
    let ordinal = args.get_or_undefined(2).to_boolean();
    Ok(text(&format.plural(&text_argument(args, 1, context)?, ordinal)))
}

/// `intlPluralRange(locale, start, end)`, of categories.
fn plural_range(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let [locale, start, end] = [0, 1, 2].map(|index| text_argument(args, index, context));
    Ok(text(&plural::range(&locale?, &start?, &end?)))
}

/// `intlPlurals(locale, ordinal)`: the categories.
fn plurals(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let found = plural::categories(&text_argument(args, 0, context)?, args.get_or_undefined(1).to_boolean());
    Ok(array(found.iter().map(|name| text(name)), context))
}

/// `intlDate(settings)`: a formatter's number, or `undefined` when there is no such zone.
fn new_date(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let settings = text_argument(args, 0, context)?;
    let made = DATES.with_borrow_mut(|kept| kept.get(settings, DateFormat::new));
    Ok(made.map_or(JsValue::undefined(), |number| JsValue::from(number as f64)))
}

/// `intlDateText(formatter, milliseconds)`: with plain spaces where the parts have narrow ones, as in Node.
fn date_text(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let format = date_format(args)?;
    let time = args.get_or_undefined(1).to_number(context)?;
    let parts = format.parts(time);
    Ok(parts.map_or(JsValue::undefined(), |parts| {
        let whole: String = parts.into_iter().map(|(_, text)| text).collect();
        text(&whole.replace('\u{202f}', " "))
    }))
}

/// `intlDateParts(formatter, milliseconds)`: types and values, by turns.
fn date_parts(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let format = date_format(args)?;
    let time = args.get_or_undefined(1).to_number(context)?;
    let Some(parts) = format.parts(time) else { return Ok(JsValue::undefined()) };
    Ok(array(parts.iter().flat_map(|(kind, value)| [text(kind), text(value)]), context))
}

/// `intlDateRange(formatter, from, to)`: types, values and sources, by turns.
fn date_range(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let format = date_format(args)?;
    let from = args.get_or_undefined(1).to_number(context)?;
    let to = args.get_or_undefined(2).to_number(context)?;
    let Some(parts) = format.range(from, to) else { return Ok(JsValue::undefined()) };
    Ok(array(parts.iter().flat_map(|(kind, value, source)| [text(kind), text(value), text(source)]), context))
}

/// `intlDateFields(formatter)`: names and forms of the pattern's fields, by turns; the zone's name comes first.
fn date_fields(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let format = date_format(args)?;
    let zone = text(&format.zone().name);
    let fields = format.fields();
    let fields = fields.iter().flat_map(|(name, value)| [text(name), text(value)]);
    Ok(array(std::iter::once(zone).chain(fields), context))
}

/// `intlZone(name)`: its own name, or `undefined`.
fn zone(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let zone = Zone::find(&text_argument(args, 0, context)?);
    Ok(zone.map_or(JsValue::undefined(), |zone| text(&zone.name)))
}

/// `intlCompare(options, left, right)`: -1, 0 or 1; `options` is the tag, a zero, and two digits.
fn compare(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let options = text_argument(args, 0, context)?;
    let left = args.get_or_undefined(1).to_string(context)?;
    let right = args.get_or_undefined(2).to_string(context)?;
    if left == right {
        return Ok(JsValue::from(0));
    }
    let order = REQUEST.with_borrow_mut(|request| {
        request.clear();
        request.extend_from_slice(options.as_bytes());
        request.extend_from_slice(&(left.len() as u32).to_le_bytes());
        for unit in left.iter().chain(right.iter()) {
            request.extend_from_slice(&unit.to_le_bytes());
        }
        host::compare(request)
    });
    order.map(|order| JsValue::from(order as i32)).ok_or_else(|| too_long("localeCompare"))
}

fn too_long(what: &str) -> boa_engine::JsError {
    let message = format!("{what}: the text is longer than 1,000,000 characters: give it in pieces");
    JsNativeError::range().with_message(message).into()
}

/// `intlCase(language, upper, text)`
fn case(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let language = text_argument(args, 0, context)?;
    let upper = args.get_or_undefined(1).to_boolean();
    let source = args.get_or_undefined(2).to_string(context)?;
    // Half of a pair is no text: it stays, and what is between goes to the host.
    let mut changed: Vec<u16> = Vec::with_capacity(source.len());
    let units: Vec<u16> = source.iter().collect();
    let mut run = String::new();
    let flush = |run: &mut String, changed: &mut Vec<u16>| -> JsResult<()> {
        if !run.is_empty() {
            let request =
                [language.as_bytes(), &[0, if upper { b'u' } else { b'l' }], run.as_bytes()].concat();
            let answer = host::intl(host::Intl::Case, &request)
                .ok_or_else(|| too_long("toLocaleUpperCase, toLocaleLowerCase"))?;
            changed.extend(String::from_utf8_lossy(&answer).encode_utf16());
            run.clear();
        }
        Ok(())
    };
    for piece in char::decode_utf16(units) {
        match piece {
            Ok(c) => run.push(c),
            Err(half) => {
                flush(&mut run, &mut changed)?;
                changed.push(half.unpaired_surrogate());
            }
        }
    }
    flush(&mut run, &mut changed)?;
    Ok(JsString::from(changed.as_slice()).into())
}

/// `intlSegments(kind, text)`: where segments begin, and the end; of words, a word's end is negative.
fn segments(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let kind = text_argument(args, 0, context)?;
    let source = args.get_or_undefined(1).to_string(context)?;
    let mut request = vec![kind.as_bytes().first().copied().unwrap_or(b'g')];
    request.extend(source.iter().flat_map(u16::to_le_bytes));
    let answer = host::intl(host::Intl::Segment, &request).ok_or_else(|| too_long("Intl.Segmenter"))?;
    let places = answer.chunks_exact(4).map(|place| u32::from_le_bytes(place.try_into().unwrap_or_default()));
    let places: Vec<JsValue> = places
        .map(|place| {
            JsValue::from(if place >> 31 == 1 { -f64::from(place & 0x7fff_ffff) } else { f64::from(place) })
        })
        .collect();
    Ok(array(places, context))
}
