//! The report of a run as a table for people.

use std::fmt::Write;

use crate::terminal::escaped;
use crate::{
    Summary, Toll,
    units::{size, time},
};

/// The table, with a line feed at its end. `without_twin` ends the line of the toll if no twin ran:
/// it says how to give one.
pub fn table(summary: &Summary, without_twin: &str) -> String {
    let mut text = String::new();
    // Writing into a `String` cannot fail.
    render(summary, without_twin, &mut text).ok();
    text
}

fn render(summary: &Summary, without_twin: &str, out: &mut String) -> std::fmt::Result {
    let (frames, passes) = (summary.frames, summary.passes);
    let noun = if frames.count == 1 { "frame" } else { "frames" };
    write!(out, "{} {noun}, {} failed", frames.count, frames.failed)?;
    if passes.warm_up > 0 {
        let Summary { latency_ns, .. } = summary;
        let measured = latency_ns.map_or(0, |latency| latency.count);
        write!(
            out,
            "; {measured} of them measured, after a pass to warm up"
        )?;
    }
    writeln!(out)?;
    if let Some(reason) = &summary.cut_short {
        writeln!(out, "cut short: {}", escaped(reason))?;
    }
    if let Some(accuracy) = summary.accuracy {
        let (values, frames) = (accuracy.values * 100.0, accuracy.frames * 100.0);
        let of = accuracy.of;
        writeln!(
            out,
            "right: {values:.1} % of {} values, {frames:.1} % of {} frames",
            of.values, of.frames
        )?;
    }
    let (Some(stages), Some(split)) = (summary.stages_ns, summary.guest_split_ns) else {
        return writeln!(out, "no frame was measured");
    };

    writeln!(out, "\nstage              mean    share")?;
    for (name, nanoseconds) in [
        ("queue", stages.queue),
        ("instantiate", stages.instantiate),
        ("guest", stages.guest),
        ("  before", split.guest_before),
        ("  between", split.guest_between),
        ("  after", split.guest_after),
        ("lift", stages.lift),
        ("batch", stages.batch),
        ("infer", stages.infer),
        ("lower", stages.lower),
        ("glue", stages.glue),
        ("keyvalue", stages.keyvalue),
        ("jail", stages.jail),
        ("total", stages.total),
    ] {
        if matches!(name, "keyvalue" | "jail") && nanoseconds == 0.0 {
            // Most plugins use no bucket and no graph in a helper, so these lines are left out then.
            continue;
        }
        let share = nanoseconds / stages.total.max(1.0) * 100.0;
        writeln!(out, "{name:<12} {:>10}  {share:>5.1} %", time(nanoseconds))?;
    }
    writeln!(out)?;

    if let Some(latency) = summary.latency_ns {
        write!(out, "latency   ")?;
        let known = [
            ("p50", latency.p50),
            ("p90", latency.p90),
            ("p99", latency.p99),
            ("p99.9", latency.p999),
            ("max", Some(latency.max)),
        ];
        for (name, nanoseconds) in known {
            if let Some(nanoseconds) = nanoseconds {
                write!(out, "  {name} {}", time(nanoseconds as f64))?;
            }
        }
        writeln!(out, "  (of {})", latency.count)?;
    }
    if let Some(crossings) = summary.crossings {
        writeln!(
            out,
            "crossings   {:.1} a frame, {} in with {:.1} copies, {} out with {:.1} copies",
            crossings.per_frame,
            size(crossings.bytes_in),
            crossings.copies_in,
            size(crossings.bytes_out),
            crossings.copies_out,
        )?;
    }
    if let Some(toll) = summary.toll {
        render_toll(&toll, without_twin, out)?;
    }
    if let Some(differs) = summary.twin_differs.filter(|differs| *differs > 0) {
        writeln!(
            out,
            "            {differs} frames whose outputs differ from the twin's"
        )?;
    }
    if let Some(probe) = summary.probe_ns {
        writeln!(out, "probe       {} a frame", time(probe))?;
    }
    let host = &summary.host;
    let onnxruntime = host.onnxruntime.as_deref().unwrap_or("none");
    writeln!(
        out,
        "host        Wasmtime {}, ONNX Runtime {onnxruntime}, {}, {} cores",
        host.wasmtime, host.device, host.cores
    )
}

fn render_toll(toll: &Toll, without_twin: &str, out: &mut String) -> std::fmt::Result {
    write!(out, "toll        crossing {}", time(toll.crossing_ns))?;
    let (Some(sandbox), Some(total)) = (toll.sandbox_ns, toll.total_ns) else {
        return writeln!(out, "{without_twin}");
    };
    write!(out, " + sandbox {} = {}", time(sandbox), time(total))?;
    if let Some(difference) = toll.by_difference_ns {
        write!(out, " (by difference {})", time(difference))?;
    }
    if let (Some(twin), Some(ratio)) = (toll.twin_total_ns, toll.ratio) {
        write!(
            out,
            "; the twin takes {}, the plugin {ratio:.3} x that",
            time(twin)
        )?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_toll_says_what_is_missing() {
        let mut text = String::new();
        let mut toll = Toll {
            crossing_ns: 2000.0,
            ..Toll::default()
        };
        render_toll(&toll, "; give a twin", &mut text).unwrap();
        assert!(text.ends_with("crossing 2.00 us; give a twin\n"), "{text}");

        toll.sandbox_ns = Some(1000.0);
        toll.total_ns = Some(3000.0);
        toll.by_difference_ns = Some(3100.0);
        toll.twin_total_ns = Some(13_000.0);
        toll.ratio = Some(1.2308);
        text.clear();
        render_toll(&toll, "; give a twin", &mut text).unwrap();
        let expected = "toll        crossing 2.00 us + sandbox 1.00 us = 3.00 us (by difference 3.10 us); \
                        the twin takes 13.00 us, the plugin 1.231 x that\n";
        assert_eq!(text, expected);
    }
}
