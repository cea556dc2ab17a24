//! Our side of `cargo xtask conformance`: runs one case after the other, each in an instance of its
//! own, at default limits.
//!
//! It takes the shared library of ONNX Runtime and the guest (`tests/guests/conformance`), and speaks
//! the protocol of `tests/peers/cases.rs`.

use anyhow::Context;
use std::path::Path;
use std::sync::Arc;
use tollgate_nn::{GraphOptions, GraphRegistry, OnnxRuntime};
use tollgate_runtime::{Engine, EngineConfig, Instance, Plugin};
use tollgate_services::{Frame, Grants, Ledger, Limits, NnHost};

#[path = "../../peers/cases.rs"]
mod cases;

use cases::Answer;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(library), Some(guest)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("expected two arguments: the library of ONNX Runtime, and the guest");
    };
    let runtime = OnnxRuntime::load(Some(Path::new(&library)))?;
    let wasm = std::fs::read(&guest).with_context(|| {
        let shown = guest.display();
        format!("expected a guest at {shown}: run `cargo xtask guests`")
    })?;
    let plugin = Plugin::new(&Engine::new(&EngineConfig::default()), &wasm)?;
    let host = NnHost::new(Arc::new(GraphRegistry::new()), GraphOptions::default());
    cases::serve(runtime.version(), |data| {
        run(&plugin, &host, data).unwrap_or_else(|error| Answer::Trap(format!("{error:#}")))
    })?;
    Ok(())
}

fn run(plugin: &Plugin, host: &NnHost, data: Vec<u8>) -> anyhow::Result<Answer> {
    let grants = Grants {
        load: true,
        ..Grants::default()
    };
    let mut instance = Instance::new(plugin, host, &grants, &Limits::default())?;
    let frame = Frame {
        sequence: 0,
        source: "case".into(),
        content_type: "application/octet-stream".into(),
        acquired_ns: 0,
        data: data.into(),
    };
    Ok(match instance.handle(&frame, &mut Ledger::open())? {
        Ok(outputs) => Answer::Outputs(outputs.into_iter().map(|output| output.data).collect()),
        Err(fault) => Answer::Fault(fault.to_string()),
    })
}
