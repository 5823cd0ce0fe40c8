//! The allocator: lists of small blocks over the standard one; during initialisation it also zeroes what it frees.
//!
//! What the prelude's parsing and the warm-up leave in freed memory would otherwise be stored in the snapshot, byte for byte.
//! After the snapshot that is one predictable branch, beside a count of the bytes in use (for `apis::pressure`).

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use crate::layout;

struct Allocator {
    zeroing: Cell<bool>,
    /// Bytes given out and not given back.
    in_use: Cell<usize>,
}

impl Allocator {
    fn took(&self, bytes: usize) {
        self.in_use.set(self.in_use.get().wrapping_add(bytes));
    }

    fn returned(&self, bytes: usize) {
        self.in_use.set(self.in_use.get().wrapping_sub(bytes));
    }
}

// SAFETY: the module is built without threads.
unsafe impl Sync for Allocator {}

/// Whether the snapshot is still being made.
struct Starting(Cell<bool>);

// SAFETY: the module is built without threads.
unsafe impl Sync for Starting {}

static STARTING: Starting = Starting(Cell::new(true));

#[global_allocator]
static ALLOCATOR: Allocator = Allocator { zeroing: Cell::new(true), in_use: Cell::new(0) };

/// Bytes that are allocated now, without the allocator's own.
pub(crate) fn bytes_in_use() -> usize {
    ALLOCATOR.in_use.get()
}

/// From here on freed memory is left as it is.
pub(crate) fn initialised() {
    STARTING.0.set(false);
    layout::done();
    fill_holes();
    // What is free now lies in those holes, too.
    LISTS.free.iter().for_each(|head| head.set(std::ptr::null_mut()));
    LISTS.left.set(0);
    ALLOCATOR.zeroing.set(false);
    zero_stack();
}

/// Whether what is freed is zeroed: while something is made that will be stored byte for byte.
pub(crate) fn zero_what_is_freed(zeroing: bool) {
    ALLOCATOR.zeroing.set(zeroing);
}

/// Zeroes what calls that have returned left on the stack: it would be stored with the memory.
#[inline(never)]
pub(crate) fn zero_stack() {
    /// Below the frame of this function and of what it calls.
    const MARGIN: usize = 256;
    /// Nothing points to the lowest bytes.
    const LOWEST: usize = 1 << 10;
    let here = 0_u8;
    let end = (&raw const here as usize).saturating_sub(MARGIN);
    // SAFETY: `--stack-first` puts the stack at the bottom of memory, it grows down, and nothing below this frame is alive.
    unsafe { core::ptr::write_bytes(LOWEST as *mut u8, 0, end.saturating_sub(LOWEST)) };
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

/// Blocks up to this size come from lists by size; larger ones from the standard allocator.
const SMALL: usize = 1 << 10;
/// Sizes are rounded up to this; no small block is aligned to more.
const STEP: usize = 16;
/// What the standard allocator is asked for at once.
const CHUNK: usize = 16 << 10;

/// Freed small blocks by size, and the rest of the chunk that new ones are cut from. A script allocates and frees little
/// else: this takes a tenth to a sixth off its time.
struct Small {
    free: [Cell<*mut u8>; SMALL / STEP + 1],
    next: Cell<*mut u8>,
    left: Cell<usize>,
}

// SAFETY: the module is built without threads.
unsafe impl Sync for Small {}

static LISTS: Small = Small {
    free: [const { Cell::new(std::ptr::null_mut()) }; SMALL / STEP + 1],
    next: Cell::new(std::ptr::null_mut()),
    left: Cell::new(0),
};

/// The index of the list for this block, if it is a small one.
#[inline]
fn list(layout: Layout) -> Option<usize> {
    (layout.size() <= SMALL && layout.align() <= STEP).then(|| layout.size().div_ceil(STEP))
}

/// A block of this layout, or null.
///
/// # Safety
/// The size is not zero.
#[inline]
unsafe fn allocate(layout: Layout) -> *mut u8 {
    if STARTING.0.get() {
        // SAFETY: the caller's promise.
        return unsafe { allocate_first(layout) };
    }
    // SAFETY: the caller's promise.
    unsafe { allocate_here(layout) }
}

/// While the snapshot is made: blocks that runs write to have a place of their own.
///
/// # Safety
/// The size is not zero.
#[cold]
unsafe fn allocate_first(layout: Layout) -> *mut u8 {
    let block = match layout::place(layout, list(layout).is_some()) {
        Some(block) => block,
        // SAFETY: the caller's promise.
        None => unsafe { allocate_here(layout) },
    };
    layout::note(block, layout.size());
    block
}

/// # Safety
/// The size is not zero.
#[inline]
unsafe fn allocate_here(layout: Layout) -> *mut u8 {
    let Some(index) = list(layout) else {
        // SAFETY: the caller's promise.
        return unsafe { System.alloc(layout) };
    };
    let head = LISTS.free[index].get();
    if !head.is_null() {
        // SAFETY: `free` wrote the next one of the list there, and nobody else has the block.
        LISTS.free[index].set(unsafe { *head.cast::<*mut u8>() });
        return head;
    }
    let size = index * STEP;
    if LISTS.left.get() < size && !more() {
        return std::ptr::null_mut();
    }
    let block = LISTS.next.get();
    // SAFETY: the chunk has `left` bytes from here on.
    LISTS.next.set(unsafe { block.add(size) });
    LISTS.left.set(LISTS.left.get() - size);
    block
}

/// Begins a chunk; what is left of the one before stays unused.
#[cold]
#[inline(never)]
fn more() -> bool {
    let layout = Layout::from_size_align(CHUNK, STEP).expect("a small power of two");
    // SAFETY: the size is not zero.
    let chunk = unsafe { System.alloc(layout) };
    if chunk.is_null() {
        return false;
    }
    LISTS.next.set(chunk);
    LISTS.left.set(CHUNK);
    true
}

/// Gives a block back.
///
/// # Safety
/// `allocate` gave it for this layout, and nobody uses it any more.
#[inline]
unsafe fn free(block: *mut u8, layout: Layout) {
    match list(layout) {
        Some(index) => {
            // SAFETY: a small block has room for a pointer, and is aligned for it.
            unsafe { *block.cast::<*mut u8>() = LISTS.free[index].get() };
            LISTS.free[index].set(block);
        }
        // SAFETY: it came from there.
        None => unsafe { System.dealloc(block, layout) },
    }
}

// SAFETY: blocks come from the standard allocator or are cut from its blocks, each given out once until it is freed.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.took(layout.size());
        // SAFETY: the caller's promises.
        unsafe { allocate(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.took(layout.size());
        if list(layout).is_none() && !STARTING.0.get() {
            // SAFETY: as above.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: as above; the block has this size.
        unsafe {
            let block = allocate(layout);
            if !block.is_null() {
                block.write_bytes(0, layout.size());
            }
            block
        }
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        self.returned(layout.size());
        if self.zeroing.get() {
            // SAFETY: the block is `layout.size()` bytes and nobody's any more.
            unsafe { ptr.write_bytes(0, layout.size()) };
        }
        // SAFETY: the caller's promises.
        unsafe { free(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller promises a valid size.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        if !self.zeroing.get() {
            let grown = |block| {
                self.returned(layout.size());
                self.took(new_size);
                block
            };
            match (list(layout), list(new_layout)) {
                (Some(old), Some(new)) if old == new => return grown(ptr),
                // SAFETY: it came from there.
                (None, None) => return grown(unsafe { System.realloc(ptr, layout, new_size) }),
                (Some(_) | None, _) => {}
            }
        }
        // SAFETY: both blocks are as large as their layouts; the old one is given up.
        unsafe {
            let new = allocate(new_layout);
            if !new.is_null() {
                self.took(new_size);
                new.copy_from_nonoverlapping(ptr, layout.size().min(new_size));
                self.dealloc(ptr, layout);
            }
            new
        }
    }
}
