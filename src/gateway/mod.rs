//! One webhook request, from its first byte to its answer.
//!
//! `hooks` holds the order of work, cheapest refusal first: route, enabled, method,
//! size, verification on the raw bytes, decoding, filter, and only then the engine,
//! which returns when the run is durable. Every request, accepted or refused, ends in the
//! request log with the true reason; the caller is told no more than it needs.

mod answer;
mod body;
mod budget;
mod callbacks;
mod client;
mod cors;
mod dedupe;
mod digits;
mod endpoint;
mod event;
mod filter;
mod handshake;
mod header_list;
mod hide;
mod hooks;
mod hosts;
mod ip;
mod keyring;
mod methods;
mod rate;
mod refusal;
mod request_log;
mod resend;
mod route;
mod sealed;
mod stand_ins;

pub use budget::BodyLimits;
pub use client::{ForwardedHeader, Proxies};
pub use endpoint::{Endpoint, Endpoints, Sources};
pub use hosts::{HostName, HostNameError, Hosts};
pub use resend::ResendError;
pub use route::collision;
pub use stand_ins::STAND_INS;

use std::{net::IpAddr, sync::Arc, thread::available_parallelism};

use axum::{Router, routing::any};
use http::{HeaderMap, StatusCode, request::Parts};
use tokio::sync::Semaphore;

use self::{
    budget::{Budget, Claim},
    hosts::Asked,
    keyring::Keyring,
    rate::Limiter,
    refusal::Refusal,
    request_log::Keeper,
};
use crate::{
    engine::Engine,
    http::Problem,
    model::{RateLimit, WorkflowKey},
    net::Outbound,
};

/// What guards all workflows together.
#[derive(Debug, Clone)]
pub struct Guards {
    /// The proxies that may name the caller of a request.
    pub proxies: Proxies,
    /// How often one address may call, over all workflows.
    pub per_ip: Option<RateLimit>,
    /// The names to which the server answers.
    pub hosts: Hosts,
    /// How much memory the bodies of requests may take.
    pub bodies: BodyLimits,
}

/// What the webhook routes share.
#[derive(Clone)]
pub struct Gateway {
    engine: Engine,
    endpoints: Arc<Endpoints>,
    proxies: Arc<Proxies>,
    hosts: Arc<Hosts>,
    /// The limiter over all workflows, if there is one; each workflow has its own besides.
    per_ip: Arc<[Arc<Limiter>]>,
    bodies: Arc<Budget>,
    /// A permit for each body that is being decompressed, as each may need a window beside its output.
    unpacking: Arc<Semaphore>,
    keeper: Arc<Keeper>,
    keyring: Arc<Keyring>,
}

impl Gateway {
    /// A gateway to `engine` for these endpoints. It fetches the keys of senders through `net`.
    pub fn new(engine: Engine, endpoints: Arc<Endpoints>, guards: Guards, net: Outbound) -> Self {
        let Guards { proxies, per_ip, hosts, bodies } = guards;
        Self {
            engine,
            endpoints,
            proxies: Arc::new(proxies),
            hosts: Arc::new(hosts),
            per_ip: per_ip.into_iter().map(|rate| Arc::new(Limiter::new(rate))).collect(),
            bodies: Budget::new(bodies),
            unpacking: Arc::new(Semaphore::new(available_parallelism().map_or(1, usize::from))),
            keeper: Arc::default(),
            keyring: Arc::new(Keyring::new(net)),
        }
    }

    /// The routes below `/api/webhooks/` and `/api/callbacks/`.
    pub fn router(self) -> Router {
        Router::new()
            .route("/api/webhooks/{*path}", any(hooks::receive))
            .route("/api/callbacks/{*path}", any(callbacks::receive))
            .with_state(self)
    }

    /// The caller's address.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.proxies.client(peer, headers)
    }

    /// Whether an address is that of a trusted proxy.
    pub(crate) fn trusts(&self, peer: IpAddr) -> bool {
        self.proxies.trusts(peer.to_canonical())
    }

    /// The same gateway for another address where the server listens: one of loopback, or not.
    pub(crate) fn listening_on(&self, loopback: bool) -> Self {
        let hosts = Hosts { loopback, ..(*self.hosts).clone() };
        Self { hosts: Arc::new(hosts), ..self.clone() }
    }

    /// Why a request with a cookie is not for this server: the operator says which names it has, and this is none of them.
    pub(crate) fn misnamed(&self, peer: IpAddr, headers: &HeaderMap) -> Option<Problem> {
        if self.trusts(peer) {
            return None;
        }
        let host = self.hosts.stranger(headers)?;
        let detail = format!(
            "it asks for the host `{host}`, which is none of this server's; a name of this server goes into `server.hosts`, a proxy \
             in front into `server.trusted_proxies`"
        );
        Some(Problem::new(StatusCode::MISDIRECTED_REQUEST, "host_unknown", detail))
    }

    /// Workflows that are enabled and whose webhooks refuse every delivery, each with the reason.
    pub(crate) fn unavailable(&self) -> Vec<(WorkflowKey, String)> {
        self.endpoints.unavailable()
    }

    /// Decides whether a request asks for a name of this server.
    fn asked(&self, peer: IpAddr, parts: &Parts) -> Result<Asked, Refusal> {
        // A trusted proxy answers to the names that it was given.
        if self.proxies.trusts(peer.to_canonical()) {
            return Ok(Asked::Own);
        }
        Ok(self.hosts.asked(parts)?)
    }

    /// Why a request of the management API is not for this server.
    pub(crate) fn foreign(&self, peer: IpAddr, parts: &Parts) -> Option<Problem> {
        self.asked(peer, parts).err().map(|refusal| refusal.problem())
    }

    /// What a request of this caller holds of the budget for bodies.
    fn claim(&self, client: IpAddr) -> Claim {
        // A trusted proxy that does not say whom it serves stands for all of them.
        self.bodies.claim(client, self.proxies.trusts(client))
    }
}
