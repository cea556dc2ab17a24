//! A frame as a program: calls of imported functions with arguments that no binding would make.
//!
//! The first byte says what the program may do; then one instruction follows another until the
//! bytes end, so that every program ends. What an instruction lacks is zero.
//!
//! | byte | instruction |
//! | --- | --- |
//! | `00`-`7f` | calls a function with as many arguments as it takes, and keeps what it returns |
//! | `80`-`df` | writes an argument to a word of the arena |
//! | `e0`-`ef` | keeps what a word of the arena holds: the next byte says which |
//! | `f0`-`ff` | from now on the host is given memory in this way ([`Program::ways`]) |
//!
//! Handles are what calls returned, or what the host wrote to the arena. Arguments are in
//! [`Program::argument`].

/// What a program can point to.
const WORDS: usize = 128;
/// What was kept last is the first to be found.
const KEPT: usize = 16;

/// How many arguments it takes, and the function, with the handle that it returns if it does.
pub(crate) type Function = (usize, fn([u32; 5]) -> Option<u32>);

/// Bytes that programs can point to and would hardly write themselves: names of graphs, inputs and
/// outputs, one each 16 bytes.
static NAMES: &[u8; 256] = b"\
pair............\
type-u8.........\
nonzero.........\
lookup..........\
pass-open.......\
rows-fp32.......\
a...............\
b...............\
x...............\
y...............\
sum.............\
count...........\
0...............\
1...............\
input...........\
output..........";

/// A model, whole: what is loaded from other bytes is the business of another target.
static MODEL: &[u8] = include_bytes!("../../../models/type-u8.onnx");

pub(crate) struct Program<'a> {
    rest: &'a [u8],
    start: u32,
    arena: &'a mut [u32; WORDS],
    kept: [u32; KEPT],
}

/// Where an object lies.
fn address<T: ?Sized>(of: *const T) -> u32 {
    of.cast::<u8>().addr() as u32
}

/// Runs a program. `load` is the place of the function that loads models: a program with leave to
/// load has the model above for its first two arguments. `ways` is told how memory is given.
pub(crate) fn run(bytes: &[u8], functions: &[Function], load: usize, ways: fn(u8)) {
    let mut arena = [0; WORDS];
    // The model whole, without its end, and nothing at all; as a list of lists lies in memory.
    let (model, whole) = (address(MODEL.as_ptr()), MODEL.len() as u32);
    let builders = [[model, whole], [model, whole / 2], [model, 0]];
    let granted = bytes.first().is_some_and(|flags| flags & 1 != 0);
    let mut program = Program {
        rest: bytes.get(1..).unwrap_or_default(),
        start: address(bytes.as_ptr()),
        arena: &mut arena,
        kept: [0; KEPT],
    };
    while let Some(instruction) = program.byte() {
        match instruction {
            0..0x80 => {
                let place = usize::from(instruction) % functions.len().max(1);
                let Some(&(arity, function)) = functions.get(place) else {
                    return;
                };
                let mut arguments = [0; 5];
                for argument in arguments.iter_mut().take(arity) {
                    *argument = program.argument();
                }
                if place == load && granted {
                    let [list, count, ..] = &mut arguments;
                    *list = address(std::hint::black_box(builders.as_ptr()));
                    *count %= 4;
                }
                if let Some(handle) = function(arguments) {
                    program.keep(handle);
                }
            }
            0x80..0xe0 => {
                let value = program.argument();
                if let Some(word) = program.arena.get_mut(usize::from(instruction - 0x80)) {
                    *word = value;
                }
            }
            0xe0..0xf0 => {
                let place = program.next();
                let word = program.arena.get(place as usize % WORDS).copied();
                program.keep(word.unwrap_or_default());
            }
            0xf0.. => ways(instruction & 0xf),
        }
    }
    // The host has written to it behind the compiler's back.
    std::hint::black_box(&arena);
}

impl Program<'_> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(byte)
    }

    fn next(&mut self) -> u32 {
        self.byte().unwrap_or_default().into()
    }

    fn keep(&mut self, value: u32) {
        self.kept.rotate_right(1);
        if let Some(first) = self.kept.first_mut() {
            *first = value;
        }
    }

    /// The next argument: a small number, a handle, an address that is good or one that is not.
    fn argument(&mut self) -> u32 {
        let byte = self.next();
        let arena = address(self.arena.as_ptr());
        match byte {
            0..0x40 => byte,
            0x40..0x50 => self
                .kept
                .get(byte as usize & 0xf)
                .copied()
                .unwrap_or_default(),
            0x50..0x60 => address(NAMES.as_ptr()) + 16 * (byte & 0xf),
            0x60..0x80 => arena + 16 * (byte & 0x1f),
            0x80..0xc0 => self.start + 4 * (byte & 0x3f),
            0xc0..0xe0 => arena + (byte & 0x1f),
            0xe0..0xf0 => 1 << (2 * (byte & 0xf)),
            0xf0 => memory_end().wrapping_sub(self.next()),
            0xf1 => u32::from_le_bytes([(); 4].map(|()| self.byte().unwrap_or_default())),
            0xf2 => u32::MAX - self.next(),
            0xf3 => address(MODEL.as_ptr()),
            0xf4 => MODEL.len() as u32,
            _ => self.next(),
        }
    }
}

pub(crate) fn memory_end() -> u32 {
    #[cfg(target_arch = "wasm32")]
    let pages = core::arch::wasm32::memory_size(0);
    #[cfg(not(target_arch = "wasm32"))]
    let pages = 1;
    (pages << 16) as u32
}
