//! `wasi_ephemeral_nn`: all of wasi-nn for preview1 core modules.
//!
//! A guest passes addresses in its memory, and none of them is trusted: each is checked against the current
//! size of the memory, and read or written only through slices of it. A pointer that is out of bounds, or not
//! aligned for what it points to, or in a range that ends beyond the memory, is `invalid_argument`. Ranges may
//! overlap, since everything is read before anything is written. Errors are only numbers here, so the message
//! of the last one is kept, to explain a trap of the guest.
//!
//! There is no function that frees a handle. A graph that is loaded by name again gets the same handle;
//! contexts live as long as the instance and count as handles.

use std::{mem, sync::Arc};

use smallvec::SmallVec;
use tollgate_nn::{ErrorCode, Graph, TensorType};
use tollgate_services::Stage;
use wasmtime::{Caller, Linker};

use super::{
    memory_of, translate,
    types::{Encoding, Refusal, Target},
};
use crate::state::{ContextEntry, Ephemeral, State};

const MODULE: &str = "wasi_ephemeral_nn";

pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "load", load)?;
    linker.func_wrap(MODULE, "load_by_name", load_by_name)?;
    linker.func_wrap(MODULE, "init_execution_context", init_execution_context)?;
    linker.func_wrap(MODULE, "set_input", set_input)?;
    linker.func_wrap(MODULE, "compute", compute)?;
    linker.func_wrap(MODULE, "get_output", get_output)?;
    Ok(())
}

type Answer = wasmtime::Result<u32>;

/// `$nn_errno`, in witx's order. Codes of later versions that it lacks become the nearest one.
fn errno(code: ErrorCode) -> u32 {
    match code {
        ErrorCode::InvalidArgument => 1,
        ErrorCode::InvalidEncoding => 2,
        ErrorCode::Timeout | ErrorCode::RuntimeError | ErrorCode::Unknown => 5,
        ErrorCode::UnsupportedOperation | ErrorCode::Security => 6,
        ErrorCode::TooLarge => 7,
        ErrorCode::NotFound => 8,
    }
}

/// Runs one function with the guest's memory and the state, and converts a refusal into a number.
fn answer(
    caller: &mut Caller<'_, State>,
    function: impl FnOnce(&mut [u8], &mut State) -> Result<(), Refusal>,
) -> Answer {
    let memory = memory_of(caller)?;
    let (bytes, state) = memory.data_and_store_mut(caller);
    Ok(match function(bytes, state) {
        Ok(()) => 0,
        Err(refusal) => {
            tracing::debug!(code = ?refusal.code, "{}", refusal.message);
            state.refused.keep(&refusal.message, refusal.limit);
            errno(refusal.code)
        }
    })
}

fn load(
    mut caller: Caller<'_, State>,
    builders: u32,
    count: u32,
    encoding: u32,
    target: u32,
    graph_out: u32,
) -> Answer {
    answer(&mut caller, |memory, state| {
        let encoding = encoding_of(encoding)?;
        let target = target_of(target)?;
        range(memory, graph_out, 4, 4)?;
        if count > MAX_BUILDERS {
            return Err(invalid(format!(
                "an ONNX model is one builder, {count} came"
            )));
        }
        let (graph, bytes) = {
            let list = range(memory, builders, u64::from(count) * 8, 4)?;
            let builders = list
                .chunks_exact(8)
                .map(|builder| {
                    let (start, bytes) = (number(builder, 0), number(builder, 4));
                    range(memory, start, u64::from(bytes), 1)
                })
                .collect::<Result<SmallVec<[&[u8]; 1]>, Refusal>>()?;
            translate::load(&state.nn, &builders, encoding, target)?
        };
        state.nn.keep_model(&graph, bytes);
        let handle = hand_out_graph(state, graph)?;
        write_number(memory, graph_out, handle)
    })
}

fn load_by_name(
    mut caller: Caller<'_, State>,
    name: u32,
    name_bytes: u32,
    graph_out: u32,
) -> Answer {
    answer(&mut caller, |memory, state| {
        range(memory, graph_out, 4, 4)?;
        let name = range(memory, name, u64::from(name_bytes), 1)?;
        let name = std::str::from_utf8(name)
            .map_err(|_| invalid("the graph's name is not UTF-8".to_owned()))?;
        let graph = translate::find(&state.nn, name)?;
        let handle = hand_out_graph(state, graph)?;
        write_number(memory, graph_out, handle)
    })
}

fn init_execution_context(mut caller: Caller<'_, State>, graph: u32, context_out: u32) -> Answer {
    answer(&mut caller, |memory, state| {
        range(memory, context_out, 4, 4)?;
        let graphs = &state.ephemeral.graphs;
        let graph = graphs.get(graph as usize).ok_or_else(|| {
            invalid(format!(
                "there is no graph {graph}, {} are loaded",
                graphs.len()
            ))
        })?;
        let graph = Arc::clone(graph);
        state.ephemeral.room_for_a_handle()?;
        let handle = handle(state.ephemeral.contexts.len());
        state.ephemeral.contexts.push(ContextEntry::new(graph));
        write_number(memory, context_out, handle)
    })
}

/// One copy in: from the guest's memory to memory that ONNX Runtime reads.
fn set_input(mut caller: Caller<'_, State>, context: u32, index: u32, tensor: u32) -> Answer {
    answer(&mut caller, |memory, state| {
        let record = range(memory, tensor, TENSOR_BYTES, 4)?;
        let (dimensions, rank) = (number(record, 0), number(record, 4));
        translate::check_rank(rank as usize)?;
        let ty = tensor_type(record.get(8).copied().unwrap_or(u8::MAX))?;
        let (data, bytes) = (number(record, 12), number(record, 16));
        let dimensions: SmallVec<[u32; 8]> = range(memory, dimensions, u64::from(rank) * 4, 4)?
            .chunks_exact(4)
            .map(|dimension| number(dimension, 0))
            .collect();
        let data = range(memory, data, u64::from(bytes), 1)?;

        let State {
            nn,
            ephemeral,
            ledger,
            ..
        } = state;
        let context = context_of(ephemeral, context)?;
        let place = index as usize;
        let info = context.graph.input_at(place);
        let info = info.map_or_else(|| Err(no_input(&context.graph, index)), Ok)?;
        tollgate_nn::check_tensor(ty, &dimensions, data.len()).map_err(|error| {
            Refusal::new(error.code(), format!("input `{}`: {error}", info.name))
        })?;
        let mut tensor = nn.tensor(ty, &dimensions, data.len())?;
        tensor.fill(data);
        ledger.counts.bytes_in += u64::from(bytes);
        ledger.counts.copies_in += 1;
        context.kept.set(nn, place, tensor);
        Ok(())
    })
}

fn compute(mut caller: Caller<'_, State>, context: u32) -> Answer {
    let state = caller.data_mut();
    state.ledger.switch(Stage::Glue);
    let answer = answer(&mut caller, |_, state| {
        let entry = context_of(&mut state.ephemeral, context)?;
        let graph = Arc::clone(&entry.graph);
        let mut kept = mem::take(&mut entry.kept);
        let computed = translate::infer(state, &graph, &mut kept);
        context_of(&mut state.ephemeral, context)?.kept = kept;
        computed
    });
    caller.data_mut().ledger.switch(Stage::Lower);
    answer
}

/// One copy out: from the memory that ONNX Runtime wrote to the guest's.
fn get_output(
    mut caller: Caller<'_, State>,
    context: u32,
    index: u32,
    buffer: u32,
    buffer_bytes: u32,
    written_out: u32,
) -> Answer {
    caller.data_mut().ledger.relabel(Stage::Lower);
    answer(&mut caller, |memory, state| {
        range(memory, written_out, 4, 4)?;
        range(memory, buffer, u64::from(buffer_bytes), 1)?;
        let entry = context_of(&mut state.ephemeral, context)?;
        let place = match entry.graph.output_at(index as usize) {
            Some(place) => place,
            None => entry.graph.output_place(&index.to_string())?,
        };
        let tensor = translate::output(&entry.graph, &entry.kept, place)?;
        let bytes = tensor.bytes();
        if bytes.len() > buffer_bytes as usize {
            return Err(Refusal::new(
                ErrorCode::TooLarge,
                format!(
                    "output {index} has {} bytes, the buffer has room for {buffer_bytes}",
                    bytes.len()
                ),
            ));
        }
        let start = buffer as usize;
        if let Some(room) = memory.get_mut(start..start + bytes.len()) {
            room.copy_from_slice(bytes);
        }
        let written = bytes.len();
        state.ledger.counts.bytes_out += written as u64;
        state.ledger.counts.copies_out += 1;
        write_number(memory, written_out, handle(written))
    })
}

/// The most builders that are accepted: more than any encoding has. Their list is copied into the host.
const MAX_BUILDERS: u32 = 16;

/// The size of a tensor's record in the guest's memory: the address and count of its dimensions, its type in
/// one byte, the address and count of its bytes.
const TENSOR_BYTES: u64 = 20;

fn context_of(ephemeral: &mut Ephemeral, handle: u32) -> Result<&mut ContextEntry, Refusal> {
    let there = ephemeral.contexts.len();
    ephemeral.contexts.get_mut(handle as usize).ok_or_else(|| {
        invalid(format!(
            "there is no execution context {handle}, {there} were made"
        ))
    })
}

fn hand_out_graph(state: &mut State, graph: Arc<Graph>) -> Result<u32, Refusal> {
    let graphs = &state.ephemeral.graphs;
    if let Some(known) = graphs.iter().position(|known| Arc::ptr_eq(known, &graph)) {
        return Ok(handle(known));
    }
    state.ephemeral.room_for_a_handle()?;
    let graphs = &mut state.ephemeral.graphs;
    graphs.push(graph);
    Ok(handle(graphs.len() - 1))
}

/// A handle from an index, which is always far below `u32::MAX`.
fn handle(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The refusal for a place without an input.
fn no_input(graph: &Graph, index: u32) -> Refusal {
    match graph.input_place(&index.to_string()) {
        Ok(_) => invalid(format!("there is no input {index}")),
        Err(error) => error.into(),
    }
}

fn invalid(message: String) -> Refusal {
    Refusal::new(ErrorCode::InvalidArgument, message)
}

/// A range of the guest's memory, checked to be in bounds and aligned.
fn range(memory: &[u8], start: u32, bytes: u64, alignment: u32) -> Result<&[u8], Refusal> {
    if !start.is_multiple_of(alignment) {
        return Err(invalid(format!(
            "the address {start:#x} is not a multiple of {alignment}"
        )));
    }
    let from = start as usize;
    usize::try_from(bytes)
        .ok()
        .and_then(|bytes| memory.get(from..from.checked_add(bytes)?))
        .ok_or_else(|| {
            invalid(format!(
                "{bytes} bytes from the address {start:#x} are not all in the guest's memory of {} bytes",
                memory.len()
            ))
        })
}

/// The little-endian number at an offset of a record, which must be long enough.
fn number(record: &[u8], offset: usize) -> u32 {
    record
        .get(offset..)
        .and_then(|rest| rest.first_chunk())
        .map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

fn write_number(memory: &mut [u8], start: u32, number: u32) -> Result<(), Refusal> {
    let room = memory
        .get_mut(start as usize..)
        .and_then(|rest| rest.first_chunk_mut())
        .ok_or_else(|| {
            invalid(format!(
                "the address {start:#x} is not in the guest's memory"
            ))
        })?;
    *room = number.to_le_bytes();
    Ok(())
}

/// `$tensor_type`, in witx's order.
fn tensor_type(tag: u8) -> Result<TensorType, Refusal> {
    Ok(match tag {
        0 => TensorType::Fp16,
        1 => TensorType::Fp32,
        2 => TensorType::Fp64,
        3 => TensorType::U8,
        4 => TensorType::I32,
        5 => TensorType::I64,
        _ => {
            return Err(invalid(format!(
                "tensor type {tag} is none: expected 0 (f16) to 5 (i64)"
            )));
        }
    })
}

/// `$graph_encoding`, in witx's order.
fn encoding_of(tag: u32) -> Result<Encoding, Refusal> {
    Ok(match tag {
        0 => Encoding::Openvino,
        1 => Encoding::Onnx,
        2 => Encoding::Tensorflow,
        3 => Encoding::Pytorch,
        4 => Encoding::Tensorflowlite,
        5 => Encoding::Autodetect,
        _ => {
            return Err(invalid(format!(
                "graph encoding {tag} is none: expected 1 (onnx) or 5 (autodetect)"
            )));
        }
    })
}

/// `$execution_target`, in witx's order.
fn target_of(tag: u32) -> Result<Target, Refusal> {
    Ok(match tag {
        0 => Target::Cpu,
        1 => Target::Gpu,
        2 => Target::Tpu,
        _ => {
            return Err(invalid(format!(
                "execution target {tag} is none: expected 0 (cpu), 1 (gpu) or 2 (tpu)"
            )));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_held_against_the_memory() {
        let memory = [0_u8; 64];
        assert_eq!(range(&memory, 0, 64, 4).map(<[u8]>::len).ok(), Some(64));
        assert_eq!(range(&memory, 64, 0, 4).map(<[u8]>::len).ok(), Some(0));
        let says = |start, bytes, alignment, words: &str| {
            let refusal = range(&memory, start, bytes, alignment).err().unwrap();
            assert_eq!(refusal.code, ErrorCode::InvalidArgument);
            assert!(refusal.message.contains(words), "{}", refusal.message);
        };
        says(2, 4, 4, "not a multiple of 4");
        says(64, 1, 1, "not all in");
        says(60, 8, 4, "not all in");
        says(u32::MAX, u64::MAX, 1, "not all in");
        says(0, u64::from(u32::MAX) * 8, 4, "not all in");
    }

    #[test]
    fn numbers_are_little_endian_and_stay_inside() {
        let mut memory = [0_u8; 8];
        write_number(&mut memory, 4, 0x0403_0201).ok().unwrap();
        assert_eq!(memory, [0, 0, 0, 0, 1, 2, 3, 4]);
        assert_eq!(number(&memory, 4), 0x0403_0201);
        assert_eq!(number(&memory, 6), 0, "not all of it is there");
        assert!(write_number(&mut memory, 6, 1).is_err());
    }

    #[test]
    fn tags_are_the_standards() {
        let types: Vec<_> = (0..=5).map(|tag| tensor_type(tag).ok().unwrap()).collect();
        assert_eq!(
            types.iter().map(|ty| ty.size()).collect::<Vec<_>>(),
            [2, 4, 8, 1, 4, 8]
        );
        assert!(tensor_type(6).is_err() && encoding_of(6).is_err() && target_of(3).is_err());
        assert_eq!(encoding_of(1).ok(), Some(Encoding::Onnx));
    }
}
