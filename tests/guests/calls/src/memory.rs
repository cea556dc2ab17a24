//! The memory that the host asks for when it hands over a list or a text: given as it should be, or
//! as a hostile guest would.
#![allow(
    unsafe_code,
    reason = "the component model asks for an exported function"
)]

use std::{
    alloc::{Layout, alloc},
    sync::atomic::{AtomicU8, Ordering},
};

use crate::{imports, interpreter::memory_end};

static WAY: AtomicU8 = AtomicU8::new(0);

/// How memory is given from now on; 0 is as it should be.
pub(crate) fn give(way: u8) {
    WAY.store(way, Ordering::Relaxed);
}

#[unsafe(no_mangle)]
extern "C" fn cabi_realloc(_old: u32, _old_size: u32, align: u32, size: u32) -> u32 {
    match WAY.load(Ordering::Relaxed) {
        1 => 1,
        2 => memory_end(),
        3 => memory_end().wrapping_sub(size),
        4 => u32::MAX,
        5 => core::arch::wasm32::unreachable(),
        // While the host writes, a guest may not call it.
        6 => imports::from_within(),
        7 => {
            core::arch::wasm32::memory_grow(0, 1);
            memory_end().wrapping_sub(size) & !(align.max(1) - 1)
        }
        8 => 0,
        _ => honest(align, size),
    }
}

fn honest(align: u32, size: u32) -> u32 {
    let Ok(layout) = Layout::from_size_align(size as usize, align as usize) else {
        core::arch::wasm32::unreachable();
    };
    if size == 0 {
        return align;
    }
    // SAFETY: the layout has a size.
    let given = unsafe { alloc(layout) };
    given.addr() as u32
}
