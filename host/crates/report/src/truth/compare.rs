//! How what came is compared with what should have come.

use serde::Deserialize;
use serde_json::{Number, Value};

/// How one field is compared.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Written")]
pub(super) struct Rule {
    how: How,
    /// The name of the outputs that it is looked for in; all where there is none.
    output: Option<String>,
}

/// What counts as right.
#[derive(Clone, Copy, Debug)]
enum How {
    /// The same JSON value, as one value.
    Exactly,
    /// The same text, each character being a value.
    Characters,
    /// A number that differs by at most this much; in arrays each number is a value.
    Within(f64),
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    by: Option<By>,
    tolerance: Option<f64>,
    output: Option<String>,
}

/// What a text is compared by.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Characters,
}

impl TryFrom<Written> for Rule {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let how = match (written.by, written.tolerance) {
            (None, None) => How::Exactly,
            (Some(By::Characters), None) => How::Characters,
            (None, Some(most)) if most.is_finite() && most >= 0.0 => How::Within(most),
            (None, Some(most)) => {
                return Err(format!("expected a tolerance of at least 0, got {most}"));
            }
            (Some(_), Some(_)) => {
                return Err(
                    "expected `by`, for text, or `tolerance`, for numbers, got both".into(),
                );
            }
        };
        Ok(Self {
            how,
            output: written.output,
        })
    }
}

/// How near one field came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Compared {
    /// Values that were right.
    pub right: usize,
    /// All values.
    pub values: usize,
    /// Whether nothing else came, either.
    pub whole: bool,
}

impl Rule {
    /// The rule of fields that have none.
    pub(super) const EXACTLY: Self = Self {
        how: How::Exactly,
        output: None,
    };

    /// Whether the field is looked for in outputs of this name.
    pub(super) fn is_for(&self, output: &str) -> bool {
        self.output.as_deref().is_none_or(|name| name == output)
    }

    /// Whether something can be compared like this, or why not.
    pub(super) fn check(&self, expected: &Value) -> Result<(), String> {
        match self.how {
            How::Characters if !expected.is_string() => Err(format!(
                "`compare` takes by characters: expected text, got {}",
                kind(expected)
            )),
            How::Within(_) => match not_a_number(expected) {
                None => Ok(()),
                Some(other) => Err(format!(
                    "`compare` takes with a tolerance: expected a number or an array of numbers, got {}",
                    kind(other)
                )),
            },
            _ => Ok(()),
        }
    }

    /// How near what came is; nothing may have come. What is expected was checked.
    pub(super) fn compare(&self, expected: &Value, came: Option<&Value>) -> Compared {
        match self.how {
            How::Exactly => Compared::one(came.is_some_and(|came| same(expected, came))),
            How::Characters => characters(
                expected.as_str().unwrap_or_default(),
                came.and_then(Value::as_str),
            ),
            How::Within(most) => within(most, expected, came),
        }
    }
}

impl Compared {
    /// A single value.
    fn one(right: bool) -> Self {
        Self {
            right: usize::from(right),
            values: 1,
            whole: right,
        }
    }
}

/// A JSON value's type, for a message.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a bool",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// What is neither a number nor an array.
fn not_a_number(value: &Value) -> Option<&Value> {
    match value {
        Value::Number(_) => None,
        Value::Array(items) => items.iter().find_map(not_a_number),
        other => Some(other),
    }
}

/// Texts, position by position. That a text is empty is a value as well.
fn characters(expected: &str, came: Option<&str>) -> Compared {
    let whole = came == Some(expected);
    if expected.is_empty() {
        return Compared::one(whole);
    }
    let came = came.unwrap_or_default();
    let same = expected.chars().zip(came.chars()).filter(|(a, b)| a == b);
    Compared {
        right: same.count(),
        values: expected.chars().count(),
        whole,
    }
}

/// Numbers, or arrays of them, position by position. That an array is empty is a value as well.
fn within(most: f64, expected: &Value, came: Option<&Value>) -> Compared {
    match expected {
        Value::Array(items) => {
            let came = came.and_then(Value::as_array);
            let whole = came.is_some_and(|came| came.len() == items.len());
            if items.is_empty() {
                return Compared::one(whole);
            }
            let mut sum = Compared {
                right: 0,
                values: 0,
                whole,
            };
            for (place, item) in items.iter().enumerate() {
                let one = within(most, item, came.and_then(|came| came.get(place)));
                sum.right += one.right;
                sum.values += one.values;
                sum.whole &= one.whole;
            }
            sum
        }
        Value::Number(expected) => Compared::one(match came {
            Some(Value::Number(came)) => near(most, expected, came),
            _ => false,
        }),
        _ => Compared::one(false),
    }
}

/// Whether two JSON values are the same; numbers are, however they are written.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => equal(a, b),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let has = |(name, a)| b.get(name).is_some_and(|b| same(a, b));
            a.len() == b.len() && a.iter().all(has)
        }
        (a, b) => a == b,
    }
}

/// Whether two numbers are equal. A float cannot tell neighbours above 2^53 apart, so whole numbers
/// are compared as such.
fn equal(a: &Number, b: &Number) -> bool {
    match (whole(a), whole(b)) {
        (Some(a), Some(b)) => a == b,
        (None, None) => a.as_f64() == b.as_f64(),
        _ => false,
    }
}

/// Whether two numbers differ by at most this much.
fn near(most: f64, a: &Number, b: &Number) -> bool {
    if let (Some(a), Some(b)) = (whole(a), whole(b)) {
        return a.abs_diff(b) as f64 <= most;
    }
    let (Some(a), Some(b)) = (a.as_f64(), b.as_f64()) else {
        return false;
    };
    // 21.4 is 0.1 from 21.3 for who wrote them, although their nearest floats are a little further
    // apart. So the difference may be off by what writing them as floats takes.
    let rounding = if most > 0.0 {
        f64::EPSILON * a.abs().max(b.abs())
    } else {
        0.0
    };
    (a - b).abs() <= most + rounding
}

/// A number without a fraction; `None` for others, and for floats that are far above all integers of
/// JSON.
fn whole(number: &Number) -> Option<i128> {
    if let Some(number) = number.as_i64() {
        return Some(number.into());
    }
    if let Some(number) = number.as_u64() {
        return Some(number.into());
    }
    let number = number.as_f64()?;
    (number.fract() == 0.0 && number.abs() < 1e30).then_some(number as i128)
}
