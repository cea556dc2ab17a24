//! Loading that several commands share, cheapest steps first: a plugin's bytes, an engine, compiled
//! code, ONNX Runtime, models. Slow steps show progress.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::Context;
use glob::Pattern;
use tollgate_jail::Strength;
use tollgate_nn::{GraphOptions, GraphStore, OnnxRuntime};
use tollgate_runtime::{Engine, Error, Plugin};
use tollgate_services::{Grants, Limits, NnHost};

use crate::{egress, progress, remedy};
use tollgate_deploy::cache::{Cache, Origin};
use tollgate_deploy::compile::{self, Compiler};
use tollgate_deploy::isolation::Isolation;
use tollgate_deploy::models::Chosen;
use tollgate_deploy::reserve::engine_config;
use tollgate_deploy::values::BucketArg;
use tollgate_files::inputs::{self, Files};
use tollgate_inspect::{Kind, Need};

/// A larger file is not read as a plugin, in bytes. Our largest one, which includes Python, has 18
/// MB.
const MAX_PLUGIN_BYTES: u64 = 512 << 20;

/// The largest number of imports that one sentence names.
const NAMED: usize = 8;

/// How a native library or program begins.
const ELF: &[u8] = b"\x7fELF";

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

/// Lists the frames, and reports what was left out of folders.
pub(super) fn frames(
    inputs: &[PathBuf],
    truth: Option<&Path>,
    include: &[Pattern],
    max_frame: usize,
) -> Result<Files, inputs::Error> {
    let files = Files::list(inputs, truth, include, max_frame)?;
    if let Some(left_out) = files.left_out() {
        egress::say(format_args!(
            "{}{}",
            tollgate_report::terminal::escaped(&left_out),
            remedy::LEFT_OUT
        ));
    }
    Ok(files)
}

/// Makes an engine for this many instances at once with these limits.
pub(super) fn engine(instances: usize, limits: &Limits) -> Engine {
    Engine::new(&engine_config(instances, limits))
}

/// Opens the cache below a folder. Failing is only a warning, since it costs no more than time.
pub(super) fn cache(dir: &Path) -> Option<Cache> {
    let opened = Cache::open(dir);
    opened
        .inspect_err(|error| {
            tracing::warn!("nothing is cached: {}", tollgate_report::one_line(error))
        })
        .ok()
}

/// Compiles a plugin, or gets its code from the cache.
pub(super) fn compile(
    path: &Path,
    (cache_dir, jail): (Option<&Path>, Strength),
    engine: &Engine,
    limits: &Limits,
    wasm: &[u8],
) -> anyhow::Result<Arc<Plugin>> {
    let _spinner = progress::spinner("compiling the plugin");
    let (plugin, origin) = compiled(engine, wasm, cache_dir, jail)
        .map_err(|error| explain(error, wasm, Some(limits)))
        .with_context(|| format!("cannot use the plugin `{}`", path.display()))?;
    tracing::info!(?origin, "the plugin is ready");
    let reserved = engine.reserved(plugin.calls())?;
    tracing::info!(%reserved, "the engine is ready");
    if reserved.checks_bounds {
        tracing::warn!(
            "this process may reserve {} MiB of addresses, too few for memories that need no bounds checks: guests \
             run slower; raise `ulimit -v`, or run fewer at once",
            reserved.space_bytes >> 20
        );
    }
    Ok(Arc::new(plugin))
}

/// The plugin of these bytes, from the cache below a folder or compiled now.
pub(super) fn compiled(
    engine: &Engine,
    wasm: &[u8],
    cache_dir: Option<&Path>,
    jail: Strength,
) -> Result<(Plugin, Origin), compile::Error> {
    let compiler = Compiler::new(jail);
    match cache_dir.and_then(cache) {
        Some(cache) => cache.load(engine, wasm, &compiler),
        None => {
            let fresh = compiler.fresh(engine, wasm)?;
            Ok((fresh.plugin, Origin::Compiled))
        }
    }
}

/// Adds advice to the error of a refused plugin: about imports that are not offered, and about
/// limits that the plugin exceeds at the start.
pub(super) fn explain(
    error: compile::Error,
    wasm: &[u8],
    limits: Option<&Limits>,
) -> anyhow::Error {
    let error = match error {
        compile::Error::Plugin(error) => error,
        error => return error.into(),
    };
    if let Error::NoRoom { .. } = &error {
        let advice = "ask for fewer `--workers`, or raise `ulimit -v`";
        return anyhow::anyhow!("{error}; {advice}");
    }
    if matches!(error, Error::NotAComponent { .. }) && wasm.starts_with(ELF) {
        return anyhow::anyhow!("{error}{}", remedy::NATIVE_LIBRARY);
    }
    let Ok(seen) = tollgate_inspect::inspect(wasm) else {
        return error.into();
    };
    match (&error, limits) {
        (Error::NotAComponent { .. }, _) if seen.kind == Kind::UnencodedComponent => {
            anyhow::anyhow!("{error}: `tollgate pack` encodes it")
        }
        (Error::Imports { .. }, _) => {
            let refused = seen.imports.into_iter();
            let advice: Vec<String> = refused
                .filter(|import| import.need == Need::NotOffered)
                .take(NAMED)
                .map(|import| format!("`{}`: {}", import.name, import.grant))
                .collect();
            if advice.is_empty() {
                return error.into();
            }
            let advice = advice.join("; ");
            anyhow::anyhow!("it imports what this host does not offer: {advice}")
        }
        (Error::Invalid { .. }, Some(limits))
            if seen.table_elements > limits.table_elements as u64 =>
        {
            anyhow::anyhow!(
                "its tables begin with {} entries and may have {}: raise `--max-table-elements`",
                seen.table_elements,
                limits.table_elements
            )
        }
        (Error::Invalid { .. }, Some(limits)) if seen.memory_bytes > limits.memory_bytes as u64 => {
            anyhow::anyhow!(
                "its memory begins with {} bytes and may have {}: raise `--max-memory`",
                seen.memory_bytes,
                limits.memory_bytes
            )
        }
        _ => error.into(),
    }
}

/// Opens the buckets that a plugin is granted. Warns about imports without a grant; the plugin
/// still runs, since its own code handles that.
pub(super) fn grants(
    granted: Grants,
    buckets: &[BucketArg],
    limits: &Limits,
    plugin: &Plugin,
) -> anyhow::Result<Grants> {
    let grants = Grants {
        keyvalue: tollgate_deploy::keyvalue::open(buckets, limits.bucket_bytes)?,
        ..granted
    };
    for import in plugin.imports() {
        if let Some(grant) = tollgate_inspect::missing(&import, &grants) {
            tracing::warn!(
                "the plugin imports `{import}`, and nothing of it is granted: add {}",
                remedy::grant(grant)
            );
        }
    }
    Ok(grants)
}

/// Loads ONNX Runtime. If there are no models and no library is found, it goes on without one: a
/// plugin without inferences does not need it.
pub(super) fn onnx_runtime(
    search: &tollgate_deploy::onnxruntime::Search,
    models: &[Chosen],
) -> anyhow::Result<Option<&'static OnnxRuntime>> {
    match tollgate_deploy::onnxruntime::load(search) {
        Ok((runtime, _)) => Ok(Some(runtime)),
        Err(error @ tollgate_deploy::onnxruntime::Error::Nowhere) if models.is_empty() => {
            tracing::info!(error = %remedy::words(&error), "going on without");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Loads the models that the store does not have yet.
pub(super) fn graphs(
    store: &Arc<GraphStore>,
    models: &[Chosen],
    options: &GraphOptions,
    (isolation, load): (&Isolation, bool),
) -> anyhow::Result<NnHost> {
    let _spinner = progress::spinner("loading the models");
    let registry = tollgate_deploy::models::load(store, models, options, isolation)?;
    Ok(isolation.nn(registry, options, load))
}
