//! A backup made under load holds everything that was acknowledged before it, and a restore gives it back.

use std::{
    collections::HashMap,
    fs,
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Finished, Request, Setup, TestServer, Workflow, flowcell, wait_until};

fn delivery(id: &str) -> Request {
    // Every tenth is large enough for a file of its own.
    let padding = if id.ends_with('7') { 40_000 } else { 100 };
    let body = json!({ "id": id, "padding": "x".repeat(padding) });
    Request::post("/api/webhooks/count").header("x-delivery", id).json(&body)
}

fn counting() -> TestServer {
    let workflow = Workflow::script("count", "return context.data.id").asynchronous().deduped();
    Setup::default().workflows([workflow]).start()
}

fn backup(server: &TestServer, file: &Path) -> Finished {
    let data = server.data();
    let data = data.to_str().unwrap();
    flowcell(["backup", file.to_str().unwrap(), "--server", &server.url(), "--data", data])
}

/// With the key of the server that made the backup.
fn restore(server: &TestServer, file: &Path, data: &Path) -> Finished {
    restore_with(file, data, &["--key", server.data().join("secrets.key").to_str().unwrap()])
}

fn restore_with(file: &Path, data: &Path, more: &[&str]) -> Finished {
    let plain = ["restore", file.to_str().unwrap(), "--data", data.to_str().unwrap()];
    flowcell(plain.iter().chain(more))
}

/// Puts a backup in the place of a stopped server's data.
fn replace_data(server: &TestServer, file: &Path) {
    let old = server.data().with_extension("old");
    let _ = fs::remove_dir_all(&old);
    fs::rename(server.data(), &old).unwrap();
    let key = old.join("secrets.key");
    let restored = restore_with(file, &server.data(), &["--key", key.to_str().unwrap()]);
    assert_eq!(restored.code, 0, "{restored:?}");
    // The key of the secrets is not in the backup, and the operator is told.
    assert!(restored.stdout.contains("secrets.key"), "{restored:?}");
    fs::copy(key, server.data().join("secrets.key")).unwrap();
}

/// Each delivery is the run that its sender was told, finished, and is remembered.
fn assert_all_there(server: &TestServer, accepted: &HashMap<String, String>) {
    let ids: Vec<_> = server.runs("count").iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect();
    for (id, run) in accepted {
        assert!(ids.contains(run), "{id} is not in the list");
        let shown = server.ended_run(run);
        assert_eq!((&shown["status"], &shown["steps"][0]["output"]), (&json!("succeeded"), &json!(id)));
        let again = server.send(&delivery(id));
        assert_eq!((again.status, &again.run_id()), (202, run), "{id} is remembered");
    }
    assert_eq!(server.runs("count").len(), ids.len(), "and nothing ran twice");
}

#[test]
fn a_backup_under_load_holds_all_that_was_acknowledged_before_it() {
    let mut server = counting();
    let folder = tempfile::tempdir().unwrap();
    let accepted = Mutex::new(HashMap::new());
    let done = AtomicBool::new(false);
    let mut backups = Vec::new();
    thread::scope(|scope| {
        for sender in 0..4 {
            let (server, accepted, done) = (&server, &accepted, &done);
            scope.spawn(move || {
                let mut number = 0;
                while !done.load(Ordering::SeqCst) {
                    let id = format!("{sender}-{number}");
                    let response = server.send(&delivery(&id));
                    assert_eq!(response.status, 202, "{}", response.text());
                    accepted.lock().unwrap().insert(id, response.run_id());
                    number += 1;
                }
            });
        }
        for round in 0..3 {
            let enough = 60 * (round + 1);
            wait_until("deliveries are accepted", 60, || accepted.lock().unwrap().len() >= enough);
            let before = accepted.lock().unwrap().clone();
            let file = folder.path().join(format!("{round}.backup"));
            let made = backup(&server, &file);
            assert_eq!(made.code, 0, "{made:?}");
            assert!(made.stdout.contains("live records"), "{made:?}");
            backups.push((file, before));
        }
        done.store(true, Ordering::SeqCst);
    });
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "no draft is left");
    for (file, accepted) in backups {
        server.stop();
        replace_data(&server, &file);
        server.restart();
        println!("{} deliveries in {} bytes", accepted.len(), fs::metadata(&file).unwrap().len());
        assert_all_there(&server, &accepted);
    }
}

#[test]
fn a_backup_holds_the_history_too() {
    let mut server = counting();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.backup");
    let ids = (0..40).map(|n| n.to_string());
    let accepted: HashMap<_, _> = ids.map(|id| (id.clone(), server.send(&delivery(&id)).run_id())).collect();
    let history = server.data().join("store/history");
    wait_until("runs moved to the history", 90, || !backup(&server, &file).stdout.contains(" 0 in 0 parts"));
    assert!(fs::read_dir(&history).unwrap().count() > 0);
    assert_all_there(&server, &accepted);
    server.stop();
    replace_data(&server, &file);
    server.restart();
    assert!(fs::read_dir(&history).unwrap().count() > 0);
    assert_all_there(&server, &accepted);
}

#[test]
fn a_stopped_server_is_backed_up_from_its_folder() {
    let mut server = counting();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.backup");
    let accepted = HashMap::from([("one".to_owned(), server.send(&delivery("one")).run_id())]);
    server.ended_run(&accepted["one"]);
    server.stop();
    let data = server.data();
    let made = flowcell(["backup", file.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    assert_eq!(made.code, 0, "{made:?}");
    replace_data(&server, &file);
    server.restart();
    assert_all_there(&server, &accepted);
    // The folder alone finds no server on its default address, but says so.
    let data = server.data();
    let held = flowcell(["backup", file.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    assert!(held.code == 2 && held.stderr.contains("does not answer"), "{held:?}");
    assert!(file.exists(), "an older backup stays");
}

#[test]
fn what_cannot_be_backed_up_or_restored_is_one_clear_line() {
    let mut server = counting();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    server.send(&delivery("one"));
    assert_eq!(backup(&server, &path("good")).code, 0);
    let good = fs::read(path("good")).unwrap();
    fs::write(path("short"), &good[..good.len() / 2]).unwrap();
    fs::write(path("empty"), "").unwrap();
    fs::write(path("other"), "#!/bin/sh\necho this is no backup\n").unwrap();
    let new = path("new");
    let cases = [
        (restore(&server, &path("short"), &new), "is cut off"),
        (restore(&server, &path("empty"), &new), "no backup of Flowcell"),
        (restore(&server, &path("other"), &new), "no backup of Flowcell"),
        (restore(&server, &path("missing"), &new), "cannot open"),
        (restore(&server, &path("good"), &server.data()), "is there already"),
        (
            flowcell(["backup", path("x").to_str().unwrap(), "--data", new.to_str().unwrap()]),
            "holds no store",
        ),
        (backup(&server, Path::new("/nonexistent/x")), "cannot write /nonexistent/x.tmp"),
        (
            flowcell(["backup", path("x").to_str().unwrap(), "--server", &server.url(), "--token", "wrong"]),
            "answers 401",
        ),
    ];
    for (finished, part) in cases {
        assert_eq!(finished.code, 2, "{part}: {finished:?}");
        assert!(finished.stderr.contains(part), "{part}: {finished:?}");
        assert_eq!(finished.stderr.trim().lines().count(), 1, "{finished:?}");
    }
    assert!(!new.exists() || fs::read_dir(&new).unwrap().count() == 0);
    assert!(!path("x").exists() && !path("x.tmp").exists());
    server.stop();
}

#[test]
fn a_reader_that_stands_still_or_goes_away_holds_up_nobody() {
    let mut server = counting();
    // More than fits in the buffers between.
    for n in 0..60 {
        let body = json!({ "id": n, "padding": "x".repeat(300_000) });
        let request = Request::post("/api/webhooks/count").header("x-delivery", &n.to_string()).json(&body);
        assert_eq!(server.send(&request).status, 202);
    }
    let request =
        Request::get("/api/v1/backup").header("authorization", &format!("Bearer {}", server.token()));
    let stream = std::net::TcpStream::connect(server.address()).unwrap();
    std::io::Write::write_all(&mut &stream, &request.bytes()).unwrap();
    let snapshot = || {
        let entries = fs::read_dir(server.data().join("store")).unwrap();
        entries
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("snapshot"))
            .count()
    };
    wait_until("the backup begins", 20, || snapshot() == 1);
    assert_eq!(server.send(&delivery("meanwhile")).status, 202);
    drop(stream);
    wait_until("the backup is given up", 20, || snapshot() == 0);
    // A reader that stands still does not keep the server from stopping either.
    let stream = std::net::TcpStream::connect(server.address()).unwrap();
    std::io::Write::write_all(&mut &stream, &request.bytes()).unwrap();
    wait_until("the backup begins", 20, || snapshot() == 1);
    let begun = Instant::now();
    assert!(server.stop().success());
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    drop(stream);
}

#[test]
fn l11_a_backup_that_somebody_changed_or_made_is_refused_unless_it_is_taken_on_purpose() {
    let mut server = counting();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    server.ended_run(&server.send(&delivery("one")).run_id());
    assert_eq!(backup(&server, &path("good")).code, 0);
    let good = fs::read(path("good")).unwrap();
    // Without its last record, which is the seal; nobody needs a key to leave it away or to make all sums fit.
    let id_and_mac = 4 + 1 + 1 + 8 + 32 + 4;
    fs::write(path("cut"), &good[..good.len() - id_and_mac]).unwrap();
    let other = TestServer::start([]);
    let others = other.data().join("secrets.key");
    let refused = |name: &str, more: &[&str], told: &str| {
        let finished = restore_with(&path(name), &path("new"), more);
        assert!(finished.code == 2 && finished.stderr.contains(told), "{told}: {finished:?}");
        assert_eq!(finished.stderr.trim().lines().count(), 1, "{finished:?}");
        assert!(!path("new/store").exists());
    };
    let own = server.data().join("secrets.key").display().to_string();
    refused("cut", &["--key", &own], "has no seal");
    refused("good", &["--key", others.to_str().unwrap()], "was sealed with key");
    refused("good", &[], "put your copy of secrets.key into");
    // The data folder's own key counts without being named.
    fs::create_dir_all(path("new")).unwrap();
    fs::copy(&others, path("new/secrets.key")).unwrap();
    refused("good", &[], "--key");
    fs::copy(&own, path("new/secrets.key")).unwrap();
    let restored = restore_with(&path("good"), &path("new"), &[]);
    assert_eq!(restored.code, 0, "{restored:?}");
    for name in ["cut", "good"] {
        let restored = restore_with(&path(name), &path(&format!("of-{name}")), &["--unauthenticated"]);
        assert!(restored.code == 0 && restored.stderr.contains("nobody vouches"), "{restored:?}");
    }
    server.stop();
}

#[test]
fn a_folder_whose_key_is_lost_is_still_backed_up_and_that_is_told() {
    let mut server = counting();
    server.ended_run(&server.send(&delivery("one")).run_id());
    server.stop();
    let data = server.data();
    fs::remove_file(data.join("secrets.key")).unwrap();
    let file = data.with_extension("backup");
    let made = flowcell(["backup", file.to_str().unwrap(), "--data", data.to_str().unwrap()]);
    assert!(made.code == 0 && made.stderr.contains("not sealed"), "{made:?}");
}
