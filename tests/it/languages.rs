//! `Intl`, time zones and encodings through the real server: what Node printed (its CLDR is 48, as ours), and what it costs.
//!
//! `guest-sdk/js-engine/tests/vectors/languages.json` has the large table, which the engine's own tests go through.

use serde_json::{Value, json};

use crate::support::{TestServer, Workflow};

/// What is tried, and what Node 20.20 returns.
fn rows() -> Vec<(&'static str, Value)> {
    vec![
        (
            "const t = [582350706000, 1112659199123, 1340000000000]; return ['Asia/Shanghai', 'America/New_York', 'Europe/Moscow'].map((timeZone, i) => new Date(t[i]).toLocaleString('en-US', { timeZone }))",
            json!(["6/15/1988, 1:05:06 PM", "4/4/2005, 7:59:59 PM", "6/18/2012, 10:13:20 AM"]),
        ),
        (
            "return ['US/Eastern', 'PRC', 'asia/kolkata'].map((timeZone) => new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone)",
            json!(["America/New_York", "Asia/Shanghai", "Asia/Calcutta"]),
        ),
        ("return [...'李王张阿'].sort((a, b) => a.localeCompare(b, 'zh-CN')).join('')", json!("阿李王张")),
        (
            "return ['de-DE', 'hi-IN', 'ar-EG'].map((l) => (1234567.891).toLocaleString(l))",
            json!(["1.234.567,891", "12,34,567.891", "١٬٢٣٤٬٥٦٧٫٨٩١"]),
        ),
        (
            "return ['ru', 'zh', 'ar'].map((l) => new Intl.RelativeTimeFormat(l, { numeric: 'auto' }).format(-1, 'day'))",
            json!(["вчера", "昨天", "أمس"]),
        ),
        (
            "return new Intl.NumberFormat('ja-JP', { notation: 'compact', style: 'currency', currency: 'JPY' }).formatToParts(12345678).map((part) => part.value).join('|')",
            json!("￥|1235|万"),
        ),
        (
            "return [...new Intl.Segmenter('en', { granularity: 'word' }).segment('It’s 3.5 km.')].filter((s) => s.isWordLike).map((s) => s.segment)",
            json!(["It’s", "3.5", "km"]),
        ),
        ("return 'istanbul'.toLocaleUpperCase('tr')", json!("İSTANBUL")),
        ("return new Intl.DisplayNames('zh', { type: 'region' }).of('US')", json!("美国")),
        (
            "return new Date(1767323045678).toLocaleDateString('th-TH', { dateStyle: 'long' })",
            json!("2 มกราคม 2569"),
        ),
        ("return new TextDecoder('gbk').decode(new Uint8Array([0xc4, 0xe3, 0xba, 0xc3]))", json!("你好")),
        (
            "const d = new TextDecoder('shift_jis'); return [d.decode(new Uint8Array([0x82]), { stream: true }), d.decode(new Uint8Array([0xa0, 0x82]), { stream: true }), d.decode()]",
            json!(["", "あ", "\u{fffd}"]),
        ),
        (
            "try { new TextDecoder('big5', { fatal: true }).decode(new Uint8Array([0xff])) } catch (error) { return [error.name, error.code] }",
            json!(["TypeError", "ERR_ENCODING_INVALID_ENCODED_DATA"]),
        ),
    ]
}

#[test]
fn languages_zones_and_encodings_are_those_of_node() {
    let rows = rows();
    let server = TestServer::start(rows.iter().enumerate().map(|(index, (body, _))| {
        Workflow::script(&format!("row-{index}"), body).limits(json!({ "timeout": "60s" }))
    }));
    let wrong: Vec<String> = rows
        .iter()
        .enumerate()
        .filter_map(|(index, (body, expected))| {
            let answer = server.hook(&format!("row-{index}"));
            (answer.status != 200 || answer.json() != *expected)
                .then(|| format!("{body}\n  node {expected}\n  here {}", answer.text()))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn what_is_not_there_is_refused_with_what_is_near() {
    let server = TestServer::start([
        Workflow::script(
            "zone",
            "try { new Date(0).toLocaleString('en', { timeZone: 'Asia/Shanghia' }) } catch (e) { return [e.name, e.message] }",
        )
        // The server of this test is not optimised.
        .limits(json!({ "timeout": "60s" })),
        Workflow::script(
            "calendar",
            "try { new Intl.DateTimeFormat('en', { calendar: 'islamic' }) } catch (e) { return [e.name, e.message] }",
        )
        .limits(json!({ "timeout": "60s" })),
    ]);
    for (key, near) in [("zone", "Asia/Shanghai"), ("calendar", "islamic-umalqura")] {
        let answer = server.hook(key).json();
        assert_eq!(answer[0], "RangeError", "{answer}");
        assert!(answer[1].as_str().unwrap().contains(near), "{answer}");
    }
}

/// What webhooks do with languages fits the limits that nobody raised.
#[test]
fn a_thousand_dates_and_a_sort_of_five_thousand_names_fit_the_default_limits() {
    let server = TestServer::start([
        Workflow::script(
            "dates",
            "const all = []; for (let i = 0; i < 1000; i++) all.push(new Date(i * 86400000).toLocaleString('de-DE', { timeZone: 'Europe/Berlin', dateStyle: 'medium', timeStyle: 'short' })); return new Set(all).size",
        )
        .limits(json!({ "timeout": "60s" })),
        Workflow::script(
            "names",
            "const names = Array.from({ length: 5000 }, (_, i) => `name ${(i * 7919) % 5000}`); names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true })); return [names[0], names[4999]]",
        )
        // The fuel is the default, and the same on every machine. The time is not: the server of this test is not optimised.
        .limits(json!({ "timeout": "60s" })),
    ]);
    assert_eq!(server.hook("dates").json(), 1000);
    assert_eq!(server.hook("names").json(), json!(["name 0", "name 4999"]));
}
