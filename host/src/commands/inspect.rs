//! `tollgate inspect`: describes a WebAssembly file without running it.

use std::{fmt::Write, process::ExitCode};

use anyhow::Context;
use serde_json::to_value;

use crate::{cli::InspectArgs, egress, remedy};
use tollgate_inspect::{Import, Inspection, Need};
use tollgate_report::terminal::escaped;

/// The largest number of lines of one list in the text.
const SHOWN: usize = 200;

/// Runs the command.
///
/// # Errors
///
/// The file cannot be read, or is not WebAssembly.
pub fn run(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let wasm = super::load::read_plugin(&args.file)?;
    let mut seen = tollgate_inspect::inspect(&wasm)
        .with_context(|| format!("cannot inspect `{}`", args.file.display()))?;
    for import in &mut seen.imports {
        if let Some(grant) = import.asks {
            import.grant = remedy::grant(grant).to_owned();
        }
    }
    if args.json {
        egress::print_json(&seen)?;
    } else {
        egress::print(text(&seen).trim_end())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The inspection as text.
fn text(seen: &Inspection) -> String {
    let mut out = String::new();
    // Writing into a `String` cannot fail.
    render(seen, &mut out).ok();
    out
}

/// The name of an enum's value, as in the JSON.
fn word(value: impl serde::Serialize) -> String {
    let value = to_value(value).ok();
    value
        .as_ref()
        .and_then(|value| value.as_str())
        .unwrap_or_default()
        .to_owned()
}

fn render(seen: &Inspection, out: &mut String) -> std::fmt::Result {
    let mut line = |name: &str, value: String| writeln!(out, "{name:<10} {value}");
    line("kind", word(seen.kind))?;
    line("world", word(seen.world))?;
    if let Some(wasi) = seen.wasi {
        line("wasi", word(wasi))?;
    }
    line("calls", word(seen.calls))?;
    if let Some(language) = &seen.language {
        line("written in", escaped(language))?;
    }
    if !seen.features.is_empty() {
        line("features", seen.features.join(", "))?;
    }
    for producer in seen.producers.iter().take(SHOWN) {
        let who = escaped(&format!("{} {}", producer.name, producer.version));
        line(&escaped(&producer.role), who.trim_end().to_owned())?;
    }
    line(
        "size",
        format!(
            "{} ({} of code, {} of data, {} of custom sections)",
            bytes(seen.bytes),
            bytes(seen.code_bytes),
            bytes(seen.data_bytes),
            bytes(seen.custom_bytes)
        ),
    )?;
    let most = match seen.memory_max_bytes {
        Some(most) if seen.memory_bytes > 0 => format!("at most {}", bytes(most)),
        _ => "more when it asks, up to --max-memory".to_owned(),
    };
    line(
        "memory",
        format!("{} when it starts, {most}", bytes(seen.memory_bytes)),
    )?;
    imports(&seen.imports, out)?;
    writeln!(out, "exports")?;
    for export in seen.exports.iter().take(SHOWN) {
        writeln!(out, "  {}", escaped(export))?;
    }
    more(seen.exports.len(), out)?;
    for note in &seen.notes {
        writeln!(out, "note: {}", escaped(note))?;
    }
    Ok(())
}

fn imports(imports: &[Import], out: &mut String) -> std::fmt::Result {
    writeln!(out, "imports")?;
    if imports.is_empty() {
        return writeln!(out, "  none");
    }
    for import in imports.iter().take(SHOWN) {
        let grant = escaped(&import.grant);
        write!(out, "  {}", escaped(&import.name))?;
        match import.need {
            Need::Nothing => {}
            Need::Grant => write!(out, "\n      needs {grant}")?,
            Need::NotOffered => write!(out, "\n      NOT OFFERED: {grant}")?,
        }
        writeln!(out)?;
    }
    more(imports.len(), out)
}

/// Adds how many entries of a list are not shown.
fn more(count: usize, out: &mut String) -> std::fmt::Result {
    match count.saturating_sub(SHOWN) {
        0 => Ok(()),
        left => writeln!(out, "  and {left} more, with --json"),
    }
}

/// Bytes with a suitable unit.
fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    let kib = count as f64 / 1024.0;
    if count < 1024 {
        format!("{count} B")
    } else if kib < 1024.0 {
        format!("{kib:.1} KiB")
    } else {
        format!("{:.1} MiB", kib / 1024.0)
    }
}
