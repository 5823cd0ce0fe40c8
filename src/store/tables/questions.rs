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

/// How many are read at once while a list looks for those of one workflow.
const READ: usize = 100;

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
/// `Corrupt`.
pub async fn get(store: &dyn Store, id: &QuestionId) -> Result<Option<OpenQuestion>, StoreError> {
    super::read(store, &key(id.run, &id.step)).await
}

/// Open questions, those of the newest runs first, from behind the cursor; of one workflow, if one is named.
///
/// # Errors
/// `Corrupt`.
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
    loop {
        let read = super::read_range::<OpenQuestion>(store, range, Order::Descending, READ).await?;
        let count = read.len();
        let Some((last, _)) = read.last() else { return Ok(Page { items, next: None }) };
        range = all.clone().before(last);
        for (key, question) in read {
            if workflow.is_some_and(|workflow| question.workflow != *workflow) {
                continue;
            }
            if items.len() == limit {
                let next = items.last().map(|(id, _)| id.clone());
                return Ok(Page { items, next });
            }
            let run = keys::parse_question(&key)
                .ok_or_else(|| StoreError::corrupt(Key::from(key.as_slice()), "it names no run"))?;
            items.push((QuestionId { run, step: question.step.clone() }, question));
        }
        if count < READ {
            return Ok(Page { items, next: None });
        }
    }
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
    fn pages_show_each_open_question_once_and_only_those_of_the_workflow() {
        let store = MemoryStore::new();
        let run = |n: u64| RunId::new(n, [0; 10]);
        let mut batch = Batch::new();
        for n in 0..250 {
            put(&mut batch, run(n), &asked(if n % 2 == 0 { "even" } else { "odd" }, "a"));
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
