//! Latency against throughput: the sweep with its bound and its best or chosen point.

use maud::{Markup, html};

use super::{
    axis::Axis,
    part,
    plot::{Bound, Look, Plot, Point, Series},
    role::Role,
};
use crate::record::{self, Chosen, Load, Percentiles, Report, SweepPoint};
use crate::units::page::{number, quantile, round_time, size, time};

/// A percentile, with its name.
type Quantile = (&'static str, fn(&Percentiles) -> Option<u64>);

/// From the most telling one to the one that needs the fewest frames.
const QUANTILES: [Quantile; 3] = [
    ("p99", |latency| latency.p99),
    ("p90", |latency| latency.p90),
    ("p50", |latency| latency.p50),
];

/// The section; `None` without a sweep.
pub(super) fn section(report: &Report) -> Option<Markup> {
    let (name, value) = *quantile_of(&report.sweep)?;
    let drawn = plot(report, name, value);
    let without = (report.sweep.iter())
        .filter(|point| point.latency_ns.as_ref().and_then(value).is_none())
        .count();
    let body = html! {
        @if let Some(plot) = drawn { (plot.markup()) }
        @if without > 0 {
            p.muted {
                (part::count(without as u64, "point")) " left out of the drawing: too few frames for a "
                (name) "."
            }
        }
        @if let Some(chosen) = &report.chosen { (verdict(chosen)) }
        details {
            summary { "All points of the sweep" }
            (table(&report.sweep))
        }
    };
    let says = "Down is sooner, right is more. More load moves a path to the right until it is \
                saturated, and then only up.";
    Some(part::section(
        "sweet-spot",
        "Latency against throughput",
        says,
        &body,
    ))
}

/// The highest percentile that most points have.
fn quantile_of(points: &[SweepPoint]) -> Option<&'static Quantile> {
    let have = |quantile: &Quantile| {
        (points.iter())
            .filter(|point| point.latency_ns.as_ref().and_then(quantile.1).is_some())
            .count()
    };
    let most = QUANTILES.iter().map(have).max().filter(|most| *most > 0)?;
    QUANTILES.iter().find(|quantile| have(quantile) * 2 >= most)
}

/// The line for a bound.
pub(super) fn bound(bound: Option<record::Bound>) -> Option<Bound> {
    bound.map(|bound| Bound {
        y: bound.latency_ns as f64,
        label: format!(
            "the bound: {} at {}",
            round_time(bound.latency_ns as f64),
            quantile(bound.quantile)
        ),
    })
}

fn plot(report: &Report, name: &str, value: fn(&Percentiles) -> Option<u64>) -> Option<Plot> {
    let loads = [("", false), (" at a rate", true)];
    let series: Vec<_> = part::PATHS
        .into_iter()
        .flat_map(|path| loads.map(|(suffix, at_a_rate)| (path, suffix, at_a_rate)))
        .filter_map(|(path, suffix, at_a_rate)| {
            let of = |point: &&SweepPoint| {
                point.path == path && matches!(point.load, Load::Rate(_)) == at_a_rate
            };
            let points: Vec<_> = (report.sweep.iter().filter(of))
                .filter_map(|point| {
                    Some(Point {
                        x: point.frames_per_second,
                        y: value(point.latency_ns.as_ref()?)? as f64,
                        label: part::load(point.load),
                        chosen: is_told(report, point),
                    })
                })
                .collect();
            (!points.is_empty()).then(|| Series {
                name: format!("{}{suffix}", part::path(path)),
                role: Role::of(path),
                look: if at_a_rate {
                    Look::Hollow
                } else {
                    Look::Joined
                },
                points,
            })
        })
        .collect();
    let bound = bound(report.bound);
    let all = || series.iter().flat_map(|series| &series.points);
    let ys = all()
        .map(|point| point.y)
        .chain(bound.iter().map(|bound| bound.y));
    Some(Plot {
        says: format!("{name} latency against throughput, by path and load"),
        x: Axis::log("throughput, frames/s", all().map(|point| point.x), number)?,
        y: Axis::log(&format!("{name} latency"), ys, round_time)?,
        series,
        bound,
        label_on_phones: false,
    })
}

/// Whether it is the chosen point or, if none was chosen, the best one.
fn is_told(report: &Report, point: &SweepPoint) -> bool {
    let (path, load) = match (
        &report.chosen,
        report.best.and_then(|at| report.sweep.get(at)),
    ) {
        (Some(chosen), _) => (chosen.path, chosen.load),
        (None, Some(best)) => (best.path, Some(best.load)),
        (None, None) => return false,
    };
    path == point.path && load == Some(point.load)
}

fn verdict(chosen: &Chosen) -> Markup {
    let load = chosen.load.map(part::load);
    let figures = [
        Some(part::path(chosen.path).to_owned()),
        load,
        (chosen.frames_per_second).map(|rate| format!("{} frames/s", number(rate))),
        chosen.p99_ns.map(|p99| format!("p99 {}", time(p99 as f64))),
    ];
    let figures: Vec<_> = figures.into_iter().flatten().collect();
    html! {
        p.chosen { strong { "The sweet spot: " } (figures.join(", ")) ". " (chosen.why) }
    }
}

fn table(points: &[SweepPoint]) -> Markup {
    let rows: Vec<_> = points
        .iter()
        .map(|point| {
            let latency = point.latency_ns.unwrap_or_default();
            let shown = |value: Option<u64>| part::known(value, |value| time(value as f64));
            vec![
                format!("{}, {}", part::path(point.path), part::load(point.load)),
                number(point.frames_per_second),
                part::known(point.goodput_per_second, number),
                shown(latency.p50),
                shown(latency.p90),
                shown(latency.p99),
                number((point.rejected + point.timed_out) as f64),
                part::known(point.memory.resident_bytes, size),
                part::windows(&point.windows),
            ]
        })
        .collect();
    part::table(
        &[
            "path, load",
            "frames/s",
            "within the bound",
            "p50",
            "p90",
            "p99",
            "refused or late",
            "memory",
            "windows",
        ],
        &rows,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Memory, Path, Windows};

    fn point(p99: Option<u64>, p50: Option<u64>) -> SweepPoint {
        SweepPoint {
            path: Path::Plugin,
            load: Load::Concurrency(1),
            of_saturation: None,
            frames_per_second: 10.0,
            goodput_per_second: None,
            offered_per_second: None,
            latency_ns: Some(Percentiles {
                p50,
                p99,
                ..Percentiles::default()
            }),
            frames: 1,
            failed: 0,
            rejected: 0,
            timed_out: 0,
            cpu_ns_per_inference: None,
            memory: Memory::default(),
            windows: Windows::default(),
            stages_ns: None,
        }
    }

    #[test]
    fn the_percentile_is_one_that_the_points_can_carry() {
        let name = |points: &[SweepPoint]| quantile_of(points).map(|quantile| quantile.0);
        assert_eq!(name(&[]), None);
        assert_eq!(name(&[point(None, None)]), None);
        assert_eq!(name(&[point(Some(9), Some(5))]), Some("p99"));
        let few = [
            point(Some(9), Some(5)),
            point(None, Some(5)),
            point(None, Some(5)),
        ];
        assert_eq!(name(&few), Some("p50"));
    }
}
