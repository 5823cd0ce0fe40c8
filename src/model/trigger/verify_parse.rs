//! JSON into a [`Verify`], where every error names its field.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{
    envelope::FeishuSpec,
    hmac::HmacSpec,
    proof_parse,
    verify::{BasicSpec, Vendor, Verify},
    verify_fields::{PATH, read},
};
use crate::model::value::{
    FieldError,
    fields::{Object, join, object, only_known, required},
};

/// The schemes that are no [`Vendor`].
const OTHERS: [&str; 22] = [
    "gitlab",
    "discord",
    "gitee",
    "basic",
    "bearer",
    "header",
    "query",
    "jwt",
    "hmac",
    "wecom",
    "wechat_mp",
    "dingtalk_event",
    "feishu",
    "lark",
    "feishu_card",
    "signature",
    "fields",
    "sendgrid",
    "wechat_pay",
    "alipay",
    "sns",
    "paypal",
];
const ENVELOPE: [&str; 4] = ["token", "aes_key", "receive_id", "tolerance"];

impl Verify {
    /// The names of all schemes.
    pub fn schemes() -> Vec<&'static str> {
        Vendor::ALL.into_iter().map(Vendor::name).chain(OTHERS).collect()
    }

    /// Reads a setting and checks all that can be known before its secrets are.
    ///
    /// # Errors
    /// The first wrong field, by its path in a workflow.
    pub fn from_value(value: Value) -> Result<Self, FieldError> {
        let mut fields = object(value, PATH)?;
        let scheme: String = required(&mut fields, PATH, "scheme")?;
        let verify = match scheme.as_str() {
            "gitlab" => Self::Gitlab(read(fields, &["secret", "signing", "tolerance"], &["secret"])?),
            "discord" => Self::Discord(read_one_of(fields, &["public_key", "secret"], &["tolerance"])?),
            "gitee" => Self::Gitee(read(fields, &["secret", "mode", "tolerance"], &["secret"])?),
            "basic" => Self::Basic(basic(fields)?),
            "bearer" => Self::Bearer(read(fields, &["secret"], &["secret"])?),
            "header" => Self::Header(read(fields, &["header", "secret"], &["header", "secret"])?),
            "query" => Self::Query(read(fields, &["parameter", "secret"], &["parameter", "secret"])?),
            "jwt" => Self::Jwt(Box::new(proof_parse::jwt(fields)?)),
            "hmac" => Self::Hmac(Box::new(hmac(fields)?)),
            "wecom" => Self::Wecom(read(fields, &ENVELOPE, &["token", "aes_key"])?),
            "dingtalk_event" => Self::DingtalkEvent(read(fields, &ENVELOPE, &["token", "aes_key"])?),
            "wechat_mp" => Self::WechatMp(read(fields, &ENVELOPE, &["token"])?),
            "feishu" | "lark" => {
                let spec: FeishuSpec = read(fields, &["token", "encrypt_key", "tolerance"], &[])?;
                if spec.token.is_none() && spec.encrypt_key.is_none() {
                    return Err(FieldError::new(PATH, "give `encrypt_key`, `token` or both"));
                }
                Self::Feishu(spec)
            }
            "feishu_card" => {
                Self::FeishuCard(read(fields, &["token", "encrypt_key", "tolerance"], &["token"])?)
            }
            "signature" => Self::Signature(Box::new(proof_parse::signature(fields)?)),
            "fields" => Self::Fields(Box::new(proof_parse::fields(fields)?)),
            "sendgrid" => Self::Sendgrid(proof_parse::key(fields)?),
            "wechat_pay" => Self::WechatPay(proof_parse::key(fields)?),
            "alipay" => Self::Alipay(proof_parse::key(fields)?),
            "sns" => Self::Sns(proof_parse::sns(fields)?),
            "paypal" => Self::Paypal(proof_parse::paypal(fields)?),
            other => match Vendor::ALL.into_iter().find(|vendor| vendor.name() == other) {
                Some(vendor) => vendor_setting(vendor, fields)?,
                None => {
                    let message =
                        format!("unknown scheme `{other}`; known are {}", Self::schemes().join(", "));
                    return Err(FieldError::new(join(PATH, "scheme"), message));
                }
            },
        };
        Ok(verify)
    }
}

/// Exactly one of `either`, which are names for the same, beside `others`.
fn read_one_of<T: DeserializeOwned>(
    fields: Object,
    either: &[&str],
    others: &[&str],
) -> Result<T, FieldError> {
    only_known(&fields, PATH, &[either, others].concat())?;
    match either.iter().filter(|field| fields.get(**field).is_some_and(|value| !value.is_null())).count() {
        1 => read(fields, &[either, others].concat(), &[]),
        0 => Err(FieldError::new(PATH, format!("`{}` is missing", either[0]))),
        _ => Err(FieldError::new(PATH, format!("give one of {}", either.join(", ")))),
    }
}

fn vendor_setting(vendor: Vendor, mut fields: Object) -> Result<Verify, FieldError> {
    let mut known = vec!["secret"];
    known.extend(vendor.tells_time().then_some("tolerance"));
    known.extend(vendor.signs_url().then_some("url"));
    only_known(&fields, PATH, &known)?;
    fields.insert("scheme".to_owned(), vendor.name().into());
    known.push("scheme");
    Ok(Verify::Vendor(read(fields, &known, &["secret"])?))
}

fn basic(fields: Object) -> Result<BasicSpec, FieldError> {
    let spec: BasicSpec = read(fields, &["username", "password", "secret"], &[])?;
    let wrong = |message: &str| Err(FieldError::new(PATH, message));
    match (&spec.username, &spec.password, &spec.secret) {
        (Some(_), Some(_), None) | (None, None, Some(_)) => {}
        (_, _, Some(_)) => return wrong("give `username` and `password`, or `secret`"),
        (None, _, None) => return wrong("`username` is missing"),
        (Some(_), None, None) => return wrong("`password` is missing"),
    }
    if spec.username.as_ref().is_some_and(|name| name.contains(':')) {
        let message = "a name with a colon cannot be sent (RFC 7617)";
        return Err(FieldError::new(join(PATH, "username"), message));
    }
    Ok(spec)
}

fn hmac(mut fields: Object) -> Result<HmacSpec, FieldError> {
    proof_parse::timestamp(&mut fields, &["header", "key", "path"])?;
    const KNOWN: [&str; 15] = [
        "header",
        "secret",
        "algorithm",
        "encoding",
        "prefix",
        "secret_encoding",
        "secret_prefix",
        "signed",
        "separator",
        "signature_key",
        "assign",
        "timestamp",
        "id_header",
        "id_path",
        "url",
    ];
    read(fields, &KNOWN, &["header", "secret"])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_wrong_setting_names_its_field() {
        let cases = [
            (json!({"scheme": "none"}), "trigger.verify.scheme", "unknown scheme `none`"),
            (json!({"scheme": "slack"}), "trigger.verify", "`secret` is missing"),
            (json!({"scheme": "slack", "secret": null}), "trigger.verify", "`secret` is missing"),
            (json!({"scheme": "slack", "secret": ""}), "trigger.verify.secret", "let anyone in"),
            (json!({"scheme": "slack", "secret": []}), "trigger.verify.secret", "let anyone in"),
            (json!({"scheme": "slack", "secret": ["a", ""]}), "trigger.verify.secret", "let anyone in"),
            (json!({"scheme": "slack", "secret": 7}), "trigger.verify.secret", "found a number"),
            (json!({"scheme": "slack", "secret": [7]}), "trigger.verify.secret[0]", "found a number"),
            (
                json!({"scheme": "slack", "secret": [{"secret": "a", "till": "x"}]}),
                "trigger.verify.secret[0].till",
                "known are secret, until",
            ),
            (
                json!({"scheme": "slack", "secret": ["a", {"secret": "b"}]}),
                "trigger.verify.secret[1]",
                "`until` is missing",
            ),
            (
                json!({"scheme": "slack", "secret": "a", "url": "x"}),
                "trigger.verify.url",
                "known are secret, tolerance",
            ),
            (
                json!({"scheme": "github", "secret": "a", "tolerance": "5m"}),
                "trigger.verify.tolerance",
                "known are secret",
            ),
            (
                json!({"scheme": "slack", "secret": "a", "tolerance": "2d"}),
                "trigger.verify.tolerance",
                "1d is the most",
            ),
            (
                json!({"scheme": "slack", "secret": "a", "tolerance": 5}),
                "trigger.verify.tolerance",
                "expected a string",
            ),
            (json!({"scheme": "square", "secret": "a", "url": ""}), "trigger.verify.url", "it is empty"),
            (
                json!({"scheme": "gitlab", "secret": "a", "signed": true}),
                "trigger.verify.signed",
                "known are",
            ),
            (
                json!({"scheme": "gitee", "secret": "a", "mode": "plain"}),
                "trigger.verify.mode",
                "unknown variant",
            ),
            (json!({"scheme": "discord"}), "trigger.verify", "`public_key` is missing"),
            (json!({"scheme": "discord", "secret": "a", "public_key": "b"}), "trigger.verify", "give one of"),
            (json!({"scheme": "discord", "public_key": ""}), "trigger.verify.public_key", "let anyone in"),
            (json!({"scheme": "basic", "username": "u"}), "trigger.verify", "`password` is missing"),
            (json!({"scheme": "basic", "password": "u"}), "trigger.verify", "`username` is missing"),
            (
                json!({"scheme": "basic", "username": "u", "password": ""}),
                "trigger.verify.password",
                "let anyone in",
            ),
            (
                json!({"scheme": "basic", "username": "a:b", "password": "p"}),
                "trigger.verify.username",
                "colon",
            ),
            (json!({"scheme": "basic", "username": "u", "secret": "p"}), "trigger.verify", "or `secret`"),
            (json!({"scheme": "header", "secret": "a"}), "trigger.verify", "`header` is missing"),
            (json!({"scheme": "query", "secret": "a"}), "trigger.verify", "`parameter` is missing"),
            (json!({"scheme": "query", "secret": "a", "parameter": ""}), "trigger.verify.parameter", "empty"),
            (json!({"scheme": "jwt", "secret": "a"}), "trigger.verify", "`algorithm` is missing"),
            (
                json!({"scheme": "jwt", "secret": "a", "algorithm": "none"}),
                "trigger.verify.algorithm",
                "unknown variant `none`",
            ),
            (
                json!({"scheme": "jwt", "secret": "a", "algorithm": "RS256"}),
                "trigger.verify.secret",
                "give `public_key`",
            ),
            (json!({"scheme": "jwt", "algorithm": "HS256"}), "trigger.verify", "`secret` is missing"),
            (
                json!({"scheme": "jwt", "algorithm": "RS256", "jwks_url": "https://a.example/keys"}),
                "trigger.verify",
                "`audience` is missing",
            ),
            (
                json!({"scheme": "jwt", "algorithm": "RS256", "jwks_url": "http://a.example/keys", "audience": "a"}),
                "trigger.verify.jwks_url",
                "https://",
            ),
            (
                json!({"scheme": "jwt", "algorithm": "RS256", "jwks_url": "https://a.example", "audience": []}),
                "trigger.verify.audience",
                "names nothing",
            ),
            (
                json!({"scheme": "jwt", "algorithm": "HS256", "secret": "s", "parameter": "t", "header": "x"}),
                "trigger.verify.parameter",
                "one or the other",
            ),
            (
                json!({"scheme": "jwt", "algorithm": "HS256", "secret": "s", "claims": {"aud": "x"}}),
                "trigger.verify.claims.aud",
                "`audience`",
            ),
            (
                json!({"scheme": "jwt", "algorithm": "HS256", "secret": "s", "claims": {"x": {}}}),
                "trigger.verify.claims.x",
                "give a text",
            ),
            (
                json!({"scheme": "wecom", "token": "t", "aes_key": "a", "receive_id": []}),
                "trigger.verify.receive_id",
                "names nothing",
            ),
            (json!({"scheme": "sendgrid", "public_key": []}), "trigger.verify.public_key", "let nobody in"),
            (
                json!({"scheme": "sendgrid", "public_key": ["a", {"id": "x"}]}),
                "trigger.verify.public_key[1]",
                "`key` is missing",
            ),
            (
                json!({"scheme": "alipay", "public_key": [{"key": "a", "ids": "x"}]}),
                "trigger.verify.public_key[0].ids",
                "known are key, id, until",
            ),
            (json!({"scheme": "sns"}), "trigger.verify", "`topic` is missing"),
            (json!({"scheme": "sns", "topic": "orders"}), "trigger.verify.topic", "not the ARN"),
            (json!({"scheme": "paypal"}), "trigger.verify", "`webhook_id` is missing"),
            (
                json!({"scheme": "signature", "header": "x", "public_key": "k"}),
                "trigger.verify",
                "`algorithm` is missing",
            ),
            (
                json!({"scheme": "fields", "algorithm": "md5", "secret": "s"}),
                "trigger.verify.signed",
                "must hold {secret}",
            ),
            (
                json!({"scheme": "fields", "algorithm": "sha256", "secret": "s", "signed": "{fields}"}),
                "trigger.verify.signed",
                "anyone can compute",
            ),
            (
                json!({"scheme": "fields", "algorithm": "rsa_sha256", "secret": "s"}),
                "trigger.verify.secret",
                "give `public_key`",
            ),
            (
                json!({"scheme": "fields", "algorithm": "hmac_sha1", "secret": "s", "only": []}),
                "trigger.verify.only",
                "names no field",
            ),
            (
                json!({"scheme": "fields", "algorithm": "hmac_sha1", "secret": "s", "only": ["a"], "leave_out": ["b"]}),
                "trigger.verify.leave_out",
                "remove one",
            ),
            (json!({"scheme": "hmac", "secret": "a"}), "trigger.verify", "`header` is missing"),
            (
                json!({"scheme": "hmac", "secret": "a", "header": "x", "hash": "md5"}),
                "trigger.verify.hash",
                "known are",
            ),
            (
                json!({"scheme": "hmac", "secret": "a", "header": "x", "timestamp": {}}),
                "trigger.verify.timestamp",
                "give one of",
            ),
            (
                json!({"scheme": "hmac", "secret": "a", "header": "x", "timestamp": {"header": "t", "at": 1}}),
                "trigger.verify.timestamp.at",
                "known are",
            ),
        ];
        for (value, path, message) in cases {
            let error = Verify::from_value(value.clone()).map(|_| ()).unwrap_err();
            assert_eq!(error.path, path, "{value}: {error}");
            assert!(error.message.contains(message), "{value}: {error}");
        }
    }

    #[test]
    fn every_scheme_is_read_with_no_more_than_its_secret_where_that_is_enough() {
        for scheme in Verify::schemes() {
            let mut value = json!({"scheme": scheme, "secret": [{"secret": "a:b", "until": "2030-01-01T00:00:00Z"}, "c:d"]});
            match scheme {
                "header" | "hmac" => value["header"] = json!("x-token"),
                "query" => value["parameter"] = json!("token"),
                "jwt" => value["algorithm"] = json!("HS256"),
                // Their keys and topics are tried below.
                "signature" | "fields" | "sendgrid" | "wechat_pay" | "alipay" | "sns" | "paypal" => continue,
                "wecom" | "wechat_mp" | "dingtalk_event" | "feishu" | "lark" | "feishu_card" => {
                    let secret = value["secret"].take();
                    value = json!({"scheme": scheme, "token": secret.clone()});
                    if !scheme.starts_with(['f', 'l']) {
                        value["aes_key"] = secret;
                    }
                }
                _ => {}
            }
            assert!(Verify::from_value(value).is_ok(), "{scheme}");
        }
    }
}
