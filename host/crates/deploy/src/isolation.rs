//! Which graphs run in helper processes: models that a guest brings, and graphs that the operator isolates.

use std::path::Path;

use serde::{Deserialize, Serialize};
use tollgate_jail::Strength;
use tollgate_nn::{Error, Graph, GraphOptions, GraphRegistry};
use tollgate_services::{Limits, NnHost};

/// Which graphs by name run in helpers of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "`isolate` is true, false or a list of names")]
pub enum Isolate {
    /// All of them, or none.
    All(bool),
    /// These.
    Names(Vec<String>),
}

impl Default for Isolate {
    fn default() -> Self {
        Self::All(false)
    }
}

impl Isolate {
    /// Whether this graph does.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::All(all) => *all,
            Self::Names(names) => names.iter().any(|one| one == name),
        }
    }

    /// The first name that is none of these.
    pub(crate) fn unknown<'a>(&self, mut there: impl Iterator<Item = &'a str>) -> Option<&str> {
        match self {
            Self::All(_) => None,
            Self::Names(names) => {
                let there: Vec<&str> = there.by_ref().collect();
                let unknown = names.iter().find(|name| !there.contains(&name.as_str()));
                unknown.map(String::as_str)
            }
        }
    }
}

/// The helpers of a deployment's models.
#[derive(Clone, Debug)]
pub struct Isolation {
    strength: Strength,
    isolate: Isolate,
    #[cfg(target_os = "linux")]
    helpers: std::sync::Arc<tollgate_isolate::Helpers>,
}

/// How long a side spins for an answer before it sleeps: less than it takes to wake up.
#[cfg(target_os = "linux")]
const SPIN: std::time::Duration = std::time::Duration::from_micros(30);

impl Isolation {
    /// Helpers of this strength, with these limits for the models of one instance; none is started yet.
    pub fn new(strength: Strength, isolate: Isolate, limits: &Limits) -> Self {
        #[cfg(not(target_os = "linux"))]
        let _ = limits;
        Self {
            strength,
            isolate,
            #[cfg(target_os = "linux")]
            helpers: tollgate_isolate::Helpers::new(tollgate_isolate::Setup {
                program: None,
                forked: true,
                strength,
                // The other side could not go on meanwhile.
                spin: if tollgate_nn::cores() > 1 {
                    SPIN
                } else {
                    std::time::Duration::ZERO
                },
                model_bytes: limits.model_bytes as u64,
                tensor_bytes: limits.tensor_bytes as u64,
            })
            .into(),
        }
    }

    /// How helpers are confined.
    pub fn strength(&self) -> Strength {
        self.strength
    }

    /// Which graphs by name are isolated.
    pub(crate) fn isolate(&self) -> &Isolate {
        &self.isolate
    }

    /// Whether models that guests bring run in helpers.
    pub fn confines(&self) -> bool {
        cfg!(target_os = "linux") && self.strength != Strength::Off
    }

    /// The graphs of a deployment, and where its guests' models are loaded. Where `load` is granted, a helper is
    /// started ahead.
    pub fn nn(&self, registry: GraphRegistry, options: &GraphOptions, load: bool) -> NnHost {
        let nn = NnHost::new(registry.into(), options.clone());
        if !self.confines() {
            return nn;
        }
        #[cfg(target_os = "linux")]
        {
            if load && tollgate_nn::OnnxRuntime::loaded().is_ok() {
                // Only who loads a model needs one.
                if let Err(error) = self.helpers.warm() {
                    tracing::warn!("{error}");
                }
            }
            let models = tollgate_isolate::Private(self.helpers.clone());
            nn.with_models(std::sync::Arc::new(models))
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = load;
            nn
        }
    }

    /// Loads a graph in a helper of its own.
    pub(crate) fn graph(
        &self,
        name: &str,
        path: &Path,
        options: &GraphOptions,
    ) -> Result<Graph, Error> {
        if !self.confines() {
            return Err(Error::Helper {
                reason: format!("graph `{name}` is to be isolated, and there is no jail"),
            });
        }
        #[cfg(target_os = "linux")]
        {
            let (named, path) = (name.to_owned(), path.to_owned());
            let read = move || tollgate_nn::read_model(&named, &path);
            self.helpers.isolated(name, options, read)
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = (path, options);
            unreachable!("nothing confines here")
        }
    }
}
