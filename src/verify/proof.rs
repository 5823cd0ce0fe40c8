//! Whether the proof of a sender is there at all, as far as the head of a request shows. A request without a proof is
//! refused before its body costs anything.
//!
//! Called by the gateway. Says nothing about whether a proof is good: `Scheme::verify` does.

use super::{Delivery, Rejected, Scheme};

/// What the head of a request says about its proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// The proof is there, or it stands in the body.
    MayBe,
    /// The proof is not there, so the delivery is refused whatever its body holds.
    Absent(Rejected),
    /// The proof is not there, but senders of this scheme may ask without one whether the address is right.
    MayAsk(Rejected),
}

impl Scheme {
    /// Whether a request with this head can prove anything. The body of `head` is not read.
    pub fn proof(&self, head: &Delivery<'_>) -> Proof {
        let there = match self {
            Self::Signature { signature, .. } => signature.is_there(head),
            Self::Unbound(unbound) => unbound.is_there(head),
            Self::Twilio(twilio) => twilio.is_there(head),
            Self::Token(token) => token.is_there(head),
            Self::Basic(basic) => basic.is_there(head),
            Self::Jwt(jwt) => jwt.is_there(head),
            Self::Wecom(wecom) => wecom.is_there(head),
            Self::WechatMp(account) => account.is_there(head),
            Self::DingtalkEvent(dingtalk) => dingtalk.is_there(head),
            Self::Feishu(feishu) => return feishu.proof(head),
            Self::FeishuCard(card) => return card.proof(head),
            Self::Fields(fields) => fields.is_there(head),
            // It stands in the body.
            Self::Sns(_) => Ok(()),
            Self::Paypal(paypal) => paypal.is_there(head),
        };
        there.map_or_else(Proof::Absent, |()| Proof::MayBe)
    }
}
