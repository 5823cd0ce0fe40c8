//! One connection: what it is sent, piece by piece. Nothing is made before the client takes it.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::{
    hub::{Seat, reset},
    ring::{Filter, Found},
};

/// A comment is sent after so long without an event, so that proxies keep the connection and both ends learn of its loss.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A connection ends after so long. The client connects again and goes on where it was, and is asked again who it is.
const LONGEST: Duration = Duration::from_secs(60);
/// Bytes of one piece.
const PIECE: usize = 64 << 10;
/// Milliseconds after which a browser connects again.
const RETRY_MS: u32 = 2_000;
/// Bytes of the comment at the beginning: proxies and browsers that collect pass on what they have after so many.
const PADDING: usize = 2 << 10;

/// A connection.
pub(super) struct Watcher {
    seat: Seat,
    filter: Filter,
    place: u64,
    opening: Option<Bytes>,
    beat: Instant,
    end: Instant,
}

impl Watcher {
    /// `place` is where it goes on: after the event with this id.
    pub(super) fn new(seat: Seat, filter: Filter, place: u64) -> Self {
        let now = Instant::now();
        let padding = " ".repeat(PADDING);
        // The id alone is no event. A client that loses the connection before the first event names it all the same.
        let opening = format!(":{padding}\nretry: {RETRY_MS}\nid: {place}\n\n");
        Self { seat, filter, place, opening: Some(opening.into()), beat: now + HEARTBEAT, end: now + LONGEST }
    }

    /// The next piece, once there is one; nothing when the connection ends.
    pub(super) async fn next(&mut self) -> Option<Bytes> {
        let piece = match self.opening.take() {
            Some(opening) => opening,
            None => self.later().await?,
        };
        self.beat = Instant::now() + HEARTBEAT;
        Some(piece)
    }

    async fn later(&mut self) -> Option<Bytes> {
        loop {
            // Seen before the ring is read, so that no event between the two is missed.
            self.seat.newest.mark_unchanged();
            match self.seat.after(self.place, &self.filter, PIECE) {
                Found::Lost(place) => {
                    self.place = place;
                    return Some(reset(place));
                }
                Found::Text(text, next) => {
                    self.place = next;
                    if !text.is_empty() {
                        return Some(text);
                    }
                }
            }
            tokio::select! {
                biased;
                () = self.seat.hub.engine.drains() => return None,
                () = tokio::time::sleep_until(self.end) => return None,
                changed = self.seat.newest.changed() => changed.ok()?,
                () = tokio::time::sleep_until(self.beat) => return Some(Bytes::from_static(b": .\n\n")),
            }
        }
    }
}
