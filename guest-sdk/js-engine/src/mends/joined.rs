//! A string that is put together from parts: one byte a unit as long as every part allows it.
//!
//! Used by `regexp_replace` and `search`.

use boa_engine::{JsStr, JsString, string::JsStrVariant};

/// See the module documentation.
pub(crate) enum Joined {
    Narrow(Vec<u8>),
    Wide(Vec<u16>),
}

impl Joined {
    /// Empty, for parts that mostly come from `text`.
    pub(crate) fn like(text: JsStr<'_>) -> Self {
        if text.is_latin1() { Self::Narrow(Vec::new()) } else { Self::Wide(Vec::new()) }
    }

    /// Appends `part`.
    pub(crate) fn push(&mut self, part: JsStr<'_>) {
        match (&mut *self, part.variant()) {
            (Self::Narrow(units), JsStrVariant::Latin1(part)) => units.extend_from_slice(part),
            (Self::Wide(units), JsStrVariant::Latin1(part)) => {
                units.extend(part.iter().map(|unit| u16::from(*unit)));
            }
            (Self::Wide(units), JsStrVariant::Utf16(part)) => units.extend_from_slice(part),
            (Self::Narrow(units), JsStrVariant::Utf16(part)) => {
                if part.iter().all(|unit| *unit < 256) {
                    units.extend(part.iter().map(|unit| *unit as u8));
                } else {
                    let mut wide: Vec<u16> = units.iter().map(|unit| u16::from(*unit)).collect();
                    wide.extend_from_slice(part);
                    *self = Self::Wide(wide);
                }
            }
        }
    }

    /// The string.
    pub(crate) fn finish(self) -> JsString {
        match self {
            Self::Narrow(units) => JsString::from(JsStr::latin1(&units)),
            Self::Wide(units) => JsString::from(JsStr::utf16(&units)),
        }
    }
}
