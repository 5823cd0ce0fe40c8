//! What a signature covers: literals and placeholders, read once at compile time.
//!
//! Used by `signature`. The values are concatenated as they are. Nothing is escaped or interpreted.

use super::SchemeError;

/// One piece of the signed text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    Literal(String),
    Body,
    Timestamp,
    Id,
    Url,
    Method,
}

impl Part {
    /// The piece as a setting writes it.
    pub(super) fn placeholder(&self) -> String {
        match self {
            Self::Literal(text) => format!("`{text}`"),
            Self::Body => "{body}".to_owned(),
            Self::Timestamp => "{timestamp}".to_owned(),
            Self::Id => "{id}".to_owned(),
            Self::Url => "{url}".to_owned(),
            Self::Method => "{method}".to_owned(),
        }
    }
}

/// The pieces in order. They always cover the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SignedText(Vec<Part>);

/// The values of one delivery. `timestamp` and `id` are the sender's own text.
pub(super) struct Values<'a> {
    pub(super) body: &'a [u8],
    pub(super) timestamp: &'a str,
    pub(super) id: &'a str,
    pub(super) url: &'a str,
    pub(super) method: &'a str,
}

impl SignedText {
    /// # Errors
    /// A brace without its partner, an unknown placeholder, or no `{body}`.
    pub(super) fn parse(text: &str) -> Result<Self, SchemeError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(brace) = rest.find(['{', '}']) {
            if rest[brace..].starts_with('}') {
                return Err(SchemeError::Signed("a } without its {".to_owned()));
            }
            if brace > 0 {
                parts.push(Part::Literal(rest[..brace].to_owned()));
            }
            let (name, after) = rest[brace + 1..]
                .split_once('}')
                .ok_or_else(|| SchemeError::Signed("a { without its }".to_owned()))?;
            parts.push(match name {
                "body" => Part::Body,
                "timestamp" => Part::Timestamp,
                "id" => Part::Id,
                "url" => Part::Url,
                "method" => Part::Method,
                other => {
                    let message = format!(
                        "unknown {{{other}}}; known are {{body}}, {{timestamp}}, {{id}}, {{url}}, {{method}}"
                    );
                    return Err(SchemeError::Signed(message));
                }
            });
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        if parts.contains(&Part::Body) { Ok(Self(parts)) } else { Err(SchemeError::BodyNotCovered) }
    }

    pub(super) fn parts(&self) -> &[Part] {
        &self.0
    }

    pub(super) fn has_timestamp(&self) -> bool {
        self.0.contains(&Part::Timestamp)
    }

    pub(super) fn has_id(&self) -> bool {
        self.0.contains(&Part::Id)
    }

    pub(super) fn has_url(&self) -> bool {
        self.0.contains(&Part::Url)
    }

    /// The signed text of one delivery, in pieces.
    pub(super) fn fill<'a>(&'a self, values: &Values<'a>) -> Vec<&'a [u8]> {
        let piece = |part: &'a Part| match part {
            Part::Literal(text) => text.as_bytes(),
            Part::Body => values.body,
            Part::Timestamp => values.timestamp.as_bytes(),
            Part::Id => values.id.as_bytes(),
            Part::Url => values.url.as_bytes(),
            Part::Method => values.method.as_bytes(),
        };
        self.0.iter().map(piece).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_and_literals_are_concatenated() {
        let values =
            Values { body: b"BODY{id}", timestamp: "17", id: "msg", url: "http://x/?y", method: "POST" };
        let cases = [
            ("{body}", "BODY{id}"),
            ("{id}.{timestamp}.{body}", "msg.17.BODY{id}"),
            ("v0:{timestamp}:{body}\n", "v0:17:BODY{id}\n"),
            ("{url}{body}", "http://x/?yBODY{id}"),
            ("é{method}{body}", "éPOSTBODY{id}"),
        ];
        for (text, expected) in cases {
            let signed = SignedText::parse(text).unwrap();
            assert_eq!(signed.fill(&values).concat(), expected.as_bytes(), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_signed_is_refused() {
        for (text, expected) in [
            ("{uri}{body}", "unknown {uri}"),
            ("{Body}", "unknown {Body}"),
            ("{}{body}", "unknown {}"),
            ("{body", "a { without its }"),
            ("body}", "a } without its {"),
            ("{{body}}", "unknown {{body}"),
            ("{timestamp}", "does not contain {body}"),
            ("", "does not contain {body}"),
        ] {
            let error = SignedText::parse(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
