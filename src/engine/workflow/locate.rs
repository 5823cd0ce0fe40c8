//! Finds the line of a field in the text of `workflow.json`, so that errors can name it.

use jsonc_parser::{ParseOptions, ast, common::Ranged, parse_to_ast};

/// Line and column of the field, both from 1; of its nearest parent that exists, when it is missing.
pub(crate) fn locate(text: &str, path: &str) -> Option<(u32, u32)> {
    let parsed = parse_to_ast(text, &Default::default(), &ParseOptions::default()).ok()?;
    let mut value = parsed.value.as_ref()?;
    let mut offset = value.range().start;
    for part in path.split(['.', '[', ']']).filter(|part| !part.is_empty()) {
        let found = match value {
            ast::Value::Object(object) => {
                object.properties.iter().find(|property| property.name.as_str() == part).map(|property| {
                    offset = property.range.start;
                    &property.value
                })
            }
            ast::Value::Array(array) => part.parse::<usize>().ok().and_then(|index| {
                let element = array.elements.get(index)?;
                offset = element.range().start;
                Some(element)
            }),
            ast::Value::StringLit(_)
            | ast::Value::NumberLit(_)
            | ast::Value::BooleanLit(_)
            | ast::Value::NullKeyword(_) => None,
        };
        match found {
            Some(inner) => value = inner,
            None => break,
        }
    }
    let before = text.get(..offset)?;
    let line = before.matches('\n').count() + 1;
    let column = before.len() - before.rfind('\n').map_or(0, |newline| newline + 1) + 1;
    Some((line as u32, column as u32))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_path() {
        let text = "{\n  \"key\": \"k\",\n  \"steps\": [\n    {\"id\": \"a\"},\n    {\"id\": \"b\",\n     \"then\": [{\"file\": 7}]}\n  ]\n}";
        let cases = [
            ("key", (2, 3)),
            ("steps[1]", (5, 5)),
            ("steps[1].then[0].file", (6, 16)),
            ("steps[1].then[0].missing", (6, 15)),
            ("", (1, 1)),
        ];
        for (path, place) in cases {
            assert_eq!(locate(text, path), Some(place), "{path}");
        }
        assert_eq!(locate("{", "key"), None);
    }
}
