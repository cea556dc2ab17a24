//! Standard input and output of a preview1 plugin: the frame is its input, its output is the frame's output, and
//! both streams are used again for the next frame. The other standard streams are in `lines`.
//!
//! The end of the frame is the end of the input. The size of the output is bounded: if it is reached, writing
//! fails in the guest. So a guest cannot use up the host's memory.

use std::{
    io, mem,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdinStream, StdoutStream},
    p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult},
};

/// The streams that a preview1 plugin's frames go through.
#[derive(Clone, Default)]
pub(crate) struct Streams {
    pub(crate) input: Input,
    pub(crate) output: Output,
}

impl Streams {
    /// Empty streams.
    pub(crate) fn new(output_bytes: usize) -> Self {
        Self {
            input: Input::default(),
            output: Output::new(output_bytes),
        }
    }
}

/// The receiver of the bytes that a guest writes.
pub(crate) trait Sink: Clone + Send + Sync + Unpin + 'static {
    /// Accepts all of them, or none.
    fn put(&self, bytes: &[u8]) -> io::Result<()>;
}

/// A sink as a standard stream for every version of WASI.
#[derive(Clone)]
pub(crate) struct Written<T>(pub(crate) T);

/// The bytes that the guest reads.
#[derive(Clone, Default)]
pub(crate) struct Input(Arc<Mutex<Bytes>>);

impl Input {
    /// Replaces the bytes that are left.
    pub(crate) fn fill(&self, bytes: Bytes) {
        *lock(&self.0) = bytes;
    }

    fn take(&self, most: usize) -> Bytes {
        let mut rest = lock(&self.0);
        let bytes = most.min(rest.len());
        rest.split_to(bytes)
    }
}

/// The bytes that the guest writes.
#[derive(Clone, Default)]
pub(crate) struct Output(Arc<Mutex<Bounded>>);

#[derive(Default)]
struct Bounded {
    bytes: Vec<u8>,
    limit: usize,
}

impl Output {
    fn new(limit: usize) -> Self {
        Self(Arc::new(Mutex::new(Bounded {
            bytes: Vec::new(),
            limit,
        })))
    }

    /// The bytes that were written since the last call.
    pub(crate) fn take(&self) -> Vec<u8> {
        mem::take(&mut lock(&self.0).bytes)
    }
}

impl Sink for Output {
    fn put(&self, bytes: &[u8]) -> io::Result<()> {
        let mut written = lock(&self.0);
        if bytes.len() > written.limit.saturating_sub(written.bytes.len()) {
            return Err(io::Error::new(
                io::ErrorKind::StorageFull,
                format!("a frame's output has at most {} bytes", written.limit),
            ));
        }
        written.bytes.extend_from_slice(bytes);
        Ok(())
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // The value is consistent at each step of every critical section, so a panic does not break it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl IsTerminal for Input {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for Input {
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Input {
    async fn ready(&mut self) {}
}

#[async_trait]
impl InputStream for Input {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let bytes = self.take(size);
        if bytes.is_empty() && size > 0 {
            return Err(StreamError::Closed);
        }
        Ok(bytes)
    }
}

impl AsyncRead for Input {
    fn poll_read(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buffer.put_slice(&self.take(buffer.remaining()));
        Poll::Ready(Ok(()))
    }
}

impl<T: Sink> IsTerminal for Written<T> {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl<T: Sink> StdoutStream for Written<T> {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl<T: Sink> Pollable for Written<T> {
    async fn ready(&mut self) {}
}

#[async_trait]
impl<T: Sink> OutputStream for Written<T> {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0
            .put(&bytes)
            .map_err(|error| StreamError::LastOperationFailed(error.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        // Each write is accepted or refused as a whole; this is only the largest size of one.
        Ok(1 << 20)
    }
}

impl<T: Sink> AsyncWrite for Written<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.0.put(bytes).map(|()| bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_ends_and_is_filled_again() {
        let input = Input::default();
        let mut guest = input.clone();
        for text in ["first", "second"] {
            input.fill(Bytes::copy_from_slice(text.as_bytes()));
            assert_eq!(guest.read(3).unwrap(), &text.as_bytes()[..3]);
            assert_eq!(guest.read(100).unwrap(), &text.as_bytes()[3..]);
            assert!(matches!(guest.read(1), Err(StreamError::Closed)));
        }
    }

    #[test]
    fn outputs_are_bounded() {
        let streams = Streams::new(8);
        streams.output.put(b"12345").unwrap();
        assert!(streams.output.put(b"6789").is_err());
        streams.output.put(b"678").unwrap();
        assert_eq!(streams.output.take(), b"12345678");
        assert_eq!(streams.output.take(), b"");
    }
}
