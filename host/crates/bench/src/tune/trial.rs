//! The measurements of one candidate: its windows, added up. Pure.

use hdrhistogram::Histogram;

/// The longest latency that is told apart from longer ones: an hour, in nanoseconds.
const LONGEST_NS: u64 = 3600 * 1_000_000_000;

/// Significant decimal digits of a latency.
const DIGITS: u8 = 3;

/// The quantile that is compared with the bound.
pub const QUANTILE: f64 = 0.99;

/// The result of one window.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// The latency of each frame that was done, in nanoseconds.
    pub latencies_ns: Vec<u64>,
    /// Frames that failed.
    pub failed: u64,
    /// From the start of the first frame to the end of the last, in seconds.
    pub seconds: f64,
    /// All the time that the window took, in seconds, with loading and warm-up.
    pub spent: f64,
    /// Inferences that were done.
    pub inferences: u64,
    /// The energy that the machine used in the window, in joules; `None` if it is not counted.
    pub joules: Option<f64>,
}

impl Sample {
    /// Frames that were done, per second.
    pub fn frames_per_second(&self) -> f64 {
        if self.seconds > 0.0 {
            self.latencies_ns.len() as f64 / self.seconds
        } else {
            0.0
        }
    }
}

/// The windows of one candidate.
#[derive(Clone, Debug)]
pub struct Trial {
    latency: Histogram<u64>,
    frames: u64,
    over: u64,
    failed: u64,
    seconds: f64,
    /// The energy of the windows where it was counted, and the inferences of these windows.
    energy: (f64, u64),
    /// Its throughput as a multiple of the default's, with the machine's drift removed; zero if no
    /// frame was done.
    pub ratio: f64,
    /// Why it cannot be measured; `None` as long as it can.
    pub problem: Option<String>,
    /// The number of rungs in which it was measured.
    pub rungs: usize,
}

impl Trial {
    /// A trial without windows.
    ///
    /// # Errors
    ///
    /// The histogram's constructor can fail, but not for these bounds.
    pub fn new() -> Result<Self, hdrhistogram::CreationError> {
        Ok(Self {
            latency: Histogram::new_with_bounds(1, LONGEST_NS, DIGITS)?,
            frames: 0,
            over: 0,
            failed: 0,
            seconds: 0.0,
            energy: (0.0, 0),
            ratio: 0.0,
            problem: None,
            rungs: 0,
        })
    }

    /// Adds a window.
    pub fn add(&mut self, sample: &Sample, bound_ns: u64) {
        for &latency in &sample.latencies_ns {
            self.latency.saturating_record(latency);
            self.over += u64::from(latency > bound_ns);
        }
        self.frames += sample.latencies_ns.len() as u64;
        self.failed += sample.failed;
        self.seconds += sample.seconds;
        if let Some(joules) = sample.joules {
            self.energy.0 += joules;
            self.energy.1 += sample.inferences;
        }
    }

    /// Frames that were done.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Frames that failed.
    pub fn failed(&self) -> u64 {
        self.failed
    }

    /// The length of all its windows together.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// The energy of one inference; `None` if it was not counted.
    pub fn joules_per_inference(&self) -> Option<f64> {
        let (joules, inferences) = self.energy;
        (inferences > 0).then(|| joules / inferences as f64)
    }

    /// The histogram of its latencies.
    pub fn latency(&self) -> &Histogram<u64> {
        &self.latency
    }

    /// The p99 of the observed frames, however few there were; `None` without any.
    pub fn p99_ns(&self) -> Option<u64> {
        (self.frames > 0).then(|| self.latency.value_at_quantile(QUANTILE))
    }

    /// Whether the observed frames kept the bound: at most one in a hundred was over it, and none
    /// failed.
    pub fn held(&self) -> bool {
        self.problem.is_none()
            && self.failed == 0
            && self.frames > 0
            && self.over as f64 <= self.frames as f64 * (1.0 - QUANTILE)
    }

    /// Whether settings that keep the bound could have given these frames by bad luck, with a
    /// chance of at least one in a hundred.
    pub fn may_hold(&self) -> bool {
        self.problem.is_none()
            && self.failed == 0
            && self.frames > 0
            && chance(self.frames, self.over) >= 0.01
    }
}

/// The chance that at least `over` of `frames` frames are over the bound, if each is with a chance
/// of one in a hundred.
fn chance(frames: u64, over: u64) -> f64 {
    let (p, q) = (1.0 - QUANTILE, QUANTILE);
    let mean = frames as f64 * p;
    if over == 0 {
        return 1.0;
    }
    if mean > 50.0 {
        // Near enough to the normal distribution: the chance at three standard deviations is far
        // below any that is asked for.
        let z = (over as f64 - 0.5 - mean) / (mean * q).sqrt();
        return if z > 2.33 { 0.0 } else { 1.0 };
    }
    // One less the chances of 0, 1, … over - 1, each computed from the one before.
    let mut term = q.powf(frames as f64);
    let mut below = 0.0;
    for k in 0..over {
        below += term;
        if below >= 1.0 {
            return 0.0;
        }
        let (k, n) = (k as f64, frames as f64);
        term *= (n - k) / (k + 1.0) * (p / q);
    }
    1.0 - below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(latencies: &[u64], seconds: f64) -> Sample {
        Sample {
            latencies_ns: latencies.to_vec(),
            seconds,
            spent: seconds,
            ..Sample::default()
        }
    }

    #[test]
    fn a_few_slow_frames_are_bad_luck_and_many_are_not() {
        let trial = |fast: usize, slow: usize| {
            let mut trial = Trial::new().unwrap();
            let mut latencies = vec![10; fast];
            latencies.extend(vec![1000; slow]);
            trial.add(&sample(&latencies, 1.0), 100);
            trial
        };
        let one = trial(30, 1);
        assert!(!one.held() && one.may_hold());
        let many = trial(30, 5);
        assert!(!many.held() && !many.may_hold());
        assert!(trial(990, 10).held());
        assert!(!trial(20_000, 300).may_hold() && trial(20_000, 215).may_hold());
        assert!(!Trial::new().unwrap().may_hold(), "nothing is known");
    }

    #[test]
    fn what_fails_does_not_hold() {
        let mut trial = Trial::new().unwrap();
        trial.add(
            &Sample {
                failed: 1,
                ..sample(&[10; 500], 1.0)
            },
            100,
        );
        assert!(!trial.held() && !trial.may_hold());
    }

    #[test]
    fn energy_is_that_of_the_windows_in_which_it_was_counted() {
        let mut trial = Trial::new().unwrap();
        assert_eq!(trial.joules_per_inference(), None);
        for (inferences, joules) in [(30, Some(6.0)), (1000, None), (10, Some(2.0))] {
            let window = Sample {
                inferences,
                joules,
                ..sample(&[10], 1.0)
            };
            trial.add(&window, 100);
        }
        assert_eq!(trial.joules_per_inference(), Some(0.2));
    }

    #[test]
    fn chances_are_the_binomials() {
        assert_eq!(chance(100, 0), 1.0);
        assert!((chance(100, 1) - (1.0 - 0.99f64.powi(100))).abs() < 1e-9);
        assert!((chance(10, 10) - 1e-20).abs() < 1e-9);
        assert!(chance(1000, 10) > 0.5 && chance(1000, 30) < 1e-5);
    }
}
