//! The Pareto front: the candidates that no other candidate beats.
//!
//! Three figures count: throughput (higher is better), the p99 of latency (lower is better) and
//! accuracy (higher is better). Pure.

/// One candidate, with the figures that count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Frames per second.
    pub frames_per_second: f64,
    /// The p99 of latency, in nanoseconds.
    pub p99_ns: u64,
    /// Accuracy, if it is known; an unknown one counts as equal to any other.
    pub accuracy: Option<f64>,
}

impl Place {
    /// Whether it is at least as good in each figure, and better in one.
    fn beats(&self, other: &Place) -> bool {
        let (accuracy, others) = match (self.accuracy, other.accuracy) {
            (Some(accuracy), Some(others)) => (accuracy, others),
            _ => (0.0, 0.0),
        };
        let as_good = self.frames_per_second >= other.frames_per_second
            && self.p99_ns <= other.p99_ns
            && accuracy >= others;
        let better = self.frames_per_second > other.frames_per_second
            || self.p99_ns < other.p99_ns
            || accuracy > others;
        as_good && better
    }
}

/// Which candidates are on the front. One that could not be measured is not.
pub fn front(places: &[Option<Place>]) -> Vec<bool> {
    let on = |place: &Option<Place>| {
        place.is_some_and(|place| !places.iter().flatten().any(|other| other.beats(&place)))
    };
    places.iter().map(on).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(frames_per_second: f64, p99_ns: u64, accuracy: f64) -> Option<Place> {
        Some(Place {
            frames_per_second,
            p99_ns,
            accuracy: Some(accuracy),
        })
    }

    #[test]
    fn who_is_beaten_in_nothing_is_on_it() {
        let places = [
            place(100.0, 10, 1.0),
            place(90.0, 11, 1.0),
            place(200.0, 30, 1.0),
            place(200.0, 31, 1.0),
            place(250.0, 30, 0.9),
            None,
        ];
        assert_eq!(front(&places), [true, false, true, false, true, false]);
    }

    #[test]
    fn equals_are_both_on_it_and_nothing_is_on_none() {
        let twice = [place(100.0, 10, 1.0), place(100.0, 10, 1.0)];
        assert_eq!(front(&twice), [true, true]);
        assert!(front(&[]).is_empty());
        assert_eq!(front(&[None]), [false]);
    }

    #[test]
    fn what_nobody_knows_decides_nothing() {
        let mut places = [place(100.0, 10, 1.0), place(90.0, 11, 1.0)];
        places[1].as_mut().unwrap().accuracy = None;
        assert_eq!(front(&places), [true, false]);
    }
}
