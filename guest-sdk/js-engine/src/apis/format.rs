//! Messages from arguments, as `console.log` and `util.format` make them, and both functions for the prelude.
//!
//! Placeholders: `%s`, `%d`, `%i`, `%f`, `%j`, `%o`, `%O`, `%c`, `%%` (<https://nodejs.org/api/util.html#utilformatformat-args>).

use boa_engine::{
    Context, JsArgs, JsObject, JsResult, JsString, JsSymbol, JsValue, JsVariant, js_string,
    property::PropertyKey,
};

use crate::output;

use super::{
    inspect::{BUDGET, Getters, Options, inspect, inspect_with},
    inspect_text, native,
};

/// The arguments of a console method as one message: `%s`, `%d`, `%i`, `%f`, `%j`, `%o`, `%O`, `%c`, `%%`, then the rest.
///
/// # Errors
/// What a `toJSON` or a getter threw for `%j`, or that a bigint is none.
pub(crate) fn format(args: &[JsValue], context: &mut Context) -> JsResult<String> {
    let mut out = String::new();
    let mut rest = args;
    if let [first, others @ ..] = args
        && let Some(template) = first.as_string()
    {
        rest = others;
        let template = template.to_std_string_lossy();
        let mut parts = template.split('%');
        out.push_str(parts.next().unwrap_or(""));
        let mut literal = false;
        for part in parts {
            if literal {
                literal = false;
                out.push_str(part);
                continue;
            }
            let Some(directive) = part.chars().next() else {
                // Two in a row: an escaped percent sign, if there is something to format.
                literal = !others.is_empty();
                out.push('%');
                continue;
            };
            match (directive, rest) {
                ('s' | 'd' | 'i' | 'f' | 'j' | 'o' | 'O' | 'c', [value, after @ ..]) => {
                    rest = after;
                    out.push_str(&directive_text(directive, value, context)?);
                    out.push_str(&part[1..]);
                }
                _ => {
                    out.push('%');
                    out.push_str(part);
                }
            }
        }
        if !rest.is_empty() {
            out.push(' ');
        }
    }
    for (index, value) in rest.iter().enumerate() {
        if index > 0 {
            out.push(' ');
        }
        if out.len() > BUDGET {
            out.push_str("...");
            break;
        }
        match value.as_string() {
            Some(text) => out.push_str(&text.to_std_string_lossy()),
            None => out.push_str(&inspect(value, context)),
        }
    }
    Ok(out)
}

fn directive_text(directive: char, value: &JsValue, context: &mut Context) -> JsResult<String> {
    Ok(match (directive, value.variant()) {
        ('c', _) => String::new(),
        ('j', _) => match output::stringify(value, context) {
            Ok(Some(Some(text))) => text.to_std_string_lossy(),
            Ok(Some(None)) => "undefined".to_owned(),
            // Deeper than JSON goes here.
            Ok(None) => inspect(value, context),
            Err(error)
                if error.as_native().is_some_and(|error| error.message().starts_with(output::CIRCULAR)) =>
            {
                "[Circular]".to_owned()
            }
            Err(error) => return Err(error),
        },
        ('s', JsVariant::String(text)) => text.to_std_string_lossy(),
        ('s', JsVariant::Object(object)) if !object.is_callable() && !has_own_text(&object, context) => {
            inspect_with(value, Options { depth: 0, ..Options::default() }, context)
        }
        ('s', JsVariant::Object(_) | JsVariant::Symbol(_)) => own_text_of(value, context),
        ('d' | 'i' | 'f', JsVariant::Symbol(_)) => "NaN".to_owned(),
        ('d' | 'i', JsVariant::BigInt(_)) => inspect(value, context),
        ('i' | 'f', _) => {
            let text = own_text_of(value, context);
            inspect(&JsValue::from(leading_number(&text, directive == 'f')), context)
        }
        ('d', _) => {
            let number = value.to_number(context).unwrap_or(f64::NAN);
            inspect(&JsValue::from(number), context)
        }
        ('o', _) => inspect_with(value, Options { depth: 4, hidden: true, ..Options::default() }, context),
        _ => inspect(value, context),
    })
}

/// Classes of the language that have a `toString` of their own.
const BUILT_IN: [&str; 17] = [
    "Object",
    "Array",
    "Function",
    "Date",
    "RegExp",
    "Error",
    "EvalError",
    "RangeError",
    "ReferenceError",
    "SyntaxError",
    "TypeError",
    "URIError",
    "AggregateError",
    "Number",
    "String",
    "Boolean",
    "Symbol",
];

/// Whether an object says itself what its text is: by a `toString` or a `Symbol.toPrimitive` that is not the language's own.
fn has_own_text(object: &JsObject, context: &mut Context) -> bool {
    let keys: [PropertyKey; 2] = [js_string!("toString").into(), JsSymbol::to_primitive().into()];
    let mut holder = Some(object.clone());
    let mut is_first = true;
    while let Some(current) = holder {
        let has = keys.iter().any(|key| current.borrow().properties().contains_key(key));
        if has && is_first {
            return true;
        }
        if has {
            let constructor =
                current.get(js_string!("constructor"), context).ok().and_then(|value| value.as_object());
            let name = constructor.and_then(|object| object.get(js_string!("name"), context).ok());
            let name = name.and_then(|name| name.as_string()).map(|name| name.to_std_string_lossy());
            return name.is_none_or(|name| !BUILT_IN.contains(&name.as_str()));
        }
        is_first = false;
        holder = current.prototype();
    }
    false
}

/// `String(value)`.
fn own_text_of(value: &JsValue, context: &mut Context) -> String {
    match value.as_symbol() {
        Some(symbol) => symbol.descriptive_string().to_std_string_lossy(),
        None => value.to_string(context).map_or_else(|_| "NaN".to_owned(), |text| text.to_std_string_lossy()),
    }
}

/// What `parseInt` and `parseFloat` read at the start of a text.
fn leading_number(text: &str, with_fraction: bool) -> f64 {
    let text = text.trim_start();
    let sign = usize::from(text.starts_with(['+', '-']));
    let digits = |from: usize| text[from..].bytes().take_while(u8::is_ascii_digit).count();
    if with_fraction && text[sign..].starts_with("Infinity") {
        return if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
    }
    let mut end = sign + digits(sign);
    if with_fraction {
        if text[end..].starts_with('.') && (end > sign || digits(end + 1) > 0) {
            end += 1 + digits(end + 1);
        }
        if end > sign && text[end..].starts_with(['e', 'E']) {
            let at = end + 1 + usize::from(text[end + 1..].starts_with(['+', '-']));
            let exponent = digits(at);
            if exponent > 0 {
                end = at + exponent;
            }
        }
    }
    text[..end].parse().unwrap_or(f64::NAN)
}

/// `inspect(value, options)` and `format(...args)` for the prelude.
pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    native::define(
        target,
        &[("inspect", inspect_native), ("format", format_native), ("width", width_native)],
        context,
    )
}

fn inspect_native(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut options = Options::default();
    if let Some(chosen) = args.get_or_undefined(1).as_object() {
        let depth = chosen.get(js_string!("depth"), context)?;
        if depth.is_null() {
            options.depth = usize::MAX - 1;
        } else if let Some(depth) = depth.as_number() {
            options.depth = depth.min(1e9) as usize;
        }
        if let Some(length) = chosen.get(js_string!("breakLength"), context)?.as_number() {
            options.break_length = length.min(1e9) as usize;
        }
        for (name, most) in
            [("maxArrayLength", &mut options.max_items), ("maxStringLength", &mut options.max_string)]
        {
            let chosen = chosen.get(JsString::from(name), context)?;
            if chosen.is_null() {
                *most = usize::MAX / 2;
            } else if let Some(chosen) = chosen.as_number() {
                *most = chosen.clamp(0.0, 1e9) as usize;
            }
        }
        options.sorted = chosen.get(js_string!("sorted"), context)?.to_boolean();
        options.hidden = chosen.get(js_string!("showHidden"), context)?.to_boolean();
        let getters = chosen.get(js_string!("getters"), context)?;
        options.getters = match getters.as_string().map(|text| text.to_std_string_lossy()) {
            Some(text) if text == "get" => Getters::Alone,
            Some(text) if text == "set" => Getters::WithSetter,
            Some(_) => Getters::Named,
            None if getters.as_boolean() == Some(true) => Getters::All,
            None => Getters::Named,
        };
        let compact = chosen.get(js_string!("compact"), context)?;
        if let Some(levels) = compact.as_number() {
            options.compact = levels as usize;
        } else if compact.as_boolean() == Some(false) {
            options.compact = 0;
        }
    }
    let text = inspect_with(args.get_or_undefined(0), options, context);
    Ok(JsString::from(text.as_str()).into())
}

fn format_native(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    Ok(JsString::from(format(args, context)?.as_str()).into())
}

/// `width(text)`: the columns that it takes.
fn width_native(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = native::text_argument(args, 0, context)?;
    Ok(JsValue::from(inspect_text::width(&text) as u32))
}
