//! `tollgate jail`: the program as a helper process of its own, hidden. It confines itself before it reads the first
//! byte of a stranger's.

use std::process::ExitCode;

use tollgate_deploy::compile;

use crate::cli::JailArgs;

/// What makes the program a helper that tries what it must not be able to do.
pub const PROBE: [&str; 2] = ["jail", "probe"];

/// Is the helper.
pub fn run(args: &JailArgs) -> ExitCode {
    let told: Vec<&str> = args.told.iter().map(String::as_str).collect();
    let [_, job] = compile::HELPER;
    let [_, probe] = PROBE;
    match told.as_slice() {
        [name, target, bounds, strength] if *name == job => {
            tollgate_jail::serve([bounds, strength], |wasm| compile::in_helper(target, wasm))
        }
        [name, bounds, strength] if *name == probe => {
            tollgate_jail::serve([bounds, strength], |_| {
                Ok(tollgate_jail::probe().into_bytes())
            })
        }
        _ => tollgate_jail::serve(["", ""], |_| Ok(Vec::new())),
    }
}
