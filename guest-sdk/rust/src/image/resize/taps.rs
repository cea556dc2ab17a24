//! Which old pixels a new one is made from, and with which weights: along one axis, in whole
//! numbers.
//!
//! A new pixel is a weighted mean of a stretch of old ones. The weights of a stretch add up to
//! exactly a power of two, so that a flat picture stays flat. They are computed without functions
//! that could differ between a sandbox and its host, such as a library's sine. So both get the same
//! tables, to the last bit.

use super::Filter;

/// The weights of a stretch add up to two to the power of this. It is the highest power with which
/// a single weight fits into its word, and with which sums stay far below the limit of an `i32` for
/// each filter. It is a constant, so that the compiler knows it.
pub const BITS: u32 = 14;

/// What determines the taps: the sizes before and after, and the filter.
pub type Key = (u32, u32, Filter);

/// The taps along one axis.
#[derive(Debug, Default)]
pub struct Taps {
    key: Option<Key>,
    /// For each stretch its first old pixel, and the index of its first weight.
    starts: Vec<(usize, usize)>,
    weights: Vec<i16>,
}

/// The stretch of old pixels for one new pixel.
#[derive(Clone, Copy, Debug)]
pub struct Stretch<'a> {
    /// The first old pixel.
    pub start: usize,
    /// A weight for each old pixel from there on. The stretch is always inside the picture.
    pub weights: &'a [i16],
}

impl Taps {
    /// Computes the taps of `key` unless they are the current ones. Returns whether anything
    /// changed.
    pub fn prepare(&mut self, key: Key) -> bool {
        if self.key == Some(key) {
            return false;
        }
        let (from, to, filter) = key;
        let scale = f64::from(from) / f64::from(to);
        // If the picture shrinks, the filter is widened to all that a new pixel covers.
        let spread = scale.max(1.0);
        let (reach, weight) = kernel(filter);
        let mut exact: Vec<f64> = Vec::new();
        self.starts.clear();
        for place in 0..to {
            let centre = (f64::from(place) + 0.5) * scale;
            let first = (centre - reach * spread).floor().max(0.0) as u32;
            let end = ((centre + reach * spread).ceil() as u32).min(from);
            let base = exact.len();
            let mut start = first;
            for at in first..end {
                let weight = weight((f64::from(at) + 0.5 - centre) / spread);
                if weight == 0.0 && exact.len() == base {
                    start = at + 1;
                } else {
                    exact.push(weight);
                }
            }
            let used = exact.iter().rposition(|&weight| weight != 0.0);
            exact.truncate(base.max(used.map_or(0, |used| used + 1)));
            if exact.len() == base {
                // With none of these filters a pixel is left without weights; if one were, this is
                // the nearest pixel.
                start = (centre as u32).min(from.saturating_sub(1));
                exact.push(1.0);
            }
            self.starts.push((start as usize, base));
            let stretch = exact.get_mut(base..).unwrap_or_default();
            let sum: f64 = stretch.iter().sum();
            stretch.iter_mut().for_each(|weight| *weight /= sum);
        }
        self.round(&exact);
        self.key = Some(key);
        true
    }

    /// Rounds the weights to whole numbers. Each rounding error is carried over to the next weight.
    fn round(&mut self, exact: &[f64]) {
        let one = f64::from(1u32 << BITS);
        self.weights.clear();
        let ends = self.starts.iter().skip(1).map(|&(_, base)| base);
        let ends = ends.chain([exact.len()]);
        for (&(_, base), end) in self.starts.iter().zip(ends) {
            let (mut sum, mut given) = (0.0, 0i32);
            for weight in exact.get(base..end).unwrap_or_default() {
                sum += weight;
                // All sums are far below the limit of an i32, and negative ones round down like the
                // others.
                let due = (sum * one + 0.5).floor() as i32;
                self.weights.push((due - given) as i16);
                given = due;
            }
        }
    }

    /// The stretches in the order of the new pixels.
    pub fn stretches(&self) -> impl Iterator<Item = Stretch<'_>> {
        let ends = self.starts.iter().skip(1).map(|&(_, base)| base);
        let ends = ends.chain([self.weights.len()]);
        self.starts
            .iter()
            .zip(ends)
            .map(|(&(start, base), end)| Stretch {
                start,
                weights: self.weights.get(base..end).unwrap_or_default(),
            })
    }
}

/// The filter's reach, and its weight at a distance, both in old pixels, or in new ones if these
/// are larger.
fn kernel(filter: Filter) -> (f64, fn(f64) -> f64) {
    match filter {
        Filter::Nearest | Filter::Area => (0.5, |x| if x > -0.5 && x <= 0.5 { 1.0 } else { 0.0 }),
        Filter::Bilinear => (1.0, |x| (1.0 - x.abs()).max(0.0)),
        Filter::Lanczos3 => (3.0, |x| {
            if x.abs() < 3.0 {
                sinc(x) * sinc(x / 3.0)
            } else {
                0.0
            }
        }),
    }
}

/// sin(pi x) / (pi x) for x from -3 to 3, to at least ten digits.
fn sinc(x: f64) -> f64 {
    let whole = (x + 0.5).floor();
    let rest = x - whole;
    if whole != 0.0 && rest == 0.0 {
        return 0.0;
    }
    // sin(pi x) is sin(pi rest), with a change of sign for each whole one. Uses the series of
    // sin(y) / y for y up to pi / 2.
    let y = rest * core::f64::consts::PI;
    let series = [156.0, 110.0, 72.0, 42.0, 20.0, 6.0]
        .into_iter()
        .fold(1.0 - y * y / 210.0, |sum, factor| {
            1.0 - y * y / factor * sum
        });
    let sign = if whole as i32 % 2 == 0 { 1.0 } else { -1.0 };
    if whole == 0.0 {
        series
    } else {
        sign * series * rest / x
    }
}
