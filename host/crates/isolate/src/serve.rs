//! The helper's side: loads models and runs graphs for its host. What a request says is checked, though the host is
//! trusted: a mistake there is an answer, not a crash.

use std::{
    collections::HashMap,
    io,
    os::fd::AsFd,
    path::Path,
    process::ExitCode,
    sync::{Arc, PoisonError, RwLock},
    thread,
    time::Duration,
};

use smallvec::SmallVec;
use tollgate_jail::{Confining, refuse};
use tollgate_nn::{
    Expected, Graph, GraphOptions, GraphRegistry, OnnxRuntime, Prepared, Scratch, Shape,
    clock::{Deadline, Stamp},
};

use crate::{
    lane::{ALIGNMENT, Lane, Part},
    load::{Load, Loaded, Refused},
    memory::Layout,
    region::{Access, Region},
    wire::{self, At, DONE, FAILED, Garbled, Message, Placed, Words, push_bytes},
};

/// Is the helper's whole `main`. The arguments are those of [`crate::HELPER`] without its name.
///
/// It must be called before the process has started a thread.
pub fn serve([library, layout, spin, bounds, strength]: [&str; 5]) -> ExitCode {
    ExitCode::from(run(Some(library), [layout, spin, bounds, strength]))
}

/// Is the whole `main` of the process from which helpers are forked. The argument is that of [`crate::NURSERY`].
///
/// It must be called before the process has started a thread.
pub fn nurse(library: &str) -> ExitCode {
    let load = || load(library);
    tollgate_jail::nurse(load, |arguments| match arguments {
        [layout, spin, bounds, strength] => run(None, [layout, spin, bounds, strength]),
        _ => refuse(NO_HELPER),
    })
}

const NO_HELPER: &str = "this is for helpers, which only the program itself starts";

/// The library is the operator's choice, and needs files.
fn load(library: &str) -> Result<(), String> {
    let loaded = OnnxRuntime::load(Some(Path::new(library)));
    loaded.map(drop).map_err(|error| error.to_string())
}

/// Runs a helper, which loads the library if it is not there, and never comes back unless it fails.
fn run(library: Option<&str>, [layout, spin, bounds, strength]: [&str; 4]) -> u8 {
    let confining = match Confining::begin([bounds, strength]) {
        Ok(confining) => confining,
        Err(code) => return code,
    };
    let spin = spin.parse().map(Duration::from_micros);
    let (Ok(layout), Ok(spin)) = (layout.parse::<Layout>(), spin) else {
        return refuse(NO_HELPER);
    };
    // No byte of a stranger's was read yet.
    if let Err(why) = library.map_or(Ok(()), load) {
        return refuse(&why);
    }
    let server = match Server::new(&layout) {
        Ok(server) => Arc::new(server),
        Err(error) => return refuse(&format!("its memory cannot be mapped: {error}")),
    };
    // A helper that is not whole any more ends, so that its host sees it.
    std::panic::set_hook(Box::new(|panic| {
        refuse(&panic.to_string());
        std::process::abort();
    }));
    if let Err(code) = confining.finish() {
        return code;
    }
    for index in 1..layout.lanes {
        let server = Arc::clone(&server);
        let lane = server.lane(&layout, index, spin);
        let started = thread::Builder::new()
            .name(format!("lane {index}"))
            .spawn(move || server.answer(lane));
        if let Err(error) = started {
            return refuse(&format!("its threads cannot be started: {error}"));
        }
    }
    let mut first = server.lane(&layout, 0, spin);
    // It is ready.
    first.send(&[DONE]);
    server.answer(first)
}

/// What all lanes of a helper share.
pub(crate) struct Server {
    layout: Layout,
    down: Arc<Region>,
    up: Arc<Region>,
    graphs: RwLock<HashMap<u32, Arc<Graph>>>,
}

/// What one lane keeps between requests.
#[derive(Default)]
pub(crate) struct Kept {
    /// Made with the first run.
    scratch: Option<Scratch>,
    /// The last inference.
    ready: Option<Ready>,
    /// Whether to spin for the next request.
    spins: bool,
    /// How many bytes the last inference's inputs and outputs have in the lane.
    down: usize,
    up: usize,
}

impl Server {
    fn new(layout: &Layout) -> io::Result<Self> {
        let sizes = (layout.down_bytes(), layout.up_bytes());
        let (Some(down), Some(up)) = sizes else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let size = |bytes: u64| usize::try_from(bytes).map_err(io::Error::other);
        let file =
            |stream: std::os::fd::BorrowedFd<'_>| stream.try_clone_to_owned().map(Into::into);
        let (input, output) = (file(io::stdin().as_fd())?, file(io::stdout().as_fd())?);
        let down = Region::map(&input, 0, size(down)?, Access::Read)?;
        let up = Region::map(&output, 0, size(up)?, Access::Write)?;
        Ok(Self::over(*layout, Arc::new(down), Arc::new(up)))
    }

    pub(crate) fn over(layout: Layout, down: Arc<Region>, up: Arc<Region>) -> Self {
        Self {
            layout,
            down,
            up,
            graphs: RwLock::default(),
        }
    }

    pub(crate) fn keep(&self, number: u32, graph: Arc<Graph>) {
        let mut graphs = self.graphs.write().unwrap_or_else(PoisonError::into_inner);
        graphs.insert(number, graph);
    }

    /// The sizes were mapped, so they fit into an address space.
    pub(crate) fn lane(&self, layout: &Layout, index: u32, spin: Duration) -> Lane {
        let (down, up) = (layout.down as usize, layout.up as usize);
        let own = Part {
            region: Arc::clone(&self.up),
            at: up * index as usize,
            bytes: up,
        };
        let peer = Part {
            region: Arc::clone(&self.down),
            at: (layout.model + layout.tensors) as usize + down * index as usize,
            bytes: down,
        };
        Lane::new(own, peer, spin)
    }

    /// Answers one request after another, until the process is ended.
    fn answer(&self, mut lane: Lane) -> ! {
        let mut request = Vec::new();
        let mut kept = Kept::default();
        loop {
            // The kernel ends the helper together with the host.
            while !lane.wait(kept.spins, || Some(Duration::from_secs(60))) {
                // Woken or not, it goes on.
            }
            if kept.spins {
                lane.make_ready(kept.up, kept.down);
            }
            let answer = if lane.receive(&mut request) {
                self.do_one(&lane, &mut kept, &request)
            } else {
                Err(Refused::Run("a request was too long".to_owned()))
            };
            let answer = answer.unwrap_or_else(|refused| {
                let mut answer = Message::from_slice(&[FAILED]);
                push_bytes(
                    &mut answer,
                    &postcard::to_stdvec(&refused).unwrap_or_default(),
                );
                answer
            });
            if !lane.send(&answer) {
                lane.send(&[FAILED]);
            }
        }
    }

    pub(crate) fn do_one(
        &self,
        lane: &Lane,
        kept: &mut Kept,
        request: &[u32],
    ) -> Result<Message, Refused> {
        let mut words = Words::of(request);
        let garbled = |Garbled| Refused::Run("a request was garbled".to_owned());
        match words.next().map_err(garbled)? {
            wire::RUN => self.run(lane, kept, request),
            wire::LOAD => self.load(&words.bytes().map_err(garbled)?),
            wire::ECHO => {
                kept.spins = words.next().is_ok_and(|spins| spins != 0);
                Ok(Message::from_slice(&[DONE]))
            }
            wire::DROP => {
                let graph = words.next().map_err(garbled)?;
                kept.ready = None;
                let mut graphs = self.graphs.write().unwrap_or_else(PoisonError::into_inner);
                graphs.remove(&graph);
                Ok(Message::from_slice(&[DONE]))
            }
            _ => Err(garbled(Garbled)),
        }
    }

    fn load(&self, request: &[u8]) -> Result<Message, Refused> {
        let wrong = |what: &str| Refused::Run(what.to_owned());
        let load: Load =
            postcard::from_bytes(request).map_err(|_| wrong("a request was garbled"))?;
        let options = GraphOptions::try_from(&load.options)
            .map_err(|Garbled| wrong("the options were garbled"))?;
        let size = usize::try_from(load.bytes).map_err(|_| wrong("the model is too large"))?;
        let there = load.bytes <= self.layout.model;
        let bytes = there.then(|| handed(&self.down, 0, size)).flatten();
        let bytes = bytes.ok_or_else(|| wrong("the model is not there"))?;
        let graph = if load.shared {
            GraphRegistry::new().load_bytes(&load.name, bytes, &options)?
        } else {
            GraphRegistry::load_private(bytes, &options)?
        };
        let description = graph
            .describe()
            .ok_or_else(|| wrong("the graph has no session"))?;
        let loaded = postcard::to_stdvec(&Loaded::from(description))
            .map_err(|error| wrong(&error.to_string()))?;
        if loaded.len() > crate::lane::MOST_BODY - ALIGNMENT {
            return Err(Refused::Unsupported(format!(
                "the names of its inputs and outputs take {} bytes, at most {} are taken",
                loaded.len(),
                crate::lane::MOST_BODY - ALIGNMENT
            )));
        }
        self.keep(load.graph, graph);
        let mut answer = Message::from_slice(&[DONE]);
        push_bytes(&mut answer, &loaded);
        Ok(answer)
    }

    fn run(&self, lane: &Lane, kept: &mut Kept, request: &[u32]) -> Result<Message, Refused> {
        let garbled = |Garbled| Refused::Run("a request was garbled".to_owned());
        let mut words = Words::of(request);
        words.next().map_err(garbled)?;
        let run = wire::Run::next(&mut words).map_err(garbled)?;
        let inputs = words.rest();
        kept.spins = run.spins;
        let scratch = match &mut kept.scratch {
            Some(scratch) => scratch,
            none => none.insert(Scratch::new()?),
        };
        let room = usize::try_from(run.room).unwrap_or(usize::MAX);
        scratch.allow(room);
        // Mostly an inference is the same as the one before it, with other elements.
        let same = |ready: &Ready| ready.graph == run.graph && ready.inputs == inputs;
        let ready = match kept.ready.take().filter(same) {
            Some(ready) => kept.ready.insert(ready),
            None => kept.ready.insert(self.ready(&run, inputs)?),
        };
        if ready.prepared.kept_bytes() > room {
            kept.ready = None;
            return Err(Refused::TooLarge {
                what: "the outputs of an inference".to_owned(),
                limit: run.room,
                came: "more".to_owned(),
            });
        }
        let (region, part, part_bytes) = lane.peer();
        let handed = |&(at, bytes): &(At, usize)| {
            let (begin, most, at) = match at {
                At::Lane(at) => (part, part_bytes, at),
                At::Tensors(at) => {
                    let Layout { model, tensors, .. } = self.layout;
                    (model as usize, tensors as usize, at)
                }
            };
            let inside = at.checked_add(bytes).is_some_and(|end| end <= most);
            inside.then(|| handed(region, begin + at, bytes)).flatten()
        };
        let elements: Option<SmallVec<[&[u8]; 4]>> = ready.elements.iter().map(handed).collect();
        let elements = elements.ok_or_else(|| garbled(Garbled))?;
        let deadline =
            (run.deadline != u64::MAX).then(|| Deadline::at(Stamp::of_count(run.deadline)));
        let ran = ready.prepared.run(scratch, &elements, deadline)?;
        let mut answer = Message::new();
        wire::Ran {
            outputs: ready.prepared.graph().outputs().len() as u32,
            batch: ran.batch,
            copies_in: u16::try_from(ran.copies_in).unwrap_or(u16::MAX),
            copies_out: u16::try_from(ran.copies_out).unwrap_or(u16::MAX),
            waited: ran.asked.map_or(0.0, |asked| {
                let begun = ran.turn.unwrap_or(ran.started);
                begun.ticks_since(asked) as f32
            }),
            took: ran.ended.ticks_since(ran.started) as f32,
        }
        .push(&mut answer);
        kept.up = ready.put_outputs(lane, &mut answer)?;
        kept.down = ready.elements.iter().map(|(_, bytes)| bytes).sum();
        Ok(answer)
    }

    /// Makes an inference ready: these words are its inputs.
    fn ready(&self, run: &wire::Run, inputs: &[u32]) -> Result<Ready, Refused> {
        let garbled = |Garbled| Refused::Run("a request was garbled".to_owned());
        let graph = {
            let graphs = self.graphs.read().unwrap_or_else(PoisonError::into_inner);
            graphs.get(&run.graph).cloned()
        };
        let graph = graph.ok_or_else(|| Refused::Run("the graph is not there".to_owned()))?;
        let mut expected = SmallVec::<[Expected<'_>; 4]>::new();
        let mut elements = SmallVec::new();
        let mut words = Words::of(inputs);
        for index in 0..run.inputs {
            let placed = Placed::next(&mut words).map_err(garbled)?;
            let place = usize::from(placed.place);
            expected.push(Expected {
                name: match graph.input_at(place) {
                    Some(info) if place != index as usize => Some(&info.name),
                    _ => None,
                },
                ty: placed.ty,
                dimensions: placed.dimensions,
            });
            elements.push((placed.at, placed.bytes().map_err(garbled)?));
        }
        words.end().map_err(garbled)?;
        Ok(Ready {
            graph: run.graph,
            inputs: inputs.to_vec(),
            elements,
            prepared: Prepared::new(&graph, &expected)?,
        })
    }
}

/// An inference that was made ready for a request.
struct Ready {
    graph: u32,
    /// The words of its inputs in the request.
    inputs: Vec<u32>,
    /// Where the elements of each are, and how many bytes.
    elements: SmallVec<[(At, usize); 4]>,
    prepared: Prepared,
}

impl Ready {
    /// Copies the outputs of the run into the lane, and says where they are. Gives where they end.
    fn put_outputs(&mut self, lane: &Lane, answer: &mut Message) -> Result<usize, Refused> {
        let outputs = || self.prepared.outputs();
        let rank = |shape: Option<&Shape>| shape.map_or(0, |shape| shape.len());
        let words = outputs().map(|(_, shape)| Placed::words(rank(shape)));
        let mut at = Lane::behind(answer.len() + words.sum::<usize>());
        let mut begins = SmallVec::<[usize; 4]>::new();
        for (place, (info, shape)) in outputs().enumerate() {
            let placed = Placed {
                place: place as u16,
                ty: info.ty,
                dimensions: shape.map_or(&[], |shape| shape),
                at: At::Lane(at),
            };
            let unfit = |Garbled| Refused::Run("an output has too many dimensions".to_owned());
            placed.push(answer).map_err(unfit)?;
            begins.push(at);
            at = (at + placed.bytes().map_err(unfit)?).next_multiple_of(ALIGNMENT);
        }
        for (at, elements) in begins.into_iter().zip(self.prepared.take_outputs()) {
            if !lane.put(at, &elements) {
                return Err(Refused::TooLarge {
                    what: "what an inference gives".to_owned(),
                    limit: lane.own_bytes() as u64,
                    came: (at + elements.len()).to_string(),
                });
            }
        }
        Ok(at)
    }
}

/// What the host has handed over.
#[expect(
    unsafe_code,
    reason = "the one place where a helper relies on its host"
)]
fn handed(region: &Region, at: usize, bytes: usize) -> Option<&[u8]> {
    // SAFETY: the host, which is this same program, writes a lane's part and the model's place only while no request
    // about them is unanswered (`Helper::ask`, `Helper::with_model`, `Lanes::park`), and this is called while one is.
    // A tensor in its place is borrowed by the host's `Call` for as long.
    unsafe { region.handed(at, bytes) }
}
