//! Requests to the one-time URLs of steps that wait, and the questions that such steps ask people.
//!
//! What a step gives is settled by one batch: the signal for the run, and the end of its open question. Whoever commits
//! it first has answered; everybody else is told so.

use serde_json::{Value, json};
use subtle::ConstantTimeEq;

use super::{Engine, run::callback_token, workflow::PinnedError};
use crate::{
    model::{
        AnswerError, Answered, Entry, ErrorCode, JsonText, OpenQuestion, Question, QuestionId, RunHead,
        RunId, Signal, StepKey, StepRecord, Wait, WorkflowKey,
    },
    steps::timestamp,
    store::{
        Batch, StoreError,
        tables::{self, Page},
    },
};

/// How often a callback looks again at a run that goes on at the same time.
const CALLBACK_TRIES: u32 = 8;

/// Why a callback was not taken.
#[derive(Debug, thiserror::Error)]
pub enum CallbackError {
    /// No such run, step or token; they look alike.
    #[error("no run waits for this URL")]
    Unknown,
    /// The URL was called before, or the wait is over.
    #[error("this URL was used already, or its run no longer waits")]
    Gone,
    /// The store refused, so the answer was not taken.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why an answer to a question was not taken.
#[derive(Debug, thiserror::Error)]
pub enum QuestionError {
    /// There is no open question of this id.
    #[error("there is no question {0}; `flowcell questions` lists those that are open")]
    Unknown(QuestionId),
    /// It was answered, or is over.
    #[error("{0} is closed: it was answered already, or its run no longer waits")]
    Closed(QuestionId),
    /// It is not one of the question's answers.
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The store refused, so the answer was not taken.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a one-time URL is for.
#[derive(Debug)]
pub enum Look {
    /// A step that takes whatever request comes, and still may.
    Wait,
    /// A question.
    Question(Box<Asked>),
}

/// A question and its state.
#[derive(Debug)]
pub struct Asked {
    /// What is asked; without title and text as long as its step has not begun.
    pub question: Question,
    /// Whether it is still open, and who answered it otherwise.
    pub stands: Stands,
}

/// How a question stands.
#[derive(Debug)]
pub enum Stands {
    /// Its step has not begun.
    NotYet,
    /// It waits for an answer, until then at most, milliseconds since the epoch.
    Open(Option<u64>),
    /// It was answered; the step's output says how.
    Answered(JsonText),
    /// Nobody answered in time, which was over then.
    Expired(Option<u64>),
    /// Its run ended, or needs the answer no more.
    Withdrawn,
}

impl Stands {
    /// Whether an answer may be taken.
    pub fn takes_answers(&self) -> bool {
        match self {
            Self::NotYet | Self::Open(_) => true,
            Self::Answered(_) | Self::Expired(_) | Self::Withdrawn => false,
        }
    }
}

impl Engine {
    /// What a one-time URL is for.
    ///
    /// # Errors
    /// `Unknown` when the URL is none; `Gone` when it was used and is for no question.
    pub async fn look(&self, run: RunId, key: &StepKey, token: &str) -> Result<Look, CallbackError> {
        let store = &*self.runs.durable.store;
        let head = self.called_back(run, key, token).await?;
        // Before the journal: a signal goes in the batch that writes what came of it there.
        let mut called = None;
        for (_, signal) in tables::signals::list(store, run).await? {
            match signal {
                Signal::Callback { key: of, payload } if of == *key => called = Some(payload),
                Signal::Callback { .. } | Signal::RunEnded { .. } | Signal::Cancel { .. } => {}
            }
        }
        let entries = tables::journal::list(store, run).await?;
        let waits = waiting(&entries, key);
        let question = match waits {
            Some((Wait::Question(question), _)) => Some((**question).clone()),
            Some(_) => None,
            None => self.unasked(&head, key).await?,
        };
        let ended = ended(&entries, key);
        let Some(question) = question else {
            let gone = head.status.is_terminal() || called.is_some() || ended.is_some();
            return if gone { Err(CallbackError::Gone) } else { Ok(Look::Wait) };
        };
        let due_ms = waits.and_then(|(_, due_ms)| due_ms);
        let stands = match (ended, called) {
            (Some(record), _) => match &record.error {
                None => Stands::Answered(record.output.clone()),
                Some(error) if error.code == ErrorCode::CallbackTimeout => Stands::Expired(due_ms),
                Some(_) => Stands::Withdrawn,
            },
            (None, Some(payload)) => Stands::Answered(payload),
            (None, None) if head.status.is_terminal() => Stands::Withdrawn,
            (None, None) if waits.is_none() => Stands::NotYet,
            (None, None) => {
                let id = QuestionId { run, step: key.clone() };
                let open = tables::questions::get(store, &id).await?.is_some();
                if open { Stands::Open(due_ms) } else { Stands::Withdrawn }
            }
        };
        Ok(Look::Question(Box::new(Asked { question, stands })))
    }

    /// The question of a step that has not begun.
    async fn unasked(&self, head: &RunHead, key: &StepKey) -> Result<Option<Question>, StoreError> {
        let store = &*self.runs.durable.store;
        match self.runs.catalog.pinned(store, &head.workflow, head.version).await {
            Ok(definition) => {
                let step = definition.workflow.find(&key.step);
                Ok(step.and_then(|step| step.kind.page()).map(crate::model::Page::unasked))
            }
            // The run fails at its next step.
            Err(PinnedError::Missing(_)) => Ok(None),
            Err(PinnedError::Store(error)) => Err(error),
        }
    }

    /// The run of a one-time URL; an unknown run and a wrong token look alike.
    async fn called_back(&self, run: RunId, key: &StepKey, token: &str) -> Result<RunHead, CallbackError> {
        let head = tables::runs::head(&*self.runs.durable.store, run).await?.ok_or(CallbackError::Unknown)?;
        let expected = callback_token(run, &head.seed, key);
        let same = bool::from(expected.as_bytes().ct_eq(token.as_bytes()));
        if same { Ok(head) } else { Err(CallbackError::Unknown) }
    }

    /// Takes a request to a one-time URL. Durable when this returns.
    ///
    /// # Errors
    /// When the URL is none, or was used.
    pub async fn call_back(
        &self,
        run: RunId,
        key: &StepKey,
        token: &str,
        payload: JsonText,
    ) -> Result<(), CallbackError> {
        self.called_back(run, key, token).await?;
        self.deliver(run, key, payload).await
    }

    /// Gives a step what it waits for, if nobody did so before.
    async fn deliver(&self, run: RunId, key: &StepKey, payload: JsonText) -> Result<(), CallbackError> {
        let store = &*self.runs.durable.store;
        let id = QuestionId { run, step: key.clone() };
        let signal = Signal::Callback { key: key.clone(), payload };
        for _ in 0..CALLBACK_TRIES {
            let entries = tables::journal::list(store, run).await?;
            let mut batch = Batch::new();
            let unfinished = tables::runs::expect_unfinished(store, &mut batch, run).await?;
            if !unfinished || ended(&entries, key).is_some() {
                return Err(CallbackError::Gone);
            }
            if let Some((Wait::Question(_), _)) = waiting(&entries, key) {
                // Closed by another answer, or by a run that needs none any more.
                if tables::questions::get(store, &id).await?.is_none() {
                    return Err(CallbackError::Gone);
                }
                tables::questions::remove(&mut batch, run, key);
            }
            // The signal of an earlier call is removed together with its entry's arrival, so one of the two is always seen.
            tables::journal::expect_end(&mut batch, run, entries.len() as u32);
            tables::signals::insert(&mut batch, run, &signal);
            match store.commit(batch).await {
                Ok(()) => {
                    self.runs.line.poke(run).await?;
                    return Ok(());
                }
                Err(StoreError::Conflict { key, .. }) if key == tables::signals::key(run, &signal) => {
                    return Err(CallbackError::Gone);
                }
                // The run went on in between: look again.
                Err(StoreError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(CallbackError::Store(StoreError::Busy))
    }

    /// The questions that are open, those of the newest runs first.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn questions(
        &self,
        workflow: Option<&WorkflowKey>,
        before: Option<&QuestionId>,
        limit: usize,
    ) -> Result<Page<(QuestionId, OpenQuestion), QuestionId>, StoreError> {
        tables::questions::list(&*self.runs.durable.store, workflow, before, limit).await
    }

    /// An open question.
    ///
    /// # Errors
    /// When it is not open.
    pub async fn question(&self, id: &QuestionId) -> Result<OpenQuestion, QuestionError> {
        let store = &*self.runs.durable.store;
        if let Some(open) = tables::questions::get(store, id).await? {
            return Ok(open);
        }
        let entries = tables::journal::list(store, id.run).await?;
        Err(match waiting(&entries, &id.step) {
            Some((Wait::Question(_), _)) => QuestionError::Closed(id.clone()),
            Some(_) | None => QuestionError::Unknown(id.clone()),
        })
    }

    /// Answers an open question in the name of an operator: `fields` are `answer`, `comment` and `name`. Durable when this
    /// returns.
    ///
    /// # Errors
    /// When it is not open, or this is no answer to it.
    pub async fn answer(&self, id: &QuestionId, fields: &Value, ip: &str) -> Result<(), QuestionError> {
        let answered = self.question(id).await?.question.read(fields)?;
        let payload = json!({ "data": fields, "headers": {}, "query": {}, "method": "POST" });
        let payload = self.settled(&JsonText::from_value(&payload), &answered, "api", ip);
        self.deliver(id.run, &id.step, payload).await.map_err(|error| match error {
            CallbackError::Unknown | CallbackError::Gone => QuestionError::Closed(id.clone()),
            CallbackError::Store(error) => QuestionError::Store(error),
        })
    }

    /// The output of a step that asked a question: the request, as every callback gives it, and the answer beside it. `via`
    /// says how it came.
    pub fn settled(&self, payload: &JsonText, answered: &Answered, via: &str, ip: &str) -> JsonText {
        let Answered { choice, comment, name } = answered;
        let fields = json!({
            "answer": choice.value,
            "label": choice.label,
            "comment": comment,
            "by": name.as_deref().unwrap_or(ip),
            "via": via,
            "ip": ip,
            "at": timestamp(self.ports().now_ms()),
        });
        let fields = fields.to_string();
        let request = payload.as_str().strip_suffix('}').expect("a request is an object");
        JsonText::parse(format!("{request},{}", &fields[1..]))
            .expect("two objects that are put together are one")
    }
}

/// What a step instance waits for or waited for, and until when.
fn waiting<'a>(entries: &'a [Entry], key: &StepKey) -> Option<(&'a Wait, Option<u64>)> {
    entries.iter().rev().find_map(|entry| match entry {
        Entry::Waiting { key: of, wait, due_ms, .. } if of == key => Some((wait, *due_ms)),
        Entry::Waiting { .. }
        | Entry::Ended(_)
        | Entry::Retrying(..)
        | Entry::Begun(..)
        | Entry::Cookies { .. } => None,
    })
}

/// The end of a step instance.
fn ended<'a>(entries: &'a [Entry], key: &StepKey) -> Option<&'a StepRecord> {
    entries.iter().find_map(|entry| match entry {
        Entry::Ended(record) if record.key() == *key => Some(record),
        Entry::Ended(_)
        | Entry::Waiting { .. }
        | Entry::Retrying(..)
        | Entry::Begun(..)
        | Entry::Cookies { .. } => None,
    })
}
