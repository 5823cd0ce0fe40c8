//! A disk that fills up: a clear 503, nothing accepted is lost, and it goes on once there is room.
//!
//! The data folder is a small tmpfs, which needs root.

use std::{
    collections::HashMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::json;

use crate::support::{Request, Response, TestServer, Workflow, wait_until};

/// A small file system in a folder, detached when dropped.
struct Small(PathBuf);

impl Small {
    fn mount(folder: &Path) -> Option<Self> {
        let mut command = Command::new("mount");
        command.args(["-t", "tmpfs", "-o", "size=64m,mode=0700", "flowcell-test"]).arg(folder);
        command.output().is_ok_and(|output| output.status.success()).then(|| Self(folder.to_owned()))
    }

    fn ballast(&self) -> PathBuf {
        self.0.join("ballast")
    }

    /// Takes all room that is left, as another program on the same disk would.
    fn fill(&self) {
        let mut file = fs::OpenOptions::new().append(true).create(true).open(self.ballast()).unwrap();
        let mut piece = vec![1; 1 << 20];
        while !piece.is_empty() {
            if file.write_all(&piece).is_err() {
                piece.truncate(piece.len() / 2);
            }
        }
    }

    fn free(&self) {
        fs::remove_file(self.ballast()).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily, because the server may still run.
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

/// A server whose data folder is small; the file system goes first.
fn small_server() -> Option<(Small, TestServer)> {
    let workflow = Workflow::script("keep", "return context.data.id").asynchronous().deduped();
    let mut server = TestServer::start([workflow]);
    server.stop();
    fs::remove_dir_all(server.data()).unwrap();
    fs::create_dir(server.data()).unwrap();
    let Some(small) = Small::mount(&server.data()) else {
        println!("skipped: a tmpfs cannot be mounted here");
        return None;
    };
    server.restart();
    Some((small, server))
}

fn delivery(id: &str, bytes: usize) -> Request {
    let body = json!({ "id": id, "padding": "x".repeat(bytes) });
    Request::post("/api/webhooks/keep").header("x-delivery", id).json(&body)
}

fn assert_refused(response: &Response) {
    assert_eq!((response.status, response.problem().as_str()), (503, "store_full"));
    let after: u32 = response.header("retry-after").expect("it says when").parse().unwrap();
    assert!((1..=60).contains(&after));
}

fn assert_all_there(server: &TestServer, accepted: &HashMap<String, String>) {
    for (id, run) in accepted {
        let shown = server.ended_run(run);
        assert_eq!(
            (&shown["status"], &shown["steps"][0]["output"]),
            (&json!("succeeded"), &json!(id)),
            "{id}"
        );
    }
    let stored = server.runs("keep").len();
    assert_eq!(stored, accepted.len(), "nothing that was refused is there");
}

#[test]
fn a_full_store_answers_503_and_accepts_again_without_a_restart() {
    let Some((small, mut server)) = small_server() else { return };
    fs::write(small.ballast(), vec![1; 12 << 20]).unwrap();
    let mut accepted = HashMap::new();
    let refused = loop {
        let id = accepted.len().to_string();
        let response = server.send(&delivery(&id, 200_000));
        match response.status {
            202 => assert!(accepted.insert(id, response.run_id()).is_none()),
            _ => break response,
        }
        assert!(accepted.len() < 400, "64 MiB are never full");
    };
    assert_refused(&refused);
    let ready = server.send(&Request::get("/readyz"));
    assert_eq!((ready.status, &ready.json()["code"]), (503, &json!("store_full")), "{}", ready.text());
    assert!(ready.json()["why"].as_str().unwrap().contains("free some space"), "{}", ready.text());
    assert!(accepted.len() > 20, "only {} fit", accepted.len());
    for _ in 0..20 {
        assert_refused(&server.send(&delivery("later", 200_000)));
    }
    assert_all_there(&server, &accepted);
    small.free();
    assert_eq!(server.send(&Request::get("/readyz")).status, 200);
    let later = server.send(&delivery("later", 200_000));
    assert_eq!(later.status, 202, "{}", later.text());
    accepted.insert("later".to_owned(), later.run_id());
    assert_all_there(&server, &accepted);
    server.kill();
    server.restart();
    assert_all_there(&server, &accepted);
    println!("{} were accepted", accepted.len());
}

#[test]
fn a_disk_that_another_program_fills_loses_nothing() {
    let Some((small, mut server)) = small_server() else { return };
    let accepted = Mutex::new(HashMap::new());
    let stop = AtomicBool::new(false);
    let refusals = Mutex::new(0);
    thread::scope(|scope| {
        for sender in 0..4 {
            let (server, accepted, stop, refusals) = (&server, &accepted, &stop, &refusals);
            scope.spawn(move || {
                for number in 0.. {
                    let id = format!("{sender}-{number}");
                    // Without an answer the server has gone down, which it may when a write fails half way.
                    let Ok(response) = delivery(&id, 3_000).send(server.address()) else { return };
                    match response.status {
                        202 => drop(accepted.lock().unwrap().insert(id, response.run_id())),
                        503 => *refusals.lock().unwrap() += 1,
                        other => panic!("{other}: {}", response.text()),
                    }
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                }
            });
        }
        wait_until("some are accepted", 60, || accepted.lock().unwrap().len() > 50);
        small.fill();
        wait_until("some are refused", 60, || *refusals.lock().unwrap() > 20);
        stop.store(true, Ordering::SeqCst);
    });
    small.free();
    let mut accepted = accepted.into_inner().unwrap();
    if !server.is_alive() {
        println!("it went down and is started again");
        server.wait();
        server.restart();
    }
    let later = server.send(&delivery("later", 3_000));
    assert_eq!(later.status, 202, "{}", later.text());
    accepted.insert("later".to_owned(), later.run_id());
    assert_all_there(&server, &accepted);
    server.kill();
    server.restart();
    assert_all_there(&server, &accepted);
    println!("{} were accepted", accepted.len());
}
