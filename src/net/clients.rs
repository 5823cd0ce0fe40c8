//! The HTTP clients that share one setting of TLS: one for each way that a request can go.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Identity;

use super::{
    NetError, bounds,
    dns::Resolver,
    error,
    lookups::Lookups,
    proxy::ProxyOptions,
    tls::{Authorities, RequestTls},
};
use crate::reactor::off_the_reactor;

/// How many settings of TLS have clients at once. The one that was not used for longest goes.
const MOST: usize = 32;

/// The way that a request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// To a public address. The resolver leaves private ones out.
    Guarded,
    /// To a host that the operator allowed. A resolver does not learn the port, so one client cannot serve both.
    Allowed,
    /// To the operator's proxy, which connects on.
    Proxied,
}

/// One client for each way.
pub(super) struct Clients {
    guarded: reqwest::Client,
    allowed: reqwest::Client,
    proxied: Option<reqwest::Client>,
}

impl Clients {
    pub(super) fn of(&self, way: Way) -> &reqwest::Client {
        match way {
            Way::Guarded => &self.guarded,
            Way::Allowed => &self.allowed,
            // Without a proxy, nothing takes this way.
            Way::Proxied => self.proxied.as_ref().unwrap_or(&self.guarded),
        }
    }
}

/// Makes clients, and keeps them for the settings of TLS that requests ask for.
pub(super) struct Maker {
    lookups: Lookups,
    proxy: Option<ProxyOptions>,
    /// Trusted beside the machine's own authorities.
    extra: Option<Authorities>,
    /// Whether this machine has certificates of authorities.
    trusts: bool,
    /// From the one that was used last. Held only to look and to change, never while a client is made.
    kept: Mutex<Vec<([u8; 32], Arc<Clients>)>>,
}

impl Maker {
    /// Makes the clients of requests that want nothing of TLS.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub(super) fn new(
        lookups: Lookups,
        proxy: Option<ProxyOptions>,
        extra: Option<Authorities>,
    ) -> Result<(Self, Clients), reqwest::Error> {
        let mut maker = Self { lookups, proxy, extra, trusts: true, kept: Mutex::default() };
        // Without certificates of authorities, there is no client that wants some.
        let clients = maker.make(None, None).or_else(|_| {
            maker.trusts = false;
            maker.make(None, None)
        })?;
        Ok((maker, clients))
    }

    /// Whether https can be trusted at all.
    pub(super) fn trusts(&self) -> bool {
        self.trusts || self.extra.is_some()
    }

    /// The clients for what a request wants of TLS.
    ///
    /// # Errors
    /// Which of its texts cannot be used.
    pub(super) fn with(&self, wanted: &RequestTls) -> Result<Arc<Clients>, NetError> {
        let digest = wanted.digest();
        let kept = || self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut kept = kept();
            if let Some(at) = kept.iter().position(|(of, _)| *of == digest) {
                let found = kept.remove(at);
                kept.insert(0, found);
                return Ok(Arc::clone(&kept[0].1));
            }
        }
        // It reads the files of the machine's authorities.
        let made = off_the_reactor(|| {
            let (authorities, identity) = wanted.read()?;
            let clients = self.make(authorities.as_ref(), identity);
            clients.map(Arc::new).map_err(|error| NetError::Credentials {
                field: if wanted.identity.is_some() { "tls.cert" } else { "tls.ca" },
                why: format!("cannot be used: {}", error::cause(&error)),
            })
        })?;
        let mut kept = kept();
        kept.insert(0, (digest, Arc::clone(&made)));
        kept.truncate(MOST);
        Ok(made)
    }

    fn make(
        &self,
        only: Option<&Authorities>,
        identity: Option<Identity>,
    ) -> Result<Clients, reqwest::Error> {
        let client = |guarded, proxied: bool| {
            let mut builder = reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .referer(false)
                .connect_timeout(bounds::CONNECT)
                .pool_max_idle_per_host(bounds::KEPT)
                .pool_idle_timeout(bounds::KEPT_FOR)
                .http1_max_headers(bounds::MAX_HEADER_COUNT)
                .user_agent(concat!("flowcell/", env!("CARGO_PKG_VERSION")))
                .dns_resolver(Resolver { lookups: self.lookups.clone(), guarded });
            if let (true, Some(proxy)) = (proxied, &self.proxy) {
                builder = builder.proxy(proxy.for_all()?);
            }
            if let Some(identity) = &identity {
                builder = builder.identity(identity.clone());
            }
            builder = match (only, &self.extra, self.trusts) {
                (Some(only), _, _) => builder.tls_certs_only(only.certificates()),
                (None, Some(extra), true) => builder.tls_certs_merge(extra.certificates()),
                (None, Some(extra), false) => builder.tls_certs_only(extra.certificates()),
                (None, None, true) => builder,
                (None, None, false) => builder.tls_certs_only([]),
            };
            builder.build()
        };
        Ok(Clients {
            guarded: client(true, false)?,
            allowed: client(false, false)?,
            // The operator names the proxy, wherever it is.
            proxied: self.proxy.is_some().then(|| client(false, true)).transpose()?,
        })
    }
}
