//! What the host knows of languages, places and times ([`crate::intl`]), for fuel.
//!
//! An answer depends on its request alone, so that it is no call of the host: it counts in no journal, and an image of a script's
//! memory may hold it. Its price is taken before any work, because the work itself cannot be interrupted.

use std::cmp::Ordering;

use wasmtime::Caller;

use crate::{
    intl::{self, Answer, Question},
    sandbox::js::{
        frame,
        guest::{Guest, memory_and_guest},
    },
};

/// What the guest gets when there is no answer.
const NOTHING: i32 = -1;

/// Answers a question: how many bytes wait for [`take`], or the order of two texts (0 less, 1 equal, 2 greater).
pub(super) fn intl(
    mut caller: Caller<'_, Guest>,
    question: u32,
    pointer: u32,
    length: u32,
) -> wasmtime::Result<i32> {
    let question = Question::numbered(question)
        .ok_or_else(|| wasmtime::Error::msg("intl: the guest asked what the host does not know"))?;
    let (memory, _) = memory_and_guest(&mut caller)?;
    let request = frame::slice(memory, pointer as usize, length as usize)
        .ok_or_else(|| wasmtime::Error::msg("intl: the guest named memory that it does not have"))?;
    let price = question.price(request);
    let Guest { metering, fuel, .. } = *caller.data();
    metering.pay(&mut caller, price, fuel)?;
    let (memory, guest) = memory_and_guest(&mut caller)?;
    let request = frame::slice(memory, pointer as usize, length as usize).unwrap_or_default();
    Ok(match intl::answer(question, request) {
        Answer::Nothing => NOTHING,
        Answer::Order(Ordering::Less) => 0,
        Answer::Order(Ordering::Equal) => 1,
        Answer::Order(Ordering::Greater) => 2,
        Answer::Bytes(bytes) => match i32::try_from(bytes.len()) {
            Ok(length) => {
                guest.answer = bytes;
                length
            }
            Err(_) => NOTHING,
        },
    })
}

/// Hands over the last answer.
pub(super) fn take(mut caller: Caller<'_, Guest>, pointer: u32, length: u32) -> wasmtime::Result<()> {
    let (memory, guest) = memory_and_guest(&mut caller)?;
    let answer = std::mem::take(&mut guest.answer);
    let (pointer, length) = (pointer as usize, length as usize);
    let target = pointer.checked_add(length).and_then(|end| memory.get_mut(pointer..end));
    match target {
        Some(target) if length == answer.len() => target.copy_from_slice(&answer),
        Some(_) | None => {
            return Err(wasmtime::Error::msg("intl_take: there is no such answer, or no memory for it"));
        }
    }
    Ok(())
}
