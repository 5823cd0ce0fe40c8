//! **The table**: what each request of the API needs. A request whose row is missing is refused, and a test walks all routes.
//!
//! Pure. `door` looks a request up here before anything else, so no handler decides who may call it.

use http::Method;

use super::trim::{self, Keep};
use crate::model::Right::{self, *};

/// The methods that routes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    /// That of a request; HEAD counts as GET. `None` for a method that no route has.
    fn of(method: &Method) -> Option<Self> {
        match method.as_str() {
            "GET" | "HEAD" => Some(Self::Get),
            "POST" => Some(Self::Post),
            "PUT" => Some(Self::Put),
            "PATCH" => Some(Self::Patch),
            "DELETE" => Some(Self::Delete),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing: whoever logs in has nothing yet.
    Nothing,
    /// To be somebody who is known.
    Known,
    /// This right.
    Right(Right),
}

/// What a request is about, for tokens that see some workflows only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The whole server, or what belongs to no workflow: not for such tokens.
    Server,
    /// The one who asks.
    Self_,
    /// The workflow in `{key}`.
    Workflow,
    /// The run in `{id}`.
    Run,
    /// The request of the log in `{id}`.
    Request,
    /// The question in `{id}`, which names its run.
    Question,
    /// A list of lines below this member, each of which names its workflow.
    List(&'static str),
}

/// What an answer shows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shows {
    /// No payloads.
    Facts,
    /// Payloads, of which somebody without `payloads:read` gets the rest.
    Payloads(&'static Keep),
    /// It leaves out payloads itself: a stream, which is not read here.
    Streams,
}

/// One row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) verb: Verb,
    /// The path's template, as routers have it.
    pub(super) path: &'static str,
    pub(super) need: Need,
    pub(super) about: About,
    pub(super) shows: Shows,
    /// Whether somebody with a session gives the password again.
    pub(super) again: bool,
}

const fn row(verb: Verb, path: &'static str, need: Need, about: About) -> Row {
    Row { verb, path, need, about, shows: Shows::Facts, again: false }
}

const fn get(path: &'static str, right: Right, about: About) -> Row {
    row(Verb::Get, path, Need::Right(right), about)
}

const fn post(path: &'static str, right: Right, about: About) -> Row {
    row(Verb::Post, path, Need::Right(right), about)
}

const fn put(path: &'static str, right: Right, about: About) -> Row {
    row(Verb::Put, path, Need::Right(right), about)
}

const fn delete(path: &'static str, right: Right, about: About) -> Row {
    row(Verb::Delete, path, Need::Right(right), about)
}

impl Row {
    const fn shows(self, keep: &'static Keep) -> Self {
        Self { shows: Shows::Payloads(keep), ..self }
    }

    const fn streams(self) -> Self {
        Self { shows: Shows::Streams, ..self }
    }

    const fn again(self) -> Self {
        Self { again: true, ..self }
    }

    /// Whether it stands in the audit log when it is done: it changes something, or gives everything away.
    pub(super) fn is_noted(&self) -> bool {
        self.verb != Verb::Get || self.need == Need::Right(Backup)
    }

    /// Whether its line of the audit log is on the disk before it is answered.
    pub(super) fn is_grave(&self) -> bool {
        let grave = [Admin, Backup, SecretsWrite, PluginsGrant, WorkflowsPublish];
        grave.iter().any(|right| self.need == Need::Right(*right))
    }
}

use About::{List, Question, Request, Run, Self_, Server, Workflow};

/// Every request that the API answers. Grouped as the documentation is.
#[rustfmt::skip]
static ROWS: &[Row] = &[
    // Who asks.
    row(Verb::Get, "/api/v1/session", Need::Known, Self_),
    row(Verb::Post, "/api/v1/session", Need::Nothing, Self_),
    row(Verb::Delete, "/api/v1/session", Need::Known, Self_),
    row(Verb::Post, "/api/v1/session/password", Need::Known, Self_).again(),
    row(Verb::Post, "/api/v1/setup", Need::Nothing, Self_),
    post("/api/v1/setup/link", Admin, Server),
    row(Verb::Get, "/api/v1/sessions", Need::Known, Self_),
    row(Verb::Delete, "/api/v1/sessions/{id}", Need::Known, Self_),
    row(Verb::Get, "/api/v1/openapi.json", Need::Known, Self_),
    // People, tokens, the audit log.
    get("/api/v1/people", Admin, Server),
    post("/api/v1/people", Admin, Server).again(),
    row(Verb::Patch, "/api/v1/people/{name}", Need::Right(Admin), Server).again(),
    delete("/api/v1/people/{name}", Admin, Server).again(),
    get("/api/v1/tokens", Admin, Server),
    post("/api/v1/tokens", Admin, Server).again(),
    delete("/api/v1/tokens/{id}", Admin, Server).again(),
    get("/api/v1/audit", Admin, Server),
    // Runs.
    get("/api/v1/runs", RunsRead, List("runs")).shows(&trim::RUNS),
    get("/api/v1/runs/{id}", RunsRead, Run).shows(&trim::RUN),
    post("/api/v1/runs/replay", RunsControl, Server),
    post("/api/v1/runs/{id}/cancel", RunsControl, Run),
    post("/api/v1/runs/{id}/replay", RunsControl, Run),
    post("/api/v1/runs/{id}/retry", RunsControl, Run),
    get("/api/v1/dead-letters", RunsRead, List("dead_letters")).shows(&trim::LETTERS),
    delete("/api/v1/dead-letters/{id}", RunsControl, Run),
    post("/api/v1/dead-letters/{id}/retry", RunsControl, Run),
    get("/api/v1/questions", RunsRead, List("questions")).shows(&trim::QUESTIONS),
    get("/api/v1/questions/{id}", RunsRead, Question).shows(&trim::QUESTION),
    post("/api/v1/questions/{id}/answer", RunsControl, Question),
    // The request log.
    get("/api/v1/requests", RequestsRead, List("requests")).shows(&trim::REQUESTS),
    get("/api/v1/requests/{id}", RequestsRead, Request).shows(&trim::REQUEST),
    post("/api/v1/requests/{id}/resend", RequestsResend, Request),
    // What is wrong, what happens now, how much.
    get("/api/v1/events", RunsRead, Server).streams(),
    get("/api/v1/stats", RunsRead, Server),
    get("/api/v1/health", RunsRead, Server),
    get("/metrics", MetricsRead, Server),
    // Workflows.
    get("/api/v1/workflows", WorkflowsRead, List("workflows")),
    post("/api/v1/workflows", WorkflowsPublish, Server),
    get("/api/v1/workflows/{key}", WorkflowsRead, Workflow),
    post("/api/v1/workflows/{key}/runs", RunsControl, Workflow),
    post("/api/v1/workflows/{key}/pause", RunsControl, Workflow),
    post("/api/v1/workflows/{key}/resume", RunsControl, Workflow),
    post("/api/v1/workflows/{key}/off", RunsControl, Workflow),
    post("/api/v1/workflows/{key}/on", RunsControl, Workflow),
    get("/api/v1/workflows/{key}/revisions", WorkflowsRead, Workflow),
    get("/api/v1/workflows/{key}/revisions/{number}", WorkflowsRead, Workflow),
    get("/api/v1/workflows/{key}/diff", WorkflowsRead, Workflow),
    get("/api/v1/workflows/{key}/draft", WorkflowsWrite, Workflow),
    put("/api/v1/workflows/{key}/draft", WorkflowsWrite, Workflow),
    delete("/api/v1/workflows/{key}/draft", WorkflowsWrite, Workflow),
    get("/api/v1/workflows/{key}/drafts", WorkflowsRead, Workflow),
    get("/api/v1/versions/{hash}", WorkflowsRead, Server),
    post("/api/v1/workflows/{key}/publish", WorkflowsPublish, Workflow),
    post("/api/v1/workflows/{key}/rollback", WorkflowsPublish, Workflow),
    post("/api/v1/workflows/{key}/home", WorkflowsPublish, Workflow),
    get("/api/v1/workflows/{key}/kv", KvRead, Workflow),
    get("/api/v1/workflows/{key}/kv/{name}", KvRead, Workflow),
    put("/api/v1/workflows/{key}/kv/{name}", KvWrite, Workflow),
    delete("/api/v1/workflows/{key}/kv/{name}", KvWrite, Workflow),
    // Plugins.
    get("/api/v1/plugins", PluginsRead, Server),
    post("/api/v1/plugins", PluginsWrite, Server),
    get("/api/v1/plugins/{name}", PluginsRead, Server),
    delete("/api/v1/plugins/{name}", PluginsWrite, Server),
    post("/api/v1/plugins/{name}/grants", PluginsGrant, Server),
    delete("/api/v1/plugins/{name}/grants", PluginsGrant, Server),
    put("/api/v1/plugins/{name}/limits", PluginsWrite, Server),
    get("/api/v1/plugins/{name}/versions/{version}", PluginsRead, Server),
    delete("/api/v1/plugins/{name}/versions/{version}", PluginsWrite, Server),
    get("/api/v1/plugins/{name}/versions/{version}/module", PluginsRead, Server),
    // Secrets, and everything.
    get("/api/v1/secrets", SecretsRead, Server),
    put("/api/v1/secrets/{name}", SecretsWrite, Server),
    delete("/api/v1/secrets/{name}", SecretsWrite, Server),
    post("/api/v1/secrets/{name}", SecretsWrite, Server).again(),
    get("/api/v1/backup", Backup, Server).again(),
    post("/api/v1/backup", Backup, Server).again(),
];

/// All rows: method, path, what it needs, and whether its answer has no end.
pub(super) fn listed() -> impl Iterator<Item = (&'static str, &'static str, String, bool)> {
    ROWS.iter().map(|row| {
        let need = match row.need {
            Need::Nothing => "nothing".to_owned(),
            Need::Known => "known".to_owned(),
            Need::Right(right) => right.to_string(),
        };
        let is_endless = match row.shows {
            Shows::Streams => true,
            Shows::Facts | Shows::Payloads(_) => false,
        };
        (row.verb.as_str(), row.path, need, is_endless)
    })
}

/// The row of a request, and what stands in the places of its template.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) row: &'static Row,
    /// Names with what stands there, as it came: still escaped.
    pub(super) places: Vec<(&'static str, &'a str)>,
}

impl Found<'_> {
    /// What stands in a place.
    pub(super) fn place(&self, name: &str) -> Option<&str> {
        self.places.iter().find(|(place, _)| *place == name).map(|(_, text)| *text)
    }
}

/// Why a request has no row.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// No row has this path: its route was forgotten here.
    Path,
    /// The path has rows with these methods.
    Method(String),
}

/// Looks a request up.
pub(super) fn find<'a>(method: &Method, path: &'a str) -> Result<Found<'a>, Missing> {
    // As in the router: what is written out comes before a place, from the left.
    let best = ROWS.iter().filter(|row| places(row.path, path).is_some()).min_by_key(|row| shape(row.path));
    let template = best.ok_or(Missing::Path)?.path;
    let rows = ROWS.iter().filter(|row| row.path == template);
    let verb = Verb::of(method);
    match rows.clone().find(|row| Some(row.verb) == verb) {
        Some(row) => Ok(Found { row, places: places(row.path, path).unwrap_or_default() }),
        None => Err(Missing::Method(rows.map(|row| row.verb.as_str()).collect::<Vec<_>>().join(", "))),
    }
}

/// Which segments of a template are places.
fn shape(template: &str) -> Vec<bool> {
    template.split('/').map(|segment| segment.starts_with('{')).collect()
}

/// What stands in the places of a template; `None` when the path is another.
fn places<'a>(template: &'static str, path: &'a str) -> Option<Vec<(&'static str, &'a str)>> {
    let (mut segments, mut found) = (path.split('/'), Vec::new());
    for expected in template.split('/') {
        let segment = segments.next()?;
        match expected.strip_prefix('{').and_then(|place| place.strip_suffix('}')) {
            Some(place) if !segment.is_empty() => found.push((place, segment)),
            None if segment == expected => {}
            Some(_) | None => return None,
        }
    }
    segments.next().is_none().then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_finds_its_row_as_a_router_would() {
        let found = find(&Method::POST, "/api/v1/runs/replay").unwrap();
        assert_eq!((found.row.path, found.places.len()), ("/api/v1/runs/replay", 0));
        let found = find(&Method::HEAD, "/api/v1/workflows/a%2Fb/kv/x").unwrap();
        assert_eq!(found.row.need, Need::Right(KvRead));
        assert_eq!((found.place("key"), found.place("name")), (Some("a%2Fb"), Some("x")));
        assert_eq!(
            find(&Method::GET, "/api/v1/runs/replay").unwrap_err(),
            Missing::Method("POST".to_owned())
        );
        assert_eq!(find(&Method::OPTIONS, "/api/v1/secrets").unwrap_err(), Missing::Method("GET".to_owned()));
        for path in ["/api/v1/nothing", "/api/v1/runs/", "/api/v1/runs//cancel", "/api/v1/runs/x/y", "/"] {
            assert_eq!(find(&Method::GET, path).unwrap_err(), Missing::Path, "{path}");
        }
    }

    #[test]
    fn no_request_has_two_rows() {
        for (at, row) in ROWS.iter().enumerate() {
            let same = |other: &&Row| other.verb == row.verb && other.path == row.path;
            assert_eq!(ROWS[at..].iter().filter(same).count(), 1, "{:?} {}", row.verb, row.path);
        }
    }

    #[test]
    fn places_have_the_names_that_checks_look_for() {
        for row in ROWS {
            let has = |place: &str| row.path.contains(place);
            match row.about {
                Workflow => assert!(has("{key}"), "{}", row.path),
                Run | Request | Question => assert!(has("{id}"), "{}", row.path),
                Server | Self_ | List(_) => assert!(!has("{key}"), "{}", row.path),
            }
        }
    }
}
