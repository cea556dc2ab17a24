//! Our side of `cargo xtask bench peers`: many callers of one model on one path, measured when asked.
//!
//! It takes the path and a JSON object ([`Setup`]), and writes one line when it is ready: the version
//! of ONNX Runtime, what the first caller's first inference answered, so that the driver can see that
//! all servers compute the same, and how many inferences are merged at most. From then on it answers each line `load LEAD MEASURED`, both in
//! milliseconds, with one line of JSON ([`load::Load`]), and ends with its input. The other servers
//! (`tests/peers`) speak the same lines. It knows nothing of them, and judges nothing.
//!
//! - `native`: [`tollgate_nn`] with no sandbox, batching off;
//! - `concurrent`: sandboxes, batching off;
//! - `batched`: sandboxes, and whatever our batcher does by default.

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tollgate_nn::{BatchOptions, BatchPolicy, Graph, GraphOptions, GraphRegistry, OnnxRuntime};
use tollgate_services::NnHost;

mod guest;
#[path = "../../../peers/load.rs"]
mod load;
mod native;

use load::{Caller, load};

/// The name that a guest loads the model by.
const GRAPH: &str = "model";

/// What this process measures.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    /// The shared library of ONNX Runtime.
    onnxruntime: PathBuf,
    /// The guest.
    component: PathBuf,
    /// The ONNX file.
    model: PathBuf,
    /// The name of the model's one input, which is f32.
    input: String,
    /// The dimensions of that input.
    dimensions: Vec<u32>,
    /// How many callers there are. Each one's input is drawn from a seed of its own,
    /// the first one's from 1.
    guests: u32,
}

#[derive(Serialize)]
struct Ready<'a> {
    onnxruntime: &'a str,
    answer: f32,
    /// Rows in one run, at most.
    merged: u32,
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(setup)) = (arguments.next(), arguments.next()) else {
        bail!("expected two arguments: a path, and a JSON object with what to measure");
    };
    let setup: Setup = serde_json::from_str(&setup).context("the second is not a setup")?;
    OnnxRuntime::load(Some(&setup.onnxruntime))?;
    let policy = match path.as_str() {
        "native" | "concurrent" => BatchPolicy::Off,
        "batched" => BatchPolicy::default(),
        _ => bail!("expected the path `native`, `concurrent` or `batched`, got `{path}`"),
    };
    let options = graph_options(policy);
    let registry = GraphRegistry::new();
    let graph = registry.load_file(GRAPH, &setup.model, &options)?;
    if path == "native" {
        serve(&graph, &mut native::callers(&setup, &graph)?)
    } else {
        let host = NnHost::new(Arc::new(registry), options);
        serve(&graph, &mut guest::callers(&setup, host)?)
    }
}

/// The default options, but for what is merged.
fn graph_options(policy: BatchPolicy) -> GraphOptions {
    let batch = BatchOptions {
        policy,
        ..BatchOptions::default()
    };
    GraphOptions {
        batch,
        ..GraphOptions::default()
    }
}

/// A caller that says what its last inference answered.
trait Answers: Caller<Error = anyhow::Error> {
    fn answer(&self) -> f32;
}

fn serve(graph: &Graph, callers: &mut [impl Answers]) -> anyhow::Result<()> {
    for caller in &mut *callers {
        caller.call()?;
    }
    let first = callers.first().context("expected at least one guest")?;
    answer(&Ready {
        onnxruntime: OnnxRuntime::loaded()?.version(),
        answer: first.answer(),
        merged: graph.batching().max,
    })?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["load", lead, measured] = words.as_slice() else {
            bail!("expected `load LEAD MEASURED`, got `{line}`");
        };
        let lead = Duration::from_millis(lead.parse()?);
        let measured = Duration::from_millis(measured.parse()?);
        answer(&load(callers, lead, measured)?)?;
    }
    Ok(())
}

fn answer(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    Ok(out.flush()?)
}
