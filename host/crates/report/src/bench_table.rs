//! The report of a benchmark as tables for people.

use std::fmt::Write;

use crate::{
    headline::{MOST_LOST, goodput, lost},
    record::{
        Load, Machine, Path, Percentiles, Report, Scenario, ScenarioResult, SweepPoint, Windows,
    },
    terminal::escaped,
    units::{size, time},
};

/// The tables, with a line feed at their end.
pub fn table(report: &Report) -> String {
    let mut text = String::new();
    // Writing into a `String` cannot fail.
    render(report, &mut text).ok();
    text
}

/// The name of a scenario on the command line.
pub fn scenario_name(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::SingleStream => "single-stream",
        Scenario::MultiStream => "multi-stream",
        Scenario::Server => "server",
        Scenario::Offline => "offline",
    }
}

/// The name of a path on the command line.
pub fn path_name(path: Path) -> &'static str {
    match path {
        Path::Native => "native",
        Path::Twin => "twin",
        Path::Plugin => "plugin",
        Path::Batched => "batched",
    }
}

/// A machine, and the engines that were used on it, in a line.
pub fn machine(machine: &Machine) -> String {
    format!(
        "{}, {} cores; Wasmtime {}, ONNX Runtime {}",
        machine.cpu.as_deref().unwrap_or(&machine.architecture),
        machine.cores,
        machine.wasmtime,
        machine.onnxruntime.as_deref().unwrap_or("none"),
    )
}

fn render(report: &Report, out: &mut String) -> std::fmt::Result {
    let settings = &report.settings;
    writeln!(
        out,
        "{} frames, {} workers, {} instances, {} in {} mode",
        report.inputs.frames, settings.workers, settings.instances, settings.device, settings.mode,
    )?;
    writeln!(out, "{}", machine(&report.machine))?;
    if let Some(accuracy) = report.accuracy {
        writeln!(
            out,
            "right: {:.1} % of {} values, {:.1} % of {} frames",
            accuracy.values * 100.0,
            accuracy.of.values,
            accuracy.frames * 100.0,
            accuracy.of.frames
        )?;
    }
    if let Some(reason) = &report.cut_short {
        writeln!(out, "cut short: {}", escaped(reason))?;
    }
    let mut last = None;
    for result in &report.results {
        if last != Some(result.scenario) {
            last = Some(result.scenario);
            heading(report, result, out)?;
        }
        row(result, out)?;
    }
    sweep(report, out)?;
    variants(report, out)?;
    energy(report, out)
}

/// Prints the joules per inference of the first path that has them, or why there are none.
fn energy(report: &Report, out: &mut String) -> std::fmt::Result {
    let Some(first) = report.results.first() else {
        return Ok(());
    };
    if let Some(reason) = &first.energy.reason {
        return writeln!(out, "\nenergy    not known: {}", escaped(reason));
    }
    writeln!(out)?;
    for result in &report.results {
        if let Some(joules) = result.energy.joules_per_inference {
            writeln!(
                out,
                "energy    {} of {}: {:.3} mJ an inference ({})",
                scenario_name(result.scenario),
                path_name(result.path),
                joules * 1e3,
                result.energy.source.as_deref().unwrap_or_default()
            )?;
        }
    }
    Ok(())
}

/// The lines above the rows of a scenario.
fn heading(report: &Report, result: &ScenarioResult, out: &mut String) -> std::fmt::Result {
    write!(out, "\n{}", scenario_name(result.scenario))?;
    match (result.scenario, report.bound) {
        (Scenario::SingleStream, _) => write!(out, ": one frame after the other")?,
        (Scenario::MultiStream, _) => {
            write!(out, ": eight frames a query, one query after the other")?
        }
        (Scenario::Offline, _) => write!(out, ": all frames at once")?,
        (Scenario::Server, Some(bound)) => write!(
            out,
            ": Poisson arrivals, p{} within {}",
            bound.quantile * 100.0,
            time(bound.latency_ns as f64)
        )?,
        (Scenario::Server, None) => write!(out, ": Poisson arrivals")?,
    }
    let windows = &result.windows;
    writeln!(out, "{}", agreement(windows))?;
    writeln!(
        out,
        "{:<9} {:>12} {:>10} {:>10} {:>10} {:>9} {:>10} {:>10} {:>8}",
        "path", "metric", "p50", "p90", "p99", "count", "frames/s", "CPU/infer", "toll"
    )
}

/// How far apart the windows were, where they did not agree.
fn agreement(windows: &Windows) -> String {
    if windows.agreed {
        return String::new();
    }
    match windows.spread {
        Some(spread) => format!(
            " (the last windows differ by {:.0} %, more than {:.0} %)",
            spread * 100.0,
            windows.tolerance * 100.0
        ),
        None => String::new(),
    }
}

fn row(result: &ScenarioResult, out: &mut String) -> std::fmt::Result {
    let metric = match &result.metric {
        Some(metric) if metric.unit == "ns" => time(metric.value),
        Some(metric) => format!("{:.1}/s", metric.value),
        None => "none".to_owned(),
    };
    let [p50, p90, p99, count] = percentiles(result.latency_ns.as_ref());
    let ratio = result.toll.and_then(|toll| toll.ratio);
    let toll = ratio.map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3} x"));
    let cpu = result.cpu_ns_per_inference;
    writeln!(
        out,
        "{:<9} {metric:>12} {p50:>10} {p90:>10} {p99:>10} {count:>9} {:>10.1} {:>10} {toll:>8}",
        path_name(result.path),
        result.frames_per_second,
        cpu.map_or_else(|| "-".to_owned(), time),
    )
}

/// The percentiles and their count; a dash for one that the count is too small for.
fn percentiles(latency: Option<&Percentiles>) -> [String; 4] {
    let dash = || "-".to_owned();
    let Some(latency) = latency else {
        return [dash(), dash(), dash(), dash()];
    };
    let cell = |ns: Option<u64>| ns.map_or_else(dash, |ns| time(ns as f64));
    [
        cell(latency.p50),
        cell(latency.p90),
        cell(latency.p99),
        latency.count.to_string(),
    ]
}

fn sweep(report: &Report, out: &mut String) -> std::fmt::Result {
    if report.sweep.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{:<9} {:>16} {:>10} {:>10} {:>10} {:>10} {:>10} {:>9} {:>10} {:>10} {:>7}",
        "path",
        "load",
        "frames/s",
        "goodput/s",
        "p50",
        "p90",
        "p99",
        "refused",
        "resident",
        "linear",
        "spread"
    )?;
    for point in &report.sweep {
        let [p50, p90, p99, _] = percentiles(point.latency_ns.as_ref());
        let dash = || "-".to_owned();
        let goodput = point.goodput_per_second;
        let resident = point.memory.resident_bytes;
        let spread = point.windows.spread;
        writeln!(
            out,
            "{:<9} {:>16} {:>10.1} {:>10} {p50:>10} {p90:>10} {p99:>10} {:>9} {:>10} {:>10} {:>7}",
            path_name(point.path),
            load(point),
            point.frames_per_second,
            goodput.map_or_else(dash, |rate| format!("{rate:.1}")),
            point.rejected + point.timed_out,
            resident.map_or_else(dash, |bytes| size(bytes as f64)),
            size(point.memory.linear_bytes as f64),
            spread.map_or_else(dash, |spread| format!("{:.1} %", spread * 100.0)),
        )?;
    }
    headline(report, out)?;
    overload(report, out)
}

/// The recommended operating point.
fn headline(report: &Report, out: &mut String) -> std::fmt::Result {
    let most = MOST_LOST * 100.0;
    let Some(point) = report.best.and_then(|best| report.sweep.get(best)) else {
        return writeln!(
            out,
            "best: none, since at each point more than {most:.0} % of the frames were refused, failed or missed the bound"
        );
    };
    let within = match report.bound {
        Some(_) => " within the bound",
        None => "",
    };
    writeln!(
        out,
        "best: {} at {}: {:.1} frames/s{within}, {} of {} refused or failed (at most {most:.0} %)",
        path_name(point.path),
        load(point),
        goodput(point),
        lost(point),
        point.frames.saturating_add(lost(point)),
    )
}

fn load(point: &SweepPoint) -> String {
    match (point.load, point.of_saturation) {
        (Load::Concurrency(1), _) => "1 client".to_owned(),
        (Load::Concurrency(clients), _) => format!("{clients} clients"),
        (Load::Rate(rate), None) => format!("{rate:.1}/s"),
        (Load::Rate(rate), Some(times)) => format!("{times}x = {rate:.1}/s"),
    }
}

/// For each path with rates, how much of the goodput is left at the highest one.
fn overload(report: &Report, out: &mut String) -> std::fmt::Result {
    for path in [Path::Native, Path::Twin, Path::Plugin, Path::Batched] {
        let points = report.sweep.iter().filter(|point| point.path == path);
        let rates: Vec<(f64, f64)> = points
            .filter_map(|point| match point.load {
                Load::Rate(rate) => Some((rate, point.goodput_per_second?)),
                Load::Concurrency(_) => None,
            })
            .collect();
        let last = rates
            .iter()
            .copied()
            .max_by(|one, other| one.0.total_cmp(&other.0));
        let peak = rates
            .iter()
            .map(|(_, goodput)| *goodput)
            .fold(0.0, f64::max);
        if let (Some((rate, goodput)), true) = (last, rates.len() > 1 && peak > 0.0) {
            writeln!(
                out,
                "{}: the goodput at {rate:.1}/s is {:.1} % of its peak",
                path_name(path),
                goodput / peak * 100.0
            )?;
        }
    }
    Ok(())
}

fn variants(report: &Report, out: &mut String) -> std::fmt::Result {
    if report.variants.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{:<16} {:>10} {:>9} {:>9} {:>10} {:>10} {:>10}",
        "variant", "bytes", "values", "frames", "p50", "p90", "frames/s"
    )?;
    for variant in &report.variants {
        let [p50, p90, _, _] = percentiles(variant.latency_ns.as_ref());
        let share = |share: Option<f64>| {
            share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
        };
        writeln!(
            out,
            "{:<16} {:>10} {:>9} {:>9} {p50:>10} {p90:>10} {:>10}",
            escaped(&variant.name),
            size(variant.bytes as f64),
            share(variant.accuracy.map(|accuracy| accuracy.values)),
            share(variant.accuracy.map(|accuracy| accuracy.frames)),
            variant
                .frames_per_second
                .map_or_else(|| "-".to_owned(), |rate| format!("{rate:.1}")),
        )?;
    }
    Ok(())
}
