//! The percentiles of a histogram, as far as its count can carry them.

use hdrhistogram::Histogram;
use tollgate_stats::needed;

use crate::record::Percentiles;

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
