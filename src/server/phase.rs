//! What one connection waits for, and since when. This decides which connections are closed, and which go first when
//! all are taken.
//!
//! Pure: the caller gives the time from the monotonic clock. So a wall clock that jumps closes nobody.

use std::time::{Duration, Instant};

/// How long a handshake or the head of a request may take.
pub(super) const HEAD: Duration = Duration::from_secs(10);
/// How long a connection may stay open without a request.
pub(super) const IDLE: Duration = Duration::from_secs(60);
/// How long a client may take nothing of an answer.
pub(super) const STALL: Duration = Duration::from_secs(30);
/// How long a client has to close by itself.
const GRACE: Duration = Duration::from_secs(2);

/// How a connection is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Close {
    /// Open requests end, no new ones begin.
    Gracefully,
    /// Everything ends at once.
    Now,
}

/// What is lost when a connection is closed for a new one, the cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Patience {
    /// The client has not sent a whole head.
    Head(Instant),
    /// The client has not sent a whole body. Nothing of it was accepted yet.
    Body(Instant),
}

/// A connection's state.
#[derive(Debug)]
pub(super) struct Phase {
    /// Requests between their head and the end of their answer.
    open: u32,
    /// Open requests whose bodies have not arrived whole.
    uploading: u32,
    /// Open requests whose answers wait for the client to take more.
    taking: u32,
    /// The moment since which no request is open, or a head is under way.
    since: Instant,
    /// Whether a request was answered and nothing of the next one has come.
    idle: bool,
    /// Whether it is HTTP/2, whose clients may send pings while they are idle.
    multiplexed: bool,
    /// The moment since which the socket takes no more bytes.
    blocked: Option<Instant>,
    /// The moment at which the client last took something.
    took: Instant,
}

impl Phase {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            open: 0,
            uploading: 0,
            taking: 0,
            since: now,
            idle: false,
            multiplexed: false,
            blocked: None,
            took: now,
        }
    }

    /// The TLS handshake is done. The time for the head begins.
    pub(super) fn shook_hands(&mut self, now: Instant) {
        self.since = now;
    }

    /// Bytes came from the client.
    pub(super) fn read(&mut self, now: Instant) {
        if self.open == 0 && self.idle && !self.multiplexed {
            self.idle = false;
            self.since = now;
        }
    }

    /// Bytes went to the client.
    pub(super) fn wrote(&mut self, now: Instant) {
        self.blocked = None;
        self.took = now;
        if self.idle && !self.multiplexed {
            // These may be the last bytes of a large answer.
            self.since = now;
        }
    }

    /// The socket takes nothing at the moment.
    pub(super) fn write_blocked(&mut self, now: Instant) {
        self.blocked.get_or_insert(now);
    }

    /// A whole head came; its body is under way.
    pub(super) fn opened(&mut self, multiplexed: bool, now: Instant) {
        if self.open == 0 {
            self.since = now;
        }
        self.multiplexed |= multiplexed;
        self.idle = false;
        self.open += 1;
        self.uploading += 1;
    }

    /// A body came whole, or nobody wants the rest.
    pub(super) fn uploaded(&mut self) {
        self.uploading = self.uploading.saturating_sub(1);
    }

    /// An answer has more for the client (`true`), or must be made first (`false`).
    pub(super) fn offers(&mut self, more: bool, now: Instant) {
        self.took = now;
        self.taking = if more { self.taking + 1 } else { self.taking.saturating_sub(1) };
    }

    /// An answer went on to the client.
    pub(super) fn progressed(&mut self, now: Instant) {
        self.took = now;
    }

    /// An answer is done, or was given up.
    pub(super) fn closed(&mut self, now: Instant) {
        self.open = self.open.saturating_sub(1);
        if self.open == 0 {
            self.idle = true;
            self.since = now;
        }
    }

    /// Whether and how the connection is closed now.
    pub(super) fn verdict(&self, now: Instant, draining: bool) -> Option<Close> {
        let for_long = |since: Instant, most: Duration| now.saturating_duration_since(since) >= most;
        if self.blocked.is_some_and(|since| for_long(since, STALL)) {
            return Some(Close::Now);
        }
        if self.open > 0 {
            // An HTTP/2 client that opens no window does not block the socket.
            let stuck = self.taking == self.open && for_long(self.took, STALL);
            return stuck.then_some(Close::Now);
        }
        let most = match (draining, self.idle) {
            (true, _) => Duration::ZERO,
            (false, true) => IDLE,
            (false, false) => HEAD,
        };
        if for_long(self.since, most + GRACE) || (!self.idle && !draining && for_long(self.since, most)) {
            return Some(Close::Now);
        }
        for_long(self.since, most).then_some(Close::Gracefully)
    }

    /// What would be lost if it were closed for another connection; `None` if it must stay.
    pub(super) fn patience(&self) -> Option<Patience> {
        match (self.open, self.blocked) {
            (_, Some(_)) => None,
            (0, None) => Some(Patience::Head(self.since)),
            (open, None) => (open == self.uploading).then_some(Patience::Body(self.since)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    enum Did {
        Read,
        Wrote,
        Blocked,
        Opened,
        OpenedH2,
        Uploaded,
        Offers(bool),
        Closed,
    }
    use Did::{Blocked, Closed, Offers, Opened, OpenedH2, Read, Uploaded, Wrote};

    #[test]
    fn w17_each_way_to_be_slow_ends() {
        use Close::{Gracefully, Now};
        let cases: [(&str, &[(u64, Did)], u64, Option<Close>); 21] = [
            ("nothing sent", &[], 9, None),
            ("nothing sent, too long", &[], 10, Some(Now)),
            ("a head in drips", &[(3, Read), (6, Read), (9, Read)], 10, Some(Now)),
            ("a request is worked on", &[(1, Opened), (1, Uploaded)], 3_600, None),
            ("a body under way is the body's own deadline", &[(1, Opened)], 3_600, None),
            ("kept alive", &[(1, Opened), (1, Uploaded), (2, Closed)], 61, None),
            ("kept alive, too long", &[(1, Opened), (1, Uploaded), (2, Closed)], 62, Some(Gracefully)),
            ("it does not close", &[(1, Opened), (1, Uploaded), (2, Closed)], 64, Some(Now)),
            ("the next head", &[(1, Opened), (1, Uploaded), (2, Closed), (50, Read)], 59, None),
            ("the next head in drips", &[(1, Opened), (2, Closed), (50, Read), (59, Read)], 60, Some(Now)),
            ("a late part of an answer", &[(1, Opened), (2, Closed), (50, Wrote)], 100, None),
            ("never reads", &[(1, Opened), (2, Offers(true)), (3, Blocked)], 31, None),
            (
                "never reads, too long",
                &[(1, Opened), (2, Offers(true)), (3, Blocked), (9, Blocked)],
                33,
                Some(Now),
            ),
            ("never reads the rest", &[(1, Opened), (2, Closed), (3, Blocked)], 33, Some(Now)),
            ("reads slowly", &[(1, Opened), (3, Blocked), (20, Wrote), (21, Blocked)], 50, None),
            ("opens no window", &[(1, OpenedH2), (2, Offers(true))], 31, None),
            ("opens no window, too long", &[(1, OpenedH2), (2, Offers(true))], 32, Some(Now)),
            ("another stream is worked on", &[(1, OpenedH2), (2, Offers(true)), (3, OpenedH2)], 3_600, None),
            ("we are the slow ones", &[(1, Opened), (2, Offers(true)), (3, Offers(false))], 3_600, None),
            ("pings while idle", &[(1, OpenedH2), (2, Closed), (3, Read), (30, Read)], 61, None),
            ("pings for ever", &[(1, OpenedH2), (2, Closed), (3, Read), (60, Wrote)], 64, Some(Now)),
        ];
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        for (case, events, asked, expected) in cases {
            let mut phase = Phase::new(begin);
            for (seconds, event) in events {
                let now = at(*seconds);
                match event {
                    Read => phase.read(now),
                    Wrote => phase.wrote(now),
                    Blocked => phase.write_blocked(now),
                    Opened => phase.opened(false, now),
                    OpenedH2 => phase.opened(true, now),
                    Uploaded => phase.uploaded(),
                    Offers(more) => phase.offers(*more, now),
                    Closed => phase.closed(now),
                }
            }
            assert_eq!(phase.verdict(at(asked), false), expected, "{case}");
        }
    }

    #[test]
    fn a_stop_waits_for_requests_and_not_for_silence() {
        let begin = Instant::now();
        let mut phase = Phase::new(begin);
        assert_eq!(phase.verdict(begin, true), Some(Close::Gracefully));
        assert_eq!(phase.verdict(begin + GRACE, true), Some(Close::Now));
        phase.opened(false, begin);
        assert_eq!(phase.verdict(begin + IDLE, true), None);
    }

    #[test]
    fn w17_who_has_sent_least_goes_first_and_who_is_worked_on_stays() {
        let begin = Instant::now();
        let later = begin + Duration::from_secs(1);
        let mut phase = Phase::new(begin);
        let head = phase.patience();
        assert_eq!(head, Some(Patience::Head(begin)));
        phase.opened(false, later);
        assert_eq!(phase.patience(), Some(Patience::Body(later)));
        assert!(head < phase.patience() && Patience::Head(later) < Patience::Body(begin));
        phase.uploaded();
        assert_eq!(phase.patience(), None);
        phase.closed(later);
        assert_eq!(phase.patience(), Some(Patience::Head(later)));
        phase.write_blocked(later);
        assert_eq!(phase.patience(), None, "its answer is still on the way");
    }

    #[test]
    fn w27_a_time_before_the_beginning_is_no_time_at_all() {
        let now = Instant::now();
        let phase = Phase::new(now + Duration::from_secs(3_600));
        assert_eq!(phase.verdict(now, false), None);
    }
}
