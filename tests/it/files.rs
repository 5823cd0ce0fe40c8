//! What stands in folders that others may write to: links, devices and pipes are named and read nothing; the rest is served.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::json;

use crate::support::{Setup, TestServer, Workflow, flowcell, wait_until};

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

/// A workflow whose code file is replaced by something else, in the folder of a running server.
fn planted(server: &TestServer, key: &str, plant: impl FnOnce(&Path)) -> PathBuf {
    let path = server.workflows().join(key).join("t.js");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    plant(&path);
    Workflow::script(key, "return (await import('./t.js')).default").write(&server.workflows());
    path
}

#[test]
fn s6_links_devices_and_pipes_in_a_workflow_folder_are_named_and_never_read() {
    let mut server = TestServer::start([Workflow::script("healthy", "return 1")]);
    let token = server.data().join("api-token");
    let planted = [
        planted(&server, "relative", |path| symlink("../../data/api-token", path).unwrap()),
        planted(&server, "absolute", |path| symlink(&token, path).unwrap()),
        planted(&server, "device", |path| symlink("/dev/zero", path).unwrap()),
        planted(&server, "process", |path| symlink("/proc/self/environ", path).unwrap()),
        planted(&server, "pipe", pipe),
    ];
    // A whole folder, and workflow.json itself.
    let outside = server.data().with_file_name("outside");
    Workflow::script("whole", "return 1").write(&outside);
    symlink("../outside/whole", server.workflows().join("whole")).unwrap();
    fs::create_dir(server.workflows().join("json")).unwrap();
    pipe(&server.workflows().join("json/workflow.json"));
    let named = |server: &TestServer| {
        let places = planted.iter().cloned();
        for place in
            places.chain([server.workflows().join("whole"), server.workflows().join("json/workflow.json")])
        {
            server.wait_for_log(&place.display().to_string());
        }
        let token = fs::read_to_string(&token).unwrap();
        let log = server.stderr();
        assert!(!log.contains(token.trim()), "{log}");
        assert!(log.contains("leads out of") && log.contains("is a pipe"), "{log}");
        assert_eq!(server.hook("healthy").json(), 1);
        for key in ["relative", "absolute", "device", "process", "pipe", "whole", "json"] {
            assert_eq!(server.hook(key).status, 404, "{key}");
        }
    };
    named(&server);
    Workflow::script("later", "return 2").write(&server.workflows());
    wait_until("others are still picked up", 20, || server.hook("later").status == 200);
    let told = server.stderr().matches("pipe/t.js").count();
    assert_eq!(told, 1, "once, not at every look: {}", server.stderr());
    // A start waits for nobody at the other end of a pipe.
    assert!(server.stop().success());
    server.restart();
    named(&server);
}

#[test]
fn a_link_that_replaces_a_file_of_an_installed_workflow_leaves_the_version_that_was_there() {
    let server = TestServer::start([Workflow::script("hot", "return 'old'")]);
    let main = server.workflows().join("hot/main.js");
    let draft = server.workflows().join("hot/draft");
    symlink("../../data/api-token", &draft).unwrap();
    fs::rename(&draft, &main).unwrap();
    server.wait_for_log("hot/main.js leads out of");
    assert_eq!(server.hook("hot").json(), "old");
}

#[test]
fn s6_links_and_pipes_in_the_plugin_folder_are_named_and_the_server_starts() {
    let plugins = tempfile::tempdir().unwrap();
    let at = |name: &str| plugins.path().join(name);
    pipe(&at("a.wasm"));
    symlink("/dev/zero", at("b.wasm")).unwrap();
    fs::write(at("c.wasm"), wat::parse_str("(module)").unwrap()).unwrap();
    symlink("/etc/passwd", at("c.json")).unwrap();
    let server = Setup::default()
        .workflows([Workflow::script("healthy", "return 1")])
        .variable("FLOWCELL_SERVER_PLUGINS", plugins.path().to_str().unwrap())
        .start();
    assert_eq!(server.hook("healthy").json(), 1);
    for (name, what) in [("a.wasm", "is a pipe"), ("b.wasm", "leads out of"), ("c.json", "leads out of")] {
        server.wait_for_log(&format!("{} {what}", at(name).display()));
    }
    assert!(!server.stderr().contains("root:"), "{}", server.stderr());
}

#[test]
fn s6_commands_name_what_they_do_not_read() {
    let root = tempfile::tempdir().unwrap();
    let workflow = Workflow::script("own", "return 1");
    workflow.write(root.path());
    let folder = root.path().join("own");
    let fixtures = folder.join("fixtures");
    fs::create_dir(&fixtures).unwrap();
    fs::write(root.path().join("outside.json"), json!({ "event": { "data": "0utside" } }).to_string())
        .unwrap();
    let refused = |command: &str, code: i32, told: &str| {
        let finished = flowcell([command, folder.to_str().unwrap()]);
        assert_eq!(finished.code, code, "{finished:?}");
        let all = finished.stdout + &finished.stderr;
        assert!(all.contains(told) && !all.contains("0utside"), "{all}");
    };
    symlink("../../outside.json", fixtures.join("a.json")).unwrap();
    refused("test", 2, "own/fixtures/a.json leads out of");
    refused("types", 2, "own/fixtures/a.json leads out of");
    fs::remove_file(fixtures.join("a.json")).unwrap();
    pipe(&fixtures.join("a.json"));
    refused("test", 2, "own/fixtures/a.json is a pipe");
    fs::remove_file(fixtures.join("a.json")).unwrap();
    symlink("../outside.json", folder.join("t.js")).unwrap();
    refused("check", 1, "own/t.js leads out of");
    refused("test", 1, "no fixtures");
    // The folder that a person names may be a link itself.
    fs::remove_file(folder.join("t.js")).unwrap();
    fs::create_dir(root.path().join("links")).unwrap();
    symlink(&folder, root.path().join("links/own")).unwrap();
    let checked = flowcell(["check", root.path().join("links/own").to_str().unwrap()]);
    assert_eq!(checked.code, 0, "{checked:?}");
}

#[test]
fn s6_a_key_or_a_certificate_that_is_a_pipe_is_refused_at_the_start() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name).display().to_string();
    fs::create_dir(root.path().join("workflows")).unwrap();
    pipe(&root.path().join("pipe"));
    for variables in [
        vec![("FLOWCELL_SECRETS_KEY_FILE", path("pipe"))],
        vec![("FLOWCELL_TLS_CERT", path("pipe")), ("FLOWCELL_TLS_KEY", path("pipe"))],
    ] {
        let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let arguments =
            ["serve", "--listen", "127.0.0.1:0", "--data", &path("data"), "--workflows", &path("workflows")];
        let finished = crate::support::flowcell_with(arguments, &variables);
        assert!(finished.code == 2 && finished.stderr.contains("pipe is a pipe"), "{finished:?}");
    }
}
