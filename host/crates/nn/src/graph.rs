//! A graph: one loaded model under a name, which any number of threads may run at once.

use std::{
    fmt,
    sync::atomic::{AtomicBool, Ordering},
};

use ort::value::{Outlet, TensorElementType, ValueType};
use smallvec::SmallVec;

use crate::{
    Batching, Device, Error, GraphOptions, Tensor, TensorType,
    clock::{Deadline, Stamp},
    lane::{Argument, Copies, Lane, Outcome},
    run::{self, Names, RunFault},
    session::{Sessions, Source},
    shape::Bindings,
};

pub use crate::shape::TensorInfo;

/// A loaded model.
pub struct Graph {
    name: String,
    device: Device,
    inputs: Vec<TensorInfo>,
    outputs: Vec<TensorInfo>,
    symbols: usize,
    input_names: Names,
    output_names: Names,
    sessions: Sessions,
    batching: Batching,
    /// Whether the model's word on its outputs' dimensions can be relied on, so that their memory
    /// can be made before the run. Off for good once it proved wrong.
    foreseen: AtomicBool,
}

impl Graph {
    pub(crate) fn load(
        name: &str,
        source: Source<'_>,
        options: &GraphOptions,
    ) -> Result<Self, Error> {
        let sessions = Sessions::load(name, source, options)?;
        let session = sessions.first().ok_or_else(|| Error::Unsupported {
            graph: name.to_owned(),
            reason: "it has no session".to_owned(),
        })?;
        let mut symbols = Vec::new();
        let inputs = describe_all(name, "input", session.inputs(), &mut symbols)?;
        let outputs = describe_all(name, "output", session.outputs(), &mut symbols)?;
        let names = |infos: &[TensorInfo]| {
            Names::new(infos.iter().map(|info| &*info.name)).ok_or_else(|| Error::Encoding {
                graph: name.to_owned(),
                reason: "an input or output has a zero byte in its name".to_owned(),
            })
        };
        Ok(Self {
            name: name.to_owned(),
            device: options.device,
            input_names: names(&inputs)?,
            output_names: names(&outputs)?,
            inputs,
            outputs,
            symbols: symbols.len(),
            sessions,
            batching: Batching::off("inferences are not merged"),
            foreseen: AtomicBool::new(true),
        })
    }

    /// The name it was loaded under.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it runs.
    pub fn device(&self) -> Device {
        self.device
    }

    /// Whether inferences of different callers are merged, how far, and why or why not.
    pub fn batching(&self) -> &Batching {
        &self.batching
    }

    /// What it takes, in the model's order.
    pub fn inputs(&self) -> &[TensorInfo] {
        &self.inputs
    }

    /// What it gives, in the model's order.
    pub fn outputs(&self) -> &[TensorInfo] {
        &self.outputs
    }

    /// Runs one inference on the calling thread. Any number of threads may do so at once, each
    /// with a lane of its own; the outputs come in the order of [`Graph::outputs`].
    ///
    /// # Errors
    ///
    /// Those of the arguments (wrong count, name, type, dimensions, bytes), [`Error::Timeout`]
    /// when the deadline passes while waiting or running, and [`Error::Run`].
    pub fn run(
        &self,
        lane: &mut Lane,
        arguments: &[Argument<'_>],
        deadline: Option<Deadline>,
    ) -> Result<Outcome, Error> {
        let mut bindings = Bindings::new(self.symbols);
        let order = self.check(arguments, &mut bindings)?;
        let Lane {
            cancel,
            views,
            pool,
            ..
        } = lane;
        let copies = Copies::of(arguments, pool)?;
        let feeds = views.feed(&order, arguments, &copies)?;
        let mut outputs: SmallVec<[Option<Tensor>; 2]> = SmallVec::new();
        for info in &self.outputs {
            let shape = self
                .foreseen
                .load(Ordering::Relaxed)
                .then(|| info.resolve(&bindings))
                .flatten();
            outputs.push(match shape {
                Some(shape) => Some(pool.take(info.ty, &shape)?),
                None => None,
            });
        }

        let timeout = || Error::Timeout {
            graph: self.name.clone(),
            after: deadline.map_or_else(Default::default, |deadline| deadline.budget()),
        };
        let (loan, asked) = match self.sessions.try_lend() {
            Some(loan) => (loan, None),
            None => {
                let asked = Stamp::now();
                (
                    self.sessions.lend(deadline).ok_or_else(timeout)?,
                    Some(asked),
                )
            }
        };
        let session = loan.session().ok_or_else(timeout)?;
        let names = (&self.input_names, &self.output_names);
        let mut ran = run::run(session, cancel, deadline, names, &feeds, &mut outputs);
        if matches!(ran, Err(RunFault::Failed(_))) && outputs.iter().any(Option::is_some) {
            // Either the inference fails by itself, or the model's outputs are not what it says
            // they are: without memory made beforehand the second kind works.
            outputs.iter_mut().for_each(|output| *output = None);
            ran = run::run(session, cancel, deadline, names, &feeds, &mut outputs);
            if ran.is_ok() {
                self.foreseen.store(false, Ordering::Relaxed);
            }
        }
        drop(loan);
        let (started, ended) = ran.map_err(|fault| match fault {
            RunFault::Terminated => timeout(),
            RunFault::Failed(reason) => Error::Run {
                graph: self.name.clone(),
                reason,
            },
            RunFault::Other(error) => error,
        })?;
        let count = self.outputs.len();
        let outputs: SmallVec<[Tensor; 2]> = outputs.into_iter().flatten().collect();
        if outputs.len() != count {
            return Err(Error::Run {
                graph: self.name.clone(),
                reason: format!("it gave {} of its {count} outputs", outputs.len()),
            });
        }
        drop(feeds);
        let copies_in = copies.0.len() as u64;
        for (_, copy) in copies.0 {
            pool.give_back(copy);
        }
        Ok(Outcome {
            outputs,
            asked,
            turn: None,
            started,
            ended,
            woken: None,
            batch: 1,
            copies_in,
            copies_out: 0,
        })
    }

    /// Holds the arguments against the inputs; gives the argument for each input.
    fn check(
        &self,
        arguments: &[Argument<'_>],
        bindings: &mut Bindings,
    ) -> Result<SmallVec<[usize; 8]>, Error> {
        if arguments.len() != self.inputs.len() {
            return Err(Error::InputCount {
                graph: self.name.clone(),
                expected: self.inputs.len(),
                names: names(&self.inputs),
                came: arguments.len(),
            });
        }
        const NONE: usize = usize::MAX;
        let mut order: SmallVec<[usize; 8]> = SmallVec::from_elem(NONE, self.inputs.len());
        for (position, argument) in arguments.iter().enumerate() {
            let index = self.input_index(argument.name, position)?;
            let (Some(info), Some(slot)) = (self.inputs.get(index), order.get_mut(index)) else {
                continue;
            };
            if *slot != NONE {
                return Err(Error::InputTwice {
                    input: info.name.to_string(),
                });
            }
            *slot = position;
            let (ty, dimensions, bytes) = argument.data.parts();
            info.check(ty, dimensions, bytes.len(), bindings)?;
        }
        Ok(order)
    }

    /// The input that a name or, without one, a place stands for. A name that no input has counts
    /// as an index if it is a decimal number.
    fn input_index(&self, name: Option<&str>, position: usize) -> Result<usize, Error> {
        let Some(name) = name else {
            return Ok(position);
        };
        self.inputs
            .iter()
            .position(|info| *info.name == *name)
            .or_else(|| {
                let index = name.parse::<usize>().ok();
                index.filter(|&index| index < self.inputs.len())
            })
            .ok_or_else(|| Error::NoInput {
                graph: self.name.clone(),
                input: name.to_owned(),
                names: names(&self.inputs),
            })
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Graph({} on {})", self.name, self.device)
    }
}

fn names(infos: &[TensorInfo]) -> String {
    let names: Vec<&str> = infos.iter().map(|info| &*info.name).collect();
    names.join(", ")
}

fn describe_all(
    graph: &str,
    what: &str,
    outlets: &[Outlet],
    symbols: &mut Vec<String>,
) -> Result<Vec<TensorInfo>, Error> {
    outlets
        .iter()
        .map(|outlet| describe(outlet, symbols))
        .collect::<Result<_, String>>()
        .map_err(|reason| Error::Unsupported {
            graph: graph.to_owned(),
            reason: format!("its {what} {reason}"),
        })
}

fn describe(outlet: &Outlet, symbols: &mut Vec<String>) -> Result<TensorInfo, String> {
    let ValueType::Tensor {
        ty,
        shape,
        dimension_symbols,
    } = outlet.dtype()
    else {
        return Err(format!(
            "`{}` is not a tensor, and wasi-nn has tensors only",
            outlet.name()
        ));
    };
    let ty = tensor_type(*ty).ok_or_else(|| {
        format!(
            "`{}` has elements of type {ty}, which wasi-nn does not have",
            outlet.name()
        )
    })?;
    let dimensions: Vec<Option<u32>> = shape.iter().map(|&d| u32::try_from(d).ok()).collect();
    let numbers = dimension_symbols.iter().map(|symbol| {
        (!symbol.is_empty()).then(|| {
            let known = symbols.iter().position(|other| other == symbol);
            known.unwrap_or_else(|| {
                symbols.push(symbol.clone());
                symbols.len() - 1
            })
        })
    });
    let mut numbers: Vec<Option<usize>> = numbers.collect();
    numbers.resize(dimensions.len(), None);
    Ok(TensorInfo {
        name: outlet.name().into(),
        ty,
        dimensions,
        symbols: numbers,
    })
}

fn tensor_type(element: TensorElementType) -> Option<TensorType> {
    Some(match element {
        TensorElementType::Float16 => TensorType::Fp16,
        TensorElementType::Float32 => TensorType::Fp32,
        TensorElementType::Float64 => TensorType::Fp64,
        TensorElementType::Bfloat16 => TensorType::Bf16,
        TensorElementType::Uint8 => TensorType::U8,
        TensorElementType::Int32 => TensorType::I32,
        TensorElementType::Int64 => TensorType::I64,
        _ => return None,
    })
}
