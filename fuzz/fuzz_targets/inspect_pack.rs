//! What `inspect` and `pack` make of any bytes, short of compiling them: what is valid and packed can be
//! packed again and is then the same, and imports and exports what it did before.
#![no_main]

use tollgate::commands;
use wasmparser::{Validator, WasmFeatures};

libfuzzer_sys::fuzz_target!(|wasm: &[u8]| {
    let Ok(seen) = tollgate_inspect::inspect(wasm) else {
        return;
    };
    serde_json::to_string(&seen).expect("what was seen can be written");
    let encode = seen.kind == tollgate_inspect::Kind::UnencodedComponent;
    let Ok(packed) = commands::packed("fuzz", wasm, encode, false) else {
        return;
    };
    // What is not valid is taken apart all the same, and refused when it is compiled.
    if Validator::new_with_features(WasmFeatures::all())
        .validate_all(wasm)
        .is_err()
    {
        return;
    }
    let after = tollgate_inspect::inspect(&packed).expect("what was packed can be inspected");
    if !encode {
        assert_eq!(after.imports, seen.imports);
        assert_eq!(after.exports, seen.exports);
        assert!(packed.len() <= wasm.len(), "packing takes away");
    }
    let again =
        commands::packed("fuzz", &packed, false, false).expect("what was packed can be packed");
    assert!(again == packed, "packing twice is packing once");
});
