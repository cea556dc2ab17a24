//! The report of a search as tables for people.

use std::fmt::Write;

use super::{
    record::{Candidate, Report},
    trial::QUANTILE,
};
use tollgate_deploy::settings::Settings;
use tollgate_report::{
    bench_table,
    terminal::escaped,
    units::{percent, rate, time},
};

/// The number of frames from which a p99 is shown without a mark.
pub fn enough() -> u64 {
    tollgate_stats::needed(QUANTILE)
}

/// The tables, with a line feed at their end.
pub fn table(report: &Report) -> String {
    let mut text = String::new();
    // Writing into a `String` cannot fail.
    render(report, &mut text).ok();
    text
}

/// Settings in words: `4 workers, throughput x 1 thread, batches of 8`.
pub fn label(settings: &Settings) -> String {
    let plural = |count: usize, what: &str| {
        let s = if count == 1 { "" } else { "s" };
        format!("{count} {what}{s}")
    };
    let mut words: Vec<String> = settings.variant.iter().map(ToString::to_string).collect();
    words.push(plural(settings.workers().get(), "worker"));
    if let Some(device) = settings.device
        && device != tollgate_nn::Device::Cpu
    {
        words.push(device.to_string());
    }
    if let Some(sessions) = settings.sessions {
        words.push(plural(sessions.get(), "session"));
    }
    if let (Some(mode), Some(threads)) = (settings.mode, settings.threads) {
        words.push(format!("{mode} x {}", plural(threads.get(), "thread")));
    }
    if let Some(max) = settings.max_batch {
        let delay = settings
            .batch_delay
            .map(tollgate_deploy::values::show_duration);
        let delay = delay.map_or_else(String::new, |delay| format!(" after {delay}"));
        words.push(format!("batches of {max}{delay}"));
    }
    words.join(", ")
}

fn render(report: &Report, out: &mut String) -> std::fmt::Result {
    writeln!(out, "{}", bench_table::machine(&report.machine))?;
    if let Some(reason) = &report.cut_short {
        writeln!(out, "cut short: {}", escaped(reason))?;
    }
    for excluded in &report.excluded {
        let (what, reason) = (escaped(&excluded.what), escaped(&excluded.reason));
        writeln!(out, "left out: {what}, {reason}")?;
    }
    let mut shown: Vec<(usize, &Candidate)> = report
        .candidates
        .iter()
        .enumerate()
        .filter(|(place, candidate)| {
            candidate.on_front
                || *place == report.reference
                || Some(*place) == report.winner.or(report.nearest)
        })
        .collect();
    shown.sort_by_key(|(place, candidate)| (candidate.seen_p99_ns, *place));
    let labels = shown
        .iter()
        .map(|(_, candidate)| label(&candidate.settings).len());
    let width = labels.max().unwrap_or_default();
    writeln!(
        out,
        "\nnothing better in throughput, p99 and accuracy than:"
    )?;
    writeln!(
        out,
        "{:1} {:<width$} {:>13} {:>9} {:>11} {:>8} {:>8}",
        "", "settings", "throughput", "x default", "p99", "right", "frames"
    )?;
    for &(place, candidate) in &shown {
        row(report, place, candidate, width, out)?;
    }
    writeln!(
        out,
        "> taken, = default, ~ of fewer than {} frames, ! over the bound of {}",
        enough(),
        time(report.bound.latency_ns as f64)
    )?;
    energy(report, &shown, out)?;
    search(report, out)
}

/// Prints the joules per inference of the shown candidates, or why there are none.
fn energy(report: &Report, shown: &[(usize, &Candidate)], out: &mut String) -> std::fmt::Result {
    if let Some(reason) = &report.energy.reason {
        return writeln!(out, "energy    not known: {}", escaped(reason));
    }
    let source = report.energy.source.as_deref().unwrap_or_default();
    for (_, one) in shown {
        if let Some(joules) = one.joules_per_inference {
            let (label, millijoules) = (label(&one.settings), joules * 1e3);
            writeln!(
                out,
                "energy    {label}: {millijoules:.3} mJ an inference ({source})"
            )?;
        }
    }
    Ok(())
}

fn row(
    report: &Report,
    place: usize,
    one: &Candidate,
    width: usize,
    out: &mut String,
) -> std::fmt::Result {
    let mark = if report.winner == Some(place) {
        ">"
    } else if place == report.reference {
        "="
    } else {
        ""
    };
    let few = if one.frames < enough() { "~" } else { "" };
    let over = if one.kept_bound { "" } else { "!" };
    let p99 = one
        .seen_p99_ns
        .map_or_else(String::new, |ns| time(ns as f64));
    let right = one.accuracy.map(|accuracy| percent(accuracy.frames));
    writeln!(
        out,
        "{mark:1} {:<width$} {:>13} {:>9.2} {:>11} {:>8} {:>8}",
        label(&one.settings),
        rate(one.frames_per_second),
        one.of_reference,
        format!("{over}{few}{p99}"),
        right.unwrap_or_default(),
        one.frames,
    )
}

fn search(report: &Report, out: &mut String) -> std::fmt::Result {
    let search = &report.search;
    writeln!(
        out,
        "\n{} candidates; the search took {:.1} s, {} of the {:.1} s that {:.1} s for each take",
        search.grid,
        search.seconds,
        percent(search.of_grid),
        search.grid_seconds,
        search.full_seconds,
    )?;
    let Some(check) = &report.check else {
        return Ok(());
    };
    write!(
        out,
        "the whole grid took {:.1} s, of which the search took {}",
        check.seconds,
        percent(check.search_of_grid)
    )?;
    let best = check.best.and_then(|best| report.candidates.get(best));
    match (best, check.best_frames_per_second, check.winner_of_best) {
        (Some(best), Some(rate_of_best), Some(share)) => writeln!(
            out,
            "; its best, {} at {}; what the search took has {} of that there{}",
            label(&best.settings),
            rate(rate_of_best),
            percent(share),
            if check.winner_kept_bound == Some(true) {
                ""
            } else {
                ", and did not keep the bound"
            }
        ),
        (Some(best), Some(rate_of_best), None) => writeln!(
            out,
            "; its best, {} at {}, which the search did not find",
            label(&best.settings),
            rate(rate_of_best)
        ),
        _ => writeln!(out, "; nothing in it does what was asked"),
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZero, time::Duration};

    use tollgate_nn::{BatchPolicy, Device, Mode};

    use super::*;

    #[test]
    fn settings_in_words() {
        let settings = Settings {
            workers: NonZero::new(4),
            variant: vec![tollgate_deploy::values::variant("int8").unwrap()],
            device: Some(Device::Cpu),
            mode: Some(Mode::Throughput),
            threads: NonZero::new(1),
            batch: Some(BatchPolicy::On),
            max_batch: NonZero::new(8),
            batch_delay: Some(Duration::from_millis(2)),
            ..Settings::default()
        };
        assert_eq!(
            label(&settings),
            "int8, 4 workers, throughput x 1 thread, batches of 8 after 2ms"
        );
        let cuda = Settings {
            workers: NonZero::new(1),
            device: Some(Device::Cuda),
            sessions: NonZero::new(2),
            ..Settings::default()
        };
        assert_eq!(label(&cuda), "1 worker, cuda, 2 sessions");
    }
}
