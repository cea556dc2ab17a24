//! `tollgate pack`: turns a compiler's output into a plugin to ship, without another tool.
//!
//! A core module that describes a component is encoded as one. Sections that only debuggers read
//! are removed unless they are to be kept. The result is compiled once. So it is known to be
//! accepted, and on this machine it starts from the cache.

use std::{path::Path, process::ExitCode};

use anyhow::{Context, bail};
use serde::Serialize;
use tollgate_runtime::Engine;
use wit_component::ComponentEncoder;

use crate::{cli::PackArgs, config::Environment, egress};
use tollgate_deploy::reserve::widest_config;
use tollgate_files::place::{self, Place};
use tollgate_inspect::Kind;

/// The schema of this command's JSON.
const SCHEMA: &str = "tollgate.pack/1";

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    input: String,
    output: String,
    /// Whether a core module was encoded as a component.
    encoded: bool,
    input_bytes: u64,
    output_bytes: u64,
}

/// Runs the command.
///
/// # Errors
///
/// The file cannot be read, is no plugin or command, or the output cannot be written.
pub fn run(args: &PackArgs, environment: &Environment) -> anyhow::Result<ExitCode> {
    let wasm = super::load::read_plugin(&args.file)?;
    let name = args.file.display();
    let seen = tollgate_inspect::inspect(&wasm).with_context(|| format!("cannot pack `{name}`"))?;
    let encoded = seen.kind == Kind::UnencodedComponent;
    let output = match &args.output {
        Some(output) => output.clone(),
        None if encoded => args.file.with_extension("component.wasm"),
        None => args.file.with_extension("packed.wasm"),
    };
    if same_file(&args.file, &output) {
        bail!("`{name}` would be overwritten by itself: name another file with --output");
    }
    Place::file("the component", &output)?;
    let packed = packed(&name.to_string(), &wasm, encoded, args.keep_names)?;
    // It may be run with higher limits than the default.
    let engine = Engine::new(&widest_config());
    let dir = environment.cache_dir();
    super::load::compiled(&engine, &packed, dir.as_deref(), args.jail)
        .map_err(|error| super::load::explain(error, &packed, None))
        .with_context(|| format!("what `{name}` makes would not be accepted"))?;
    for note in &tollgate_inspect::inspect(&packed)?.notes {
        tracing::warn!(file = %output.display(), "{note}");
    }
    place::replace(&output, &packed)
        .with_context(|| format!("cannot write `{}`", output.display()))?;
    let report = Report {
        schema: SCHEMA,
        input: name.to_string(),
        output: output.display().to_string(),
        encoded,
        input_bytes: wasm.len() as u64,
        output_bytes: packed.len() as u64,
    };
    if args.json {
        egress::print_json(&report)?;
    } else {
        let what = if encoded { "encoded, " } else { "" };
        egress::print(&format!(
            "{}: {what}{} bytes from {}",
            tollgate_report::terminal::escaped(&report.output),
            report.output_bytes,
            report.input_bytes
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The file `name` in the form to ship: encoded as a component if it describes one, and without
/// sections for debuggers unless they are to be kept.
///
/// # Errors
///
/// It cannot be encoded as a component, or is damaged.
pub fn packed(name: &str, wasm: &[u8], encode: bool, keep_names: bool) -> anyhow::Result<Vec<u8>> {
    let encoded = if encode {
        let mut fresh = ComponentEncoder::default();
        fresh
            .validate(true)
            .module(wasm)
            .and_then(|encoder| encoder.encode())
            .with_context(|| format!("`{name}` does not make a component"))?
    } else {
        wasm.to_vec()
    };
    if keep_names {
        return Ok(encoded);
    }
    tollgate_wasm::strip(&encoded).with_context(|| format!("cannot read `{name}` whole"))
}

fn same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}
