//! What the jail is on this machine: which layers it has, and what a helper really cannot do, tried from inside one.

use std::{fmt::Write, io::Read, time::Duration};

use serde::Serialize;
use tollgate_jail::{Bounds, Job, Layer, Strength};

use crate::commands::jail::PROBE;

/// What a helper that tries things may take: far more than it needs.
const BOUNDS: Bounds = Bounds {
    memory_bytes: 4 << 30,
    result_bytes: 1 << 20,
    time: Duration::from_secs(30),
};

/// The jail on this machine.
#[derive(Serialize)]
pub(super) struct Jail {
    layers: Vec<LayerFacts>,
    /// What was tried from inside a helper.
    tried: Vec<Attempt>,
    /// Why there is no helper.
    problem: Option<String>,
}

#[derive(Serialize)]
struct LayerFacts {
    name: &'static str,
    /// Whether the machine has it.
    there: bool,
    /// Why not.
    reason: Option<String>,
}

#[derive(Serialize)]
struct Attempt {
    what: String,
    /// Whether the helper was kept from it.
    held: bool,
}

/// Starts a helper that tries what it must not be able to do.
pub(super) fn jail() -> Jail {
    let job = Job {
        arguments: &PROBE,
        bounds: BOUNDS,
        strength: Strength::Best,
    };
    let done = match job.run(b"") {
        Ok(done) => done,
        Err(error) => return none(tollgate_report::one_line(&error)),
    };
    let mut lines = String::new();
    if let Err(error) = (&done.file).read_to_string(&mut lines) {
        return none(error.to_string());
    }
    let layers = Layer::ALL.map(|layer| {
        let missing = done.missing.iter().find(|missing| missing.layer == layer);
        LayerFacts {
            name: layer.name(),
            there: missing.is_none(),
            reason: missing.map(|missing| missing.reason.clone()),
        }
    });
    let tried = lines.lines().filter_map(|line| {
        let (how, what) = line.split_once(' ')?;
        Some(Attempt {
            what: what.to_owned(),
            held: how == "held",
        })
    });
    Jail {
        layers: layers.into(),
        tried: tried.collect(),
        problem: None,
    }
}

fn none(problem: String) -> Jail {
    Jail {
        layers: Vec::new(),
        tried: Vec::new(),
        problem: Some(problem),
    }
}

pub(super) fn render(jail: &Jail, out: &mut String) -> std::fmt::Result {
    if let Some(problem) = &jail.problem {
        return writeln!(out, "jail          none: {problem}");
    }
    let names = |there: bool| {
        let all = jail.layers.iter().filter(|layer| layer.there == there);
        let all: Vec<String> = all
            .map(|layer| match &layer.reason {
                Some(reason) => format!("{} ({reason})", layer.name),
                None => layer.name.to_owned(),
            })
            .collect();
        all.join(", ")
    };
    writeln!(out, "jail          {}", names(true))?;
    if jail.layers.iter().any(|layer| !layer.there) {
        writeln!(out, "  lacks       {}", names(false))?;
    }
    let tried = |held: bool| {
        let all = jail.tried.iter().filter(|attempt| attempt.held == held);
        let all: Vec<&str> = all.map(|attempt| attempt.what.as_str()).collect();
        all.join(", ")
    };
    writeln!(out, "  cannot      {}", tried(true))?;
    if jail.tried.iter().any(|attempt| !attempt.held) {
        writeln!(out, "  still can   {}", tried(false))?;
    }
    Ok(())
}
