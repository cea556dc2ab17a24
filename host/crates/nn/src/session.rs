//! The sessions of one graph: built from a model and options, lent out for runs.
//!
//! On the CPU one session is shared by concurrent runs. On other devices there is a pool of sessions, each
//! of which runs one inference at a time. The permits bound how many run at once; no lock is held during a
//! run.

use std::{
    borrow::Cow,
    io::Read,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use ort::{
    ErrorCode as OrtCode, ep,
    session::{
        Session,
        builder::{GraphOptimizationLevel, SessionBuilder},
    },
};

use tollgate_onnx::{self as onnx, Reference, apart::Findings};

use crate::{
    Device, Error, GraphOptions, Mode, OnnxRuntime, Optimization,
    clock::Deadline,
    scheduling::learning::Lesson,
    scheduling::permits::{MergePolicy, Permit, Permits, Waited, Waiter},
    text::tidy,
};

/// Where a model comes from.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    /// A file that the user chose. Weights in files beside it are loaded too.
    File(&'a Path),
    /// Bytes, which may come from a guest.
    Bytes(&'a [u8]),
}

/// The most bytes of a refused file that are read to find out what it is.
const NO_MODEL: u64 = 64 << 20;

/// The most bytes of a model whose graph is examined before it is loaded. One run of a larger model takes so
/// long that merging saves nothing.
const LOOKED_AT: usize = 1 << 30;

/// The most bytes of a model: protobuf's own bound.
const PROTOBUF: u64 = i32::MAX as u64;

impl<'a> Source<'a> {
    /// What it is, if it is known not to be an ONNX model; called after it was refused.
    fn is_no_model(self) -> Option<String> {
        let mut read = Vec::new();
        let bytes = match self {
            Source::Bytes(bytes) => bytes,
            Source::File(path) => {
                let file = std::fs::File::open(path).ok()?;
                file.take(NO_MODEL).read_to_end(&mut read).ok()?;
                &read
            }
        };
        if let Some(known) = onnx::well_known(bytes.get(..onnx::HEAD).unwrap_or(bytes)) {
            return Some(known.to_owned());
        }
        let whole = (bytes.len() as u64) < NO_MODEL;
        (whole && onnx::has_no_graph(bytes)).then(|| {
            "there is no ONNX graph in it: a model of TensorFlow (`.pb`) or Core ML is converted with \
             the tools of its maker or `tf2onnx`"
                .to_owned()
        })
    }

    /// Whether ONNX Runtime reads it in its own format. It knows such files by their name; bytes in this
    /// format are refused before.
    fn is_ort_format(self) -> bool {
        match self {
            Source::File(path) => path
                .extension()
                .is_some_and(|extension| extension.eq_ignore_ascii_case("ort")),
            Source::Bytes(_) => false,
        }
    }

    /// The model's bytes; if they cannot be read, why not.
    pub(crate) fn read(self) -> Result<Cow<'a, [u8]>, String> {
        let path = match self {
            Source::Bytes(bytes) => return Ok(Cow::Borrowed(bytes)),
            Source::File(path) => path,
        };
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.len() > PROTOBUF => {
                Err(format!("its file has more than {PROTOBUF} bytes"))
            }
            _ => std::fs::read(path)
                .map(Cow::Owned)
                .map_err(|error| error.to_string()),
        }
    }
}

/// What can be known of a model's runs from its graph.
pub(crate) fn findings(read: &Result<Cow<'_, [u8]>, String>) -> Findings {
    match read {
        Ok(bytes) if bytes.len() > LOOKED_AT => {
            Findings::none(format!("it has more than {LOOKED_AT} bytes"))
        }
        Ok(bytes) => Findings::of(bytes),
        Err(reason) => Findings::none(reason.clone()),
    }
}

/// Refuses a model whose outputs would contain what an earlier run left in memory.
///
/// # Errors
///
/// If an operator's body has an output that is not written, or the bytes cannot be read to the end.
pub(crate) fn refuse_unwritten(
    graph: &str,
    source: Source<'_>,
    read: &Result<Cow<'_, [u8]>, String>,
) -> Result<(), Error> {
    let graph = graph.to_owned();
    match read {
        _ if source.is_ort_format() => Ok(()),
        Ok(bytes) => match onnx::unwritten(bytes) {
            Ok(None) => Ok(()),
            Ok(Some(found)) => Err(Error::Unsupported {
                graph,
                reason: found.to_string(),
            }),
            Err(_) => Err(Error::Encoding {
                graph,
                reason: onnx::not_a_model(bytes),
            }),
        },
        // ONNX Runtime cannot read it either.
        Err(_) => Ok(()),
    }
}

/// Where ONNX Runtime looks for weights of a model that comes from bytes.
const WEIGHTS_FOLDER: &str = "session.model_external_initializers_file_folder_path";

/// A place that is no folder, so that nothing is in it.
const NOWHERE: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

pub(crate) struct Sessions {
    sessions: Vec<Session>,
    /// The sessions that run nothing now; none on the CPU, where the one session is shared.
    idle: Option<Mutex<Vec<usize>>>,
    permits: Permits,
}

/// A session, lent for one run.
pub(crate) struct Loan<'a> {
    sessions: &'a Sessions,
    index: usize,
    permit: Permit<'a>,
}

impl Sessions {
    pub(crate) fn load(
        graph: &str,
        source: Source<'_>,
        options: &GraphOptions,
    ) -> Result<Self, Error> {
        let runtime = OnnxRuntime::loaded()?;
        if let Source::Bytes(bytes) = source {
            refuse_unsafe(graph, bytes)?;
        }
        if !runtime.devices().contains(&options.device) {
            return Err(Error::NoDevice {
                asked: options.device,
                there: runtime.device_names(),
            });
        }
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let shared = options.device == Device::Cpu;
        let count = if shared { 1 } else { options.sessions.get() };
        let sessions: Vec<Session> = (0..count)
            .map(|_| build(runtime, graph, source, options, cores))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            permits: Permits::new(count, None),
            idle: (!shared).then(|| Mutex::new((0..count).collect())),
            sessions,
        })
    }

    /// The session that describes the graph.
    pub(crate) fn first(&self) -> Option<&Session> {
        self.sessions.first()
    }

    /// A session that is free now.
    #[inline(always)]
    pub(crate) fn try_lend(&self) -> Option<Loan<'_>> {
        self.loan(self.permits.try_acquire()?)
    }

    /// Waits for a session, until the caller gets a permit, another caller has run its inference, or its
    /// deadline passes.
    pub(crate) fn wait(
        &self,
        waiter: &Arc<Waiter>,
        deadline: Option<Deadline>,
    ) -> Waited<Loan<'_>> {
        match self.permits.wait(waiter, deadline) {
            Waited::Turn(permit) => self.loan(permit).map_or(Waited::Late, Waited::Turn),
            Waited::Answered => Waited::Answered,
            Waited::Late => Waited::Late,
        }
    }

    /// Sets how many runs of the one shared session may go on at once. On other devices than the CPU it is
    /// always one for each session. With a policy, the caller with a permit may run other inferences too.
    pub(crate) fn limit(&mut self, runs: usize, policy: Option<MergePolicy>) {
        let runs = if self.idle.is_none() {
            runs
        } else {
            self.sessions.len()
        };
        self.permits = Permits::new(runs, policy);
    }

    /// Measures how long the first runs take, and allows more at once if they are short.
    pub(crate) fn learn(&mut self, lesson: Lesson) {
        self.permits.learn(lesson);
    }

    #[inline(always)]
    fn loan<'a>(&'a self, permit: Permit<'a>) -> Option<Loan<'a>> {
        let index = match &self.idle {
            None => 0,
            // There are as many permits as sessions, so one is idle.
            Some(idle) => lock(idle).pop()?,
        };
        Some(Loan {
            sessions: self,
            index,
            permit,
        })
    }
}

impl<'a> Loan<'a> {
    pub(crate) fn permit(&mut self) -> &mut Permit<'a> {
        &mut self.permit
    }

    pub(crate) fn session(&self) -> Option<&Session> {
        self.sessions.sessions.get(self.index)
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        // The session is put back before the permit, which is dropped after this body.
        if let Some(idle) = &self.sessions.idle {
            lock(idle).push(self.index);
        }
    }
}

fn lock(idle: &Mutex<Vec<usize>>) -> std::sync::MutexGuard<'_, Vec<usize>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Refuses bytes that would make ONNX Runtime do more than read them.
fn refuse_unsafe(graph: &str, bytes: &[u8]) -> Result<(), Error> {
    let graph = graph.to_owned();
    if onnx::is_ort_format(bytes) {
        return Err(Error::Encoding {
            graph,
            reason: "it is in ONNX Runtime's own format; expected ONNX".to_owned(),
        });
    }
    match onnx::references(bytes) {
        Ok(None) => Ok(()),
        Ok(Some(Reference::Weights)) => Err(Error::Unsupported {
            graph,
            reason: "it keeps weights in other files, which a model loaded from bytes may not; \
                     save it as one file"
                .to_owned(),
        }),
        Ok(Some(Reference::Compiled)) => Err(Error::Unsupported {
            graph,
            reason: "it may name a compiled model in another file (`EPContext`), which a model \
                     loaded from bytes may not; hand over the model that it was compiled from"
                .to_owned(),
        }),
        Err(_) => Err(Error::Encoding {
            graph,
            reason: onnx::not_a_model(bytes),
        }),
    }
}

fn build(
    runtime: &OnnxRuntime,
    graph: &str,
    source: Source<'_>,
    options: &GraphOptions,
    cores: usize,
) -> Result<Session, Error> {
    let mut builder = configure(runtime, options, cores).map_err(|reason| Error::Device {
        graph: graph.to_owned(),
        asked: options.device,
        reason,
        there: runtime.device_names(),
    })?;
    let session = match source {
        Source::File(path) => builder.commit_from_file(path),
        // `refuse_unsafe` has found that such a model names no file. If ONNX Runtime looks for files all
        // the same, it finds none here.
        Source::Bytes(bytes) => builder
            .with_config_entry(WEIGHTS_FOLDER, NOWHERE)
            .map_err(|error| ort::Error::new(error.message().to_owned()))
            .and_then(|mut builder| builder.commit_from_memory(bytes)),
    };
    session.map_err(|error| explain(runtime, graph, source, options.device, &error))
}

fn configure(
    runtime: &OnnxRuntime,
    options: &GraphOptions,
    cores: usize,
) -> Result<SessionBuilder, String> {
    let said = |error: ort::Error<SessionBuilder>| tidy(error.message());
    let spin = match options.mode {
        Mode::Throughput => "0",
        Mode::Latency => "1",
    };
    let mut builder = Session::builder(runtime.environment())
        .map_err(|error| tidy(error.message()))?
        .with_optimization_level(level(options.optimization))
        .map_err(said)?
        .with_intra_threads(options.intra_threads(cores))
        .map_err(said)?
        .with_inter_threads(1)
        .map_err(said)?
        .with_config_entry("session.intra_op.allow_spinning", spin)
        .map_err(said)?;
    if let Some(registration) = options.device.registration() {
        builder = builder
            .with_execution_providers([registration])
            .map_err(said)?;
        if !options.allow_cpu_nodes {
            // Otherwise ONNX Runtime quietly runs on the CPU what the device has no kernel for.
            builder = builder
                .with_config_entry("session.disable_cpu_ep_fallback", "1")
                .map_err(said)?;
        }
    } else {
        let cpu = ep::CPU::default().with_arena_allocator(options.arena);
        builder = builder
            .with_execution_providers([cpu.build().error_on_failure()])
            .map_err(said)?;
    }
    Ok(builder)
}

fn level(optimization: Optimization) -> GraphOptimizationLevel {
    match optimization {
        Optimization::None => GraphOptimizationLevel::Disable,
        Optimization::Basic => GraphOptimizationLevel::Level1,
        Optimization::Extended => GraphOptimizationLevel::Level2,
        Optimization::All => GraphOptimizationLevel::All,
    }
}

/// Finds out why a session could not be made: because of the model, the device or the library.
fn explain(
    runtime: &OnnxRuntime,
    graph: &str,
    source: Source<'_>,
    device: Device,
    error: &ort::Error,
) -> Error {
    let (graph, reason) = (graph.to_owned(), tidy(error.message()));
    if let Some(reason) = source.is_no_model() {
        return Error::Encoding { graph, reason };
    }
    if let Some(reason) = onnx::explain(&reason, runtime.version()) {
        return Error::Unsupported { graph, reason };
    }
    // ONNX Runtime's error code for an unknown operator is also used for other failures; its message
    // tells them apart.
    let missing_operator = [
        "is not a registered function/op",
        "No Op registered for",
        "Could not find an implementation",
    ]
    .iter()
    .any(|words| reason.contains(words));
    match error.code() {
        _ if missing_operator => Error::Unsupported { graph, reason },
        OrtCode::NotImplemented => Error::Unsupported { graph, reason },
        _ if device != Device::Cpu => Error::Device {
            graph,
            asked: device,
            reason,
            there: runtime.device_names(),
        },
        _ => Error::Encoding { graph, reason },
    }
}
