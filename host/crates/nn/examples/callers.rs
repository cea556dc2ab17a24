//! Many callers on one graph: what batching, and limiting how many run at once, do to it.
//!
//!     cargo run -p tollgate-nn --example callers -- LIBRARY MODEL POLICY THREADS SECONDS
//!
//! LIBRARY is ONNX Runtime's, MODEL a file with one input of floats, POLICY `auto`, `on` or `off`,
//! with `:8` behind it for at most eight rows. Further policies may follow, separated by commas, and
//! take turns: five rounds each. Prints a line
//! of inferences per second, the median and the 99th percentile of one inference, and the mean
//! batch, for each; and what was measured when the graph was loaded.

use std::{
    error::Error,
    path::Path,
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use tollgate_nn::{
    Argument, BatchOptions, Data, Graph, GraphOptions, GraphRegistry, OnnxRuntime, Scratch,
};

const ROUNDS: usize = 5;

#[derive(Default)]
struct Seen {
    taken: Vec<u64>,
    rows: u64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [library, model, policies, threads, seconds] = &arguments[..] else {
        return Err("expected LIBRARY MODEL POLICY[,POLICY...] THREADS SECONDS".into());
    };
    OnnxRuntime::load(Some(Path::new(library)))?;
    let (threads, seconds) = (threads.parse()?, Duration::from_secs_f64(seconds.parse()?));
    let registry = GraphRegistry::new();
    let mut graphs = Vec::new();
    for policy in policies.split(',') {
        let (when, max) = policy.split_once(':').unwrap_or((policy, "32"));
        let batch = BatchOptions {
            policy: when.parse()?,
            max: max.parse()?,
            ..BatchOptions::default()
        };
        let options = GraphOptions {
            batch,
            ..GraphOptions::default()
        };
        let begin = Instant::now();
        let graph = registry.load_file(policy, Path::new(model), &options)?;
        println!(
            "{policy}: loaded in {:?}, {:?}",
            begin.elapsed(),
            graph.batching()
        );
        graphs.push((graph, Vec::new()));
    }
    for _ in 0..ROUNDS {
        for (graph, rates) in &mut graphs {
            let (rate, text) = round(graph, threads, seconds)?;
            println!("{:>5}: {text}", graph.name());
            rates.push(rate);
        }
    }
    for (graph, rates) in &mut graphs {
        rates.sort_by(f64::total_cmp);
        let (median, most) = (rates.get(ROUNDS / 2), rates.last());
        println!(
            "{:>5}: median {median:.0?}, most {most:.0?} a second",
            graph.name()
        );
    }
    Ok(())
}

fn round(
    graph: &Arc<Graph>,
    threads: usize,
    seconds: Duration,
) -> Result<(f64, String), Box<dyn Error>> {
    let (start, stop) = (Barrier::new(threads + 1), AtomicBool::new(false));
    let (seen, elapsed) = thread::scope(|scope| {
        let callers: Vec<_> = (0..threads)
            .map(|caller| {
                let (start, stop) = (&start, &stop);
                scope.spawn(move || call(graph, caller, start, stop))
            })
            .collect();
        start.wait();
        let begin = Instant::now();
        thread::sleep(seconds);
        stop.store(true, Ordering::Relaxed);
        let elapsed = begin.elapsed();
        let seen: Vec<_> = callers.into_iter().map(|caller| caller.join()).collect();
        (seen, elapsed)
    });
    let mut all = Seen::default();
    for one in seen {
        let one = one.map_err(|_| "a caller panicked")??;
        all.taken.extend(one.taken);
        all.rows += one.rows;
    }
    all.taken.sort_unstable();
    let count = all.taken.len();
    let at = |share: f64| {
        let place = (count as f64 * share) as usize;
        all.taken.get(place).map_or(0.0, |ns| *ns as f64 / 1e3)
    };
    let rate = count as f64 / elapsed.as_secs_f64();
    let text = format!(
        "{rate:>8.0}/s, p50 {:>8.1} us, p99 {:>8.1} us, mean batch {:.1}",
        at(0.5),
        at(0.99),
        all.rows as f64 / count.max(1) as f64
    );
    Ok((rate, text))
}

fn call(
    graph: &Graph,
    caller: usize,
    start: &Barrier,
    stop: &AtomicBool,
) -> Result<Seen, tollgate_nn::Error> {
    let mut scratch = Scratch::new()?;
    let Some(input) = graph.inputs().first() else {
        return Ok(Seen::default());
    };
    let dimensions: Vec<u32> = input.dimensions.iter().map(|d| d.unwrap_or(1)).collect();
    let count: u32 = dimensions.iter().product();
    let floats = (0..count).map(|place| ((place as usize + caller) % 17) as f32 / 17.0 - 0.5);
    let bytes: Vec<u8> = floats.flat_map(f32::to_le_bytes).collect();
    let data = Data::Bytes {
        ty: input.ty,
        dimensions: &dimensions,
        bytes: &bytes,
    };
    let mut seen = Seen::default();
    start.wait();
    while !stop.load(Ordering::Relaxed) {
        let begin = Instant::now();
        let outcome = graph.run(&mut scratch, &[Argument { name: None, data }], None)?;
        seen.taken
            .push(u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX));
        seen.rows += u64::from(outcome.ran.batch);
        for output in outcome.outputs {
            scratch.recycle(output);
        }
    }
    Ok(seen)
}
