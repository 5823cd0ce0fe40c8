//! What was accepted is not lost, and one event is one run: through restarts, copies, changes and disk folders of others.

use std::{fs, path::Path, process::Command, thread, time::Duration};

use serde_json::{Value, json};

use crate::support::{
    Finished, Request, Response, Setup, TestServer, Workflow, flowcell, flowcell_with, wait_until,
};

/// A script that is busy for about a second on a slow machine, then returns `output`.
fn slow(key: &str, output: &str) -> Workflow {
    let source = format!("let n = 0; for (let i = 0; i < 2000000; i++) n += i; return '{output}'");
    Workflow::script(key, &source).limits(json!({ "fuel": 100_000_000_000_u64, "timeout": "60s" }))
}

fn delivery(key: &str, id: &str) -> Request {
    Request::post(&format!("/api/webhooks/{key}")).header("x-delivery", id).json(&json!({ "id": id }))
}

#[test]
fn a_run_that_was_accepted_is_finished_after_kill_9() {
    let mut server = TestServer::start([slow("slow", "done").asynchronous()]);
    let accepted: Vec<_> = (0..5)
        .map(|n| {
            let response = server.post("slow", &json!({ "n": n }));
            assert_eq!(response.status, 202, "{}", response.text());
            assert_eq!(response.header("flowcell-run-id"), response.json()["run_id"].as_str());
            response.run_id()
        })
        .collect();
    server.kill();
    server.restart();
    for (n, id) in accepted.iter().enumerate() {
        let run = server.ended_run(id);
        assert_eq!((&run["status"], &run["context"]["data"]["n"]), (&json!("succeeded"), &json!(n)), "{run}");
        assert_eq!(run["steps"].as_array().unwrap().len(), 1, "each step has one record");
        assert_eq!(run["steps"][0]["output"], "done");
    }
    assert_eq!(server.runs("slow").len(), 5);
}

#[test]
fn a_synchronous_run_that_was_cut_off_is_finished_after_the_restart_too() {
    let mut server = TestServer::start([slow("slow", "done").deduped()]);
    let address = server.address();
    let caller = thread::spawn(move || delivery("slow", "one").send(address));
    // What can be read may not be durable yet; what is executed is.
    wait_until("the run is executed", 20, || {
        server.runs("slow").first().is_some_and(|run| run["running"] == true)
    });
    server.kill();
    assert!(caller.join().unwrap().is_err(), "its caller got no answer");
    server.restart();
    wait_until("the run is finished", 60, || server.runs("slow")[0]["status"] == "succeeded");
    let again = server.send(&delivery("slow", "one"));
    assert_eq!(
        (again.status, again.text().as_str()),
        (200, "\"done\""),
        "the sender's retry gets the answer"
    );
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(server.runs("slow").len(), 1);
}

#[test]
fn a_run_keeps_the_version_that_it_began_with() {
    let mut server = TestServer::start([slow("slow", "old").asynchronous()]);
    let before = server.post("slow", &json!({})).run_id();
    server.kill();
    slow("slow", "new").asynchronous().write(&server.workflows());
    server.restart();
    let after = server.post("slow", &json!({})).run_id();
    let (before, after) = (server.ended_run(&before), server.ended_run(&after));
    assert_eq!((&before["steps"][0]["output"], &after["steps"][0]["output"]), (&json!("old"), &json!("new")));
    assert_ne!(before["version"], after["version"]);
}

#[test]
fn a_run_of_a_workflow_that_is_gone_is_finished_too() {
    let mut server = TestServer::start([slow("gone", "still here").asynchronous()]);
    let id = server.post("gone", &json!({})).run_id();
    server.kill();
    fs::remove_dir_all(server.workflows().join("gone")).unwrap();
    server.restart();
    assert_eq!(server.hook("gone").status, 404);
    let run = server.ended_run(&id);
    assert_eq!(
        (&run["status"], &run["steps"][0]["output"]),
        (&json!("succeeded"), &json!("still here")),
        "{run}"
    );
}

#[test]
fn a_caller_that_waits_too_long_gets_408_and_the_run_goes_on() {
    let server = TestServer::start([slow("slow", "late").trigger(json!({ "sync_wait": "50ms" }))]);
    let response = server.hook("slow");
    assert_eq!((response.status, response.problem().as_str()), (408, "sync_timeout"));
    let run = server.ended_run(&response.run_id());
    assert_eq!((&run["status"], &run["steps"][0]["output"]), (&json!("succeeded"), &json!("late")));
    assert_eq!(run["answer"]["body"], "\"late\"", "the answer is kept for whoever asks");
}

#[test]
fn two_copies_at_the_same_moment_are_one_run() {
    let server = TestServer::start([slow("slow", "once").deduped()]);
    let address = server.address();
    let responses: Vec<Response> = thread::scope(|scope| {
        let callers: Vec<_> =
            (0..2).map(|_| scope.spawn(move || delivery("slow", "same").send(address).unwrap())).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    let first = responses
        .iter()
        .find(|response| response.header("idempotency-replayed").is_none() && response.status == 200);
    let first = first.unwrap_or_else(|| panic!("one is executed: {responses:?}"));
    for response in &responses {
        assert_eq!(response.run_id(), first.run_id());
        match response.status {
            200 => assert_eq!(response.body, first.body),
            409 => assert_eq!(response.problem(), "delivery_in_progress"),
            other => panic!("{other}: {}", response.text()),
        }
    }
    assert_eq!(server.runs("slow").len(), 1);
    assert_eq!(server.send(&delivery("slow", "same")).header("idempotency-replayed"), Some("true"));
}

#[test]
fn a_copy_that_comes_while_the_first_is_worked_on_gets_409_with_its_id() {
    let server = TestServer::start([slow("slow", "once").deduped().trigger(json!({ "sync_wait": "50ms" }))]);
    let first = server.send(&delivery("slow", "same"));
    assert_eq!(first.status, 408);
    let copy = server.send(&delivery("slow", "same"));
    // On a fast machine the run may just have ended.
    if copy.status == 409 {
        assert_eq!(
            (copy.problem().as_str(), copy.header("retry-after")),
            ("delivery_in_progress", Some("1"))
        );
    }
    assert!([200, 409].contains(&copy.status), "{}", copy.text());
    assert_eq!(copy.run_id(), first.run_id());
    server.ended_run(&first.run_id());
    assert_eq!(server.send(&delivery("slow", "same")).text(), "\"once\"");
}

#[test]
fn two_hundred_copies_at_once_are_one_run() {
    let server = TestServer::start([Workflow::script("quick", "return 1").asynchronous().deduped()]);
    let address = server.address();
    let ids: Vec<String> = thread::scope(|scope| {
        let callers: Vec<_> = (0..200)
            .map(|_| {
                scope.spawn(move || {
                    let response = delivery("quick", "same").send(address).unwrap();
                    assert_eq!(response.status, 202, "{}", response.text());
                    response.run_id()
                })
            })
            .collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).collect()
    });
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
    assert_eq!(server.runs("quick").len(), 1);
    assert_eq!(server.ended_run(&ids[0])["status"], "succeeded");
}

#[test]
fn deliveries_without_an_id_are_all_different() {
    let server = TestServer::start([Workflow::script("quick", "return 1").deduped()]);
    for _ in 0..3 {
        assert_eq!(server.post("quick", &json!({})).header("idempotency-replayed"), None);
    }
    assert_eq!(server.runs("quick").len(), 3);
}

#[test]
fn a_failed_run_gives_its_id_back_so_that_a_retry_runs() {
    let source = "if (context.query.fail === '1') throw new Error('not this time'); return 'well'";
    let server = TestServer::start([Workflow::script("flaky", source).deduped()]);
    let failing = Request::post("/api/webhooks/flaky?fail=1").header("x-delivery", "same");
    let (first, second) = (server.send(&failing), server.send(&failing));
    assert_eq!((first.status, second.status), (500, 500));
    assert_ne!(first.run_id(), second.run_id());
    let third = server.send(&delivery("flaky", "same"));
    assert_eq!((third.status, third.header("idempotency-replayed")), (200, None));
    let fourth = server.send(&delivery("flaky", "same"));
    assert_eq!((fourth.status, fourth.header("idempotency-replayed")), (200, Some("true")));
    assert_eq!(server.runs("flaky").len(), 3);
}

#[test]
fn an_id_is_free_again_after_its_time() {
    let dedupe = json!({ "dedupe": { "key": "{{$context.headers.x-delivery}}", "ttl": "1s" } });
    let server = TestServer::start([Workflow::script("short", "return 1").trigger(dedupe)]);
    let first = server.send(&delivery("short", "same")).run_id();
    wait_until("the id is free again", 30, || server.send(&delivery("short", "same")).run_id() != first);
}

#[test]
fn sigterm_lets_accepted_requests_end_with_their_answers() {
    let mut server = TestServer::start([slow("slow", "finished")]);
    let address = server.address();
    let callers: Vec<_> =
        (0..3).map(|_| thread::spawn(move || Request::get("/api/webhooks/slow").send(address))).collect();
    wait_until("all are accepted", 20, || server.runs("slow").len() == 3);
    server.terminate();
    for caller in callers {
        let response = caller.join().unwrap().expect("an answer, not a closed connection");
        assert_eq!((response.status, response.text().as_str()), (200, "\"finished\""));
    }
    assert!(server.wait().success());
    server.restart();
    assert!(server.runs("slow").iter().all(|run| run["status"] == "succeeded"));
}

#[test]
fn a_stopped_server_leaves_what_waits_for_the_next_start() {
    let mut server = Setup::default()
        .workflows([slow("slow", "done").asynchronous()])
        .variable("FLOWCELL_ENGINE_MAX_RUNNING", "1")
        .start();
    let ids: Vec<_> = (0..6).map(|_| server.post("slow", &json!({})).run_id()).collect();
    assert!(server.stop().success());
    server.restart();
    for id in ids {
        assert_eq!(server.ended_run(&id)["status"], "succeeded");
    }
}

#[test]
fn a_restart_is_quick() {
    let mut server = TestServer::examples();
    for _ in 0..50 {
        assert_eq!(server.hook("hello").status, 200);
    }
    assert!(server.stop().success());
    let clean = server.restart();
    server.kill();
    let after_kill = server.restart();
    println!("ready after {clean:?}, after kill -9 {after_kill:?}");
    for ready in [clean, after_kill] {
        assert!(ready < Duration::from_secs(3), "{ready:?} until it listens");
    }
    assert_eq!(server.runs("hello").len(), 50);
}

/// A start that must fail: exit code 2 and one line that says what to do.
#[track_caller]
fn refuses(finished: &Finished, words: &[&str]) {
    assert_eq!(finished.code, 2, "{finished:?}");
    let lines: Vec<_> = finished.stderr.lines().filter(|line| line.starts_with("flowcell: ")).collect();
    assert_eq!(lines.len(), 1, "one line: {}", finished.stderr);
    assert_eq!(finished.stderr.lines().last(), Some(lines[0]), "and nothing behind it");
    for word in words {
        assert!(lines[0].contains(word), "`{word}` is missing in: {}", lines[0]);
    }
    assert!(finished.stdout.is_empty(), "{}", finished.stdout);
}

fn serve(listen: &str, data: &Path, workflows: &Path) -> Finished {
    let text = |path: &Path| path.display().to_string();
    flowcell(["serve", "--listen", listen, "--data", &text(data), "--workflows", &text(workflows)])
}

#[test]
fn a_second_server_on_the_same_data_is_refused() {
    let server = TestServer::start([Workflow::script("one", "return 1")]);
    refuses(&serve("127.0.0.1:0", &server.data(), &server.workflows()), &["another flowcell", "--data"]);
    assert_eq!(server.hook("one").status, 200, "the first one does not mind");
}

#[test]
fn a_port_that_is_taken_is_refused_before_anything_else() {
    let server = TestServer::start([Workflow::script("one", "return 1")]);
    let folder = tempfile::tempdir().unwrap();
    let listen = server.address().to_string();
    refuses(&serve(&listen, &folder.path().join("data"), &server.workflows()), &[&listen, "--listen"]);
    assert!(!folder.path().join("data").exists(), "nothing was made");
}

#[test]
fn data_of_a_newer_version_and_damaged_data_are_refused_and_left_alone() {
    let mut server = TestServer::start([Workflow::script("one", "return 1")]);
    assert_eq!(server.hook("one").status, 200);
    assert!(server.stop().success());
    let format = server.data().join("store/FORMAT");
    let before = fs::read_to_string(&format).unwrap();
    for (text, words) in [
        ("flowcell-store 99\n", ["format 99", "newer"]),
        ("nonsense", ["FORMAT", "damaged"]),
        ("", ["FORMAT", "damaged"]),
    ] {
        fs::write(&format, text).unwrap();
        refuses(&serve("127.0.0.1:0", &server.data(), &server.workflows()), &words);
        assert_eq!(fs::read_to_string(&format).unwrap(), text);
    }
    fs::write(&format, before).unwrap();
    server.restart();
    assert_eq!(server.runs("one").len(), 1, "what was there is there");
}

#[test]
fn folders_that_cannot_be_used_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let workflows = folder.path().join("workflows");
    fs::create_dir(&workflows).unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    refuses(&serve("127.0.0.1:0", &file.join("data"), &workflows), &["file"]);
    refuses(
        &serve("127.0.0.1:0", &folder.path().join("data"), &folder.path().join("nowhere")),
        &["nowhere", "--workflows"],
    );
    refuses(&serve("here", &folder.path().join("data"), &workflows), &["server.listen", "here"]);
}

#[test]
fn a_data_folder_that_cannot_be_written_is_refused() {
    // Root may write everywhere but on the kernel's own file systems.
    let data = Path::new("/proc/flowcell-data");
    let folder = tempfile::tempdir().unwrap();
    refuses(&serve("127.0.0.1:0", data, folder.path()), &["/proc/flowcell-data"]);
}

#[test]
fn a_full_queue_refuses_with_429_or_503_and_keeps_what_it_has() {
    let server = Setup::default()
        .workflows(["slow", "b", "c", "d"].map(|key| slow(key, "done").asynchronous()))
        .variable("FLOWCELL_ENGINE_MAX_RUNNING", "1")
        .variable("FLOWCELL_ENGINE_MAX_PENDING", "6")
        .start();
    let responses: Vec<_> = (0..8).map(|n| server.post("slow", &json!({ "n": n }))).collect();
    let (accepted, refused): (Vec<_>, Vec<_>) = responses.iter().partition(|response| response.status == 202);
    assert!(
        accepted.len() >= 3 && !refused.is_empty(),
        "{} accepted, {} refused",
        accepted.len(),
        refused.len()
    );
    for response in refused {
        assert_eq!(
            (response.status, response.problem().as_str()),
            (429, "workflow_queue_full"),
            "its part is taken"
        );
        assert_eq!(response.header("retry-after"), Some("1"));
    }
    let others: Vec<_> =
        ["b", "c", "d"].into_iter().cycle().take(12).map(|key| server.post(key, &json!({}))).collect();
    assert_eq!(others[0].status, 202, "another workflow has room");
    let full =
        others.iter().find(|response| response.status == 503).expect("6 places are fewer than 15 events");
    assert_eq!((full.problem().as_str(), full.header("retry-after")), ("queue_full", Some("1")));
    for response in &accepted {
        assert_eq!(server.ended_run(&response.run_id())["status"], "succeeded");
    }
    assert_eq!(server.runs("slow").len(), accepted.len());
    assert_eq!(server.post("slow", &json!({})).status, 202, "there is room again");
}

/// Whether system calls can be traced here; some containers do not allow it.
fn can_trace() -> bool {
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    traced.is_ok_and(|output| output.status.success())
}

#[test]
fn the_202_is_written_only_after_fdatasync() {
    if !can_trace() {
        eprintln!("skipped: there is no strace, or it may not trace");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace");
    let calls = "trace=fdatasync,fsync,read,recvfrom,recvmsg,write,writev,sendto,sendmsg";
    let strace = ["strace", "-f", "-ttt", "-s", "64", "-e", calls, "-o"].map(str::to_owned);
    let mut server = Setup::default()
        .workflows([Workflow::script("stored", "return 1").asynchronous()])
        .below(strace.into_iter().chain([trace.display().to_string()]))
        .start();
    assert_eq!(server.post("stored", &json!({ "a": 1 })).status, 202);
    server.terminate();
    server.wait();
    let trace = fs::read_to_string(&trace).unwrap();
    let lines: Vec<_> = trace.lines().collect();
    let find = |from: usize, what: &str, is: &dyn Fn(&str) -> bool| {
        let found = lines[from..].iter().position(|line| is(line));
        from + found.unwrap_or_else(|| panic!("no {what} after line {from} of the trace"))
    };
    let read = find(0, "read of the request", &|line| line.contains("POST /api/webhooks/"));
    let asked = find(read, "fdatasync", &|line| line.contains("fdatasync("));
    let synced = find(asked, "end of fdatasync", &|line| line.contains("fdatasync") && line.contains("= 0"));
    let answered = find(read, "answer", &|line| line.contains("HTTP/1.1 202"));
    assert!(synced < answered, "answered in line {answered} of the trace, durable in line {synced}");
}

#[test]
fn settings_that_make_no_sense_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("flowcell.toml");
    let serve = |text: &str, variables: &[(&str, &str)]| {
        fs::write(&config, text).unwrap();
        let config = config.display().to_string();
        flowcell_with(["serve", "--config", &config, "--listen", "127.0.0.1:0"], variables)
    };
    refuses(&serve("[server]\nlissen = \"127.0.0.1:1\"\n", &[]), &["flowcell.toml", "lissen", "listen"]);
    refuses(&serve("[servre]\nlisten = \"127.0.0.1:1\"\n", &[]), &["flowcell.toml", "servre"]);
    refuses(&serve("not toml at all", &[]), &["flowcell.toml"]);
    refuses(&serve("[sandbox]\nslots = 0\n", &[]), &["sandbox.slots", "at least 1"]);
    refuses(&serve("[log]\nlevel = \"=x=\"\n", &[]), &["log.level"]);
    refuses(&serve("", &[("FLOWCELL_SERVER_LISSEN", "127.0.0.1:1")]), &["FLOWCELL_SERVER_LISSEN"]);
    refuses(&serve("", &[("FLOWCELL_X_Y", "1")]), &["FLOWCELL_X_Y"]);
    refuses(&serve("", &[("FLOWCELL_ENGINE_MAX_PENDING", "many")]), &["FLOWCELL_ENGINE_MAX_PENDING", "many"]);
    let missing = flowcell(["serve", "--config", "/nowhere/flowcell.toml"]);
    refuses(&missing, &["/nowhere/flowcell.toml"]);
}

#[test]
fn the_token_is_made_once_and_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let mut server = TestServer::start([Workflow::script("one", "return 1")]);
    let token = server.token();
    let mode = |name: &str| fs::metadata(server.data().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("api-token"), mode("store")), (0o600, 0o700));
    assert!(server.stop().success());
    server.restart();
    assert_eq!(server.token(), token);
    assert_eq!(server.api("/api/v1/workflows")["workflows"][0]["key"], Value::from("one"));
}
