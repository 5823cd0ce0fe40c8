//! `flowcell send`: a sample event, signed as its sender would.

use clap::{Args, ValueEnum};
use http::Method;

use super::{Verdict, envelopes, small_runtime, terminal};
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
    Wecom,
    #[value(name = "wechat_mp")]
    WechatMp,
    #[value(name = "dingtalk_event")]
    DingtalkEvent,
    #[value(alias = "lark")]
    Feishu,
}

impl Sender {
    /// Those that encrypt.
    fn envelope(self) -> Option<envelopes::Sender> {
        match self {
            Self::Github => None,
            Self::Wecom => Some(envelopes::Sender::Wecom),
            Self::WechatMp => Some(envelopes::Sender::WechatMp),
            Self::DingtalkEvent => Some(envelopes::Sender::DingtalkEvent),
            Self::Feishu => Some(envelopes::Sender::Feishu),
        }
    }
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
    /// The event's name; the sender's first sample when it is not given.
    #[arg(long)]
    event: Option<String>,
    /// The delivery's id; a new one when it is not given.
    #[arg(long)]
    delivery: Option<String>,
    /// A file to send in place of the sample.
    #[arg(long)]
    body: Option<std::path::PathBuf>,
    #[command(flatten)]
    envelope: envelopes::Options,
}

/// Sample bodies by event, small but of the real shape.
const GITHUB: [(&str, &str); 2] =
    [("push", include_str!("samples/github-push.json")), ("ping", include_str!("samples/github-ping.json"))];

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let body = body(arguments)?;
    let ports: &dyn Ports = &SystemPorts::default();
    let delivery = arguments.delivery.clone().unwrap_or_else(|| uuid(ports));
    let verify = match arguments.sender.envelope() {
        Some(sender) => sender.verify(&arguments.secret, &arguments.envelope)?,
        None => Verify::Github { secret: Secrets::One(arguments.secret.clone()) },
    };
    let scheme = Scheme::compile(&verify, &|secret| Ok(secret.to_owned()))?;
    let signed = scheme.sign("POST", &body, &delivery, ports.now_ms());
    let (url, body) = (with_query(&arguments.url, &signed.query), signed.body.unwrap_or(body));
    let mut headers = signed.headers;
    headers.extend(sender_headers(arguments, &delivery, &body));
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
    let samples = samples(arguments.sender);
    let event = event(arguments);
    let sample = samples.iter().find(|(name, _)| *name == event).map(|(_, body)| *body);
    let known: Vec<_> = samples.iter().map(|(event, _)| *event).collect();
    sample.map(|body| body.trim().as_bytes().to_vec()).ok_or_else(|| {
        anyhow::anyhow!("there is no sample of `{event}`; known are {}, or give --body", known.join(", "))
    })
}

fn samples(sender: Sender) -> &'static [(&'static str, &'static str)] {
    sender.envelope().map_or(&GITHUB, envelopes::Sender::samples)
}

fn event(arguments: &Arguments) -> &str {
    arguments.event.as_deref().unwrap_or_else(|| samples(arguments.sender)[0].0)
}

/// What the sender sets beside the signature.
fn sender_headers(arguments: &Arguments, delivery: &str, body: &[u8]) -> Vec<(String, String)> {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    if let Some(sender) = arguments.sender.envelope() {
        return vec![header("content-type", sender.content_type(body))];
    }
    vec![
        header("content-type", "application/json"),
        header("user-agent", "GitHub-Hookshot/flowcell"),
        header("x-github-event", event(arguments)),
        header("x-github-delivery", delivery),
    ]
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
