//! The smallest parts of a JSONPath query: blanks, names, strings, numbers. Pure.

use serde_json::Value;

use super::super::at;

/// The largest index, 2^53 - 1 (RFC 9535, 2.1).
const MAX_INDEX: i64 = 9_007_199_254_740_991;

/// What is read, and how far.
pub(super) struct Scanner<'a> {
    text: &'a str,
    place: usize,
}

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, place: 0 }
    }

    pub(super) fn rest(&self) -> &'a str {
        &self.text[self.place..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn place(&self) -> usize {
        self.place
    }

    pub(super) fn go_back(&mut self, place: usize) {
        self.place = place;
    }

    /// A message about the place that is reached.
    pub(super) fn wrong(&self, what: &str) -> String {
        self.wrong_at(self.place, what)
    }

    pub(super) fn wrong_at(&self, place: usize, what: &str) -> String {
        format!("{}{what}", at(self.text, Some(place)))
    }

    /// Takes `part` if it comes next.
    pub(super) fn take(&mut self, part: &str) -> bool {
        let comes = self.rest().starts_with(part);
        if comes {
            self.place += part.len();
        }
        comes
    }

    pub(super) fn expect(&mut self, part: &str) -> Result<(), String> {
        if self.take(part) { Ok(()) } else { Err(self.wrong(&format!("expected `{part}`"))) }
    }

    pub(super) fn blanks(&mut self) {
        self.take_while(|character| matches!(character, ' ' | '\t' | '\n' | '\r'));
    }

    fn take_while(&mut self, fits: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|character| !fits(character)).unwrap_or(rest.len());
        self.place += end;
        &rest[..end]
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.place += next.len_utf8();
        Some(next)
    }

    /// A name after a dot.
    pub(super) fn name(&mut self) -> Result<String, String> {
        let first =
            |character: char| character.is_ascii_alphabetic() || character == '_' || !character.is_ascii();
        if !self.peek().is_some_and(first) {
            return Err(self.wrong("expected a name, `*` or `[`; quote an unusual name, as in ['a-b']"));
        }
        Ok(self.take_while(|character| first(character) || character.is_ascii_digit()).to_owned())
    }

    /// The name of a function, if its call comes next.
    pub(super) fn function(&mut self) -> Option<&'a str> {
        let start = self.place;
        let name = self.take_while(|character| matches!(character, 'a'..='z' | '0'..='9' | '_'));
        if name.starts_with(|first: char| first.is_ascii_lowercase()) && self.take("(") {
            return Some(name);
        }
        self.place = start;
        None
    }

    /// An index, if one comes next.
    pub(super) fn int(&mut self) -> Result<Option<i64>, String> {
        let start = self.place;
        let negative = self.take("-");
        let digits = self.take_while(|character| character.is_ascii_digit());
        match digits {
            "" if negative => Err(self.wrong("expected a digit")),
            "" => Ok(None),
            "0" if !negative => Ok(Some(0)),
            _ if digits.starts_with('0') => Err(self.wrong_at(start, "a number does not begin with 0")),
            _ => match digits.parse::<i64>() {
                Ok(number) if number <= MAX_INDEX => Ok(Some(if negative { -number } else { number })),
                Ok(_) | Err(_) => Err(self.wrong_at(start, "this number is too large")),
            },
        }
    }

    /// A JSON number, `true`, `false`, `null` or a string, if one comes next.
    pub(super) fn literal(&mut self) -> Result<Option<Value>, String> {
        match self.peek() {
            Some('\'' | '"') => self.string().map(Value::String).map(Some),
            Some('-' | '0'..='9') => self.number().map(Some),
            Some(_) | None => {
                for (word, value) in
                    [("true", Value::Bool(true)), ("false", Value::Bool(false)), ("null", Value::Null)]
                {
                    let ends = |rest: &str| {
                        !rest.starts_with(|next: char| next.is_alphanumeric() || next == '_' || next == '(')
                    };
                    if self.rest().strip_prefix(word).is_some_and(ends) {
                        self.place += word.len();
                        return Ok(Some(value));
                    }
                }
                Ok(None)
            }
        }
    }

    fn number(&mut self) -> Result<Value, String> {
        let start = self.place;
        self.take("-");
        self.take_while(|character| character.is_ascii_digit());
        if self.take(".") {
            self.take_while(|character| character.is_ascii_digit());
        }
        if self.take("e") || self.take("E") {
            let _sign = self.take("-") || self.take("+");
            self.take_while(|character| character.is_ascii_digit());
        }
        // JSON's own rules for numbers are the ones of the RFC.
        match serde_json::from_str(&self.text[start..self.place]) {
            Ok(number @ Value::Number(_)) => Ok(number),
            Ok(_) | Err(_) => Err(self.wrong_at(start, "this is no number")),
        }
    }

    /// A string in single or double quotes.
    pub(super) fn string(&mut self) -> Result<String, String> {
        let start = self.place;
        let quote = self.next();
        let mut string = String::new();
        loop {
            let place = self.place;
            match self.next() {
                None => return Err(self.wrong_at(start, "this string is never closed")),
                end if end == quote => return Ok(string),
                Some('\\') => {
                    string.push(self.escaped(quote).ok_or_else(|| self.wrong_at(place, "this is no escape"))?)
                }
                Some(control) if control < ' ' => {
                    return Err(self.wrong_at(place, "write control characters as escapes, as in \\n"));
                }
                Some(plain) => string.push(plain),
            }
        }
    }

    fn escaped(&mut self, quote: Option<char>) -> Option<char> {
        Some(match self.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '/' => '/',
            '\\' => '\\',
            'u' => {
                let high = self.hex()?;
                if !(0xd800..0xdc00).contains(&high) {
                    return char::from_u32(high);
                }
                let low = self.take("\\u").then(|| self.hex())??;
                let pair = (0xdc00..0xe000)
                    .contains(&low)
                    .then(|| 0x1_0000 + ((high - 0xd800) << 10) + low - 0xdc00)?;
                char::from_u32(pair)?
            }
            same if Some(same) == quote => same,
            _ => return None,
        })
    }

    fn hex(&mut self) -> Option<u32> {
        let digits =
            self.rest().get(..4).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        self.place += 4;
        u32::from_str_radix(digits, 16).ok()
    }
}
