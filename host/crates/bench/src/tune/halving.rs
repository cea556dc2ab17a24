//! Successive halving (Jamieson and Talwalkar, 2016): a fixed time for all candidates together,
//! spent in rungs of equal length. Each rung has fewer candidates than the one before. So the worst
//! are dropped after little measuring, and the best are told apart after much.
//!
//! Within a rung the windows are short and in a new order each round, so that the drift of a shared
//! machine can be separated from the candidates' own speed ([`levels`]). The default stays to the
//! end whatever its speed, since the others are compared with it. The findings about a dropped
//! candidate are kept.
//!
//! Generic over how a window is measured. That function reports how long it took, so this file
//! reads no clock.

use std::time::Duration;

use super::{
    levels::{Observation, levels},
    trial::{Sample, Trial},
};

/// One candidate of this many goes on to the next rung.
const KEEP_ONE_OF: usize = 3;

/// The number of candidates in the last rung, besides the default.
const FINALISTS: usize = 3;

/// About how long the windows of a rung are.
const WINDOW: Duration = Duration::from_millis(400);

/// The shortest window that is worth measuring.
const LEAST_WINDOW: Duration = Duration::from_millis(20);

/// The least number of windows of a candidate in a rung: one of them may be disturbed.
const MIN_ROUNDS: usize = 2;

/// The largest number of windows of a candidate in a rung.
const MAX_ROUNDS: usize = 16;

/// The seed for the order of windows.
const SEED: u64 = 1;

/// How long the search may take, and which bound applies.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The time for the whole search.
    pub budget: Duration,
    /// The bound on the p99, in nanoseconds.
    pub bound_ns: u64,
}

/// The result of measuring a candidate.
#[derive(Debug)]
pub enum Outcome {
    /// One window's sample.
    Measured(Sample),
    /// The candidate cannot run, with the reason.
    Refused(String),
    /// Measuring was stopped; the search ends with what there is.
    Stopped,
}

/// A rung that begins, for reporting progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// The rung's number, from one.
    pub number: usize,
    /// The number of rungs.
    pub of: usize,
    /// The number of candidates in it.
    pub candidates: usize,
}

/// The findings of a search.
#[derive(Debug)]
pub struct Found {
    /// One trial for each candidate.
    pub trials: Vec<Trial>,
    /// The throughput of the default over all its windows, in frames per second.
    pub reference_per_second: f64,
    /// How long the search took, in seconds.
    pub spent: f64,
}

/// Why there are no findings.
#[derive(Debug, thiserror::Error)]
pub enum Error<E> {
    /// The default cannot be measured.
    #[error("the default settings cannot be measured: {0}")]
    Reference(String),
    /// The histogram library refuses the bounds.
    #[error("the latency histogram refuses its bounds: {0}")]
    Histogram(#[from] hdrhistogram::CreationError),
    /// Measuring failed.
    #[error(transparent)]
    Measure(E),
}

/// Searches among `candidates` candidates, of which `reference` is the default. If measuring is
/// stopped, the findings rest on what was measured until then.
///
/// # Errors
///
/// The default cannot be measured, or `measure` fails.
pub fn search<E>(
    candidates: usize,
    reference: usize,
    plan: Plan,
    mut tell: impl FnMut(Rung),
    measure: impl FnMut(usize, Duration) -> Result<Outcome, E>,
) -> Result<Found, Error<E>> {
    let mut race = Race::new(candidates, reference, plan.bound_ns, measure)?;
    let sizes = rungs(candidates);
    let mut alive: Vec<usize> = (0..candidates).collect();
    for (number, &size) in sizes.iter().enumerate() {
        if race.stopped {
            break;
        }
        if number > 0 {
            alive = race.best(&alive, size);
        }
        tell(Rung {
            number: number + 1,
            of: sizes.len(),
            candidates: alive.len(),
        });
        // Time that earlier rungs overspent is taken from the later ones.
        let left = (plan.budget.as_secs_f64() - race.spent).max(0.0);
        let rung = left / (sizes.len() - number) as f64;
        alive = race.rung(&alive, rung / alive.len().max(1) as f64)?;
    }
    race.end()
}

/// Measures all candidates for the same time, without a budget.
///
/// # Errors
///
/// As for [`search`].
pub fn exhaust<E>(
    candidates: usize,
    reference: usize,
    bound_ns: u64,
    each: Duration,
    measure: impl FnMut(usize, Duration) -> Result<Outcome, E>,
) -> Result<Found, Error<E>> {
    let mut race = Race::new(candidates, reference, bound_ns, measure)?;
    let all: Vec<usize> = (0..candidates).collect();
    race.rung(&all, each.as_secs_f64())?;
    race.end()
}

/// How many candidates each rung has; the first has all of them.
fn rungs(candidates: usize) -> Vec<usize> {
    let mut sizes = vec![candidates];
    let mut size = candidates;
    while size > FINALISTS + 1 {
        size = size.div_ceil(KEEP_ONE_OF).max(FINALISTS);
        sizes.push(size);
    }
    sizes
}

struct Race<M> {
    trials: Vec<Trial>,
    reference: usize,
    bound_ns: u64,
    measure: M,
    spent: f64,
    observations: Vec<Observation>,
    random: fastrand::Rng,
    stopped: bool,
}

impl<M> Race<M> {
    fn new<E>(
        candidates: usize,
        reference: usize,
        bound_ns: u64,
        measure: M,
    ) -> Result<Self, Error<E>>
    where
        M: FnMut(usize, Duration) -> Result<Outcome, E>,
    {
        let trials: Result<Vec<_>, _> = (0..candidates).map(|_| Trial::new()).collect();
        Ok(Self {
            trials: trials?,
            reference,
            bound_ns,
            measure,
            spent: 0.0,
            observations: Vec::new(),
            random: fastrand::Rng::with_seed(SEED),
            stopped: false,
        })
    }

    /// The best of the candidates in `alive`: at most `size`, and the default.
    ///
    /// Half are the fastest that may keep the bound; half are the fastest that did keep it. In
    /// early rungs a few frames say little about a p99. So a good candidate must not be lost to one
    /// slow frame by bad luck, nor to faster ones that break the bound. If there are too few of
    /// these, the candidates with the next lowest latency follow.
    fn best(&self, alive: &[usize], size: usize) -> Vec<usize> {
        let others: Vec<usize> = alive
            .iter()
            .copied()
            .filter(|&one| one != self.reference)
            .collect();
        let fastest = |keep: fn(&Trial) -> bool| {
            let mut list: Vec<&Trial> = Vec::new();
            let mut places: Vec<usize> = Vec::new();
            for &one in &others {
                if let Some(trial) = self.trials.get(one).filter(|trial| keep(trial)) {
                    list.push(trial);
                    places.push(one);
                }
            }
            let mut order: Vec<(f64, usize)> =
                list.iter().map(|trial| trial.ratio).zip(places).collect();
            order.sort_by(|a, b| b.0.total_cmp(&a.0));
            order.into_iter().map(|(_, place)| place)
        };
        let mut nearest: Vec<(u64, usize)> = others
            .iter()
            .filter_map(|&one| Some((self.trials.get(one)?.p99_ns()?, one)))
            .collect();
        nearest.sort_unstable();

        let (mut held, mut may) = (fastest(Trial::held), fastest(Trial::may_hold));
        let mut kept: Vec<usize> = Vec::new();
        loop {
            let two = [held.next(), may.next()];
            let before = kept.len();
            for place in two.into_iter().flatten() {
                if kept.len() < size && !kept.contains(&place) {
                    kept.push(place);
                }
            }
            if kept.len() >= size || (two == [None, None] && kept.len() == before) {
                break;
            }
        }
        for (_, place) in nearest {
            if kept.len() < size && !kept.contains(&place) {
                kept.push(place);
            }
        }
        kept.push(self.reference);
        // In the grid's order, where neighbours share graphs that are loaded already.
        kept.sort_unstable();
        kept
    }

    /// Runs one rung: `each` seconds for each candidate, in rounds. Returns the candidates still
    /// in.
    fn rung<E>(&mut self, alive: &[usize], each: f64) -> Result<Vec<usize>, Error<E>>
    where
        M: FnMut(usize, Duration) -> Result<Outcome, E>,
    {
        let rounds = (each / WINDOW.as_secs_f64()) as usize;
        let rounds = rounds.clamp(MIN_ROUNDS, MAX_ROUNDS);
        let window = Duration::try_from_secs_f64(each / rounds as f64).unwrap_or(LEAST_WINDOW);
        let window = window.max(LEAST_WINDOW);
        let mut alive = alive.to_vec();
        for _ in 0..rounds {
            if self.stopped {
                break;
            }
            self.random.shuffle(&mut alive);
            self.round(&mut alive, window)?;
        }
        self.level();
        // In the grid's order again.
        alive.sort_unstable();
        for &one in &alive {
            if let Some(trial) = self.trials.get_mut(one) {
                trial.rungs += 1;
            }
        }
        Ok(alive)
    }

    /// Measures one window of each candidate that is still in.
    fn round<E>(&mut self, alive: &mut Vec<usize>, window: Duration) -> Result<(), Error<E>>
    where
        M: FnMut(usize, Duration) -> Result<Outcome, E>,
    {
        for one in std::mem::take(alive) {
            let outcome = (self.measure)(one, window).map_err(Error::Measure)?;
            let Some(trial) = self.trials.get_mut(one) else {
                continue;
            };
            match outcome {
                Outcome::Measured(sample) => {
                    self.spent += sample.spent;
                    trial.add(&sample, self.bound_ns);
                    let log_rate = sample.frames_per_second().ln();
                    if log_rate.is_finite() {
                        self.observations.push(Observation {
                            one,
                            at: self.spent - sample.seconds / 2.0,
                            seconds: sample.seconds,
                            log_rate,
                        });
                    }
                    alive.push(one);
                }
                Outcome::Refused(reason) if one == self.reference => {
                    return Err(Error::Reference(reason));
                }
                Outcome::Refused(reason) => trial.problem = Some(reason),
                Outcome::Stopped => {
                    self.stopped = true;
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Updates the trials' throughputs from all windows so far.
    fn level(&mut self) {
        let levels = levels(self.trials.len(), &self.observations);
        let reference = levels.get(self.reference).copied().flatten();
        for (trial, level) in self.trials.iter_mut().zip(levels) {
            trial.ratio = match (level, reference) {
                (Some(level), Some(reference)) => (level - reference).exp(),
                _ => 0.0,
            };
        }
    }

    fn end<E>(self) -> Result<Found, Error<E>> {
        let reference = self.trials.get(self.reference);
        let (frames, seconds) =
            reference.map_or((0, 0.0), |trial| (trial.frames(), trial.seconds()));
        if frames == 0 && !self.stopped {
            return Err(Error::Reference("no frame of it was done".to_owned()));
        }
        Ok(Found {
            trials: self.trials,
            reference_per_second: frames as f64 / seconds.max(f64::MIN_POSITIVE),
            spent: self.spent,
        })
    }
}

#[cfg(test)]
mod tests;
