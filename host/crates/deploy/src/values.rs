//! Values with a unit or a separator in them: sizes, durations, pairs.
//!
//! Pure functions from text to value, used by `cli`. An error says what was expected. They do not
//! know option names: clap puts the option's name before the message.

use std::{fmt, path::PathBuf, time::Duration};

/// The file of a model, the name by which plugins ask for the model, and the variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelArg {
    /// The graph's name.
    pub name: String,
    /// The variant's name, if one was given.
    pub variant: Option<String>,
    /// The file.
    pub path: PathBuf,
}

/// The choice of a variant: for one model, or for each model that has one of that name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariantArg {
    /// The model's name, if one was given.
    pub model: Option<String>,
    /// The variant's name.
    pub variant: String,
}

impl fmt::Display for VariantArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.model {
            Some(model) => write!(f, "{model}:{}", self.variant),
            None => f.write_str(&self.variant),
        }
    }
}

/// A folder on the host, and its name in the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirArg {
    /// The folder on the host.
    pub host: PathBuf,
    /// Its name in the guest.
    pub guest: String,
}

/// An environment variable for a guest. Without a value the host's own is passed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvArg {
    /// The variable's name.
    pub key: String,
    /// Its value, if one was given.
    pub value: Option<String>,
}

/// A configuration value for a plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigArg {
    /// Its key.
    pub key: String,
    /// The value.
    pub value: String,
}

impl fmt::Display for ConfigArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.key, self.value)
    }
}

/// A key-value bucket and the file that it is kept in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketArg {
    /// The bucket's name.
    pub name: String,
    /// The file.
    pub path: PathBuf,
}

impl fmt::Display for BucketArg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, self.path.display())
    }
}

/// A rate of arrivals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// Frames a second.
    PerSecond(f64),
    /// A multiple of the rate that a closed loop with all workers reaches.
    OfSaturation(f64),
}

/// Parses bytes: a whole number with `B`, `KiB`, `MiB`, `GiB`, `kB`, `MB` or `GB`, or without a
/// unit.
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

/// Parses a positive duration: a whole number with `us`, `ms`, `s`, `m` or `h`.
pub fn duration(text: &str) -> Result<Duration, String> {
    const EXPECTED: &str = "expected a whole number with us, ms, s, m or h, such as 500ms";
    /// A year: long enough for any wait, and short enough that sums of a few stay in range.
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

/// Parses `NAME=PATH`, or `NAME:VARIANT=PATH` for one of several files of a model. The name ends at
/// the first equals sign, so a path may contain any character.
pub fn model(text: &str) -> Result<ModelArg, String> {
    const EXPECTED: &str = "expected NAME=PATH, such as digits=models/digits.onnx, or NAME:VARIANT=PATH, such as digits:int8=models/digits.int8.onnx";
    let (names, path) = text.split_once('=').ok_or(EXPECTED)?;
    let (name, variant) = match names.split_once(':') {
        Some((name, variant)) => (name, Some(variant)),
        None => (names, None),
    };
    let empty = name.is_empty() || path.is_empty() || variant == Some("");
    if empty || variant.is_some_and(|variant| variant.contains(':')) {
        return Err(EXPECTED.to_owned());
    }
    Ok(ModelArg {
        name: name.to_owned(),
        variant: variant.map(str::to_owned),
        path: PathBuf::from(path),
    })
}

/// Parses `VARIANT`, or `NAME:VARIANT` for one model.
pub fn variant(text: &str) -> Result<VariantArg, String> {
    let (model, variant) = match text.split_once(':') {
        Some((model, variant)) => (Some(model), variant),
        None => (None, text),
    };
    if variant.is_empty() || model == Some("") || variant.contains(':') {
        return Err("expected VARIANT or NAME:VARIANT, such as int8 or digits:int8".to_owned());
    }
    Ok(VariantArg {
        model: model.map(str::to_owned),
        variant: variant.to_owned(),
    })
}

/// Formats a duration for [`duration`], in the largest unit that gives a whole number. Anything
/// below a microsecond is cut off.
pub fn show_duration(duration: Duration) -> String {
    let us = duration.as_micros();
    let units = [
        (3_600_000_000, "h"),
        (60_000_000, "m"),
        (1_000_000, "s"),
        (1000, "ms"),
    ];
    let unit = units
        .iter()
        .find(|(factor, _)| us >= *factor && us.is_multiple_of(*factor));
    match unit {
        Some((factor, name)) => format!("{}{name}", us / factor),
        None => format!("{us}us"),
    }
}

/// Parses `HOST` or `HOST::GUEST`; without the latter the guest's name is the host's.
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

/// Parses `KEY=VALUE`, or `KEY` to pass on the host's own value.
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

/// Parses `KEY=VALUE`; the value may be empty and may contain any character.
pub fn config(text: &str) -> Result<ConfigArg, String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok(ConfigArg {
            key: key.to_owned(),
            value: value.to_owned(),
        }),
        _ => Err("expected KEY=VALUE, such as threshold=0.8".to_owned()),
    }
}

/// Parses `NAME=FILE`; one file may hold several buckets.
pub fn bucket(text: &str) -> Result<BucketArg, String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => Ok(BucketArg {
            name: name.to_owned(),
            path: PathBuf::from(path),
        }),
        _ => Err("expected NAME=FILE, such as counts=state.redb".to_owned()),
    }
}

/// Parses frames per second, or a multiple of the saturating rate: `200`, `12.5`, `2x`.
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

/// Parses a fraction above zero and at most one: `97%` or `0.97`.
pub fn portion(text: &str) -> Result<f64, String> {
    if matches!(text, "1" | "1.0" | "100%") {
        return Ok(1.0);
    }
    share(text).map_err(|_| "expected a share up to 1, such as 97% or 0.97".to_owned())
}

/// Parses a pattern for file names: `*.jpg`.
///
/// # Errors
///
/// The pattern is invalid, or contains folders.
pub fn glob(text: &str) -> Result<glob::Pattern, String> {
    if text.contains('/') {
        return Err("expected a pattern for names without folders, such as `*.jpg`".to_owned());
    }
    glob::Pattern::new(text)
        .map_err(|error| format!("expected a pattern such as `*.jpg`: {}", error.msg))
}

/// Parses a fraction above zero and below one: `5%` or `0.05`.
pub fn share(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(number) => positive(number).map(|number| number / 100.0),
        None => positive(text),
    };
    share
        .filter(|&share| share < 1.0)
        .ok_or_else(|| "expected a share between 0 and 1, such as 5% or 0.05".to_owned())
}

/// Parses a decimal number above zero and at most a billion.
fn positive(text: &str) -> Option<f64> {
    let plain = text
        .chars()
        .all(|character| character.is_ascii_digit() || character == '.');
    let number = text.parse::<f64>().ok().filter(|_| plain)?;
    (number > 0.0 && number <= 1e9).then_some(number)
}

/// Splits a text into a whole number and the rest.
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
        for shown in ["500us", "1500us", "20ms", "90s", "2m", "5h"] {
            assert_eq!(show_duration(duration(shown).unwrap()), shown);
        }
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
        let digits = |variant: Option<&str>| ModelArg {
            name: "digits".into(),
            variant: variant.map(str::to_owned),
            path: "a:c=b.onnx".into(),
        };
        assert_eq!(model("digits=a:c=b.onnx"), Ok(digits(None)));
        assert_eq!(model("digits:int8=a:c=b.onnx"), Ok(digits(Some("int8"))));
        for bad in [
            "",
            "digits",
            "=x",
            "digits=",
            "digits:=x",
            ":a=x",
            "a:b:c=x",
        ] {
            assert!(model(bad).unwrap_err().contains("NAME=PATH"), "{bad}");
        }

        let int8 = |model: Option<&str>| VariantArg {
            model: model.map(str::to_owned),
            variant: "int8".into(),
        };
        assert_eq!(variant("int8"), Ok(int8(None)));
        assert_eq!(variant("digits:int8"), Ok(int8(Some("digits"))));
        for bad in ["", ":", "a:", ":a", "a:b:c"] {
            assert!(variant(bad).unwrap_err().contains("such as int8"), "{bad}");
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

        for pair in ["A=b=c", "A="] {
            assert_eq!(config(pair).unwrap().to_string(), pair);
        }
        for bad in ["A", "=b", ""] {
            assert!(config(bad).is_err(), "{bad}");
        }
        assert_eq!(bucket("a=b=c").unwrap().to_string(), "a=b=c");
        for bad in ["a", "=b", "a=", ""] {
            assert!(bucket(bad).is_err(), "{bad}");
        }
    }
}
