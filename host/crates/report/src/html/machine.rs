//! Where and how it was measured: enough to repeat it.

use maud::{Markup, html};

use super::part;
use crate::record::{File, Inputs, Machine, Model, Report};
use crate::units::page::{percent, quantile, round_time, size};

/// A fact, with its name.
pub(super) type Fact = (String, String);

/// The section for a benchmark.
pub(super) fn section(report: &Report) -> Option<Markup> {
    let energy = (report.results.iter()).find_map(|result| {
        let energy = &result.energy;
        energy.source.clone().or_else(|| energy.reason.clone())
    });
    let machine = machine(&report.machine, energy);
    let files = files(&report.plugin, report.twin.as_ref(), &report.models);
    let settings = ("Settings", settings(report));
    Some(repeat(&report.command, &machine, settings, &files))
}

/// All that is needed to repeat the measurement.
pub(super) fn repeat(
    command: &[String],
    machine: &[Fact],
    (title, settings): (&str, Vec<Fact>),
    files: &[Fact],
) -> Markup {
    let body = html! {
        h3 { "The command" }
        pre { code { (self::command(command)) } }
        div.facts {
            (facts("Machine", machine))
            (facts(title, &settings))
            (facts("Files", files))
        }
    };
    part::section("machine", "Where and how it was measured", "", &body)
}

fn facts(title: &str, facts: &[Fact]) -> Markup {
    html! {
        div {
            h3 { (title) }
            dl.pairs { @for (name, value) in facts { dt { (name) } dd { (value) } } }
        }
    }
}

/// A fact.
pub(super) fn fact(name: &str, value: impl Into<String>) -> Fact {
    (name.to_owned(), value.into())
}

/// The facts about the machine.
pub(super) fn machine(machine: &Machine, energy: Option<String>) -> Vec<Fact> {
    let cpu = machine.cpu.clone();
    let mut facts = vec![
        fact("processor", part::known(cpu, |cpu| cpu)),
        fact("cores", machine.cores.to_string()),
        fact("memory", part::known(machine.memory_bytes, size)),
        fact(
            "system",
            format!("{}, {}", machine.os, machine.architecture),
        ),
        fact("Tollgate", machine.tollgate.clone()),
        fact("Wasmtime", machine.wasmtime.clone()),
        fact(
            "ONNX Runtime",
            machine
                .onnxruntime
                .clone()
                .unwrap_or_else(|| "none".to_owned()),
        ),
    ];
    facts.extend(energy.map(|energy| fact("energy counter", energy)));
    facts
}

fn settings(report: &Report) -> Vec<Fact> {
    let settings = &report.settings;
    let mut facts = vec![
        fact("device", settings.device.clone()),
        fact(
            "instances",
            format!(
                "{}, {}",
                settings.instances,
                part::count(settings.workers as u64, "worker")
            ),
        ),
        fact(
            "inference",
            format!(
                "{}, {}, {}",
                settings.mode,
                part::count(settings.sessions as u64, "session"),
                settings.threads.map_or_else(
                    || "threads as the mode says".to_owned(),
                    |threads| part::count(threads as u64, "thread")
                ),
            ),
        ),
        fact("optimization", settings.optimization.clone()),
    ];
    if let Some(max) = settings.batch_max {
        let waiting = match settings.batch_delay_ns {
            None | Some(0) => "never waiting for more".to_owned(),
            Some(delay) => format!("waiting {} for more", round_time(delay as f64)),
        };
        facts.push(fact("batches", format!("up to {max}, {waiting}")));
    }
    if let Some(variant) = &settings.variant {
        facts.push(fact("variant", variant.clone()));
    }
    if let Some(bound) = report.bound {
        facts.push(fact(
            "bound",
            format!(
                "{} within {}",
                quantile(bound.quantile),
                round_time(bound.latency_ns as f64)
            ),
        ));
    }
    facts.extend([
        fact("queue", part::count(settings.queue as u64, "frame")),
        fact("seed", settings.seed.to_string()),
        fact(
            "windows",
            format!(
                "of {}, until three agree within {}, {} at most",
                round_time(settings.window_ns as f64),
                percent(settings.tolerance),
                settings.max_windows
            ),
        ),
        inputs(&report.inputs),
    ]);
    facts
}

/// The frames that were used.
pub(super) fn inputs(inputs: &Inputs) -> Fact {
    let frames = part::count(inputs.frames, "frame");
    fact("inputs", format!("{frames}, {}", size(inputs.bytes)))
}

/// The files that were used, identified by their content.
pub(super) fn files(plugin: &File, twin: Option<&File>, models: &[Model]) -> Vec<Fact> {
    let describe = |file: &File| {
        format!(
            "{} ({}), SHA-256 {}",
            file.path,
            size(file.bytes),
            file.sha256
        )
    };
    let mut facts = vec![fact("plugin", describe(plugin))];
    if let Some(twin) = twin {
        facts.push(fact("twin", describe(twin)));
    }
    for model in models {
        let variant = model.variant.as_ref();
        let variant = variant.map_or_else(String::new, |variant| format!(", {variant}"));
        facts.push((
            format!("model {}{variant}", model.name),
            describe(&model.file),
        ));
    }
    facts
}

/// The command, quoted for a shell.
fn command(words: &[String]) -> String {
    let words: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "_@%+=:,./-".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_typed_again() {
        let words = [
            "tollgate", "bench", "a b.wasm", "it's", "", "--p99", "5ms", "$HOME",
        ];
        let words: Vec<_> = words.map(str::to_owned).into();
        assert_eq!(
            command(&words),
            "tollgate bench 'a b.wasm' 'it'\\''s' '' --p99 5ms '$HOME'"
        );
    }
}
