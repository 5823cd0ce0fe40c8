//! JSON that a person gives on the command line: the text itself, a file, or stdin.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context;
use serde_json::Value;

use crate::files;

/// The size limit of what is given, bytes, so that a wrong file does not fill the memory.
pub(super) const MAX_BYTES: u64 = 64 << 20;

/// A text that was given, and how messages call it.
pub(super) struct Given {
    pub(super) text: String,
    pub(super) name: PathBuf,
}

/// Reads what `option` was given: JSON in place when it begins like an object, an array or a text, stdin for `-`, else the
/// file of this name. `@file` names a file too, as curl has it.
pub(super) fn text(given: &str, option: &str) -> anyhow::Result<Given> {
    let in_place = || Given { text: given.to_owned(), name: PathBuf::from(option) };
    if given.trim_start().starts_with(['{', '[', '"']) {
        return Ok(in_place());
    }
    let is_file = given == "-" || file_of(given).exists();
    if !is_file && serde_json::from_str::<Value>(given).is_ok() {
        return Ok(in_place());
    }
    content(given, option).with_context(|| format!("{option} takes JSON, a file with JSON, or `-` for stdin"))
}

/// Reads any text: stdin for `-`, else the file of this name, or `@file`.
pub(super) fn content(given: &str, option: &str) -> anyhow::Result<Given> {
    if given != "-" {
        let path = file_of(given);
        return Ok(Given { text: files::given_text(path, MAX_BYTES)?, name: path.to_owned() });
    }
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{option}: stdin cannot be read"))?;
    let text = files::decoded(bytes).with_context(|| format!("{option}: stdin is not UTF-8 text"))?;
    Ok(Given { text, name: PathBuf::from(option) })
}

fn file_of(given: &str) -> &Path {
    Path::new(given.strip_prefix('@').unwrap_or(given))
}

/// The same, as a value.
pub(super) fn json(given: &str, option: &str) -> anyhow::Result<Value> {
    let Given { text, name } = text(given, option)?;
    serde_json::from_str(&text).with_context(|| format!("{} is not JSON", name.display()))
}
