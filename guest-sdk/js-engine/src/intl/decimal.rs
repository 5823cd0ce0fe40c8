//! Decimal numbers as they are written: parsed, scaled and rounded exactly, whatever their size.

/// How a digit that is dropped counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rounding {
    Ceil,
    Floor,
    Expand,
    Trunc,
    HalfCeil,
    HalfFloor,
    HalfExpand,
    HalfTrunc,
    HalfEven,
}

impl Rounding {
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "ceil" => Self::Ceil,
            "floor" => Self::Floor,
            "expand" => Self::Expand,
            "trunc" => Self::Trunc,
            "halfCeil" => Self::HalfCeil,
            "halfFloor" => Self::HalfFloor,
            "halfTrunc" => Self::HalfTrunc,
            "halfEven" => Self::HalfEven,
            _ => Self::HalfExpand,
        }
    }

    /// Whether what is left over raises the last digit, by how it compares with half of it.
    fn raises(self, half: std::cmp::Ordering, exact: bool, negative: bool, odd: bool) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        if exact {
            return false;
        }
        match (self, half) {
            (Self::Expand, _) => true,
            (Self::Trunc, _) => false,
            (Self::Ceil, _) => !negative,
            (Self::Floor, _) => negative,
            (_, Greater) => true,
            (_, Less) => false,
            (Self::HalfExpand, Equal) => true,
            (Self::HalfTrunc, Equal) => false,
            (Self::HalfCeil, Equal) => !negative,
            (Self::HalfFloor, Equal) => negative,
            (Self::HalfEven, Equal) => odd,
        }
    }
}

/// A number, or what is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Decimal {
    pub(crate) negative: bool,
    pub(crate) kind: Kind,
    /// Without zeros at either end; empty for zero.
    digits: Vec<u8>,
    /// The power of ten of the first digit.
    power: i32,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Finite,
    Infinite,
    NotANumber,
}

impl Decimal {
    /// From decimal digits with an exponent, as JavaScript prints numbers; what is none of that is not a number.
    pub(crate) fn parse(text: &str) -> Self {
        let mut number = Self { negative: false, kind: Kind::Finite, digits: Vec::new(), power: 0 };
        let mut text = text.trim();
        if let Some(rest) = text.strip_prefix('-') {
            number.negative = true;
            text = rest;
        } else if let Some(rest) = text.strip_prefix('+') {
            text = rest;
        }
        if text == "Infinity" {
            number.kind = Kind::Infinite;
            return number;
        }
        let (mantissa, exponent) = match text.find(['e', 'E']) {
            Some(at) => (&text[..at], text[at + 1..].parse::<i32>().unwrap_or(0)),
            None => (text, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if mantissa.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit()) {
            number.kind = Kind::NotANumber;
            number.negative = false;
            return number;
        }
        number.digits = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').collect();
        number.power = whole.len() as i32 - 1 + exponent.clamp(-100_000, 100_000);
        number.trim();
        number
    }

    fn trim(&mut self) {
        let zeros = self.digits.iter().take_while(|&&digit| digit == 0).count();
        self.digits.drain(..zeros);
        self.power -= zeros as i32;
        while self.digits.last() == Some(&0) {
            self.digits.pop();
        }
        if self.digits.is_empty() {
            self.power = 0;
        }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.kind == Kind::Finite && self.digits.is_empty()
    }

    /// The power of ten of the first digit; 0 for zero.
    pub(crate) fn magnitude(&self) -> i32 {
        self.power
    }

    /// Times ten to this power.
    pub(crate) fn scaled(&self, by: i32) -> Self {
        let mut scaled = self.clone();
        if !self.digits.is_empty() {
            scaled.power += by;
        }
        scaled
    }

    /// The digit at a power of ten.
    pub(crate) fn digit(&self, power: i32) -> u8 {
        usize::try_from(self.power - power).ok().and_then(|at| self.digits.get(at)).copied().unwrap_or(0)
    }

    /// The power of ten of the last digit that is not zero.
    pub(crate) fn lowest(&self) -> i32 {
        self.power - self.digits.len() as i32 + 1
    }

    /// Rounds to a multiple of `increment` times ten to the power `last`.
    pub(crate) fn round(&mut self, last: i32, increment: u32, mode: Rounding) {
        if self.kind != Kind::Finite || self.digits.is_empty() || (increment == 1 && self.lowest() >= last) {
            return;
        }
        // The digits down to `last`, divided by the increment.
        let kept = (self.power - last + 1).max(0) as usize;
        let (mut quotient, mut rest) = (Vec::with_capacity(kept + 1), 0_u32);
        for at in 0..kept {
            rest = rest * 10 + u32::from(self.digits.get(at).copied().unwrap_or(0));
            quotient.push((rest / increment) as u8);
            rest %= increment;
        }
        let below = self.digits.get(kept..).unwrap_or(&[]);
        // When the number is smaller than the last place, what is below it begins further down.
        let gap = last - self.power - 1;
        let first = if gap > 0 { 0 } else { below.first().copied().unwrap_or(0) };
        let more = if gap > 0 { !below.is_empty() } else { below.iter().skip(1).any(|&digit| digit != 0) };
        let tenths = rest * 10 + u32::from(first);
        let half = tenths.cmp(&(increment * 5)).then(if more {
            std::cmp::Ordering::Greater
        } else {
            std::cmp::Ordering::Equal
        });
        let odd = quotient.last().is_some_and(|digit| digit % 2 == 1);
        let raised = mode.raises(half, tenths == 0 && !more, self.negative, odd);
        if raised {
            let mut at = quotient.len();
            loop {
                if at == 0 {
                    quotient.insert(0, 1);
                    break;
                }
                at -= 1;
                if quotient[at] < 9 {
                    quotient[at] += 1;
                    break;
                }
                quotient[at] = 0;
            }
        }
        let mut product = Vec::with_capacity(quotient.len() + 4);
        let mut carry = 0;
        for &digit in quotient.iter().rev() {
            carry += u32::from(digit) * increment;
            product.push((carry % 10) as u8);
            carry /= 10;
        }
        while carry > 0 {
            product.push((carry % 10) as u8);
            carry /= 10;
        }
        product.reverse();
        self.power = last + product.len() as i32 - 1;
        self.digits = product;
        self.trim();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounded(text: &str, last: i32, increment: u32, mode: Rounding) -> String {
        let mut number = Decimal::parse(text);
        number.round(last, increment, mode);
        let (from, to) = (number.magnitude().max(0), last.min(0));
        let digits: String = (to..=from)
            .rev()
            .map(|power| format!("{}{}", number.digit(power), if power == 0 && to < 0 { "." } else { "" }))
            .collect();
        format!("{}{digits}", if number.negative { "-" } else { "" })
    }

    #[test]
    fn halves_go_where_the_mode_says() {
        for (mode, plus, minus) in [
            (Rounding::HalfExpand, "3", "-3"),
            (Rounding::HalfEven, "2", "-2"),
            (Rounding::HalfTrunc, "2", "-2"),
            (Rounding::HalfCeil, "3", "-2"),
            (Rounding::HalfFloor, "2", "-3"),
            (Rounding::Ceil, "3", "-2"),
            (Rounding::Floor, "2", "-3"),
            (Rounding::Expand, "3", "-3"),
            (Rounding::Trunc, "2", "-2"),
        ] {
            assert_eq!(rounded("2.5", 0, 1, mode), plus, "{mode:?}");
            assert_eq!(rounded("-2.5", 0, 1, mode), minus, "{mode:?}");
        }
    }

    #[test]
    fn small_numbers_and_increments_round_exactly() {
        assert_eq!(rounded("0.05", 0, 1, Rounding::HalfExpand), "0");
        assert_eq!(rounded("0.005", -2, 1, Rounding::HalfExpand), "0.01");
        assert_eq!(rounded("0.0005", -2, 1, Rounding::Expand), "0.01");
        assert_eq!(rounded("999.95", -1, 1, Rounding::HalfExpand), "1000.0");
        assert_eq!(rounded("1.23", -2, 5, Rounding::HalfExpand), "1.25");
        assert_eq!(rounded("1.22", -2, 5, Rounding::HalfExpand), "1.20");
        assert_eq!(rounded("12", 0, 25, Rounding::HalfExpand), "0");
        assert_eq!(rounded("12.5", 0, 25, Rounding::HalfExpand), "25");
    }
}
