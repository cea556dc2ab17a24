//! Which point of a sweep is the headline: the one with the highest goodput of those that keep up.
//!
//! A point keeps up if at most [`MOST_LOST`] of its frames were refused, late or failed. If there
//! is a bound, the bound's fraction of the done frames must also have kept it. A point that refuses
//! half of its frames may have the highest throughput, but is no useful operating point. Of the
//! paths a sandboxed one is preferred, since that is what will be run. Pure.

use crate::record::{Bound, Path, Report, SweepPoint};

/// The fraction of frames that may be refused, late or failed: one in a hundred.
pub const MOST_LOST: f64 = 0.01;

/// The index in the sweep; `None` if no point keeps up.
pub fn best(report: &Report) -> Option<usize> {
    let most = |sandboxed: bool| {
        (report.sweep.iter().enumerate())
            .filter(|(_, point)| matches!(point.path, Path::Plugin | Path::Batched) == sandboxed)
            .filter(|(_, point)| serves(point, report.bound))
            .max_by(|(_, a), (_, b)| goodput(a).total_cmp(&goodput(b)))
            .map(|(place, _)| place)
    };
    most(true).or_else(|| most(false))
}

/// Frames done per second, within the bound if there is one.
pub fn goodput(point: &SweepPoint) -> f64 {
    point.goodput_per_second.unwrap_or(point.frames_per_second)
}

/// Frames that were refused, late or failed.
pub fn lost(point: &SweepPoint) -> u64 {
    point
        .rejected
        .saturating_add(point.timed_out)
        .saturating_add(point.failed)
}

fn serves(point: &SweepPoint, bound: Option<Bound>) -> bool {
    let (done, lost) = (point.frames as f64, lost(point) as f64);
    let in_bound = match (bound, point.goodput_per_second) {
        // The rounding error is far less than one frame.
        (Some(bound), Some(goodput)) => {
            goodput * point.windows.seconds + 0.5 >= done * bound.quantile
        }
        _ => true,
    };
    point.frames > 0 && lost <= (done + lost) * MOST_LOST && in_bound
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Load, Windows};

    fn point(path: Path, frames: u64, in_bound: u64, rejected: u64) -> SweepPoint {
        SweepPoint {
            path,
            load: Load::Rate(1.0),
            of_saturation: None,
            frames_per_second: frames as f64 / 2.0,
            goodput_per_second: Some(in_bound as f64 / 2.0),
            offered_per_second: None,
            latency_ns: None,
            frames,
            failed: 0,
            rejected,
            timed_out: 0,
            cpu_ns_per_inference: None,
            memory: Default::default(),
            windows: Windows {
                seconds: 2.0,
                ..Windows::default()
            },
            stages_ns: None,
        }
    }

    fn best_of(sweep: Vec<SweepPoint>) -> Option<usize> {
        let bound = Bound {
            quantile: 0.99,
            latency_ns: 1,
        };
        let report: Report =
            serde_json::from_str(include_str!("../../../../tests/reports/sample.json")).unwrap();
        best(&Report {
            sweep,
            bound: Some(bound),
            ..report
        })
    }

    #[test]
    fn a_point_that_refuses_or_is_late_is_not_told_first() {
        let plugin = Path::Plugin;
        let points = vec![
            point(plugin, 1000, 1000, 0),
            point(plugin, 2000, 1990, 15),
            point(plugin, 3000, 3000, 11_539),
            point(plugin, 4000, 3000, 0),
            point(Path::Native, 9000, 9000, 0),
        ];
        assert_eq!(best_of(points), Some(1));
        assert_eq!(best_of(vec![point(Path::Native, 9, 9, 0)]), Some(0));
        assert_eq!(best_of(vec![point(plugin, 9, 9, 9)]), None);
        assert_eq!(best_of(vec![point(plugin, 0, 0, 0)]), None);
    }
}
