//! The example plugins of `guest-sdk`, each in the language of its SDK: uploaded to a running server and used in a workflow that a
//! webhook triggers. `scripts/build-guests` builds them from their sources.

use std::{
    collections::BTreeSet,
    fs,
    sync::{Mutex, PoisonError},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

use crate::{
    plugins::{upload, uploaded, uses, with_step},
    support::{TestServer, flowcell, flowcell_command, root},
};

/// A built example. It is compiled before, once, into the cache that all tests share: that of an interpreter takes longer than a
/// test waits for an answer.
pub fn built(name: &str) -> Vec<u8> {
    static COMPILED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let path = root().join("guest-sdk/build").join(name);
    let bytes = fs::read(&path).unwrap_or_else(|error| {
        panic!("{}: {error}; build it with scripts/build-guests (scripts/foreign-modules)", path.display())
    });
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if compiled.insert(name.to_owned()) {
        let inspected =
            flowcell_command().args(["plugin", "inspect", "--no-run"]).arg(&path).output().unwrap();
        assert!(inspected.status.success(), "{inspected:?}");
    }
    bytes
}

fn json_of(server: &TestServer, key: &str, body: &Value) -> Value {
    let answer = server.post(key, body);
    assert_eq!(answer.status, 200, "{}: {}", answer.text(), server.runs(key)[0]["error"]);
    serde_json::from_str(&answer.text()).unwrap()
}

/// Uploads an example and calls a workflow that uses it.
fn through_a_webhook(file: &str, reference: &str, named: &str, input: &Value) -> Value {
    let server = TestServer::start([uses("example", reference)]);
    uploaded(&server, &built(file), named);
    json_of(&server, "example", input)
}

#[test]
fn rust_markdown_to_html() {
    let output = through_a_webhook(
        "markdown-to-html.wasm",
        "markdown-to-html@1",
        "",
        &json!({"markdown": "# Hi\n\n<script>alert(1)</script>\n\n|a|\n|-|\n|1|\n"}),
    );
    let html = output["html"].as_str().unwrap();
    assert!(html.contains("<h1>Hi</h1>") && html.contains("<td>1</td>"), "{html}");
    assert!(!html.contains("<script>"), "{html}");
}

#[test]
fn rust_image_thumbnail() {
    // A grey PNG of 64 times 32 pixels, made by hand: stored, not compressed.
    let png = grey_png(64, 32);
    let output = through_a_webhook(
        "image-thumbnail.wasm",
        "image-thumbnail@1",
        "",
        &json!({"image": BASE64_STANDARD.encode(png), "max_width": 16, "max_height": 16, "format": "png"}),
    );
    assert_eq!((&output["width"], &output["height"]), (&json!(16), &json!(8)), "{output}");
    let image = BASE64_STANDARD.decode(output["image"].as_str().unwrap()).unwrap();
    assert_eq!(&image[..4], b"\x89PNG");
}

fn grey_png(width: u32, height: u32) -> Vec<u8> {
    let mut raw = Vec::new();
    for row in 0..height {
        raw.push(0);
        raw.extend((0..width).map(|column| (column * 3 + row) as u8));
    }
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    std::io::Write::write_all(&mut packed, &raw).unwrap();
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut chunk = |kind: &[u8; 4], data: &[u8]| {
        png.extend_from_slice(&(data.len() as u32).to_be_bytes());
        let body = [kind.as_slice(), data].concat();
        png.extend_from_slice(&body);
        png.extend_from_slice(&crc32fast::hash(&body).to_be_bytes());
    };
    let head = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    chunk(b"IHDR", &head);
    chunk(b"IDAT", &packed.finish().unwrap());
    chunk(b"IEND", b"");
    png
}

#[test]
fn javascript_pii_redact() {
    let input = json!({"text": "Ada <ada@example.com>, 138 0013 8000, paid with 4111 1111 1111 1111"});
    let output = through_a_webhook("pii-redact.wasm", "pii-redact@1", "", &input);
    assert_eq!(output["text"], "Ada <[email]>, [phone], paid with [card]", "{output}");
}

#[test]
fn python_csv_to_json() {
    let input = json!({"csv": "\u{feff}Name;Preis\r\n\"Kabel; 2 m\";9.50\r\n"});
    let output = through_a_webhook("csv-to-json.wasm", "csv-to-json@1", "", &input);
    assert_eq!(output["rows"], json!([{"Name": "Kabel; 2 m", "Preis": 9.5}]), "{output}");
}

#[test]
fn c_iban_check() {
    let server = TestServer::start([uses("iban", "iban-check@1")]);
    uploaded(&server, &built("iban-check.wasm"), "name=iban-check&version=1.0.0");
    let good = json_of(&server, "iban", &json!({"iban": "DE89 3704 0044 0532 0130 00"}));
    assert_eq!(good["valid"], true, "{good}");
    let bad = json_of(&server, "iban", &json!({"iban": "DE89 3704 0044 0532 0130 01"}));
    assert_eq!(bad["valid"], false, "{bad}");
    let wrong = server.post("iban", &json!({}));
    assert_eq!(wrong.status, 500);
}

#[test]
fn wat_echo_and_cat_by_hand() {
    let server = TestServer::start([uses("echo", "echo@1"), uses("cat", "cat@1")]);
    let text = |file: &str| fs::read_to_string(root().join("guest-sdk/wat").join(file)).unwrap();
    uploaded(&server, &wat::parse_str(text("echo.wat")).unwrap(), "");
    uploaded(&server, &wat::parse_str(text("cat.wat")).unwrap(), "name=cat&version=1.0.0");
    for key in ["echo", "cat"] {
        assert_eq!(json_of(&server, key, &json!({"é": [1, null]})), json!({"é": [1, null]}));
    }
}

#[test]
fn every_example_passes_its_own_examples() {
    for file in ["markdown-to-html", "image-thumbnail", "pii-redact", "csv-to-json"] {
        let file = format!("{file}.wasm");
        built(&file);
        let path = root().join("guest-sdk/build").join(&file);
        let tested = flowcell(["plugin", "test", path.to_str().unwrap()]);
        assert_eq!(tested.code, 0, "{file}: {tested:?}");
        assert!(tested.stdout.contains("ok ") && tested.stdout.contains(" fuel, "), "{tested:?}");
        let inspected = flowcell(["plugin", "inspect", path.to_str().unwrap(), "--json"]);
        let shown: Value = serde_json::from_str(&inspected.stdout).unwrap();
        assert_eq!(shown["kind"], "component");
        assert!(shown["runs"][0]["fuel"].as_u64().unwrap() > 0, "{shown}");
    }
}

#[test]
fn a_new_plugin_has_all_that_its_readme_speaks_of() {
    let folder = tempfile::tempdir().unwrap();
    for lang in ["rust", "js", "python", "c"] {
        let name = format!("my-{lang}");
        let into = folder.path().to_str().unwrap();
        let made = flowcell(["plugin", "new", "--lang", lang, &name, "--into", into]);
        assert_eq!(made.code, 0, "{made:?}");
        let readme = fs::read_to_string(folder.path().join(&name).join("README.md")).unwrap();
        assert!(readme.contains(&name) && readme.contains("flowcell plugin"), "{readme}");
        let again = flowcell(["plugin", "new", "--lang", lang, &name, "--into", into]);
        assert_eq!(again.code, 2);
        assert!(again.stderr.contains("cannot make"), "{again:?}");
    }
}

/// Modules that nobody here wrote, from packages of PyPI: see `scripts/foreign-modules`.
#[test]
fn real_commands_of_others_run_unchanged() {
    let step = |plugin: &str, more: Value| {
        let mut members =
            json!({ "plugin": plugin, "input": "{{$context.data}}", "limits": { "timeout": "30s" } });
        members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        members
    };
    let sum_in_js = "const t=std.in.readAsString(); const o=JSON.parse(t); o.sum=o.a.reduce((x,y)=>x+y,0); \
                     std.out.puts(JSON.stringify(o)+'\\n')";
    let sum_in_python = "import sys,json; o=json.load(sys.stdin); o['sum']=sum(o['a']); print(json.dumps(o))";
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="5" height="5"/></svg>"#;
    let server = TestServer::start([
        with_step("quickjs", step("quickjs@0", json!({ "args": ["--std", "-e", sum_in_js] }))),
        with_step(
            "python",
            step(
                "python@3",
                json!({ "args": ["-c", sum_in_python], "limits": { "timeout": "30s", "memory": "64MiB" } }),
            ),
        ),
        with_step("convert", step("convertors@11", json!({}))),
        with_step("svg", step("usvg@0", json!({ "args": ["-", "-c"], "stdin": "text", "stdout": "text" }))),
    ]);
    for (file, named) in [
        ("foreign/qjs.wasm", "name=quickjs&version=0.11.0"),
        ("foreign/python.wasm", "name=python&version=3.11.3"),
        ("foreign/convertors.wasm", "name=convertors&version=11.64.1"),
        ("foreign/usvg.wasm", "name=usvg&version=0.31.0"),
    ] {
        uploaded(&server, &built(file), named);
    }
    let input = json!({"a": [1, 2, 3], "name": "é"});
    let summed = json!({"a": [1, 2, 3], "name": "é", "sum": 6});
    assert_eq!(json_of(&server, "quickjs", &input), summed);
    assert_eq!(json_of(&server, "python", &input), summed);
    let metric = json!({"function": "yamlMetricToDeclarative", "args": [
        {"type": "metric", "id": "revenue", "title": "Revenue", "maql": "SELECT SUM({fact/price})", "format": "#,##0"}]});
    assert_eq!(json_of(&server, "convert", &metric)["result"]["id"], "revenue");
    let simplified = json_of(&server, "svg", &json!(svg));
    assert!(simplified.as_str().unwrap().contains("M 0 0 L 5 0 L 5 5 L 0 5 Z"), "{simplified}");
    // Their own errors are told as they tell them.
    let wrong = server.post("svg", &json!("no svg"));
    assert_eq!(wrong.status, 500);
    let error = &server.runs("svg")[0]["error"];
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("exit code 1; its last words: Error: SVG data parsing failed"),
        "{error}"
    );
    assert_eq!(upload(&server, b"", "").status, 415);
}
