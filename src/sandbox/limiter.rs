//! Sums what one instance holds: wasmtime's own limits count each memory on its own.

use wasmtime::ResourceLimiter;

/// Bytes a table element is counted with.
const ELEMENT: usize = size_of::<usize>();

/// Raised out of `memory.grow` and `table.grow`, so that the guest ends there and the cause is exact.
#[derive(Debug, thiserror::Error)]
#[error("{asked} bytes of memory asked for, {limit} allowed")]
pub(super) struct MemoryLimitHit {
    pub(super) asked: usize,
    pub(super) limit: usize,
}

/// Memories and tables of one store, together.
pub(super) struct Limiter {
    limit: usize,
    held: usize,
    peak: usize,
    /// Instances, memories and tables that there may be.
    most: [usize; 3],
}

impl Limiter {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, held: 0, peak: 0, most: [1, 1, 2] }
    }

    /// For uploaded modules: components consist of several core modules. `most` are instances, memories and tables.
    pub(super) fn of_component(limit: usize, most: [u32; 3]) -> Self {
        Self { most: most.map(|most| most as usize), ..Self::new(limit) }
    }

    /// Of an instance that holds so many bytes already.
    pub(super) fn holding(limit: usize, held: usize) -> Self {
        Self { held, peak: held, ..Self::new(limit) }
    }

    /// What is held at present, bytes.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// The most that was held at once, bytes.
    pub(super) fn peak(&self) -> usize {
        self.peak
    }

    fn grow(&mut self, current: usize, desired: usize) -> wasmtime::Result<bool> {
        let asked = self.held.saturating_add(desired.saturating_sub(current));
        if asked > self.limit {
            return Err(MemoryLimitHit { asked, limit: self.limit }.into());
        }
        self.held = asked;
        self.peak = self.peak.max(asked);
        Ok(true)
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.grow(current, desired)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.grow(current.saturating_mul(ELEMENT), desired.saturating_mul(ELEMENT))
    }

    fn instances(&self) -> usize {
        self.most[0]
    }

    fn memories(&self) -> usize {
        self.most[1]
    }

    fn tables(&self) -> usize {
        self.most[2]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_are_summed() {
        let mut limiter = Limiter::new(1_000);
        assert!(limiter.memory_growing(0, 600, None).is_ok());
        assert!(limiter.table_growing(0, 50, None).is_ok());
        assert!(limiter.memory_growing(600, 601, None).is_err());
        assert_eq!(limiter.peak(), 1_000);
        assert!(limiter.memory_growing(600, usize::MAX, None).is_err());
    }
}
