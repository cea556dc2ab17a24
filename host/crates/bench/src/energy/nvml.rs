//! NVIDIA graphics cards, read through the management library (NVML) that comes with the driver.
//!
//! The library is loaded at run time, so that a machine without a card needs nothing. Only cards
//! that count energy themselves are read (Volta and later); power is never used for an estimate.

#![allow(unsafe_code)] // A C library of seven functions; each call says why it is sound.

use std::{
    ffi::{CStr, c_char, c_int, c_uint, c_ulonglong, c_void},
    fmt, ptr,
};

use libloading::Library;

use super::Error;

/// The file name that the system's loader looks for.
const LIBRARY: &str = "libnvidia-ml.so.1";

/// What each function returns on success.
const SUCCESS: c_int = 0;

/// Long enough for any card's name, according to NVML's header.
const NAME_BYTES: usize = 96;

/// More cards than any machine has. Bounds the loop if the count is wrong.
const MAX_CARDS: c_uint = 1024;

/// NVML's handle of a card: opaque, and not freed while NVML is initialised.
type Handle = *mut c_void;

type Start = unsafe extern "C" fn() -> c_int;
type ErrorString = unsafe extern "C" fn(c_int) -> *const c_char;
type Count = unsafe extern "C" fn(*mut c_uint) -> c_int;
type ByIndex = unsafe extern "C" fn(c_uint, *mut Handle) -> c_int;
type Name = unsafe extern "C" fn(Handle, *mut c_char, c_uint) -> c_int;
type Energy = unsafe extern "C" fn(Handle, *mut c_ulonglong) -> c_int;

/// The initialised library, and the cards that count energy.
pub(super) struct Nvml {
    cards: Vec<Card>,
    energy: Energy,
    error_string: ErrorString,
    shutdown: Start,
    /// Unloaded last: the function pointers above point into it.
    _library: Library,
}

struct Card {
    handle: Handle,
    name: String,
}

// SAFETY: NVML's documentation calls the library thread-safe, and a handle is valid for the whole
// process, on any thread.
unsafe impl Send for Card {}
// SAFETY: as above; a card is only read through it.
unsafe impl Sync for Card {}

impl fmt::Debug for Nvml {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.names()).finish()
    }
}

impl Nvml {
    /// Loads and initialises the library and finds the cards that count energy. The error says in
    /// one clause why there is none.
    pub(super) fn open() -> Result<Self, String> {
        Self::load(LIBRARY)
    }

    fn load(library: &str) -> Result<Self, String> {
        // SAFETY: loading a library runs its initialisers. This is the driver's own library, from
        // the place where the system keeps libraries; no guest and no package can name another one.
        let library =
            unsafe { Library::new(library) }.map_err(|_| "there is no NVIDIA driver".to_owned())?;
        let start: Start = function(&library, c"nvmlInit_v2")?;
        let error_string: ErrorString = function(&library, c"nvmlErrorString")?;
        let energy: Energy = function(&library, c"nvmlDeviceGetTotalEnergyConsumption")?;
        let count: Count = function(&library, c"nvmlDeviceGetCount_v2")?;
        let by_index: ByIndex = function(&library, c"nvmlDeviceGetHandleByIndex_v2")?;
        let name: Name = function(&library, c"nvmlDeviceGetName")?;
        let shutdown: Start = function(&library, c"nvmlShutdown")?;
        // SAFETY: the function takes no arguments. NVML counts initialisations, so doing it again
        // is allowed.
        let code = unsafe { start() };
        if code != SUCCESS {
            let reason = reason(error_string, code);
            return Err(format!("NVIDIA's management library says: {reason}"));
        }
        // Constructed now, so that each return below shuts NVML down.
        let mut nvml = Self {
            cards: Vec::new(),
            energy,
            error_string,
            shutdown,
            _library: library,
        };
        let mut cards = 0;
        // SAFETY: the function writes one number to the given address, which is our variable.
        nvml.expect(unsafe { count(&mut cards) })?;
        for index in 0..cards.min(MAX_CARDS) {
            let mut handle = ptr::null_mut();
            // SAFETY: the function writes one handle to the given address, which is our variable.
            // For a card that this user may not see it returns an error; such a card is left out.
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

    /// Reads each card's counter, in millijoules since its driver was loaded.
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
        // SAFETY: NVML is initialised as long as `self` lives, the handle came from NVML, and the
        // number is written to our variable.
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
        // SAFETY: making this value initialised NVML once, and this shuts it down once. The handles
        // are dropped with the value.
        unsafe { (self.shutdown)() };
    }
}

/// Looks up one of NVML's functions as a plain pointer. [`Nvml`] keeps the library loaded for it.
fn function<T: Copy>(library: &Library, name: &CStr) -> Result<T, String> {
    // SAFETY: `Nvml::load` names each function together with its type, as declared in NVML's
    // header; the version in a name (`_v2`) fixes the declaration.
    unsafe { library.get::<T>(name.to_bytes_with_nul()) }
        .map(|symbol| *symbol)
        .map_err(|_| {
            let name = name.to_string_lossy();
            format!("NVIDIA's management library is too old: it has no `{name}`")
        })
}

fn reason(error_string: ErrorString, code: c_int) -> String {
    // SAFETY: the function takes any number and returns a static text that ends in zero, or null.
    let text = unsafe { error_string(code) };
    if text.is_null() {
        return format!("error {code}");
    }
    // SAFETY: as above, and the pointer is not null.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_string_lossy().into_owned()
}

fn card_name(name: Name, handle: Handle) -> Option<String> {
    let mut text = [0_u8; NAME_BYTES];
    // SAFETY: the function writes at most the given number of bytes, zero included.
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

    /// Uses a library that is not NVML: the C library, which is always loaded.
    #[test]
    #[cfg(target_os = "linux")]
    fn another_library_is_refused() {
        let error = Nvml::load("libc.so.6").unwrap_err();
        assert!(error.contains("it has no `nvmlInit_v2`"), "{error}");
    }
}
