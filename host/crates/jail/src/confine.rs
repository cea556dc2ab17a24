//! How a process confines itself. It must have one thread: what holds for it holds for those that it starts.
#![allow(
    unsafe_code,
    reason = "closing descriptors that nothing owns; the block says why it is sound"
)]

use std::io;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetStatus,
    Scope,
};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getrlimit, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit, setsid,
};

use crate::{Bounds, Layer, Missing, filter};

/// Descriptors that a helper may have open: the three that it was handed, and a few for its libraries.
const OPEN_FILES: u64 = 16;

/// The newest Landlock that is asked for; what the kernel lacks of it is left out.
const LANDLOCK: ABI = ABI::V6;

/// The layers that a process can have while it still loads libraries.
pub(crate) const FIRST: [Layer; 5] = [
    Layer::DiesWithHost,
    Layer::OwnSession,
    Layer::NoNewPrivileges,
    Layer::Descriptors,
    Layer::NotDumpable,
];

/// The others.
pub(crate) const REST: [Layer; 3] = [Layer::Limits, Layer::Landlock, Layer::Seccomp];

/// Puts these layers on this process. Gives those that the machine lacks.
pub(crate) fn confine(layers: &[Layer], bounds: &Bounds) -> Vec<Missing> {
    let mut missing = Vec::new();
    for &layer in layers {
        if let Err(reason) = put_on(layer, bounds) {
            missing.push(Missing { layer, reason });
        }
    }
    missing
}

fn put_on(layer: Layer, bounds: &Bounds) -> Result<(), String> {
    let words = |error: rustix::io::Errno| error.to_string();
    match layer {
        Layer::DiesWithHost => set_parent_process_death_signal(Some(Signal::KILL)).map_err(words),
        Layer::OwnSession => setsid().map(drop).map_err(words),
        Layer::NoNewPrivileges => rustix::thread::set_no_new_privs(true).map_err(words),
        Layer::Descriptors => close_others().map_err(|error| error.to_string()),
        Layer::Limits => limit(bounds).map_err(words),
        Layer::NotDumpable => set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(words),
        Layer::Landlock => landlock(),
        Layer::Seccomp => filter::put_on(),
    }
}

/// Closes all descriptors but the three of the standard streams: some may have come down from the host's parent.
fn close_others() -> io::Result<()> {
    // SAFETY: this process has just started, or was just forked, and serves nothing yet: nothing in it that goes on
    // owns a descriptor above those of the standard streams. What a library has opened it loses, and would see an error.
    let closed = unsafe { libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, 0) };
    if closed == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn limit(bounds: &Bounds) -> Result<(), rustix::io::Errno> {
    let most = |resource, most: u64| {
        // The host itself may be held to less.
        let most = Some(
            getrlimit(resource)
                .maximum
                .map_or(most, |now| now.min(most)),
        );
        let limit = Rlimit {
            current: most,
            maximum: most,
        };
        setrlimit(resource, limit)
    };
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u64);
    most(Resource::As, bounds.memory_bytes)?;
    most(Resource::Data, bounds.private_bytes)?;
    most(Resource::Fsize, bounds.result_bytes)?;
    most(Resource::Nofile, OPEN_FILES)?;
    most(Resource::Core, 0)?;
    // On all cores for as long as it may take; the host ends it before that. The kernel counts in nanoseconds, and
    // what is more than these hold is no bound.
    let seconds = bounds
        .time
        .as_secs()
        .saturating_add(1)
        .saturating_mul(cores);
    if seconds > u32::MAX.into() {
        return Ok(());
    }
    most(Resource::Cpu, seconds)
}

/// Landlock and the filter of system calls hold for this thread and for those that it starts, not for others.
pub(crate) fn alone() -> Result<(), String> {
    let threads = std::fs::read_dir("/proc/self/task").map_err(|error| error.to_string())?;
    match threads.count() {
        1 => Ok(()),
        more => Err(format!("the helper has {more} threads already")),
    }
}

fn landlock() -> Result<(), String> {
    alone()?;
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK))
        .and_then(|rules| rules.handle_access(AccessNet::from_all(LANDLOCK)))
        .and_then(|rules| rules.scope(Scope::from_all(LANDLOCK)))
        .and_then(|rules| rules.create())
        .and_then(|rules| rules.restrict_self())
        .map_err(|error| error.to_string())?;
    match status.ruleset {
        RulesetStatus::NotEnforced => {
            Err("this kernel has none, or has it switched off".to_owned())
        }
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
    }
}
