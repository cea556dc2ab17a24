//! The top of the page: what a frame costs, in a sentence and a few figures.

use maud::{Markup, html};

use super::part;
use crate::units::page::{energy, number, percent, quantile, round_percent, round_time, time};
use crate::{
    headline,
    record::{Path, Report, Scenario, ScenarioResult},
};

/// A figure with its name, and a value to compare it with.
pub(super) struct Tile {
    pub(super) name: &'static str,
    pub(super) value: String,
    pub(super) aside: String,
}

/// Figures beside each other.
pub(super) fn tiles(tiles: impl IntoIterator<Item = Tile>) -> Markup {
    html! {
        dl.tiles {
            @for tile in tiles {
                div {
                    dt { (tile.name) }
                    dd { span.value { (tile.value) } span.aside { (tile.aside) } }
                }
            }
        }
    }
}

/// The summary section.
pub(super) fn section(report: &Report) -> Markup {
    let plugin = part::plainest(report, Path::Plugin);
    let figures = [
        plugin.and_then(toll),
        latency(report),
        throughput(report),
        most(report),
        plugin.map(joules),
        accuracy(report),
    ];
    let body = html! {
        @if let Some(sentence) = plugin.and_then(verdict) { p.verdict { (sentence) } }
        (tiles(figures.into_iter().flatten()))
        (part::cautions(&cautions(report)))
    };
    part::section("summary", "In short", "", &body)
}

fn verdict(result: &ScenarioResult) -> Option<String> {
    let total = result.stages_ns?.total;
    let toll = result.toll?;
    let crossing = time(toll.crossing_ns);
    let frame = format!("A frame takes {} in the sandbox", time(total));
    Some(match (toll.total_ns, toll.sandbox_ns, toll.twin_total_ns) {
        (Some(all), Some(sandbox), Some(twin)) => format!(
            "{frame} and {} natively. The toll is {}: {crossing} for crossings, {} because the \
             plugin's own code runs in a sandbox.",
            time(twin),
            time(all),
            time(sandbox)
        ),
        _ => format!(
            "{frame}, {crossing} of it for crossings. What the sandbox itself adds is known with a \
             twin."
        ),
    })
}

fn toll(result: &ScenarioResult) -> Option<Tile> {
    let toll = result.toll?;
    let total = result.stages_ns?.total;
    let (name, value) = match toll.total_ns {
        Some(value) => ("Toll per frame", value),
        None => ("Crossing cost per frame", toll.crossing_ns),
    };
    let share = if total > 0.0 { value / total } else { 0.0 };
    let mut aside = format!("{} of the frame", percent(share));
    if let Some(ratio) = toll.ratio {
        aside.push_str(&format!(", {ratio:.2} × the twin"));
    }
    Some(Tile {
        name,
        value: time(value),
        aside,
    })
}

fn latency(report: &Report) -> Option<Tile> {
    let result = part::plainest(report, Path::Plugin)?;
    let latency = result.latency_ns?;
    let (name, value) = [
        ("Latency, p99", latency.p99),
        ("Latency, p90", latency.p90),
        ("Latency, p50", latency.p50),
    ]
    .into_iter()
    .find_map(|(name, value)| Some((name, value?)))?;
    let scenario = part::scenario(result.scenario);
    let aside = match report.bound {
        Some(bound) => format!(
            "{scenario}; the bound is {} at {}",
            round_time(bound.latency_ns as f64),
            quantile(bound.quantile)
        ),
        None => scenario.to_owned(),
    };
    Some(Tile {
        name,
        value: time(value as f64),
        aside,
    })
}

/// The best throughput of a sandboxed path in the offline scenario, or else in any.
fn throughput(report: &Report) -> Option<Tile> {
    let sandboxed = |result: &&ScenarioResult| {
        let lost = result.rejected + result.timed_out + result.failed;
        matches!(result.path, Path::Plugin | Path::Batched)
            && result.frames > 0
            && lost as f64 <= (result.frames + lost) as f64 * headline::MOST_LOST
    };
    let best = |scenario: Option<Scenario>| {
        (report.results.iter().filter(sandboxed))
            .filter(|result| scenario.is_none_or(|scenario| result.scenario == scenario))
            .max_by(|a, b| a.frames_per_second.total_cmp(&b.frames_per_second))
    };
    let result = best(Some(Scenario::Offline)).or_else(|| best(None))?;
    let mut aside = format!(
        "{}, {}",
        part::path(result.path),
        part::scenario(result.scenario)
    );
    let native = (report.results.iter())
        .find(|other| other.path == Path::Twin && other.scenario == result.scenario)
        .filter(|twin| twin.frames_per_second > 0.0);
    if let Some(twin) = native {
        let share = result.frames_per_second / twin.frames_per_second;
        aside.push_str(&format!("; {share:.2} × the twin's"));
    }
    Some(Tile {
        name: "Throughput, frames/s",
        value: number(result.frames_per_second),
        aside,
    })
}

/// The best point of a sweep.
fn most(report: &Report) -> Option<Tile> {
    let name = match report.bound {
        Some(_) => "Most within the bound, frames/s",
        None => "Most throughput of the sweep, frames/s",
    };
    if report.sweep.is_empty() {
        return None;
    }
    let Some(point) = report.best.and_then(|best| report.sweep.get(best)) else {
        return Some(Tile {
            name,
            value: "none".to_owned(),
            aside: format!(
                "at each point more than {} were refused, failed or missed the bound",
                round_percent(headline::MOST_LOST)
            ),
        });
    };
    let p99 = point.latency_ns.and_then(|latency| latency.p99);
    let p99 = p99.map_or_else(String::new, |p99| format!("; p99 {}", time(p99 as f64)));
    let lost = headline::lost(point);
    let lost = match lost {
        0 => String::new(),
        lost => {
            let of = point.frames.saturating_add(lost);
            format!(
                "; {} of {} refused or failed",
                number(lost as f64),
                number(of as f64)
            )
        }
    };
    Some(Tile {
        name,
        value: number(headline::goodput(point)),
        aside: format!(
            "{}, {}{p99}{lost}",
            part::path(point.path),
            part::load(point.load)
        ),
    })
}

fn joules(result: &ScenarioResult) -> Tile {
    let of = &result.energy;
    // The full reason is among the facts about the machine.
    let reason = of.reason.as_deref().map(|reason| {
        let end = reason.find(": ").unwrap_or(reason.len());
        reason.get(..end).unwrap_or(reason).to_owned()
    });
    Tile {
        name: "Energy per inference",
        value: of
            .joules_per_inference
            .map_or_else(|| "not known".to_owned(), energy),
        aside: of.source.clone().or(reason).unwrap_or_default(),
    }
}

fn accuracy(report: &Report) -> Option<Tile> {
    let accuracy = report.accuracy?;
    Some(Tile {
        name: "Frames that are right",
        value: percent(accuracy.frames),
        aside: format!(
            "of {}; {} of {}",
            accuracy.of.frames,
            percent(accuracy.values),
            part::count(accuracy.of.values as u64, "value")
        ),
    })
}

/// Warnings that a reader needs before trusting a figure.
fn cautions(report: &Report) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(reason) = &report.cut_short {
        sentences.push(format!(
            "cut short: {reason}; what was not measured by then is missing"
        ));
    }
    for result in &report.results {
        let of = format!(
            "{}, {}",
            part::path(result.path),
            part::scenario(result.scenario)
        );
        if let Some(problem) = &result.problem {
            sentences.push(format!("{of}: {problem}"));
        }
        if !result.windows.agreed {
            let spread = part::known(result.windows.spread, percent);
            sentences.push(format!(
                "{of}: the windows did not agree within {} (they spread {spread}), so take these figures as rough",
                percent(result.windows.tolerance)
            ));
        }
        if result.failed > 0 {
            sentences.push(format!(
                "{of}: {} failed",
                part::count(result.failed, "frame")
            ));
        }
    }
    let apart = report.sweep.iter().filter(|point| !point.windows.agreed);
    let worst = apart.clone().filter_map(|point| point.windows.spread);
    let (points, worst) = (apart.count(), worst.fold(0.0, f64::max));
    if points > 0 {
        sentences.push(format!(
            "the sweep: at {points} of {} the windows did not agree (the worst spread {})",
            part::count(report.sweep.len() as u64, "point"),
            percent(worst)
        ));
    }
    let failed = report.sweep.iter().map(|point| point.failed);
    let failed = failed.fold(0, u64::saturating_add);
    if failed > 0 {
        sentences.push(format!(
            "the sweep: {} failed",
            part::count(failed, "frame")
        ));
    }
    sentences
}
