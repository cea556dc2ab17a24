//! Guests on upstream's wasi-nn: each a store of its own, all of one engine, one component and one
//! graph, whose session upstream keeps behind a mutex. Nothing here is tuned: what upstream's users
//! get is what is measured.

use crate::{Round, Setup, load::Caller, timed_run};
use quanta::Clock;
use wasmtime::component::{Component, Linker, ResourceTable, TypedFunc};
use wasmtime::error::Context;
use wasmtime::{Engine, Result, Store, ensure};
use wasmtime_wasi_nn::backend::{BackendInner, onnx::OnnxBackend};
use wasmtime_wasi_nn::wit::{ExecutionTarget, WasiNnCtx, WasiNnView};
use wasmtime_wasi_nn::{Backend, Graph, GraphRegistry, Registry};

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

/// A guest that is ready to infer.
pub struct Guest {
    store: Store<State>,
    infer: TypedFunc<(u32,), (Said<f32>,)>,
    /// What the last inference answered.
    pub answer: f32,
}

/// As many guests as the setup says.
pub fn guests(setup: &Setup) -> Result<Vec<Guest>> {
    let engine = Engine::default();
    let component = Component::from_file(&engine, &setup.component)?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi_nn::wit::add_to_linker(&mut linker, |state: &mut State| {
        WasiNnView::new(&mut state.table, &mut state.nn)
    })?;
    let bytes = std::fs::read(&setup.model)
        .with_context(|| format!("expected an ONNX file at {}", setup.model.display()))?;
    let graph = OnnxBackend::default().load(&[&bytes], ExecutionTarget::Cpu)?;

    let guest = |seed: u32| {
        let backend = Backend::from(OnnxBackend::default());
        let registry = Registry::from(Registered(graph.clone()));
        let state = State {
            table: ResourceTable::new(),
            nn: WasiNnCtx::new([backend], registry),
        };
        let mut store = Store::new(&engine, state);
        let instance = linker.instantiate(&mut store, &component)?;
        let prepare = instance
            .get_typed_func::<(&str, &str, &[u32], u32), (Said<()>,)>(&mut store, "prepare")?;
        let arguments = ("model", &*setup.input, &*setup.dimensions, seed);
        let (prepared,) = prepare.call(&mut store, arguments)?;
        prepared.map_err(wasmtime::Error::msg)?;
        Ok(Guest {
            infer: instance.get_typed_func(&mut store, "infer")?,
            store,
            answer: 0.0,
        })
    };
    // The guest's generator takes odd seeds only.
    (0..setup.guests)
        .map(|index| guest(2 * index + 1))
        .collect()
}

impl Guest {
    /// A call of `times` inferences.
    fn infer(&mut self, times: u32) -> Result<()> {
        let (answer,) = self.infer.call(&mut self.store, (times,))?;
        self.answer = answer.map_err(wasmtime::Error::msg)?;
        ensure!(
            self.answer.is_finite(),
            "expected a finite score, got {}: the model is not as it should be",
            self.answer
        );
        Ok(())
    }

    /// `calls` calls of `times` inferences each.
    pub fn round(&mut self, clock: &Clock, calls: usize, times: u32) -> Result<Round> {
        let mut round = Round {
            call_ns: Vec::with_capacity(calls),
            run_ns: Vec::with_capacity(calls),
        };
        timed_run::take();
        for _ in 0..calls {
            let before = clock.raw();
            self.infer(times)?;
            let after = clock.raw();
            round.call_ns.push(clock.delta_as_nanos(before, after));
            round
                .run_ns
                .push(clock.delta_as_nanos(0, timed_run::take()));
        }
        Ok(round)
    }
}

impl Caller for Guest {
    type Error = wasmtime::Error;

    fn call(&mut self) -> Result<()> {
        self.infer(1)
    }
}
