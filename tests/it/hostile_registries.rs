//! S14: `flowcell bundle` beside a registry that is hostile. It ends in time, says why, and writes nothing anywhere.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::Stdio,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};
use tar::{EntryType, Header};

use crate::{libraries, support::flowcell_command};

/// What a registry does with one request.
enum Answer {
    Json(Value),
    Bytes(Vec<u8>),
    Redirect(String),
    /// Says the status, and then sends without an end.
    Endless,
    /// Begins a body, and says no more.
    Stalls,
    /// Says nothing.
    Hangs,
}

/// A registry on loopback. Its threads end with the process of the tests.
struct Registry {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Registry {
    fn start(answers: impl Fn(SocketAddr, &str) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let (counted, answers) = (Arc::clone(&asked), Arc::new(answers));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::SeqCst);
                let answers = Arc::clone(&answers);
                thread::spawn(move || serve(&stream, |target| answers(address, target)));
            }
        });
        Self { address, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(stream: &TcpStream, answer: impl Fn(&str) -> Answer) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|count| count > 2) {}
    let mut stream = stream;
    let mut whole = |status: &str, more: &str, body: &[u8]| {
        let head =
            format!("HTTP/1.1 {status}\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n", body.len());
        let _ = stream.write_all(&[head.as_bytes(), body].concat());
    };
    match answer(head.split(' ').nth(1).unwrap_or_default()) {
        Answer::Json(value) => whole("200 OK", "", value.to_string().as_bytes()),
        Answer::Bytes(bytes) => whole("200 OK", "", &bytes),
        Answer::Redirect(to) => whole("302 Found", &format!("location: {to}\r\n"), b""),
        Answer::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
            while stream.write_all(&[b'['; 64 << 10]).is_ok() {}
        }
        Answer::Stalls => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{");
            thread::sleep(Duration::from_secs(3_600));
        }
        Answer::Hangs => thread::sleep(Duration::from_secs(3_600)),
    }
}

/// A tarball whose names are written as they are.
fn tarball(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    for (name, kind, bytes) in entries {
        let mut header = Header::new_gnu();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        if *kind == EntryType::Symlink {
            header.as_old_mut().linkname[..12].copy_from_slice(b"../../../../");
        }
        header.set_entry_type(*kind);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        packed.write_all(header.as_bytes()).unwrap();
        packed.write_all(bytes).unwrap();
        packed.write_all(&vec![0; bytes.len().next_multiple_of(512) - bytes.len()]).unwrap();
    }
    packed.write_all(&[0; 1_024]).unwrap();
    packed.finish().unwrap()
}

const MANIFEST: (&str, EntryType, &[u8]) =
    ("package/package.json", EntryType::Regular, br#"{"name":"x","version":"1.0.0","main":"index.js"}"#);
const INDEX: (&str, EntryType, &[u8]) = ("package/index.js", EntryType::Regular, b"export default 1;");

/// A package of which no earlier copy can be in the cache.
fn good() -> Vec<u8> {
    let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    let index = format!("export default {time};");
    tarball(&[MANIFEST, ("package/index.js", EntryType::Regular, index.as_bytes())])
}

fn integrity(tarball: &[u8]) -> String {
    format!("sha512-{}", BASE64_STANDARD.encode(Sha512::digest(tarball)))
}

/// The metadata of `x@1.0.0`, whose tarball is at a URL.
fn packument(url: &str, integrity: &str) -> Value {
    json!({
        "dist-tags": { "latest": "1.0.0" },
        "versions": { "1.0.0": { "name": "x", "version": "1.0.0", "dist": { "tarball": url, "integrity": integrity } } },
    })
}

fn url(address: SocketAddr) -> String {
    format!("http://{address}/x.tgz")
}

/// A registry that has one package with this tarball.
fn of_tarball(bytes: Vec<u8>) -> Registry {
    Registry::start(move |address, target| {
        if target.ends_with(".tgz") {
            Answer::Bytes(bytes.clone())
        } else {
            Answer::Json(packument(&url(address), &integrity(&bytes)))
        }
    })
}

/// A registry that does this instead of giving a tarball.
fn of_answer(answer: impl Fn() -> Answer + Send + Sync + 'static) -> Registry {
    Registry::start(move |address, target| {
        if target.ends_with(".tgz") {
            answer()
        } else {
            Answer::Json(packument(&url(address), &integrity(&good())))
        }
    })
}

struct Bundled {
    code: i32,
    stderr: String,
    took: Duration,
}

fn bundle(place: &Path, registry: &Registry) -> Bundled {
    let began = Instant::now();
    let mut command = flowcell_command();
    command.env("XDG_CACHE_HOME", libraries::cache()).env("HOME", place).current_dir(place);
    command.args(["bundle", "x", "--dir", "out", "--registry", &format!("http://{}/", registry.address)]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Bundled { code: output.status.code().unwrap(), stderr, took: began.elapsed() }
}

/// Bundles `x` of each registry at once. Each is refused with its text, within so many seconds, and writes nothing.
fn all_are_refused(cases: Vec<(&str, Registry, &str, u64)>) {
    if !libraries::has_tools() {
        eprintln!("esbuild is not to be had here: nothing is tried");
        return;
    }
    thread::scope(|scope| {
        for (name, registry, expected, within) in cases {
            scope.spawn(move || {
                let place = tempfile::tempdir().unwrap();
                let Bundled { code, stderr, took } = bundle(place.path(), &registry);
                assert_eq!(code, 2, "{name}: {stderr}");
                assert!(stderr.contains(expected), "{name}: {stderr}");
                assert!(stderr.len() < 2_000 && !stderr.contains('\x1b'), "{name}: {stderr}");
                assert!(took < Duration::from_secs(within), "{name}: {took:?}");
                let left = fs::read_dir(place.path()).unwrap().count();
                assert_eq!(left, 0, "{name}: nothing is written");
                // The package, its tarball, redirects and tries: never a flood.
                assert!(registry.asked() < 20, "{name}: {} requests", registry.asked());
            });
        }
    });
}

#[test]
fn s14_tarballs_that_lead_out_or_grow_or_are_others_are_refused() {
    let large = vec![0; 66 << 20];
    let bomb = tarball(&[MANIFEST, INDEX, ("package/zeros.js", EntryType::Regular, &large)]);
    assert!(bomb.len() < 1 << 20, "{}", bomb.len());
    let slip = |name: &str| of_tarball(tarball(&[MANIFEST, INDEX, (name, EntryType::Regular, b"1")]));
    let half = good()[..100].to_vec();
    let mut other = good();
    other.push(0);
    all_are_refused(vec![
        ("up", slip("package/../../../../out.js"), "leads out of its package", 60),
        ("root", slip("/tmp/out.js"), "leads out of its package", 60),
        ("backslash", slip("package/..\\out.js"), "whose name no file may have", 60),
        ("bomb", of_tarball(bomb), "x@1.0.0 has the file \"zeros.js\" of more than 67108864 bytes", 60),
        ("huge", of_tarball(large), "is over 67108864 bytes", 60),
        ("cut", of_tarball(half), "the tarball of x@1.0.0 is broken", 60),
        ("no package", of_tarball(b"<html>".to_vec()), "the tarball of x@1.0.0 is broken", 60),
        ("empty", of_tarball(tarball(&[])), "", 60),
        (
            "other bytes",
            of_answer(move || Answer::Bytes(other.clone())),
            "does not match its integrity; nothing of it was used",
            60,
        ),
        (
            "only sha1",
            Registry::start(|address, _| Answer::Json(packument(&url(address), "sha1-AAAA"))),
            "no sha512",
            60,
        ),
    ]);
}

#[test]
fn s14_a_link_in_a_tarball_is_not_followed() {
    if !libraries::has_tools() {
        eprintln!("esbuild is not to be had here: nothing is tried");
        return;
    }
    let registry = of_tarball(tarball(&[
        MANIFEST,
        INDEX,
        ("package/l", EntryType::Symlink, b""),
        ("package/h", EntryType::Link, b""),
        ("package/l/flowcell-s14-out.js", EntryType::Regular, b"1"),
    ]));
    let place = tempfile::tempdir().unwrap();
    let made = bundle(place.path(), &registry);
    assert_eq!(made.code, 0, "{}", made.stderr);
    for folder in ["/", "/tmp", "/var"].map(Path::new).into_iter().chain([place.path()]) {
        assert!(!folder.join("flowcell-s14-out.js").exists(), "{}", folder.display());
    }
}

#[test]
fn s14_answers_without_an_end_and_without_a_beginning_end() {
    let to_itself = |address: SocketAddr, _: &str| Answer::Redirect(format!("http://{address}/again"));
    all_are_refused(vec![
        ("endless metadata", Registry::start(|_, _| Answer::Endless), "is over 33554432 bytes", 60),
        ("endless tarball", of_answer(|| Answer::Endless), "is over 67108864 bytes", 60),
        ("stalls", Registry::start(|_, _| Answer::Stalls), "took longer than", 60),
        ("hangs", Registry::start(|_, _| Answer::Hangs), "took longer than 30 s", 60),
        ("a circle", Registry::start(to_itself), "is redirected more than 5 times", 60),
        ("garbage", Registry::start(|_, _| Answer::Bytes(b"<html>".to_vec())), "cannot be understood", 60),
        ("deep", Registry::start(|_, _| Answer::Bytes(vec![b'['; 1 << 20])), "cannot be understood", 60),
    ]);
}

#[test]
fn s14_a_registry_leads_to_no_other_private_address() {
    // It stands for a metadata service, a database, or the console of a router.
    let inside = Arc::new(Registry::start(|_, _| Answer::Bytes(good())));
    let place = inside.address;
    let named = format!("http://localhost:{}/x.tgz", place.port());
    let refused = "may not be called: ";
    let tarball_at =
        |url: String| Registry::start(move |_, _| Answer::Json(packument(&url, &integrity(&good()))));
    let moved_to = |url: String| Registry::start(move |_, _| Answer::Redirect(url.clone()));
    all_are_refused(vec![
        ("tarball", tarball_at(url(place)), refused, 60),
        ("tarball by name", tarball_at(named.clone()), refused, 60),
        ("metadata", moved_to(url(place)), refused, 60),
        ("by name", moved_to(named), refused, 60),
        ("redirect", of_answer(move || Answer::Redirect(url(place))), refused, 60),
        ("a cloud", moved_to("http://169.254.169.254/latest/meta-data".to_owned()), refused, 60),
        ("a file", moved_to("file:///etc/passwd".to_owned()), "only http and https are", 60),
    ]);
    assert_eq!(inside.asked(), 0);
}

#[test]
fn s14_metadata_makes_no_flood_and_says_nothing_to_a_terminal() {
    let dist = |address| json!({ "tarball": url(address), "integrity": integrity(&good()) });
    let version = |version: &str, more: Value| {
        let version = version.to_owned();
        Registry::start(move |address, _| {
            let mut manifest = json!({ "name": "x", "version": version, "dist": dist(address) });
            manifest.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            Answer::Json(json!({ "dist-tags": { "latest": version }, "versions": { &version: manifest } }))
        })
    };
    let many: serde_json::Map<_, _> = (0..100_000).map(|n| (format!("p{n}"), json!("*"))).collect();
    let some: serde_json::Map<_, _> = (0..900).map(|n| (format!("p{n}"), json!("*"))).collect();
    all_are_refused(vec![
        (
            "larger than a version",
            version("1.0.0", json!({ "dependencies": many })),
            "no version of x fits",
            60,
        ),
        ("many", version("1.0.0", json!({ "dependencies": some })), "more than 500 packages are needed", 60),
        ("another name", version("1.0.0", json!({ "name": "y" })), "the registry calls x \"y\"", 60),
        ("no version", version("1.0.0\n\u{1b}]0;x\u{7}", json!({})), "no version of x fits", 60),
        (
            "long range",
            version("1.0.0", json!({ "dependencies": { "y": "1 || ".repeat(1_000) } })),
            "in a range of",
            60,
        ),
        (
            "another source",
            version("1.0.0", json!({ "dependencies": { "y": "file:../../etc" } })),
            "only packages of a registry",
            60,
        ),
        (
            "a name that leads out",
            version("1.0.0", json!({ "dependencies": { "../y": "1" } })),
            "not the name of a package",
            60,
        ),
    ]);
}

#[test]
fn s14_what_a_registry_writes_ends_no_comment_of_a_library() {
    if !libraries::has_tools() {
        eprintln!("esbuild is not to be had here: nothing is tried");
        return;
    }
    let manifest = br#"{"name":"x","version":"1.0.0","main":"index.js","license":"MIT\nevil();\u2028evil();\u001b]0;x"}"#;
    let bytes = tarball(&[("package/package.json", EntryType::Regular, manifest), INDEX]);
    let registry = Registry::start(move |address, target| {
        if target.ends_with(".tgz") {
            return Answer::Bytes(bytes.clone());
        }
        Answer::Json(packument(&url(address), &format!("{}\nevil();", integrity(&bytes))))
    });
    let place = tempfile::tempdir().unwrap();
    let made = bundle(place.path(), &registry);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let text = fs::read_to_string(place.path().join("out/x.js")).unwrap();
    let lines: Vec<_> = text.split(['\n', '\u{2028}']).collect();
    assert!(lines[0].starts_with("// x 1.0.0, license MIT evil(); evil();"), "{text}");
    assert!(lines.iter().all(|line| !line.trim_start().starts_with("evil")), "{text}");
    assert!(!text.contains('\x1b'), "{text}");
}
