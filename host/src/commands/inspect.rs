//! `tollgate inspect`: describes a WebAssembly file without running it, and compiles it if asked.

use std::{fmt::Write, process::ExitCode};

use anyhow::Context;
use serde::Serialize;
use serde_json::to_value;

use super::load::{explain, read_plugin};
use crate::{cli::InspectArgs, egress, progress, remedy};
use tollgate_deploy::compile::{Checked, Compiler};
use tollgate_inspect::{Import, Inspection, Need};
use tollgate_report::{terminal::escaped, units};

/// The largest number of lines of one list in the text.
const SHOWN: usize = 200;

#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    seen: Inspection,
    #[serde(skip_serializing_if = "Option::is_none")]
    check: Option<Check>,
}

/// What came of compiling it.
#[derive(Serialize)]
struct Check {
    accepted: bool,
    #[serde(flatten)]
    checked: Option<Checked>,
    /// Why it is not accepted.
    problem: Option<String>,
}

/// Runs the command.
///
/// # Errors
///
/// The file cannot be read, or is not WebAssembly.
pub fn run(args: &InspectArgs) -> anyhow::Result<ExitCode> {
    let wasm = read_plugin(&args.file)?;
    let mut seen = tollgate_inspect::inspect(&wasm)
        .with_context(|| format!("cannot inspect `{}`", args.file.display()))?;
    for import in &mut seen.imports {
        if let Some(grant) = import.asks {
            import.grant = remedy::grant(grant).to_owned();
        }
    }
    let check = args.check.then(|| {
        let _spinner = progress::spinner("compiling it");
        let checked = Compiler::new(args.jail).check(&wasm);
        let checked = checked.map_err(|error| remedy::explained(&explain(error, &wasm, None)));
        Check {
            accepted: checked.is_ok(),
            problem: checked.as_ref().err().cloned(),
            checked: checked.ok(),
        }
    });
    let refused = check.as_ref().is_some_and(|check| !check.accepted);
    let report = Report { seen, check };
    if args.json {
        egress::print_json(&report)?;
    } else {
        egress::print(text(&report).trim_end())?;
    }
    Ok(ExitCode::from(u8::from(refused)))
}

/// The inspection as text.
fn text(report: &Report) -> String {
    let mut out = String::new();
    // Writing into a `String` cannot fail.
    render(&report.seen, &mut out).ok();
    if let Some(check) = &report.check {
        writeln!(out, "check      {}", check.words()).ok();
    }
    out
}

impl Check {
    fn words(&self) -> String {
        let refused = || escaped(self.problem.as_deref().unwrap_or_default());
        self.checked.map_or_else(
            || format!("refused: {}", refused()),
            |Checked {
                 compile_ns,
                 code_bytes,
             }| {
                let took = units::time(compile_ns as f64);
                format!(
                    "accepted, compiled in {took} to {} of code",
                    bytes(code_bytes)
                )
            },
        )
    }
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
