//! What was typed: clap's types and nothing else. What it means is `config`'s to say.

mod bench;
mod tune;

use std::{num::NonZero, path::PathBuf, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use glob::Pattern;
use tollgate_nn::{BatchPolicy, Device, Mode, Optimization};
use tollgate_runtime::LogLevel;

use crate::new::{Language, Place};
use tollgate_deploy::values::{BucketArg, ConfigArg, DirArg, EnvArg, ModelArg, VariantArg};

pub use bench::{BenchArgs, PathName, ScenarioName};
pub use tune::TuneArgs;

/// Runs sandboxed WebAssembly plugins on native ONNX Runtime, and measures what the boundary costs.
#[derive(Debug, Parser)]
#[command(
    name = "tollgate",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub struct Cli {
    /// Say more on standard error; twice for more still. TOLLGATE_LOG overrides it
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub verbose: u8,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one plugin over files, directories or standard input
    Run(Box<RunArgs>),
    /// Measure a plugin: latency, throughput and toll, beside the ways without a sandbox
    Bench(Box<BenchArgs>),
    /// Find the settings with the highest throughput whose p99 stays within a bound
    Tune(Box<TuneArgs>),
    /// Start a plugin: a folder with a project that builds, tests and runs
    New(NewArgs),
    /// Say what a WebAssembly file is: world, imports and the grants they need, size, memory
    Inspect(InspectArgs),
    /// Make what a compiler made into what is shipped: encoded as a component, stripped, checked
    Pack(PackArgs),
    /// Say what this machine has: ONNX Runtime, devices, clock, energy counters
    Doctor(DoctorArgs),
    /// Get the ONNX Runtime library
    #[command(subcommand)]
    Runtime(RuntimeCommand),
}

/// The subcommands of `runtime`.
#[derive(Debug, Subcommand)]
pub enum RuntimeCommand {
    /// Get an ONNX Runtime build from the Python package index, version pinned and hash checked
    Install(InstallArgs),
}

/// What is run on what, and what it may use: the same for `run`, `bench` and `tune`.
#[derive(Debug, Args)]
pub struct SubjectArgs {
    /// The plugin: a WebAssembly component
    pub plugin: PathBuf,

    /// Files, directories (their files by name, without hidden ones, documents, and text beside pictures) or `-` for standard input
    pub inputs: Vec<PathBuf>,

    /// Which files of directories are frames, such as `*.jpg`; can be given several times
    #[arg(long, value_name = "GLOB", value_parser = tollgate_deploy::values::glob)]
    pub include: Vec<Pattern>,

    /// A model and the name the plugin asks for it by, or one variant of it; can be given several times
    #[arg(long, value_name = "NAME[:VARIANT]=PATH", value_parser = tollgate_deploy::values::model)]
    pub model: Vec<ModelArg>,

    /// The ONNX Runtime library to load
    #[arg(long, value_name = "PATH")]
    pub onnxruntime: Option<PathBuf>,

    /// How graphs run.
    #[command(flatten)]
    pub graph: GraphArgs,

    /// Use a fresh instance for every frame; `=false` where a file of settings says so
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub fresh: Option<bool>,

    /// Grant what is not granted by itself
    #[arg(long, value_name = "WHAT")]
    pub allow: Vec<Grantable>,

    /// What the plugin may reach.
    #[command(flatten)]
    pub grants: GrantArgs,

    /// What a guest may use.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// Compile the plugin anew and keep nothing
    #[arg(long)]
    pub no_cache: bool,
}

/// `tollgate run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// What is run on what.
    #[command(flatten)]
    pub subject: SubjectArgs,

    /// How often to go through the inputs; from two on, the first pass prints and warms up, the others are measured
    #[arg(long, value_name = "N", default_value = "1")]
    pub repeat: NonZero<u32>,

    /// A file of settings, as `tollgate tune` writes it; what is typed beside it wins
    #[arg(long, value_name = "FILE")]
    pub settings: Option<PathBuf>,

    /// Threads that run instances, each its own; 1 by default
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZero<usize>>,

    /// The plugin compiled natively, to be run frame by frame beside it
    #[arg(long, value_name = "LIB")]
    pub twin: Option<PathBuf>,

    /// A JSON file of file names and true readings, to say how many were read right
    #[arg(long, value_name = "FILE")]
    pub truth: Option<PathBuf>,

    /// Print one JSON object instead of lines and a table; outputs that are no text are in it as base64
    #[arg(long)]
    pub json: bool,

    /// Write each output of the first pass into a file of this folder, named by its frame and its own name
    #[arg(long, value_name = "DIR")]
    pub out_dir: Option<PathBuf>,

    /// Take away what a command is granted by itself
    #[arg(long, value_name = "WHAT")]
    pub deny: Vec<Grantable>,

    /// For a command: a folder it may use, by its own name or another
    #[arg(long, value_name = "HOST[::GUEST]", value_parser = tollgate_deploy::values::dir)]
    pub dir: Vec<DirArg>,

    /// For a command: an environment variable; the host's own value where none is given
    #[arg(long, value_name = "KEY[=VALUE]", value_parser = tollgate_deploy::values::env)]
    pub env: Vec<EnvArg>,

    /// For a command: its arguments
    #[arg(last = true, value_name = "ARGS")]
    pub args: Vec<String>,
}

/// How graphs run; the defaults are `tollgate-nn`'s.
#[derive(Debug, Default, Args)]
pub struct GraphArgs {
    /// Where: cpu, cuda, tensorrt, openvino, coreml, directml or xnnpack; there or not at all; cpu by default
    #[arg(long)]
    pub device: Option<Device>,

    /// Let single nodes that the device cannot do run on the CPU
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub allow_cpu_nodes: Option<bool>,

    /// Which variant of the models runs: of all that have it, or of one; can be given several times
    #[arg(long, value_name = "[NAME:]VARIANT", value_parser = tollgate_deploy::values::variant)]
    pub variant: Vec<VariantArg>,

    /// Threads inside one inference; by default what the mode says
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZero<usize>>,

    /// `throughput`: many inferences at once, one thread each, the default; `latency`: one at a time on all cores
    #[arg(long)]
    pub mode: Option<Mode>,

    /// Sessions of a graph on devices other than the CPU, each for one inference at a time; 1 by default
    #[arg(long, value_name = "N")]
    pub sessions: Option<NonZero<usize>>,

    /// How far ONNX Runtime rewrites a graph: none, basic, extended or all, the default
    #[arg(long, value_name = "LEVEL")]
    pub optimization: Option<Optimization>,

    /// Merge the inferences of different instances into one run: `auto`, the default, where the model's graph shows that they stay apart and measuring at load shows that it pays; `on`, your word that they stay apart, or not at all; `off`
    #[arg(long, value_name = "WHEN")]
    pub batch: Option<BatchPolicy>,

    /// How many rows one merged run has at most; 32 by default
    #[arg(long, value_name = "N")]
    pub max_batch: Option<NonZero<u32>>,

    /// How long the first of a batch waits for others; not at all by default
    #[arg(long, value_name = "TIME", value_parser = tollgate_deploy::values::duration)]
    pub batch_delay: Option<Duration>,
}

/// What a guest may reach beside graphs; by default nothing.
#[derive(Debug, Default, Args)]
pub struct GrantArgs {
    /// A configuration value that the plugin may read; can be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = tollgate_deploy::values::config)]
    pub config: Vec<ConfigArg>,

    /// Show what the plugin logs on standard error, from this level on: trace, debug, info, the default, warn, error or critical
    #[arg(long, value_name = "LEVEL", num_args = 0..=1, require_equals = true, default_missing_value = "info")]
    pub logging: Option<LogLevel>,

    /// A key-value bucket that the plugin may use, and the file that it is kept in; can be given several times
    #[arg(long, value_name = "NAME=FILE", value_parser = tollgate_deploy::values::bucket)]
    pub keyvalue: Vec<BucketArg>,
}

/// What a guest may use; the defaults are the runtime's.
#[derive(Debug, Default, Args)]
pub struct LimitArgs {
    /// How long one frame, or one command, may take
    #[arg(long, value_name = "TIME", value_parser = tollgate_deploy::values::duration)]
    pub deadline: Option<Duration>,

    /// How long one inference may take
    #[arg(long, value_name = "TIME", value_parser = tollgate_deploy::values::duration)]
    pub inference_deadline: Option<Duration>,

    /// How much memory one instance may have
    #[arg(long, value_name = "SIZE", value_parser = tollgate_deploy::values::size)]
    pub max_memory: Option<usize>,

    /// How many elements the tables of one instance may have
    #[arg(long, value_name = "N")]
    pub max_table_elements: Option<usize>,

    /// How much the tensors that one instance holds may take together
    #[arg(long, value_name = "SIZE", value_parser = tollgate_deploy::values::size)]
    pub max_tensors: Option<usize>,

    /// How much the models that one instance loads from bytes may take together, with the constants that they compute
    #[arg(long, value_name = "SIZE", value_parser = tollgate_deploy::values::size)]
    pub max_model: Option<usize>,

    /// How many resource handles one instance may hold
    #[arg(long, value_name = "N")]
    pub max_handles: Option<usize>,

    /// How many bytes besides tensors one call may bring into the host
    #[arg(long, value_name = "SIZE", value_parser = tollgate_deploy::values::size)]
    pub max_host_call: Option<usize>,

    /// How long one log line may be; the rest is cut off
    #[arg(long, value_name = "SIZE", value_parser = tollgate_deploy::values::size)]
    pub max_log_line: Option<usize>,

    /// How much one frame may log; further lines are dropped
    #[arg(long, value_name = "SIZE", value_parser = tollgate_deploy::values::size)]
    pub max_log: Option<usize>,

    /// How long a key of a key-value bucket may be
    #[arg(long, value_name = "SIZE", value_parser = tollgate_deploy::values::size)]
    pub max_key: Option<usize>,

    /// How large a value of a key-value bucket may be
    #[arg(long, value_name = "SIZE", value_parser = tollgate_deploy::values::size)]
    pub max_value: Option<usize>,

    /// How much a key-value bucket may hold
    #[arg(long, value_name = "SIZE", value_parser = tollgate_deploy::values::size)]
    pub max_bucket: Option<usize>,

    /// How large one input may be
    #[arg(long, value_name = "SIZE", value_parser = tollgate_deploy::values::size, default_value = "64MiB")]
    pub max_frame: usize,
}

/// What can be granted or denied by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Grantable {
    /// Loading a model from bytes that the guest brings
    Load,
}

/// `tollgate new`.
#[derive(Debug, Args)]
pub struct NewArgs {
    /// The folder to make; its name is the plugin's: lower-case letters, digits, `-` and `_`
    #[arg(value_name = "NAME")]
    pub place: Place,

    /// The language to write it in
    #[arg(long, value_enum)]
    pub lang: Language,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `tollgate inspect`.
#[derive(Debug, Args)]
pub struct InspectArgs {
    /// A component or a core module
    pub file: PathBuf,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `tollgate pack`.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// A component, or a core module, which becomes one where it describes one
    pub file: PathBuf,

    /// Where to; by default beside the file, as `.component.wasm` or `.packed.wasm`
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Keep what debuggers and backtraces read
    #[arg(long)]
    pub keep_names: bool,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `tollgate doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// The ONNX Runtime library to load
    #[arg(long, value_name = "PATH")]
    pub onnxruntime: Option<PathBuf>,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `tollgate runtime install`.
#[derive(Debug, Args)]
pub struct InstallArgs {
    /// Which build
    #[arg(long, value_enum, default_value_t)]
    pub device: Flavour,

    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// A build of ONNX Runtime, named by the device that it is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Flavour {
    /// The processor alone
    #[default]
    Cpu,
    /// NVIDIA: CUDA and TensorRT
    #[value(alias = "tensorrt")]
    Cuda,
    /// Intel: OpenVINO
    Openvino,
}

impl From<Flavour> for tollgate_deploy::onnxruntime::Flavour {
    fn from(typed: Flavour) -> Self {
        match typed {
            Flavour::Cpu => Self::Cpu,
            Flavour::Cuda => Self::Cuda,
            Flavour::Openvino => Self::Openvino,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[test]
    fn clap_finds_no_fault() {
        Cli::command().debug_assert();
    }

    #[test]
    fn arguments_after_the_dashes_are_the_guests() {
        let cli = Cli::try_parse_from([
            "tollgate", "run", "a.wasm", "--dir", "m", "--", "--json", "x",
        ])
        .unwrap();
        let Command::Run(run) = cli.command else {
            panic!("not run")
        };
        assert_eq!(run.args, ["--json", "x"]);
        assert!(!run.json && run.subject.inputs.is_empty());
    }

    #[test]
    fn what_is_typed_wrongly_exits_with_two() {
        for bad in [
            &["run"][..],
            &["run", "a.wasm", "--device", "gpu"],
            &["run", "a.wasm", "--repeat", "0"],
            &["run", "a.wasm", "--workers", "0"],
            &["run", "a.wasm", "--batch", "always"],
            &["run", "a.wasm", "--max-batch", "0"],
            &["run", "a.wasm", "--batch-delay", "1"],
            &["run", "a.wasm", "--max-memory", "lots"],
            &["run", "a.wasm", "--deadline", "10"],
            &["run", "a.wasm", "--model", "digits"],
            &["run", "a.wasm", "--model", "a:b:c=d"],
            &["run", "a.wasm", "--variant", ""],
            &["run", "a.wasm", "--sessions", "0"],
            &["run", "a.wasm", "--fresh=maybe"],
            &["run", "a.wasm", "--deny", "everything"],
            &["run", "a.wasm", "--config", "threshold"],
            &["run", "a.wasm", "--logging=loud"],
            &["run", "a.wasm", "--keyvalue", "counts"],
            &["bench", "a.wasm", "f", "--paths", "all"],
            &["bench", "a.wasm", "f", "--scenario", "batch"],
            &["bench", "a.wasm", "f", "--rate", "0"],
            &["bench", "a.wasm", "f", "--tolerance", "200%"],
            &["runtime", "install", "--device", "tpu"],
        ] {
            let words = std::iter::once("tollgate").chain(bad.iter().copied());
            let error = Cli::try_parse_from(words).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{bad:?}");
        }
    }
}
