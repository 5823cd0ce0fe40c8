//! A signature by a private key in a header: any of them as a workflow describes it, SendGrid's and WeChat Pay's.
//!
//! Called by `Scheme`. Turns the settings into recipes of `signature`. Sources: docs.sendgrid.com, "Event Webhook
//! Security Features"; pay.weixin.qq.com/doc/v3, "如何验证签名".

use super::{
    Resolve, Role, SchemeError, hmac,
    key::Form,
    public_key::Manner,
    secret::resolve_keys,
    signature::{Names, Recipe, Signature, Time, TimeAt},
};
use crate::model::{EcdsaForm, Encoding, KeyAlgorithm, PublicKeys, SignatureSpec, Span, TimestampUnit};

/// What all of these have in common.
const PLAIN: Recipe<'static> = Recipe {
    names: &[],
    form: Form::Public {
        manner: Manner { algorithm: KeyAlgorithm::RsaSha256, form: EcdsaForm::Der },
        prefix: "",
    },
    encoding: Encoding::Base64,
    separator: None,
    assign: None,
    signature_key: None,
    signed: "{timestamp}{body}",
    time: Some(Time {
        at: TimeAt::Header,
        unit: TimestampUnit::Seconds,
        tolerance: Span::from_millis(300_000),
    }),
    id_path: None,
    url: None,
    outdated: None,
    key_id: None,
    form_field: None,
};

/// SendGrid: ECDSA on P-256 over time and body.
pub(super) const SENDGRID: Recipe<'static> = Recipe {
    names: &[Names {
        signature: "x-twilio-email-event-webhook-signature",
        timestamp: Some("x-twilio-email-event-webhook-timestamp"),
        id: None,
    }],
    form: Form::Public { manner: Manner::of(KeyAlgorithm::EcdsaP256Sha256), prefix: "" },
    ..PLAIN
};

/// WeChat Pay, API v3: RSA over time, nonce and body, each with a line break behind it.
pub(super) const WECHAT_PAY: Recipe<'static> = Recipe {
    names: &[Names {
        signature: "wechatpay-signature",
        timestamp: Some("wechatpay-timestamp"),
        id: Some("wechatpay-nonce"),
    }],
    signed: "{timestamp}\n{id}\n{body}\n",
    key_id: Some("wechatpay-serial"),
    form_field: None,
    ..PLAIN
};

/// A signature by one of these keys.
pub(super) fn compile(
    recipe: &Recipe<'_>,
    keys: &PublicKeys,
    resolve: Resolve<'_>,
    role: Role,
) -> Result<Signature, SchemeError> {
    let (secrets, names): (Vec<_>, Vec<_>) = resolve_keys(keys, resolve)?.into_iter().unzip();
    Ok(Signature::new(recipe, &secrets, role)?.with_names(&names))
}

/// The signature that a workflow describes.
pub(super) fn described(
    spec: &SignatureSpec,
    resolve: Resolve<'_>,
    role: Role,
) -> Result<Signature, SchemeError> {
    let names = Names {
        signature: &spec.header,
        timestamp: spec.timestamp.as_ref().and_then(|timestamp| timestamp.header.as_deref()),
        id: spec.id_header.as_deref(),
    };
    let recipe = Recipe {
        names: &[names],
        form: Form::Public {
            manner: Manner { algorithm: spec.algorithm, form: spec.form },
            prefix: &spec.prefix,
        },
        encoding: spec.encoding,
        separator: spec.separator.as_deref(),
        assign: spec.assign.as_deref(),
        signature_key: spec.signature_key.as_deref(),
        signed: &spec.signed,
        time: spec.timestamp.as_ref().map(hmac::time).transpose()?,
        id_path: spec.id_path.as_deref(),
        url: spec.url.as_deref(),
        outdated: None,
        key_id: spec.key_id_header.as_deref(),
        form_field: None,
    };
    compile(&recipe, &spec.public_key, resolve, role)
}
