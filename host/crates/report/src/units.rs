//! Numbers with units, for terminals: ASCII, so that columns line up. For pages of HTML see `page`.

pub(crate) mod page;

/// Nanoseconds with a suitable unit.
pub fn time(nanoseconds: f64) -> String {
    let size = nanoseconds.abs();
    if size < 1e3 {
        format!("{nanoseconds:.0} ns")
    } else if size < 1e6 {
        format!("{:.2} us", nanoseconds / 1e3)
    } else if size < 1e9 {
        format!("{:.2} ms", nanoseconds / 1e6)
    } else {
        format!("{:.2} s", nanoseconds / 1e9)
    }
}

/// Bytes with a suitable unit.
pub fn size(bytes: f64) -> String {
    if bytes < 1e3 {
        format!("{bytes:.0} B")
    } else if bytes < 1e6 {
        format!("{:.1} kB", bytes / 1e3)
    } else {
        format!("{:.1} MB", bytes / 1e6)
    }
}

/// A rate in frames, for a sentence.
pub fn rate(frames_per_second: f64) -> String {
    if frames_per_second < 100.0 {
        format!("{frames_per_second:.1} frames/s")
    } else {
        format!("{frames_per_second:.0} frames/s")
    }
}

/// A fraction as a percentage, without a needless digit: `99 %`, `99.5 %`.
pub fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent.fract().abs() < 1e-9 {
        format!("{percent:.0} %")
    } else {
        format!("{percent:.1} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_suit_the_number() {
        assert_eq!(time(0.0), "0 ns");
        assert_eq!(time(999.0), "999 ns");
        assert_eq!(time(-1500.0), "-1.50 us");
        assert_eq!(time(2_345_678.0), "2.35 ms");
        assert_eq!(time(1.5e9), "1.50 s");
        assert_eq!(size(999.0), "999 B");
        assert_eq!(size(602_112.0), "602.1 kB");
        assert_eq!(size(3e6), "3.0 MB");
    }
}
