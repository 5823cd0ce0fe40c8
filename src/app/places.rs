//! The addresses where the server listens: taken first, listened on once it can answer.

use std::{io, net::IpAddr};

use axum::Router;
use tokio::net::TcpSocket;

use super::AppError;
use crate::{
    config::Listen,
    server::{
        listener::{Claim, Listener},
        tls::Tls,
    },
};

/// Connections that wait to be accepted, at most.
const BACKLOG: u32 = 1_024;

/// Where the server will listen. The place is taken at once, and listens only when the server can answer. Until then a
/// connection is refused, which health checks and proxies understand. Otherwise it would hang while the engine is compiled.
enum Place {
    Tcp(TcpSocket),
    Unix(Claim),
}

impl Place {
    fn take(listen: &Listen) -> io::Result<Self> {
        match listen {
            Listen::Tcp(address) => {
                let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
                socket.set_reuseaddr(true)?;
                socket.bind(*address)?;
                Ok(Self::Tcp(socket))
            }
            Listen::Unix(path) => Claim::of(path).map(Self::Unix),
        }
    }

    fn listen(self) -> io::Result<Listener> {
        match self {
            Self::Tcp(socket) => socket.listen(BACKLOG).map(Listener::Tcp),
            Self::Unix(claim) => claim.listen(),
        }
    }
}

/// One address where the server answers.
pub(super) struct Door {
    pub(super) listener: Listener,
    address: Listen,
    pub(super) router: Router,
    pub(super) tls: Option<Tls>,
}

impl Door {
    /// The URL of its address.
    pub(super) fn url(&self) -> String {
        match &self.address {
            Listen::Tcp(_) => own_url(scheme(self.tls.is_some()), &self.address),
            Listen::Unix(_) => self.address.to_string(),
        }
    }
}

/// An address that was taken, before the server listens there.
pub(super) struct Taken {
    place: Place,
    pub(super) address: Listen,
    setting: &'static str,
}

impl Taken {
    pub(super) fn take(listen: &Listen, setting: &'static str) -> Result<Self, AppError> {
        let error = |source| AppError::Listen { address: listen.clone(), setting, source };
        let place = Place::take(listen).map_err(error)?;
        let address = match (&place, listen) {
            (Place::Tcp(socket), _) => Listen::Tcp(socket.local_addr().map_err(error)?),
            (Place::Unix(_), listen) => listen.clone(),
        };
        Ok(Self { place, address, setting })
    }

    /// Its address. Nobody but this machine reaches a Unix socket, and no browser does.
    pub(super) fn ip(&self) -> Option<IpAddr> {
        match &self.address {
            Listen::Tcp(address) => Some(address.ip().to_canonical()),
            Listen::Unix(_) => None,
        }
    }

    pub(super) fn is_loopback(&self) -> bool {
        self.ip().is_some_and(|ip| ip.is_loopback())
    }

    pub(super) fn listen(self, router: Router, tls: Option<Tls>) -> Result<Door, AppError> {
        let Self { place, address, setting } = self;
        match place.listen() {
            Ok(listener) => Ok(Door { listener, address, router, tls }),
            Err(source) => Err(AppError::Listen { address, setting, source }),
        }
    }
}

/// The word before an address.
pub(super) fn scheme(tls: bool) -> &'static str {
    if tls { "https" } else { "http" }
}

/// The beginning of URLs, unless the settings give another.
pub(super) fn own_url(scheme: &str, address: &Listen) -> String {
    match address {
        Listen::Tcp(address) => format!("{scheme}://{address}"),
        // Only the proxy knows under which name it is reached.
        Listen::Unix(_) => format!("{scheme}://localhost"),
    }
}
