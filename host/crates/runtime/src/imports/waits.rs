//! Replacements for WASI's blocking functions, for synchronous guests: they wait at most until the deadline of
//! the call.
//!
//! Wasmtime's own functions wait as long as the guest asks, and the epoch stops a guest only while it runs.
//! These end with the same trap as a guest that computes for too long. Asynchronous guests do not need them:
//! their executor has the deadline. Reading files is not bounded here: Wasmtime reads them on the calling
//! thread, as fast as the disk allows.

use std::{thread, time::Duration};

use tollgate_nn::clock::Deadline;
use wasmtime::{
    Caller, Trap,
    component::{HasData, Linker, Resource, ResourceTable},
};
use wasmtime_wasi::{
    WasiView,
    p1::wasi_snapshot_preview1::{self as preview1, WasiSnapshotPreview1},
    p2::{
        DynInputStream, DynOutputStream, DynPollable, StreamError, StreamResult,
        bindings::{
            io::{
                poll::{Host as AsyncPoll, HostPollable as AsyncPollable},
                streams::{HostInputStream as AsyncInput, HostOutputStream as AsyncOutput},
            },
            sync::io::{poll, streams},
        },
    },
    runtime::in_tokio,
};
use wiggle::GuestMemory;

use crate::{imports::memory_of, state::State};

/// Replaces the blocking functions of WASI 0.2.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    poll::add_to_linker::<State, HasWaits>(linker, waits)?;
    streams::add_to_linker::<State, HasWaits>(linker, waits)?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Replaces the blocking functions of preview1.
pub(super) fn add_to_module_linker(linker: &mut wasmtime::Linker<State>) -> wasmtime::Result<()> {
    macro_rules! bounded {
        ($name:ident($($argument:ident),*)) => {
            linker.func_wrap(
                PREVIEW1,
                stringify!($name),
                |mut caller: Caller<'_, State>, $($argument: i32),*| {
                    let memory = memory_of(&mut caller)?;
                    let (memory, state) = memory.data_and_store_mut(&mut caller);
                    let (deadline, fuel) = (state.deadline, state.host_call_bytes);
                    let wasi = state.preview1();
                    wasi.set_hostcall_fuel(fuel);
                    let mut memory = GuestMemory::Unshared(memory);
                    let answer = preview1::$name(wasi, &mut memory, $($argument),*);
                    until(deadline, answer)?
                },
            )?;
        };
    }
    linker.allow_shadowing(true);
    bounded!(fd_read(fd, list, count, read));
    bounded!(fd_write(fd, list, count, written));
    linker.func_wrap(PREVIEW1, "poll_oneoff", poll_oneoff)?;
    linker.allow_shadowing(false);
    Ok(())
}

const PREVIEW1: &str = "wasi_snapshot_preview1";

/// Runs a future that may wait on the calling thread, at most until the deadline.
fn until<T>(deadline: Option<Deadline>, wait: impl Future<Output = T>) -> wasmtime::Result<T> {
    in_tokio(async {
        match deadline {
            None => Ok(wait.await),
            Some(deadline) => tokio::time::timeout(deadline.left(), wait)
                .await
                .map_err(|_| Trap::Interrupt.into()),
        }
    })
}

fn poll_oneoff(
    mut caller: Caller<'_, State>,
    subscriptions: i32,
    events: i32,
    count: i32,
    written: i32,
) -> wasmtime::Result<i32> {
    let memory = memory_of(&mut caller)?;
    let (memory, state) = memory.data_and_store_mut(&mut caller);
    let (deadline, fuel) = (state.deadline, state.host_call_bytes);
    // A single sleep beyond the deadline is handled here, since Wasmtime would block the thread for all of it.
    if let Some(left) = deadline.map(|deadline| deadline.left())
        && count == 1
        && sleeps(memory, subscriptions.cast_unsigned()).is_some_and(|time| time > left)
    {
        thread::sleep(left);
        return Err(Trap::Interrupt.into());
    }
    let wasi = state.preview1();
    wasi.set_hostcall_fuel(fuel);
    let mut memory = GuestMemory::Unshared(memory);
    let answer = preview1::poll_oneoff(wasi, &mut memory, subscriptions, events, count, written);
    until(deadline, answer)?
}

/// How long a subscription sleeps, if it is one to a clock with a duration.
fn sleeps(memory: &[u8], subscription: u32) -> Option<Duration> {
    let record = memory.get(subscription as usize..)?;
    let (&tag, &flags) = (record.get(8)?, record.get(40)?);
    let time = record.get(24..)?.first_chunk()?;
    (tag == 0 && flags & 1 == 0).then(|| Duration::from_nanos(u64::from_le_bytes(*time)))
}

/// The table of a store's resources, and the deadline for waiting on them.
struct Waits<'a> {
    table: &'a mut ResourceTable,
    deadline: Option<Deadline>,
}

struct HasWaits;

impl HasData for HasWaits {
    type Data<'a> = Waits<'a>;
}

fn waits(state: &mut State) -> Waits<'_> {
    let deadline = state.deadline;
    let table = state.ctx().table;
    Waits { table, deadline }
}

/// As [`until`], for functions that have an error of their own.
fn stream<T>(
    deadline: Option<Deadline>,
    wait: impl Future<Output = StreamResult<T>>,
) -> StreamResult<T> {
    until(deadline, wait).map_err(StreamError::Trap)?
}

type Input = Resource<DynInputStream>;
type Output = Resource<DynOutputStream>;

impl poll::Host for Waits<'_> {
    fn poll(&mut self, pollables: Vec<Resource<DynPollable>>) -> wasmtime::Result<Vec<u32>> {
        until(self.deadline, AsyncPoll::poll(self.table, pollables))?
    }
}

impl poll::HostPollable for Waits<'_> {
    fn ready(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<bool> {
        poll::HostPollable::ready(self.table, pollable)
    }

    fn block(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        until(self.deadline, AsyncPollable::block(self.table, pollable))?
    }

    fn drop(&mut self, pollable: Resource<DynPollable>) -> wasmtime::Result<()> {
        poll::HostPollable::drop(self.table, pollable)
    }
}

impl streams::Host for Waits<'_> {
    fn convert_stream_error(
        &mut self,
        error: StreamError,
    ) -> wasmtime::Result<streams::StreamError> {
        streams::Host::convert_stream_error(self.table, error)
    }
}

impl streams::HostInputStream for Waits<'_> {
    fn drop(&mut self, input: Input) -> wasmtime::Result<()> {
        until(self.deadline, AsyncInput::drop(self.table, input))?
    }

    fn read(&mut self, input: Input, len: u64) -> StreamResult<Vec<u8>> {
        streams::HostInputStream::read(self.table, input, len)
    }

    fn blocking_read(&mut self, input: Input, len: u64) -> StreamResult<Vec<u8>> {
        stream(
            self.deadline,
            AsyncInput::blocking_read(self.table, input, len),
        )
    }

    fn skip(&mut self, input: Input, len: u64) -> StreamResult<u64> {
        streams::HostInputStream::skip(self.table, input, len)
    }

    fn blocking_skip(&mut self, input: Input, len: u64) -> StreamResult<u64> {
        stream(
            self.deadline,
            AsyncInput::blocking_skip(self.table, input, len),
        )
    }

    fn subscribe(&mut self, input: Input) -> wasmtime::Result<Resource<DynPollable>> {
        streams::HostInputStream::subscribe(self.table, input)
    }
}

impl streams::HostOutputStream for Waits<'_> {
    fn drop(&mut self, output: Output) -> wasmtime::Result<()> {
        until(self.deadline, AsyncOutput::drop(self.table, output))?
    }

    fn check_write(&mut self, output: Output) -> StreamResult<u64> {
        streams::HostOutputStream::check_write(self.table, output)
    }

    fn write(&mut self, output: Output, bytes: Vec<u8>) -> StreamResult<()> {
        streams::HostOutputStream::write(self.table, output, bytes)
    }

    fn blocking_write_and_flush(&mut self, output: Output, bytes: Vec<u8>) -> StreamResult<()> {
        let write = AsyncOutput::blocking_write_and_flush(self.table, output, bytes);
        stream(self.deadline, write)
    }

    fn blocking_write_zeroes_and_flush(&mut self, output: Output, len: u64) -> StreamResult<()> {
        let write = AsyncOutput::blocking_write_zeroes_and_flush(self.table, output, len);
        stream(self.deadline, write)
    }

    fn subscribe(&mut self, output: Output) -> wasmtime::Result<Resource<DynPollable>> {
        streams::HostOutputStream::subscribe(self.table, output)
    }

    fn write_zeroes(&mut self, output: Output, len: u64) -> StreamResult<()> {
        streams::HostOutputStream::write_zeroes(self.table, output, len)
    }

    fn flush(&mut self, output: Output) -> StreamResult<()> {
        streams::HostOutputStream::flush(self.table, output)
    }

    fn blocking_flush(&mut self, output: Output) -> StreamResult<()> {
        stream(
            self.deadline,
            AsyncOutput::blocking_flush(self.table, output),
        )
    }

    fn splice(&mut self, output: Output, input: Input, len: u64) -> StreamResult<u64> {
        streams::HostOutputStream::splice(self.table, output, input, len)
    }

    fn blocking_splice(&mut self, output: Output, input: Input, len: u64) -> StreamResult<u64> {
        let splice = AsyncOutput::blocking_splice(self.table, output, input, len);
        stream(self.deadline, splice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_at_its_deadline() {
        let deadline = Some(Deadline::after(Duration::from_millis(20)));
        let ended = until(deadline, std::future::pending::<()>());
        assert_eq!(ended.unwrap_err().downcast_ref(), Some(&Trap::Interrupt));
        assert_eq!(
            until(deadline, async { 7 }).unwrap(),
            7,
            "what is there is not late"
        );
        assert_eq!(until(None, async { 7 }).unwrap(), 7);
    }

    #[test]
    fn sleeps_are_told_from_other_subscriptions() {
        let mut record = [0; 48];
        record[24..32].copy_from_slice(&5_u64.to_le_bytes());
        assert_eq!(sleeps(&record, 0), Some(Duration::from_nanos(5)));
        assert_eq!(sleeps(&record, 8), None, "not all of it is there");
        assert_eq!(sleeps(&record, u32::MAX), None);
        record[40] = 1;
        assert_eq!(sleeps(&record, 0), None, "until a moment");
        record[40] = 0;
        record[8] = 1;
        assert_eq!(sleeps(&record, 0), None, "a file");
    }
}
