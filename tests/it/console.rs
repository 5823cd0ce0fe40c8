//! The web console: a browser opens every page of it in both languages with its Content-Security-Policy on, and finds no fault.
//!
//! The browser is Debian's Chromium; what drives it comes from npm, once for one list of versions, and is kept below
//! `target/browser`. Without them there is a message in place of that test.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Request, Response, Setup, TestServer, Workflow, root, wait_until};

const PACKAGES: [&str; 2] = ["playwright-core@1.65.1", "axe-core@4.14.1"];
const CHROMIUM: &str = "/usr/bin/chromium";
/// What would become markup, or would run, if it were taken for more than text.
const CANARY: &str =
    "\"><img data-canary src=x onerror=globalThis.canary=1><script>globalThis.canary=1</script>";

/// The folder of the installed packages, or why there is none. It is installed once, and under its name only when it is whole.
fn packages() -> Result<PathBuf, String> {
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    if !Path::new(CHROMIUM).exists() {
        return Err(format!("there is no {CHROMIUM}"));
    }
    let digest = Sha256::digest(PACKAGES.join(" "));
    let whole = root().join("target/browser").join(format!("{}-whole", hex::encode(&digest[..8])));
    if whole.exists() {
        return Ok(whole);
    }
    let folder = whole.with_extension(std::process::id().to_string());
    fs::create_dir_all(&folder).unwrap();
    let installed = Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
        .arg(&folder)
        .args(PACKAGES)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("npm cannot be started: {error}"))?;
    if !installed.status.success() {
        return Err(format!("npm cannot install: {}", String::from_utf8_lossy(&installed.stderr)));
    }
    // Another process may have been quicker.
    if fs::rename(&folder, &whole).is_err() {
        fs::remove_dir_all(&folder).unwrap();
    }
    Ok(whole)
}

/// A server with a run of each kind, and with texts of strangers in every field that a stranger fills.
fn busy() -> TestServer {
    let broken = "console.log(context.data.note, '\\u202e');\nconst { customer } = context.data;\nreturn customer.address.city;\n";
    let failing = Workflow::steps("failing", json!([{ "id": "label", "type": "code", "file": "label.js" }]))
        .file("label.js", broken);
    let fine = Workflow::script("fine", "console.log(context.data); return { heard: context.data };");
    let asking = Workflow::steps(
        "asking",
        json!([{ "id": "approval", "type": "wait_for_callback", "timeout": "1d", "page": {
            "title": "{{$context.data.note}}", "text": "{{$context.data.note}}",
            "answers": [{ "value": "yes", "label": "Yes" }, { "value": "no", "label": "No" }], "comment": true } }]),
    )
    .asynchronous();
    let signed = Workflow::script("signed", "return 1")
        .trigger(json!({ "verify": { "scheme": "github", "secret": "It's a Secret to Everybody" } }));
    let server = Setup::default().workflows([failing, fine, asking, signed]).start();
    let body = json!({ "note": CANARY, "deep": { CANARY: [CANARY] } });
    for key in ["failing", "fine", "asking", "signed"] {
        let path = format!("/api/webhooks/{key}?note=%22%3E%3Cimg%20data-canary%3E");
        let mut request = Request::post(&path).header("x-note", CANARY).json(&body);
        if key == "signed" {
            request = request.header("x-hub-signature-256", "sha256=00");
        }
        server.send(&request);
    }
    server.send(
        &Request::post("/api/webhooks/%3Cimg%20data-canary%20src=x%20onerror=globalThis.canary=1%3E")
            .json(&body),
    );
    wait_until("the runs and the lines of the request log are there", 60, || {
        let count = |list: &str| server.api(&format!("/api/v1/{list}"))[list].as_array().map_or(0, Vec::len);
        count("runs") == 3 && count("requests") == 5
    });
    server
}

#[test]
fn every_page_opens_in_a_browser_without_a_fault() {
    let folder = match packages() {
        Ok(folder) => folder,
        Err(why) => {
            eprintln!("SKIPPED: the console is not opened in a browser, as {why}");
            return;
        }
    };
    let server = busy();
    let output = Command::new("node")
        .arg(root().join("tests/it/console/smoke.mjs"))
        .arg(folder)
        .arg(server.url())
        .arg(server.token())
        .env("CHROMIUM", CHROMIUM)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let told: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(told["wrong"], json!([]), "{told:#}");
    assert!(told["pages"].as_u64().unwrap() >= 40, "{told:#}");
}

fn page(server: &TestServer, path: &str) -> Response {
    server.send(&Request::get(path).header("accept", "text/html").header("accept-language", "zh-CN"))
}

#[test]
fn a_browser_gets_the_console_and_a_program_gets_words() {
    let server = TestServer::start([]);
    let words = server.send(&Request::get("/"));
    assert!(words.status == 200 && words.text().starts_with("Flowcell is running."), "{}", words.text());
    for (path, base) in [("/", "./"), ("/runs", "./"), ("/runs/run_1", "../"), ("/workflows/a", "../")] {
        let page = page(&server, path);
        assert_eq!((page.status, page.header("cache-control")), (200, Some("no-cache")), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self';",
            "frame-ancestors 'none'",
            "require-trusted-types-for",
        ] {
            assert!(policy.contains(part) && !policy.contains("unsafe"), "{path}: {policy}");
        }
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        let text = page.text();
        assert!(
            text.contains(&format!("<base href=\"{base}\" />")) && text.contains("lang=\"zh-Hans\""),
            "{text}"
        );
    }
    // What is no page of the console is what it was.
    assert_eq!(page(&server, "/api/v1/no-such").problem(), "not_found");
    assert_eq!(page(&server, "/no-such").problem(), "not_found");
    assert_eq!(server.send(&Request::post("/runs").body("")).status, 405);
}

#[test]
fn files_of_the_console_are_kept_for_good_and_packed_as_the_browser_takes_it() {
    let server = TestServer::start([]);
    let text = page(&server, "/").text();
    let (_, rest) = text.split_once("src=\"./assets/").unwrap();
    let path = format!("/assets/{}", &rest[..rest.find('"').unwrap()]);
    let asked = |codings: &str| server.send(&Request::get(&path).header("accept-encoding", codings));
    let (brotli, gzip, plain) = (asked("gzip, br"), asked("gzip"), asked("identity"));
    for response in [&brotli, &gzip, &plain] {
        assert_eq!(response.status, 200);
        assert!(response.header("cache-control").unwrap().contains("immutable"));
        assert_eq!(response.header("content-type"), Some("text/javascript; charset=utf-8"));
        assert_eq!(response.header("vary"), Some("accept-encoding"));
    }
    let codings = [&brotli, &gzip, &plain].map(|response| response.header("content-encoding"));
    assert_eq!(codings, [Some("br"), Some("gzip"), None]);
    assert!(brotli.body.len() < gzip.body.len() && gzip.body.len() < plain.body.len());
    assert_eq!(server.send(&Request::get("/assets/none.js")).problem(), "not_found");
}
