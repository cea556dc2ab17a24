//! What `run`, `bench` and `tune` have in common: the plugin, its inputs and its grants.

use std::{num::NonZero, path::PathBuf};

use tollgate_runtime::GuestFault;
use tollgate_services::{Grants, GraphGrant, Limit, Limits};

use super::{Environment, Error};
use crate::cli::{Grantable, LimitArgs, SubjectArgs};
use tollgate_deploy::{
    isolation::{Isolate, Isolation},
    settings::Settings,
};

/// Refuses standard input that is given more than once.
pub fn once(typed: &SubjectArgs) -> Result<(), Error> {
    let stdin = typed.inputs.iter().filter(|path| path.as_os_str() == "-");
    if stdin.count() > 1 {
        return Err(Error::StdinTwice);
    }
    Ok(())
}

/// Refuses a command line without inputs.
pub fn some(typed: &SubjectArgs) -> Result<(), Error> {
    if typed.inputs.is_empty() {
        return Err(Error::NoInputs);
    }
    Ok(())
}

/// The folder for compiled code; `None` to keep none.
pub fn cache_dir(typed: &SubjectArgs, environment: &Environment) -> Option<PathBuf> {
    if typed.no_cache {
        None
    } else {
        environment.cache_dir()
    }
}

/// A plugin's grants: all graphs, what `granted` has, and loading of other graphs if that is
/// allowed.
pub fn of_plugin(typed: &SubjectArgs, granted: Grants) -> Grants {
    Grants {
        graphs: GraphGrant::All,
        load: typed.allow.contains(&Grantable::Load),
        ..granted
    }
}

/// Where the plugin is compiled, and which graphs run in helper processes.
pub fn isolation(typed: &SubjectArgs, isolate: Option<Isolate>) -> Isolation {
    Isolation::new(
        typed.jail,
        isolate.unwrap_or_default(),
        &limits(&typed.limits),
    )
}

/// The settings from the options.
pub fn settings(typed: &SubjectArgs, workers: Option<NonZero<usize>>) -> Settings {
    let graph = &typed.graph;
    Settings {
        workers,
        fresh: typed.fresh,
        variant: graph.variant.clone(),
        device: graph.device,
        allow_cpu_nodes: graph.allow_cpu_nodes,
        mode: graph.mode,
        threads: graph.threads,
        sessions: graph.sessions,
        optimization: graph.optimization,
        batch: graph.batch,
        max_batch: graph.max_batch,
        batch_delay: graph.batch_delay,
        isolate: (!typed.isolate.is_empty()).then(|| Isolate::Names(typed.isolate.clone())),
        ..Settings::default()
    }
}

/// The given limits, with the runtime's defaults for the others.
pub fn limits(typed: &LimitArgs) -> Limits {
    let mut limits = Limits::default();
    if let Some(deadline) = typed.deadline {
        limits.deadline = Some(deadline);
    }
    if let Some(deadline) = typed.inference_deadline {
        limits.inference = deadline;
    }
    put(&mut limits.memory_bytes, typed.max_memory);
    put(&mut limits.table_elements, typed.max_table_elements);
    put(&mut limits.tensor_bytes, typed.max_tensors);
    put(&mut limits.model_bytes, typed.max_model);
    put(&mut limits.handles, typed.max_handles);
    put(&mut limits.host_call_bytes, typed.max_host_call);
    put(&mut limits.log_line_bytes, typed.max_log_line);
    put(&mut limits.log_bytes, typed.max_log);
    put(&mut limits.key_bytes, typed.max_key);
    put(&mut limits.value_bytes, typed.max_value);
    if let Some(bytes) = typed.max_bucket {
        limits.bucket_bytes = bytes as u64;
    }
    limits
}

/// The option that raises the limit or the deadline that ended a frame; `None` if it was neither.
pub fn raising_option(error: &tollgate_runtime::Error) -> Option<&'static str> {
    match error {
        tollgate_runtime::Error::Guest(GuestFault::Deadline { .. }) => Some("--deadline"),
        error => error.limit().and_then(limit_option),
    }
}

/// The option that sets a limit; `None` if there is no option for it.
fn limit_option(limit: Limit) -> Option<&'static str> {
    Some(match limit {
        Limit::MemoryBytes => "--max-memory",
        Limit::TableElements => "--max-table-elements",
        Limit::TensorBytes => "--max-tensors",
        Limit::ModelBytes => "--max-model",
        Limit::Handles => "--max-handles",
        Limit::HostCallBytes => "--max-host-call",
        Limit::KeyBytes => "--max-key",
        Limit::ValueBytes => "--max-value",
        Limit::BucketBytes => "--max-bucket",
        _ => return None,
    })
}

fn put(limit: &mut usize, typed: Option<usize>) {
    if let Some(typed) = typed {
        *limit = typed;
    }
}
