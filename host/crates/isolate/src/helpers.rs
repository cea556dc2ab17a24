//! Where helpers come from: one is started ahead, so that a guest's first model does not wait for it.

use std::{
    io,
    sync::{Arc, Mutex, Once, Weak},
};

use tollgate_jail::Nursery;
use tollgate_nn::{Error, Graph, GraphOptions, Loader, Loading, Places, causes, clock::Deadline};

use crate::{
    NURSERY, Setup,
    graph::{InHelper, Model},
    helper::{Helper, Lost, lock},
    memory::Layout,
    setup::{ENVIRONMENT, library},
};

/// What a graph is called that has no name.
const NAME: &str = "(loaded from bytes)";

/// Starts helpers, each for the models of one instance or for one isolated graph.
#[derive(Debug)]
pub struct Helpers {
    setup: Setup,
    /// Started ahead.
    warm: Mutex<Option<Helper>>,
    /// Those that were given out.
    given: Mutex<Vec<Weak<Helper>>>,
    /// The process from which they are forked, once it was asked for.
    nursery: Mutex<Option<Arc<Nursery>>>,
}

impl Helpers {
    /// Helpers that are started in this way; none is started yet.
    pub fn new(setup: Setup) -> Self {
        Self {
            setup,
            warm: Mutex::new(None),
            given: Mutex::default(),
            nursery: Mutex::new(None),
        }
    }

    /// Starts one ahead. It need not be waited for.
    ///
    /// # Errors
    ///
    /// The system starts none.
    pub fn warm(&self) -> Result<(), Error> {
        let mut warm = lock(&self.warm);
        if warm.is_none() {
            *warm = Some(
                self.start()
                    .map_err(|error| cannot_start(&error.to_string()))?,
            );
        }
        Ok(())
    }

    pub(crate) fn setup(&self) -> &Setup {
        &self.setup
    }

    /// A helper for the models of one instance, which is ready.
    ///
    /// # Errors
    ///
    /// None can be started, or it is not ready in time.
    pub fn take(&self, deadline: Option<Deadline>) -> Result<Arc<Helper>, Error> {
        let warm = lock(&self.warm).take();
        let helper = match warm.filter(|helper| helper.gone().is_none()) {
            Some(helper) => match ready(&helper, deadline) {
                Ok(()) => helper,
                Err(error) => {
                    // One whose caller has no time left is there for the next one.
                    if helper.gone().is_none() {
                        lock(&self.warm).get_or_insert(helper);
                    }
                    return Err(error);
                }
            },
            None => self.fresh(deadline)?,
        };
        // The next one is started only after this one has shown that it can be.
        if let Err(error) = self.warm() {
            tracing::warn!("no helper is started ahead: {error}");
        }
        Ok(self.give(helper.of_instance()))
    }

    /// One that is started now, whether or not another one was started ahead, and is ready.
    ///
    /// # Errors
    ///
    /// As [`Helpers::take`].
    pub fn fresh(&self, deadline: Option<Deadline>) -> Result<Helper, Error> {
        let started = self.start();
        let helper = started.map_err(|error| cannot_start(&error.to_string()))?;
        ready(&helper, deadline)?;
        Ok(helper)
    }

    /// The processes that have models now, in the order in which they were started.
    pub fn processes(&self) -> Vec<u32> {
        let given = lock(&self.given);
        let alive = given.iter().filter_map(Weak::upgrade);
        let alive = alive.filter(|helper| helper.gone().is_none());
        alive.map(|helper| helper.process().id()).collect()
    }

    pub(crate) fn give(&self, helper: Helper) -> Arc<Helper> {
        let helper = Arc::new(helper);
        let mut given = lock(&self.given);
        given.retain(|helper| helper.strong_count() > 0);
        given.push(Arc::downgrade(&helper));
        helper
    }

    fn start(&self) -> io::Result<Helper> {
        let Setup {
            model_bytes,
            tensor_bytes,
            ..
        } = self.setup;
        let layout = Layout::of(model_bytes, tensor_bytes, 1).with_tensors(tensor_bytes);
        let memory = model_bytes.saturating_add(tensor_bytes);
        self.start_with(layout, memory)
    }

    /// Starts a helper: forks it where that can be done, or else has it load the library by itself.
    pub(crate) fn start_with(&self, layout: Layout, memory: u64) -> io::Result<Helper> {
        if self.setup.forked {
            let forked = self
                .nursery()
                .and_then(|nursery| Helper::start(&self.setup, Some(&nursery), layout, memory));
            match forked {
                Ok(helper) => return Ok(helper),
                Err(error) => tracing::debug!("a helper is not forked but started: {error}"),
            }
        }
        Helper::start(&self.setup, None, layout, memory)
    }

    fn nursery(&self) -> io::Result<Arc<Nursery>> {
        let mut nursery = lock(&self.nursery);
        if let Some(there) = nursery.as_ref().filter(|nursery| nursery.is_there()) {
            return Ok(Arc::clone(there));
        }
        let [jail, name] = NURSERY;
        let arguments = [jail, name, &library()?];
        let started = Nursery::start(&arguments, self.setup.program.as_deref(), &ENVIRONMENT);
        let started = Arc::new(started.map_err(|error| io::Error::other(causes(&error)))?);
        Ok(Arc::clone(nursery.insert(started)))
    }
}

/// Waits until a helper is ready; says once what its jail lacks.
pub(crate) fn ready(helper: &Helper, deadline: Option<Deadline>) -> Result<(), Error> {
    helper
        .ready(deadline)
        .map_err(|lost| match (lost, deadline) {
            (Lost::Gone(why), _) => cannot_start(&why),
            (_, Some(deadline)) if deadline.left().is_zero() => Error::LoadTimeout {
                graph: NAME.to_owned(),
                after: deadline.budget(),
            },
            _ => cannot_start("it was not ready in time"),
        })?;
    static SAID: Once = Once::new();
    let missing = helper.process().missing();
    if !missing.is_empty() {
        let all: Vec<String> = missing.iter().map(ToString::to_string).collect();
        SAID.call_once(|| {
            tracing::warn!(
                "models run in a jail that lacks layers on this machine: {}",
                all.join(", ")
            );
        });
    }
    Ok(())
}

fn cannot_start(why: &str) -> Error {
    Error::Helper {
        reason: why.to_owned(),
    }
}

/// [`Helpers`] as the place where guests' models are loaded.
pub struct Private(pub Arc<Helpers>);

impl Loading for Private {
    fn for_instance(&self) -> Box<dyn Loader> {
        Box::new(OfInstance {
            helpers: Arc::clone(&self.0),
            helper: Mutex::new(None),
        })
    }
}

/// The helper of one instance.
struct OfInstance {
    helpers: Arc<Helpers>,
    /// None before its first model, and after its helper is gone.
    helper: Mutex<Option<Arc<Helper>>>,
}

impl Loader for OfInstance {
    fn load(
        &self,
        bytes: &[u8],
        options: &GraphOptions,
        deadline: Option<Deadline>,
    ) -> Result<Arc<Graph>, Error> {
        let helper = {
            let mut own = lock(&self.helper);
            let there = own.take().filter(|helper| helper.gone().is_none());
            let helper = match there {
                Some(helper) => helper,
                None => self.helpers.take(deadline)?,
            };
            Arc::clone(own.insert(helper))
        };
        let model = Model {
            name: NAME,
            bytes,
            options,
            shared: false,
        };
        InHelper::load_private(&helper, &model, deadline)
    }

    fn places(&self) -> Option<Arc<dyn Places>> {
        lock(&self.helper).as_ref()?.places()
    }
}
