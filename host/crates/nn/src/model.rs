//! A model as it describes itself: its inputs and outputs with their names, and the check of a caller's
//! arguments against them.
//!
//! Here inferences are checked, not run.

use std::collections::HashMap;

use smallvec::SmallVec;
use tollgate_ort::{Other, Outlet, OutletKind, Session, run::Names};

use crate::{
    Error, TensorType,
    scratch::Described,
    shape::{Bindings, TensorInfo},
};

/// For each input, the place of its argument.
pub(crate) type Order = SmallVec<[usize; 8]>;

/// The most inputs, outputs and overridable initialisers of a model, each: they are searched one by one.
/// Models with a cache of their own for each layer have hundreds.
const MOST_TENSORS: usize = 4096;

/// The inputs and outputs of one graph.
pub(crate) struct Model {
    pub(crate) name: String,
    /// The inputs that every inference must have.
    pub(crate) inputs: Vec<TensorInfo>,
    /// Inputs with a default value, which may be left out. Their places come after those of `inputs`.
    pub(crate) optional: Vec<TensorInfo>,
    pub(crate) outputs: Vec<TensorInfo>,
    /// The names of `inputs` and `optional`.
    pub(crate) input_names: Names,
    pub(crate) output_names: Names,
    symbols: usize,
    /// Inputs and outputs that wasi-nn has no tensor for.
    unnamed: Vec<Unnamed>,
}

impl Model {
    /// The model of a session.
    pub(crate) fn of(name: &str, session: &Session) -> Result<Self, Error> {
        Self::with(
            name,
            session.inputs(),
            session.optional_inputs(),
            session.outputs(),
        )
    }

    /// The model with these inputs, inputs that may be left out, and outputs.
    pub(crate) fn with(
        name: &str,
        inputs: Vec<Outlet>,
        optional: Vec<Outlet>,
        outputs: Vec<Outlet>,
    ) -> Result<Self, Error> {
        let all = [inputs.len(), outputs.len(), optional.len()];
        if let Some(&came) = all.iter().find(|&&count| count > MOST_TENSORS) {
            return Err(Error::Unsupported {
                graph: name.to_owned(),
                reason: format!(
                    "it has {came} inputs or outputs, at most {MOST_TENSORS} of a kind are taken"
                ),
            });
        }
        let mut symbols = HashMap::new();
        let mut unnamed = Vec::new();
        let mut describe = |side, outlets: Vec<Outlet>| {
            let mut infos = Vec::new();
            for (index, outlet) in outlets.into_iter().enumerate() {
                match describe(index, outlet, &mut symbols) {
                    Ok(info) => infos.push(info),
                    Err((name, kind)) => unnamed.push(Unnamed {
                        side,
                        index,
                        name,
                        kind,
                    }),
                }
            }
            infos
        };
        let inputs = describe(Side::Input, inputs);
        let optional = describe(Side::Optional, optional);
        let mut outputs = describe(Side::Output, outputs);
        let shared: Vec<bool> = outputs
            .iter()
            .map(|output| {
                let all = inputs.iter().chain(&optional).chain(&outputs);
                all.filter(|other| other.name == output.name).count() > 1
            })
            .collect();
        for (output, shares) in outputs.iter_mut().zip(shared) {
            output.shares = shares;
        }
        let input_names = Names::new(inputs.iter().chain(&optional).map(|info| &*info.name));
        let output_names = Names::new(outputs.iter().map(|info| &*info.name));
        let names = |names: Option<Names>| {
            names.ok_or_else(|| Error::Encoding {
                graph: name.to_owned(),
                reason: "an input or output has a zero byte in its name".to_owned(),
            })
        };
        Ok(Self {
            name: name.to_owned(),
            input_names: names(input_names)?,
            output_names: names(output_names)?,
            inputs,
            optional,
            outputs,
            symbols: symbols.len(),
            unnamed,
        })
    }

    /// Whether the model can be run: wasi-nn has a tensor for every input that must be given, and for at
    /// least one output.
    pub(crate) fn usable(&self) -> Result<(), Error> {
        let needed = |of: &&Unnamed| match of.side {
            Side::Input => true,
            Side::Optional => false,
            Side::Output => self.outputs.is_empty(),
        };
        match self.unnamed.iter().find(needed) {
            Some(unnamed) => Err(unnamed.error(&self.name)),
            None => Ok(()),
        }
    }

    /// Whether the first dimension of every input and output counts rows, so that several inferences can
    /// be merged; else why not.
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

    /// Checks the arguments against the inputs; returns the argument's place for each input.
    #[inline(always)]
    pub(crate) fn check<'a>(
        &self,
        arguments: impl ExactSizeIterator<Item = Described<'a>>,
        bindings: &mut Bindings,
    ) -> Result<Order, Error> {
        self.usable()?;
        let (needed, all) = (self.inputs.len(), self.inputs.len() + self.optional.len());
        if !(needed..=all).contains(&arguments.len()) {
            let count = arguments.len();
            // An input that wasi-nn has no tensor for is refused as such, not as one too many.
            let unnamed =
                |argument: Described<'_>| self.unnamed(argument.name?, |side| side != Side::Output);
            let unnamed = arguments.filter_map(unnamed).next();
            return Err(unnamed.unwrap_or_else(|| self.wrong_count(count)));
        }
        const NONE: usize = usize::MAX;
        let mut order = Order::from_elem(NONE, needed);
        for (position, argument) in arguments.enumerate() {
            let place = match argument.name {
                Some(name) => self.input_place(name)?,
                None => position,
            };
            if place >= needed {
                order.resize(all, NONE);
            }
            let (Some(info), Some(slot)) = (self.input(place), order.get_mut(place)) else {
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
        let missing = self.inputs.iter().zip(&order);
        match missing.into_iter().find(|&(_, &position)| position == NONE) {
            Some((info, _)) => Err(Error::InputMissing {
                graph: self.name.clone(),
                input: info.name.to_string(),
            }),
            None => Ok(order),
        }
    }

    pub(crate) fn wrong_count(&self, came: usize) -> Error {
        Error::InputCount {
            graph: self.name.clone(),
            expected: self.inputs.len(),
            names: self.names_of_inputs(),
            came,
        }
    }

    /// The input at a place. Those that may be left out come after those that must be given.
    pub(crate) fn input(&self, place: usize) -> Option<&TensorInfo> {
        let optional = || self.optional.get(place.checked_sub(self.inputs.len())?);
        self.inputs.get(place).or_else(optional)
    }

    /// The place of the input with this name. If no input has it, a decimal number is read as a place.
    pub(crate) fn input_place(&self, name: &str) -> Result<usize, Error> {
        let at = |infos: &[TensorInfo]| infos.iter().position(|info| *info.name == *name);
        let optional = || Some(self.inputs.len() + at(&self.optional)?);
        let place = || {
            name.parse()
                .ok()
                .filter(|&place| self.input(place).is_some())
        };
        let named = at(&self.inputs).or_else(optional);
        named.or_else(place).ok_or_else(|| {
            self.unnamed(name, |side| side != Side::Output)
                .unwrap_or_else(|| Error::NoInput {
                    graph: self.name.clone(),
                    input: name.to_owned(),
                    names: self.names_of_inputs(),
                })
        })
    }

    /// The place of the output with this name. If no output has it, a decimal number is read as an index
    /// in the model.
    pub(crate) fn output_place(&self, name: &str) -> Result<usize, Error> {
        let named = self.outputs.iter().position(|info| *info.name == *name);
        named
            .or_else(|| self.output_at(name.parse().ok()?))
            .ok_or_else(|| {
                self.unnamed(name, |side| side == Side::Output)
                    .unwrap_or_else(|| Error::NoOutput {
                        graph: self.name.clone(),
                        output: name.to_owned(),
                        names: names(&self.outputs),
                    })
            })
    }

    /// The place of the output with this index in the model.
    pub(crate) fn output_at(&self, index: usize) -> Option<usize> {
        self.outputs.iter().position(|info| info.index == index)
    }

    /// The error for an input or output of this name or index, if wasi-nn has no tensor for it.
    fn unnamed(&self, name: &str, side: impl Fn(Side) -> bool) -> Option<Error> {
        let mut all = self.unnamed.iter().filter(|unnamed| side(unnamed.side));
        let index: Option<usize> = name.parse().ok();
        let found = all.find(|of| of.name == name || Some(of.index) == index)?;
        Some(found.error(&self.name))
    }

    fn names_of_inputs(&self) -> String {
        let mut all = names(&self.inputs);
        if !self.optional.is_empty() {
            all.push_str("; may be left out: ");
            all.push_str(&names(&self.optional));
        }
        all
    }
}

/// Whether a tensor of a graph is an input or an output.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Input,
    Optional,
    Output,
}

/// An input or output that wasi-nn has no tensor for.
struct Unnamed {
    side: Side,
    index: usize,
    name: String,
    /// What it is instead.
    kind: Other,
}

impl Unnamed {
    #[cold]
    fn error(&self, graph: &str) -> Error {
        let types = TensorType::ALL.map(|ty| ty.to_string()).join(", ");
        let (what, cast) = match self.side {
            Side::Output => ("output", "after it"),
            Side::Input | Side::Optional => ("input", "in front of it"),
        };
        let reason = match &self.kind {
            Other::Strings => format!(
                "its elements are strings, and wasi-nn has tensors of {types} only; turn text into numbers outside of the model"
            ),
            Other::Elements(ty) => format!(
                "its elements are of type {ty}, and wasi-nn has tensors of {types} only; put a Cast to or from one of these {cast} in the model"
            ),
            Other::NoTensor(kind) => format!(
                "it is {kind}, and wasi-nn has tensors only; export the model with tensors in its place (scikit-learn's converter: `zipmap=False`)"
            ),
        };
        Error::NoCounterpart {
            graph: graph.to_owned(),
            tensor: format!("{what} `{}`", self.name),
            reason,
        }
    }
}

fn names(infos: &[TensorInfo]) -> String {
    let names: Vec<&str> = infos.iter().map(|info| &*info.name).collect();
    names.join(", ")
}

/// An outlet as this crate describes it; if wasi-nn has no tensor for it, its name and what it is.
fn describe(
    index: usize,
    Outlet { name, kind }: Outlet,
    symbols: &mut HashMap<String, usize>,
) -> Result<TensorInfo, (String, Other)> {
    let (ty, dimensions, names) = match kind {
        OutletKind::Tensor {
            ty,
            dimensions,
            symbols,
        } => (ty, dimensions, symbols),
        OutletKind::Other(other) => return Err((name, other)),
    };
    let numbers = names.into_iter().map(|symbol| {
        (!symbol.is_empty()).then(|| {
            let next = symbols.len();
            *symbols.entry(symbol).or_insert(next)
        })
    });
    let mut numbers: Vec<Option<usize>> = numbers.collect();
    numbers.resize(dimensions.len(), None);
    Ok(TensorInfo {
        name: name.into(),
        ty,
        dimensions,
        symbols: numbers,
        index,
        shares: false,
    })
}
