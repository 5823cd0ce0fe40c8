//! Where the parts of a signed text begin and end. Whoever sees one delivery must not be able to move a border and get
//! another delivery with the same signature.
//!
//! `{id}.{timestamp}.{body}` with the id `a` and the body `x.1700000000.y` is the same text as the id `a.T.x` with the
//! time 1700000000 and the body `y`. So each part must end at a certain place. What makes it certain is the form of the
//! part, a literal that the part cannot hold, or, beside the body, the characters that documents begin and end with.
//! The body itself needs no end, because the rest of the text is read from both sides.
//!
//! A setting whose borders can be moved is refused. With every other setting, a delivery is refused if its values hold
//! what ends them. Used by `signature`. Pure.

use super::{
    Rejected, SchemeError,
    signed::{Part, SignedText, Values},
};
use crate::model::TimestampUnit;

/// Characters that documents begin or end with and that URLs do not hold.
const MARKS: &[u8] = b"{}[]<>\" \t\r\n";

/// What the values of one delivery must not hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Borders {
    /// Characters that no id may hold.
    id: Vec<char>,
    /// Characters that no URL may hold.
    url: Vec<char>,
    /// Whether the body follows the URL.
    url_then_body: bool,
    /// Whether the URL follows the body.
    body_then_url: bool,
}

impl Borders {
    /// `unit` is how the time is written, if its freshness is checked. A URL is `fixed` when nothing of the request is
    /// in it.
    ///
    /// # Errors
    /// Two parts without a certain border between them.
    pub(super) fn of(
        text: &SignedText,
        unit: Option<TimestampUnit>,
        fixed: bool,
    ) -> Result<Self, SchemeError> {
        let parts = text.parts();
        let body = parts.iter().position(|part| *part == Part::Body).ok_or(SchemeError::BodyNotCovered)?;
        if parts[body + 1..].contains(&Part::Body) {
            return Err(SchemeError::Signed("it contains {body} twice; once is enough".to_owned()));
        }
        let mut borders = Self::default();
        // Before the body we read from the left, after it from the right.
        for pair in parts[..=body].windows(2) {
            let literal = if let Part::Literal(text) = &pair[1] { text.chars().next() } else { None };
            borders.add(&pair[0], &pair[1], literal, unit, fixed)?;
            borders.url_then_body |= matches!(pair, [Part::Url, Part::Body]) && !fixed;
        }
        for pair in parts[body..].windows(2) {
            let literal = if let Part::Literal(text) = &pair[0] { text.chars().next_back() } else { None };
            borders.add(&pair[1], &pair[0], literal, None, fixed)?;
            borders.body_then_url |= matches!(pair, [Part::Body, Part::Url]) && !fixed;
        }
        Ok(borders)
    }

    /// Checks one part. `beside` stands between it and the body. `literal` is the nearest character of that, if it is a
    /// literal.
    fn add(
        &mut self,
        part: &Part,
        beside: &Part,
        literal: Option<char>,
        unit: Option<TimestampUnit>,
        fixed: bool,
    ) -> Result<(), SchemeError> {
        let movable = |as_in| {
            Err(SchemeError::Border { part: part.placeholder(), beside: beside.placeholder(), as_in })
        };
        match (part, beside, literal) {
            // A fresh time has one length: with one digit more or less it lies in another century. No method begins or
            // ends with another one.
            (Part::Literal(_) | Part::Body | Part::Timestamp | Part::Method, _, _) => {}
            (Part::Id, _, Some(end)) => self.id.push(end),
            // Only such a date has this form, and its colons end the id.
            (Part::Id, Part::Timestamp, None) if unit == Some(TimestampUnit::Rfc3339) => self.id.push(':'),
            (Part::Id, _, None) => return movable("{id}.{timestamp}.{body}"),
            (Part::Url, _, _) if fixed => {}
            (Part::Url, _, Some(end)) if !is_of_urls(end) => self.url.push(end),
            (Part::Url, Part::Body, None) => {}
            (Part::Url, _, _) => return movable("{url}|{body}"),
        }
        Ok(())
    }

    /// # Errors
    /// When a value holds what ends it.
    pub(super) fn check(&self, values: &Values<'_>) -> Result<(), Rejected> {
        let wrong = |what, why| Err(Rejected::Border { what, why });
        if values.id.contains(self.id.as_slice()) {
            return wrong("id", "it holds the character that ends it there");
        }
        if values.url.contains(self.url.as_slice()) {
            return wrong("URL", "it holds the character that ends it there");
        }
        if (self.url_then_body || self.body_then_url) && values.url.bytes().any(|byte| MARKS.contains(&byte))
        {
            return wrong("URL", "it holds brackets, quotes or spaces");
        }
        let is_mark = |byte: Option<&u8>| byte.is_none_or(|byte| MARKS.contains(byte));
        if self.url_then_body && !is_mark(values.body.first()) {
            return wrong("body", "it does not begin as a document does, with a bracket, a quote or a space");
        }
        if self.body_then_url && !is_mark(values.body.last()) {
            return wrong("body", "it does not end as a document does, with a bracket, a quote or a space");
        }
        Ok(())
    }
}

/// Whether a character may stand in a URL (RFC 3986).
fn is_of_urls(text: char) -> bool {
    text.is_ascii_graphic() && !"\"<>\\^`{|}".contains(text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn borders(text: &str, unit: TimestampUnit, fixed: bool) -> Result<Borders, SchemeError> {
        Borders::of(&SignedText::parse(text).unwrap(), Some(unit), fixed)
    }

    #[test]
    fn texts_whose_borders_can_be_moved_are_refused_with_the_remedy() {
        use TimestampUnit::{Milliseconds, Rfc3339, Seconds};
        let cases = [
            ("{body}", Seconds, true),
            ("{timestamp}{body}", Seconds, true),
            ("{body}{timestamp}", Milliseconds, true),
            ("{id}.{timestamp}.{body}", Seconds, true),
            ("{id}{timestamp}{body}", Rfc3339, true),
            ("{id}{timestamp}{body}", Seconds, false),
            ("{id}{timestamp}{body}", Milliseconds, false),
            ("{timestamp}{id}{body}", Rfc3339, false),
            ("{timestamp}{id}:{body}", Seconds, true),
            ("{id}{body}", Seconds, false),
            ("{body}{id}", Seconds, false),
            ("{body}{timestamp}{id}", Rfc3339, false),
            ("{body}.{id}", Seconds, true),
            ("{body}{body}", Seconds, false),
            ("{body}.{id}.{body}", Seconds, false),
            ("{url}{body}", Seconds, true),
            ("{body}{url}", Seconds, true),
            ("{method}{url}{body}{timestamp}", Seconds, true),
            ("{timestamp}{method}{url}{body}", Seconds, true),
            ("{url}{timestamp}{body}", Seconds, false),
            ("{url}{id}.{body}", Seconds, false),
            ("{url}.{body}", Seconds, false),
            ("{url}&{timestamp}&{body}", Seconds, false),
            ("{url}|{body}", Seconds, true),
            ("{url}\n{timestamp}\n{body}", Seconds, true),
            ("{body}/{url}", Seconds, false),
            ("{id}{url}{body}", Seconds, false),
            ("{method}{body}", Seconds, true),
            ("{body}{method}", Seconds, true),
        ];
        for (text, unit, good) in cases {
            match (borders(text, unit, false), good) {
                (Ok(_), true) => {}
                (Err(error), false) => {
                    let message = error.to_string();
                    assert!(
                        message.contains("as in") || message.contains("once is enough"),
                        "{text}: {message}"
                    );
                }
                (found, _) => panic!("{text}: {found:?}"),
            }
        }
        // If the setting gives the whole URL, nothing in it can be moved.
        for text in ["{url}{timestamp}{body}", "{url}.{body}", "{body}/{url}"] {
            assert!(borders(text, Seconds, true).is_ok(), "{text}");
        }
    }

    #[test]
    fn values_that_hold_what_ends_them_are_refused() {
        let refused = |what: &'static str| Some(what);
        let cases = [
            ("{id}.{timestamp}.{body}", "msg_1", "", "x", None),
            ("{id}.{timestamp}.{body}", "msg.1", "", "x", refused("id")),
            ("{id}.{timestamp}.{body}", "msg:1", "", "x", None),
            ("{body}#{id}", "1#2", "", "x", refused("id")),
            ("{id}{timestamp}{body}", "4TBlGNFTlYLb_BIp8-4=", "", "x", None),
            ("{id}{timestamp}{body}", "a2024-01-01T00:00:00Zb", "", "x", refused("id")),
            ("{url}{body}", "", "https://a.example/x?a=1", "{\"a\":1}", None),
            ("{url}{body}", "", "https://a.example/x?a=1", "[1]", None),
            ("{url}{body}", "", "https://a.example/x?a=1", "", None),
            ("{url}{body}", "", "https://a.example/x?a=1", "b=2", refused("body")),
            ("{url}{body}", "", "https://a.example/x?a={\"a\":", "{}", refused("URL")),
            ("{url}{body}", "", "https://a.example/x?a[0]=1", "{}", refused("URL")),
            ("{body}{url}", "", "https://a.example/x", "{}", None),
            ("{body}{url}", "", "https://a.example/x", "a=1", refused("body")),
            ("{url}|{body}", "", "https://a.example/x?a|b", "{}", refused("URL")),
        ];
        for (text, id, url, body, expected) in cases {
            let borders = borders(text, TimestampUnit::Rfc3339, false).unwrap();
            let (timestamp, method) = ("2024-01-01T00:00:00Z", "POST");
            let found = borders.check(&Values { body: body.as_bytes(), timestamp, id, url, method });
            let found = found.err().map(|error| match error {
                Rejected::Border { what, .. } => what,
                other => panic!("{other}"),
            });
            assert_eq!(found, expected, "{text} {id} {url} {body}");
        }
    }

    proptest! {
        /// If two accepted deliveries have one text, they are one delivery.
        #[test]
        fn one_text_is_one_delivery(
            text in prop::sample::select(vec![
                "{id}.{timestamp}.{body}", "{timestamp}{body}", "{body}{timestamp}", "v0:{timestamp}:{body}",
                "{id}:{body}", "{body}.{id}", "{timestamp}{id}.{body}", "{url}{body}", "{body}{url}", "{url}|{body}",
            ]),
            ids in prop::array::uniform2("[a.:1]{1,3}"),
            urls in prop::array::uniform2("/[a{}|=]{0,3}"),
            bodies in prop::array::uniform2("[a.:1{}|/=]{0,6}"),
            times in prop::array::uniform2(1_700_000_000_u64..1_700_000_003),
        ) {
            let signed = SignedText::parse(text).unwrap();
            let borders = Borders::of(&signed, Some(TimestampUnit::Seconds), false).unwrap();
            let times = times.map(|time| time.to_string());
            let values = |at: usize| Values {
                body: bodies[at].as_bytes(),
                timestamp: &times[at],
                id: &ids[at],
                url: &urls[at],
                method: "POST",
            };
            let texts = [0, 1].map(|at| signed.fill(&values(at)).concat());
            let used = |name: &str, pair: &[String; 2]| !text.contains(name) || pair[0] == pair[1];
            if texts[0] == texts[1] && borders.check(&values(0)).is_ok() && borders.check(&values(1)).is_ok() {
                let same = used("{id}", &ids) && used("{url}", &urls) && used("{timestamp}", &times);
                prop_assert!(same && bodies[0] == bodies[1], "{:?} {:?} {:?} {:?}", ids, urls, times, bodies);
            }
        }
    }
}
