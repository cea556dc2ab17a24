//! `tollgate run`: one plugin, over its inputs or as a command, as its own world says.
//!
//! Here everything is loaded that both worlds need, cheapest first, so that what is missing is said
//! before anything slow happens: the plugin's bytes, its code, then ONNX Runtime and the models.

mod command;
mod frames;

use std::{fs, process::ExitCode, sync::Arc};

use anyhow::Context;
use tollgate_nn::OnnxRuntime;
use tollgate_runtime::{Engine, EngineConfig, NnHost, Plugin, World};

use crate::{
    cache::{Cache, Origin},
    cli::RunArgs,
    config::{Environment, Run},
    models, onnxruntime, progress,
    report::Host,
    settings::Settings,
};

/// A plugin larger than this is something else, in bytes; the largest of ours, with a whole Python
/// inside, has 18 MB.
const MAX_PLUGIN_BYTES: u64 = 512 << 20;

/// What one linear memory can have at all, in bytes: addresses have 32 bits.
const MAX_MEMORY_BYTES: usize = 1 << 32;

/// Runs the command.
///
/// # Errors
///
/// What was asked wrongly, what cannot be read or loaded. A frame that fails is no error: it is
/// reported, counted and told by the exit code.
pub fn run(args: Box<RunArgs>, environment: Environment) -> anyhow::Result<ExitCode> {
    let kept = args.settings.as_deref().map(Settings::read).transpose()?;
    let run = Run::resolve(args, kept.unwrap_or_default(), environment)?;
    let wasm = read_plugin(&run)?;
    let defaults = EngineConfig::default();
    let workers = u32::try_from(run.workers.get()).unwrap_or(u32::MAX);
    let engine = Engine::new(&EngineConfig {
        instances: defaults.instances.max(workers),
        max_memory_bytes: run
            .limits
            .memory_bytes
            .clamp(defaults.max_memory_bytes, MAX_MEMORY_BYTES),
    })?;
    let plugin = compile(&run, &engine, &wasm)?;
    match plugin.world() {
        World::Plugin => frames::run(&run, plugin),
        World::Command => command::run(&run, plugin),
        World::Other => anyhow::bail!("the plugin is of no world that can be run"),
    }
}

fn read_plugin(run: &Run) -> anyhow::Result<Vec<u8>> {
    let path = run.plugin.display();
    let metadata = fs::metadata(&run.plugin)
        .with_context(|| format!("cannot read the plugin `{path}`, expected a component"))?;
    if !metadata.is_file() {
        anyhow::bail!("the plugin `{path}` is not a file: name a WebAssembly component");
    }
    if metadata.len() > MAX_PLUGIN_BYTES {
        anyhow::bail!(
            "the plugin `{path}` has {} bytes, more than {MAX_PLUGIN_BYTES}: name a WebAssembly component",
            metadata.len()
        );
    }
    fs::read(&run.plugin).with_context(|| format!("cannot read the plugin `{path}`"))
}

/// Compiles the plugin, or takes its code from the cache.
fn compile(run: &Run, engine: &Engine, wasm: &[u8]) -> anyhow::Result<Arc<Plugin>> {
    let cache = run.cache_dir.as_deref().and_then(|dir| {
        Cache::open(dir)
            .inspect_err(
                |error| tracing::warn!(dir = %dir.display(), %error, "cannot use the cache"),
            )
            .ok()
    });
    let _spinner = progress::spinner("compiling the plugin");
    let loaded = match cache {
        Some(cache) => cache.load(engine, wasm),
        None => Plugin::new(engine, wasm).map(|plugin| (plugin, Origin::Compiled)),
    };
    let (plugin, origin) =
        loaded.with_context(|| format!("cannot use the plugin `{}`", run.plugin.display()))?;
    tracing::info!(?origin, "the plugin is ready");
    Ok(Arc::new(plugin))
}

/// Loads ONNX Runtime and the models. A run without models goes on without ONNX Runtime where
/// there is none: a plugin that needs none should not ask for it.
fn load_graphs(run: &Run) -> anyhow::Result<(NnHost, Option<&'static OnnxRuntime>)> {
    let runtime = match onnxruntime::load(&run.onnxruntime) {
        Ok((runtime, _)) => Some(runtime),
        Err(error @ onnxruntime::Error::Nowhere) if run.models.is_empty() => {
            tracing::info!(%error, "going on without");
            None
        }
        Err(error) => return Err(error.into()),
    };
    let registry = {
        let _spinner = progress::spinner("loading the models");
        models::load(&run.models, &run.graph)?
    };
    let nn = NnHost::new(Arc::new(registry), run.graph.clone());
    Ok((nn, runtime))
}

/// Where this runs, for the reports.
fn host(run: &Run, runtime: Option<&OnnxRuntime>) -> Host {
    Host {
        wasmtime: tollgate_runtime::WASMTIME_VERSION.to_owned(),
        onnxruntime: runtime.map(|runtime| runtime.version().to_owned()),
        device: run.graph.device.to_string(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
    }
}
