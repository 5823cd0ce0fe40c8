//! `indexOf`, `includes`, `split` and `replaceAll` of strings with a plain string to look for.
//!
//! Boa's search walks from the beginning of the text to the index where it is to begin, so that every loop over the
//! occurrences is quadratic. Whatever is not a plain string is left to the builtin. Registered by `mends::register`;
//! `replaceAll` shares its replacement patterns with `regexp`.

use boa_engine::{
    Context, JsArgs, JsObject, JsResult, JsStr, JsString, JsValue, js_string, object::builtins::JsArray,
    string::JsStrVariant,
};

use super::{
    joined::Joined,
    over,
    substitution::{Captures, substitute},
};

pub(crate) fn register(context: &mut Context) -> JsResult<()> {
    let string = context.intrinsics().constructors().string().prototype();
    over::replace(&string, js_string!("indexOf"), index_of, context)?;
    over::replace(&string, js_string!("includes"), includes, context)?;
    over::replace(&string, js_string!("split"), split, context)?;
    over::replace(&string, js_string!("replaceAll"), replace_all, context)?;
    Ok(())
}

/// A string to look for in a text of any encoding.
pub(crate) enum Needle {
    Narrow(Vec<u8>),
    Wide(Vec<u16>),
    /// Has a unit that the text cannot have.
    Nowhere,
}

impl Needle {
    /// `needle` in the encoding of `text`.
    pub(crate) fn new(needle: JsStr<'_>, text: JsStr<'_>) -> Self {
        if text.is_latin1() {
            let units: Option<Vec<u8>> = needle.iter().map(|unit| u8::try_from(unit).ok()).collect();
            units.map_or(Self::Nowhere, Self::Narrow)
        } else {
            Self::Wide(needle.iter().collect())
        }
    }

    /// Where it occurs first in `text` at or after `from`.
    pub(crate) fn find(&self, text: JsStr<'_>, from: usize) -> Option<usize> {
        match (self, text.variant()) {
            (Self::Narrow(needle), JsStrVariant::Latin1(text)) => find(text, needle, from),
            (Self::Wide(needle), JsStrVariant::Utf16(text)) => find(text, needle, from),
            _ => None,
        }
    }
}

fn find<T: Copy + PartialEq>(text: &[T], needle: &[T], from: usize) -> Option<usize> {
    let Some((first, rest)) = needle.split_first() else {
        return (from <= text.len()).then_some(from);
    };
    let mut at = from;
    loop {
        at += text.get(at..)?.iter().position(|unit| unit == first)?;
        if text[at + 1..].starts_with(rest) {
            return Some(at);
        }
        at += 1;
    }
}

/// The receiver and the first argument, when both are strings.
fn strings(this: &JsValue, args: &[JsValue]) -> Option<(JsString, JsString)> {
    Some((this.as_string()?, args.get_or_undefined(0).as_string()?))
}

/// Where the search begins, for a second argument whose conversion runs nothing.
fn start(args: &[JsValue], length: usize) -> Option<usize> {
    let from = args.get_or_undefined(1);
    if from.is_undefined() {
        return Some(0);
    }
    // NaN and what is negative become 0.
    from.as_number().map(|from| (from as usize).min(length))
}

fn index_of(
    this: &JsValue,
    args: &[JsValue],
    original: &JsObject,
    context: &mut Context,
) -> JsResult<JsValue> {
    match search(this, args) {
        Some(found) => Ok(found.map_or_else(|| JsValue::new(-1), JsValue::new)),
        None => original.call(this, args, context),
    }
}

fn includes(
    this: &JsValue,
    args: &[JsValue],
    original: &JsObject,
    context: &mut Context,
) -> JsResult<JsValue> {
    match search(this, args) {
        Some(found) => Ok(found.is_some().into()),
        None => original.call(this, args, context),
    }
}

/// `None` when the builtin has to do it.
fn search(this: &JsValue, args: &[JsValue]) -> Option<Option<usize>> {
    let (text, needle) = strings(this, args)?;
    let from = start(args, text.len())?;
    Some(Needle::new(needle.as_str(), text.as_str()).find(text.as_str(), from))
}

fn split(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let limit = args.get_or_undefined(1);
    let (Some((text, separator)), true) = (strings(this, args), limit.is_undefined() || limit.is_number())
    else {
        return original.call(this, args, context);
    };
    // Its single units are taken in one pass, and an empty text has no parts to look for.
    if separator.is_empty() || text.is_empty() {
        return original.call(this, args, context);
    }
    let limit = if limit.is_undefined() { u32::MAX } else { limit.to_u32(context)? } as usize;
    let needle = Needle::new(separator.as_str(), text.as_str());
    let mut parts: Vec<JsValue> = Vec::new();
    let mut start = 0;
    while parts.len() < limit {
        let Some(end) = needle.find(text.as_str(), start) else {
            parts.push(text.get_expect(start..).into());
            break;
        };
        parts.push(text.get_expect(start..end).into());
        start = end + separator.len();
    }
    Ok(JsArray::from_iter(parts, context).into())
}

fn replace_all(
    this: &JsValue,
    args: &[JsValue],
    original: &JsObject,
    context: &mut Context,
) -> JsResult<JsValue> {
    let value = args.get_or_undefined(1);
    let function = value.as_callable();
    let template = value.as_string();
    let (Some((text, searched)), true) = (strings(this, args), function.is_some() || template.is_some())
    else {
        return original.call(this, args, context);
    };
    let needle = Needle::new(searched.as_str(), text.as_str());
    let mut out = Joined::like(text.as_str());
    let (mut copied, mut from) = (0, 0);
    while let Some(at) = needle.find(text.as_str(), from) {
        out.push(text.as_str().get_expect(copied..at));
        copied = at + searched.len();
        from = at + searched.len().max(1);
        match (&function, &template) {
            (Some(function), _) => {
                let arguments = [searched.clone().into(), at.into(), text.clone().into()];
                let replacement = function.call(&JsValue::undefined(), &arguments, context)?;
                out.push(replacement.to_string(context)?.as_str());
            }
            (None, Some(template)) => {
                let captures = Captures { matched: at..copied, groups: &[], names: None };
                substitute(template.as_str(), text.as_str(), &captures, &mut out);
            }
            (None, None) => {}
        }
    }
    if from == 0 {
        return Ok(text.into());
    }
    out.push(text.as_str().get_expect(copied..));
    Ok(out.finish().into())
}
