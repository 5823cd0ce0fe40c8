//! Who sends a request, as the door found out, and what the handlers of people share.

use std::{net::IpAddr, sync::Arc};

use axum::{body::Body, extract::Request, response::Response};
use http::{HeaderMap, header};

use crate::{
    model::{Actor, RequestId, Right, Rights, Role, subscriber},
    people::{self, People, Present},
};

/// Where a request comes from. The door puts it into every request that it looks at.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) client: IpAddr,
    /// Whether the browser or program at the other end speaks TLS.
    pub(super) https: bool,
    pub(super) request: RequestId,
    /// What the browser calls itself.
    pub(super) agent: String,
}

impl Caller {
    pub(super) fn new(client: IpAddr, https: bool, request: RequestId, headers: &HeaderMap) -> Self {
        let agent = headers.get(header::USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        Self { client, https, request, agent: agent.unwrap_or_default().into_owned() }
    }

    /// The same, as people are counted.
    pub(super) fn of_people(&self) -> people::Caller {
        people::Caller { address: subscriber(self.client).to_string(), agent: self.agent.clone() }
    }
}

/// Somebody who was let in, and what they may do. The door puts it into every request that it lets in, beside the [`Actor`].
#[derive(Debug, Clone)]
pub(super) struct Access {
    pub(super) actor: Actor,
    pub(super) rights: Rights,
    /// The title of a token, or the name of a person.
    pub(super) name: String,
    pub(super) role: Option<Role>,
    /// Only workflows whose keys begin with this are seen.
    pub(super) prefix: Option<String>,
    /// The session, if it is a person.
    pub(super) session: Option<Present>,
}

impl Access {
    /// Whoever can read the token in the data folder.
    pub(super) fn machine() -> Self {
        Self {
            actor: Actor::Machine,
            rights: Role::Admin.rights(true),
            name: "machine".to_owned(),
            role: Some(Role::Admin),
            prefix: None,
            session: None,
        }
    }

    /// A person with a session.
    pub(super) fn person(session: Present) -> Self {
        let person = &session.person;
        Self {
            actor: Actor::Person { name: person.name.clone() },
            rights: person.role.rights(person.payloads),
            name: person.name.to_string(),
            role: Some(person.role),
            prefix: None,
            session: Some(session),
        }
    }

    pub(super) fn may(&self, right: Right) -> bool {
        self.rights.has(right)
    }
}

/// What a handler tells the audit log beyond the path: the door takes it out of the answer.
#[derive(Debug, Clone, Default)]
pub(super) struct Told {
    /// Who it was, where the door could not know.
    pub(super) by: Option<Actor>,
    pub(super) target: Option<String>,
    /// Digests of what it was before and is now. Never those of secrets: short ones could be guessed.
    pub(super) before: Option<[u8; 32]>,
    pub(super) after: Option<[u8; 32]>,
}

impl Told {
    /// Puts it into an answer.
    pub(super) fn by(self, mut response: Response) -> Response {
        response.extensions_mut().insert(self);
        response
    }
}

/// What the handlers of people, sessions, tokens and the audit log share.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) people: People,
    /// The beginning of the URLs of webhooks, and of those of the console.
    pub(super) public_url: Arc<str>,
    pub(super) url: Arc<str>,
}

/// A request whose body was read and made anew.
pub(super) fn with_body(request: Request, body: Vec<u8>) -> Request {
    let (mut parts, _) = request.into_parts();
    parts.headers.insert(header::CONTENT_LENGTH, body.len().into());
    parts.headers.remove(header::TRANSFER_ENCODING);
    Request::from_parts(parts, Body::from(body))
}
