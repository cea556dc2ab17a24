//! Switches off ONNX Runtime's telemetry.
//!
//! Builds from the package index send telemetry by default, from 1.29 on also on Linux. They store
//! an identifier in the user's cache folder, and start before a call into them could switch it off.
//! Only an environment variable prevents that, so this is the one place that sets one. If the user
//! has set the variable to another value, that value is respected.

#![allow(unsafe_code)] // Setting an environment variable, which is sound on one thread alone.

/// The variable that ONNX Runtime reads when it is initialised.
const VARIABLE: &str = "ORT_DISABLE_TELEMETRY";

/// Switches telemetry off. Must be called first, while the process has one thread; with more
/// threads it does nothing. Returns whether the variable is set now, by this call or by the user.
pub fn switch_off() -> bool {
    if std::env::var_os(VARIABLE).is_some() {
        return true;
    }
    if !alone() {
        return false;
    }
    // SAFETY: there is no other thread that could read or write the environment meanwhile.
    unsafe { std::env::set_var(VARIABLE, "1") };
    true
}

/// Whether this process has one thread; false if the system does not tell.
fn alone() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|threads| threads.count() == 1)
}

#[cfg(test)]
mod tests {
    /// The test runner has other threads.
    #[test]
    fn nothing_is_set_beside_other_threads() {
        let (tell, wait) = std::sync::mpsc::channel::<()>();
        let other = std::thread::spawn(move || wait.recv().ok());
        assert!(!super::alone());
        drop(tell);
        other.join().unwrap();
    }
}
