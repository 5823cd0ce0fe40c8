//! `flowcell:plugin/http`: requests through the guard of `net`, to the hosts that were granted.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Deserialize;
use serde_json::json;
use url::Url;

use super::{ComponentState, failed, plugin::http, refused, types};
use crate::model::{CAPABILITY_MISSING, Limits};

/// The longest URL and method, bytes.
const URL_MOST: usize = 8 << 10;
const METHOD_MOST: usize = 32;
/// Headers of one request, and their bytes.
const HEADERS_MOST: usize = 100;
const FIELDS_MOST: usize = 32 << 10;

#[derive(Deserialize)]
struct Answer {
    status: u16,
    url: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// The first thing of which there is too much.
fn too_much(request: &http::Request) -> Option<String> {
    let fields: usize = request.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    let body_most = Limits::CALL_ARGUMENTS.as_usize() * 3 / 4;
    [
        ("bytes of URL", request.url.len(), URL_MOST),
        ("bytes of method", request.method.len(), METHOD_MOST),
        ("headers", request.headers.len(), HEADERS_MOST),
        ("bytes of headers", fields, FIELDS_MOST),
        ("bytes of body", request.body.len(), body_most),
    ]
    .into_iter()
    .find(|(_, has, most)| has > most)
    .map(|(what, has, most)| format!("a request has at most {most} {what}, this one has {has}"))
}

impl http::Host for ComponentState {
    async fn send(
        &mut self,
        request: http::Request,
    ) -> wasmtime::Result<Result<http::Response, types::Error>> {
        self.host_calls += 1;
        if let Some(why) = too_much(&request) {
            return Ok(Err(refused("http_too_large", why)));
        }
        let Some((host, port)) = place(&request.url) else {
            return Ok(Err(refused(
                "http_url",
                "the URL is not one that begins with http:// or https:// and names a host",
            )));
        };
        let hosts = self.allowed.hosts();
        if !hosts.iter().any(|pattern| pattern.matches(&host, port)) {
            let shown = if port == 80 || port == 443 { host } else { format!("{host}:{port}") };
            return Ok(Err(self.deny(&format!("http:{shown}"))));
        }
        self.bytes_out += request.body.len() as u64;
        let args = json!({
            "method": request.method,
            "url": request.url,
            "headers": request.headers,
            "body": STANDARD.encode(&request.body),
        });
        let answer = match self.ask("fetch", args, Some(hosts)).await? {
            Ok(answer) => answer,
            Err(error) => {
                if error.code.as_deref() == Some(CAPABILITY_MISSING) {
                    self.denied = true;
                }
                return Ok(Err(failed(error)));
            }
        };
        let Answer { status, url, headers, body } = serde_json::from_str(answer.as_str())?;
        Ok(Ok(http::Response { status, url, headers, body: STANDARD.decode(body)? }))
    }
}

/// Where a URL leads, as the guard will read it too.
fn place(url: &str) -> Option<(String, u16)> {
    let url = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    Some((url.host_str()?.to_ascii_lowercase(), url.port_or_known_default()?))
}
