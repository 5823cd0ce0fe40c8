//! URL parsing and form encoding for `URL`, `URLSearchParams` and `querystring` (the `url` crate follows the WHATWG standard).

use boa_engine::{Context, JsArgs, JsObject, JsResult, JsString, JsValue, object::builtins::JsArray};
use url::{Url, form_urlencoded, quirks};

use super::native::{define, text_argument};

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(
        target,
        &[("urlParse", parse), ("urlSet", set), ("formParse", form_parse), ("formSerialize", form_serialize)],
        context,
    )
}

/// `href`, then the parts in the order of the prelude's list.
fn parts(url: &Url, context: &mut Context) -> JsValue {
    let origin = quirks::origin(url);
    let parts = [
        quirks::href(url),
        &origin,
        quirks::protocol(url),
        quirks::username(url),
        quirks::password(url),
        quirks::host(url),
        quirks::hostname(url),
        quirks::port(url),
        quirks::pathname(url),
        quirks::search(url),
        quirks::hash(url),
    ];
    texts(parts, context)
}

fn texts<'a>(items: impl IntoIterator<Item = &'a str>, context: &mut Context) -> JsValue {
    let items: Vec<JsValue> = items.into_iter().map(|text| JsString::from(text).into()).collect();
    JsArray::from_iter(items, context).into()
}

/// `urlParse(input, base)`: the parts, or `null`.
fn parse(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let input = text_argument(args, 0, context)?;
    let base = match args.get_or_undefined(1) {
        base if base.is_undefined() => None,
        _ => match Url::parse(&text_argument(args, 1, context)?) {
            Ok(base) => Some(base),
            Err(_) => return Ok(JsValue::null()),
        },
    };
    Ok(match Url::options().base_url(base.as_ref()).parse(&input) {
        Ok(url) => parts(&url, context),
        Err(_) => JsValue::null(),
    })
}

/// `urlSet(href, part, value)`: the new parts, or `null` when the value is refused.
fn set(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let href = text_argument(args, 0, context)?;
    let part = text_argument(args, 1, context)?;
    let value = text_argument(args, 2, context)?;
    let Ok(mut url) = Url::parse(&href) else {
        return Ok(JsValue::null());
    };
    let accepted = match part.as_str() {
        "href" => quirks::set_href(&mut url, &value).is_ok(),
        "protocol" => quirks::set_protocol(&mut url, &value).is_ok(),
        "username" => quirks::set_username(&mut url, &value).is_ok(),
        "password" => quirks::set_password(&mut url, &value).is_ok(),
        "host" => quirks::set_host(&mut url, &value).is_ok(),
        "hostname" => quirks::set_hostname(&mut url, &value).is_ok(),
        "port" => quirks::set_port(&mut url, &value).is_ok(),
        "pathname" => {
            quirks::set_pathname(&mut url, &value);
            true
        }
        "search" => {
            quirks::set_search(&mut url, &value);
            true
        }
        "hash" => {
            quirks::set_hash(&mut url, &value);
            true
        }
        _ => false,
    };
    Ok(match accepted {
        true => parts(&url, context),
        false => JsValue::null(),
    })
}

/// `formParse(text)`: names and values in turn.
fn form_parse(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = text_argument(args, 0, context)?;
    let flat: Vec<String> = form_urlencoded::parse(text.as_bytes())
        .flat_map(|(name, value)| [name.into_owned(), value.into_owned()])
        .collect();
    Ok(texts(flat.iter().map(String::as_str), context))
}

/// `formSerialize(flat)`
fn form_serialize(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let mut out = form_urlencoded::Serializer::new(String::new());
    if let Some(list) = args.get_or_undefined(0).as_object() {
        let list = JsArray::from_object(list)?;
        let length = list.length(context)? as i64;
        for index in (0..length - 1).step_by(2) {
            let name = list.at(index, context)?.to_string(context)?;
            let value = list.at(index + 1, context)?.to_string(context)?;
            out.append_pair(&name.to_std_string_lossy(), &value.to_std_string_lossy());
        }
    }
    Ok(JsString::from(out.finish().as_str()).into())
}
