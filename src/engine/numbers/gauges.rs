//! Numbers that are looked at when somebody asks: how full everything is.

use std::sync::atomic::{AtomicU64, Ordering};

use prometheus_client::{
    metrics::{counter::Counter, gauge::Gauge},
    registry::{Registry, Unit},
};
use serde::Serialize;

/// How full everything is. Sizes are bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Whether events are accepted.
    pub ready: bool,
    /// Runs that are accepted and neither finished nor waiting, and how many there may be.
    pub pending_runs: u64,
    pub pending_runs_most: u64,
    /// Runs that are executed, and how many may be.
    pub running_runs: u64,
    pub running_runs_most: u64,
    /// Runs that wait durably, and what they hold in the store.
    pub waiting_runs: u64,
    pub waiting_bytes: u64,
    pub store_live_bytes: u64,
    pub store_disk_bytes: u64,
    pub store_history_bytes: u64,
    pub store_history_bytes_most: u64,
    /// What the store may still write; nothing where the system does not say.
    pub store_free_bytes: Option<u64>,
    pub sandbox_script_slots: u64,
    pub sandbox_script_slots_used: u64,
    pub sandbox_plugin_slots: u64,
    pub sandbox_plugin_slots_used: u64,
    pub sandbox_memory_bytes: u64,
    pub sandbox_memory_used_bytes: u64,
    /// Calls that wait for a slot or for memory.
    pub sandbox_waiting: u64,
    /// Things that are wrong now.
    pub problems: u64,
    /// When the certificate ends, seconds since the epoch; nothing without TLS.
    pub certificate_end_seconds: Option<u64>,
    /// What the process has computed, seconds; and the memory that it holds.
    pub process_cpu_seconds: f64,
    pub process_resident_memory_bytes: u64,
    /// When it began, seconds since the epoch.
    pub process_start_seconds: u64,
}

type One = fn(&Figures) -> Option<u64>;

/// Names, what they mean, and where they are in [`Figures`].
const GAUGES: [(&str, &str, One); 22] = [
    ("flowcell_ready", "Whether events are accepted (1) or would be refused (0)", |it| Some(it.ready.into())),
    ("flowcell_pending_runs", "Runs that are accepted and neither finished nor waiting", |it| {
        Some(it.pending_runs)
    }),
    ("flowcell_pending_runs_most", "Pending runs beyond which events are refused", |it| {
        Some(it.pending_runs_most)
    }),
    ("flowcell_running_runs", "Runs that are being executed", |it| Some(it.running_runs)),
    ("flowcell_running_runs_most", "Runs that may be executed at once", |it| Some(it.running_runs_most)),
    ("flowcell_waiting_runs", "Runs that wait durably", |it| Some(it.waiting_runs)),
    ("flowcell_waiting_bytes", "Bytes that waiting runs hold in the store", |it| Some(it.waiting_bytes)),
    ("flowcell_store_live_bytes", "Bytes of live keys and values", |it| Some(it.store_live_bytes)),
    ("flowcell_store_disk_bytes", "Bytes of the files of what is live", |it| Some(it.store_disk_bytes)),
    ("flowcell_store_history_bytes", "Bytes of the files of ended runs", |it| Some(it.store_history_bytes)),
    ("flowcell_store_history_bytes_most", "Bytes beyond which ended runs are dropped early", |it| {
        Some(it.store_history_bytes_most)
    }),
    ("flowcell_store_free_bytes", "Bytes that the store may still write", |it| it.store_free_bytes),
    ("flowcell_sandbox_script_slots", "Scripts that may be executed at once", |it| {
        Some(it.sandbox_script_slots)
    }),
    ("flowcell_sandbox_script_slots_used", "Scripts that are being executed", |it| {
        Some(it.sandbox_script_slots_used)
    }),
    ("flowcell_sandbox_plugin_slots", "Plugins that may be executed at once", |it| {
        Some(it.sandbox_plugin_slots)
    }),
    ("flowcell_sandbox_plugin_slots_used", "Plugins that are being executed", |it| {
        Some(it.sandbox_plugin_slots_used)
    }),
    ("flowcell_sandbox_memory_bytes", "Memory that scripts and plugins share", |it| {
        Some(it.sandbox_memory_bytes)
    }),
    ("flowcell_sandbox_memory_used_bytes", "Memory that scripts and plugins hold", |it| {
        Some(it.sandbox_memory_used_bytes)
    }),
    ("flowcell_sandbox_waiting", "Calls that wait for a slot or for memory", |it| Some(it.sandbox_waiting)),
    ("flowcell_problems", "Things that are wrong now, as GET /api/v1/health names them", |it| {
        Some(it.problems)
    }),
    ("flowcell_certificate_end_timestamp_seconds", "When the certificate ends, seconds since 1970", |it| {
        it.certificate_end_seconds
    }),
    ("process_resident_memory_bytes", "Memory that the process holds", |it| {
        Some(it.process_resident_memory_bytes)
    }),
];

/// The gauges as they are registered.
#[derive(Debug)]
pub(super) struct Gauges {
    gauges: Vec<(One, Gauge)>,
    cpu: Counter<f64, AtomicU64>,
    start: Gauge,
}

impl Gauges {
    pub(super) fn registered(registry: &mut Registry) -> Self {
        let gauges = GAUGES.into_iter().map(|(name, help, one)| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            (one, gauge)
        });
        let gauges = gauges.collect();
        let (cpu, start) = (Counter::default(), Gauge::default());
        let help = "What the process has computed";
        registry.register_with_unit("process_cpu", help, Unit::Seconds, cpu.clone());
        registry.register(
            "process_start_time_seconds",
            "When the process began, seconds since 1970",
            start.clone(),
        );
        Self { gauges, cpu, start }
    }

    /// Takes over figures. What is not known is -1.
    pub(super) fn set(&self, figures: &Figures) {
        for (one, gauge) in &self.gauges {
            gauge.set(one(figures).map_or(-1, |number| i64::try_from(number).unwrap_or(i64::MAX)));
        }
        // Stored as its bits: two who ask at the same time must not count the same time twice.
        self.cpu.inner().store(figures.process_cpu_seconds.to_bits(), Ordering::Relaxed);
        self.start.set(i64::try_from(figures.process_start_seconds).unwrap_or(i64::MAX));
    }
}
