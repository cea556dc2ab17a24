//! The queues' promises, one a test: who goes next, who is refused, and that nobody is forgotten.

use super::*;

const MS: u64 = 1_000_000;

fn admission(capacity: usize, deadline: Option<Duration>, priority: Priority) -> Admission {
    Admission {
        capacity: NonZero::new(capacity).unwrap(),
        deadline,
        priority,
    }
}

fn one(capacity: usize, deadline: Option<Duration>) -> Queues<u32> {
    Queues::new([admission(capacity, deadline, Priority::Normal)], 1)
}

/// Takes a frame and works on it for so long, as far as the queues are told.
fn work(queues: &Queues<u32>, took_ns: u64) -> u32 {
    match queues.take().unwrap() {
        Turn::Work(plugin, job, _) => {
            queues.done(plugin, took_ns);
            job
        }
        Turn::Refused(_, job, refusal) => panic!("{job}: {refusal}"),
    }
}

#[test]
fn a_full_queue_refuses_at_once() {
    let queues = one(2, None);
    let now = Stamp::now();
    assert!(queues.admit(0, 1, now).is_ok() && queues.admit(0, 2, now).is_ok());
    assert_eq!(queues.admit(0, 3, now), Err((Refusal::Full(2), 3)));
    assert_eq!(work(&queues, MS), 1);
    assert!(queues.admit(0, 4, now).is_ok());
    let counts = queues.counts(0);
    assert_eq!((counts.admitted, counts.full, counts.done), (3, 1, 1));
    assert!(queues.admit(7, 5, now).is_err(), "there is no such plugin");
}

#[test]
fn a_deadline_out_of_reach_is_refused_on_arrival() {
    let hour = 3_600_000 * MS;
    let queues = one(100, Some(Duration::from_secs(3 * 3600 + 60)));
    assert!(queues.admit(0, 1, Stamp::now()).is_ok());
    work(&queues, hour);
    // One more at work, and room for one that waits: with three hours no third one.
    let mut admitted = 0;
    while queues.admit(0, 2, Stamp::now()).is_ok() {
        admitted += 1;
    }
    // Two deviations above the mean a frame takes two hours here; with the first frame's
    // own hour before it a second one just fits.
    assert_eq!(admitted, 2);
    assert_eq!(queues.counts(0).out_of_reach, 1);
}

#[test]
fn what_became_late_in_the_queue_is_dropped_when_its_turn_comes() {
    let queues = one(10, Some(Duration::from_nanos(1)));
    let due = Stamp::now();
    while Stamp::now().nanos_since(due) < 1000 {}
    assert!(
        queues.admit(0, 1, due).is_ok(),
        "nobody is at work, so it may try"
    );
    let Some(Turn::Refused(0, 1, Refusal::Late(_))) = queues.take() else {
        panic!("it was late");
    };
    assert_eq!(queues.counts(0).late, 1);
}

#[test]
fn an_estimate_that_became_too_long_does_not_shut_the_door() {
    let queues = one(10, Some(Duration::from_millis(500)));
    for _ in 0..20 {
        assert!(
            queues.admit(0, 1, Stamp::now()).is_ok(),
            "an idle worker is there"
        );
        work(&queues, 3_600_000 * MS);
    }
}

#[test]
fn priorities_come_first_and_age() {
    let plugins = [Priority::Low, Priority::High, Priority::Normal];
    let queues = Queues::new(plugins.map(|one| admission(10, None, one)), 1);
    let now = Stamp::now();
    for plugin in 0..3 {
        assert!(queues.admit(plugin, plugin as u32, now).is_ok());
    }
    let turns = |queues: &Queues<u32>| [work(queues, 1), work(queues, 1), work(queues, 1)];
    assert_eq!(turns(&queues), [1, 2, 0]);

    // A low one that came long enough before a high one goes first.
    let mut state = queues.lock();
    let long_after = now.plus(3 * AGEING);
    state.push(0, 10, now, now, false);
    state.push(1, 11, long_after, long_after, false);
    let Some(Turn::Work(0, 10, None)) = state.pop(long_after) else {
        panic!("the low one has waited for long enough");
    };
}

#[test]
fn a_frame_carries_its_deadline_from_when_it_was_due() {
    let (given, now) = (Duration::from_secs(60), Stamp::now());
    let queues = one(1, Some(given));
    queues.admit(0, 1, now).unwrap();
    let Some(Turn::Work(0, 1, Some(deadline))) = queues.take() else {
        panic!("it is in time");
    };
    assert_eq!(deadline.budget(), given);
    assert!(deadline.left() <= given);
}

#[test]
fn whoever_reads_ahead_waits_for_room_and_not_for_workers_that_are_gone() {
    let queues = one(1, None);
    std::thread::scope(|scope| {
        let fed = scope.spawn(|| (0..3).map(|job| queues.feed(0, job)).collect::<Vec<_>>());
        assert_eq!((work(&queues, 1), work(&queues, 1)), (0, 1));
        // The third is in, or will be.
        assert_eq!(fed.join().unwrap(), [true; 3]);
    });
    queues.leave();
    assert!(!queues.feed(0, 9));
    assert_eq!(work(&queues, 1), 2, "what was let in is still handed out");
    assert!(queues.take().is_none());
    assert_eq!(queues.admit(0, 9, Stamp::now()), Err((Refusal::Closed, 9)));
}
