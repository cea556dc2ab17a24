//! The path of a frame: a task is admitted to a queue, a worker takes it, the deployment's plugin
//! handles it, and the task's reply receives the answer.
//!
//! A caller with frames opens a line in [`Queues`] for a [`Deployment`] and admits [`Task`]s to it.
//! It gets each [`Answer`] through the task's reply. [`Workers`] are threads that run any
//! deployment, with a warm instance from its stack. All memory is bounded: lines have a limit, and
//! a frame that cannot be served in time is refused. The crate knows no files, no command line and
//! no asynchronous runtime.

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
