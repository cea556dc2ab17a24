//! The guarantees of the queues, one a test: which job is next, which is refused, and that none is
//! lost.

use std::num::NonZero;

use tollgate_nn::Priority;

use super::*;
use crate::AGEING;

const MS: u64 = 1_000_000;

fn admission(capacity: usize, deadline: Option<Duration>, priority: Priority) -> Admission {
    Admission {
        capacity: NonZero::new(capacity).unwrap(),
        deadline,
        priority,
    }
}

type Numbers = Queues<u32, &'static str>;

/// Queues with one worker, whose number is zero.
fn queues() -> Numbers {
    let queues = Queues::new(1);
    queues.enter(0);
    queues
}

/// The same with one line.
fn one(capacity: usize, deadline: Option<Duration>) -> (Numbers, LineId) {
    let queues = queues();
    let line = queues.open(admission(capacity, deadline, Priority::Normal), "first");
    (queues, line)
}

/// Takes a job and reports to the queues that it took this long.
fn work(queues: &Numbers, took_ns: u64) -> u32 {
    let turn = queues.take(0).unwrap();
    match turn.work {
        Ok((_, busy)) => {
            queues.done(busy.line, took_ns);
            std::mem::forget(busy);
            turn.job
        }
        Err(refusal) => panic!("{}: {refusal}", turn.job),
    }
}

#[test]
fn a_full_queue_refuses_at_once() {
    let (queues, line) = one(2, None);
    let now = Stamp::now();
    assert!(queues.admit(line, 1, now).is_ok() && queues.admit(line, 2, now).is_ok());
    assert_eq!(queues.admit(line, 3, now), Err((Refusal::Full(2), 3)));
    assert_eq!(work(&queues, MS), 1);
    assert!(queues.admit(line, 4, now).is_ok());
    let counts = queues.counts(line);
    assert_eq!((counts.admitted, counts.full, counts.done), (3, 1, 1));
    let other = LineId(7);
    assert!(
        queues.admit(other, 5, now).is_err(),
        "there is no such line"
    );
}

#[test]
fn a_deadline_out_of_reach_is_refused_on_arrival() {
    let hour = 3_600_000 * MS;
    let (queues, line) = one(100, Some(Duration::from_secs(3 * 3600 + 60)));
    assert!(queues.admit(line, 1, Stamp::now()).is_ok());
    work(&queues, hour);
    // One more is being processed, so only one may wait: with three hours there is no time for a
    // third.
    let mut admitted = 0;
    while queues.admit(line, 2, Stamp::now()).is_ok() {
        admitted += 1;
    }
    // At two deviations above the mean a frame takes two hours here. With the first frame's own
    // hour before it a second one just fits.
    assert_eq!(admitted, 2);
    assert_eq!(queues.counts(line).out_of_reach, 1);
}

#[test]
fn what_became_late_in_the_queue_is_dropped_when_its_turn_comes() {
    let (queues, line) = one(10, Some(Duration::from_nanos(1)));
    let due = Stamp::now();
    while Stamp::now().nanos_since(due) < 1000 {}
    assert!(
        queues.admit(line, 1, due).is_ok(),
        "nothing is at work, so it may try"
    );
    let turn = queues.take(0).unwrap();
    assert!(matches!(turn.work, Err(Refusal::Late(_))), "it was late");
    assert_eq!(queues.counts(line).late, 1);
}

#[test]
fn an_estimate_that_became_too_long_does_not_shut_the_door() {
    let (queues, line) = one(10, Some(Duration::from_millis(500)));
    for _ in 0..20 {
        assert!(
            queues.admit(line, 1, Stamp::now()).is_ok(),
            "an idle worker is there"
        );
        work(&queues, 3_600_000 * MS);
    }
}

#[test]
fn priorities_come_first_and_age() {
    let queues = queues();
    let lines = [Priority::Low, Priority::High, Priority::Normal];
    let lines = lines.map(|one| queues.open(admission(10, None, one), "any"));
    let now = Stamp::now();
    for (number, line) in (0..).zip(lines) {
        assert!(queues.admit(line, number, now).is_ok());
    }
    assert_eq!([(); 3].map(|()| work(&queues, 1)), [1, 2, 0]);

    // A frame of low priority that came long enough before one of high priority goes first.
    let mut state = queues.lock();
    let long_after = now.plus(3 * AGEING);
    state.push(lines[0], 10, now, now, false);
    state.push(lines[1], 11, long_after, long_after, false);
    let (line, (job, ..)) = state.pop(long_after).unwrap();
    assert_eq!((line, job), (lines[0], 10), "it has waited for long enough");
}

#[test]
fn a_frame_carries_its_deadline_from_when_it_was_due() {
    let (given, now) = (Duration::from_secs(60), Stamp::now());
    let (queues, line) = one(1, Some(given));
    queues.admit(line, 1, now).unwrap();
    let turn = queues.take(0).unwrap();
    let deadline = turn.work.unwrap().0.unwrap();
    assert_eq!(deadline.budget(), given);
    assert!(deadline.left() <= given);
}

#[test]
fn a_line_that_drains_takes_no_more_and_goes_when_its_last_job_is_done() {
    let (queues, line) = one(10, None);
    let now = Stamp::now();
    queues.admit(line, 1, now).unwrap();
    queues.admit(line, 2, now).unwrap();
    assert!(!queues.drain(line, Duration::ZERO), "two are still to do");
    assert_eq!(queues.admit(line, 3, now), Err((Refusal::Closed, 3)));
    assert_eq!(work(&queues, MS), 1);
    let last = queues.take(0).unwrap();
    assert!(!queues.drain(line, Duration::ZERO), "it is at work");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| queues.drain(line, Duration::from_secs(60)));
        drop(last);
        assert!(waiting.join().unwrap());
    });
    assert!(queues.drain(line, Duration::ZERO), "gone already");
    // The other lines still work.
    let other = queues.open(admission(1, None, Priority::Normal), "second");
    queues.admit(other, 4, now).unwrap();
    assert_eq!(work(&queues, MS), 4);
}

#[test]
fn a_swap_counts_from_the_next_job_on() {
    let (queues, line) = one(10, None);
    let now = Stamp::now();
    queues.admit(line, 1, now).unwrap();
    queues.admit(line, 2, now).unwrap();
    let before = queues.take(0).unwrap();
    assert_eq!(queues.swap(line, "second"), Some("first"));
    let after = queues.take(0).unwrap();
    assert_eq!((before.handler, after.handler), ("first", "second"));
}

#[test]
fn a_line_that_drains_is_gone_once_what_waits_is_given_up() {
    let (queues, line) = one(10, None);
    let now = Stamp::now();
    queues.admit(line, 1, now).unwrap();
    queues.admit(line, 2, now).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| queues.drain(line, Duration::from_secs(60)));
        while queues.admit(line, 3, now) != Err((Refusal::Closed, 3)) {
            queues.clear(line);
        }
        queues.clear(line);
        assert!(waiting.join().unwrap());
    });
}

#[test]
fn what_closed_queues_hold_is_handed_out_and_dropped_with_the_last_worker() {
    let (queues, line) = one(2, None);
    queues.admit(line, 1, Stamp::now()).unwrap();
    queues.admit(line, 2, Stamp::now()).unwrap();
    queues.close();
    assert_eq!(
        queues.admit(line, 9, Stamp::now()),
        Err((Refusal::Closed, 9))
    );
    assert_eq!(work(&queues, 1), 1);
    queues.leave(0);
    assert!(queues.clear(line).is_empty(), "nothing waits for no one");
    assert!(queues.take(0).is_none());
}

#[test]
fn workers_beyond_the_active_ones_sleep_until_they_are_wanted() {
    let queues: Numbers = Queues::new(1);
    let line = queues.open(admission(10, None, Priority::Normal), "any");
    queues.enter(0);
    queues.enter(1);
    std::thread::scope(|scope| {
        let second = scope.spawn(|| queues.take(1).map(|turn| turn.job));
        queues.admit(line, 1, Stamp::now()).unwrap();
        assert_eq!(work(&queues, 1), 1, "the first one takes it, always");
        queues.admit(line, 2, Stamp::now()).unwrap();
        queues.set_active(2);
        assert_eq!(second.join().unwrap(), Some(2));
    });
}
