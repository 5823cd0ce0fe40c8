//! Packages of npm that people use: each is bundled, and does something real by `import` and by `require`. What comes out is what Node 20
//! printed for the same script (`packages/list.json`).
//!
//! A sample runs always, all of them with `cargo test --test it packages:: -- --ignored`.

use std::{fs, path::Path, process::Stdio, sync::Mutex};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    libraries::{bundled_at, folder},
    support::{Receiver, Setup, Workflow, flowcell_command},
};

/// What runs always: functions as exports, streams, old inheritance, node modules.
const SAMPLE: [&str; 12] = [
    "dayjs",
    "moment",
    "lodash",
    "bluebird",
    "oauth-1.0a",
    "xml2js",
    "crypto-js",
    "semver",
    "qs",
    "js-yaml",
    "iconv-lite",
    "ms",
];

/// One writes the folder of libraries at a time.
static BUNDLING: Mutex<()> = Mutex::new(());

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    /// The body of a function with the package as `lib`.
    script: String,
    value: Value,
}

fn packages() -> Vec<Package> {
    serde_json::from_str(include_str!("packages/list.json")).unwrap()
}

/// What the script gives by `import` and by `require`, or why it gives nothing.
fn outputs(libraries: &Path, package: &Package) -> Result<(Value, Value), String> {
    let place = tempfile::tempdir().unwrap();
    let workflow = place.path().join("script");
    let file = place.path().join(format!("libraries/{}.js", package.name));
    fs::create_dir(&workflow).unwrap();
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::copy(libraries.join(format!("{}.js", package.name)), file).unwrap();
    let limits = json!({ "fuel": 100_000_000_000_u64, "timeout": "60s", "memory": "256MiB" });
    let step = |id: &str| json!({ "id": id, "type": "code", "file": format!("{id}.js"), "limits": limits });
    let json = json!({ "key": "script", "trigger": { "type": "manual" }, "steps": [step("imported"), step("required")] });
    fs::write(workflow.join("workflow.json"), json.to_string()).unwrap();
    let Package { name, script, .. } = package;
    let imported = format!(
        "import * as all from '{name}';\nconst lib = all.default ?? all;\nexport default async () => {{\n{script}\n}};\n"
    );
    fs::write(workflow.join("imported.js"), imported).unwrap();
    fs::write(workflow.join("required.js"), format!("const lib = require('{name}');\n{script}")).unwrap();
    fs::write(place.path().join("event.json"), "{}").unwrap();
    let output = flowcell_command()
        .arg("run")
        .arg(&workflow)
        .arg("--event")
        .arg(place.path().join("event.json"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let run: Value = serde_json::from_slice(&output.stdout)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?;
    if run["status"] != "succeeded" {
        return Err(run["error"]["message"].to_string());
    }
    Ok((run["steps"][0]["output"].clone(), run["steps"][1]["output"].clone()))
}

#[track_caller]
fn all(packages: &[Package]) {
    let folder = folder();
    let mut wrong = Vec::new();
    for package in packages {
        let bundled = {
            let _one = BUNDLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            bundled_at(&folder, &package.name, &package.version)
        };
        let came = bundled.and_then(|()| outputs(&folder, package));
        if came != Ok((package.value.clone(), package.value.clone())) {
            wrong.push((&package.name, came));
        }
    }
    assert!(wrong.is_empty(), "{} of {}: {wrong:#?}", wrong.len(), packages.len());
}

#[test]
fn a_sample_of_packages_does_what_it_does_in_node() {
    let sample: Vec<_> =
        packages().into_iter().filter(|package| SAMPLE.contains(&package.name.as_str())).collect();
    assert_eq!(sample.len(), SAMPLE.len());
    all(&sample);
}

#[test]
#[ignore = "it bundles some sixty packages, which takes minutes"]
fn every_package_does_what_it_does_in_node() {
    all(&packages());
}

const AXIOS: &str = "1.21.1";
/// Sends JSON, a form and a query; `axios` and `context.data.url` are there.
const POSTS: &str = "const { url } = context.data;
const posted = await axios.post(url, { a: 1 }, { headers: { 'x-b': '2' } });
const form = new FormData();
form.append('name', '中文');
form.append('file', new Blob(['hello'], { type: 'text/plain' }), 'a.txt');
await axios.post(url, form);
await axios.create({ baseURL: url }).get('', { params: { q: 'x y' } });
let refused;
try { await axios.get(`${url}/teapot`, { validateStatus: (status) => status > 500 }) } catch (error) { refused = [error.name, error.response.status] }
return [posted.status, posted.data.n, refused];";

#[test]
fn axios_posts_json_and_forms_by_import_and_by_require() {
    {
        let _one = BUNDLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        bundled_at(&folder(), "axios", AXIOS).unwrap();
    }
    let library = fs::read_to_string(folder().join("axios.js")).unwrap();
    let limits = json!({ "fuel": 20_000_000_000_u64, "timeout": "30s", "memory": "128MiB" });
    let step = json!([{ "id": "main", "type": "code", "file": "main.js", "limits": limits }]);
    let scripts = [
        (
            "imported",
            format!("import axios from 'axios';\nexport default async (context) => {{\n{POSTS}\n}};"),
        ),
        ("required", format!("const axios = require('axios');\n{POSTS}")),
    ];
    let receiver = Receiver::start();
    let workflows = scripts.map(|(key, source)| {
        let workflow =
            Workflow::steps(key, step.clone()).trigger(json!({ "mode": "sync", "sync_wait": "60s" }));
        workflow.file("main.js", &source).file("libraries/axios.js", &library)
    });
    let server =
        Setup::default().workflows(workflows).variable("FLOWCELL_NET_ALLOW", &receiver.host()).start();
    for key in ["imported", "required"] {
        let before = receiver.requests().len();
        let answer = server.post(key, &json!({ "url": receiver.url("/in") }));
        assert_eq!(answer.status, 200, "{}", server.run(&answer.run_id())["error"]);
        assert_eq!(answer.json()[0], 200);
        assert_eq!(answer.json()[2], json!(["AxiosError", 200]));
        let requests = receiver.requests();
        let [posted, form, got, _] = &requests[before..] else { panic!("{key}: {requests:?}") };
        assert_eq!((posted.json(), posted.header("x-b")), (json!({ "a": 1 }), Some("2")));
        assert_eq!(posted.header("content-type"), Some("application/json"));
        let kind = form.header("content-type").unwrap();
        assert!(kind.starts_with("multipart/form-data; boundary="), "{key}: {kind}");
        let body = String::from_utf8_lossy(&form.body);
        assert!(
            body.contains("name=\"name\"\r\n\r\n中文\r\n")
                && body.contains("filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nhello"),
            "{body}"
        );
        assert_eq!(got.path, "/in?q=x+y");
    }
}
