//! One server of a benchmark: a process that answers lines.
//!
//! It is started, says a first line when it is ready, answers each line asked with one, and ends when
//! its input does. What it writes to standard error is the person's to read.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// What a server answers to `round`.
#[derive(Deserialize)]
pub struct Round {
    /// What each call took.
    pub call_ns: Vec<u64>,
    /// What ONNX Runtime's run took of it.
    pub run_ns: Vec<u64>,
}

/// What a server answers to `load`.
#[derive(Deserialize)]
pub struct Load {
    /// What each call took that ended while it was measured, in no order.
    pub latency_ns: Vec<u64>,
}

/// What a server says when it is ready.
#[derive(Deserialize)]
pub struct Ready {
    /// The version of ONNX Runtime.
    pub onnxruntime: String,
    /// What the first inference answered, where the server says so.
    pub answer: Option<f32>,
    /// How many inferences it merges into one at most, where it knows of such a thing.
    pub merged: Option<u32>,
}

/// What a server answers to `micro`: nanoseconds, medians of many.
#[derive(Deserialize)]
pub struct Micro {
    /// A call of an export that does nothing.
    pub empty_call_ns: f64,
    /// The least of them.
    pub least_empty_call_ns: f64,
    /// Making an instance and dropping it.
    pub instantiate_drop_ns: f64,
    /// The least of them.
    pub least_instantiate_drop_ns: f64,
    /// One stamp of the ledger.
    pub stamp_ns: f64,
    /// How many stamps an inference takes.
    pub stamps_per_inference: f64,
    /// What they cost together.
    pub probe_ns_per_inference: f64,
    /// A call with nothing behind the imports: Wasmtime's and the guest's own share.
    pub bare_call_ns: f64,
    /// The least of them.
    pub least_bare_call_ns: f64,
}

/// One of the processes, and how to talk to it.
pub struct Server {
    /// Which path it measures.
    pub path: &'static str,
    /// What it said when it was ready.
    pub ready: Ready,
    child: Child,
    input: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it and waits until it is ready.
    pub fn start(path: &'static str, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("the server of path `{path}` did not start"))?;
        let input = child.stdin.take();
        let answers = child.stdout.take().context("a server without an output")?;
        let mut server = Self {
            path,
            ready: Ready {
                onnxruntime: String::new(),
                answer: None,
                merged: None,
            },
            child,
            input,
            answers: BufReader::new(answers),
        };
        server.ready = serde_json::from_str(&server.answer()?)?;
        Ok(server)
    }

    /// Has it make `calls` calls of one inference each.
    pub fn round(&mut self, calls: usize) -> Result<Round> {
        self.round_of(calls, 1)
    }

    /// Has it make `calls` calls of so many inferences each.
    pub fn round_of(&mut self, calls: usize, inferences: u8) -> Result<Round> {
        let answer = self.ask(&format!("round {calls} {inferences}"))?;
        let round: Round = serde_json::from_str(&answer)?;
        ensure!(
            round.call_ns.len() == calls && round.run_ns.len() == calls,
            "expected {calls} calls from path `{}`, got {} and {}",
            self.path,
            round.call_ns.len(),
            round.run_ns.len()
        );
        Ok(round)
    }

    /// Has all its callers call at once: for `lead` milliseconds uncounted, then for `measured`.
    pub fn load(&mut self, lead: u64, measured: u64) -> Result<Load> {
        let load: Load = serde_json::from_str(&self.ask(&format!("load {lead} {measured}"))?)?;
        ensure!(
            !load.latency_ns.is_empty(),
            "no call of path `{}` ended within {measured} ms: this machine is too slow for it",
            self.path
        );
        Ok(load)
    }

    /// Has it measure the smallest things, each `calls` times. Upstream's server knows none.
    pub fn micro(&mut self, calls: usize) -> Result<Micro> {
        let answer = self.ask(&format!("micro {calls}"))?;
        Ok(serde_json::from_str(&answer)?)
    }

    fn ask(&mut self, line: &str) -> Result<String> {
        let input = self.input.as_mut().context("a server without an input")?;
        writeln!(input, "{line}").with_context(|| self.gone())?;
        self.answer()
    }

    fn answer(&mut self) -> Result<String> {
        let mut line = String::new();
        let read = self.answers.read_line(&mut line)?;
        ensure!(read > 0, self.gone());
        Ok(line)
    }

    fn gone(&self) -> String {
        format!(
            "the server of path `{}` ended: its message stands above",
            self.path
        )
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It ends with its input; a process nobody waits for would stay in the system's table.
        drop(self.input.take());
        self.child.wait().ok();
    }
}
