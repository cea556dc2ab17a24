//! What help says beside each option: defaults, printed from the values that hold, and examples.

use std::{fmt::Display, time::Duration};

use tollgate_deploy::values;

/// A text with the default that holds where the option is not given.
pub(super) fn by_default(text: &str, value: impl Display) -> String {
    format!("{text} [default: {value}]")
}

/// Bytes in the largest unit that they are a whole number of, as they are typed.
pub(super) fn size(bytes: u64) -> String {
    for (unit, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)] {
        let whole = bytes >> shift;
        if whole > 0 && whole << shift == bytes {
            return format!("{whole}{unit}");
        }
    }
    format!("{bytes}B")
}

/// A duration as it is typed; none is no bound.
pub(super) fn duration(duration: Option<Duration>) -> String {
    duration.map_or_else(|| "none".to_owned(), values::show_duration)
}

pub(super) const JAIL: &str = "Where the plugin is compiled: in a helper process, confined by all layers (`strict`) or by those that the machine has (`best`), or in this process (`off`)";

pub(super) const JAIL_RUN: &str = "Where the plugin is compiled and models from bytes run: in helper processes, confined by all layers (`strict`) or by those that the machine has (`best`), or in this process (`off`)";

pub(super) const TOLLGATE: &str = "\
Examples:
  tollgate new reader --lang python           a plugin's project that builds, tests and runs
  tollgate run reader.wasm frames --model digits=digits.onnx
  tollgate bench reader.wasm frames --model digits=digits.onnx --paths native,plugin
  tollgate tune reader.wasm frames --model digits=digits.onnx --p99 20ms --out settings.toml";

pub(super) const RUN: &str = "\
Examples:
  tollgate run reader.wasm frames --model digits=digits.onnx --workers 2
  tollgate run reader.wasm - --json < picture.jpg
  tollgate run reader.wasm frames --model digits=digits.onnx --settings settings.toml --out-dir out
  tollgate run command.wasm --dir data::/data -- --verbose /data/picture.jpg

Exit codes: 0 all frames went through, 1 a frame failed or the work could not be done, 2 it was asked wrongly, 130 a signal ended it.";

pub(super) const BENCH: &str = "\
Examples:
  tollgate bench reader.wasm frames --model digits=digits.onnx
  tollgate bench reader.wasm frames --model digits=digits.onnx --twin libreader.so --paths native,twin,plugin --html report.html
  tollgate bench reader.wasm frames --model digits=digits.onnx --scenario server --p99 20ms
  tollgate bench reader.wasm frames --model digits=digits.onnx --scenario none --concurrency 1,2,4,8";

pub(super) const TUNE: &str = "\
Examples:
  tollgate tune reader.wasm frames --model digits=digits.onnx --p99 20ms --out settings.toml
  tollgate tune reader.wasm frames --model digits=digits.onnx --model digits:int8=int8.onnx --truth truth.json --p99 20ms

Exit codes: 0 settings were found, 1 none do what was asked or the work could not be done, 2 it was asked wrongly, 130 a signal ended it.";

pub(super) const NEW: &str = "\
Examples:
  tollgate new reader --lang rust
  tollgate new reader --lang typescript --json";

pub(super) const INSPECT: &str = "\
Examples:
  tollgate inspect reader.wasm
  tollgate inspect reader.wasm --json
  tollgate inspect reader.wasm --check

Exit codes: 0 it was described, 1 it cannot be read or with `--check` is not accepted, 2 it was asked wrongly.";

pub(super) const PACK: &str = "\
Examples:
  tollgate pack module.wasm --output reader.wasm";

#[cfg(test)]
mod tests {
    use super::*;

    /// What is printed can be typed.
    #[test]
    fn sizes_and_durations_read_back() {
        for bytes in [1, 1000, 1024, 1500, 4096, 64 << 20, 3 << 30] {
            assert_eq!(values::size(&size(bytes)), Ok(bytes as usize), "{bytes}");
        }
        assert_eq!(size(256 << 20), "256MiB");
        let ten = Duration::from_secs(10);
        assert_eq!(values::duration(&duration(Some(ten))), Ok(ten));
        assert_eq!(duration(None), "none");
    }
}
