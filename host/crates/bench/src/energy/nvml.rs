//! NVIDIA's graphics cards, through the management library that comes with their driver.
//!
//! The library is looked up at run time, so that nothing is asked of a machine without a card. Only
//! cards that count energy themselves are read (Volta and later); there is no estimate from power.

#![allow(unsafe_code)] // A C library of seven functions; each call says why it is sound.

use std::{
    ffi::{CStr, c_char, c_int, c_uint, c_ulonglong, c_void},
    fmt, ptr,
};

use libloading::Library;

use super::Error;

/// The library's name for the system's loader.
const LIBRARY: &str = "libnvidia-ml.so.1";

/// What every function gives when it worked.
const SUCCESS: c_int = 0;

/// Long enough for any card's name, by NVML's header.
const NAME_BYTES: usize = 96;

/// More cards than any machine has, so that a count gone wrong is bounded.
const MAX_CARDS: c_uint = 1024;

/// NVML's handle of a card: opaque, and never freed while NVML is initialised.
type Handle = *mut c_void;

type Start = unsafe extern "C" fn() -> c_int;
type ErrorString = unsafe extern "C" fn(c_int) -> *const c_char;
type Count = unsafe extern "C" fn(*mut c_uint) -> c_int;
type ByIndex = unsafe extern "C" fn(c_uint, *mut Handle) -> c_int;
type Name = unsafe extern "C" fn(Handle, *mut c_char, c_uint) -> c_int;
type Energy = unsafe extern "C" fn(Handle, *mut c_ulonglong) -> c_int;

/// The library, initialised, and the cards that count.
pub(super) struct Nvml {
    cards: Vec<Card>,
    energy: Energy,
    error_string: ErrorString,
    shutdown: Start,
    /// Unloaded last: the functions above are in it.
    _library: Library,
}

struct Card {
    handle: Handle,
    name: String,
}

// SAFETY: NVML's documentation calls the library thread-safe, and a handle names a card for the
// whole process, whichever thread asked for it.
unsafe impl Send for Card {}
// SAFETY: as above; a card is only read through it.
unsafe impl Sync for Card {}

impl fmt::Debug for Nvml {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.names()).finish()
    }
}

impl Nvml {
    /// Loads and initialises the library and finds the cards that count, or says in one clause why
    /// there is none.
    pub(super) fn open() -> Result<Self, String> {
        Self::load(LIBRARY)
    }

    fn load(library: &str) -> Result<Self, String> {
        // SAFETY: loading a library runs its initialisers. It is the driver's own, found where the
        // system keeps its libraries; no guest or package can name another.
        let library =
            unsafe { Library::new(library) }.map_err(|_| "there is no NVIDIA driver".to_owned())?;
        let start: Start = function(&library, c"nvmlInit_v2")?;
        let error_string: ErrorString = function(&library, c"nvmlErrorString")?;
        let energy: Energy = function(&library, c"nvmlDeviceGetTotalEnergyConsumption")?;
        let count: Count = function(&library, c"nvmlDeviceGetCount_v2")?;
        let by_index: ByIndex = function(&library, c"nvmlDeviceGetHandleByIndex_v2")?;
        let name: Name = function(&library, c"nvmlDeviceGetName")?;
        let shutdown: Start = function(&library, c"nvmlShutdown")?;
        // SAFETY: the function takes nothing; initialising once more is counted and allowed.
        let code = unsafe { start() };
        if code != SUCCESS {
            let reason = reason(error_string, code);
            return Err(format!("NVIDIA's management library says: {reason}"));
        }
        // Made here, so that what was initialised is shut down on every way out.
        let mut nvml = Self {
            cards: Vec::new(),
            energy,
            error_string,
            shutdown,
            _library: library,
        };
        let mut cards = 0;
        // SAFETY: the function writes one number to where it is told, which is ours.
        nvml.expect(unsafe { count(&mut cards) })?;
        for index in 0..cards.min(MAX_CARDS) {
            let mut handle = ptr::null_mut();
            // SAFETY: the function writes one handle to where it is told, which is ours. A card
            // that this user may not see gives an error and is left out.
            if unsafe { by_index(index, &mut handle) } != SUCCESS {
                continue;
            }
            let name = card_name(name, handle).unwrap_or_else(|| format!("GPU {index}"));
            let card = Card { handle, name };
            if nvml.energy_of(&card).is_ok() {
                nvml.cards.push(card);
            }
        }
        if nvml.cards.is_empty() {
            return Err("no NVIDIA card here counts energy".into());
        }
        Ok(nvml)
    }

    /// The cards' names.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.cards.iter().map(|card| card.name.as_str())
    }

    /// Every card's counter since its driver was loaded, in millijoules.
    pub(super) fn read(&self) -> Result<Vec<u64>, Error> {
        self.cards
            .iter()
            .map(|card| {
                self.energy_of(card).map_err(|reason| Error::Gpu {
                    name: card.name.clone(),
                    reason,
                })
            })
            .collect()
    }

    fn energy_of(&self, card: &Card) -> Result<u64, String> {
        let mut millijoules = 0;
        // SAFETY: NVML is initialised while `self` lives, the handle is one it gave, and the number
        // goes to where it is told, which is ours.
        self.expect(unsafe { (self.energy)(card.handle, &mut millijoules) })?;
        Ok(millijoules)
    }

    fn expect(&self, code: c_int) -> Result<(), String> {
        if code == SUCCESS {
            return Ok(());
        }
        Err(reason(self.error_string, code))
    }
}

impl Drop for Nvml {
    fn drop(&mut self) {
        // SAFETY: it was initialised by whoever made this value, once; the handles go with it.
        unsafe { (self.shutdown)() };
    }
}

/// One of NVML's functions, as a plain pointer; the library outlives it in [`Nvml`].
fn function<T: Copy>(library: &Library, name: &CStr) -> Result<T, String> {
    // SAFETY: every function is named together with its type by `Nvml::load`, as NVML's header
    // declares them; the names' versions (`_v2`) pin those declarations.
    unsafe { library.get::<T>(name.to_bytes_with_nul()) }
        .map(|symbol| *symbol)
        .map_err(|_| {
            let name = name.to_string_lossy();
            format!("NVIDIA's management library is too old: it has no `{name}`")
        })
}

fn reason(error_string: ErrorString, code: c_int) -> String {
    // SAFETY: the function takes any number and gives a static text that ends in zero, or null.
    let text = unsafe { error_string(code) };
    if text.is_null() {
        return format!("error {code}");
    }
    // SAFETY: as above, and it is not null.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_string_lossy().into_owned()
}

fn card_name(name: Name, handle: Handle) -> Option<String> {
    let mut text = [0_u8; NAME_BYTES];
    // SAFETY: the function writes at most as many bytes as it is told there are, and a zero.
    let code = unsafe { name(handle, text.as_mut_ptr().cast(), NAME_BYTES as c_uint) };
    let text = CStr::from_bytes_until_nul(&text).ok()?;
    (code == SUCCESS).then(|| text.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_library_the_reason_is_said() {
        let error = Nvml::load("libtollgate-no-such-library.so").unwrap_err();
        assert_eq!(error, "there is no NVIDIA driver");
    }

    /// Any library that is not NVML; the C library is always loaded.
    #[test]
    #[cfg(target_os = "linux")]
    fn another_library_is_refused() {
        let error = Nvml::load("libc.so.6").unwrap_err();
        assert!(error.contains("it has no `nvmlInit_v2`"), "{error}");
    }
}
