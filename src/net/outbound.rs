//! The guarded client: a workflow's only way out, for the http step and for `fetch` of scripts.
//!
//! The address of each hop is checked (literal hosts here, names in the resolver). Each exchange has one deadline.
//! Nothing comes back that is larger than the caller asked for.

use std::{collections::HashSet, fmt, net::IpAddr, sync::Arc, time::Duration};

use http::{Method, header};
use reqwest::Url;
use tokio::time::{Instant, timeout, timeout_at};

use super::{
    Authorities, CookieJar, Dns, HostPort, NetError, ProxyOptions, RequestTls, Response, Sensitive, bounds,
    clients::{Clients, Maker, Way},
    dns::{SYSTEM, Unresolved},
    error, guard, headers,
    lookups::{Asker, Lookups},
    proxy::Proxy,
    redirect::Hop,
};
use crate::model::{HostPattern, WorkflowKey};

/// How long a body may stand still.
const IDLE: Duration = Duration::from_secs(10);
/// The longest exchange; a longer timeout is cut to it.
const MAX_TIMEOUT: Duration = Duration::from_secs(3_600);
/// The most redirects that a request can ask for.
const MAX_REDIRECTS: u8 = 10;

/// The settings of an [`Outbound`].
#[derive(Clone)]
pub struct OutboundOptions {
    /// Hosts with ports that may be called although their addresses are private.
    pub allow: Vec<HostPort>,
    /// The source of addresses; `None` is the system's resolver.
    pub dns: Option<Arc<dyn Dns>>,
    /// How long a body may stand still; 10 s by default.
    pub idle: Duration,
    /// Authorities that are trusted beside those of the machine.
    pub ca: Option<Authorities>,
    /// The proxy that requests go through.
    pub proxy: Option<ProxyOptions>,
}

impl Default for OutboundOptions {
    fn default() -> Self {
        Self { allow: Vec::new(), dns: None, idle: IDLE, ca: None, proxy: None }
    }
}

impl fmt::Debug for OutboundOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundOptions")
            .field("allow", &self.allow)
            .field("idle", &self.idle)
            .field("ca", &self.ca)
            .field("proxy", &self.proxy)
            .finish_non_exhaustive()
    }
}

/// One request. Redirects, the body and every wait count towards `timeout`.
#[derive(Clone)]
pub struct OutboundRequest {
    /// Any method except CONNECT and TRACE.
    pub method: Method,
    /// An http(s) URL without user information.
    pub url: String,
    /// In this order; names may repeat. Headers of the connection (Host, Content-Length …) are refused.
    pub headers: Vec<(String, String)>,
    /// The parts that no other origin than that of `url` may see, beside those that are never sent on.
    pub sensitive: Sensitive,
    /// The body as it is sent; empty for none.
    pub body: Vec<u8>,
    /// The time for the whole exchange.
    pub timeout: Duration,
    /// The most bytes of the body, after decompression.
    pub max_response: u64,
    /// How many redirects are followed, 10 at most. With 0, a redirect is the response.
    pub redirects: u8,
    /// The hosts that it may go to, also by a redirect; `None` allows all. The guard checks in any case.
    pub within: Option<Arc<[HostPattern]>>,
    /// The workflow that makes it. Each workflow has its own places for look-ups of names.
    pub caller: Option<WorkflowKey>,
    /// What it wants of TLS instead of the machine's settings.
    pub tls: RequestTls,
    /// The cookies that it sends where they belong, also after a redirect, and to which answers add theirs.
    pub cookies: Option<CookieJar>,
}

impl OutboundRequest {
    /// A request with defaults: 5 s, 1 MiB, 5 redirects.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: Vec::new(),
            sensitive: Sensitive::default(),
            body: Vec::new(),
            timeout: Duration::from_secs(5),
            max_response: 1 << 20,
            redirects: 5,
            within: None,
            caller: None,
            tls: RequestTls::default(),
            cookies: None,
        }
    }
}

/// The way out of workflows. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Outbound(Carrier);

#[derive(Clone)]
enum Carrier {
    Network(Arc<Inner>),
    /// Nothing leaves.
    Closed,
    /// A test replaces the network.
    #[cfg(test)]
    Carried(Arc<dyn Transport>),
}

/// Takes the place of the network in a test.
#[cfg(test)]
pub(crate) trait Transport: Send + Sync + 'static {
    /// Carries a request; `Outbound` keeps its deadline.
    fn carry(
        &self,
        request: OutboundRequest,
    ) -> futures::future::BoxFuture<'static, Result<Response, NetError>>;
}

struct Inner {
    allow: HashSet<HostPort>,
    /// For requests that want nothing of TLS.
    clients: Clients,
    maker: Maker,
    lookups: Lookups,
    proxy: Option<Proxy>,
    idle: Duration,
}

impl fmt::Debug for Outbound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Carrier::Network(inner) => {
                f.debug_struct("Outbound").field("allow", &inner.allow).finish_non_exhaustive()
            }
            Carrier::Closed => f.write_str("Outbound that is closed"),
            #[cfg(test)]
            Carrier::Carried(_) => f.write_str("Outbound through a test"),
        }
    }
}

impl Outbound {
    /// Makes the way out. On a machine without CA certificates, its https requests fail.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(options: OutboundOptions) -> Result<Self, NetError> {
        let lookups = Lookups::new(options.dns.unwrap_or_else(|| Arc::new(SYSTEM)));
        let proxy = options.proxy.as_ref().map(Proxy::new);
        let (maker, clients) = Maker::new(lookups.clone(), options.proxy, options.ca)
            .map_err(|error| NetError::Tls { url: "this machine".to_owned(), why: error::cause(&error) })?;
        Ok(Self(Carrier::Network(Arc::new(Inner {
            allow: options.allow.into_iter().collect(),
            clients,
            maker,
            lookups,
            proxy,
            idle: options.idle,
        }))))
    }

    /// A way out that leads only to `transport`.
    #[cfg(test)]
    pub(crate) fn through(transport: Arc<dyn Transport>) -> Self {
        Self(Carrier::Carried(transport))
    }

    /// A way out through which nothing leaves: for runs that must have no effects.
    pub(crate) fn closed() -> Self {
        Self(Carrier::Closed)
    }

    /// Makes one request, with its redirects.
    ///
    /// # Errors
    /// When there is no whole response. Any status counts as a response.
    pub async fn send(&self, request: OutboundRequest) -> Result<Response, NetError> {
        match &self.0 {
            Carrier::Network(inner) => inner.send(request).await,
            Carrier::Closed => Err(NetError::Denied {
                host: error::origin(&error::parse(&request.url)?),
                why: "nothing is sent while a publication runs fixtures".to_owned(),
                how: "Run `flowcell test` for fixtures that call others".to_owned(),
            }),
            #[cfg(test)]
            Carrier::Carried(transport) => {
                let (url, after) = (request.url.clone(), request.timeout);
                let carried = timeout(after, transport.carry(request));
                carried.await.unwrap_or(Err(NetError::Timeout { url, after }))
            }
        }
    }
}

/// What holds for each hop of a request.
struct Terms {
    sensitive: Sensitive,
    tls: RequestTls,
    cookies: Option<CookieJar>,
    max_response: u64,
    redirects: u8,
    within: Option<Arc<[HostPattern]>>,
}

impl Inner {
    async fn send(&self, request: OutboundRequest) -> Result<Response, NetError> {
        let OutboundRequest {
            method,
            url,
            headers,
            sensitive,
            body,
            timeout: after,
            max_response,
            redirects,
            within,
            caller,
            tls,
            cookies,
        } = request;
        if method == Method::CONNECT || method == Method::TRACE {
            return Err(NetError::Method(method.to_string()));
        }
        let url = error::parse(&url)?;
        let headers = headers::checked(&headers, &sensitive.headers)?;
        let late = || NetError::Timeout { url: error::origin(&url), after };
        let first = Hop { method, url: url.clone(), headers, body: body.into() };
        let redirects = redirects.min(MAX_REDIRECTS);
        let terms = Terms { sensitive, tls, cookies, max_response, redirects, within };
        let exchange = self.exchange(first, &terms);
        let until = Instant::now() + after.min(MAX_TIMEOUT);
        let exchange = Asker { caller, until }.makes(exchange);
        timeout_at(until, exchange).await.map_err(|_| late())?
    }

    /// The way that a request may go there.
    async fn way_to(
        &self,
        url: &Url,
        redirected: bool,
        within: Option<&[HostPattern]>,
    ) -> Result<Way, NetError> {
        let refused = |why: &str| {
            if redirected {
                error::denied(url, &format!("a redirect leads there, and {why}"))
            } else {
                error::denied(url, why)
            }
        };
        let target = HostPort::of(url).ok_or_else(|| refused("it has no host"))?;
        if let (Some(within), Some(host), Some(port)) = (within, url.host_str(), url.port_or_known_default())
            && !within.iter().any(|pattern| pattern.matches(host, port))
        {
            let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
            let whither = if redirected { "a redirect leads to" } else { "the request goes to" };
            return Err(NetError::NotGranted { host, whither });
        }
        let proxy = self.proxy.as_ref().filter(|proxy| proxy.takes(url.scheme(), &target));
        if self.allow.contains(&target) {
            return Ok(if proxy.is_some() { Way::Proxied } else { Way::Allowed });
        }
        // A literal address never reaches the resolver.
        let range = target.ip().and_then(guard::denied);
        if let Some(range) = range.or_else(|| target.name().and_then(guard::denied_name)) {
            return Err(refused(&format!("it is {range}")));
        }
        let Some(proxy) = proxy else { return Ok(Way::Guarded) };
        if let (Some(name), false) = (target.name(), proxy.resolves) {
            let found = self.lookups.of(name, &Asker::current()).await;
            let found = found.map_err(|error| error::unresolved(&Unresolved::from(error), url))?;
            // The proxy may take any of them.
            if let Some(range) = found.into_iter().find_map(|ip: IpAddr| guard::denied(ip)) {
                return Err(error::unresolved(&Unresolved::Denied(range), url));
            }
        }
        Ok(Way::Proxied)
    }

    async fn exchange(&self, mut hop: Hop, terms: &Terms) -> Result<Response, NetError> {
        let Terms { sensitive, tls, cookies, max_response, redirects, within } = terms;
        let (within, redirects) = (within.as_deref(), *redirects);
        let first = hop.url.origin();
        let mut followed = 0;
        loop {
            let way = self.way_to(&hop.url, followed > 0, within).await?;
            let own = if hop.url.origin() == first { tls.clone() } else { tls.elsewhere() };
            let made = if own.is_empty() { None } else { Some(self.maker.with(&own)?) };
            let client = made.as_deref().unwrap_or(&self.clients).of(way);
            let mut request =
                client.request(hop.method.clone(), hop.url.clone()).headers(hop.headers.clone());
            if !hop.body.is_empty() {
                request = request.body(hop.body.clone());
            }
            if let Some(value) = cookies.as_ref().and_then(|jar| jar.header(&hop.url)) {
                request = request.header(header::COOKIE, value);
            }
            let response = request.send().await.map_err(|error| self.failed(&error, &hop.url, way))?;
            if headers::too_large(response.headers()) {
                let (url, most) = (error::origin(&hop.url), bounds::MAX_HEADERS as u64);
                return Err(NetError::TooLarge { url, what: "header", most });
            }
            if let Some(jar) = cookies {
                jar.receive(&hop.url, response.headers())?;
            }
            let status = response.status().as_u16();
            match Hop::location(status, response.headers()) {
                Some(_) if redirects > 0 && followed == redirects => {
                    return Err(NetError::TooManyRedirects { url: error::origin(&hop.url), most: redirects });
                }
                Some(location) if redirects > 0 => hop = hop.next(status, location, sensitive)?,
                Some(_) | None => return self.read(response, &hop.url, way, *max_response).await,
            }
            followed += 1;
        }
    }

    /// Reads a body chunk by chunk. Each chunk is already decompressed.
    async fn read(
        &self,
        mut response: reqwest::Response,
        url: &Url,
        way: Way,
        most: u64,
    ) -> Result<Response, NetError> {
        let mut body = Vec::new();
        loop {
            let chunk = timeout(self.idle, response.chunk()).await;
            let chunk = chunk.map_err(|_| NetError::Timeout { url: error::origin(url), after: self.idle })?;
            let Some(chunk) = chunk.map_err(|error| self.failed(&error, url, way))? else { break };
            if (body.len() + chunk.len()) as u64 > most {
                return Err(NetError::TooLarge { url: error::origin(url), what: "body", most });
            }
            body.extend_from_slice(&chunk);
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Response { status, headers, body, url: error::without_query(url) })
    }

    fn failed(&self, error: &reqwest::Error, url: &Url, way: Way) -> NetError {
        match (error::classify(error, url), way) {
            (NetError::Tls { url, .. }, _) if !self.maker.trusts() => NetError::Tls {
                url,
                why: "this machine has no CA certificates; install the package ca-certificates".to_owned(),
            },
            (NetError::Connect { url, why }, Way::Proxied) => {
                NetError::Connect { url, why: format!("{why}, through the proxy of `net.proxy`") }
            }
            // It was the proxy's own name that was looked up.
            (NetError::Dns { why, .. } | NetError::Unanswered { why, .. }, Way::Proxied) => {
                let why = format!("the proxy of `net.proxy` cannot be looked up: {why}");
                NetError::Connect { url: error::origin(url), why }
            }
            (other, _) => other,
        }
    }
}
