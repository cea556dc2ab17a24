//! One test for each guarantee of the permits: no caller waits while a permit is free, no caller is
//! forgotten, and every caller in a batch is answered.

use std::sync::mpsc;

use std::{thread, time::Duration};

use super::*;
use crate::Caller;
use crate::Priority;

fn waiter(rows: u32) -> Arc<Waiter> {
    Arc::new(Waiter::new(Caller::default(), PendingRun::of_rows(rows)))
}

fn acquire(permits: &Permits, deadline: Option<Deadline>) -> Option<Permit<'_>> {
    match permits.wait(&waiter(1), deadline) {
        Waited::Turn(permit) => Some(permit),
        Waited::Answered | Waited::Late => None,
    }
}

fn free(permits: &Permits) -> usize {
    permits.free.load(Ordering::SeqCst)
}

#[test]
fn never_more_at_once_than_permits_and_nobody_is_lost() {
    let permits = Permits::new(2, None);
    let (inside, most, done) = (
        AtomicUsize::new(0),
        AtomicUsize::new(0),
        AtomicUsize::new(0),
    );
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..200 {
                    let permit = permits.try_acquire();
                    let _permit = permit.or_else(|| acquire(&permits, None)).unwrap();
                    most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    thread::yield_now();
                    inside.fetch_sub(1, Ordering::SeqCst);
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert_eq!(done.into_inner(), 1600);
    assert!(most.into_inner() <= 2);
    assert_eq!(free(&permits), 2);
}

#[test]
fn a_deadline_ends_the_wait_and_leaves_no_trace() {
    let permits = Permits::new(1, None);
    let held = acquire(&permits, None).unwrap();
    let deadline = Deadline::after(Duration::from_millis(1));
    assert!(acquire(&permits, Some(deadline)).is_none());
    drop(held);
    assert!(permits.try_acquire().is_some(), "free again");
}

/// Starts threads that wait; each sends whether it was answered by another caller.
fn in_line<'scope>(
    scope: &'scope thread::Scope<'scope, '_>,
    permits: &'scope Permits,
    count: usize,
) -> mpsc::Receiver<bool> {
    let (sender, receiver) = mpsc::channel();
    for _ in 0..count {
        let sender = sender.clone();
        scope.spawn(move || {
            let answered = matches!(permits.wait(&waiter(1), None), Waited::Answered);
            sender.send(answered).unwrap();
        });
    }
    while lock(&permits.waiting).line.iter().count() < count {
        thread::yield_now();
    }
    receiver
}

/// Takes what can be merged with an inference of this number of rows.
fn take(permit: &mut Permit<'_>, rows: u32) -> Vec<Arc<Waiter>> {
    permit
        .take(&PendingRun::of_rows(rows), usize::MAX)
        .0
        .to_vec()
}

fn merging(count: usize, max: u32, delay: Duration) -> Permits {
    let batching = Batching::on(max, delay, Vec::new());
    Permits::new(count, Some(MergePolicy::new(&batching)))
}

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn who_has_a_turn_takes_others_along_and_answers_them() {
    let permits = merging(1, 4, Duration::ZERO);
    thread::scope(|scope| {
        let mut permit = permits.try_acquire().unwrap();
        let told = in_line(scope, &permits, 5);
        let along = take(&mut permit, 1);
        assert_eq!(along.len(), 3, "no more than fit into one run");
        drop(permit);
        along.iter().for_each(|waiter| waiter.answered());
        let answered = (0..5).filter(|_| told.recv().unwrap()).count();
        assert_eq!(answered, 3, "the other two had turns of their own");
    });
    assert_eq!(free(&permits), 1);
}

#[test]
fn a_run_leaves_the_other_permits_their_share() {
    let permits = merging(2, 32, Duration::ZERO);
    thread::scope(|scope| {
        let mut first = permits.try_acquire().unwrap();
        let mut second = permits.try_acquire().unwrap();
        let told = in_line(scope, &permits, 6);
        // Eight in all, two of which run.
        let along = take(&mut first, 1);
        assert_eq!(along.len(), 3);
        let others = take(&mut second, 1);
        assert_eq!(others.len(), 3);
        for permit in [first, second] {
            drop(permit);
        }
        for waiter in along.iter().chain(&others) {
            waiter.answered();
            assert!(told.recv().unwrap());
        }
    });
    assert_eq!(free(&permits), 2);
}

#[test]
fn who_was_answered_together_is_waited_for_and_the_last_runs_for_all() {
    let permits = merging(1, 8, Duration::ZERO);
    let due = |permits: &Permits| lock(&permits.waiting).due.rows;
    thread::scope(|scope| {
        let mut permit = permits.try_acquire().unwrap();
        let told = in_line(scope, &permits, 3);
        let along = take(&mut permit, 1);
        assert_eq!(along.len(), 3);
        drop(permit);
        lock(&permits.waiting).due = Returning::within_an_hour(4);
        along.iter().for_each(|waiter| waiter.answered());
        (0..3).for_each(|_| assert!(told.recv().unwrap()));
        let told = in_line(scope, &permits, 3);
        assert!(told.try_recv().is_err(), "held back for the fourth");
        let mut permit = acquire(&permits, None).unwrap();
        let along = take(&mut permit, 1);
        assert_eq!((along.len(), due(&permits)), (3, 0));
        along.iter().for_each(|waiter| waiter.answered());
        (0..3).for_each(|_| assert!(told.recv().unwrap()));
    });
    assert_eq!(free(&permits), 1);
}

#[test]
fn who_does_not_come_back_is_not_waited_for_for_ever() {
    let permits = merging(2, 8, Duration::ZERO);
    thread::scope(|scope| {
        let mut permit = permits.try_acquire().unwrap();
        let other = permits.try_acquire().unwrap();
        let told = in_line(scope, &permits, 2);
        let now = Stamp::now();
        permit.ran(now, now.plus(Duration::from_millis(1)));
        let along = take(&mut permit, 1);
        drop(permit);
        // Two are expected and one comes. It runs when the time to wait for the other is over.
        along.iter().for_each(|waiter| waiter.answered());
        assert!(acquire(&permits, None).is_some());
        drop(other);
        let answered = (0..2).filter(|_| told.recv().unwrap()).count();
        assert_eq!(answered, along.len());
    });
    assert_eq!(free(&permits), 2);
}

#[test]
fn the_more_urgent_goes_along_first() {
    let permits = merging(1, 3, Duration::ZERO);
    let mut permit = permits.try_acquire().unwrap();
    thread::scope(|scope| {
        let permits = &permits;
        for (count, (rows, priority)) in [(1, Priority::Low), (2, Priority::High)]
            .into_iter()
            .enumerate()
        {
            let caller = Caller {
                priority,
                ..Caller::default()
            };
            scope.spawn(move || {
                let waiter = Waiter::new(caller, PendingRun::of_rows(rows));
                drop(permits.wait(&Arc::new(waiter), None));
            });
            while lock(&permits.waiting).line.iter().count() <= count {
                thread::yield_now();
            }
        }
        let along = take(&mut permit, 1);
        let rows: Vec<u32> = along.iter().map(|waiter| waiter.pending.rows()).collect();
        assert_eq!(rows, [2], "the urgent one, who came later");
        along.iter().for_each(|waiter| waiter.answered());
        drop(permit);
    });
}

#[test]
fn who_was_taken_along_still_leaves_at_its_deadline() {
    let permits = merging(1, 2, Duration::ZERO);
    let mut permit = permits.try_acquire().unwrap();
    thread::scope(|scope| {
        let late = scope.spawn(|| {
            let deadline = Deadline::after(Duration::from_millis(20));
            matches!(permits.wait(&waiter(1), Some(deadline)), Waited::Late)
        });
        while take(&mut permit, 1).is_empty() && !late.is_finished() {
            thread::yield_now();
        }
        assert!(late.join().unwrap());
    });
    drop(permit);
    assert_eq!(free(&permits), 1);
}

#[test]
fn with_a_delay_all_wait_until_a_run_is_complete() {
    let permits = merging(2, 4, HOUR);
    assert!(
        permits.try_acquire().is_none(),
        "a permit comes with a wait"
    );
    thread::scope(|scope| {
        let told = in_line(scope, &permits, 2);
        let late = Deadline::after(Duration::from_millis(1));
        assert!(acquire(&permits, Some(late)).is_none());
        assert!(told.try_recv().is_err(), "nobody goes meanwhile");
        let Waited::Turn(mut permit) = permits.wait(&waiter(2), None) else {
            panic!("complete with this one");
        };
        let along = take(&mut permit, 2);
        assert_eq!(along.len(), 2);
        along.iter().for_each(|waiter| waiter.answered());
        (0..2).for_each(|_| assert!(told.recv().unwrap()));
    });
    assert_eq!(free(&permits), 2);
    let permits = merging(1, 4, Duration::from_millis(1));
    assert!(acquire(&permits, None).is_some(), "long enough");
}

#[test]
fn with_a_delay_a_run_that_is_no_longer_complete_goes_when_the_delay_is_over() {
    let permits = merging(1, 4, Duration::from_millis(200));
    let Waited::Turn(permit) = permits.wait(&waiter(4), None) else {
        panic!("complete by itself");
    };
    thread::scope(|scope| {
        let leaves = scope.spawn(|| {
            let deadline = Deadline::after(Duration::from_millis(50));
            matches!(permits.wait(&waiter(2), Some(deadline)), Waited::Late)
        });
        while lock(&permits.waiting).line.is_empty() {
            thread::yield_now();
        }
        // Its run is complete with the caller that gives up, and there is no permit until it has done so.
        let (sender, went) = mpsc::channel();
        let permits = &permits;
        scope.spawn(move || sender.send(matches!(permits.wait(&waiter(2), None), Waited::Turn(_))));
        assert!(leaves.join().unwrap());
        drop(permit);
        let in_time = went.recv_timeout(Duration::from_secs(20));
        // Lets the scope end even if the caller was forgotten.
        permits.settle(lock(&permits.waiting), None);
        assert_eq!(in_time, Ok(true));
    });
    assert_eq!(free(&permits), 1);
}

#[test]
fn a_delay_that_ends_while_it_is_looked_at_wakes_its_caller() {
    // Each of these ends within the few instructions that decide about it, sooner or later.
    for nanos in 0..2000 {
        let permits = merging(1, 8, Duration::from_nanos(20 + nanos % 500));
        let deadline = Deadline::after(Duration::from_secs(20));
        assert!(acquire(&permits, Some(deadline)).is_some(), "{nanos}");
    }
}
