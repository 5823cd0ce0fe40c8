//! `engine.wasm.br` was built from exactly these sources: recomputes what `scripts/build-js-engine` wrote to `engine.lock`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use sha2::{Digest, Sha256};

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn files_below(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_below(&path, out);
        } else {
            out.push(path);
        }
    }
}

/// The sha256 over the lines `<sha256 of the file>  <path>\n`, sorted by path.
fn source_hash(root: &Path) -> String {
    let mut files = vec![
        root.join("Cargo.toml"),
        root.join("Cargo.lock"),
        root.join(".cargo/config.toml"),
        root.join("layout.mjs"),
    ];
    files_below(&root.join("src"), &mut files);
    files_below(&root.join("patches"), &mut files);
    let mut names: Vec<String> = files
        .iter()
        .map(|file| file.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/"))
        .collect();
    names.sort();
    let lines: String =
        names.iter().map(|name| format!("{}  {name}\n", hex(&fs::read(root.join(name)).unwrap()))).collect();
    hex(lines.as_bytes())
}

#[test]
fn the_committed_engine_matches_its_sources() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lock = fs::read_to_string(root.join("engine.lock")).unwrap();
    let value = |name: &str| {
        let line = lock.lines().find_map(|line| line.strip_prefix(name));
        line.unwrap().trim().to_owned()
    };
    let advice = "run scripts/build-js-engine";
    assert_eq!(value("source "), source_hash(root), "{advice}");
    let packed = fs::read(root.join("engine.wasm.br")).unwrap();
    assert_eq!(value("engine.wasm.br "), hex(&packed), "{advice}");
}
