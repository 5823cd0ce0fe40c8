//! What starts runs: webhooks and who may call them, schedules, ends of other runs. Parsers stand beside their types.

mod envelope;
mod guards;
mod handshake;
mod hmac;
mod hook_path;
mod schedule;
mod secret_spec;
mod start;
mod verify;
mod verify_parse;
mod webhook;
mod webhook_parse;

pub use envelope::{EnvelopeSpec, FeishuSpec, WechatMpSpec};
pub use guards::{Cors, IpRules, Network, NetworkError, RateBy, RateLimit, RateLimits, subscriber};
pub use handshake::{Handshake, HandshakeAnswer, HandshakeMac, HandshakeSpec, Preset, PresetSpec};
pub use hmac::{Algorithm, Encoding, HmacSpec, SecretEncoding, TimestampSpec, TimestampUnit};
pub use hook_path::{HookPath, HookPathError, PathSegment};
pub use schedule::{Missed, ScheduleTrigger};
pub use secret_spec::{ExpiringSecret, SecretEntry, Secrets};
pub(super) use start::read_trigger;
pub use start::{RunEnd, Trigger, WorkflowTrigger};
pub use verify::{
    BasicSpec, BearerSpec, DiscordSpec, GiteeMode, GiteeSpec, GitlabSpec, HeaderSpec, JwtAlgorithm, JwtSpec,
    QuerySpec, Vendor, VendorSpec, Verify,
};
pub use webhook::{BodyFormat, CREDENTIAL_HEADERS, Dedupe, Webhook, WhenUnknown};
