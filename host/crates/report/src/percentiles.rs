//! Percentiles, and the rule for how many samples each one needs.
//!
//! A quantile is reported if at least [`BEYOND`] samples lie beyond it: 20 samples for the median,
//! 100 for the p90, 1,000 for the p99, 10,000 for the p99.9. With fewer, one odd sample moves it,
//! and comparing two runs would compare luck. MLPerf requires far more samples, for its margin of
//! error at 99 % confidence. That takes minutes; this tool should answer in seconds.

use hdrhistogram::Histogram;

use crate::record::Percentiles;

/// The number of samples that must lie beyond a quantile.
pub const BEYOND: f64 = 10.0;

/// The number of samples that a quantile needs.
pub fn needed(quantile: f64) -> u64 {
    let beyond = (1.0 - quantile).clamp(1e-9, 1.0);
    // The rounding error of `1 - quantile` must not add a sample.
    (BEYOND / beyond - 1e-6).ceil() as u64
}

/// The percentiles of a histogram of nanoseconds that its count is enough for; `None` if it is
/// empty.
pub fn of(histogram: &Histogram<u64>) -> Option<Percentiles> {
    let count = histogram.len();
    let at = |quantile| (count >= needed(quantile)).then(|| histogram.value_at_quantile(quantile));
    (count > 0).then(|| Percentiles {
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        p999: at(0.999),
        min: histogram.min(),
        max: histogram.max(),
        mean: histogram.mean().round(),
        count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_samples_must_lie_beyond() {
        assert_eq!([0.5, 0.9, 0.99, 0.999].map(needed), [20, 100, 1000, 10_000]);
    }

    #[test]
    fn what_the_count_cannot_carry_is_not_told() {
        let mut histogram = Histogram::<u64>::new_with_bounds(1, 1_000_000, 3).unwrap();
        assert_eq!(of(&histogram), None);
        for value in 1..=999 {
            histogram.record(value).unwrap();
        }
        let few = of(&histogram).unwrap();
        assert!((few.p50, few.p90) == (Some(500), Some(900)), "{few:?}");
        assert_eq!((few.p99, few.p999), (None, None));
        assert_eq!((few.min, few.max, few.count), (1, 999, 999));
        histogram.record(1000).unwrap();
        assert_eq!(of(&histogram).unwrap().p99, Some(990));
    }
}
