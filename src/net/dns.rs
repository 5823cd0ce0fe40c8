//! Names to addresses, with the guard inside: what it gives is what is connected to.
//!
//! One look-up a connection, and every answer of it is looked at, so a name that first leads to a public and
//! then to a private address (DNS rebinding) gains nothing.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use futures::future::BoxFuture;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard;

/// Where addresses of names come from.
pub trait Dns: Send + Sync + 'static {
    /// All addresses of a name.
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver, which also reads /etc/hosts.
pub(super) struct System;

impl Dns for System {
    fn lookup(&self, name: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let name = name.to_owned();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Why a name gave no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unresolved {
    /// It has addresses, and none may be reached.
    #[error("{0}")]
    Denied(&'static str),
    /// It has none.
    #[error("{0}")]
    Failed(String),
}

/// What reqwest asks for addresses.
pub(super) struct Resolver {
    pub(super) dns: Arc<dyn Dns>,
    /// Whether private addresses are left out. Off only for hosts that the operator allowed by name.
    pub(super) guarded: bool,
}

impl Resolver {
    pub(super) async fn addresses(
        dns: Arc<dyn Dns>,
        guarded: bool,
        name: String,
    ) -> Result<Vec<IpAddr>, Unresolved> {
        let mut found = dns.lookup(&name).await.map_err(|error| Unresolved::Failed(error.to_string()))?;
        if guarded {
            let range = found.iter().find_map(|ip| guard::denied(*ip));
            found.retain(|ip| guard::denied(*ip).is_none());
            if let (true, Some(range)) = (found.is_empty(), range) {
                return Err(Unresolved::Denied(range));
            }
        }
        if found.is_empty() {
            return Err(Unresolved::Failed("the name is known, but has none".to_owned()));
        }
        Ok(found)
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let found = Self::addresses(Arc::clone(&self.dns), self.guarded, name.as_str().to_owned());
        Box::pin(async move {
            // Port 0 is replaced by the URL's.
            let found = found.await?.into_iter().map(|ip| SocketAddr::new(ip, 0));
            Ok(Box::new(found) as Addrs)
        })
    }
}
