//! What is Wasmtime's own and the guest's of a call: the same guest on a bare Wasmtime whose imports have
//! the same signatures and do nothing. No ledger, no call hook, no tensors, no ONNX Runtime.
//!
//! It is the least that a host can take that lets components call it, and nothing of ours is in it.

use std::sync::Arc;

use wasmtime::{
    Config, Engine, Store, StoreContextMut,
    component::{
        Component, ComponentType, Lift, Linker, Lower, Resource, ResourceType, TypedFunc, WasmList,
        WasmStr,
    },
};

use crate::Setup;

const STANDARD: &str = "0.2.0-rc-2024-10-28";
/// Bytes of the output: the MLP's ten floats.
const OUTPUT: usize = 40;

struct Graph;
struct Context;
struct Tensor;
struct Prepared;
struct Failure;

/// What the host functions give away.
struct Host {
    name: Arc<str>,
    output: Arc<[u8]>,
}

type Caller<'a> = StoreContextMut<'a, Host>;
type Answer<T> = wasmtime::Result<(Result<T, Resource<Failure>>,)>;
type Said<T> = (Result<T, String>,);

/// `wasi:nn/tensor.tensor-type`, in the standard's order.
#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "the derived lifting makes the values")]
enum Type {
    #[component(name = "FP16")]
    Fp16,
    #[component(name = "FP32")]
    Fp32,
    #[component(name = "FP64")]
    Fp64,
    #[component(name = "BF16")]
    Bf16,
    #[component(name = "U8")]
    U8,
    #[component(name = "I32")]
    I32,
    #[component(name = "I64")]
    I64,
}

/// `wasi:nn/errors.error-code`, in the standard's order.
#[derive(Clone, Copy, ComponentType, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "no call fails")]
enum Code {
    #[component(name = "invalid-argument")]
    InvalidArgument,
    #[component(name = "invalid-encoding")]
    InvalidEncoding,
    #[component(name = "timeout")]
    Timeout,
    #[component(name = "runtime-error")]
    RuntimeError,
    #[component(name = "unsupported-operation")]
    UnsupportedOperation,
    #[component(name = "too-large")]
    TooLarge,
    #[component(name = "not-found")]
    NotFound,
    #[component(name = "security")]
    Security,
    #[component(name = "unknown")]
    Unknown,
}

#[derive(ComponentType, Lift)]
#[component(record)]
#[expect(dead_code, reason = "lifted and not read")]
struct Expected {
    name: Option<WasmStr>,
    dimensions: WasmList<u32>,
    ty: Type,
}

/// The guest, ready to call.
pub struct Bare {
    store: Store<Host>,
    infer: TypedFunc<(u32,), Said<f32>>,
}

impl Bare {
    pub fn new(setup: &Setup) -> anyhow::Result<Self> {
        Self::instantiate(setup).map_err(whole)
    }

    /// One call, of one inference that is none.
    pub fn call(&mut self) -> anyhow::Result<()> {
        let (answer,) = self.infer.call(&mut self.store, (1,)).map_err(whole)?;
        answer.map(drop).map_err(anyhow::Error::msg)
    }

    fn instantiate(setup: &Setup) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        // As in our own engine for synchronous guests.
        config.concurrency_support(false).epoch_interruption(true);
        let engine = Engine::new(&config)?;
        let component = Component::from_file(&engine, &setup.component)?;
        let mut linker = Linker::new(&engine);
        link_standard(&mut linker)?;
        link_prepared(&mut linker)?;
        let host = Host {
            name: "output".into(),
            output: [0; OUTPUT].into(),
        };
        let mut store = Store::new(&engine, host);
        store.set_epoch_deadline(u64::MAX / 2);
        let instance = linker.instantiate(&mut store, &component)?;
        let prepare = instance
            .get_typed_func::<(&str, &str, &[u32], u32), Said<()>>(&mut store, "prepare")?;
        let arguments = ("model", &*setup.input, &*setup.dimensions, 1);
        let (prepared,) = prepare.call(&mut store, arguments)?;
        prepared.map_err(wasmtime::Error::msg)?;
        Ok(Self {
            infer: instance.get_typed_func(&mut store, "infer")?,
            store,
        })
    }
}

/// An error with all of its causes.
fn whole(error: wasmtime::Error) -> anyhow::Error {
    anyhow::Error::msg(format!("{error:#}"))
}

fn link_standard(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    let mut errors = linker.instance(&format!("wasi:nn/errors@{STANDARD}"))?;
    errors.resource("error", ResourceType::host::<Failure>(), |_, _| Ok(()))?;
    errors.func_wrap(
        "[method]error.code",
        |_: Caller<'_>, (_,): (Resource<Failure>,)| Ok((Code::Unknown,)),
    )?;
    errors.func_wrap(
        "[method]error.data",
        |_: Caller<'_>, (_,): (Resource<Failure>,)| Ok((String::new(),)),
    )?;

    let mut tensor = linker.instance(&format!("wasi:nn/tensor@{STANDARD}"))?;
    tensor.resource("tensor", ResourceType::host::<Tensor>(), |_, _| Ok(()))?;
    tensor.func_wrap(
        "[constructor]tensor",
        |_: Caller<'_>, (_, _, _): (WasmList<u32>, Type, WasmList<u8>)| {
            Ok((Resource::<Tensor>::new_own(1),))
        },
    )?;
    tensor.func_wrap(
        "[method]tensor.data",
        |store: Caller<'_>, (_,): (Resource<Tensor>,)| Ok((Arc::clone(&store.data().output),)),
    )?;

    let mut graph = linker.instance(&format!("wasi:nn/graph@{STANDARD}"))?;
    graph.resource("graph", ResourceType::host::<Graph>(), |_, _| Ok(()))?;
    graph.func_wrap(
        "load-by-name",
        |_: Caller<'_>, (_,): (WasmStr,)| -> Answer<Resource<Graph>> {
            Ok((Ok(Resource::new_own(2)),))
        },
    )?;
    graph.func_wrap(
        "[method]graph.init-execution-context",
        |_: Caller<'_>, (_,): (Resource<Graph>,)| -> Answer<Resource<Context>> {
            Ok((Ok(Resource::new_own(3)),))
        },
    )?;

    let mut inference = linker.instance(&format!("wasi:nn/inference@{STANDARD}"))?;
    inference.resource(
        "graph-execution-context",
        ResourceType::host::<Context>(),
        |_, _| Ok(()),
    )?;
    inference.func_wrap("[method]graph-execution-context.compute", compute)
}

type Named = (WasmStr, Resource<Tensor>);
type NamedOut = (Arc<str>, Resource<Tensor>);

fn compute(store: Caller<'_>, (_, _): (Resource<Context>, Vec<Named>)) -> Answer<Vec<NamedOut>> {
    let output = (Arc::clone(&store.data().name), Resource::new_own(4));
    Ok((Ok(vec![output]),))
}

fn link_prepared(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    let mut prepared = linker.instance("tollgate:nn/prepared@0.1.0")?;
    prepared.resource("prepared", ResourceType::host::<Prepared>(), |_, _| Ok(()))?;
    prepared.func_wrap(
        "prepare",
        |_: Caller<'_>, (_, _): (Resource<Graph>, Vec<Expected>)| -> Answer<Resource<Prepared>> {
            Ok((Ok(Resource::new_own(5)),))
        },
    )?;
    prepared.func_wrap(
        "[method]prepared.run-one",
        |store: Caller<'_>, (_, _): (Resource<Prepared>, WasmList<u8>)| -> Answer<Arc<[u8]>> {
            Ok((Ok(Arc::clone(&store.data().output)),))
        },
    )
}
