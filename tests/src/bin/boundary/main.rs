//! Our side of `cargo xtask bench boundary`: one model on one path, measured when asked.
//!
//! It takes the path (`native`, `standard` or `tollgate`) and a JSON object ([`Setup`]), and writes
//! one line when it is ready. From then on it answers each line of its input with one line of JSON:
//!
//! - `round CALLS TIMES`: two arrays of CALLS numbers, `call_ns` and `run_ns`. A call asks for TIMES
//!   inferences; `run_ns` is what ONNX Runtime's own `Run` took of that call, from the ledger.
//! - `micro CALLS`: what the smallest things cost ([`guest::Micro`]); guests only.
//!
//! It ends with its input. Upstream's server (`tests/peers/upstream`) speaks the same lines, so that
//! one driver takes turns with both. It knows nothing of the other side, and judges nothing.

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::path::PathBuf;
use tollgate_nn::OnnxRuntime;

mod bare;
mod guest;
mod native;

/// The name that the guest loads the model by.
const GRAPH: &str = "model";

/// What this process measures.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    /// The shared library of ONNX Runtime.
    onnxruntime: PathBuf,
    /// The guest.
    component: PathBuf,
    /// The ONNX file.
    model: PathBuf,
    /// The name of the model's one input, which is f32.
    input: String,
    /// The dimensions of that input.
    dimensions: Vec<u32>,
}

#[derive(Serialize)]
struct Ready<'a> {
    onnxruntime: &'a str,
}

#[derive(Serialize)]
struct Round {
    call_ns: Vec<u64>,
    run_ns: Vec<u64>,
}

/// What one call took, in nanoseconds.
struct Call {
    total: u64,
    run: u64,
}

enum Subject {
    Native(native::Native),
    Guest(Box<guest::Guest>),
}

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(setup)) = (arguments.next(), arguments.next()) else {
        bail!("expected two arguments: a path, and a JSON object with what to measure");
    };
    let setup: Setup = serde_json::from_str(&setup).context("the second is not a setup")?;
    let onnxruntime = OnnxRuntime::load(Some(&setup.onnxruntime))?;
    let mut subject = match path.as_str() {
        "native" => Subject::Native(native::Native::new(&setup)?),
        "standard" | "tollgate" => Subject::Guest(Box::new(guest::Guest::new(&setup)?)),
        _ => bail!("expected the path `native`, `standard` or `tollgate`, got `{path}`"),
    };
    answer(&Ready {
        onnxruntime: onnxruntime.version(),
    })?;

    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.as_slice(), &mut subject) {
            (["round", calls, times], subject) => {
                answer(&subject.round(calls.parse()?, times.parse()?)?)?;
            }
            (["micro", calls], Subject::Guest(guest)) => {
                answer(&guest.micro(&setup, calls.parse()?)?)?
            }
            _ => bail!("expected `round CALLS TIMES`, or `micro CALLS` of a guest, got `{line}`"),
        }
    }
    Ok(())
}

fn answer(value: &impl Serialize) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    Ok(out.flush()?)
}

impl Subject {
    /// `calls` calls of `times` inferences each.
    fn round(&mut self, calls: usize, times: u32) -> anyhow::Result<Round> {
        let mut round = Round {
            call_ns: Vec::with_capacity(calls),
            run_ns: Vec::with_capacity(calls),
        };
        for _ in 0..calls {
            let call = match self {
                Self::Native(native) => native.call(times)?,
                Self::Guest(guest) => guest.call(times)?,
            };
            round.call_ns.push(call.total);
            round.run_ns.push(call.run);
        }
        Ok(round)
    }
}
