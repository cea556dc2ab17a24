//! The report of a benchmark as one page that needs nothing else: no network, no script, no font.
//!
//! It says what was measured before it says how, and leaves out what was not. Everything that comes
//! from outside (file names, the command, reasons) is escaped by the template library or by the
//! chart library, and the page's own policy lets a browser fetch nothing and run nothing. It reads
//! on a phone and follows the reader's choice of light or dark.

mod axis;
mod bars;
mod chart;
mod label;
mod latency;
mod machine;
mod part;
mod plot;
mod role;
mod stages;
mod summary;
mod sweep;
mod units;
mod variants;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::report::record::Report;

/// Nothing may be fetched and nothing run; the page's own styles are all there is.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// A configuration that was tried on the way to the sweet spot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Candidate {
    /// How it was set, in words: `int8, 2 workers, batches of 4`.
    pub label: String,
    /// Frames a second.
    pub frames_per_second: f64,
    /// The 99th percentile of its latency, in nanoseconds; none where too few frames ran.
    pub p99_ns: Option<u64>,
    /// How many readings were right, 0 to 1; none where nobody counted.
    pub accuracy: Option<f64>,
    /// Joules for one inference; none where they are not known.
    pub joules_per_inference: Option<f64>,
    /// Whether no other one is better in everything.
    pub on_front: bool,
    /// Whether it is the one to take.
    pub chosen: bool,
}

/// The page of a benchmark.
pub fn page(report: &Report) -> String {
    tuned_page(report, &[])
}

/// The page of a search for the sweet spot: a benchmark's, and what was tried.
pub fn tuned_page(report: &Report, candidates: &[Candidate]) -> String {
    let name = part::file_name(&report.plugin.path);
    let title = format!("{name}: latency, throughput and the toll");
    let sections = [
        sweep::section(report),
        sweep::tuning(report, candidates),
        stages::section(report),
        stages::toll(report),
        latency::section(report),
        variants::section(report),
        machine::section(report),
    ];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="generator" content={ "Tollgate " (report.machine.tollgate) };
                title { (title) }
                style { (PreEscaped(role::css())) (PreEscaped(include_str!("page.css"))) }
            }
            body {
                main {
                    (header(report, name))
                    (summary::section(report))
                    @for section in sections.into_iter().flatten() { (section) }
                }
            }
        }
    };
    page.into_string()
}

fn header(report: &Report, name: &str) -> Markup {
    let machine = &report.machine;
    let cpu = machine.cpu.as_deref().unwrap_or(&machine.architecture);
    let cores = part::count(machine.cores as u64, "core");
    html! {
        header {
            p.product { "Tollgate benchmark" }
            h1 { (name) }
            p.muted {
                time datetime=(report.started) { (report.started) } " · " (cpu) ", " (cores)
                " · " (report.settings.device)
            }
        }
    }
}
