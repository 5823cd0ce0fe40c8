//! Each mend of `src/mends` is still needed: these run Boa's own builtins, without the mends, and fail when Boa has become right. Then the
//! mend goes.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use boa_engine::{Context, JsValue, Source};

/// Counts the bytes in use, and the most at once.
struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// One test at a time: they measure memory and time.
static ALONE: Mutex<()> = Mutex::new(());

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let in_use = IN_USE.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK.fetch_max(in_use, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Evaluates a script with Boa's own builtins.
fn evaluate(source: &str) -> JsValue {
    let mut context = Context::default();
    context.eval(Source::from_bytes(source)).unwrap_or_else(|error| panic!("{source}: {error}"))
}

fn panics(source: &str) -> bool {
    catch_unwind(AssertUnwindSafe(|| evaluate(source))).is_err()
}

/// How long a script takes in a context that is ready.
fn time(source: &str) -> Duration {
    let mut context = Context::default();
    let start = Instant::now();
    context.eval(Source::from_bytes(source)).unwrap();
    start.elapsed()
}

/// The most memory that a script needs beyond its context.
fn memory(source: &str) -> usize {
    let mut context = Context::default();
    let before = IN_USE.load(Ordering::Relaxed);
    PEAK.store(before, Ordering::Relaxed);
    context.eval(Source::from_bytes(source)).unwrap();
    PEAK.load(Ordering::Relaxed) - before
}

/// Four times the work takes about sixteen times as long, not four.
fn is_quadratic(script: impl Fn(usize) -> String, size: usize) -> bool {
    time(&script(4 * size)).as_secs_f64() > 8.0 * time(&script(size)).as_secs_f64()
}

#[test]
fn sort_panics_when_a_comparator_contradicts_itself() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let shuffle = |seed: usize| {
        format!(
            "let x = {seed}; Array.from({{ length: 200 }}, (_, i) => i).sort(() => (x = (x * 1103515245 + 12345) & 0x7fffffff) % 3 - 1)"
        )
    };
    assert!((1..50).any(|seed| panics(&shuffle(seed))), "src/mends/sort.rs is not needed any more");
}

#[test]
fn slice_panics_when_its_argument_shrinks_the_buffer() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let script = "const b = new ArrayBuffer(8, { maxByteLength: 8 }); b.slice({ valueOf() { b.resize(0); return 0 } }, 8)";
    assert!(panics(script), "slice of src/mends/resizable.rs is not needed any more");
}

#[test]
fn exec_converts_the_whole_text_for_each_match() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let script = |n: usize| {
        format!(
            "const t = 'ab'.repeat({n}), r = /a/g; for (let i = 0; i < 500; i++) {{ r.lastIndex = 0; r.exec(t); }}"
        )
    };
    let (short, long) = (time(&script(100)), time(&script(500_000)));
    assert!(long > 5 * short, "src/mends/regexp.rs is not needed any more: {long:?} against {short:?}");
}

#[test]
fn index_of_is_quadratic_in_a_loop_over_the_occurrences() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let script = |n: usize| {
        format!("const t = 'ab'.repeat({n}); let at = -1; while ((at = t.indexOf('a', at + 1)) >= 0);")
    };
    assert!(is_quadratic(script, 4_000), "src/mends/search.rs is not needed any more");
}

#[test]
fn repeat_takes_many_bytes_a_copy() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    assert!(memory("'x'.repeat(1_000_000)") > 8_000_000, "src/mends/repeat.rs is not needed any more");
}

#[test]
fn json_goes_through_the_parser_of_the_language() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let text = format!("[{}]", vec![r#"{"a":1,"b":[true,null,"text"]}"#; 4_000].join(","));
    let start = Instant::now();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let by_serde = start.elapsed();
    assert!(value.is_array());
    let by_boa = time(&format!("JSON.parse('{text}')"));
    assert!(
        by_boa > 3 * by_serde,
        "src/mends/json.rs is not needed any more: {by_boa:?} against {by_serde:?}"
    );
}

#[test]
fn the_collector_does_not_count_the_bytes_of_buffers() {
    let _alone = ALONE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let script = "for (let i = 0; i < 100; i++) new Uint8Array(1 << 20)";
    assert!(memory(script) > 50 << 20, "src/mends/pressure.rs is not needed any more");
}
