//! Latency by percentile, and the figures of each scenario.

use maud::{Markup, html};

use super::{
    axis::Axis,
    part,
    plot::{Bound, Look, Plot, Point, Series},
    role::Role,
};
use crate::record::{Percentiles, Report, Scenario, ScenarioResult};
use crate::units::page::{energy, number, quantile, round_time, time};

/// The percentiles that reports have.
const NAMES: [&str; 5] = ["p50", "p90", "p99", "p99.9", "max"];

/// The section; `None` if nothing was measured.
pub(super) fn section(report: &Report) -> Option<Markup> {
    if report.results.is_empty() {
        return None;
    }
    let scenarios = [
        Scenario::SingleStream,
        Scenario::MultiStream,
        Scenario::Server,
        Scenario::Offline,
    ];
    let body = html! {
        @for scenario in scenarios {
            @let results = of(report, scenario);
            @if !results.is_empty() {
                h3 { (part::scenario(scenario)) }
                p.says { (definition(scenario)) }
                @if scenario != Scenario::Offline {
                    @if let Some(plot) = plot(report, scenario, &results) { (plot.markup()) }
                }
                (table(&results))
            }
        }
        p.muted {
            (part::UNKNOWN) " stands where there is no figure, or where too few frames ran to carry it. "
            "Windows: how many count, and how far apart they are."
        }
    };
    let says = "Latency counts from the moment a frame was due, not from when a worker got to it.";
    Some(part::section(
        "latency",
        "Latency and throughput, scenario by scenario",
        says,
        &body,
    ))
}

/// The results of a scenario, in the order of [`part::PATHS`].
fn of(report: &Report, scenario: Scenario) -> Vec<&ScenarioResult> {
    part::PATHS
        .into_iter()
        .flat_map(|path| {
            (report.results.iter())
                .filter(move |result| result.path == path && result.scenario == scenario)
        })
        .collect()
}

fn definition(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::SingleStream => "One frame after the other; the metric is the p90.",
        Scenario::MultiStream => {
            "Eight frames a query, one query after the other; latency is a query's, and its p99 is \
             the metric."
        }
        Scenario::Server => {
            "Frames arrive when they please (Poisson); the metric is the highest rate that keeps \
             the bound."
        }
        Scenario::Offline => "All frames at once; the metric is throughput.",
    }
}

fn values(latency: &Percentiles) -> [Option<u64>; 5] {
    [
        latency.p50,
        latency.p90,
        latency.p99,
        latency.p999,
        (latency.count > 0).then_some(latency.max),
    ]
}

fn plot(report: &Report, scenario: Scenario, results: &[&ScenarioResult]) -> Option<Plot> {
    let series: Vec<_> = results
        .iter()
        .filter_map(|result| {
            let latency = result.latency_ns?;
            let points = values(&latency)
                .into_iter()
                .enumerate()
                .filter_map(|(at, value)| {
                    Some(Point {
                        x: at as f64,
                        y: value? as f64,
                        ..Point::default()
                    })
                });
            Some(Series {
                name: part::path(result.path).to_owned(),
                role: Role::of(result.path),
                look: Look::Joined,
                points: points.collect(),
            })
        })
        .collect();
    let bound = report.bound.map(|bound| Bound {
        y: bound.latency_ns as f64,
        label: format!(
            "the bound: {} at {}",
            round_time(bound.latency_ns as f64),
            quantile(bound.quantile)
        ),
    });
    let all: Vec<_> = (series.iter().flat_map(|series| &series.points))
        .map(|point| point.y)
        .collect();
    // A distant bound would flatten all lines, so it is drawn only if it is near.
    let most = all.iter().copied().fold(0.0, f64::max);
    let bound = bound.filter(|bound| bound.y < most * 20.0);
    let reach = all.iter().copied().chain(bound.iter().map(|bound| bound.y));
    Some(Plot {
        says: format!("Latency by percentile, {}", part::scenario(scenario)),
        x: Axis::names("percentile of frames", &NAMES),
        y: Axis::log("latency", reach, round_time)?,
        series,
        bound,
        label_on_phones: false,
    })
}

fn table(results: &[&ScenarioResult]) -> Markup {
    let rows: Vec<_> = results.iter().map(|result| row(result)).collect();
    let columns = [
        "path",
        "rate",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
        "frames/s",
        "inferences/s",
        "CPU/inference",
        "energy/inference",
        "within the bound",
        "failed",
        "refused or late",
        "windows",
    ];
    part::table(&columns, &rows)
}

fn row(result: &ScenarioResult) -> Vec<String> {
    let latency = result.latency_ns.as_ref().map(values).unwrap_or_default();
    let rate = (result.metric.as_ref()).filter(|_| result.scenario == Scenario::Server);
    let counted = |count: u64| part::known((count > 0).then_some(count as f64), number);
    let mut row = vec![
        part::path(result.path).to_owned(),
        part::known(rate, |rate| format!("{}/s", number(rate.value))),
    ];
    row.extend(latency.map(|value| part::known(value, |value| time(value as f64))));
    row.extend([
        number(result.frames_per_second),
        // One inference per frame is usual and not mentioned.
        part::known(
            (result.inferences_per_second != result.frames_per_second)
                .then_some(result.inferences_per_second),
            number,
        ),
        part::known(result.cpu_ns_per_inference, time),
        part::known(result.energy.joules_per_inference, energy),
        part::known(result.goodput_per_second, number),
        counted(result.failed),
        counted(result.rejected + result.timed_out),
        part::windows(&result.windows),
    ]);
    row
}
