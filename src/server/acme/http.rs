//! The ACME library's way to a directory: it uses our own client, so that sockets are opened in one place.

use std::{pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};

use crate::net::{self, NetError};

/// The client for directories. The operator names the directory, so the client needs no guard against private
/// addresses.
pub(super) struct Client(Arc<net::Client>);

impl Client {
    pub(super) fn new() -> Result<Self, NetError> {
        net::Client::new().map(|client| Self(Arc::new(client)))
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = Arc::clone(&self.0);
        Box::pin(async move { send(&client, request).await })
    }
}

async fn send(client: &net::Client, request: Request<BodyWrapper<Bytes>>) -> Result<BytesResponse, Error> {
    let other = |error: NetError| Error::Other(Box::new(error));
    let (parts, body) = request.into_parts();
    let Ok(body) = body.collect().await.map(|body| body.to_bytes().to_vec());
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<_> = parts
        .headers
        .iter()
        .filter(|(name, _)| !net::is_connection_header(name.as_str()))
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    let answer = client.send(parts.method, &parts.uri.to_string(), &headers, body).await.map_err(other)?;
    let mut response = Response::builder().status(answer.status).body(()).map_err(Error::Http)?;
    *response.headers_mut() = answer.headers;
    let (parts, ()) = response.into_parts();
    Ok(BytesResponse { parts, body: Box::new(Bytes::from(answer.body)) })
}
