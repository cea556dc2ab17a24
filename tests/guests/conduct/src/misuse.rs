//! Commands that no honest guest has: traps, loops, leaks, and raw calls with arguments that no
//! binding would make.
#![allow(
    unsafe_code,
    reason = "the point is to hand the host what safe bindings cannot"
)]

use std::mem;

use crate::bindings::wasi::nn::tensor::{Tensor, TensorType};

pub(crate) fn run(command: &str, arguments: &str) -> Option<String> {
    Some(match command {
        "trap" => trap(),
        "loop" => spin(),
        "exhaust" => exhaust(),
        "grow" => grow(arguments),
        "leak" => leak(4),
        "hoard" => leak(1 << 20),
        "huge-list" => raw_tensor(0, u32::MAX),
        "list-past-the-end" => raw_tensor(u32::MAX - 4, 8),
        "foreign-handle" => raw_data(4711),
        "dropped-handle" => {
            let tensor = Tensor::new(&[1], TensorType::U8, &[1]);
            let handle = tensor.handle();
            drop(tensor);
            raw_data(handle)
        }
        "wrong-handle" => raw_compute(arguments),
        _ => return None,
    })
}

pub(crate) fn trap() -> String {
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    String::new()
}

fn spin() -> String {
    let mut turns = 0u64;
    loop {
        turns = std::hint::black_box(turns.wrapping_add(1));
    }
}

/// Allocates until there is no more, and aborts as Rust does.
fn exhaust() -> String {
    let mut all = Vec::new();
    loop {
        all.push(vec![1u8; 1 << 20]);
        std::hint::black_box(&all);
    }
}

/// Asks for memory and takes no for an answer.
fn grow(pages: &str) -> String {
    let pages: usize = pages.parse().unwrap_or(1);
    #[cfg(target_arch = "wasm32")]
    let before = core::arch::wasm32::memory_grow(0, pages);
    #[cfg(not(target_arch = "wasm32"))]
    let before = pages;
    if before == usize::MAX {
        "denied".to_owned()
    } else {
        "granted".to_owned()
    }
}

/// Tensors that are never dropped.
fn leak(bytes: u32) -> String {
    let data = vec![0u8; bytes as usize];
    loop {
        let tensor = Tensor::new(&[bytes], TensorType::U8, &data);
        // The host says in the first use whether it took the tensor.
        if tensor.data().len() != data.len() {
            return "refused".to_owned();
        }
        mem::forget(tensor);
    }
}

#[cfg(target_arch = "wasm32")]
mod imports {
    #[link(wasm_import_module = "wasi:nn/tensor@0.2.0-rc-2024-10-28")]
    unsafe extern "C" {
        #[link_name = "[constructor]tensor"]
        pub(super) fn tensor(dims: u32, dims_len: u32, ty: u32, data: u32, data_len: u32) -> u32;
        #[link_name = "[method]tensor.data"]
        pub(super) fn data(tensor: u32, result: u32);
    }
    #[link(wasm_import_module = "wasi:nn/graph@0.2.0-rc-2024-10-28")]
    unsafe extern "C" {
        #[link_name = "[method]graph.init-execution-context"]
        pub(super) fn init(graph: u32, result: u32);
    }
}

/// A tensor of U8 whose data is wherever the arguments say.
fn raw_tensor(data: u32, bytes: u32) -> String {
    #[cfg(target_arch = "wasm32")]
    // SAFETY: no memory is given away: the host reads, or traps.
    unsafe {
        let dimensions = [bytes];
        imports::tensor(dimensions.as_ptr().addr() as u32, 1, 4, data, bytes);
    }
    format!("made of {bytes} bytes at {data}")
}

/// The data of whatever the handle is.
fn raw_data(handle: u32) -> String {
    #[cfg(target_arch = "wasm32")]
    // SAFETY: the result is written to memory that is ours, or the host traps.
    unsafe {
        let mut result = [0u32; 2];
        imports::data(handle, result.as_mut_ptr().addr() as u32);
    }
    format!("read {handle}")
}

/// A tensor's handle where a graph's is wanted.
fn raw_compute(_arguments: &str) -> String {
    let tensor = Tensor::new(&[1], TensorType::U8, &[1]);
    #[cfg(target_arch = "wasm32")]
    // SAFETY: as above.
    unsafe {
        let mut result = [0u32; 2];
        imports::init(tensor.handle(), result.as_mut_ptr().addr() as u32);
    }
    format!("used {}", tensor.handle())
}
