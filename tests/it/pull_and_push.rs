//! `flowcell pull`, `push` and `diff`: workflows as files against a server, without overwriting anybody.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Finished, TestServer, Workflow, flowcell};

fn make(server: &TestServer, workflow: &Workflow) {
    let files: serde_json::Map<_, _> =
        workflow.files.iter().map(|(name, text)| (name.clone(), json!(text))).collect();
    let text = serde_json::to_string_pretty(&workflow.json).unwrap();
    let made = server.ask("POST", "/api/v1/workflows", &json!({ "workflow": text, "files": files }));
    assert_eq!(made.status, 201, "{}", made.text());
}

fn say(server: &TestServer, folder: &Path, words: &[&str]) -> Finished {
    let (verb, rest) = words.split_first().unwrap();
    let words = [*verb, folder.to_str().unwrap()].into_iter().chain(rest.iter().copied());
    flowcell(words.map(str::to_owned).chain(server.place()))
}

#[track_caller]
fn done(finished: &Finished, part: &str) {
    assert_eq!(finished.code, 0, "{} {}", finished.stdout, finished.stderr);
    assert!(finished.stdout.contains(part), "{}", finished.stdout);
}

#[track_caller]
fn refused(finished: &Finished, part: &str) {
    assert_eq!(finished.code, 1, "{} {}", finished.stdout, finished.stderr);
    assert!(finished.stdout.contains(part), "{}", finished.stdout);
}

#[test]
fn what_was_pulled_is_edited_and_pushed_as_a_revision() {
    let server = TestServer::start([Workflow::script("of-folder", "return 1")]);
    make(&server, &Workflow::script("made", "return 1\n"));
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("flows");
    done(&say(&server, &folder, &["pull"]), "made: pulled revision 1");
    assert_eq!(fs::read_to_string(folder.join("made/main.js")).unwrap(), "return 1\n");
    assert!(!folder.join("of-folder").exists(), "those of folders have their files already");
    done(&say(&server, &folder, &["pull"]), "the same as revision 1");
    done(&say(&server, &folder, &["diff"]), "");
    fs::write(folder.join("made/main.js"), "return 2\n").unwrap();
    let differs = say(&server, &folder, &["diff"]);
    refused(&differs, "made: changed here");
    assert!(
        differs.stdout.contains("-return 1") && differs.stdout.contains("+return 2"),
        "{}",
        differs.stdout
    );
    done(&say(&server, &folder, &["push", "--note", "two"]), "made: pushed as revision 2");
    assert_eq!(server.hook("made").json(), 2);
    let newest = &server.api("/api/v1/workflows/made/revisions")["revisions"][0];
    assert_eq!((&newest["source"], &newest["note"]), (&json!("cli"), &json!("two")));
    // A new folder makes a new workflow.
    Workflow::script("fresh", "return 'new'").write(&folder);
    done(&say(&server, &folder, &["push"]), "fresh: pushed as revision 1");
    assert_eq!(server.hook("fresh").json(), "new");
    // So does one whose files live in a folder of the server: its files are written there.
    done(&say(&server, &folder, &["pull", "of-folder"]), "of-folder: pulled revision 1");
    fs::write(folder.join("of-folder/main.js"), "return 'pushed'").unwrap();
    done(&say(&server, &folder, &["push", "of-folder"]), "of-folder: pushed as revision 2");
    assert_eq!(fs::read_to_string(server.workflows().join("of-folder/main.js")).unwrap(), "return 'pushed'");
}

#[test]
fn a_conflict_names_three_versions_and_force_names_what_it_overwrites() {
    let server = TestServer::start([]);
    make(&server, &Workflow::script("made", "return 1\n"));
    let place = tempfile::tempdir().unwrap();
    let (mine, theirs) = (place.path().join("mine"), place.path().join("theirs"));
    for folder in [&mine, &theirs] {
        done(&say(&server, folder, &["pull"]), "revision 1");
    }
    fs::write(theirs.join("made/main.js"), "return 'theirs'\n").unwrap();
    done(&say(&server, &theirs, &["push"]), "revision 2");
    fs::write(mine.join("made/main.js"), "return 'mine'\n").unwrap();
    refused(&say(&server, &mine, &["diff"]), "made: changed on both sides");
    let conflict = say(&server, &mine, &["push", "--json"]);
    assert_eq!(conflict.code, 1);
    let told: Value = serde_json::from_str(&conflict.stdout).unwrap();
    let report = &told["workflows"][0];
    assert_eq!(report["outcome"], "conflict", "{told}");
    let hashes = ["base", "here", "there"].map(|name| report[name].as_str().unwrap().to_owned());
    assert!(hashes[0] != hashes[1] && hashes[1] != hashes[2] && hashes[0] != hashes[2], "{told}");
    let shown = say(&server, &mine, &["push"]);
    refused(&shown, "CONFLICT");
    assert!(hashes.iter().all(|hash| shown.stdout.contains(hash.as_str())), "{}", shown.stdout);
    refused(&say(&server, &mine, &["pull"]), "CONFLICT");
    assert_eq!(fs::read_to_string(mine.join("made/main.js")).unwrap(), "return 'mine'\n");
    // The revision that is overwritten is named, and must be the newest.
    refused(&say(&server, &mine, &["push", "made", "--force", "1"]), "CONFLICT");
    assert_eq!(server.hook("made").json(), "theirs");
    done(&say(&server, &mine, &["push", "made", "--force", "2"]), "pushed as revision 3");
    assert_eq!(server.hook("made").json(), "mine");
    let old = server.api("/api/v1/workflows/made/revisions/2");
    assert_eq!(old["files"]["main.js"], "return 'theirs'\n", "what was overwritten is still there");
}

#[test]
fn a_push_that_is_wrong_is_refused_with_the_place() {
    let server = TestServer::start([]);
    let place = tempfile::tempdir().unwrap();
    Workflow::script("bad", "return (;").write(place.path());
    Workflow::script("good", "return 1").write(place.path());
    let pushed = say(&server, place.path(), &["push"]);
    refused(&pushed, "main.js:1:9");
    assert!(pushed.stdout.contains("good: pushed as revision 1"), "{}", pushed.stdout);
    assert_eq!(server.hook("good").json(), 1);
}

#[test]
fn commands_show_revisions_roll_back_and_switch() {
    let server = TestServer::start([Workflow::script("hot", "return 1")]);
    let word = |words: &[&str]| {
        let finished = server.command(words);
        assert_eq!(finished.code, 0, "{} {}", finished.stdout, finished.stderr);
        finished.stdout
    };
    let listed = word(&["workflows", "revisions", "hot"]);
    assert!(listed.contains("REVISION") && listed.contains("folder"), "{listed}");
    let list = word(&["workflows", "list"]);
    assert!(list.contains("HOME") && list.contains("folder") && list.contains("on"), "{list}");
    word(&["workflows", "off", "hot"]);
    assert_eq!(server.hook("hot").status, 404);
    assert!(word(&["workflows", "list"]).contains("off here"));
    word(&["workflows", "on", "hot"]);
    assert_eq!(server.hook("hot").json(), 1);
    let base = server.api("/api/v1/workflows/hot")["version"].clone();
    let place = tempfile::tempdir().unwrap();
    done(&say(&server, place.path(), &["pull", "hot"]), "revision 1");
    fs::write(place.path().join("hot/main.js"), "return 2").unwrap();
    done(&say(&server, place.path(), &["push"]), "revision 2");
    let back = word(&["workflows", "rollback", "hot", "1"]);
    assert_eq!(back.trim(), "hot: revision 3 is revision 1 again");
    assert_eq!(server.api("/api/v1/workflows/hot")["version"], base);
    assert!(server.command(&["workflows", "rollback", "hot", "9"]).stderr.contains("no revision 9"));
}

#[test]
fn a_server_without_the_default_folder_starts_and_one_that_is_named_must_be_there() {
    use std::process::Stdio;

    use crate::support::flowcell_command;
    let place = tempfile::tempdir().unwrap();
    let mut named = flowcell_command();
    named.current_dir(place.path()).args(["serve", "--listen", "127.0.0.1:0", "--workflows", "absent"]);
    let named = named.stdin(Stdio::null()).output().unwrap();
    assert_eq!(named.status.code(), Some(2));
    let told = String::from_utf8_lossy(&named.stderr).into_owned();
    assert!(told.contains("absent") && told.contains("--workflows"), "{told}");
    let mut plain = flowcell_command();
    plain.current_dir(place.path()).args(["serve", "--listen", "127.0.0.1:0"]);
    let mut child = plain.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line)
        .unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("flowcell listens on"), "{line}");
    assert!(!place.path().join("workflows").exists());
}
