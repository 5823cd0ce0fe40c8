//! Who may not see payloads sees none, wherever an answer could hold something of them.

use serde_json::{Value, json};

use crate::support::{Browser, Request, Setup, Workflow, wait_until};

/// What nobody without the right may see, in every place where senders and scripts can put it.
const CANARY: &str = "4242-4242-4242";

#[test]
fn a_viewer_without_payloads_sees_none_in_any_answer() {
    let script = "console.log('log ' + context.data.card); await kv.set('k', context.data.card); \
                  if (context.query.fail) throw new Error('card ' + context.data.card); return context.data";
    let page = json!({
        "title": "Pay {{$context.data.card}}?",
        "text": "{{$context.data.card}}",
        "answers": [{ "value": "yes", "label": "Yes" }],
    });
    let ask = json!([
        { "id": "url", "type": "set", "values": "{{$run.callbacks.approval}}" },
        { "id": "approval", "type": "wait_for_callback", "timeout": "1h", "page": page },
    ]);
    let refusing = json!({ "verify": { "scheme": "github", "secret": "a secret of some length" } });
    let server = Setup::default()
        .workflows([
            Workflow::script("any", script),
            Workflow::steps("asks", ask),
            Workflow::script("closed", "return 1").trigger(refusing),
        ])
        .start();
    let body = json!({ "card": CANARY });
    let send = |key: &str, query: &str| {
        let request = Request::post(&format!("/api/webhooks/{key}?card={CANARY}{query}"));
        server.send(&request.header("x-card", CANARY).json(&body))
    };
    let (good, failed) = (send("any", "").run_id(), send("any", "&fail=1").run_id());
    let asked = send("asks", "").run_id();
    assert_eq!(send("closed", "").status, 401);
    server.ended_run(&good);
    server.ended_run(&failed);
    server.waiting_run(&asked);
    wait_until("all is logged", 20, || server.requests().len() == 4);
    let mut anna = Browser::set_up(&server, "anna", "correct horse battery");
    let mut viewer = anna.add("vera", "viewer", false);
    let mut granted = anna.add("vito", "viewer", true);
    let question = server.api("/api/v1/questions")["questions"][0]["id"].as_str().unwrap().to_owned();
    let request = |at: usize| server.requests()[at]["id"].as_str().unwrap().to_owned();
    let mut paths: Vec<String> =
        ["runs", "requests", "dead-letters", "questions", "workflows", "plugins", "session"]
            .map(|list| format!("/api/v1/{list}"))
            .into();
    paths.extend([&good, &failed, &asked].map(|run| format!("/api/v1/runs/{run}")));
    paths.push(format!("/api/v1/questions/{question}"));
    paths.extend((0..4).map(|at| format!("/api/v1/requests/{}", request(at))));
    let mut seen_by_others = 0;
    for path in paths {
        let shown = viewer.ask("GET", &path, &Value::Null);
        assert_eq!(shown.status, 200, "{path}: {}", shown.text());
        assert!(!shown.text().contains(CANARY), "{path}: {}", shown.text());
        let whole = granted.ask("GET", &path, &Value::Null);
        assert_eq!(whole.status, 200, "{path}");
        seen_by_others += usize::from(whole.text().contains(CANARY));
    }
    assert!(seen_by_others >= 6, "the canary was where it could be seen: {seen_by_others}");
    let run = viewer.ask("GET", &format!("/api/v1/runs/{failed}"), &Value::Null).json();
    assert_eq!(
        (run["status"].as_str(), run["error"]["code"].as_str()),
        (Some("failed"), Some("script_error"))
    );
    assert_eq!(run["steps"][0]["id"], "main", "facts stay: {run}");
}
