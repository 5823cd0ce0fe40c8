//! 企业微信 (WeCom): `msg_signature`, `timestamp` and `nonce` in the query, an encrypted body, an encrypted answer.
//!
//! A GET with `echostr` asks whether the address is right, and wants the decrypted text. Source:
//! developer.work.weixin.qq.com/document/path/90930 and /101033 (bots, whose bodies are JSON).

use super::{
    super::{Delivery, Opened, Rejected, SchemeError, Signed, Verified},
    Parties, Query, Reply, Resolve, Style, Written, content_type,
    package::{Form, Package},
};
use crate::model::EnvelopeSpec;

pub(super) const SIGNATURE: &str = "msg_signature";

/// A callback of WeCom.
#[derive(Debug)]
pub struct Wecom(Parties);

impl Wecom {
    pub(in crate::verify) fn new(spec: &EnvelopeSpec, resolve: Resolve<'_>) -> Result<Self, SchemeError> {
        let clock = (1_000, spec.tolerance);
        Parties::new(&spec.token, Some(&spec.aes_key), spec.receive_id.as_ref(), clock, resolve).map(Self)
    }

    /// Whether there is a signature to check.
    pub(in crate::verify) fn is_there(&self, head: &Delivery<'_>) -> Result<(), Rejected> {
        Parties::are_there(&Query::of(head.target), SIGNATURE)
    }

    pub(in crate::verify) fn verify(&self, delivery: &Delivery<'_>) -> Result<Verified, Rejected> {
        let query = Query::of(delivery.target);
        if delivery.method == "GET" {
            let echo = query.one("echostr")?;
            self.0.check(&query, SIGNATURE, Some(&echo), delivery.received_ms)?;
            let body = self.0.open(&echo)?.0;
            // The decrypted text is the answer, so it must not be the message of somebody else's delivery.
            if !is_echo(&body) {
                return Err(Rejected::Envelope { why: "does not hold the random text of a question" });
            }
            return Ok(Verified::question(Some(Opened { body, content_type: "text/plain" })));
        }
        message(&self.0, &query, delivery)
    }

    pub(in crate::verify) fn write(&self, reply: &Reply, answer: &[u8], random: [u8; 16]) -> Option<Written> {
        self.0.write(&reply.0, answer, random)
    }

    pub(in crate::verify) fn sign(&self, body: &[u8], id: &str, now_ms: u64) -> Signed {
        let encrypt = self.0.encrypt(body, id).expect("WeCom always has a key");
        let query = self.0.sign_query(SIGNATURE, Some(&encrypt), id, now_ms);
        Signed { headers: Vec::new(), query, body: Some(packed(body, &encrypt)) }
    }
}

/// Whether it is a random text. A message is not: it is XML or JSON.
fn is_echo(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_.-".contains(byte))
}

/// An encrypted message of WeCom, or of an official account that has a key.
pub(super) fn message(
    parties: &Parties,
    query: &Query<'_>,
    delivery: &Delivery<'_>,
) -> Result<Verified, Rejected> {
    let package = Package::read(delivery.body).map_err(|why| Rejected::Envelope { why })?;
    let stamp = parties.check(query, SIGNATURE, Some(&package.encrypt), delivery.received_ms)?;
    let (message, sealing) = parties.open(&package.encrypt)?;
    let content_type = content_type(&message);
    Ok(Verified {
        opened: Some(Opened { body: message, content_type }),
        replay: Some(stamp.replay()),
        reply: Some(stamp.reply(style(package.form), sealing, "")),
        ..Verified::default()
    })
}

/// Bots write JSON and want JSON back.
fn style(form: Form) -> Style {
    match form {
        Form::Xml => Style::Xml,
        Form::Json => Style::BotJson,
    }
}

/// The outer document that a sender puts around a message of this kind.
pub(super) fn packed(message: &[u8], encrypt: &str) -> Vec<u8> {
    match content_type(message) {
        "application/xml" => format!(
            "<xml><ToUserName><![CDATA[flowcell]]></ToUserName><Encrypt><![CDATA[{encrypt}]]></Encrypt></xml>"
        ),
        _ => serde_json::json!({ "encrypt": encrypt }).to_string(),
    }
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::verify::{Scheme, envelope::testing};

    /// Tencent's sample (weworkapi, `sample`).
    const ECHO: &str = "msg_signature=5c45ff5e21c57e6ad56bac8758b79b1d9ac89fd3&timestamp=1409659589&nonce=263014780\
        &echostr=P9nAzCzyDtyTWESHep1vC5X9xho%2FqYX3Zpb4yKa9SKld1DsH3Iyt3tP3zNdtp%2B4RPcs8TgAE7OaBO%2BFZXvnaqQ%3D%3D";
    const ECHO_MS: u64 = 1_409_659_589_000;

    fn setting() -> serde_json::Value {
        json!({
            "scheme": "wecom", "token": "QDG6eK", "receive_id": "wx5823bf96d3bd56c7",
            "aes_key": "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
        })
    }

    fn with(name: &str, value: serde_json::Value) -> Scheme {
        let mut setting = setting();
        setting[name] = value;
        testing::scheme(setting)
    }

    fn echo(scheme: &Scheme, query: &str, received_ms: u64) -> Result<String, Rejected> {
        let verified =
            testing::deliver(scheme, "GET", &format!("/api/webhooks/w?{query}"), b"", received_ms)?;
        assert!(verified.question && verified.reply.is_none());
        Ok(String::from_utf8(verified.opened.unwrap().body).unwrap())
    }

    /// A question and a delivery have the same kind of signature and envelope.
    #[test]
    fn a_delivery_that_is_sent_as_a_question_is_not_decrypted_for_who_sent_it() {
        let scheme = testing::scheme(setting());
        for message in ["<xml><Content>private</Content></xml>", "{\"text\":\"private\"}"] {
            let Scheme::Wecom(wecom) = &scheme else { panic!("{scheme:?}") };
            let encrypt = wecom.0.encrypt(message.as_bytes(), "id-1").unwrap();
            let mut query = wecom.0.sign_query(SIGNATURE, Some(&encrypt), "id-1", ECHO_MS);
            query.push(("echostr".to_owned(), encrypt));
            let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish();
            let why = "does not hold the random text of a question";
            assert_eq!(echo(&scheme, &query, ECHO_MS), Err(Rejected::Envelope { why }));
        }
    }

    /// An app of a third party is asked with its provider's CorpID, and gets messages with the SuiteID or with the CorpID
    /// of a customer. The answer goes to whom the message was for.
    #[test]
    fn of_several_receivers_each_is_accepted_and_answered_under_its_own_name() {
        let receiver = with("receive_id", json!(["provider", "suite", "customer"]));
        let open = with("receive_id", json!(null));
        for id in ["provider", "suite", "customer", "stranger"] {
            let sender = with("receive_id", json!([id, "another"]));
            let signed = testing::sign(&sender, b"<xml><Content>hi</Content></xml>", "id", ECHO_MS);
            let target = testing::target(&signed);
            let body = signed.body.unwrap();
            let verified = testing::deliver(&receiver, "POST", &target, &body, ECHO_MS);
            assert_eq!(verified.is_ok(), id != "stranger", "{id}");
            let verified = testing::deliver(&open, "POST", &target, &body, ECHO_MS).unwrap();
            let answer = open.write(&verified.reply.unwrap(), b"<xml/>", [7; 16]).body;
            let package = Package::read(&answer).unwrap();
            let Scheme::Wecom(sender) = &sender else { panic!("{sender:?}") };
            let (message, sealing) = sender.0.open(&package.encrypt).unwrap();
            assert_eq!((message.as_slice(), sealing.receive_id.as_slice()), (&b"<xml/>"[..], id.as_bytes()));
        }
    }

    #[test]
    fn the_echo_of_tencents_sample_is_opened_and_changed_ones_are_refused() {
        let query = |name, why| Rejected::Query { name, why };
        let hour = 3_600_000;
        let reply = || Ok("1616140317555161061".to_owned());
        let cases = [
            ("as it is", ECHO.to_owned(), ECHO_MS, reply()),
            ("a plus that is not escaped", ECHO.replace("%2B", "+"), ECHO_MS, reply()),
            ("upper-case hex", ECHO.replace("5c45ff", "5C45FF"), ECHO_MS, reply()),
            ("exactly the tolerance", ECHO.to_owned(), ECHO_MS + hour + 999, reply()),
            ("stale", ECHO.to_owned(), ECHO_MS + hour + 1_000, Err(Rejected::Stale { by: 1_000 })),
            ("early", ECHO.to_owned(), ECHO_MS - hour - 1_000, Err(Rejected::Future { by: 1_000 })),
            ("a flipped bit", ECHO.replace("5c45", "5c44"), ECHO_MS, Err(Rejected::Mismatch)),
            ("another text", ECHO.replace("P9nA", "P9nB"), ECHO_MS, Err(Rejected::Mismatch)),
            ("another nonce", ECHO.replace("263014780", "263014781"), ECHO_MS, Err(Rejected::Mismatch)),
            (
                "half a signature",
                ECHO.replace("5c45ff5e21", ""),
                ECHO_MS,
                Err(query(SIGNATURE, "is not a SHA-1 in hex")),
            ),
            ("no signature", ECHO.replace("msg_", ""), ECHO_MS, Err(query(SIGNATURE, "is missing"))),
            ("no nonce", ECHO.replace("nonce", "n"), ECHO_MS, Err(query("nonce", "is missing"))),
            ("no timestamp", ECHO.replace("timestamp", "t"), ECHO_MS, Err(query("timestamp", "is missing"))),
            ("nothing to echo", ECHO.replace("echostr", "e"), ECHO_MS, Err(query("echostr", "is missing"))),
            (
                "two nonces",
                format!("{ECHO}&nonce=1"),
                ECHO_MS,
                Err(query("nonce", "is there more than once")),
            ),
            (
                "two echoes",
                format!("{ECHO}&echostr=1"),
                ECHO_MS,
                Err(query("echostr", "is there more than once")),
            ),
            (
                "two signatures",
                format!("{ECHO}&{ECHO}"),
                ECHO_MS,
                Err(query("echostr", "is there more than once")),
            ),
        ];
        let scheme = testing::scheme(setting());
        for (case, query, received_ms, expected) in cases {
            assert_eq!(echo(&scheme, &query, received_ms), expected, "{case}");
        }
        for time in ["", "abc", "-1409659589", "+1409659589", "1409659589000", "99999999999999999999"] {
            assert!(echo(&scheme, &ECHO.replace("1409659589", time), ECHO_MS).is_err(), "{time}");
        }
    }

    #[test]
    fn another_token_key_or_receiver_is_refused() {
        let other_key = "4g5j64qlyl3zvetqxz5jiocdr586fn2zvjpa8zls3ij";
        let key = setting()["aes_key"].clone();
        let for_another = Rejected::Envelope {
            why: "is for another receiver: `receive_id` differs; list all that the sender uses",
        };
        let reply = || Ok("1616140317555161061".to_owned());
        let cases = [
            (with("token", json!("QDG6eL")), Err(Rejected::Mismatch)),
            (with("receive_id", json!("wx5823bf96d3bd56c8")), Err(for_another.clone())),
            (with("receive_id", json!("")), Err(for_another)),
            (with("receive_id", json!(["suite", "wx5823bf96d3bd56c7"])), reply()),
            (with("receive_id", json!(null)), reply()),
            (with("token", json!(["new", "QDG6eK"])), reply()),
            (with("aes_key", json!([other_key, key])), reply()),
        ];
        for (scheme, expected) in cases {
            assert_eq!(echo(&scheme, ECHO, ECHO_MS), expected);
        }
        assert!(matches!(
            echo(&with("aes_key", json!(other_key)), ECHO, ECHO_MS),
            Err(Rejected::Envelope { .. })
        ));
    }

    #[test]
    fn the_answer_of_the_vector_is_written_byte_for_byte() {
        let scheme = testing::scheme(setting());
        let Scheme::Wecom(wecom) = &scheme else { panic!("it is WeCom") };
        let reply = Reply(super::super::Manner::Sealed {
            style: Style::Xml,
            token: 0,
            sealing: super::super::Sealing { key: 0, receive_id: b"wx5823bf96d3bd56c7".to_vec() },
            timestamp: "1409659813".to_owned(),
            nonce: "1372623149".to_owned(),
            empty: "",
        });
        let plain = b"<xml><Content><![CDATA[hi]]></Content></xml>";
        let written = wecom.write(&reply, plain, *b"0123456789abcdef").unwrap();
        let text = String::from_utf8(written.body).unwrap();
        assert!(text.contains("sKqRbbiSUnDhFHOvPjtUMRdD09ihkz7iEzK8OOcLy5oN34p+XYsnWC5r6/C/xN/1Nneyc1kNCffgVI9nkNCzqvjcCl/lwtVhCZqTB9V302CiGir1b5g7Q2XxnIizmIZ/"));
        assert!(
            text.contains(
                "<MsgSignature><![CDATA[014a6b68fb25486b6867b1bbe8d0b0f3829191f6]]></MsgSignature>"
            )
        );
        assert_eq!(wecom.write(&reply, b"", [0; 16]).unwrap().body, b"", "an empty answer stays empty");
    }

    #[test]
    fn what_is_signed_verifies_and_each_form_is_answered_in_kind() {
        let scheme = testing::scheme(setting());
        for (message, content_type, answered) in [
            (&b"<xml><Content>hi</Content></xml>"[..], "application/xml", "<xml><Encrypt>"),
            (b"{\"msgtype\":\"text\"}", "application/json", "{\"encrypt\":"),
        ] {
            let signed = testing::sign(&scheme, message, "id-1", ECHO_MS);
            let target = testing::target(&signed);
            let body = signed.body.unwrap();
            let verified = testing::deliver(&scheme, "POST", &target, &body, ECHO_MS).unwrap();
            assert_eq!(verified.opened, Some(Opened { body: message.to_vec(), content_type }));
            assert_eq!(verified.replay.unwrap().until_ms, ECHO_MS + 3_600_999);
            let written = scheme.write(&verified.reply.unwrap(), b"answer", [1; 16]);
            assert!(written.body.starts_with(answered.as_bytes()), "{content_type}");

            assert!(testing::deliver(&scheme, "GET", &target, &body, ECHO_MS).is_err(), "a GET has an echo");
            let changed = body.to_ascii_uppercase();
            assert!(testing::deliver(&scheme, "POST", &target, &changed, ECHO_MS).is_err());
            assert!(testing::deliver(&scheme, "POST", &target, b"", ECHO_MS).is_err());
            assert!(testing::deliver(&scheme, "POST", &target, message, ECHO_MS).is_err());
        }
    }
}
