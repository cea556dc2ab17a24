//! The path of a frame: a task is admitted to a queue, a worker takes it, the deployment's plugin
//! handles it, and the task's reply receives the answer.
//!
//! A caller with frames opens a line in [`Queues`] for a [`Deployment`] and admits [`Task`]s to it.
//! It gets each [`Answer`] through the task's reply. [`Workers`] are threads that run any
//! deployment, with a warm instance from its stack. All memory is bounded: lines have a limit, and
//! a frame that cannot be served in time is refused. The crate knows no files, no command line and
//! no asynchronous runtime.
//!
//! ```no_run
//! use std::{num::NonZero, sync::{Arc, mpsc}};
//! use tollgate_dispatch::{Admission, Deployment, Priority, Queues, Task, Workers};
//! use tollgate_nn::clock::Stamp;
//! use tollgate_services::Frame;
//!
//! # fn run(deployment: Deployment, frames: Vec<Frame>) -> Result<(), Box<dyn std::error::Error>> {
//! let queues = Arc::new(Queues::new(2));
//! let workers = Workers::start(Arc::clone(&queues), 2)?;
//! let admission = Admission {
//!     capacity: NonZero::new(64).ok_or("not zero")?,
//!     deadline: None,
//!     priority: Priority::Normal,
//! };
//! let line = queues.open(admission, Arc::new(deployment));
//!
//! let (sender, answers) = mpsc::channel();
//! for frame in frames {
//!     let sender = sender.clone();
//!     let reply = move |answer| drop(sender.send(answer));
//!     // A full line refuses at once, and gives the task back.
//!     if let Err((refusal, _task)) = queues.send(line, Task::new(frame, Stamp::now(), reply)) {
//!         eprintln!("{refusal}");
//!     }
//! }
//! drop(sender);
//! for answer in answers {
//!     println!("{}: {:?}", answer.source, answer.outcome.map(|done| done.outputs.len()));
//! }
//! drop(workers);
//! # Ok(())
//! # }
//! ```

mod admission;
mod deployment;
mod handler;
mod interrupt;
mod queue;
mod service;
mod stack;
mod task;
mod twinned;
mod workers;

pub use admission::{AGEING, Admission, Counts, Refusal};
pub use deployment::Deployment;
pub use handler::{Handler, Kept, Local};
pub use interrupt::{EXIT_CODE, Interrupt, REASON};
pub use queue::{LineId, Queues};
pub use task::{Answer, Failure, Handled, Success, Task, TwinRun};
pub use tollgate_nn::Priority;
pub use twinned::{Twins, WithTwin};
pub use workers::Workers;

/// The queues as workers use them: tasks, and what handles them.
pub type TaskQueues = Queues<Task, std::sync::Arc<dyn Handler>>;
