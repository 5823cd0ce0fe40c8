//! One-time URLs: `/api/callbacks/{run}/{step}/{token}`, given out by a run that waits for somebody outside.
//!
//! POST and PUT let the run go on; 202 once that is durable. GET only shows a page with a button that sends the POST, and HEAD
//! and OPTIONS say whether the URL works: chat and mail programs look at each link they see, and must not use it up. A step that asks a question has a page of its
//! own (`page`), in the reader's language (`words`), and takes only its answers. The token is a credential: neither a
//! log nor an answer of this file holds one. It alone is asked for: who has it may answer from any page, and nobody else
//! can make a browser do so, so a POST from another site is not refused.

mod page;
mod words;

use std::{
    net::{IpAddr, SocketAddr},
    time::Instant,
};

use axum::{
    body::Body,
    extract::{ConnectInfo, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, Method, StatusCode, header, request::Parts};

use self::{page::Told, words::Words};
use super::{Gateway, answer, body, event, hooks, rate, refusal::Refusal, request_log};
use crate::{
    engine::{Asked, CallbackError, Look, Stands},
    formats::Reading,
    model::{
        BodyFormat, JsonText, Limits, RequestOutcome, RequestRecord, RunId, StepId, StepKey, WorkflowKey,
    },
    store::tables,
};

/// The path that the URLs stand below.
const PREFIX: &str = "/api/callbacks/";
/// What calls a run back.
const METHODS: &str = "GET, POST, PUT";
/// Headers that are of no use to the run and may be credentials.
const LEFT_OUT: [&str; 3] = ["authorization", "cookie", "proxy-authorization"];

/// What a URL names.
struct Target {
    run: RunId,
    key: StepKey,
    token: String,
}

/// Takes one request to its answer and its line in the log, in a task of its own as `hooks::receive` does.
pub(super) async fn receive(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    hooks::in_task(hooks::most_bytes(&request), work(gateway, peer, request, Instant::now())).await
}

async fn work(gateway: Gateway, peer: SocketAddr, request: Request, started: Instant) -> Response {
    let id = gateway.engine.ports().request_id();
    let (parts, body) = request.into_parts();
    let mut body_bytes = 0;
    let client = gateway.proxies.client(peer.ip(), &parts.headers);
    let target = target(parts.uri.path());
    let (mut response, outcome) =
        match call(&gateway, (peer.ip(), client), &parts, body, target.as_ref(), &mut body_bytes).await {
            Err(refusal) => {
                let (problem, outcome) = hooks::refused(&refusal);
                let page = refused_page(&gateway, &parts, target.as_ref(), &refusal, problem.status()).await;
                (page.unwrap_or(problem), outcome)
            }
            Ok((run, response)) => (response, RequestOutcome::CalledBack { run }),
        };
    answer::keep_apart(&mut response);
    let named = match target {
        Some(target) => workflow(&gateway, target.run).await,
        None => None,
    };
    let record = RequestRecord {
        id,
        workflow: named,
        method: parts.method.as_str().to_owned(),
        path: logged(parts.uri.path()),
        ip: client.to_string(),
        body_bytes,
        status: response.status().as_u16(),
        outcome,
        took_us: started.elapsed().as_micros() as u64,
        scheme: None,
        accepted_us: started.elapsed().as_micros() as u64,
        kept_bytes: 0,
        notes: Vec::new(),
    };
    request_log::write(&gateway.engine, record, None).await;
    response
}

async fn call(
    gateway: &Gateway,
    (peer, client): (IpAddr, IpAddr),
    parts: &Parts,
    mut body: Body,
    target: Option<&Target>,
    body_bytes: &mut u64,
) -> Result<(RunId, Response), Refusal> {
    rate::count(&gateway.per_ip, client).map_err(Refusal::Rate)?;
    gateway.asked(peer, parts)?;
    let target = target.ok_or(CallbackError::Unknown)?;
    let Target { run, key, token } = target;
    let looks = parts.method == Method::GET || parts.method == Method::HEAD;
    let asks = parts.method == Method::OPTIONS;
    if !looks && !asks && parts.method != Method::POST && parts.method != Method::PUT {
        return Err(Refusal::Method { allowed: METHODS.to_owned() });
    }
    // Before the body is read: strangers cost nothing.
    let asked = match gateway.engine.look(*run, key, token).await? {
        Look::Wait => None,
        Look::Question(asked) => Some(asked),
    };
    if asks {
        let allow = [(header::ALLOW, METHODS)];
        return Ok((*run, (StatusCode::NO_CONTENT, allow).into_response()));
    }
    match asked {
        None if looks => return Ok((*run, page::plain(ASK))),
        Some(asked) if looks => {
            if !asked.stands.takes_answers() && !from_a_browser(&parts.headers) {
                // A program that asks whether the URL still works.
                return Err(CallbackError::Gone.into());
            }
            let named = named(parts);
            let words = Words::of(&parts.headers);
            return Ok((
                *run,
                page::question(words, &asked, named.as_deref(), Told::Nothing, StatusCode::OK),
            ));
        }
        // A browser may send the answer that was taken once more: its body says so.
        Some(asked) if !asked.stands.takes_answers() && !from_a_browser(&parts.headers) => {
            return Err(CallbackError::Gone.into());
        }
        None | Some(_) => {}
    }
    body::coding(&parts.headers, false, BodyFormat::Auto)?;
    let limit = Limits::BODY.as_usize().min(gateway.bodies.largest());
    let announced = body::announced(&parts.headers, limit)?;
    let claim = gateway.claim(client);
    let body = match body::read(&mut body, announced, limit, &claim).await {
        Err(refusal @ Refusal::Bodies(_)) => {
            body::let_go(body, parts.version);
            return Err(refusal);
        }
        other => other?,
    };
    *body_bytes = body.len() as u64;
    let mut event = event::event_of(
        &gateway.engine,
        client,
        parts,
        (body::content_type(&parts.headers, BodyFormat::Auto)?.as_deref(), body),
        &Reading::default(),
    )?;
    claim.grow(event.content.made_bytes())?;
    event.headers.retain(|(name, _)| !LEFT_OUT.contains(&name.as_str()));
    let payload = event.payload().map_err(|error| Refusal::BodyInvalid(error.to_string()))?;
    let response = match asked {
        Some(asked) => settle(gateway, target, &parts.headers, client, *asked, &payload).await?,
        None => {
            gateway.engine.call_back(*run, key, token, payload).await?;
            if from_a_browser(&parts.headers) { page::plain(DONE) } else { answer::accepted(*run, false) }
        }
    };
    Ok((*run, response))
}

/// Takes the answer to a question.
async fn settle(
    gateway: &Gateway,
    target: &Target,
    headers: &HeaderMap,
    client: IpAddr,
    asked: Asked,
    payload: &JsonText,
) -> Result<Response, Refusal> {
    let Target { run, key, token } = target;
    let (browser, open) = (from_a_browser(headers), asked.stands.takes_answers());
    let answered = match asked.question.read(&payload.to_value()["data"]) {
        Err(_) if !open => return Err(CallbackError::Gone.into()),
        read => read?,
    };
    let via = if browser { "page" } else { "request" };
    let output = gateway.engine.settled(payload, &answered, via, &client.to_string());
    let taken = if open {
        gateway.engine.call_back(*run, key, token, output.clone()).await
    } else {
        Err(CallbackError::Gone)
    };
    let output = match taken {
        Ok(()) => output,
        // A button that was pressed twice, or a page that was loaded again: its reader has answered.
        Err(CallbackError::Gone) if browser => {
            taken_before(gateway, target, &output).await.ok_or(CallbackError::Gone)?
        }
        Err(error) => return Err(error.into()),
    };
    if !browser {
        return Ok(answer::accepted(*run, false));
    }
    let asked = Asked { stands: Stands::Answered(output), ..asked };
    Ok(page::question(Words::of(headers), &asked, None, Told::Taken, StatusCode::OK))
}

/// The answer that was taken, if it is this one of the same person.
async fn taken_before(gateway: &Gateway, target: &Target, output: &JsonText) -> Option<JsonText> {
    let Target { run, key, token } = target;
    let Ok(Look::Question(asked)) = gateway.engine.look(*run, key, token).await else { return None };
    let Stands::Answered(taken) = asked.stands else { return None };
    let (old, new) = (taken.to_value(), output.to_value());
    let same = ["answer", "comment", "by", "ip"].iter().all(|field| old.get(field) == new.get(field));
    same.then_some(taken)
}

/// The answer that a link names: `?answer=…`.
fn named(parts: &Parts) -> Option<String> {
    let query = parts.uri.query()?;
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "answer")
        .map(|(_, answer)| answer.into_owned())
}

/// What a person sees in place of a problem document, if a page can say it better.
async fn refused_page(
    gateway: &Gateway,
    parts: &Parts,
    target: Option<&Target>,
    refusal: &Refusal,
    status: StatusCode,
) -> Option<Response> {
    if !from_a_browser(&parts.headers) {
        return None;
    }
    let (told, error) = if let Refusal::Answer(error) = refusal {
        (Told::Refused(error), None)
    } else if let Refusal::Callback(error) = refusal {
        (Told::TooLate, Some(error))
    } else {
        return None;
    };
    let words = Words::of(&parts.headers);
    if let Some(Target { run, key, token }) = target
        && let Ok(Look::Question(asked)) = gateway.engine.look(*run, key, token).await
    {
        let named = named(parts);
        return Some(page::question(words, &asked, named.as_deref(), told, status));
    }
    error.and_then(|error| page::nothing(words, error, status))
}

/// `{run}/{step}/{token}`; the step is `wait`, or `wait.3.0` in the iterations of loops. Nothing in it needs escapes.
fn target(path: &str) -> Option<Target> {
    let mut segments = path.strip_prefix(PREFIX)?.split('/');
    let (run, step, token) = (segments.next()?, segments.next()?, segments.next()?);
    if segments.next().is_some() || token.is_empty() {
        return None;
    }
    let mut parts = step.split('.');
    let step: StepId = parts.next()?.parse().ok()?;
    let at = parts.map(|index| index.parse().ok()).collect::<Option<_>>()?;
    Some(Target { run: run.parse().ok()?, key: StepKey { step, at }, token: token.to_owned() })
}

/// The path as the log keeps it: without its token, also when it is none of ours.
fn logged(path: &str) -> String {
    let rest = path.strip_prefix(PREFIX).unwrap_or("");
    let mut segments = rest.splitn(3, '/');
    let (run, step) = (segments.next().unwrap_or(""), segments.next());
    let shown = match (step, segments.next()) {
        (Some(step), Some(_)) => format!("{PREFIX}{run}/{step}/[token]"),
        (Some(step), None) => format!("{PREFIX}{run}/{step}"),
        (None, _) => format!("{PREFIX}{run}"),
    };
    request_log::shorten(&shown)
}

async fn workflow(gateway: &Gateway, run: RunId) -> Option<WorkflowKey> {
    tables::runs::head(&**gateway.engine.store(), run).await.ok().flatten().map(|head| head.workflow)
}

/// Whether a person looks at the answer.
fn from_a_browser(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// The content of the page of a URL that waits. The form has no `action`: it posts to the page's own address, query and all.
const ASK: &str = "<p>A workflow waits for this.</p><form method=\"post\"><button>Continue</button></form>";
/// That of the page after it.
const DONE: &str = "<p>Thank you. The workflow goes on; you can close this page.</p>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_whole_or_not_at_all() {
        let run = "run_0123456789abcdef0123456789abcdef";
        let cases = [
            (format!("{PREFIX}{run}/wait/abc"), Some((vec![], "abc"))),
            (format!("{PREFIX}{run}/wait.3.0/abc"), Some((vec![3, 0], "abc"))),
            (format!("{PREFIX}{run}/wait./abc"), None),
            (format!("{PREFIX}{run}/wait.-1/abc"), None),
            (format!("{PREFIX}{run}/wait/"), None),
            (format!("{PREFIX}{run}/wait"), None),
            (format!("{PREFIX}{run}/wait/abc/"), None),
            (format!("{PREFIX}run_1/wait/abc"), None),
            ("/api/webhooks/a/b/c".to_owned(), None),
        ];
        for (path, expected) in cases {
            let found = target(&path);
            let found = found.as_ref().map(|target| (target.key.at.clone(), target.token.as_str()));
            assert_eq!(found, expected, "{path}");
        }
    }

    #[test]
    fn no_logged_path_holds_a_token() {
        for path in ["r/wait/TOKEN", "r/wait/TOKEN/", "r/wait/x/TOKEN", "r//TOKEN", "r/wait.1/TOKEN?"] {
            let shown = logged(&format!("{PREFIX}{path}"));
            assert!(!shown.contains("TOKEN") && shown.ends_with("/[token]"), "{shown}");
        }
        assert_eq!(logged("/api/callbacks/r/wait"), "/api/callbacks/r/wait");
    }
}
