//! What loading a model takes and gives, in a form that crosses between two processes.

use std::{num::NonZero, time::Duration};

use serde::{Deserialize, Serialize};
use tollgate_nn::{
    BatchOptions, BatchPoint, Batching, Description, Error, GraphOptions, Other, Outlet,
    OutletKind, TensorType,
};

use crate::wire::Garbled;

/// A request to load the model in its place.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) graph: u32,
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// Whether several callers share it, so that merging their inferences is looked into.
    pub(crate) shared: bool,
    pub(crate) options: Options,
}

/// [`GraphOptions`].
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Options {
    device: String,
    allow_cpu_nodes: bool,
    mode: String,
    threads: Option<NonZero<usize>>,
    optimization: String,
    arena: bool,
    sessions: NonZero<usize>,
    policy: String,
    max: NonZero<u32>,
    delay: Duration,
}

impl From<&GraphOptions> for Options {
    fn from(options: &GraphOptions) -> Self {
        Self {
            device: options.device.to_string(),
            allow_cpu_nodes: options.allow_cpu_nodes,
            mode: options.mode.to_string(),
            threads: options.threads,
            optimization: options.optimization.to_string(),
            arena: options.arena,
            sessions: options.sessions,
            policy: options.batch.policy.to_string(),
            max: options.batch.max,
            delay: options.batch.delay,
        }
    }
}

impl TryFrom<&Options> for GraphOptions {
    type Error = Garbled;

    fn try_from(options: &Options) -> Result<Self, Garbled> {
        Ok(Self {
            device: options.device.parse().map_err(|_| Garbled)?,
            allow_cpu_nodes: options.allow_cpu_nodes,
            mode: options.mode.parse().map_err(|_| Garbled)?,
            threads: options.threads,
            optimization: options.optimization.parse().map_err(|_| Garbled)?,
            arena: options.arena,
            sessions: options.sessions,
            batch: BatchOptions {
                policy: options.policy.parse().map_err(|_| Garbled)?,
                max: options.max,
                delay: options.delay,
            },
        })
    }
}

/// A [`Description`].
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Loaded {
    device: String,
    inputs: Vec<Named>,
    optional: Vec<Named>,
    outputs: Vec<Named>,
    max: u32,
    delay: Duration,
    curve: Vec<(u32, u64)>,
    off: Option<String>,
    unlimited: bool,
    proven: bool,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Named {
    name: String,
    kind: Kind,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Tensor {
        ty: u8,
        dimensions: Vec<Option<u32>>,
        symbols: Vec<String>,
    },
    Strings,
    Elements(String),
    NoTensor(u8),
}

impl From<Description> for Loaded {
    fn from(description: Description) -> Self {
        let named = |outlets: Vec<Outlet>| outlets.into_iter().map(Named::from).collect();
        let batching = description.batching;
        Self {
            device: description.device.to_string(),
            inputs: named(description.inputs),
            optional: named(description.optional),
            outputs: named(description.outputs),
            max: batching.max,
            delay: batching.delay,
            curve: batching.curve.iter().map(|at| (at.rows, at.ns)).collect(),
            off: batching.off,
            unlimited: batching.unlimited,
            proven: batching.proven,
        }
    }
}

impl TryFrom<Loaded> for Description {
    type Error = Garbled;

    fn try_from(loaded: Loaded) -> Result<Self, Garbled> {
        let outlets = |named: Vec<Named>| {
            named
                .into_iter()
                .map(Outlet::try_from)
                .collect::<Result<Vec<_>, _>>()
        };
        let point = |(rows, ns)| BatchPoint { rows, ns };
        Ok(Self {
            device: loaded.device.parse().map_err(|_| Garbled)?,
            inputs: outlets(loaded.inputs)?,
            optional: outlets(loaded.optional)?,
            outputs: outlets(loaded.outputs)?,
            batching: Batching {
                max: loaded.max,
                delay: loaded.delay,
                curve: loaded.curve.into_iter().map(point).collect(),
                off: loaded.off,
                unlimited: loaded.unlimited,
                proven: loaded.proven,
            },
        })
    }
}

impl From<Outlet> for Named {
    fn from(outlet: Outlet) -> Self {
        let kind = match outlet.kind {
            OutletKind::Tensor {
                ty,
                dimensions,
                symbols,
            } => Kind::Tensor {
                ty: ty as u8,
                dimensions,
                symbols,
            },
            OutletKind::Other(Other::Strings) => Kind::Strings,
            OutletKind::Other(Other::Elements(ty)) => Kind::Elements(ty),
            OutletKind::Other(Other::NoTensor(what)) => {
                let place = Other::NO_TENSORS.iter().position(|one| *one == what);
                Kind::NoTensor(place.unwrap_or_default() as u8)
            }
        };
        Self {
            name: outlet.name,
            kind,
        }
    }
}

impl TryFrom<Named> for Outlet {
    type Error = Garbled;

    fn try_from(named: Named) -> Result<Self, Garbled> {
        let kind = match named.kind {
            Kind::Tensor {
                ty,
                dimensions,
                symbols,
            } if symbols.len() <= dimensions.len() => OutletKind::Tensor {
                ty: TensorType::from_ordinal(ty).ok_or(Garbled)?,
                dimensions,
                symbols,
            },
            Kind::Tensor { .. } => return Err(Garbled),
            Kind::Strings => OutletKind::Other(Other::Strings),
            Kind::Elements(ty) => OutletKind::Other(Other::Elements(ty)),
            Kind::NoTensor(place) => {
                let what = Other::NO_TENSORS.get(usize::from(place)).ok_or(Garbled)?;
                OutletKind::Other(Other::NoTensor(what))
            }
        };
        Ok(Self {
            name: named.name,
            kind,
        })
    }
}

/// Why a helper could not do it: an [`Error`] without the graph's name.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Refused {
    Timeout,
    Encoding(String),
    Unsupported(String),
    Batch(String),
    TooLarge {
        what: String,
        limit: u64,
        came: String,
    },
    /// All others.
    Run(String),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match error {
            Error::Timeout { .. } => Self::Timeout,
            Error::Encoding { reason, .. } => Self::Encoding(reason),
            Error::Unsupported { reason, .. } => Self::Unsupported(reason),
            Error::Batch { reason, .. } => Self::Batch(reason),
            Error::TooLarge {
                what, limit, came, ..
            } => Self::TooLarge {
                what,
                limit: limit as u64,
                came,
            },
            Error::Run { reason, .. } => Self::Run(reason),
            error @ (Error::NoDevice { .. } | Error::Device { .. }) => {
                Self::Unsupported(error.to_string())
            }
            error => Self::Run(error.to_string()),
        }
    }
}

impl Refused {
    /// The error of the graph of this name, which had this long.
    pub(crate) fn of(self, graph: &str, after: Duration) -> Error {
        let graph = graph.to_owned();
        match self {
            Self::Timeout => Error::Timeout { graph, after },
            Self::Encoding(reason) => Error::Encoding { graph, reason },
            Self::Unsupported(reason) => Error::Unsupported { graph, reason },
            Self::Batch(reason) => Error::Batch { graph, reason },
            Self::TooLarge { what, limit, came } => Error::TooLarge {
                what,
                graph: Some(graph),
                limit: usize::try_from(limit).unwrap_or(usize::MAX),
                came,
            },
            Self::Run(reason) => Error::Run { graph, reason },
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_nn::{BatchPolicy, Device, Mode, Optimization};

    use super::*;

    #[test]
    fn options_go_there_and_back() {
        let options = GraphOptions {
            device: Device::OpenVino,
            allow_cpu_nodes: true,
            mode: Mode::Latency,
            threads: NonZero::new(3),
            optimization: Optimization::Basic,
            arena: false,
            sessions: NonZero::new(2).unwrap(),
            batch: BatchOptions {
                policy: BatchPolicy::On,
                max: NonZero::new(7).unwrap(),
                delay: Duration::from_micros(9),
            },
        };
        let there = Options::from(&options);
        let bytes = postcard::to_stdvec(&there).unwrap();
        let back: Options = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(GraphOptions::try_from(&back), Ok(options));
        let wrong = Options {
            mode: "much".to_owned(),
            ..there
        };
        assert_eq!(GraphOptions::try_from(&wrong), Err(Garbled));
    }

    #[test]
    fn descriptions_go_there_and_back() {
        let outlet = |kind| Outlet {
            name: "x".to_owned(),
            kind,
        };
        let description = Description {
            device: Device::Cpu,
            inputs: vec![outlet(OutletKind::Tensor {
                ty: TensorType::Bf16,
                dimensions: vec![Some(1), None],
                symbols: vec![String::new(), "n".to_owned()],
            })],
            optional: vec![
                outlet(OutletKind::Other(Other::Strings)),
                outlet(OutletKind::Other(Other::Elements("bool".to_owned()))),
            ],
            outputs: Other::NO_TENSORS
                .map(|what| outlet(OutletKind::Other(Other::NoTensor(what))))
                .into(),
            batching: Batching {
                max: 8,
                delay: Duration::from_micros(3),
                curve: vec![BatchPoint { rows: 1, ns: 5 }],
                off: Some("no".to_owned()),
                unlimited: true,
                proven: false,
            },
        };
        let bytes = postcard::to_stdvec(&Loaded::from(description.clone())).unwrap();
        let back: Loaded = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(Description::try_from(back), Ok(description));
    }

    #[test]
    fn a_description_that_no_graph_has_is_garbled() {
        let tensor = |ty, symbols: &[&str]| Named {
            name: "x".to_owned(),
            kind: Kind::Tensor {
                ty,
                dimensions: Vec::new(),
                symbols: symbols.iter().map(|&one| one.to_owned()).collect(),
            },
        };
        assert!(Outlet::try_from(tensor(0, &[])).is_ok());
        assert_eq!(Outlet::try_from(tensor(7, &[])), Err(Garbled));
        assert_eq!(Outlet::try_from(tensor(0, &["n"])), Err(Garbled));
        let none = Named {
            name: String::new(),
            kind: Kind::NoTensor(3),
        };
        assert_eq!(Outlet::try_from(none), Err(Garbled));
    }

    #[test]
    fn errors_get_the_name_that_they_are_asked_under() {
        let error = Error::Encoding {
            graph: "theirs".to_owned(),
            reason: "no model".to_owned(),
        };
        let back = Refused::from(error).of("ours", Duration::ZERO);
        assert!(
            matches!(&back, Error::Encoding { graph, .. } if graph == "ours"),
            "{back}"
        );
        let error = Error::NoLibrary;
        assert!(matches!(
            Refused::from(error).of("g", Duration::ZERO),
            Error::Run { .. }
        ));
    }
}
