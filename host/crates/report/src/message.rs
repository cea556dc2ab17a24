//! Messages about failures: an error and its causes in one line.

use std::error::Error;

use crate::terminal;

/// The largest length of one failure message, in bytes: enough for a sentence and a backtrace. It
/// is limited because a guest chooses the length of its own faults.
pub const MESSAGE_BYTES: usize = 4096;

/// An error with its causes, in one line of bounded length, even if a guest's backtrace has several
/// lines.
pub fn one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        line.push_str(": ");
        line.push_str(&error.to_string());
        source = error.source();
    }
    in_one_line(&line)
}

/// A message in one line of bounded length.
pub fn in_one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    terminal::cut(&line, MESSAGE_BYTES)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot read `a`")]
    struct Outer(#[source] io::Error);

    #[test]
    fn an_error_is_one_line_with_all_its_causes() {
        let inner = io::Error::other("at 0:\n    1: there");
        assert_eq!(one_line(&Outer(inner)), "cannot read `a`: at 0: 1: there");
        let long = one_line(&io::Error::other("x".repeat(30_000_000)));
        assert!(long.len() < MESSAGE_BYTES + 40 && long.ends_with("bytes more"));
    }
}
