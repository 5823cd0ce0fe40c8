//! The guest as it is committed: packed, because a server needs it only when no compiled form is in its cache.

use std::io::Read;

/// `guest-sdk/js-engine` holds its sources, and `scripts/build-js-engine` writes it.
static PACKED: &[u8] = include_bytes!("../../../guest-sdk/js-engine/engine.wasm.br");
/// What it was built from and what its hashes are.
const LOCK: &str = include_str!("../../../guest-sdk/js-engine/engine.lock");

/// The guest as a WebAssembly module, some 9 MB.
pub(super) fn wasm() -> Vec<u8> {
    let mut wasm = Vec::new();
    brotli::Decompressor::new(PACKED, 64 << 10).read_to_end(&mut wasm).expect("the committed engine unpacks");
    wasm
}

/// The sha256 of [`wasm`], in hex: a test holds the lock to it, so that a start need not unpack and hash it.
pub(super) fn sha256() -> &'static str {
    locked("engine.wasm ")
}

/// The value of a line of the lock.
fn locked(name: &str) -> &'static str {
    LOCK.lines().find_map(|line| line.strip_prefix(name)).expect("the lock has this line").trim()
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        path::{Path, PathBuf},
    };

    use sha2::{Digest, Sha256};

    use super::*;

    fn hash(bytes: &[u8]) -> String {
        hex::encode(Sha256::digest(bytes))
    }

    fn files_below(folder: &Path, files: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { files_below(&path, files) } else { files.push(path) }
        }
    }

    /// What `scripts/build-js-engine` calls `source`: a hash over `<hash>  <path>` lines, sorted by path.
    fn source_hash(root: &Path) -> String {
        let mut files = ["Cargo.toml", "Cargo.lock", ".cargo/config.toml", "layout.mjs"]
            .map(|name| root.join(name))
            .to_vec();
        files_below(&root.join("src"), &mut files);
        files_below(&root.join("patches"), &mut files);
        let mut names: Vec<_> =
            files.iter().map(|file| file.strip_prefix(root).unwrap().to_str().unwrap().to_owned()).collect();
        names.sort();
        let line = |name: &String| format!("{}  {name}\n", hash(&fs::read(root.join(name)).unwrap()));
        hash(names.iter().map(line).collect::<String>().as_bytes())
    }

    #[test]
    fn the_committed_engine_was_built_from_the_committed_sources() {
        let root = &Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-sdk/js-engine");
        let advice = "run scripts/build-js-engine";
        assert_eq!(locked("source "), source_hash(root), "{advice}");
        assert_eq!(locked("engine.wasm.br "), hash(PACKED), "{advice}");
        assert_eq!(sha256(), hash(&wasm()), "{advice}");
    }

    #[test]
    fn the_engine_is_a_wasm_module_of_at_most_9_mib_and_is_committed_in_a_quarter_of_that() {
        let wasm = wasm();
        assert_eq!(&wasm[..4], b"\0asm");
        assert!(wasm.len() <= 9 << 20, "{} bytes", wasm.len());
        assert!(PACKED.len() <= wasm.len() / 4, "{} bytes", PACKED.len());
    }
}
