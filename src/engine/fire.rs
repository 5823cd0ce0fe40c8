//! Starts the runs of schedules. A run and the time that it is for are stored in one batch, so each time gets one run,
//! even when the process dies in between. The trigger says whether missed times are run or skipped.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use super::{
    line::{Seat, event_bytes},
    run::{NewRun, Runs},
    workflow::{Catalog, Definition, Groups, Schedule},
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

/// When each schedule of the installed workflows is looked at next. There may be a hundred thousand, and one look a second.
#[derive(Default)]
pub(super) struct Alarms {
    /// The number of changes of the catalog that these are of.
    changes: Option<u64>,
    all: Vec<Alarm>,
    /// The time of the next look, milliseconds since the epoch, and the place in `all`. One that never fires again is not there.
    times: BTreeSet<(u64, usize)>,
}

/// One schedule.
struct Alarm {
    definition: Arc<Definition>,
    /// The place of its trigger among those of the workflow.
    trigger: usize,
}

impl Alarms {
    /// Takes in what is installed now. What is new is looked at next: it may have missed times.
    fn renew(&mut self, catalog: &Catalog) {
        if self.changes == Some(catalog.changes()) {
            return;
        }
        let (changes, scheduled) = catalog.scheduled();
        let mut known: HashMap<(*const Definition, usize), Option<u64>> = HashMap::new();
        for alarm in &self.all {
            known.insert((Arc::as_ptr(&alarm.definition), alarm.trigger), None);
        }
        for (at_ms, index) in &self.times {
            let alarm = &self.all[*index];
            known.insert((Arc::as_ptr(&alarm.definition), alarm.trigger), Some(*at_ms));
        }
        let (mut all, mut times) = (Vec::new(), BTreeSet::new());
        for definition in scheduled.into_iter().filter(|definition| definition.workflow.enabled) {
            for (trigger, named) in definition.workflow.triggers.iter().enumerate() {
                if named.schedule().is_none() {
                    continue;
                }
                let before = known.get(&(Arc::as_ptr(&definition), trigger)).copied();
                times.extend(before.unwrap_or(Some(0)).map(|at_ms| (at_ms, all.len())));
                all.push(Alarm { definition: Arc::clone(&definition), trigger });
            }
        }
        *self = Self { changes: Some(changes), all, times };
    }

    /// Starts what is due; gives when the next time comes.
    pub(super) async fn fire(&mut self, runs: &Runs) -> Option<u64> {
        self.renew(&runs.catalog);
        let now_ms = runs.durable.now_ms();
        let due: Vec<_> = self.times.range(..=(now_ms, usize::MAX)).copied().collect();
        for (at_ms, index) in due {
            let Alarm { definition, trigger } = &self.all[index];
            let (key, trigger) = (&definition.workflow.key, &definition.workflow.triggers[*trigger]);
            let (Some(spec), Some(schedule)) = (trigger.schedule(), definition.schedules.get(&trigger.name))
            else {
                continue;
            };
            // A paused workflow misses its times. When it goes on, they are treated as missed. The same holds while too many
            // of its runs wait: each time would add one.
            if runs.line.is_paused(key) || runs.line.has_room(key, 0).is_err() {
                continue;
            }
            match fire_one(runs, definition, (trigger, spec), schedule).await {
                Ok(next_ms) => {
                    self.times.remove(&(at_ms, index));
                    self.times.extend(next_ms.map(|next_ms| (next_ms, index)));
                }
                Err(error) => {
                    let name = &trigger.name;
                    tracing::warn!(workflow = %key, trigger = %name, %error, "its schedule did not fire; it is tried again");
                }
            }
        }
        self.times.range((now_ms + 1, 0)..).next().map(|(at_ms, _)| *at_ms)
    }
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
            runs.durable.changes.run(run.head.id);
        }
    }
    Ok(schedule.next_after(now_ms.max(last_ms)))
}
