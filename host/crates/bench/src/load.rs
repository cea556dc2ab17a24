//! Schedules of arrivals, drawn from a seed, so that each run and each path gets the same one.
//!
//! Pure: it computes offsets from a start and reads no clock.

use std::time::Duration;

/// Poisson arrivals: each gap is drawn independently, so that arrivals bunch as those of
/// independent sources do.
#[derive(Clone, Debug)]
pub struct Poisson {
    random: fastrand::Rng,
    mean_gap: f64,
    at: f64,
}

impl Poisson {
    /// A schedule with `rate` arrivals per second on average. It is empty if the rate is not
    /// positive.
    pub fn new(rate: f64, seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            mean_gap: if rate > 0.0 {
                rate.recip()
            } else {
                f64::INFINITY
            },
            at: 0.0,
        }
    }
}

impl Iterator for Poisson {
    type Item = Duration;

    /// The next arrival, counted from the start of the schedule.
    fn next(&mut self) -> Option<Duration> {
        // In (0, 1], so that its logarithm is finite.
        let drawn = 1.0 - self.random.f64();
        self.at += -drawn.ln() * self.mean_gap;
        Duration::try_from_secs_f64(self.at).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_is_one_schedule() {
        let take = |seed| Poisson::new(50.0, seed).take(20).collect::<Vec<_>>();
        assert_eq!(take(1), take(1));
        assert_ne!(take(1), take(2));
        assert!(take(1).is_sorted());
    }

    #[test]
    fn gaps_have_the_mean_and_the_spread_of_poisson_arrivals() {
        let mut last = 0.0;
        let gaps: Vec<f64> = Poisson::new(1000.0, 7)
            .take(100_000)
            .map(|at| {
                let gap = at.as_secs_f64() - last;
                last = at.as_secs_f64();
                gap
            })
            .collect();
        let count = gaps.len() as f64;
        let mean = gaps.iter().sum::<f64>() / count;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / count;
        assert!((mean - 1e-3).abs() < 2e-5, "{mean}");
        // The standard deviation of an exponential distribution equals its mean.
        assert!((variance.sqrt() - mean).abs() < 5e-5, "{variance}");
        // A fraction of e^-1 of the gaps is longer than the mean.
        let longer = gaps.iter().filter(|&&gap| gap > 1e-3).count() as f64 / count;
        assert!((longer - (-1f64).exp()).abs() < 0.01, "{longer}");
    }

    #[test]
    fn no_rate_is_no_arrivals() {
        for rate in [0.0, -1.0, f64::NAN] {
            assert_eq!(Poisson::new(rate, 1).next(), None, "{rate}");
        }
    }
}
