//! Hints after a failed run: what the guest asked for and was not granted, each with its option.
//!
//! They come from what happened in the run, so that only possible reasons are suggested. Parts that
//! a toolchain left out of the file are only mentioned if the guest trapped without a message.

use tollgate_dispatch::{Answer, Failure};
use tollgate_runtime::{Error, GuestFault, World};
use tollgate_services::Missing;

use crate::{config::Run, egress};

/// What was observed about why a run failed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Signs {
    /// What the guest was not granted, in frames that failed.
    missing: Missing,
    /// Whether it wrote lines that are not shown, in any frame.
    lines: bool,
    /// Whether it trapped without a message.
    trapped: bool,
}

impl Signs {
    /// Records a frame's answer.
    pub(super) fn frame(&mut self, done: &Answer) {
        let said = match &done.outcome {
            Err(Failure::Instance(Error::Guest(GuestFault::Trap { said, .. }))) => Some(said),
            _ => None,
        };
        // Standard error that is part of a trap's message is shown there.
        self.lines |= done.missing.lines && said.is_none_or(|said| said.is_empty());
        self.trapped |= said.is_some_and(|said| said.is_empty());
        if done.outcome.is_err() {
            self.missing = self.missing.or(done.missing);
        }
    }

    /// Records the exit code of a command that ended by itself.
    pub(super) fn command(&mut self, missing: Missing, exit_code: i32) {
        // A program with an exit code of its own has reported its error itself.
        if exit_code == 1 {
            self.missing = missing;
        }
    }
}

/// Prints the hints on standard error.
pub(super) fn say(run: &Run, world: World, wasm: &[u8], signs: &Signs, failed: bool) {
    let command = world == World::Command;
    let mut hints = Vec::new();
    if failed {
        let missing = &signs.missing;
        if missing.graph && run.models.is_empty() {
            hints.push(
                "it asked for a graph by its name and no model was given: add `--model NAME=PATH`"
                    .to_owned(),
            );
        }
        if missing.load {
            let remedy = if command && run.isolation.confines() {
                "leave out `--deny load`"
            } else {
                "add `--allow load`"
            };
            hints.push(format!(
                "it loads a model of its own, which is not granted: {remedy}"
            ));
        }
        if missing.dirs && command {
            hints
                .push("it opens files and no folder was given: add `--dir HOST::GUEST`".to_owned());
        }
        if signs.trapped {
            hints.extend(
                tollgate_inspect::inspect(wasm).map_or_else(|_| Vec::new(), |seen| seen.notes),
            );
        }
    }
    if signs.lines {
        hints.push(
            "it wrote to its standard output or error, which is not shown: add `--logging`"
                .to_owned(),
        );
    }
    for hint in hints {
        egress::say(format_args!(
            "hint: {}",
            tollgate_report::terminal::escaped(&hint)
        ));
    }
}
