//! The path of a frame: a task is admitted to a queue, a worker takes it, the deployment's plugin handles
//! it, and its answer goes where the task says.
//!
//! Whoever has frames opens a line in [`Queues`] for a [`Deployment`], admits [`Task`]s to it and gets
//! each [`Answer`] by the task's own reply. [`Workers`] are threads that run any deployment, taking a warm
//! instance from its stack. Nothing here grows: lines are bounded, and a frame that cannot be served in
//! time is refused. It knows no files, no command line and no asynchronous runtime.

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
pub use handler::{Handler, Local};
pub use interrupt::{EXIT_CODE, Interrupt, REASON};
pub use queue::{LineId, Queues};
pub use task::{Answer, Failure, Handled, Success, Task, TwinRun};
pub use tollgate_nn::Priority;
pub use twinned::{Twins, WithTwin};
pub use workers::Workers;

/// The queues as workers take from them: tasks, and what handles them.
pub type TaskQueues = Queues<Task, std::sync::Arc<dyn Handler>>;
