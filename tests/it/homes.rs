//! Files or server: each workflow has one home, and every change has a number.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Receiver, Request, Response, Setup, TestServer, Workflow, wait_until};

fn text(workflow: &Workflow) -> String {
    serde_json::to_string_pretty(&workflow.json).unwrap()
}

/// The files of a workflow as the API takes them.
fn files(workflow: &Workflow) -> Value {
    let files: serde_json::Map<_, _> =
        workflow.files.iter().map(|(name, text)| (name.clone(), json!(text))).collect();
    json!({ "workflow": text(workflow), "files": files })
}

fn one(server: &TestServer, key: &str) -> Value {
    server.api(&format!("/api/v1/workflows/{key}"))
}

fn revisions(server: &TestServer, key: &str) -> Vec<Value> {
    let listed = server.api(&format!("/api/v1/workflows/{key}/revisions"));
    listed["revisions"].as_array().unwrap().clone()
}

fn publish(server: &TestServer, base: &Value, workflow: &Workflow) -> Response {
    let path = format!("/api/v1/workflows/{}/publish", workflow.key);
    server.send(
        &Request::post(&path)
            .header("authorization", &format!("Bearer {}", server.token()))
            .header("if-match", &format!("\"{}\"", base.as_str().unwrap()))
            .json(&files(workflow)),
    )
}

#[track_caller]
fn ask(server: &TestServer, key: &str, verb: &str, body: Value) -> Value {
    let response = server.ask("POST", &format!("/api/v1/workflows/{key}/{verb}"), &body);
    assert_eq!(response.status, 200, "{verb}: {}", response.text());
    response.json()
}

#[track_caller]
fn refused(response: &Response, status: u16, code: &str) -> Value {
    let body = response.json();
    assert_eq!((response.status, body["code"].as_str()), (status, Some(code)), "{body}");
    body
}

fn numbers(revisions: &[Value]) -> Vec<(u64, &str)> {
    revisions.iter().map(|it| (it["number"].as_u64().unwrap(), it["source"].as_str().unwrap())).collect()
}

#[test]
fn every_change_of_files_is_a_numbered_revision_and_a_restart_makes_none() {
    let mut server = TestServer::start([Workflow::script("hot", "return 1")]);
    let first = one(&server, "hot");
    assert_eq!(
        (&first["home"], &first["revision"], &first["state"]),
        (&json!("folder"), &json!(1), &json!("on"))
    );
    assert_eq!((&first["files"], &first["workflow"]["key"]), (&json!(["main.js"]), &json!("hot")));
    Workflow::script("hot", "return 2").write(&server.workflows());
    wait_until("the change is installed", 20, || server.hook("hot").json() == 2);
    let listed = revisions(&server, "hot");
    assert_eq!(numbers(&listed), [(2, "folder"), (1, "folder")]);
    assert_eq!((&listed[0]["by"], &listed[0]["parent"]), (&json!({ "kind": "folder" }), &json!(1)));
    assert_eq!(listed[1]["version"], first["version"]);
    server.stop();
    server.restart();
    assert_eq!(revisions(&server, "hot"), listed);
    // An old version is there for ever.
    let old = server.api("/api/v1/workflows/hot/revisions/1");
    assert_eq!(old["files"]["main.js"], "return 1");
    let diff = server.api("/api/v1/workflows/hot/diff?from=1&to=2");
    assert_eq!(diff["files"][0]["name"], "main.js");
    let unified = diff["files"][0]["unified"].as_str().unwrap();
    assert!(unified.contains("-return 1") && unified.contains("+return 2"), "{unified}");
    refused(&server.ask("GET", "/api/v1/workflows/hot/revisions/9", &Value::Null), 404, "revision_unknown");
}

#[test]
fn a_workflow_of_the_server_needs_no_folder_and_outlives_a_restart() {
    let mut server = TestServer::start([]);
    let workflow = Workflow::script("made", "return 'hello'");
    let made = server.ask("POST", "/api/v1/workflows", &files(&workflow));
    assert_eq!((made.status, &made.json()["revision"]), (201, &json!(1)), "{}", made.text());
    assert_eq!(server.hook("made").json(), "hello");
    assert!(!server.workflows().join("made").exists());
    refused(&server.ask("POST", "/api/v1/workflows", &files(&workflow)), 409, "key_taken");
    server.kill();
    server.restart();
    assert_eq!(server.hook("made").json(), "hello");
    assert_eq!(one(&server, "made")["home"], "server");
    let base = one(&server, "made")["version"].clone();
    let next = Workflow::script("made", "return 'again'");
    assert_eq!(publish(&server, &base, &next).status, 200);
    assert_eq!(server.hook("made").json(), "again");
    assert_eq!(numbers(&revisions(&server, "made")), [(2, "api"), (1, "api")]);
}

#[test]
fn a_folder_never_takes_the_key_of_a_workflow_of_the_server() {
    let server = TestServer::start([]);
    let made = server.ask("POST", "/api/v1/workflows", &files(&Workflow::script("both", "return 'server'")));
    assert_eq!(made.status, 201);
    Workflow::script("both", "return 'folder'").write(&server.workflows());
    server.wait_for_log("a workflow of the server has this key");
    wait_until("the list tells", 20, || one(&server, "both")["problems"][0]["code"] == "key_taken");
    assert_eq!(server.hook("both").json(), "server");
    let shown = one(&server, "both");
    assert_eq!((&shown["state"], &shown["revision"]), (&json!("on"), &json!(1)));
    // The other way round.
    Workflow::script("mine", "return 'folder'").write(&server.workflows());
    wait_until("the folder is installed", 20, || server.hook("mine").status == 200);
    refused(
        &server.ask("POST", "/api/v1/workflows", &files(&Workflow::script("mine", "return 1"))),
        409,
        "key_taken",
    );
}

#[test]
fn publishing_to_a_folder_writes_what_changed_and_leaves_every_other_byte() {
    let odd = "{\n\t\"key\": \"hot\",   \"trigger\": {\"type\":\"webhook\",\"methods\":[\"GET\"],\"sync_wait\":\"60s\"},\r\n  \"steps\": [{ \"id\": \"main\", \"type\": \"code\", \"file\": \"main.js\" }]\n}\n\n";
    let workflow = Workflow::script("hot", "return 1").file("notes.txt", "mine");
    let server = TestServer::start([workflow]);
    fs::write(server.workflows().join("hot/workflow.json"), odd).unwrap();
    wait_until("it is seen", 20, || one(&server, "hot")["revision"] == 2);
    let base = one(&server, "hot")["version"].clone();
    let body = json!({ "workflow": odd, "files": { "main.js": "return 2" }, "note": "two is better" });
    let request = Request::post("/api/v1/workflows/hot/publish")
        .header("authorization", &format!("Bearer {}", server.token()))
        .header("if-match", &format!("\"{}\"", base.as_str().unwrap()))
        .json(&body);
    let made = server.send(&request).json();
    assert_eq!((&made["revision"], &made["changed"]), (&json!(3), &json!(true)), "{made}");
    let folder = server.workflows().join("hot");
    assert_eq!(fs::read_to_string(folder.join("main.js")).unwrap(), "return 2");
    assert_eq!(fs::read_to_string(folder.join("workflow.json")).unwrap(), odd);
    let mut names: Vec<_> =
        fs::read_dir(&folder).unwrap().map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["main.js", "notes.txt", "workflow.json"]);
    assert_eq!(server.hook("hot").json(), 2);
    let listed = revisions(&server, "hot");
    assert_eq!(numbers(&listed)[0], (3, "api"));
    assert_eq!((&listed[0]["note"], &listed[0]["by"]["kind"]), (&json!("two is better"), &json!("machine")));
    // The base is gone: whoever still has it is told what is there.
    let told = refused(&server.send(&request), 412, "version_moved");
    assert_eq!((&told["params"]["base"], &told["params"]["theirs"]), (&base, &made["version"]));
    let theirs = server.api(&format!("/api/v1/versions/{}", made["version"].as_str().unwrap()));
    assert_eq!(theirs["files"]["main.js"], "return 2");
}

#[test]
fn a_publication_that_is_wrong_changes_nothing() {
    let server = TestServer::start([Workflow::script("hot", "return 1")]);
    let base = one(&server, "hot")["version"].clone();
    let told =
        refused(&publish(&server, &base, &Workflow::script("hot", "return (;")), 422, "workflow_invalid");
    assert_eq!(
        (&told["params"]["file"], &told["params"]["line"]),
        (&json!("workflow.json"), &told["params"]["line"]),
        "{told}"
    );
    assert!(told["detail"].as_str().unwrap().contains("main.js:1:9"), "{told}");
    let other = Workflow { key: "hot".to_owned(), ..Workflow::script("cold", "return 1") };
    refused(&publish(&server, &base, &other), 422, "workflow_invalid");
    for name in ["../x.js", ".env.js", "fixtures/x.js", "notes.txt"] {
        refused(
            &publish(&server, &base, &Workflow::script("hot", "return 2").file(name, "1")),
            422,
            "files_invalid",
        );
    }
    refused(
        &server.ask("POST", "/api/v1/workflows/hot/publish", &files(&Workflow::script("hot", "2"))),
        428,
        "base_missing",
    );
    assert_eq!(one(&server, "hot")["revision"], 1);
    assert_eq!(fs::read_to_string(server.workflows().join("hot/main.js")).unwrap(), "return 1");
    assert_eq!(server.hook("hot").json(), 1);
}

#[test]
fn rolling_back_is_a_new_revision_and_writes_the_files() {
    let server = TestServer::start([Workflow::script("hot", "return 1")]);
    let base = one(&server, "hot")["version"].clone();
    assert_eq!(publish(&server, &base, &Workflow::script("hot", "return 2")).status, 200);
    let back = ask(&server, "hot", "rollback", json!({ "to": 1 }));
    assert_eq!((&back["revision"], &back["version"]), (&json!(3), &base));
    assert_eq!(server.hook("hot").json(), 1);
    assert_eq!(fs::read_to_string(server.workflows().join("hot/main.js")).unwrap(), "return 1");
    assert_eq!(numbers(&revisions(&server, "hot"))[0], (3, "rollback"));
    refused(
        &server.ask("POST", "/api/v1/workflows/hot/rollback", &json!({ "to": 7 })),
        404,
        "revision_unknown",
    );
}

#[test]
fn off_here_answers_404_over_a_restart_and_changes_no_file() {
    let mut server = TestServer::start([Workflow::script("hot", "return 1")]);
    let before = fs::read(server.workflows().join("hot/workflow.json")).unwrap();
    ask(&server, "hot", "off", Value::Null);
    assert_eq!(server.hook("hot").status, 404);
    let shown = one(&server, "hot");
    assert_eq!(
        (&shown["state"], &shown["enabled"], &shown["off"]["by"]["kind"]),
        (&json!("off_here"), &json!(true), &json!("machine"))
    );
    server.stop();
    server.restart();
    assert_eq!(server.hook("hot").status, 404);
    // A change of the files does not switch it on.
    Workflow::script("hot", "return 2").write(&server.workflows());
    wait_until("the change is seen", 20, || one(&server, "hot")["revision"] == 2);
    assert_eq!(server.hook("hot").status, 404);
    ask(&server, "hot", "on", Value::Null);
    assert_eq!(server.hook("hot").json(), 2);
    assert_eq!(one(&server, "hot")["off"], Value::Null);
    assert_eq!(fs::read(server.workflows().join("hot/workflow.json")).unwrap(), before);
    Workflow::script("hot", "return 2").set(json!({ "enabled": false })).write(&server.workflows());
    wait_until("the file says off", 20, || one(&server, "hot")["state"] == "off");
    ask(&server, "hot", "pause", Value::Null);
    assert_eq!(one(&server, "hot")["state"], "off");
}

#[test]
fn a_folder_that_disappears_is_gone_and_comes_back_with_its_history() {
    let mut server = TestServer::start([Workflow::script("hot", "return 1")]);
    fs::remove_dir_all(server.workflows().join("hot")).unwrap();
    fs::create_dir(server.workflows().join("other")).unwrap();
    wait_until("it is gone", 20, || one(&server, "hot")["state"] == "gone");
    assert_eq!(server.hook("hot").status, 404);
    server.stop();
    server.restart();
    assert_eq!((server.hook("hot").status, &one(&server, "hot")["state"]), (404, &json!("gone")));
    let listed = server.api("/api/v1/workflows");
    assert_eq!(listed["workflows"][0]["key"], "hot", "{listed}");
    // Its last version can be restored to the folder.
    ask(&server, "hot", "rollback", json!({ "to": 1 }));
    assert_eq!(fs::read_to_string(server.workflows().join("hot/main.js")).unwrap(), "return 1");
    assert_eq!((server.hook("hot").json(), &one(&server, "hot")["state"]), (json!(1), &json!("on")));
    // Or as one of the server.
    fs::remove_dir_all(server.workflows().join("hot")).unwrap();
    wait_until("it is gone again", 20, || one(&server, "hot")["state"] == "gone");
    ask(&server, "hot", "home", json!({ "to": "server" }));
    assert_eq!((server.hook("hot").json(), &one(&server, "hot")["home"]), (json!(1), &json!("server")));
}

#[test]
fn a_folder_that_is_wrong_at_a_start_lets_the_last_good_version_go_on() {
    let mut server = TestServer::start([Workflow::script("hot", "return 'good'")]);
    server.stop();
    Workflow::script("hot", "return (;").write(&server.workflows());
    server.restart();
    assert_eq!(server.hook("hot").json(), "good");
    let shown = one(&server, "hot");
    assert_eq!((&shown["state"], &shown["revision"]), (&json!("wrong"), &json!(1)));
    assert!(shown["problems"][0]["message"].as_str().unwrap().contains("main.js:1:9"), "{shown}");
    Workflow::script("hot", "return 'mended'").write(&server.workflows());
    wait_until("it is mended", 20, || server.hook("hot").json() == "mended");
    assert_eq!((&one(&server, "hot")["state"], &one(&server, "hot")["problems"]), (&json!("on"), &json!([])));
}

#[test]
fn a_home_moves_to_the_server_and_back_and_nothing_complains() {
    let mut server = TestServer::start([Workflow::script("hot", "return 1")]);
    let version = one(&server, "hot")["version"].clone();
    ask(&server, "hot", "home", json!({ "to": "server" }));
    let folder = server.workflows().join("hot");
    assert!(folder.join(".flowcell-ignore").exists() && folder.join("main.js").exists());
    fs::write(folder.join("main.js"), "return 'not used'").unwrap();
    for restarted in [false, true] {
        if restarted {
            server.stop();
            server.restart();
        }
        let shown = one(&server, "hot");
        assert_eq!(
            (&shown["home"], &shown["problems"], &shown["revision"]),
            (&json!("server"), &json!([]), &json!(1))
        );
        assert_eq!(server.hook("hot").json(), 1);
    }
    // What stands there is no revision, so it is not overwritten.
    refused(&server.ask("POST", "/api/v1/workflows/hot/home", &json!({ "to": "folder" })), 409, "key_taken");
    fs::write(folder.join("main.js"), "return 1").unwrap();
    let made = publish(&server, &version, &Workflow::script("hot", "return 2"));
    assert_eq!(made.status, 200, "{}", made.text());
    assert_eq!(fs::read_to_string(folder.join("main.js")).unwrap(), "return 1");
    ask(&server, "hot", "home", json!({ "to": "folder" }));
    assert_eq!(fs::read_to_string(folder.join("main.js")).unwrap(), "return 2");
    assert!(!folder.join(".flowcell-ignore").exists());
    Workflow::script("hot", "return 3").write(&server.workflows());
    wait_until("the folder counts again", 20, || server.hook("hot").json() == 3);
    assert_eq!(numbers(&revisions(&server, "hot")), [(3, "folder"), (2, "api"), (1, "folder")]);
}

#[test]
fn a_home_that_may_not_be_written_says_why() {
    let server = Setup::default()
        .workflows([Workflow::script("hot", "return 1")])
        .variable("FLOWCELL_WORKFLOWS_READONLY", "true")
        .start();
    let base = one(&server, "hot")["version"].clone();
    let told = refused(&publish(&server, &base, &Workflow::script("hot", "return 2")), 409, "home_read_only");
    assert_eq!(told["params"]["why"], "workflows.readonly is set");
    assert_eq!((server.hook("hot").json(), &one(&server, "hot")["revision"]), (json!(1), &json!(1)));
    // A way on: the workflow moves to the server, and its folder is left as it is.
    ask(&server, "hot", "home", json!({ "to": "server" }));
    assert!(!server.workflows().join("hot/.flowcell-ignore").exists());
    assert_eq!(publish(&server, &base, &Workflow::script("hot", "return 2")).status, 200);
    assert_eq!((server.hook("hot").json(), &one(&server, "hot")["problems"]), (json!(2), &json!([])));
}

#[test]
fn fixtures_that_expect_something_else_stop_a_publication_until_it_is_meant() {
    let fixture = json!({ "event": { "data": {} }, "expect": { "json": 1 } }).to_string();
    let server = TestServer::start([Workflow::script("hot", "return 1").file("fixtures/one.json", &fixture)]);
    let base = one(&server, "hot")["version"].clone();
    let same = Workflow::script("hot", "return 2 - 1");
    assert_eq!(publish(&server, &base, &same).status, 200);
    let base = one(&server, "hot")["version"].clone();
    let next = Workflow::script("hot", "return 2");
    let told = refused(&publish(&server, &base, &next), 409, "fixtures_differ");
    let difference = &told["params"]["fixtures"][0];
    assert_eq!(difference["fixture"], "one.json");
    assert!(difference["differences"][0].as_str().unwrap().contains("expected 1, found 2"), "{told}");
    assert_eq!((server.hook("hot").json(), &one(&server, "hot")["revision"]), (json!(1), &json!(2)));
    let mut body = files(&next);
    body["accept_differences"] = json!(true);
    let accepted = server.send(
        &Request::post("/api/v1/workflows/hot/publish")
            .header("authorization", &format!("Bearer {}", server.token()))
            .header("if-match", &format!("\"{}\"", base.as_str().unwrap()))
            .json(&body),
    );
    assert_eq!(accepted.status, 200, "{}", accepted.text());
    assert_eq!(server.hook("hot").json(), 2);
    assert_eq!(server.runs("hot").len(), 2, "fixtures are no runs");
}

#[test]
fn fixtures_of_a_publication_call_nobody() {
    let receiver = Receiver::start();
    let call = format!("const answer = await fetch('{}'); return answer.status", receiver.url("/x"));
    let fixture = json!({ "event": { "data": {} }, "expect": { "run": "succeeded" } }).to_string();
    let server = Setup::default()
        .workflows([Workflow::script("hot", "return 1").file("fixtures/one.json", &fixture)])
        .variable("FLOWCELL_NET_ALLOW", &receiver.host())
        .start();
    let base = one(&server, "hot")["version"].clone();
    let told = refused(&publish(&server, &base, &Workflow::script("hot", &call)), 409, "fixtures_differ");
    assert!(told.to_string().contains("nothing is sent while a publication runs fixtures"), "{told}");
    assert_eq!(receiver.requests().len(), 0);
}

#[test]
fn a_draft_is_one_s_own_and_saved_only_over_what_one_has_seen() {
    let server = TestServer::start([Workflow::script("hot", "return 1")]);
    let path = "/api/v1/workflows/hot/draft";
    let send = |method: &str, header: Option<(&str, &str)>, body: &Value| {
        let request =
            Request::new(method, path).header("authorization", &format!("Bearer {}", server.token()));
        let request = header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        server.send(&if body.is_null() { request } else { request.json(body) })
    };
    refused(&send("GET", None, &Value::Null), 404, "draft_unknown");
    let base = one(&server, "hot")["version"].clone();
    let mut draft = files(&Workflow::script("hot", "return 'draft'"));
    draft["base"] = base.clone();
    refused(&send("PUT", None, &draft), 428, "base_missing");
    let saved = send("PUT", Some(("if-none-match", "*")), &draft);
    assert_eq!(saved.status, 200, "{}", saved.text());
    let tag = saved.header("etag").unwrap().to_owned();
    refused(&send("PUT", Some(("if-none-match", "*")), &draft), 412, "draft_moved");
    draft["files"]["main.js"] = json!("return 'better'");
    assert_eq!(send("PUT", Some(("if-match", &tag)), &draft).status, 200);
    refused(&send("PUT", Some(("if-match", &tag)), &draft), 412, "draft_moved");
    let shown = send("GET", None, &Value::Null);
    assert_eq!(
        (&shown.json()["base"], &shown.json()["files"]["main.js"]),
        (&base, &json!("return 'better'"))
    );
    assert_eq!(server.hook("hot").json(), 1, "no traffic runs it");
    assert_eq!(server.api("/api/v1/workflows/hot/drafts")["drafts"][0]["owner"], "machine:");
    // It is what is published, and goes with that.
    let published = server.send(
        &Request::post("/api/v1/workflows/hot/publish")
            .header("authorization", &format!("Bearer {}", server.token()))
            .header("if-match", &format!("\"{}\"", base.as_str().unwrap()))
            .json(&json!({ "note": "from the draft" })),
    );
    assert_eq!(published.status, 200, "{}", published.text());
    assert_eq!(server.hook("hot").json(), "better");
    refused(&send("GET", None, &Value::Null), 404, "draft_unknown");
}

#[test]
fn a_kill_in_the_middle_of_a_publication_leaves_the_old_or_the_new_and_never_half() {
    const FILES: usize = 30;
    let version = |number: u64| {
        let imports: String = (0..FILES).map(|n| format!("import v{n} from './part{n}.js';\n")).collect();
        let all: Vec<_> = (0..FILES).map(|n| format!("v{n}")).collect();
        let main = format!("{imports}export default async () => [{}]", all.join(", "));
        let mut workflow = Workflow::script("hot", &main).set(json!({ "title": format!("{number}") }));
        for n in 0..FILES {
            workflow = workflow.file(&format!("part{n}.js"), &format!("export default {number}"));
        }
        workflow
    };
    let mut server = TestServer::start([version(0)]);
    let whole = |folder: &Path| {
        let read = |n: usize| fs::read_to_string(folder.join(format!("part{n}.js"))).unwrap();
        (0..FILES).map(read).collect::<std::collections::BTreeSet<_>>().len() == 1
    };
    let (mut published, mut half) = (0, 0);
    for round in 1..=8_u64 {
        let base = one(&server, "hot")["version"].clone();
        let number = published;
        let (address, token) = (server.address(), server.token());
        let request = Request::post("/api/v1/workflows/hot/publish")
            .header("authorization", &format!("Bearer {token}"))
            .header("if-match", &format!("\"{}\"", base.as_str().unwrap()))
            .json(&files(&version(number + 1)));
        let publisher = std::thread::spawn(move || request.send(address));
        // It dies as soon as this one of the files is new.
        let folder = server.workflows().join("hot");
        let mut names: Vec<_> = (0..FILES).map(|n| format!("part{n}.js")).collect();
        names.sort();
        let watched = folder.join(&names[round as usize * FILES / 10]);
        let new = format!("export default {}", number + 1);
        let deadline = Instant::now() + Duration::from_secs(60);
        while fs::read_to_string(&watched).unwrap() != new {
            assert!(Instant::now() < deadline, "the files do not change");
            std::thread::yield_now();
        }
        server.kill();
        let answered = publisher.join().unwrap();
        half += usize::from(!whole(&folder));
        server.restart();
        assert!(whole(&folder), "round {round}");
        let answer = server.hook("hot").json();
        let found = answer[0].as_u64().unwrap();
        assert!(answer.as_array().unwrap().iter().all(|part| part.as_u64() == Some(found)), "{answer}");
        assert!(found == number || found == number + 1, "{found} after {number}");
        if answered.is_ok_and(|answered| answered.status == 200) {
            assert_eq!(found, number + 1, "it was told that it is published");
        }
        let shown = one(&server, "hot");
        let newest = &revisions(&server, "hot")[0];
        assert_eq!(shown["version"], newest["version"]);
        assert_eq!(
            newest["source"],
            if found == 0 { "folder" } else { "api" },
            "who published is not forgotten"
        );
        published = found;
    }
    assert!(half > 0, "no kill came in the middle");
}
