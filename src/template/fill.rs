//! Filling within bounds: the text of a filled template is written piece by piece and never grows beyond its budget.
//!
//! A template may name one value of 1 MiB three thousand times. So no value is copied before it is written, and the
//! writing stops at the first byte too many. Beside the values that exist anyway, a rendering holds only its own text,
//! which is at most the budget. Looking is bounded too, because a path through an array may look at all of it and give
//! nothing. Called by `text` and `json`. Steps make one [`Budget`] for each part that has a limit.

use std::io::{self, Write};

/// The most array elements that the paths of one budget may look at, which takes some tens of milliseconds.
const MAX_LOOKS: usize = 4_000_000;

/// Why a template could not be filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FillError {
    /// The text is larger than it may be.
    #[error("it would be over {most} bytes; take less of the event and of the outputs of earlier steps")]
    TooLarge {
        /// The number of bytes that are allowed.
        most: usize,
    },
    /// The paths go through more values than they may.
    #[error("its templates go through more than {MAX_LOOKS} values; take smaller arrays, or use a code step")]
    TooMuchWork,
    /// The value is nested deeper than JSON may be.
    #[error("it would be nested more than 127 levels deep")]
    TooDeep,
}

/// How much may be written and looked at. Renderings that share a limit share a budget.
#[derive(Debug)]
pub struct Budget {
    most: usize,
    left: usize,
    looks: usize,
}

impl Budget {
    /// A budget of so many bytes of text.
    pub fn new(most: usize) -> Self {
        Self { most, left: most, looks: MAX_LOOKS }
    }

    /// A budget that bounds only the work of the paths, for a text that is not kept.
    pub fn of_work() -> Self {
        Self::new(usize::MAX)
    }

    /// Takes bytes that the caller adds itself.
    ///
    /// # Errors
    /// When too few are left.
    pub fn pay(&mut self, bytes: usize) -> Result<(), FillError> {
        self.left = self.left.checked_sub(bytes).ok_or(FillError::TooLarge { most: self.most })?;
        Ok(())
    }

    /// Takes values that a path goes through.
    pub(super) fn look(&mut self, values: usize) -> Result<(), FillError> {
        self.looks = self.looks.checked_sub(values).ok_or(FillError::TooMuchWork)?;
        Ok(())
    }
}

/// The target of a rendering, as far as its budget reaches.
pub(super) struct Filler<'a> {
    out: &'a mut dyn Write,
    pub(super) budget: &'a mut Budget,
}

impl Filler<'_> {
    /// Writes a value as compact JSON.
    pub(super) fn json<T: serde::Serialize + ?Sized>(&mut self, value: &T) -> Result<(), FillError> {
        let most = self.budget.most;
        serde_json::to_writer(self, value).map_err(|_| FillError::TooLarge { most })
    }

    /// Writes a text as it is.
    pub(super) fn text(&mut self, text: &str) -> Result<(), FillError> {
        let most = self.budget.most;
        self.write_all(text.as_bytes()).map_err(|_| FillError::TooLarge { most })
    }

    /// Lets `fill` write the inside of a JSON string.
    pub(super) fn string(
        &mut self,
        fill: impl FnOnce(&mut Filler<'_>) -> Result<(), FillError>,
    ) -> Result<(), FillError> {
        self.text("\"")?;
        let Self { out, budget } = self;
        let most = budget.most;
        // The bytes inside pay when they are escaped.
        let mut inside = Budget { most, left: usize::MAX, looks: budget.looks };
        let mut escaped = Escaped(Filler { out: &mut **out, budget });
        let filled = fill(&mut Filler { out: &mut escaped, budget: &mut inside });
        budget.looks = inside.looks;
        filled?;
        self.text("\"")
    }
}

impl Write for Filler<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.budget.left.checked_sub(bytes.len()) {
            Some(left) => self.budget.left = left,
            None => return Err(io::ErrorKind::FileTooLarge.into()),
        }
        self.out.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes text as the inside of a JSON string, with the escapes of serde_json.
struct Escaped<'a>(Filler<'a>);

impl Write for Escaped<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut plain = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            let short = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                0x08 => "\\b",
                b'\t' => "\\t",
                b'\n' => "\\n",
                0x0c => "\\f",
                b'\r' => "\\r",
                0..0x20 => "",
                _ => continue,
            };
            self.0.write_all(&bytes[plain..at])?;
            match short {
                "" => write!(self.0, "\\u{byte:04x}")?,
                short => self.0.write_all(short.as_bytes())?,
            }
            plain = at + 1;
        }
        self.0.write_all(&bytes[plain..])?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Lets `fill` write to `out` within the budget.
pub(super) fn into(
    out: &mut dyn Write,
    budget: &mut Budget,
    fill: impl FnOnce(&mut Filler<'_>) -> Result<(), FillError>,
) -> Result<(), FillError> {
    fill(&mut Filler { out, budget })
}

/// The text that `fill` writes within the budget.
pub(super) fn text(
    budget: &mut Budget,
    fill: impl FnOnce(&mut Filler<'_>) -> Result<(), FillError>,
) -> Result<String, FillError> {
    let mut text = Vec::new();
    into(&mut text, budget, fill)?;
    Ok(String::from_utf8(text).expect("strings and JSON are UTF-8"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_writing_stops_at_the_first_byte_too_much() {
        for (most, fits) in [(7, true), (6, false), (0, false)] {
            let filled = text(&mut Budget::new(most), |fill| fill.json(&["abc"]));
            assert_eq!(
                filled,
                if fits { Ok("[\"abc\"]".to_owned()) } else { Err(FillError::TooLarge { most }) }
            );
        }
        let mut shared = Budget::new(5);
        assert!(text(&mut shared, |fill| fill.text("abc")).is_ok());
        assert_eq!(text(&mut shared, |fill| fill.text("abc")), Err(FillError::TooLarge { most: 5 }));
    }

    proptest! {
        #[test]
        fn the_inside_of_a_string_is_escaped_as_serde_json_does(inside in "\\PC*|[\\x00-\\x7f]{0,20}") {
            let filled = text(&mut Budget::new(1 << 20), |fill| fill.string(|fill| fill.text(&inside)));
            prop_assert_eq!(filled.unwrap(), serde_json::to_string(&inside).unwrap());
        }
    }
}
