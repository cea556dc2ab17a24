//! `wasi:filesystem/preopens` as Wasmtime's WASI has it, taking note of who asks for folders and was
//! granted none: standard libraries ask when the first path is opened.

use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::{
    filesystem::{Descriptor, WasiFilesystemView},
    p2::bindings::filesystem::preopens as version2,
    p3::bindings::filesystem::preopens as version3,
};

use crate::{Missing, state::State};

/// What the generated functions are called on.
struct Preopens;

struct Asked<'a>(&'a mut State);

impl HasData for Preopens {
    type Data<'a> = Asked<'a>;
}

/// Puts 0.2's in the place of Wasmtime's.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    version2::add_to_linker::<_, Preopens>(linker, |state| Asked(state))?;
    linker.allow_shadowing(false);
    Ok(())
}

/// And 0.3's, for asynchronous components.
pub(super) fn add_to_async_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    add_to_linker(linker)?;
    linker.allow_shadowing(true);
    version3::add_to_linker::<_, Preopens>(linker, |state| Asked(state))?;
    linker.allow_shadowing(false);
    Ok(())
}

type Folders = Vec<(Resource<Descriptor>, String)>;

impl Asked<'_> {
    fn note(&mut self) {
        let missing = &self.0.nn.missing;
        missing.set(Missing {
            dirs: missing.get().dirs | !self.0.has_dirs,
            ..missing.get()
        });
    }
}

impl version2::Host for Asked<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Folders> {
        self.note();
        version2::Host::get_directories(&mut self.0.filesystem())
    }
}

impl version3::Host for Asked<'_> {
    fn get_directories(&mut self) -> wasmtime::Result<Folders> {
        self.note();
        version3::Host::get_directories(&mut self.0.filesystem())
    }
}
