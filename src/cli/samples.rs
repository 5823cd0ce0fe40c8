//! Sample events of each sender. They are small, have the real shape, and hold `DELIVERY` in place of the delivery's
//! id.

/// One event of a sender.
pub(super) struct Sample {
    /// The name that `--event` takes.
    pub(super) event: &'static str,
    pub(super) content_type: &'static str,
    body: &'static str,
}

const JSON: &str = "application/json";
const XML: &str = "text/xml";
const FORM: &str = "application/x-www-form-urlencoded";

fn json(event: &'static str, body: &'static str) -> Sample {
    Sample { event, content_type: JSON, body }
}

/// The events of a scheme. The first one is the default.
pub(super) fn of(scheme: &str) -> Vec<Sample> {
    const PUSH: &str = include_str!("samples/github-push.json");
    match scheme {
        "github" => vec![json("push", PUSH), json("ping", include_str!("samples/github-ping.json"))],
        "wecom" => vec![
            Sample { event: "text", content_type: XML, body: include_str!("samples/wecom-text.xml") },
            json("bot", include_str!("samples/wecom-bot.json")),
        ],
        "wechat_mp" => {
            vec![Sample { event: "text", content_type: XML, body: include_str!("samples/wechat-text.xml") }]
        }
        "dingtalk_event" => vec![
            json("user_add_org", include_str!("samples/dingtalk-user-add-org.json")),
            json("check_url", include_str!("samples/dingtalk-check-url.json")),
        ],
        "feishu" | "lark" => vec![
            json("im.message.receive_v1", include_str!("samples/feishu-message.json")),
            json("url_verification", include_str!("samples/feishu-url-verification.json")),
        ],
        "gitea" | "forgejo" => vec![json("push", PUSH)],
        "gitlab" => vec![json(
            "push",
            r#"{"object_kind":"push","event_name":"push","ref":"refs/heads/main","checkout_sha":"0000000000000000000000000000000000000002","user_username":"octo","project":{"id":1,"name":"hello","path_with_namespace":"octo/hello","default_branch":"main"},"commits":[{"id":"0000000000000000000000000000000000000002","message":"Say hello"}],"total_commits_count":1}"#,
        )],
        "gitee" => vec![json(
            "push",
            r#"{"hook_name":"push_hooks","ref":"refs/heads/main","after":"0000000000000000000000000000000000000002","repository":{"name":"hello","full_name":"octo/hello"},"pusher":{"name":"octo"},"total_commits_count":1}"#,
        )],
        "standard" | "svix" => vec![json(
            "user.created",
            r#"{"type":"user.created","timestamp":"2026-01-01T12:00:00Z","data":{"id":"user_1","email":"ada@example.com"}}"#,
        )],
        "slack" => vec![
            json(
                "message",
                r#"{"type":"event_callback","team_id":"T1","api_app_id":"A1","event_id":"Ev-DELIVERY","event_time":1767268800,"event":{"type":"message","channel":"C1","user":"U1","text":"hello"}}"#,
            ),
            Sample {
                event: "command",
                content_type: FORM,
                body: "team_id=T1&channel_id=C1&user_id=U1&command=%2Fdeploy&text=main&trigger_id=DELIVERY",
            },
        ],
        "stripe" => vec![json(
            "payment_intent.succeeded",
            r#"{"id":"evt_DELIVERY","object":"event","api_version":"2025-12-15","created":1767268800,"type":"payment_intent.succeeded","data":{"object":{"id":"pi_1","object":"payment_intent","amount":2000,"currency":"eur","status":"succeeded"}},"livemode":false}"#,
        )],
        "shopify" => vec![json(
            "orders/create",
            r#"{"id":820982911946154508,"email":"ada@example.com","total_price":"403.00","currency":"EUR","line_items":[{"id":1,"title":"Tea","quantity":2,"price":"199.00"}]}"#,
        )],
        "discord" => vec![
            json(
                "command",
                r#"{"id":"DELIVERY","application_id":"1","type":2,"token":"t","version":1,"channel_id":"2","data":{"id":"3","name":"deploy","type":1}}"#,
            ),
            json("ping", r#"{"id":"DELIVERY","application_id":"1","type":1,"token":"t","version":1}"#),
        ],
        "twilio" => vec![
            Sample {
                event: "message",
                content_type: FORM,
                body: "MessageSid=SM1&AccountSid=AC1&From=%2B14158675309&To=%2B18005551212&Body=Hello+%26+welcome&NumMedia=0",
            },
            json(
                "event",
                r#"[{"specversion":"1.0","type":"com.twilio.messaging.message.sent","id":"DELIVERY","data":{"messageSid":"SM1"}}]"#,
            ),
        ],
        "linear" => vec![json(
            "issue",
            r#"{"action":"create","type":"Issue","createdAt":"2026-01-01T12:00:00Z","data":{"id":"1","title":"Say hello","priority":2},"url":"https://linear.app/octo/issue/OCT-1","webhookTimestamp":0,"webhookId":"w1"}"#,
        )],
        "dingtalk_robot" => vec![json(
            "message",
            r#"{"msgtype":"text","msgId":"msg-DELIVERY","conversationId":"cid1","senderNick":"Ada","text":{"content":"hello"}}"#,
        )],
        "zoom" => vec![json(
            "meeting.started",
            r#"{"event":"meeting.started","event_ts":1767268800000,"payload":{"account_id":"a1","object":{"id":"123","topic":"Hello","type":2}}}"#,
        )],
        "pagerduty" => vec![json(
            "incident.triggered",
            r#"{"event":{"id":"DELIVERY","event_type":"incident.triggered","resource_type":"incident","occurred_at":"2026-01-01T12:00:00Z","data":{"id":"P1","title":"The tea is cold","status":"triggered","urgency":"high"}}}"#,
        )],
        "paddle" => vec![json(
            "transaction.completed",
            r#"{"event_id":"evt_DELIVERY","event_type":"transaction.completed","occurred_at":"2026-01-01T12:00:00Z","notification_id":"ntf_1","data":{"id":"txn_1","status":"completed","currency_code":"EUR"}}"#,
        )],
        "twitch" => vec![json(
            "channel.follow",
            r#"{"subscription":{"id":"s1","type":"channel.follow","version":"2","status":"enabled"},"event":{"user_id":"1","user_login":"ada","broadcaster_user_id":"2","followed_at":"2026-01-01T12:00:00Z"}}"#,
        )],
        "square" => vec![json(
            "payment.updated",
            r#"{"merchant_id":"M1","type":"payment.updated","event_id":"DELIVERY","created_at":"2026-01-01T12:00:00Z","data":{"type":"payment","id":"p1","object":{"payment":{"id":"p1","status":"COMPLETED"}}}}"#,
        )],
        "woocommerce" => vec![json(
            "order.created",
            r#"{"id":727,"status":"processing","currency":"EUR","total":"29.35","line_items":[{"id":1,"name":"Tea","quantity":2}]}"#,
        )],
        "xero" => vec![json(
            "invoice",
            r#"{"events":[{"resourceId":"r1","eventCategory":"INVOICE","eventType":"UPDATE","eventDateUtc":"2026-01-01T12:00:00.000"}],"firstEventSequence":1,"lastEventSequence":1,"entropy":"DELIVERY"}"#,
        )],
        "sendgrid" => vec![json(
            "delivered",
            r#"[{"email":"ada@example.com","timestamp":1767268800,"event":"delivered","sg_event_id":"DELIVERY","sg_message_id":"m1"}]"#,
        )],
        "wechat_pay" => vec![json(
            "TRANSACTION.SUCCESS",
            r#"{"id":"DELIVERY","create_time":"2026-01-01T20:00:00+08:00","resource_type":"encrypt-resource","event_type":"TRANSACTION.SUCCESS","resource":{"algorithm":"AEAD_AES_256_GCM","ciphertext":"c2VhbGVk","nonce":"n","associated_data":"transaction"}}"#,
        )],
        "alipay" => vec![Sample {
            event: "trade_status_sync",
            content_type: FORM,
            body: "notify_id=DELIVERY&notify_type=trade_status_sync&app_id=2021000000000000&trade_status=TRADE_SUCCESS&total_amount=88.88&subject=Tea&sign_type=RSA2&charset=UTF-8",
        }],
        "mailgun" => vec![json(
            "delivered",
            r#"{"signature":{},"event-data":{"id":"DELIVERY","event":"delivered","recipient":"ada@example.com","timestamp":1767268800.5}}"#,
        )],
        "feishu_card" => vec![json(
            "card",
            r#"{"open_id":"ou_1","user_id":"u1","open_message_id":"om_1","tenant_key":"t1","token":"c-DELIVERY","action":{"value":{"answer":"yes"},"tag":"button"}}"#,
        )],
        "sns" => vec![
            json(
                "Notification",
                r#"{"Type":"Notification","Subject":"Tea","Message":"{\"tea\":\"green\"}"}"#,
            ),
            json(
                "SubscriptionConfirmation",
                r#"{"Type":"SubscriptionConfirmation","Token":"t","Message":"Visit SubscribeURL","SubscribeURL":"https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription"}"#,
            ),
        ],
        "paypal" => vec![json(
            "PAYMENT.SALE.COMPLETED",
            r#"{"id":"WH-DELIVERY","event_version":"1.0","event_type":"PAYMENT.SALE.COMPLETED","resource":{"id":"80021663DE681814L","state":"completed","amount":{"total":"5.54","currency":"USD"}}}"#,
        )],
        // These senders may send anything.
        _ => vec![json("test", r#"{"event":"test","id":"DELIVERY","data":{"message":"Hello"}}"#)],
    }
}

impl Sample {
    /// The sample's body for one delivery.
    pub(super) fn body(&self, delivery: &str) -> Vec<u8> {
        self.body.trim().replace("DELIVERY", delivery).into_bytes()
    }
}

/// One delivery of a sender.
pub(super) struct Delivery<'a> {
    pub(super) scheme: &'a str,
    pub(super) event: &'a str,
    pub(super) id: &'a str,
    pub(super) content_type: &'a str,
}

/// What the sender sets beside the signature.
pub(super) fn headers(delivery: &Delivery<'_>) -> Vec<(String, String)> {
    let Delivery { scheme, event, id, content_type } = *delivery;
    let own: &[(&str, &str)] = match scheme {
        "github" => &[
            ("user-agent", "GitHub-Hookshot/flowcell"),
            ("x-github-event", event),
            ("x-github-delivery", id),
        ],
        "gitea" => &[("x-gitea-event", event), ("x-gitea-delivery", id)],
        "forgejo" => &[("x-forgejo-event", event), ("x-forgejo-delivery", id)],
        "gitlab" => &[("x-gitlab-event", "Push Hook"), ("x-gitlab-event-uuid", id), ("idempotency-key", id)],
        "gitee" => &[("user-agent", "git-oschina-hook"), ("x-gitee-event", "Push Hook")],
        "shopify" => &[("x-shopify-topic", event), ("x-shopify-webhook-id", id)],
        "twilio" => &[("i-twilio-idempotency-token", id)],
        "linear" => &[("linear-event", "Issue"), ("linear-delivery", id)],
        "twitch" => {
            &[("twitch-eventsub-message-type", "notification"), ("twitch-eventsub-subscription-type", event)]
        }
        "woocommerce" => &[("x-wc-webhook-topic", event), ("x-wc-webhook-delivery-id", id)],
        _ => &[],
    };
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    [("content-type", content_type)].iter().chain(own).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Verify;

    #[test]
    fn every_scheme_has_a_sample_that_is_what_its_type_says() {
        for scheme in Verify::schemes() {
            for sample in of(scheme) {
                let body = sample.body("id-1");
                let is_json = serde_json::from_slice::<serde_json::Value>(&body).is_ok();
                assert_eq!(is_json, sample.content_type == JSON, "{scheme} {}", sample.event);
                assert!(!String::from_utf8(body).unwrap().contains("DELIVERY"));
            }
        }
    }
}
