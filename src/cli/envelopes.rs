//! The senders of `flowcell send` that encrypt: their settings and sample messages.

use clap::Args;
use serde_json::json;

use crate::model::Verify;

/// What these senders know beside `--secret`, which is the `token` of 企业微信, 公众号 and 钉钉 and the `encrypt_key` of 飞书.
#[derive(Args)]
pub(super) struct Options {
    /// The EncodingAESKey, for wecom, wechat_mp and dingtalk_event.
    #[arg(long)]
    aes_key: Option<String>,
    /// The CorpID, AppID, SuiteKey or AppKey that messages end with.
    #[arg(long)]
    receive_id: Option<String>,
    /// The verification token, for feishu.
    #[arg(long)]
    token: Option<String>,
}

/// A sender that encrypts.
#[derive(Clone, Copy)]
pub(super) enum Sender {
    Wecom,
    WechatMp,
    DingtalkEvent,
    Feishu,
}

impl Sender {
    /// What a receiver of its deliveries would set.
    pub(super) fn verify(self, secret: &str, options: &Options) -> anyhow::Result<Verify> {
        let Options { aes_key, receive_id, token } = options;
        let needs_key = || anyhow::anyhow!("this sender encrypts; give --aes-key, its EncodingAESKey");
        let envelope = || -> anyhow::Result<_> {
            let key = aes_key.as_ref().ok_or_else(needs_key)?;
            Ok(serde_json::from_value(json!({ "token": secret, "aes_key": key, "receive_id": receive_id }))?)
        };
        Ok(match self {
            Self::Wecom => Verify::Wecom(envelope()?),
            Self::DingtalkEvent => Verify::DingtalkEvent(envelope()?),
            Self::WechatMp => Verify::WechatMp(serde_json::from_value(
                json!({ "token": secret, "aes_key": aes_key, "receive_id": receive_id }),
            )?),
            Self::Feishu => {
                Verify::Feishu(serde_json::from_value(json!({ "encrypt_key": secret, "token": token }))?)
            }
        })
    }

    /// Sample messages by name; the first is sent unless another is named.
    pub(super) fn samples(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Wecom => &[
                ("text", include_str!("samples/wecom-text.xml")),
                ("bot", include_str!("samples/wecom-bot.json")),
            ],
            Self::WechatMp => &[("text", include_str!("samples/wechat-text.xml"))],
            Self::DingtalkEvent => &[
                ("user_add_org", include_str!("samples/dingtalk-user-add-org.json")),
                ("check_url", include_str!("samples/dingtalk-check-url.json")),
            ],
            Self::Feishu => &[
                ("im.message.receive_v1", include_str!("samples/feishu-message.json")),
                ("url_verification", include_str!("samples/feishu-url-verification.json")),
            ],
        }
    }

    /// What the outer document is.
    pub(super) fn content_type(self, body: &[u8]) -> &'static str {
        match self {
            Self::Wecom | Self::WechatMp if body.starts_with(b"<") => "text/xml",
            Self::Wecom | Self::WechatMp | Self::DingtalkEvent | Self::Feishu => "application/json",
        }
    }
}
