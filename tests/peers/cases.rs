//! The protocol of `cargo xtask conformance`'s servers: one case after the other over standard input
//! and output.
//!
//! A server starts with the version of its ONNX Runtime as one line. From then on each frame on its
//! standard input, a length (32 bits, little-endian) and that many bytes, is answered by a byte, a
//! length and that many bytes: 0 and the plugin's outputs, each with its length before it; 1 and the
//! words of a fault; 2 and the words of a trap. It ends with its input. Our server and each peer's
//! include this very file, which knows the standard library alone. What a frame holds, and whether
//! an answer is right, is not its business.

use std::io::{self, BufWriter, ErrorKind, Read, Write};

/// What came of one case.
pub enum Answer {
    /// The plugin's outputs, in order.
    Outputs(Vec<Vec<u8>>),
    /// The plugin refused the case.
    Fault(String),
    /// The plugin did not come back.
    Trap(String),
}

/// Answers every frame on standard input with what `run` makes of it.
///
/// # Errors
///
/// Standard input ends within a frame, standard output is gone, or an answer has 4 GiB or more.
pub fn serve(version: &str, mut run: impl FnMut(Vec<u8>) -> Answer) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    writeln!(out, "{version}")?;
    out.flush()?;
    let mut input = io::stdin().lock();
    while let Some(data) = frame(&mut input)? {
        let (kind, words) = match run(data) {
            Answer::Outputs(outputs) => (0, counted(&outputs)?),
            Answer::Fault(words) => (1, words.into_bytes()),
            Answer::Trap(words) => (2, words.into_bytes()),
        };
        out.write_all(&[kind])?;
        out.write_all(&length(&words)?)?;
        out.write_all(&words)?;
        out.flush()?;
    }
    Ok(())
}

/// The next frame; none where the input has ended.
fn frame(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let mut data = vec![0; u32::from_le_bytes(length) as usize];
    input.read_exact(&mut data)?;
    Ok(Some(data))
}

fn counted(outputs: &[Vec<u8>]) -> io::Result<Vec<u8>> {
    let mut written = Vec::new();
    for output in outputs {
        written.extend_from_slice(&length(output)?);
        written.extend_from_slice(output);
    }
    Ok(written)
}

fn length(bytes: &[u8]) -> io::Result<[u8; 4]> {
    let length = u32::try_from(bytes.len())
        .map_err(|_| io::Error::other("expected less than 4 GiB in one answer"))?;
    Ok(length.to_le_bytes())
}
