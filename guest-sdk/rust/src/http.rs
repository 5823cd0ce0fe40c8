//! Requests to other services. Each host needs the capability `http("HOST")`, also after a redirect.
//!
//! ```no_run
//! # use flowcell_plugin::{Error, http, serde_json::{Value, json}};
//! # fn example() -> Result<(), Error> {
//! let answer: Value = http::post("https://api.example.com/items").json(&json!({"name": "Ada"}))?.send()?.success()?.json()?;
//! # Ok(())
//! # }
//! ```

use serde::{Serialize, de::DeserializeOwned};

use crate::{Error, bindings::flowcell::plugin::http as wit, error::from_host, host::http};

/// A request that is being written.
#[derive(Debug, Clone)]
#[must_use = "nothing is sent before `send`"]
pub struct Request {
    pub method: String,
    pub url: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What a service answered.
#[derive(Debug, Clone)]
pub struct Response {
    pub status: u16,
    /// Of the last redirect.
    pub url: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

pub fn get(url: impl Into<String>) -> Request {
    request("GET", url)
}

pub fn post(url: impl Into<String>) -> Request {
    request("POST", url)
}

pub fn request(method: &str, url: impl Into<String>) -> Request {
    Request { method: method.to_owned(), url: url.into(), headers: Vec::new(), body: Vec::new() }
}

impl Request {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// A JSON body with its `Content-Type`.
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self, Error> {
        Ok(self.header("content-type", "application/json").body(serde_json::to_vec(value)?))
    }

    /// Follows up to 10 redirects. A status of 400 or more is a response, not an error: see [`Response::success`].
    pub fn send(self) -> Result<Response, Error> {
        let Self { method, url, headers, body } = self;
        let response = http::send(&wit::Request { method, url, headers, body }).map_err(from_host)?;
        Ok(Response {
            status: response.status,
            url: response.url,
            headers: response.headers,
            body: response.body,
        })
    }
}

impl Response {
    /// By its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// An error unless the status is 2xx; one that asks for a retry for 408, 429 and 5xx.
    pub fn success(self) -> Result<Self, Error> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let start: String = String::from_utf8_lossy(&self.body).chars().take(200).collect();
        let error = Error::new("http_status", format_args!("{} answered {}: {start}", self.url, self.status));
        Err(if matches!(self.status, 408 | 429 | 500..) { error.retry() } else { error })
    }

    pub fn text(self) -> Result<String, Error> {
        Ok(String::from_utf8(self.body)?)
    }

    pub fn json<T: DeserializeOwned>(self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Error::new("http_body", format_args!("{} did not answer the JSON expected: {error}", self.url))
        })
    }
}
