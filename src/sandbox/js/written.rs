//! Which pages of a guest's memory were written to, by what the kernel says.
//!
//! A page of a snapshot is shared until it is written: the first write copies it, with a page fault. From then on the page is
//! private and writable, and further writes need no fault. So a thread that had no fault wrote to no page but those that
//! were private before.

use std::{fs::File, os::unix::fs::FileExt, sync::LazyLock};

use rustix::mm::{Advice, madvise};

/// What the kernel maps at once.
pub(super) const PAGE: usize = 4 << 10;

/// Opened once: a server closes its memory to others after its start, and then this file is root's.
static PAGEMAP: LazyLock<Option<File>> = LazyLock::new(|| File::open("/proc/self/pagemap").ok());

/// The pages of this memory that may have been written to since it was mapped, ascending: copies of its own, in memory or
/// swapped out. Also those that were written to with what was there. Nothing where the kernel does not tell.
pub(super) fn written(memory: &[u8]) -> Option<Vec<usize>> {
    let pagemap = PAGEMAP.as_ref()?;
    match scan::private(pagemap, memory) {
        Some(pages) => Some(pages),
        None => listed(pagemap, memory),
    }
}

/// As [`written`], by the list of all pages, which any kernel has. It also has the pages that were only read where nothing was ever
/// written.
fn listed(pagemap: &File, memory: &[u8]) -> Option<Vec<usize>> {
    let mut entries = vec![0; memory.len().div_ceil(PAGE) * size_of::<u64>()];
    let first = (memory.as_ptr() as usize / PAGE * size_of::<u64>()) as u64;
    pagemap.read_exact_at(&mut entries, first).ok()?;
    // Present (63) or swapped out (62), and no page of the snapshot's file (61).
    let private = |entry: &[u8]| {
        let entry = u64::from_ne_bytes(entry.try_into().expect("chunks of eight"));
        entry & (0b11 << 62) != 0 && entry & (1 << 61) == 0
    };
    let pages = entries.chunks_exact(size_of::<u64>()).enumerate();
    Some(pages.filter(|(_, entry)| private(entry)).map(|(page, _)| page).collect())
}

/// Linux 6.7 and newer: `PAGEMAP_SCAN`, `include/uapi/linux/fs.h`.
#[cfg(target_os = "linux")]
mod scan {
    use std::{fs::File, os::fd::AsRawFd};

    use super::PAGE;

    /// `_IOWR('f', 16, struct pm_scan_arg)`.
    const PAGEMAP_SCAN: u64 = 0xc060_6610;
    const FILE: u64 = 1 << 2;
    const PRESENT: u64 = 1 << 3;
    const SWAPPED: u64 = 1 << 4;
    const ZERO: u64 = 1 << 5;

    /// `struct pm_scan_arg`.
    #[repr(C)]
    #[derive(Default)]
    struct Scan {
        size: u64,
        flags: u64,
        start: u64,
        end: u64,
        walk_end: u64,
        regions: u64,
        regions_most: u64,
        pages_most: u64,
        inverted: u64,
        all_of: u64,
        any_of: u64,
        shown: u64,
    }

    /// `struct page_region`.
    #[repr(C)]
    #[derive(Clone, Copy, Default)]
    struct Region {
        start: u64,
        end: u64,
        categories: u64,
    }

    /// The pages that are in memory or swapped out, and neither of a file nor the page of zeros that all share.
    pub(super) fn private(pagemap: &File, memory: &[u8]) -> Option<Vec<usize>> {
        let mut regions = [Region::default(); 256];
        let first = memory.as_ptr() as u64;
        let end = first + memory.len() as u64;
        let (mut start, mut pages) = (first, Vec::new());
        while start < end {
            let mut scan = Scan {
                size: size_of::<Scan>() as u64,
                start,
                end,
                regions: regions.as_mut_ptr() as u64,
                regions_most: regions.len() as u64,
                inverted: FILE | ZERO,
                all_of: FILE | ZERO,
                any_of: PRESENT | SWAPPED,
                ..Scan::default()
            };
            // SAFETY: `scan` and `regions` have the layout of the kernel's structures; it writes to `scan` and to at most
            // `regions_most` of the regions, and both outlive the call. It only reads the map of `memory`.
            let found = unsafe { libc::ioctl(pagemap.as_raw_fd(), PAGEMAP_SCAN as _, &mut scan) };
            let found = usize::try_from(found).ok()?;
            for region in regions.get(..found)? {
                let page = |address: u64| ((address - first) / PAGE as u64) as usize;
                pages.extend(page(region.start)..page(region.end));
            }
            if scan.walk_end <= start {
                return None;
            }
            start = scan.walk_end;
        }
        Some(pages)
    }
}

#[cfg(not(target_os = "linux"))]
mod scan {
    pub(super) fn private(_: &std::fs::File, _: &[u8]) -> Option<Vec<usize>> {
        None
    }
}

/// Whether the kernel tells the pages that were only read from those that were written to.
#[cfg(test)]
pub(super) fn is_exact() -> bool {
    PAGEMAP.as_ref().is_some_and(|pagemap| scan::private(pagemap, &[]).is_some())
}

/// The page faults that the kernel has handled for this thread so far. Nothing where it does not tell.
#[cfg(target_os = "linux")]
pub(super) fn faults() -> Option<i64> {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: `usage` is as large as the system's structure, which is plain numbers and was zeroed.
    let usage = unsafe {
        if libc::getrusage(libc::RUSAGE_THREAD, usage.as_mut_ptr()) != 0 {
            return None;
        }
        usage.assume_init()
    };
    Some(usage.ru_minflt.saturating_add(usage.ru_majflt))
}

/// Other systems count the faults of the whole process alone.
#[cfg(not(target_os = "linux"))]
pub(super) fn faults() -> Option<i64> {
    None
}

/// Has this memory mapped in pages of [`PAGE`] alone from now on. Otherwise the kernel may join pages to a huge one at any
/// time, and pages that nobody wrote to would become writable without a fault. Whether that is so now.
pub(super) fn in_small_pages(memory: &mut [u8]) -> bool {
    // SAFETY: it is mapped memory that we hold exclusively, and the advice changes no byte of it.
    let advised = unsafe { madvise(memory.as_mut_ptr().cast(), memory.len(), Advice::LinuxNoHugepage) };
    match advised {
        Ok(()) => true,
        // A kernel that has no huge pages.
        Err(error) => error == rustix::io::Errno::INVAL,
    }
}

/// Gives pages back to the system: they are what they were when the memory was mapped, and the next write to one needs a fault.
pub(super) fn give_back(pages: &mut [u8]) -> bool {
    // SAFETY: it is mapped memory that we hold exclusively. The caller checks the bytes that are there afterwards, or drops the
    // instance next.
    unsafe { madvise(pages.as_mut_ptr().cast(), pages.len(), Advice::LinuxDontNeed) }.is_ok()
}

#[cfg(test)]
mod tests {
    use std::alloc::{Layout, alloc_zeroed, dealloc};

    use super::*;

    #[test]
    fn pages_are_known_from_the_first_write_on_and_without_a_fault_there_is_no_other() {
        const PAGES: usize = 3_000;
        let layout = Layout::from_size_align(PAGES * PAGE, 2 << 20).unwrap();
        // SAFETY: the layout is not empty, and the memory is given back below.
        let memory = unsafe { std::slice::from_raw_parts_mut(alloc_zeroed(layout), PAGES * PAGE) };
        assert!(in_small_pages(memory));
        assert!(give_back(memory));
        let Some(none) = written(memory) else { return };
        assert_eq!(none, [] as [usize; 0]);
        for page in (0..PAGES).step_by(7) {
            memory[page * PAGE + 5] = 1;
        }
        let known = written(memory).unwrap();
        assert_eq!(known, (0..PAGES).step_by(7).collect::<Vec<_>>());
        assert_eq!(listed(PAGEMAP.as_ref().unwrap(), memory).unwrap(), known);
        let before = faults();
        for page in &known {
            memory[page * PAGE..][..PAGE].fill(9);
        }
        assert_eq!(faults(), before, "they are private already");
        memory[PAGE] = 1;
        assert_ne!(faults(), before);
        assert!(written(memory).unwrap().contains(&1));
        if is_exact() {
            let read: u32 = memory.iter().map(|byte| u32::from(*byte)).sum();
            assert!(read > 0 && written(memory).unwrap().len() == known.len() + 1);
        }
        assert!(give_back(&mut memory[7 * PAGE..8 * PAGE]));
        assert!(!written(memory).unwrap().contains(&7) && memory[7 * PAGE + 5] == 0);
        // SAFETY: it was allocated above with this layout.
        unsafe { dealloc(memory.as_mut_ptr(), layout) };
    }
}
