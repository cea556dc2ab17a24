//! The level of each candidate's throughput, with the machine's own drift removed.
//!
//! A shared machine is up to a quarter faster or slower from one second to the next, more than most
//! settings differ. The drift affects the windows of all candidates alike. So the logarithm of a
//! window's throughput is modelled as the sum of the candidate's level and the machine's level at
//! that time. The two are computed in alternation. The machine's level is how far the windows near
//! that time lie above their candidates' levels. A candidate's level is how far its windows lie
//! above the machine's. This needs windows in random order: a candidate that is always measured
//! late would seem slow. Pure.

/// One window.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// The candidate's index.
    pub one: usize,
    /// The time of its middle, in seconds.
    pub at: f64,
    /// Its length in seconds, which is its weight.
    pub seconds: f64,
    /// The logarithm of its throughput.
    pub log_rate: f64,
}

/// How near windows must be to share the machine's level, in seconds.
const NEAR: f64 = 0.7;

/// The number of iterations; after these the levels change by less than a thousandth.
const TURNS: usize = 20;

/// The level of each candidate, as a logarithm; `None` for one without a window. Observations must
/// be in the order of their times.
pub fn levels(candidates: usize, observations: &[Observation]) -> Vec<Option<f64>> {
    let mut levels = means(candidates, observations, &vec![0.0; observations.len()]);
    for _ in 0..TURNS {
        let drift = drift(observations, &levels);
        levels = means(candidates, observations, &drift);
    }
    levels
}

/// The mean of each candidate above the machine's level, weighted by the windows' lengths.
fn means(candidates: usize, observations: &[Observation], drift: &[f64]) -> Vec<Option<f64>> {
    let mut sums = vec![(0.0, 0.0); candidates];
    for (observation, drift) in observations.iter().zip(drift) {
        if let Some((sum, weight)) = sums.get_mut(observation.one) {
            *sum += (observation.log_rate - drift) * observation.seconds;
            *weight += observation.seconds;
        }
    }
    sums.into_iter()
        .map(|(sum, weight)| (weight > 0.0).then(|| sum / weight))
        .collect()
}

/// The machine's level at each window, from the windows near it, itself left out.
fn drift(observations: &[Observation], levels: &[Option<f64>]) -> Vec<f64> {
    let above = |observation: &Observation| {
        let level = levels.get(observation.one).copied().flatten();
        observation.log_rate - level.unwrap_or(observation.log_rate)
    };
    let above: Vec<f64> = observations.iter().map(above).collect();
    let near = |middle: &Observation, around: &mut dyn Iterator<Item = (&Observation, &f64)>| {
        let (mut sum, mut weight) = (0.0, 0.0);
        for (other, above) in around {
            let apart = (other.at - middle.at).abs() / NEAR;
            if apart > 5.0 {
                break;
            }
            let near = (-apart).exp() * other.seconds;
            sum += near * above;
            weight += near;
        }
        (sum, weight)
    };
    let mut all = Vec::with_capacity(observations.len());
    for (place, middle) in observations.iter().enumerate() {
        let (before, after) = (
            observations.get(..place).unwrap_or_default(),
            observations.get(place + 1..).unwrap_or_default(),
        );
        let earlier = near(middle, &mut before.iter().zip(&above).rev());
        let later = near(
            middle,
            &mut after.iter().zip(above.get(place + 1..).unwrap_or_default()),
        );
        let (sum, weight) = (earlier.0 + later.0, earlier.1 + later.1);
        all.push(if weight > 0.0 { sum / weight } else { 0.0 });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_is_told_from_what_candidates_do() {
        let mut random = fastrand::Rng::with_seed(1);
        let rates = [100.0_f64, 180.0, 150.0, 400.0, 410.0];
        let mut order: Vec<usize> = (0..rates.len()).collect();
        let (mut at, mut observations) = (0.0_f64, Vec::new());
        for _ in 0..6 {
            random.shuffle(&mut order);
            for &one in &order {
                at += 0.2;
                let drift = 1.0 + 0.3 * (at * 0.7).sin();
                observations.push(Observation {
                    one,
                    at,
                    seconds: 0.2,
                    log_rate: (rates[one] * drift).ln(),
                });
            }
        }
        let levels = levels(6, &observations);
        for (rate, level) in rates.iter().zip(&levels) {
            let ratio = (level.unwrap() - levels[0].unwrap()).exp();
            let truth = rate / rates[0];
            assert!((ratio / truth - 1.0).abs() < 0.04, "{ratio} of {truth}");
        }
        assert_eq!(levels[5], None);
    }

    #[test]
    fn alone_and_without_drift_a_level_is_the_mean() {
        let observation = |log_rate| Observation {
            one: 0,
            at: 0.0,
            seconds: 1.0,
            log_rate,
        };
        let levels = levels(1, &[observation(1.0), observation(3.0)]);
        assert!((levels[0].unwrap() - 2.0).abs() < 1e-9);
    }
}
