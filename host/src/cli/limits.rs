//! Options of what a guest may use.

use std::time::Duration;

use clap::Args;
use tollgate_services::Limits;

use super::help;

/// What a guest may use; the defaults are the runtime's.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Limits")]
#[expect(missing_docs, reason = "the help of each says it")]
pub struct LimitArgs {
    #[arg(
        long,
        value_name = "TIME",
        value_parser = tollgate_deploy::values::duration,
        help = help::by_default("How long one frame, or one command, may take", help::duration(Limits::default().deadline))
    )]
    pub deadline: Option<Duration>,

    #[arg(
        long,
        value_name = "TIME",
        value_parser = tollgate_deploy::values::duration,
        help = help::by_default("How long one inference may take", help::duration(Some(Limits::default().inference)))
    )]
    pub inference_deadline: Option<Duration>,

    #[arg(
        long,
        value_name = "SIZE",
        value_parser = tollgate_deploy::values::size,
        help = help::by_default("Memory of one instance", help::size(Limits::default().memory_bytes as u64))
    )]
    pub max_memory: Option<usize>,

    #[arg(
        long,
        value_name = "N",
        help = help::by_default("Elements in the tables of one instance", Limits::default().table_elements)
    )]
    pub max_table_elements: Option<usize>,

    #[arg(
        long,
        value_name = "SIZE",
        value_parser = tollgate_deploy::values::size,
        help = help::by_default("Tensors that one instance holds, together", help::size(Limits::default().tensor_bytes as u64))
    )]
    pub max_tensors: Option<usize>,

    #[arg(
        long,
        value_name = "SIZE",
        value_parser = tollgate_deploy::values::size,
        help = help::by_default("Models that one instance loads from bytes, together with the constants that they compute", help::size(Limits::default().model_bytes as u64))
    )]
    pub max_model: Option<usize>,

    #[arg(
        long,
        value_name = "N",
        help = help::by_default("Resource handles that one instance holds", Limits::default().handles)
    )]
    pub max_handles: Option<usize>,

    #[arg(
        long,
        value_name = "SIZE",
        value_parser = tollgate_deploy::values::size,
        help = help::by_default("Bytes besides tensors that one call brings into the host", help::size(Limits::default().host_call_bytes as u64))
    )]
    pub max_host_call: Option<usize>,

    #[arg(
        long,
        value_name = "SIZE",
        value_parser = tollgate_deploy::values::size,
        help = help::by_default("One log line; the rest is cut off", help::size(Limits::default().log_line_bytes as u64))
    )]
    pub max_log_line: Option<usize>,

    #[arg(
        long,
        value_name = "SIZE",
        value_parser = tollgate_deploy::values::size,
        help = help::by_default("What one frame logs; further lines are dropped", help::size(Limits::default().log_bytes as u64))
    )]
    pub max_log: Option<usize>,

    #[arg(
        long,
        value_name = "SIZE",
        value_parser = tollgate_deploy::values::size,
        help = help::by_default("A key of a key-value bucket", help::size(Limits::default().key_bytes as u64))
    )]
    pub max_key: Option<usize>,

    #[arg(
        long,
        value_name = "SIZE",
        value_parser = tollgate_deploy::values::size,
        help = help::by_default("A value of a key-value bucket", help::size(Limits::default().value_bytes as u64))
    )]
    pub max_value: Option<usize>,

    #[arg(
        long,
        value_name = "SIZE",
        value_parser = tollgate_deploy::values::size,
        help = help::by_default("What a key-value bucket holds", help::size(Limits::default().bucket_bytes))
    )]
    pub max_bucket: Option<usize>,

    /// One input
    #[arg(long, value_name = "SIZE", value_parser = tollgate_deploy::values::size, default_value = "64MiB")]
    pub max_frame: usize,
}
