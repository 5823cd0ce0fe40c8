//! Starts the runs of schedules. A run and the time that it is for are stored in one batch, so each time gets one run,
//! even when the process dies in between. The trigger says whether missed times are run or skipped.

use std::sync::Arc;

use super::{
    line::{Seat, event_bytes},
    run::{NewRun, Runs},
    workflow::{Definition, Groups, Schedule},
};
use crate::{
    model::{Cause, Event, JsonText, NamedTrigger, Run, ScheduleTrigger},
    steps::timestamp,
    store::{
        Batch, StoreError,
        tables::{self, schedules::Fired},
    },
};

/// The most runs of one schedule that one look starts.
const MAX_STARTED: usize = 100;

/// Starts what is due; gives when the next time comes.
pub(super) async fn due(runs: &Runs) -> Option<u64> {
    let mut next = None;
    for definition in runs.catalog.matching(|workflow| workflow.enabled) {
        let key = &definition.workflow.key;
        for trigger in &definition.workflow.triggers {
            let (Some(spec), Some(schedule)) = (trigger.schedule(), definition.schedules.get(&trigger.name))
            else {
                continue;
            };
            // A paused workflow misses its times. When it goes on, they are treated as missed. The same holds while too many
            // of its runs wait: each time would add one.
            if runs.line.is_paused(key) || runs.line.has_room(key, 0).is_err() {
                continue;
            }
            match fire_one(runs, &definition, (trigger, spec), schedule).await {
                Ok(at_ms) => next = [next, at_ms].into_iter().flatten().min(),
                Err(error) => {
                    let name = &trigger.name;
                    tracing::warn!(workflow = %key, trigger = %name, %error, "its schedule did not fire; it is tried again");
                }
            }
        }
    }
    next
}

/// The event of a schedule for the time `at_ms`, with `data` in place of its `input` if there is any.
pub(super) fn event_of(
    trigger: &NamedTrigger,
    spec: &ScheduleTrigger,
    data: Option<&JsonText>,
    at_ms: u64,
) -> Event {
    let input = JsonText::from_value(&spec.input);
    let mut event = Event::of_data(data.unwrap_or(&input)).started_by(trigger.started());
    event.params.push(("scheduled".to_owned(), timestamp(at_ms)));
    event
}

async fn fire_one(
    runs: &Runs,
    definition: &Arc<Definition>,
    (trigger, spec): (&NamedTrigger, &ScheduleTrigger),
    schedule: &Schedule,
) -> Result<Option<u64>, StoreError> {
    let (store, now_ms, key) = (&*runs.durable.store, runs.durable.now_ms(), &definition.workflow.key);
    let name = format!("{} {}", spec.cron, spec.timezone);
    let scope = trigger.scope(key);
    let before = tables::schedules::get(store, &scope).await?;
    let Some(last_ms) = before.as_ref().filter(|fired| fired.schedule == name).map(|fired| fired.last_ms)
    else {
        // A new schedule begins now.
        let mut batch = Batch::new();
        let fired = Fired { schedule: name, last_ms: now_ms };
        tables::schedules::put(&mut batch, &scope, &fired, before.as_ref());
        store.commit(batch).await?;
        return Ok(schedule.next_after(now_ms));
    };
    let due = schedule.due(last_ms, now_ms, spec.missed, MAX_STARTED);
    if let Some(&latest) = due.last() {
        let mut batch = Batch::new();
        let fired = Fired { schedule: name, last_ms: latest };
        tables::schedules::put(&mut batch, &scope, &fired, before.as_ref());
        let mut started: Vec<(Run, Groups, Seat)> = Vec::with_capacity(due.len());
        for at_ms in due {
            let event = event_of(trigger, spec, None, at_ms);
            let groups = definition.keys.of(key, &event);
            let run = NewRun::unattended(event, Cause::Schedule).of(definition, &runs.durable, &runs.tools);
            tables::runs::insert(&mut batch, &run);
            let seat = runs.line.seat_of_stored(key, event_bytes(&run.event));
            started.push((run, groups, seat));
        }
        store.commit(batch).await?;
        for (run, groups, seat) in started {
            runs.line.enqueue(&run.head, groups, None, seat);
        }
    }
    Ok(schedule.next_after(now_ms.max(last_ms)))
}
