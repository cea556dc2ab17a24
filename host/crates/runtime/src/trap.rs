//! What is said of a guest that trapped: its own last words, the trap, and where it was.
//!
//! All of it is bounded, whatever the guest's names and words are. Frames of Rust's own panicking are
//! left out, and so are frames without a name, whose numbers say nothing to the guest's author.

use std::fmt::{self, Write};

use wasmtime::{ThrownException, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use crate::{
    GuestFault,
    limits::FAULT_BYTES,
    state::State,
    text::{cut, shorten},
};

/// Frames that are shown, innermost first.
const MOST_FRAMES: usize = 8;
/// How much of a frame's name is shown, in bytes.
const NAME_BYTES: usize = 96;
/// How much is shown of what a guest said, in bytes.
pub(crate) const SAID_BYTES: usize = 4096;

/// What the functions between a panic of Rust's and its trap have in their names.
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
        // Nothing of the guest's was running: it had returned, and its result was read.
        return GuestFault::Answer { reason };
    }
    let mut words = match (state.has_panicked(), trap) {
        // The panic says why, and that it ends in a trap goes without saying.
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

/// The causes of an error, outermost first, without its backtrace, in few [`FAULT_BYTES`].
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
    // What is cut off is the innermost cause, which says most.
    let innermost = cut(error.root_cause(), FAULT_BYTES);
    format!("{innermost} ({})", shorten(text, FAULT_BYTES))
}

/// The named functions that the guest was in, innermost first; none where there are no names.
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

/// A function's name as its source has it, without the hash of Rust's, and cut off.
fn demangled(name: &str) -> String {
    let mut short = Short(String::new());
    // It stops where there is no more room, however long the name would become.
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
