//! Parts of sections: their frame, tables that become cards on phones, and common words.

use maud::{Markup, html};

use crate::record::{Load, Path, Report, Scenario, ScenarioResult, Windows};
use crate::units::page::percent;

/// The text for an unknown value.
pub(super) const UNKNOWN: &str = "–";

/// A section: its id for links, its title, a sentence about its contents, and the contents.
pub(super) fn section(id: &str, title: &str, says: &str, body: &Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby={ (id) "-title" } {
            h2 id={ (id) "-title" } { (title) }
            @if !says.is_empty() { p.says { (says) } }
            (body)
        }
    }
}

/// A table whose first column names its rows. A column without any known value is left out. On a
/// phone each row is a card, in which each figure has its column's name.
pub(super) fn table(columns: &[&str], rows: &[Vec<String>]) -> Markup {
    let known = |at: usize| {
        at == 0 || (rows.iter()).any(|row| row.get(at).is_some_and(|cell| cell != UNKNOWN))
    };
    let shown: Vec<_> = (columns.iter().enumerate())
        .filter(|(at, _)| known(*at))
        .collect();
    html! {
        table {
            thead { tr { @for (_, column) in &shown { th scope="col" { (column) } } } }
            tbody {
                @for row in rows {
                    tr {
                        @for (at, column) in &shown {
                            @let cell = row.get(*at).map_or(UNKNOWN, String::as_str);
                            @if *at == 0 {
                                th scope="row" { (cell) }
                            } @else {
                                td data-column=(column) { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// A list of warnings; empty without any.
pub(super) fn cautions(sentences: &[String]) -> Markup {
    html! {
        @if !sentences.is_empty() {
            ul.cautions { @for sentence in sentences { li { (sentence) } } }
        }
    }
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    if name.is_empty() { path } else { name }
}

/// A number with its noun: `1 core`, `2 cores`.
pub(super) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A value as text, or the text for an unknown one.
pub(super) fn known<T>(value: Option<T>, words: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| UNKNOWN.to_owned(), words)
}

/// How many windows count, and how far apart they are.
pub(super) fn windows(windows: &Windows) -> String {
    match windows.spread {
        Some(spread) => format!("{}, {}", windows.counted, percent(spread)),
        None => windows.counted.to_string(),
    }
}

/// The name of a path.
pub(super) fn path(path: Path) -> &'static str {
    match path {
        Path::Native => "native",
        Path::Twin => "twin",
        Path::Plugin => "plugin",
        Path::Batched => "batched",
    }
}

/// All paths, the one with the fewest layers first.
pub(super) const PATHS: [Path; 4] = [Path::Native, Path::Twin, Path::Plugin, Path::Batched];

/// The name of a scenario, as in MLPerf Inference.
pub(super) fn scenario(scenario: Scenario) -> &'static str {
    match scenario {
        Scenario::SingleStream => "single-stream",
        Scenario::MultiStream => "multi-stream",
        Scenario::Server => "server",
        Scenario::Offline => "offline",
    }
}

/// The load of a point as text.
pub(super) fn load(load: Load) -> String {
    match load {
        Load::Concurrency(clients) => count(clients as u64, "client"),
        Load::Rate(rate) => format!("{}/s", crate::units::page::number(rate)),
    }
}

/// The result of a path in the simplest of its scenarios.
pub(super) fn plainest(report: &Report, path: Path) -> Option<&ScenarioResult> {
    [
        Scenario::SingleStream,
        Scenario::MultiStream,
        Scenario::Server,
        Scenario::Offline,
    ]
    .into_iter()
    .find_map(|scenario| {
        (report.results.iter()).find(|result| result.path == path && result.scenario == scenario)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_files_name_is_what_comes_last() {
        assert_eq!(file_name("a/b.wasm"), "b.wasm");
        assert_eq!(file_name("C:\\a\\b.wasm"), "b.wasm");
        assert_eq!(file_name("a/"), "a/");
        assert_eq!(file_name(""), "");
    }

    #[test]
    fn loads_are_said_in_words() {
        assert_eq!(load(Load::Concurrency(1)), "1 client");
        assert_eq!(load(Load::Concurrency(8)), "8 clients");
        assert_eq!(load(Load::Rate(1500.0)), "1,500/s");
    }

    #[test]
    fn tables_escape_their_cells_and_leave_out_what_nobody_knows() {
        let row = vec!["<x>".into(), "\"y\"".into(), UNKNOWN.into()];
        let text = table(&["a", "b", "nobody knows"], &[row]).into_string();
        assert!(text.contains("&lt;x&gt;") && text.contains("&quot;y&quot;"));
        assert!(!text.contains("nobody"));
    }
}
