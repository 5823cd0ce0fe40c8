//! 飞书 (Feishu, Lark): cards in their old form. SHA-1 over time, nonce, verification token and body.
//!
//! Source: larksuite/oapi-sdk-go `card/card.go`. The `token` in the body of a card is another one: with it the card is
//! updated.

use http::HeaderName;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    super::{
        Delivery, Opened, Proof, Rejected, Replay, SchemeError, Secret, Signed, Verified, resolve_all,
        signature_header, timestamp::Freshness,
    },
    Reply, Resolve,
    crypt::{self, AesKey},
    feishu::{NONCE, SIGNATURE, TIMESTAMP, text},
    field,
    outline::Outline,
    random_of,
};
use crate::model::{FeishuCardSpec, TimestampUnit};

/// The cards of an app of Feishu.
#[derive(Debug)]
pub struct FeishuCard {
    /// Never empty.
    tokens: Vec<Secret>,
    /// If there is one, the bodies are encrypted.
    keys: Vec<AesKey>,
    freshness: Freshness,
}

impl FeishuCard {
    pub(in crate::verify) fn new(spec: &FeishuCardSpec, resolve: Resolve<'_>) -> Result<Self, SchemeError> {
        let keys = spec.encrypt_key.as_ref().map_or(Ok(Vec::new()), |keys| resolve_all(keys, resolve));
        let keys = field("encrypt_key", keys)?;
        Ok(Self {
            tokens: field("token", resolve_all(&spec.token, resolve))?,
            keys: keys.iter().map(|key| AesKey::new(Sha256::digest(key.bytes()).into())).collect(),
            freshness: Freshness::new(TimestampUnit::Seconds, spec.tolerance),
        })
    }

    /// Questions need no signature.
    pub(in crate::verify) fn proof(&self, head: &Delivery<'_>) -> Proof {
        let header: &HeaderName = &SIGNATURE;
        if !head.headers.contains_key(header) {
            return Proof::MayAsk(Rejected::MissingSignature { header: header.as_str().to_owned() });
        }
        let signed = [TIMESTAMP, NONCE].iter().try_for_each(|name| text(head, name).map(|_| ()));
        signed.map_or_else(Proof::Absent, |()| Proof::MayBe)
    }

    pub(in crate::verify) fn verify(&self, delivery: &Delivery<'_>) -> Result<Verified, Rejected> {
        if !delivery.headers.contains_key(SIGNATURE) {
            return self.question(delivery);
        }
        let malformed = |why| Rejected::Malformed { header: SIGNATURE.as_str().to_owned(), why };
        let mut claimed = [0; 20];
        hex::decode_to_slice(signature_header(delivery.headers, &SIGNATURE)?, &mut claimed)
            .map_err(|_| malformed("it is not a SHA-1 in hex"))?;
        let (timestamp, nonce) = (text(delivery, &TIMESTAMP)?, text(delivery, &NONCE)?);
        let matches = |token: &&Secret| {
            let matches: bool = sign(timestamp, nonce, token, delivery.body).ct_eq(&claimed).into();
            matches && token.lasts_at(delivery.received_ms)
        };
        self.tokens.iter().find(matches).ok_or(Rejected::Mismatch)?;
        let until_ms = self.freshness.check(TIMESTAMP.as_str(), timestamp, delivery.received_ms)?;
        // To the end of the last second that passes.
        let replay =
            Replay { digest: Sha256::digest(claimed).into(), until_ms: until_ms.saturating_add(999) };
        Ok(Verified {
            opened: Some(Opened { body: self.open(delivery.body)?, content_type: "application/json" }),
            replay: Some(replay),
            reply: Some(Reply::open("{}", "application/json")),
            question: false,
        })
    }

    /// A question whether the address is right. Its token proves the sender.
    fn question(&self, delivery: &Delivery<'_>) -> Result<Verified, Rejected> {
        let missing = || Rejected::MissingSignature { header: SIGNATURE.as_str().to_owned() };
        let body = self.open(delivery.body).map_err(|_| missing())?;
        let outline = Outline::read(&body).map_err(|_| missing())?;
        let token = outline.token().filter(|_| outline.is_question()).ok_or_else(missing)?;
        let matches = |known: &Secret| known.equals(token.as_bytes()) && known.lasts_at(delivery.received_ms);
        if !self.tokens.iter().any(matches) {
            return Err(Rejected::Envelope { why: "holds another verification token" });
        }
        let opened = Opened { body: outline.without_tokens(), content_type: "application/json" };
        Ok(Verified::question(Some(opened)))
    }

    fn open(&self, body: &[u8]) -> Result<Vec<u8>, Rejected> {
        if self.keys.is_empty() {
            return Ok(body.to_vec());
        }
        let outline = Outline::read(body).map_err(|why| Rejected::Envelope { why })?;
        let encrypted = outline.encrypt().ok_or(Rejected::Envelope { why: "holds no `encrypt`" })?;
        let opened = self.keys.iter().find_map(|key| crypt::open_with_iv(key, &encrypted).ok());
        opened.ok_or(Rejected::Envelope { why: "is encrypted with another key" })
    }

    pub(in crate::verify) fn sign(&self, body: &[u8], id: &str, now_ms: u64) -> Signed {
        let body = match self.keys.first() {
            Some(key) => {
                let encrypt = crypt::seal_with_iv(key, random_of(id), body);
                serde_json::json!({ "encrypt": encrypt }).to_string().into_bytes()
            }
            None => body.to_vec(),
        };
        let token = self.tokens.first().expect("`resolve_all` refuses an empty list");
        let timestamp = (now_ms / 1_000).to_string();
        let nonce = hex::encode(&Sha256::digest(id)[..8]);
        let signature = hex::encode(sign(&timestamp, &nonce, token, &body));
        let headers = [(TIMESTAMP, timestamp), (NONCE, nonce), (SIGNATURE, signature)];
        let headers = headers.into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect();
        Signed { headers, query: Vec::new(), body: Some(body) }
    }
}

fn sign(timestamp: &str, nonce: &str, token: &Secret, body: &[u8]) -> [u8; 20] {
    let hash = Sha1::new().chain_update(timestamp).chain_update(nonce);
    hash.chain_update(token.bytes()).chain_update(body).finalize().into()
}
