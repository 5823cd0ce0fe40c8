//! Who comes next, who waits for nobody, and what is left of a core that was given up.

use std::thread;

use futures::FutureExt;

use super::*;

fn tenant(name: &str) -> Arc<str> {
    name.into()
}

fn at_once(turns: &Turns, name: &str) -> Option<Core> {
    turns.core(&tenant(name)).now_or_never()
}

/// As though a workflow had used a core for so long, until now.
fn used(turns: &Turns, name: &str, time: Duration) {
    turns.state().charge(&tenant(name), time, time, Instant::now());
}

const MUCH: Duration = Duration::from_secs(20);

#[test]
fn there_are_as_many_turns_as_cores_and_who_gave_up_takes_none() {
    let turns = Turns::new(2);
    for name in ["a", "b", "c"] {
        used(&turns, name, MUCH);
    }
    let first = at_once(&turns, "a").unwrap();
    let second = at_once(&turns, "a").unwrap();
    let (a, b) = (tenant("a"), tenant("b"));
    let mut gone = Box::pin(turns.core(&a));
    let mut waits = Box::pin(turns.core(&b));
    assert!((&mut gone).now_or_never().is_none() && (&mut waits).now_or_never().is_none());
    drop(gone);
    drop(first);
    let third = (&mut waits).now_or_never().expect("its core is free");
    assert!(at_once(&turns, "c").is_none());
    drop((second, third));
    let both = (at_once(&turns, "c"), at_once(&turns, "c"));
    assert!(both.0.is_some() && both.1.is_some());
}

#[test]
fn who_used_little_lately_stands_in_no_line_and_those_who_used_much_make_room() {
    let turns = Turns::new(1);
    used(&turns, "much", MUCH);
    used(&turns, "little", Duration::from_millis(100));
    let core = at_once(&turns, "much").unwrap();
    assert!(at_once(&turns, "much").is_none());
    let little = at_once(&turns, "little").expect("it does not wait");
    let (now, much) = (Instant::now(), tenant("much"));
    assert!(turns.state().gives_up(&much, Duration::ZERO, Duration::ZERO, now));
    assert!(!turns.state().gives_up(&tenant("little"), SLICE, SLICE, now));
    drop(core);
    assert!(at_once(&turns, "much").is_none(), "there is one core, and it is used");
    drop(little);
    assert!(at_once(&turns, "much").is_some());
}

#[test]
fn while_somebody_computes_who_used_little_the_others_leave_a_core_free() {
    let turns = Turns::new(2);
    let much = tenant("much");
    used(&turns, "much", 10 * MUCH);
    let cores = (at_once(&turns, "much").unwrap(), at_once(&turns, "much").unwrap());
    let waits =
        |after: Duration| turns.state().gives_up(&much, SLICE, Duration::ZERO, Instant::now() + after);
    assert!(!waits(Duration::ZERO));
    drop(at_once(&turns, "little").unwrap());
    assert!(waits(Duration::ZERO), "both cores are used");
    drop(cores.0);
    assert!(at_once(&turns, "much").is_none(), "the other is left");
    assert!(!waits(Duration::ZERO));
    let later = Instant::now() + LEFT;
    assert!(turns.state().has_room(later), "until nobody came for a while");
    drop(cores.1);
    let alone = Turns::new(1);
    used(&alone, "much", MUCH);
    drop(at_once(&alone, "little").unwrap());
    assert!(at_once(&alone, "much").is_some(), "the only core is not left");
}

#[test]
fn who_used_least_lately_comes_first_and_what_was_used_fades() {
    let turns = Turns::new(1);
    let names = ["most", "least", "more"].map(tenant);
    used(&turns, "most", 3 * MUCH);
    used(&turns, "least", MUCH);
    used(&turns, "more", 2 * MUCH);
    let mut held = at_once(&turns, "other");
    let mut lines: Vec<_> = names.iter().map(|name| Box::pin(turns.core(name))).collect();
    for line in &mut lines {
        assert!(line.now_or_never().is_none());
    }
    for expected in [1, 2, 0] {
        held.take();
        held = (&mut lines[expected]).now_or_never();
        assert!(held.is_some(), "{expected} comes next");
    }
    let now = Instant::now();
    let mut state = turns.state();
    let second = Duration::from_secs(1);
    state.charge(&tenant("old"), second, second, now + second);
    let left = |state: &State, after| state.used(&tenant("old"), now + Duration::from_secs(after));
    assert!((left(&state, 2) - 0.5).abs() < 0.01 && (left(&state, 3) - 0.25).abs() < 0.01);
    assert!(left(&state, 60) == 0.0);
}

#[test]
fn a_guest_keeps_its_core_for_a_slice_unless_somebody_comes_who_used_much_less() {
    let turns = Turns::new(1);
    let (greedy, other) = (tenant("greedy"), tenant("other"));
    let now = Instant::now();
    let mut state = turns.state();
    let half = SLICE / 2;
    assert!(!state.gives_up(&greedy, SLICE, Duration::ZERO, now), "nobody waits");
    let same = state.stand_in_line(&greedy);
    assert!(!state.gives_up(&greedy, half, half, now));
    assert!(state.gives_up(&greedy, SLICE, Duration::ZERO, now), "its own take turns");
    drop(same);
    assert!(!state.gives_up(&greedy, SLICE, Duration::ZERO, now), "who gave up does not count");
    state.charge(&other, MUCH, MUCH, now);
    let _other = state.stand_in_line(&other);
    assert!(!state.gives_up(&greedy, SLICE, Duration::ZERO, now), "it used more");
    state.charge(&greedy, 3 * MUCH, 3 * MUCH, now);
    assert!(state.gives_up(&greedy, Duration::ZERO, Duration::ZERO, now), "not even an epoch longer");
}

#[test]
fn who_computes_in_long_pieces_is_greedy_and_who_computes_in_short_ones_is_not() {
    let turns = Turns::new(1);
    for _ in 0..200 {
        used(&turns, "many small calls", SLICE / 10);
    }
    assert!(!at_once(&turns, "many small calls").unwrap().is_greedy());
    let mut core = at_once(&turns, "one long call").unwrap();
    let mut state = turns.state();
    let mut at = core.since;
    for slice in 0..20 {
        assert_eq!(core.greedy, slice > 10, "after {slice} slices");
        at += SLICE;
        core.account(&mut state, at);
    }
    drop(state);
}

#[test]
fn a_small_call_whose_thread_waits_for_a_processor_is_not_greedy() {
    let turns = Turns::new(1);
    for _ in 0..15 {
        at_once(&turns, "small").unwrap().hold(|| thread::sleep(SLICE));
    }
    assert!(!at_once(&turns, "small").unwrap().is_greedy());
    at_once(&turns, "large").unwrap().hold(|| {
        let began = thread_time();
        while thread_time() - began < 20 * SLICE {}
    });
    assert!(at_once(&turns, "large").unwrap().is_greedy());
}

#[test]
fn workflows_that_are_gone_are_forgotten() {
    let turns = Turns::new(1);
    let now = Instant::now();
    let mut state = turns.state();
    for number in 0..1_000_u32 {
        let at = now + Duration::from_secs(u64::from(number));
        state.charge(&tenant(&number.to_string()), SLICE, SLICE, at + SLICE);
    }
    assert!(state.used.len() < 64, "{}", state.used.len());
}

#[test]
fn who_waits_at_an_epoch_goes_on_when_the_other_is_done_or_when_it_is_stopped() {
    let turns = Turns::new(1);
    used(&turns, "greedy", MUCH);
    let stop = Stop::default();
    let wait = |ends: &dyn Fn(Core)| {
        let core = at_once(&turns, "greedy").unwrap();
        let modest = at_once(&turns, "modest").unwrap();
        thread::scope(|scope| {
            let waited = scope.spawn(|| core.hold(|| let_others_come_first(&stop).time));
            while turns.state().line.is_empty() {
                thread::yield_now();
            }
            ends(modest);
            assert!(waited.join().unwrap() > Duration::ZERO);
        });
    };
    wait(&|modest| drop(modest));
    wait(&|modest| {
        stop.set();
        while turns.state().line.iter().any(|waiter| !waiter.told.is_closed()) {
            thread::yield_now();
        }
        drop(modest);
    });
    assert_eq!(turns.state().free, 1, "no core is lost");
}
