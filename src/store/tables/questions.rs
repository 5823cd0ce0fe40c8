//! The questions that wait for an answer. What was asked and answered stands in the journals of the runs.
//!
//! A question is put here by the batch that makes its wait durable. It is removed by the one that takes its answer, ends
//! its wait or ends its run, whichever comes first: what is here is open.

use sha2::{Digest, Sha256};

use super::Page;
use crate::{
    model::{OpenQuestion, QuestionId, RunId, StepKey, WorkflowKey},
    store::{
        Batch, Key, KeyRange, Order, Store, StoreError,
        keys::{self, Kind},
        record::{self, Record},
    },
};

/// How many are read at once: of the longest questions 2 MiB.
const READ: usize = 100;
/// How many one call of [`list`] looks at, at most, for those of one workflow.
const LOOKED_AT: usize = 2_000;

impl Record for OpenQuestion {
    const KIND: &'static str = "open question";
    const VERSION: u8 = 1;
}

fn key(run: RunId, step: &StepKey) -> Key {
    let digest = Sha256::digest(step.to_string());
    keys::question(run, digest.first_chunk().expect("SHA-256 has 32 bytes"))
}

/// Opens a question.
pub fn put(batch: &mut Batch, run: RunId, question: &OpenQuestion) {
    batch.put(key(run, &question.step), record::encode(question));
}

/// Closes a question.
pub fn remove(batch: &mut Batch, run: RunId, step: &StepKey) {
    batch.delete(key(run, step));
}

/// Closes all questions of a run.
pub fn remove_all(batch: &mut Batch, run: RunId) {
    batch.delete_prefix(keys::questions(run));
}

/// An open question.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn get(store: &dyn Store, id: &QuestionId) -> Result<Option<OpenQuestion>, StoreError> {
    super::read(store, &key(id.run, &id.step)).await
}

/// Open questions, those of the newest runs first, from behind the cursor; of one workflow, if one is named. Where many belong to
/// others, a page may hold fewer than `limit` and still have a `next`.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn list(
    store: &dyn Store,
    workflow: Option<&WorkflowKey>,
    before: Option<&QuestionId>,
    limit: usize,
) -> Result<Page<(QuestionId, OpenQuestion), QuestionId>, StoreError> {
    let all = KeyRange::prefix(Kind::Question.prefix());
    let mut range = match before {
        None => all.clone(),
        Some(id) => all.clone().before(key(id.run, &id.step)),
    };
    let mut items: Vec<(QuestionId, OpenQuestion)> = Vec::new();
    let mut seen: Option<QuestionId> = None;
    for _ in 0..LOOKED_AT / READ {
        let read = super::read_range::<OpenQuestion>(store, range, Order::Descending, READ).await?;
        let is_last = read.len() < READ;
        range = match read.last() {
            Some((last, _)) => all.clone().before(last),
            None => return Ok(Page { items, next: None }),
        };
        for (key, question) in read {
            let wanted = workflow.is_none_or(|workflow| question.workflow == *workflow);
            if wanted && items.len() == limit {
                return Ok(Page { items, next: seen });
            }
            let run = keys::parse_question(&key)
                .ok_or_else(|| StoreError::corrupt(Key::from(key.as_slice()), "it names no run"))?;
            let id = QuestionId { run, step: question.step.clone() };
            seen = Some(id.clone());
            if wanted {
                items.push((id, question));
            }
        }
        if is_last {
            return Ok(Page { items, next: None });
        }
    }
    Ok(Page { items, next: seen })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Choice, Comment, Question},
        store::{MemoryStore, testing::block_on},
    };

    fn asked(workflow: &str, step: &str) -> OpenQuestion {
        OpenQuestion {
            workflow: workflow.parse().unwrap(),
            step: StepKey { step: step.parse().unwrap(), at: vec![] },
            question: Question {
                title: "t".to_owned(),
                text: "x".to_owned(),
                answers: vec![Choice { value: "a".to_owned(), label: "b".to_owned() }],
                comment: Comment::Required,
                ask_name: true,
            },
            since_ms: 5,
            due_ms: Some(7),
        }
    }

    #[test]
    fn a_call_looks_at_a_bounded_number_and_the_next_goes_on() {
        let store = MemoryStore::new();
        let mut batch = Batch::new();
        for n in 0..LOOKED_AT as u64 + 7 {
            put(&mut batch, RunId::new(n + 1, [0; 10]), &asked("other", "a"));
        }
        put(&mut batch, RunId::new(1, [1; 10]), &asked("mine", "a"));
        block_on(store.commit(batch)).unwrap();
        let mine = "mine".parse().unwrap();
        let first = block_on(list(&store, Some(&mine), None, 50)).unwrap();
        assert!(first.items.is_empty() && first.next.is_some());
        let second = block_on(list(&store, Some(&mine), first.next.as_ref(), 50)).unwrap();
        assert_eq!((second.items.len(), second.next), (1, None));
    }

    #[test]
    fn pages_show_each_open_question_once_and_only_those_of_the_workflow() {
        let store = MemoryStore::new();
        let run = |n: u64| RunId::new(n, [0; 10]);
        let mut batch = Batch::new();
        for n in 0..250 {
            put(&mut batch, run(n), &asked(if n.is_multiple_of(2) { "even" } else { "odd" }, "a"));
        }
        put(&mut batch, run(8), &asked("even", "b"));
        block_on(store.commit(batch)).unwrap();
        let (even, mut before, mut seen) = ("even".parse().unwrap(), None, Vec::new());
        loop {
            let page = block_on(list(&store, Some(&even), before.as_ref(), 60)).unwrap();
            seen.extend(page.items.into_iter().map(|(id, question)| (id.run, question.step.to_string())));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), 126);
        assert!(seen.windows(2).all(|pair| pair[0].0 >= pair[1].0), "newest first");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 126, "each once");
        let none = "none".parse().unwrap();
        assert_eq!(block_on(list(&store, Some(&none), None, 60)).unwrap().next, None);
        let id = QuestionId { run: run(8), step: asked("even", "b").step };
        assert_eq!(block_on(get(&store, &id)).unwrap(), Some(asked("even", "b")));
        let mut batch = Batch::new();
        remove(&mut batch, run(8), &id.step);
        remove_all(&mut batch, run(10));
        block_on(store.commit(batch)).unwrap();
        assert_eq!(block_on(get(&store, &id)).unwrap(), None);
        assert_eq!(block_on(list(&store, None, None, 500)).unwrap().items.len(), 249);
    }
}
