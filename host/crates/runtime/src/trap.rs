//! The message about a guest that trapped: the guest's own last message, the trap, and the functions it was in.
//!
//! Its length is bounded, whatever names and messages the guest has. Frames of Rust's own panic code are left
//! out, and so are frames without a name, whose numbers do not help the guest's author.

use std::fmt::{self, Write};

use tollgate_services::{
    FAULT_BYTES,
    text::{cut, shorten},
};
use wasmtime::{ThrownException, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::{GuestFault, state::State};

/// How many frames are shown, innermost first.
const MOST_FRAMES: usize = 8;
/// The most bytes of a frame's name that are shown.
const NAME_BYTES: usize = 96;
/// The most bytes of a guest's own message that are shown.
pub(crate) const SAID_BYTES: usize = 4096;

/// Parts of the names of the functions between a Rust panic and its trap.
const PANICKING: [&str; 9] = [
    "core::panicking::",
    "std::panicking::",
    "panic_abort::",
    "rust_begin_unwind",
    "rust_panic",
    "__rust_",
    "unwrap_failed",
    "expect_failed",
    "core::slice::index::",
];

/// How a call ended that failed with this error.
pub(crate) fn ended(state: &State, error: &wasmtime::Error) -> GuestFault {
    let backtrace = error.downcast_ref::<WasmBacktrace>();
    let trap = error.downcast_ref::<Trap>();
    let exit = error.downcast_ref::<I32Exit>();
    let thrown = error.is::<ThrownException>();
    let reason = match exit {
        Some(exit) => format!("it exited with code {} instead of returning", exit.0),
        None if thrown => "it threw an exception and did not catch it".to_owned(),
        None => causes(error, backtrace),
    };
    if backtrace.is_none() && trap.is_none() && exit.is_none() && !thrown {
        // No guest code was running: the guest had returned, and its result was being read.
        return GuestFault::Answer { reason };
    }
    let mut words = match (state.has_panicked(), trap) {
        // The panic says why. Every panic ends in this trap, so the trap tells nothing more.
        (true, Some(Trap::UnreachableCodeReached)) => String::new(),
        _ => reason,
    };
    if let Some(place) = backtrace.and_then(frames) {
        let begin = if words.is_empty() { "in " } else { " in " };
        words.push_str(begin);
        words.push_str(&place);
    }
    if let Some(refused) = state.refused.words() {
        let begin = if words.is_empty() { "" } else { "; " };
        words.push_str(begin);
        words.push_str("the host's last refusal: ");
        words.push_str(&refused);
    }
    GuestFault::Trap {
        reason: words,
        said: state.last_words(),
        limit: state.refused.limit(),
    }
}

/// The causes of an error, outermost first, without its backtrace, in a small multiple of [`FAULT_BYTES`].
fn causes(error: &wasmtime::Error, backtrace: Option<&WasmBacktrace>) -> String {
    let backtrace = backtrace.map(ToString::to_string);
    let causes = error.chain().map(ToString::to_string);
    let causes: Vec<_> = causes
        .filter(|cause| Some(cause) != backtrace.as_ref())
        .map(|cause| match cause.strip_prefix("wasm trap: ") {
            Some(trap) => trap.to_owned(),
            None => cause,
        })
        .collect();
    let text = causes.join(": ");
    if text.len() <= FAULT_BYTES {
        return text;
    }
    // Cutting would remove the innermost cause, which says most.
    let innermost = cut(error.root_cause(), FAULT_BYTES);
    format!("{innermost} ({})", shorten(text, FAULT_BYTES))
}

/// The named functions that the guest was in, innermost first; none if there are no names.
fn frames(backtrace: &WasmBacktrace) -> Option<String> {
    let names = backtrace.frames().iter();
    let names = names.filter_map(|frame| Some(demangled(frame.func_name()?)));
    let names = names.skip_while(|name| is_panicking(name));
    let mut names: Vec<String> = names.take(MOST_FRAMES + 1).collect();
    if names.len() > MOST_FRAMES {
        names.pop();
        names.push("...".to_owned());
    }
    (!names.is_empty()).then(|| names.join(" < "))
}

fn is_panicking(name: &str) -> bool {
    name == "abort" || PANICKING.iter().any(|part| name.contains(part))
}

/// A function's name as in its source, without Rust's hash, and cut.
fn demangled(name: &str) -> String {
    let mut short = Short(String::new());
    // It stops at the size limit, however long the whole name would be.
    let _ = match rustc_demangle::try_demangle(name) {
        Ok(demangled) => write!(short, "{demangled:#}"),
        Err(_) => short.write_str(name),
    };
    short.0
}

/// Text of at most [`NAME_BYTES`].
struct Short(String);

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = NAME_BYTES.saturating_sub(self.0.len());
        let cut = text.floor_char_boundary(room);
        let (fits, rest) = text.split_at_checked(cut).unwrap_or((text, ""));
        self.0.push_str(fits);
        if rest.is_empty() {
            return Ok(());
        }
        self.0.push_str("...");
        Err(fmt::Error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_demangled_and_bounded() {
        let name = "_ZN6plugin5meter6decode17h0123456789abcdefE";
        assert_eq!(demangled(name), "plugin::meter::decode");
        assert_eq!(demangled("decode"), "decode");
        let long = demangled(&"é".repeat(NAME_BYTES));
        assert_eq!(long.len(), NAME_BYTES + 3);
        assert!(is_panicking("core::panicking::panic_fmt"));
        assert!(is_panicking("rust_begin_unwind"));
        assert!(!is_panicking("plugin::panicking"));
    }
}
