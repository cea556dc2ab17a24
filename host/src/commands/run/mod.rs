//! `tollgate run`: runs one plugin over its inputs or as a command, depending on its world.
//!
//! This module loads what both worlds need, cheapest first: the plugin's bytes, its code, then ONNX
//! Runtime and the models. So a missing part is reported before anything slow happens.

mod command;
mod frames;
mod hints;
mod told;

use std::{process::ExitCode, sync::Arc};

use tollgate_nn::OnnxRuntime;
use tollgate_runtime::World;
use tollgate_services::{LogLevel, NnHost};

use crate::{
    cli::RunArgs,
    commands::load,
    config::{Environment, Run},
};
use tollgate_deploy::settings::Settings;
use tollgate_report::Host;

/// Runs the command.
///
/// # Errors
///
/// The options are wrong, or a file cannot be read or loaded. A frame that fails is no error: it is
/// reported, counted and shown in the exit code.
pub fn run(
    args: Box<RunArgs>,
    verbose: bool,
    environment: Environment,
) -> anyhow::Result<ExitCode> {
    let kept = args.settings.as_deref().map(Settings::read).transpose()?;
    let mut kept = kept.unwrap_or_default();
    if verbose {
        // With `-v` the plugin's own log lines are shown too.
        kept.logging = kept.logging.or(Some(LogLevel::Info));
    }
    let run = Run::resolve(args, kept, environment)?;
    let wasm = load::read_plugin(&run.plugin)?;
    let engine = load::engine(run.workers.get(), &run.limits);
    let plugin = load::compile(
        &run.plugin,
        (run.cache_dir.as_deref(), run.isolation.strength()),
        &engine,
        &run.limits,
        &wasm,
    )?;
    let world = plugin.world();
    let mut signs = hints::Signs::default();
    let code = match world {
        World::Plugin => frames::run(&run, plugin, &mut signs),
        World::Command => command::run(&run, plugin, &mut signs),
        World::Other => anyhow::bail!("the plugin is of no world that can be run"),
    }?;
    let failed = code != ExitCode::SUCCESS;
    hints::say(&run, world, &wasm, &signs, failed);
    Ok(code)
}

/// Loads ONNX Runtime and the models, for a plugin that may `load` others or not.
fn load_graphs(run: &Run, load: bool) -> anyhow::Result<(NnHost, Option<&'static OnnxRuntime>)> {
    let runtime = load::onnx_runtime(&run.onnxruntime, &run.models)?;
    let isolation = (&run.isolation, load);
    let nn = load::graphs(&Arc::default(), &run.models, &run.graph, isolation)?;
    Ok((nn, runtime))
}

/// The facts about the machine for the report.
fn host(run: &Run, runtime: Option<&OnnxRuntime>) -> Host {
    Host {
        wasmtime: tollgate_runtime::WASMTIME_VERSION.to_owned(),
        onnxruntime: runtime.map(|runtime| runtime.version().to_owned()),
        device: run.graph.device.to_string(),
        cores: tollgate_nn::cores(),
    }
}
