//! One side of `cargo xtask bench languages`: the guest `repeat` in one language, measured when asked.
//!
//! It takes a JSON object ([`Setup`]) and writes one line when it is ready. From then on it answers each line of its
//! input, `round CALLS TIMES`, with one line of JSON: two arrays of CALLS numbers, `call_ns` and `run_ns`. A call hands
//! over a frame that asks for TIMES inferences, as a worker would, ledger and deadline on; `run_ns` is what ONNX
//! Runtime's own `Run` took of that call, from the ledger. It ends with its input, and judges nothing.

use std::{
    io::{BufRead, Write},
    path::PathBuf,
    sync::Arc,
};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use tollgate_deploy::{cache::Cache, compile::Compiler};
use tollgate_jail::Strength;
use tollgate_nn::{GraphOptions, GraphRegistry, OnnxRuntime, clock::Stamp};
use tollgate_runtime::{Engine, Instance};
use tollgate_services::{Frame, Grants, GraphGrant, Ledger, Limits, NnHost};

/// The name that the guests load the model by.
const GRAPH: &str = "mlp";

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
    /// A folder for compiled code: Python takes half a minute to compile.
    cache: PathBuf,
    /// The guest's word for how it is to infer.
    how: char,
}

#[derive(Serialize)]
struct Ready<'a> {
    onnxruntime: &'a str,
}

#[derive(Default, Serialize)]
struct Round {
    call_ns: Vec<u64>,
    run_ns: Vec<u64>,
}

fn main() -> anyhow::Result<()> {
    let setup = std::env::args().nth(1);
    let setup = setup.context("expected one argument: a JSON object with what to measure")?;
    let setup: Setup = serde_json::from_str(&setup).context("the argument is not a setup")?;
    let onnxruntime = OnnxRuntime::load(Some(&setup.onnxruntime))?;
    let mut instance = instance(&setup)?;
    answer(&Ready {
        onnxruntime: onnxruntime.version(),
    })?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["round", calls, times] = words.as_slice() else {
            bail!("expected `round CALLS TIMES`, got `{line}`");
        };
        let (calls, times): (usize, u8) = (calls.parse()?, times.parse()?);
        let frame = Frame {
            sequence: 0,
            source: "bench".into(),
            content_type: "".into(),
            acquired_ns: 0,
            data: vec![u8::try_from(setup.how)?, times].into(),
        };
        let mut round = Round::default();
        for _ in 0..calls {
            let (call_ns, run_ns) = call(&mut instance, &frame)?;
            round.call_ns.push(call_ns);
            round.run_ns.push(run_ns);
        }
        answer(&round)?;
    }
    Ok(())
}

fn instance(setup: &Setup) -> anyhow::Result<Instance> {
    let shown = setup.component.display();
    let wasm = std::fs::read(&setup.component)
        .with_context(|| format!("expected a guest at {shown}: run `cargo xtask test`"))?;
    let engine = Engine::new(&tollgate_deploy::reserve::engine_config(
        1,
        &Limits::default(),
    ));
    let (plugin, _) =
        Cache::open(&setup.cache)?.load(&engine, &wasm, &Compiler::new(Strength::Off))?;
    let options = GraphOptions::default();
    let registry = GraphRegistry::new();
    registry.load_file(GRAPH, &setup.model, &options)?;
    let host = NnHost::new(Arc::new(registry), options);
    let grants = Grants {
        graphs: GraphGrant::All,
        ..Grants::default()
    };
    let limits = Limits::default();
    Ok(Instance::new(&plugin, &host, &grants, &limits)?)
}

/// Nanoseconds of one call, and of ONNX Runtime's runs in it.
fn call(instance: &mut Instance, frame: &Frame) -> anyhow::Result<(u64, u64)> {
    let before = Stamp::now();
    let mut ledger = Ledger::open();
    ledger.start();
    let handled = instance.handle(frame, &mut ledger)?;
    let after = Stamp::now();
    let outputs = handled.map_err(|fault| anyhow::anyhow!("{fault}"))?;
    let bytes: Vec<usize> = outputs.iter().map(|output| output.data.len()).collect();
    ensure!(
        bytes == [4],
        "expected one float, got outputs of {bytes:?} bytes"
    );
    Ok((after.nanos_since(before), ledger.close().stages.infer))
}

fn answer(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    Ok(out.flush()?)
}
