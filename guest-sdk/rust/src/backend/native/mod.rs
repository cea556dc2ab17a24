//! Graphs in a twin, which belong to the host that is making the plugin or handing it a frame.
//!
//! The host is found through a thread-local, since `Plugin::new` takes no argument; a graph then
//! keeps its host. Without a host, as in a plain `cargo test`, looking up a graph is just an error.
//! The unsafe code is in `calls`, `bucket` and `table` (calls to the host) and `twin` (calls from it).

mod bucket;
mod calls;
mod table;
mod twin;

use std::{cell::RefCell, rc::Rc};

pub use self::twin::twin;
use crate::{
    bucket::{Keys, StoreError},
    error::{Error, ErrorCode},
    graph::{Metadata, TensorInfo},
    log::Level,
    prepared::{Elements, Expected},
    tensor::{Input, Tensor},
};

/// What answers graph calls: a host's function table, or a test.
pub trait Host {
    fn load(&self, name: &str) -> Result<u64, Error>;
    fn release(&self, graph: u64);
    fn describe(&self, graph: u64) -> Result<Metadata, Error>;
    /// Returns all outputs in the model's order; their names are empty unless `named`.
    fn infer(
        &self,
        graph: u64,
        inputs: &[Input<'_>],
        named: bool,
    ) -> Result<Vec<(String, Tensor)>, Error>;

    // Only a host with grants implements these; by default nothing is granted.
    fn config(&self, _key: &str) -> Result<Option<String>, StoreError> {
        Ok(None)
    }
    fn log(&self, _level: Level, _context: &str, _message: &str) {}
    fn open_bucket(&self, _name: &str) -> Result<Rc<dyn HostBucket>, StoreError> {
        Err(StoreError::AccessDenied)
    }
}

/// What answers the calls of a bucket.
pub trait HostBucket {
    fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
    fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError>;
    fn delete(&self, key: &str) -> Result<(), StoreError>;
    fn exists(&self, key: &str) -> Result<bool, StoreError>;
    fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError>;
    fn keys(&self, cursor: Option<u64>) -> Result<Keys, StoreError>;
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<dyn Host>>> = const { RefCell::new(None) };
}

/// Makes `host` the host for graphs on this thread, while `body` runs.
pub fn enter<R>(host: Rc<dyn Host>, body: impl FnOnce() -> R) -> R {
    struct Leave(Option<Rc<dyn Host>>);
    impl Drop for Leave {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    let _leave = Leave(CURRENT.replace(Some(host)));
    body()
}

/// Without a host there are no values.
pub fn config(key: &str) -> Result<Option<String>, StoreError> {
    match CURRENT.with_borrow(Clone::clone) {
        Some(host) => host.config(key),
        None => Ok(None),
    }
}

/// Without a host the line is dropped.
pub fn log(level: Level, context: &str, message: &str) {
    if let Some(host) = CURRENT.with_borrow(Clone::clone) {
        host.log(level, context, message);
    }
}

pub struct Bucket(Rc<dyn HostBucket>);

impl Bucket {
    pub fn open(name: &str) -> Result<Self, StoreError> {
        match CURRENT.with_borrow(Clone::clone) {
            Some(host) => host.open_bucket(name).map(Self),
            None => Err(StoreError::Other(format!(
                "no host: bucket '{name}' can only be opened while a host has the plugin in hand; in \
                 a unit test, use tollgate_guest::testing"
            ))),
        }
    }
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }

    pub fn set(&self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        self.0.set(key, value)
    }

    pub fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.0.delete(key)
    }

    pub fn exists(&self, key: &str) -> Result<bool, StoreError> {
        self.0.exists(key)
    }

    pub fn increment(&self, key: &str, delta: u64) -> Result<u64, StoreError> {
        self.0.increment(key, delta)
    }

    pub fn keys(&self, cursor: Option<u64>) -> Result<Keys, StoreError> {
        self.0.keys(cursor)
    }
}

pub struct Graph(Rc<Handle>);

/// A handle from the host, returned when the last graph or context that uses it is dropped.
struct Handle {
    host: Rc<dyn Host>,
    graph: u64,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.host.release(self.graph);
    }
}

impl Graph {
    pub fn load(name: &str) -> Result<Self, Error> {
        let Some(host) = CURRENT.with_borrow(Clone::clone) else {
            return Err(Error::new(
                ErrorCode::UnsupportedOperation,
                format!(
                    "no host: graph '{name}' can only be looked up while a host has the plugin \
                     in hand; in a unit test, use tollgate_guest::testing"
                ),
            ));
        };
        let graph = host.load(name)?;
        Ok(Self(Rc::new(Handle { host, graph })))
    }

    pub fn describe(&self) -> Result<Metadata, Error> {
        self.0.host.describe(self.0.graph)
    }

    pub fn infer(&self, inputs: &[Input<'_>]) -> Result<Vec<Tensor>, Error> {
        let outputs = self.0.host.infer(self.0.graph, inputs, false)?;
        Ok(outputs.into_iter().map(|(_, tensor)| tensor).collect())
    }

    pub fn prepare(&self, inputs: &[Expected<'_>]) -> Result<Prepared, Error> {
        Ok(Prepared {
            graph: Self(Rc::clone(&self.0)),
            inputs: inputs
                .iter()
                .map(|input| (input.name.map(str::to_owned), input.dimensions.to_vec()))
                .collect(),
        })
    }

    pub fn context(&self) -> Result<Context, Error> {
        Ok(Context(Rc::clone(&self.0)))
    }
}

/// A prepared inference. Without a boundary there is nothing to save, so it only keeps the inputs'
/// types.
pub struct Prepared {
    graph: Graph,
    /// The name and dimensions of each input.
    inputs: Vec<(Option<String>, Vec<u32>)>,
}

impl Prepared {
    pub fn run(&self, inputs: &[Elements<'_>]) -> Result<Vec<Tensor>, Error> {
        if inputs.len() != self.inputs.len() {
            let message = format!(
                "the inference was prepared for {} inputs, {} came",
                self.inputs.len(),
                inputs.len()
            );
            return Err(Error::new(ErrorCode::InvalidArgument, message));
        }
        let inputs: Vec<_> = self
            .inputs
            .iter()
            .zip(inputs)
            .map(|((name, dimensions), elements)| Input {
                name: name.as_deref(),
                dimensions,
                ty: elements.ty,
                data: elements.data,
            })
            .collect();
        self.graph.infer(&inputs)
    }

    pub fn run_one(&self, input: Elements<'_>) -> Result<Tensor, Error> {
        let outputs = self.run(&[input])?;
        let count = outputs.len();
        match <[Tensor; 1]>::try_from(outputs) {
            Ok([output]) => Ok(output),
            Err(_) => Err(Error::new(
                ErrorCode::InvalidArgument,
                format!("the graph has {count} outputs: expected one; call `run`"),
            )),
        }
    }

    pub fn outputs(&self) -> Result<Vec<TensorInfo>, Error> {
        Ok(self.graph.describe()?.outputs)
    }
}

pub struct Context(Rc<Handle>);

impl Context {
    pub fn compute(&self, inputs: &[(&str, Input<'_>)]) -> Result<Vec<(String, Tensor)>, Error> {
        let inputs: Vec<_> = inputs
            .iter()
            .map(|(name, input)| input.named(name))
            .collect();
        self.0.host.infer(self.0.graph, &inputs, true)
    }
}
