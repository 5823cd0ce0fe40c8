//! `flowcell send`: a sample event, signed as its sender would.

use clap::{Args, ValueEnum};
use http::Method;

use super::{Verdict, small_runtime, terminal};
use crate::{
    engine::{Ports, SystemPorts},
    model::{Secrets, Verify},
    net::Client,
    verify::Scheme,
};

/// A sender that can be played.
#[derive(Clone, Copy, ValueEnum)]
enum Sender {
    Github,
}

#[derive(Args)]
pub(super) struct Arguments {
    /// Who sends.
    sender: Sender,
    /// The webhook's URL.
    url: String,
    /// The secret that both sides know.
    #[arg(long)]
    secret: String,
    /// The event's name.
    #[arg(long, default_value = "push")]
    event: String,
    /// The delivery's id; a new one when it is not given.
    #[arg(long)]
    delivery: Option<String>,
    /// A file to send in place of the sample.
    #[arg(long)]
    body: Option<std::path::PathBuf>,
}

/// Sample bodies by event, small but of the real shape.
const GITHUB: [(&str, &str); 2] =
    [("push", include_str!("samples/github-push.json")), ("ping", include_str!("samples/github-ping.json"))];

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let body = body(arguments)?;
    let ports: &dyn Ports = &SystemPorts::default();
    let delivery = arguments.delivery.clone().unwrap_or_else(|| uuid(ports));
    let verify = match arguments.sender {
        Sender::Github => Verify::Github { secret: Secrets::One(arguments.secret.clone()) },
    };
    let scheme = Scheme::compile(&verify, &|secret| Ok(secret.to_owned()))?;
    let signed = scheme.sign("POST", &body, &delivery, ports.now_ms());
    let (url, body) = (with_query(&arguments.url, &signed.query), signed.body.unwrap_or(body));
    let mut headers = signed.headers;
    headers.extend(sender_headers(arguments, &delivery));
    let response =
        small_runtime()?.block_on(async { Client::new()?.send(Method::POST, &url, &headers, body).await })?;
    eprintln!("delivery {delivery}");
    println!("HTTP {}", response.status);
    for name in ["flowcell-run-id", "idempotency-replayed", "retry-after"] {
        if let Some(value) = response.headers.get(name).and_then(|value| value.to_str().ok()) {
            println!("{name}: {}", terminal::safe(value));
        }
    }
    println!("{}", terminal::safe(&String::from_utf8_lossy(&response.body)));
    Ok(if (200..300).contains(&response.status) { Verdict::Yes } else { Verdict::No })
}

/// The URL with the parameters that the sender adds to it.
fn with_query(url: &str, parameters: &[(String, String)]) -> String {
    if parameters.is_empty() {
        return url.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(parameters).finish();
    format!("{url}{}{query}", if url.contains('?') { '&' } else { '?' })
}

fn body(arguments: &Arguments) -> anyhow::Result<Vec<u8>> {
    if let Some(path) = &arguments.body {
        return std::fs::read(path)
            .map_err(|error| anyhow::anyhow!("cannot read {}: {error}", path.display()));
    }
    let samples = match arguments.sender {
        Sender::Github => &GITHUB,
    };
    let sample = samples.iter().find(|(event, _)| *event == arguments.event).map(|(_, body)| *body);
    let known: Vec<_> = samples.iter().map(|(event, _)| *event).collect();
    sample.map(|body| body.trim().as_bytes().to_vec()).ok_or_else(|| {
        anyhow::anyhow!(
            "there is no sample of `{}`; known are {}, or give --body",
            arguments.event,
            known.join(", ")
        )
    })
}

/// What the sender sets beside the signature.
fn sender_headers(arguments: &Arguments, delivery: &str) -> Vec<(String, String)> {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    match arguments.sender {
        Sender::Github => vec![
            header("content-type", "application/json"),
            header("user-agent", "GitHub-Hookshot/flowcell"),
            header("x-github-event", &arguments.event),
            header("x-github-delivery", delivery),
        ],
    }
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
