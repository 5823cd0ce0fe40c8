//! The request lines of heads that no route has seen yet. hyper answers a head that it cannot read by itself; this says which
//! request that was, so that it is written down nevertheless.

use std::{collections::VecDeque, mem};

/// Bytes of a request line that are kept: a method, and as much of a path as the request log keeps.
const MAX_LINE: usize = 2 << 10;
/// Lines that wait at most. With more requests in one go, nothing is said about the rest of the connection.
const MAX_WAITING: usize = 1_024;
/// A target without this is of no interest, so that its line takes no room.
const OF_INTEREST: &[u8] = b"/webhooks/";

/// The lines of one connection.
#[derive(Debug, Default)]
pub(super) struct Lines {
    /// The line that is coming.
    current: Vec<u8>,
    /// Lines that have come, in order, whose heads are still to be read. Those of no interest are empty.
    waiting: VecDeque<Vec<u8>>,
    /// There were too many.
    lost: bool,
}

impl Lines {
    /// A byte of a request line.
    pub(super) fn byte(&mut self, byte: u8) {
        if self.current.len() < MAX_LINE {
            self.current.push(byte);
        }
    }

    /// The line is whole.
    pub(super) fn ended(&mut self) {
        let line = mem::take(&mut self.current);
        if self.waiting.len() >= MAX_WAITING {
            self.lost = true;
            self.waiting.clear();
        }
        if !self.lost {
            let interests = line.windows(OF_INTEREST.len()).any(|part| part == OF_INTEREST);
            self.waiting.push_back(if interests { line } else { Vec::new() });
        }
    }

    /// The oldest head was read, and its request is on its way to the routes.
    pub(super) fn delivered(&mut self) {
        self.waiting.pop_front();
    }

    /// The line of the head that could not be read; `None` when it is not known.
    pub(super) fn refused(&mut self) -> Option<Vec<u8>> {
        if self.lost {
            return None;
        }
        let line = self.waiting.pop_front().unwrap_or_else(|| mem::take(&mut self.current));
        (!line.is_empty()).then_some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str], rest: &str) -> Lines {
        let mut all = Lines::default();
        for line in lines {
            line.bytes().for_each(|byte| all.byte(byte));
            all.ended();
        }
        rest.bytes().for_each(|byte| all.byte(byte));
        all
    }

    #[test]
    fn the_refused_line_is_the_oldest_that_was_not_delivered() {
        let (a, b) = ("GET /api/webhooks/a HTTP/1.1", "GET /api/webhooks/b HTTP/1.1");
        let refused = |mut lines: Lines, delivered: usize| {
            (0..delivered).for_each(|_| lines.delivered());
            lines.refused().map(|line| String::from_utf8(line).unwrap())
        };
        assert_eq!(refused(of(&[a, b], ""), 0).as_deref(), Some(a));
        assert_eq!(refused(of(&[a, b], ""), 1).as_deref(), Some(b));
        assert_eq!(refused(of(&["GET / HTTP/1.1", b], ""), 0), None);
        assert_eq!(refused(of(&["GET / HTTP/1.1", b], ""), 1).as_deref(), Some(b));
        assert_eq!(refused(of(&[a], "GET /api/webhooks/long"), 1).as_deref(), Some("GET /api/webhooks/long"));
        assert_eq!(refused(of(&[], ""), 0), None);
        assert_eq!(refused(of(&[a; MAX_WAITING + 1], ""), 3), None);
        let long = format!("GET /api/webhooks/{}", "x".repeat(2 * MAX_LINE));
        assert_eq!(refused(of(&[&long], ""), 0).map(|line| line.len()), Some(MAX_LINE));
    }
}
