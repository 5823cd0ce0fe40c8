//! Every key of the store: one prefix byte a kind, never reused, and the constructors.
//!
//! Ids stand in keys as fixed-width big endian, so that the order of keys is the order of time.

use std::fmt;

use crate::model::{
    PersonName, PluginHash, PluginName, RequestId, RunId, TokenId, TriggerScope, VersionHash, WorkflowKey,
};

/// The kinds of keys. A kind that is no longer written stays here, so that its byte stays taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// The answer of a run: `a` run id.
    Answer = b'a',
    /// A signal that a run has not taken in yet: `b` run id, digest.
    Inbox = b'b',
    /// When a schedule fired last: `c` scope of its trigger.
    Schedule = b'c',
    /// A dedupe claim: `d` digest.
    Claim = b'd',
    /// The event of a run: `e` run id.
    Event = b'e',
    /// A failed run that nobody has dealt with: `f` run id.
    DeadLetter = b'f',
    /// What the runs of one concurrency, throttle or debounce key share: `g` digest.
    Group = b'g',
    /// A finished run that is still among the live ones, as it has too much to move with its end: `h` run id.
    Finished = b'h',
    /// A run below its workflow: `i` workflow `\0` run id.
    WorkflowRun = b'i',
    /// The result of a script's call: `j` run id, digest of the step instance, attempt, number.
    Call = b'j',
    /// A secret, encrypted: `k` name.
    Secret = b'k',
    /// The request log: `l` request id.
    Request = b'l',
    /// Facts about the store itself and single settings: `m` name.
    Meta = b'm',
    /// What a backend keeps about its own commits; reads never return it.
    Commits = b'n',
    /// What a script remembers under a name (`step.run`): `o` run id, digest of the step instance, digest of the name.
    Memo = b'o',
    /// A workflow that begins no runs for now: `p` workflow.
    Paused = b'p',
    /// A run that is not finished: `q` run id.
    Queue = b'q',
    /// The head of a run: `r` run id.
    Run = b'r',
    /// A step of a run: `s` run id, number.
    Step = b's',
    /// When a waiting run goes on: `t` milliseconds, run id.
    Timer = b't',
    /// The current version of a workflow: `v` workflow.
    Current = b'v',
    /// A workflow version: `w` hash.
    Version = b'w',
    /// When another key expires, of earlier versions: `x` milliseconds, that key.
    Expiry = b'x',
    /// What scripts of a workflow keep: `u` workflow `\0` key.
    Kv = b'u',
    /// When a kv key expires: `y` milliseconds, that key.
    KvExpiry = b'y',
    /// A request that started no run, as it came: `z` request id.
    KeptRequest = b'z',
    /// One version of a plugin: `A` name `\0` version.
    PluginVersion = b'A',
    /// The bytes of a plugin: `B` hash.
    PluginModule = b'B',
    /// What was decided on a plugin: `C` name.
    PluginSettings = b'C',
    /// The ends of the process that an unfinished run may have caused: `D` run id.
    Trial = b'D',
    /// A question that waits for its answer: `E` run id, digest of the step instance.
    Question = b'E',
    /// One publication of a workflow: `F` workflow `\0` number.
    Revision = b'F',
    /// Where a workflow is kept, and whether it is off here: `G` workflow.
    Home = b'G',
    /// What a person has changed and not published: `H` workflow `\0` name.
    Draft = b'H',
    /// A run below a label: `I` label `\0` run id.
    LabelRun = b'I',
    /// A person who may log in: `J` name.
    Person = b'J',
    /// A login: `K` digest of its cookie.
    Session = b'K',
    /// A token of the API: `L` id.
    ApiToken = b'L',
    /// A line of the audit log: `M` milliseconds, random bytes.
    Audit = b'M',
}

impl Kind {
    const ALL: [Self; 39] = [
        Self::Answer,
        Self::Inbox,
        Self::Schedule,
        Self::Claim,
        Self::Event,
        Self::DeadLetter,
        Self::Group,
        Self::Finished,
        Self::WorkflowRun,
        Self::Call,
        Self::Secret,
        Self::Request,
        Self::Meta,
        Self::Commits,
        Self::Memo,
        Self::Paused,
        Self::Queue,
        Self::Run,
        Self::Step,
        Self::Timer,
        Self::Current,
        Self::Version,
        Self::Expiry,
        Self::Kv,
        Self::KvExpiry,
        Self::KeptRequest,
        Self::PluginVersion,
        Self::PluginModule,
        Self::PluginSettings,
        Self::Trial,
        Self::Question,
        Self::Revision,
        Self::Home,
        Self::Draft,
        Self::LabelRun,
        Self::Person,
        Self::Session,
        Self::ApiToken,
        Self::Audit,
    ];

    /// The kind of a key.
    pub fn of(key: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| key.first() == Some(&(*kind as u8)))
    }

    /// The prefix of all keys of the kind.
    pub fn prefix(self) -> [u8; 1] {
        [self as u8]
    }

    fn key(self, parts: &[&[u8]]) -> Key {
        let mut bytes = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
        bytes.push(self as u8);
        for part in parts {
            bytes.extend_from_slice(part);
        }
        Key(bytes)
    }
}

/// A key. Prints as `run run_00…`, with unknown bytes in hex.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Vec<u8>);

impl Key {
    /// The bytes of the key, which order the store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl std::ops::Deref for Key {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl std::borrow::Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Key {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Key {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<const N: usize> From<&[u8; N]> for Key {
    fn from(bytes: &[u8; N]) -> Self {
        Self(bytes.to_vec())
    }
}

impl From<Key> for Vec<u8> {
    fn from(key: Key) -> Self {
        key.0
    }
}

/// The head of a run.
pub fn run(id: RunId) -> Key {
    Kind::Run.key(&[&id.to_bytes()])
}

/// The event of a run.
pub fn event(id: RunId) -> Key {
    Kind::Event.key(&[&id.to_bytes()])
}

/// The answer of a run.
pub fn answer(id: RunId) -> Key {
    Kind::Answer.key(&[&id.to_bytes()])
}

/// All steps of a run.
pub fn steps(id: RunId) -> Key {
    Kind::Step.key(&[&id.to_bytes()])
}

/// One step of a run.
pub fn step(id: RunId, seq: u32) -> Key {
    Kind::Step.key(&[&id.to_bytes(), &seq.to_be_bytes()])
}

/// The number of a step key.
pub fn step_seq(key: &[u8]) -> Option<u32> {
    let rest = key.strip_prefix(&Kind::Step.prefix())?;
    rest.get(16..)?.try_into().ok().map(u32::from_be_bytes)
}

/// The results of all calls of a run's scripts.
pub fn calls(run: RunId) -> Key {
    Kind::Call.key(&[&run.to_bytes()])
}

/// The results of the calls of one attempt.
pub fn calls_of(run: RunId, step: &[u8; 16], attempt: u32) -> Key {
    Kind::Call.key(&[&run.to_bytes(), step, &attempt.to_be_bytes()])
}

/// The result of one call.
pub fn call(run: RunId, step: &[u8; 16], attempt: u32, seq: u32) -> Key {
    Kind::Call.key(&[&run.to_bytes(), step, &attempt.to_be_bytes(), &seq.to_be_bytes()])
}

/// All that the scripts of a run remember.
pub fn memos(run: RunId) -> Key {
    Kind::Memo.key(&[&run.to_bytes()])
}

/// What a script remembers under a name.
pub fn memo(run: RunId, step: &[u8; 16], name: &[u8; 16]) -> Key {
    Kind::Memo.key(&[&run.to_bytes(), step, name])
}

/// The same memo of another run.
pub fn memo_in(run: RunId, memo: &[u8]) -> Option<Key> {
    let rest = memo.strip_prefix(&Kind::Memo.prefix())?.get(16..)?;
    Some(Kind::Memo.key(&[&run.to_bytes(), rest]))
}

/// The queue item of a run.
pub fn queue(id: RunId) -> Key {
    Kind::Queue.key(&[&id.to_bytes()])
}

/// A dedupe claim.
pub fn claim(digest: &[u8; 32]) -> Key {
    Kind::Claim.key(&[digest])
}

/// The note that `target` expires then.
pub fn expiry(expires_ms: u64, target: &Key) -> Key {
    Kind::Expiry.key(&[&expires_ms.to_be_bytes(), target])
}

/// What an expiry key says: when, and which key.
pub fn parse_expiry(key: &[u8]) -> Option<(u64, Key)> {
    let rest = key.strip_prefix(&Kind::Expiry.prefix())?;
    let (expires, target) = rest.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*expires), Key::from(target)))
}

/// What scripts of a workflow keep under names that begin with `prefix`.
pub fn kv(workflow: &WorkflowKey, prefix: &str) -> Key {
    Kind::Kv.key(&[workflow.as_str().as_bytes(), b"\0", prefix.as_bytes()])
}

/// What a kv key says: whose it is, and its name.
pub fn parse_kv(key: &[u8]) -> Option<(WorkflowKey, String)> {
    let rest = key.strip_prefix(&Kind::Kv.prefix())?;
    // A workflow's key has no NUL, so the first one ends it.
    let at = rest.iter().position(|&byte| byte == 0)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    Some((text(&rest[..at])?.parse().ok()?, text(&rest[at + 1..])?))
}

/// The note that a kv key expires then.
pub fn kv_expiry(expires_ms: u64, target: &[u8]) -> Key {
    Kind::KvExpiry.key(&[&expires_ms.to_be_bytes(), target])
}

/// What a note says: when, and which kv key.
pub fn parse_kv_expiry(key: &[u8]) -> Option<(u64, Key)> {
    let rest = key.strip_prefix(&Kind::KvExpiry.prefix())?;
    let (expires, target) = rest.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*expires), Key::from(target)))
}

/// A line of the request log.
pub fn request(id: RequestId) -> Key {
    Kind::Request.key(&[&id.to_bytes()])
}

/// A request that started no run.
pub fn kept_request(id: RequestId) -> Key {
    Kind::KeptRequest.key(&[&id.to_bytes()])
}

/// One version of a plugin.
pub fn plugin_version(name: &PluginName, version: &str) -> Key {
    Kind::PluginVersion.key(&[name.as_str().as_bytes(), b"\0", version.as_bytes()])
}

/// The bytes of a plugin.
pub fn plugin_module(hash: PluginHash) -> Key {
    Kind::PluginModule.key(&[&hash.0])
}

/// What was decided on a plugin.
pub fn plugin_settings(name: &PluginName) -> Key {
    Kind::PluginSettings.key(&[name.as_str().as_bytes()])
}

/// A workflow version.
pub fn version(hash: VersionHash) -> Key {
    Kind::Version.key(&[&hash.0])
}

/// The current version of a workflow.
pub fn current(workflow: &WorkflowKey) -> Key {
    Kind::Current.key(&[workflow.as_str().as_bytes()])
}

/// All publications of a workflow.
pub fn revisions(workflow: &WorkflowKey) -> Key {
    Kind::Revision.key(&[workflow.as_str().as_bytes(), b"\0"])
}

/// One publication of a workflow.
pub fn revision(workflow: &WorkflowKey, number: u64) -> Key {
    Kind::Revision.key(&[workflow.as_str().as_bytes(), b"\0", &number.to_be_bytes()])
}

/// Where a workflow is kept.
pub fn home(workflow: &WorkflowKey) -> Key {
    Kind::Home.key(&[workflow.as_str().as_bytes()])
}

/// All drafts of a workflow.
pub fn drafts(workflow: &WorkflowKey) -> Key {
    Kind::Draft.key(&[workflow.as_str().as_bytes(), b"\0"])
}

/// The draft of one person.
pub fn draft(workflow: &WorkflowKey, owner: &str) -> Key {
    Kind::Draft.key(&[workflow.as_str().as_bytes(), b"\0", owner.as_bytes()])
}

/// What the key of a draft says: of which workflow, and whose.
pub fn parse_draft(key: &[u8]) -> Option<(WorkflowKey, String)> {
    let rest = key.strip_prefix(&Kind::Draft.prefix())?;
    // A workflow's key has no NUL, so the first one ends it.
    let at = rest.iter().position(|&byte| byte == 0)?;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    Some((text(&rest[..at])?.parse().ok()?, text(&rest[at + 1..])?))
}

/// All runs of a workflow.
pub fn workflow_runs(workflow: &WorkflowKey) -> Key {
    Kind::WorkflowRun.key(&[workflow.as_str().as_bytes(), b"\0"])
}

/// A run below its workflow.
pub fn workflow_run(workflow: &WorkflowKey, id: RunId) -> Key {
    Kind::WorkflowRun.key(&[workflow.as_str().as_bytes(), b"\0", &id.to_bytes()])
}

/// All signals of a run.
pub fn inbox(run: RunId) -> Key {
    Kind::Inbox.key(&[&run.to_bytes()])
}

/// One signal of a run; `digest` tells it from others.
pub fn signal(run: RunId, digest: &[u8; 16]) -> Key {
    Kind::Inbox.key(&[&run.to_bytes(), digest])
}

/// When a schedule fired last.
pub fn schedule(trigger: &TriggerScope) -> Key {
    Kind::Schedule.key(&[trigger.as_str().as_bytes()])
}

/// When the schedules of a workflow fired last that have names of their own: the beginning of these keys.
pub fn named_schedules(workflow: &WorkflowKey) -> Key {
    Kind::Schedule.key(&[workflow.as_str().as_bytes(), b":"])
}

/// A failed run that nobody has dealt with.
pub fn dead_letter(run: RunId) -> Key {
    Kind::DeadLetter.key(&[&run.to_bytes()])
}

/// What the runs of one group share.
pub fn group(digest: &[u8; 32]) -> Key {
    Kind::Group.key(&[digest])
}

/// A finished run that is still among the live ones, as it has too much to move with its end.
pub fn finished(run: RunId) -> Key {
    Kind::Finished.key(&[&run.to_bytes()])
}

/// The ends of the process that a run may have caused.
pub fn trial(run: RunId) -> Key {
    Kind::Trial.key(&[&run.to_bytes()])
}

/// All open questions of a run.
pub fn questions(run: RunId) -> Key {
    Kind::Question.key(&[&run.to_bytes()])
}

/// An open question of a run; `digest` tells it from others.
pub fn question(run: RunId, digest: &[u8; 16]) -> Key {
    Kind::Question.key(&[&run.to_bytes(), digest])
}

/// The run of an open question.
pub fn parse_question(key: &[u8]) -> Option<RunId> {
    let rest = key.strip_prefix(&Kind::Question.prefix())?;
    rest.first_chunk::<16>().copied().map(RunId::from_bytes)
}

/// A person who may log in.
pub fn person(name: &PersonName) -> Key {
    Kind::Person.key(&[name.as_str().as_bytes()])
}

/// A login; `digest` is that of its cookie.
pub fn session(digest: &[u8; 32]) -> Key {
    Kind::Session.key(&[digest])
}

/// The digest of a login's cookie.
pub fn parse_session(key: &[u8]) -> Option<[u8; 32]> {
    key.strip_prefix(&Kind::Session.prefix())?.try_into().ok()
}

/// A token of the API.
pub fn api_token(id: &TokenId) -> Key {
    Kind::ApiToken.key(&[id.as_str().as_bytes()])
}

/// A line of the audit log: its moment, and random bytes that tell it from others.
pub fn audit(at_ms: u64, random: [u8; 8]) -> Key {
    Kind::Audit.key(&[&at_ms.to_be_bytes(), &random])
}

/// What the key of a line of the audit log says.
pub fn parse_audit(key: &[u8]) -> Option<(u64, [u8; 8])> {
    let rest = key.strip_prefix(&Kind::Audit.prefix())?;
    let (at_ms, random) = rest.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*at_ms), random.try_into().ok()?))
}

/// A secret by name.
pub fn secret(name: &str) -> Key {
    Kind::Secret.key(&[name.as_bytes()])
}

/// A workflow that begins no runs for now.
pub fn paused(workflow: &WorkflowKey) -> Key {
    Kind::Paused.key(&[workflow.as_str().as_bytes()])
}

/// When a waiting run goes on.
pub fn timer(due_ms: u64, run: RunId) -> Key {
    Kind::Timer.key(&[&due_ms.to_be_bytes(), &run.to_bytes()])
}

/// What a timer key says: when, and which run.
pub fn parse_timer(key: &[u8]) -> Option<(u64, RunId)> {
    let rest = key.strip_prefix(&Kind::Timer.prefix())?;
    let (due, run) = rest.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*due), RunId::from_bytes(run.try_into().ok()?)))
}

/// The run that a signal is for.
pub fn parse_signal(key: &[u8]) -> Option<RunId> {
    let rest = key.strip_prefix(&Kind::Inbox.prefix())?;
    rest.first_chunk::<16>().copied().map(RunId::from_bytes)
}

/// The request of a line of the log.
pub fn parse_request(key: &[u8]) -> Option<RequestId> {
    let rest = key.strip_prefix(&Kind::Request.prefix())?;
    rest.try_into().ok().map(RequestId::from_bytes)
}

/// A single fact by name.
pub fn meta(name: &str) -> Key {
    Kind::Meta.key(&[name.as_bytes()])
}

/// The run id that a key of runs, events, answers, queue items or of the workflow index ends with.
pub fn run_id(key: &[u8]) -> Option<RunId> {
    match Kind::of(key)? {
        Kind::Run
        | Kind::Event
        | Kind::Answer
        | Kind::Queue
        | Kind::WorkflowRun
        | Kind::DeadLetter
        | Kind::Finished
        | Kind::Trial
        | Kind::LabelRun
        | Kind::Timer => key[1..].last_chunk::<16>().copied().map(RunId::from_bytes),
        Kind::Claim
        | Kind::Request
        | Kind::KeptRequest
        | Kind::Meta
        | Kind::Commits
        | Kind::Step
        | Kind::Call
        | Kind::Memo
        | Kind::Current
        | Kind::Version
        | Kind::Inbox
        | Kind::Question
        | Kind::Schedule
        | Kind::Group
        | Kind::Secret
        | Kind::Paused
        | Kind::Kv
        | Kind::KvExpiry
        | Kind::Expiry
        | Kind::PluginVersion
        | Kind::PluginModule
        | Kind::PluginSettings
        | Kind::Revision
        | Kind::Home
        | Kind::Draft
        | Kind::Person
        | Kind::Session
        | Kind::ApiToken
        | Kind::Audit => None,
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let id = |bytes: &[u8]| match <[u8; 16]>::try_from(bytes) {
            Ok(id) => RunId::from_bytes(id).to_string(),
            Err(_) => hex::encode(bytes),
        };
        let Some(kind) = Kind::of(&self.0) else {
            return write!(f, "key 0x{}", hex::encode(&self.0));
        };
        let rest = &self.0[1..];
        match kind {
            Kind::Run => write!(f, "run {}", id(rest)),
            Kind::Event => write!(f, "event of {}", id(rest)),
            Kind::Answer => write!(f, "answer of {}", id(rest)),
            Kind::Queue => write!(f, "queue item {}", id(rest)),
            Kind::Step => match rest.split_last_chunk::<4>() {
                Some((run, seq)) => write!(f, "step {} of {}", u32::from_be_bytes(*seq), id(run)),
                None => write!(f, "step {}", hex::encode(rest)),
            },
            Kind::Call => match rest.split_first_chunk::<16>() {
                Some((run, rest)) => write!(f, "call {} of {}", hex::encode(rest), RunId::from_bytes(*run)),
                None => write!(f, "call {}", hex::encode(rest)),
            },
            Kind::Memo => match rest.split_first_chunk::<16>() {
                Some((run, rest)) => write!(f, "memo {} of {}", hex::encode(rest), RunId::from_bytes(*run)),
                None => write!(f, "memo {}", hex::encode(rest)),
            },
            Kind::Request | Kind::KeptRequest => match <[u8; 16]>::try_from(rest) {
                Ok(id) => write!(f, "request {}", RequestId::from_bytes(id)),
                Err(_) => write!(f, "request {}", hex::encode(rest)),
            },
            Kind::Claim => write!(f, "dedupe claim {}", hex::encode(rest)),
            Kind::DeadLetter => write!(f, "dead letter {}", id(rest)),
            Kind::Trial => write!(f, "trial of {}", id(rest)),
            Kind::Finished => write!(f, "finished run {}", id(rest)),
            Kind::Group => write!(f, "group {}", hex::encode(rest)),
            Kind::Schedule => write!(f, "schedule of workflow {}", text(rest)),
            Kind::Secret => write!(f, "secret {}", text(rest)),
            Kind::Paused => write!(f, "pause of workflow {}", text(rest)),
            Kind::Inbox => match rest.split_first_chunk::<16>() {
                Some((run, digest)) => {
                    write!(f, "signal {} of {}", hex::encode(digest), RunId::from_bytes(*run))
                }
                None => write!(f, "signal {}", hex::encode(rest)),
            },
            Kind::Question => match rest.split_first_chunk::<16>() {
                Some((run, digest)) => {
                    write!(f, "question {} of {}", hex::encode(digest), RunId::from_bytes(*run))
                }
                None => write!(f, "question {}", hex::encode(rest)),
            },
            Kind::Timer => match parse_timer(&self.0) {
                Some((due_ms, run)) => write!(f, "timer at {due_ms} of {run}"),
                None => write!(f, "timer {}", hex::encode(rest)),
            },
            Kind::Version => write!(f, "workflow version {}", hex::encode(rest)),
            Kind::PluginVersion => write!(f, "plugin version {}", text(rest)),
            Kind::PluginModule => write!(f, "plugin module {}", hex::encode(rest)),
            Kind::PluginSettings => write!(f, "settings of plugin {}", text(rest)),
            Kind::Current => write!(f, "current version of workflow {}", text(rest)),
            Kind::WorkflowRun => match rest.split_last_chunk::<16>() {
                Some((workflow, run)) => {
                    let workflow = workflow.strip_suffix(b"\0").unwrap_or(workflow);
                    write!(f, "index of workflow {}, {}", text(workflow), RunId::from_bytes(*run))
                }
                None => write!(f, "index of workflow {}", text(rest)),
            },
            Kind::Meta => write!(f, "meta {}", text(rest)),
            Kind::Commits => write!(f, "the commit counter{}", text(rest)),
            Kind::Expiry => match parse_expiry(&self.0) {
                Some((expires_ms, target)) => write!(f, "expiry at {expires_ms} of {target:?}"),
                None => write!(f, "expiry {}", hex::encode(rest)),
            },
            Kind::Kv => match parse_kv(&self.0) {
                Some((workflow, key)) => write!(f, "kv key {key:?} of workflow {workflow}"),
                None => write!(f, "kv key {}", hex::encode(rest)),
            },
            Kind::KvExpiry => match parse_kv_expiry(&self.0) {
                Some((expires_ms, target)) => write!(f, "expiry at {expires_ms} of {target:?}"),
                None => write!(f, "kv expiry {}", hex::encode(rest)),
            },
            Kind::Revision => match rest.split_last_chunk::<8>() {
                Some((workflow, number)) => {
                    let workflow = workflow.strip_suffix(b"\0").unwrap_or(workflow);
                    write!(f, "revision {} of workflow {}", u64::from_be_bytes(*number), text(workflow))
                }
                None => write!(f, "revision of workflow {}", text(rest)),
            },
            Kind::Home => write!(f, "home of workflow {}", text(rest)),
            Kind::Draft => write!(f, "draft of workflow {}", text(rest)),
            Kind::LabelRun => write!(f, "index of label {}", text(rest)),
            Kind::Person => write!(f, "person {}", text(rest)),
            Kind::Session => write!(f, "session {}", hex::encode(rest)),
            Kind::ApiToken => write!(f, "token {}", text(rest)),
            Kind::Audit => write!(f, "audit line {}", hex::encode(rest)),
        }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_kinds_share_a_byte() {
        let mut bytes = Kind::ALL.map(|kind| kind as u8);
        bytes.sort_unstable();
        assert!(bytes.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(Kind::ALL.into_iter().all(|kind| Kind::of(&kind.prefix()) == Some(kind)));
        assert_eq!((Kind::of(b""), Kind::of(b"\0")), (None, None));
    }

    #[test]
    fn keys_are_readable_and_their_order_is_time() {
        let (early, late) = (RunId::new(1, [9; 10]), RunId::new(2, [0; 10]));
        let workflow: WorkflowKey = "github-push".parse().unwrap();
        assert!(run(early) < run(late) && step(early, 9) < step(early, 10));
        assert!(workflow_run(&workflow, early) < workflow_run(&workflow, late));
        assert_eq!(format!("{:?}", step(early, 3)), format!("step 3 of {early}"));
        assert_eq!(
            workflow_run(&workflow, early).to_string(),
            format!("index of workflow github-push, {early}")
        );
        assert_eq!(run_id(&workflow_run(&workflow, late)), Some(late));
        assert_eq!(run_id(&meta("x")), None);
        let claim = claim(&[0xab; 32]);
        let expiry = expiry(77, &claim);
        assert_eq!(parse_expiry(&expiry), Some((77, claim)));
        assert!(expiry.to_string().starts_with("expiry at 77 of dedupe claim abab"));
        assert_eq!(Key::from(b"\xff\0").to_string(), "key 0xff00");
        let kept = kv(&workflow, "a\0b");
        assert_eq!(parse_kv(&kept), Some((workflow, "a\0b".to_owned())));
        assert_eq!(kept.to_string(), "kv key \"a\\0b\" of workflow github-push");
        assert_eq!(parse_kv_expiry(&kv_expiry(5, &kept)), Some((5, kept)));
    }

    #[test]
    fn damaged_keys_print_and_do_not_panic() {
        for kind in Kind::ALL {
            for length in [0, 1, 3, 15, 17, 40] {
                let key = Key::from([vec![kind as u8], vec![0xfe; length]].concat());
                assert!(!format!("{key:?}").is_empty());
                let _ = (run_id(&key), parse_expiry(&key), parse_kv(&key), parse_kv_expiry(&key));
                let _ = (parse_session(&key), parse_audit(&key));
            }
        }
    }
}
