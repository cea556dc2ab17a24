//! The peer in `cargo xtask conformance`: upstream's wasi-nn, used the ordinary way, running the very
//! guest that our side runs, each case in a store of its own.
//!
//! It takes the shared library of ONNX Runtime and the guest (`tests/guests/conformance`), and speaks
//! the protocol of `tests/peers/cases.rs`. Upstream offers `wasi:nn` only, so a frame that names
//! another interface traps. A panic of upstream's ends this process, as it ends every host that
//! upstream is part of: that is a result, so nothing here catches it.

use std::path::Path;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{
    Component, ComponentType, Lift, Linker, Lower, ResourceTable, ResourceType,
};
use wasmtime::error::Context;
use wasmtime::{Engine, Result, Store, bail};
use wasmtime_wasi_nn::backend::onnx::OnnxBackend;
use wasmtime_wasi_nn::wit::{WasiNnCtx, WasiNnView};
use wasmtime_wasi_nn::{Backend, Graph, GraphRegistry, Registry};

#[path = "../../../cases.rs"]
mod cases;
#[path = "../library.rs"]
mod library;

use cases::Answer;

const HANDLER: &str = "tollgate:plugin/handler@0.1.0";

/// `tollgate:plugin/types`'s frame.
#[derive(ComponentType, Lower)]
#[component(record)]
struct Frame {
    sequence: u64,
    source: String,
    #[component(name = "content-type")]
    content_type: String,
    #[component(name = "acquired-ns")]
    acquired_ns: u64,
    data: Vec<u8>,
}

/// Its output.
#[derive(ComponentType, Lift)]
#[component(record)]
struct Output {
    #[component(name = "name")]
    _name: String,
    #[component(name = "content-type")]
    _content_type: String,
    data: Vec<u8>,
}

/// Its fault.
#[derive(ComponentType, Lift)]
#[component(variant)]
enum Fault {
    #[component(name = "invalid-frame")]
    InvalidFrame(String),
    #[component(name = "inference")]
    Inference(String),
    #[component(name = "internal")]
    Internal(String),
}

/// No graph has a name: each case brings its own.
struct Unnamed;

impl GraphRegistry for Unnamed {
    fn get(&self, _name: &str) -> Option<&Graph> {
        None
    }

    fn get_mut(&mut self, _name: &str) -> Option<&mut Graph> {
        None
    }
}

struct State {
    table: ResourceTable,
    nn: WasiNnCtx,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(library), Some(guest)) = (arguments.next(), arguments.next()) else {
        bail!("expected two arguments: the library of ONNX Runtime, and the guest");
    };
    let (api, version) = library::load(Path::new(&library))?;
    library::give(api)?;
    let engine = Engine::default();
    let component = Component::from_file(&engine, &guest).with_context(|| {
        let shown = guest.display();
        format!("expected a guest at {shown}: run `cargo xtask guests`")
    })?;
    let mut linker = Linker::new(&engine);
    wasmtime_wasi_nn::wit::add_to_linker(&mut linker, |state: &mut State| {
        WasiNnView::new(&mut state.table, &mut state.nn)
    })?;
    trap_ours(&engine, &mut linker, &component)?;
    cases::serve(&version, |data| {
        run(&engine, &linker, &component, data)
            .unwrap_or_else(|error| Answer::Trap(format!("{error:#}")))
    })?;
    Ok(())
}

/// Has every function of `tollgate:nn` trap. Wasmtime's own way to do so would also give the types
/// that interfaces of `wasi:nn` share another identity.
fn trap_ours(engine: &Engine, linker: &mut Linker<State>, component: &Component) -> Result<()> {
    for (interface, import) in component.component_type().imports(engine) {
        let ComponentItem::ComponentInstance(instance) = import.ty else {
            continue;
        };
        if !interface.starts_with("tollgate:nn/") {
            continue;
        }
        let mut linked = linker.instance(interface)?;
        for (name, export) in instance.exports(engine) {
            match (name, export.ty) {
                (_, ComponentItem::ComponentFunc(_)) => {
                    linked.func_new(name, |_, _, _, _| bail!("expected `wasi:nn` alone"))?;
                }
                // The one resource that is an interface's own.
                ("prepared", ComponentItem::Resource(_)) => {
                    linked.resource(name, ResourceType::host::<()>(), |_, _| Ok(()))?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn run(
    engine: &Engine,
    linker: &Linker<State>,
    component: &Component,
    data: Vec<u8>,
) -> Result<Answer> {
    let backend = Backend::from(OnnxBackend::default());
    let state = State {
        table: ResourceTable::new(),
        nn: WasiNnCtx::new([backend], Registry::from(Unnamed)),
    };
    let mut store = Store::new(engine, state);
    let instance = linker.instantiate(&mut store, component)?;
    let handler = instance
        .get_export_index(&mut store, None, HANDLER)
        .with_context(|| format!("expected a guest that exports `{HANDLER}`"))?;
    let handle = instance
        .get_export_index(&mut store, Some(&handler), "handle")
        .context("expected a handler with `handle`")?;
    let handle = instance.get_typed_func::<(Frame,), (std::result::Result<Vec<Output>, Fault>,)>(
        &mut store, handle,
    )?;
    let frame = Frame {
        sequence: 0,
        source: "case".into(),
        content_type: "application/octet-stream".into(),
        acquired_ns: 0,
        data,
    };
    Ok(match handle.call(&mut store, (frame,))? {
        (Ok(outputs),) => Answer::Outputs(outputs.into_iter().map(|output| output.data).collect()),
        (Err(fault),) => {
            let (Fault::InvalidFrame(words) | Fault::Inference(words) | Fault::Internal(words)) =
                fault;
            Answer::Fault(words)
        }
    })
}
