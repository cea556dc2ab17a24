//! For a plugin's own unit tests: a simulated host, with graphs that a closure answers,
//! configuration values, a log and buckets. It has no models, no disk, and none of the real host's
//! limits.
//!
//! This module does not exist on Wasm; a plugin is unit-tested natively, as its twin.

mod bucket;

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use crate::{
    backend::{self, HostBucket, enter},
    bucket::StoreError,
    error::{Error, ErrorCode},
    graph::Metadata,
    log::Level,
    tensor::{Input, Tensor},
};
use bucket::Pairs;

/// Answers inferences on all graphs. Each closure from a graph's name and inputs to its named
/// outputs implements this.
pub trait Graphs {
    /// Answers one inference on the graph of this name: all outputs, in the model's order.
    ///
    /// # Errors
    /// Any error that the test wants the plugin to get.
    fn infer(&self, graph: &str, inputs: &[Input<'_>]) -> Result<Vec<(String, Tensor)>, Error>;

    /// Whether there is a graph of this name; by default there is one for each name.
    ///
    /// # Errors
    /// Any error that the test wants the plugin to get.
    fn load(&self, graph: &str) -> Result<(), Error> {
        let _ = graph;
        Ok(())
    }

    /// Answers [`Graph::describe`](crate::Graph::describe).
    ///
    /// # Errors
    /// `unsupported-operation` by default.
    fn describe(&self, graph: &str) -> Result<Metadata, Error> {
        let message = format!("this test does not say what graph '{graph}' looks like");
        Err(Error::new(ErrorCode::UnsupportedOperation, message))
    }
}

impl<F> Graphs for F
where
    F: Fn(&str, &[Input<'_>]) -> Result<Vec<(String, Tensor)>, Error>,
{
    fn infer(&self, graph: &str, inputs: &[Input<'_>]) -> Result<Vec<(String, Tensor)>, Error> {
        self(graph, inputs)
    }
}

/// Runs `body` on this thread, with `graphs` as the answers of all graphs that it looks up.
///
/// ```
/// # use tollgate_guest::{Graph, Input, Tensor, testing};
/// let doubled = testing::with_graphs(
///     |_: &str, inputs: &[Input<'_>]| {
///         let twice: Vec<u8> = inputs[0].data.iter().map(|x| x * 2).collect();
///         Ok(vec![("y".into(), Tensor::new(&[3], &twice))])
///     },
///     || Graph::load("double")?.infer(&[Input::new(&[3], &[1u8, 2, 3])]),
/// );
/// assert_eq!(doubled.unwrap()[0].bytes(), [2, 4, 6]);
/// ```
pub fn with_graphs<R>(graphs: impl Graphs + 'static, body: impl FnOnce() -> R) -> R {
    Host::new().graphs(graphs).run(body)
}

/// A line that the plugin logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The severity.
    pub level: Level,
    /// The context, which groups related lines.
    pub context: String,
    /// The text of the line.
    pub message: String,
}

/// What a test offers to the plugin; anything else is not granted. It lives as long as the test
/// keeps it, so a new plugin finds its buckets unchanged.
///
/// ```
/// # use tollgate_guest::{Bucket, Level, config, log, testing};
/// let host = testing::Host::new().config("unit", "kWh").bucket("seen", [("a", "41")]);
/// let sum = host.run(|| {
///     log(Level::Info, "", &config("unit").unwrap().unwrap());
///     Bucket::open("seen").unwrap().increment("a", 1)
/// });
/// assert_eq!(sum, Ok(42));
/// assert_eq!(host.log()[0].message, "kWh");
/// assert_eq!(host.pairs("seen")["a"], b"42");
/// ```
#[derive(Default)]
pub struct Host(Rc<Offered>);

#[derive(Default)]
struct Offered {
    graphs: RefCell<Option<Rc<dyn Graphs>>>,
    /// The graphs that were looked up; a handle is an index into this list.
    names: RefCell<Vec<Rc<str>>>,
    config: RefCell<BTreeMap<String, String>>,
    log: RefCell<Vec<Line>>,
    buckets: RefCell<BTreeMap<String, Pairs>>,
}

impl Host {
    /// A host that offers nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the answers of all graphs.
    #[must_use]
    pub fn graphs(self, graphs: impl Graphs + 'static) -> Self {
        self.0.graphs.replace(Some(Rc::new(graphs)));
        self
    }

    /// Adds a configuration value.
    #[must_use]
    pub fn config(self, key: &str, value: &str) -> Self {
        self.0
            .config
            .borrow_mut()
            .insert(key.to_owned(), value.to_owned());
        self
    }

    /// Adds a bucket with these keys and values.
    #[must_use]
    pub fn bucket<V: AsRef<[u8]>>(
        self,
        name: &str,
        pairs: impl IntoIterator<Item = (&'static str, V)>,
    ) -> Self {
        let pairs = pairs
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.as_ref().to_vec()));
        let pairs = Pairs::new(pairs.collect());
        self.0.buckets.borrow_mut().insert(name.to_owned(), pairs);
        self
    }

    /// Runs `body` on this thread, with this host instead of a real one.
    pub fn run<R>(&self, body: impl FnOnce() -> R) -> R {
        enter(Rc::new(Rc::clone(&self.0)), body)
    }

    /// The lines that were logged so far.
    pub fn log(&self) -> Vec<Line> {
        self.0.log.borrow().clone()
    }

    /// The current contents of a bucket; empty if the test offers none of that name.
    pub fn pairs(&self, bucket: &str) -> BTreeMap<String, Vec<u8>> {
        let buckets = self.0.buckets.borrow();
        buckets.get(bucket).map(Pairs::all).unwrap_or_default()
    }
}

impl Offered {
    fn graphs(&self) -> Result<Rc<dyn Graphs>, Error> {
        self.graphs.borrow().clone().ok_or_else(|| {
            Error::new(
                ErrorCode::Security,
                "this test offers no graphs: give its host some, with `graphs`",
            )
        })
    }

    fn name(&self, graph: u64) -> Result<Rc<str>, Error> {
        let names = self.names.borrow();
        let name = usize::try_from(graph)
            .ok()
            .and_then(|place| names.get(place));
        name.cloned()
            .ok_or_else(|| Error::new(ErrorCode::NotFound, "no such graph handle"))
    }
}

impl backend::Host for Rc<Offered> {
    fn load(&self, name: &str) -> Result<u64, Error> {
        self.graphs()?.load(name)?;
        let mut names = self.names.borrow_mut();
        names.push(name.into());
        Ok(names.len() as u64 - 1)
    }

    fn release(&self, _graph: u64) {}

    fn describe(&self, graph: u64) -> Result<Metadata, Error> {
        self.graphs()?.describe(&self.name(graph)?)
    }

    fn infer(
        &self,
        graph: u64,
        inputs: &[Input<'_>],
        _named: bool,
    ) -> Result<Vec<(String, Tensor)>, Error> {
        self.graphs()?.infer(&self.name(graph)?, inputs)
    }

    fn config(&self, key: &str) -> Result<Option<String>, StoreError> {
        Ok(self.config.borrow().get(key).cloned())
    }

    fn log(&self, level: Level, context: &str, message: &str) {
        self.log.borrow_mut().push(Line {
            level,
            context: context.to_owned(),
            message: message.to_owned(),
        });
    }

    fn open_bucket(&self, name: &str) -> Result<Rc<dyn HostBucket>, StoreError> {
        let buckets = self.buckets.borrow();
        match buckets.get(name) {
            Some(pairs) => Ok(Rc::new(pairs.clone())),
            None if buckets.is_empty() => Err(StoreError::AccessDenied),
            None => Err(StoreError::NoSuchStore),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bucket, Graph, config, log};

    #[test]
    fn what_is_not_offered_is_not_granted() {
        let host = Host::new();
        host.run(|| {
            assert_eq!(config("unit"), Ok(None));
            assert_eq!(Bucket::open("a").err(), Some(StoreError::AccessDenied));
            let error = Graph::load("digits").err().map(|error| error.code);
            assert_eq!(error, Some(ErrorCode::Security));
        });
        let host = host.bucket("a", [("key", "value")]);
        host.run(|| {
            assert_eq!(Bucket::open("b").err(), Some(StoreError::NoSuchStore));
            assert!(Bucket::open("a").is_ok());
        });
    }

    #[test]
    fn buckets_do_what_the_hosts_do() {
        let none: [(&str, &str); 0] = [];
        let host = Host::new().bucket("counts", none);
        host.run(|| {
            let bucket = Bucket::open("counts").unwrap();
            assert_eq!(bucket.get("a"), Ok(None));
            assert_eq!(bucket.increment("a", 2), Ok(2));
            bucket.set("b", b"no number").unwrap();
            assert!(matches!(
                bucket.increment("b", 1),
                Err(StoreError::Other(_))
            ));
            bucket.set("c", u64::MAX.to_string().as_bytes()).unwrap();
            assert!(matches!(
                bucket.increment("c", 1),
                Err(StoreError::Other(_))
            ));
            bucket.delete("c").unwrap();
            assert_eq!(bucket.exists("c"), Ok(false));
            assert_eq!(bucket.keys(None).unwrap().keys, ["a", "b"]);
            log(Level::Warn, "main", "done");
        });
        // What the next plugin will find.
        let again = host.run(|| Bucket::open("counts").unwrap().get("a"));
        assert_eq!(again, Ok(Some(b"2".to_vec())));
        let line = &host.log()[0];
        assert_eq!(
            (line.level, line.context.as_str(), line.message.as_str()),
            (Level::Warn, "main", "done")
        );
    }
}
