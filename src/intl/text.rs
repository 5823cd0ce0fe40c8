//! Tags of locales, case, segments and sorting, by ICU4X.

use std::{cell::RefCell, cmp::Ordering};

use icu_casemap::CaseMapper;
use icu_collator::{
    Collator, CollatorBorrowed,
    options::{AlternateHandling, CaseLevel, CollatorOptions, Strength},
};
use icu_locale::{LanguageIdentifier, Locale, LocaleCanonicalizer, LocaleExpander};
use icu_segmenter::{
    GraphemeClusterSegmenter, SentenceSegmenter, WordSegmenter,
    options::{SentenceBreakInvariantOptions, WordBreakInvariantOptions},
};

/// The longest tag of a locale, bytes.
const TAG_MOST: usize = 256;

fn tag(request: &[u8]) -> Option<Locale> {
    Locale::try_from_utf8(request.get(..).filter(|tag| tag.len() <= TAG_MOST)?).ok()
}

pub(super) fn canonical(request: &[u8]) -> Option<Vec<u8>> {
    let mut locale = tag(request)?;
    LocaleCanonicalizer::new_extended().canonicalize(&mut locale);
    Some(locale.to_string().into_bytes())
}

pub(super) fn maximize(request: &[u8]) -> Option<Vec<u8>> {
    let mut locale = tag(request)?;
    LocaleExpander::new_extended().maximize(&mut locale.id);
    Some(locale.to_string().into_bytes())
}

pub(super) fn minimize(request: &[u8]) -> Option<Vec<u8>> {
    let mut locale = tag(request)?;
    LocaleExpander::new_extended().minimize(&mut locale.id);
    Some(locale.to_string().into_bytes())
}

/// What stands before a zero byte, and what stands behind it.
fn split(request: &[u8]) -> Option<(&[u8], &[u8])> {
    let zero = request.iter().position(|&byte| byte == 0)?;
    Some((&request[..zero], &request[zero + 1..]))
}

/// `language NUL u|l text`, in UTF-8.
pub(super) fn case(request: &[u8]) -> Option<Vec<u8>> {
    let (language, rest) = split(request)?;
    let (way, text) = rest.split_first()?;
    let language: LanguageIdentifier = tag(language)?.id;
    let text = std::str::from_utf8(text).ok()?;
    let mapper = CaseMapper::new();
    let text = match way {
        b'u' => mapper.uppercase_to_string(text, &language).into_owned(),
        b'l' => mapper.lowercase_to_string(text, &language).into_owned(),
        _ => return None,
    };
    Some(text.into_bytes())
}

fn units(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// The top bit of a place where a word ends: it has letters or digits.
const WORD: u32 = 1 << 31;

/// `g|w|s` and a text in UTF-16: where its segments begin, and its end, as u32; of words, the end of one has the top bit.
pub(super) fn segment(request: &[u8]) -> Option<Vec<u8>> {
    let (way, text) = request.split_first()?;
    let text = units(text);
    let places: Vec<u32> = match way {
        b'g' => GraphemeClusterSegmenter::new().segment_utf16(&text).map(|at| at as u32).collect(),
        b's' => SentenceSegmenter::new(SentenceBreakInvariantOptions::default())
            .segment_utf16(&text)
            .map(|at| at as u32)
            .collect(),
        b'w' => WordSegmenter::new_dictionary(WordBreakInvariantOptions::default())
            .segment_utf16(&text)
            .iter_with_word_type()
            .map(|(at, word)| at as u32 | if word.is_word_like() { WORD } else { 0 })
            .collect(),
        _ => return None,
    };
    Some(places.iter().flat_map(|at| at.to_le_bytes()).collect())
}

thread_local! {
    /// The collator that was last asked, by its options: a sort asks the same one again and again.
    static LAST: RefCell<Option<(Vec<u8>, CollatorBorrowed<'static>)>> = const { RefCell::new(None) };
}

/// `tag NUL sensitivity punctuation`, both digits, the length of the first text in units (u32), and the two texts in UTF-16.
pub(super) fn compare(request: &[u8]) -> Option<Ordering> {
    let zero = request.iter().position(|&byte| byte == 0)?;
    let (options, rest) = request.split_at_checked(zero + 3)?;
    let (length, texts) = rest.split_at_checked(4)?;
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let (left, right) = texts.split_at_checked(length.checked_mul(2)?)?;
    LAST.with_borrow_mut(|last| {
        if last.as_ref().is_none_or(|(known, _)| known != options) {
            *last =
                Some((options.to_vec(), collator(&options[..zero], options[zero + 1], options[zero + 2])?));
        }
        let (_, collator) = last.as_ref()?;
        Some(collator.compare_utf16(&units(left), &units(right)))
    })
}

fn collator(locale: &[u8], sensitivity: u8, punctuation: u8) -> Option<CollatorBorrowed<'static>> {
    let mut options = CollatorOptions::default();
    (options.strength, options.case_level) = match sensitivity {
        b'0' => (Some(Strength::Primary), None),
        b'1' => (Some(Strength::Secondary), None),
        b'2' => (Some(Strength::Primary), Some(CaseLevel::On)),
        _ => (Some(Strength::Tertiary), None),
    };
    options.alternate_handling = match punctuation {
        b'0' => Some(AlternateHandling::NonIgnorable),
        b'1' => Some(AlternateHandling::Shifted),
        _ => None,
    };
    Collator::try_new(tag(locale)?.into(), options).ok()
}
