//! Cookies that services set, and which of them go to which URL (RFC 6265).
//!
//! A jar belongs to one session of one run. Its caller stores what a request changed, and fills the jar again from that.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use cookie_store::{Cookie, CookieDomain, CookieStore};
use http::{HeaderMap, HeaderValue, header};
use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{NetError, error};

/// Cookies of one jar.
const MAX_COOKIES: usize = 100;
/// Bytes of all cookies of one jar.
const MAX_BYTES: usize = 64 << 10;
/// Bytes of one cookie with its attributes. Browsers ignore larger ones, too.
const MAX_COOKIE: usize = 4 << 10;

/// A cookie as a service set it, or removed it by its expiry. `Debug` does not show it.
#[derive(Clone, Serialize, Deserialize)]
pub struct CookieChange {
    /// The URL that set it, without its path.
    from: String,
    cookie: Cookie<'static>,
}

impl fmt::Debug for CookieChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CookieChange").field("from", &self.from).finish_non_exhaustive()
    }
}

/// The cookies of a session. Clones are the same jar; `Debug` shows no cookie.
#[derive(Clone, Default)]
pub struct CookieJar(Arc<Mutex<Jar>>);

#[derive(Default)]
struct Jar {
    store: CookieStore,
    changes: Vec<CookieChange>,
}

impl fmt::Debug for CookieJar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieJar")
    }
}

impl CookieJar {
    fn jar(&self) -> MutexGuard<'_, Jar> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A jar of its own with the same cookies, in which nothing has changed yet.
    pub fn fork(&self) -> Self {
        let store = self.jar().store.clone();
        Self(Arc::new(Mutex::new(Jar { store, changes: Vec::new() })))
    }

    /// What has changed since it was made, in order.
    pub fn changes(&self) -> Vec<CookieChange> {
        self.jar().changes.clone()
    }

    /// Takes over what changed in another jar. What has expired since is left out.
    pub fn apply(&self, changes: impl IntoIterator<Item = CookieChange>) {
        let mut jar = self.jar();
        for CookieChange { from, cookie } in changes {
            if let Ok(url) = Url::parse(&from) {
                // The same rules let it in once already; only its time may have come.
                let _ = jar.store.insert(cookie, &url);
            }
        }
    }

    /// The header of a request; `None` without cookies for it. Longer paths come first (RFC 6265 section 5.4).
    pub(super) fn header(&self, url: &Url) -> Option<HeaderValue> {
        let jar = self.jar();
        let mut cookies = jar.store.matches(url);
        cookies.sort_by(|a, b| b.path.len().cmp(&a.path.len()).then_with(|| a.name().cmp(b.name())));
        let pairs: Vec<_> =
            cookies.iter().map(|cookie| format!("{}={}", cookie.name(), cookie.value())).collect();
        let mut value =
            HeaderValue::from_bytes(pairs.join("; ").as_bytes()).ok().filter(|value| !value.is_empty())?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Takes the cookies of an answer of this URL. A cookie that the URL may not set is left out, as in browsers.
    ///
    /// # Errors
    /// When the jar would hold too much.
    pub(super) fn receive(&self, url: &Url, headers: &HeaderMap) -> Result<(), NetError> {
        let mut jar = self.jar();
        for value in headers.get_all(header::SET_COOKIE) {
            let Some(cookie) = std::str::from_utf8(value.as_bytes()).ok().and_then(|text| read(text, url))
            else {
                continue;
            };
            let gone = cookie.is_expired();
            if !gone && !jar.has_room_for(&cookie) {
                return Err(NetError::Cookies { url: error::origin(url), most: MAX_COOKIES });
            }
            if jar.store.insert(cookie.clone(), url).is_ok() {
                jar.changes.push(CookieChange { from: format!("{}/", error::origin(url)), cookie });
            }
        }
        Ok(())
    }
}

impl Jar {
    fn has_room_for(&self, new: &Cookie<'_>) -> bool {
        let is_same =
            |old: &Cookie<'_>| old.name() == new.name() && old.domain == new.domain && old.path == new.path;
        let others = || self.store.iter_unexpired().filter(|old| !is_same(old));
        let bytes: usize = others().map(|cookie| weight(cookie)).sum();
        others().count() < MAX_COOKIES
            && bytes + weight(new) <= MAX_BYTES
            && self.changes.len() < 4 * MAX_COOKIES
    }
}

fn weight(cookie: &Cookie<'_>) -> usize {
    cookie.name().len() + cookie.value().len()
}

/// A cookie that this URL may set.
fn read(text: &str, url: &Url) -> Option<Cookie<'static>> {
    if text.len() > MAX_COOKIE || text.chars().any(char::is_control) {
        return None;
    }
    let mut cookie = Cookie::parse(text, url).ok()?.into_owned();
    let (secure, name) = (cookie.secure().unwrap_or(false), cookie.name().to_ascii_lowercase());
    // RFC 6265bis: nobody on a plain way sets a cookie that is meant for https, and some names promise more.
    if secure && url.scheme() != "https" {
        return None;
    }
    let for_host = || cookie.path() == Some("/") && matches!(cookie.domain, CookieDomain::HostOnly(_));
    if (name.starts_with("__secure-") && !secure) || (name.starts_with("__host-") && !(secure && for_host()))
    {
        return None;
    }
    if let CookieDomain::Suffix(domain) = &cookie.domain
        && is_public(domain)
    {
        // A suffix that is a host itself may set cookies for itself alone.
        if url.host_str() != Some(domain) {
            return None;
        }
        cookie.domain = CookieDomain::host_only(url).ok()?;
    }
    Some(cookie)
}

/// Whether strangers have names below this one, as below `com` and `github.io`.
fn is_public(domain: &str) -> bool {
    !domain.contains('.')
        || psl::suffix(domain.as_bytes()).is_some_and(|suffix| suffix.is_known() && suffix == domain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn set(jar: &CookieJar, from: &str, cookies: &[&str]) -> Result<(), NetError> {
        let values = cookies
            .iter()
            .map(|cookie| (header::SET_COOKIE, HeaderValue::from_bytes(cookie.as_bytes()).unwrap()));
        let mut headers = HeaderMap::new();
        values.for_each(|(name, value)| {
            headers.append(name, value);
        });
        jar.receive(&url(from), &headers)
    }

    fn sent(jar: &CookieJar, to: &str) -> String {
        jar.header(&url(to)).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default()
    }

    #[test]
    fn a_cookie_goes_where_its_attributes_say_and_nowhere_else() {
        for (from, cookie, to, goes) in [
            ("https://a.example/x", "c=1", "https://a.example/x/y", true),
            ("https://a.example/login", "c=1", "https://a.example/", true),
            ("https://a.example/x/login", "c=1", "https://a.example/", false),
            ("https://a.example/", "c=1; Path=/x", "https://a.example/xy", false),
            ("https://a.example/", "c=1", "https://a.example:8443/", true),
            ("https://a.example/", "c=1", "https://b.a.example/", false),
            ("https://a.example/", "c=1", "https://b.example/", false),
            ("https://b.a.example/", "c=1; Domain=a.example", "https://c.a.example/", true),
            ("https://b.a.example/", "c=1; Domain=.A.example", "https://a.example/", true),
            ("https://a.example/", "c=1; Domain=b.example", "https://b.example/", false),
            ("https://nota.example/", "c=1; Domain=a.example", "https://a.example/", false),
            ("https://a.example/", "c=1; Domain=example", "https://b.example/", false),
            ("https://a.co.uk/", "c=1; Domain=co.uk", "https://b.co.uk/", false),
            ("https://a.github.io/", "c=1; Domain=github.io", "https://b.github.io/", false),
            ("https://github.io/", "c=1; Domain=github.io", "https://github.io/", true),
            ("https://github.io/", "c=1; Domain=github.io", "https://b.github.io/", false),
            ("https://a.example/", "c=1; Secure", "http://a.example/", false),
            ("https://a.example/", "c=1; Secure; HttpOnly", "https://a.example/", true),
            ("http://a.example/", "c=1; Secure", "https://a.example/", false),
            ("http://127.0.0.1:1/", "c=1; Domain=127.0.0.1", "http://127.0.0.1:2/", true),
            ("http://127.0.0.1/", "c=1; Domain=0.0.1", "http://128.0.0.1/", false),
            ("https://a.example/", "__Host-c=1; Secure; Path=/", "https://a.example/", true),
            (
                "https://a.example/",
                "__Host-c=1; Secure; Path=/; Domain=a.example",
                "https://a.example/",
                false,
            ),
            ("https://a.example/", "__Secure-c=1", "https://a.example/", false),
            ("https://a.example/", "c=1; Max-Age=0", "https://a.example/", false),
            ("https://a.example/", "c=1; Max-Age=60", "https://a.example/", true),
            ("https://a.example/", "c=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "https://a.example/", false),
            ("https://a.example/", "no cookie", "https://a.example/", false),
        ] {
            let jar = CookieJar::default();
            set(&jar, from, &[cookie]).unwrap();
            assert_eq!(!sent(&jar, to).is_empty(), goes, "{from} {cookie} {to}");
            // What is stored and read again is the same.
            let stored = serde_json::to_string(&jar.changes()).unwrap();
            let again = CookieJar::default();
            again.apply(serde_json::from_str::<Vec<CookieChange>>(&stored).unwrap());
            assert_eq!(sent(&again, to), sent(&jar, to), "{from} {cookie} {to}");
        }
    }

    #[test]
    fn changes_replace_and_remove_and_forks_are_apart() {
        let (jar, at) = (CookieJar::default(), "https://a.example/");
        set(&jar, at, &["a=1", "b=2; Path=/x", "c=\"q r\"; Path=/"]).unwrap();
        assert_eq!(sent(&jar, "https://a.example/x"), "b=2; a=1; c=\"q r\"");
        let (one, other) = (jar.fork(), jar.fork());
        set(&one, at, &["a=3"]).unwrap();
        set(&other, at, &["c=; Max-Age=0; Path=/"]).unwrap();
        assert_eq!((sent(&one, at), sent(&other, at)), ("a=3; c=\"q r\"".to_owned(), "a=1".to_owned()));
        jar.apply(one.changes());
        jar.apply(other.changes());
        assert_eq!(sent(&jar, at), "a=3");
        let shown = format!("{jar:?} {:?}", one.changes());
        assert!(!shown.contains('3'), "{shown}");
    }

    #[test]
    fn a_jar_has_bounds() {
        let at = "https://a.example/";
        let large = format!("c={}", "x".repeat(MAX_COOKIE));
        let jar = CookieJar::default();
        set(&jar, at, &[&large]).unwrap();
        assert_eq!(sent(&jar, at), "");
        let names: Vec<_> = (0..MAX_COOKIES).map(|number| format!("c{number}=1")).collect();
        set(&jar, at, &names.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        set(&jar, at, &["c7=2"]).unwrap();
        assert!(matches!(set(&jar, at, &["more=1"]), Err(NetError::Cookies { .. })));
        let jar = CookieJar::default();
        let wide: Vec<_> = (0..17).map(|number| format!("c{number}={}", "x".repeat(4_000))).collect();
        let wide: Vec<_> = wide.iter().map(String::as_str).collect();
        assert!(matches!(set(&jar, at, &wide), Err(NetError::Cookies { .. })));
        // Whoever changes the same cookie for ever fills nothing.
        let jar = CookieJar::default();
        let same = vec!["c=1"; 5 * MAX_COOKIES];
        assert!(set(&jar, at, &same).is_err());
    }
}
