//! Sandboxes: one instance a caller on `tollgate-runtime`, warm, ledger and deadline on, all of one
//! plugin and with one graph, as the workers of a gateway would run them.

use crate::{Answers, GRAPH, Setup, load::Caller};
use anyhow::Context;
use tollgate_runtime::{Engine, Instance, Plugin, Typed};
use tollgate_services::{Grants, GraphGrant, Ledger, Limits, NnHost};

type Prepare = (String, String, Vec<u32>, u32);
type Said<T> = (Result<T, String>,);

/// One instance that is ready to infer.
pub struct Guest {
    instance: Instance,
    infer: Typed<(u32,), Said<f32>>,
    answer: f32,
}

/// As many instances of one plugin as the setup says.
pub fn callers(setup: &Setup, nn: NnHost) -> anyhow::Result<Vec<Guest>> {
    let shown = setup.component.display();
    let wasm = std::fs::read(&setup.component)
        .with_context(|| format!("expected a guest at {shown}: run `cargo xtask guests`"))?;
    let plugin = Plugin::any(
        &Engine::new(&tollgate_deploy::reserve::engine_config(
            1,
            &Limits::default(),
        )),
        &wasm,
    )?;
    let grants = Grants {
        graphs: GraphGrant::All,
        ..Grants::default()
    };
    let limits = Limits::default();
    let caller = |seed: u32| {
        let mut instance = Instance::new(&plugin, &nn, &grants, &limits)?;
        let prepare: Typed<Prepare, Said<()>> = instance.typed("prepare")?;
        let (graph, input) = (GRAPH.to_owned(), setup.input.clone());
        let arguments = (graph, input, setup.dimensions.clone(), seed);
        let (prepared,) = instance.call(&prepare, arguments, 3, &mut Ledger::open())?;
        prepared.map_err(anyhow::Error::msg)?;
        Ok(Guest {
            infer: instance.typed("infer")?,
            instance,
            answer: 0.0,
        })
    };
    // The generator takes odd seeds only.
    (0..setup.guests)
        .map(|index| caller(2 * index + 1))
        .collect()
}

impl Caller for Guest {
    type Error = anyhow::Error;

    fn call(&mut self) -> anyhow::Result<()> {
        let mut ledger = Ledger::open();
        ledger.start();
        let (answer,) = self.instance.call(&self.infer, (1,), 0, &mut ledger)?;
        ledger.close();
        self.answer = answer.map_err(anyhow::Error::msg)?;
        Ok(())
    }
}

impl Answers for Guest {
    fn answer(&self) -> f32 {
        self.answer
    }
}
