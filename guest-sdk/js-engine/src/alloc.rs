//! The allocator: the standard one, which during initialisation also zeroes what it frees.
//!
//! What the prelude's parsing and the warm-up leave in freed memory would otherwise be stored in the snapshot, byte for byte.
//! After the snapshot it is the standard allocator and one predictable branch.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

struct Allocator {
    zeroing: Cell<bool>,
}

// SAFETY: the module is built without threads.
unsafe impl Sync for Allocator {}

#[global_allocator]
static ALLOCATOR: Allocator = Allocator { zeroing: Cell::new(true) };

/// From here on freed memory is left as it is.
pub(crate) fn initialised() {
    fill_holes();
    ALLOCATOR.zeroing.set(false);
}

/// Gives away the holes between what initialisation left alive, so that a run allocates from one fresh region.
///
/// A run in a fresh instance pays for every page it touches first; holes would spread its few kilobytes over a hundred pages.
fn fill_holes() {
    const LARGEST: usize = 64 << 10;
    let layout = |size| Layout::from_size_align(size, 8).expect("a small power of two");
    // What no hole can hold comes from the fresh region, and so does everything above it.
    let probe = layout(1 << 20);
    // SAFETY: the size is not zero; the block is given back at once.
    let fresh = unsafe {
        let block = System.alloc(probe);
        System.dealloc(block, probe);
        block
    };
    for size in (8..=LARGEST).rev().step_by(8) {
        loop {
            // SAFETY: the size is not zero.
            let block = unsafe { System.alloc(layout(size)) };
            if block.is_null() || block >= fresh {
                // SAFETY: from the line above; a null block is not given back.
                unsafe {
                    if !block.is_null() {
                        System.dealloc(block, layout(size));
                    }
                }
                break;
            }
        }
    }
}

// SAFETY: every call goes to the standard allocator; zeroing touches only what its owner gave up.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promises are the standard allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        if self.zeroing.get() {
            // SAFETY: the block is `layout.size()` bytes and nobody's any more.
            unsafe { ptr.write_bytes(0, layout.size()) };
        }
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if !self.zeroing.get() {
            // SAFETY: as above.
            return unsafe { System.realloc(ptr, layout, new_size) };
        }
        // SAFETY: as above; the default would move the block without zeroing the old one through `dealloc`.
        unsafe {
            let new = System.alloc(Layout::from_size_align_unchecked(new_size, layout.align()));
            if !new.is_null() {
                new.copy_from_nonoverlapping(ptr, layout.size().min(new_size));
                self.dealloc(ptr, layout);
            }
            new
        }
    }
}
