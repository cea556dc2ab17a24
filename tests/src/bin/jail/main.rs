//! What the jail costs: `cargo xtask bench jail`. Inferences in this process and in a helper, and what both rest on, in
//! turns of one run.
//!
//! It takes a JSON object ([`Setup`]) and writes an array of [`Row`]s. Started with `jail` it is a helper, as the
//! program itself is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};
use tollgate_deploy::compile::Compiler;
use tollgate_isolate::{Helpers, Private, Setup as HelperSetup};
use tollgate_jail::Strength;
use tollgate_nn::{
    Argument, Data, Graph, GraphOptions, GraphRegistry, Loading, OnnxRuntime, Scratch, TensorType,
};
use tollgate_runtime::{Engine, EngineConfig};
use tollgate_stats::Rounds;
use tollgate_wasm::Calls;

mod many;

/// What this process measures.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    /// The shared library of ONNX Runtime.
    onnxruntime: PathBuf,
    mlp: PathBuf,
    mlp1024: PathBuf,
    mobilenet: PathBuf,
    /// Plugins to compile: the Rust and the Python meter reader.
    rust: PathBuf,
    python: PathBuf,
    /// Only cases whose names have this in them.
    #[serde(default)]
    only: String,
}

/// One case. Times are nanoseconds for one call, each the median over the rounds of a round's median; what is
/// subtracted or divided was measured in the same round.
#[derive(Serialize)]
pub struct Row {
    case: &'static str,
    /// Without a helper; null where there is nothing to compare with.
    in_process_ns: Option<f64>,
    jailed_ns: f64,
    /// Jailed less in process.
    added_ns: Option<f64>,
    /// A message with nothing in it and its answer, between the same two processes.
    round_trip_ns: Option<f64>,
    /// What was added by a round trip where a round trip was measured and is what counts, else jailed by in process.
    ratio: Option<f64>,
    spread: Spread,
    /// Processor time of a call, both processes together.
    cpu_in_process_ns: Option<f64>,
    cpu_jailed_ns: Option<f64>,
    /// ONNX Runtime's own run, the median of all.
    run_in_process_ns: Option<f64>,
    run_jailed_ns: Option<f64>,
}

/// The middle half of the rounds.
#[derive(Serialize)]
struct Spread {
    jailed_ns: [f64; 2],
    ratio: Option<[f64; 2]>,
}

fn main() -> ExitCode {
    tollgate_tests::program::main(run)
}

fn run(told: &[String]) -> anyhow::Result<()> {
    let setup: Setup = serde_json::from_str(told.first().context("expected a JSON object")?)?;
    OnnxRuntime::load(Some(&setup.onnxruntime))?;
    let asleep = helpers(Duration::ZERO);
    let spinning = helpers(Duration::from_micros(30));
    let mlp = (&*setup.mlp, &[1, 64][..]);
    let mobilenet = (&*setup.mobilenet, &[1, 3, 224, 224][..]);
    let inference = |case, helpers, model, calls| Inference {
        case,
        helpers,
        model,
        calls,
        copied: false,
        apart: false,
        of: Of::RoundTrip,
    };
    let sleep = inference("mlp, both sides sleep", &asleep, mlp, 200);
    let spin = Inference {
        apart: true,
        ..inference("mlp, both sides spin", &spinning, mlp, 2000)
    };
    let mobilenet = Inference {
        copied: true,
        of: Of::InProcess,
        ..inference("mobilenet_v2", &spinning, mobilenet, 10)
    };
    let cases: [(&str, &dyn Fn() -> anyhow::Result<Row>); 7] = [
        (sleep.case, &|| sleep.row()),
        (spin.case, &|| spin.row()),
        (mobilenet.case, &|| mobilenet.row()),
        (many::CASE, &|| many::row(&spinning, &setup.mlp1024)),
        (START, &start),
        (RUST, &|| compile(RUST, &setup.rust, 15)),
        (PYTHON, &|| compile(PYTHON, &setup.python, 5)),
    ];
    let chosen = cases.iter().filter(|(case, _)| case.contains(&setup.only));
    let rows = chosen
        .map(|(_, row)| row())
        .collect::<anyhow::Result<Vec<_>>>()?;
    println!("{}", serde_json::to_string_pretty(&rows)?);
    Ok(())
}

const START: &str = "start a helper";
const RUST: &str = "compile, Rust";
const PYTHON: &str = "compile, Python";

fn helpers(spin: Duration) -> Arc<Helpers> {
    Arc::new(Helpers::new(HelperSetup {
        program: None,
        forked: true,
        strength: Strength::Best,
        spin,
        model_bytes: 256 << 20,
        tensor_bytes: 256 << 20,
    }))
}

/// What a case's ratio is of.
#[derive(Clone, Copy, PartialEq)]
enum Of {
    RoundTrip,
    InProcess,
}

/// A graph, and one caller's input and scratch.
pub struct Caller {
    graph: Arc<Graph>,
    scratch: Scratch,
    dimensions: Vec<u32>,
    input: Vec<u8>,
    /// Whether the input is first copied into a tensor, as by the standard interface, or read where it is.
    copied: bool,
    /// What ONNX Runtime's runs took, in counts of the clock.
    ran: Vec<f64>,
}

impl Caller {
    /// One that calls a graph with an input of these dimensions.
    ///
    /// # Errors
    ///
    /// ONNX Runtime has no memory left.
    pub fn new(graph: Arc<Graph>, dimensions: &[u32]) -> anyhow::Result<Self> {
        let floats: u32 = dimensions.iter().product();
        let bytes = (0..floats).flat_map(|i| (i as f32 % 17.0 / 17.0 - 0.5).to_le_bytes());
        Ok(Self {
            graph,
            scratch: Scratch::new()?,
            dimensions: dimensions.to_vec(),
            input: bytes.collect(),
            copied: false,
            ran: Vec::new(),
        })
    }

    /// Calls it once.
    ///
    /// # Errors
    ///
    /// The inference fails.
    pub fn call(&mut self) -> anyhow::Result<()> {
        let tensor = if self.copied {
            let mut tensor = self.scratch.tensor(TensorType::Fp32, &self.dimensions)?;
            ensure!(tensor.fill(&self.input), "the tensor is in use");
            Some(tensor)
        } else {
            None
        };
        let data = match &tensor {
            Some(tensor) => Data::Tensor(tensor),
            None => Data::Bytes {
                ty: TensorType::Fp32,
                dimensions: &self.dimensions,
                bytes: &self.input,
            },
        };
        let input = Argument { name: None, data };
        let outcome = self.graph.run(&mut self.scratch, &[input], None)?;
        let ran = outcome.ran;
        self.ran.push(ran.ended.ticks_since(ran.started) as f64);
        for output in outcome.outputs.into_iter().chain(tensor) {
            self.scratch.recycle(output);
        }
        Ok(())
    }
}

/// Inferences of one model, in this process and in a helper.
struct Inference<'a> {
    case: &'static str,
    helpers: &'a Arc<Helpers>,
    /// The file, and the dimensions of its input.
    model: (&'a Path, &'a [u32]),
    /// Calls of a round.
    calls: usize,
    /// As [`Caller::copied`].
    copied: bool,
    /// Whether each process is on a core of its own: where they share one, a round trip is another thing.
    apart: bool,
    of: Of,
}

/// Rounds of an inference's case.
const ROUNDS: usize = 41;

impl Inference<'_> {
    fn row(&self) -> anyhow::Result<Row> {
        let (model, dimensions) = self.model;
        let bytes = fs::read(model).with_context(|| model.display().to_string())?;
        let options = GraphOptions::default();
        let here = GraphRegistry::load_private(&bytes, &options)?;
        let loader = Private(Arc::clone(self.helpers)).for_instance();
        let there = loader.load(&bytes, &options, None)?;
        let bare = self.helpers.take(None)?;
        let id = *self.helpers.processes().first().context("no helper")?;
        let (mut here, mut there) = (
            Caller::new(here, dimensions)?,
            Caller::new(there, dimensions)?,
        );
        (here.copied, there.copied) = (self.copied, self.copied);
        if let Some(places) = loader.places() {
            there.scratch.place_at(places);
        }
        if self.apart && tollgate_nn::cores() > 1 {
            pin(std::process::id(), "0")?;
            for id in [id, bare.process().id()] {
                pin(id, "1")?;
            }
        }
        let (mut in_process, mut jailed, mut round_trip) = (Vec::new(), Vec::new(), Vec::new());
        let (mut cpu_here, mut cpu_there) = (Vec::new(), Vec::new());
        let calls = self.calls;
        // Those that are not counted are made as well.
        let all = (calls + calls.div_ceil(10)) as f64;
        for round in 0..ROUNDS {
            for turn in 0..3 {
                match (round + turn) % 3 {
                    0 => {
                        let before = own_cpu()?;
                        in_process.push(median(calls, || here.call())?);
                        cpu_here.push((own_cpu()? - before) / all);
                    }
                    1 => {
                        let before = own_cpu()? + cpu_of(id)?;
                        jailed.push(median(calls, || there.call())?);
                        cpu_there.push((own_cpu()? + cpu_of(id)? - before) / all);
                    }
                    _ => round_trip.push(median(calls, || {
                        ensure!(bare.echo(), "the helper is gone");
                        Ok(())
                    })?),
                }
            }
        }
        if self.apart {
            pin(
                std::process::id(),
                &format!("0-{}", tollgate_nn::cores() - 1),
            )?;
        }
        let run_ns = |caller: &Caller| {
            let ticks = rounds_of(&caller.ran)?.median;
            anyhow::Ok(tollgate_nn::clock::nanos(ticks as u64) as f64)
        };
        let (run_here, run_there) = (run_ns(&here)?, run_ns(&there)?);
        let added: Vec<f64> = jailed.iter().zip(&in_process).map(|(j, i)| j - i).collect();
        let ratios: Vec<f64> = match self.of {
            Of::RoundTrip => added.iter().zip(&round_trip).map(|(a, r)| a / r).collect(),
            Of::InProcess => jailed.iter().zip(&in_process).map(|(j, i)| j / i).collect(),
        };
        let (all, ratio) = (rounds_of(&jailed)?, rounds_of(&ratios)?);
        Ok(Row {
            case: self.case,
            in_process_ns: Some(rounds_of(&in_process)?.median),
            jailed_ns: all.median,
            added_ns: Some(rounds_of(&added)?.median),
            round_trip_ns: Some(rounds_of(&round_trip)?.median),
            ratio: Some(ratio.median),
            spread: Spread {
                jailed_ns: all.middle,
                ratio: Some(ratio.middle),
            },
            cpu_in_process_ns: Some(rounds_of(&cpu_here)?.median),
            cpu_jailed_ns: Some(rounds_of(&cpu_there)?.median),
            run_in_process_ns: Some(run_here),
            run_jailed_ns: Some(run_there),
        })
    }
}

/// Has the first thread of a process run on these cores.
fn pin(id: u32, cores: &str) -> anyhow::Result<()> {
    let output = Command::new("taskset")
        .args(["-cp", cores, &id.to_string()])
        .output()
        .context("`taskset` of util-linux")?;
    ensure!(output.status.success(), "`taskset` pinned nothing");
    Ok(())
}

/// From the call that starts a helper until it is confined and has answered.
fn start() -> anyhow::Result<Row> {
    let mut times = Vec::new();
    let helpers = helpers(Duration::ZERO);
    // The process from which they are forked loads the library once.
    drop(helpers.fresh(None)?);
    for _ in 0..41 {
        let before = Instant::now();
        let helper = helpers.fresh(None)?;
        times.push(before.elapsed().as_nanos() as f64);
        drop(helper);
    }
    let all = rounds_of(&times)?;
    Ok(Row {
        case: START,
        in_process_ns: None,
        jailed_ns: all.median,
        added_ns: None,
        round_trip_ns: None,
        ratio: None,
        spread: Spread {
            jailed_ns: all.middle,
            ratio: None,
        },
        cpu_in_process_ns: None,
        cpu_jailed_ns: None,
        run_in_process_ns: None,
        run_jailed_ns: None,
    })
}

fn compile(case: &'static str, wasm: &Path, rounds: usize) -> anyhow::Result<Row> {
    let engine = Engine::new(&EngineConfig::default());
    let wasm = fs::read(wasm).with_context(|| wasm.display().to_string())?;
    let target = engine.target(Calls::of(&wasm))?;
    let time = |strength| {
        let before = Instant::now();
        Compiler::new(strength).compile(&engine, &target, &wasm)?;
        anyhow::Ok(before.elapsed().as_nanos() as f64)
    };
    let (mut here, mut there) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        if round % 2 == 0 {
            here.push(time(Strength::Off)?);
            there.push(time(Strength::Best)?);
        } else {
            there.push(time(Strength::Best)?);
            here.push(time(Strength::Off)?);
        }
    }
    row(case, &here, &there)
}

/// A case whose ratio is jailed by in process, without processor times.
pub fn row(case: &'static str, here: &[f64], there: &[f64]) -> anyhow::Result<Row> {
    let added: Vec<f64> = there.iter().zip(here).map(|(j, i)| j - i).collect();
    let ratios: Vec<f64> = there.iter().zip(here).map(|(j, i)| j / i).collect();
    let (all, ratio) = (rounds_of(there)?, rounds_of(&ratios)?);
    Ok(Row {
        case,
        in_process_ns: Some(rounds_of(here)?.median),
        jailed_ns: all.median,
        added_ns: Some(rounds_of(&added)?.median),
        round_trip_ns: None,
        ratio: Some(ratio.median),
        spread: Spread {
            jailed_ns: all.middle,
            ratio: Some(ratio.middle),
        },
        cpu_in_process_ns: None,
        cpu_jailed_ns: None,
        run_in_process_ns: None,
        run_jailed_ns: None,
    })
}

/// The median of these calls, in nanoseconds, after a few that are not counted.
fn median(calls: usize, mut call: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    for _ in 0..calls.div_ceil(10) {
        call()?;
    }
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let before = Instant::now();
        call()?;
        times.push(before.elapsed().as_nanos() as f64);
    }
    Ok(rounds_of(&times)?.median)
}

fn rounds_of(times: &[f64]) -> anyhow::Result<Rounds> {
    Rounds::of(times.iter().copied()).context("no rounds")
}

/// The processor time of this process, in nanoseconds.
fn own_cpu() -> anyhow::Result<f64> {
    cpu_of(std::process::id())
}

/// The processor time of all threads of a process, in nanoseconds.
fn cpu_of(id: u32) -> anyhow::Result<f64> {
    let mut sum = 0.0;
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        let first = text.split(' ').next().context("no time")?;
        sum += first.parse::<f64>()?;
    }
    Ok(sum)
}
