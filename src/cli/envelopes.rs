//! Options of `flowcell send` for senders that encrypt.

use clap::Args;
use serde_json::{Map, Value};

/// What these senders need beside `--secret`. For 企业微信, 公众号 and 钉钉 `--secret` is the `token`, for 飞书 the `encrypt_key`.
#[derive(Args)]
pub(super) struct Options {
    /// The EncodingAESKey, for wecom, wechat_mp and dingtalk_event.
    #[arg(long)]
    aes_key: Option<String>,
    /// The id that messages end with: CorpID, AppID, SuiteKey or AppKey.
    #[arg(long)]
    receive_id: Option<String>,
    /// The verification token, for feishu.
    #[arg(long)]
    token: Option<String>,
}

impl Options {
    /// Puts `--secret` into the field of `verify` that it belongs to for a sender that encrypts, and fills in the
    /// others.
    pub(super) fn fill(
        &self,
        scheme: &str,
        fields: &mut Map<String, Value>,
    ) -> anyhow::Result<Option<&'static str>> {
        let Self { aes_key, receive_id, token } = self;
        let (secret, others) = match scheme {
            "wecom" | "dingtalk_event" if aes_key.is_none() && !fields.contains_key("aes_key") => {
                anyhow::bail!("this sender encrypts; give --aes-key, its EncodingAESKey")
            }
            "wecom" | "dingtalk_event" | "wechat_mp" => {
                ("token", vec![("aes_key", aes_key), ("receive_id", receive_id)])
            }
            "feishu" | "lark" => ("encrypt_key", vec![("token", token)]),
            "feishu_card" => ("token", Vec::new()),
            _ => return Ok(None),
        };
        for (field, value) in others {
            if let Some(value) = value {
                fields.insert(field.to_owned(), value.as_str().into());
            }
        }
        Ok(Some(secret))
    }
}
