//! The only way out: every outbound connection of the process is opened here.
//!
//! [`Outbound`] serves workflows. It goes to public addresses, and elsewhere only where the operator's `net.allow` says
//! so. [`Client`] serves the commands that talk to a server that the operator names; nothing that a workflow controls
//! may reach it. Neither reads proxy settings of the environment.

mod bounds;
mod client;
mod clients;
mod cookies;
mod dns;
mod error;
mod guard;
mod headers;
mod host_port;
mod lookups;
mod outbound;
mod proxy;
mod redirect;
mod sensitive;
#[cfg(test)]
mod test_proxy;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod tls;

use http::HeaderMap;

pub use client::{Client, Download};
pub use cookies::{CookieChange, CookieJar};
pub use error::NetError;
pub use guard::denied;
pub use headers::is_own as is_connection_header;
pub use host_port::{HostPort, HostPortError};
pub use lookups::Dns;
#[cfg(test)]
pub(crate) use outbound::Transport;
pub use outbound::{Outbound, OutboundOptions, OutboundRequest};
pub use proxy::{ProxyOptions, ProxyUrl, ProxyUrlError};
pub use sensitive::Sensitive;
pub use tls::{Authorities, RequestTls};

/// A response, read whole.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    /// Its body, decompressed.
    pub body: Vec<u8>,
    /// Where it came from after redirects: scheme, host, port and path, without the query.
    pub url: String,
}
