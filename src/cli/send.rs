//! `flowcell send`: sends a sample event, signed as its sender would sign it.

use clap::{Args, builder::PossibleValuesParser};
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    Verdict, envelopes,
    print::Json,
    samples::{self, Delivery},
    small_runtime, terminal,
};
use crate::{
    engine::{Ports, SystemPorts},
    model::Verify,
    net::Client,
    verify::{Outgoing, Scheme},
};

#[derive(Args)]
pub(super) struct Arguments {
    /// The sender, or the way it proves itself: the name of a scheme.
    #[arg(value_parser = PossibleValuesParser::new(Verify::schemes()))]
    scheme: String,
    /// The webhook's URL.
    url: String,
    /// The secret that both sides know; `name:password` for basic. Where the receiver knows only a public key, the
    /// private key as PEM; for discord its 32 bytes in hex.
    // A key in PEM begins with hyphens.
    #[arg(long, allow_hyphen_values = true)]
    secret: String,
    /// What the sender calls its key, for wechat_pay and the like: the serial number or the id.
    #[arg(long)]
    key_id: Option<String>,
    /// Further fields of `verify`, as a JSON object: {"header": "X-Api-Key"}.
    #[arg(long, default_value = "{}")]
    settings: String,
    /// The event's name. Without it, the scheme's usual event.
    #[arg(long)]
    event: Option<String>,
    /// The delivery's id. Without it, a new one.
    #[arg(long)]
    delivery: Option<String>,
    /// A file to send instead of the sample.
    #[arg(long)]
    body: Option<std::path::PathBuf>,
    /// The media type of that file.
    #[arg(long, default_value = "application/json")]
    content_type: String,
    #[command(flatten)]
    envelope: envelopes::Options,
    #[command(flatten)]
    out: Json,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let ports: &dyn Ports = &SystemPorts::default();
    let id = arguments.delivery.clone().unwrap_or_else(|| uuid(ports));
    let scheme = Scheme::sender(&setting(arguments)?, &|secret| Ok(secret.to_owned()))?;
    let (event, content_type, body) = event(arguments, &id)?;
    let outgoing = Outgoing {
        method: "POST",
        url: &arguments.url,
        content_type: &content_type,
        body: &body,
        id: &id,
        now_ms: ports.now_ms(),
    };
    let mut signed = scheme.sign(&outgoing)?;
    let delivery =
        Delivery { scheme: &arguments.scheme, event: &event, id: &id, content_type: &content_type };
    let mut headers = samples::headers(&delivery);
    headers.append(&mut signed.headers);
    let url = signed.url(&arguments.url);
    let body = signed.body.unwrap_or(body);
    let response =
        small_runtime()?.block_on(async { Client::new()?.send(Method::POST, &url, &headers, body).await })?;
    tell!("delivery {id}");
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let body = String::from_utf8_lossy(&response.body);
    let names = response.headers.keys();
    let headers: Map<String, Value> =
        names.map(|name| (name.to_string(), text(&response.headers[name]).into())).collect();
    let value = json!({
        "delivery": id,
        "status": response.status,
        "headers": headers,
        "body": serde_json::from_str::<Value>(&body).unwrap_or_else(|_| body.clone().into()),
    });
    arguments.out.show(&value, || {
        let told =
            ["flowcell-run-id", "idempotency-replayed", "retry-after"].into_iter().filter_map(|name| {
                Some(format!("{name}: {}\n", terminal::safe(&text(response.headers.get(name)?))))
            });
        format!("HTTP {}\n{}{}", response.status, told.collect::<String>(), terminal::safe(&body))
    })?;
    Ok(if (200..300).contains(&response.status) { Verdict::Yes } else { Verdict::No })
}

/// The `verify` of a workflow that accepts this event.
fn setting(arguments: &Arguments) -> anyhow::Result<Verify> {
    let mut fields: Map<String, Value> = serde_json::from_str(&arguments.settings)
        .map_err(|error| anyhow::anyhow!("--settings is not a JSON object: {error}"))?;
    let needed = match arguments.scheme.as_str() {
        "header" => Some(("header", "X-Api-Key")),
        "hmac" => Some(("header", "X-Signature")),
        "query" => Some(("parameter", "token")),
        "jwt" => Some(("algorithm", "HS256")),
        "signature" => Some(("header", "X-Signature")),
        "sns" => Some(("topic", "arn:aws:sns:us-east-1:123456789012:sample")),
        "paypal" => Some(("webhook_id", "0SAMPLE0")),
        _ => None,
    };
    if let Some((field, usual)) = needed {
        fields.entry(field).or_insert_with(|| usual.into());
    }
    if arguments.scheme == "fields" {
        fields.entry("algorithm").or_insert_with(|| "hmac_sha256".into());
    }
    let sealed = arguments.envelope.fill(&arguments.scheme, &mut fields)?;
    let algorithm = fields.get("algorithm").and_then(Value::as_str).unwrap_or_default();
    let secret = match arguments.scheme.as_str() {
        "jwt" if !algorithm.starts_with("HS") => "public_key",
        "fields" if algorithm.starts_with("rsa") => "public_key",
        "signature" | "sendgrid" | "wechat_pay" | "alipay" => "public_key",
        "sns" | "paypal" => "certificate",
        _ => sealed.unwrap_or("secret"),
    };
    let key = match &arguments.key_id {
        Some(id) => serde_json::json!([{ "key": arguments.secret, "id": id }]),
        None => arguments.secret.as_str().into(),
    };
    fields.insert(secret.to_owned(), key);
    fields.insert("scheme".to_owned(), arguments.scheme.as_str().into());
    Ok(Verify::from_value(Value::Object(fields))?)
}

/// The event's name, media type and body.
fn event(arguments: &Arguments, id: &str) -> anyhow::Result<(String, String, Vec<u8>)> {
    let samples = samples::of(&arguments.scheme);
    if let Some(path) = &arguments.body {
        let body = std::fs::read(path)
            .map_err(|error| anyhow::anyhow!("cannot read {}: {error}", path.display()))?;
        let event = arguments.event.clone().unwrap_or_else(|| samples[0].event.to_owned());
        return Ok((event, arguments.content_type.clone(), body));
    }
    let wanted = arguments.event.as_deref().unwrap_or(samples[0].event);
    let Some(sample) = samples.iter().find(|sample| sample.event == wanted) else {
        let known: Vec<_> = samples.iter().map(|sample| sample.event).collect();
        anyhow::bail!("there is no sample of `{wanted}`; known are {}, or give --body", known.join(", "));
    };
    Ok((wanted.to_owned(), sample.content_type.to_owned(), sample.body(id)))
}

/// A random UUID (RFC 9562 section 5.4), as GitHub's delivery ids are.
fn uuid(ports: &dyn Ports) -> String {
    let mut bytes = [0u8; 16];
    ports.fill(&mut bytes);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
