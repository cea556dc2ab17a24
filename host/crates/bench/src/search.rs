//! The search for the highest rate that keeps a bound: first a bracket, then bisection.
//!
//! It runs nothing itself: it proposes the next rate and is told whether that rate held. From a
//! first guess it doubles while rates hold and halves while they do not. Then it bisects between
//! the highest rate that held and the lowest that did not, until they are within [`RESOLUTION`].

/// How close the highest rate that held and the lowest that did not must come, as a fraction.
const RESOLUTION: f64 = 0.03;

/// The search ends below this fraction of the first guess: the bound cannot be kept.
const LEAST: f64 = 1.0 / 64.0;

/// The search ends above this multiple of the first guess: the bound is never reached.
const MOST: f64 = 16.0;

/// The state of a search.
#[derive(Clone, Copy, Debug)]
pub struct Search {
    first: f64,
    holds: Option<f64>,
    fails: Option<f64>,
}

impl Search {
    /// Starts at a rate, which must be positive and should be near the result.
    pub fn from(first: f64) -> Self {
        Self {
            first,
            holds: None,
            fails: None,
        }
    }

    /// The rate to try next; `None` when the search is done.
    pub fn next(&self) -> Option<f64> {
        let rate = match (self.holds, self.fails) {
            (None, None) => self.first,
            (Some(holds), None) => holds * 2.0,
            (None, Some(fails)) => fails / 2.0,
            (Some(holds), Some(fails)) if fails - holds > fails * RESOLUTION => {
                f64::midpoint(holds, fails)
            }
            (Some(_), Some(_)) => return None,
        };
        let within = rate >= self.first * LEAST && rate <= self.first * MOST;
        (within && rate > 0.0).then_some(rate)
    }

    /// Records whether a rate held.
    pub fn tell(&mut self, rate: f64, holds: bool) {
        if holds {
            self.holds = Some(self.holds.map_or(rate, |known| known.max(rate)));
            // A lower rate that failed must have failed by bad luck, so it is forgotten.
            self.fails = self.fails.filter(|&fails| fails > rate);
        } else {
            self.fails = Some(self.fails.map_or(rate, |known| known.min(rate)));
            self.holds = self.holds.filter(|&holds| holds < rate);
        }
    }

    /// The highest rate that held; `None` if none did.
    pub fn best(&self) -> Option<f64> {
        self.holds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(first: f64, limit: f64) -> (Option<f64>, usize) {
        let mut search = Search::from(first);
        let mut tries = 0;
        while let Some(rate) = search.next() {
            search.tell(rate, rate <= limit);
            tries += 1;
            assert!(tries < 30);
        }
        (search.best(), tries)
    }

    #[test]
    fn the_highest_rate_is_found_from_either_side() {
        for (first, limit) in [(100.0, 73.0), (100.0, 730.0), (50.0, 50.0), (1000.0, 20.0)] {
            let (best, tries) = run(first, limit);
            let best = best.unwrap();
            assert!(best <= limit && best >= limit * 0.96, "{best} of {limit}");
            assert!(tries <= 12, "{tries}");
        }
    }

    #[test]
    fn a_bound_out_of_reach_ends_the_search() {
        let (best, tries) = run(100.0, 0.5);
        assert_eq!(best, None);
        assert!(tries <= 8);
    }

    #[test]
    fn a_bound_that_never_bites_ends_it_too() {
        let (best, _) = run(100.0, f64::INFINITY);
        assert_eq!(best, Some(1600.0));
    }

    #[test]
    fn a_verdict_that_contradicts_an_earlier_one_replaces_it() {
        let mut search = Search::from(100.0);
        search.tell(100.0, true);
        search.tell(80.0, false);
        assert_eq!(search.best(), None);
        search.tell(90.0, true);
        assert_eq!((search.best(), search.next()), (Some(90.0), Some(180.0)));
    }
}
