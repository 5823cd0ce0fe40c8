//! What an `http` step sends: compiled once, filled for each attempt.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::STANDARD};
use http::{HeaderName, Method, header};

use super::{
    super::unfilled,
    Attempt, MAX_BODY, MAX_HEADERS, MAX_URL, Unfilled,
    body::{Body, Pairs},
    secret::is_secret,
    tls::Tls,
    url::UrlTemplate,
};
use crate::{
    model::{self, FieldError, HttpAuth, HttpStep, RunError},
    net::{OutboundRequest, Sensitive, is_connection_header},
    template::{Budget, Path, Roots, Template},
};

/// Tells a receiver that two requests are one and the same
/// (<https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>).
const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The number of the attempt.
const ATTEMPT: &str = "flowcell-attempt";

#[derive(Debug)]
enum Auth {
    Basic { username: Template, password: Template },
    Bearer(Template),
    Header { name: HeaderName, value: Template },
}

/// A request with values to fill in.
#[derive(Debug)]
pub(super) struct Request {
    method: Method,
    url: UrlTemplate,
    query: Pairs,
    headers: Vec<(HeaderName, Template)>,
    auth: Option<Auth>,
    tls: Option<Tls>,
    body: Body,
    timeout: Duration,
    max_response: u64,
    redirects: u8,
}

impl Request {
    pub(super) fn compile(spec: &HttpStep, path: &str) -> Result<Self, FieldError> {
        let at = |field: &str, message: String| FieldError::new(format!("{path}.{field}"), message);
        let mut headers = Vec::with_capacity(spec.headers.len());
        for (name, value) in &spec.headers {
            let field = format!("headers.{name}");
            let name = header_name(name).map_err(|message| at(&field, message))?;
            if name == header::CONTENT_TYPE && spec.multipart.is_some() {
                return Err(at(&field, "a multipart body sets its own; leave it out".to_owned()));
            }
            if name == header::COOKIE && spec.session.is_some() {
                return Err(at(&field, "the `session` sends the cookies; remove one of them".to_owned()));
            }
            let value = Template::parse(value).map_err(|error| at(&field, error.to_string()))?;
            headers.push((name, value));
        }
        let auth = spec.auth.as_ref().map(|auth| auth_of(auth, &format!("{path}.auth"))).transpose()?;
        if let Some(auth) = &auth
            && headers.iter().any(|(name, _)| name == auth.header())
        {
            return Err(at("auth", format!("`headers` has `{}` already; remove one of them", auth.header())));
        }
        if spec.session.is_some() && auth.as_ref().is_some_and(|auth| auth.header() == header::COOKIE) {
            return Err(at("auth", "the `session` sends the cookies; remove one of them".to_owned()));
        }
        let default = if spec.bodies().is_empty() { model::Method::Get } else { model::Method::Post };
        let method = spec.method.unwrap_or(default).as_str();
        Ok(Self {
            method: method.parse().expect("our own methods are methods"),
            url: UrlTemplate::compile(&spec.url).map_err(|message| at("url", message))?,
            query: Pairs::compile(&spec.query, &format!("{path}.query"))?,
            headers,
            auth,
            tls: spec.tls.as_ref().map(|tls| Tls::compile(tls, &format!("{path}.tls"))).transpose()?,
            body: Body::compile(spec, path)?,
            timeout: spec.timeout.unwrap_or(HttpStep::TIMEOUT).as_duration(),
            max_response: spec.max_response.unwrap_or(HttpStep::RESPONSE).as_bytes(),
            redirects: spec.redirects.unwrap_or(HttpStep::REDIRECTS),
        })
    }

    /// The paths that the templates of the request read.
    pub(super) fn references(&self) -> Vec<&Path> {
        let mut paths: Vec<&Path> = self.url.references().chain(self.query.references()).collect();
        paths.extend(self.headers.iter().flat_map(|(_, value)| value.references()));
        paths.extend(self.auth.iter().flat_map(Auth::templates).flat_map(Template::references));
        paths.extend(self.tls.iter().flat_map(Tls::references));
        paths.extend(self.body.references());
        paths
    }

    /// Whether the URL is made of what no run may keep.
    pub(super) fn has_secret_url(&self) -> bool {
        self.url.references().any(is_secret)
    }

    /// Whether the body is made of what no run may keep.
    fn has_secret_body(&self) -> bool {
        self.body.references().into_iter().any(is_secret)
    }

    /// The method, for messages.
    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// The request filled in.
    ///
    /// # Errors
    /// The field whose values make no request.
    pub(super) fn render(&self, roots: &dyn Roots, attempt: &Attempt) -> Result<OutboundRequest, RunError> {
        let mut budget = Budget::new(MAX_URL);
        let mut url = self.url.render(roots, &mut budget).map_err(|wrong| match wrong {
            Unfilled::Value(message) => Unfilled::Value(format!("url: {message}")).of("url"),
            Unfilled::Fill(_) => wrong.of("url"),
        })?;
        let query = self.query.render(roots, &mut budget).map_err(|wrong| wrong.of("query"))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let mut budget = Budget::new(MAX_HEADERS);
        let mut headers = Vec::with_capacity(self.headers.len() + 4);
        let mut sensitive = Vec::new();
        for (name, template) in &self.headers {
            let value = template.render_text(roots, &mut budget);
            headers.push((
                name.to_string(),
                value.map_err(|error| unfilled(&format!("headers.{name}"), error))?,
            ));
            if template.references().any(is_secret) {
                sensitive.push(name.to_string());
            }
        }
        if let Some(auth) = &self.auth {
            headers.push((
                auth.header().to_string(),
                auth.render(roots, &mut budget).map_err(|wrong| wrong.of("auth"))?,
            ));
            sensitive.push(auth.header().to_string());
        }
        let tls = self.tls.as_ref().map(|tls| tls.render(roots)).transpose();
        let tls = tls.map_err(|wrong| wrong.of("tls"))?.unwrap_or_default();
        if self.tls.is_some() && url.scheme() != "https" {
            return Err(Unfilled::from("`tls` is given, and the URL begins with http://").of("url"));
        }
        let body = self.body.render(roots, &mut Budget::new(MAX_BODY.as_usize()));
        let body = body.map_err(|wrong| wrong.of(self.body.field()))?;
        let has = |headers: &[(String, String)], name: &str| headers.iter().any(|(other, _)| other == name);
        if let Some(kind) = body.content_type
            && !has(&headers, header::CONTENT_TYPE.as_str())
        {
            headers.push((header::CONTENT_TYPE.to_string(), kind));
        }
        if !has(&headers, IDEMPOTENCY_KEY) {
            headers.push((IDEMPOTENCY_KEY.to_owned(), attempt.idempotency_key.clone()));
        }
        headers.push((ATTEMPT.to_owned(), attempt.number.to_string()));
        Ok(OutboundRequest {
            headers,
            sensitive: Sensitive {
                headers: sensitive,
                body: self.has_secret_body(),
                url: self.has_secret_url() || self.query.references().any(is_secret),
                holds: None,
            },
            body: body.bytes,
            timeout: self.timeout,
            max_response: self.max_response,
            redirects: self.redirects,
            tls,
            ..OutboundRequest::new(self.method.clone(), url)
        })
    }
}

fn header_name(name: &str) -> Result<HeaderName, String> {
    let name =
        HeaderName::from_bytes(name.as_bytes()).map_err(|_| "this is no HTTP header name".to_owned())?;
    match name.as_str() {
        own if is_connection_header(own) => {
            Err("the connection sets this header itself; remove it".to_owned())
        }
        ATTEMPT => Err("Flowcell sets this header itself; remove it".to_owned()),
        _ => Ok(name),
    }
}

fn auth_of(auth: &HttpAuth, path: &str) -> Result<Auth, FieldError> {
    let template = |field: &str, text: &str| {
        Template::parse(text).map_err(|error| FieldError::new(format!("{path}.{field}"), error.to_string()))
    };
    Ok(match auth {
        HttpAuth::Basic { username, password } => Auth::Basic {
            username: template("username", username)?,
            password: template("password", password)?,
        },
        HttpAuth::Bearer { token } => Auth::Bearer(template("token", token)?),
        HttpAuth::Header { name, value } => Auth::Header {
            name: header_name(name).map_err(|message| FieldError::new(format!("{path}.name"), message))?,
            value: template("value", value)?,
        },
    })
}

impl Auth {
    fn header(&self) -> &HeaderName {
        match self {
            Self::Basic { .. } | Self::Bearer(_) => &header::AUTHORIZATION,
            Self::Header { name, .. } => name,
        }
    }

    fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Basic { username, password } => vec![username, password],
            Self::Bearer(value) | Self::Header { value, .. } => vec![value],
        }
    }

    /// The header's value. An empty secret is a secret that is not set: nothing is sent with it.
    fn render(&self, roots: &dyn Roots, budget: &mut Budget) -> Result<String, Unfilled> {
        let mut filled = |field: &str, template: &Template| -> Result<String, Unfilled> {
            match template.render_text(roots, budget)? {
                empty if empty.trim().is_empty() => {
                    Err(format!("auth.{field} is empty; is the secret set that it reads?").into())
                }
                text => Ok(text),
            }
        };
        match self {
            Self::Basic { username, password } => {
                let username = filled("username", username)?;
                let password = password.render_text(roots, budget)?;
                if username.contains(':') {
                    return Err("auth.username holds a colon, which Basic cannot carry".into());
                }
                Ok(format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
            }
            Self::Bearer(token) => Ok(format!("Bearer {}", filled("token", token)?.trim())),
            Self::Header { value, .. } => filled("value", value),
        }
    }
}
