//! Standard output and error of a guest that are not connected to the host's: each line becomes a line of the
//! log, if one is granted, and the end of standard error is kept in case the guest traps.
//!
//! What is kept is bounded: of a line as much as the log shows, and of standard error the last [`KEPT`] bytes
//! of one call. Writing never fails, so a guest behaves the same with and without a log.

use std::{
    io, mem,
    sync::{Arc, Mutex},
};

use tollgate_services::{Log, LogLevel};

use crate::streams::{Sink, lock};

/// How many bytes of standard error are kept: enough for a message and a language runtime's backtrace.
const KEPT: usize = 4096;

/// Both streams of one instance.
#[derive(Clone)]
pub(crate) struct Stdio {
    pub(crate) output: Lines,
    pub(crate) errors: Lines,
}

impl Stdio {
    pub(crate) fn new(log: &Arc<Log>) -> Self {
        Self {
            output: Lines::new(log, "stdout", LogLevel::Info, 0),
            errors: Lines::new(log, "stderr", LogLevel::Warn, KEPT),
        }
    }

    /// A call is over: a line without an end ends here.
    pub(crate) fn flush(&self) {
        self.output.flush();
        self.errors.flush();
    }
}

/// One stream.
#[derive(Clone)]
pub(crate) struct Lines(Arc<Stream>);

struct Stream {
    log: Arc<Log>,
    /// The context of its lines in the log.
    name: &'static str,
    level: LogLevel,
    /// How much of its end is kept, in bytes.
    kept: usize,
    text: Mutex<Text>,
}

#[derive(Default)]
struct Text {
    /// The line that is being written, up to the bytes that the log shows.
    line: Vec<u8>,
    /// Bytes of that line that were not kept.
    left_out: usize,
    /// The end of what was written in this call.
    last: Vec<u8>,
}

impl Lines {
    fn new(log: &Arc<Log>, name: &'static str, level: LogLevel, kept: usize) -> Self {
        Self(Arc::new(Stream {
            log: Arc::clone(log),
            name,
            level,
            kept,
            text: Mutex::default(),
        }))
    }

    /// The end of what was written since the last time.
    pub(crate) fn take(&self) -> Vec<u8> {
        mem::take(&mut lock(&self.0.text).last)
    }

    fn flush(&self) {
        let mut text = lock(&self.0.text);
        if !text.line.is_empty() || text.left_out > 0 {
            self.0.end(&mut text);
        }
    }
}

impl Sink for Lines {
    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        let stream = &*self.0;
        let mut text = lock(&stream.text);
        text.keep(bytes, stream.kept);
        stream.log.written();
        let mut parts = bytes.split(|&byte| byte == b'\n').peekable();
        while let Some(part) = parts.next() {
            let Some(most) = stream.log.shows(stream.level) else {
                // Nothing of this stream is logged any more in this call: its level is not shown, or the
                // frame's limit is reached.
                text.line.clear();
                text.left_out = 0;
                break;
            };
            let room = most.saturating_sub(text.line.len());
            let (fits, rest) = part.split_at_checked(room).unwrap_or((part, &[]));
            text.line.extend_from_slice(fits);
            text.left_out = text.left_out.saturating_add(rest.len());
            if parts.peek().is_some() {
                stream.end(&mut text);
            }
        }
        Ok(())
    }
}

impl Stream {
    fn end(&self, text: &mut Text) {
        if text.left_out == 0 && text.line.last() == Some(&b'\r') {
            text.line.pop();
        }
        self.log
            .bytes(self.level, self.name, &text.line, text.left_out);
        text.line.clear();
        text.left_out = 0;
    }
}

impl Text {
    fn keep(&mut self, bytes: &[u8], most: usize) {
        let begin = bytes.len().saturating_sub(most);
        self.last
            .extend_from_slice(bytes.get(begin..).unwrap_or_default());
        let surplus = self.last.len().saturating_sub(most);
        self.last.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use tollgate_services::{Grants, Limits};

    use super::*;

    #[test]
    fn the_end_is_kept_and_nothing_is_refused() {
        let log = Arc::new(Log::new(&Grants::default(), &Limits::default()));
        let stdio = Stdio::new(&log);
        assert!(!log.unseen());
        stdio.errors.put(&[b'x'; 3 * KEPT]).unwrap();
        for _ in 0..3 {
            stdio.errors.put(b"the end").unwrap();
        }
        let last = stdio.errors.take();
        assert_eq!(last.len(), KEPT);
        assert!(last.ends_with(b"xthe endthe endthe end"));
        assert!(stdio.errors.take().is_empty());
        assert!(log.unseen());
    }
}
