//! How much of the sandbox is taken at a moment.

/// Slots and memory, and how much of them is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Room {
    /// Scripts that may be executed at once, and those that are.
    pub script_slots: u64,
    pub script_slots_used: u64,
    /// The same of plugins.
    pub plugin_slots: u64,
    pub plugin_slots_used: u64,
    /// Memory that all of them share, bytes, and what they hold of it.
    pub memory: u64,
    pub memory_used: u64,
    /// Calls that wait for a slot or for memory.
    pub waiting: u64,
}
