//! Which helpers compute at once, and on which cores.
//!
//! As many have a turn as there are cores, each with a core of its own. The system would let them take turns after every
//! inference, since a helper sleeps then, and each would find its weights out of the processor's caches. So a helper
//! keeps its turn for some milliseconds, as a thread that computes without sleeping does. A turn that is not used goes to
//! the next helper that waits.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, LazyLock, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use rustix::thread::sched_getcpu;
use tollgate_nn::clock::{Deadline, Stamp, nanos};

use crate::{
    cores::Cores,
    helper::{Lost, lock},
};

/// How long a helper keeps its turn while others wait, in nanoseconds: a time slice of the system's.
const KEPT: u64 = 10_000_000;

/// After how long a turn that is not used is free, in nanoseconds: longer than a guest takes between two inferences of
/// a frame, mostly.
const UNUSED: u64 = 50_000;

/// How often the first of those that wait looks for a turn that is not used.
const LOOK: Duration = Duration::from_micros(250);

/// How long the others sleep at most.
const SLEEP: Duration = Duration::from_secs(1);

/// The turns of this process.
static TURNS: LazyLock<Turns> = LazyLock::new(|| Turns::new(Cores::all(), KEPT));

struct Turns {
    /// A turn for each.
    cores: Vec<usize>,
    /// [`KEPT`].
    kept: u64,
    /// How many helpers there are.
    helpers: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    held: Vec<Held>,
    waiting: VecDeque<Waiting>,
}

struct Held {
    helper: usize,
    since: Stamp,
    /// Since when it is not used; none while it is.
    unused: Option<Stamp>,
    core: usize,
}

struct Waiting {
    helper: usize,
    since: Stamp,
    woken: Arc<Condvar>,
}

/// A helper that takes part; one inference of it runs at a time.
pub(crate) struct Player {
    number: usize,
    turns: &'static Turns,
}

/// A turn that is being used.
pub(crate) struct Turn<'a> {
    player: &'a Player,
    /// The core on which its helper is to compute.
    pub(crate) core: usize,
}

impl Player {
    pub(crate) fn new() -> Self {
        Self::of(&TURNS)
    }

    fn of(turns: &'static Turns) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        turns.helpers.fetch_add(1, Ordering::Relaxed);
        Self {
            number: NEXT.fetch_add(1, Ordering::Relaxed),
            turns,
        }
    }

    /// Whether there are more helpers than cores.
    #[inline]
    pub(crate) fn is_crowded(&self) -> bool {
        self.turns.helpers.load(Ordering::Relaxed) > self.turns.cores.len()
    }

    /// Waits for its turn.
    pub(crate) fn turn(&self, deadline: Option<Deadline>) -> Result<Turn<'_>, Lost> {
        let core = self.turns.enter(self.number, deadline)?;
        Ok(Turn { player: self, core })
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.turns.helpers.fetch_sub(1, Ordering::Relaxed);
        let mut state = lock(&self.turns.state);
        state.held.retain(|held| held.helper != self.number);
        state.wake_first();
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.player.turns.leave(self.player.number);
    }
}

impl Turns {
    fn new(cores: Vec<usize>, kept: u64) -> Self {
        Self {
            cores,
            kept,
            helpers: AtomicUsize::new(0),
            state: Mutex::default(),
        }
    }

    /// Gives the core of its turn.
    fn enter(&self, helper: usize, deadline: Option<Deadline>) -> Result<usize, Lost> {
        let mut state = lock(&self.state);
        if let Some(held) = state.held(helper) {
            held.unused = None;
            return Ok(held.core);
        }
        if state.waiting.is_empty()
            && let Some(core) = state.admit(helper, &self.cores)
        {
            return Ok(core);
        }
        let woken = Arc::new(Condvar::new());
        state.waiting.push_back(Waiting {
            helper,
            since: Stamp::now(),
            woken: Arc::clone(&woken),
        });
        loop {
            let first = state.is_first(helper);
            let left = deadline.map_or(SLEEP, |deadline| deadline.left());
            let pause = left.min(if first { LOOK } else { SLEEP });
            let waited = woken.wait_timeout(state, pause);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            if let Some(held) = state.held(helper) {
                return Ok(held.core);
            }
            let late = deadline.is_some_and(|deadline| deadline.left().is_zero());
            let admitted = if state.is_first(helper) && !late {
                let admitted = state.admit(helper, &self.cores);
                admitted.or_else(|| state.squeeze_in(helper, self.kept))
            } else {
                None
            };
            if admitted.is_some() || late {
                state.waiting.retain(|waiting| waiting.helper != helper);
                state.wake_first();
                return admitted.ok_or(Lost::Late);
            }
        }
    }

    fn leave(&self, helper: usize) {
        let now = Stamp::now();
        let mut state = lock(&self.state);
        let others = !state.waiting.is_empty();
        let Some(held) = state.held(helper) else {
            return;
        };
        if !others || nanos(now.ticks_since(held.since)) < self.kept {
            held.unused = Some(now);
            return;
        }
        let core = held.core;
        state.held.retain(|held| held.helper != helper);
        if let Some(next) = state.waiting.pop_front() {
            state.hold(next.helper, now, core);
            next.woken.notify_one();
            state.wake_first();
        }
    }
}

impl State {
    fn held(&mut self, helper: usize) -> Option<&mut Held> {
        self.held.iter_mut().find(|held| held.helper == helper)
    }

    fn is_first(&self, helper: usize) -> bool {
        let first = self.waiting.front();
        first.is_some_and(|first| first.helper == helper)
    }

    fn wake_first(&self) {
        if let Some(first) = self.waiting.front() {
            first.woken.notify_one();
        }
    }

    fn hold(&mut self, helper: usize, since: Stamp, core: usize) {
        self.held.push(Held {
            helper,
            since,
            unused: None,
            core,
        });
    }

    /// Gives the first that waits a turn beside one that does not end: then the system shares that core out.
    fn squeeze_in(&mut self, helper: usize, kept: u64) -> Option<usize> {
        let now = Stamp::now();
        let old = |since: Stamp| nanos(now.ticks_since(since)) >= kept.saturating_mul(2);
        let waits = self.waiting.front().is_some_and(|first| old(first.since));
        let oldest = self.held.iter().min_by_key(|held| held.since);
        let core = oldest.filter(|held| waits && old(held.since))?.core;
        // The next one goes beside another.
        for held in self.held.iter_mut().filter(|held| held.core == core) {
            held.since = now;
        }
        self.hold(helper, now, core);
        Some(core)
    }

    /// Gives a turn that is free, or one that is not used any more, on this thread's core if that is free.
    fn admit(&mut self, helper: usize, cores: &[usize]) -> Option<usize> {
        let now = Stamp::now();
        let own = sched_getcpu();
        let free = |core: &usize| self.held.iter().all(|held| held.core != *core);
        let core = if cores.contains(&own) && free(&own) {
            own
        } else if let Some(core) = cores.iter().copied().find(free) {
            core
        } else {
            let unused = self.held.iter().position(|held| {
                let unused = held.unused.map(|since| nanos(now.ticks_since(since)));
                unused.is_some_and(|unused| unused >= UNUSED)
            });
            self.held.swap_remove(unused?).core
        };
        self.hold(helper, now, core);
        Some(core)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::atomic::AtomicU32, thread};

    use super::*;

    /// On a machine that is busy, a turn may take any time.
    const FOR_EVER: u64 = u64::MAX;

    fn turns(most: usize, kept: u64) -> &'static Turns {
        Box::leak(Box::new(Turns::new((0..most).collect(), kept)))
    }

    #[test]
    fn as_many_as_there_are_turns_run_at_once_and_all_get_theirs() {
        let turns = turns(2, FOR_EVER);
        let (running, most) = (AtomicU32::new(0), AtomicU32::new(0));
        let players: Vec<Player> = (0..7).map(|_| Player::of(turns)).collect();
        thread::scope(|scope| {
            for player in &players {
                let (running, most) = (&running, &most);
                scope.spawn(move || {
                    for _ in 0..200 {
                        let _turn = player.turn(None).map_err(|_| "late").unwrap();
                        most.fetch_max(
                            running.fetch_add(1, Ordering::SeqCst) + 1,
                            Ordering::SeqCst,
                        );
                        thread::yield_now();
                        running.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 2);
        drop(players);
        assert!(lock(&turns.state).held.is_empty() && lock(&turns.state).waiting.is_empty());
    }

    #[test]
    fn a_helper_that_does_not_come_back_loses_its_turn_and_one_that_waits_is_late_in_time() {
        let turns = turns(1, FOR_EVER);
        let players = [(); 3].map(|()| Player::of(turns));
        drop(players[0].turn(None));
        let second = players[1].turn(None);
        assert!(second.is_ok(), "the first did not come back");
        let soon = Some(Deadline::after(Duration::from_millis(2)));
        assert!(matches!(players[2].turn(soon), Err(Lost::Late)));
        drop(second);
        assert!(players[2].turn(None).is_ok());
    }

    #[test]
    fn a_turn_that_does_not_end_keeps_nobody_out() {
        let turns = turns(1, 1_000_000);
        let players = [(); 3].map(|()| Player::of(turns));
        let endless = players[0].turn(None).ok();
        for player in &players[1..] {
            assert_eq!(player.turn(None).ok().map(|turn| turn.core), Some(0));
        }
        drop(endless);
    }

    #[test]
    fn each_that_has_a_turn_has_a_core_of_its_own() {
        let turns = turns(3, FOR_EVER);
        let players = [(); 3].map(|()| Player::of(turns));
        let turns = players.each_ref().map(|player| player.turn(None).ok());
        let mut cores: Vec<usize> = turns.iter().flatten().map(|turn| turn.core).collect();
        cores.sort_unstable();
        assert_eq!(cores, [0, 1, 2]);
        assert!(!players[0].is_crowded());
    }
}
