//! A graph by name that has a helper of its own, which is started anew when it is gone.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use tollgate_nn::{
    Call, Description, Error, Graph, GraphOptions, Ran, Remote, clock::Deadline, cores,
};

use crate::{
    Helpers,
    graph::{InHelper, Model},
    helper::lock,
    helpers::ready,
    memory::Layout,
};

/// The longest time that loading an isolated graph may take. Ten minutes: the largest models take one on a server.
const LOAD: Duration = Duration::from_secs(600);

/// How often a helper that is gone is started anew, at most.
const AGAIN: Duration = Duration::from_secs(1);

/// Lanes for each core: more callers than run at once, so that inferences can be merged.
const LANES: usize = 3;

/// The most lanes. Each has addresses for the tensors of an inference.
const MOST_LANES: usize = 24;

/// What a model takes at most while it is loaded, in bytes for each of its file.
const TIMES: u64 = 4;

/// Reads the model's file.
type Read = dyn Fn() -> Result<Vec<u8>, Error> + Send + Sync;

/// A graph in a helper of its own.
struct Isolated(Arc<Shared>);

struct Shared {
    helpers: Arc<Helpers>,
    name: String,
    options: GraphOptions,
    read: Box<Read>,
    digest: [u8; 32],
    description: Description,
    current: Mutex<Current>,
    /// It is there, or could not be started.
    settled: Condvar,
}

enum Current {
    There {
        graph: Arc<InHelper>,
        started: Instant,
    },
    /// A thread starts it.
    Starting,
    Gone {
        started: Instant,
        why: String,
    },
}

impl Helpers {
    /// Loads the model that `read` gives in a helper of its own. Inferences of any number of callers run there at
    /// once, and are merged there. If the helper is gone, the next inference has another one started.
    ///
    /// # Errors
    ///
    /// Those of `read`, of loading, and [`Error::Helper`].
    pub fn isolated(
        self: &Arc<Self>,
        name: &str,
        options: &GraphOptions,
        read: impl Fn() -> Result<Vec<u8>, Error> + Send + Sync + 'static,
    ) -> Result<Graph, Error> {
        let bytes = read()?;
        let (description, graph) = load(self, name, options, &bytes)?;
        let shared = Shared {
            helpers: Arc::clone(self),
            name: name.to_owned(),
            options: options.clone(),
            read: Box::new(read),
            digest: Sha256::digest(&bytes).into(),
            description: description.clone(),
            current: Mutex::new(Current::There {
                graph: Arc::new(graph),
                started: Instant::now(),
            }),
            settled: Condvar::new(),
        };
        Graph::elsewhere(name, description, Arc::new(Isolated(Arc::new(shared))))
    }
}

fn load(
    helpers: &Helpers,
    name: &str,
    options: &GraphOptions,
    bytes: &[u8],
) -> Result<(Description, InHelper), Error> {
    let setup = helpers.setup();
    let cores = cores();
    let lanes = (LANES * cores).clamp(LANES, MOST_LANES);
    let layout = Layout::of(bytes.len() as u64, setup.tensor_bytes, lanes as u32);
    // As many runs at once as there are cores, or a few more; each has tensors of its own.
    let runs = setup.tensor_bytes.saturating_mul(2 * cores as u64);
    let memory = (bytes.len() as u64)
        .saturating_mul(TIMES)
        .saturating_add(runs);
    let started = helpers.start_with(layout, memory);
    let started = started.map_err(|error| Error::Helper {
        reason: error.to_string(),
    });
    let helper = started?;
    let until = Some(Deadline::after(LOAD));
    ready(&helper, until)?;
    let helper = helpers.give(helper);
    let model = Model {
        name,
        bytes,
        options,
        shared: true,
    };
    InHelper::load(&helper, &model, until)
}

impl Isolated {
    /// The graph in its helper, which is started if it is gone.
    fn current(&self, deadline: Option<Deadline>) -> Result<Arc<InHelper>, Error> {
        let shared = &self.0;
        let mut current = lock(&shared.current);
        loop {
            match &*current {
                Current::There { graph, started } => match graph.helper().gone() {
                    None => return Ok(Arc::clone(graph)),
                    Some(why) => {
                        *current = Current::Gone {
                            started: *started,
                            why: why.to_owned(),
                        };
                    }
                },
                Current::Starting => {
                    let left = deadline.map_or(AGAIN, |deadline| deadline.left());
                    if left.is_zero() {
                        return Err(Error::Timeout {
                            graph: shared.name.clone(),
                            after: deadline.map_or(left, |deadline| deadline.budget()),
                        });
                    }
                    let waited = shared.settled.wait_timeout(current, left.min(AGAIN));
                    current = waited.unwrap_or_else(PoisonError::into_inner).0;
                }
                Current::Gone { started, why } => {
                    if started.elapsed() < AGAIN {
                        return Err(shared.failed(why));
                    }
                    *current = Current::Starting;
                    // Each caller waits no longer than its own deadline.
                    let starts = Arc::clone(shared);
                    let thread = thread::Builder::new().name("isolate".to_owned());
                    if let Err(error) = thread.spawn(move || starts.start_anew()) {
                        *current = Current::Gone {
                            started: Instant::now(),
                            why: error.to_string(),
                        };
                    }
                }
            }
        }
    }
}

impl Shared {
    fn start_anew(&self) {
        /// Whatever happens, nobody waits for ever.
        struct Settle<'a>(&'a Shared, Option<Current>);
        impl Drop for Settle<'_> {
            fn drop(&mut self) {
                let gone = || Current::Gone {
                    started: Instant::now(),
                    why: "its helper process could not be started anew".to_owned(),
                };
                *lock(&self.0.current) = self.1.take().unwrap_or_else(gone);
                self.0.settled.notify_all();
            }
        }
        let mut settle = Settle(self, None);
        let started = self.start();
        settle.1 = Some(match started {
            Ok(graph) => Current::There {
                graph: Arc::new(graph),
                started: Instant::now(),
            },
            Err(error) => Current::Gone {
                started: Instant::now(),
                why: match error {
                    // The graph is named once.
                    Error::Run { reason, .. } => reason,
                    error => error.to_string(),
                },
            },
        });
    }

    fn start(&self) -> Result<InHelper, Error> {
        tracing::warn!(
            "the helper process of graph `{}` is started anew",
            self.name
        );
        let bytes = (self.read)()?;
        if <[u8; 32]>::from(Sha256::digest(&bytes)) != self.digest {
            return Err(self.failed(
                "its model's file was replaced, and its helper process cannot be started anew with another model",
            ));
        }
        let (description, graph) = load(&self.helpers, &self.name, &self.options, &bytes)?;
        // What was decided about batches is measured, and may differ.
        let same = Description {
            batching: self.description.batching.clone(),
            ..description
        };
        if same != self.description {
            return Err(self.failed("its model describes itself in another way than before"));
        }
        Ok(graph)
    }

    fn failed(&self, reason: &str) -> Error {
        Error::Run {
            graph: self.name.clone(),
            reason: reason.to_owned(),
        }
    }
}

impl Remote for Isolated {
    fn run(&self, call: &mut Call<'_>) -> Result<Ran, Error> {
        self.current(call.deadline())?.run(call)
    }
}
