//! For the tests of this module.

/// Waits for a future; the store needs no runtime of its own.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime without drivers");
    runtime.block_on(future)
}
