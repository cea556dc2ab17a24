//! A model as it describes itself: what it takes and gives, under which names, and whether a caller's
//! arguments are that.
//!
//! It knows how inferences are checked, not how they are run.

use ort::{
    session::Session,
    value::{Outlet, TensorElementType, ValueType},
};
use smallvec::SmallVec;

use crate::{
    Error, TensorType,
    lane::Described,
    run::Names,
    shape::{Bindings, TensorInfo},
};

/// For each input the place of what was brought for it.
pub(crate) type Order = SmallVec<[usize; 8]>;

/// What one graph takes and gives.
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) inputs: Vec<TensorInfo>,
    pub(crate) outputs: Vec<TensorInfo>,
    pub(crate) input_names: Names,
    pub(crate) output_names: Names,
    symbols: usize,
}

impl Model {
    /// As a session describes it.
    pub(crate) fn of(name: &str, session: &Session) -> Result<Self, Error> {
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
            input_names: names(&inputs)?,
            output_names: names(&outputs)?,
            inputs,
            outputs,
            symbols: symbols.len(),
        })
    }

    /// Whether the first dimension of every input and output counts rows, so that the rows of
    /// several inferences can be put into one; else why not.
    pub(crate) fn rows(&self) -> Result<(), String> {
        let all = || {
            let inputs = self.inputs.iter().map(|info| ("input", info));
            inputs.chain(self.outputs.iter().map(|info| ("output", info)))
        };
        let mut rows = None;
        for (what, info) in all() {
            let name = &info.name;
            match info.dimensions.first() {
                None => return Err(format!("its {what} `{name}` has no first dimension")),
                Some(Some(fixed)) => {
                    return Err(format!(
                        "the first dimension of its {what} `{name}` is fixed to {fixed}"
                    ));
                }
                Some(None) => {}
            }
            match (rows, info.symbols.first().copied().flatten()) {
                (Some(other), Some(symbol)) if other != symbol => {
                    return Err(format!(
                        "the first dimension of its {what} `{name}` has another name than that of the others"
                    ));
                }
                (None, Some(symbol)) => rows = Some(symbol),
                _ => {}
            }
        }
        let elsewhere = all().find(|(_, info)| {
            let mut others = info.symbols.iter().skip(1).flatten();
            others.any(|symbol| rows == Some(*symbol))
        });
        match elsewhere {
            Some((what, info)) => Err(format!(
                "another dimension of its {what} `{}` has the name of the first",
                info.name
            )),
            None if self.inputs.is_empty() => Err("it has no input".to_owned()),
            None => Ok(()),
        }
    }

    /// The symbols of its dimensions, none of them bound yet.
    pub(crate) fn bindings(&self) -> Bindings {
        Bindings::new(self.symbols)
    }

    /// Holds what comes against the inputs; gives its place for each input.
    pub(crate) fn check<'a>(
        &self,
        arguments: impl ExactSizeIterator<Item = Described<'a>>,
        bindings: &mut Bindings,
    ) -> Result<Order, Error> {
        if arguments.len() != self.inputs.len() {
            return Err(self.wrong_count(arguments.len()));
        }
        const NONE: usize = usize::MAX;
        let mut order = Order::from_elem(NONE, self.inputs.len());
        for (position, argument) in arguments.enumerate() {
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
            info.check(argument.ty, argument.dimensions, argument.bytes, bindings)?;
        }
        Ok(order)
    }

    pub(crate) fn wrong_count(&self, came: usize) -> Error {
        Error::InputCount {
            graph: self.name.clone(),
            expected: self.inputs.len(),
            names: names(&self.inputs),
            came,
        }
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
