//! What a panic says: its text with the place that it came from, the same in the sandbox and in the
//! twin. A trap carries no words, and what unwinds carries no place.

use std::panic::PanicHookInfo;

/// One sentence.
pub fn words(panic: &PanicHookInfo<'_>) -> String {
    let said = panic.payload_as_str().unwrap_or("without a message");
    match panic.location() {
        Some(place) => format!("panicked at {place}: {said}"),
        None => format!("panicked: {said}"),
    }
}
