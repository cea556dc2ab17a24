//! A helper as its host has it: the process, the memory between them, and lanes that callers take in turns.

use std::{
    fmt,
    fs::File,
    io,
    os::unix::fs::FileExt,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use tollgate_jail::{Bounds, Handed, Job, Nursery, Resident};
use tollgate_nn::{Places, causes, clock::Deadline};

use crate::{
    HELPER, Setup,
    cores::{self, Cores},
    lane::{Lane, Part},
    lanes::{Lanes, Taken},
    memory::{Layout, for_reading, give_back, sealed_file},
    region::{Access, Region},
    setup::{ENVIRONMENT, library},
    tensors::{Shared, Tensors},
    turns::{Player, Turn},
    wire,
};

/// How long after its deadline a request may still be answered, before the helper is ended.
const GRACE: Duration = Duration::from_millis(40);

/// How long a helper that several callers share may owe an answer after its deadline, before it is ended.
const OWED: Duration = Duration::from_secs(5);

/// Why a helper is gone that was ended for that.
const TOO_LATE: &str = "its helper process was ended, since it did not stop at a deadline";

/// How often a waiting caller looks whether the helper is alive.
const LOOK: Duration = Duration::from_millis(10);

/// The longest time until a helper is ready, which takes some milliseconds. A machine whose memory is full takes long.
const START: Duration = Duration::from_secs(20);

/// Address space beside what is counted: the program, its libraries and its heap's reservations.
const ADDRESSES: u64 = 2 << 30;

/// What ONNX Runtime and the program take by themselves, in bytes of memory.
const OWN_BYTES: u64 = 64 << 20;

/// What a thread takes, in bytes of memory: mostly its stack.
const THREAD_BYTES: u64 = 4 << 20;

/// What a lane keeps of the memory of its tensors from one run to the next, in bytes.
const KEPT_BYTES: usize = 32 << 20;

/// What becomes of a helper that does not answer in time.
#[derive(Clone, Copy)]
pub(crate) enum Late {
    /// It is ended.
    End,
    /// It goes on, since others have graphs in it; its lane is nobody's until the answer has come.
    Park,
    /// It goes on, and the next caller waits for the same.
    Leave,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Lost {
    /// The deadline passed; the helper goes on.
    Late,
    /// The deadline passed, and the helper was ended for it.
    Ended,
    /// The helper is gone; why.
    Gone(String),
    /// What was asked is larger than a lane.
    TooLarge,
}

/// A helper process.
pub struct Helper {
    process: Resident,
    down: File,
    up: File,
    layout: Layout,
    /// The part of the first file behind the model.
    own: Arc<Region>,
    tensors: Arc<Tensors>,
    places: Arc<dyn Places>,
    /// What one of an instance has, whose inferences run one at a time, on the helper's first thread.
    instance: Option<Instance>,
    /// Whether sides ever spin.
    spins: bool,
    lanes: Lanes,
    /// Why it is gone.
    gone: OnceLock<String>,
    graphs: AtomicU32,
    /// Held while a model is in its place.
    loading: Mutex<()>,
}

/// When and where the helper of an instance computes.
struct Instance {
    player: Player,
    cores: Cores,
}

/// A request that can be sent now.
pub(crate) struct Begun<'a> {
    /// Whether both sides spin for each other.
    pub(crate) spins: bool,
    _turn: Option<(Option<cores::Shared>, Turn<'a>)>,
}

impl Drop for Helper {
    fn drop(&mut self) {
        self.process.end();
        // A guest may keep tensors for longer than its helper lives: they keep the files.
        self.tensors.retire();
        for (file, from, bytes) in [
            (&self.down, 0, self.layout.model),
            (
                &self.down,
                self.layout.model + self.layout.tensors,
                self.layout.down * u64::from(self.layout.lanes),
            ),
            (&self.up, 0, self.layout.up * u64::from(self.layout.lanes)),
        ] {
            give_back(file, from, bytes).ok();
        }
    }
}

impl fmt::Debug for Helper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Helper({})", self.process.id())
    }
}

impl Helper {
    /// Starts one. It is ready some milliseconds later.
    pub(crate) fn start(
        setup: &Setup,
        nursery: Option<&Arc<Nursery>>,
        layout: Layout,
        memory: u64,
    ) -> io::Result<Self> {
        let too_large = || io::Error::other("its memory is larger than an address space");
        let down_bytes = layout.down_bytes().ok_or_else(too_large)?;
        let up_bytes = layout.up_bytes().ok_or_else(too_large)?;
        let (down, up) = (sealed_file(down_bytes)?, sealed_file(up_bytes)?);
        let (first, lanes_at) = (layout.model, to_size(layout.tensors)?);
        let own = to_size(down_bytes - first)?;
        let own = Arc::new(Region::map(&down, first, own, Access::Write)?);
        let tensors = Tensors::new(Arc::clone(&own), lanes_at, down.try_clone()?, first);
        let tensors = Arc::new(tensors);
        let peer = Arc::new(Region::map(&up, 0, to_size(up_bytes)?, Access::Read)?);
        let lanes = (0..layout.lanes).map(|index| {
            let part = |region: &Arc<Region>, begin: usize, bytes: u64| {
                Ok::<_, io::Error>(Part {
                    region: Arc::clone(region),
                    at: begin + to_size(bytes * u64::from(index))?,
                    bytes: to_size(bytes)?,
                })
            };
            let (own, peer) = (
                part(&own, lanes_at, layout.down)?,
                part(&peer, 0, layout.up)?,
            );
            Ok::<_, io::Error>(Lane::new(own, peer, setup.spin))
        });
        let lanes = Lanes::new(lanes.collect::<Result<Vec<_>, _>>()?);
        let private = memory
            .saturating_add(OWN_BYTES)
            .saturating_add(THREAD_BYTES * u64::from(layout.lanes));
        let addresses = private.saturating_add(down_bytes).saturating_add(up_bytes);
        let [jail, infer] = HELPER;
        let (layout_text, spin) = (layout.to_argument(), setup.spin.as_micros().to_string());
        let library = library()?;
        let alone = [jail, infer, &library, &layout_text, &spin];
        let (arguments, forked) = match nursery {
            Some(nursery) => (alone.get(3..).unwrap_or_default(), Some(nursery)),
            None => (&alone[..], None),
        };
        let job = Job {
            arguments,
            bounds: Bounds {
                memory_bytes: addresses.saturating_add(ADDRESSES),
                private_bytes: private,
                result_bytes: 1 << 20,
                time: Duration::MAX,
            },
            strength: setup.strength,
        };
        let handed = Handed {
            input: for_reading(&down)?,
            output: up.try_clone()?,
        };
        let program: Option<&Path> = setup.program.as_deref();
        let started = match forked {
            Some(nursery) => nursery.fork(&job, &handed),
            None => Resident::start(&job, program, &ENVIRONMENT, handed),
        };
        let process = started.map_err(|error| io::Error::other(causes(&error)))?;
        Ok(Self {
            process,
            down,
            up,
            layout,
            own,
            places: Arc::new(Shared(Arc::clone(&tensors))),
            tensors,
            instance: None,
            spins: !setup.spin.is_zero(),
            lanes,
            gone: OnceLock::new(),
            graphs: AtomicU32::new(0),
            loading: Mutex::new(()),
        })
    }

    /// Waits until it is confined and listens.
    pub(crate) fn ready(&self, deadline: Option<Deadline>) -> Result<(), Lost> {
        let own = Deadline::after(START);
        let mut lane = self.take(deadline)?;
        let until = deadline.map_or(own, |deadline| deadline.min(own));
        self.hear(&mut lane, false, Late::Leave, Some(until))
    }

    /// What becomes of it when an inference does not stop at its deadline.
    #[inline]
    pub(crate) fn when_late(&self) -> Late {
        if self.instance.is_some() {
            Late::End
        } else {
            Late::Park
        }
    }

    /// The process.
    pub fn process(&self) -> &Resident {
        &self.process
    }

    /// Asks for nothing, and waits for the answer: what it takes to be heard and to hear. False if it is gone.
    pub fn echo(&self) -> bool {
        let echoed = self.take(None).and_then(|mut lane| {
            let begun = self.begin(true, None)?;
            let request = [wire::ECHO, begun.spins.into()];
            self.ask(&mut lane, &request, begun.spins, Late::End, None)
        });
        echoed.is_ok()
    }

    /// Why it is gone; none while it is there.
    pub(crate) fn gone(&self) -> Option<&str> {
        if self.gone.get().is_none()
            && let Some(ended) = self.process.ended()
        {
            self.gone.set(ended.to_string()).ok();
        }
        self.gone.get().map(String::as_str)
    }

    /// Where its host's tensors are best put; none once it is gone.
    pub(crate) fn places(&self) -> Option<Arc<dyn Places>> {
        let there = self.layout.tensors > 0 && self.gone.get().is_none();
        there.then(|| Arc::clone(&self.places))
    }

    /// Where in its place for tensors these bytes are, if they are.
    #[inline]
    pub(crate) fn place_of(&self, bytes: &[u8]) -> Option<usize> {
        let at = self.own.place_of(bytes)?;
        (at as u64 + bytes.len() as u64 <= self.layout.tensors).then_some(at)
    }

    /// From now on it is an instance's.
    pub(crate) fn of_instance(self) -> Self {
        let mut own = self;
        own.instance = Cores::new().ok().map(|cores| Instance {
            player: Player::new(),
            cores,
        });
        own
    }

    /// Prepares for a request. One that is answered quickly is waited for spinning, on another core. For the others this
    /// thread and an instance's helper share a core, once it is the helper's turn.
    #[inline]
    pub(crate) fn begin(&self, quick: bool, deadline: Option<Deadline>) -> Result<Begun<'_>, Lost> {
        let quick = quick && self.spins;
        let Some(instance) = &self.instance else {
            return Ok(Begun {
                spins: quick,
                _turn: None,
            });
        };
        if let Some(gone) = self.gone.get() {
            return Err(Lost::Gone(gone.clone()));
        }
        if quick && !instance.player.is_crowded() {
            instance.cores.free(&self.process);
            return Ok(Begun {
                spins: true,
                _turn: None,
            });
        }
        let turn = instance.player.turn(deadline)?;
        let shared = instance.cores.share(&self.process, turn.core);
        Ok(Begun {
            spins: false,
            _turn: Some((shared, turn)),
        })
    }

    /// Lets the system choose where it runs.
    pub(crate) fn place_anywhere(&self) {
        if let Some(instance) = &self.instance {
            instance.cores.free(&self.process);
        }
    }

    /// A number for a graph that no other graph of the helper has.
    pub(crate) fn next_graph(&self) -> u32 {
        self.graphs.fetch_add(1, Ordering::Relaxed)
    }

    /// Puts a model in its place for as long as `load` runs.
    pub(crate) fn with_model<T>(
        &self,
        bytes: &[u8],
        load: impl FnOnce() -> Result<T, Lost>,
    ) -> Result<T, Lost> {
        let _one = lock(&self.loading);
        if bytes.len() as u64 > self.layout.model {
            return Err(Lost::TooLarge);
        }
        let failed = |error: io::Error| Lost::Gone(error.to_string());
        self.down.write_all_at(bytes, 0).map_err(failed)?;
        let loaded = load();
        // What is not given back is written over by the next model.
        give_back(&self.down, 0, self.layout.model).ok();
        loaded
    }

    /// Takes a lane, and waits for one if all are taken.
    #[inline]
    pub(crate) fn take(&self, deadline: Option<Deadline>) -> Result<Taken<'_>, Lost> {
        if self.lanes.take_back().is_some_and(|owed| owed > OWED) {
            // Not for this caller's deadline.
            self.end_late();
            return Err(Lost::Gone(TOO_LATE.to_owned()));
        }
        self.lanes.take(deadline).ok_or(Lost::Late)
    }

    /// Sends a request and waits for the answer, until the deadline and a little time in which it can end by itself.
    #[inline]
    pub(crate) fn ask(
        &self,
        lane: &mut Taken<'_>,
        request: &[u32],
        spins: bool,
        late: Late,
        deadline: Option<Deadline>,
    ) -> Result<(), Lost> {
        if let Some(gone) = self.gone.get() {
            return Err(Lost::Gone(gone.clone()));
        }
        if !lane.send(request) {
            return Err(Lost::TooLarge);
        }
        self.hear(lane, spins, late, deadline)
    }

    #[inline]
    fn hear(
        &self,
        lane: &mut Taken<'_>,
        spins: bool,
        late: Late,
        deadline: Option<Deadline>,
    ) -> Result<(), Lost> {
        let mut looked = false;
        let mut over: Option<Instant> = None;
        let heard = lane.wait(spins, || {
            if looked && self.gone().is_some() {
                return None;
            }
            looked = true;
            let left = deadline.map_or(LOOK, |deadline| deadline.left());
            if !left.is_zero() {
                return Some(left.min(LOOK));
            }
            let over = *over.get_or_insert_with(Instant::now);
            let grace = GRACE.saturating_sub(over.elapsed());
            (!grace.is_zero()).then_some(grace.min(LOOK))
        });
        if !heard {
            return Err(match self.gone() {
                Some(gone) => Lost::Gone(gone.to_owned()),
                None => match late {
                    Late::End => self.end_late(),
                    Late::Park => {
                        lane.park();
                        Lost::Late
                    }
                    Late::Leave => Lost::Late,
                },
            });
        }
        let mut answer = std::mem::take(&mut lane.answer);
        let received = lane.receive(&mut answer);
        lane.answer = answer;
        if received {
            Ok(())
        } else {
            Err(self.garbled())
        }
    }

    #[cold]
    fn end_late(&self) -> Lost {
        self.end(TOO_LATE);
        Lost::Ended
    }

    /// Ends it because of an answer that is none.
    #[cold]
    pub(crate) fn garbled(&self) -> Lost {
        let why = "its helper process gave an answer that is none, and was ended";
        self.end(why);
        Lost::Gone(why.to_owned())
    }

    fn end(&self, why: &str) {
        self.gone.set(why.to_owned()).ok();
        self.process.end();
    }

    /// Gives memory back that a large inference on a lane has used, which reached to these bytes of each part.
    #[inline]
    pub(crate) fn trim(&self, lane: &Taken<'_>, down: usize, up: usize) {
        if down.max(up) > KEPT_BYTES {
            self.trim_large(lane.index(), down, up);
        }
    }

    #[cold]
    fn trim_large(&self, lane: usize, down: usize, up: usize) {
        let Layout { model, tensors, .. } = self.layout;
        let parts = [
            (&self.down, model + tensors, self.layout.down, down),
            (&self.up, 0, self.layout.up, up),
        ];
        for (file, begin, part, used) in parts {
            // What a helper says may reach beyond its part.
            let used = used.min(usize::try_from(part).unwrap_or(usize::MAX));
            if let Some(more) = used.checked_sub(KEPT_BYTES).filter(|&more| more > 0) {
                let lane = begin + part * lane as u64;
                // If it fails, the memory stays until the helper ends.
                give_back(file, lane + KEPT_BYTES as u64, more as u64).ok();
            }
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What is under these locks is whole at each step, so a panic does not break it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn to_size(bytes: u64) -> io::Result<usize> {
    usize::try_from(bytes).map_err(io::Error::other)
}
