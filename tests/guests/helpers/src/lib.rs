//! A plugin that does nothing but run one of the SDK's picture helpers, as often as its frame says: what a
//! helper takes in the sandbox and natively, and whether both give the same bytes.
//!
//! A frame is one line of text and, for `jpeg`, the picture after it: `HELPER TIMES WIDTH HEIGHT CHANNELS` and
//! then what the helper takes besides (see `Job`). The picture that is worked on is noise, the same for each
//! shape, and kept from frame to frame, as are all buffers: measured is the helper and nothing else. Done once,
//! the result itself goes out; done more often, only a sum over it, so that no copy is measured.

mod work;

use tollgate_guest::{Fault, Frame, Output, Plugin};
use work::{Job, Work};

/// Pictures and buffers, kept.
#[derive(Default)]
pub struct Helpers(Work);

impl Plugin for Helpers {
    fn new() -> Result<Self, Fault> {
        Ok(Self::default())
    }

    fn handle(&mut self, frame: &Frame) -> Result<Vec<Output>, Fault> {
        let (line, rest) = match frame.data.iter().position(|&byte| byte == b'\n') {
            Some(end) => frame.data.split_at(end),
            None => (frame.data.as_slice(), [].as_slice()),
        };
        let line = String::from_utf8_lossy(line);
        let (job, times) = Job::parse(&line).ok_or_else(|| {
            Fault::InvalidFrame(format!(
                "expected `HELPER TIMES WIDTH HEIGHT CHANNELS ...`, got `{line}`: see the crate's job list"
            ))
        })?;
        let picture = rest.get(1..).unwrap_or_default();
        for _ in 0..times {
            self.0.run(&job, picture)?;
        }
        let result = self.0.result();
        Ok(vec![if times == 1 {
            Output::new("result", "application/octet-stream", result)
        } else {
            Output::new("sum", "text/plain", format!("{:016x}", sum(&result)))
        }])
    }
}

/// Tells most wrong results from right ones, at little cost.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let words = words.iter().fold(0u64, |sum, word| {
        sum.rotate_left(7) ^ u64::from_le_bytes(*word)
    });
    rest.iter()
        .fold(words, |sum, &byte| sum.rotate_left(7) ^ u64::from(byte))
}

tollgate_guest::export!(Helpers);
