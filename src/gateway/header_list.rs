//! The headers of a request as workflows and the request log have them.

use http::HeaderMap;

/// Lower-case names, in order; a repeated one is joined with `, ` as RFC 9110 section 5.3 allows.
pub(super) fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .keys()
        .map(|name| {
            let values: Vec<_> =
                headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            (name.as_str().to_owned(), values.join(", "))
        })
        .collect()
}
