//! What was typed: clap's types and nothing else. What it means is `config`'s to say.

mod bench;
mod graph;
mod help;
mod limits;
mod tune;

use std::{num::NonZero, path::PathBuf};

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use glob::Pattern;
use tollgate_jail::Strength;
use tollgate_services::LogLevel;

use crate::new::{Language, Place};
use tollgate_deploy::values::{BucketArg, ConfigArg, DirArg, EnvArg, ModelArg};

pub use bench::{BenchArgs, PathName, ScenarioName};
pub use graph::GraphArgs;
pub use limits::LimitArgs;
pub use tune::TuneArgs;

/// Runs sandboxed WebAssembly plugins on native ONNX Runtime, and measures what the boundary costs.
#[derive(Debug, Parser)]
#[command(
    name = "tollgate",
    version,
    propagate_version = true,
    max_term_width = 100,
    after_help = help::TOLLGATE
)]
pub struct Cli {
    /// Say more on standard error; twice for more still. TOLLGATE_LOG overrides it
    #[arg(short, long, action = ArgAction::Count, global = true, help_heading = "Output")]
    pub verbose: u8,

    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run one plugin over files, directories or standard input
    #[command(after_help = help::RUN)]
    Run(Box<RunArgs>),
    /// Measure a plugin: latency, throughput and toll, beside the ways without a sandbox
    #[command(after_help = help::BENCH)]
    Bench(Box<BenchArgs>),
    /// Find the settings with the highest throughput whose p99 stays within a bound
    #[command(after_help = help::TUNE)]
    Tune(Box<TuneArgs>),
    /// Start a plugin: a folder with a project that builds, tests and runs
    #[command(after_help = help::NEW)]
    New(NewArgs),
    /// Say what a WebAssembly file is: world, imports and the grants they need, size, memory
    #[command(after_help = help::INSPECT)]
    Inspect(InspectArgs),
    /// Make what a compiler made into what is shipped: encoded as a component, stripped, checked
    #[command(after_help = help::PACK)]
    Pack(PackArgs),
    /// Say what this machine has: ONNX Runtime, devices, clock, energy counters
    Doctor(DoctorArgs),
    /// Get the ONNX Runtime library
    #[command(subcommand)]
    Runtime(RuntimeCommand),
    /// Print completions for a shell, or write manual pages
    #[command(subcommand)]
    Generate(GenerateCommand),
    /// Be a helper process; only the program itself starts one
    #[command(hide = true)]
    Jail(JailArgs),
}

/// The subcommands of `generate`.
#[derive(Debug, Subcommand)]
pub enum GenerateCommand {
    /// Print the completions of a shell on standard output
    Completions {
        /// The shell
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Write a manual page for each command
    Man {
        /// The folder, which is made where there is none
        dir: PathBuf,
    },
}

/// The subcommands of `runtime`.
#[derive(Debug, Subcommand)]
pub enum RuntimeCommand {
    /// Get an ONNX Runtime build from the Python package index, version pinned and hash checked
    Install(InstallArgs),
}

/// What a helper process is told: what it is for, and then what that takes.
#[derive(Debug, Args)]
pub struct JailArgs {
    /// All of it.
    #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
    pub told: Vec<String>,
}

/// What is run on what, and what it may use: the same for `run`, `bench` and `tune`.
#[derive(Debug, Args)]
pub struct SubjectArgs {
    /// The plugin: a WebAssembly component
    #[arg(help_heading = None::<&'static str>)]
    pub plugin: PathBuf,

    /// Files, directories, or `-` for standard input
    ///
    /// Of a directory the files count, by their names, without hidden ones, documents, and text that lies beside pictures.
    #[arg(help_heading = None::<&'static str>)]
    pub inputs: Vec<PathBuf>,

    /// Which files of directories are frames, such as `*.jpg`; can be given several times
    #[arg(long, value_name = "GLOB", help_heading = "Inputs", value_parser = tollgate_deploy::values::glob)]
    pub include: Vec<Pattern>,

    /// A model and the name the plugin asks for it by, or one variant of it; can be given several times
    #[arg(long, value_name = "NAME[:VARIANT]=PATH", help_heading = "Models", value_parser = tollgate_deploy::values::model)]
    pub model: Vec<ModelArg>,

    /// The ONNX Runtime library to load
    #[arg(long, value_name = "PATH", help_heading = "Models")]
    pub onnxruntime: Option<PathBuf>,

    /// How graphs run.
    #[command(flatten)]
    pub graph: GraphArgs,

    /// Use a fresh instance for every frame; `=false` where a file of settings says so
    #[arg(long, value_name = "BOOL", help_heading = "Instances", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub fresh: Option<bool>,

    /// Grant what is not granted by itself
    #[arg(long, value_name = "WHAT", help_heading = "Grants")]
    pub allow: Vec<Grantable>,

    /// What the plugin may reach.
    #[command(flatten)]
    pub grants: GrantArgs,

    /// What a guest may use.
    #[command(flatten)]
    pub limits: LimitArgs,

    /// Compile the plugin anew and keep nothing
    #[arg(long, help_heading = "Instances")]
    pub no_cache: bool,

    #[arg(long, value_name = "STRENGTH", help_heading = "Instances", default_value_t, help = help::JAIL_RUN)]
    #[expect(missing_docs, reason = "its help says it")]
    pub jail: Strength,

    /// A graph that runs in a helper process of its own, by its model's name; can be given several times
    #[arg(long, value_name = "NAME", help_heading = "Instances")]
    pub isolate: Vec<String>,
}

/// `tollgate run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// What is run on what.
    #[command(flatten)]
    pub subject: SubjectArgs,

    /// How often to go through the inputs
    ///
    /// From two on, the first pass prints and warms up, and the others are measured.
    #[arg(long, value_name = "N", default_value = "1", help_heading = "Inputs")]
    pub repeat: NonZero<u32>,

    /// A file of settings, as `tollgate tune` writes it; what is typed beside it wins
    #[arg(long, value_name = "FILE", help_heading = "Instances")]
    pub settings: Option<PathBuf>,

    #[arg(
        long,
        value_name = "N",
        help_heading = "Instances",
        help = help::by_default("Threads that run instances, each its own", 1),
        long_help = help::by_default(
            "Threads that run instances, each its own. A plugin that remembers earlier frames remembers those of \
             its instance alone, so with several workers its answers may be others",
            1
        )
    )]
    #[expect(missing_docs, reason = "its help says it")]
    pub workers: Option<NonZero<usize>>,

    /// The plugin compiled natively, to be run frame by frame beside it
    #[arg(long, value_name = "LIB", help_heading = "Output")]
    pub twin: Option<PathBuf>,

    /// A JSON file of what outputs should say by file name, to tell how many frames are right
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub truth: Option<PathBuf>,

    /// Print one JSON object instead of lines and a table; outputs that are no text are in it as base64
    #[arg(long, help_heading = "Output")]
    pub json: bool,

    /// Write each output of the first pass into a file of this folder, named by its frame and its own name
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub out_dir: Option<PathBuf>,

    /// Take away what a command is granted by itself
    #[arg(long, value_name = "WHAT", help_heading = "Grants")]
    pub deny: Vec<Grantable>,

    /// For a command: a folder it may use, by its own name or another
    #[arg(long, value_name = "HOST[::GUEST]", help_heading = "Grants", value_parser = tollgate_deploy::values::dir)]
    pub dir: Vec<DirArg>,

    /// For a command: an environment variable; the host's own value where none is given
    #[arg(long, value_name = "KEY[=VALUE]", help_heading = "Grants", value_parser = tollgate_deploy::values::env)]
    pub env: Vec<EnvArg>,

    /// For a command: its arguments
    #[arg(last = true, value_name = "ARGS", help_heading = None::<&'static str>)]
    pub args: Vec<String>,
}

/// What a guest may reach beside graphs; by default nothing.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Grants")]
pub struct GrantArgs {
    /// A configuration value that the plugin may read; can be given several times
    #[arg(long, value_name = "KEY=VALUE", value_parser = tollgate_deploy::values::config)]
    pub config: Vec<ConfigArg>,

    /// Show what the plugin logs on standard error, from this level on: trace, debug, info, warn, error or critical
    ///
    /// Without a level it is `info`.
    #[arg(long, value_name = "LEVEL", num_args = 0..=1, require_equals = true, default_missing_value = "info")]
    pub logging: Option<LogLevel>,

    /// A key-value bucket that the plugin may use, and the file that it is kept in; can be given several times
    #[arg(long, value_name = "NAME=FILE", value_parser = tollgate_deploy::values::bucket)]
    pub keyvalue: Vec<BucketArg>,
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

    /// Compile it as well, keep nothing, and say whether it is accepted, how long that took and how large its code is
    #[arg(long)]
    pub check: bool,

    #[arg(long, value_name = "STRENGTH", default_value_t, requires = "check", help = help::JAIL)]
    #[expect(missing_docs, reason = "its help says it")]
    pub jail: Strength,

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

    #[arg(long, value_name = "STRENGTH", default_value_t, help = help::JAIL)]
    #[expect(missing_docs, reason = "its help says it")]
    pub jail: Strength,

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
