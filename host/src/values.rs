//! Values with a unit or a separator in them, as people type them: sizes, durations, pairs.
//!
//! Pure functions from text to value, used by `cli`; each says what it expected when it refuses.
//! They know no option names: clap puts the option's name before the message.

use std::{path::PathBuf, time::Duration};

/// A model and the name that plugins ask for it by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelArg {
    /// The graph's name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

/// A folder of the host and where a guest sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirArg {
    /// The folder on the host.
    pub host: PathBuf,
    /// Its name in the guest.
    pub guest: String,
}

/// One environment variable for a guest: its value, or none to hand on the host's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvArg {
    /// The variable's name.
    pub key: String,
    /// Its value, where one was typed.
    pub value: Option<String>,
}

/// A rate of arrivals as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Frames a second.
    PerSecond(f64),
    /// This many times the rate that a closed loop of all workers reaches.
    OfSaturation(f64),
}

/// Bytes: a whole number with `B`, `KiB`, `MiB`, `GiB`, `kB`, `MB` or `GB`, or with nothing for bytes.
pub fn size(text: &str) -> Result<usize, String> {
    const EXPECTED: &str =
        "expected a whole number with B, KiB, MiB, GiB, kB, MB or GB, such as 256MiB";
    let (number, unit) = split_number(text).ok_or(EXPECTED)?;
    let factor: u64 = match unit {
        "" | "B" => 1,
        "kB" | "KB" => 1000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return Err(EXPECTED.to_owned()),
    };
    number
        .checked_mul(factor)
        .and_then(|bytes| usize::try_from(bytes).ok())
        .ok_or_else(|| "more bytes than this machine can address".to_owned())
}

/// A duration above zero: a whole number with `us`, `ms`, `s`, `m` or `h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a whole number with us, ms, s, m or h, such as 500ms";
    /// A year; nothing waits longer, and sums of a few of these stay in range.
    const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
    let (number, unit) = split_number(text).ok_or(EXPECTED)?;
    let seconds = |factor: u64| number.checked_mul(factor).map(Duration::from_secs);
    let duration = match unit {
        "us" => Some(Duration::from_micros(number)),
        "ms" => Some(Duration::from_millis(number)),
        "s" => seconds(1),
        "m" => seconds(60),
        "h" => seconds(3600),
        _ => return Err(EXPECTED.to_owned()),
    };
    match duration {
        Some(Duration::ZERO) => Err("expected more than zero".to_owned()),
        Some(duration) if duration <= LONGEST => Ok(duration),
        _ => Err("expected at most a year".to_owned()),
    }
}

/// `name=path`.
pub fn model(text: &str) -> Result<ModelArg, String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok(ModelArg {
            name: name.to_owned(),
            path: PathBuf::from(path),
        }),
        _ => Err("expected name=path, such as digits=models/digits.onnx".to_owned()),
    }
}

/// `HOST` or `HOST::GUEST`; the guest's name is the host's where none is typed.
pub fn dir(text: &str) -> Result<DirArg, String> {
    let (host, guest) = text.split_once("::").unwrap_or((text, text));
    if host.is_empty() || guest.is_empty() {
        return Err("expected HOST or HOST::GUEST, such as models::/models".to_owned());
    }
    Ok(DirArg {
        host: PathBuf::from(host),
        guest: guest.to_owned(),
    })
}

/// `KEY=VALUE`, or `KEY` to hand on the host's own value.
pub fn env(text: &str) -> Result<EnvArg, String> {
    let (key, value) = match text.split_once('=') {
        Some((key, value)) => (key, Some(value.to_owned())),
        None => (text, None),
    };
    if key.is_empty() {
        return Err("expected KEY=VALUE or KEY".to_owned());
    }
    Ok(EnvArg {
        key: key.to_owned(),
        value,
    })
}

/// Frames a second, or a multiple of the rate that saturates: `200`, `12.5`, `2x`.
pub fn rate(text: &str) -> Result<Rate, String> {
    const EXPECTED: &str = "expected frames a second, such as 200, or a multiple of the rate that saturates, such as 2x";
    let (number, of_saturation) = match text.strip_suffix('x') {
        Some(number) => (number, true),
        None => (text, false),
    };
    match positive(number) {
        Some(number) if of_saturation => Ok(Rate::OfSaturation(number)),
        Some(number) => Ok(Rate::PerSecond(number)),
        None => Err(EXPECTED.to_owned()),
    }
}

/// A share above zero and below one: `5%` or `0.05`.
pub fn share(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(number) => positive(number).map(|number| number / 100.0),
        None => positive(text),
    };
    share
        .filter(|&share| share < 1.0)
        .ok_or_else(|| "expected a share between 0 and 1, such as 5% or 0.05".to_owned())
}

/// A decimal number above zero, and not beyond a billion.
fn positive(text: &str) -> Option<f64> {
    let plain = text
        .chars()
        .all(|character| character.is_ascii_digit() || character == '.');
    let number = text.parse::<f64>().ok().filter(|_| plain)?;
    (number > 0.0 && number <= 1e9).then_some(number)
}

/// A whole number and what stands behind it.
fn split_number(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    Some((digits.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_shares() {
        assert_eq!(rate("200"), Ok(Rate::PerSecond(200.0)));
        assert_eq!(rate("12.5"), Ok(Rate::PerSecond(12.5)));
        assert_eq!(rate("2x"), Ok(Rate::OfSaturation(2.0)));
        for bad in ["", "x", "0", "-1", "inf", "1e3", "2 x", "nan", "1e400"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
        assert_eq!(share("5%"), Ok(0.05));
        assert_eq!(share("0.25"), Ok(0.25));
        for bad in ["5", "100%", "0%", "%", "-5%"] {
            assert!(share(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(size("0"), Ok(0));
        assert_eq!(size("17"), Ok(17));
        assert_eq!(size("17B"), Ok(17));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("256 MiB"), Ok(268_435_456));
        assert_eq!(size("1GiB"), Ok(1 << 30));
        assert_eq!(size("3kB"), Ok(3000));
        assert_eq!(size("2GB"), Ok(2_000_000_000));
        for bad in [
            "",
            "MiB",
            "-1",
            "1.5GiB",
            "1TiB",
            "1mib",
            "99999999999999999999",
        ] {
            assert!(
                size(bad).unwrap_err().starts_with("expected a whole"),
                "{bad}"
            );
        }
        assert!(
            size("18446744073709551615GiB")
                .unwrap_err()
                .contains("address")
        );
    }

    #[test]
    fn durations() {
        assert_eq!(duration("500us"), Ok(Duration::from_micros(500)));
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        for bad in ["", "10", "s", "1d", "1.5s", "-1s"] {
            assert!(
                duration(bad).unwrap_err().contains("such as 500ms"),
                "{bad}"
            );
        }
        assert!(duration("0s").unwrap_err().contains("more than zero"));
        for long in ["9000h", "18446744073709551615h", "18446744073709551615us"] {
            assert!(duration(long).unwrap_err().contains("a year"), "{long}");
        }
    }

    #[test]
    fn pairs() {
        let digits = ModelArg {
            name: "digits".into(),
            path: "a=b.onnx".into(),
        };
        assert_eq!(model("digits=a=b.onnx"), Ok(digits));
        for bad in ["", "digits", "=x", "digits="] {
            assert!(model(bad).unwrap_err().contains("name=path"), "{bad}");
        }

        assert_eq!(
            dir("a"),
            Ok(DirArg {
                host: "a".into(),
                guest: "a".into()
            })
        );
        assert_eq!(
            dir("a::/b"),
            Ok(DirArg {
                host: "a".into(),
                guest: "/b".into()
            })
        );
        for bad in ["", "::", "a::", "::b"] {
            assert!(dir(bad).is_err(), "{bad}");
        }

        assert_eq!(
            env("A=b=c"),
            Ok(EnvArg {
                key: "A".into(),
                value: Some("b=c".into())
            })
        );
        assert_eq!(
            env("A="),
            Ok(EnvArg {
                key: "A".into(),
                value: Some(String::new())
            })
        );
        assert_eq!(
            env("A"),
            Ok(EnvArg {
                key: "A".into(),
                value: None
            })
        );
        assert!(env("=b").is_err());
    }
}
