//! The list of connections: its caps, the clock that closes slow ones, and which ones are closed when all are taken.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use tokio::sync::Notify;

use super::{
    Limits,
    lines::Lines,
    phase::{Close, Patience, Phase},
};
use crate::model::subscriber;

/// When all connections are taken, one in so many is closed. A search for the slowest walks over all of them, so it
/// makes room for several.
const EVICTED: usize = 64;

/// One connection, shared by its task and the clock.
pub(super) struct Connection {
    pub(super) peer: SocketAddr,
    /// Whether the last request was answered before its body had come whole.
    interrupted: AtomicBool,
    phase: Mutex<Phase>,
    lines: Mutex<Lines>,
    close: Mutex<Option<Close>>,
    closing: Notify,
}

impl Connection {
    /// The state that the clock reads.
    pub(super) fn phase(&self) -> MutexGuard<'_, Phase> {
        self.phase.lock().expect("no code panics under this lock")
    }

    /// The request lines that no route has seen yet.
    pub(super) fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().expect("no code panics under this lock")
    }

    /// Says whether the client may still be sending a body that nobody reads.
    pub(super) fn interrupt(&self, is_sending: bool) {
        self.interrupted.store(is_sending, Ordering::Relaxed);
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }

    /// Waits until the connection must close in another way than `before`.
    pub(super) async fn told(&self, before: Option<Close>) -> Close {
        loop {
            let notified = self.closing.notified();
            if let Some(close) = self.told_now().filter(|close| Some(*close) != before) {
                return close;
            }
            notified.await;
        }
    }

    fn told_now(&self) -> Option<Close> {
        *self.close.lock().expect("no code panics under this lock")
    }

    fn tell(&self, close: Close) {
        let mut told = self.close.lock().expect("no code panics under this lock");
        if *told < Some(close) {
            *told = Some(close);
            self.closing.notify_one();
        }
    }
}

/// Why a connection is not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// Its address already has its share.
    Address,
    /// Requests that are worked on take all connections.
    All,
}

#[derive(Default)]
struct Connected {
    next: u64,
    by_id: HashMap<u64, Arc<Connection>>,
    by_address: HashMap<IpAddr, usize>,
}

/// All connections.
pub(super) struct Registry {
    limits: Limits,
    connected: Mutex<Connected>,
    freed: Notify,
}

/// A place among the connections, until it is dropped.
pub(super) struct Seat {
    registry: Arc<Registry>,
    id: u64,
    pub(super) connection: Arc<Connection>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.registry.lock().remove(self.id);
        self.registry.freed.notify_one();
    }
}

impl Connected {
    fn remove(&mut self, id: u64) {
        let Some(connection) = self.by_id.remove(&id) else { return };
        let address = subscriber(connection.peer.ip());
        if let Some(count) = self.by_address.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                self.by_address.remove(&address);
            }
        }
    }

    /// Closes the connections that have waited longest for their clients. Gives how many.
    fn evict(&mut self) -> usize {
        let patience =
            |(id, connection): (&u64, &Arc<Connection>)| Some((connection.phase().patience()?, *id));
        let mut waiting: Vec<(Patience, u64)> = self.by_id.iter().filter_map(patience).collect();
        let count = (self.by_id.len() / EVICTED).max(1).min(waiting.len());
        if count < waiting.len() {
            waiting.select_nth_unstable(count);
        }
        for (_, id) in &waiting[..count] {
            if let Some(connection) = self.by_id.get(id) {
                connection.tell(Close::Now);
            }
            // Its place is free at once, although its task ends a moment later.
            self.remove(*id);
        }
        count
    }
}

impl Registry {
    pub(super) fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self { limits, connected: Mutex::default(), freed: Notify::new() })
    }

    fn lock(&self) -> MutexGuard<'_, Connected> {
        self.connected.lock().expect("no code panics under this lock")
    }

    /// Gives a place to a new connection. If need be, a slow connection is closed for it.
    pub(super) fn admit(self: &Arc<Self>, peer: SocketAddr, now: Instant) -> Result<Seat, Full> {
        let mut connected = self.lock();
        let address = subscriber(peer.ip());
        let of_address = connected.by_address.get(&address).copied().unwrap_or(0);
        if self.limits.share(peer.ip()).is_some_and(|most| of_address >= most) {
            return Err(Full::Address);
        }
        if connected.by_id.len() >= self.limits.connections && connected.evict() == 0 {
            return Err(Full::All);
        }
        let id = connected.next;
        connected.next += 1;
        let connection = Arc::new(Connection {
            peer,
            interrupted: AtomicBool::new(false),
            phase: Mutex::new(Phase::new(now)),
            lines: Mutex::default(),
            close: Mutex::default(),
            closing: Notify::new(),
        });
        connected.by_id.insert(id, Arc::clone(&connection));
        *connected.by_address.entry(address).or_default() += 1;
        Ok(Seat { registry: Arc::clone(self), id, connection })
    }

    /// Waits until a place is given back.
    pub(super) async fn freed(&self) {
        self.freed.notified().await;
    }

    /// Closes what has been slow for too long. When the server stops, it closes every connection without an open
    /// request.
    pub(super) fn look(&self, now: Instant, draining: bool) {
        for connection in self.lock().by_id.values() {
            let verdict = connection.phase().verdict(now, draining);
            if let Some(close) = verdict {
                connection.tell(close);
            }
        }
    }

    /// Lets open requests end, and accepts no more of them.
    pub(super) fn close_all(&self) {
        self.lock().by_id.values().for_each(|connection| connection.tell(Close::Gracefully));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().by_id.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn registry(connections: usize, per_ip: Option<usize>) -> Arc<Registry> {
        Registry::new(Limits { connections, per_ip, proxies: vec!["10.0.0.0/8".parse().unwrap()] })
    }

    fn peer(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 1)
    }

    #[test]
    fn w17_an_address_has_a_share_and_loopback_and_proxies_have_all() {
        let now = Instant::now();
        let registry = registry(10_000, None);
        let mut places = Vec::new();
        for address in ["127.0.0.1", "10.1.2.3", "::1", "::ffff:10.1.2.3"] {
            for _ in 0..1_000 {
                places.push(registry.admit(peer(address), now).unwrap());
            }
        }
        for _ in 0..Limits::PER_IP {
            places.push(registry.admit(peer("192.0.2.1"), now).unwrap());
        }
        assert_eq!(registry.admit(peer("::ffff:192.0.2.1"), now).err(), Some(Full::Address));
        assert!(registry.admit(peer("192.0.2.2"), now).is_ok());
        places.pop();
        assert!(registry.admit(peer("192.0.2.1"), now).is_ok());
    }

    #[test]
    fn w17_a_share_that_was_set_holds_for_loopback_and_networks_of_ipv6() {
        let now = Instant::now();
        let registry = registry(100, Some(1));
        let _first = registry.admit(peer("127.0.0.1"), now).unwrap();
        assert_eq!(registry.admit(peer("127.0.0.1"), now).err(), Some(Full::Address));
        let _second = registry.admit(peer("2001:db8::1"), now).unwrap();
        assert_eq!(registry.admit(peer("2001:db8::ffff"), now).err(), Some(Full::Address));
    }

    #[test]
    fn w17_when_all_are_taken_the_one_that_waits_longest_goes() {
        let begin = Instant::now();
        let at = |ms| begin + Duration::from_millis(ms);
        let registry = registry(3, None);
        let places: Vec<_> = [2, 1, 3].map(|ms| registry.admit(peer("127.0.0.1"), at(ms)).unwrap()).into();
        places[0].connection.phase().opened(false, at(4));
        places[0].connection.phase().uploaded();
        let _fourth = registry.admit(peer("127.0.0.1"), at(5)).unwrap();
        let closed = || places.iter().map(|place| place.connection.told_now().is_some()).collect::<Vec<_>>();
        assert_eq!(closed(), [false, true, false]);
        let fifth = registry.admit(peer("127.0.0.1"), at(6)).unwrap();
        assert_eq!(closed(), [false, true, true]);
        let sixth = registry.admit(peer("127.0.0.1"), at(7)).unwrap();
        for place in [&fifth, &sixth] {
            place.connection.phase().opened(false, at(8));
            place.connection.phase().uploaded();
        }
        assert_eq!(registry.admit(peer("127.0.0.1"), at(9)).err(), Some(Full::All));
        drop(fifth);
        assert!(registry.admit(peer("127.0.0.1"), at(10)).is_ok());
    }

    #[test]
    fn a_place_given_up_is_counted_once() {
        let now = Instant::now();
        let registry = registry(1, Some(2));
        let first = registry.admit(peer("192.0.2.1"), now).unwrap();
        let second = registry.admit(peer("192.0.2.1"), now).unwrap();
        drop(first);
        assert!(!registry.is_empty());
        assert_eq!(registry.lock().by_address.values().sum::<usize>(), 1);
        drop(second);
        assert!(registry.is_empty() && registry.lock().by_address.is_empty());
    }
}
