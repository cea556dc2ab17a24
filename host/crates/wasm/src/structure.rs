//! Limits on the structure of a file. They are checked before Wasmtime, or another reader that recurses, reads
//! it.
//!
//! Wasmtime bounds each list in a component or module. It bounds neither how deep components and types nest,
//! nor how often a component is unrolled, nor how much work one function is for the compiler. So a small file
//! can take gigabytes, minutes, or more stack than a thread has. This module walks a file without recursion,
//! in time linear in its size. [`check_outline`] reads sections, and is cheap enough for every start;
//! [`check_work`] reads every operator, and is done once, before compiling.
//!
//! These limits do not bound the compiler strictly: a file that passes may still take many times as long as
//! honest code of its size.

mod outline;
mod types;
mod work;

use crate::Error;

pub use outline::check_outline;
pub use work::check_work;

/// Bytes of a file. 512 MiB: a file with a whole Python has 18 MB.
const FILE_BYTES: u64 = 512 << 20;

/// Components and modules inside each other. 32: composing nests two or three deep, and each level keeps
/// all that is around it open in the compiler.
const NESTED: u64 = 32;

/// Component types declared inside each other. 100, as Wasmtime bounds how deep types of values nest; its reader
/// recurses once for each, and worlds nest four deep.
const NESTED_TYPES: u64 = 100;

/// Components and modules altogether. 2,000: a Python with its libraries has 60.
const PARTS: u64 = 2_000;

/// Instances altogether, once every instantiated component is unrolled. 10,000: Wasmtime keeps initialisers
/// for each, and a component that instantiates another twice doubles all that is in it.
const INSTANCES: u64 = 10_000;

/// Instantiations in a component that instantiates one of its own arguments. 24: which component that is, is
/// not known here, and this few cannot unroll to more than [`INSTANCES`]. No toolchain makes such components.
const INSTANTIATIONS_UNKNOWN: u64 = 24;

/// Items of all sections: types, imports, functions, exports, segments and so on. A million: Wasmtime keeps
/// a few hundred bytes for each, and large programs have a tenth of that number.
const ITEMS: u64 = 1_000_000;

/// One function's code, in bytes. 1 MiB: the largest of a Python interpreter has 427 kB, and the
/// time and memory that its compiler takes grow faster than the function.
const BODY_BYTES: u64 = 1 << 20;

/// Values that all functions handle, as the compiler would name them: operators, locals, parameters, results,
/// and what branches pass. 30 million: a Python with its libraries has 7 million; made to be hard, 9 million
/// took a compiler of an unoptimised host 52 s and 2.8 GB.
const VALUES: u64 = 30_000_000;

/// Values that may have to be merged where control flow joins: for each use of a local the joins since its use
/// before, over all functions and in one. 10 million and 500,000: a Python with its libraries has 1.8 million,
/// and 68,000 in its largest function.
const MERGES: u64 = 10_000_000;
const FUNCTION_MERGES: u64 = 500_000;

/// Counts against a limit.
struct Bound {
    what: &'static str,
    limit: u64,
    used: u64,
}

impl Bound {
    fn new(what: &'static str, limit: u64) -> Self {
        Self {
            what,
            limit,
            used: 0,
        }
    }

    fn add(&mut self, count: u64) -> Result<(), Error> {
        self.used = self.used.saturating_add(count);
        within(self.what, self.limit, self.used)
    }
}

fn within(what: &'static str, limit: u64, came: u64) -> Result<(), Error> {
    if came > limit {
        return Err(Error::Structure { what, limit, came });
    }
    Ok(())
}

fn invalid(error: &wasmparser::BinaryReaderError) -> Error {
    Error::Unreadable {
        offset: error.offset(),
        reason: error.message().to_owned(),
    }
}
