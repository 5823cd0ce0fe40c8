//! Forms as browsers and curl send them. Names are flat and plain: `a[b]` and `__proto__` are names like any other.

use serde_json::{Map, Value};

use crate::model::{Content, JsonText};

/// The most fields of a form.
const FIELDS_MOST: usize = 1_000;

/// # Errors
/// Too many fields.
pub(super) fn content(body: &[u8]) -> Result<Content, String> {
    let mut fields = Map::new();
    for (count, (name, value)) in form_urlencoded::parse(body).enumerate() {
        if count >= FIELDS_MOST {
            return Err(format!("a form of more than {FIELDS_MOST} fields"));
        }
        add(&mut fields, name.into_owned(), value.into_owned());
    }
    Ok(Content::Decoded(JsonText::from_value(&Value::Object(fields))))
}

/// One field more; a name given several times becomes an array.
pub(super) fn add(fields: &mut Map<String, Value>, name: String, value: String) {
    add_value(fields, name, value.into());
}

/// One member more, that is no array itself; a name given several times becomes an array.
pub(in crate::gateway) fn add_value(fields: &mut Map<String, Value>, name: String, value: Value) {
    match fields.get_mut(&name) {
        None => {
            fields.insert(name, value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_form_bomb_is_refused() {
        assert!(content("a=1&".repeat(1_000).as_bytes()).is_ok());
        assert!(content("a=1&".repeat(1_001).as_bytes()).is_err());
        assert!(content("a&".repeat(100_000).as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn any_bytes_make_an_object(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let Ok(Content::Decoded(json)) = content(&body) else { panic!("few fields make a form") };
            prop_assert!(json.to_value().is_object());
        }
    }
}
