//! The peer in `cargo xtask bench`: upstream's wasi-nn, used the ordinary way.
//!
//! It takes one argument, a JSON object ([`Setup`]), and writes one line when it is ready: the version
//! of ONNX Runtime, and what the first guest's first inference answered. From then on it answers each
//! line with one line of JSON:
//!
//! - `round CALLS TIMES`, for `bench boundary`: two arrays of CALLS numbers, `call_ns` and `run_ns`,
//!   where a call asks the first guest for TIMES inferences and `run_ns` is what ONNX Runtime's own
//!   `Run` took of that call;
//! - `load LEAD MEASURED`, both in milliseconds, for `bench peers`: all guests call at once.
//!
//! It ends with its input. Our own servers speak the same lines.

use quanta::Clock;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Duration;
use wasmtime::error::Context;
use wasmtime::{Result, bail};

mod guest;
mod library;
#[path = "../../load.rs"]
mod load;
mod timed_run;

use load::{Caller, load};

/// What this process measures.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Setup {
    /// The shared library of ONNX Runtime.
    onnxruntime: PathBuf,
    /// The guest.
    component: PathBuf,
    /// The ONNX file; the guest loads it by the name `model`.
    model: PathBuf,
    /// The name of the model's one input, which is f32.
    input: String,
    /// The dimensions of that input.
    dimensions: Vec<u32>,
    /// How many guests there are.
    #[serde(default = "one")]
    guests: u32,
}

fn one() -> u32 {
    1
}

#[derive(Serialize)]
struct Ready {
    onnxruntime: String,
    answer: f32,
}

#[derive(Serialize)]
struct Round {
    call_ns: Vec<u64>,
    run_ns: Vec<u64>,
}

fn main() -> Result<()> {
    let setup = std::env::args().nth(1);
    let setup = setup.context("expected one argument, a JSON object with what to measure")?;
    let setup: Setup = serde_json::from_str(&setup).context("the argument is not a setup")?;

    let clock = Clock::new();
    let onnxruntime = timed_run::install(&setup.onnxruntime, &clock)?;
    let mut guests = guest::guests(&setup)?;
    for guest in &mut guests {
        guest.call()?;
    }
    let first = guests.first().context("expected at least one guest")?;
    answer(&Ready {
        onnxruntime,
        answer: first.answer,
    })?;

    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.as_slice(), guests.as_mut_slice()) {
            (["round", calls, times], [first, ..]) => {
                answer(&first.round(&clock, calls.parse()?, times.parse()?)?)?;
            }
            (["load", lead, measured], guests) => {
                let lead = Duration::from_millis(lead.parse()?);
                let measured = Duration::from_millis(measured.parse()?);
                answer(&load(guests, lead, measured)?)?;
            }
            _ => bail!("expected `round CALLS TIMES` or `load LEAD MEASURED`, got `{line}`"),
        }
    }
    Ok(())
}

fn answer(value: &impl Serialize) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    Ok(out.flush()?)
}
