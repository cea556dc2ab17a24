//! All errors of the crate. A guest's fault has a type of its own, since only that is a reason to distrust
//! the guest.

use std::time::Duration;

use tollgate_services::{FAULT_BYTES, Limit, text::cut};

/// A failure of this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The engine could not be set up.
    #[error("cannot set the engine up: {reason}")]
    Engine {
        /// What Wasmtime, or the system, said.
        reason: String,
    },

    /// The address space is too small for the instances that must run at once.
    #[error(
        "{instances} instances at once do not fit into the address space, of which this process may reserve \
         {space_bytes} bytes: {fitting} do"
    )]
    NoRoom {
        /// Instances that there must be room for.
        instances: u32,
        /// Instances that there is room for.
        fitting: u32,
        /// The size of the address space, as far as it was measured.
        space_bytes: u64,
    },

    /// The bytes are not a component.
    #[error("not a component: {what}; {advice}")]
    NotAComponent {
        /// What they are instead.
        what: &'static str,
        /// What to do.
        advice: &'static str,
    },

    /// It is not valid, or not compilable.
    #[error("not a valid {what}: {reason}")]
    Invalid {
        /// A component or a core module.
        what: &'static str,
        /// What Wasmtime said.
        reason: String,
    },

    /// The component exports no world that is accepted.
    #[error(
        "a component of another world: it exports {exports}; expected `tollgate:plugin/handler@0.1.0` \
         or `tollgate:plugin-async/handler@0.1.0` (a plugin), or `wasi:cli/run` of WASI 0.2 or 0.3 (a \
         command)"
    )]
    WrongWorld {
        /// The names of its exports.
        exports: String,
    },

    /// The core module exports no entry that is accepted.
    #[error(
        "a core module of no world that can be run: it exports {exports}; expected `handle` (a preview1 \
         plugin) or `_start` (a preview1 command); a component's core module needs to be encoded as one"
    )]
    WrongModule {
        /// The names of its exports.
        exports: String,
    },

    /// The component is of the other world.
    #[error("the component is {is}, not {wanted}")]
    OtherWorld {
        /// What it is.
        is: &'static str,
        /// What it was used as.
        wanted: &'static str,
    },

    /// It imports something that is not offered, or not with that type.
    #[error("it imports what this host does not offer: {reason}")]
    Imports {
        /// Which, of what type, and what is offered.
        reason: String,
    },

    /// It does not export a function of this name and type.
    #[error("it exports no function `{name}` of the expected type: {reason}")]
    Export {
        /// The function's name.
        name: String,
        /// What was expected and what is there, or what Wasmtime said.
        reason: String,
    },

    /// It exited while it was being started, like a program that has ended.
    #[error(
        "it exited with code {code} while it was being started: a plugin comes back from its start and waits for \
         frames"
    )]
    Exited {
        /// Its exit code.
        code: i32,
    },

    /// An instance could not be made.
    #[error("cannot make an instance: {reason}")]
    Instantiate {
        /// What Wasmtime said.
        reason: String,
        /// The limit that it is about, if it is about one.
        limit: Option<Limit>,
    },

    /// A granted directory could not be opened.
    #[error("cannot grant the directory `{path}`: {reason}")]
    Directory {
        /// The directory on the host.
        path: String,
        /// What the system said.
        reason: String,
    },

    /// The instance trapped before, and its state cannot be trusted.
    #[error("the instance was used again after a trap: take a new one")]
    Poisoned,

    /// What `tollgate-wasm` refused before it was compiled.
    #[error(transparent)]
    Wasm(#[from] tollgate_wasm::Error),

    /// The guest's fault.
    #[error(transparent)]
    Guest(#[from] GuestFault),

    /// An error of `tollgate-nn`.
    #[error(transparent)]
    Nn(#[from] tollgate_nn::Error),
}

/// How a guest's call failed. The instance is lost; the host and its other instances are not affected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuestFault {
    /// It ran out of time.
    #[error("the guest was stopped: its deadline of {after:?} passed")]
    Deadline {
        /// The time until the deadline.
        after: Duration,
    },

    /// It reached a limit and could not go on.
    #[error("the guest ran into a limit: {what} ({trap})")]
    Limit {
        /// Which limit.
        limit: Limit,
        /// What it bounds, how much is allowed and how much was asked for.
        what: String,
        /// How it ended.
        trap: String,
    },

    /// It trapped.
    #[error("the guest trapped: {}", trapped(said, reason))]
    Trap {
        /// Its own message: the text of its panic, or the end of what it wrote to standard error; empty if
        /// there is none.
        said: String,
        /// The trap, the functions that it was in as far as they have names, and what the host last
        /// refused in this call.
        reason: String,
        /// The limit because of which the host refused it.
        limit: Option<Limit>,
    },

    /// It returned a value that its type does not allow.
    #[error(
        "the guest's answer cannot be read: {reason}; its handler has to return what its world says"
    )]
    Answer {
        /// What is wrong with it.
        reason: String,
    },
}

/// The guest's own message comes first: it says why, the trap says only how.
fn trapped(said: &str, reason: &str) -> String {
    match (said, reason) {
        ("", reason) => reason.to_owned(),
        (said, "") => said.to_owned(),
        (said, reason) => format!("{said} ({reason})"),
    }
}

impl Error {
    /// The limit that the guest reached, or may have reached.
    pub fn limit(&self) -> Option<Limit> {
        match self {
            Error::Guest(GuestFault::Limit { limit, .. }) => Some(*limit),
            Error::Guest(GuestFault::Trap { limit, .. }) | Error::Instantiate { limit, .. } => {
                *limit
            }
            _ => None,
        }
    }
}

/// All of a Wasmtime error's causes, outermost first, in at most [`FAULT_BYTES`].
pub(crate) fn reason(error: &wasmtime::Error) -> String {
    let text = cut(&format_args!("{error:#}"), FAULT_BYTES);
    if text.len() <= FAULT_BYTES {
        return text;
    }
    // Cutting removed the innermost cause, which says most.
    format!("{} ({text})", cut(error.root_cause(), FAULT_BYTES))
}
