//! Where the snapshot puts the blocks that every run writes to: side by side, not spread over hundreds of pages.
//!
//! A run in a fresh instance pays for each page that it writes first, and Boa writes to nearly every object that it passes (counts of
//! references, inline caches). Initialisation allocates the same blocks in the same order each time, so `layout.mjs` can learn which
//! of them typical scripts write to, by their numbers, and `scripts/build-js-engine` puts the list into [`TABLE`] before the snapshot.
//! A wrong or missing list costs time, nothing else.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::UnsafeCell,
};

/// Blocks that can be told of.
const MOST: usize = 1 << 20;
/// Lists by how many scripts write to their blocks; 0 is no list.
const LISTS: usize = 3;
/// What a block in a list is aligned to.
const STEP: usize = 16;
/// Pages of the log, 64 KiB each.
const LOG_PAGES: usize = MOST * 8 / (64 << 10);

/// Found in the file by its first bytes, so it is not all zero.
#[repr(C)]
struct Table {
    mark: [u8; 16],
    /// 1 while the numbers are learned: then every block is logged.
    learn: u32,
    /// What the blocks of each list take together, bytes.
    bytes: [u32; LISTS],
    /// Number of the next block.
    next: u32,
    /// Where the log stands: address and size of each block, 32 bits each.
    log: u32,
    /// The list of each block, 2 bits each.
    lists: [u8; MOST / 4],
    /// What is left of each list's region.
    regions: [(usize, usize); LISTS],
}

struct OneThread(UnsafeCell<Table>);

// SAFETY: the module is built without threads.
unsafe impl Sync for OneThread {}

static TABLE: OneThread = OneThread(UnsafeCell::new(Table {
    mark: *b"FLOWCELL-LAYOUT1",
    learn: 0,
    bytes: [0; LISTS],
    next: 0,
    log: 0,
    lists: [0; MOST / 4],
    regions: [(0, 0); LISTS],
}));

/// For `layout.mjs`: where the table is.
#[unsafe(no_mangle)]
pub extern "C" fn layout_table() -> *const u8 {
    TABLE.0.get().cast()
}

/// The place of the next block of initialisation, if it is one that runs write to and `small`.
pub(crate) fn place(layout: Layout, small: bool) -> Option<*mut u8> {
    // SAFETY: one thread, and nothing in here allocates through the allocator that calls this.
    let table = unsafe { &mut *TABLE.0.get() };
    let number = table.next as usize;
    table.next += 1;
    if number >= MOST || !small {
        return None;
    }
    let list = usize::from(table.lists[number / 4] >> (number % 4 * 2) & 3).checked_sub(1)?;
    if table.regions[list].0 == 0 {
        let bytes = table.bytes[list] as usize;
        // SAFETY: the size is not zero: this block is in the list.
        let region = unsafe { System.alloc(Layout::from_size_align(bytes, STEP).ok()?) };
        table.regions[list] = (region as usize, if region.is_null() { 0 } else { bytes });
    }
    let (next, left) = &mut table.regions[list];
    let size = layout.size().next_multiple_of(STEP);
    if *left < size {
        return None;
    }
    let block = *next as *mut u8;
    *next += size;
    *left -= size;
    Some(block)
}

/// Notes where the block just placed is.
pub(crate) fn note(block: *mut u8, size: usize) {
    // SAFETY: as in `place`.
    let table = unsafe { &mut *TABLE.0.get() };
    let number = table.next as usize - 1;
    if table.learn == 0 || number >= MOST {
        return;
    }
    if table.log == 0 {
        table.log = (core::arch::wasm32::memory_grow(0, LOG_PAGES) << 16) as u32;
    }
    let entry = (table.log as usize + number * 8) as *mut u32;
    // SAFETY: the log has room for `MOST` entries.
    unsafe {
        entry.write(block as usize as u32);
        entry.add(1).write(size as u32);
    }
}

/// Empties the table, so that the snapshot does not hold it.
pub(crate) fn done() {
    // SAFETY: as in `place`.
    let table = unsafe { &mut *TABLE.0.get() };
    if table.learn == 0 {
        table.lists.fill(0);
    }
}
