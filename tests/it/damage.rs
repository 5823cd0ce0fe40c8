//! A damaged data folder is refused, or nothing that was stored is missing: never a silent start with less.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::json;

use crate::support::{Request, TestServer, Workflow};

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    Removed,
    Emptied,
    Halved,
    LastByteCut,
    ByteFlippedAtStart,
    ByteFlippedInTheMiddle,
}

const ALL: [Damage; 6] = [
    Damage::Removed,
    Damage::Emptied,
    Damage::Halved,
    Damage::LastByteCut,
    Damage::ByteFlippedAtStart,
    Damage::ByteFlippedInTheMiddle,
];

fn inflict(damage: Damage, path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    match damage {
        Damage::Removed => return fs::remove_file(path).unwrap(),
        Damage::Emptied => bytes.clear(),
        Damage::Halved => bytes.truncate(middle),
        Damage::LastByteCut => drop(bytes.pop()),
        Damage::ByteFlippedAtStart => bytes[0] ^= 0x55,
        Damage::ByteFlippedInTheMiddle => bytes[middle] ^= 0x55,
    }
    fs::write(path, bytes).unwrap();
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

fn restore(files: &[(PathBuf, Vec<u8>)], store: &Path) {
    // The folder itself stays, with its mode.
    files_below(store).into_iter().for_each(|path| fs::remove_file(path).unwrap());
    for (path, bytes) in files {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

#[test]
fn a_damaged_store_is_refused_or_complete() {
    let mut server = TestServer::start([Workflow::script("keep", "return context.data.text.length")]);
    // Some values are large enough for files of their own.
    let sizes = [1, 10, 100, 40_000, 60_000, 1_000];
    let ids: Vec<_> = sizes
        .iter()
        .map(|&size| {
            let text = format!("{size} ").repeat(size / 2 + 1);
            let response = server.send(&Request::post("/api/webhooks/keep").json(&json!({ "text": text })));
            assert_eq!(response.json(), text.len());
            (response.run_id(), text)
        })
        .collect();
    assert!(server.stop().success());
    let store = server.data().join("store");
    let files: Vec<_> =
        files_below(&store).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    assert!(files.len() >= 4, "{files:?}");

    let mut wrong = Vec::new();
    let (mut refused, mut complete) = (0, 0);
    for (path, bytes) in &files {
        for damage in ALL.into_iter().filter(|damage| !bytes.is_empty() || matches!(damage, Damage::Removed))
        {
            restore(&files, &store);
            inflict(damage, path);
            let what = format!("{damage:?} {}", path.strip_prefix(&store).unwrap().display());
            match server.try_restart() {
                Err(finished) if finished.code == 2 && finished.stderr.contains("flowcell: ") => refused += 1,
                Err(finished) => wrong.push(format!("{what}: {finished:?}")),
                Ok(()) => {
                    match missing(&server, &ids) {
                        None => complete += 1,
                        Some(missing) => wrong.push(format!("{what}: started, but {missing}")),
                    }
                    server.kill();
                }
            }
        }
    }
    println!("{refused} refused, {complete} complete of {} files", files.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    restore(&files, &store);
    server.restart();
    assert_eq!(missing(&server, &ids), None);
}

/// What the server lacks or shows wrong without saying so.
fn missing(server: &TestServer, ids: &[(String, String)]) -> Option<String> {
    let token = format!("Bearer {}", server.token());
    let get = |path: &str| server.send(&Request::get(path).header("authorization", &token));
    let list = get("/api/v1/runs?limit=100");
    if list.status == 200 && list.json()["runs"].as_array().unwrap().len() != ids.len() {
        return Some(format!("the list is {}", list.text()));
    }
    ids.iter().find_map(|(id, text)| {
        let run = get(&format!("/api/v1/runs/{id}"));
        match run.status {
            200 if run.json()["context"]["data"]["text"] == *text => None,
            200 => Some(format!("{id} is another run")),
            // Told as an error: the damage is not hidden.
            500 => None,
            status => Some(format!("{id} answers {status}")),
        }
    })
}
