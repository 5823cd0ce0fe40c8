//! The order of runs, with times and ends as arguments.

use super::*;

fn item(n: u64, workflow: &str) -> Item<()> {
    Item {
        run: RunId::new(n, [0; 10]),
        workflow: workflow.parse().unwrap(),
        weight: 4,
        bytes: 0,
        group: None,
        pace: None,
        begun: false,
        unheld: false,
        payload: (),
    }
}

/// The workflows of the runs that begin at `now_ms`, none of them ending.
fn begin(queue: &mut Queue<()>, now_ms: u64) -> Vec<Item<()>> {
    std::iter::from_fn(|| queue.pop(now_ms)).collect()
}

fn names(items: &[Item<()>]) -> String {
    items.iter().map(|item| item.workflow.as_str()).collect()
}

#[test]
fn a_noisy_workflow_and_a_quiet_one_take_turns() {
    let mut queue = Queue::new(1_000);
    (0..100).for_each(|n| queue.push(item(n, "n")));
    assert_eq!(queue.pop(0).unwrap().workflow.as_str(), "n");
    (200..203).for_each(|n| queue.push(item(n, "q")));
    let order = names(&begin(&mut queue, 0));
    let last = order.rfind('q').unwrap();
    assert!(last <= 7, "{order}");
    assert_eq!(order.len(), 102);
}

#[test]
fn weights_share_in_their_proportion() {
    let mut queue = Queue::new(1_000);
    for n in 0..100 {
        queue.push(Item { weight: 16, ..item(n, "h") });
        queue.push(Item { weight: 4, ..item(1_000 + n, "n") });
        queue.push(Item { weight: 1, ..item(2_000 + n, "l") });
    }
    let first: Vec<_> = (0..84).map(|_| queue.pop(0).unwrap()).collect();
    let count = |name: char| names(&first).matches(name).count();
    assert_eq!((count('h'), count('n'), count('l')), (64, 16, 4));
}

#[test]
fn one_workflow_never_takes_all_places() {
    let mut queue = Queue::new(4);
    (0..5).for_each(|n| queue.push(item(n, "a")));
    assert_eq!(names(&begin(&mut queue, 0)), "aa");
    queue.push(item(9, "b"));
    assert_eq!(names(&begin(&mut queue, 0)), "b");
    queue.stopped(RunId::new(0, [0; 10]), &"a".parse().unwrap(), 0, None, true);
    assert_eq!(names(&begin(&mut queue, 0)), "a");
}

#[test]
fn s11_endless_runs_of_two_workflows_leave_a_place_for_the_third_and_the_fourth() {
    let mut queue = Queue::new(256);
    for n in 0..1_000 {
        queue.push(item(n, "a"));
        queue.push(item(n + 1_000, "b"));
    }
    let order = names(&begin(&mut queue, 0));
    let count = |name: char| order.matches(name).count();
    assert!(count('a').abs_diff(count('b')) <= 1 && (80..=90).contains(&count('a')), "{order}");
    for (n, late) in ["c", "d", "e"].into_iter().enumerate() {
        queue.push(item(5_000 + n as u64, late));
        assert_eq!(queue.pop(0).unwrap().workflow.as_str(), late);
    }
}

#[test]
fn s11_greedy_workflows_that_come_one_after_the_other_never_take_the_last_place() {
    let mut queue = Queue::new(256);
    for greedy in ["a", "b", "c", "d", "e", "f"] {
        (0..300).for_each(|n| queue.push(item(n, greedy)));
        begin(&mut queue, 0);
    }
    queue.push(item(9_000, "z"));
    assert_eq!(queue.pop(0).unwrap().workflow.as_str(), "z");
}

#[test]
fn large_events_are_executed_few_at_a_time_and_beside_small_ones() {
    let mut queue = Queue::new(256);
    for n in 0..200 {
        queue.push(Item { bytes: 1 << 20, ..item(n, "a") });
    }
    queue.push(Item { bytes: RUNNING_BYTES * 2, ..item(900, "b") });
    (1_000..1_005).for_each(|n| queue.push(item(n, "c")));
    let begun = begin(&mut queue, 0);
    let count = |name: char| names(&begun).matches(name).count();
    assert_eq!((count('b'), count('c')), (1, 1), "one of each, whatever there is");
    assert!(count('a') <= 32);
    queue.stopped(RunId::new(900, [0; 10]), &"b".parse().unwrap(), RUNNING_BYTES * 2, None, true);
    let begun = names(&begin(&mut queue, 0));
    assert_eq!((begun.matches('c').count(), begun.contains('a')), (4, true), "{begun}");
}

#[test]
fn a_held_workflow_begins_only_what_is_on_trial() {
    let (mut queue, a) = (Queue::new(10), "a".parse().unwrap());
    queue.hold_back(&a, true);
    queue.hold_back(&a, true);
    queue.push(item(1, "a"));
    queue.push(Item { begun: true, ..item(2, "a") });
    assert!(queue.pop(0).is_none());
    queue.push(Item { begun: true, unheld: true, ..item(3, "a") });
    assert_eq!(queue.pop(0).unwrap().run.created_ms(), 3);
    queue.hold_back(&a, false);
    assert!(queue.pop(0).is_none());
    queue.hold_back(&a, false);
    assert_eq!(begin(&mut queue, 0).len(), 2);
    assert!(queue.order.is_empty());
}

#[test]
fn a_group_keeps_its_limit_and_its_order() {
    let mut queue = Queue::new(100);
    let grouped = |n| Item { group: Some(([1; 32], 1)), ..item(n, "a") };
    (0..4).for_each(|n| queue.push(grouped(n)));
    queue.push(item(9, "a"));
    let mut order = Vec::new();
    let first = begin(&mut queue, 0);
    assert_eq!(first.len(), 2, "one of the group, and the one outside of it");
    let mut current = first[0].run;
    loop {
        order.push(current.created_ms());
        // Waiting does not give the place away, ending does.
        queue.stopped(current, &"a".parse().unwrap(), 0, Some([1; 32]), false);
        assert!(queue.pop(0).is_none());
        queue.push(Item { begun: true, ..grouped(current.created_ms()) });
        assert_eq!(queue.pop(0).unwrap().run, current);
        queue.stopped(current, &"a".parse().unwrap(), 0, Some([1; 32]), true);
        match queue.pop(0) {
            Some(next) => current = next.run,
            None => break,
        }
    }
    assert_eq!(order, [0, 1, 2, 3]);
    assert!(queue.groups.is_empty());
}

#[test]
fn a_pace_lets_so_many_begin_in_a_period() {
    let mut queue = Queue::new(1_000);
    let pace = Some(Pace { group: [2; 32], limit: 3, per_ms: 900 });
    (0..8).for_each(|n| queue.push(Item { pace, ..item(n, "a") }));
    let start = 1_000_000;
    assert_eq!(begin(&mut queue, start).len(), 3);
    let mut began = Vec::new();
    while let Some(next) = queue.next_ms() {
        assert!(queue.pop(next - 1).is_none());
        began.extend(begin(&mut queue, next).iter().map(|_| next - start));
    }
    assert_eq!(began, [300, 600, 900, 1_200, 1_500]);
}

#[test]
fn what_a_pace_holds_back_begins_in_its_order() {
    let mut queue = Queue::new(1_000);
    let pace = Some(Pace { group: [2; 32], limit: 1, per_ms: 900 });
    let group = Some(([1; 32], 1));
    let started = |n| item(n, "a");
    let (mut order, mut now) = (Vec::new(), 1_000_000);
    (0..3).for_each(|n| queue.push(Item { pace, group, ..started(n) }));
    while order.len() < 6 {
        if let Some(item) = queue.pop(now) {
            order.push(item.run.created_ms());
            let next = order.len() as u64 + 2;
            (next < 6).then(|| queue.push(Item { pace, group, ..started(next) }));
            queue.stopped(item.run, &item.workflow, 0, item.group.map(|(group, _)| group), true);
        }
        now += 100;
    }
    assert_eq!(order, [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_hurried_run_takes_nobodys_place_with_it() {
    let (mut queue, a) = (Queue::new(100), "a".parse().unwrap());
    let group = [1; 32];
    (0..5).for_each(|n| queue.push(Item { group: Some((group, 1)), ..item(n, "a") }));
    assert_eq!(queue.pop(0).unwrap().run.created_ms(), 0);
    assert!(queue.pop(0).is_none() && queue.hurry(RunId::new(4, [0; 10])));
    assert_eq!(queue.pop(0).unwrap().run.created_ms(), 4);
    queue.stopped(RunId::new(4, [0; 10]), &a, 0, Some(group), true);
    assert!(queue.pop(0).is_none(), "the first one is still under way");
    for n in 0..3 {
        queue.stopped(RunId::new(n, [0; 10]), &a, 0, Some(group), true);
        assert_eq!(queue.pop(0).unwrap().run.created_ms(), n + 1);
    }
}

#[test]
fn a_paused_workflow_begins_nothing_but_what_is_cancelled() {
    let (mut queue, a) = (Queue::new(10), "a".parse().unwrap());
    queue.pause(&a, true);
    (0..2).for_each(|n| queue.push(item(n, "a")));
    assert!(queue.pop(0).is_none() && queue.is_paused(&a));
    assert!(queue.hurry(RunId::new(1, [0; 10])) && !queue.hurry(RunId::new(7, [0; 10])));
    assert_eq!(queue.pop(0).unwrap().run.created_ms(), 1);
    assert!(queue.pop(0).is_none());
    queue.pause(&a, false);
    assert_eq!(queue.pop(0).unwrap().run.created_ms(), 0);
}
