//! Facts about the machine and this process: names and versions for the report, processor time and
//! memory for the measurements. What the system does not tell is `None`.

use std::{
    fs,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rustix::time::{ClockId, clock_gettime};

use super::record::Machine;

/// Describes this machine, and the version of ONNX Runtime that was loaded.
pub fn describe(onnxruntime: Option<String>) -> Machine {
    let kernel = read("/proc/sys/kernel/osrelease");
    Machine {
        tollgate: env!("CARGO_PKG_VERSION").to_owned(),
        wasmtime: tollgate_runtime::WASMTIME_VERSION.to_owned(),
        onnxruntime,
        cores: tollgate_nn::cores(),
        cpu: field(&read("/proc/cpuinfo"), "model name").map(str::to_owned),
        memory_bytes: field(&read("/proc/meminfo"), "MemTotal").and_then(kibibytes),
        os: format!("{} {}", capitalised(std::env::consts::OS), kernel.trim())
            .trim_end()
            .to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
    }
}

/// The processor time that this process has used so far, on all cores.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanoseconds)
}

/// The memory that this process occupies, in bytes.
pub fn resident_bytes() -> Option<u64> {
    field(&read("/proc/self/status"), "VmRSS").and_then(kibibytes)
}

/// The current time as RFC 3339 in UTC, to the second.
pub fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    rfc3339(since.unwrap_or_default().as_secs())
}

/// Seconds since the Unix epoch as RFC 3339 in UTC.
fn rfc3339(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Counted from the first of March of year 0. Then a leap day is the last day of its year, and
    // years form eras of 400, which all have the same number of days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The value in the first line of the form `name: value`.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name).then(|| value.trim())
    })
}

fn kibibytes(text: &str) -> Option<u64> {
    let number = text.strip_suffix("kB")?.trim().parse::<u64>().ok()?;
    number.checked_mul(1024)
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_everybody_does() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(rfc3339(1_709_210_096), "2024-02-29T12:34:56Z");
        assert_eq!(rfc3339(1_735_689_599), "2024-12-31T23:59:59Z");
        assert_eq!(rfc3339(4_107_542_400), "2100-03-01T00:00:00Z");
    }

    #[test]
    fn lines_of_the_kernel_are_read() {
        let text = "model name\t: AMD EPYC\nMemTotal:       24105000 kB\n";
        assert_eq!(field(text, "model name"), Some("AMD EPYC"));
        assert_eq!(
            field(text, "MemTotal").and_then(kibibytes),
            Some(24_105_000 * 1024)
        );
        assert_eq!(field(text, "VmRSS"), None);
        assert_eq!(kibibytes("many kB"), None);
    }

    #[test]
    fn processor_time_goes_on() {
        let before = cpu_time();
        let mut sum = 0u64;
        while cpu_time() == before {
            sum = std::hint::black_box(sum.wrapping_add(1));
        }
        assert!(cpu_time() > before);
    }
}
