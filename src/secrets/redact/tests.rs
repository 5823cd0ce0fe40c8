//! Masking: what is found in which form, what is left, and that it shows nothing to somebody who guesses.

use base64::{Engine, prelude::*};
use proptest::prelude::*;

use super::*;
use crate::model::JsonText;

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
fn long_secrets_are_told_apart_and_one_that_is_not_whole_stays() {
    let head = format!("-----BEGIN PRIVATE KEY-----\n{}", "ä".repeat(80));
    let (one, two) = (format!("{head}one-one-one"), format!("{head}two-two-two-two"));
    let redactor = Redactor::new([("ONE", one.as_str()), ("TWO", two.as_str())]);
    assert_eq!(redactor.redact(&format!("<{one}><{two}>")), "<[secret ONE]><[secret TWO]>");
    let json = serde_json::to_string(&two).unwrap();
    assert_eq!(redactor.redact(&json), "\"[secret TWO]\"");
    for part in [format!("{head}onx"), one[..92].to_owned(), one[..one.len() - 1].to_owned()] {
        assert_eq!(redactor.redact(&part), part, "how much of it is right shows nowhere");
        assert!(!redactor.finds(&part));
    }
    assert_eq!(
        redactor.redact_cut(&one[..one.len() - 1]),
        "…",
        "but what is known to be cut shows none of it"
    );
}

#[test]
fn the_end_of_a_cut_text_goes_whatever_it_is() {
    let long = "x1".repeat(200);
    let redactor = Redactor::new([("A", "hünter-twenty-two"), ("LONG", long.as_str())]);
    let tail = |text: &str| redactor.redact_cut(text).into_owned();
    let before = "log: ".repeat(20);
    for end in ["", "hün", "hünter-tw", "hunter-tw", "h\u{fffd}", "xxxxxxx"] {
        let cut = tail(&format!("{before}{end}"));
        assert!(before.starts_with(cut.trim_end_matches('…')) && cut.ends_with('…'), "{cut}");
        assert_eq!(
            cut.trim_end_matches('…').len(),
            (before.len() + end.len() - 63).min(before.len()),
            "{end}"
        );
    }
    assert_eq!(
        tail(&format!("{before}hünter-twenty-two")),
        format!("{}…", &before[..before.len() + 18 - 63])
    );
    assert_eq!(
        tail(&format!("{before}hünter-twenty-two{}", "-".repeat(70))),
        format!("{before}[secret A]-------…")
    );
    // From the head of a longer form on, nothing is shown, whether it is right or wrong.
    let (right, wrong) =
        (format!("{before}{}", &long[..300]), format!("{before}{}{}", &long[..64], "?".repeat(200)));
    assert_eq!((tail(&right), tail(&wrong)), (format!("{before}…"), format!("{before}…")));
    assert_eq!((tail(""), tail("short")), ("…".to_owned(), "…".to_owned()));
    assert_eq!(Redactor::default().redact_cut("short"), "short");
}

#[test]
fn what_the_sender_knows_is_left_as_it_is() {
    let all = Redactor::bare([("A", "hunter22"), ("B", "tops3cret")]);
    let known = all.without_those_in(&[b"{\"guess\":\"aHVudGVyMjI=\"}", b"nothing"]);
    assert_eq!(known.redact("hunter22 68756e7465723232 tops3cret"), "hunter22 68756e7465723232 [secret]");
    assert!(!known.finds("hunter22") && known.finds("tops3cret") && !known.is_empty());
    assert_eq!(all.redact("hunter22"), "[secret]");
    assert!(all.without_those_in(&[b"hunter22tops3cret"]).is_empty());
}

#[test]
fn repetitive_secrets_and_texts_take_linear_time() {
    let redactor = Redactor::new([("A", "a".repeat(60_000).as_str()), ("B", "aaaaaaa")]);
    // In quadratic time this would take hours.
    let masked = redactor.redact(&"a".repeat(1 << 20)).into_owned();
    assert_eq!(masked, "[secret A]");
    let almost = format!("{}b", "a".repeat(59_999));
    let other = Redactor::new([("A", almost.as_str())]);
    assert_eq!(other.redact(&"a".repeat(1 << 20)).len(), 1 << 20);
    assert_eq!(
        other.redact(&format!("{}b", "a".repeat(1 << 20))).len(),
        (1 << 20) - 59_999 + "[secret A]".len()
    );
    assert_eq!(redactor.redact(&"a".repeat(100)), "[secret B]");
}

/// How a reader who decodes the text finds the secret in it; `None` if no reader does.
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

/// A text with a whole secret in it, written in some form.
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

    /// The alphabets differ, so a match is the secret and no accident.
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

    /// S1: a guess that is right for longer looks the same, in any encoding.
    #[test]
    fn masking_never_depends_on_how_far_a_guess_agrees(
        secret in "[A-Za-zé0-9+/=\n -]{6,300}",
        agrees in 0.0..1.0_f64,
        before in "[a-z ]{0,12}",
        form in 0_usize..8,
        pem: bool,
    ) {
        let secret = if pem { format!("-----BEGIN PRIVATE KEY-----\n{secret}") } else { secret };
        prop_assume!(check_value("n", &secret).is_ok());
        let redactor = Redactor::bare([("n", secret.as_str())]);
        let right = (secret.chars().count() as f64 * agrees) as usize;
        let guess = |right: usize| secret.chars().take(right).chain(std::iter::repeat_n('~', 30)).collect::<String>();
        for guess in [guess(right), guess(right + 1), guess(0)] {
            let text = written(&before, &guess, "!", form);
            // A form without its last bits may be whole in base64 although the value is not. Such guesses are left out.
            prop_assume!(shows(&text, &secret).is_none());
            let masked = redactor.redact(&text);
            if right + 2 < secret.chars().count() {
                prop_assert_eq!(&masked, &text);
            }
            let json = JsonText::from_value(&serde_json::json!({ "echo": text, "list": [text] }));
            if right + 2 < secret.chars().count() {
                let masked = redactor.redact_json(&json);
                prop_assert_eq!(masked.as_str(), json.as_str());
            }
            let cut = |text: &str| redactor.redact_cut(text).chars().count();
            let other = text.replace('~', "^");
            prop_assert_eq!(cut(&text), cut(&other), "nor does what is left of a cut text");
        }
    }

    #[test]
    fn any_bytes_are_redacted_without_a_panic(secrets: Vec<String>, text: Vec<u8>) {
        let named: Vec<_> = secrets.iter().map(|secret| ("n", secret.as_str())).collect();
        let redactor = Redactor::new(named.clone());
        let _ = redactor.redact_bytes(&text);
        let text = String::from_utf8_lossy(&text).into_owned() + &secrets.concat();
        let redacted = redactor.redact(&text);
        for (name, secret) in named {
            // A label and the text beside it might together read as another secret.
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
