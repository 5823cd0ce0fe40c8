//! Headers of an answer: each value is escaped for the place where it stands.
//!
//! Used by the `response` step and by what a script hands to `respond`.

use http::{HeaderName, HeaderValue, header};
use percent_encoding::utf8_percent_encode;

use super::{Scope, unfilled};
use crate::{
    formats,
    model::{ErrorCode, RunError},
    template::{Budget, Part, Template},
};

/// Headers that belong to the connection or to the whole origin, not to the workflow. With those of the origin an answer could log out
/// everybody who uses the console, stay between a browser and this server, have the browser report each address of the console to
/// somebody else (NEL), or lead it elsewhere.
const RESERVED: [HeaderName; 17] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::TRAILER,
    header::TE,
    header::DATE,
    HeaderName::from_static("clear-site-data"),
    HeaderName::from_static("service-worker-allowed"),
    HeaderName::from_static("nel"),
    HeaderName::from_static("report-to"),
    HeaderName::from_static("reporting-endpoints"),
    header::STRICT_TRANSPORT_SECURITY,
    header::ALT_SVC,
    HeaderName::from_static("accept-ch"),
    HeaderName::from_static("critical-ch"),
    HeaderName::from_static("origin-agent-cluster"),
];
/// The console's own cookie where there is no TLS, and the beginnings of names that browsers take for proofs of an origin.
const CONSOLE_COOKIE: &str = "flowcell";
const COOKIE_PREFIXES: [&str; 2] = ["__host-", "__secure-"];
/// Where cookies of answers may go. Those of `/` would come with every request to the console, and enough of them would be more than
/// a head may have.
const COOKIE_PATHS: [&str; 2] = ["/api/webhooks/", "/api/callbacks/"];

/// Whether the server sets a header itself.
pub(super) fn is_reserved(name: &HeaderName) -> bool {
    RESERVED.contains(name)
}

/// The value of a header whose template is filled in: in a `Location` as a part of a URL, in a `Content-Disposition` as the name
/// of a file, elsewhere as it is.
///
/// # Errors
/// A value that is missing, over the budget, or no header value.
pub(super) fn filled(
    name: &HeaderName,
    template: &Template,
    scope: &Scope<'_>,
    budget: &mut Budget,
) -> Result<String, RunError> {
    let mut value = String::new();
    for part in template.parts() {
        match part {
            Part::Text(literal) => value.push_str(literal),
            Part::Path(path) => {
                let text =
                    path.text(scope, budget).map_err(|error| unfilled(&format!("headers.{name}"), error))?;
                if is_url(name) {
                    let place = if value.is_empty() { &formats::NO_URL } else { &formats::ESCAPED };
                    value.extend(utf8_percent_encode(&text, place));
                } else if *name == header::CONTENT_DISPOSITION && is_in_quotes(&value) {
                    value.push_str(&text.replace('\\', "\\\\").replace('"', "\\\""));
                } else {
                    value.push_str(&text);
                }
            }
        }
    }
    written(name, value)
}

fn is_url(name: &HeaderName) -> bool {
    *name == header::LOCATION || *name == header::CONTENT_LOCATION
}

/// Whether what follows stands in a quoted value.
fn is_in_quotes(before: &str) -> bool {
    let mut escaped = false;
    let mut quoted = false;
    for character in before.chars() {
        if character == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = character == '\\' && !escaped;
    }
    quoted
}

/// The value of a header as it goes out. A file's name that is not ASCII is written in both forms of RFC 6266.
///
/// # Errors
/// `response_invalid` when it is no value of this header.
pub(super) fn written(name: &HeaderName, value: String) -> Result<String, RunError> {
    let invalid = |message: String| RunError::new(ErrorCode::ResponseInvalid, message);
    if HeaderValue::from_str(&value).is_err() {
        return Err(invalid(format!("the header `{name}` would hold line breaks or control characters")));
    }
    if *name == header::CONTENT_SECURITY_POLICY && policy_is_loose(&value) {
        return Err(invalid(
            "the header `content-security-policy` may not hold `allow-same-origin`: the page would act in the name of this server; \
             remove it, or serve the page from a server of your own"
                .to_owned(),
        ));
    }
    if *name == header::SET_COOKIE
        && let Some(why) = cookie_is_foreign(&value)
    {
        return Err(invalid(format!("the header `set-cookie` is refused: {why}")));
    }
    if *name == header::CONTENT_DISPOSITION && !value.is_ascii() {
        return Ok(formats::disposition(&value).unwrap_or(value));
    }
    Ok(value)
}

/// Why a cookie would reach the console, if so. Browsers trim names and values, and do not tell upper from lower case in prefixes and
/// attributes (RFC 6265bis section 5.7).
fn cookie_is_foreign(cookie: &str) -> Option<&'static str> {
    let mut parts = cookie.split(';');
    let (name, _) = parts.next().unwrap_or_default().split_once('=').unwrap_or_default();
    let name = name.trim().to_ascii_lowercase();
    if name.is_empty() {
        return Some("the cookie has no name, and what stands in its value could pass for one");
    }
    if name == CONSOLE_COOKIE || COOKIE_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) {
        return Some(
            "cookies named `flowcell`, `__Host-…` and `__Secure-…` are the server's own; give it another name",
        );
    }
    let paths = parts
        .filter_map(|part| part.split_once('='))
        .filter(|(key, _)| key.trim().eq_ignore_ascii_case("path"));
    let is_ours = |path: &str| COOKIE_PATHS.iter().any(|ours| path.starts_with(ours)) && !path.contains("..");
    let strays = paths.map(|(_, path)| path.trim()).any(|path| !is_ours(path));
    strays.then_some(
        "its `Path` must begin with /api/webhooks/ or be left out, so that it does not reach the console",
    )
}

fn policy_is_loose(policy: &str) -> bool {
    let ends = |character: char| character.is_ascii_whitespace() || matches!(character, ';' | ',');
    policy.split(ends).any(|word| word.eq_ignore_ascii_case("allow-same-origin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_knows_whether_it_stands_in_quotes() {
        let cases =
            [("", false), ("attachment; filename=\"", true), ("a=\"b\"; c=", false), ("a=\"b\\\"", true)];
        for (before, quoted) in cases {
            assert_eq!(is_in_quotes(before), quoted, "{before}");
        }
    }

    #[test]
    fn the_name_of_a_file_is_written_in_both_forms() {
        let written = |value: &str| written(&header::CONTENT_DISPOSITION, value.to_owned()).unwrap();
        assert_eq!(written("attachment; filename=\"a.csv\""), "attachment; filename=\"a.csv\"");
        assert_eq!(
            written("attachment; filename=\"报告 1.csv\""),
            "attachment; filename=\"__ 1.csv\"; filename*=UTF-8''%E6%8A%A5%E5%91%8A%201.csv"
        );
        assert_eq!(
            written("inline; filename=résumé.pdf"),
            "inline; filename=\"r_sum_.pdf\"; filename*=UTF-8''r%C3%A9sum%C3%A9.pdf"
        );
    }

    #[test]
    fn no_answer_sets_a_cookie_that_reaches_the_console() {
        let cookie = |value: &str| written(&header::SET_COOKIE, value.to_owned());
        for fine in [
            "seen=1",
            "a=b; Path=/api/webhooks/shop; HttpOnly",
            "flowcell2=x; Max-Age=1",
            "a=__Host-b",
            "a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT",
        ] {
            assert!(cookie(fine).is_ok(), "{fine}");
        }
        let refused = [
            "flowcell=0123",
            " FlowCell =0123",
            "__Host-flowcell=1; Path=/; Secure",
            "__host-x=1",
            "__Secure-x=1; Secure",
            "=flowcell=0123",
            "flowcell",
            "",
            "a=b; Path=/",
            "a=b; path = /",
            "a=b; Path=/api/v1",
            "a=b; Path=/api/webhooks/../v1",
            "a=b; Path=/api/webhooks/x; Path=/",
            "a=b; Path=",
        ];
        for cookie_text in refused {
            assert!(cookie(cookie_text).is_err(), "{cookie_text}");
        }
        assert!(
            [
                "clear-site-data",
                "service-worker-allowed",
                "nel",
                "report-to",
                "alt-svc",
                "strict-transport-security"
            ]
            .iter()
            .all(|name| is_reserved(&HeaderName::from_static(name)))
        );
    }

    #[test]
    fn a_policy_that_makes_a_page_ours_is_refused() {
        let policy = |value: &str| written(&header::CONTENT_SECURITY_POLICY, value.to_owned());
        assert!(policy("default-src 'self'; sandbox allow-scripts").is_ok());
        for loose in [
            "sandbox allow-scripts Allow-Same-Origin",
            "sandbox allow-scripts\tallow-same-origin; sandbox",
            "sandbox,sandbox allow-same-origin",
        ] {
            assert!(policy(loose).unwrap_err().message.contains("allow-same-origin"), "{loose}");
        }
    }
}
