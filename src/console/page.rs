//! The one page of the console: filled with a nonce, the way to its files and the reader's language, and sent with strict headers.

use axum::response::{IntoResponse, Response};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::http::Problem;

/// What is filled in, as it stands in the built page.
const BASE: &str = "<base href=\"/\" />";
const NONCE: &str = "<meta property=\"csp-nonce\" content=\"\" />";
const LANGUAGE: &str = "<html lang=\"en\">";

/// Headers that are the same for everybody. Nothing of another origin is loaded or may frame it, and no text becomes a script.
const HEADERS: [(&str, &str); 7] = [
    ("content-type", "text/html; charset=utf-8"),
    ("cache-control", "no-cache"),
    ("vary", "accept, accept-language"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];
/// No power of the browser that asks a person for leave.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), microphone=(), \
                           midi=(), payment=(), usb=()";

/// The page as it was built.
pub(super) struct Page {
    text: String,
}

impl Page {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    /// The page for this path. Every path has the same one: the console finds its own way.
    pub(super) fn answer(&self, path: &str, headers: &HeaderMap) -> Response {
        let mut random = [0u8; 16];
        if let Err(error) = getrandom::fill(&mut random) {
            tracing::error!(%error, "there is no randomness for a page of the console");
            let detail = "the system gives no randomness; try again";
            return Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response();
        }
        let nonce = STANDARD.encode(random);
        let mut response = self.filled(&nonce, &to_root(path), language(headers)).into_response();
        let map = response.headers_mut();
        for (name, value) in HEADERS {
            map.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map.insert(HeaderName::from_static("permissions-policy"), HeaderValue::from_static(PERMISSIONS));
        if let Ok(policy) = HeaderValue::from_str(&policy(&nonce)) {
            map.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }

    fn filled(&self, nonce: &str, root: &str, language: &str) -> String {
        self.text
            .replace(BASE, &format!("<base href=\"{root}\" />"))
            .replace(NONCE, &format!("<meta property=\"csp-nonce\" content=\"{nonce}\" nonce=\"{nonce}\" />"))
            .replace(LANGUAGE, &format!("<html lang=\"{language}\">"))
    }
}

/// What the page may do (CSP level 3). Styles of its files are allowed, and the two elements that React Aria marks with the nonce.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; \
         connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'self'; form-action 'self'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'"
    )
}

/// The way from a path to the root of the console, relative, so that it holds below any sub-path of a proxy.
fn to_root(path: &str) -> String {
    match path.matches('/').count() {
        0 | 1 => "./".to_owned(),
        slashes => "../".repeat(slashes - 1),
    }
}

/// The language that the reader asks for first, of those that there are.
fn language(headers: &HeaderMap) -> &'static str {
    let given =
        headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut best = ("en", 0.0f32);
    for range in given.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=")?.parse().ok()).unwrap_or(1.0);
        let language = match name.split('-').next() {
            Some("zh") => "zh-Hans",
            Some("en") => "en",
            Some(_) | None => continue,
        };
        if weight > best.1 {
            best = (language, weight);
        }
    }
    best.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::files::Files;

    #[test]
    fn the_way_to_the_root_holds_below_any_path() {
        for (path, root) in
            [("/", "./"), ("/runs", "./"), ("/runs/", "../"), ("/runs/run_1", "../"), ("/a/b/c", "../../")]
        {
            assert_eq!(to_root(path), root, "{path}");
        }
    }

    #[test]
    fn the_language_is_the_one_that_is_asked_for_first() {
        let asked = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, value.parse().unwrap());
            language(&headers)
        };
        assert_eq!(asked("zh-CN,zh;q=0.9,en;q=0.8"), "zh-Hans");
        assert_eq!(asked("de-DE,en;q=0.5,zh;q=0.4"), "en");
        assert_eq!(asked("en;q=0.2, ZH-tw"), "zh-Hans");
        assert_eq!(language(&HeaderMap::new()), "en");
    }

    #[test]
    fn each_page_has_a_nonce_of_its_own_and_all_that_is_filled_in() {
        let page = Page::new(&Files::read().text("index.html"));
        let filled = page.filled("abc", "../", "zh-Hans");
        for part in ["<base href=\"../\" />", "content=\"abc\"", "<html lang=\"zh-Hans\">"] {
            assert!(filled.contains(part), "{part} is not in {filled}");
        }
        let policies = [(); 2].map(|()| {
            let response = page.answer("/", &HeaderMap::new());
            response.headers()[header::CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned()
        });
        assert!(policies[0] != policies[1] && !policies[0].contains("unsafe"));
    }
}
