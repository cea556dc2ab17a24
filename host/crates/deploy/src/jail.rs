//! What the program does as a helper, and what the jail is on this machine: which layers it has, and what a helper
//! really cannot do, tried from inside one.

use std::{io::Read, process::ExitCode, time::Duration};

use serde::Serialize;
use tollgate_jail::{Bounds, Job, Layer, Strength};

use crate::{compile, onnxruntime::probe};

/// What makes the program a helper that tries what it must not be able to do.
const PROBE: [&str; 2] = ["jail", "probe"];

/// Is a helper, which was told this after the name of the command.
pub fn serve(told: &[&str]) -> ExitCode {
    let [_, job] = compile::HELPER;
    let [_, attempts] = PROBE;
    let [_, library] = probe::HELPER;
    #[cfg(target_os = "linux")]
    let ([_, infer], [_, nursery]) = (tollgate_isolate::HELPER, tollgate_isolate::NURSERY);
    match told {
        #[cfg(target_os = "linux")]
        [name, library, layout, spin, bounds, strength] if *name == infer => {
            tollgate_isolate::serve([library, layout, spin, bounds, strength])
        }
        #[cfg(target_os = "linux")]
        [name, library] if *name == nursery => tollgate_isolate::nurse(library),
        [name, target, bounds, strength] if *name == job => {
            tollgate_jail::serve([bounds, strength], |wasm| compile::in_helper(target, wasm))
        }
        [name, bounds, strength] if *name == attempts => {
            tollgate_jail::serve([bounds, strength], |_| {
                Ok(tollgate_jail::probe().into_bytes())
            })
        }
        [name, device @ .., bounds, strength] if *name == library && device.len() < 2 => {
            tollgate_jail::serve_apart([bounds, strength], |path| {
                probe::in_helper(device.first().copied(), path)
            })
        }
        _ => tollgate_jail::serve(["", ""], |_| Ok(Vec::new())),
    }
}

/// What a helper that tries things may take: far more than it needs.
const BOUNDS: Bounds = Bounds {
    memory_bytes: 4 << 30,
    private_bytes: 4 << 30,
    result_bytes: 1 << 20,
    time: Duration::from_secs(30),
};

/// The jail on this machine.
#[derive(Serialize)]
pub struct Jail {
    /// Each layer.
    pub layers: Vec<LayerFacts>,
    /// What was tried from inside a helper.
    pub tried: Vec<Attempt>,
    /// Why there is no helper.
    pub problem: Option<String>,
}

/// A layer of the jail.
#[derive(Serialize)]
pub struct LayerFacts {
    /// Its name.
    pub name: &'static str,
    /// Whether the machine has it.
    pub there: bool,
    /// Why not.
    pub reason: Option<String>,
}

/// What a helper tried.
#[derive(Serialize)]
pub struct Attempt {
    /// In words.
    pub what: String,
    /// Whether the helper was kept from it.
    pub held: bool,
}

/// Starts a helper that tries what it must not be able to do.
pub fn facts() -> Jail {
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
