//! Attacks by what a request carries and where it goes; each test is named after its number in the list of threats.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    net::TcpStream,
    process::Command,
    time::{Duration, Instant},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use crate::support::{Request, Setup, TestServer, Workflow, github_signature, raw};

const SECRET: &str = "It's a Secret to Everybody";

/// Something that is refused at once may take this long on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(10);

fn post(key: &str) -> Request {
    Request::post(&format!("/api/webhooks/{key}"))
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Does `work` and tells that the server has not grown by more than `most` MiB meanwhile.
#[track_caller]
fn stays_small<T>(server: &TestServer, most: u64, work: impl FnOnce() -> T) -> T {
    let before = server.resident_mib();
    let done = work();
    let after = server.resident_mib();
    assert!(after < before + most, "{before} MiB became {after} MiB");
    done
}

const SHOW_FILES: &str = "return { data: context.data, files: context.files }";

#[test]
fn w1_json_that_looks_like_an_upload_is_data_and_opens_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let canary = folder.path().join("canary-file");
    fs::write(&canary, "the canary").unwrap();
    let trace = folder.path().join("trace");
    let traced = Command::new("strace").args(["-o", "/dev/null", "true"]).output();
    let can_trace = traced.is_ok_and(|output| output.status.success());
    let setup = Setup::default().workflows([Workflow::script("show", SHOW_FILES)]);
    let mut server = if can_trace {
        let calls = "trace=open,openat,openat2,stat,lstat,newfstatat,statx,access,readlink,rename,mkdir";
        let strace = ["strace", "-f", "-s", "4096", "-e", calls, "-o"].map(str::to_owned);
        setup.below(strace.into_iter().chain([trace.display().to_string()])).start()
    } else {
        setup.start()
    };
    let path = canary.display().to_string();
    let pretender = json!({
        "files": { "x": { "filepath": path, "originalFilename": "a", "mimetype": "text/plain", "size": 10 } },
        "file": { "path": path, "filename": path },
    });
    for kind in ["application/json", "application/vnd.upload+json", "application/x-www-form-urlencoded", ""] {
        let response = server.send(&post("show").header("content-type", kind).body(pretender.to_string()));
        assert_eq!(response.json(), json!({ "data": pretender, "files": [] }), "{kind}");
    }
    let confused =
        post("show").header("content-type", "multipart/form-data; boundary=x").body(pretender.to_string());
    assert_eq!(server.send(&confused).status, 400);
    let both = confused.header("content-type", "application/json");
    assert_eq!(
        (server.send(&both).status, server.send(&both).problem().as_str()),
        (415, "media_type_unsupported")
    );
    let named = format!(
        "--x\r\nContent-Disposition: form-data; name=\"{path}\"; filename=\"{path}\"\r\n\r\nmine\r\n--x--\r\n"
    );
    let upload = post("show").header("content-type", "multipart/form-data; boundary=x").body(named);
    let seen = server.send(&upload).json();
    assert_eq!(
        (&seen["files"][0]["filename"], &seen["files"][0]["content"]),
        (&json!(path), &json!("bWluZQ=="))
    );
    assert!(server.stop().success());
    assert_eq!(fs::read_to_string(&canary).unwrap(), "the canary");
    if !can_trace {
        eprintln!("not traced: there is no strace, or it may not trace");
        return;
    }
    let trace = fs::read_to_string(&trace).unwrap();
    assert!(trace.lines().count() > 20, "it was traced");
    let touched: Vec<_> = trace.lines().filter(|line| line.contains("canary-file")).collect();
    assert!(touched.is_empty(), "{touched:#?}");
}

#[test]
fn w2_a_signature_is_over_the_bytes_that_came_and_no_others() {
    let verify = json!({ "scheme": "github", "secret": "{{$env.THE_SECRET}}" });
    let server = Setup::default()
        .workflows([Workflow::script("signed", "return context.rawBody.length")
            .trigger(json!({ "verify": verify, "decompress": true }))])
        .variable("THE_SECRET", SECRET)
        .start();
    let send = |signed: &[u8], sent: &[u8], encoding: Option<&str>| {
        let request = post("signed")
            .header("content-type", "application/json")
            .header("x-hub-signature-256", &github_signature(signed, SECRET));
        let request = encoding.map_or(request.clone(), |coding| request.header("content-encoding", coding));
        server.send(&request.body(sent)).status
    };
    let written: [&[u8]; 6] = [
        b"{\"name\":\"caf\\u00e9\",\"url\":\"a\\/b\"}",
        b"{ \"name\" : \"caf\xc3\xa9\" ,\n\t\"n\": 1.0 }",
        b"{\"a\":1,\"a\":2}",
        b"{\"a\":1}\n",
        b"{\"big\":12345678901234567890,\"e\":1E+2}",
        b"  [1,2]  ",
    ];
    for body in written {
        assert_eq!(send(body, body, None), 200, "{}", String::from_utf8_lossy(body));
        let rebuilt = serde_json::from_slice::<Value>(body).unwrap().to_string();
        assert_eq!(send(rebuilt.as_bytes(), body, None), 401, "what a parser made of it was signed");
        let packed = gzip(body);
        assert_eq!(
            send(&packed, &packed, Some("gzip")),
            200,
            "what was sent compressed is signed compressed"
        );
        assert_eq!(send(body, &packed, Some("gzip")), 401, "what it holds was signed");
    }
}

#[test]
fn w7_a_body_without_end_is_cut_at_the_limit() {
    let server =
        TestServer::start([Workflow::script("open", "return 1").trigger(json!({ "max_body": "64KiB" }))]);
    let head = "POST /api/webhooks/open HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    stays_small(&server, 50, || {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        // The server answers and closes long before all of the 200 MiB are sent.
        let sent = (0..3_200).take_while(|_| stream.write_all(chunk.as_bytes()).is_ok()).count();
        assert!(sent < 3_200, "it took everything");
    });
    let lies = ["content-length: 99999999999", "content-length: 65537"];
    for lie in lies {
        let bytes =
            format!("POST /api/webhooks/open HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{lie}\r\n\r\n");
        assert_eq!(raw(server.address(), bytes.as_bytes()).unwrap().status, 413, "{lie}");
    }
    assert_eq!(server.runs("open"), Vec::<Value>::new());
}

/// A frame of zstd: one window of 1 MiB and `blocks` blocks of 128 KiB, four bytes each.
fn zstd_bomb(blocks: usize) -> Vec<u8> {
    let mut bomb = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x50];
    for n in 0..blocks {
        let last = u32::from(n + 1 == blocks);
        let header = last | (1 << 1) | ((128 << 10) << 3);
        bomb.extend_from_slice(&header.to_le_bytes()[..3]);
        bomb.push(0);
    }
    bomb
}

#[test]
fn w8_a_compressed_bomb_is_refused_before_it_unfolds() {
    let script = |key: &str| Workflow::script(key, "return 1");
    let server = TestServer::start([
        script("small").trigger(json!({ "decompress": true })),
        script("large").trigger(json!({ "decompress": true, "max_body": "32MiB" })),
        script("plain"),
    ]);
    let member = gzip(&vec![b' '; 10 << 20]);
    assert!(member.len() < 12 << 10, "{} bytes", member.len());
    let mut brotli = Vec::new();
    let fast = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
    brotli::BrotliCompress(&mut &vec![b' '; 64 << 20][..], &mut brotli, &fast).unwrap();
    assert!(brotli.len() < 12 << 10, "{} bytes", brotli.len());
    let bombs: [(&str, &str, &str, Vec<u8>); 6] = [
        ("10 KiB that hold 10 MiB", "small", "gzip", member.clone()),
        ("10 KiB that hold 10 MiB, where 10 MiB may be sent", "large", "gzip", member.clone()),
        ("10 MiB that hold 10 GiB", "large", "gzip", member.repeat(1_000)),
        ("10 KiB that hold 64 MiB", "large", "br", brotli),
        ("10 KiB that hold 320 MiB", "large", "zstd", zstd_bomb(2_560)),
        ("20 MiB that hold 640 GiB", "large", "zstd", zstd_bomb(5 << 20)),
    ];
    for (what, key, coding, body) in bombs {
        let request =
            post(key).header("content-type", "text/plain").header("content-encoding", coding).body(body);
        let started = Instant::now();
        let response = stays_small(&server, 150, || server.send(&request));
        assert_eq!((response.status, response.problem().as_str()), (413, "body_too_large"), "{what}");
        assert!(started.elapsed() < SOON, "{what}: {:?}", started.elapsed());
    }
    let twice = post("small").header("content-encoding", "gzip, gzip").body(gzip(&member));
    assert_eq!(server.send(&twice).status, 415);
    // `identity` changes nothing, also beside another one, and hides no bomb.
    let two_headers = post("small").header("content-encoding", "identity").header("content-encoding", "gzip");
    assert_eq!(server.send(&two_headers.body(member.clone())).status, 413);
    let two_codings = post("small").header("content-encoding", "deflate").header("content-encoding", "gzip");
    assert_eq!(server.send(&two_codings.body(member.clone())).status, 415);
    assert_eq!(server.send(&post("plain").header("content-encoding", "gzip").body(gzip(b"{}"))).status, 415);
    let broken = post("small").header("content-encoding", "gzip").body(&member[..member.len() / 2]);
    assert!([400, 413].contains(&server.send(&broken).status));
    assert_eq!(server.runs("small").len() + server.runs("large").len() + server.runs("plain").len(), 0);
}

#[test]
fn w9_json_that_is_nested_without_end_is_refused() {
    let mut server =
        TestServer::start([Workflow::script("open", "return JSON.stringify(context.data).length")]);
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let objects = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
    let cases = [
        ("a million brackets", "[".repeat(1_000_000), 400),
        ("121 arrays", nested(121), 400),
        ("121 objects", objects(121), 400),
        ("120 arrays", nested(120), 200),
        ("120 objects", objects(120), 200),
    ];
    for (what, body, status) in cases {
        let response = server.send(&post("open").header("content-type", "application/json").body(body));
        assert_eq!(response.status, status, "{what}: {}", response.text());
    }
    assert_eq!(
        server.send(&post("open").header("content-type", "application/cbor").body([0x81; 5_000])).status,
        400
    );
    assert_eq!(
        server.send(&post("open").header("content-type", "application/msgpack").body([0x91; 5_000])).status,
        400
    );
    let xml = "<a>".repeat(10_000);
    assert_eq!(server.send(&post("open").header("content-type", "application/xml").body(xml)).status, 400);
    assert!(server.is_alive());
}

#[test]
fn w9_templates_read_the_deepest_body_that_is_accepted() {
    let steps = json!([{ "id": "set", "type": "set", "values": "{{$context.method}}" }]);
    let server = TestServer::start([Workflow::steps("deep", steps).trigger(json!({ "mode": "sync" }))]);
    let body = format!("{}{}", "[".repeat(120), "]".repeat(120));
    assert_eq!(
        server.send(&post("deep").header("content-type", "application/json").body(body)).json(),
        "POST"
    );
}

#[test]
fn w10_json_of_millions_of_values_is_refused_in_little_memory() {
    let steps = json!([{ "id": "set", "type": "set", "values": "{{$context.data.last}}" }]);
    let wide = json!({ "mode": "sync", "max_body": "16MiB", "sync_wait": "60s" });
    let server = TestServer::start([Workflow::steps("wide", steps).trigger(wide)]);
    let send =
        |body: String| server.send(&post("wide").header("content-type", "application/json").body(body));
    stays_small(&server, 150, || {
        let response = send(format!("[{}0]", "0,".repeat(5_000_000)));
        assert_eq!((response.status, response.problem().as_str()), (400, "body_invalid"));
        let mut keys = String::from("{");
        (0..600_000).for_each(|n| write!(keys, "\"{n:x}\":0,").unwrap());
        assert_eq!(send(keys + "\"last\":1}").status, 400);
    });
    let mut keys = String::from("{");
    (0..200_000).for_each(|n| write!(keys, "\"{n:x}\":0,").unwrap());
    assert_eq!(send(keys + "\"last\":1}").json(), 1, "and what is merely large is read");
}

#[test]
fn w11_keys_that_collide_elsewhere_are_as_fast_as_others() {
    let steps = json!([{ "id": "set", "type": "set", "values": "{{$context.data.last}}" }]);
    let large = json!({ "mode": "sync", "max_body": "16MiB", "sync_wait": "60s" });
    let server = TestServer::start([Workflow::steps("keys", steps).trigger(large)]);
    // Of one hash in Java, JavaScript's older engines and everything else that multiplies by 31.
    let colliding =
        |n: u32| (0..17).map(|bit| if n >> bit & 1 == 0 { "Aa" } else { "BB" }).collect::<String>();
    let plain = |n: u32| format!("{:034}", n.wrapping_mul(2_654_435_761));
    let time = |key: &dyn Fn(u32) -> String| {
        let mut body = String::from("{");
        (0..100_000).for_each(|n| write!(body, "\"{}\":0,", key(n)).unwrap());
        body.push_str("\"last\":1}");
        let request = post("keys").header("content-type", "application/json").body(body);
        let started = Instant::now();
        assert_eq!(server.send(&request).json(), 1);
        started.elapsed()
    };
    let _warm = time(&plain);
    let (ordinary, attack) = (time(&plain), time(&colliding));
    assert!(attack < 3 * ordinary + Duration::from_secs(1), "{attack:?} against {ordinary:?}");
}

#[test]
fn w12_what_parsers_disagree_about_is_read_in_one_documented_way() {
    let server = TestServer::start([Workflow::script("show", "return [context.data, context.rawBody]")]);
    let send = |body: &str| server.send(&post("show").header("content-type", "application/json").body(body));
    let cases = [
        ("{\"a\":1,\"a\":2}", json!({ "a": 2 })),
        ("{\"a\":{\"x\":1},\"a\":{}}", json!({ "a": {} })),
        ("[9007199254740993]", json!([9_007_199_254_740_992_u64])),
        ("[1e308, -0, 1.0]", json!([1e308, 0, 1])),
        ("\"\\ud83d\\ude00\"", json!("😀")),
        ("{\"\\u0061\":1,\"a\":2}", json!({ "a": 2 })),
    ];
    for (body, data) in cases {
        let seen = send(body).json();
        assert_eq!((&seen[0], &seen[1]), (&data, &json!(body)), "{body}: the raw text keeps every digit");
    }
    for bad in [
        "NaN",
        "[Infinity]",
        "\"\\ud800\"",
        "{\"\\udc00\":1}",
        "[1e999]",
        "[01]",
        "[+1]",
        "{a:1}",
        "[1,]",
        "\u{feff}\u{feff}{}",
    ] {
        assert_eq!(send(bad).status, 400, "{bad}");
    }
    // The host's templates and the script see the same of two keys.
    let steps = json!([{ "id": "set", "type": "set", "values": "{{$context.data.a}}" }]);
    let host = TestServer::start([Workflow::steps("host", steps).trigger(json!({ "mode": "sync" }))]);
    let twice = post("host").header("content-type", "application/json").body("{\"a\":1,\"a\":2}");
    assert_eq!(host.send(&twice).json(), 2);
}

#[test]
fn w13_forms_and_queries_are_flat_and_few() {
    let server = TestServer::start([Workflow::script(
        "show",
        "return [context.data, context.query, ({}).polluted ?? 0]",
    )
    .trigger(json!({ "max_body": "8MiB" }))]);
    let nested = "a[b][c]=1&a[]=2&__proto__=x&__proto__[polluted]=1&constructor.prototype.polluted=1";
    let seen = server.send(&Request::post(&format!("/api/webhooks/show?{nested}")).form(nested)).json();
    let flat = json!({
        "a[b][c]": "1", "a[]": "2", "__proto__": "x", "__proto__[polluted]": "1", "constructor.prototype.polluted": "1",
    });
    assert_eq!(seen, json!([flat, flat, 0]));
    assert_eq!(server.send(&post("show").form(&"a=1&".repeat(1_000_000))).status, 400);
    let many = |count: usize| Request::get(&format!("/api/webhooks/show?{}", "a&".repeat(count)));
    assert_eq!(server.send(&many(1_000)).status, 200);
    let refused = server.send(&many(1_001));
    assert_eq!((refused.status, refused.problem().as_str()), (400, "query_invalid"));
}

#[test]
fn w14_no_prototype_is_polluted() {
    let source = "
        const copy = JSON.parse(JSON.stringify(context));
        return { x: ({}).x ?? 'clean', y: [].y ?? 'clean', own: Object.keys(context.data), proto: Object.getPrototypeOf(context.data) === Object.prototype, copied: copy.data.a };
    ";
    let server = TestServer::start([Workflow::script("show", source)]);
    let body = r#"{"__proto__":{"x":1},"constructor":{"prototype":{"x":1}},"a":{"__proto__":{"y":1}}}"#;
    let seen = server.send(&post("show").header("content-type", "application/json").body(body)).json();
    assert_eq!(
        (&seen["x"], &seen["y"], &seen["proto"]),
        (&json!("clean"), &json!("clean"), &json!(true)),
        "{seen}"
    );
    assert_eq!(seen["own"], json!(["__proto__", "constructor", "a"]));
    let part = |name: &str| format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n1\r\n");
    let multipart = format!("{}{}--x--", part("__proto__"), part("constructor"));
    let form = post("show").header("content-type", "multipart/form-data; boundary=x").body(multipart);
    assert_eq!(server.send(&form).json()["own"], json!(["__proto__", "constructor"]));
    for (kind, body) in [
        ("application/xml", b"<r><__proto__><x>1</x></__proto__></r>".to_vec()),
        ("application/msgpack", b"\x81\xa9__proto__\x81\xa1x\x01".to_vec()),
        ("application/cbor", b"\xa1\x69__proto__\xa1\x61x\x01".to_vec()),
    ] {
        let seen = server.send(&post("show").header("content-type", kind).body(body)).json();
        assert_eq!((&seen["x"], &seen["own"]), (&json!("clean"), &json!(["__proto__"])), "{kind}");
    }
}

#[test]
fn w15_multipart_bombs_are_refused_and_names_are_only_data() {
    let server =
        TestServer::start([Workflow::script("show", SHOW_FILES).trigger(json!({ "max_body": "16MiB" }))]);
    let send = |body: Vec<u8>| {
        server.send(&post("show").header("content-type", "multipart/form-data; boundary=x").body(body))
    };
    let part = |head: &str, content: &str| {
        format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
    };
    let form = |parts: String| (parts + "--x--\r\n").into_bytes();
    stays_small(&server, 150, || {
        let bombs = [
            ("100,000 parts", form(part("name=\"a\"", "1").repeat(100_000))),
            ("a huge head", form(part(&format!("name=\"a\"; x=\"{}\"", "y".repeat(10 << 20)), "1"))),
            ("a 10 MB name", form(part(&format!("name=\"{}\"", "n".repeat(10_000_000)), "1"))),
            (
                "a head without end",
                format!("--x\r\nContent-Disposition: {}", "y".repeat(10 << 20)).into_bytes(),
            ),
            ("a huge field", form(part("name=\"a\"", &"z".repeat(2 << 20)))),
            ("no end", part("name=\"a\"", "1").into_bytes()),
            ("a zero byte in a name", form(part("name=\"a\"; filename=\"a.php\0.png\"", "1"))),
        ];
        for (what, body) in bombs {
            let response = send(body);
            assert_eq!((response.status, response.problem().as_str()), (400, "body_invalid"), "{what}");
        }
    });
    for boundary in ["", "; boundary=", "; boundary=\"\"", &format!("; boundary={}", "x".repeat(100))] {
        let kind = format!("multipart/form-data{boundary}");
        assert_eq!(
            server.send(&post("show").header("content-type", &kind).body("--x--")).status,
            400,
            "{kind}"
        );
    }
    for name in [
        "../../x",
        "/etc/passwd",
        "C:\\\\a.exe",
        "\u{202e}gnp.exe",
        "con",
        "a/b",
        "..",
        "~",
        "$(id)",
        "\u{fffd}",
    ] {
        let sent = name.replace("\\\\", "\\");
        let response = send(form(part(&format!("name=\"f\"; filename=\"{name}\""), "content")));
        let seen = response.json();
        assert_eq!(
            (&seen["files"][0]["filename"], &seen["files"][0]["content"]),
            (&json!(sent), &json!("Y29udGVudA=="))
        );
    }
    for folder in [server.data(), server.workflows()] {
        for name in ["x", "a.exe", "con", "gnp.exe"] {
            assert!(!folder.join(name).exists(), "{name}");
        }
    }
}
