//! The sandbox: a guest on `tollgate-runtime`, as a worker would run it, ledger and deadline on.
//!
//! The time of a call is the clock's, around the call; ONNX Runtime's part of it is the ledger's.

use crate::{Call, GRAPH, Setup, bare::Bare};
use anyhow::Context;
use serde::Serialize;
use std::sync::Arc;
use tollgate_nn::{GraphOptions, GraphRegistry, clock::Stamp};
use tollgate_runtime::{Engine, Instance, Plugin, Typed};
use tollgate_services::{Grants, GraphGrant, Ledger, Limits, NnHost, probe};

type Prepare = (String, String, Vec<u32>, u32);
type Said<T> = (Result<T, String>,);

/// How often the smallest things are repeated between two readings of the clock.
const REPEATS: u32 = 100;
/// Inferences in one call to count stamps by. Few: a call has a deadline, and models may be slow.
const COUNTED: u32 = 4;

/// A guest that is ready to infer.
pub struct Guest {
    host: Host,
    instance: Instance,
    infer: Typed<(u32,), Said<f32>>,
    empty: Typed<(), ()>,
}

/// What every instance is made of.
struct Host {
    plugin: Plugin,
    nn: NnHost,
    grants: Grants,
    limits: Limits,
}

/// What the smallest things cost, in nanoseconds: medians, and the least beside them.
#[derive(Serialize)]
pub struct Micro {
    /// A call of an export that does nothing, the instance being warm.
    empty_call_ns: f64,
    least_empty_call_ns: f64,
    /// Making an instance and dropping it.
    instantiate_drop_ns: f64,
    least_instantiate_drop_ns: f64,
    /// One stamp of the ledger, calibrated.
    stamp_ns: f64,
    /// Stamps that one more inference in a call takes.
    stamps_per_inference: f64,
    /// The product of the two: what the account costs an inference.
    probe_ns_per_inference: f64,
    /// A call of one inference with nothing behind it ([`Bare`]).
    bare_call_ns: f64,
    least_bare_call_ns: f64,
}

impl Host {
    fn instance(&self) -> anyhow::Result<Instance> {
        let made = Instance::new(&self.plugin, &self.nn, &self.grants, &self.limits);
        Ok(made?)
    }
}

impl Guest {
    pub fn new(setup: &Setup) -> anyhow::Result<Self> {
        let shown = setup.component.display();
        let wasm = std::fs::read(&setup.component)
            .with_context(|| format!("expected a guest at {shown}: run `cargo xtask guests`"))?;
        let options = GraphOptions::default();
        let registry = GraphRegistry::new();
        registry.load_file(GRAPH, &setup.model, &options)?;
        let host = Host {
            plugin: Plugin::any(
                &Engine::new(&tollgate_deploy::reserve::engine_config(
                    1,
                    &Limits::default(),
                )),
                &wasm,
            )?,
            nn: NnHost::new(Arc::new(registry), options),
            grants: Grants {
                graphs: GraphGrant::All,
                ..Grants::default()
            },
            limits: Limits::default(),
        };
        let mut instance = host.instance()?;
        let prepare: Typed<Prepare, Said<()>> = instance.typed("prepare")?;
        let arguments = (
            GRAPH.to_owned(),
            setup.input.clone(),
            setup.dimensions.clone(),
            1,
        );
        let (prepared,) = instance.call(&prepare, arguments, 3, &mut Ledger::open())?;
        prepared.map_err(anyhow::Error::msg)?;
        Ok(Self {
            infer: instance.typed("infer")?,
            empty: instance.typed("empty")?,
            instance,
            host,
        })
    }

    pub fn call(&mut self, times: u32) -> anyhow::Result<Call> {
        let before = Stamp::now();
        let mut ledger = Ledger::open_at(before);
        ledger.start();
        let (answer,) = self.instance.call(&self.infer, (times,), 0, &mut ledger)?;
        let after = Stamp::now();
        let answer = answer.map_err(anyhow::Error::msg)?;
        anyhow::ensure!(
            answer.is_finite(),
            "expected a finite score, got {answer}: the model is not as it should be"
        );
        Ok(Call {
            total: after.nanos_since(before),
            run: ledger.close().stages.infer,
        })
    }

    /// `calls` measurements of each small thing.
    pub fn micro(&mut self, setup: &Setup, calls: usize) -> anyhow::Result<Micro> {
        let empty = measure(calls, || {
            let mut ledger = Ledger::open();
            Ok(self.instance.call(&self.empty, (), 0, &mut ledger)?)
        })?;
        let instantiate = measure(calls, || {
            drop(self.host.instance()?);
            Ok(())
        })?;
        let mut bare = Bare::new(setup)?;
        let bare = measure(calls, || bare.call())?;
        let stamp_ns = probe::calibrate().stamp_ns;
        let more = self.stamps(1 + COUNTED)?.saturating_sub(self.stamps(1)?);
        let stamps_per_inference = more as f64 / f64::from(COUNTED);
        Ok(Micro {
            empty_call_ns: empty.median,
            least_empty_call_ns: empty.least,
            instantiate_drop_ns: instantiate.median,
            least_instantiate_drop_ns: instantiate.least,
            stamp_ns,
            stamps_per_inference,
            probe_ns_per_inference: stamp_ns * stamps_per_inference,
            bare_call_ns: bare.median,
            least_bare_call_ns: bare.least,
        })
    }

    /// Stamps that a call of so many inferences takes.
    fn stamps(&mut self, times: u32) -> anyhow::Result<u64> {
        let mut ledger = Ledger::open();
        let (answer,) = self.instance.call(&self.infer, (times,), 0, &mut ledger)?;
        answer.map_err(anyhow::Error::msg)?;
        Ok(ledger.close().counts.stamps)
    }
}

struct Cost {
    median: f64,
    least: f64,
}

/// What one time of `what` costs, from `calls` measurements of [`REPEATS`] times each.
fn measure(calls: usize, mut what: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Cost> {
    let mut costs = Vec::with_capacity(calls);
    for _ in 0..calls {
        let before = Stamp::now();
        for _ in 0..REPEATS {
            what()?;
        }
        let spent = Stamp::now().nanos_since(before);
        costs.push(spent as f64 / f64::from(REPEATS));
    }
    costs.sort_by(f64::total_cmp);
    let at = |index: usize| costs.get(index).copied().context("expected a measurement");
    Ok(Cost {
        median: at(costs.len() / 2)?,
        least: at(0)?,
    })
}
