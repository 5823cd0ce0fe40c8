//! The HTTP client of the commands that talk to a server.

use std::path::PathBuf;

use clap::Args;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::{
    api::TOKEN_FILE,
    net::{Client, Download},
};

/// How much of an error's description is read, bytes.
const MAX_PROBLEM: usize = 64 << 10;

/// Which server a command talks to, and the token that opens it.
#[derive(Args)]
pub(super) struct Server {
    /// The server's address [default: that of its settings, else http://127.0.0.1:8080].
    #[arg(long, env = "FLOWCELL_URL")]
    server: Option<String>,
    /// The API token. Without it, the command reads the token from the data folder.
    #[arg(long, env = "FLOWCELL_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The server's data folder, where the command finds the token.
    #[arg(long, env = "FLOWCELL_SERVER_DATA", default_value = "data")]
    data: PathBuf,
}

/// The items of a list in an answer; none where there is no list.
pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Escapes a text so that it stands as one segment of a path. A path has no `+` for a space, as forms have.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// A path with a query of those values that are given.
pub(super) fn with_query<'a>(
    path: &str,
    values: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(values.into_iter().filter_map(|(name, value)| Some((name, value?))));
    match query.finish() {
        empty if empty.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

impl Server {
    /// Reads a resource.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.send(Method::GET, path, None).await
    }

    /// Changes a resource.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<Value> {
        let kind = body.map(|_| "application/json");
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        self.exchange(method, path, kind, body).await
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        kind: Option<&str>,
        body: Vec<u8>,
    ) -> anyhow::Result<Value> {
        let kind = kind.map(|kind| ("content-type".to_owned(), kind.to_owned()));
        let (status, body) = self.answer(method, path, kind.into_iter().collect(), body).await?;
        if !(200..300).contains(&status) {
            let detail = body["detail"].as_str().unwrap_or("no details");
            let url = format!("{}{path}", self.base().trim_end_matches('/'));
            anyhow::bail!("{url} answers {status}: {}", super::terminal::safe(detail));
        }
        Ok(body)
    }

    /// Asks for something that may be refused: gives the status with the body of any answer. `base` is the version that the request
    /// is based on.
    pub(super) async fn try_post(
        &self,
        path: &str,
        base: Option<&str>,
        body: &Value,
    ) -> anyhow::Result<(u16, Value)> {
        let mut headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        headers.extend(base.map(|base| ("if-match".to_owned(), format!("\"{base}\""))));
        self.answer(Method::POST, path, headers, body.to_string().into_bytes()).await
    }

    async fn answer(
        &self,
        method: Method,
        path: &str,
        mut headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> anyhow::Result<(u16, Value)> {
        let url = format!("{}{path}", self.base().trim_end_matches('/'));
        headers.push(("authorization".to_owned(), format!("Bearer {}", self.token()?)));
        let response = Client::new()?.send(method, &url, &headers, body).await?;
        Ok((response.status, serde_json::from_slice(&response.body).unwrap_or(Value::Null)))
    }

    /// Sends bytes that make a new resource.
    pub(super) async fn upload(&self, path: &str, bytes: Vec<u8>) -> anyhow::Result<Value> {
        self.exchange(Method::POST, path, Some("application/wasm"), bytes).await
    }

    /// Begins to read a resource piece by piece.
    pub(super) async fn download(&self, path: &str) -> anyhow::Result<Download> {
        let url = format!("{}{path}", self.base().trim_end_matches('/'));
        let headers = [("authorization".to_owned(), format!("Bearer {}", self.token()?))];
        let mut download = Client::new()?.download(&url, &headers).await?;
        if download.status() != 200 {
            let mut problem = Vec::new();
            while problem.len() < MAX_PROBLEM
                && let Some(piece) = download.next().await?
            {
                problem.extend_from_slice(&piece);
            }
            let problem: Value = serde_json::from_slice(&problem).unwrap_or(Value::Null);
            let detail = problem["detail"].as_str().unwrap_or("no details");
            anyhow::bail!("{url} answers {}: {}", download.status(), super::terminal::safe(detail));
        }
        Ok(download)
    }

    /// Whether the command line names an address.
    pub(super) fn is_named(&self) -> bool {
        self.server.is_some()
    }

    pub(super) fn data(&self) -> &std::path::Path {
        &self.data
    }

    /// The address of the server. A server on this machine is found through the settings that it was started with.
    fn base(&self) -> String {
        let setting = |name| std::env::var(name).ok();
        let listen = || {
            setting("FLOWCELL_SERVER_ADMIN_LISTEN")
                .or_else(|| setting("FLOWCELL_SERVER_LISTEN"))
                .unwrap_or_else(|| "127.0.0.1:8080".to_owned())
        };
        self.server.clone().unwrap_or_else(|| format!("http://{}", listen()))
    }

    fn token(&self) -> anyhow::Result<String> {
        if let Some(token) = &self.token {
            return Ok(token.clone());
        }
        let path = self.data.join(TOKEN_FILE);
        let text = std::fs::read_to_string(&path).map_err(|error| {
            anyhow::anyhow!(
                "no API token: {} cannot be read ({error}); give --data or --token",
                path.display()
            )
        })?;
        Ok(text.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_in_paths_and_queries_as_they_are() {
        assert_eq!(segment("a b/c?d"), "a%20b%2Fc%3Fd");
        let values = [("limit", Some("5")), ("before", None), ("prefix", Some("a b&c=d/é"))];
        assert_eq!(with_query("/x", values), "/x?limit=5&prefix=a+b%26c%3Dd%2F%C3%A9");
        assert_eq!(with_query("/x", [("a", None)]), "/x");
    }
}
