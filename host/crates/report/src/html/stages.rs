//! Where a frame's time goes, and how much of it the boundary adds.

use maud::{Markup, html};

use super::{
    bars::{Row, bars, key},
    part,
    role::Role,
};
use crate::units::page::{percent, time};
use crate::{
    Stages,
    record::{Path, Report, ScenarioResult},
};

/// The paths with a ledger.
const LEDGERS: [Path; 2] = [Path::Plugin, Path::Batched];

/// The waterfall of the stages; `None` if no path has a ledger.
pub(super) fn section(report: &Report) -> Option<Markup> {
    let drawn: Vec<_> = LEDGERS
        .into_iter()
        .filter_map(|path| Some((path, ledger(report, path)?)))
        .collect();
    let (_, (_, load)) = drawn.first()?;
    let probe = time(report.stamp_ns);
    let says = format!(
        "The mean of every stage that took any time, one after the other as a frame goes through \
         them ({load}). One stamp of the ledger takes {probe}."
    );
    let body = html! {
        (key(&[
            (Role::Infer, "inference"),
            (Role::Guest, "the plugin's own code"),
            (Role::Crossing, "crossings"),
            (Role::Wait, "waiting"),
        ]))
        @for (path, (stages, _)) in &drawn {
            @if drawn.len() > 1 { h3 { (part::path(*path)) } }
            (bars("Mean time in each stage of a frame", &waterfall(stages)))
        }
    };
    Some(part::section(
        "stages",
        "Where a frame's time goes",
        &says,
        &body,
    ))
}

/// A path's stages in the simplest of its scenarios, or else at the first point of its sweep; and
/// the name of that scenario or point.
fn ledger(report: &Report, path: Path) -> Option<(Stages, String)> {
    let scenario = part::plainest(report, path).and_then(|result| {
        let scenario = part::scenario(result.scenario).to_owned();
        Some((result.stages_ns?, scenario))
    });
    scenario.or_else(|| {
        let mut points = report.sweep.iter().filter(|point| point.path == path);
        points.find_map(|point| Some((point.stages_ns?, part::load(point.load))))
    })
}

fn waterfall(stages: &Stages) -> Vec<Row> {
    let mut from = 0.0;
    let mut rows: Vec<_> = [
        ("queue", stages.queue, Role::Wait),
        ("instantiate", stages.instantiate, Role::Crossing),
        ("guest", stages.guest, Role::Guest),
        ("lift", stages.lift, Role::Crossing),
        ("batch", stages.batch, Role::Wait),
        ("infer", stages.infer, Role::Infer),
        ("lower", stages.lower, Role::Crossing),
        ("glue", stages.glue, Role::Crossing),
        ("keyvalue", stages.keyvalue, Role::Wait),
        ("jail", stages.jail, Role::Wait),
    ]
    .into_iter()
    .filter(|(_, spent, _)| *spent > 0.0)
    .map(|(name, spent, role)| {
        let to = from + spent;
        let row = row(name, spent, stages.total, vec![(from, to, role)]);
        from = to;
        row
    })
    .collect();
    let mut total = row("total", stages.total, stages.total, Vec::new());
    total.sum = true;
    rows.push(total);
    rows
}

fn row(name: &str, spent: f64, total: f64, parts: Vec<(f64, f64, Role)>) -> Row {
    Row {
        name: name.to_owned(),
        value: time(spent),
        aside: if total > 0.0 {
            percent(spent / total)
        } else {
            String::new()
        },
        parts,
        sum: false,
    }
}

/// The toll of each path; `None` if no path has one.
pub(super) fn toll(report: &Report) -> Option<Markup> {
    let tolls: Vec<_> = LEDGERS
        .into_iter()
        .filter_map(|path| part::plainest(report, path).filter(|result| result.toll.is_some()))
        .collect();
    let first = tolls.first()?;
    let says = format!(
        "The same frame on every path ({}): what it takes natively, and what the boundary adds. \
         The toll is computed twice, from its parts and as the difference of both paths; what lies \
         between the two is noise.",
        part::scenario(first.scenario)
    );
    let rows: Vec<_> = part::PATHS
        .into_iter()
        .filter_map(|path| layers(report, path))
        .collect();
    let body = html! {
        (key(&[
            (Role::Infer, "inference"),
            (Role::Guest, "the plugin's own code"),
            (Role::Sandbox, "sandbox cost"),
            (Role::Crossing, "crossing cost"),
            (Role::Wait, "waiting"),
        ]))
        (bars("Mean time of a frame by path", &rows))
        (table(&tolls))
    };
    Some(part::section(
        "toll",
        "What the boundary adds",
        &says,
        &body,
    ))
}

/// The parts of a frame's time on a path.
fn layers(report: &Report, path: Path) -> Option<Row> {
    let result = part::plainest(report, path)?;
    let parts = match path {
        Path::Native => vec![(result.latency_ns?.mean, Role::Infer)],
        Path::Twin => twin(report, result)?,
        Path::Plugin | Path::Batched => plugin(result)?,
    };
    let mut to = 0.0;
    let parts: Vec<_> = parts
        .into_iter()
        .filter(|(spent, _)| *spent > 0.0)
        .map(|(spent, role)| {
            let from = to;
            to += spent;
            (from, to, role)
        })
        .collect();
    Some(Row {
        name: part::path(path).to_owned(),
        value: time(to),
        parts,
        ..Row::default()
    })
}

/// The time of the twin that was measured in alternation with the plugin, if there is one.
fn twin(report: &Report, result: &ScenarioResult) -> Option<Vec<(f64, Role)>> {
    let beside = part::plainest(report, Path::Plugin).and_then(|plugin| {
        let (stages, toll) = (plugin.stages_ns?, plugin.toll?);
        let own = stages.guest - toll.sandbox_ns?;
        Some(vec![
            (toll.twin_total_ns? - own, Role::Infer),
            (own, Role::Guest),
        ])
    });
    beside.or_else(|| Some(vec![(result.latency_ns?.mean, Role::Guest)]))
}

fn plugin(result: &ScenarioResult) -> Option<Vec<(f64, Role)>> {
    let stages = result.stages_ns?;
    let sandbox = result
        .toll
        .and_then(|toll| toll.sandbox_ns)
        .unwrap_or_default();
    Some(vec![
        (stages.infer, Role::Infer),
        (stages.guest - sandbox.max(0.0), Role::Guest),
        (sandbox, Role::Sandbox),
        (
            stages.instantiate + stages.lift + stages.lower + stages.glue,
            Role::Crossing,
        ),
        (
            stages.queue + stages.batch + stages.keyvalue + stages.jail,
            Role::Wait,
        ),
    ])
}

fn table(results: &[&ScenarioResult]) -> Markup {
    let rows: Vec<_> = results
        .iter()
        .filter_map(|result| {
            let toll = result.toll?;
            Some(vec![
                part::path(result.path).to_owned(),
                time(toll.crossing_ns),
                part::known(toll.sandbox_ns, time),
                part::known(toll.by_parts_ns, time),
                part::known(toll.by_difference_ns, time),
                part::known(toll.ratio, |ratio| format!("{ratio:.3} ×")),
            ])
        })
        .collect();
    part::table(
        &[
            "path",
            "crossing cost",
            "sandbox cost",
            "toll by parts",
            "toll by difference",
            "of the twin's time",
        ],
        &rows,
    )
}
