//! The text of a panic: its message and its place in the source, the same in the sandbox and in the
//! twin. It is recorded by a hook, since a trap carries no text, and an unwinding panic carries no
//! place.

use std::panic::PanicHookInfo;

/// One sentence.
pub fn words(panic: &PanicHookInfo<'_>) -> String {
    let said = panic.payload_as_str().unwrap_or("without a message");
    match panic.location() {
        Some(place) => format!("panicked at {place}: {said}"),
        None => format!("panicked: {said}"),
    }
}
