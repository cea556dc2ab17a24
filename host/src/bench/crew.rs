//! The threads of a benchmark: each owns a twin and a lane, kept warm from window to window, and does
//! what it is told for one window at a time. The instances of an entrant lie on one stack; a frame goes
//! to the one that was used last.
//!
//! There are no more threads than cores: more would only take the cores from each other in the middle of
//! a frame. Only where inferences are merged are there as many as frames under way, since they are merged
//! while they wait for each other.
//!
//! What is made once is made in the first window that needs it, which is a warm-up. Between
//! windows everybody waits, so nothing but the entrant whose turn it is uses the machine.

use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

use tollgate_nn::{ErrorCode, clock::Budget};
use tollgate_runtime::{
    Counts, Error as RuntimeError, GuestFault, Ledger, Record, Stages, Twin, TwinRecord,
    clock::{Deadline, Stamp},
};

use super::{
    Error,
    native::Native,
    record::Path,
    rig::{Entrant, Rig},
};
use crate::{
    dispatch::{Queues, Turn},
    interrupt::Interrupt,
};
use tollgate_report::Tally;

/// What a member of the crew does in a window.
#[derive(Clone)]
pub(super) enum Work {
    /// What the clients send until that moment.
    Closed { clients: Arc<Clients>, until: Stamp },
    /// What the queue has, until it is closed.
    Queue(Arc<Queues<Arrival>>),
}

/// Clients in a closed loop: each sends its next frame the moment it has the answer to its last. Kept
/// are the moments when the frames that wait were sent, the oldest first.
///
/// A client is no thread of its own, so that however many there are, no thread waits for another one's
/// core in the middle of a frame.
#[derive(Debug)]
pub(super) struct Clients(Mutex<VecDeque<Stamp>>);

impl Clients {
    /// So many, all of whom send now.
    pub(super) fn new(count: usize) -> Self {
        let now = Stamp::now();
        Self(Mutex::new(vec![now; count].into()))
    }

    /// When the frame was sent whose turn it is; none where all are being worked on.
    fn next(&self) -> Option<Stamp> {
        self.lock().pop_front()
    }

    /// A client has its answer, and sends its next frame.
    fn answered(&self) {
        let mut waiting = self.lock();
        waiting.push_back(Stamp::now());
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Stamp>> {
        // Every critical section leaves the queue whole at each step.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A frame that was due at a moment, whoever is ready for it.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) due: Stamp,
    pub(super) query: Option<Arc<Query>>,
}

/// Several frames that are one query.
#[derive(Debug)]
pub(super) struct Query {
    left: Mutex<(usize, Stamp)>,
    bell: Condvar,
}

impl Query {
    pub(super) fn of(frames: usize) -> Self {
        Self {
            left: Mutex::new((frames, Stamp::default())),
            bell: Condvar::new(),
        }
    }

    /// One of its frames is done, well or not.
    pub(super) fn one_done(&self) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        *left = (left.0.saturating_sub(1), Stamp::now());
        if left.0 == 0 {
            self.bell.notify_all();
        }
    }

    /// Waits for the last one, for so long at most; gives the moment when it was done.
    pub(super) fn wait(&self, at_most: Duration) -> Option<Stamp> {
        let left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self
            .bell
            .wait_timeout_while(left, at_most, |left| left.0 > 0);
        let (left, waited) = done.unwrap_or_else(PoisonError::into_inner);
        (!waited.timed_out()).then_some(left.1)
    }
}

/// An order for one window.
struct Order {
    entrant: usize,
    work: Work,
    bound_ns: Option<u64>,
}

/// What one member did in one window.
pub(super) struct Share {
    pub(super) tally: Tally,
    pub(super) in_bound: u64,
    pub(super) failed: u64,
    pub(super) timed_out: u64,
    /// From its first frame to its last, in seconds.
    pub(super) seconds: f64,
    /// Why the first frame failed that did.
    pub(super) failure: Option<String>,
}

/// The threads.
pub struct Crew {
    rig: Arc<Rig>,
    members: Vec<Member>,
    /// The next frame, counted over all members.
    next: Arc<AtomicUsize>,
    interrupt: Interrupt,
}

struct Member {
    /// Gone when the crew is dismissed, which the thread takes as its end.
    orders: Option<SyncSender<Order>>,
    shares: Receiver<Result<Share, RuntimeError>>,
    thread: Option<JoinHandle<()>>,
}

impl Crew {
    /// A crew without threads yet, which are started as windows need them. A signal ends windows early.
    pub fn new(rig: Arc<Rig>, interrupt: Interrupt) -> Self {
        Self {
            rig,
            members: Vec::new(),
            next: Arc::default(),
            interrupt,
        }
    }

    /// What ends windows early.
    pub(super) fn interrupt(&self) -> Interrupt {
        self.interrupt.clone()
    }

    /// Whether a signal asked for the end.
    pub fn is_interrupted(&self) -> bool {
        self.interrupt.is_raised()
    }

    /// What it works on.
    pub fn rig(&self) -> Arc<Rig> {
        Arc::clone(&self.rig)
    }

    /// Gives the first so many members their order for a window.
    pub(super) fn order(
        &mut self,
        members: usize,
        entrant: usize,
        bound_ns: Option<u64>,
        work: &Work,
    ) -> Result<(), Error> {
        while self.members.len() < members {
            let member = self.hire()?;
            self.members.push(member);
        }
        for member in self.members.iter().take(members) {
            let order = Order {
                entrant,
                work: work.clone(),
                bound_ns,
            };
            let orders = member.orders.as_ref().ok_or(Error::Died)?;
            orders.send(order).map_err(|_| Error::Died)?;
        }
        Ok(())
    }

    /// Waits for the shares of the first so many members.
    pub(super) fn gather(&self, members: usize) -> Result<Vec<Share>, Error> {
        let members = self.members.iter().take(members);
        // All are waited for before an error is told, so that the next window finds them idle.
        let shares: Vec<_> = members.map(|member| member.shares.recv()).collect();
        let shares = shares.into_iter().map(|share| match share {
            Ok(share) => share.map_err(Error::Worker),
            Err(_) => Err(Error::Died),
        });
        shares.collect()
    }

    fn hire(&self) -> Result<Member, Error> {
        let (orders, inbox) = sync_channel(1);
        let (outbox, shares) = sync_channel(1);
        let (rig, next) = (Arc::clone(&self.rig), Arc::clone(&self.next));
        let interrupt = self.interrupt.clone();
        let thread = Builder::new()
            .name(format!("bench-{}", self.members.len()))
            .spawn(move || serve(&rig, &next, &interrupt, &inbox, &outbox))
            .map_err(Error::Spawn)?;
        Ok(Member {
            orders: Some(orders),
            shares,
            thread: Some(thread),
        })
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        for member in &mut self.members {
            member.orders = None;
        }
        for member in &mut self.members {
            // A member that panicked has said so itself.
            member.thread.take().map(JoinHandle::join);
        }
    }
}

/// A member's life.
fn serve(
    rig: &Rig,
    next: &AtomicUsize,
    interrupt: &Interrupt,
    orders: &Receiver<Order>,
    shares: &SyncSender<Result<Share, RuntimeError>>,
) {
    let mut runners = BTreeMap::new();
    for order in orders {
        let share = window(rig, next, interrupt, &mut runners, order);
        if shares.send(share).is_err() {
            return;
        }
    }
}

fn window(
    rig: &Rig,
    next: &AtomicUsize,
    interrupt: &Interrupt,
    runners: &mut BTreeMap<usize, Runner>,
    order: Order,
) -> Result<Share, RuntimeError> {
    let Some(entrant) = rig.entrants.get(order.entrant) else {
        return Err(RuntimeError::Poisoned);
    };
    let mut share = Share::new()?;
    let runner = match runners.entry(order.entrant) {
        Entry::Occupied(slot) => slot.into_mut(),
        Entry::Vacant(slot) => slot.insert(Runner::new(rig, entrant)?),
    };
    let mut frame = |share: &mut Share, due: Stamp, deadline: Option<Deadline>| {
        let number = next.fetch_add(1, Ordering::Relaxed) % rig.parts.frames.len().max(1);
        let ran = runner.frame(rig, entrant, number, due, deadline);
        share.add(ran, order.bound_ns);
    };
    let begin = Stamp::now();
    match order.work {
        Work::Closed { clients, until } => {
            while Stamp::now() < until && !interrupt.is_raised() {
                // There are as many clients as members at least, so one of them waits.
                let Some(due) = clients.next() else { break };
                frame(&mut share, due, None);
                clients.answered();
            }
        }
        Work::Queue(queues) => {
            while let Some(turn) = queues.take() {
                if interrupt.is_raised() && turn.job().query.is_none() {
                    // The window is given up, and nobody waits for this frame.
                    continue;
                }
                let arrival = match turn {
                    Turn::Work(plugin, arrival, deadline) => {
                        let begin = Stamp::now();
                        frame(&mut share, arrival.due, deadline);
                        queues.done(plugin, Stamp::now().nanos_since(begin));
                        arrival
                    }
                    Turn::Refused(_, arrival, _) => {
                        share.timed_out += 1;
                        arrival
                    }
                };
                if let Some(query) = arrival.query {
                    query.one_done();
                }
            }
        }
    }
    share.seconds = Stamp::now().nanos_since(begin) as f64 / 1e9;
    Ok(share)
}

impl Share {
    fn new() -> Result<Self, RuntimeError> {
        let tally = Tally::new().map_err(|error| RuntimeError::Engine {
            reason: error.to_string(),
        })?;
        Ok(Self {
            tally,
            in_bound: 0,
            failed: 0,
            timed_out: 0,
            seconds: 0.0,
            failure: None,
        })
    }

    fn add(&mut self, ran: Ran, bound_ns: Option<u64>) {
        match ran.ended {
            Ended::Done => {
                self.tally.add(&ran.record, ran.twin.as_ref());
                self.in_bound +=
                    u64::from(bound_ns.is_some_and(|bound| ran.record.total_ns <= bound));
            }
            Ended::TimedOut => self.timed_out += 1,
            Ended::Failed(why) => {
                self.failed += 1;
                self.failure.get_or_insert(why);
            }
        }
    }
}

/// What came of a frame.
struct Ran {
    record: Record,
    twin: Option<TwinRecord>,
    ended: Ended,
}

enum Ended {
    Done,
    TimedOut,
    Failed(String),
}

/// What a member has for one entrant.
enum Runner {
    /// For each frame the one of the entrant's instances that was used last.
    Sandbox,
    Twin(Box<Twin>),
    Native(Box<Native>),
}

impl Runner {
    fn new(rig: &Rig, entrant: &Entrant) -> Result<Self, RuntimeError> {
        Ok(match (entrant.path, &entrant.native, &rig.parts.twin) {
            (Path::Native, Some(plan), _) => {
                Runner::Native(Box::new(Native::new(Arc::clone(plan), 1)?))
            }
            (Path::Twin, _, Some(library)) => {
                let parts = &rig.parts;
                let nn = entrant.nn.clone();
                Runner::Twin(Box::new(Twin::load(
                    library,
                    nn,
                    &parts.grants,
                    &parts.limits,
                )?))
            }
            _ => Runner::Sandbox,
        })
    }

    /// Takes one frame through; its time counts from the moment when it was due. Its own deadline,
    /// where it has one, ends a plugin and an inference; nothing ends a twin.
    fn frame(
        &mut self,
        rig: &Rig,
        entrant: &Entrant,
        number: usize,
        due: Stamp,
        deadline: Option<Deadline>,
    ) -> Ran {
        let Some(frame) = rig.parts.frames.get(number) else {
            return Ran {
                record: Record::default(),
                twin: None,
                ended: Ended::Failed("there is no such frame".to_owned()),
            };
        };
        match self {
            Runner::Sandbox => {
                let mut ledger = Ledger::open_at(due);
                ledger.start();
                // There are as many as members at least.
                let mut pool = match entrant.warm.take() {
                    Some(pool) => pool,
                    None => entrant.pool(&rig.parts),
                };
                let outcome = pool.handle_by(frame, deadline, &mut ledger);
                let record = ledger.close();
                entrant.warm.put(pool);
                let ended = match outcome {
                    Ok(Ok(_)) => Ended::Done,
                    Ok(Err(fault)) => Ended::Failed(tollgate_report::one_line(&fault)),
                    Err(error) => Ended::of(&error),
                };
                Ran {
                    record,
                    twin: None,
                    ended,
                }
            }
            Runner::Twin(twin) => {
                let begin = Stamp::now();
                let (outcome, ran) = twin.handle(frame);
                let ended = match outcome {
                    Ok(Ok(_)) => Ended::Done,
                    Ok(Err(fault)) => Ended::Failed(tollgate_report::one_line(&fault)),
                    Err(error) => Ended::of(&error),
                };
                Ran {
                    record: bare(due, begin, ran.infer_ns, entrant.inferences(number)),
                    twin: Some(ran),
                    ended,
                }
            }
            Runner::Native(native) => {
                let begin = Stamp::now();
                let own = Budget::new(rig.parts.limits.inference).from(begin);
                let deadline = deadline.map_or(own, |frame| frame.min(own));
                let (infer_ns, ended) = match native.run(number, Some(deadline)) {
                    Ok(infer_ns) => (infer_ns, Ended::Done),
                    Err(error) => (0, Ended::of(&RuntimeError::Nn(error))),
                };
                Ran {
                    record: bare(due, begin, infer_ns, entrant.inferences(number)),
                    twin: None,
                    ended,
                }
            }
        }
    }
}

impl Ended {
    fn of(error: &RuntimeError) -> Self {
        match error {
            RuntimeError::Guest(GuestFault::Deadline { .. }) => Ended::TimedOut,
            RuntimeError::Nn(error) if error.code() == ErrorCode::Timeout => Ended::TimedOut,
            other => Ended::Failed(tollgate_report::one_line(other)),
        }
    }
}

/// The record of a path that has no ledger: when it was due, when it began, what ONNX Runtime took.
fn bare(due: Stamp, begin: Stamp, infer_ns: u64, inferences: u64) -> Record {
    Record {
        stages: Stages {
            queue: begin.nanos_since(due),
            infer: infer_ns,
            ..Stages::default()
        },
        counts: Counts {
            inferences,
            ..Counts::default()
        },
        total_ns: Stamp::now().nanos_since(due),
        ..Record::default()
    }
}
