//! Options of how graphs run.

use std::{num::NonZero, time::Duration};

use clap::Args;
use tollgate_deploy::values::VariantArg;
use tollgate_nn::{BatchPolicy, Device, GraphOptions, Mode, Optimization};

use super::help;

/// How graphs run; the defaults are `tollgate-nn`'s.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Models")]
#[expect(missing_docs, reason = "the help of each says it")]
pub struct GraphArgs {
    #[arg(
        long,
        help = help::by_default(
            "Where graphs run: cpu, cuda, tensorrt, openvino, coreml, directml or xnnpack; there or not at all",
            GraphOptions::default().device,
        )
    )]
    pub device: Option<Device>,

    /// Let single nodes that the device cannot do run on the CPU
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub allow_cpu_nodes: Option<bool>,

    /// Which variant of the models runs: of all that have it, or of one; can be given several times
    #[arg(long, value_name = "[NAME:]VARIANT", value_parser = tollgate_deploy::values::variant)]
    pub variant: Vec<VariantArg>,

    /// Threads inside one inference [default: what the mode says]
    #[arg(long, value_name = "N")]
    pub threads: Option<NonZero<usize>>,

    #[arg(
        long,
        help = help::by_default(
            "`throughput`: many inferences at once, one thread each; `latency`: one at a time on all cores",
            GraphOptions::default().mode,
        )
    )]
    pub mode: Option<Mode>,

    #[arg(
        long,
        value_name = "N",
        help = help::by_default(
            "Sessions of a graph on devices other than the CPU, each for one inference at a time",
            GraphOptions::default().sessions,
        )
    )]
    pub sessions: Option<NonZero<usize>>,

    #[arg(
        long,
        value_name = "LEVEL",
        help = help::by_default(
            "How far ONNX Runtime rewrites a graph: none, basic, extended or all",
            GraphOptions::default().optimization,
        )
    )]
    pub optimization: Option<Optimization>,

    #[arg(
        long,
        value_name = "WHEN",
        help = help::by_default(
            "Whether inferences of different instances are merged into one run: auto, on or off",
            GraphOptions::default().batch.policy,
        ),
        long_help = help::by_default(
            "Whether inferences of different instances are merged into one run. `auto`: where the model's graph \
             shows that rows stay apart, and measuring at load shows that it pays. `on`: always; it is your word \
             that rows stay apart, and a model that cannot be merged is refused. `off`: never",
            GraphOptions::default().batch.policy,
        )
    )]
    pub batch: Option<BatchPolicy>,

    #[arg(
        long,
        value_name = "N",
        help = help::by_default("Rows of one merged run at most", GraphOptions::default().batch.max)
    )]
    pub max_batch: Option<NonZero<u32>>,

    /// How long the first inference of a merged run waits for others [default: not at all]
    #[arg(long, value_name = "TIME", value_parser = tollgate_deploy::values::duration)]
    pub batch_delay: Option<Duration>,
}
