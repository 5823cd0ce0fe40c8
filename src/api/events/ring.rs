//! The newest events in the form in which they are sent, once for all connections. A connection is a place in it and nothing
//! more, so a slow one holds no memory.
//!
//! Pure: the caller gives the time.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use crate::model::{RunId, WorkflowKey};

/// Events that are kept.
const MOST: usize = 4_096;
/// Bytes of them.
const MOST_BYTES: usize = 8 << 20;
/// The first id of a server is its time in milliseconds times this, so that ids rise over restarts, too. They stay below 2^53,
/// up to which a script can count.
const IDS_OF_A_MILLISECOND: u64 = 1_000;

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    Runs,
    Requests,
    Workflows,
}

impl Topic {
    pub(super) const ALL: [Self; 3] = [Self::Runs, Self::Requests, Self::Workflows];

    /// As the query names it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Requests => "requests",
            Self::Workflows => "workflows",
        }
    }

    /// The name of its events.
    fn event(self) -> &'static str {
        match self {
            Self::Runs => "run",
            Self::Requests => "request",
            Self::Workflows => "workflow",
        }
    }
}

/// Which events a connection wants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) topics: Vec<Topic>,
    /// Only those about this workflow.
    pub(super) workflow: Option<WorkflowKey>,
    /// Only those about this run.
    pub(super) run: Option<RunId>,
    /// Whether its reader may see payloads.
    pub(super) payloads: bool,
}

/// One event.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) topic: Topic,
    pub(super) workflow: Option<WorkflowKey>,
    pub(super) run: Option<RunId>,
    /// JSON on one line.
    pub(super) data: String,
    /// The same for those who may not see payloads.
    pub(super) bare: String,
}

impl Filter {
    fn takes(&self, told: &Told) -> bool {
        self.topics.contains(&told.topic)
            && self.workflow.as_ref().is_none_or(|key| told.workflow.as_ref() == Some(key))
            && self.run.is_none_or(|run| told.run == Some(run))
    }
}

/// An event with its texts.
struct Frame {
    told: Told,
    text: Bytes,
    bare: Bytes,
}

impl Frame {
    fn bytes(&self) -> usize {
        self.text.len() + self.bare.len()
    }
}

/// What a connection finds at its place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// These bytes, which may be none, and its next place.
    Text(Bytes, u64),
    /// What came after its place is not known any more. It has to read everything anew, and goes on from here.
    Lost(u64),
}

/// The newest events.
#[derive(Default)]
pub(super) struct Ring {
    frames: VecDeque<Frame>,
    bytes: usize,
    /// The id of the newest event, or of the moment from which events are known.
    last: u64,
}

impl Ring {
    /// Events are known from now on, milliseconds since the epoch.
    pub(super) fn begin(&mut self, now_ms: u64) {
        self.last = (self.last + 1).max(now_ms.saturating_mul(IDS_OF_A_MILLISECOND));
        self.frames.clear();
        self.bytes = 0;
    }

    /// Something happened that is not told: nobody can go on from before it.
    pub(super) fn lose(&mut self) {
        self.begin(0);
    }

    /// The place behind the newest event.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The place before the oldest event.
    fn first(&self) -> u64 {
        self.last - self.frames.len() as u64
    }

    /// Adds an event.
    pub(super) fn push(&mut self, told: Told) {
        self.last += 1;
        let (id, event) = (self.last, told.topic.event());
        let text = |data: &str| Bytes::from(format!("id: {id}\nevent: {event}\ndata: {data}\n\n"));
        let (text, bare) = (text(&told.data), text(&told.bare));
        let frame = Frame { told: Told { data: String::new(), bare: String::new(), ..told }, text, bare };
        self.bytes += frame.bytes();
        self.frames.push_back(frame);
        while self.frames.len() > MOST || self.bytes > MOST_BYTES {
            let Some(oldest) = self.frames.pop_front() else { return };
            self.bytes -= oldest.bytes();
        }
    }

    /// What a connection is sent next, up to `most` bytes unless the first event alone has more.
    pub(super) fn after(&self, place: u64, filter: &Filter, most: usize) -> Found {
        if place < self.first() || place > self.last {
            return Found::Lost(self.last);
        }
        let (mut text, mut next) = (BytesMut::new(), place);
        for frame in self.frames.iter().skip((place - self.first()) as usize) {
            if filter.takes(&frame.told) {
                let event = if filter.payloads { &frame.text } else { &frame.bare };
                if !text.is_empty() && text.len() + event.len() > most {
                    break;
                }
                text.extend_from_slice(event);
            }
            next += 1;
        }
        Found::Text(text.freeze(), next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(topic: Topic, workflow: &str, run: Option<u64>) -> Told {
        Told {
            topic,
            workflow: Some(workflow.parse().unwrap()),
            run: run.map(|number| RunId::new(number, [0; 10])),
            data: "{}".to_owned(),
            bare: "[]".to_owned(),
        }
    }

    fn all() -> Filter {
        Filter { topics: Topic::ALL.to_vec(), payloads: true, ..Filter::default() }
    }

    fn text(found: Found) -> (String, u64) {
        match found {
            Found::Text(text, next) => (String::from_utf8(text.to_vec()).unwrap(), next),
            Found::Lost(_) => panic!("nothing was lost"),
        }
    }

    #[test]
    fn a_place_finds_what_came_after_it_and_what_its_filter_takes() {
        let mut ring = Ring::default();
        ring.begin(7);
        let begin = ring.last();
        assert_eq!(begin, 7_000);
        ring.push(told(Topic::Runs, "a", Some(1)));
        ring.push(told(Topic::Requests, "b", None));
        ring.push(told(Topic::Runs, "b", Some(2)));
        let (whole, next) = text(ring.after(begin, &all(), usize::MAX));
        assert_eq!(whole.matches("event: run\n").count(), 2);
        assert!(whole.starts_with("id: 7001\nevent: run\ndata: {}\n\nid: 7002\nevent: request\n"), "{whole}");
        assert_eq!((next, text(ring.after(next, &all(), usize::MAX))), (7_003, (String::new(), 7_003)));
        let only = |filter: Filter| text(ring.after(begin, &filter, usize::MAX));
        let of_b = Filter { workflow: Some("b".parse().unwrap()), ..all() };
        assert!(only(of_b).0.starts_with("id: 7002\n"));
        let (runs, next) = only(Filter { topics: vec![Topic::Runs], ..Filter::default() });
        assert!(runs.contains("id: 7001\n") && !runs.contains("id: 7002\n") && next == 7_003);
        let of_run = Filter { run: Some(RunId::new(2, [0; 10])), ..all() };
        assert_eq!(only(of_run.clone()).0, "id: 7003\nevent: run\ndata: {}\n\n");
        let bare = Filter { payloads: false, ..of_run };
        assert_eq!(only(bare).0, "id: 7003\nevent: run\ndata: []\n\n", "who may not see payloads");
    }

    #[test]
    fn a_piece_has_its_size_and_the_next_one_goes_on_from_there() {
        let mut ring = Ring::default();
        ring.begin(1);
        (0..10).for_each(|number| ring.push(told(Topic::Runs, "a", Some(number))));
        let (mut place, mut pieces, mut whole) = (ring.first(), 0, String::new());
        while place < ring.last() {
            let (piece, next) = text(ring.after(place, &all(), 100));
            assert!(!piece.is_empty() && piece.len() <= 100 && next > place);
            (place, pieces) = (next, pieces + 1);
            whole += &piece;
        }
        assert!(pieces > 2 && whole == text(ring.after(ring.first(), &all(), usize::MAX)).0);
    }

    #[test]
    fn what_is_gone_was_lost_or_belongs_to_another_start_is_said_to_be_lost() {
        let mut ring = Ring::default();
        ring.begin(1);
        let begin = ring.last();
        assert_eq!(ring.after(begin - 1, &all(), 9), Found::Lost(begin), "an earlier start");
        assert_eq!(ring.after(begin + 1, &all(), 9), Found::Lost(begin), "a clock that was set back");
        (0..=MOST as u64).for_each(|number| ring.push(told(Topic::Runs, "a", Some(number))));
        assert_eq!(ring.after(begin, &all(), 9), Found::Lost(ring.last()));
        text(ring.after(begin + 1, &all(), 9));
        let before = ring.last();
        ring.lose();
        assert_eq!(ring.after(before, &all(), 9), Found::Lost(before + 1));
        assert_eq!(text(ring.after(before + 1, &all(), 9)), (String::new(), before + 1));
    }

    #[test]
    fn large_events_push_out_old_ones_before_they_fill_the_memory() {
        let mut ring = Ring::default();
        ring.begin(1);
        for _ in 0..20 {
            ring.push(Told { data: "x".repeat(1 << 20), ..told(Topic::Runs, "a", None) });
        }
        assert!(ring.bytes <= MOST_BYTES && ring.frames.len() == 7);
        let bytes: usize = ring.frames.iter().map(Frame::bytes).sum();
        assert_eq!(ring.bytes, bytes);
    }
}
