//! 钉钉 (DingTalk) events: an encrypted JSON body, and always an encrypted answer.
//!
//! `success` answers a delivery that needs no other answer. Source: open-doc.dingtalk.com/microapp/isv/gdksu9 and
//! DingTalk's own DingTalk-Callback-Crypto, which also reads `signature` and `timeStamp`.

use super::{
    super::{Delivery, Opened, Rejected, SchemeError, Signed, Verified},
    Parties, Query, Reply, Resolve, Style, Written,
    package::{Form, Package},
    wecom::packed,
};
use crate::model::EnvelopeSpec;

const SIGNATURE: &str = "msg_signature";
const OLD_SIGNATURE: &str = "signature";
const SUCCESS: &str = "success";

/// An event subscription of DingTalk.
#[derive(Debug)]
pub struct Dingtalk(Parties);

impl Dingtalk {
    pub(in crate::verify) fn new(spec: &EnvelopeSpec, resolve: Resolve<'_>) -> Result<Self, SchemeError> {
        let clock = (1, spec.tolerance);
        Parties::new(&spec.token, Some(&spec.aes_key), spec.receive_id.as_ref(), clock, resolve).map(Self)
    }

    /// Whether there is a signature to check.
    pub(in crate::verify) fn is_there(&self, head: &Delivery<'_>) -> Result<(), Rejected> {
        let target = spelled_alike(head.target);
        let query = Query::of(&target);
        Parties::are_there(&query, signature_of(&query))
    }

    pub(in crate::verify) fn verify(&self, delivery: &Delivery<'_>) -> Result<Verified, Rejected> {
        let target = spelled_alike(delivery.target);
        let query = Query::of(&target);
        let name = signature_of(&query);
        let package = Package::read(delivery.body).map_err(|why| Rejected::Envelope { why })?;
        if package.form != Form::Json {
            return Err(Rejected::Envelope { why: "is not JSON" });
        }
        let stamp = self.0.check(&query, name, Some(&package.encrypt), delivery.received_ms)?;
        let (message, sealing) = self.0.open(&package.encrypt)?;
        Ok(Verified {
            opened: Some(Opened { body: message, content_type: "application/json" }),
            replay: Some(stamp.replay()),
            reply: Some(stamp.reply(Style::DingtalkJson, sealing, SUCCESS)),
            ..Verified::default()
        })
    }

    pub(in crate::verify) fn write(&self, reply: &Reply, answer: &[u8], random: [u8; 16]) -> Option<Written> {
        self.0.write(&reply.0, answer, random)
    }

    pub(in crate::verify) fn sign(&self, body: &[u8], id: &str, now_ms: u64) -> Signed {
        let encrypt = self.0.encrypt(body, id).expect("DingTalk always has a key");
        let query = self.0.sign_query(SIGNATURE, Some(&encrypt), id, now_ms);
        Signed { headers: Vec::new(), query, body: Some(packed(b"", &encrypt)) }
    }
}

fn spelled_alike(target: &str) -> String {
    target.replace("timeStamp=", "timestamp=")
}

fn signature_of(query: &Query<'_>) -> &'static str {
    if query.has(SIGNATURE) { SIGNATURE } else { OLD_SIGNATURE }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::verify::envelope::{Manner, Sealing, testing};

    const NOW: u64 = 1_445_827_045_067;

    fn setting() -> Value {
        json!({
            "scheme": "dingtalk_event", "token": "123456", "receive_id": "suite4xxxxxxxxxxxxxxx",
            "aes_key": "4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij",
        })
    }

    #[test]
    fn the_answer_of_the_vector_is_written_byte_for_byte() {
        let scheme = testing::scheme(setting());
        let reply = Reply(Manner::Sealed {
            style: Style::DingtalkJson,
            token: 0,
            sealing: Sealing { key: 0, receive_id: b"suite4xxxxxxxxxxxxxxx".to_vec() },
            timestamp: NOW.to_string(),
            nonce: "nEXhMP4r".to_owned(),
            empty: SUCCESS,
        });
        for answer in [&b"success"[..], b""] {
            let written = scheme.write(&reply, answer, *b"0123456789abcdef");
            let body: Value = serde_json::from_slice(&written.body).unwrap();
            let expected = json!({
                "msg_signature": "d4d71deb814062ccb0db86abe6b8f903be156e13", "timeStamp": "1445827045067",
                "nonce": "nEXhMP4r",
                "encrypt": "HcA0QDKRG/U9FnFvX30Rg2r+260hUAAe65UvzXNmXEmZdezYtWHqRvzeNPWlfrIRDnP88uGJtoYGmz01nTG+/A==",
            });
            assert_eq!(body, expected);
        }
    }

    #[test]
    fn what_is_signed_verifies_under_both_names_and_only_lately() {
        let scheme = testing::scheme(setting());
        let event = br#"{"EventType":"user_add_org"}"#;
        let signed = testing::sign(&scheme, event, "id", NOW);
        let target = testing::target(&signed);
        let body = signed.body.unwrap();
        let old = target.replace("msg_signature", "signature").replace("timestamp", "timeStamp");
        for target in [&target, &old] {
            let verified = testing::deliver(&scheme, "POST", target, &body, NOW + 3_600_000).unwrap();
            assert_eq!(verified.opened.unwrap().body, event);
            assert_eq!(verified.replay.unwrap().until_ms, NOW + 3_600_000);
        }
        let refused = [
            (testing::deliver(&scheme, "POST", &target, &body, NOW + 3_600_001), "a millisecond too late"),
            (testing::deliver(&scheme, "POST", &format!("{target}&nonce=x"), &body, NOW), "two nonces"),
            (testing::deliver(&scheme, "POST", &format!("{target}&timeStamp=1"), &body, NOW), "two times"),
            (testing::deliver(&scheme, "POST", &target, event, NOW), "not encrypted"),
            (testing::deliver(&scheme, "POST", "/w", &body, NOW), "no query"),
        ];
        for (verified, case) in refused {
            assert!(verified.is_err(), "{case}");
        }
        let mut other = setting();
        other["receive_id"] = json!("another");
        assert!(testing::deliver(&testing::scheme(other), "POST", &target, &body, NOW).is_err());
    }
}
