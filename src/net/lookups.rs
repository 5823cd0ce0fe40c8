//! Look-ups of names: how many at once, for whom, and how long anybody waits.
//!
//! Nobody can stop the system's resolver. A name whose server does not answer keeps its thread for half a minute and
//! more, even when nobody wants the answer any more. So look-ups have their own places, never those of scripts:
//!
//! - A workflow has few places, so that it cannot take them all from the others.
//! - A workflow without a look-up under way gets a place even when the rest is taken.
//! - Whoever asks for a name that is being looked up waits for the same answer.
//! - Nobody waits longer than its own request may take.
//!
//! Only `dns` uses this.

use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    io,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::BoxFuture;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::model::WorkflowKey;

/// Look-ups of the process at once, without those of workflows that have no other.
const PLACES: usize = 32;
/// Look-ups of one workflow at once.
const PLACES_EACH: usize = 8;
/// Look-ups of the process at once, in any case.
const MAX_PLACES: usize = 128;
/// How many names of one workflow may wait for a place.
const WAITING_EACH: usize = 256;
/// How long an answer is waited for, even if the request could wait longer. It is less than the time that a whole
/// connection may take.
pub(super) const ANSWER_WITHIN: Duration = Duration::from_secs(4);

/// The source of addresses. `Lookups` bounds how many look-ups run at once.
pub trait Dns: Send + Sync + 'static {
    /// All addresses of a name.
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

tokio::task_local! {
    /// Who makes the request that is being polled. The HTTP client passes only the name to a resolver.
    static ASKER: Asker;
}

/// Who asks, and until when it waits.
#[derive(Debug, Clone)]
pub(super) struct Asker {
    /// The workflow. `None` for requests of no workflow, which share their places.
    pub(super) caller: Option<WorkflowKey>,
    /// The moment at which its request gives up.
    pub(super) until: Instant,
}

impl Asker {
    /// Polls a request in the name of this asker.
    pub(super) async fn makes<F: Future>(self, request: F) -> F::Output {
        ASKER.scope(self, request).await
    }

    /// The asker of the request that is being polled.
    pub(super) fn current() -> Self {
        ASKER
            .try_with(Clone::clone)
            .unwrap_or_else(|_| Self { caller: None, until: Instant::now() + ANSWER_WITHIN })
    }
}

/// Why a look-up gave no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum LookupError {
    /// The resolver's own error.
    #[error("{0}")]
    Failed(String),
    /// No answer in time.
    #[error("its name server gave no answer within {} s; check the name, and the resolver of this machine", .0.as_secs_f64())]
    Unanswered(Duration),
    /// It got no place in time.
    #[error(
        "its look-up got no place within {} s, because earlier ones are not answered: {own} of this workflow (at most \
         {PLACES_EACH} at once), {all} in all; call fewer hosts that cannot be looked up", waited.as_secs_f64()
    )]
    NoPlace {
        /// How long it waited.
        waited: Duration,
        /// Look-ups of the same workflow on their way.
        own: usize,
        /// Look-ups of the process on their way.
        all: usize,
    },
    /// Too many names of this workflow already wait.
    #[error("{WAITING_EACH} other names of this workflow wait to be looked up; call fewer hosts at once")]
    Crowded,
}

type Answer = Result<Vec<IpAddr>, LookupError>;
/// `None` for requests that belong to no workflow.
type Caller = Option<WorkflowKey>;

/// A name that somebody wants to know.
struct Wanted {
    /// The caller whose place its look-up takes; `None` while it waits for a place.
    place_of: Option<Caller>,
    waiters: Vec<oneshot::Sender<Answer>>,
}

impl Wanted {
    fn tell(&mut self, waiter: oneshot::Sender<Answer>) {
        // Waiters that gave up are dropped before the list would grow.
        if self.waiters.len() == self.waiters.capacity() {
            self.waiters.retain(|waiter| !waiter.is_closed());
        }
        self.waiters.push(waiter);
    }

    fn is_wanted(&self) -> bool {
        self.waiters.iter().any(|waiter| !waiter.is_closed())
    }
}

/// Which names are looked up for whom, and who waits. Pure.
#[derive(Default)]
struct Books {
    names: HashMap<String, Wanted>,
    /// The names that each caller wants, in its order. A name in the list may already be looked up.
    waiting: HashMap<Caller, VecDeque<String>>,
    /// The callers with names that wait, in the order of their turns.
    turns: VecDeque<Caller>,
    /// The look-ups under way, by caller.
    busy: HashMap<Caller, usize>,
    all: usize,
}

impl Books {
    fn ask(&mut self, name: &str, caller: &Caller) -> Result<oneshot::Receiver<Answer>, LookupError> {
        let (waiter, answer) = oneshot::channel();
        if let Some(wanted) = self.names.get_mut(name)
            && wanted.place_of.is_some()
        {
            wanted.tell(waiter);
            return Ok(answer);
        }
        let queue = self.waiting.entry(caller.clone()).or_default();
        if !queue.iter().any(|other| other == name) {
            if queue.is_empty() {
                self.turns.push_back(caller.clone());
            }
            if queue.len() >= WAITING_EACH {
                forget_unwanted(queue, &mut self.names);
            }
            if queue.len() >= WAITING_EACH {
                return Err(LookupError::Crowded);
            }
            queue.push_back(name.to_owned());
        }
        let nobody = || Wanted { place_of: None, waiters: Vec::new() };
        self.names.entry(name.to_owned()).or_insert_with(nobody).tell(waiter);
        Ok(answer)
    }

    fn has_place(&self, caller: &Caller) -> bool {
        let own = self.busy_of(caller);
        own < PLACES_EACH && (self.all < PLACES || (own == 0 && self.all < MAX_PLACES))
    }

    fn busy_of(&self, caller: &Caller) -> usize {
        self.busy.get(caller).copied().unwrap_or_default()
    }

    /// The next name to look up, which has a place from now on. Callers take turns.
    fn next(&mut self) -> Option<String> {
        for _ in 0..self.turns.len() {
            let caller = self.turns.pop_front()?;
            let found = if self.has_place(&caller) { self.next_of(&caller) } else { None };
            match self.waiting.get(&caller) {
                Some(queue) if !queue.is_empty() => self.turns.push_back(caller.clone()),
                Some(_) | None => {
                    self.waiting.remove(&caller);
                }
            }
            if let Some(name) = found {
                *self.busy.entry(caller).or_default() += 1;
                self.all += 1;
                return Some(name);
            }
        }
        None
    }

    fn next_of(&mut self, caller: &Caller) -> Option<String> {
        let queue = self.waiting.get_mut(caller)?;
        while let Some(name) = queue.pop_front() {
            match self.names.get_mut(&name) {
                Some(wanted) if wanted.place_of.is_some() => {}
                Some(wanted) if wanted.is_wanted() => {
                    wanted.place_of = Some(caller.clone());
                    return Some(name);
                }
                Some(_) => {
                    self.names.remove(&name);
                }
                None => {}
            }
        }
        None
    }

    /// Notes that a look-up has ended. Gives those who must be told.
    fn ended(&mut self, name: &str) -> Vec<oneshot::Sender<Answer>> {
        let Some(Wanted { place_of: Some(caller), waiters }) = self.names.remove(name) else {
            return Vec::new();
        };
        self.all -= 1;
        match self.busy_of(&caller) {
            0 | 1 => self.busy.remove(&caller),
            more => self.busy.insert(caller, more - 1),
        };
        waiters
    }
}

/// Removes the names that are already looked up, and those that everybody gave up.
fn forget_unwanted(queue: &mut VecDeque<String>, names: &mut HashMap<String, Wanted>) {
    queue.retain(|name| match names.get_mut(name) {
        Some(wanted) if wanted.place_of.is_some() => false,
        Some(wanted) if wanted.is_wanted() => true,
        Some(_) => {
            names.remove(name);
            false
        }
        None => false,
    });
}

/// All look-ups of workflows. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lookups {
    dns: Arc<dyn Dns>,
    books: Arc<Mutex<Books>>,
}

impl Lookups {
    pub(super) fn new(dns: Arc<dyn Dns>) -> Self {
        Self { dns, books: Arc::default() }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The addresses of a name.
    pub(super) async fn of(&self, name: &str, asker: &Asker) -> Answer {
        let began = Instant::now();
        let until = asker.until.min(began + ANSWER_WITHIN);
        let asked = self.books().ask(name, &asker.caller);
        let answer = asked?;
        self.begin();
        match timeout_at(until, answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(LookupError::Failed("its look-up was given up; try again".to_owned())),
            Err(_) => Err(self.late(name, asker, until - began)),
        }
    }

    fn late(&self, name: &str, asker: &Asker, waited: Duration) -> LookupError {
        let books = self.books();
        match books.names.get(name) {
            Some(Wanted { place_of: None, .. }) => {
                LookupError::NoPlace { waited, own: books.busy_of(&asker.caller), all: books.all }
            }
            Some(_) | None => LookupError::Unanswered(waited),
        }
    }

    /// Begins every look-up that has a place. A look-up goes on when nobody waits any more, because nothing can stop
    /// it.
    fn begin(&self) {
        loop {
            let next = self.books().next();
            let Some(name) = next else { return };
            let lookups = self.clone();
            tokio::spawn(async move {
                let found = lookups.dns.lookup(&name).await;
                let answer = found.map_err(|error| LookupError::Failed(error.to_string()));
                let waiters = lookups.books().ended(&name);
                for waiter in waiters {
                    // A waiter that gave up needs no answer.
                    let _ = waiter.send(answer.clone());
                }
                lookups.begin();
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use tokio::sync::mpsc;

    use super::*;

    /// Reports which names are looked up. Names of `.slow` are never answered.
    struct Told(mpsc::UnboundedSender<String>);

    impl Dns for Told {
        fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
            self.0.send(name.to_owned()).unwrap();
            if name.ends_with(".slow") {
                Box::pin(std::future::pending())
            } else {
                Box::pin(std::future::ready(Ok(vec![IpAddr::from([192, 0, 2, 1])])))
            }
        }
    }

    fn told() -> (Lookups, mpsc::UnboundedReceiver<String>) {
        let (tell, asked) = mpsc::unbounded_channel();
        (Lookups::new(Arc::new(Told(tell))), asked)
    }

    fn asker(workflow: &str, within: Duration) -> Asker {
        Asker { caller: Some(workflow.parse().unwrap()), until: Instant::now() + within }
    }

    /// The clock of these tests stands still until every task waits.
    async fn idle() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    /// Asks for so many names that are never answered. Returns when each of them has a place or waits for one.
    async fn ask_slow(
        lookups: &Lookups,
        workflow: &str,
        count: usize,
    ) -> Vec<tokio::task::JoinHandle<Answer>> {
        let mut asks = Vec::new();
        for number in 0..count {
            let (lookups, name) = (lookups.clone(), format!("{workflow}-{number}.slow"));
            let asker = asker(workflow, Duration::from_secs(3_600));
            asks.push(tokio::spawn(async move { lookups.of(&name, &asker).await }));
        }
        idle().await;
        asks
    }

    fn all(asked: &mut mpsc::UnboundedReceiver<String>) -> Vec<String> {
        std::iter::from_fn(|| asked.try_recv().ok()).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn names_that_are_never_answered_take_no_place_of_another_workflow() {
        let (lookups, mut asked) = told();
        let mut asks = Vec::new();
        // Each of these hostile workflows has at most its eight places. Together they have all that are shared.
        for number in 0..20 {
            asks.extend(ask_slow(&lookups, &format!("hostile-{number}"), 50).await);
        }
        let on_their_way = all(&mut asked);
        for number in 0..20 {
            let of = format!("hostile-{number}-");
            let own = on_their_way.iter().filter(|name| name.starts_with(&of)).count();
            assert!((1..=PLACES_EACH).contains(&own), "{of}: {own}");
        }
        let healthy = asker("healthy", Duration::from_secs(1));
        assert!(lookups.of("a.example", &healthy).await.is_ok());
        assert!(lookups.of("b.example", &healthy).await.is_ok());
        // The requests give up; their look-ups do not end.
        for ask in asks {
            let error = ask.await.unwrap().unwrap_err();
            assert!(matches!(error, LookupError::Unanswered(_) | LookupError::NoPlace { .. }), "{error}");
        }
        assert!(lookups.of("c.example", &asker("healthy", Duration::from_secs(1))).await.is_ok());
        assert_eq!(lookups.books().waiting.len(), 20, "what waits is looked at at the next turn");
        assert!(lookups.books().all <= MAX_PLACES);
    }

    #[tokio::test(start_paused = true)]
    async fn one_name_is_looked_up_once_for_all_that_wait() {
        let (lookups, mut asked) = told();
        let answers: Vec<_> = (0..100)
            .map(|number| {
                let (lookups, asker) = (lookups.clone(), asker(&format!("w-{}", number % 7), ANSWER_WITHIN));
                tokio::spawn(async move { lookups.of("same.slow", &asker).await })
            })
            .collect();
        for answer in answers {
            assert_eq!(answer.await.unwrap(), Err(LookupError::Unanswered(ANSWER_WITHIN)));
        }
        assert_eq!(all(&mut asked), ["same.slow"]);
        assert_eq!(lookups.books().all, 1, "it is still on its way");
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_a_place_waits_no_longer_than_its_own_request() {
        let (lookups, mut asked) = told();
        let held = ask_slow(&lookups, "w", PLACES_EACH).await;
        let began = Instant::now();
        let error = lookups.of("late.example", &asker("w", Duration::from_millis(300))).await.unwrap_err();
        assert_eq!(began.elapsed(), Duration::from_millis(300));
        let expected = LookupError::NoPlace { waited: Duration::from_millis(300), own: 8, all: 8 };
        assert_eq!(error, expected);
        assert!(error.to_string().contains("8 of this workflow"), "{error}");
        assert!(!all(&mut asked).contains(&"late.example".to_owned()));
        // A name that is already looked up needs no place.
        let error = lookups.of("w-0.slow", &asker("w", Duration::from_millis(300))).await.unwrap_err();
        assert_eq!(error, LookupError::Unanswered(Duration::from_millis(300)));
        held.into_iter().for_each(|ask| ask.abort());
    }

    #[tokio::test(start_paused = true)]
    async fn a_place_that_gets_free_goes_to_who_waits_and_never_to_who_gave_up() {
        let (tell, mut asked) = mpsc::unbounded_channel();
        /// Each look-up takes one second.
        struct Second(mpsc::UnboundedSender<String>);
        impl Dns for Second {
            fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
                self.0.send(name.to_owned()).unwrap();
                Box::pin(async {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    Err(io::Error::other("no such name"))
                })
            }
        }
        let lookups = Lookups::new(Arc::new(Second(tell)));
        let ask = |name: String, within| {
            let lookups = lookups.clone();
            let asker = asker("w", within);
            tokio::spawn(async move { lookups.of(&name, &asker).await })
        };
        let hour = Duration::from_secs(3_600);
        let first: Vec<_> = (0..PLACES_EACH).map(|number| ask(format!("a{number}"), hour)).collect();
        idle().await;
        let gone = ask("gone".to_owned(), Duration::from_millis(100));
        let waits = ask("waits".to_owned(), hour);
        assert!(matches!(gone.await.unwrap(), Err(LookupError::NoPlace { .. })));
        assert_eq!(waits.await.unwrap(), Err(LookupError::Failed("no such name".to_owned())));
        for ask in first {
            assert_eq!(ask.await.unwrap(), Err(LookupError::Failed("no such name".to_owned())));
        }
        let names: BTreeSet<_> = all(&mut asked).into_iter().collect();
        assert!(names.contains("waits") && !names.contains("gone"), "{names:?}");
        let books = lookups.books();
        assert!(
            books.names.is_empty() && books.busy.is_empty() && books.waiting.is_empty() && books.all == 0
        );
    }

    #[tokio::test(start_paused = true)]
    async fn no_workflow_queues_names_without_end() {
        let (lookups, _asked) = told();
        let asks = ask_slow(&lookups, "w", PLACES_EACH + WAITING_EACH).await;
        let error = lookups.of("more.slow", &asker("w", Duration::from_secs(1))).await.unwrap_err();
        assert_eq!(error, LookupError::Crowded);
        assert!(lookups.of("more.example", &asker("other", Duration::from_secs(1))).await.is_ok());
        asks.into_iter().for_each(|ask| ask.abort());
        idle().await;
        let error = lookups.of("more.slow", &asker("w", Duration::from_secs(1))).await.unwrap_err();
        assert!(
            matches!(error, LookupError::NoPlace { .. }),
            "who gave up holds no place in the line: {error}"
        );
    }
}
