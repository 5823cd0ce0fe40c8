//! Finds secrets in texts and puts their names in their place.
//!
//! Called for everything that is stored or shown of a run. One pass with one automaton over all forms of all
//! secrets; a longer form is found by its first bytes and then compared, so that keys of many kilobytes cost
//! no memory. Its memory is as secret as the values.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    fmt,
};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, MatchKind};

use super::{check_value, forms, label};

/// Bytes of a form that the automaton looks for.
const HEAD: usize = 64;
/// The shortest beginning of a form that is masked at the end of a cut text, bytes.
const CUT_LEAST: usize = 4;

/// Masks secrets. See the module.
#[derive(Default)]
pub struct Redactor {
    search: Option<Search>,
}

struct Search {
    automaton: AhoCorasick,
    /// What it looks for, sorted.
    heads: Vec<Vec<u8>>,
    /// What may follow each head.
    tails: Vec<Vec<Tail>>,
    /// What stands in place of each secret.
    labels: Vec<String>,
}

struct Tail {
    /// Among all tails.
    number: usize,
    secret: usize,
    rest: Box<[u8]>,
}

/// A part of a text that shows a secret.
#[derive(Debug, Clone, Copy)]
struct Region {
    start: usize,
    end: usize,
    secret: usize,
}

impl Redactor {
    /// A redactor for these names and values. Values that [`check_value`] refuses are left out. Of names with the
    /// same value the first counts.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut heads: BTreeMap<Vec<u8>, Vec<Tail>> = BTreeMap::new();
        let mut labels = Vec::new();
        let mut number = 0;
        for (name, value) in secrets {
            if check_value(name, value).is_err() {
                continue;
            }
            let secret = labels.len();
            labels.push(label(name));
            for mut form in forms::of(value) {
                let rest = form.split_off(head_of(&form)).into_boxed_slice();
                let tails = heads.entry(form).or_default();
                if !tails.iter().any(|tail| tail.rest == rest) {
                    tails.push(Tail { number, secret, rest });
                    number += 1;
                }
            }
        }
        if labels.is_empty() {
            return Self { search: None };
        }
        let automaton = AhoCorasickBuilder::new()
            .match_kind(MatchKind::Standard)
            .build(heads.keys())
            .expect("heads of 64 bytes of some thousand secrets are far below two billion states");
        let (heads, tails) = heads.into_iter().unzip();
        Self { search: Some(Search { automaton, heads, tails, labels }) }
    }

    /// Whether it looks for nothing.
    pub fn is_empty(&self) -> bool {
        self.search.is_none()
    }

    /// Whether a text shows a secret.
    pub fn finds(&self, text: &str) -> bool {
        self.search.as_ref().is_some_and(|search| search.automaton.is_match(text))
    }

    /// The text with `[secret NAME]` in place of each form of each secret. Linear in the text; borrowed when there
    /// is nothing to mask. For a text that was cut there is [`Redactor::redact_cut`].
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.redact_bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            Cow::Owned(bytes) => Cow::Owned(
                String::from_utf8(bytes).expect("regions begin and end between characters, labels are text"),
            ),
        }
    }

    /// As [`Redactor::redact`], for a text whose end was cut off: an end that is the beginning of a form (4 bytes or
    /// more) is masked too.
    pub fn redact_cut<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let redacted = self.redact(text);
        let Some(search) = &self.search else { return redacted };
        // The cut may have gone through a character.
        let whole = redacted.trim_end_matches('\u{fffd}');
        let Some((start, secret)) = search.cut(whole.as_bytes()) else { return redacted };
        Cow::Owned(format!("{}{}", &whole[..start], search.labels[secret]))
    }

    /// As [`Redactor::redact`], for bytes that may be no text.
    pub fn redact_bytes<'a>(&self, text: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(search) = &self.search else { return Cow::Borrowed(text) };
        let regions = search.regions(text);
        if regions.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = Vec::with_capacity(text.len());
        let mut done = 0;
        for region in regions {
            out.extend_from_slice(&text[done..region.start]);
            out.extend_from_slice(search.labels[region.secret].as_bytes());
            done = region.end;
        }
        out.extend_from_slice(&text[done..]);
        Cow::Owned(out)
    }
}

impl Search {
    /// The parts that show secrets, in order and apart. Forms that overlap are one part.
    fn regions(&self, text: &[u8]) -> Vec<Region> {
        let mut regions: Vec<Region> = Vec::new();
        // How far each longer form was compared.
        let mut compared: HashMap<usize, usize> = HashMap::new();
        // In the order of their ends.
        for found in self.automaton.find_overlapping_iter(text) {
            for tail in &self.tails[found.pattern().as_usize()] {
                let mut end = found.end();
                if !tail.rest.is_empty() {
                    let after = &text[end..];
                    let compared = compared.entry(tail.number).or_default();
                    end += match found.start() < *compared {
                        // The form repeats itself: taken for whole, as comparing each repetition were quadratic.
                        true => after.len().min(tail.rest.len()),
                        false => after.iter().zip(&tail.rest).take_while(|(a, b)| a == b).count(),
                    };
                    while end < text.len() && is_inside_character(text[end]) {
                        end += 1;
                    }
                    *compared = end;
                }
                add(&mut regions, Region { start: found.start(), end, secret: tail.secret });
            }
        }
        regions
    }

    /// Where the longest end of a text starts that begins a form, and whose it is.
    fn cut(&self, text: &[u8]) -> Option<(usize, usize)> {
        let longest = text.len().min(HEAD);
        (CUT_LEAST..=longest).rev().find_map(|length| {
            let end = &text[text.len() - length..];
            let at = self.heads.partition_point(|head| head.as_slice() < end);
            let begun = self.heads.get(at).is_some_and(|head| head.starts_with(end));
            begun.then(|| (text.len() - length, self.tails[at][0].secret))
        })
    }
}

/// Adds a region; those that it overlaps become one with it, under the name of the longest.
fn add(regions: &mut Vec<Region>, mut new: Region) {
    let mut longest = new.end - new.start;
    while let Some(last) = regions.last().copied().filter(|last| new.start < last.end) {
        if last.end - last.start >= longest {
            longest = last.end - last.start;
            new.secret = last.secret;
        }
        new.start = new.start.min(last.start);
        new.end = new.end.max(last.end);
        regions.pop();
    }
    regions.push(new);
}

/// Where the head of a form ends: between characters.
fn head_of(form: &[u8]) -> usize {
    let mut end = form.len().min(HEAD);
    while end < form.len() && is_inside_character(form[end]) {
        end += 1;
    }
    end
}

/// Whether a byte of UTF-8 continues a character.
fn is_inside_character(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} secrets)", self.search.as_ref().map_or(0, |search| search.labels.len()))
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine, prelude::*};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_shows_no_secret_is_borrowed_and_the_rest_is_masked() {
        let redactor = Redactor::new([("A", "hunter22"), ("B", "tops3cret"), ("SHORT", "abc")]);
        let cases = [
            ("nothing", "nothing"),
            ("abc", "abc"),
            ("hunter22", "[secret A]"),
            ("a hunter22, b tops3cret.", "a [secret A], b [secret B]."),
            ("68756e7465723232", "[secret A]"),
            ("Authorization: Basic dTpodW50ZXIyMg==", "Authorization: Basic dTp[secret A]g=="),
            ("aHVudGVyMjI=", "[secret A]"),
            ("hunter2hunter22", "hunter2[secret A]"),
            ("ühunter22ü", "ü[secret A]ü"),
        ];
        for (text, expected) in cases {
            let redacted = redactor.redact(text);
            assert_eq!(redacted, expected);
            assert_eq!(matches!(redacted, Cow::Borrowed(_)), text == expected, "{text}");
            assert_eq!(redactor.redact_bytes(text.as_bytes()), expected.as_bytes());
        }
        assert_eq!(redactor.redact_bytes(b"\xffhunter22\xfe"), &b"\xff[secret A]\xfe"[..]);
        assert_eq!(format!("{redactor:?}"), "Redactor(2 secrets)");
        assert!(Redactor::new([]).is_empty() && Redactor::new([("A", "abc")]).is_empty());
    }

    #[test]
    fn secrets_that_overlap_leave_no_part_of_either() {
        let redactor = Redactor::new([("A", "abcdefgh"), ("B", "efghijkl"), ("C", "cdefgh")]);
        assert_eq!(redactor.redact("-abcdefghijkl-"), "-[secret A]-");
        assert_eq!(redactor.redact("-cdefgh-"), "-[secret C]-");
        assert_eq!(redactor.redact("-abcdefghefghijkl-"), "-[secret A][secret B]-");
    }

    #[test]
    fn long_secrets_are_told_apart_and_a_cut_one_is_masked_as_far_as_it_goes() {
        let head = format!("-----BEGIN PRIVATE KEY-----\n{}", "ä".repeat(80));
        let (one, two) = (format!("{head}one-one-one"), format!("{head}two-two-two-two"));
        let redactor = Redactor::new([("ONE", one.as_str()), ("TWO", two.as_str())]);
        assert_eq!(redactor.redact(&format!("<{one}><{two}>")), "<[secret ONE]><[secret TWO]>");
        let json = serde_json::to_string(&two).unwrap();
        assert_eq!(redactor.redact(&json), "\"[secret TWO]\"");
        assert_eq!(redactor.redact(&format!("{head}onx")), "[secret ONE]x");
        assert_eq!(redactor.redact(&one[..90]), "[secret ONE]");
    }

    #[test]
    fn a_secret_that_is_cut_off_is_masked_in_a_cut_text() {
        let redactor = Redactor::new([("A", "hünter-twenty-two"), ("B", "tops3cret")]);
        let cases = [
            ("log: hünter-twenty-two", "log: [secret A]"),
            ("log: hünter-tw", "log: [secret A]"),
            ("log: hün", "log: [secret A]"),
            ("log: h\u{fffd}", "log: h\u{fffd}"),
            ("log: hünt\u{fffd}", "log: [secret A]"),
            ("hünter-twenty-two tops3c", "[secret A] [secret B]"),
            ("log: dG9wczNjcm", "log: [secret B]"),
            ("log: top", "log: top"),
            ("", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(redactor.redact_cut(text), expected);
        }
        assert_eq!(redactor.redact("log: hünter-tw"), "log: hünter-tw", "only where it is known to be cut");
    }

    #[test]
    fn repetitive_secrets_and_texts_take_linear_time() {
        let redactor = Redactor::new([("A", "a".repeat(60_000).as_str()), ("B", "aaaaaaa")]);
        let started = std::time::Instant::now();
        assert_eq!(redactor.redact(&"a".repeat(1 << 20)), "[secret A]");
        assert_eq!(redactor.redact(&"a".repeat(100)), "[secret A]");
        assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
    }

    /// Whether a reader who decodes it finds the secret in a text.
    fn shows(text: &str, secret: &str) -> Option<&'static str> {
        let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        if text.contains(secret) {
            return Some("plain");
        }
        let percent = |plus: &str| {
            let text = text.replace('+', plus);
            holds(&percent_decoded(&text))
        };
        if percent("+") || percent(" ") {
            return Some("percent");
        }
        let runs = |of: fn(char) -> bool| text.split(move |c| !of(c)).filter(|run| run.len() >= 6);
        let hex = |run: &str| {
            [0, 1].iter().any(|&skip| {
                let run = &run[skip.min(run.len())..];
                hex::decode(&run[..run.len() / 2 * 2]).is_ok_and(|bytes| holds(&bytes))
            })
        };
        if runs(|c| c.is_ascii_hexdigit()).any(hex) {
            return Some("hex");
        }
        let base64 = |run: &str| {
            (0..4).any(|skip| {
                let run = run[skip.min(run.len())..].replace('-', "+").replace('_', "/");
                (0..3).any(|cut| {
                    let run = &run[..run.len().saturating_sub(cut)];
                    BASE64_STANDARD_NO_PAD.decode(run).is_ok_and(|bytes| holds(&bytes))
                })
            })
        };
        if runs(|c| c.is_ascii_alphanumeric() || "+/-_".contains(c)).any(base64) {
            return Some("base64");
        }
        let quoted = format!("\"{text}\"");
        match serde_json::from_str::<String>(&quoted) {
            Ok(decoded) if decoded.contains(secret) => Some("json"),
            Ok(_) | Err(_) => None,
        }
    }

    fn percent_decoded(text: &str) -> Vec<u8> {
        let (bytes, mut out, mut at) = (text.as_bytes(), Vec::new(), 0);
        while at < bytes.len() {
            let pair = bytes.get(at + 1..at + 3).and_then(|pair| hex::decode(pair).ok());
            match pair {
                Some(pair) if bytes[at] == b'%' => {
                    out.push(pair[0]);
                    at += 3;
                }
                Some(_) | None => {
                    out.push(bytes[at]);
                    at += 1;
                }
            }
        }
        out
    }

    /// A text with a secret in it, written in some form, whole.
    fn written(before: &str, secret: &str, after: &str, form: usize) -> String {
        let whole = format!("{before}{secret}{after}");
        let mut escaped = serde_json::to_string(&whole).unwrap();
        escaped = escaped[1..escaped.len() - 1].to_owned();
        match form {
            0 => whole,
            1 => BASE64_STANDARD.encode(whole),
            2 => BASE64_URL_SAFE_NO_PAD.encode(whole),
            3 => hex::encode(whole),
            4 => hex::encode_upper(whole),
            5 => form_urlencoded::byte_serialize(whole.as_bytes()).collect(),
            6 => whole.bytes().map(|byte| format!("%{byte:02x}")).collect(),
            _ => escaped,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// The alphabets differ, so that what is found is the secret and no accident.
        #[test]
        fn no_form_of_a_secret_survives_in_any_text_around_it(
            secret in "[ A-Zé<>/\"\\\\&+=%\n0-9]{6,90}",
            before in "[a-z ü{},:\\[\\]]{0,12}",
            after in "[a-z ü{},:\\[\\]]{0,12}",
            form in 0_usize..8,
        ) {
            prop_assume!(check_value("n", &secret).is_ok());
            let redactor = Redactor::new([("n", secret.as_str()), ("m", "something else")]);
            let text = written(&before, &secret, &after, form);
            prop_assert!(shows(&text, &secret).is_some(), "the test finds it itself: {}", text);
            let redacted = redactor.redact(&text);
            prop_assert_eq!(shows(&redacted, &secret), None, "{} became {}", text, redacted);
            prop_assert!(redacted.contains("[secret n]"));
        }

        #[test]
        fn any_bytes_are_redacted_without_a_panic(secrets: Vec<String>, text: Vec<u8>) {
            let named: Vec<_> = secrets.iter().map(|secret| ("n", secret.as_str())).collect();
            let redactor = Redactor::new(named.clone());
            let _ = redactor.redact_bytes(&text);
            let text = String::from_utf8_lossy(&text).into_owned() + &secrets.concat();
            let redacted = redactor.redact(&text);
            for (name, secret) in named {
                // A label and the text beside it might read as another secret.
                let rest = redacted.replace("[secret n]", "\0");
                prop_assert!(check_value(name, secret).is_err() || !rest.contains(secret), "{rest:?}");
            }
        }

        #[test]
        fn text_without_secrets_stays_as_it_is(text in "[a-z ü\"{}%0-9]{0,200}") {
            let redactor = Redactor::new([("A", "QQQQQQ-WWWWWW")]);
            prop_assert_eq!(redactor.redact(&text), text.as_str());
        }
    }
}
