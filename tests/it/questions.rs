//! Questions to people: a page with buttons in the reader's language, one answer that counts, and a list of those that are
//! open. A look never answers.

use regex::Regex;
use serde_json::{Value, json};

use crate::support::{Request, Response, TestServer, Workflow, wait_until};

/// A workflow `ask` whose step asks with this page; `after` has what it gave.
pub fn asking(page: Value, timeout: &str) -> Workflow {
    asking_as("ask", page, timeout)
}

pub fn asking_as(key: &str, page: Value, timeout: &str) -> Workflow {
    Workflow::steps(
        key,
        json!([
            { "id": "url", "type": "set", "values": "{{$run.callbacks.approval}}" },
            { "id": "approval", "type": "wait_for_callback", "timeout": timeout, "page": page },
            { "id": "after", "type": "set", "values": "{{$steps.approval}}" },
        ]),
    )
}

pub fn page() -> Value {
    json!({
        "title": "报销 {{$context.data.amount}} 元",
        "text": "申请人：{{$context.data.who}}\nReason: {{$context.data.why}}",
        "answers": [{ "value": "approve", "label": "同意" }, { "value": "reject", "label": "拒绝" }],
        "comment": true,
    })
}

pub fn data() -> Value {
    json!({ "amount": 128.5, "who": "王小明", "why": "<script>alert(1)</script> & \"taxi\"" })
}

/// A waiting run and the path of its page.
pub fn begin(server: &TestServer, data: &Value) -> (String, String) {
    let id = server.post("ask", data).run_id();
    let run = server.waiting_run(&id);
    assert_eq!(run["waiting"][0]["for"], "callback", "{run}");
    let url = run["steps"][0]["output"].as_str().unwrap().to_owned();
    (id, url.strip_prefix(&server.url()).unwrap().to_owned())
}

fn browses(request: Request) -> Request {
    request.header("accept", "text/html,application/xhtml+xml").header("accept-language", "en-US,en;q=0.9")
}

pub fn looks(path: &str) -> Request {
    browses(Request::get(path))
}

/// What a browser sends when a button is pressed.
pub fn presses(path: &str, form: &str) -> Request {
    browses(Request::post(path)).form(form)
}

pub fn output(run: &Value) -> Value {
    let steps = run["steps"].as_array().unwrap();
    steps.iter().find(|step| step["id"] == "after").map_or(Value::Null, |step| step["output"].clone())
}

pub fn open(server: &TestServer) -> Vec<Value> {
    server.api("/api/v1/questions")["questions"].as_array().unwrap().clone()
}

/// A page without what differs each time.
fn steady(response: &Response) -> String {
    let text = response.text();
    let style = Regex::new("(?s)<style>.*?</style>").unwrap().replace(&text, "<style>…</style>");
    let time = Regex::new(r"\d{4}-\d\d-\d\d \d\d:\d\d \(UTC[^)]*\)").unwrap();
    time.replace_all(&style, "TIME").into_owned()
}

#[track_caller]
pub fn assert_problem(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.problem().as_str()), (status, code), "{}", response.text());
}

#[test]
fn the_pages_say_what_is_asked_and_what_was_answered() {
    let server = TestServer::start([asking(page(), "2d")]);
    let (id, path) = begin(&server, &data());
    let shown = server.send(&looks(&path));
    assert_eq!((shown.status, shown.header("content-type")), (200, Some("text/html; charset=utf-8")));
    insta::assert_snapshot!("page_of_an_open_question", steady(&shown));
    let answered = server.send(&presses(&path, "comment=OK%0D%0A%3Cb%3E&answer=approve"));
    assert_eq!(answered.status, 200);
    insta::assert_snapshot!("page_after_the_answer", steady(&answered));
    let run = server.ended_run(&id);
    assert_eq!(run["status"], "succeeded", "{run}");
    let seen = output(&run);
    assert_eq!(
        (&seen["answer"], &seen["label"], &seen["comment"]),
        (&json!("approve"), &json!("同意"), &json!("OK\n<b>"))
    );
    assert_eq!(
        (&seen["by"], &seen["ip"], &seen["via"]),
        (&json!("127.0.0.1"), &json!("127.0.0.1"), &json!("page"))
    );
    assert!(seen["at"].as_str().unwrap().ends_with('Z'), "{seen}");
    assert_eq!(
        (&seen["data"]["answer"], &seen["method"]),
        (&json!("approve"), &json!("POST")),
        "as any callback"
    );
    assert!(seen["headers"].is_object() && seen["query"].is_object());
    let again = server.send(&looks(&path));
    assert_eq!(again.status, 200);
    insta::assert_snapshot!("page_of_an_answered_question", steady(&again));
}

#[test]
fn nothing_on_a_page_can_run_or_load_and_the_texts_are_escaped() {
    let evil = "'\"><img src=x onerror=alert(1)>&amp;\u{0}{{$secrets.A}}";
    let mut page = page();
    page["answers"] = json!([{ "value": "a\"<b>'&", "label": "<i>&\"'" }, "b"]);
    page["title"] = json!("{{$context.data.why}}");
    let server = TestServer::start([asking(page, "2d")]);
    let (id, path) = begin(&server, &json!({ "why": evil }));
    let shown = server.send(&looks(&path));
    let text = shown.text();
    assert!(!text.contains("<img") && !text.contains("<i>") && !text.contains("<b>"), "{text}");
    assert!(
        text.contains("value=\"a&quot;&lt;b&gt;&#39;&amp;\"") && text.contains("&lt;img src=x"),
        "{text}"
    );
    assert!(text.contains("{{$secrets.A}}"), "a value is no template: {text}");
    assert!(!text.contains("<script") && !text.contains(" style=") && !text.contains("onclick"), "{text}");
    let policy = shown.header("content-security-policy").unwrap();
    for part in [
        "default-src 'none'",
        "style-src 'sha256-",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(shown.header("referrer-policy"), Some("no-referrer"));
    assert_eq!(shown.header("cache-control"), Some("no-store"));
    assert_eq!(shown.header("x-content-type-options"), Some("nosniff"));
    let answered = server.send(&presses(&path, "answer=a%22%3Cb%3E%27%26"));
    assert_eq!(answered.status, 200, "{}", answered.text());
    assert!(answered.text().contains("&lt;i&gt;&amp;&quot;&#39;"), "{}", answered.text());
    assert_eq!(output(&server.ended_run(&id))["answer"], "a\"<b>'&");
}

#[test]
fn a_page_is_in_the_readers_language_and_labels_stay_as_they_are() {
    let server = TestServer::start([asking(page(), "2d")]);
    let (_, path) = begin(&server, &data());
    let read = |language: &str| {
        server
            .send(&Request::get(&path).header("accept", "text/html").header("accept-language", language))
            .text()
    };
    let (chinese, english) = (read("zh-CN,zh;q=0.9,en;q=0.8"), read("en-GB,zh;q=0.5"));
    assert!(chinese.contains("<html lang=\"zh-CN\">") && chinese.contains("备注"), "{chinese}");
    assert!(english.contains("<html lang=\"en\">") && english.contains("Comment"), "{english}");
    assert!(chinese.contains(">同意</button>") && english.contains(">同意</button>"));
    assert!(read("fr").contains("<html lang=\"en\">"));
}

#[test]
fn no_look_answers_also_not_one_whose_link_names_an_answer() {
    let server = TestServer::start([asking(page(), "2d")]);
    let (id, path) = begin(&server, &data());
    for named in ["approve", "%E5%90%8C%E6%84%8F"] {
        let shown = server.send(&looks(&format!("{path}?answer={named}"))).text();
        assert!(shown.contains("value=\"approve\" class=\"named\" aria-describedby=\"named\""), "{shown}");
        assert_eq!(shown.matches("class=\"named\"").count(), 1);
    }
    assert!(!server.send(&looks(&format!("{path}?answer=maybe"))).text().contains("class=\"named\""));
    // What scanners of mail and previews of chats send.
    for agent in ["Slackbot-LinkExpanding 1.0", "Mozilla/5.0 (compatible; Outlook-SafeLinks)"] {
        assert_eq!(
            server.send(&Request::get(&format!("{path}?answer=approve")).header("user-agent", agent)).status,
            200
        );
    }
    assert_eq!(server.send(&Request::new("HEAD", &path)).status, 200);
    assert_eq!(server.send(&Request::new("OPTIONS", &path)).status, 204);
    assert_eq!(server.run(&id)["status"], "waiting");
    assert_eq!(open(&server).len(), 1);
    // The query of the link is part of the request, and answers nothing.
    assert_problem(&server.send(&Request::post(&format!("{path}?answer=approve"))), 422, "answer_invalid");
    assert_eq!(server.run(&id)["status"], "waiting");
}

#[test]
fn what_is_no_answer_is_refused_with_the_answers_and_uses_nothing_up() {
    let server = TestServer::start([asking(page(), "2d")]);
    let (id, path) = begin(&server, &data());
    for body in [
        json!({}),
        json!({ "answer": "maybe" }),
        json!({ "answer": "同意" }),
        json!({ "answer": ["approve"] }),
        json!([]),
    ] {
        let refused = server.send(&Request::post(&path).json(&body));
        assert_problem(&refused, 422, "answer_invalid");
        assert!(
            refused.json()["detail"].as_str().unwrap().contains("`approve`, `reject`"),
            "{}",
            refused.text()
        );
    }
    let long = json!({ "answer": "approve", "comment": "x".repeat(4_001) });
    assert_problem(&server.send(&Request::post(&path).json(&long)), 422, "answer_invalid");
    let shown = server.send(&presses(&path, "answer=maybe"));
    assert_eq!((shown.status, shown.header("content-type")), (422, Some("text/html; charset=utf-8")));
    assert!(
        shown.text().contains("Please choose one of the answers.") && shown.text().contains("<form"),
        "{}",
        shown.text()
    );
    let line = server.newest_request(8);
    assert_eq!(line["outcome"]["refused"]["code"], "answer_invalid", "{line}");
    assert_eq!(server.run(&id)["status"], "waiting");
    let taken = server.send(&Request::post(&path).json(&json!({ "answer": "reject", "comment": " no " })));
    assert_eq!((taken.status, taken.json()), (202, json!({ "run_id": id })));
    let seen = output(&server.ended_run(&id));
    assert_eq!(
        (&seen["answer"], &seen["comment"], &seen["via"]),
        (&json!("reject"), &json!("no"), &json!("request"))
    );
}

#[test]
fn a_comment_and_a_name_are_asked_for_where_the_page_says_so() {
    let mut page = page();
    page["comment"] = json!("required");
    page["ask_name"] = json!(true);
    let server = TestServer::start([asking(page, "2d")]);
    let (id, path) = begin(&server, &data());
    let shown = server.send(&looks(&path)).text();
    assert!(shown.contains("name=\"name\"") && shown.contains(" required>"), "{shown}");
    let told = |form: &str| {
        let shown = server.send(&presses(&path, form));
        assert_eq!(shown.status, 422);
        shown.text()
    };
    assert!(told("answer=approve&name=Ada&comment=+").contains("Please write a comment."));
    assert!(told("answer=approve&name=&comment=x").contains("Please give your name."));
    assert_eq!(server.send(&presses(&path, "answer=approve&name=+Ada+L.&comment=fine")).status, 200);
    let seen = output(&server.ended_run(&id));
    assert_eq!(
        (&seen["by"], &seen["ip"], &seen["comment"]),
        (&json!("Ada L."), &json!("127.0.0.1"), &json!("fine"))
    );
    assert!(server.send(&looks(&path)).text().contains("Ada L."), "who answered");
}

#[test]
fn one_answer_counts_and_who_comes_later_is_told_whose() {
    let server = TestServer::start([asking(page(), "2d")]);
    let (id, path) = begin(&server, &data());
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let press = |n: usize| {
            let answer = if n.is_multiple_of(2) { "approve" } else { "reject" };
            presses(&path, &format!("answer={answer}")).send(server.address()).unwrap().status
        };
        let presses: Vec<_> = (0..8).map(|n| scope.spawn(move || press(n))).collect();
        presses.into_iter().map(|press| press.join().unwrap()).collect()
    });
    let output = output(&server.ended_run(&id));
    // Whoever pressed the button that counts is told so, also the second time.
    let expected: Vec<u16> = (0..8_usize)
        .map(|n| if n.is_multiple_of(2) == (output["answer"] == "approve") { 200 } else { 410 })
        .collect();
    assert_eq!(statuses, expected);
    let answer = output["label"].as_str().unwrap().to_owned();
    let (same, other) =
        if output["answer"] == "approve" { ("approve", "reject") } else { ("reject", "approve") };
    let again = server.send(&presses(&path, &format!("answer={same}")));
    assert!(
        again.status == 200 && again.text().contains(&format!("You answered: {answer}")),
        "{}",
        again.text()
    );
    for form in [format!("answer={other}"), format!("answer={same}&comment=more"), "answer=maybe".to_owned()]
    {
        assert_eq!(server.send(&presses(&path, &form)).status, 410, "{form}");
    }
    let late = server.send(&presses(&path, &format!("answer={other}")));
    assert_eq!(late.status, 410);
    assert!(
        late.text().contains("Your answer was not taken")
            && late.text().contains(&format!("Answered: {answer}")),
        "{}",
        late.text()
    );
    assert_problem(
        &server.send(&Request::post(&path).json(&json!({ "answer": "approve" }))),
        410,
        "callback_gone",
    );
    assert_problem(&server.send(&Request::get(&path)), 410, "callback_gone");
}

#[test]
fn a_question_that_is_over_says_so() {
    let server = TestServer::start([asking(page(), "400ms")]);
    let (id, path) = begin(&server, &data());
    assert_eq!(server.ended_run(&id)["error"]["code"], "callback_timeout");
    assert!(server.send(&looks(&path)).text().contains("Nobody answered in time"));
    let late = server.send(&presses(&path, "answer=approve"));
    assert!(late.status == 410 && late.text().contains("Nobody answered in time"), "{}", late.text());
    assert!(open(&server).is_empty());
    let server = TestServer::start([asking(page(), "2d")]);
    let (id, path) = begin(&server, &data());
    assert_eq!(open(&server).len(), 1);
    server.ask("POST", &format!("/api/v1/runs/{id}/cancel"), &json!({}));
    assert_eq!(server.ended_run(&id)["status"], "cancelled");
    assert!(server.send(&looks(&path)).text().contains("This question is closed"));
    assert!(open(&server).is_empty());
    let wrong = format!("{}0", &path[..path.len() - 1]);
    let unknown = server.send(&looks(if wrong == path { "/api/callbacks/run_1/approval/1" } else { &wrong }));
    assert!(
        unknown.status == 404 && unknown.text().contains("This link does not work"),
        "{}",
        unknown.text()
    );
}

#[test]
fn a_question_that_lost_a_race_is_closed_while_its_run_goes_on() {
    let steps = json!([
        { "id": "url", "type": "set", "values": "{{$run.callbacks.approval}}" },
        { "id": "race", "type": "parallel", "mode": "race", "branches": [
            { "steps": [{ "id": "approval", "type": "wait_for_callback", "page": page() }] },
            { "steps": [{ "id": "soon", "type": "delay", "for": "300ms" }] } ] },
        { "id": "long", "type": "delay", "for": "1h" },
    ]);
    let server = TestServer::start([Workflow::steps("ask", steps)]);
    let (id, path) = begin(&server, &data());
    wait_until("the question is closed", 20, || open(&server).is_empty());
    assert_eq!(server.run(&id)["status"], "waiting");
    assert!(server.send(&looks(&path)).text().contains("This question is closed"));
    assert_eq!(server.send(&presses(&path, "answer=approve")).status, 410);
    assert_problem(
        &server.send(&Request::post(&path).json(&json!({ "answer": "approve" }))),
        410,
        "callback_gone",
    );
}

#[test]
fn an_answer_that_comes_before_the_question_is_kept_and_a_page_says_that_it_is_early() {
    let steps = json!([
        { "id": "url", "type": "set", "values": "{{$run.callbacks.approval}}" },
        { "id": "first", "type": "wait_for_callback" },
        { "id": "approval", "type": "wait_for_callback", "page": page() },
        { "id": "after", "type": "set", "values": "{{$steps.approval}}" },
        { "id": "first_url", "type": "set", "values": "{{$run.callbacks.first}}" },
    ]);
    let server = TestServer::start([Workflow::steps("ask", steps)]);
    let (id, path) = begin(&server, &data());
    let early = server.send(&looks(&path));
    assert!(
        early.status == 200 && early.text().contains("This question is not open yet"),
        "{}",
        early.text()
    );
    assert!(!early.text().contains("<form"), "{}", early.text());
    assert!(open(&server).is_empty());
    assert_problem(
        &server.send(&Request::post(&path).json(&json!({ "answer": "x" }))),
        422,
        "answer_invalid",
    );
    assert_eq!(server.send(&Request::post(&path).json(&json!({ "answer": "reject" }))).status, 202);
    assert!(server.send(&looks(&path)).text().contains("Answered: 拒绝"));
    assert_eq!(server.run(&id)["status"], "waiting", "the first one still waits");
}

#[test]
fn a_page_shows_no_secret_and_a_text_that_is_too_long_fails_the_step() {
    let mut page = page();
    page["text"] = json!("{{$context.data.text}} {{$secrets.API_TOKEN}}");
    let server = TestServer::start([asking(page, "2d")]);
    let secret = json!({ "value": "canary-secret-value" });
    assert_eq!(server.ask("PUT", "/api/v1/secrets/API_TOKEN", &secret).status, 200);
    let (id, path) = begin(&server, &json!({ "amount": "x ".repeat(400), "text": "see" }));
    let shown = server.send(&looks(&path)).text();
    assert!(shown.contains("see") && !shown.contains("canary"), "{shown}");
    let line = open(&server)[0].to_string() + &server.run(&id).to_string();
    assert!(!line.contains("canary"), "{line}");
    let title = open(&server)[0]["title"].as_str().unwrap().to_owned();
    assert!(title.chars().count() <= 300 && title.ends_with('…'), "{title}");
    let long = server.post("ask", &json!({ "text": "长".repeat(6_000) })).run_id();
    let run = server.ended_run(&long);
    assert_eq!(run["error"]["code"], "output_too_large", "{run}");
    assert!(run["error"]["message"].as_str().unwrap().contains("page.text"), "{run}");
}
