//! The floors of `src/lib.rs` hold: imports go strictly down the list of rooms, and each power has its one place.
//!
//! Reads the sources as text; comments do not count. `rings` looks inside the rooms.

use std::{
    cmp::Ordering,
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::support::root;

/// The most lines of a source file.
const MAX_LINES: usize = 500;
/// Files that may be longer, with the reason.
const LONGER: [(&str, &str); 1] =
    [("store/keys.rs", "every key of the store on one page, most of it one line a key")];

/// The rooms from the top: each may import those on the lines below it. Rooms on one line do not know each other.
const ROOMS: [&[&str]; 19] = [
    // F5: wiring.
    &["main", "lib"],
    &["cli"],
    &["app"],
    &["loader"],
    &["key_source", "variables"],
    &["config"],
    &["server"],
    &["fixtures", "folder", "plugin_folder"],
    &["files", "machine"],
    // F4: HTTP.
    &["api"],
    &["console", "gateway"],
    &["http"],
    &["run_view"],
    // F3: runs, and people.
    &["people"],
    &["engine"],
    // F2: steps.
    &["steps"],
    // F1: siblings, each with one power.
    &["sandbox", "script", "store", "verify", "template", "net", "secrets", "formats", "identity"],
    // F0: words, and what is pure.
    &["intl", "memory_budget", "meter", "reactor"],
    &["model"],
];
/// The lowest room that speaks HTTP.
const LOWEST_OF_HTTP: &str = "run_view";

/// The line on which a room stands.
fn rank(room: &str) -> Option<usize> {
    ROOMS.iter().position(|rooms| rooms.contains(&room))
}

/// Every source file by its path below `src`.
pub fn texts() -> BTreeMap<String, String> {
    let src = root().join("src");
    let mut files = BTreeMap::new();
    collect(&src, &src, &mut files);
    assert!(files.len() > 50, "the sources are not where they were");
    files
}

/// The same without comments.
fn sources() -> BTreeMap<String, String> {
    texts().into_iter().map(|(file, text)| (file, without_comments(&text))).collect()
}

fn collect(src: &Path, folder: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.is_dir() {
            collect(src, &path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(src).unwrap().to_str().unwrap().to_owned();
            files.insert(name, fs::read_to_string(&path).unwrap());
        }
    }
}

fn without_comments(text: &str) -> String {
    let code = |line: &str| match line.find("//") {
        // An URL in a string is no comment.
        Some(at) if !line[..at].ends_with(':') => line[..at].to_owned(),
        Some(_) | None => line.to_owned(),
    };
    text.lines().map(code).collect::<Vec<_>>().join("\n")
}

/// The room that a file belongs to: the first part of its path.
fn module_of(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

/// The modules that a text names after `crate::` (or `flowcell::`).
fn imports(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    // A room that is a crate is named by its crate: `flowcell_model::model`.
    for (at, prefix) in text.match_indices("flowcell_") {
        let name = identifier(&text[at + prefix.len()..]);
        found.extend(name.filter(|name| text[at + prefix.len() + name.len()..].starts_with("::")));
    }
    for prefix in ["crate::", "flowcell::"] {
        for (at, _) in text.match_indices(prefix) {
            let rest = &text[at + prefix.len()..];
            match rest.strip_prefix('{') {
                Some(list) => found.extend(names_of_list(list)),
                None => found.extend(identifier(rest)),
            }
        }
    }
    found
}

fn identifier(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// The first name of each item of `a::b, c::{d, e}, f}`.
fn names_of_list(list: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut depth, mut expects) = (0, true);
    for (at, character) in list.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => expects = true,
            _ if expects && !character.is_whitespace() => {
                names.extend(identifier(&list[at..]));
                expects = false;
            }
            _ => {}
        }
    }
    names
}

/// Where a file reaches up, or to a room beside its own.
fn wrong_imports(file: &str, text: &str) -> Vec<String> {
    let room = module_of(file);
    let Some(own) = rank(room) else {
        return vec![format!("{file}: {room} has no place; give it one in ROOMS and in lib.rs")];
    };
    let mut wrong = Vec::new();
    for import in imports(text) {
        let Some(other) = rank(&import) else { continue };
        let place = match other.cmp(&own) {
            Ordering::Less => "above it",
            Ordering::Equal if import != room => "beside it",
            Ordering::Equal | Ordering::Greater => continue,
        };
        wrong.push(format!("{file} imports {import}, which is {place}"));
    }
    wrong
}

/// Files whose code, unit tests aside, has `needle` outside the places that may have it.
fn strays(needle: &str, allowed: &[&str]) -> Vec<String> {
    let may = |file: &str| allowed.iter().any(|place| file.starts_with(place));
    let code = |text: &str| text.split("#[cfg(test)]\nmod tests").next().unwrap().contains(needle);
    sources().iter().filter(|(file, text)| code(text) && !may(file)).map(|(file, _)| file.clone()).collect()
}

#[test]
fn imports_go_strictly_down_and_rooms_on_one_line_do_not_know_each_other() {
    let wrong: Vec<_> = sources().iter().flat_map(|(file, text)| wrong_imports(file, text)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_room_that_is_a_crate_depends_on_rooms_below_it_alone() {
    let mut crates = 0;
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let folder = entry.unwrap().path();
        let Ok(manifest) = fs::read_to_string(folder.join("Cargo.toml")) else { continue };
        let room = folder.file_name().unwrap().to_str().unwrap().to_owned();
        crates += 1;
        for (at, prefix) in manifest.match_indices("\nflowcell-") {
            let other = identifier(&manifest[at + prefix.len()..]).unwrap();
            assert!(rank(&other) > rank(&room), "{room} depends on {other}");
        }
        if room != "sandbox" {
            assert!(!manifest.contains("wasmtime"), "{room} knows wasmtime");
        }
    }
    assert!(crates >= 9, "{crates}");
}

#[test]
fn every_room_has_one_place_and_every_place_a_room() {
    let rooms: BTreeSet<_> = texts().keys().map(|file| module_of(file).to_owned()).collect();
    let mut places: Vec<_> = ROOMS.iter().copied().flatten().map(|&room| room.to_owned()).collect();
    places.sort();
    assert_eq!(rooms.into_iter().collect::<Vec<_>>(), places);
}

#[test]
fn a_planted_wrong_import_is_found() {
    let up = "use crate::{\n    model::{A, B},\n    engine::Engine,\n};";
    assert_eq!(wrong_imports("steps/x.rs", up), ["steps/x.rs imports engine, which is above it"]);
    assert_eq!(wrong_imports("gateway/x.rs", "use crate::api::A;").len(), 1, "they were on one floor");
    assert_eq!(wrong_imports("api/x.rs", "use crate::gateway::A;"), Vec::<String>::new());
    let beside = "fn f() { crate::store::open() }";
    assert_eq!(wrong_imports("verify/x.rs", beside), ["verify/x.rs imports store, which is beside it"]);
    assert_eq!(wrong_imports("model/x.rs", "use crate::model::A;"), Vec::<String>::new());
    assert_eq!(wrong_imports("extra/x.rs", "").len(), 1, "a new room needs a place");
}

#[test]
fn only_the_sled_store_knows_sled() {
    // In store/mod.rs the name is that of our own module.
    assert_eq!(strays("sled::", &["store/sled/", "store/mod.rs"]), Vec::<String>::new());
    let module = &sources()["store/mod.rs"];
    assert_eq!(
        module.matches("sled::").count(),
        module.matches("pub use self::sled::").count(),
        "only its re-export"
    );
}

#[test]
fn only_the_sandbox_knows_wasmtime() {
    assert_eq!(strays("wasmtime", &["sandbox/"]), Vec::<String>::new());
}

#[test]
fn http_statuses_are_known_from_run_view_up() {
    let found = strays("StatusCode", &[]);
    assert!(!found.is_empty(), "the gateway speaks HTTP");
    let low: Vec<_> = found.iter().filter(|file| rank(module_of(file)) > rank(LOWEST_OF_HTTP)).collect();
    assert!(low.is_empty(), "{low:?}");
}

#[test]
fn sockets_are_opened_in_one_place() {
    for needle in ["TcpStream", "reqwest", "UdpSocket", "UnixStream", "lookup_host", "ToSocketAddrs"] {
        assert_eq!(strays(needle, &["net/", "server/"]), Vec::<String>::new(), "{needle}");
    }
    // Tests of `net` answer themselves, on loopback.
    assert_eq!(strays("TcpListener", &["app.rs", "server/listener.rs", "net/test"]), Vec::<String>::new());
}

#[test]
fn s11_what_goes_out_goes_through_the_guard() {
    // The unguarded client is for servers that the operator names: on the command line, or as an ACME directory.
    assert_eq!(strays("net::Client", &["cli/", "server/acme/"]), Vec::<String>::new());
    let sources = sources();
    let importers = sources.iter().filter(|(_, text)| text.contains("Client") && text.contains("net::{"));
    let stray: Vec<_> = importers
        .map(|(file, _)| file)
        .filter(|file| module_of(file) != "net" && module_of(file) != "cli" && *file != "server/acme/http.rs")
        .collect();
    assert_eq!(stray, Vec::<&String>::new());
    // Inside `net`, requests are made by the two clients alone, and only one of them without the guard.
    let allowed = ["net/client.rs", "net/clients.rs"];
    assert_eq!(strays("reqwest::Client::builder", &allowed), Vec::<String>::new());
    for needle in ["TcpStream", "UdpSocket", "UnixStream", "hickory", "lettre", "default-send-request"] {
        assert_eq!(strays(needle, &["server/", "net/test"]), Vec::<String>::new(), "{needle}");
    }
}

#[test]
fn pure_floors_do_no_input_and_output() {
    for needle in ["std::fs", "std::net", "tokio::", "SystemTime", "Instant::now", "getrandom"] {
        let found = strays(needle, &[]);
        let pure: Vec<_> = found
            .iter()
            .filter(|file| {
                matches!(
                    module_of(file),
                    "model" | "verify" | "template" | "secrets" | "script" | "formats" | "identity"
                )
            })
            .collect();
        assert!(pure.is_empty(), "{needle}: {pure:?}");
    }
    for file in [
        "engine/run/transition/mod.rs",
        "engine/run/transition/walk.rs",
        "engine/line/queue.rs",
        "engine/workflow/groups.rs",
    ] {
        let text = &sources()[file];
        for needle in ["async ", "std::time", "tokio::", "store::"] {
            assert!(!text.contains(needle), "{file} is pure and contains {needle}");
        }
    }
}

#[test]
fn unsafe_stands_only_where_it_is_explained() {
    for (file, text) in sources() {
        if text.contains("unsafe ") {
            let whole = fs::read_to_string(root().join("src").join(&file)).unwrap();
            assert!(whole.contains("// SAFETY:"), "{file} has `unsafe` without a reason");
            // `main.rs` tells the allocator, which is C, how to treat freed memory.
            assert!(file.starts_with("sandbox/") || file == "main.rs", "{file} needs no `unsafe`");
        }
    }
}

#[test]
fn no_file_is_longer_than_a_reader_can_hold() {
    let mut long = Vec::new();
    for folder in ["src", "tests/it"] {
        let mut files = BTreeMap::new();
        let folder = root().join(folder);
        collect(&folder, &folder, &mut files);
        for (file, text) in files {
            let lines = text.lines().count();
            if lines > MAX_LINES && !LONGER.iter().any(|(longer, _)| *longer == file) {
                long.push(format!("{file}: {lines} lines"));
            }
        }
    }
    assert!(long.is_empty(), "{}", long.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for() {
    let src = root().join("src");
    for file in sources().keys() {
        let text = fs::read_to_string(src.join(file)).unwrap();
        assert!(text.starts_with("//!"), "{file} begins without a `//!` header");
    }
}
