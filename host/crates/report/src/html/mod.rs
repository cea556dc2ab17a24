//! Reports of benchmarks and searches as self-contained pages: no network, no script, no font.
//!
//! A page shows the results before the method, and leaves out what was not measured. All text from
//! outside (file names, the command, reasons) is escaped by the template library or by the chart
//! library. The page's own policy forbids the browser to load or run anything. It works on a phone
//! and follows the reader's choice of light or dark.

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
mod tuned;
mod variants;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::{
    record::{Machine, Report},
    terminal,
};

pub use tuned::{Answer, Candidate, Tuned, tuned_page};

/// Forbids loading and running anything; only the page's own styles are allowed.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The page of a benchmark.
pub fn page(report: &Report) -> String {
    let name = part::file_name(&report.plugin.path);
    let sections = [
        Some(summary::section(report)),
        sweep::section(report),
        stages::section(report),
        stages::toll(report),
        latency::section(report),
        variants::section(report),
        machine::section(report),
    ];
    let about = About {
        product: "Tollgate benchmark",
        title: format!("{name}: latency, throughput and the toll"),
        name,
        started: &report.started,
        device: Some(&report.settings.device),
        machine: &report.machine,
    };
    document(&about, sections.into_iter().flatten())
}

/// The top of a page.
struct About<'a> {
    product: &'static str,
    title: String,
    name: &'a str,
    started: &'a str,
    device: Option<&'a str>,
    machine: &'a Machine,
}

fn document(about: &About<'_>, sections: impl Iterator<Item = Markup>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="generator" content={ "Tollgate " (about.machine.tollgate) };
                title { (about.title) }
                style { (PreEscaped(role::css())) (PreEscaped(include_str!("page.css"))) }
            }
            body {
                main {
                    (header(about))
                    @for section in sections { (section) }
                }
            }
        }
    };
    // Characters that reorder or hide text would do so on a page too.
    terminal::escape_text(&page.into_string())
}

fn header(about: &About<'_>) -> Markup {
    let machine = about.machine;
    let cpu = machine.cpu.as_deref().unwrap_or(&machine.architecture);
    let cores = part::count(machine.cores as u64, "core");
    html! {
        header {
            p.product { (about.product) }
            h1 { (about.name) }
            p.muted {
                time datetime=(about.started) { (about.started) } " · " (cpu) ", " (cores)
                @if let Some(device) = about.device { " · " (device) }
            }
        }
    }
}
