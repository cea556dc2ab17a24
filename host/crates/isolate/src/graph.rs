//! A graph that runs in a helper.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tollgate_nn::{
    Call, Description, Error, Graph, GraphOptions, Ran, Remote,
    clock::{Deadline, Stamp, nanos},
};

use crate::{
    helper::{Helper, Late, Lost},
    lane::{ALIGNMENT, Lane},
    load::{Load, Loaded, Options, Refused},
    wire::{self, At, DONE, FAILED, Garbled, Message, Placed, Words, push_bytes},
};

/// How long a helper may take to forget a graph.
const FORGET: Duration = Duration::from_secs(1);

/// A graph of a helper.
pub(crate) struct InHelper {
    helper: Arc<Helper>,
    graph: u32,
    /// Whether its inferences are so quick that its callers spin meanwhile.
    quick: AtomicBool,
}

/// An inference that takes less is quick, in nanoseconds.
const QUICK: u64 = 15_000;

/// One that takes more is not.
const SLOW: u64 = 25_000;

/// What is to be loaded.
pub(crate) struct Model<'a> {
    pub(crate) name: &'a str,
    pub(crate) bytes: &'a [u8],
    pub(crate) options: &'a GraphOptions,
    /// Whether several callers share it.
    pub(crate) shared: bool,
}

impl InHelper {
    /// Has a helper load a model.
    pub(crate) fn load(
        helper: &Arc<Helper>,
        model: &Model<'_>,
        deadline: Option<Deadline>,
    ) -> Result<(Description, Self), Error> {
        let graph = helper.next_graph();
        let load = Load {
            graph,
            name: model.name.to_owned(),
            bytes: model.bytes.len() as u64,
            shared: model.shared,
            options: Options::from(model.options),
        };
        let explain = |lost| explain_load(lost, model.name, deadline);
        let bytes = postcard::to_stdvec(&load);
        let bytes = bytes.map_err(|_| explain(Lost::TooLarge))?;
        let mut request = Message::from_slice(&[wire::LOAD]);
        push_bytes(&mut request, &bytes);
        let answer = helper.with_model(model.bytes, || {
            let mut lane = helper.take(deadline)?;
            // Threads of its session run where the thread that makes them may.
            helper.place_anywhere();
            helper.ask(&mut lane, &request, false, Late::End, deadline)?;
            Ok(std::mem::take(&mut lane.answer))
        });
        let answer = answer.map_err(explain)?;
        let read = match read_loaded(&answer) {
            Ok(read) => read,
            Err(Garbled) => return Err(explain(helper.garbled())),
        };
        match read {
            Ok(description) => Ok((
                description,
                Self {
                    helper: Arc::clone(helper),
                    graph,
                    quick: AtomicBool::new(false),
                },
            )),
            Err(Refused::Timeout) => Err(explain(Lost::Late)),
            Err(refused) => Err(refused.of(model.name, Duration::ZERO)),
        }
    }

    /// As [`InHelper::load`], as a graph that only the caller has.
    pub(crate) fn load_private(
        helper: &Arc<Helper>,
        model: &Model<'_>,
        deadline: Option<Deadline>,
    ) -> Result<Arc<Graph>, Error> {
        let (description, loaded) = Self::load(helper, model, deadline)?;
        let graph = Graph::elsewhere(model.name, description, Arc::new(loaded));
        graph.map(Arc::new)
    }

    /// The helper that it is in.
    pub(crate) fn helper(&self) -> &Helper {
        &self.helper
    }
}

impl Remote for InHelper {
    fn run(&self, call: &mut Call<'_>) -> Result<Ran, Error> {
        let helper = &*self.helper;
        let deadline = call.deadline();
        let explain = |lost, call: &Call<'_>| explain_run(lost, call.graph(), deadline);
        let before = Stamp::now();
        let mut lane = helper.take(deadline).map_err(|lost| explain(lost, call))?;
        let begun = helper
            .begin(self.quick.load(Ordering::Relaxed), deadline)
            .map_err(|lost| explain(lost, call))?;
        let inputs = call.inputs();
        let spins = begun.spins;
        let mut request = Message::new();
        wire::Run {
            graph: self.graph,
            inputs: inputs.len() as u32,
            spins,
            deadline: deadline.map_or(u64::MAX, |deadline| deadline.count()),
            room: call.room() as u64,
        }
        .push(&mut request);
        let parts = inputs.iter().map(|(place, data)| (*place, data.parts()));
        let ranks = parts
            .clone()
            .map(|(_, (_, dimensions, _))| dimensions.len());
        let mut at = Lane::behind(wire::Run::WORDS + ranks.map(Placed::words).sum::<usize>());
        let mut copies = 0;
        for (place, (ty, dimensions, bytes)) in parts {
            let there = helper.place_of(bytes).filter(|_| !bytes.is_empty());
            let placed = Placed {
                place: place as u16,
                ty,
                dimensions,
                at: there.map_or(At::Lane(at), At::Tensors),
            };
            if placed.push(&mut request).is_err() {
                return Err(explain(Lost::TooLarge, call));
            }
            if there.is_none() {
                if !lane.put(at, bytes) {
                    return Err(explain(Lost::TooLarge, call));
                }
                copies += 1;
                at = (at + bytes.len()).next_multiple_of(ALIGNMENT);
            }
        }
        helper
            .ask(&mut lane, &request, spins, helper.when_late(), deadline)
            .map_err(|lost| explain(lost, call))?;
        let answer = std::mem::take(&mut lane.answer);
        let mut reached = 0;
        let taken = read_ran(&answer, call, |at, to| {
            reached = at + to.len();
            lane.take(at, to)
        });
        lane.answer = answer;
        helper.trim(&lane, at, reached);
        if spins {
            lane.make_ready(at, reached);
        }
        let ran = match taken {
            Ok(ran) => ran?,
            Err(Garbled) => return Err(explain(helper.garbled(), call)),
        };
        let after = Stamp::now();
        drop(begun);
        let ran = ran.record(before, after, (copies, call.outputs() as u64));
        match (nanos(ran.ended.ticks_since(ran.started)), spins) {
            (..QUICK, false) => self.quick.store(true, Ordering::Relaxed),
            (SLOW.., true) => self.quick.store(false, Ordering::Relaxed),
            _ => {}
        }
        Ok(ran)
    }
}

impl Drop for InHelper {
    fn drop(&mut self) {
        // The last graph's helper ends with it.
        if Arc::strong_count(&self.helper) == 1 || self.helper.gone().is_some() {
            return;
        }
        let until = Some(Deadline::after(FORGET));
        self.helper.place_anywhere();
        if let Ok(mut lane) = self.helper.take(until) {
            self.helper
                .ask(
                    &mut lane,
                    &[wire::DROP, self.graph],
                    false,
                    Late::Park,
                    until,
                )
                .ok();
        }
    }
}

/// Reads the answer to a request to load.
pub(crate) fn read_loaded(answer: &[u32]) -> Result<Result<Description, Refused>, Garbled> {
    let mut words = Words::of(answer);
    match words.next()? {
        DONE => {
            let bytes = words.bytes()?;
            words.end()?;
            let loaded: Loaded = postcard::from_bytes(&bytes).map_err(|_| Garbled)?;
            loaded.try_into().map(Ok)
        }
        FAILED => read_refused(words).map(Err),
        _ => Err(Garbled),
    }
}

fn read_refused(mut words: Words<'_>) -> Result<Refused, Garbled> {
    let bytes = words.bytes()?;
    words.end()?;
    postcard::from_bytes(&bytes).map_err(|_| Garbled)
}

/// Reads the answer to a request to run, and has its outputs copied into the call's memory.
pub(crate) fn read_ran(
    answer: &[u32],
    call: &mut Call<'_>,
    mut take: impl FnMut(usize, &mut [u8]) -> bool,
) -> Result<Result<wire::Ran, Error>, Garbled> {
    let mut words = Words::of(answer);
    match words.next()? {
        DONE => {}
        FAILED => {
            let after = call.deadline().map_or(Duration::ZERO, |d| d.budget());
            return Ok(Err(read_refused(words)?.of(call.graph(), after)));
        }
        _ => return Err(Garbled),
    }
    let ran = wire::Ran::next(&mut words)?;
    if ran.outputs as usize != call.outputs() {
        return Err(Garbled);
    }
    for place in 0..call.outputs() {
        let placed = Placed::next(&mut words)?;
        if usize::from(placed.place) != place || call.output_type(place) != Some(placed.ty) {
            return Err(Garbled);
        }
        let bytes = placed.bytes()?;
        let to = match call.output(place, placed.dimensions) {
            Ok(to) => to,
            Err(error) => return Ok(Err(error)),
        };
        match placed.at {
            At::Lane(at) if to.len() == bytes && take(at, to) => {}
            _ => return Err(Garbled),
        }
    }
    words.end()?;
    Ok(Ok(ran))
}

#[cold]
fn explain_run(lost: Lost, graph: &str, deadline: Option<Deadline>) -> Error {
    let graph = graph.to_owned();
    match lost {
        Lost::Late | Lost::Ended => Error::Timeout {
            graph,
            after: deadline.map_or(Duration::ZERO, |deadline| deadline.budget()),
        },
        Lost::Gone(reason) => Error::Run { graph, reason },
        Lost::TooLarge => Error::Run {
            graph,
            reason: "its tensors are larger than what a helper process is handed".to_owned(),
        },
    }
}

#[cold]
fn explain_load(lost: Lost, graph: &str, deadline: Option<Deadline>) -> Error {
    match lost {
        Lost::Late | Lost::Ended => Error::LoadTimeout {
            graph: graph.to_owned(),
            after: deadline.map_or(Duration::ZERO, |deadline| deadline.budget()),
        },
        Lost::TooLarge => Error::Unsupported {
            graph: graph.to_owned(),
            reason: "its model is larger than what a helper process is handed".to_owned(),
        },
        lost @ Lost::Gone(_) => explain_run(lost, graph, deadline),
    }
}
