//! 微信公众号: `signature` over token, timestamp and nonce; with a key, `msg_signature` also over the encrypted text.
//!
//! The plain mode does not sign the body. So the replay digest leaves the body out, and each signature works for only
//! one body. A GET with `echostr` asks whether the address is right, and wants the text back as it is, in both modes.
//! Source: developers.weixin.qq.com/doc/offiaccount, "接入指南" and "消息加解密说明".

use super::{
    super::{Delivery, Rejected, SchemeError, Signed, Verified},
    Parties, Query, Reply, Resolve, Written,
    wecom::{SIGNATURE, message, packed},
};
use crate::model::WechatMpSpec;

const PLAIN: &str = "signature";

/// A callback of an official account.
#[derive(Debug)]
pub struct WechatMp(Parties);

impl WechatMp {
    pub(in crate::verify) fn new(spec: &WechatMpSpec, resolve: Resolve<'_>) -> Result<Self, SchemeError> {
        let clock = (1_000, spec.tolerance);
        Parties::new(&spec.token, spec.aes_key.as_ref(), spec.receive_id.as_ref(), clock, resolve).map(Self)
    }

    /// Whether there is a signature to check.
    pub(in crate::verify) fn is_there(&self, head: &Delivery<'_>) -> Result<(), Rejected> {
        let plain = head.method == "GET" || self.0.keys.is_empty();
        Parties::are_there(&Query::of(head.target), if plain { PLAIN } else { SIGNATURE })
    }

    pub(in crate::verify) fn verify(&self, delivery: &Delivery<'_>) -> Result<Verified, Rejected> {
        let query = Query::of(delivery.target);
        if delivery.method == "GET" {
            query.one("echostr")?;
            self.0.check(&query, PLAIN, None, delivery.received_ms)?;
            return Ok(Verified::question(None));
        }
        if self.0.keys.is_empty() {
            let stamp = self.0.check(&query, PLAIN, None, delivery.received_ms)?;
            let reply = Some(Reply::open("", "text/plain"));
            return Ok(Verified { replay: Some(stamp.replay()), reply, ..Verified::default() });
        }
        message(&self.0, &query, delivery)
    }

    pub(in crate::verify) fn write(&self, reply: &Reply, answer: &[u8], random: [u8; 16]) -> Option<Written> {
        reply.write_open(answer).or_else(|| self.0.write(&reply.0, answer, random))
    }

    pub(in crate::verify) fn sign(&self, body: &[u8], id: &str, now_ms: u64) -> Signed {
        let encrypt = self.0.encrypt(body, id);
        let mut query = self.0.sign_query(PLAIN, None, id, now_ms);
        if let Some(encrypt) = &encrypt {
            query.extend(self.0.sign_query(SIGNATURE, Some(encrypt), id, now_ms).into_iter().take(1));
            query.push(("encrypt_type".to_owned(), "aes".to_owned()));
        }
        Signed { headers: Vec::new(), query, body: encrypt.map(|encrypt| packed(body, &encrypt)) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::verify::envelope::testing;

    const NOW: u64 = 1_700_000_000_000;
    const KEY: &str = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C";

    #[test]
    fn the_plain_mode_signs_token_time_and_nonce_alone() {
        let scheme = testing::scheme(json!({ "scheme": "wechat_mp", "token": "weixin" }));
        // `printf 1700000000n0nceweixin | sha1sum`: sorted.
        let good =
            "signature=f7984d44943b6f0c6107aafd02d786ab52e99157&timestamp=1700000000&nonce=n0nce".to_owned();
        let deliver = |method: &str, query: &str, body: &[u8], now| {
            testing::deliver(&scheme, method, &format!("/w?{query}"), body, now)
        };
        let first = deliver("POST", &good, b"<xml/>", NOW).unwrap();
        assert_eq!((first.opened, first.question), (None, false));
        let other_body = deliver("POST", &good, b"<xml>forged</xml>", NOW).unwrap();
        assert_eq!(first.replay, other_body.replay, "another body is the same delivery, and counts once");
        assert_eq!(scheme.write(&first.reply.unwrap(), b"", [0; 16]).body, b"");

        assert!(deliver("GET", &format!("{good}&echostr=42"), b"", NOW).unwrap().question);
        assert!(deliver("GET", &good, b"", NOW).is_err(), "nothing to echo");
        assert!(deliver("GET", &format!("{good}&echostr=42&echostr=43"), b"", NOW).is_err());
        for query in
            [good.replace("n0nce", "n1nce"), good.replace("signature", "msg_signature"), String::new()]
        {
            assert!(deliver("POST", &query, b"<xml/>", NOW).is_err(), "{query}");
        }
        assert_eq!(deliver("POST", &good, b"", NOW + 3_601_000).unwrap_err(), Rejected::Stale { by: 1_000 });
    }

    #[test]
    fn with_a_key_only_encrypted_messages_are_accepted() {
        let setting =
            json!({ "scheme": "wechat_mp", "token": "weixin", "aes_key": KEY, "receive_id": "wx1" });
        let scheme = testing::scheme(setting);
        let plain = testing::scheme(json!({ "scheme": "wechat_mp", "token": "weixin" }));
        let message = b"<xml><Content>hi</Content></xml>";
        let signed = testing::sign(&scheme, message, "id", NOW);
        let target = testing::target(&signed);
        let verified = testing::deliver(&scheme, "POST", &target, &signed.body.unwrap(), NOW).unwrap();
        assert_eq!(verified.opened.unwrap().body, message);
        let answer = scheme.write(&verified.reply.unwrap(), b"<xml>hello</xml>", [3; 16]);
        assert!(answer.body.starts_with(b"<xml><Encrypt>"));

        let signed = testing::sign(&plain, message, "id", NOW);
        assert_eq!(signed.body, None);
        let target = testing::target(&signed);
        assert!(testing::deliver(&plain, "POST", &target, message, NOW).is_ok());
        assert!(
            testing::deliver(&scheme, "POST", &target, message, NOW).is_err(),
            "no way back to the plain mode"
        );
    }
}
