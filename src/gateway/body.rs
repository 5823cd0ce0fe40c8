//! Reads a body from its connection, under a byte cap and a deadline, and what the head says about it.
//!
//! What the bytes mean is for `formats`.

use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, Version, header};
use http_body_util::BodyExt;

use super::{budget::Claim, refusal::Refusal};
use crate::{
    formats::{self, Charset, Coding},
    model::BodyFormat,
};

/// How long a body may take to arrive.
const DEADLINE: Duration = Duration::from_secs(30);
/// How much is read of a refused body, and for how long, so that its sender finds the answer.
const MAX_LET_GO: usize = 256 << 10;
const LET_GO_FOR: Duration = Duration::from_secs(2);

/// The length that a head announces, unless it is over `limit`.
pub(super) fn announced(headers: &HeaderMap, limit: usize) -> Result<Option<usize>, Refusal> {
    let announced =
        headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        Err(Refusal::TooLarge { limit })
    } else {
        Ok(announced)
    }
}

/// The whole body, at most `limit` bytes of it, as long as `claim` gets room for what comes.
pub(super) async fn read(
    body: &mut Body,
    announced: Option<usize>,
    limit: usize,
    claim: &Claim,
) -> Result<Vec<u8>, Refusal> {
    tokio::time::timeout(DEADLINE, collect(body, announced, limit, claim))
        .await
        .unwrap_or(Err(Refusal::BodyTimeout { seconds: DEADLINE.as_secs() }))
}

async fn collect(
    body: &mut Body,
    announced: Option<usize>,
    limit: usize,
    claim: &Claim,
) -> Result<Vec<u8>, Refusal> {
    let most = announced.unwrap_or(limit);
    let (mut whole, mut room) = (Vec::new(), 0_usize);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Refusal::BodyBroken(error.to_string()))?;
        // Trailers are ignored.
        let Ok(data) = frame.into_data() else { continue };
        let needed = whole.len() + data.len();
        if needed > limit {
            return Err(Refusal::TooLarge { limit });
        }
        if needed > room {
            // Not the announced length at once: announcing costs a sender nothing.
            let next = room.saturating_mul(2).clamp(needed, most.max(needed));
            claim.grow(next - room)?;
            whole.reserve_exact(next - whole.len());
            room = next;
        }
        whole.extend_from_slice(&data);
    }
    whole.shrink_to_fit();
    claim.shrink(room - whole.len());
    Ok(whole)
}

/// Reads the rest of a refused body while the answer is sent, and keeps nothing of it. This is for HTTP/1.1, where a
/// connection that closes on unread bytes may lose the answer. HTTP/2 stops the one stream.
pub(super) fn let_go(mut body: Body, version: Version) {
    if version >= Version::HTTP_2 {
        return;
    }
    tokio::spawn(tokio::time::timeout(LET_GO_FOR, async move {
        let mut left = MAX_LET_GO;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, bytes::Bytes::len));
            if left == 0 {
                break;
            }
        }
    }));
}

/// The `Content-Type`. Several equal ones count as one. Of several that contradict each other the first counts where `format` says
/// what the body is: then nobody goes by the type.
pub(super) fn content_type(headers: &HeaderMap, format: BodyFormat) -> Result<Option<String>, Refusal> {
    let lines: Vec<_> = headers
        .get_all(header::CONTENT_TYPE)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()))
        .collect();
    let first = || lines.iter().map(|line| line.trim()).find(|line| !line.is_empty()).map(str::to_owned);
    match format {
        // A proxy in front of the server may have gone by another one.
        BodyFormat::Auto | BodyFormat::Form => {
            formats::one_of(lines.iter().map(AsRef::as_ref)).map_err(Refusal::MediaType)
        }
        BodyFormat::Json | BodyFormat::Text | BodyFormat::Xml | BodyFormat::Raw => {
            Ok(formats::one_of(lines.iter().map(AsRef::as_ref)).unwrap_or_else(|_| first()))
        }
    }
}

/// The coding of a body; nothing when it has none.
///
/// Some senders write words there that are no coding and change nothing: `identity` beside another one, the charset, or the
/// name of a transfer encoding of mail. With the format `raw` nothing is read, so a coding that is unknown is left as it is.
///
/// # Errors
/// A coding that is unknown, or not allowed here, or several of them.
pub(super) fn coding(
    headers: &HeaderMap,
    allowed: bool,
    format: BodyFormat,
) -> Result<Option<Coding>, Refusal> {
    let values: Vec<_> = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase())
        .collect();
    let names = || values.iter().flat_map(|value| value.split(',')).map(str::trim);
    let mut real = names().filter(|name| !changes_nothing(name));
    match (real.next(), real.next()) {
        (None, _) => Ok(None),
        (Some(name), None) if allowed && Coding::of(name).is_some() => Ok(Coding::of(name)),
        (Some(_), _)
            if format == BodyFormat::Raw && !(allowed && names().any(|name| Coding::of(name).is_some())) =>
        {
            Ok(None)
        }
        (Some(_), _) => Err(Refusal::ContentEncoding(values.join(", "))),
    }
}

fn changes_nothing(name: &str) -> bool {
    matches!(name, "" | "identity" | "none" | "7bit" | "8bit" | "binary" | "plain")
        || Charset::of(name).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_types_that_disagree_are_refused() {
        let mut headers = HeaderMap::new();
        headers.append(header::CONTENT_TYPE, "application/json".parse().unwrap());
        headers.append(header::CONTENT_TYPE, "application/json".parse().unwrap());
        let auto = |headers: &HeaderMap| content_type(headers, BodyFormat::Auto);
        assert_eq!(auto(&headers).unwrap().as_deref(), Some("application/json"));
        headers.append(header::CONTENT_TYPE, "multipart/form-data; boundary=x".parse().unwrap());
        assert!(matches!(auto(&headers), Err(Refusal::MediaType(_))));
        assert!(matches!(content_type(&headers, BodyFormat::Form), Err(Refusal::MediaType(_))));
        for format in [BodyFormat::Json, BodyFormat::Text, BodyFormat::Xml, BodyFormat::Raw] {
            let first = content_type(&headers, format).unwrap();
            assert_eq!(first.as_deref(), Some("application/json"), "{format:?}");
        }
    }

    #[test]
    fn codings_are_read_from_the_head() {
        let of = |values: &[&str], allowed| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(header::CONTENT_ENCODING, value.parse().unwrap());
            }
            let auto = coding(&headers, allowed, BodyFormat::Auto).map_err(|refusal| refusal.code());
            let raw = coding(&headers, allowed, BodyFormat::Raw).map_err(|refusal| refusal.code());
            // With `decompress`, what could be unpacked and is not must not pass for the body.
            let decides =
                |name: &&str| allowed && name.split(',').any(|name| Coding::of(name.trim()).is_some());
            match auto {
                Err(_) if !values.iter().any(decides) => assert_eq!(raw, Ok(None), "{values:?} {allowed}"),
                ref auto => assert_eq!(&raw, auto, "{values:?} {allowed}"),
            }
            auto
        };
        let refused = Err("content_encoding_unsupported");
        let cases: [(&[&str], bool, Result<Option<Coding>, &str>); 18] = [
            (&[], false, Ok(None)),
            (&["identity"], false, Ok(None)),
            (&["UTF-8"], false, Ok(None)),
            (&["none"], false, Ok(None)),
            (&["8bit"], true, Ok(None)),
            (&["gzip"], false, refused),
            (&["GZip"], true, Ok(Some(Coding::Gzip))),
            (&["br"], true, Ok(Some(Coding::Brotli))),
            (&["zstd"], true, Ok(Some(Coding::Zstd))),
            (&["deflate"], true, Ok(Some(Coding::Deflate))),
            (&["gzip, identity"], true, Ok(Some(Coding::Gzip))),
            (&["identity", "gzip"], true, Ok(Some(Coding::Gzip))),
            (&["utf-8, gzip"], true, Ok(Some(Coding::Gzip))),
            (&["gzip, identity"], false, refused),
            (&["gzip, gzip"], true, refused),
            (&["gzip", "br"], true, refused),
            (&["aws-chunked"], true, refused),
            (&["compress"], true, refused),
        ];
        for (values, allowed, expected) in cases {
            assert_eq!(of(values, allowed), expected, "{values:?} {allowed}");
        }
    }
}
