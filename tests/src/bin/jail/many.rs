//! Sixteen plugins with a model of their own each, all at once.

use std::{fs, path::Path, sync::Arc, thread, time::Instant};

use anyhow::Context;
use tollgate_isolate::{Helpers, Private};
use tollgate_nn::{Graph, GraphOptions, GraphRegistry, Loading};

use crate::{Caller, Row};

/// What it is called.
pub const CASE: &str = "mlp1024, 16 private models at once";

/// How many there are.
const PLUGINS: usize = 16;

/// Calls of each in a round.
const CALLS: usize = 200;

/// Rounds of each side.
const ROUNDS: usize = 9;

/// Nanoseconds for one inference of all of them together.
pub fn row(helpers: &Arc<Helpers>, model: &Path) -> anyhow::Result<Row> {
    let bytes = fs::read(model).with_context(|| model.display().to_string())?;
    let options = GraphOptions::default();
    let callers = |load: &dyn Fn() -> anyhow::Result<Arc<Graph>>| {
        (0..PLUGINS)
            .map(|_| Caller::new(load()?, &[1, 784]))
            .collect::<anyhow::Result<Vec<_>>>()
    };
    let mut here = callers(&|| Ok(GraphRegistry::load_private(&bytes, &options)?))?;
    // The loaders keep their helpers.
    let mut there = callers(&|| {
        let loader = Private(Arc::clone(helpers)).for_instance();
        Ok(loader.load(&bytes, &options, None)?)
    })?;
    let (mut alone, mut jailed) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (first, second) = if round % 2 == 0 {
            let first = together(&mut here)?;
            (first, together(&mut there)?)
        } else {
            let second = together(&mut there)?;
            (together(&mut here)?, second)
        };
        // The first one warms up.
        if round > 0 {
            alone.push(first);
            jailed.push(second);
        }
    }
    crate::row(CASE, &alone, &jailed)
}

fn together(callers: &mut [Caller]) -> anyhow::Result<f64> {
    let before = Instant::now();
    thread::scope(|scope| {
        let threads: Vec<_> = callers
            .iter_mut()
            .map(|caller| scope.spawn(move || (0..CALLS).try_for_each(|_| caller.call())))
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().unwrap_or_else(|_| anyhow::bail!("a panic")))
    })?;
    Ok(before.elapsed().as_nanos() as f64 / (PLUGINS * CALLS) as f64)
}
