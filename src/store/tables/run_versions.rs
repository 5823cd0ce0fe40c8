//! How heads and events of runs are stored, and how those that older versions stored are read.

use serde::{Deserialize, Serialize};

use crate::{
    model::{Cause, Event, Mode, RunError, RunHead, RunId, RunStatus, VersionHash, WorkflowKey},
    store::record::Record,
};

impl Record for RunHead {
    const KIND: &'static str = "run";
    const VERSION: u8 = 5;

    fn upgrade(version: u8, body: &[u8]) -> Option<Result<Self, postcard::Error>> {
        match version {
            1 => Some(postcard::from_bytes::<HeadV1>(body).map(Self::from)),
            // The same without its last fields: the list of plugins, the number of failed steps, the trigger.
            2 => Some(postcard::from_bytes(&[body, &[0, 0, 0]].concat())),
            3 => Some(postcard::from_bytes(&[body, &[0, 0]].concat())),
            4 => Some(postcard::from_bytes(&[body, &[0]].concat())),
            _ => None,
        }
    }
}

/// The first version of a head.
#[derive(Serialize, Deserialize)]
struct HeadV1 {
    id: RunId,
    workflow: WorkflowKey,
    version: VersionHash,
    status: RunStatus,
    mode: Mode,
    created_ms: u64,
    finished_ms: Option<u64>,
    seed: [u8; 32],
    claim: Option<[u8; 32]>,
    answer_status: Option<u16>,
    error: Option<RunError>,
}

impl From<HeadV1> for RunHead {
    fn from(head: HeadV1) -> Self {
        Self {
            id: head.id,
            workflow: head.workflow,
            version: head.version,
            status: head.status,
            mode: head.mode,
            created_ms: head.created_ms,
            started_ms: None,
            finished_ms: head.finished_ms,
            seed: head.seed,
            claim: head.claim,
            answer_status: head.answer_status,
            error: head.error,
            cause: Cause::Webhook,
            parent: None,
            origin: None,
            depth: 0,
            group: None,
            slot: None,
            due_ms: None,
            plugins: Vec::new(),
            failed_steps: 0,
            trigger: None,
        }
    }
}

impl Record for Event {
    const KIND: &'static str = "event";
    const VERSION: u8 = 3;

    fn upgrade(version: u8, body: &[u8]) -> Option<Result<Self, postcard::Error>> {
        match version {
            // The same without its last fields: origin, raw query and notes; name and kind of what started it.
            1 => Some(postcard::from_bytes(&[body, &[0, 0, 0, 0, 0]].concat())),
            2 => Some(postcard::from_bytes(&[body, &[0, 0]].concat())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Started,
        store::{Batch, MemoryStore, Store, keys, record, tables::runs, tables::samples, testing::block_on},
    };

    /// The bytes that version `version` stored, which had not the last fields; they are `missing` bytes of zero.
    fn older<T: Record>(record: &T, version: u8, missing: usize) -> Vec<u8> {
        let mut old = record::encode(record);
        assert_eq!(old.split_off(old.len() - missing), vec![0; missing], "the fields that it had not");
        old[0] = version;
        old
    }

    #[test]
    fn an_event_of_an_older_version_is_read() {
        let mut event = samples::run(1, "a").event;
        event.trigger = Started::default();
        assert_eq!(record::decode::<Event>(b"e", &older(&event, 2, 2)).unwrap(), event);
        (event.origin, event.raw_query, event.notes) = ("".into(), String::new(), Vec::new());
        assert_eq!(record::decode::<Event>(b"e", &older(&event, 1, 5)).unwrap(), event);
    }

    #[test]
    fn a_head_of_an_older_version_is_read() {
        let mut head = samples::run(1, "a").head;
        head.trigger = None;
        assert_eq!(record::decode::<RunHead>(b"r", &older(&head, 4, 1)).unwrap(), head);
        head.failed_steps = 0;
        assert_eq!(record::decode::<RunHead>(b"r", &older(&head, 3, 2)).unwrap(), head);
        assert_eq!(record::decode::<RunHead>(b"r", &older(&head, 2, 3)).unwrap(), head);
    }

    #[test]
    fn a_run_of_an_older_version_is_told_what_started_it() {
        let (store, mut run) = (MemoryStore::new(), samples::run(1, "a"));
        (run.event.trigger, run.head.trigger) = (Started::default(), None);
        for cause in [Cause::Webhook, Cause::Schedule, Cause::Subflow] {
            run.head.cause = cause;
            let mut batch = Batch::new();
            runs::insert(&mut batch, &run);
            batch.put(keys::event(run.head.id), older(&run.event, 2, 2));
            batch.put(keys::run(run.head.id), older(&run.head, 4, 1));
            block_on(store.commit(batch)).unwrap();
            let read = block_on(runs::get(&store, run.head.id)).unwrap().unwrap();
            assert_eq!(read.event.trigger, Started::before_names(cause));
        }
    }
}
