//! What starts runs: webhooks and who may call them, schedules, ends of other runs. Parsers stand beside their types.

mod envelope;
mod fields;
mod guards;
mod handshake;
mod hmac;
mod hook_path;
mod jwt;
mod named;
mod proof_parse;
mod public_key;
mod schedule;
mod secret_spec;
mod start;
mod texts;
mod verify;
mod verify_fields;
mod verify_parse;
mod webhook;
mod webhook_parse;

pub use envelope::{EnvelopeSpec, FeishuCardSpec, FeishuSpec, WechatMpSpec};
pub use fields::{FieldsAlgorithm, FieldsFormat, FieldsSpec, Weakness};
pub use guards::{Cors, IpRules, Network, NetworkError, RateBy, RateLimit, RateLimits, subscriber};
pub use handshake::{Handshake, HandshakeAnswer, HandshakeMac, HandshakeSpec, Preset, PresetSpec};
pub use hmac::{Algorithm, Encoding, HmacSpec, SecretEncoding, TimestampSpec, TimestampUnit};
pub use hook_path::{HookPath, HookPathError, PathSegment};
pub use jwt::{JwtAlgorithm, JwtSpec};
pub(super) use named::take_triggers;
pub use named::{NamedTrigger, TriggerScope};
pub use public_key::{
    EcdsaForm, KeyAlgorithm, KeySpec, NamedKey, PaypalSpec, PublicKeyEntry, PublicKeys, SignatureSpec,
    SnsSpec,
};
pub use schedule::{Missed, ScheduleTrigger};
pub use secret_spec::{ExpiringSecret, SecretEntry, Secrets};
pub use start::{RunEnd, Trigger, WorkflowTrigger};
pub use texts::Texts;
pub use verify::{
    BasicSpec, BearerSpec, DiscordSpec, GiteeMode, GiteeSpec, GitlabSpec, HeaderSpec, QuerySpec, Vendor,
    VendorSpec, Verify,
};
pub use webhook::{BodyFormat, CREDENTIAL_HEADERS, Dedupe, Webhook, WhenUnknown};
