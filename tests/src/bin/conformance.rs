//! Our side of `cargo xtask conformance`: runs one case after the other, each in an instance of its
//! own, at default limits.
//!
//! It takes the shared library of ONNX Runtime and the guest (`tests/guests/conformance`), and writes
//! the library's version as one line. From then on each frame on its standard input, a length (32
//! bits, little-endian) and as many bytes, is answered by a byte, a length and as many bytes: 0 and
//! the plugin's outputs, each with its length before it; 1 and the words of a fault; 2 and the words
//! of a trap. It ends with its input. What a frame holds, and whether an answer is right, is not its
//! business.

use anyhow::Context;
use std::io::{BufWriter, ErrorKind, Read, Write};
use std::path::Path;
use std::sync::Arc;
use tollgate_nn::{GraphOptions, GraphRegistry, OnnxRuntime};
use tollgate_runtime::{
    Engine, EngineConfig, Frame, Grants, Instance, Ledger, Limits, NnHost, Plugin,
};

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(library), Some(guest)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("expected two arguments: the library of ONNX Runtime, and the guest");
    };
    let runtime = OnnxRuntime::load(Some(Path::new(&library)))?;
    let wasm = std::fs::read(&guest).with_context(|| {
        let shown = guest.display();
        format!("expected a guest at {shown}: run `cargo xtask guests`")
    })?;
    let plugin = Plugin::new(&Engine::new(&EngineConfig::default()), &wasm)?;
    let host = NnHost::new(Arc::new(GraphRegistry::new()), GraphOptions::default());

    let mut out = BufWriter::new(std::io::stdout().lock());
    writeln!(out, "{}", runtime.version())?;
    out.flush()?;
    let mut input = std::io::stdin().lock();
    while let Some(data) = frame(&mut input)? {
        let (kind, words) = answer(&plugin, &host, data);
        out.write_all(&[kind])?;
        out.write_all(&length(words.len())?)?;
        out.write_all(&words)?;
        out.flush()?;
    }
    Ok(())
}

/// The next frame; none where the input has ended.
fn frame(input: &mut impl Read) -> anyhow::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    match input.read_exact(&mut length) {
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
        result => result?,
    }
    let mut data = vec![0; u32::from_le_bytes(length) as usize];
    input.read_exact(&mut data)?;
    Ok(Some(data))
}

fn answer(plugin: &Plugin, host: &NnHost, data: Vec<u8>) -> (u8, Vec<u8>) {
    match run(plugin, host, data) {
        Ok(Ok(outputs)) => (0, outputs),
        Ok(Err(fault)) => (1, fault.into_bytes()),
        Err(error) => (2, format!("{error:#}").into_bytes()),
    }
}

fn run(plugin: &Plugin, host: &NnHost, data: Vec<u8>) -> anyhow::Result<Result<Vec<u8>, String>> {
    let grants = Grants {
        load: true,
        ..Grants::default()
    };
    let mut instance = Instance::new(plugin, host, &grants, &Limits::default())?;
    let frame = Frame {
        sequence: 0,
        source: "case".into(),
        content_type: "application/octet-stream".into(),
        acquired_ns: 0,
        data: data.into(),
    };
    let outputs = match instance.handle(&frame, &mut Ledger::open())? {
        Ok(outputs) => outputs,
        Err(fault) => return Ok(Err(fault.to_string())),
    };
    let mut written = Vec::new();
    for output in outputs {
        written.extend_from_slice(&length(output.data.len())?);
        written.extend_from_slice(&output.data);
    }
    Ok(Ok(written))
}

fn length(bytes: usize) -> anyhow::Result<[u8; 4]> {
    let length = u32::try_from(bytes).context("expected less than 4 GiB in one answer")?;
    Ok(length.to_le_bytes())
}
