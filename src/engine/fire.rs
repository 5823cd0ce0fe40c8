//! Starts the runs of schedules. A run and the time that it is for are stored in one batch, so each time gets one run,
//! even when the process dies in between. The trigger says whether missed times are run or skipped.

use std::sync::Arc;

use super::{
    line::{Seat, event_bytes},
    run::{NewRun, Runs},
    workflow::{Definition, Groups},
};
use crate::{
    model::{Cause, Event, JsonText, Run, ScheduleTrigger, Trigger},
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
    for definition in runs.catalog.all() {
        let Trigger::Schedule(trigger) = &definition.workflow.trigger else { continue };
        // A paused workflow misses its times. When it goes on, they are treated as missed.
        if !definition.workflow.enabled || runs.line.is_paused(&definition.workflow.key) {
            continue;
        }
        // The same holds while too many of its runs wait: each time would add one.
        if runs.line.has_room(&definition.workflow.key, 0).is_err() {
            continue;
        }
        match fire_one(runs, &definition, trigger).await {
            Ok(at_ms) => next = [next, at_ms].into_iter().flatten().min(),
            Err(error) => {
                tracing::warn!(workflow = %definition.workflow.key, %error, "its schedule did not fire; it is tried again");
            }
        }
    }
    next
}

async fn fire_one(
    runs: &Runs,
    definition: &Arc<Definition>,
    trigger: &ScheduleTrigger,
) -> Result<Option<u64>, StoreError> {
    let Some(schedule) = &definition.schedule else { return Ok(None) };
    let (store, now_ms, key) = (&*runs.durable.store, runs.durable.now_ms(), &definition.workflow.key);
    let name = format!("{} {}", trigger.cron, trigger.timezone);
    let before = tables::schedules::get(store, key).await?;
    let Some(last_ms) = before.as_ref().filter(|fired| fired.schedule == name).map(|fired| fired.last_ms)
    else {
        // A new schedule begins now.
        let mut batch = Batch::new();
        tables::schedules::put(&mut batch, key, &Fired { schedule: name, last_ms: now_ms }, before.as_ref());
        store.commit(batch).await?;
        return Ok(schedule.next_after(now_ms));
    };
    let due = schedule.due(last_ms, now_ms, trigger.missed, MAX_STARTED);
    if let Some(&latest) = due.last() {
        let mut batch = Batch::new();
        let fired = Fired { schedule: name, last_ms: latest };
        tables::schedules::put(&mut batch, key, &fired, before.as_ref());
        let mut started: Vec<(Run, Groups, Seat)> = Vec::with_capacity(due.len());
        for at_ms in due {
            let mut event = Event::of_data(&JsonText::from_value(&trigger.input));
            event.params.push(("scheduled".to_owned(), timestamp(at_ms)));
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
