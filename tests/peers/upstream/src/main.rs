//! The peer in `cargo xtask bench boundary`: upstream's wasi-nn, used the ordinary way.
//!
//! It takes one argument, a JSON object ([`Setup`]), and writes one line when it is ready. From then
//! on it answers each line `round CALLS TIMES` with one line: a JSON object with two arrays of
//! CALLS numbers, `call_ns` and `run_ns`, where a call asks the guest for TIMES inferences and
//! `run_ns` is what ONNX Runtime's own `Run` took of that call. It ends with its input. Our own
//! server speaks the same lines. Nothing here is tuned: what upstream's users get is what is measured.

use quanta::Clock;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use wasmtime::component::{Component, Instance, Linker, ResourceTable, TypedFunc};
use wasmtime::error::Context;
use wasmtime::{Engine, Result, Store, bail, ensure};
use wasmtime_wasi_nn::backend::{BackendInner, onnx::OnnxBackend};
use wasmtime_wasi_nn::wit::{ExecutionTarget, WasiNnCtx, WasiNnView};
use wasmtime_wasi_nn::{Backend, Graph, GraphRegistry, Registry};

mod timed_run;

/// What this process measures.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    /// The shared library of ONNX Runtime.
    onnxruntime: PathBuf,
    /// The guest.
    component: PathBuf,
    /// The ONNX file; the guest loads it by the name `model`.
    model: PathBuf,
    /// The name of the model's one input, which is f32.
    input: String,
    /// The dimensions of that input.
    dimensions: Vec<u32>,
}

#[derive(Serialize)]
struct Ready {
    onnxruntime: String,
}

#[derive(Serialize)]
struct Round {
    call_ns: Vec<u64>,
    run_ns: Vec<u64>,
}

/// One graph under one name.
struct Registered(Graph);

impl GraphRegistry for Registered {
    fn get(&self, name: &str) -> Option<&Graph> {
        (name == "model").then_some(&self.0)
    }

    fn get_mut(&mut self, name: &str) -> Option<&mut Graph> {
        (name == "model").then_some(&mut self.0)
    }
}

struct State {
    table: ResourceTable,
    nn: WasiNnCtx,
}

/// What the guest answers.
type Said<T> = std::result::Result<T, String>;

struct Guest {
    store: Store<State>,
    infer: TypedFunc<(u32,), (Said<f32>,)>,
    clock: Clock,
}

fn main() -> Result<()> {
    let setup = std::env::args().nth(1);
    let setup = setup.context("expected one argument, a JSON object with what to measure")?;
    let setup: Setup = serde_json::from_str(&setup).context("the argument is not a setup")?;

    let clock = Clock::new();
    let onnxruntime = timed_run::install(&setup.onnxruntime, &clock)?;
    let mut guest = Guest::new(&setup, clock)?;
    answer(&Ready { onnxruntime })?;

    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["round", calls, times] = words.as_slice() else {
            bail!("expected `round CALLS TIMES`, got `{line}`");
        };
        answer(&guest.round(calls.parse()?, times.parse()?)?)?;
    }
    Ok(())
}

fn answer(value: &impl Serialize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

impl Guest {
    fn new(setup: &Setup, clock: Clock) -> Result<Self> {
        let engine = Engine::default();
        let component = Component::from_file(&engine, &setup.component)?;
        let mut linker = Linker::new(&engine);
        wasmtime_wasi_nn::wit::add_to_linker(&mut linker, |state: &mut State| {
            WasiNnView::new(&mut state.table, &mut state.nn)
        })?;
        let state = State {
            table: ResourceTable::new(),
            nn: context(&setup.model)?,
        };
        let mut store = Store::new(&engine, state);
        let instance: Instance = linker.instantiate(&mut store, &component)?;

        let prepare = instance
            .get_typed_func::<(&str, &str, &[u32], u32), (Said<()>,)>(&mut store, "prepare")?;
        let arguments = ("model", &*setup.input, &*setup.dimensions, 1);
        let (prepared,) = prepare.call(&mut store, arguments)?;
        prepared.map_err(wasmtime::Error::msg)?;
        let infer = instance.get_typed_func(&mut store, "infer")?;
        Ok(Self {
            store,
            infer,
            clock,
        })
    }

    /// `calls` calls of `times` inferences each.
    fn round(&mut self, calls: usize, times: u32) -> Result<Round> {
        let mut round = Round {
            call_ns: Vec::with_capacity(calls),
            run_ns: Vec::with_capacity(calls),
        };
        timed_run::take();
        for _ in 0..calls {
            let before = self.clock.raw();
            let (answer,) = self.infer.call(&mut self.store, (times,))?;
            let after = self.clock.raw();
            let answer = answer.map_err(wasmtime::Error::msg)?;
            ensure!(
                answer.is_finite(),
                "expected a finite score, got {answer}: the model is not as it should be"
            );
            round.call_ns.push(self.clock.delta_as_nanos(before, after));
            round
                .run_ns
                .push(self.clock.delta_as_nanos(0, timed_run::take()));
        }
        Ok(round)
    }
}

/// Upstream's context with its ONNX backend and one graph, loaded as its backend loads it.
fn context(model: &Path) -> Result<WasiNnCtx> {
    let bytes = std::fs::read(model)
        .with_context(|| format!("expected an ONNX file at {}", model.display()))?;
    let mut backend = OnnxBackend::default();
    let graph = backend.load(&[&bytes], ExecutionTarget::Cpu)?;
    let registry = Registry::from(Registered(graph));
    Ok(WasiNnCtx::new([Backend::from(backend)], registry))
}
