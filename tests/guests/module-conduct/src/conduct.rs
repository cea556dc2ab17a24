//! What the module does; it makes sense on Wasm alone.

use std::{cell::RefCell, fmt::Write};

mod imports {
    #[link(wasm_import_module = "wasi_ephemeral_nn")]
    unsafe extern "C" {
        pub(super) fn load(list: u32, count: u32, encoding: u32, target: u32, out: u32) -> u32;
        pub(super) fn load_by_name(name: u32, bytes: u32, out: u32) -> u32;
        pub(super) fn init_execution_context(graph: u32, out: u32) -> u32;
        pub(super) fn set_input(context: u32, index: u32, tensor: u32) -> u32;
        pub(super) fn compute(context: u32) -> u32;
        pub(super) fn get_output(c: u32, index: u32, at: u32, room: u32, written: u32) -> u32;
    }
    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        pub(super) fn fd_read(fd: u32, list: u32, count: u32, read: u32) -> u32;
        pub(super) fn fd_write(fd: u32, list: u32, count: u32, written: u32) -> u32;
    }
}

/// `$tensor`, as it lies in memory.
#[repr(C)]
struct Tensor {
    dimensions: u32,
    rank: u32,
    ty: u32,
    data: u32,
    bytes: u32,
}

type Answer = Result<String, u32>;

/// A frame that is `fail` fails with a code and some last words.
#[unsafe(no_mangle)]
extern "C" fn handle() -> i32 {
    let frame = read_all();
    let end = frame.iter().position(|&byte| byte == b'\n');
    let (line, rest) = frame.split_at(end.unwrap_or(frame.len()));
    let line = String::from_utf8_lossy(line).into_owned();
    let (command, arguments) = line.split_once(' ').unwrap_or((&line, ""));
    let bytes = rest.get(1..).unwrap_or_default();
    let said = match command {
        "compute" => compute(arguments),
        "twice" => twice(arguments),
        "unset" => unset(arguments),
        "early" => context_of(arguments).and_then(|(context, _)| outputs(context, 1)),
        "leak" => leak(arguments),
        "warm" => warm(arguments),
        "load-as" => load_as(arguments, bytes),
        "raw" => raw(arguments),
        "flood" => flood(),
        "fail" => {
            write_all(2, arguments.as_bytes());
            return 3;
        }
        _ => return 4,
    };
    let said = said.unwrap_or_else(|errno| format!("errno {errno}"));
    write_all(1, said.as_bytes());
    0
}

fn done(errno: u32) -> Result<(), u32> {
    if errno == 0 { Ok(()) } else { Err(errno) }
}

fn address<T: ?Sized>(of: &T) -> u32 {
    (of as *const T).cast::<u8>().addr() as u32
}

fn load_by_name(name: &str) -> Result<u32, u32> {
    let mut graph = 0;
    // SAFETY: the host reads the name and writes one number.
    done(unsafe { imports::load_by_name(address(name), name.len() as u32, out(&mut graph)) })?;
    Ok(graph)
}

fn out(number: &mut u32) -> u32 {
    (&raw mut *number).addr() as u32
}

fn context(graph: u32) -> Result<u32, u32> {
    let mut context = 0;
    // SAFETY: the host writes one number.
    done(unsafe { imports::init_execution_context(graph, out(&mut context)) })?;
    Ok(context)
}

/// `GRAPH OUTPUTS INDEX:TYPE:DIMENSIONS[:BYTES]…`: a context with its inputs set, and how many
/// outputs are to be shown.
fn context_of(arguments: &str) -> Result<(u32, u32), u32> {
    let mut words = arguments.split_whitespace();
    let graph = load_by_name(words.next().unwrap_or_default())?;
    let outputs = words.next().and_then(|word| word.parse().ok()).unwrap_or(1);
    let context = context(graph)?;
    for word in words {
        set(context, word)?;
    }
    Ok((context, outputs))
}

fn set(context: u32, word: &str) -> Result<(), u32> {
    let mut parts = word.split(':');
    let index = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    let (ty, size) = match parts.next() {
        Some("FP16") => (0, 2),
        Some("FP64") => (2, 8),
        Some("U8") => (3, 1),
        Some("I32") => (4, 4),
        Some("I64") => (5, 8),
        Some("none") => (6, 1),
        _ => (1, 4),
    };
    let dimensions: Vec<u32> = parts
        .next()
        .unwrap_or_default()
        .split(',')
        .filter_map(|number| number.parse().ok())
        .collect();
    let count: u32 = dimensions.iter().product();
    let mut data: Vec<u8> = (1..=count).flat_map(|value| element(ty, value)).collect();
    let bytes = parts.next().and_then(|part| part.parse().ok());
    data.resize(bytes.unwrap_or(count as usize * size), 0);
    let tensor = Tensor {
        dimensions: address(&dimensions[..]),
        rank: dimensions.len() as u32,
        ty,
        data: address(&data[..]),
        bytes: data.len() as u32,
    };
    // SAFETY: the host reads the record and what it points to.
    done(unsafe { imports::set_input(context, index, address(&tensor)) })
}

fn element(ty: u32, value: u32) -> Vec<u8> {
    match ty {
        // 2, 4, 8, …: exact in half precision, with the exponent alone.
        0 => (((15 + value % 8) << 10) as u16 & 0x7c00)
            .to_le_bytes()
            .to_vec(),
        1 => (value as f32).to_le_bytes().to_vec(),
        2 => f64::from(value).to_le_bytes().to_vec(),
        3 => vec![value as u8],
        4 => value.to_le_bytes().to_vec(),
        _ => u64::from(value).to_le_bytes().to_vec(),
    }
}

fn run(context: u32) -> Result<(), u32> {
    // SAFETY: a number goes in and a number comes out.
    done(unsafe { imports::compute(context) })
}

fn outputs(context: u32, count: u32) -> Answer {
    let mut said = String::new();
    for index in 0..count {
        let mut room = [0_u8; 4096];
        let mut written = 0;
        let (at, room_bytes) = (room.as_mut_ptr().addr() as u32, room.len() as u32);
        // SAFETY: the host writes at most as many bytes as there is room for, and one number.
        done(unsafe { imports::get_output(context, index, at, room_bytes, out(&mut written)) })?;
        for byte in room.iter().take(64.min(written as usize)) {
            write!(said, "{byte:02x}").ok();
        }
        said.push(' ');
    }
    Ok(said)
}

fn compute(arguments: &str) -> Answer {
    let (context, count) = context_of(arguments)?;
    run(context)?;
    outputs(context, count)
}

fn twice(arguments: &str) -> Answer {
    let (context, count) = context_of(arguments)?;
    run(context)?;
    let first = outputs(context, count)?;
    run(context)?;
    let again = outputs(context, count)?;
    if first == again {
        Ok(first)
    } else {
        Ok(format!("{first}, then {again}"))
    }
}

fn unset(graph: &str) -> Answer {
    run(context(load_by_name(graph)?)?).map(|()| "computed".to_owned())
}

/// So many contexts, none of which can be given back.
fn leak(arguments: &str) -> Answer {
    let (times, arguments) = arguments.split_once(' ').unwrap_or_default();
    for _ in 0..times.parse().unwrap_or(0) {
        compute(arguments)?;
    }
    Ok("done".to_owned())
}

thread_local! {
    static WARM: RefCell<Option<u32>> = const { RefCell::new(None) };
}

/// Computes in a context that is made once and kept from frame to frame, as an honest plugin does.
fn warm(arguments: &str) -> Answer {
    let kept = WARM.take();
    let context = match kept {
        Some(context) => context,
        None => context_of(arguments)?.0,
    };
    WARM.replace(Some(context));
    // Looked up again: the handle is the one that there is.
    load_by_name(arguments.split_whitespace().next().unwrap_or_default())?;
    for word in arguments.split_whitespace().skip(2) {
        set(context, word)?;
    }
    run(context)?;
    outputs(context, 1)
}

/// `ENCODING TARGET BUILDERS`, numbers all of them: the same bytes as so many builders.
fn load_as(arguments: &str, bytes: &[u8]) -> Answer {
    let mut words = arguments
        .split(' ')
        .filter_map(|word| word.parse::<u32>().ok());
    let (encoding, target) = (words.next().unwrap_or(1), words.next().unwrap_or(0));
    let count = words.next().unwrap_or(1);
    let list: Vec<[u32; 2]> = (0..count)
        .map(|_| [address(bytes), bytes.len() as u32])
        .collect();
    let mut graph = 0;
    // SAFETY: the host reads the list and what it points to, and writes one number.
    let errno =
        unsafe { imports::load(address(&list[..]), count, encoding, target, out(&mut graph)) };
    done(errno).map(|()| "loaded".to_owned())
}

/// `FUNCTION NUMBER…`: a call with whatever numbers the test likes. `@` stands for the address of
/// sixteen words of zeros, `@N` for the address of N bytes into them, `!N` for N bytes before the
/// end of the memory.
fn raw(arguments: &str) -> Answer {
    let zeros = [0_u64; 8];
    let base = address(&zeros);
    let end = (core::arch::wasm32::memory_size(0) as u64 * 65536) as u32;
    let mut words = arguments.split_whitespace();
    let function = words.next().unwrap_or_default();
    let numbers: Vec<u32> = words
        .map(|word| match word.split_at(1) {
            ("@", offset) => base + offset.parse::<u32>().unwrap_or(0),
            ("!", before) => end.wrapping_sub(before.parse::<u32>().unwrap_or(0)),
            _ => word.parse().unwrap_or(0),
        })
        .collect();
    let at = |place: usize| numbers.get(place).copied().unwrap_or(0);
    // SAFETY: the host reads and writes the guest's memory within its bounds or not at all; what
    // it may write is an array of ours that nobody reads.
    let errno = unsafe {
        match function {
            "load" => imports::load(at(0), at(1), at(2), at(3), at(4)),
            "load_by_name" => imports::load_by_name(at(0), at(1), at(2)),
            "init_execution_context" => imports::init_execution_context(at(0), at(1)),
            "set_input" => imports::set_input(at(0), at(1), at(2)),
            "compute" => imports::compute(at(0)),
            // What a record or a list points to.
            "set_tensor" => {
                let (ty, data, bytes) = (at(4), at(5), at(6));
                let tensor = Tensor {
                    dimensions: at(2),
                    rank: at(3),
                    ty,
                    data,
                    bytes,
                };
                imports::set_input(at(0), at(1), address(&tensor))
            }
            "load_builder" => {
                let list = [at(0), at(1)];
                imports::load(address(&list), 1, 1, 0, at(2))
            }
            _ => imports::get_output(at(0), at(1), at(2), at(3), at(4)),
        }
    };
    done(errno).map(|()| format!("done {}", zeros.iter().sum::<u64>()))
}

/// Writes until there is no more room.
fn flood() -> Answer {
    let much = [b'x'; 65536];
    let mut total = 0_u64;
    while write_all(1, &much) {
        total += 65536;
    }
    Err(u32::try_from(total >> 16).unwrap_or(u32::MAX))
}

fn read_all() -> Vec<u8> {
    let mut all = Vec::new();
    let mut part = [0_u8; 4096];
    loop {
        let (mut read, list) = (0, [part.as_mut_ptr().addr() as u32, part.len() as u32]);
        // SAFETY: the host writes at most as many bytes as the list says there is room for.
        let errno = unsafe { imports::fd_read(0, address(&list), 1, out(&mut read)) };
        let read = part.get(..read as usize).unwrap_or_default();
        if errno != 0 || read.is_empty() {
            return all;
        }
        all.extend_from_slice(read);
    }
}

fn write_all(fd: u32, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        let (mut written, list) = (0, [address(bytes), bytes.len() as u32]);
        // SAFETY: the host reads the bytes that the list points to.
        let errno = unsafe { imports::fd_write(fd, address(&list), 1, out(&mut written)) };
        if errno != 0 {
            return false;
        }
        bytes = bytes.get(written as usize..).unwrap_or_default();
    }
    true
}
