//! A person at the console: a cookie, and what a browser says about the page that sends a request.

use serde_json::{Value, json};

use super::{Request, Response, TestServer};

/// Someone at a browser.
#[derive(Clone)]
pub struct Browser<'a> {
    server: &'a TestServer,
    /// The cookie as the browser sends it: `name=value`.
    pub cookie: Option<String>,
    password: String,
}

impl<'a> Browser<'a> {
    /// Nobody yet.
    pub fn new(server: &'a TestServer) -> Self {
        Self { server, cookie: None, password: String::new() }
    }

    /// The first person, an admin.
    #[track_caller]
    pub fn set_up(server: &'a TestServer, name: &str, password: &str) -> Self {
        let mut browser = Self::new(server);
        let body = json!({ "token": setup_secret(server), "name": name, "password": password });
        let response = browser.ask("POST", "/api/v1/setup", &body);
        assert_eq!(response.status, 201, "{}", response.text());
        browser.password = password.to_owned();
        browser
    }

    #[track_caller]
    pub fn log_in(server: &'a TestServer, name: &str, password: &str) -> Self {
        let mut browser = Self::new(server);
        let response = browser.ask("POST", "/api/v1/session", &json!({ "name": name, "password": password }));
        assert_eq!(response.status, 200, "{}", response.text());
        browser.password = password.to_owned();
        browser
    }

    /// Adds a person, and logs in as them.
    #[track_caller]
    pub fn add(&mut self, name: &str, role: &str, payloads: bool) -> Self {
        let password = format!("the password of {name}");
        let body = json!({ "name": name, "role": role, "payloads": payloads, "new_password": password });
        let response = self.sure("POST", "/api/v1/people", &body);
        assert_eq!(response.status, 201, "{}", response.text());
        Self::log_in(self.server, name, &password)
    }

    /// A request as it goes out, from a page of the console.
    pub fn request(&self, method: &str, path: &str, body: &Value) -> Request {
        let request = Request::new(method, path).header("sec-fetch-site", "same-origin");
        let request = match &self.cookie {
            Some(cookie) => request.header("cookie", cookie),
            None => request,
        };
        if body.is_null() { request } else { request.json(body) }
    }

    /// Sends it and keeps the cookie that comes back.
    #[track_caller]
    pub fn ask(&mut self, method: &str, path: &str, body: &Value) -> Response {
        let response = self.server.send(&self.request(method, path, body));
        if let Some(cookie) = response.header("set-cookie") {
            self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        }
        response
    }

    /// As [`Browser::ask`], with the password again.
    #[track_caller]
    pub fn sure(&mut self, method: &str, path: &str, body: &Value) -> Response {
        let mut body = if body.is_null() { json!({}) } else { body.clone() };
        body["password"] = self.password.clone().into();
        self.ask(method, path, &body)
    }

    /// The status of a look at a resource.
    #[track_caller]
    pub fn look(&mut self, path: &str) -> u16 {
        self.ask("GET", path, &Value::Null).status
    }
}

/// The secret of a new setup link.
#[track_caller]
pub fn setup_secret(server: &TestServer) -> String {
    let printed = server.command(&["admin", "setup-link"]);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    let (address, secret) = printed.stdout.trim().split_once('#').expect("the secret is the fragment");
    assert!(address.ends_with("/setup"), "{address}");
    secret.to_owned()
}
