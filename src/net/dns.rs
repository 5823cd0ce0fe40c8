//! Turns names into addresses, with the guard inside: the addresses that it gives are the ones that are connected to.
//!
//! Every answer of a look-up is checked before one of its addresses is connected to, and no answer is kept. So a name
//! that first leads to a public and then to a private address (DNS rebinding) gains nothing.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    thread,
};

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::oneshot;

use super::{
    guard,
    lookups::{Asker, Dns, LookupError, Lookups},
};

/// The stack of a look-up, bytes. It is only reserved; memory is used as far as the system's resolver needs it.
const STACK: usize = 512 << 10;

/// A resolver that blocks. Each look-up has a thread of its own, so it takes none of the threads of scripts and files.
pub(super) struct OnThreads(pub(super) fn(&str) -> io::Result<Vec<IpAddr>>);

impl Dns for OnThreads {
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let (resolve, name) = (self.0, name.to_owned());
        let (tell, answer) = oneshot::channel();
        let look_up = move || {
            // Whoever waited may be gone.
            let _ = tell.send(resolve(&name));
        };
        let started = thread::Builder::new().name("look-up".to_owned()).stack_size(STACK).spawn(look_up);
        Box::pin(async move {
            started?;
            answer.await.unwrap_or_else(|_| Err(io::Error::other("its look-up broke off")))
        })
    }
}

/// The system's resolver, which also reads /etc/hosts.
pub(super) const SYSTEM: OnThreads = OnThreads(system);

fn system(name: &str) -> io::Result<Vec<IpAddr>> {
    Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

/// Why a name gave no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unresolved {
    /// It has addresses, but none of them may be reached.
    #[error("{0}")]
    Denied(&'static str),
    /// It has no address.
    #[error("{0}")]
    Failed(String),
    /// Nobody knows yet whether it has an address.
    #[error("{0}")]
    Unanswered(String),
}

impl From<LookupError> for Unresolved {
    fn from(error: LookupError) -> Self {
        match error {
            LookupError::Failed(why) => Self::Failed(why),
            LookupError::Unanswered(_) | LookupError::NoPlace { .. } | LookupError::Crowded => {
                Self::Unanswered(error.to_string())
            }
        }
    }
}

/// The resolver that reqwest uses.
pub(super) struct Resolver {
    pub(super) lookups: Lookups,
    /// Whether private addresses are left out. It is off only for hosts that the operator allowed by name.
    pub(super) guarded: bool,
}

impl Resolver {
    pub(super) async fn addresses(
        lookups: Lookups,
        guarded: bool,
        name: String,
        asker: Asker,
    ) -> Result<Vec<IpAddr>, Unresolved> {
        let mut found = lookups.of(&name, &asker).await?;
        if guarded {
            let range = found.iter().find_map(|ip| guard::denied(*ip));
            found.retain(|ip| guard::denied(*ip).is_none());
            if let (true, Some(range)) = (found.is_empty(), range) {
                return Err(Unresolved::Denied(range));
            }
        }
        if found.is_empty() {
            return Err(Unresolved::Failed("the name exists, but without one".to_owned()));
        }
        Ok(found)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        // Read here, while the request itself is polled. The future below may be polled elsewhere.
        let asker = Asker::current();
        let found = Self::addresses(self.lookups.clone(), self.guarded, name.as_str().to_owned(), asker);
        Box::pin(async move {
            // reqwest replaces port 0 by the URL's port.
            let found = found.await?.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(found) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use tokio::time::{Instant, timeout};

    use super::*;

    /// Scripts run in a pool of threads too. With one thread in that pool, one look-up there would stop them.
    #[test]
    fn look_ups_that_hang_take_no_thread_from_scripts() {
        fn never(_: &str) -> io::Result<Vec<IpAddr>> {
            loop {
                thread::park();
            }
        }
        let runtime =
            tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).enable_all().build();
        runtime.unwrap().block_on(async {
            let lookups = Lookups::new(Arc::new(OnThreads(never)));
            for number in 0..40 {
                let caller = Some(format!("w-{}", number % 4).parse().unwrap());
                let asker = Asker { caller, until: Instant::now() + Duration::from_millis(1) };
                let error = lookups.of(&format!("{number}.slow"), &asker).await.unwrap_err();
                assert!(matches!(Unresolved::from(error), Unresolved::Unanswered(_)));
            }
            let script = tokio::task::spawn_blocking(|| 1);
            assert_eq!(timeout(Duration::from_secs(5), script).await.unwrap().unwrap(), 1);
        });
    }

    #[tokio::test]
    async fn the_systems_resolver_knows_the_hosts_of_this_machine() {
        let lookups = Lookups::new(Arc::new(SYSTEM));
        let found = lookups.of("localhost", &Asker::current()).await.unwrap();
        assert!(found.iter().all(IpAddr::is_loopback) && !found.is_empty(), "{found:?}");
    }
}
