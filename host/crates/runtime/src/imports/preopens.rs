//! `wasi:filesystem/preopens` as in Wasmtime's WASI. It also records that a guest asked for folders without a
//! grant: standard libraries ask when the first path is opened.

use tollgate_services::Missing;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::{
    filesystem::{Descriptor, WasiFilesystemView},
    p2::bindings::filesystem::preopens as version2,
    p3::bindings::filesystem::preopens as version3,
};

use crate::state::State;

/// The type of the host data for the generated functions.
struct Preopens;

struct Asked<'a>(&'a mut State);

impl HasData for Preopens {
    type Data<'a> = Asked<'a>;
}

/// Replaces Wasmtime's function for WASI 0.2.
pub(super) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    version2::add_to_linker::<_, Preopens>(linker, |state| Asked(state))?;
    linker.allow_shadowing(false);
    Ok(())
}

/// Replaces Wasmtime's function for WASI 0.3, for asynchronous components.
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
