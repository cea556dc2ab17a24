//! Made-up models through `load`, each in a helper process: `cargo xtask fuzz models`. Whatever ONNX Runtime does with
//! them, this process goes on, and each answer is a sentence.
//!
//! It takes a JSON object ([`Setup`]) and writes one ([`Seen`]). Started with `jail` it is a helper, as the program
//! itself is.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tollgate_isolate::{Helpers, Private, Setup as HelperSetup};
use tollgate_jail::Strength;
use tollgate_nn::{
    Argument, Data, Error, ErrorCode, Graph, GraphOptions, Loader, Loading, OnnxRuntime, Scratch,
    clock::Deadline,
};
use tollgate_tests::models::{Case, Input, mutated, one_node};

/// Of each so many cases one is a mutation of a model of the repository.
const MUTATED: u64 = 2;

/// How long loading and running may take, each.
const DEADLINE: Duration = Duration::from_secs(2);

/// The longest message, in bytes.
const MESSAGE: usize = 16 << 10;

/// The limits of models and of tensors, in bytes.
const MODEL_BYTES: u64 = 256 << 20;
const TENSOR_BYTES: u64 = 64 << 20;

/// What this process does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    /// The shared library of ONNX Runtime.
    onnxruntime: PathBuf,
    /// Models to change.
    models: Vec<PathBuf>,
    /// For how long.
    seconds: u64,
    /// The first seed.
    seed: u64,
}

/// What was seen.
#[derive(Default, Serialize)]
struct Seen {
    models: u64,
    one_node: u64,
    mutated: u64,
    loaded: u64,
    ran: u64,
    /// Helpers that died, by the case's first word: the operator, or `mutated`.
    died: BTreeMap<String, u64>,
    /// Helpers that were ended at a deadline.
    late: u64,
    /// How much later than its deadline the latest answer was, in milliseconds.
    latest_ms: f64,
    /// The most memory that this process had, in bytes.
    most_bytes: u64,
}

fn main() -> ExitCode {
    tollgate_tests::program::main(run)
}

fn run(told: &[String]) -> anyhow::Result<()> {
    let setup: Setup = serde_json::from_str(told.first().context("expected a JSON object")?)?;
    OnnxRuntime::load(Some(&setup.onnxruntime))?;
    let models = setup.models.iter().map(fs::read);
    let models = models.collect::<Result<Vec<_>, _>>()?;
    let helpers = Arc::new(Helpers::new(HelperSetup {
        program: None,
        forked: true,
        strength: Strength::Best,
        spin: Duration::ZERO,
        model_bytes: MODEL_BYTES,
        tensor_bytes: TENSOR_BYTES,
    }));
    let next = AtomicU64::new(setup.seed);
    let until = Instant::now() + Duration::from_secs(setup.seconds);
    let seen = thread::scope(|scope| {
        let workers: Vec<_> = (0..tollgate_nn::cores())
            .map(|_| scope.spawn(|| work(&helpers, &models, &next, until)))
            .collect();
        let mut all = Seen::default();
        for worker in workers {
            let seen = worker.join().map_err(|_| anyhow::anyhow!("a panic"))??;
            all.add(seen);
        }
        anyhow::Ok(all)
    })?;
    ensure!(seen.models > 0, "no model was tried");
    println!("{}", serde_json::to_string_pretty(&seen)?);
    Ok(())
}

fn work(
    helpers: &Arc<Helpers>,
    models: &[Vec<u8>],
    next: &AtomicU64,
    until: Instant,
) -> anyhow::Result<Seen> {
    let loader = Private(Arc::clone(helpers)).for_instance();
    let mut scratch = Scratch::new()?;
    scratch.allow(TENSOR_BYTES as usize);
    let mut seen = Seen::default();
    while Instant::now() < until {
        let seed = next.fetch_add(1, Ordering::Relaxed);
        let case = if seed.is_multiple_of(MUTATED) {
            seen.mutated += 1;
            Case {
                what: format!("mutated {seed}"),
                model: mutated(seed, models),
                inputs: Vec::new(),
            }
        } else {
            seen.one_node += 1;
            one_node(seed / MUTATED)
        };
        seen.models += 1;
        one(&*loader, &mut scratch, &case, &mut seen)
            .with_context(|| format!("seed {seed}: {}", case.what))?;
        seen.most_bytes = seen.most_bytes.max(resident()?);
    }
    Ok(seen)
}

/// Loads a model and runs it. Anything may come of that but an end of this process, or an answer that is no sentence.
fn one(
    loader: &dyn Loader,
    scratch: &mut Scratch,
    case: &Case,
    seen: &mut Seen,
) -> anyhow::Result<()> {
    let begin = Instant::now();
    let deadline = Some(Deadline::after(DEADLINE));
    let loaded = loader.load(&case.model, &GraphOptions::default(), deadline);
    seen.late_by(begin.elapsed());
    let graph = match loaded {
        Ok(graph) => graph,
        Err(error) => return seen.failed(&error, case),
    };
    seen.loaded += 1;
    let made;
    let inputs = if case.inputs.is_empty() {
        made = some_inputs(&graph);
        &made
    } else {
        &case.inputs
    };
    let inputs: Vec<Argument<'_>> = inputs
        .iter()
        .map(|input| Argument {
            name: Some(&input.name),
            data: Data::Bytes {
                ty: input.ty,
                dimensions: &input.dimensions,
                bytes: &input.bytes,
            },
        })
        .collect();
    let begin = Instant::now();
    let ran = graph.run(scratch, &inputs, Some(Deadline::after(DEADLINE)));
    seen.late_by(begin.elapsed());
    match ran {
        Ok(outcome) => {
            seen.ran += 1;
            for output in outcome.outputs {
                scratch.recycle(output);
            }
            Ok(())
        }
        Err(error) => seen.failed(&error, case),
    }
}

/// Inputs as the graph describes them, of zeros; fewer where one would be large.
fn some_inputs(graph: &Graph) -> Vec<Input> {
    const LARGEST: usize = 1 << 20;
    let inputs = graph.inputs().iter().map_while(|info| {
        let dimensions = info.dimensions.iter().map(|one| one.unwrap_or(2));
        let dimensions: Vec<u32> = dimensions.collect();
        let bytes = info
            .ty
            .bytes_for(&dimensions)
            .filter(|&bytes| bytes <= LARGEST)?;
        Some(Input {
            name: info.name.to_string(),
            ty: info.ty,
            bytes: vec![0; bytes],
            dimensions,
        })
    });
    inputs.collect()
}

impl Seen {
    fn failed(&mut self, error: &Error, case: &Case) -> anyhow::Result<()> {
        let message = error.to_string();
        ensure!(
            message.len() <= MESSAGE,
            "a message of {} bytes",
            message.len()
        );
        ensure!(
            !message.chars().any(char::is_control),
            "control characters in a message: {message:?}"
        );
        ensure!(
            !matches!(error, Error::Helper { .. }),
            "no helper could be started: {message}"
        );
        if message.contains("the helper process for it died") {
            let operator = case.what.split(' ').next().unwrap_or_default();
            *self.died.entry(operator.to_owned()).or_default() += 1;
        }
        if error.code() == ErrorCode::Timeout {
            self.late += 1;
        }
        Ok(())
    }

    fn late_by(&mut self, took: Duration) {
        let late = took.saturating_sub(DEADLINE).as_secs_f64() * 1000.0;
        self.latest_ms = self.latest_ms.max(late);
    }

    fn add(&mut self, other: Seen) {
        self.models += other.models;
        self.one_node += other.one_node;
        self.mutated += other.mutated;
        self.loaded += other.loaded;
        self.ran += other.ran;
        for (operator, count) in other.died {
            *self.died.entry(operator).or_default() += count;
        }
        self.late += other.late;
        self.latest_ms = self.latest_ms.max(other.latest_ms);
        self.most_bytes = self.most_bytes.max(other.most_bytes);
    }
}

/// The memory that this process has, in bytes.
fn resident() -> anyhow::Result<u64> {
    let statm = fs::read_to_string("/proc/self/statm")?;
    let pages = statm.split(' ').nth(1).context("no size")?;
    Ok(pages.parse::<u64>()? * 4096)
}
