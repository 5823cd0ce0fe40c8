//! Patterns of numbers: `#,##,##0.###`, `¤#,##0.00;(¤#,##0.00)`, `0 Tsd'.'`.

/// A piece of what stands around the digits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Affix {
    Literal(String),
    /// The word of a compact number.
    Compact(String),
    Minus,
    Plus,
    Percent,
    Currency,
}

/// A pattern, read.
#[derive(Debug)]
pub(crate) struct Pattern {
    positive: [Vec<Affix>; 2],
    negative: Option<[Vec<Affix>; 2]>,
    /// How many digits the last group has, and each before it.
    pub(crate) group: Option<(usize, usize)>,
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Self {
        let mut halves = cut(text);
        let positive = halves.remove(0);
        let (affixes, digits) = split(&positive);
        let whole = digits.split('.').next().unwrap_or_default();
        let groups: Vec<&str> = whole.split(',').collect();
        let group = match groups[..] {
            [.., further, last] if groups.len() > 2 => Some((last.len(), further.len())),
            [_, last] => Some((last.len(), last.len())),
            _ => None,
        };
        // A pattern of zeros alone belongs to a compact number.
        let compact = group.is_none() && !digits.contains('#') && !digits.contains('.');
        let read = |texts: [String; 2]| texts.map(|text| affix(&text, compact));
        Self {
            positive: read(affixes),
            negative: halves.first().map(|half| read(split(half).0)),
            group: group.filter(|&(first, further)| first > 0 && further > 0),
        }
    }

    /// What stands before and after a number with this sign.
    pub(crate) fn affixes(&self, sign: Option<&str>) -> [Vec<Affix>; 2] {
        let Some(sign) = sign else { return self.positive.clone() };
        let sign = if sign == "plusSign" { Affix::Plus } else { Affix::Minus };
        match &self.negative {
            // Brackets mean less than zero; a plus stands before the positive form.
            Some(negative)
                if sign == Affix::Minus || negative.iter().flatten().any(|piece| *piece == Affix::Minus) =>
            {
                negative.clone().map(|affix| {
                    affix
                        .into_iter()
                        .map(|piece| if piece == Affix::Minus { sign.clone() } else { piece })
                        .collect()
                })
            }
            Some(_) | None => {
                let [before, after] = self.positive.clone();
                let mut signed = vec![sign];
                signed.extend(before);
                [signed, after]
            }
        }
    }
}

/// The halves around a semicolon that is not quoted.
fn cut(text: &str) -> Vec<String> {
    let (mut halves, mut quoted) = (vec![String::new()], false);
    for c in text.chars() {
        if c == '\'' {
            quoted = !quoted;
        }
        if c == ';' && !quoted {
            halves.push(String::new());
        } else if let Some(half) = halves.last_mut() {
            half.push(c);
        }
    }
    halves
}

/// What stands before and after the digits, and the digits.
fn split(text: &str) -> ([String; 2], String) {
    let (mut before, mut digits, mut after, mut quoted) =
        (String::new(), String::new(), String::new(), false);
    for c in text.chars() {
        if c == '\'' {
            quoted = !quoted;
        }
        let digit = !quoted
            && matches!(c, '#' | '0' | ',' | '.' | 'E')
            && after.is_empty()
            && (matches!(c, '#' | '0') || !digits.is_empty());
        if digit {
            digits.push(c);
        } else if digits.is_empty() {
            before.push(c);
        } else {
            after.push(c);
        }
    }
    // A point at the end is no part of the digits.
    while digits.ends_with(['.', ',']) {
        digits.pop();
    }
    ([before, after], digits)
}

fn affix(text: &str, compact: bool) -> Vec<Affix> {
    let mut pieces: Vec<Affix> = Vec::new();
    let mut literal = String::new();
    let mut quoted = false;
    let mut chars = text.chars().peekable();
    let flush = |literal: &mut String, pieces: &mut Vec<Affix>| {
        if !literal.is_empty() {
            let text = std::mem::take(literal);
            pieces.push(if compact { Affix::Compact(text) } else { Affix::Literal(text) });
        }
    };
    while let Some(c) = chars.next() {
        let special = match c {
            '\'' if chars.peek() == Some(&'\'') => {
                chars.next();
                literal.push('\'');
                continue;
            }
            '\'' => {
                quoted = !quoted;
                continue;
            }
            _ if quoted => None,
            '-' => Some(Affix::Minus),
            '+' => Some(Affix::Plus),
            '%' => Some(Affix::Percent),
            '¤' => Some(Affix::Currency),
            _ => None,
        };
        match special {
            Some(special) => {
                flush(&mut literal, &mut pieces);
                pieces.push(special);
            }
            None => literal.push(c),
        }
    }
    flush(&mut literal, &mut pieces);
    pieces
}
