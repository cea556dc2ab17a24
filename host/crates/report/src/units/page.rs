//! Numbers for pages: with three significant digits, typographic signs and a suitable unit.

/// Nanoseconds as a time: `44 ns`, `4.49 µs`, `616 µs`, `1.31 ms`.
pub(crate) fn time(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds.abs() {
        size if size < 999.5 => (nanoseconds, "ns"),
        size if size < 999.5e3 => (nanoseconds / 1e3, "µs"),
        size if size < 999.5e6 => (nanoseconds / 1e6, "ms"),
        _ => (nanoseconds / 1e9, "s"),
    };
    if unit == "ns" {
        return format!("{} ns", signed(value, 0));
    }
    format!("{} {unit}", three(value))
}

/// A time from an option, without needless digits: `5 ms`, `2.5 ms`.
pub(crate) fn round_time(nanoseconds: f64) -> String {
    rounded(time(nanoseconds))
}

/// A fraction from an option, without needless digits: `99 %`, `99.5 %`.
pub(crate) fn round_percent(share: f64) -> String {
    rounded(percent(share))
}

fn rounded(text: String) -> String {
    match text.split_once(' ') {
        Some((number, unit)) if number.contains('.') => {
            let number = number.trim_end_matches('0').trim_end_matches('.');
            format!("{number} {unit}")
        }
        _ => text,
    }
}

/// A number with three significant digits: `0.512`, `44`, `1,540`.
pub(crate) fn number(value: f64) -> String {
    if value.abs() < 999.5 && value.fract() == 0.0 {
        return signed(value, 0);
    }
    three(value)
}

/// Bytes: `602 kB`.
pub(crate) fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        _ if bytes < 999.5 => format!("{bytes:.0} B"),
        _ if bytes < 999.5e3 => format!("{} kB", three(bytes / 1e3)),
        _ if bytes < 999.5e6 => format!("{} MB", three(bytes / 1e6)),
        _ => format!("{} GB", three(bytes / 1e9)),
    }
}

/// Joules: `512 µJ`, `1.20 mJ`.
pub(crate) fn energy(joules: f64) -> String {
    match joules.abs() {
        size if size < 999.5e-6 => format!("{} µJ", three(joules * 1e6)),
        size if size < 0.9995 => format!("{} mJ", three(joules * 1e3)),
        _ => format!("{} J", three(joules)),
    }
}

/// A fraction as a percentage with one decimal: `86.0 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", signed(share * 100.0, 1))
}

/// A quantile by its usual name: `p99`, `p99.9`.
pub(crate) fn quantile(quantile: f64) -> String {
    // Rounds off the digits that binary fractions add.
    format!("p{}", (quantile * 1e6).round() / 1e4)
}

fn three(value: f64) -> String {
    let size = value.abs();
    let places = match size {
        _ if size < 9.995 => 2,
        _ if size < 99.95 => 1,
        _ => 0,
    };
    signed(value, places)
}

/// With a real minus sign, thousands separators, and no minus before zero.
fn signed(value: f64, places: usize) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let text = format!("{:.places$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let mut out = String::new();
    if value < 0.0 && text.chars().any(|digit| !matches!(digit, '0' | '.')) {
        out.push('−');
    }
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if !fraction.is_empty() {
        out.push('.');
        out.push_str(fraction);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_the_unit_that_suits() {
        assert_eq!(time(0.0), "0 ns");
        assert_eq!(time(44.4), "44 ns");
        assert_eq!(time(999.7), "1.00 µs");
        assert_eq!(time(4_490.0), "4.49 µs");
        assert_eq!(time(999_600.0), "1.00 ms");
        assert_eq!(time(-1_500.0), "−1.50 µs");
        assert_eq!(time(-0.2), "0 ns");
        assert_eq!(time(3.7e12), "3,700 s");
        assert_eq!(time(f64::NAN), "– s");
        assert_eq!(round_time(5e6), "5 ms");
        assert_eq!(round_time(2.5e6), "2.5 ms");
        assert_eq!(round_time(200.0), "200 ns");
        assert_eq!(
            (round_percent(1.0), round_percent(0.995)),
            ("100 %".into(), "99.5 %".into())
        );
        assert_eq!(number(8.0), "8");
        assert_eq!(number(1_499.6), "1,500");
        assert_eq!(number(12.34), "12.3");
        assert_eq!(size(602_112), "602 kB");
        assert_eq!(size(4_194_304), "4.19 MB");
        assert_eq!(energy(0.000_512), "512 µJ");
        assert_eq!(energy(12.0), "12.0 J");
        assert_eq!(percent(0.8604), "86.0 %");
        assert_eq!(
            (quantile(0.99), quantile(0.999)),
            ("p99".into(), "p99.9".into())
        );
    }
}
