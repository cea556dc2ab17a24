//! The one rule for percentiles, and how what was measured in rounds is told with its spread.
//!
//! A percentile is the nearest rank: the smallest number that at least this share of all numbers does not
//! exceed, as HDR histograms have it. One is told if at least [`BEYOND`] samples lie beyond it: 20 samples
//! for the median, 100 for the p90, 1,000 for the p99, 10,000 for the p99.9. With fewer, one odd sample moves
//! it, and comparing two runs would compare luck. MLPerf requires far more samples, for its margin of error at
//! 99 % confidence. That takes minutes; this project should answer in seconds.
//!
//! ```
//! use tollgate_stats::{Rounds, needed, quantile};
//!
//! let microseconds = [12.0, 10.0, 11.0, 90.0];
//! assert_eq!(quantile(microseconds, 0.5), Some(11.0));
//! assert_eq!(needed(0.99), 1000);
//!
//! // Two programs in turns: each round has one number of either.
//! let rounds = Rounds::ratios([4.0, 6.0, 9.0], [2.0, 2.0, 3.0]).unwrap();
//! assert_eq!((rounds.median, rounds.middle), (3.0, [2.0, 3.0]));
//! ```

/// The number of samples that must lie beyond a percentile.
pub const BEYOND: f64 = 10.0;

/// The number of samples that the percentile of this share, between 0 and 1, needs.
pub fn needed(share: f64) -> u64 {
    let beyond = (1.0 - share).clamp(1e-9, 1.0);
    // The rounding error of `1 - share` must not add a sample.
    (BEYOND / beyond - 1e-6).ceil() as u64
}

/// The smallest of these numbers that at least this share of them, between 0 and 1, does not exceed; none
/// of no numbers.
pub fn quantile(numbers: impl IntoIterator<Item = f64>, share: f64) -> Option<f64> {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_by(f64::total_cmp);
    // As in `needed`: half of 10 is the fifth, not the sixth for a rounding error.
    let rank = (share * numbers.len() as f64 - 1e-6).ceil() as usize;
    numbers.get(rank.saturating_sub(1)).copied()
}

/// One figure over several rounds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rounds {
    /// The median.
    pub median: f64,
    /// The middle half of the rounds: from the first to the third quartile.
    pub middle: [f64; 2],
}

impl Rounds {
    /// Of one number for each round; none without a round.
    pub fn of(numbers: impl IntoIterator<Item = f64>) -> Option<Self> {
        let numbers: Vec<f64> = numbers.into_iter().collect();
        let at = |share| quantile(numbers.iter().copied(), share);
        Some(Self {
            median: at(0.5)?,
            middle: [at(0.25)?, at(0.75)?],
        })
    }

    /// Of the ratio within each round: numbers that were measured beside each other are divided by each other,
    /// so that a machine that changes its speed from one round to the next does not count.
    pub fn ratios(
        numbers: impl IntoIterator<Item = f64>,
        to: impl IntoIterator<Item = f64>,
    ) -> Option<Self> {
        Self::of(numbers.into_iter().zip(to).map(|(one, other)| one / other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_samples_must_lie_beyond() {
        assert_eq!([0.5, 0.9, 0.99, 0.999].map(needed), [20, 100, 1000, 10_000]);
    }

    #[test]
    fn a_quantile_is_the_nearest_rank() {
        let ten = || (1..=10).map(f64::from);
        let at = |share| quantile(ten(), share);
        assert_eq!(
            [0.0, 0.1, 0.5, 0.51].map(at),
            [1.0, 1.0, 5.0, 6.0].map(Some)
        );
        assert_eq!([0.9, 1.0].map(at), [9.0, 10.0].map(Some));
        assert_eq!(quantile([], 0.5), None);
    }

    #[test]
    fn ratios_are_of_one_round() {
        // The machine was twice as slow in the second round, for both.
        let rounds = Rounds::ratios([3.0, 6.0, 3.0], [1.0, 2.0, 1.0]);
        let expected = Rounds {
            median: 3.0,
            middle: [3.0, 3.0],
        };
        assert_eq!(rounds, Some(expected));
        assert_eq!(Rounds::of([]), None);
    }
}
