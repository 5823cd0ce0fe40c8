//! Messages from arguments, as `console.log` and `util.format` make them, and both functions for the prelude.
//!
//! Placeholders: `%s`, `%d`, `%i`, `%f`, `%j`, `%o`, `%O`, `%c`, `%%` (<https://nodejs.org/api/util.html#utilformatformat-args>).

use boa_engine::{Context, JsArgs, JsObject, JsResult, JsString, JsValue, JsVariant, js_string};

use super::{
    inspect::{BUDGET, Options, inspect, inspect_with},
    native,
};

/// The arguments of a console method as one message: `%s`, `%d`, `%i`, `%f`, `%j`, `%o`, `%O`, `%c`, `%%`, then the rest.
pub(crate) fn format(args: &[JsValue], context: &mut Context) -> String {
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
                    out.push_str(&directive_text(directive, value, context));
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
    out
}

fn directive_text(directive: char, value: &JsValue, context: &mut Context) -> String {
    match (directive, value.variant()) {
        ('c', _) => String::new(),
        ('j', _) => match value.to_json(context) {
            Ok(Some(json)) => json.to_string(),
            Ok(None) => "undefined".to_owned(),
            Err(_) => "[Circular]".to_owned(),
        },
        ('s', JsVariant::String(text)) => text.to_std_string_lossy(),
        ('d' | 'i' | 'f', JsVariant::Object(_) | JsVariant::Symbol(_)) => "NaN".to_owned(),
        ('d' | 'i' | 'f', _) => match value.to_number(context) {
            Ok(number) => {
                let number = if directive == 'i' { number.trunc() } else { number };
                JsValue::from(number)
                    .to_string(context)
                    .map_or_else(|_| "NaN".to_owned(), |text| text.to_std_string_lossy())
            }
            Err(_) => "NaN".to_owned(),
        },
        _ => inspect(value, context),
    }
}

/// `inspect(value, options)` and `format(...args)` for the prelude.
pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    native::define(target, &[("inspect", inspect_native), ("format", format_native)], context)
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
    Ok(JsString::from(format(args, context).as_str()).into())
}
