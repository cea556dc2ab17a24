//! Which candidate is recommended, and why: the one with the highest throughput of those that keep
//! the bound and are accurate enough.
//!
//! Candidates that were measured longest come first. Of those that were dropped early too little is
//! known, so one of them is recommended only if no better known one keeps the bound. Differences
//! below `TIE` count as equal: the default is then preferred, which needs no reason, and after it
//! the lowest p99. Pure.

use tollgate_report::units::{percent, rate, time};

/// Throughputs closer than this count as equal, as a fraction.
const TIE: f64 = 0.02;

/// What is required of the settings.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// The bound on the p99, in nanoseconds.
    pub bound_ns: u64,
    /// The smallest fraction of frames that must be right; `None` where that does not matter.
    pub accuracy: Option<f64>,
}

/// One candidate, with what the choice depends on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Point {
    /// Frames per second.
    pub frames_per_second: f64,
    /// The observed p99 of latency in nanoseconds; `None` if it was never measured.
    pub p99_ns: Option<u64>,
    /// Whether it kept the bound.
    pub held: bool,
    /// The fraction of frames that were right; `None` if it is unknown.
    pub accuracy: Option<f64>,
    /// The number of rungs of the search in which it was measured.
    pub rungs: usize,
}

/// The result of the choice.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// A candidate is recommended.
    Found {
        /// Its index.
        winner: usize,
        /// Why it is recommended.
        why: String,
    },
    /// No candidate meets the requirements.
    Nothing {
        /// The index of the nearest one; `None` if nothing could be measured.
        nearest: Option<usize>,
        /// Why that one is not good enough.
        why: Unmet,
    },
}

/// Why no candidate meets the requirements.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Unmet {
    /// There is nothing to choose from.
    #[error("nothing could be measured")]
    Unmeasured,
    /// All candidates are too slow.
    #[error(
        "no settings keep a p99 of {}: the nearest take {} at {}",
        time(*bound_ns as f64),
        longer(*p99_ns),
        rate(*frames_per_second)
    )]
    TooSlow {
        /// The bound on the p99, in nanoseconds.
        bound_ns: u64,
        /// The p99 of the nearest candidate, in nanoseconds.
        p99_ns: Option<u64>,
        /// The throughput of the nearest candidate.
        frames_per_second: f64,
    },
    /// All candidates are wrong too often.
    #[error(
        "no variant gets {} of the frames right: the most accurate gets {}",
        percent(*asked),
        percent(*most)
    )]
    Inaccurate {
        /// The smallest fraction of frames that must be right.
        asked: f64,
        /// The fraction of frames that the most accurate candidate gets right.
        most: f64,
    },
    /// It is not known of any candidate how many frames it gets right.
    #[error("nobody knows whether any variant gets {} of the frames right", percent(*asked))]
    NoTruth {
        /// The smallest fraction of frames that must be right.
        asked: f64,
    },
}

fn longer(p99_ns: Option<u64>) -> String {
    p99_ns.map_or_else(|| "longer".to_owned(), |ns| time(ns as f64))
}

/// Chooses among the candidates; `reference` is the index of the default.
pub fn choose(points: &[Point], reference: usize, ask: &Ask) -> Choice {
    let accurate: Vec<(usize, &Point)> = points
        .iter()
        .enumerate()
        .filter(|(_, point)| ask.allows(point))
        .collect();
    if accurate.is_empty() {
        return nothing_accurate(points, ask);
    }
    let held = || accurate.iter().filter(|(_, point)| point.held);
    let Some(rungs) = longest_known(held(), reference) else {
        return nothing_in_time(&accurate, ask);
    };
    let known: Vec<&(usize, &Point)> = held().filter(|(_, point)| point.rungs >= rungs).collect();
    let fastest = known
        .iter()
        .map(|(_, point)| point.frames_per_second)
        .fold(0.0, f64::max);
    let tied = known
        .iter()
        .filter(|(_, point)| point.frames_per_second >= fastest * (1.0 - TIE));
    let best = tied.min_by_key(|(place, point)| (*place != reference, point.p99_ns, *place));
    match best {
        Some(&&(winner, point)) => Choice::Found {
            winner,
            why: reason(point, winner == reference, points.get(reference), ask),
        },
        None => nothing_in_time(&accurate, ask),
    }
}

impl Ask {
    /// Whether a candidate is accurate enough.
    pub fn allows(&self, point: &Point) -> bool {
        point.p99_ns.is_some()
            && match (self.accuracy, point.accuracy) {
                (None, _) => true,
                (Some(asked), Some(accuracy)) => accuracy >= asked,
                (Some(_), None) => false,
            }
    }
}

/// The largest number of rungs of any candidate other than the default; the default's own number if
/// it is alone.
fn longest_known<'a>(
    held: impl Iterator<Item = &'a (usize, &'a Point)>,
    reference: usize,
) -> Option<usize> {
    let (mut others, mut default) = (None, None);
    for (place, point) in held {
        let rungs = if *place == reference {
            &mut default
        } else {
            &mut others
        };
        *rungs = (*rungs).max(Some(point.rungs));
    }
    others.or(default)
}

fn reason(point: &Point, is_default: bool, default: Option<&Point>, ask: &Ask) -> String {
    let mut why = format!(
        "{} at a p99 of {}, within {}",
        rate(point.frames_per_second),
        point.p99_ns.map_or_else(String::new, |ns| time(ns as f64)),
        time(ask.bound_ns as f64),
    );
    if let (Some(accuracy), Some(asked)) = (point.accuracy, ask.accuracy) {
        why.push_str(&format!(
            ", with {} of the frames right where {} were asked for",
            percent(accuracy),
            percent(asked)
        ));
    }
    why.push_str("; ");
    match default {
        _ if is_default => why.push_str(&format!(
            "these are the default settings, and no others are more than {} faster",
            percent(TIE)
        )),
        Some(default) if default.frames_per_second > 0.0 => {
            why.push_str(&format!(
                "{:.2} x the {} of the default settings",
                point.frames_per_second / default.frames_per_second,
                rate(default.frames_per_second),
            ));
            if !default.held {
                why.push_str(", which do not keep the bound");
            } else if !ask.allows(default) {
                why.push_str(", which are not as accurate as was asked");
            }
        }
        _ => why.push_str("the default settings could not be measured"),
    }
    why
}

/// All candidates are too slow.
fn nothing_in_time(accurate: &[(usize, &Point)], ask: &Ask) -> Choice {
    let nearest = accurate
        .iter()
        .min_by_key(|(_, point)| point.p99_ns.unwrap_or(u64::MAX));
    let Some((place, point)) = nearest else {
        return Choice::Nothing {
            nearest: None,
            why: Unmet::Unmeasured,
        };
    };
    Choice::Nothing {
        nearest: Some(*place),
        why: Unmet::TooSlow {
            bound_ns: ask.bound_ns,
            p99_ns: point.p99_ns,
            frames_per_second: point.frames_per_second,
        },
    }
}

/// All candidates are wrong too often.
fn nothing_accurate(points: &[Point], ask: &Ask) -> Choice {
    let measured = points
        .iter()
        .enumerate()
        .filter(|(_, point)| point.p99_ns.is_some());
    let nearest = measured.max_by(|(_, a), (_, b)| {
        let of = |point: &Point| (point.accuracy.unwrap_or(0.0), point.frames_per_second);
        let (a, b) = (of(a), of(b));
        a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
    });
    let asked = ask.accuracy.unwrap_or(0.0);
    let why = match nearest.and_then(|(_, point)| point.accuracy) {
        Some(most) => Unmet::Inaccurate { asked, most },
        None => Unmet::NoTruth { asked },
    };
    Choice::Nothing {
        nearest: nearest.map(|(place, _)| place),
        why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASK: Ask = Ask {
        bound_ns: 20_000_000,
        accuracy: None,
    };

    fn point(frames_per_second: f64, p99_ms: u64, rungs: usize) -> Point {
        Point {
            frames_per_second,
            p99_ns: Some(p99_ms * 1_000_000),
            held: p99_ms <= 20,
            accuracy: None,
            rungs,
        }
    }

    fn winner(points: &[Point], ask: &Ask) -> usize {
        match choose(points, 0, ask) {
            Choice::Found { winner, .. } => winner,
            Choice::Nothing { why, .. } => panic!("{why}"),
        }
    }

    #[test]
    fn the_fastest_within_the_bound_wins() {
        let points = [
            point(100.0, 10, 3),
            point(180.0, 18, 3),
            point(400.0, 30, 3),
            point(300.0, 15, 1),
        ];
        assert_eq!(winner(&points, &ASK), 1);
        let Choice::Found { why, .. } = choose(&points, 0, &ASK) else {
            panic!("nothing")
        };
        assert_eq!(
            why,
            "180 frames/s at a p99 of 18.00 ms, within 20.00 ms; 1.80 x the 100 frames/s of the default settings"
        );
        // A dropped candidate counts if no kept one keeps the bound.
        assert_eq!(winner(&[points[0], points[2], points[3]], &ASK), 2);
    }

    #[test]
    fn ties_go_to_the_default_and_then_to_the_lowest_p99() {
        let faster = [point(100.0, 10, 2), point(101.5, 5, 2)];
        assert_eq!(winner(&faster, &ASK), 0);
        let tied = [point(50.0, 10, 2), point(100.0, 9, 2), point(99.0, 5, 2)];
        assert_eq!(winner(&tied, &ASK), 2);
    }

    #[test]
    fn what_is_not_accurate_enough_or_unknown_does_not_win() {
        let ask = Ask {
            accuracy: Some(0.97),
            ..ASK
        };
        let with = |point: Point, accuracy| Point { accuracy, ..point };
        let points = [
            with(point(100.0, 10, 2), Some(0.98)),
            with(point(200.0, 10, 2), Some(0.96)),
            with(point(300.0, 10, 2), None),
        ];
        assert_eq!(winner(&points, &ask), 0);
        let Choice::Nothing { nearest, why } = choose(&points[1..], 0, &ask) else {
            panic!("found")
        };
        assert_eq!(nearest, Some(0));
        let why = why.to_string();
        assert!(why.ends_with("the most accurate gets 96 %"), "{why}");
    }

    #[test]
    fn an_impossible_bound_gets_the_nearest() {
        let points = [point(100.0, 40, 2), point(80.0, 30, 2)];
        let Choice::Nothing { nearest, why } = choose(&points, 0, &ASK) else {
            panic!("found")
        };
        assert_eq!(nearest, Some(1));
        let why = why.to_string();
        assert!(
            why.ends_with("the nearest take 30.00 ms at 80.0 frames/s"),
            "{why}"
        );
        assert!(matches!(
            choose(&[Point::default()], 0, &ASK),
            Choice::Nothing { nearest: None, .. }
        ));
    }
}
