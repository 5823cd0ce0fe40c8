//! `fetch(...)`: one request through the guard of `net`, read whole.

use std::{borrow::Cow, sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD};
use http::Method;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::ScriptHost;
use crate::{
    model::{CAPABILITY_MISSING, CallError, JsonText},
    net::{NetError, OutboundRequest, Response, Sensitive},
    sandbox::HostCall,
    secrets::Redactor,
};

/// For the whole exchange; a script gives up earlier by its `signal`.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a response's body.
const MAX_RESPONSE: u64 = 4 << 20;
/// Redirects that are followed.
const REDIRECTS: u8 = 10;
/// Tells a receiver that a request is a repetition
/// (<https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>).
const IDEMPOTENCY_KEY: &str = "idempotency-key";

#[derive(Deserialize)]
struct Args {
    method: String,
    url: String,
    #[serde(default)]
    headers: Vec<(String, String)>,
    body: Option<String>,
    #[serde(default)]
    redirect: Redirect,
}

#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Redirect {
    #[default]
    Follow,
    Manual,
    Error,
}

pub(super) async fn perform(host: &ScriptHost, call: &HostCall) -> Result<JsonText, CallError> {
    let args = Args::deserialize(&call.args).map_err(|error| type_error(&error.to_string()))?;
    let method = Method::from_bytes(args.method.as_bytes())
        .map_err(|_| type_error(&format!("`{}` is no method", args.method)))?;
    let body = STANDARD.decode(args.body.as_deref().unwrap_or_default());
    let body = body.map_err(|_| type_error("the body is no base64"))?;
    let mut headers = args.headers;
    let has = |name: &str| headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
    if !has(IDEMPOTENCY_KEY) && !method.is_safe() {
        headers.push((IDEMPOTENCY_KEY.to_owned(), key(&host.caller.idempotency_key, call, &call.args)));
    }
    let request = OutboundRequest {
        headers,
        body,
        timeout: TIMEOUT,
        max_response: MAX_RESPONSE,
        redirects: if args.redirect == Redirect::Follow { REDIRECTS } else { 0 },
        within: call.hosts.clone(),
        sensitive: Sensitive { holds: Some(finder(&host.caller.given.all)), ..Sensitive::default() },
        caller: Some(host.caller.workflow.clone()),
        ..OutboundRequest::new(method, args.url.clone())
    };
    let _permit = host.fetches.acquire().await.map_err(|_| type_error("the run has ended"))?;
    host.before_effect().await?;
    let response = host.tools.services.net.send(request).await.map_err(|error| failed(&error))?;
    if args.redirect == Redirect::Error && (300..400).contains(&response.status) {
        return Err(type_error("unexpected redirect"));
    }
    Ok(JsonText::from_value(&view(host, &args.url, &response)))
}

/// Tells whether bytes hold one of these secrets.
fn finder(secrets: &Redactor) -> Arc<dyn Fn(&[u8]) -> bool + Send + Sync> {
    let secrets = secrets.clone();
    Arc::new(move |bytes| matches!(secrets.redact_bytes(bytes), Cow::Owned(_)))
}

/// The same for the same request at the same place of the script, in each attempt.
fn key(step: &str, call: &HostCall, args: &Value) -> String {
    let hash = Sha256::new().chain_update(step).chain_update(call.id.to_be_bytes());
    hex::encode(&hash.chain_update(args.to_string()).finalize()[..16])
}

fn view(host: &ScriptHost, asked: &str, response: &Response) -> Value {
    let headers: Vec<(&str, String)> = response
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let same = |asked: &http::Uri, came: &http::Uri| {
        let host = |uri: &http::Uri| uri.authority().map(|host| host.as_str().to_ascii_lowercase());
        (host(asked), asked.path()) == (host(came), came.path())
    };
    let redirected = match (asked.parse(), response.url.parse()) {
        (Ok(asked), Ok(came)) => !same(&asked, &came),
        _ => false,
    };
    json!({
        "status": response.status,
        "status_text": "",
        "url": if redirected { &response.url } else { asked },
        "redirected": redirected,
        "headers": headers,
        "body": STANDARD.encode(host.caller.given.masks.redact_bytes(&response.body)),
    })
}

fn type_error(why: &str) -> CallError {
    CallError::new("TypeError", why.to_owned()).with_code("FETCH_FAILED")
}

fn failed(error: &NetError) -> CallError {
    let (name, code) = match error {
        NetError::Denied { .. } | NetError::Withheld { .. } => ("TypeError", "FETCH_DENIED"),
        NetError::NotGranted { .. } => ("TypeError", CAPABILITY_MISSING),
        NetError::Timeout { .. } => ("TimeoutError", "FETCH_TIMEOUT"),
        NetError::Dns { .. } => ("TypeError", "ENOTFOUND"),
        NetError::Unanswered { .. } => ("TypeError", "EAI_AGAIN"),
        NetError::Connect { .. } => ("TypeError", "ECONNREFUSED"),
        NetError::TooLarge { .. } => ("TypeError", "FETCH_TOO_LARGE"),
        NetError::Url { .. } => ("TypeError", "ERR_INVALID_URL"),
        NetError::Method(_)
        | NetError::Header { .. }
        | NetError::Credentials { .. }
        | NetError::Tls { .. }
        | NetError::Cookies { .. }
        | NetError::TooManyRedirects { .. }
        | NetError::Protocol { .. } => ("TypeError", "FETCH_FAILED"),
    };
    CallError::new(name, error.to_string()).with_code(code)
}
