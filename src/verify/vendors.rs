//! How known senders sign, one recipe each, and how their deliveries are told apart.
//!
//! Only data; `signature` does the work. Sources: the senders' own pages and libraries, named at each recipe.

use super::{
    key::Form,
    signature::{Names, Recipe, Time, TimeAt},
};
use crate::model::{Algorithm, Encoding, SecretEncoding, Span, TimestampUnit, Vendor};

/// The header of a signature over only the body.
const fn alone(signature: &'static str) -> Names<'static> {
    Names { signature, timestamp: None, id: None }
}

const fn timed(signature: &'static str, timestamp: &'static str) -> Names<'static> {
    Names { signature, timestamp: Some(timestamp), id: None }
}

const fn seconds(at: TimeAt<'static>, tolerance_s: u64) -> Option<Time<'static>> {
    Some(Time { at, unit: TimestampUnit::Seconds, tolerance: Span::from_millis(tolerance_s * 1_000) })
}

const fn sha256(prefix: &'static str) -> Form<'static> {
    Form::Hmac { algorithm: Algorithm::Sha256, prefix, encoding: SecretEncoding::Utf8, strip: "" }
}

/// HMAC-SHA256 over the body, in hex.
const PLAIN: Recipe<'static> = Recipe {
    names: &[],
    form: sha256(""),
    encoding: Encoding::Hex,
    separator: None,
    assign: None,
    signature_key: None,
    signed: "{body}",
    time: None,
    id_path: None,
    url: None,
    outdated: None,
    key_id: None,
    form_field: None,
};

/// standardwebhooks.com, specification 1.0: several signatures with a space between them, v1 (HMAC) and v1a (Ed25519).
pub(super) const STANDARD: Recipe<'static> = Recipe {
    names: &[WEBHOOK],
    form: Form::Standard,
    encoding: Encoding::Base64,
    separator: Some(" "),
    signed: "{id}.{timestamp}.{body}",
    time: seconds(TimeAt::Header, 300),
    ..PLAIN
};

const WEBHOOK: Names<'static> =
    Names { signature: "webhook-signature", timestamp: Some("webhook-timestamp"), id: Some("webhook-id") };

const SVIX: Names<'static> =
    Names { signature: "svix-signature", timestamp: Some("svix-timestamp"), id: Some("svix-id") };

/// discord.com/developers/docs, "Interactions": Ed25519 over time and body. The tolerance is ours.
pub(super) const DISCORD: Recipe<'static> = Recipe {
    names: &[timed("x-signature-ed25519", "x-signature-timestamp")],
    form: Form::Ed25519,
    signed: "{timestamp}{body}",
    time: seconds(TimeAt::Header, 300),
    ..PLAIN
};

/// Which code checks a sender.
pub(super) enum Way {
    /// `signature`, with this recipe.
    Recipe(Box<Recipe<'static>>),
    /// `unbound`.
    DingtalkRobot,
    /// `twilio`.
    Twilio,
    /// `fields`.
    Mailgun,
}

/// How a sender signs.
pub(super) fn way(vendor: Vendor) -> Way {
    Way::Recipe(Box::new(match vendor {
        // docs.github.com, "Validating webhook deliveries". The older SHA-1 header is never accepted.
        Vendor::Github => Recipe {
            names: const { &[alone("x-hub-signature-256")] },
            form: sha256("sha256="),
            outdated: Some("x-hub-signature"),
            ..PLAIN
        },
        // docs.gitea.com, "Webhooks". Its source (services/webhook/deliver.go) signs the JSON of the event, also where it
        // sends that JSON as a field of a form.
        Vendor::Gitea => {
            Recipe { names: const { &[alone("x-gitea-signature")] }, form_field: Some("payload"), ..PLAIN }
        }
        // forgejo.org/docs, "Webhooks"; services/webhook/default.go of its source.
        Vendor::Forgejo => {
            Recipe { names: const { &[alone("x-forgejo-signature")] }, form_field: Some("payload"), ..PLAIN }
        }
        Vendor::Standard => STANDARD,
        // docs.svix.com, "Verifying payloads": the same with other header names. Its libraries accept both.
        Vendor::Svix => Recipe { names: const { &[SVIX, WEBHOOK] }, ..STANDARD },
        // docs.slack.dev, "Verifying requests from Slack".
        Vendor::Slack => Recipe {
            names: const { &[timed("x-slack-signature", "x-slack-request-timestamp")] },
            form: sha256("v0="),
            signed: "v0:{timestamp}:{body}",
            time: seconds(TimeAt::Header, 300),
            ..PLAIN
        },
        // docs.stripe.com/webhooks: the key is the whole text `whsec_...`, which is not decoded.
        Vendor::Stripe => Recipe {
            names: const { &[alone("stripe-signature")] },
            separator: Some(","),
            signature_key: Some("v1"),
            signed: "{timestamp}.{body}",
            time: seconds(TimeAt::Key("t"), 300),
            ..PLAIN
        },
        // shopify.dev, "Verify deliveries"; the second name is that of the Events API.
        Vendor::Shopify => Recipe {
            names: const { &[alone("x-shopify-hmac-sha256"), alone("shopify-hmac-sha256")] },
            encoding: Encoding::Base64,
            ..PLAIN
        },
        // linear.app/developers/webhooks, and packages/sdk of its library: the body holds the time.
        Vendor::Linear => Recipe {
            names: const { &[timed("linear-signature", "linear-timestamp")] },
            time: Some(Time {
                at: TimeAt::BodyElseHeader("webhookTimestamp"),
                unit: TimestampUnit::Milliseconds,
                tolerance: Span::from_millis(60_000),
            }),
            ..PLAIN
        },
        // developers.zoom.us/docs/api/webhooks.
        Vendor::Zoom => Recipe {
            names: const { &[timed("x-zm-signature", "x-zm-request-timestamp")] },
            form: sha256("v0="),
            signed: "v0:{timestamp}:{body}",
            time: seconds(TimeAt::Header, 300),
            ..PLAIN
        },
        // developer.pagerduty.com, "Verifying signatures".
        Vendor::Pagerduty => Recipe {
            names: const { &[alone("x-pagerduty-signature")] },
            form: sha256("v1="),
            separator: Some(","),
            ..PLAIN
        },
        // developer.paddle.com, "Verify webhook signatures".
        Vendor::Paddle => Recipe {
            names: const { &[alone("paddle-signature")] },
            separator: Some(";"),
            signature_key: Some("h1"),
            signed: "{timestamp}:{body}",
            time: seconds(TimeAt::Key("ts"), 300),
            ..PLAIN
        },
        // dev.twitch.tv/docs/eventsub, "Verifying the event message".
        Vendor::Twitch => Recipe {
            names: const {
                &[Names {
                    signature: "twitch-eventsub-message-signature",
                    timestamp: Some("twitch-eventsub-message-timestamp"),
                    id: Some("twitch-eventsub-message-id"),
                }]
            },
            form: sha256("sha256="),
            signed: "{id}{timestamp}{body}",
            time: Some(Time {
                at: TimeAt::Header,
                unit: TimestampUnit::Rfc3339,
                tolerance: Span::from_millis(600_000),
            }),
            ..PLAIN
        },
        // developer.squareup.com, "Validate notifications".
        Vendor::Square => Recipe {
            names: const { &[alone("x-square-hmacsha256-signature")] },
            encoding: Encoding::Base64,
            signed: "{url}{body}",
            ..PLAIN
        },
        // woocommerce.github.io, "Webhooks".
        Vendor::Woocommerce => Recipe {
            names: const { &[alone("x-wc-webhook-signature")] },
            encoding: Encoding::Base64,
            ..PLAIN
        },
        // developer.xero.com, "Webhooks".
        Vendor::Xero => {
            Recipe { names: const { &[alone("x-xero-signature")] }, encoding: Encoding::Base64, ..PLAIN }
        }
        Vendor::DingtalkRobot => return Way::DingtalkRobot,
        Vendor::Twilio => return Way::Twilio,
        Vendor::Mailgun => return Way::Mailgun,
    }))
}

/// The template that recognises copies of a sender's delivery, as the `key` of `dedupe` has it.
pub(super) fn dedupe(vendor: Vendor) -> Option<&'static str> {
    match vendor {
        Vendor::Github => Some("{{$context.headers.x-github-delivery}}"),
        Vendor::Gitea => Some("{{$context.headers.x-gitea-delivery}}"),
        Vendor::Forgejo => Some("{{$context.headers.x-forgejo-delivery}}"),
        Vendor::Standard => Some("{{$context.headers.webhook-id}}"),
        // Only this one: whoever sends a copy could add the other id, which is not signed then.
        Vendor::Svix => Some("{{$context.headers.svix-id}}"),
        Vendor::Slack | Vendor::Square | Vendor::Paddle => Some("{{$context.data.event_id}}"),
        Vendor::Stripe => Some("{{$context.data.id}}"),
        Vendor::Shopify => Some("{{$context.headers.x-shopify-webhook-id}}"),
        Vendor::Twilio => Some("{{$context.headers.i-twilio-idempotency-token}}"),
        Vendor::Linear => Some("{{$context.headers.linear-delivery}}"),
        Vendor::DingtalkRobot => Some("{{$context.data.msgId}}"),
        Vendor::Pagerduty => Some("{{$context.data.event.id}}"),
        Vendor::Twitch => Some("{{$context.headers.twitch-eventsub-message-id}}"),
        // Its own scheme says it.
        Vendor::Mailgun | Vendor::Zoom | Vendor::Woocommerce | Vendor::Xero => None,
    }
}
