//! When to stop: windows are taken until the last three agree.
//!
//! One number of each window is compared: the throughput of a closed loop, or the median latency of
//! scheduled arrivals. Pure: it reads no clock.

use super::record::Windows;

/// The number of windows that must agree.
pub const AGREEING: usize = 3;

/// One window, as the rule needs it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// The number that is compared.
    pub value: f64,
    /// The number of its samples.
    pub samples: u64,
    /// Its length in seconds.
    pub seconds: f64,
}

/// What the rule decides about the windows so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Take another window.
    More,
    /// Stop. The figures are taken from the last windows, of which this is the number.
    Done(usize),
}

/// The stopping rule.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// How far apart the last three may be, as a fraction of the largest.
    pub tolerance: f64,
    /// How many samples the counted windows must have together.
    pub samples: u64,
    /// The largest number of windows.
    pub max_windows: usize,
}

impl Rule {
    /// Decides whether these windows are enough.
    pub fn judge(&self, windows: &[Window]) -> Verdict {
        let carried = self.carried(windows);
        if self.agreed(windows)
            && let Some(count) = carried
        {
            return Verdict::Done(count.max(AGREEING));
        }
        if windows.len() >= self.max_windows {
            return Verdict::Done(windows.len());
        }
        Verdict::More
    }

    /// How far apart the last three are; `None` with fewer than three.
    fn spread(windows: &[Window]) -> Option<f64> {
        let last = windows.last_chunk::<AGREEING>()?;
        let values = last.map(|window| window.value);
        let largest = values.into_iter().fold(f64::MIN, f64::max);
        let least = values.into_iter().fold(f64::MAX, f64::min);
        (largest > 0.0).then(|| (largest - least) / largest)
    }

    fn agreed(&self, windows: &[Window]) -> bool {
        Self::spread(windows).is_some_and(|spread| spread <= self.tolerance)
    }

    /// The smallest number of last windows that have enough samples together.
    fn carried(&self, windows: &[Window]) -> Option<usize> {
        let mut samples = 0u64;
        let mut count = 0;
        for window in windows.iter().rev() {
            samples = samples.saturating_add(window.samples);
            count += 1;
            if samples >= self.samples {
                return Some(count);
            }
        }
        None
    }

    /// How a report describes these windows when the last `counted` count.
    pub fn record(&self, windows: &[Window], counted: usize) -> Windows {
        let counting = windows.iter().rev().take(counted);
        Windows {
            taken: u32::try_from(windows.len()).unwrap_or(u32::MAX),
            counted: u32::try_from(counted.min(windows.len())).unwrap_or(u32::MAX),
            seconds: counting.map(|window| window.seconds).sum(),
            agreed: self.agreed(windows),
            tolerance: self.tolerance,
            spread: Self::spread(windows),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule {
        tolerance: 0.05,
        samples: 100,
        max_windows: 6,
    };

    fn windows(values: &[f64], samples: u64) -> Vec<Window> {
        let window = |&value: &f64| Window {
            value,
            samples,
            seconds: 0.5,
        };
        values.iter().map(window).collect()
    }

    #[test]
    fn three_in_a_row_must_agree() {
        let judge = |values: &[f64]| RULE.judge(&windows(values, 50));
        assert_eq!(judge(&[]), Verdict::More);
        assert_eq!(judge(&[100.0, 100.0]), Verdict::More);
        assert_eq!(judge(&[90.0, 100.0, 100.0]), Verdict::More);
        assert_eq!(judge(&[90.0, 100.0, 96.0, 97.0]), Verdict::Done(3));
        assert_eq!(
            judge(&[0.0, 0.0, 0.0]),
            Verdict::More,
            "nothing done is no agreement"
        );
    }

    #[test]
    fn at_the_most_windows_all_count_and_the_record_says_that_they_differ() {
        let apart = windows(&[10.0, 20.0, 30.0, 10.0, 20.0, 30.0], 50);
        assert_eq!(RULE.judge(&apart), Verdict::Done(6));
        let record = RULE.record(&apart, 6);
        assert!(!record.agreed && record.taken == 6 && record.counted == 6);
        assert_eq!((record.seconds, record.spread), (3.0, Some(20.0 / 30.0)));
    }

    #[test]
    fn too_few_samples_take_more_windows() {
        let mut few = windows(&[100.0; 3], 25);
        assert_eq!(RULE.judge(&few), Verdict::More);
        few.extend(windows(&[100.0], 25));
        assert_eq!(RULE.judge(&few), Verdict::Done(4));
        let record = RULE.record(&few, 4);
        assert!(record.agreed && record.counted == 4);
    }
}
