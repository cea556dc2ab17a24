//! Latency by percentile, and every scenario's figures.

use maud::{Markup, html};

use super::{
    axis::Axis,
    part,
    plot::{Bound, Plot, Point, Series},
    role::Role,
    units::{energy, number, percent, quantile, time},
};
use crate::bench::record::{Percentiles, Report, Scenario, ScenarioResult};

/// The percentiles that reports have.
const NAMES: [&str; 5] = ["p50", "p90", "p99", "p99.9", "max"];

/// The section; none where nothing was measured.
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
        p.muted { (part::UNKNOWN) " stands where too few frames ran to carry the figure." }
    };
    let says = "Latency counts from the moment a frame was due, not from when a worker got to it.";
    Some(part::section(
        "latency",
        "Latency and throughput, scenario by scenario",
        says,
        &body,
    ))
}

/// The results of a scenario, the shortest path first.
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
        Scenario::SingleStream => "One frame after the other.",
        Scenario::MultiStream => {
            "Eight frames a query, one query after the other; latency is a query's."
        }
        Scenario::Server => {
            "Frames arrive when they please (Poisson); the rate is the highest that keeps the bound."
        }
        Scenario::Offline => "All frames at once; only throughput counts.",
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
                joined: true,
                points: points.collect(),
            })
        })
        .collect();
    let bound = report.bound.map(|bound| Bound {
        y: bound.latency_ns as f64,
        label: format!(
            "the bound: {} at {}",
            time(bound.latency_ns as f64),
            quantile(bound.quantile)
        ),
    });
    let all: Vec<_> = (series.iter().flat_map(|series| &series.points))
        .map(|point| point.y)
        .collect();
    // A bound far away would press all lines together; it is drawn where it is near.
    let most = all.iter().copied().fold(0.0, f64::max);
    let bound = bound.filter(|bound| bound.y < most * 20.0);
    let reach = all.iter().copied().chain(bound.iter().map(|bound| bound.y));
    Some(Plot {
        says: format!("Latency by percentile, {}", part::scenario(scenario)),
        x: Axis::names("percentile of frames", &NAMES),
        y: Axis::log("latency", reach, time)?,
        series,
        bound,
        label_on_phones: false,
    })
}

fn table(results: &[&ScenarioResult]) -> Markup {
    let rows: Vec<_> = results.iter().map(|result| row(result)).collect();
    let columns = [
        "path",
        "p50",
        "p90",
        "p99",
        "p99.9",
        "max",
        "frames/s",
        "inferences/s",
        "CPU an inference",
        "energy an inference",
        "frames",
        "windows",
    ];
    html! {
        (part::table(&columns, &rows))
        @for result in results {
            @if let Some(sentence) = aside(result) { p.muted { (sentence) } }
        }
    }
}

fn row(result: &ScenarioResult) -> Vec<String> {
    let latency = result.latency_ns.as_ref().map(values).unwrap_or_default();
    let windows = &result.windows;
    let agreed = if windows.agreed {
        "agreed"
    } else {
        "did not agree"
    };
    let mut row = vec![part::path(result.path).to_owned()];
    row.extend(latency.map(|value| part::known(value, |value| time(value as f64))));
    row.extend([
        number(result.frames_per_second),
        number(result.inferences_per_second),
        part::known(result.cpu_ns_per_inference, time),
        part::known(result.energy.joules_per_inference, energy),
        number(result.frames as f64),
        format!("{} of {}, {agreed}", windows.counted, windows.taken),
    ]);
    row
}

/// What a path's row has no column for: its own metric, and frames that were not done.
fn aside(result: &ScenarioResult) -> Option<String> {
    let mut words = Vec::new();
    if let Some(metric) = &result.metric {
        let value = match metric.unit.as_str() {
            "ns" => time(metric.value),
            unit => format!("{} {unit}", number(metric.value)),
        };
        words.push(format!("{} {value}", metric.name));
    }
    if let Some(offered) = result.offered_per_second {
        words.push(format!("{} frames/s offered", number(offered)));
    }
    if let Some(goodput) = result.goodput_per_second {
        words.push(format!("{} frames/s within the bound", number(goodput)));
    }
    for (number, what) in [
        (result.failed, "failed"),
        (result.rejected, "refused on arrival"),
        (result.timed_out, "out of time"),
    ] {
        if number > 0 {
            words.push(format!("{} {what}", part::count(number, "frame")));
        }
    }
    if let Some(spread) = result.windows.spread {
        words.push(format!("windows within {}", percent(spread)));
    }
    (!words.is_empty()).then(|| format!("{}: {}.", part::path(result.path), words.join(", ")))
}
