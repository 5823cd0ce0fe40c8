//! Open questions are listed, and answered without their URLs: by the API and by command. They outlive the process.

use serde_json::{Value, json};

use crate::{
    questions::{asking, asking_as, assert_problem, begin, data, looks, open, output, page, presses},
    support::{Receiver, Request, Setup, TestServer, Workflow},
};

#[test]
fn open_questions_are_listed_and_answered_by_the_api() {
    let other = asking_as("other", page(), "2d");
    let server = TestServer::start([asking(page(), "2d"), other]);
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(begin(&server, &data()).0);
    }
    let foreign = server.post("other", &data()).run_id();
    server.waiting_run(&foreign);
    let all = open(&server);
    let listed: Vec<_> = all.iter().map(|question| question["run"].as_str().unwrap()).collect();
    assert_eq!(listed, [&foreign, &runs[2], &runs[1], &runs[0]], "newest first");
    let one = &all[3];
    assert_eq!(one["id"], format!("{}.approval", runs[0]));
    assert_eq!(
        (&one["workflow"], &one["step"], &one["title"]),
        (&json!("ask"), &json!("approval"), &json!("报销 128.5 元"))
    );
    assert_eq!(one["answers"][1], json!({ "value": "reject", "label": "拒绝" }));
    assert_eq!((&one["comment"], &one["ask_name"]), (&json!(true), &json!(false)));
    assert!(one["since"].is_string() && one["until"].is_string(), "{one}");
    let first = server.api("/api/v1/questions?workflow=ask&limit=2");
    let next = first["next"].as_str().unwrap();
    let second = server.api(&format!("/api/v1/questions?workflow=ask&limit=2&before={next}"));
    assert_eq!(second["questions"].as_array().unwrap().len(), 1, "{second}");
    assert_eq!((&second["questions"][0]["run"], &second["next"]), (&json!(runs[0]), &Value::Null));
    let place = format!("/api/v1/questions/{}.approval", runs[0]);
    assert_eq!(server.api(&place)["title"], "报销 128.5 元");
    let refused = server.ask("POST", &format!("{place}/answer"), &json!({ "answer": "maybe" }));
    assert_problem(&refused, 422, "answer_invalid");
    assert!(refused.text().contains("`approve`, `reject`"), "{}", refused.text());
    let unknown = server.ask(
        "POST",
        &format!("/api/v1/questions/{}.nothing/answer", runs[0]),
        &json!({ "answer": "approve" }),
    );
    assert_problem(&unknown, 404, "question_unknown");
    assert_problem(&server.ask("POST", "/api/v1/questions/what/answer", &json!({})), 400, "bad_request");
    let answer = json!({ "answer": "approve", "comment": "by the bot", "name": "Bot" });
    let taken = server.ask("POST", &format!("{place}/answer"), &answer);
    assert_eq!((taken.status, taken.json()), (202, json!({ "run_id": runs[0] })));
    assert_problem(&server.ask("POST", &format!("{place}/answer"), &answer), 409, "question_closed");
    let seen = output(&server.ended_run(&runs[0]));
    assert_eq!(
        (&seen["answer"], &seen["by"], &seen["via"]),
        (&json!("approve"), &json!("Bot"), &json!("api"))
    );
    assert_eq!(seen["data"], json!({ "answer": "approve", "comment": "by the bot", "name": "Bot" }));
    assert_eq!((&seen["method"], &seen["headers"], &seen["query"]), (&json!("POST"), &json!({}), &json!({})));
    let nameless = server.ask(
        "POST",
        &format!("/api/v1/questions/{}.approval/answer", runs[1]),
        &json!({ "answer": "reject" }),
    );
    assert_eq!(nameless.status, 202);
    assert_eq!(output(&server.ended_run(&runs[1]))["by"], "API");
    assert_eq!(open(&server).len(), 2);
    let no_token = server.send(&Request::get("/api/v1/questions"));
    assert_eq!(no_token.status, 401);
    let no_token = server.send(&Request::post(&format!("{place}/answer")).json(&answer));
    assert_eq!(no_token.status, 401);
}

#[test]
fn open_questions_are_listed_and_answered_by_command() {
    let server = TestServer::start([asking(page(), "2d")]);
    let (id, _) = begin(&server, &data());
    let question = format!("{id}.approval");
    for words in [&["questions"][..], &["questions", "list", "--workflow", "ask"]] {
        let shown = server.command(words);
        assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
        assert!(
            shown.stdout.starts_with("QUESTION ") && shown.stdout.contains(&question),
            "{}",
            shown.stdout
        );
        assert!(
            shown.stdout.contains("approve, reject") && shown.stdout.contains("报销 128.5 元"),
            "{}",
            shown.stdout
        );
    }
    let listed: Value = serde_json::from_str(&server.command(&["questions", "--json"]).stdout).unwrap();
    assert_eq!(listed["questions"][0]["id"], question);
    let shown = server.command(&["questions", "show", &question]).stdout;
    assert!(
        shown.contains("申请人：王小明") && shown.contains(&format!("questions answer {question} 'approve'")),
        "{shown}"
    );
    let refused = server.command(&["questions", "answer", &question, "maybe"]);
    assert!(refused.code == 2 && refused.stderr.contains("`approve`, `reject`"), "{refused:?}");
    let taken =
        server.command(&["questions", "answer", &question, "approve", "--comment", "ok", "--name", "Grace"]);
    assert_eq!((taken.code, taken.stdout.trim()), (0, id.as_str()), "{taken:?}");
    let seen = output(&server.ended_run(&id));
    assert_eq!((&seen["by"], &seen["comment"]), (&json!("Grace"), &json!("ok")));
    let empty = server.command(&["questions"]);
    assert_eq!((empty.stdout.as_str(), empty.stderr.trim()), ("", "no open questions"));
}

#[test]
fn a_question_survives_a_kill_and_each_iteration_asks_its_own() {
    let receiver = Receiver::start();
    let mut page = page();
    page["title"] = json!("Round {{$scopes.each.index}}");
    let steps = json!([{ "id": "each", "type": "loop", "over": 2, "steps": [
        { "id": "tell", "type": "http", "url": "{{$env.SINK}}", "json": { "url": "{{$run.callbacks.approval}}" } },
        { "id": "approval", "type": "wait_for_callback", "page": page },
        { "id": "said", "type": "set", "values": "{{$steps.approval.answer}}" } ] }]);
    let mut server = Setup::default()
        .workflows([Workflow::steps("ask", steps)])
        .variable("FLOWCELL_NET_ALLOW", &receiver.host())
        .variable("FLOWCELL_VARS_SINK", &receiver.url("/"))
        .start();
    let id = server.post("ask", &data()).run_id();
    for (n, answer) in ["approve", "reject"].into_iter().enumerate() {
        let url = receiver.wait_for(n + 1)[n].json()["url"].as_str().unwrap().to_owned();
        let path = url[url.find("/api/").unwrap()..].to_owned();
        server.waiting_run(&id);
        server.kill();
        server.restart();
        let listed = open(&server);
        assert_eq!((listed.len(), &listed[0]["id"]), (1, &json!(format!("{id}.approval.{n}"))));
        let shown = server.send(&looks(&path)).text();
        assert!(shown.contains(&format!("Round {n}")), "{shown}");
        if n == 0 {
            assert_eq!(server.send(&presses(&path, &format!("answer={answer}"))).status, 200);
        } else {
            let question = listed[0]["id"].as_str().unwrap();
            assert_eq!(
                server
                    .ask(
                        "POST",
                        &format!("/api/v1/questions/{question}/answer"),
                        &json!({ "answer": answer })
                    )
                    .status,
                202
            );
        }
    }
    let run = server.ended_run(&id);
    let said: Vec<_> = run["steps"].as_array().unwrap().iter().filter(|step| step["id"] == "said").collect();
    assert_eq!(
        (said[0]["output"].as_str(), said[1]["output"].as_str()),
        (Some("approve"), Some("reject")),
        "{run}"
    );
    assert!(open(&server).is_empty());
}
