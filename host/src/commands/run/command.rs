//! `tollgate run` for a command: one instance, the terminal's own input and output, its exit code.
//!
//! Standard output belongs to the guest alone. With `--json` one object with the ledger of the
//! whole run is written to standard error.

use std::{process::ExitCode, sync::Arc};

use anyhow::Context;
use serde::Serialize;
use tollgate_runtime::{Instance, Plugin};
use tollgate_services::Ledger;

use super::hints::Signs;
use crate::{
    commands::load,
    config::{Run, raising_option},
    egress,
};
use tollgate_report::{Crossings, GuestSplit, Host, Inferences, Stages, Tally};

/// The schema of this command's JSON.
const SCHEMA: &str = "tollgate.run-command/1";

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    plugin: String,
    /// The guest's exit code.
    exit_code: i32,
    stages_ns: Option<Stages>,
    guest_split_ns: Option<GuestSplit>,
    crossings: Option<Crossings>,
    inferences: Option<Inferences>,
    host: Host,
}

pub(super) fn run(run: &Run, plugin: Arc<Plugin>, signs: &mut Signs) -> anyhow::Result<ExitCode> {
    let (grants, limits) = run.command()?;
    let grants = load::grants(grants, &run.keyvalue, &limits, &plugin)?;
    let (nn, runtime) = super::load_graphs(run, grants.load)?;
    let mut ledger = Ledger::open();
    ledger.start();
    let exit_code = Instance::run_command(&plugin, &nn, &grants, &limits, &mut ledger)
        .map_err(|error| match raising_option(&error) {
            Some(option) => anyhow::anyhow!("{error}; raise it with `{option}`"),
            None => error.into(),
        })
        .with_context(|| format!("`{}` failed", run.plugin.display()))?;
    let record = ledger.close();
    signs.command(record.missing, exit_code);
    if run.json {
        let mut tally = Tally::new()?;
        tally.add(&record, None);
        let (crossings, inferences) = tally.crossings().unzip();
        let report = Report {
            schema: SCHEMA,
            plugin: run.plugin.display().to_string(),
            exit_code,
            stages_ns: tally.stages(),
            guest_split_ns: tally.guest_split(),
            crossings,
            inferences,
            host: super::host(run, runtime),
        };
        egress::say_json(&report)?;
    }
    // A code outside a process's range still means failure.
    Ok(u8::try_from(exit_code).map_or(ExitCode::FAILURE, ExitCode::from))
}
