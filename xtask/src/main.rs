//! `cargo xtask`: everything that a fresh clone needs done and that Cargo alone does not do.
//!
//! It sets up what is missing, with progress, and then calls the tools that do the work; what is
//! there already is left alone, so that a second run needs no network. Standard output belongs to
//! what was asked for (one JSON object, the test runner's report): whatever xtask itself has to
//! say goes to standard error. It must not know Wasmtime, ONNX Runtime or any of our crates: it
//! runs them as anybody would, by their command line.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod chromium;
mod conformance;
mod demo;
mod fuzz;
mod guests;
mod languages;
mod models;
mod python;
mod shell;
mod standard;
mod test;
mod toolchain;
mod workspace;

use workspace::Workspace;

/// Sets up, builds, runs and measures Tollgate from a clone.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", max_term_width = 100)]
struct Cli {
    /// Where the compiler for guests comes from
    #[arg(long, value_enum, default_value_t, global = true, hide = true)]
    toolchain: toolchain::Choice,

    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build guests and twins into target/guests
    Guests(GuestsArgs),
    /// Generate the models that are too large to commit into target/models
    Models {
        /// Also those that only benchmarks use
        #[arg(long)]
        all: bool,
    },
    /// Make the int8 and fp16 variants of the meter reader's model anew, and say how accurate they are
    Variants {
        /// Measure those that are there; make none
        #[arg(long)]
        check: bool,
    },
    /// Read the example's meters in the sandbox and beside it, and say where the time went
    Demo(demo::Args),
    /// Set everything up and run all tests
    Test(test::Args),
    /// Hold the sandbox against ONNX Runtime in Python, case by case, to the byte
    #[command(subcommand)]
    Conformance(conformance::Suite),
    /// Run every fuzzing target over its corpus, then for a while
    Fuzz(fuzz::Args),
    /// Measure
    #[command(subcommand)]
    Bench(Bench),
}

/// What `guests` takes.
#[derive(Debug, clap::Args)]
struct GuestsArgs {
    /// Build the example's plugin in this language (c, cpp, zig, python, js, assemblyscript, go or all) instead of
    /// the guests in Rust; can be given several times
    #[arg(long = "lang", value_name = "LANGUAGE")]
    languages: Vec<languages::Choice>,
}

#[derive(Debug, Subcommand)]
enum Bench {
    /// What the boundary costs: beside native ONNX Runtime and beside Wasmtime's own wasi-nn
    Boundary {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// How many guests at once fare: beside Wasmtime's own wasi-nn, Python and no sandbox at all
    Peers(bench::peers::Args),
    /// What this checkout costs beside an earlier revision
    Against(bench::against::Args),
    /// What one inference costs each language's SDK
    Languages {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// What the jail costs: inferences in a helper process beside inferences in the host's, and compiling
    Jail {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
    /// What the SDK's picture helpers take in the sandbox, beside the twin
    Helpers {
        /// Print one JSON array
        #[arg(long)]
        json: bool,
    },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            shell::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    let workspace = Workspace::find()?;
    match &cli.task {
        Task::Guests(args) => build_guests(&workspace, cli.toolchain, &args.languages),
        Task::Models { all: false } => models::generate(&workspace),
        Task::Models { all: true } => models::generate_measured(&workspace),
        Task::Variants { check } => models::variants(&workspace, *check),
        Task::Demo(args) => demo::run(&workspace, cli.toolchain, args),
        Task::Test(args) => test::run(&workspace, cli.toolchain, args),
        Task::Conformance(suite) => conformance::run(&workspace, cli.toolchain, suite),
        Task::Fuzz(args) => fuzz::run(&workspace, cli.toolchain, args),
        Task::Bench(Bench::Boundary { json }) => {
            set_up(&workspace, cli.toolchain)?;
            bench::boundary(*json)
        }
        Task::Bench(Bench::Peers(args)) => {
            set_up(&workspace, cli.toolchain)?;
            models::generate_measured(&workspace)?;
            bench::peers::run(args)
        }
        Task::Bench(Bench::Against(args)) => {
            set_up(&workspace, cli.toolchain)?;
            models::generate_measured(&workspace)?;
            bench::against::run(args)
        }
        Task::Bench(Bench::Languages { json }) => {
            set_up(&workspace, cli.toolchain)?;
            languages::build_fixtures(&workspace, &languages::Language::ALL)?;
            bench::languages(&workspace, *json)
        }
        Task::Bench(Bench::Jail { json }) => {
            set_up(&workspace, cli.toolchain)?;
            models::generate_measured(&workspace)?;
            languages::build_fixtures(&workspace, &languages::Language::ALL)?;
            bench::jail(&workspace, *json)
        }
        Task::Bench(Bench::Helpers { json }) => {
            guests::build_one(&workspace, cli.toolchain, "helpers")?;
            workspace.install_onnx_runtime()?;
            bench::helpers(&workspace, *json)
        }
    }
}

/// The guests in Rust, or those in the languages that were asked for.
fn build_guests(
    workspace: &Workspace,
    toolchain: toolchain::Choice,
    languages: &[languages::Choice],
) -> Result<()> {
    if languages.is_empty() {
        return guests::build(workspace, toolchain);
    }
    let chosen: Vec<_> = languages
        .iter()
        .flat_map(|choice| &choice.0)
        .copied()
        .collect();
    languages::build(workspace, &chosen)
}

/// Everything that tests and benchmarks find under `target/`, and ONNX Runtime.
fn set_up(workspace: &Workspace, toolchain: toolchain::Choice) -> Result<()> {
    guests::build(workspace, toolchain)?;
    models::generate(workspace)?;
    workspace.install_onnx_runtime()
}
