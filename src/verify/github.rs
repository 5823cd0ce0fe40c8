//! GitHub's `X-Hub-Signature-256: sha256=<hex>`: HMAC-SHA256 over the body.
//!
//! Source: docs.github.com, "Validating webhook deliveries". Called by `Scheme`. The older SHA-1 header is
//! never accepted, and there is no timestamp to check: replays are the dedupe id's business.

use http::HeaderName;

use super::{Delivery, Rejected, mac, mac::Tag, secret::Secret, signature_header};
use crate::model::{Algorithm, Encoding};

const SIGNATURE: HeaderName = HeaderName::from_static("x-hub-signature-256");
const LEGACY: HeaderName = HeaderName::from_static("x-hub-signature");
const PREFIX: &str = "sha256=";

/// The secrets of one GitHub webhook; each is accepted.
#[derive(Debug)]
pub struct Github {
    /// Never empty.
    secrets: Vec<Secret>,
}

impl Github {
    /// `secrets` holds at least one.
    pub(super) fn new(secrets: Vec<Secret>) -> Self {
        Self { secrets }
    }

    pub(super) fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Rejected> {
        let malformed = |why| Rejected::Malformed { header: SIGNATURE.as_str().to_owned(), why };
        let text = match signature_header(delivery.headers, &SIGNATURE) {
            Err(Rejected::MissingSignature { .. }) if delivery.headers.contains_key(LEGACY) => {
                return Err(Rejected::LegacySignature);
            }
            other => other?,
        };
        let digits =
            text.strip_prefix(PREFIX).ok_or_else(|| malformed("it does not start with `sha256=`"))?;
        let claimed = mac::decode(digits, Algorithm::Sha256, Encoding::Hex).map_err(malformed)?;
        let matches = |secret| Tag::compute(Algorithm::Sha256, secret, &[delivery.body]).matches(&claimed);
        if self.secrets.iter().any(matches) { Ok(()) } else { Err(Rejected::Mismatch) }
    }

    pub(super) fn sign(&self, body: &[u8]) -> Vec<(String, String)> {
        let first = self.secrets.first().expect("compile refuses an empty list");
        let digits = Tag::compute(Algorithm::Sha256, first, &[body]).encode(Encoding::Hex);
        vec![(SIGNATURE.as_str().to_owned(), format!("{PREFIX}{digits}"))]
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    const NAME: &str = "x-hub-signature-256";
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    /// The example of docs.github.com.
    const GOOD: &str = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn scheme(secrets: &[&str]) -> Github {
        Github::new(secrets.iter().map(|secret| Secret::new(secret.as_bytes().to_vec())).collect())
    }

    fn verify(secrets: &[&str], headers: &[(&'static str, &str)], body: &[u8]) -> Result<(), Rejected> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let (origin, target) = ("http://localhost", "/");
        scheme(secrets).verify(&Delivery {
            method: "POST",
            origin,
            target,
            headers: &map,
            body,
            received_ms: 0,
        })
    }

    #[test]
    fn github_signature_cases() {
        let name = NAME;
        let header = || name.to_owned();
        let malformed = |why| Err(Rejected::Malformed { header: header(), why });
        let upper = format!("sha256={}", GOOD[7..].to_uppercase());
        let flipped = GOOD.replace("757107", "757106");
        let zero = format!("sha256={}", "0".repeat(64));
        type Case<'a> = (&'a str, &'a [(&'static str, &'a str)], &'a [u8], Result<(), Rejected>);
        let cases: [Case<'_>; 16] = [
            ("good", &[(name, GOOD)], BODY, Ok(())),
            ("upper-case hex", &[(name, &upper)], BODY, Ok(())),
            ("a flipped bit in the body", &[(name, GOOD)], b"Hello, World ", Err(Rejected::Mismatch)),
            ("a trailing newline", &[(name, GOOD)], b"Hello, World!\n", Err(Rejected::Mismatch)),
            ("no body", &[(name, GOOD)], b"", Err(Rejected::Mismatch)),
            ("a flipped bit in the signature", &[(name, &flipped)], BODY, Err(Rejected::Mismatch)),
            ("zeros", &[(name, &zero)], BODY, Err(Rejected::Mismatch)),
            ("no header", &[], BODY, Err(Rejected::MissingSignature { header: header() })),
            ("an empty header", &[(name, "")], BODY, malformed("it is empty")),
            ("no prefix", &[(name, &GOOD[7..])], BODY, malformed("it does not start with `sha256=`")),
            (
                "an upper-case prefix",
                &[(name, &GOOD.replace("sha", "SHA"))],
                BODY,
                malformed("it does not start with `sha256=`"),
            ),
            ("a prefix alone", &[(name, "sha256=")], BODY, malformed("it has not the algorithm's length")),
            ("half of it", &[(name, &GOOD[..39])], BODY, malformed("it has not the algorithm's length")),
            ("not hex", &[(name, &GOOD.replace("75", "zz"))], BODY, malformed("it is not hex")),
            (
                "twice",
                &[(name, GOOD), (name, GOOD)],
                BODY,
                Err(Rejected::SeveralSignatures { header: header() }),
            ),
            (
                "only the SHA-1 header",
                &[("x-hub-signature", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59")],
                BODY,
                Err(Rejected::LegacySignature),
            ),
        ];
        for (case, headers, body, expected) in cases {
            assert_eq!(verify(&[SECRET], headers, body), expected, "{case}");
        }
    }

    #[test]
    fn during_a_rotation_each_secret_is_accepted_and_afterwards_only_the_new_one() {
        let headers = [(NAME, GOOD)];
        assert_eq!(verify(&["new", SECRET], &headers, BODY), Ok(()));
        assert_eq!(verify(&[SECRET, "new"], &headers, BODY), Ok(()));
        assert_eq!(verify(&["new"], &headers, BODY), Err(Rejected::Mismatch));
    }

    #[test]
    fn what_is_signed_verifies() {
        let scheme = scheme(&["new", SECRET]);
        let signed = scheme.sign(BODY);
        let (name, value) = &signed[0];
        assert_eq!(verify(&["new"], &[(NAME, value)], BODY), Ok(()));
        assert_eq!((name.as_str(), signed.len()), ("x-hub-signature-256", 1));
    }

    /// Many guides compute the MAC over `JSON.stringify(payload)`, which is not what was sent.
    #[test]
    fn the_seed_style_mac_over_reserialised_json_is_rejected() {
        let raw = br#"{"event": "test", "data": {"message": "caf\u00e9"}}"#;
        let over_raw = "sha256=543f3c57bda686691c3470c04145c8f7b734d34d23b49c5418aacd70eee722e7";
        let over_again = "sha256=c55440af7bac99ab2c7c3e1f5b45fe05aa7270f32fd098702e55141d009b5b7f";
        assert_eq!(verify(&["s3cr3t"], &[(NAME, over_raw)], raw), Ok(()));
        assert_eq!(verify(&["s3cr3t"], &[(NAME, over_again)], raw), Err(Rejected::Mismatch));

        let again = r#"{"event":"test","data":{"message":"café"}}"#.as_bytes();
        assert_eq!(
            serde_json::from_slice::<serde_json::Value>(raw).unwrap(),
            serde_json::from_slice::<serde_json::Value>(again).unwrap(),
            "the same JSON, yet other bytes"
        );
        assert_eq!(verify(&["s3cr3t"], &[(NAME, over_again)], again), Ok(()));
    }
}
