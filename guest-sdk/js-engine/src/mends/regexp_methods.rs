//! `match`, `replace`, `search` and `split` of an untouched regular expression, without an array for every match.
//!
//! These are what `String.prototype.match`, `replace`, `replaceAll`, `search` and `split` call. An expression with a changed
//! `exec`, flag or constructor, or an argument whose conversion could run a script, is left to the builtin.
//! Registered by `regexp::register`.

use std::rc::Rc;

use boa_engine::{
    Context, JsArgs, JsObject, JsResult, JsString, JsSymbol, JsValue, js_string, object::builtins::JsArray,
};

use super::{
    joined::Joined,
    over,
    regexp::{self, Compiled, Units},
    substitution::{Captures, position, substitute},
};

pub(crate) fn register(prototype: &JsObject, context: &mut Context) -> JsResult<()> {
    over::replace(prototype, JsSymbol::r#match(), r#match, context)?;
    over::replace(prototype, JsSymbol::replace(), replace, context)?;
    over::replace(prototype, JsSymbol::search(), search, context)?;
    over::replace(prototype, JsSymbol::split(), split, context)?;
    Ok(())
}

/// A regular expression and the text it is to work on.
struct Work {
    object: JsObject,
    compiled: Rc<Compiled>,
    text: JsString,
}

impl Work {
    /// `None` when the builtin has to do it.
    fn new(this: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<Option<Self>> {
        let (Some(object), Some(text)) = (this.as_object(), args.get_or_undefined(0).as_string()) else {
            return Ok(None);
        };
        if !regexp::is_pristine(&object, context) {
            return Ok(None);
        }
        let compiled = regexp::compiled(&object, context)?;
        Ok(compiled.map(|compiled| Self { object, compiled, text }))
    }

    /// What a global method leaves behind, whatever it found.
    fn rewind(&self, context: &mut Context) -> JsResult<()> {
        self.object.set(js_string!("lastIndex"), 0, true, context).map(drop)
    }
}

fn r#match(
    this: &JsValue,
    args: &[JsValue],
    original: &JsObject,
    context: &mut Context,
) -> JsResult<JsValue> {
    // One match that is not global is one `exec`, which the builtin calls.
    let Some(work) = Work::new(this, args, context)?.filter(|work| work.compiled.global) else {
        return original.call(this, args, context);
    };
    work.rewind(context)?;
    let units = Units::new(&work.text);
    let found: Vec<JsValue> =
        work.compiled.all(&units).map(|found| work.text.get_expect(found.range()).into()).collect();
    if found.is_empty() {
        return Ok(JsValue::null());
    }
    Ok(JsArray::from_iter(found, context).into())
}

fn search(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    match Work::new(this, args, context)? {
        // `lastIndex` ends as it was.
        Some(work) => {
            let found = work.compiled.find(&Units::new(&work.text), 0);
            Ok(found.map_or_else(|| JsValue::new(-1), |found| found.start().into()))
        }
        None => original.call(this, args, context),
    }
}

fn replace(
    this: &JsValue,
    args: &[JsValue],
    original: &JsObject,
    context: &mut Context,
) -> JsResult<JsValue> {
    let value = args.get_or_undefined(1);
    let replacement = match (value.as_callable(), value.as_string()) {
        (Some(function), _) => Replacement::Function(function),
        (None, Some(template)) if position(template.as_str(), 0, b'$').is_none() => {
            Replacement::Plain(template)
        }
        (None, Some(template)) => Replacement::Template(template),
        (None, None) => return original.call(this, args, context),
    };
    // A sticky expression that is not global begins at `lastIndex` and moves it.
    let work = Work::new(this, args, context)?.filter(|work| work.compiled.global || !work.compiled.sticky);
    let Some(work) = work else {
        return original.call(this, args, context);
    };
    let Work { compiled, text, .. } = &work;
    let most = if compiled.global {
        work.rewind(context)?;
        usize::MAX
    } else {
        1
    };
    let units = Units::new(text);
    let mut out = Joined::like(text.as_str());
    let mut copied = None;
    for found in compiled.all(&units).take(most) {
        out.push(text.as_str().get_expect(copied.unwrap_or(0)..found.start()));
        copied = Some(found.end());
        match &replacement {
            Replacement::Plain(plain) => out.push(plain.as_str()),
            Replacement::Template(template) => {
                let names = regexp::names(&found);
                let captures = Captures {
                    matched: found.range(),
                    groups: &found.captures,
                    names: (!names.is_empty()).then_some(&names),
                };
                substitute(template.as_str(), text.as_str(), &captures, &mut out);
            }
            Replacement::Function(function) => {
                let part = |range: Option<std::ops::Range<usize>>| {
                    range.map_or_else(JsValue::undefined, |range| text.get_expect(range).into())
                };
                let mut arguments: Vec<JsValue> = found.groups().map(part).collect();
                arguments.push(found.start().into());
                arguments.push(text.clone().into());
                let names = regexp::names(&found);
                if !names.is_empty() {
                    arguments.push(regexp::named(&names, |range, _| part(range), context)?);
                }
                let value = function.call(&JsValue::undefined(), &arguments, context)?;
                out.push(value.to_string(context)?.as_str());
            }
        }
    }
    let Some(copied) = copied else {
        return Ok(text.clone().into());
    };
    out.push(text.as_str().get_expect(copied..));
    Ok(out.finish().into())
}

enum Replacement {
    Function(JsObject),
    /// Has no `$`.
    Plain(JsString),
    Template(JsString),
}

fn split(this: &JsValue, args: &[JsValue], original: &JsObject, context: &mut Context) -> JsResult<JsValue> {
    let limit = args.get_or_undefined(1);
    let plain = (limit.is_undefined() || limit.is_number()) && regexp::has_own_species();
    // A sticky expression splits as any other; its guard against searching on would be in the way.
    let work =
        if plain { Work::new(this, args, context)?.filter(|work| !work.compiled.sticky) } else { None };
    let Some(work) = work else {
        return original.call(this, args, context);
    };
    let limit = if limit.is_undefined() { u32::MAX } else { limit.to_u32(context)? } as usize;
    let Work { compiled, text, .. } = &work;
    let units = Units::new(text);
    let part = |range: Option<std::ops::Range<usize>>| {
        range.map_or_else(JsValue::undefined, |range| text.get_expect(range).into())
    };
    let mut parts: Vec<JsValue> = Vec::new();
    // Where the part begins, and where the next match may.
    let (mut start, mut from) = (0, 0);
    while from < text.len() && parts.len() < limit {
        let Some(found) = compiled.find(&units, from).filter(|found| found.start() < text.len()) else {
            break;
        };
        if found.end() == start {
            from = compiled.advance(&units, found.start());
            continue;
        }
        parts.push(part(Some(start..found.start())));
        parts.extend(found.captures.iter().cloned().map(part));
        start = found.end();
        from = start;
    }
    let nothing = text.is_empty() && compiled.find(&units, 0).is_some();
    if parts.len() < limit && !nothing {
        parts.push(part(Some(start..text.len())));
    }
    parts.truncate(limit);
    Ok(JsArray::from_iter(parts, context).into())
}
