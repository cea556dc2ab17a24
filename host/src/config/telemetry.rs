//! ONNX Runtime's telemetry, switched off.
//!
//! Builds from the package index report to their maker by default: from 1.29 on, on Linux as well,
//! with an identifier that they keep in the user's cache folder, and before any call into them could
//! say no. Only an environment variable of the process keeps all of it from starting, so this is the
//! one place that sets one. Whoever sets it otherwise before the program starts is obeyed.

#![allow(unsafe_code)] // Setting an environment variable, which is sound on one thread alone.

/// What ONNX Runtime looks at when it is initialised.
const VARIABLE: &str = "ORT_DISABLE_TELEMETRY";

/// Asks ONNX Runtime to report nothing. To be called first of all, while the process has one
/// thread; with more, nothing is done. Says whether the variable is set now, by whomever.
pub fn switch_off() -> bool {
    if std::env::var_os(VARIABLE).is_some() {
        return true;
    }
    if !alone() {
        return false;
    }
    // SAFETY: no other thread is there that could read or write the environment meanwhile.
    unsafe { std::env::set_var(VARIABLE, "1") };
    true
}

/// Whether this process has one thread; where the system does not say, it is taken to have more.
fn alone() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1)
}

#[cfg(test)]
mod tests {
    /// The test runner has threads of its own beside this one.
    #[test]
    fn nothing_is_set_beside_other_threads() {
        let (tell, wait) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || wait.recv().ok());
        assert!(!super::alone());
        drop(tell);
        other.join().unwrap();
    }
}
