//! What several commands load, cheapest first: a plugin's bytes, an engine, its code, ONNX Runtime,
//! models. Slow steps show that they go on.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use glob::Pattern;
use tollgate_nn::{GraphOptions, OnnxRuntime};
use tollgate_runtime::{Engine, EngineConfig, Error, Grants, Limits, NnHost, Plugin};

use crate::{
    cache::{Cache, Origin},
    egress,
    ingress::files::{self, Files},
    inspect::{self, Need},
    keyvalue,
    models::{self, Chosen},
    onnxruntime, progress,
    values::BucketArg,
};

/// A plugin larger than this is something else, in bytes; the largest of ours, with a whole Python
/// inside, has 18 MB.
const MAX_PLUGIN_BYTES: u64 = 512 << 20;

/// What one linear memory can have at all, in bytes: addresses have 32 bits.
const MAX_MEMORY_BYTES: usize = 1 << 32;

/// Reads a plugin's file.
pub(super) fn read_plugin(path: &Path) -> anyhow::Result<Vec<u8>> {
    let shown = path.display();
    let metadata = fs::metadata(path)
        .with_context(|| format!("cannot read the plugin `{shown}`, expected a component"))?;
    if !metadata.is_file() {
        anyhow::bail!("the plugin `{shown}` is not a file: name a WebAssembly component");
    }
    if metadata.len() > MAX_PLUGIN_BYTES {
        anyhow::bail!(
            "the plugin `{shown}` has {} bytes, more than {MAX_PLUGIN_BYTES}: name a WebAssembly component",
            metadata.len()
        );
    }
    fs::read(path).with_context(|| format!("cannot read the plugin `{shown}`"))
}

/// Lists the frames, and says what was left out of folders.
pub(super) fn frames(
    inputs: &[PathBuf],
    truth: Option<&Path>,
    include: &[Pattern],
    max_frame: usize,
) -> Result<Files, files::Error> {
    let files = Files::list(inputs, truth, include, max_frame)?;
    if let Some(left_out) = files.left_out() {
        egress::say(format_args!("{}", egress::terminal::escaped(&left_out)));
    }
    Ok(files)
}

/// An engine for so many instances at once of these limits.
pub(super) fn engine(instances: usize, limits: &Limits) -> anyhow::Result<Engine> {
    let defaults = EngineConfig::default();
    let instances = u32::try_from(instances).unwrap_or(u32::MAX);
    Ok(Engine::new(&EngineConfig {
        instances: defaults.instances.max(instances),
        max_memory_bytes: limits
            .memory_bytes
            .clamp(defaults.max_memory_bytes, MAX_MEMORY_BYTES),
    })?)
}

/// Compiles a plugin, or takes its code from the cache.
pub(super) fn compile(
    path: &Path,
    cache_dir: Option<&Path>,
    engine: &Engine,
    wasm: &[u8],
) -> anyhow::Result<Arc<Plugin>> {
    let cache = cache_dir.and_then(|dir| {
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
    let (plugin, origin) = loaded
        .map_err(|error| explain(error, wasm))
        .with_context(|| format!("cannot use the plugin `{}`", path.display()))?;
    tracing::info!(?origin, "the plugin is ready");
    Ok(Arc::new(plugin))
}

/// Says of an import that is not offered what to do about it.
fn explain(error: Error, wasm: &[u8]) -> anyhow::Error {
    let advice: Vec<String> = match (&error, inspect::inspect(wasm)) {
        (Error::Imports { .. }, Ok(seen)) => seen
            .imports
            .into_iter()
            .filter(|import| import.need == Need::NotOffered)
            .map(|import| format!("`{}`: {}", import.name, import.grant))
            .collect(),
        _ => Vec::new(),
    };
    if advice.is_empty() {
        return error.into();
    }
    anyhow::anyhow!(
        "it imports what this host does not offer: {}",
        advice.join("; ")
    )
}

/// Opens the buckets that a plugin is granted. Of what it imports and is not granted it warns: it
/// goes on without, as its own code has it.
pub(super) fn grants(
    granted: Grants,
    buckets: &[BucketArg],
    plugin: &Plugin,
) -> anyhow::Result<Grants> {
    let grants = Grants {
        keyvalue: keyvalue::open(buckets)?,
        ..granted
    };
    for import in plugin.imports() {
        if let Some(option) = inspect::missing(&import, &grants) {
            tracing::warn!(
                "the plugin imports `{import}`, and nothing of it is granted: add {option}"
            );
        }
    }
    Ok(grants)
}

/// Loads ONNX Runtime. Without models things go on without it where there is none: a plugin that
/// needs none should not ask for it.
pub(super) fn onnx_runtime(
    search: &onnxruntime::Search,
    models: &[Chosen],
) -> anyhow::Result<Option<&'static OnnxRuntime>> {
    match onnxruntime::load(search) {
        Ok((runtime, _)) => Ok(Some(runtime)),
        Err(error @ onnxruntime::Error::Nowhere) if models.is_empty() => {
            tracing::info!(%error, "going on without");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Loads the models.
pub(super) fn graphs(models: &[Chosen], options: &GraphOptions) -> anyhow::Result<NnHost> {
    let _spinner = progress::spinner("loading the models");
    let registry = models::load(models, options)?;
    Ok(NnHost::new(Arc::new(registry), options.clone()))
}
