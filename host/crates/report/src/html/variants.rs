//! Variants of a model: their accuracy and their speed.

use maud::{Markup, html};

use super::{
    axis::Axis,
    part,
    plot::{Look, Plot, Point, Series},
    role::Role,
};
use crate::record::{Report, Variant};
use crate::units::page::{energy, number, percent, round_percent, round_time, size, time};

/// The section; `None` if there is nothing to compare.
pub(super) fn section(report: &Report) -> Option<Markup> {
    if report.variants.is_empty() {
        return None;
    }
    let body = html! {
        @if let Some(plot) = plot(report) { (plot.markup()) }
        (table(&report.variants))
    };
    let says = "Up is more often right, left is sooner.";
    Some(part::section(
        "variants",
        "Variants by accuracy and speed",
        says,
        &body,
    ))
}

/// The chart, if there are two variants to compare.
fn plot(report: &Report) -> Option<Plot> {
    let chosen = report.chosen.as_ref();
    let chosen = chosen.and_then(|chosen| chosen.settings.variant.as_deref());
    let points: Vec<_> = report
        .variants
        .iter()
        .filter_map(|variant| {
            Some(Point {
                x: variant.latency_ns?.p50? as f64,
                y: variant.accuracy?.values,
                label: variant.name.clone(),
                chosen: chosen == Some(variant.name.as_str()),
            })
        })
        .collect();
    if points.len() < 2 {
        return None;
    }
    let x = Axis::log(
        "p50 latency, single-stream",
        points.iter().map(|point| point.x),
        round_time,
    )?;
    let ys = points.iter().map(|point| point.y);
    Some(Plot {
        says: "Values that are right against latency, by variant".to_owned(),
        x,
        y: Axis::linear("values that are right", ys, 0.0..1.0, round_percent)?,
        series: vec![Series {
            name: String::new(),
            role: Role::Plugin,
            look: Look::Apart,
            points,
        }],
        bound: None,
        label_on_phones: true,
    })
}

fn table(variants: &[Variant]) -> Markup {
    let rows: Vec<_> = variants
        .iter()
        .map(|variant| {
            let latency = variant.latency_ns.unwrap_or_default();
            let shown = |value: Option<u64>| part::known(value, |value| time(value as f64));
            vec![
                variant.name.clone(),
                part::known(variant.accuracy, |accuracy| percent(accuracy.values)),
                part::known(variant.accuracy, |accuracy| percent(accuracy.frames)),
                shown(latency.p50),
                shown(latency.p99),
                part::known(variant.frames_per_second, number),
                size(variant.bytes),
                part::known(variant.energy.joules_per_inference, energy),
            ]
        })
        .collect();
    part::table(
        &[
            "variant",
            "values right",
            "frames right",
            "p50",
            "p99",
            "frames/s offline",
            "size",
            "energy/inference",
        ],
        &rows,
    )
}
