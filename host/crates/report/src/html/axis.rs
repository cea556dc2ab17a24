//! Axes: their range and their marks, so that each value can be drawn.
//!
//! An axis is finite and not empty, whatever the values. Values that cannot be drawn on it (not a
//! number, or not positive on a logarithmic axis) are left out first.

use std::ops::Range;

use plotters::coord::{
    ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter},
    types::RangedCoordf64,
};

/// The smallest ratio that a logarithmic axis spans, so that noise does not look like a steep step.
const LEAST_RATIO: f64 = 3.0;

/// The largest number of marks.
const MOST_MARKS: usize = 9;

/// An axis, with what is needed to draw it.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// The quantity that it shows, with the unit.
    pub(super) title: String,
    scale: Scale,
    range: Range<f64>,
    marks: Vec<Mark>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Scale {
    Linear,
    Log,
}

/// A mark on an axis.
#[derive(Clone, Debug)]
struct Mark {
    /// The position, in the axis' own units.
    at: f64,
    /// The text beside it.
    label: String,
}

impl Axis {
    /// A logarithmic axis for all positive values; `None` if there are none.
    pub(super) fn log(
        title: &str,
        values: impl IntoIterator<Item = f64>,
        label: fn(f64) -> String,
    ) -> Option<Self> {
        let (least, most) = reach(values.into_iter().filter(|value| has_logarithm(*value)))?;
        let missing = (LEAST_RATIO / (most / least)).max(1.0).sqrt();
        let range = least / missing / 1.2..most * missing * 1.2;
        let marks = log_marks(&range)
            .into_iter()
            .map(|value| Mark {
                at: value.log10(),
                label: label(value),
            })
            .collect();
        Some(Self {
            title: title.to_owned(),
            scale: Scale::Log,
            range: range.start.log10()..range.end.log10(),
            marks,
        })
    }

    /// A linear axis for all values with some margin, but within `bounds`; `None` if there are no
    /// values.
    pub(super) fn linear(
        title: &str,
        values: impl IntoIterator<Item = f64>,
        bounds: Range<f64>,
        label: fn(f64) -> String,
    ) -> Option<Self> {
        let finite = values.into_iter().filter(|value| value.is_finite());
        let (least, most) = reach(finite.map(|value| value.clamp(bounds.start, bounds.end)))?;
        let air = ((most - least) * 0.2).max((bounds.end - bounds.start) * 0.01);
        let range = (least - air).max(bounds.start)..(most + air).min(bounds.end);
        let marks = linear_marks(&range)
            .into_iter()
            .map(|value| Mark {
                at: value,
                label: label(value),
            })
            .collect();
        Some(Self {
            title: title.to_owned(),
            scale: Scale::Linear,
            range,
            marks,
        })
    }

    /// An axis with one position for each name.
    pub(super) fn names(title: &str, names: &[&str]) -> Self {
        let marks = names.iter().enumerate().map(|(at, name)| Mark {
            at: at as f64,
            label: (*name).to_owned(),
        });
        Self {
            title: title.to_owned(),
            scale: Scale::Linear,
            range: -0.35..names.len() as f64 - 0.65,
            marks: marks.collect(),
        }
    }

    /// A value's position, in the axis' own units; `None` if it cannot be drawn.
    pub(super) fn place(&self, value: f64) -> Option<f64> {
        let place = match self.scale {
            Scale::Linear => value,
            Scale::Log if has_logarithm(value) => value.log10(),
            Scale::Log => return None,
        };
        place
            .is_finite()
            .then(|| place.clamp(self.range.start, self.range.end))
    }

    /// The range, in the axis' own units.
    pub(super) fn range(&self) -> Range<f64> {
        self.range.clone()
    }

    /// The axis for `plotters`, with at most `most` marks.
    pub(super) fn coord(&self, most: usize) -> Coord {
        let step = self.marks.len().div_ceil(most.max(1)).max(1);
        Coord {
            inner: self.range().into(),
            marks: self.marks.iter().step_by(step).cloned().collect(),
        }
    }
}

/// An axis in its own units, with marks at given positions.
#[derive(Clone)]
pub(super) struct Coord {
    inner: RangedCoordf64,
    marks: Vec<Mark>,
}

impl Ranged for Coord {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        self.inner.map(value, limit)
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        if hint.weight().allow_light_points() {
            return Vec::new();
        }
        self.marks.iter().map(|mark| mark.at).collect()
    }

    fn range(&self) -> Range<f64> {
        self.inner.range()
    }
}

impl ValueFormatter<f64> for Coord {
    fn format_ext(&self, value: &f64) -> String {
        let mark = (self.marks.iter()).min_by(|a, b| {
            let far = |mark: &Mark| (mark.at - value).abs();
            far(a).total_cmp(&far(b))
        });
        mark.map_or_else(String::new, |mark| mark.label.clone())
    }
}

fn has_logarithm(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

fn reach(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |reach, value| {
        let (least, most) = reach.unwrap_or((value, value));
        Some((least.min(value), most.max(value)))
    })
}

/// 1, 2 and 5 times each power of ten. A short axis has more marks; a long one only powers, or only
/// some of them.
fn log_marks(range: &Range<f64>) -> Vec<f64> {
    let first = range.start.log10().floor() as i32;
    let last = range.end.log10().ceil() as i32;
    let marks = |steps: &[f64], every: usize| -> Vec<f64> {
        (first..=last)
            .step_by(every)
            .flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)))
            .filter(|mark| range.contains(mark))
            .collect()
    };
    let fine = marks(&[1.0, 2.0, 5.0], 1);
    if fine.len() < 3 {
        return marks(&[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0], 1);
    }
    if fine.len() <= MOST_MARKS {
        return fine;
    }
    let powers = (last - first).unsigned_abs() as usize + 1;
    marks(&[1.0], powers.div_ceil(MOST_MARKS).max(1))
}

/// Multiples of 1, 2 or 5 times a power of ten.
fn linear_marks(range: &Range<f64>) -> Vec<f64> {
    let rough = (range.end - range.start) / 5.0;
    if !has_logarithm(rough) {
        return Vec::new();
    }
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|step| step * power)
        .into_iter()
        .find(|step| *step >= rough)
        .unwrap_or(rough);
    let first = (range.start / step).ceil();
    (0..=MOST_MARKS)
        .map(|index| (first + index as f64) * step)
        .take_while(|mark| *mark <= range.end * (1.0 + 1e-9))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(values: &[f64]) -> Option<Vec<String>> {
        let axis = Axis::log("x", values.iter().copied(), |value| value.to_string())?;
        let range = axis.range();
        assert!(range.start < range.end && range.start.is_finite() && range.end.is_finite());
        for value in values.iter().filter(|value| has_logarithm(**value)) {
            assert!(range.contains(&axis.place(*value).unwrap()));
        }
        Some(axis.marks.into_iter().map(|mark| mark.label).collect())
    }

    #[test]
    fn a_logarithmic_axis_is_marked_by_ones_twos_and_fives() {
        assert_eq!(log(&[120.0, 900.0]).unwrap(), ["100", "200", "500", "1000"]);
        assert_eq!(
            log(&[300.0, 300.0]).unwrap(),
            ["150", "200", "300", "400", "500", "600"]
        );
        assert_eq!(log(&[1.0, 1e5]).unwrap().len(), 6);
        assert!(log(&[1e-300, 1e300]).unwrap().len() <= MOST_MARKS);
        assert_eq!(log(&[0.0, -1.0, f64::NAN, f64::INFINITY]), None);
        assert_eq!(log(&[]), None);
    }

    #[test]
    fn a_linear_axis_stays_within_its_bounds() {
        let shares = |values: &[f64]| {
            let values = values.iter().copied();
            Axis::linear("y", values, 0.0..1.0, |value| format!("{value:.2}"))
        };
        let axis = shares(&[0.97, 0.99]).unwrap();
        assert!(axis.range().start > 0.9 && axis.range().end <= 1.0);
        let labels: Vec<_> = axis.marks.into_iter().map(|mark| mark.label).collect();
        assert_eq!(labels, ["0.96", "0.97", "0.98", "0.99", "1.00"]);
        assert!(!shares(&[1.0]).unwrap().marks.is_empty());
        assert!(shares(&[f64::NAN]).is_none());
    }

    #[test]
    fn names_have_a_place_each() {
        let axis = Axis::names("p", &["p50", "p90", "p99"]);
        assert!(axis.range().contains(&axis.place(2.0).unwrap()));
        assert_eq!(axis.coord(3).marks.len(), 3);
        assert_eq!(axis.coord(2).marks.len(), 2);
        assert_eq!(axis.place(f64::NAN), None);
    }
}
