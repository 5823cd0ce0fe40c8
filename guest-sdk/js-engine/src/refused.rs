//! Imports that were refused, and where they stand in the importing file: Boa raises the refusal outside of any call, without a place.
//!
//! `modules.rs` notes them, `failure.rs` asks.

use std::cell::RefCell;

use crate::{
    imports,
    stack::{self, FileId, Frame},
};

thread_local! {
    /// Messages of refused imports and where those stand.
    static REFUSED: RefCell<Vec<(String, FileId, u32, u32)>> = const { RefCell::new(Vec::new()) };
}

/// Forgets those of the script before.
pub(crate) fn clear() {
    REFUSED.with_borrow_mut(Vec::clear);
}

/// Notes that an import at this place is refused with this message.
pub(crate) fn note(message: &str, file: FileId, (line, column): (u32, u32)) {
    REFUSED.with_borrow_mut(|refused| refused.push((message.to_owned(), file, line, column)));
}

/// Where the import stands that was refused with this message.
pub(crate) fn place(message: &str) -> Option<Frame> {
    let known = REFUSED.with_borrow(|refused| {
        let (_, file, line, column) = refused.iter().find(|(text, ..)| text == message)?;
        Some((*file, *line, *column))
    });
    // Boa's words for a name that no module exports.
    let absent = || {
        let name = message.strip_prefix("could not find export `")?.strip_suffix('`')?;
        (0..stack::file_count()).find_map(|file| {
            let (line, column) = stack::with_source(file, |source| imports::place_of_name(name, source))?;
            Some((file, line, column))
        })
    };
    let (file, line, column) = known.or_else(absent)?;
    Some(Frame { file, function: "<anonymous>".to_owned(), line, column })
}
